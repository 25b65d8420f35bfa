/* Checks of each access: alignment, bounds, what was never written, races. */
#include "State.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- the memory that kernels may touch */

int seq_sim_allow(seq_sim *sim, const void *p, int64_t bytes, int writable, const char *what) {
  uintptr_t begin = (uintptr_t)p, end = begin + (uintptr_t)bytes;
  if (bytes <= 0)
    return 0;
  for (int32_t i = 0; i < sim->n_ranges; i++)
    if (sim->ranges[i].begin == begin && sim->ranges[i].end == end) {
      sim->ranges[i].writable |= writable != 0;
      return 0;
    }
  if (sim->n_ranges == sim->most_ranges) {
    int32_t most = sim->most_ranges * 2 + 16;
    seq_sim_range *ranges = realloc(sim->ranges, (size_t)most * sizeof(seq_sim_range));
    if (!ranges)
      return -1;
    sim->ranges = ranges;
    sim->most_ranges = most;
  }
  seq_sim_range *range = &sim->ranges[sim->n_ranges++];
  *range = (seq_sim_range){.begin = begin, .end = end, .writable = writable != 0};
  snprintf(range->what, sizeof range->what, "%s", what);
  return 0;
}

void seq_sim_forget(seq_sim *sim) {
  for (int32_t i = 0; i < sim->n_ranges; i++)
    free(sim->ranges[i].cells);
  sim->n_ranges = sim->last_range = 0;
  sim->globals = NULL;
}

void seq_sim_free_ranges(seq_sim *sim) {
  seq_sim_forget(sim);
  free(sim->ranges);
}

void seq_sim_globals(const seq_sim_global *globals, int64_t n) {
  seq_sim *sim = seq_sim_running;
  if (sim->globals == globals)
    return;
  for (int64_t i = 0; i < n; i++)
    if (seq_sim_allow(sim, globals[i].p, globals[i].bytes, globals[i].writable != 0,
                      globals[i].name) != 0)
      seq_sim_fail("no memory for the variables of the kernel's module");
  sim->globals = globals;
}

static bool holds(const seq_sim_range *r, uintptr_t p, int64_t bytes, bool writes) {
  return p >= r->begin && p < r->end && (uintptr_t)bytes <= r->end - p && (!writes || r->writable);
}

static seq_sim_range *find_range(seq_sim *sim, uintptr_t p, int64_t bytes, bool writes) {
  if (sim->last_range < sim->n_ranges && holds(&sim->ranges[sim->last_range], p, bytes, writes))
    return &sim->ranges[sim->last_range];
  for (int32_t i = 0; i < sim->n_ranges; i++)
    if (holds(&sim->ranges[i], p, bytes, writes)) {
      sim->last_range = i;
      return &sim->ranges[i];
    }
  return NULL;
}

/* --- messages */

static const char *verb(int32_t flags) {
  if (flags & SEQ_SIM_ATOMIC)
    return "atomic access";
  return flags & SEQ_SIM_WRITE ? "write" : "read";
}

static uintptr_t distance(const seq_sim_range *r, uintptr_t p) {
  return p < r->begin ? r->begin - p : p >= r->end ? p - r->end + 1 : 0;
}

static void out_of_bounds(seq_sim *sim, uintptr_t p, int64_t bytes, int32_t flags,
                          const seq_sim_site *site) {
  const seq_sim_range *near = NULL;
  for (int32_t i = 0; i < sim->n_ranges; i++)
    if (!near || distance(&sim->ranges[i], p) < distance(near, p))
      near = &sim->ranges[i];
  seq_sim_text text = seq_sim_place(site);
  const char *place = text.s;
  if (!near)
    seq_sim_fail("%s of %lld bytes at %s: kernels may touch no global memory", verb(flags),
                 (long long)bytes, place);
  else if (holds(near, p, bytes, false))
    seq_sim_fail("write of %lld bytes at %s to `%s`, which is only to be read: at byte %lld",
                 (long long)bytes, place, near->what, (long long)(p - near->begin));
  else
    seq_sim_fail("%s of %lld bytes at %s is out of bounds: at byte %lld of `%s`, which has %lld",
                 verb(flags), (long long)bytes, place, (long long)(p - near->begin), near->what,
                 (long long)(near->end - near->begin));
}

/* What an access touches: a range, or shared memory where that is null. */
typedef struct seq_sim_spot {
  const seq_sim_range *range;
  uintptr_t offset;
} seq_sim_spot;

static seq_sim_text describe(seq_sim_spot spot) {
  seq_sim_text text;
  snprintf(text.s, sizeof text.s, "byte %lld of %s%s%s", (long long)spot.offset,
           spot.range ? "`" : "", spot.range ? spot.range->what : "shared memory",
           spot.range ? "`" : "");
  return text;
}

static void race(const seq_sim_thread *t, const seq_sim_event *was, bool was_write,
                 const char *what, seq_sim_spot spot, const seq_sim_site *site) {
  seq_sim_text here = seq_sim_place(site), there = seq_sim_place(was->site), at = describe(spot);
  char who[64];
  if (was->block == (uint32_t)t->block->index)
    snprintf(who, sizeof who, "thread %d", was->thread);
  else
    snprintf(who, sizeof who, "thread %d of block %u", was->thread, was->block);
  if (was->kind == EVENT_IN_FLIGHT)
    seq_sim_fail("%s of %s at %s, where the asynchronous copy of %s at %s has not landed", what,
                 at.s, here.s, who, there.s);
  else
    seq_sim_fail("%s of %s at %s races with the %s by %s at %s: nothing orders them", what, at.s,
                 here.s, was_write ? "write" : "read", who, there.s);
}

