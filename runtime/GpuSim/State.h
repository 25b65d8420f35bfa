/* The state of the simulator, shared by its files. */
#ifndef SEQ_GPUSIM_STATE_H
#define SEQ_GPUSIM_STATE_H

#include "Order.h"
#include "Sim.h"

#define LANES 32
#define MOST_THREADS 1024
#define MOST_WARPS (MOST_THREADS / LANES)
#define NAMED_BARRIERS 16
#define ARENA_BYTES ((size_t)1 << 18)
#define MOST_SHARED (227 << 10) /* of a block, as on sm_90 */
#define MOST_RESIDENT (1 << 16) /* threads of a cooperative kernel */
#define MOST_EXACT 4096         /* entries of a clock */
#define MOST_CLUSTER 16         /* blocks */
#define MOST_TURNS 16           /* of a warp before the others have theirs */
#define MOST_IDLE_PASSES 20000  /* then threads that only look at memory wait for nothing */
#define MOST_REPEATS (1 << 24)  /* of one plain read; then it waits for nothing */
#define STACK_BYTES (64 << 10)

typedef struct seq_sim_thread seq_sim_thread;
typedef struct seq_sim_block seq_sim_block;
typedef struct seq_sim_products seq_sim_products;

/* --- blocks and threads */
typedef struct seq_sim_meeting {
  int32_t expected, arrived, sum;
  uint32_t warps;
  bool has_gone;
  uint32_t *clock;           /* of those that came, where there are clocks */
  uint32_t went[MOST_WARPS]; /* the stamp at which a warp came and went on; 0: it waits */
} seq_sim_meeting;

/* A barrier in memory: its word lies there, the rest here (Mbarrier.c). */
typedef struct seq_sim_mbarrier {
  uint32_t at; /* its place in shared memory */
  bool fenced; /* copies may use it */
  int32_t count, pending, phase;
  int64_t tx;      /* bytes that are to come */
  int32_t waiters; /* threads that wait for it */
  const seq_sim_site *site;
  int32_t thread;        /* that initialised it, */
  uint32_t stamp;        /* and when */
  uint32_t *came, *done; /* clocks of those that arrived, and of the phases that are complete */
} seq_sim_mbarrier;

/* The barrier of a cluster (Cluster.c). */
typedef struct seq_sim_cluster {
  int32_t arrived;
  uint32_t phase;
  uint32_t *came, *done; /* clocks, as an mbarrier's; null before the first arrival */
} seq_sim_cluster;

struct seq_sim_block {
  int64_t index;
  uint8_t *arena;
  seq_sim_cell *cells; /* [MOST_SHARED] */
  seq_sim_thread *threads;
  uint32_t start, floor, outside;
  uint32_t warps[MOST_WARPS][MOST_WARPS];
  uint32_t (*lanes)[LANES][LANES]; /* null until lanes of a warp meet without the others */
  seq_sim_meeting meetings[NAMED_BARRIERS];
  int32_t slot, member;    /* among those that are there, in its domain */
  seq_sim_block *origin;   /* of the domain */
  int32_t rank;            /* in its cluster */
  seq_sim_block *first;    /* of its cluster */
  seq_sim_clocks clocks;   /* of the domain, in its origin */
  seq_sim_cluster cluster; /* in its first block */
  bool exact;              /* clocks are in use */
  bool ended;
  int32_t live;
  seq_sim_mbarrier *mbarriers;
  int32_t n_mbarriers, most_mbarriers;
  seq_sim_products *products[MOST_WARPS]; /* Wgmma.c */
  /* Of each thread: all writes up to then are seen by copies and products. */
  uint32_t fenced[MOST_THREADS];
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

/* A bulk copy, or one of a tensor's box, that is on its way (Bulk.c). */
typedef struct seq_sim_piece {
  uint8_t *to;
  const uint8_t *from; /* null: zeros */
  int64_t bytes;
} seq_sim_piece;
typedef struct seq_sim_bulk {
  seq_sim_thread *thread;
  const seq_sim_site *site;
  seq_sim_piece *pieces;
  int32_t n_pieces, most_pieces;
  uint32_t stamp;        /* at which it began */
  seq_sim_block *target; /* that it loads to, and whose mbarrier it tells; null: it stores */
  uint32_t mbarrier;
  int64_t tx;     /* bytes to tell of */
  int32_t group;  /* of a store: its number; -1 before it has one */
  uint8_t *taken; /* of a store: what it has read */
} seq_sim_bulk;

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
  const seq_sim_site *last_site; /* of accesses in a row, the first of which was of `last` */
  const void *last;
  int32_t repeats;
  seq_sim_flight *flights;         /* copies on their way, kept between launches */
  int32_t n_flights, most_flights; /* those of groups come first */
  int32_t *groups;                 /* their numbers of copies */
  int32_t n_groups, most_groups;
  int32_t bulk_groups;     /* committed so far */
  bool in_cluster_barrier; /* between its halves, */
  uint32_t cluster_phase;  /* of which time */
  uint32_t mbarrier;       /* that it waits for */
  /* Its last fences: what its atomic accesses hand on, to all or to their block. */
  uint32_t released, released_in_block;
  uint32_t seen_inside, seen_outside; /* what atomic reads saw, for the next fence to take */
  uint32_t *seen, *fenced;            /* the same as clocks; null before the first one */
  int32_t clock_n;                    /* their entries */
  bool has_seen, has_fenced;
  bool learnt; /* since the last barrier of its block */
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
  int32_t cluster, domain;     /* blocks of one */
  int32_t *slots;              /* of the blocks of a cooperative kernel, by their numbers */
  seq_sim_place_clock *places; /* a table by address */
  size_t n_places, most_places;
  seq_sim_bulk *bulks;
  int32_t n_bulks, most_bulks;
  char **stacks;
  int32_t n_stacks;
  struct seq_sim_signals *signals; /* Fiber.c */

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

#endif
