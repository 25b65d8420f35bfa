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
#define MOST_EXACT 4096         /* entries of a clock */
#define MOST_CLUSTER 16         /* blocks */
#define MOST_TURNS 16           /* of a warp before the others have theirs */
#define MOST_IDLE_PASSES 20000  /* then threads that only look at memory wait for nothing */
#define MOST_REPEATS (1 << 24)  /* of one plain read; then it waits for nothing */
#define STACK_BYTES (64 << 10)

typedef struct seq_sim_thread seq_sim_thread;
typedef struct seq_sim_block seq_sim_block;
typedef struct seq_sim_products seq_sim_products;

/* --- what happened before what
 *
 * All runs on one CPU thread, so a counter, sim->now, stamps each access; it moves at each
 * synchronisation. A thread knows another one's accesses up to a stamp: `floor` for those of its
 * block (the last barrier of all of them), `outside` for those of other blocks, `warps[a][b]`
 * for what warp a knows of warp b, `lanes[w][a][b]` for lanes of warp w. An access that is
 * younger than that clashes with this one if one of the two writes. Barriers in memory and atomic
 * accesses hand on what one thread knows: that needs clocks (Clock.c), which begin when they are
 * needed. */
typedef struct seq_sim_event {
  const seq_sim_site *site;
  uint32_t stamp, block;
  uint32_t released; /* of an atomic write: what it hands on; 0: nothing */
  uint16_t thread;
  uint8_t bytes; /* a bit for each one of the cell */
  uint8_t kind;
} seq_sim_event;
/* Landed: done by an agent of a block, in the name of no thread. In block: an atomic write
 * that hands on what it does to its own block alone. */
enum {
  EVENT_PLAIN = 0,
  EVENT_ATOMIC = 1,
  EVENT_IN_FLIGHT = 2,
  EVENT_LANDED = 3,
  EVENT_ATOMIC_IN_BLOCK = 4
};

static inline bool seq_sim_is_atomic(const seq_sim_event *e) {
  return e->kind == EVENT_ATOMIC || e->kind == EVENT_ATOMIC_IN_BLOCK;
}

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

/* Who acts beside the threads of a block, and has a number after theirs: all copies to it, and the
 * products of each warp. */
enum { BY_COPIES = 0, BY_PRODUCTS = 1 };

/* Exact knowledge, of the threads of a domain: a cluster, or all blocks of a cooperative kernel
 * that is not too large. A clock has a stamp for each of them and, after those of each block, of
 * its agents. Stamps of earlier blocks do no harm. */
typedef struct seq_sim_clocks {
  int32_t n; /* entries of a clock */
  size_t most;
  uint32_t *known;  /* [n][n]: of each thread, since the last barrier of its block */
  uint32_t *common; /* [blocks][n]: of all threads of a block */
} seq_sim_clocks;
/* What atomic accesses to a place hand on (Handover.c). */
typedef struct seq_sim_place_clock {
  uintptr_t at; /* 0: a slot that is free */
  uint32_t *clock;
  uint32_t block; /* that alone gets it, where `in_block` */
  bool in_block;
} seq_sim_place_clock;

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

/* --- Fiber.c */
bool seq_sim_stacks(seq_sim *sim, int32_t n);
void seq_sim_free_stacks(seq_sim *sim);
void seq_sim_start_fiber(seq_sim_thread *t, void (*body)(void));
void seq_sim_enter(seq_sim *sim, seq_sim_thread *t);
void seq_sim_leave(seq_sim *sim);
/* While launches run, stacks that are exhausted are faults of their kernels. */
bool seq_sim_watch_stacks(seq_sim *sim, bool on);

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
/* The block of the cluster in whose shared memory `p` lies; null: in none. */
seq_sim_block *seq_sim_block_of(const void *p);
/* A place in shared memory, or a fault. */
uint32_t seq_sim_offset(const seq_sim_block *b, const void *p, const char *what,
                        const seq_sim_site *site);
/* What copies and products touch has been fenced for them; else a fault. */
void seq_sim_check_fenced(const void *p, int64_t bytes, const char *what, const seq_sim_site *site);
/* Nothing has been written there since `stamp`, when a copy or product that is complete now began
 * to read it; else a fault. It has been read now, by an agent of a block or, where that is
 * null, by the thread that runs. */
void seq_sim_read_late(const void *p, int64_t bytes, uint32_t stamp, int agent,
                       const seq_sim_block *of, const char *what, const seq_sim_site *site);
void seq_sim_mark(const void *p, int64_t bytes, uint8_t kind);
void seq_sim_land(const seq_sim_flight *flight);
void seq_sim_take_off(const seq_sim_flight *flight);
/* seq_sim_access that counts no request. READ_LATER: it only asks whether there may be a
 * read, and seq_sim_read_late comes when there is one. BARRIER_WORD: an atomic access that hands
 * nothing on, for the barrier does. */
enum { READ_LATER = 128, BARRIER_WORD = 256 };
void seq_sim_check(const void *p, int64_t bytes, int32_t flags, const seq_sim_site *site);
void seq_sim_free_ranges(seq_sim *sim);

