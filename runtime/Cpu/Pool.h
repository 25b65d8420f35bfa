/* A context's threads: one persistent pool, one barrier. */
#ifndef SEQ_CPU_POOL_H
#define SEQ_CPU_POOL_H

#include "seq/runtime.h"

#include <fenv.h>
#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>

/* A number that threads wait to see move. */
typedef struct seq_signal {
  alignas(64) atomic_uint value;
  atomic_int sleepers; /* threads that may be asleep until it moves */
} seq_signal;

/* Counts arrivals; the last one moves `opened`. `call->pool` points to one. */
typedef struct seq_barrier {
  int32_t n;          /* threads that meet */
  int32_t most_spins; /* 0 where the threads outnumber the CPUs */
  atomic_int spins;   /* pauses before a waiting thread offers its core, as learnt */
  atomic_int naps;    /* waits that sleep without offering it first, as learnt */
  alignas(64) atomic_int arrived;
  seq_signal opened;
} seq_barrier;

typedef struct seq_pool {
  seq_barrier barrier;
  /* The region: written before `begun` moves, read by workers after. */
  void (*body)(void *arg, int32_t tid); /* null: stop */
  void *arg;
  fenv_t fp; /* rounding and flush modes of the caller, so that all threads share them */
  alignas(64) atomic_int remaining; /* workers still in the region */
  seq_signal begun, done;           /* number of the last region that began, that ended */
  struct seq_worker *workers;       /* [n - 1], null until the first region */
  int32_t started;
  seq_parallel_fn parallel; /* the host's, in place of the workers */
  void *user;
} seq_pool;

/* n >= 1 threads, the caller among them; none starts yet. */
void seq_pool_init(seq_pool *pool, int32_t n);
void seq_pool_destroy(seq_pool *pool);

/* Runs body(arg, tid) for all tid at the same time. False if a thread cannot start. */
bool seq_pool_run(seq_pool *pool, void (*body)(void *arg, int32_t tid), void *arg);

/* Cores.c: cores and logical CPUs that this process may use, at least 1. */
int32_t seq_physical_cores(void);
int32_t seq_logical_cpus(void);

#endif
