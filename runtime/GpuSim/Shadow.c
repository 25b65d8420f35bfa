/* Who may have raced with whom (State.h tells how time is counted). */
#include "State.h"

static uint32_t most(uint32_t a, uint32_t b) {
  return a > b ? a : b;
}

bool seq_sim_ordered(const seq_sim_thread *t, const seq_sim_event *e) {
  const seq_sim_block *b = t->block;
  if (e->block != (uint32_t)b->index) {
    uint32_t rank = e->block - (uint32_t)b->first->index;
    return e->stamp <= b->outside ||
           (b->exact && rank < (uint32_t)seq_sim_running->cluster &&
            e->stamp <=
                seq_sim_knows(t,
                              seq_sim_entry(seq_sim_running->blocks[b->first->slot + (int32_t)rank],
                                            e->thread)));
  }
  if (e->stamp <= b->floor || e->thread == t->index)
    return true;
  if (b->exact)
    return e->stamp <= seq_sim_knows(t, seq_sim_entry(b, e->thread));
  int warp = t->index / LANES, other = e->thread / LANES;
  if (e->stamp <= b->warps[warp][other])
    return true;
  return warp == other && b->lanes &&
         e->stamp <= b->lanes[warp][t->index % LANES][e->thread % LANES];
}

static bool is_atomic(const seq_sim_event *e) {
  return e->kind == EVENT_ATOMIC || e->kind == EVENT_ATOMIC_IN_BLOCK;
}

static bool clashes(const seq_sim_thread *t, const seq_sim_event *was, const seq_sim_event *is,
                    uint32_t since) {
  if (was->stamp <= since || !(was->bytes & is->bytes))
    return false;
  if (was->kind == EVENT_IN_FLIGHT)
    return true;
  if (is_atomic(was) && is_atomic(is))
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

/* --- atomic accesses and fences
 *
 *     data = 1                      while (flag == 0) ;
 *     fence                         fence
 *     flag = 1, atomically          use data
 *
 * Without its first fence, or a release that says the same, an atomic write hands on nothing; what
 * its reader saw is known after the second one, or at once where the read acquires. Additions and
 * exchanges hand on what the last one did as well. */

static void know(seq_sim_thread *t, uint32_t inside, uint32_t outside) {
  seq_sim_block *b = t->block;
  b->outside = most(b->outside, outside);
  if (inside <= b->floor)
    return;
  uint32_t *known = b->warps[t->index / LANES];
  for (int w = 0; w < MOST_WARPS; w++)
    known[w] = most(known[w], inside);
}

void seq_sim_see(seq_sim_thread *t, const seq_sim_event *e) {
  if (!is_atomic(e))
    return;
  if (e->block == (uint32_t)t->block->index)
    t->seen_inside = most(t->seen_inside, e->released);
  else if (e->kind == EVENT_ATOMIC)
    t->seen_outside = most(t->seen_outside, e->released);
}

void seq_sim_acquire(seq_sim_thread *t) {
  know(t, t->seen_inside, t->seen_outside);
}

void seq_sim_fence(int32_t block_only) {
  seq_sim_thread *t = seq_sim_running->current;
  seq_sim_acquire(t);
  t->released_in_block = seq_sim_running->now++;
  if (!block_only)
    t->released = t->released_in_block;
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
