/* What the files of the simulator offer each other. */
#ifndef SEQ_GPUSIM_PARTS_H
#define SEQ_GPUSIM_PARTS_H

#include "State.h"

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
/* Room for more items than the `most` so far; a fault without memory. */
void *seq_sim_grown(void *items, int32_t *most, size_t size);
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
void seq_sim_add_clock(uint32_t *to, const uint32_t *clock, int32_t n);
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
