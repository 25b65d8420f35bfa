/* Bulk copies: of a run of bytes, or of a tensor's box, by a unit of their own, the asynchronous
 * proxy. What they load tells a barrier in shared memory; what they store is waited for in groups.
 *
 * They land as late as they may: loads when a thread waits for their barrier, stores when their
 * thread waits for their group, or ends. Until then the target is poison, and whoever touches it
 * is told so. The source is read when they land, and nobody may have written there meanwhile. */
#include "Parts.h"

#include <stdlib.h>
#include <string.h>

static const char *const kCopy = "the asynchronous copy";

/* --- those that are on their way */

static void drop(seq_sim *sim, int32_t i) {
  free(sim->bulks[i].pieces);
  free(sim->bulks[i].taken);
  sim->n_bulks--;
  memmove(&sim->bulks[i], &sim->bulks[i + 1], (size_t)(sim->n_bulks - i) * sizeof(seq_sim_bulk));
}

void seq_sim_free_bulks(seq_sim *sim) {
  while (sim->n_bulks > 0)
    drop(sim, sim->n_bulks - 1);
  free(sim->bulks);
  sim->bulks = NULL;
  sim->most_bulks = 0;
}

seq_sim_bulk *seq_sim_new_bulk(const seq_sim_site *site) {
  seq_sim *sim = seq_sim_running;
  seq_sim_needs_fibers("begins an asynchronous copy", site);
  if (sim->n_bulks == sim->most_bulks)
    sim->bulks = seq_sim_grown(sim->bulks, &sim->most_bulks, sizeof(seq_sim_bulk));
  seq_sim_bulk *bulk = &sim->bulks[sim->n_bulks++];
  *bulk = (seq_sim_bulk){.thread = sim->current, .site = site, .group = -1};
  return bulk;
}

void seq_sim_add_piece(seq_sim_bulk *bulk, uint8_t *to, const uint8_t *from, int64_t bytes) {
  seq_sim_piece *last = bulk->n_pieces ? &bulk->pieces[bulk->n_pieces - 1] : NULL;
  if (last && last->to + last->bytes == to &&
      (from ? last->from && last->from + last->bytes == from : !last->from)) {
    last->bytes += bytes;
    return;
  }
  if (bulk->n_pieces == bulk->most_pieces)
    bulk->pieces = seq_sim_grown(bulk->pieces, &bulk->most_pieces, sizeof(seq_sim_piece));
  bulk->pieces[bulk->n_pieces++] = (seq_sim_piece){to, from, bytes};
}

/* --- the beginning: both sides are checked as if it were done at once */

static void begin(seq_sim_bulk *bulk) {
  seq_sim_need_clocks(bulk->thread->block);
  for (int32_t i = 0; i < bulk->n_pieces; i++) {
    const seq_sim_piece *p = &bulk->pieces[i];
    if (!p->from)
      continue;
    seq_sim_check(p->from, p->bytes, SEQ_SIM_READ | READ_LATER, bulk->site);
    seq_sim_check_fenced(p->from, p->bytes, kCopy, bulk->site);
  }
  for (int32_t i = 0; i < bulk->n_pieces; i++) {
    const seq_sim_piece *p = &bulk->pieces[i];
    seq_sim_check_fenced(p->to, p->bytes, kCopy, bulk->site);
    seq_sim_check(p->to, p->bytes, SEQ_SIM_WRITE, bulk->site);
    seq_sim_mark(p->to, p->bytes, EVENT_IN_FLIGHT);
    memset(p->to, 0xFF, (size_t)p->bytes);
  }
  bulk->stamp = seq_sim_running->now++;
  if (seq_sim_running->counts)
    seq_sim_count_bulk(bulk);
}

/* The barrier that a load tells, which the copies' unit has to see. */
static void check_mbarrier(seq_sim_block *b, uint32_t at, const seq_sim_site *site) {
  const seq_sim_mbarrier *m = seq_sim_mbarrier_at(b, at, kCopy, site);
  seq_sim_check_known(b, m, kCopy, site);
  if (!m->fenced)
    seq_sim_fail("%s at %s tells the barrier of byte %u of shared memory, which thread %d "
                 "initialised at %s: a fence.mbarrier_init or fence.proxy.async has to come "
                 "between",
                 kCopy, seq_sim_place(site).s, at, m->thread, seq_sim_place(m->site).s);
}

