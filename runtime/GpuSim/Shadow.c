/* Who may have raced with whom (State.h tells how time is counted). */
#include "Parts.h"

bool seq_sim_ordered(const seq_sim_thread *t, const seq_sim_event *e) {
  const seq_sim_block *b = t->block;
  if (e->block != (uint32_t)b->index) {
    const seq_sim_block *other = b->exact ? seq_sim_in_domain(b, e->block) : NULL;
    return e->stamp <= b->outside ||
           (other && e->stamp <= seq_sim_knows(t, seq_sim_entry(other, e->thread)));
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

static bool clashes(const seq_sim_thread *t, const seq_sim_event *was, const seq_sim_event *is,
                    uint32_t since) {
  if (was->stamp <= since || !(was->bytes & is->bytes))
    return false;
  if (was->kind == EVENT_IN_FLIGHT)
    return true;
  if (seq_sim_is_atomic(was) && seq_sim_is_atomic(is))
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
