/* The thread pool.
 *
 * A call is one region: the caller is thread 0 and the workers are 1 .. n - 1. A region
 * begins when the caller moves `begun`; the last worker to leave it moves `done`. Inside,
 * threads meet at a barrier once or more a time step, so it must cost tens of
 * nanoseconds: waiting threads spin. But a machine may be busy, and a thread that spins
 * on the core where its partner wants to run makes both wait. So a wait has three stages:
 *
 *   1. Spin, a bounded number of pauses.
 *   2. Yield at each turn. Where the core is free this is polling at half a microsecond.
 *      Where it is not, a busy process gets a whole slice, some milliseconds, and the
 *      long yield tells so.
 *   3. Then sleep. The scheduler runs a thread that wakes from sleep before one that has
 *      burnt its time, so a sleeping partner is back in microseconds.
 *
 * Once stage 2 has found the core contended, the next waits leave it out, all but one in
 * NAPS; and the pauses of stage 1, halved then, grow again with every wait that ends
 * within them. Whoever moves a signal looks at `sleepers` afterwards; whoever sleeps
 * counts itself there and then looks at the signal. Both are sequentially consistent, so
 * one of them sees the other. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "Pool.h"

#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>
#if defined(__linux__)
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#define MOST_SPINS 2000
#define LEAST_SPINS 16
#define NAPS 256
#define CONTENDED_NS 20000 /* a yield that took this long let someone else run */
#define POLLING_NS 500000  /* then a wait sleeps in any case */

typedef struct seq_worker {
  seq_pool *pool;
  int32_t tid;
  pthread_t thread;
} seq_worker;

static inline void pause_cpu(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ __volatile__("yield");
#endif
}

static int64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* --- signals */

static inline bool has_moved(seq_signal *s, unsigned seen) {
  return atomic_load_explicit(&s->value, memory_order_acquire) != seen;
}