/* --- Shadow.c */
bool seq_sim_ordered(const seq_sim_thread *t, const seq_sim_event *e);
const seq_sim_event *seq_sim_clash(const seq_sim_thread *t, const seq_sim_cell *cell,
                                   const seq_sim_event *e, bool writes, uint32_t since);
void seq_sim_remember(seq_sim_cell *cell, const seq_sim_event *e, bool reads, bool writes);

/* --- Clock.c */
/* Switches them on for the domain of `b`. */
void seq_sim_need_clocks(seq_sim_block *b);
void seq_sim_free_clocks(seq_sim_block *b);
uint32_t *seq_sim_new_clock(const seq_sim_block *b);
/* The block of that number, where it is in the domain of `b`; else null. */
seq_sim_block *seq_sim_in_domain(const seq_sim_block *b, uint32_t index);
/* Entries of a block. */
int32_t seq_sim_entries(int32_t threads);
/* The entry of a thread or, numbered after them, of an agent. */
int32_t seq_sim_entry(const seq_sim_block *b, int32_t thread);
/* The warp from `from` on knows what an agent of its block did so far. */
void seq_sim_know_agent(seq_sim_thread *from, int agent);
uint32_t seq_sim_knows(const seq_sim_thread *t, int32_t entry);
/* Adds all that `t` did and knows to a clock, and what a clock has to what `t` knows. */
void seq_sim_give(seq_sim_thread *t, uint32_t *clock);
void seq_sim_take(seq_sim_thread *t, const uint32_t *clock);
/* The threads from `from` on that `mask` names know what any of them did; or all of the block. */
void seq_sim_share(seq_sim_thread *from, uint32_t mask);
void seq_sim_share_all(seq_sim_block *b);

/* --- Handover.c */
/* An atomic access to `at`, with the flags of seq_sim_access. */
void seq_sim_hand_over(seq_sim_thread *t, uintptr_t at, int32_t flags);
void seq_sim_free_places(seq_sim *sim);
/* The thread sees an atomic write; what that handed on is known once the thread acquires. */
void seq_sim_see(seq_sim_thread *t, const seq_sim_event *e);
void seq_sim_acquire(seq_sim_thread *t);

/* --- Mbarrier.c */
void seq_sim_drop_mbarriers(seq_sim_block *b);
/* The one at `at`, or a fault. */
seq_sim_mbarrier *seq_sim_mbarrier_at(seq_sim_block *b, uint32_t at, const char *what,
                                      const seq_sim_site *site);
/* The thread that runs knows of its initialisation; else a fault. */
void seq_sim_check_known(const seq_sim_block *b, const seq_sim_mbarrier *m, const char *what,
                         const seq_sim_site *site);
/* Copies that were for it have landed. */
void seq_sim_complete(seq_sim_block *b, seq_sim_mbarrier *m, int64_t bytes);
/* Something happened to it: it may be that its copies have to land. */
void seq_sim_settle(seq_sim_block *b, uint32_t at);
/* The same where a thread waits for it. */
void seq_sim_tell(seq_sim_block *b, uint32_t at);
seq_sim_text seq_sim_tell_mbarrier(const seq_sim_thread *t);

/* --- Cluster.c */
void seq_sim_start_cluster(seq_sim_block *first);
void seq_sim_check_cluster(seq_sim_block *first);

/* --- Bulk.c */
/* Lands the next copy that is on its way for the mbarrier; false: there is none. */
bool seq_sim_land_one(seq_sim_block *b, uint32_t mbarrier);
void seq_sim_end_bulks(seq_sim_thread *t);
void seq_sim_free_bulks(seq_sim *sim);
seq_sim_bulk *seq_sim_new_bulk(const seq_sim_site *site);
void seq_sim_add_piece(seq_sim_bulk *bulk, uint8_t *to, const uint8_t *from, int64_t bytes);
void seq_sim_begin_load(seq_sim_bulk *bulk, const uint8_t *to, void *mbarrier, uint32_t blocks);
void seq_sim_begin_store(seq_sim_bulk *bulk);

/* --- Wgmma.c */
void seq_sim_reset_products(seq_sim_block *b);
void seq_sim_free_products(seq_sim_block *b);
void seq_sim_end_products(const seq_sim_thread *t);
/* A warp that did not begin the same products as the first one of its group; -1: there is none. */
int32_t seq_sim_disagree(const seq_sim_block *b);

/* --- Matrix.c */
float seq_sim_element(uint32_t bits, int32_t type);

/* --- Warp.c */
void seq_sim_meet(seq_sim_call *call);

/* --- Count.c */
void seq_sim_begin_counting(seq_sim *sim);
void seq_sim_count_access(seq_sim_thread *t, const void *p, int64_t bytes, int32_t flags,
                          bool shared, const seq_sim_site *site);
/* One request of each side in global memory. */
void seq_sim_count_bulk(const seq_sim_bulk *bulk);
void seq_sim_count_block_end(seq_sim *sim);
void seq_sim_free_counters(seq_sim *sim);

#endif