/* --- the check of one access */

/* Checks cell by cell, from the one that holds byte `spot.offset`; each has `width` bytes. */
static void touch(seq_sim_thread *t, seq_sim_cell *cell, int width, seq_sim_spot spot,
                  int64_t bytes, int32_t flags, const seq_sim_site *site) {
  bool writes = flags & SEQ_SIM_WRITE, reads = flags & SEQ_SIM_READ;
  bool atomic = flags & SEQ_SIM_ATOMIC;
  /* Before its block there was other shared memory. */
  uint32_t since = spot.range ? seq_sim_running->started : t->block->start;
  seq_sim_event e = {.site = site,
                     .stamp = seq_sim_running->now,
                     .block = (uint32_t)t->block->index,
                     .thread = (uint16_t)t->index,
                     .kind = atomic ? EVENT_ATOMIC : EVENT_PLAIN};
  for (; bytes > 0; cell++) {
    int skip = (int)(spot.offset % (uintptr_t)width);
    int here = width - skip < bytes ? width - skip : (int)bytes;
    e.bytes = (uint8_t)(((1u << here) - 1) << skip);
    if (atomic)
      seq_sim_learn(t, &cell->write);
    const seq_sim_event *was = seq_sim_clash(t, cell, &e, writes, since);
    if (was)
      race(t, was, was == &cell->write, verb(flags), spot, site);
    if (reads && !spot.range && cell->write.stamp <= t->block->start)
      seq_sim_fail("%s of byte %lld of shared memory at %s: no thread of this block has written "
                   "there",
                   verb(flags), (long long)spot.offset, seq_sim_place(site).s);
    seq_sim_remember(cell, &e, reads, writes);
    spot.offset += (uintptr_t)here;
    bytes -= here;
  }
  if (atomic && writes)
    seq_sim_running->now++;
}

static void access_shared(seq_sim_thread *t, uintptr_t offset, int64_t bytes, int32_t flags,
                          const seq_sim_site *site) {
  int32_t size = seq_sim_running->kernel->shared_bytes;
  if ((int64_t)offset + bytes > size)
    seq_sim_fail("%s of %lld bytes at %s is out of bounds: at byte %lld of shared memory, of which "
                 "the kernel has %d",
                 verb(flags), (long long)bytes, seq_sim_place(site).s, (long long)offset, size);
  touch(t, &t->block->cells[offset], 1, (seq_sim_spot){NULL, offset}, bytes, flags, site);
}

static void access_global(seq_sim_thread *t, uintptr_t p, int64_t bytes, int32_t flags,
                          const seq_sim_site *site) {
  seq_sim *sim = seq_sim_running;
  seq_sim_range *range = find_range(sim, p, bytes, flags & SEQ_SIM_WRITE);
  if (!range) {
    out_of_bounds(sim, p, bytes, flags, site);
    return;
  }
  /* What nobody writes has no races. */
  if (!range->writable)
    return;
  if (!range->cells)
    range->cells = calloc((range->end - range->begin) / 4 + 2, sizeof(seq_sim_cell));
  if (!range->cells)
    seq_sim_fail("no memory to watch the accesses to `%s`", range->what);
  uintptr_t offset = p - range->begin;
  touch(t, &range->cells[offset / 4], 4, (seq_sim_spot){range, offset}, bytes, flags, site);
}

void seq_sim_access(const void *p, int64_t bytes, int32_t flags, const seq_sim_site *site) {
  seq_sim *sim = seq_sim_running;
  seq_sim_thread *t = sim->current;
  uintptr_t at = (uintptr_t)p, align = (uintptr_t)(flags / SEQ_SIM_ALIGN);
  uintptr_t offset = at - (uintptr_t)t->block->arena;
  if (bytes <= 0 || at - (uintptr_t)t->stack < STACK_BYTES)
    return;
  if (align > 1 && at % align != 0)
    seq_sim_fail("%s at %s needs an address that is a multiple of %d, and has %p", verb(flags),
                 seq_sim_place(site).s, (int)align, p);
  if ((flags & SEQ_SIM_WRITE) && !(flags & SEQ_SIM_SPIN))
    sim->moved = true;
  if (offset < ARENA_BYTES)
    access_shared(t, offset, bytes, flags, site);
  else
    access_global(t, at, bytes, flags, site);
  if (sim->counts)
    seq_sim_count_access(t, p, bytes, flags, offset < ARENA_BYTES, site);
}

/* --- asynchronous copies: the target is marked from the start, and written at the end */

void seq_sim_take_off(seq_sim_thread *t, const seq_sim_flight *flight) {
  seq_sim_access(flight->to, flight->bytes, SEQ_SIM_WRITE | flight->bytes * SEQ_SIM_ALIGN,
                 flight->site);
  seq_sim_cell *cells = &t->block->cells[(uint8_t *)flight->to - t->block->arena];
  for (int32_t i = 0; i < flight->bytes; i++)
    cells[i].write.kind = EVENT_IN_FLIGHT;
  memset(flight->to, 0xFF, (size_t)flight->bytes);
}

void seq_sim_land(seq_sim_thread *t, const seq_sim_flight *flight) {
  seq_sim_cell *cells = &t->block->cells[(uint8_t *)flight->to - t->block->arena];
  for (int32_t i = 0; i < flight->bytes; i++) {
    cells[i].write.kind = EVENT_PLAIN;
    cells[i].write.stamp = seq_sim_running->now;
  }
  memset(flight->to, 0, (size_t)flight->bytes);
  memcpy(flight->to, flight->from, (size_t)flight->source_bytes);
}
