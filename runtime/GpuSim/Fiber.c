/* Fibers: a stack each, and a switch between them that saves what a called function must keep.
 *
 * Stacks are mapped memory with a page below that may not be touched, and are kept between
 * launches. They begin at different places of a page: at the same ones, all of a block's threads
 * would compete for a few sets of the first cache. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "State.h"

#include <stdlib.h>
#include <sys/mman.h>

#define GUARD_BYTES 4096

#if defined(__has_feature)
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