static void begin_load_of(seq_sim_bulk *bulk, seq_sim_block *b, uint32_t at) {
  check_mbarrier(b, at, bulk->site);
  bulk->target = b;
  bulk->mbarrier = at;
  begin(bulk);
  seq_sim_tell(b, at);
}

/* The same copy to another block of the cluster. */
static seq_sim_bulk *twin(const seq_sim_bulk *from, int64_t shift) {
  seq_sim_bulk *to = seq_sim_new_bulk(from->site);
  to->tx = from->tx;
  for (int32_t i = 0; i < from->n_pieces; i++)
    seq_sim_add_piece(to, from->pieces[i].to + shift, from->pieces[i].from, from->pieces[i].bytes);
  return to;
}

static void multicast(seq_sim_bulk *bulk, uint32_t at, uint32_t blocks) {
  seq_sim *sim = seq_sim_running;
  seq_sim_block *own = sim->current->block;
  seq_sim_bulk pattern = *bulk; /* goes to nobody itself */
  sim->n_bulks--;
  if (blocks >> sim->cluster)
    seq_sim_fail("%s at %s goes to the blocks of mask 0x%x, but the cluster has %d", kCopy,
                 seq_sim_place(pattern.site).s, blocks, sim->cluster);
  for (int32_t i = 0; i < sim->cluster; i++) {
    seq_sim_block *b = sim->blocks[own->first->slot + i];
    if (blocks >> i & 1)
      begin_load_of(twin(&pattern, b->arena - own->arena), b, at);
  }
  free(pattern.pieces);
}

void seq_sim_begin_load(seq_sim_bulk *bulk, const uint8_t *to, void *mbarrier, uint32_t blocks) {
  seq_sim_block *b = seq_sim_block_of(to);
  seq_sim_offset(b, to, "the target of an asynchronous copy", bulk->site);
  uint32_t at = seq_sim_offset(b, mbarrier, "the barrier of an asynchronous copy", bulk->site);
  if (blocks)
    multicast(bulk, at, blocks);
  else
    begin_load_of(bulk, b, at);
}

void seq_sim_begin_store(seq_sim_bulk *bulk) {
  begin(bulk);
}

/* --- the end */

static void read_source(const seq_sim_bulk *bulk) {
  for (int32_t i = 0; i < bulk->n_pieces; i++)
    if (bulk->pieces[i].from)
      seq_sim_read_late(bulk->pieces[i].from, bulk->pieces[i].bytes, bulk->stamp, BY_COPIES,
                        bulk->target, kCopy, bulk->site);
}

bool seq_sim_land_one(seq_sim_block *b, uint32_t mbarrier) {
  seq_sim *sim = seq_sim_running;
  int32_t k = 0;
  while (k < sim->n_bulks && (sim->bulks[k].target != b || sim->bulks[k].mbarrier != mbarrier))
    k++;
  if (k == sim->n_bulks)
    return false;
  const seq_sim_bulk *bulk = &sim->bulks[k];
  seq_sim_mbarrier *m = seq_sim_mbarrier_at(b, mbarrier, kCopy, bulk->site);
  read_source(bulk);
  for (int32_t i = 0; i < bulk->n_pieces; i++) {
    const seq_sim_piece *p = &bulk->pieces[i];
    if (p->from)
      memcpy(p->to, p->from, (size_t)p->bytes);
    else
      memset(p->to, 0, (size_t)p->bytes);
    seq_sim_mark(p->to, p->bytes, EVENT_LANDED);
  }
  int64_t tx = bulk->tx;
  drop(sim, k);
  seq_sim_complete(b, m, tx);
  return true;
}

