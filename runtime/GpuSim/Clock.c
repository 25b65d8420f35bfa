/* Exact knowledge of what came before: a clock has a stamp for each thread of the domain, and one
 * for the copies to each of its blocks, and for the products of its warps. A barrier in memory
 * takes what those that arrive know, and gives it to those that wait: nothing more, so that a lane
 * that arrives for its warp without having waited for the others is found.
 *
 * Barriers of whole blocks and warps keep their cheaper stamps (State.h), and clocks beside them
 * for what those do not tell: a thread's own, which grows when it learns something, and a common
 * one, to which a barrier of the block adds those that have grown. */
#include "Parts.h"

#include <stdlib.h>
#include <string.h>

int32_t seq_sim_entries(int32_t threads) {
  return threads + BY_PRODUCTS + (threads + LANES - 1) / LANES;
}

static int32_t entries(void) {
  return seq_sim_entries(seq_sim_running->kernel->threads);
}

int32_t seq_sim_entry(const seq_sim_block *b, int32_t thread) {
  return b->member * entries() + thread;
}

seq_sim_block *seq_sim_in_domain(const seq_sim_block *b, uint32_t index) {
  const seq_sim *sim = seq_sim_running;
  if (sim->domain == sim->n_resident && sim->slots)
    return sim->blocks[sim->slots[index]];
  uint32_t member = index - (uint32_t)b->origin->index;
  return member < (uint32_t)sim->domain ? sim->blocks[b->origin->slot + (int32_t)member] : NULL;
}

static uint32_t *row_of(const seq_sim_thread *t) {
  const seq_sim_clocks *c = &t->block->origin->clocks;
  return c->known + (size_t)seq_sim_entry(t->block, t->index) * (size_t)c->n;
}

static uint32_t *common_of(const seq_sim_block *b) {
  const seq_sim_clocks *c = &b->origin->clocks;
  return c->common + (size_t)b->member * (size_t)c->n;
}

/* Memory that nobody touches costs nothing: most rows of most kernels. */
static void grow_clocks(seq_sim_clocks *c, size_t n) {
  free(c->known);
  free(c->common);
  c->known = calloc(n * n, sizeof(uint32_t));
  c->common = calloc(n * n, sizeof(uint32_t));
  c->most = n;
  if (c->known && c->common)
    return;
  c->most = 0;
  seq_sim_fail("no memory to follow what threads know of each other");
}

void seq_sim_need_clocks(seq_sim_block *b) {
  seq_sim *sim = seq_sim_running;
  seq_sim_clocks *c = &b->origin->clocks;
  if (b->exact)
    return;
  c->n = sim->domain * entries();
  if ((size_t)c->n > c->most)
    grow_clocks(c, (size_t)c->n);
  for (int32_t i = 0; i < sim->domain; i++)
    sim->blocks[b->origin->slot + i]->exact = true;
}

void seq_sim_free_clocks(seq_sim_block *b) {
  free(b->clocks.known);
  free(b->clocks.common);
  b->clocks = (seq_sim_clocks){0};
}

uint32_t *seq_sim_new_clock(const seq_sim_block *b) {
  uint32_t *clock = calloc((size_t)b->origin->clocks.n, sizeof(uint32_t));
  if (!clock)
    seq_sim_fail("no memory to follow what threads know of each other");
  return clock;
}

uint32_t seq_sim_knows(const seq_sim_thread *t, int32_t entry) {
  const seq_sim_block *b = t->block;
  int32_t u = entry - b->member * entries();
  uint32_t known = b->exact ? seq_sim_later(row_of(t)[entry], common_of(b)[entry]) : 0;
  if (u < 0 || u >= entries())
    return seq_sim_later(known, b->outside);
  known = seq_sim_later(known, b->floor);
  if (u >= seq_sim_running->kernel->threads)
    return known;
  if (u == t->index)
    return seq_sim_running->now;
  int warp = t->index / LANES, other = u / LANES;
  known = seq_sim_later(known, b->warps[warp][other]);
  return warp == other && b->lanes
             ? seq_sim_later(known, b->lanes[warp][t->index % LANES][u % LANES])
             : known;
}

void seq_sim_give(seq_sim_thread *t, uint32_t *clock) {
  int32_t n = t->block->origin->clocks.n;
  for (int32_t i = 0; i < n; i++)
    clock[i] = seq_sim_later(clock[i], seq_sim_knows(t, i));
  seq_sim_running->now++;
}

void seq_sim_add_clock(uint32_t *to, const uint32_t *clock, int32_t n) {
  for (int32_t i = 0; i < n; i++)
    to[i] = seq_sim_later(to[i], clock[i]);
}

void seq_sim_take(seq_sim_thread *t, const uint32_t *clock) {
  seq_sim_add_clock(row_of(t), clock, t->block->origin->clocks.n);
  t->learnt = true;
}

void seq_sim_share(seq_sim_thread *from, uint32_t mask) {
  uint32_t learnt = 0;
  for (int i = 0; i < LANES; i++)
    if ((mask >> i & 1) && from[i].learnt)
      learnt |= 1u << i;
  for (int i = 0; learnt && i < LANES; i++)
    for (int k = 0; (mask >> i & 1) && k < LANES; k++)
      if ((learnt >> k & 1) && i != k)
        seq_sim_take(from + i, row_of(from + k));
}

void seq_sim_share_all(seq_sim_block *b) {
  for (int32_t i = 0; i < seq_sim_running->kernel->threads; i++) {
    seq_sim_thread *t = &b->threads[i];
    if (t->learnt)
      seq_sim_add_clock(common_of(b), row_of(t), b->origin->clocks.n);
    t->learnt = false;
  }
}

void seq_sim_know_agent(seq_sim_thread *from, int agent) {
  uint32_t now = seq_sim_running->now++;
  for (int i = 0; i < LANES; i++) {
    row_of(from + i)[seq_sim_entry(from->block, seq_sim_running->kernel->threads + agent)] = now;
    from[i].learnt = true;
  }
}
