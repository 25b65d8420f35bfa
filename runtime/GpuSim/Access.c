/* Checks of each access: alignment, bounds, what was never written, races. */
#include "Parts.h"

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

/* What an access touches: a range, or shared memory of a block where that is null. */
typedef struct seq_sim_spot {
  const seq_sim_range *range;
  const seq_sim_block *block;
  uintptr_t offset;
} seq_sim_spot;

static seq_sim_text describe(seq_sim_spot spot) {
  seq_sim_text text;
  if (spot.range)
    snprintf(text.s, sizeof text.s, "byte %lld of `%s`", (long long)spot.offset, spot.range->what);
  else if (spot.block == seq_sim_running->current->block)
    snprintf(text.s, sizeof text.s, "byte %lld of shared memory", (long long)spot.offset);
  else
    snprintf(text.s, sizeof text.s, "byte %lld of shared memory of block %lld",
             (long long)spot.offset, (long long)spot.block->index);
  return text;
}

/* Who it was, as seen by `t`. */
static seq_sim_text name_event(const seq_sim_thread *t, const seq_sim_event *was) {
  seq_sim_text who;
  if (was->kind == EVENT_LANDED)
    snprintf(who.s, sizeof who.s, "an asynchronous %s",
             was->thread == seq_sim_running->kernel->threads + BY_COPIES ? "copy" : "product");
  else if (was->block == (uint32_t)t->block->index)
    snprintf(who.s, sizeof who.s, "thread %d", was->thread);
  else
    snprintf(who.s, sizeof who.s, "thread %d of block %u", was->thread, was->block);
  return who;
}

static void race(const seq_sim_thread *t, const seq_sim_event *was, bool was_write,
                 const char *what, seq_sim_spot spot, const seq_sim_site *site) {
  seq_sim_text here = seq_sim_place(site), there = seq_sim_place(was->site), at = describe(spot);
  seq_sim_text by = name_event(t, was);
  const char *who = by.s;
  if (was->kind == EVENT_IN_FLIGHT)
    seq_sim_fail("%s of %s at %s, where the asynchronous copy of %s at %s has not landed", what,
                 at.s, here.s, who, there.s);
  else
    seq_sim_fail("%s of %s at %s races with the %s by %s at %s: nothing orders them", what, at.s,
                 here.s, was_write ? "write" : "read", who, there.s);
}

/* --- the check of one access */

seq_sim_block *seq_sim_block_of(const void *p) {
  seq_sim *sim = seq_sim_running;
  seq_sim_block *own = sim->current->block;
  if ((uintptr_t)p - (uintptr_t)own->arena < ARENA_BYTES)
    return own;
  for (int32_t i = 0; sim->cluster > 1 && i < sim->cluster; i++) {
    seq_sim_block *b = sim->blocks[own->first->slot + i];
    if ((uintptr_t)p - (uintptr_t)b->arena < ARENA_BYTES)
      return b;
  }
  return NULL;
}

uint32_t seq_sim_offset(const seq_sim_block *b, const void *p, const char *what,
                        const seq_sim_site *site) {
  if (!b || (uintptr_t)p - (uintptr_t)b->arena >= ARENA_BYTES)
    seq_sim_fail("%s at %s is not in shared memory", what, seq_sim_place(site).s);
  return (uint32_t)((uintptr_t)p - (uintptr_t)b->arena);
}

static inline seq_sim_event new_event(const seq_sim_thread *t, int32_t flags,
                                      const seq_sim_site *site) {
  seq_sim_event e = {.site = site,
                     .stamp = seq_sim_running->now,
                     .block = (uint32_t)t->block->index,
                     .thread = (uint16_t)t->index};
  if (!(flags & SEQ_SIM_ATOMIC))
    return e;
  bool in_block =
      flags & SEQ_SIM_RELEASE ? flags & SEQ_SIM_IN_BLOCK : t->released_in_block > t->released;
  e.kind = in_block ? EVENT_ATOMIC_IN_BLOCK : EVENT_ATOMIC;
  e.released = flags & SEQ_SIM_RELEASE ? e.stamp : in_block ? t->released_in_block : t->released;
  return e;
}

/* A write of this block before its last barrier, as most are that are read. */
static inline bool is_long_ago(const seq_sim_thread *t, const seq_sim_event *write) {
  return write->stamp <= t->block->floor && write->block == (uint32_t)t->block->index &&
         write->kind != EVENT_IN_FLIGHT;
}

/* Checks cell by cell, from the one that holds byte `spot.offset`; each has `width` bytes. Inline,
 * for that is a constant: most of the simulator's time is spent here. */