/* What a store reads, which may be written again from now on. */
static void take(seq_sim_bulk *bulk) {
  int64_t bytes = 0;
  for (int32_t i = 0; i < bulk->n_pieces; i++)
    bytes += bulk->pieces[i].bytes;
  read_source(bulk);
  bulk->taken = malloc((size_t)bytes + 1);
  if (!bulk->taken)
    seq_sim_fail("no memory for asynchronous copies");
  uint8_t *to = bulk->taken;
  for (int32_t i = 0; i < bulk->n_pieces; to += bulk->pieces[i++].bytes)
    memcpy(to, bulk->pieces[i].from, (size_t)bulk->pieces[i].bytes);
}

static void store(const seq_sim_bulk *bulk) {
  const uint8_t *from = bulk->taken;
  for (int32_t i = 0; i < bulk->n_pieces; from += bulk->pieces[i++].bytes) {
    memcpy(bulk->pieces[i].to, from, (size_t)bulk->pieces[i].bytes);
    seq_sim_mark(bulk->pieces[i].to, bulk->pieces[i].bytes, EVENT_PLAIN);
  }
}

/* Those of `t` in the groups before number `end`, or their sources alone. */
static void finish(seq_sim_thread *t, int32_t end, bool read_only) {
  seq_sim *sim = seq_sim_running;
  for (int32_t i = 0; i < sim->n_bulks;) {
    seq_sim_bulk *bulk = &sim->bulks[i];
    bool is_due = bulk->thread == t && !bulk->target && bulk->group >= 0 && bulk->group < end;
    if (is_due && !bulk->taken)
      take(bulk);
    if (is_due && !read_only) {
      store(bulk);
      drop(sim, i);
    } else {
      i++;
    }
  }
}

/* Sources that nobody waited for are left, and reported when the block ends. */
void seq_sim_end_bulks(seq_sim_thread *t) {
  seq_sim *sim = seq_sim_running;
  for (int32_t i = 0; i < sim->n_bulks;) {
    if (sim->bulks[i].thread == t && sim->bulks[i].taken) {
      store(&sim->bulks[i]);
      drop(sim, i);
    } else {
      i++;
    }
  }
}

/* --- runs of bytes, and groups */

static void check_run(const void *to, const void *from, int32_t bytes, const seq_sim_site *site) {
  if (bytes <= 0 || bytes % 16 != 0 || (uintptr_t)to % 16 != 0 || (uintptr_t)from % 16 != 0)
    seq_sim_fail("%s at %s of %d bytes from %p to %p: sizes and addresses are multiples of 16",
                 kCopy, seq_sim_place(site).s, bytes, from, to);
}

void seq_sim_bulk_load(void *to, const void *from, int32_t bytes, void *mbarrier, int32_t blocks,
                       const seq_sim_site *site) {
  check_run(to, from, bytes, site);
  seq_sim_bulk *bulk = seq_sim_new_bulk(site);
  bulk->tx = bytes;
  seq_sim_add_piece(bulk, to, from, bytes);
  seq_sim_begin_load(bulk, to, mbarrier, (uint32_t)blocks);
}

void seq_sim_bulk_store(void *to, const void *from, int32_t bytes, const seq_sim_site *site) {
  check_run(to, from, bytes, site);
  seq_sim_offset(seq_sim_running->current->block, from, "the source of an asynchronous copy", site);
  seq_sim_bulk *bulk = seq_sim_new_bulk(site);
  seq_sim_add_piece(bulk, to, from, bytes);
  seq_sim_begin_store(bulk);
}

void seq_sim_bulk_commit(void) {
  seq_sim *sim = seq_sim_running;
  seq_sim_thread *t = sim->current;
  for (int32_t i = 0; i < sim->n_bulks; i++)
    if (sim->bulks[i].thread == t && !sim->bulks[i].target && sim->bulks[i].group < 0)
      sim->bulks[i].group = t->bulk_groups;
  t->bulk_groups++;
}

void seq_sim_bulk_wait(int32_t pending, int32_t read_only) {
  seq_sim_thread *t = seq_sim_running->current;
  finish(t, t->bulk_groups - pending, read_only);
}
