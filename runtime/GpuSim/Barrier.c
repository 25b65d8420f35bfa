/* Barriers of a block, and of the grid. */
#include "Parts.h"

#include <stdlib.h>

static const char *const kBarrier = "a barrier";

static int32_t lanes_of_warp(int32_t warp) {
  int32_t left = seq_sim_running->kernel->threads - warp * LANES;
  return left < LANES ? left : LANES;
}

/* All that the warps of `m` have done is known to all of them, and what any of them knew. */
static void order_warps(seq_sim_block *b, const seq_sim_meeting *m, bool whole) {
  uint32_t now = seq_sim_running->now++;
  for (int32_t i = 0; m->clock && i < seq_sim_running->kernel->threads; i++)
    if (b->threads[i].meeting == m)
      seq_sim_take(&b->threads[i], m->clock);
  if (whole) {
    if (b->exact)
      seq_sim_share_all(b);
    b->floor = now;
    return;
  }
  uint32_t known[MOST_WARPS] = {0};
  for (int w = 0; w < MOST_WARPS; w++)
    for (int v = 0; (m->warps >> w & 1) && v < MOST_WARPS; v++)
      known[v] = known[v] > b->warps[w][v] ? known[v] : b->warps[w][v];
  for (int v = 0; v < MOST_WARPS; v++)
    if (m->warps >> v & 1)
      known[v] = m->went[v] ? m->went[v] : now;
  for (int w = 0; w < MOST_WARPS; w++)
    for (int v = 0; (m->warps >> w & 1) && v < MOST_WARPS; v++)
      b->warps[w][v] = known[v];
}

/* Threads of a warp come to an aligned barrier together, so at the same place. */
static void check_aligned(seq_sim_thread *t, seq_sim_meeting *m, const seq_sim_site *site) {
  int32_t warp = t->index / LANES;
  for (int32_t i = 0; i < lanes_of_warp(warp); i++) {
    const seq_sim_thread *u = &t->block->threads[warp * LANES + i];
    if (u != t && u->meeting == m && u->site != site) {
      seq_sim_text here = seq_sim_place(site);
      seq_sim_fail("comes to a barrier at %s, where thread %d of its warp waits for one at %s",
                   here.s, u->index, seq_sim_place(u->site).s);
    }
  }
}

static void open_barrier(seq_sim_block *b, seq_sim_meeting *m) {
  int32_t threads = seq_sim_running->kernel->threads;
  order_warps(b, m, m->expected == threads && !m->has_gone);
  for (int32_t i = 0; i < threads; i++) {
    seq_sim_thread *t = &b->threads[i];
    if (t->meeting != m)
      continue;
    t->meeting = NULL;
    t->sum = m->sum;
    seq_sim_wake(t);
  }
  free(m->clock);
  *m = (seq_sim_meeting){0};
  if (seq_sim_running->counts)
    seq_sim_running->counts->barriers++;
}

static int32_t meet(int32_t id, int32_t count, int32_t aligned, bool waits, int32_t predicate,
                    const seq_sim_site *site) {
  seq_sim_thread *t = seq_sim_running->current;
  int32_t threads = seq_sim_running->kernel->threads, expected = count ? count : threads;
  seq_sim_needs_fibers("waits for a barrier", site);
  if (id < 0 || id >= NAMED_BARRIERS)
    seq_sim_fail("barrier %d at %s: there are 0 to %d", id, seq_sim_place(site).s,
                 NAMED_BARRIERS - 1);
  if (expected < 0 || expected > threads || (expected % LANES != 0 && expected != threads))
    seq_sim_fail("barrier %d at %s is for %d threads: it takes whole warps of the block's %d", id,
                 seq_sim_place(site).s, expected, threads);
  seq_sim_meeting *m = &t->block->meetings[id];
  if (m->arrived > 0 && m->expected != expected)
    seq_sim_fail("comes to barrier %d at %s as one for %d threads, where others wait for %d", id,
                 seq_sim_place(site).s, expected, m->expected);
  if (aligned)
    check_aligned(t, m, site);
  m->expected = expected;
  m->sum += predicate != 0;
  m->warps |= 1u << t->index / LANES;
  /* What threads do after they have gone on is not known to those that wait. */
  if (!waits)
    m->went[t->index / LANES] = seq_sim_running->now++;
  m->has_gone |= !waits;
  if (t->block->exact && (!waits || expected != threads)) {
    m->clock = m->clock ? m->clock : seq_sim_new_clock(t->block);
    seq_sim_give(t, m->clock);
  }
  t->meeting = waits ? m : NULL;
  if (++m->arrived == expected)
    open_barrier(t->block, m);
  else if (waits)
    seq_sim_wait(kBarrier, site);
  return t->sum;
}

void seq_sim_barrier(int32_t id, int32_t count, int32_t aligned, const seq_sim_site *site) {
  meet(id, count, aligned, true, 0, site);
}

void seq_sim_barrier_arrive(int32_t id, int32_t count, int32_t aligned, const seq_sim_site *site) {
  meet(id, count, aligned, false, 0, site);
}

int32_t seq_sim_barrier_count(int32_t id, int32_t count, int32_t aligned, int32_t predicate,
                              const seq_sim_site *site) {
  return meet(id, count, aligned, true, predicate, site);
}

void seq_sim_grid_barrier(const seq_sim_site *site) {
  static const char *const kGrid = "the barrier of all blocks";
  seq_sim *sim = seq_sim_running;
  if (!(sim->kernel->flags & SEQ_KERNEL_COOPERATIVE))
    seq_sim_fail("waits at %s for all blocks, but the kernel is not a cooperative one",
                 seq_sim_place(site).s);
  if (++sim->grid_arrived < sim->n_threads) {
    seq_sim_wait(kGrid, site);
    return;
  }
  sim->grid_arrived = 0;
  uint32_t now = sim->now++;
  for (int32_t i = 0; i < sim->n_resident; i++)
    sim->blocks[i]->floor = sim->blocks[i]->outside = now;
  for (int32_t i = 0; i < sim->n_threads; i++)
    if (sim->threads[i].state == THREAD_WAITS && sim->threads[i].waits == kGrid)
      seq_sim_wake(&sim->threads[i]);
  if (sim->counts)
    sim->counts->barriers++;
}