static inline __attribute__((always_inline)) void touch(seq_sim_thread *t, seq_sim_cell *cell,
                                                        int width, seq_sim_spot spot,
                                                        uint32_t since, int64_t bytes,
                                                        int32_t flags, const seq_sim_site *site) {
  bool writes = flags & SEQ_SIM_WRITE, reads = flags & SEQ_SIM_READ;
  bool atomic = flags & SEQ_SIM_ATOMIC;
  if (atomic && !(flags & BARRIER_WORD))
    seq_sim_hand_over(t,
                      spot.range ? spot.range->begin + spot.offset
                                 : (uintptr_t)spot.block->arena + spot.offset,
                      flags);
  seq_sim_event e = new_event(t, flags, site);
  uint32_t released = e.released;
  for (; bytes > 0; cell++) {
    int skip = (int)(spot.offset % (uintptr_t)width);
    int here = width - skip < bytes ? width - skip : (int)bytes;
    e.bytes = (uint8_t)(((1u << here) - 1) << skip);
    if (atomic && reads) {
      seq_sim_see(t, &cell->write);
      e.released = writes && cell->write.released > released ? cell->write.released : released;
    }
    const seq_sim_event *was =
        !writes && is_long_ago(t, &cell->write) ? NULL : seq_sim_clash(t, cell, &e, writes, since);
    if (was)
      race(t, was, was == &cell->write, verb(flags), spot, site);
    if (reads && !spot.range && cell->write.stamp <= since)
      seq_sim_fail("%s of %s at %s: no thread of this block has written there", verb(flags),
                   describe(spot).s, seq_sim_place(site).s);
    if (!(flags & READ_LATER))
      seq_sim_remember(cell, &e, reads, writes);
    spot.offset += (uintptr_t)here;
    bytes -= here;
  }
  if (flags & SEQ_SIM_ACQUIRE)
    seq_sim_acquire(t);
  if (atomic && writes)
    seq_sim_running->now++;
}

/* Those of another block are of the same cluster. */
static void access_shared(seq_sim_thread *t, seq_sim_block *b, uintptr_t offset, int64_t bytes,
                          int32_t flags, const seq_sim_site *site) {
  int32_t size = seq_sim_running->kernel->shared_bytes;
  if ((int64_t)offset + bytes > size)
    seq_sim_fail("%s of %lld bytes at %s is out of bounds: at byte %lld of shared memory, of which "
                 "the kernel has %d",
                 verb(flags), (long long)bytes, seq_sim_place(site).s, (long long)offset, size);
  if (b->ended)
    seq_sim_fail("%s of shared memory of block %lld at %s, which has ended", verb(flags),
                 (long long)b->index, seq_sim_place(site).s);
  /* Before its block there was other shared memory. */
  touch(t, &b->cells[offset], 1, (seq_sim_spot){NULL, b, offset}, b->start, bytes, flags, site);
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
  touch(t, &range->cells[offset / 4], 4, (seq_sim_spot){range, NULL, offset}, sim->started, bytes,
        flags, site);
}

/* A loop that only looks at one place, and lets nobody else run, waits for ever. */
static void check_repeats(seq_sim_thread *t, const void *p, int32_t flags,
                          const seq_sim_site *site) {
  t->repeats = 0;
  if (p == t->last && !(flags & (SEQ_SIM_WRITE | SEQ_SIM_ATOMIC)))
    seq_sim_fail("read of the same place at %s, %d times in a row: a loop that waits for another "
                 "thread needs an atomic or volatile access",
                 seq_sim_place(site).s, MOST_REPEATS);
  t->last = p;
}

static bool on_stack(const void *p) {
  return (uintptr_t)p - (uintptr_t)seq_sim_running->current->stack < STACK_BYTES;
}

void seq_sim_access(const void *p, int64_t bytes, int32_t flags, const seq_sim_site *site) {
  if (bytes <= 0 || on_stack(p))
    return;
  seq_sim_check(p, bytes, flags, site);
  if (seq_sim_running->counts)
    seq_sim_count_access(seq_sim_running->current, p, bytes, flags, seq_sim_block_of(p) != NULL,
                         site);
}

void seq_sim_check(const void *p, int64_t bytes, int32_t flags, const seq_sim_site *site) {
  seq_sim *sim = seq_sim_running;
  seq_sim_thread *t = sim->current;
  uintptr_t at = (uintptr_t)p, align = (uintptr_t)(flags / SEQ_SIM_ALIGN);
  seq_sim_block *b = seq_sim_block_of(p);
  if (align > 1 && at % align != 0)
    seq_sim_fail("%s at %s needs an address that is a multiple of %d, and has %p", verb(flags),
                 seq_sim_place(site).s, (int)align, p);
  if ((flags & SEQ_SIM_WRITE) && !(flags & SEQ_SIM_SPIN))
    sim->moved = true;
  if (site != t->last_site)
    t->last_site = site, t->last = p, t->repeats = 0;
  else if (++t->repeats == MOST_REPEATS)
    check_repeats(t, p, flags, site);
  if (b)
    access_shared(t, b, at - (uintptr_t)b->arena, bytes, flags, site);
  else
    access_global(t, at, bytes, flags, site);
}

/* --- what copies and products do later than they were asked for */

typedef void (*visit_fn)(seq_sim_cell *cell, seq_sim_spot spot, uint8_t bytes, void *with);

