/* Exact knowledge of what came before: a clock has a stamp for each thread of the cluster, and one
 * for the copies to each of its blocks, and for their products. A barrier in memory takes what
 * those that arrive know, and gives it to those that wait: nothing more, so that a lane that
 * arrives for its warp without having waited for the others is found.
 *
 * Barriers of whole blocks and warps keep their cheaper stamps (State.h). Both are looked at. */
#include "State.h"

#include <stdlib.h>
#include <string.h>

static uint32_t most(uint32_t a, uint32_t b) {
  return a > b ? a : b;
}

/* Entries of a block. */
static int32_t entries(void) {
  return seq_sim_running->kernel->threads + AGENTS;
}

int32_t seq_sim_entry(const seq_sim_block *b, int32_t thread) {
  return b->rank * entries() + thread;
}

static uint32_t *row_of(const seq_sim_thread *t) {
  const seq_sim_clocks *c = &t->block->first->clocks;
  return c->known + (size_t)seq_sim_entry(t->block, t->index) * (size_t)c->n;
}

void seq_sim_need_clocks(seq_sim_block *b) {
  seq_sim *sim = seq_sim_running;
  seq_sim_clocks *c = &b->first->clocks;
  if (b->exact)
    return;
  c->n = sim->cluster * entries();
  if (c->n > c->most) {
    free(c->known);
    c->most = 0;
    c->known = malloc((size_t)c->n * (size_t)c->n * sizeof(uint32_t));
    if (!c->known)
      seq_sim_fail("no memory to follow what threads know of each other");
    c->most = c->n;
  }
  memset(c->known, 0, (size_t)c->n * (size_t)c->n * sizeof(uint32_t));
  for (int32_t i = 0; i < sim->cluster; i++)
    sim->blocks[b->first->slot + i]->exact = true;
}

void seq_sim_free_clocks(seq_sim_block *b) {
  free(b->clocks.known);
  b->clocks = (seq_sim_clocks){0};
}

uint32_t *seq_sim_new_clock(const seq_sim_block *b) {
  uint32_t *clock = calloc((size_t)b->first->clocks.n, sizeof(uint32_t));
  if (!clock)
    seq_sim_fail("no memory to follow what threads know of each other");
  return clock;
}

uint32_t seq_sim_knows(const seq_sim_thread *t, int32_t entry) {
  const seq_sim_block *b = t->block;
  int32_t u = entry % entries();
  uint32_t known = b->exact ? row_of(t)[entry] : 0;
  if (entry / entries() != b->rank)
    return most(known, b->outside);
  known = most(known, b->floor);
  if (u >= seq_sim_running->kernel->threads)
    return known;
  if (u == t->index)
    return seq_sim_running->now;
  int warp = t->index / LANES, other = u / LANES;
  known = most(known, b->warps[warp][other]);
  return warp == other && b->lanes ? most(known, b->lanes[warp][t->index % LANES][u % LANES])
                                   : known;
}

void seq_sim_give(seq_sim_thread *t, uint32_t *clock) {
  int32_t n = t->block->first->clocks.n;
  for (int32_t i = 0; i < n; i++)
    clock[i] = most(clock[i], seq_sim_knows(t, i));
  seq_sim_running->now++;
}

void seq_sim_take(seq_sim_thread *t, const uint32_t *clock) {
  uint32_t *row = row_of(t);
  for (int32_t i = 0; i < t->block->first->clocks.n; i++)
    row[i] = most(row[i], clock[i]);
}

void seq_sim_share(seq_sim_thread *from, uint32_t mask) {
  int32_t n = from->block->first->clocks.n;
  seq_sim_thread *leader = NULL;
  for (int i = 0; i < LANES; i++) {
    if (!(mask >> i & 1))
      continue;
    if (!leader)
      leader = from + i;
    else
      seq_sim_take(leader, row_of(from + i));
  }
  for (int i = 0; i < LANES; i++)
    if ((mask >> i & 1) && from + i != leader)
      memcpy(row_of(from + i), row_of(leader), (size_t)n * sizeof(uint32_t));
}

void seq_sim_know_agent(seq_sim_thread *from, int agent) {
  uint32_t now = seq_sim_running->now++;
  for (int i = 0; i < LANES; i++)
    row_of(from + i)[seq_sim_entry(from->block, seq_sim_running->kernel->threads + agent)] = now;
}
