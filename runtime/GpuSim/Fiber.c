/* Fibers: a stack each, and a switch between them that saves what a called function must keep.
 *
 * Stacks are mapped memory with pages below that may not be touched, and are kept between
 * launches. Who touches them has exhausted its stack: the signal that comes of it ends the launch.
 * They begin at different places of a page: at the same ones, all of a block's threads would
 * compete for a few sets of the first cache. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "Parts.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

#define GUARD_BYTES (64 << 10) /* frames larger than that may reach beyond */
#define SIGNAL_BYTES (16 << 10)

#if defined(__SANITIZE_ADDRESS__)
#define WITH_ASAN
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ASAN
#endif
#endif
#ifdef WITH_ASAN
#include <sanitizer/asan_interface.h>
#endif

#if defined(__x86_64__)
void seq_sim_switch(void **save, void *to);
__asm__(".pushsection .text.seq_sim_switch,\"ax\",@progbits\n"
        ".globl seq_sim_switch\n"
        ".hidden seq_sim_switch\n"
        ".type seq_sim_switch, @function\n"
        "seq_sim_switch:\n"
        "  pushq %rbp\n"
        "  pushq %rbx\n"
        "  pushq %r12\n"
        "  pushq %r13\n"
        "  pushq %r14\n"
        "  pushq %r15\n"
        "  movq %rsp, (%rdi)\n"
        "  movq %rsi, %rsp\n"
        "  popq %r15\n"
        "  popq %r14\n"
        "  popq %r13\n"
        "  popq %r12\n"
        "  popq %rbx\n"
        "  popq %rbp\n"
        "  ret\n"
        ".size seq_sim_switch, .-seq_sim_switch\n"
        ".popsection\n");
#else
/* seq_sim_launch refuses to run on other CPUs. */
static void seq_sim_switch(void **save, void *to) {
  (void)save;
  (void)to;
}
#endif

bool seq_sim_stacks(seq_sim *sim, int32_t n) {
  if (n <= sim->n_stacks)
    return true;
  char **stacks = realloc(sim->stacks, (size_t)n * sizeof(char *));
  if (!stacks)
    return false;
  sim->stacks = stacks;
  for (; sim->n_stacks < n; sim->n_stacks++) {
    char *p = mmap(NULL, GUARD_BYTES + STACK_BYTES, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED)
      return false;
    if (mprotect(p, GUARD_BYTES, PROT_NONE) != 0) {
      munmap(p, GUARD_BYTES + STACK_BYTES);
      return false;
    }
    stacks[sim->n_stacks] = p + GUARD_BYTES;
  }
  return true;
}

void seq_sim_free_stacks(seq_sim *sim) {
  for (int32_t i = 0; i < sim->n_stacks; i++)
    munmap(sim->stacks[i] - GUARD_BYTES, GUARD_BYTES + STACK_BYTES);
  free(sim->stacks);
  free(sim->signals);
}

void seq_sim_start_fiber(seq_sim_thread *t, void (*body)(void)) {
#ifdef WITH_ASAN
  /* A fiber that was abandoned has left its marks there. */
  ASAN_UNPOISON_MEMORY_REGION(t->stack, STACK_BYTES);
#endif
  uintptr_t *top = (uintptr_t *)(t->stack + STACK_BYTES - (t->index % 64) * 64);
  *--top = 0; /* where `body` would return to */
  *--top = (uintptr_t)body;
  for (int i = 0; i < 6; i++)
    *--top = 0;
  t->sp = top;
}

void seq_sim_enter(seq_sim *sim, seq_sim_thread *t) {
  sim->current = t;
  seq_sim_switch(&sim->scheduler, t->sp);
}

void seq_sim_leave(seq_sim *sim) {
  seq_sim_switch(&sim->current->sp, sim->scheduler);
}

/* --- exhausted stacks
 *
 * The handler lets the fiber go on in `exhausted` on its stack, as if that were empty. Handlers are
 * the process's, so the first launch installs it and the last one to end gives the old one back;
 * what is no fiber's fault is passed on to that. */
static pthread_mutex_t watch_lock = PTHREAD_MUTEX_INITIALIZER;
static int watchers;
static struct sigaction old_handler;

/* Handlers need a stack when there is none left. */
struct seq_sim_signals {
  stack_t old;
  char bytes[SIGNAL_BYTES];
};

#if defined(__x86_64__)
static void exhausted(void) {
  seq_sim_fail("needs more than the %d KB of its stack", STACK_BYTES >> 10);
}

static void on_fault(int number, siginfo_t *info, void *context) {
  seq_sim *sim = seq_sim_running;
  const char *stack = sim && sim->current ? sim->current->stack : NULL;
  uintptr_t below = (uintptr_t)stack - (uintptr_t)info->si_addr;
  if (stack && below > 0 && below <= GUARD_BYTES) {
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    registers[REG_RSP] = (greg_t)((uintptr_t)stack + STACK_BYTES - 8);
    registers[REG_RIP] = (greg_t)(uintptr_t)exhausted;
  } else if (old_handler.sa_flags & SA_SIGINFO) {
    old_handler.sa_sigaction(number, info, context);
  } else if (old_handler.sa_handler != SIG_DFL && old_handler.sa_handler != SIG_IGN) {
    old_handler.sa_handler(number);
  } else {
    sigaction(SIGSEGV, &old_handler, NULL); /* the fault comes again */
  }
}

bool seq_sim_watch_stacks(seq_sim *sim, bool on) {
  if (!sim->signals && !(sim->signals = malloc(sizeof *sim->signals)))
    return false;
  struct sigaction handler = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
  stack_t own = {.ss_sp = sim->signals->bytes, .ss_size = SIGNAL_BYTES};
  pthread_mutex_lock(&watch_lock);
  if (on && watchers++ == 0)
    sigaction(SIGSEGV, &handler, &old_handler);
  else if (!on && --watchers == 0)
    sigaction(SIGSEGV, &old_handler, NULL);
  pthread_mutex_unlock(&watch_lock);
  if (on)
    sigaltstack(&own, &sim->signals->old);
  else
    sigaltstack(&sim->signals->old, NULL);
  return true;
}
#else
bool seq_sim_watch_stacks(seq_sim *sim, bool on) {
  (void)sim;
  (void)on;
  return true;
}
#endif