/* Visits the cells of memory whose bounds have been checked; what is only read has none. */
static void visit(const void *p, int64_t bytes, visit_fn fn, void *with) {
  seq_sim_block *b = seq_sim_block_of(p);
  seq_sim_range *range = b ? NULL : find_range(seq_sim_running, (uintptr_t)p, bytes, false);
  seq_sim_cell *cells = b ? b->cells : range ? range->cells : NULL;
  uintptr_t offset = (uintptr_t)p - (b ? (uintptr_t)b->arena : range ? range->begin : 0);
  uintptr_t width = b ? 1 : 4;
  while (cells && bytes > 0) {
    uintptr_t skip = offset % width, here = width - skip;
    here = here < (uintptr_t)bytes ? here : (uintptr_t)bytes;
    fn(&cells[offset / width], (seq_sim_spot){range, b, offset},
       (uint8_t)(((1u << here) - 1) << skip), with);
    offset += here;
    bytes -= (int64_t)here;
  }
}

typedef struct late {
  const char *what;
  const seq_sim_site *site;
  uint32_t stamp;
  const seq_sim_block *block; /* in whose agent's name; null: the thread's */
  int agent;
  uint8_t kind;
} late;

static void name_agent(seq_sim_event *e, const late *l) {
  e->kind = EVENT_LANDED;
  e->block = (uint32_t)l->block->index;
  e->thread = (uint16_t)(seq_sim_running->kernel->threads + l->agent);
}

static void check_fenced(seq_sim_cell *cell, seq_sim_spot spot, uint8_t bytes, void *with) {
  const late *l = with;
  const seq_sim_event *e = &cell->write;
  seq_sim_thread *t = seq_sim_running->current;
  (void)bytes;
  if (e->stamp <= l->stamp || e->kind == EVENT_LANDED || e->kind == EVENT_IN_FLIGHT)
    return;
  const seq_sim_block *b = seq_sim_in_domain(t->block, e->block);
  if (b && e->stamp > b->fenced[e->thread])
    seq_sim_fail("%s at %s touches %s, which %s wrote at %s: a fence.proxy.async has to come "
                 "between",
                 l->what, seq_sim_place(l->site).s, describe(spot).s, name_event(t, e).s,
                 seq_sim_place(e->site).s);
}

void seq_sim_check_fenced(const void *p, int64_t bytes, const char *what,
                          const seq_sim_site *site) {
  /* Before its block there was other shared memory; before the launch, other kernels. */
  const seq_sim_block *b = seq_sim_block_of(p);
  late l = {.what = what, .site = site, .stamp = b ? b->start : seq_sim_running->started};
  visit(p, bytes, check_fenced, &l);
}

static void read_late(seq_sim_cell *cell, seq_sim_spot spot, uint8_t bytes, void *with) {
  const late *l = with;
  seq_sim_thread *t = seq_sim_running->current;
  if (cell->write.stamp > l->stamp && (cell->write.bytes & bytes))
    seq_sim_fail("%s at %s was still reading %s when %s wrote there at %s", l->what,
                 seq_sim_place(l->site).s, describe(spot).s, name_event(t, &cell->write).s,
                 seq_sim_place(cell->write.site).s);
  seq_sim_event e = new_event(t, SEQ_SIM_READ, l->site);
  e.bytes = bytes;
  if (l->block)
    name_agent(&e, l);
  seq_sim_remember(cell, &e, true, false);
}

void seq_sim_read_late(const void *p, int64_t bytes, uint32_t stamp, int agent,
                       const seq_sim_block *of, const char *what, const seq_sim_site *site) {
  late l = {.what = what, .site = site, .stamp = stamp, .block = of, .agent = agent};
  visit(p, bytes, read_late, &l);
}

static void mark(seq_sim_cell *cell, seq_sim_spot spot, uint8_t bytes, void *with) {
  const late *l = with;
  (void)bytes;
  (void)spot;
  cell->write.kind = l->kind;
  if (l->kind == EVENT_IN_FLIGHT)
    return;
  cell->write.stamp = seq_sim_running->now;
  if (l->block)
    name_agent(&cell->write, l);
}

void seq_sim_mark(const void *p, int64_t bytes, uint8_t kind) {
  late l = {.kind = kind, .block = kind == EVENT_LANDED ? seq_sim_block_of(p) : NULL};
  visit(p, bytes, mark, &l);
}

/* --- copies of a thread: the target is marked from the start, and written at the end */

void seq_sim_take_off(const seq_sim_flight *flight) {
  seq_sim_access(flight->to, flight->bytes, SEQ_SIM_WRITE | flight->bytes * SEQ_SIM_ALIGN,
                 flight->site);
  seq_sim_mark(flight->to, flight->bytes, EVENT_IN_FLIGHT);
  memset(flight->to, 0xFF, (size_t)flight->bytes);
}

void seq_sim_land(const seq_sim_flight *flight) {
  seq_sim_mark(flight->to, flight->bytes, EVENT_PLAIN);
  memset(flight->to, 0, (size_t)flight->bytes);
  memcpy(flight->to, flight->from, (size_t)flight->source_bytes);
}
