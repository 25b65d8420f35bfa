/* Launches: blocks and their threads, in the order that was asked for, until all have ended, one
 * has failed, or those that are left wait for what will not come. */
#include "Parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Thread_local seq_sim *seq_sim_running;

seq_sim *seq_sim_create(void) {
  return calloc(1, sizeof(seq_sim));
}

static void free_block(seq_sim_block *b) {
  if (!b)
    return;
  free(b->arena);
  free(b->cells);
  free(b->lanes);
  seq_sim_free_products(b);
  seq_sim_start_cluster(b);
  seq_sim_drop_mbarriers(b);
  free(b->mbarriers);
  seq_sim_free_clocks(b);
  for (int i = 0; i < NAMED_BARRIERS; i++)
    free(b->meetings[i].clock);
  free(b);
}

static void free_clocks_of(seq_sim_thread *t) {
  free(t->seen);
  free(t->fenced);
  t->seen = t->fenced = NULL;
}

void seq_sim_destroy(seq_sim *sim) {
  if (!sim)
    return;
  for (int32_t i = 0; i < sim->most_blocks; i++)
    free_block(sim->blocks[i]);
  for (int32_t i = 0; i < sim->most_threads; i++) {
    free(sim->threads[i].flights);
    free(sim->threads[i].groups);
    free_clocks_of(&sim->threads[i]);
  }
  free(sim->blocks);
  free(sim->threads);
  free(sim->order);
  free(sim->slots);
  seq_sim_free_places(sim);
  seq_sim_free_bulks(sim);
  seq_sim_free_stacks(sim);
  seq_sim_free_ranges(sim);
  seq_sim_free_counters(sim);
  free(sim);
}

int seq_sim_workers(const seq_sim *sim) {
  (void)sim;
  return 8;
}

const char *seq_sim_error(const seq_sim *sim) {
  return sim->error;
}

void seq_sim_set_order(seq_sim *sim, int order, uint64_t seed) {
  sim->order_kind = order;
  sim->seed = seed * 2 + 1;
}

/* --- messages */

seq_sim_text seq_sim_place(const seq_sim_site *site) {
  seq_sim_text text;
  if (site && site->file)
    snprintf(text.s, sizeof text.s, "%s:%d:%d", site->file, site->line, site->column);
  else
    snprintf(text.s, sizeof text.s, "an unknown place");
  return text;
}

