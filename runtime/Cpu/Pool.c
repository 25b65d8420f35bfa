/* The thread pool.
 *
 * A call is one region: the caller is thread 0 and the workers are 1 .. n - 1. A region
 * begins when the caller moves `epoch`; workers that see it run the body and count
 * `remaining` down. Inside, threads meet at a barrier once or more a time step, so it
 * must cost tens of nanoseconds: waiting threads spin. But a machine may be busy, and a
 * thread that spins on a core where its partner wants to run makes both wait a whole
 * scheduler slice. So every wait spins a bounded number of pauses, then yields its core
 * at each turn; with more threads than CPUs it yields at once. Between regions, where
 * waits may be long, workers go to sleep after a while.
 *
 * Sleeping: a worker counts itself in `sleepers` and then looks at `epoch` again; the
 * caller moves `epoch` and then looks at `sleepers`. Both orders are sequentially
 * consistent, so one of them sees the other. */
#include "Pool.h"

#include <sched.h>
#include <stdlib.h>

#define SPINS 2000
#define YIELDS_BEFORE_SLEEP 200

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

/* One turn of a wait; *turns counts them. */
static inline void wait_turn(int32_t spins, int32_t *turns) {
  if (*turns < spins) {
    ++*turns;
    pause_cpu();
  } else {
    sched_yield();
  }
}

void seq_rt_barrier(const seq_call *call, int32_t tid) {
  seq_barrier *b = call->pool;
  if (b->n == 1)
    return;
  unsigned generation = atomic_load_explicit(&b->generation, memory_order_relaxed);
  if (atomic_fetch_add_explicit(&b->arrived, 1, memory_order_acq_rel) == b->n - 1) {
    /* Nobody arrives again before the generation moves, so this store is alone. */
    atomic_store_explicit(&b->arrived, 0, memory_order_relaxed);
    atomic_store_explicit(&b->generation, generation + 1, memory_order_release);
    return;
  }
  int32_t turns = 0;
  while (atomic_load_explicit(&b->generation, memory_order_acquire) == generation)
    wait_turn(b->spins, &turns);
}

static void sleep_until_moved(seq_pool *pool, unsigned seen) {
  pthread_mutex_lock(&pool->mutex);
  atomic_fetch_add(&pool->sleepers, 1);
  while (atomic_load(&pool->epoch) == seen)
    pthread_cond_wait(&pool->wake, &pool->mutex);
  atomic_fetch_sub(&pool->sleepers, 1);
  pthread_mutex_unlock(&pool->mutex);
}

/* Waits for an epoch other than `seen` and returns it. */
static unsigned next_epoch(seq_pool *pool, unsigned seen) {
  int32_t turns = 0, yields = 0, spins = pool->barrier.spins;
  unsigned epoch;
  while ((epoch = atomic_load_explicit(&pool->epoch, memory_order_acquire)) == seen) {
    if (turns == spins && ++yields > YIELDS_BEFORE_SLEEP)
      sleep_until_moved(pool, seen);
    else
      wait_turn(spins, &turns);
  }
  return epoch;
}

static void *worker_main(void *p) {
  seq_worker *worker = p;
  seq_pool *pool = worker->pool;
  unsigned epoch = 0;
  for (;;) {
    epoch = next_epoch(pool, epoch);
    if (!pool->body)
      return NULL;
    fesetenv(&pool->fp);
    pool->body(pool->arg, worker->tid);
    atomic_fetch_sub_explicit(&pool->remaining, 1, memory_order_release);
  }
}

static void begin_region(seq_pool *pool, void (*body)(void *, int32_t), void *arg) {
  pool->body = body;
  pool->arg = arg;
  fegetenv(&pool->fp);
  atomic_store_explicit(&pool->remaining, pool->started, memory_order_relaxed);
  atomic_fetch_add(&pool->epoch, 1);
  if (atomic_load(&pool->sleepers) == 0)
    return;
  pthread_mutex_lock(&pool->mutex);
  pthread_cond_broadcast(&pool->wake);
  pthread_mutex_unlock(&pool->mutex);
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

bool seq_pool_init(seq_pool *pool, int32_t n) {
  pool->barrier.n = n;
  pool->barrier.spins = n > seq_logical_cpus() ? 0 : SPINS;
  atomic_init(&pool->barrier.arrived, 0);
  atomic_init(&pool->barrier.generation, 0);
  atomic_init(&pool->epoch, 0);
  atomic_init(&pool->remaining, 0);
  atomic_init(&pool->sleepers, 0);
  if (pthread_mutex_init(&pool->mutex, NULL) != 0)
    return false;
  if (pthread_cond_init(&pool->wake, NULL) == 0)
    return true;
  pthread_mutex_destroy(&pool->mutex);
  return false;
}

void seq_pool_destroy(seq_pool *pool) {
  if (pool->started)
    begin_region(pool, NULL, NULL);
  for (int32_t i = 0; i < pool->started; i++)
    pthread_join(pool->workers[i].thread, NULL);
  free(pool->workers);
  pthread_cond_destroy(&pool->wake);
  pthread_mutex_destroy(&pool->mutex);
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
  begin_region(pool, body, arg);
  body(arg, 0);
  int32_t turns = 0;
  while (atomic_load_explicit(&pool->remaining, memory_order_acquire) != 0)
    wait_turn(pool->barrier.spins, &turns);
  return true;
}