static void sleep_on(seq_signal *s, unsigned seen) {
  atomic_fetch_add(&s->sleepers, 1);
  while (atomic_load(&s->value) == seen) {
#if defined(__linux__)
    syscall(SYS_futex, &s->value, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
#else
    struct timespec nap = {0, 50000};
    nanosleep(&nap, NULL);
#endif
  }
  atomic_fetch_sub(&s->sleepers, 1);
}

static inline void move(seq_signal *s, unsigned value) {
  atomic_store(&s->value, value);
#if defined(__linux__)
  if (atomic_load(&s->sleepers) != 0)
    syscall(SYS_futex, &s->value, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
#endif
}

/* Stage 2. True if the core was contended, or the wait is long: time to sleep. */
static bool poll_politely(seq_barrier *b, seq_signal *s, unsigned seen, int32_t spins) {
  int64_t start = now_ns(), before = start;
  while (!has_moved(s, seen)) {
    sched_yield();
    int64_t after = now_ns();
    if (after - before > CONTENDED_NS) {
      int32_t fewer = spins / 2 < LEAST_SPINS ? LEAST_SPINS : spins / 2;
      if (fewer < spins)
        atomic_store_explicit(&b->spins, fewer, memory_order_relaxed);
      atomic_store_explicit(&b->naps, NAPS, memory_order_relaxed);
      return true;
    }
    if (after - start > POLLING_NS)
      return true;
    before = after;
  }
  return false;
}

/* Waits until the signal is not `seen`. What is learnt is a guess that threads may
 * overwrite; where all goes well nothing is written. */
static void wait_for(seq_barrier *b, seq_signal *s, unsigned seen) {
  int32_t spins = atomic_load_explicit(&b->spins, memory_order_relaxed);
  for (int32_t i = 0; i < spins; i++) {
    if (!has_moved(s, seen)) {
      pause_cpu();
      continue;
    }
    int32_t more = spins + spins / 4;
    if (spins < b->most_spins)
      atomic_store_explicit(&b->spins, more < b->most_spins ? more : b->most_spins,
                            memory_order_relaxed);
    return;
  }
  int32_t naps = atomic_load_explicit(&b->naps, memory_order_relaxed);
  if (naps > 0)
    atomic_store_explicit(&b->naps, naps - 1, memory_order_relaxed);
  if (naps > 0 || poll_politely(b, s, seen, spins))
    sleep_on(s, seen);
}

/* --- the barrier */

void seq_rt_barrier(const seq_call *call, int32_t tid) {
  seq_barrier *b = call->pool;
  if (b->n == 1)
    return;
  unsigned seen = atomic_load_explicit(&b->opened.value, memory_order_relaxed);
  if (atomic_fetch_add_explicit(&b->arrived, 1, memory_order_acq_rel) == b->n - 1) {
    /* Nobody arrives again before the signal moves, so this store is alone. */
    atomic_store_explicit(&b->arrived, 0, memory_order_relaxed);
    move(&b->opened, seen + 1);
  } else {
    wait_for(b, &b->opened, seen);
  }
}

/* --- regions */

static void *worker_main(void *p) {
  seq_worker *worker = p;
  seq_pool *pool = worker->pool;
  for (unsigned region = 0;; region++) {
    wait_for(&pool->barrier, &pool->begun, region);
    if (!pool->body)
      return NULL;
    fesetenv(&pool->fp);
    pool->body(pool->arg, worker->tid);
    if (atomic_fetch_sub_explicit(&pool->remaining, 1, memory_order_acq_rel) == 1)
      move(&pool->done, region + 1);
  }
}

/* Returns the number of the region. */
static unsigned begin_region(seq_pool *pool, void (*body)(void *, int32_t), void *arg) {
  unsigned region = atomic_load_explicit(&pool->begun.value, memory_order_relaxed) + 1;
  pool->body = body;
  pool->arg = arg;
  fegetenv(&pool->fp);
  atomic_store_explicit(&pool->remaining, pool->started, memory_order_relaxed);
  move(&pool->begun, region);
  return region;
}

/* Starts what is missing: a failure may have left some workers out. */
static bool start_workers(seq_pool *pool) {
  int32_t wanted = pool->barrier.n - 1;
  if (!pool->workers)
    pool->workers = calloc((size_t)wanted, sizeof(seq_worker));
  if (!pool->workers)
    return false;
  while (pool->started < wanted) {
    seq_worker *worker = &pool->workers[pool->started];
    worker->pool = pool;
    worker->tid = pool->started + 1;
    if (pthread_create(&worker->thread, NULL, worker_main, worker) != 0)
      return false;
    pool->started++;
  }
  return true;
}

static void signal_init(seq_signal *s) {
  atomic_init(&s->value, 0);
  atomic_init(&s->sleepers, 0);
}

void seq_pool_init(seq_pool *pool, int32_t n) {
  pool->barrier.n = n;
  pool->barrier.most_spins = n > seq_logical_cpus() ? 0 : MOST_SPINS;
  atomic_init(&pool->barrier.spins, pool->barrier.most_spins);
  atomic_init(&pool->barrier.naps, 0);
  atomic_init(&pool->barrier.arrived, 0);
  atomic_init(&pool->remaining, 0);
  signal_init(&pool->barrier.opened);
  signal_init(&pool->begun);
  signal_init(&pool->done);
}

void seq_pool_destroy(seq_pool *pool) {
  if (pool->started)
    begin_region(pool, NULL, NULL);
  for (int32_t i = 0; i < pool->started; i++)
    pthread_join(pool->workers[i].thread, NULL);
  free(pool->workers);
}

bool seq_pool_run(seq_pool *pool, void (*body)(void *arg, int32_t tid), void *arg) {
  if (pool->barrier.n == 1) {
    body(arg, 0);
    return true;
  }
  if (pool->parallel) {
    pool->parallel(pool->user, pool->barrier.n, body, arg);
    return true;
  }
  if (pool->started != pool->barrier.n - 1 && !start_workers(pool))
    return false;
  unsigned region = begin_region(pool, body, arg);
  body(arg, 0);
  wait_for(&pool->barrier, &pool->done, region - 1);
  return true;
}
