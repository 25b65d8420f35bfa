/* Clusters: blocks that run at once, meet at a barrier of their own, and reach into each other's
 * shared memory while that is there.
 *
 * The barrier is in two halves, arrive and wait, and what a thread does between them is not handed
 * on. A relaxed arrival hands on nothing. */
#include "Parts.h"

#include <stdlib.h>
#include <string.h>

static const char *const kCluster = "the barrier of its cluster";

int32_t seq_sim_cluster_index(void) {
  return seq_sim_running->current->block->rank;
}
int32_t seq_sim_cluster_count(void) {
  return seq_sim_running->cluster;
}

void *seq_sim_map(const void *p, int32_t rank, const seq_sim_site *site) {
  seq_sim *sim = seq_sim_running;
  const seq_sim_block *own = sim->current->block;
  uint32_t at = seq_sim_offset(own, p, "an address that is mapped to another block", site);
  if (rank < 0 || rank >= sim->cluster)
    seq_sim_fail("maps an address at %s to block %d of its cluster, which has %d",
                 seq_sim_place(site).s, rank, sim->cluster);
  return sim->blocks[own->first->slot + rank]->arena + at;
}

int32_t seq_sim_rank_of(const void *p, const seq_sim_site *site) {
  const seq_sim_block *b = seq_sim_block_of(p);
  seq_sim_offset(b, p, "an address whose block is asked for", site);
  return b->rank;
}

/* --- the barrier, kept by the first block */

void seq_sim_start_cluster(seq_sim_block *first) {
  seq_sim_cluster *c = &first->cluster;
  free(c->came);
  free(c->done);
  *c = (seq_sim_cluster){0};
}

static void open_cluster(seq_sim_block *first) {
  seq_sim *sim = seq_sim_running;
  seq_sim_cluster *c = &first->cluster;
  c->arrived = 0;
  c->phase++;
  memcpy(c->done, c->came, (size_t)first->origin->clocks.n * sizeof(uint32_t));
  for (int32_t i = 0; i < sim->cluster * sim->kernel->threads; i++) {
    seq_sim_thread *t = &first->threads[i];
    if (t->state == THREAD_WAITS && t->waits == kCluster)
      seq_sim_wake(t);
  }
  if (sim->counts)
    sim->counts->barriers++;
}

/* Those that have ended are not waited for. */
void seq_sim_check_cluster(seq_sim_block *first) {
  int32_t live = 0;
  for (int32_t i = 0; i < seq_sim_running->cluster; i++)
    live += seq_sim_running->blocks[first->slot + i]->live;
  if (first->cluster.arrived > 0 && first->cluster.arrived == live)
    open_cluster(first);
}

void seq_sim_cluster_arrive(int32_t relaxed, const seq_sim_site *site) {
  seq_sim_thread *t = seq_sim_running->current;
  seq_sim_block *first = t->block->first;
  seq_sim_cluster *c = &first->cluster;
  seq_sim_needs_fibers("arrives at the barrier of its cluster", site);
  seq_sim_need_clocks(t->block);
  if (t->in_cluster_barrier)
    seq_sim_fail("arrives again at the barrier of its cluster at %s: it has to wait there first",
                 seq_sim_place(site).s);
  if (!c->came) {
    c->came = seq_sim_new_clock(first);
    c->done = seq_sim_new_clock(first);
  }
  if (!relaxed)
    seq_sim_give(t, c->came);
  t->in_cluster_barrier = true;
  t->cluster_phase = c->phase;
  c->arrived++;
  seq_sim_check_cluster(first);
}

void seq_sim_cluster_wait(const seq_sim_site *site) {
  seq_sim_thread *t = seq_sim_running->current;
  seq_sim_cluster *c = &t->block->first->cluster;
  if (!t->in_cluster_barrier)
    seq_sim_fail("waits for the barrier of its cluster at %s, where it has not arrived",
                 seq_sim_place(site).s);
  while (c->phase == t->cluster_phase)
    seq_sim_wait(kCluster, site);
  t->in_cluster_barrier = false;
  seq_sim_take(t, c->done);
}
