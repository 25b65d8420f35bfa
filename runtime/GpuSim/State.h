/* The state of the simulator, shared by its files. */
#ifndef SEQ_GPUSIM_STATE_H
#define SEQ_GPUSIM_STATE_H

#include "Ops.h"
#include "Sim.h"

#include <stdbool.h>
#include <stddef.h>

#define LANES 32
#define MOST_THREADS 1024
#define MOST_WARPS (MOST_THREADS / LANES)
#define NAMED_BARRIERS 16
#define ARENA_BYTES ((size_t)1 << 18)
#define MOST_SHARED (227 << 10) /* of a block, as on sm_90 */
#define MOST_RESIDENT (1 << 16) /* threads of a cooperative kernel */
#define MOST_TURNS 16           /* of a warp before the others have theirs */
#define MOST_IDLE_PASSES 20000  /* then threads that only look at memory wait for nothing */
#define STACK_BYTES (64 << 10)

typedef struct seq_sim_thread seq_sim_thread;
typedef struct seq_sim_block seq_sim_block;

/* --- what happened before what
 *
 * All runs on one CPU thread, so a counter, sim->now, stamps each access; it moves at each
 * synchronisation. A thread knows another one's accesses up to a stamp: `floor` for those of its
 * block (the last barrier of all of them), `outside` for those of other blocks, `warps[a][b]`
 * for what warp a knows of warp b, `lanes[w][a][b]` for lanes of warp w. An access that is
 * younger than that clashes with this one if one of the two writes. Atomic accesses hand on what
 * the writer knew; as the last ones of all others in time, which may hide a race but makes none. */
typedef struct seq_sim_event {
  const seq_sim_site *site;
  uint32_t stamp, block;
  uint16_t thread;
  uint8_t bytes; /* a bit for each one of the cell */
  uint8_t kind;
} seq_sim_event;
enum { EVENT_PLAIN = 0, EVENT_ATOMIC = 1, EVENT_IN_FLIGHT = 2 };

/* The last accesses to one byte of shared memory, or to four of global memory. Of readers: the
 * last one, one before it of the same warp, one of another warp or block. */
typedef struct seq_sim_cell {
  seq_sim_event write, read, near, far;
} seq_sim_cell;

/* --- blocks and threads */
typedef struct seq_sim_meeting {
  int32_t expected, arrived, sum;
  uint32_t warps;
  bool has_gone;
  uint32_t went[MOST_WARPS]; /* the stamp at which a warp came and went on; 0: it waits */
} seq_sim_meeting;

struct seq_sim_block {
  int64_t index;
  uint8_t *arena;
  seq_sim_cell *cells; /* [MOST_SHARED] */
  seq_sim_thread *threads;
  uint32_t start, floor, outside;
  uint32_t warps[MOST_WARPS][MOST_WARPS];
  uint32_t (*lanes)[LANES][LANES]; /* null until lanes of a warp meet without the others */
  seq_sim_meeting meetings[NAMED_BARRIERS];
};

/* An operation for which lanes of a warp wait; the last one to come runs it for all. */
typedef struct seq_sim_call seq_sim_call;
typedef void (*seq_sim_warp_fn)(seq_sim_call *const calls[LANES], uint32_t mask);
struct seq_sim_call {
  seq_sim_warp_fn run;
  const char *name;
  uint32_t mask;
  int32_t mode;
  const void *in;
  void *out;
  const seq_sim_site *site;
};

typedef struct seq_sim_flight {
  void *to;
  const void *from;
  int32_t bytes, source_bytes;
  const seq_sim_site *site;
} seq_sim_flight;

enum { THREAD_READY = 0, THREAD_WAITS = 1, THREAD_ENDED = 2 };
struct seq_sim_thread {
  void *sp;
  char *stack; /* lowest address */
  seq_sim_block *block;
  int32_t index; /* in its block */
  int32_t state;
  const char *waits; /* at what */
  const seq_sim_site *site;
  seq_sim_meeting *meeting;
  seq_sim_call *call;
  int32_t sum; /* of the barrier that it left */
  int64_t yields;
  seq_sim_flight *flights;         /* copies on their way, kept between launches */
  int32_t n_flights, most_flights; /* those of groups come first */
  int32_t *groups;                 /* their numbers of copies */
  int32_t n_groups, most_groups;
};