static void append(seq_sim *sim, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void append(seq_sim *sim, const char *format, ...) {
  size_t n = strlen(sim->error);
  va_list args;
  va_start(args, format);
  vsnprintf(sim->error + n, sizeof sim->error - n, format, args);
  va_end(args);
}

static int refuse(seq_sim *sim, const char *format, ...) __attribute__((format(printf, 2, 3)));
static int refuse(seq_sim *sim, const char *format, ...) {
  va_list args;
  va_start(args, format);
  snprintf(sim->error, sizeof sim->error, "kernel `%s`: ", sim->kernel->name);
  size_t n = strlen(sim->error);
  vsnprintf(sim->error + n, sizeof sim->error - n, format, args);
  va_end(args);
  return -1;
}

static void name_thread(seq_sim *sim, const seq_sim_thread *t) {
  snprintf(sim->error, sizeof sim->error, "kernel `%s`, block %lld, thread %d: ", sim->kernel->name,
           (long long)t->block->index, t->index);
}

void seq_sim_fail(const char *format, ...) {
  seq_sim *sim = seq_sim_running;
  va_list args;
  va_start(args, format);
  name_thread(sim, sim->current);
  size_t n = strlen(sim->error);
  vsnprintf(sim->error + n, sizeof sim->error - n, format, args);
  va_end(args);
  sim->failed = true;
  seq_sim_leave(sim);
}

/* --- what threads ask of the scheduler */

void seq_sim_wait(const char *what, const seq_sim_site *site) {
  seq_sim *sim = seq_sim_running;
  seq_sim_thread *t = sim->current;
  t->state = THREAD_WAITS;
  t->waits = what;
  t->site = site;
  sim->moved = true;
  while (t->state != THREAD_READY)
    seq_sim_leave(sim);
}

void seq_sim_wake(seq_sim_thread *t) {
  t->state = THREAD_READY;
  seq_sim_running->moved = true;
}

void *seq_sim_grown(void *items, int32_t *most, size_t size) {
  int32_t more = *most * 2 + 8;
  void *p = realloc(items, (size_t)more * size);
  if (!p)
    seq_sim_fail("no memory for what %d operations at once need", more);
  *most = more;
  return p;
}

bool seq_sim_needs_fibers(const char *what, const seq_sim_site *site) {
  if (!seq_sim_running->fibers)
    seq_sim_fail("%s at %s, but the kernel is not marked as one whose threads wait for each other",
                 what, seq_sim_place(site).s);
  return true;
}

void seq_sim_yield(const seq_sim_site *site) {
  seq_sim *sim = seq_sim_running;
  seq_sim_thread *t = sim->current;
  t->site = site;
  if (sim->fibers) {
    t->waits = "a value in memory";
    seq_sim_leave(sim);
  } else if (sim->moved) {
    sim->moved = false;
    t->yields = 0;
  } else if (++t->yields > (int64_t)MOST_IDLE_PASSES * 100) {
    seq_sim_fail("waits at %s for a value that no earlier thread has written, and the kernel is "
                 "not marked as one whose threads wait for each other",
                 seq_sim_place(site).s);
  }
}

void seq_sim_trap(const seq_sim_site *site) {
  seq_sim_fail("traps at %s", seq_sim_place(site).s);
}

int32_t seq_sim_thread_index(void) {
  return seq_sim_running->current->index;
}
int32_t seq_sim_thread_count(void) {
  return seq_sim_running->kernel->threads;
}
int32_t seq_sim_block_index(void) {
  return (int32_t)seq_sim_running->current->block->index;
}
int32_t seq_sim_block_count(void) {
  return (int32_t)seq_sim_running->n_blocks;
}
void *seq_sim_shared(void) {
  return seq_sim_running->current->block->arena;
}

/* --- bodies of fibers */

static void end_thread(seq_sim *sim, seq_sim_thread *t) {
  if (t->n_flights > 0)
    seq_sim_fail("ends while %d asynchronous copies are on their way: the last one began at %s",
                 t->n_flights, seq_sim_place(t->flights[t->n_flights - 1].site).s);
  seq_sim_end_products(t);
  seq_sim_end_bulks(t);
  t->state = THREAD_ENDED;
  t->block->ended = --t->block->live == 0;
  seq_sim_check_cluster(t->block->first);
  sim->live--;
  sim->moved = true;
}

static void run_one(void) {
  seq_sim *sim = seq_sim_running;
  sim->kernel->simulated(sim->args);
  end_thread(sim, sim->current);
  for (;;)
    seq_sim_leave(sim);
}

/* The threads one after the other, on the stack of the first. */
static void run_in_turn(void) {
  seq_sim *sim = seq_sim_running;
  void *stack = sim->threads[0].stack;
  for (int32_t i = 0; i < sim->n_threads; i++) {
    sim->current = &sim->threads[sim->order[i]];
    sim->current->stack = stack;
    sim->kernel->simulated(sim->args);
    end_thread(sim, sim->current);
  }
  for (;;)
    seq_sim_leave(sim);
}

/* --- order */

static uint64_t next_random(seq_sim *sim) {
  sim->seed ^= sim->seed << 13;
  sim->seed ^= sim->seed >> 7;
  return sim->seed ^= sim->seed << 17;
}

static void shuffle(seq_sim *sim, int32_t *order, int32_t n) {
  for (int32_t i = n - 1; i > 0; i--) {
    int32_t j = (int32_t)(next_random(sim) % (uint64_t)(i + 1)), t = order[i];
    order[i] = order[j];
    order[j] = t;
  }
}

static void set_order(seq_sim *sim, int32_t *order, int32_t n) {
  for (int32_t i = 0; i < n; i++)
    order[i] = sim->order_kind == SEQ_SIM_REVERSE ? n - 1 - i : i;
  if (sim->order_kind == SEQ_SIM_RANDOM)
    shuffle(sim, order, n);
}

/* --- running blocks */

static int deadlock(seq_sim *sim) {
  const seq_sim_thread *shown[3];
  int n = 0;
  name_thread(sim, &sim->threads[0]);
  for (int32_t i = 0; i < sim->n_threads && n < 3; i++) {
    const seq_sim_thread *t = &sim->threads[i];
    bool is_new = t->state != THREAD_ENDED;
    for (int k = 0; k < n && is_new; k++)
      is_new = shown[k]->waits != t->waits || shown[k]->site != t->site;
    if (!is_new)
      continue;
    if (n == 0)
      name_thread(sim, t);
    else
      append(sim, "; thread %d of block %lld ", t->index, (long long)t->block->index);
    append(sim, "waits for %s%s at %s", t->waits, seq_sim_tell_mbarrier(t).s,
           seq_sim_place(t->site).s);
    shown[n++] = t;
  }
  append(sim, "; %d of %d threads have not ended, and none can go on", sim->live, sim->n_threads);
  return -1;
}

/* Runs those of a group of threads that can go on, once each; false where there are none. */
static bool run_group(seq_sim *sim, int32_t from, int32_t end) {
  bool ran = false;
  for (int32_t i = from; i < end && !sim->failed; i++) {
    seq_sim_thread *t = &sim->threads[sim->fibers ? sim->order[i] : 0];
    if (t->state != THREAD_READY)
      continue;
    ran = true;
    seq_sim_enter(sim, t);
  }
  return ran;
}

/* The warps from thread `from` to `end`, each as far as it can: its stacks stay in the cache. But
 * one that only looks at memory lets others go on. */
static bool run_warps(seq_sim *sim, int32_t from, int32_t end, int most_turns) {
  bool ran = false;
  for (; from < end && !sim->failed; from += LANES) {
    int32_t last = from + LANES < end ? from + LANES : end;
    for (int turns = most_turns; turns > 0 && run_group(sim, from, last); turns--)
      ran = true;
  }
  return ran;
}

/* Each block as far as it can before the next one: those that need not wait get far ahead. */
static bool run_in_order(seq_sim *sim) {
  bool ran = false, moved = false;
  int32_t threads = sim->kernel->threads;
  for (int32_t from = 0; from < sim->n_threads; from += threads)
    do {
      sim->moved = false;
      ran |= run_warps(sim, from, from + threads, MOST_TURNS);
      moved |= sim->moved;
    } while (sim->moved && !sim->failed);
  sim->moved = moved;
  return ran;
}

static bool run_at_random(seq_sim *sim) {
  sim->moved = false;
  shuffle(sim, sim->order, sim->n_threads);
  return run_warps(sim, 0, sim->n_threads, 1);
}

/* Runs the threads that are there until all have ended. */
static int run_threads(seq_sim *sim) {
  bool random = sim->order_kind == SEQ_SIM_RANDOM && sim->fibers;
  for (int idle = 0; sim->live > 0;) {
    bool ran = random ? run_at_random(sim) : run_in_order(sim);
    if (sim->failed)
      return -1;
    idle = sim->moved ? 0 : idle + 1;
    if (!ran || idle > MOST_IDLE_PASSES)
      return deadlock(sim);
  }
  return 0;
}

static int left_in_flight(seq_sim *sim) {
  const seq_sim_bulk *last = &sim->bulks[sim->n_bulks - 1];
  return refuse(sim,
                "block %lld ends while %d asynchronous operations are on their way: the last one "
                "began at %s, and no thread waited for it",
                (long long)last->thread->block->index, sim->n_bulks, seq_sim_place(last->site).s);
}

static void start_block(seq_sim *sim, int32_t slot, int64_t index) {
  seq_sim_block *b = sim->blocks[slot];
  int32_t n = sim->kernel->threads;
  b->index = index;
  b->slot = slot;
  b->rank = slot % sim->cluster;
  b->first = sim->blocks[slot - b->rank];
  b->member = slot % sim->domain;
  b->origin = sim->blocks[slot - b->member];
  if (sim->slots)
    sim->slots[index] = slot;
  b->exact = b->ended = false;
  b->live = n;
  seq_sim_drop_mbarriers(b);
  seq_sim_reset_products(b);
  seq_sim_start_cluster(b);
  b->threads = &sim->threads[slot * n];
  b->outside = sim->started;
  b->start = b->floor = sim->now;
  for (int i = 0; i < NAMED_BARRIERS; i++)
    free(b->meetings[i].clock);
  memset(b->meetings, 0, sizeof b->meetings);
  memset(b->arena, 0xFF, (size_t)sim->kernel->shared_bytes);
  for (int32_t i = 0; i < n; i++) {
    seq_sim_thread *t = &b->threads[i];
    t->stack = sim->stacks[sim->fibers ? slot * n + i : 0];
    t->block = b;
    t->index = i;
    t->state = THREAD_READY;
    t->meeting = NULL;
    t->call = NULL;
    t->site = NULL;
    t->yields = 0;
    t->last_site = NULL;
    t->n_flights = t->n_groups = t->bulk_groups = 0;
    t->in_cluster_barrier = t->has_seen = t->has_fenced = t->learnt = false;
    t->released = t->released_in_block = t->seen_inside = t->seen_outside = 0;
    if (sim->fibers)
      seq_sim_start_fiber(t, run_one);
  }
}

static int run_blocks(seq_sim *sim, const int32_t *indices, int32_t n) {
  sim->n_threads = sim->live = n * sim->kernel->threads;
  sim->grid_arrived = 0;
  seq_sim_free_bulks(sim);
  sim->now++;
  for (int32_t i = 0; i < n; i++)
    start_block(sim, i, indices[i]);
  sim->now++;
  set_order(sim, sim->order, sim->n_threads);
  if (!sim->fibers)
    seq_sim_start_fiber(&sim->threads[0], run_in_turn);
  int status = run_threads(sim);
  if (sim->counts)
    seq_sim_count_block_end(sim);
  for (int32_t i = 0; i < n && status == 0; i++)
    if (seq_sim_disagree(sim->blocks[i]) >= 0)
      return refuse(sim,
                    "block %d ends, and warp %d has not begun the same products as the others "
                    "of its warp group",
                    indices[i], seq_sim_disagree(sim->blocks[i]));
  return status == 0 && sim->n_bulks > 0 ? left_in_flight(sim) : status;
}

/* --- a launch */

static bool grow_blocks(seq_sim *sim, int32_t n) {
  if (n <= sim->most_blocks)
    return true;
  void *blocks = realloc(sim->blocks, (size_t)n * sizeof *sim->blocks);
  if (!blocks)
    return false;
  sim->blocks = blocks;
  for (; sim->most_blocks < n; sim->most_blocks++) {
    seq_sim_block *b = calloc(1, sizeof *b);
    if (b) {
      b->arena = aligned_alloc(ARENA_BYTES, ARENA_BYTES);
      b->cells = calloc(MOST_SHARED, sizeof(seq_sim_cell));
    }
    if (!b || !b->arena || !b->cells) {
      free_block(b);
      return false;
    }
    sim->blocks[sim->most_blocks] = b;
  }
  return true;
}

static bool grow_threads(seq_sim *sim, int32_t n) {
  if (n <= sim->most_threads)
    return true;
  void *threads = realloc(sim->threads, (size_t)n * sizeof(seq_sim_thread));
  if (!threads)
    return false;
  sim->threads = threads;
  void *order = realloc(sim->order, (size_t)n * sizeof(int32_t));
  if (!order)
    return false;
  sim->order = order;
  memset(&sim->threads[sim->most_threads], 0,
         (size_t)(n - sim->most_threads) * sizeof(seq_sim_thread));
  sim->most_threads = n;
  return true;
}

/* Blocks of a cooperative kernel are found by their numbers. */
static bool note_slots(seq_sim *sim, bool cooperative) {
  free(sim->slots);
  sim->slots = cooperative ? malloc((size_t)sim->n_resident * sizeof(int32_t)) : NULL;
  return sim->slots || !cooperative;
}

static int check_launch(seq_sim *sim, int64_t blocks) {
  const seq_kernel *k = sim->kernel;
#if !defined(__x86_64__)
  return refuse(sim, "the simulator of GPUs runs on x86-64 alone");
#endif
  if (seq_sim_running)
    return refuse(sim, "launched by a kernel of the simulator");
  if (!k->simulated)
    return refuse(sim, "its code is not for the simulator");
  if (k->threads < 1 || k->threads > MOST_THREADS)
    return refuse(sim, "a block has 1 to %d threads, not %d", MOST_THREADS, k->threads);
  if (k->shared_bytes < 0 || k->shared_bytes > MOST_SHARED)
    return refuse(sim, "a block has up to %d bytes of shared memory, not %d", MOST_SHARED,
                  k->shared_bytes);
  if (blocks > INT32_MAX)
    return refuse(sim, "%lld blocks: there are at most %d", (long long)blocks, INT32_MAX);
  if (sim->cluster < 1 || sim->cluster > MOST_CLUSTER || blocks % sim->cluster != 0)
    return refuse(sim,
                  "%lld blocks in clusters of %d: a cluster has 1 to %d, and there are whole "
                  "ones only",
                  (long long)blocks, sim->cluster, MOST_CLUSTER);
  if (sim->cluster > 1 && !(k->flags & SEQ_KERNEL_SYNCHRONISES))
    return refuse(sim, "blocks of a cluster wait for each other, but the kernel is not marked as "
                       "one whose threads do");
  if ((k->flags & SEQ_KERNEL_COOPERATIVE) && blocks * k->threads > MOST_RESIDENT)
    return refuse(sim, "%lld blocks of %d threads cannot run at once: at most %d threads can",
                  (long long)blocks, k->threads, MOST_RESIDENT);
  return 0;
}

/* Stamps begin anew long before they would overflow. */
static void start_stamps(seq_sim *sim) {
  if (sim->now > UINT32_MAX / 2) {
    sim->now = 0;
    for (int32_t i = 0; i < sim->most_blocks; i++) {
      seq_sim_block *b = sim->blocks[i];
      memset(b->cells, 0, MOST_SHARED * sizeof(seq_sim_cell));
      memset(b->warps, 0, sizeof b->warps);
      memset(b->fenced, 0, sizeof b->fenced);
      free(b->lanes);
      b->lanes = NULL;
      seq_sim_free_clocks(b);
    }
    for (int32_t i = 0; i < sim->most_threads; i++)
      free_clocks_of(&sim->threads[i]);
    for (int32_t i = 0; i < sim->n_ranges; i++) {
      free(sim->ranges[i].cells);
      sim->ranges[i].cells = NULL;
    }
  }
  sim->started = ++sim->now;
  sim->now++;
}

static int run_launch(seq_sim *sim, int32_t resident) {
  int32_t blocks = (int32_t)sim->n_blocks, cluster = sim->cluster;
  int32_t *indices = malloc((size_t)blocks * sizeof(int32_t));
  if (!indices)
    return refuse(sim, "no memory for %d blocks", blocks);
  /* Blocks of a cluster stay together. */
  set_order(sim, indices, blocks / cluster);
  for (int32_t i = blocks - 1; i >= 0; i--)
    indices[i] = indices[i / cluster] * cluster + i % cluster;
  int status = 0;
  for (int32_t i = 0; i < blocks && status == 0; i += resident)
    status = run_blocks(sim, indices + i, resident);
  free(indices);
  return status;
}

int seq_sim_launch(seq_sim *sim, const seq_kernel *kernel, int64_t blocks, const uint64_t *args) {
  sim->error[0] = 0;
  sim->kernel = kernel;
  sim->args = args;
  sim->n_blocks = blocks;
  sim->failed = false;
  sim->cluster = kernel->flags / SEQ_KERNEL_CLUSTER;
  sim->cluster = sim->cluster ? sim->cluster : 1;
  if (blocks <= 0)
    return 0;
  if (check_launch(sim, blocks) != 0)
    return -1;
  bool cooperative = kernel->flags & SEQ_KERNEL_COOPERATIVE;
  sim->fibers = kernel->flags & (SEQ_KERNEL_COOPERATIVE | SEQ_KERNEL_SYNCHRONISES);
  sim->n_resident = cooperative ? (int32_t)blocks : sim->cluster;
  int32_t threads = sim->n_resident * kernel->threads;
  bool exact = sim->n_resident * seq_sim_entries(kernel->threads) <= MOST_EXACT;
  sim->domain = cooperative && exact ? sim->n_resident : sim->cluster;
  seq_sim_free_places(sim);
  if (!grow_blocks(sim, sim->n_resident) || !grow_threads(sim, threads) ||
      !seq_sim_stacks(sim, sim->fibers ? threads : 1) || !note_slots(sim, cooperative) ||
      !seq_sim_watch_stacks(sim, true))
    return refuse(sim, "no memory for %d threads at once", threads);
  start_stamps(sim);
  seq_sim_begin_counting(sim);
  seq_sim_running = sim;
  int status = run_launch(sim, sim->n_resident);
  seq_sim_watch_stacks(sim, false);
  seq_sim_running = NULL;
  return status;
}
