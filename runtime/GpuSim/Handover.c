/* What atomic accesses and fences hand on.
 *
 *     data = 1                      while (flag == 0) ;
 *     fence                         fence
 *     flag = 1, atomically          use data
 *
 * Without its first fence, or a release that says the same, an atomic write hands on nothing; what
 * its reader saw is known after the second one, or at once where the read acquires. Additions and
 * exchanges hand on what the last one did as well.
 *
 * Each place that is written atomically has a clock of what it hands on. Where threads run one
 * after the other, and between blocks that share no clocks, a stamp stands for it: of all threads
 * and up to that time, which may hide a race but makes none. */
#include "Parts.h"

#include <stdlib.h>
#include <string.h>

/* --- by stamps */

static void know(seq_sim_thread *t, uint32_t inside, uint32_t outside) {
  seq_sim_block *b = t->block;
  b->outside = seq_sim_later(b->outside, outside);
  if (inside <= b->floor)
    return;
  uint32_t *known = b->warps[t->index / LANES];
  for (int w = 0; w < MOST_WARPS; w++)
    known[w] = seq_sim_later(known[w], inside);
}

void seq_sim_see(seq_sim_thread *t, const seq_sim_event *e) {
  const seq_sim_block *b = t->block;
  if (!seq_sim_is_atomic(e) || (b->exact && seq_sim_in_domain(b, e->block)))
    return;
  if (e->block == (uint32_t)b->index)
    t->seen_inside = seq_sim_later(t->seen_inside, e->released);
  else if (e->kind == EVENT_ATOMIC)
    t->seen_outside = seq_sim_later(t->seen_outside, e->released);
}

/* --- by clocks */

static size_t slot_of(const seq_sim *sim, uintptr_t at) {
  size_t i = (size_t)(at * 0x9E3779B97F4A7C15u >> 32) & (sim->most_places - 1);
  while (sim->places[i].at && sim->places[i].at != at)
    i = (i + 1) & (sim->most_places - 1);
  return i;
}

static void grow_places(seq_sim *sim) {
  seq_sim_place_clock *before = sim->places;
  size_t n = sim->most_places;
  sim->most_places = n ? 2 * n : 64;
  sim->places = calloc(sim->most_places, sizeof *sim->places);
  if (!sim->places) {
    sim->places = before;
    sim->most_places = n;
    seq_sim_fail("no memory to follow atomic accesses");
  }
  for (size_t i = 0; i < n; i++)
    if (before[i].at)
      sim->places[slot_of(sim, before[i].at)] = before[i];
  free(before);
}

static seq_sim_place_clock *place_at(seq_sim *sim, const seq_sim_block *b, uintptr_t at) {
  if (2 * sim->n_places >= sim->most_places)
    grow_places(sim);
  seq_sim_place_clock *p = &sim->places[slot_of(sim, at)];
  if (!p->at) {
    *p = (seq_sim_place_clock){.at = at, .clock = seq_sim_new_clock(b)};
    sim->n_places++;
  }
  return p;
}

void seq_sim_free_places(seq_sim *sim) {
  for (size_t i = 0; i < sim->most_places; i++)
    free(sim->places[i].clock);
  free(sim->places);
  sim->places = NULL;
  sim->n_places = sim->most_places = 0;
}

static void need_own_clocks(seq_sim_thread *t) {
  const seq_sim_block *b = t->block;
  if (t->seen && t->clock_n >= b->origin->clocks.n)
    return;
  free(t->seen);
  free(t->fenced);
  t->seen = t->fenced = NULL;
  t->seen = seq_sim_new_clock(b);
  t->fenced = seq_sim_new_clock(b);
  t->clock_n = b->origin->clocks.n;
}

static void release(seq_sim_thread *t, seq_sim_place_clock *p, int32_t flags) {
  int32_t n = t->block->origin->clocks.n;
  if (!(flags & SEQ_SIM_READ))
    memset(p->clock, 0, (size_t)n * sizeof(uint32_t));
  bool in_block = t->released_in_block > t->released;
  if (flags & SEQ_SIM_RELEASE)
    seq_sim_give(t, p->clock);
  else if (t->has_fenced)
    seq_sim_add_clock(p->clock, t->fenced, n);
  else
    return;
  p->in_block = flags & SEQ_SIM_RELEASE ? flags & SEQ_SIM_IN_BLOCK : in_block;
  p->block = (uint32_t)t->block->index;
}

void seq_sim_hand_over(seq_sim_thread *t, uintptr_t at, int32_t flags) {
  seq_sim *sim = seq_sim_running;
  if (!sim->fibers)
    return;
  seq_sim_need_clocks(t->block);
  need_own_clocks(t);
  seq_sim_place_clock *p = place_at(sim, t->block, at);
  if ((flags & SEQ_SIM_READ) && !(p->in_block && p->block != (uint32_t)t->block->index)) {
    seq_sim_add_clock(t->seen, p->clock, t->block->origin->clocks.n);
    t->has_seen = true;
  }
  if (flags & SEQ_SIM_ACQUIRE)
    seq_sim_acquire(t);
  if (flags & SEQ_SIM_WRITE)
    release(t, p, flags);
}

/* --- both */

void seq_sim_acquire(seq_sim_thread *t) {
  know(t, t->seen_inside, t->seen_outside);
  if (t->has_seen)
    seq_sim_take(t, t->seen);
}

void seq_sim_fence(int32_t block_only) {
  seq_sim_thread *t = seq_sim_running->current;
  seq_sim_acquire(t);
  t->released_in_block = seq_sim_running->now++;
  if (!block_only)
    t->released = t->released_in_block;
  if (!seq_sim_running->fibers)
    return;
  seq_sim_need_clocks(t->block);
  need_own_clocks(t);
  seq_sim_give(t, t->fenced);
  t->has_fenced = true;
}
