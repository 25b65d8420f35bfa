/* Who may have raced with whom (State.h tells how time is counted). */
#include "State.h"

static uint32_t most(uint32_t a, uint32_t b) {
  return a > b ? a : b;
}

bool seq_sim_ordered(const seq_sim_thread *t, const seq_sim_event *e) {
  const seq_sim_block *b = t->block;
  if (e->block != (uint32_t)b->index)
    return e->stamp <= b->outside;
  if (e->stamp <= b->floor || e->thread == t->index)
    return true;
  int warp = t->index / LANES, other = e->thread / LANES;
  if (e->stamp <= b->warps[warp][other])
    return true;
  return warp == other && b->lanes &&
         e->stamp <= b->lanes[warp][t->index % LANES][e->thread % LANES];
}

static bool clashes(const seq_sim_thread *t, const seq_sim_event *was, const seq_sim_event *is,
                    uint32_t since) {
  if (was->stamp <= since || !(was->bytes & is->bytes))
    return false;
  if (was->kind == EVENT_IN_FLIGHT)
    return true;
  if (was->kind == EVENT_ATOMIC && is->kind == EVENT_ATOMIC)
    return false;
  return !seq_sim_ordered(t, was);
}

/* The access later than `since` that the access `e` of thread `t` races with; null: there is none.
 */
const seq_sim_event *seq_sim_clash(const seq_sim_thread *t, const seq_sim_cell *cell,
                                   const seq_sim_event *e, bool writes, uint32_t since) {
  if (clashes(t, &cell->write, e, since))
    return &cell->write;
  if (!writes)
    return NULL;
  if (clashes(t, &cell->read, e, since))
    return &cell->read;
  if (clashes(t, &cell->near, e, since))
    return &cell->near;
  return clashes(t, &cell->far, e, since) ? &cell->far : NULL;
}

/* An atomic access sees the atomic write `e`: what came before it is known from here on. */
void seq_sim_learn(seq_sim_thread *t, const seq_sim_event *e) {
  seq_sim_block *b = t->block;
  if (e->kind != EVENT_ATOMIC || e->stamp == 0)
    return;
  if (e->block != (uint32_t)b->index) {
    b->outside = most(b->outside, e->stamp);
    return;
  }
  if (e->thread == t->index || e->stamp <= b->floor)
    return;
  uint32_t *known = b->warps[t->index / LANES];
  for (int w = 0; w < MOST_WARPS; w++)
    known[w] = most(known[w], e->stamp);
}

static bool same_thread(const seq_sim_event *a, const seq_sim_event *b) {
  return a->thread == b->thread && a->block == b->block;
}

void seq_sim_remember(seq_sim_cell *cell, const seq_sim_event *e, bool reads, bool writes) {
  if (reads && !writes) {
    const seq_sim_event *last = &cell->read;
    if (!same_thread(last, e)) {
      if (last->block == e->block && last->thread / LANES == e->thread / LANES)
        cell->near = *last;
      else
        cell->far = *last;
    }
    cell->read = *e;
  }
  if (writes)
    cell->write = *e;
}