typedef struct seq_sim_range {
  uintptr_t begin, end;
  bool writable;
  char what[64];
  seq_sim_cell *cells; /* one for 4 bytes; null before the first access */
} seq_sim_range;

typedef struct seq_sim_counter seq_sim_counter;

struct seq_sim {
  const seq_kernel *kernel;
  const uint64_t *args;
  int64_t n_blocks;
  bool fibers;           /* else threads run one after the other on one stack */
  uint32_t now, started; /* stamps */

  seq_sim_block **blocks; /* those that are there at once */
  int32_t n_resident, most_blocks;
  seq_sim_thread *threads; /* of all of these */
  int32_t n_threads, most_threads, live;
  int32_t grid_arrived;
  char **stacks;
  int32_t n_stacks;

  seq_sim_thread *current;
  void *scheduler; /* its stack pointer */
  bool failed, moved;
  int32_t *order;
  int order_kind;
  uint64_t seed;

  seq_sim_range *ranges;
  int32_t n_ranges, most_ranges, last_range;
  const seq_sim_global *globals;

  bool counting;
  seq_sim_counter *counters; /* a list, one for each kernel */
  seq_sim_counts *counts;    /* of the kernel that runs; null where nothing is counted */

  char error[1024];
};

/* The sim that runs on this CPU thread. Its model of thread-local storage needs no help of the
 * dynamic linker's, with which generated libraries are not linked. */
extern _Thread_local seq_sim *seq_sim_running __attribute__((tls_model("initial-exec")));

/* --- Fiber.c */
bool seq_sim_stacks(seq_sim *sim, int32_t n);
void seq_sim_free_stacks(seq_sim *sim);
void seq_sim_start_fiber(seq_sim_thread *t, void (*body)(void));
void seq_sim_enter(seq_sim *sim, seq_sim_thread *t);
void seq_sim_leave(seq_sim *sim);

/* --- Launch.c */
/* Ends the launch from one of its threads: does not come back. */
void seq_sim_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Lets others run until `state` is THREAD_READY again. */
void seq_sim_wait(const char *what, const seq_sim_site *site);
void seq_sim_wake(seq_sim_thread *t);
bool seq_sim_needs_fibers(const char *what, const seq_sim_site *site);
/* "model.seq:3:5", or "an unknown place". */
typedef struct seq_sim_text {
  char s[256];
} seq_sim_text;
seq_sim_text seq_sim_place(const seq_sim_site *site);

/* --- Access.c */
void seq_sim_land(seq_sim_thread *t, const seq_sim_flight *flight);
void seq_sim_take_off(seq_sim_thread *t, const seq_sim_flight *flight);
void seq_sim_free_ranges(seq_sim *sim);

/* --- Shadow.c */
bool seq_sim_ordered(const seq_sim_thread *t, const seq_sim_event *e);
const seq_sim_event *seq_sim_clash(const seq_sim_thread *t, const seq_sim_cell *cell,
                                   const seq_sim_event *e, bool writes, uint32_t since);
void seq_sim_learn(seq_sim_thread *t, const seq_sim_event *e);
void seq_sim_remember(seq_sim_cell *cell, const seq_sim_event *e, bool reads, bool writes);

/* --- Warp.c */
void seq_sim_meet(seq_sim_call *call);

/* --- Count.c */
void seq_sim_begin_counting(seq_sim *sim);
void seq_sim_count_access(seq_sim_thread *t, const void *p, int64_t bytes, int32_t flags,
                          bool shared, const seq_sim_site *site);
void seq_sim_count_block_end(seq_sim *sim);
void seq_sim_free_counters(seq_sim *sim);

#endif
