/* Barriers in shared memory, which count arrivals and bytes of asynchronous copies.
 *
 *     init(b, 1)                         a phase needs one arrival
 *     arrive.expect_tx(b, 4096)          this one, and 4096 bytes
 *     copy 4096 bytes, which tell b
 *     wait(b, parity 0)                  for the phase's end
 *
 * The word in shared memory holds the counts, so that who writes over it is found; clocks and
 * waiters are kept beside. Copies land when a thread waits and no arrival is missing: as late as
 * they may. A wait is a wait of the fiber, so that one which nobody ends is reported at once. */
#include "Parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_COUNT ((1 << 20) - 1)

static const char *const kMbarrier = "a barrier in shared memory";

/* What its word holds. */
static uint64_t word_of(const seq_sim_mbarrier *m) {
  return (uint64_t)m->pending | (uint64_t)m->count << 20 | ((uint64_t)m->tx & 0x3FFFFF) << 40 |
         (uint64_t)(m->phase & 1) << 63;
}

static void store_word(seq_sim_block *b, const seq_sim_mbarrier *m) {
  uint64_t word = word_of(m);
  memcpy(b->arena + m->at, &word, sizeof word);
}

static seq_sim_mbarrier *find(seq_sim_block *b, uint32_t at) {
  for (int32_t i = 0; i < b->n_mbarriers; i++)
    if (b->mbarriers[i].at == at)
      return &b->mbarriers[i];
  return NULL;
}

seq_sim_mbarrier *seq_sim_mbarrier_at(seq_sim_block *b, uint32_t at, const char *what,
                                      const seq_sim_site *site) {
  seq_sim_mbarrier *m = find(b, at);
  if (!m)
    seq_sim_fail("%s at %s: there is no barrier at byte %u of shared memory, it has not been "
                 "initialised or is no longer valid",
                 what, seq_sim_place(site).s, at);
  uint64_t word = word_of(m);
  if (memcmp(b->arena + at, &word, sizeof word) != 0)
    seq_sim_fail("%s at %s: the barrier at byte %u of shared memory, initialised at %s, has been "
                 "written over",
                 what, seq_sim_place(site).s, at, seq_sim_place(m->site).s);
  return m;
}

static void drop(seq_sim_mbarrier *m) {
  free(m->came);
  free(m->done);
}

void seq_sim_drop_mbarriers(seq_sim_block *b) {
  for (int32_t i = 0; i < b->n_mbarriers; i++)
    drop(&b->mbarriers[i]);
  b->n_mbarriers = 0;
}

/* --- init and inval */

static seq_sim_mbarrier *add(seq_sim_block *b) {
  if (b->n_mbarriers == b->most_mbarriers)
    b->mbarriers = seq_sim_grown(b->mbarriers, &b->most_mbarriers, sizeof *b->mbarriers);
  return &b->mbarriers[b->n_mbarriers++];
}

void seq_sim_mbarrier_init(void *p, int32_t count, const seq_sim_site *site) {
  seq_sim_thread *t = seq_sim_running->current;
  seq_sim_block *b = t->block;
  uint32_t at = seq_sim_offset(b, p, "a barrier that is initialised", site);
  seq_sim_needs_fibers("initialises a barrier in shared memory", site);
  if (count < 1 || count > MOST_COUNT)
    seq_sim_fail("initialises a barrier at %s for %d arrivals: it takes 1 to %d",
                 seq_sim_place(site).s, count, MOST_COUNT);
  if (find(b, at))
    seq_sim_fail("initialises a barrier at %s where there is one, initialised at %s: it has to be "
                 "invalidated first",
                 seq_sim_place(site).s, seq_sim_place(find(b, at)->site).s);
  seq_sim_access(p, 8, SEQ_SIM_WRITE | 8 * SEQ_SIM_ALIGN, site);
  seq_sim_need_clocks(b);
  seq_sim_mbarrier *m = add(b);
  *m = (seq_sim_mbarrier){.at = at, .count = count, .pending = count, .site = site};
  m->thread = t->index;
  m->stamp = seq_sim_running->now++;
  m->came = seq_sim_new_clock(b);
  m->done = seq_sim_new_clock(b);
  store_word(b, m);
}

/* Later arrivals hide the write of its word from the shadow. */
void seq_sim_check_known(const seq_sim_block *b, const seq_sim_mbarrier *m, const char *what,
                         const seq_sim_site *site) {
  if (m->stamp > seq_sim_knows(seq_sim_running->current, seq_sim_entry(b, m->thread)))
    seq_sim_fail("%s at %s: thread %d initialised the barrier at byte %u of shared memory at %s, "
                 "and nothing orders them",
                 what, seq_sim_place(site).s, m->thread, m->at, seq_sim_place(m->site).s);
}

/* The barrier for an operation of the thread that runs. */
static seq_sim_mbarrier *use(seq_sim_block *b, void *p, const char *what, int32_t flags,
                             const seq_sim_site *site) {
  uint32_t at = seq_sim_offset(b, p, what, site);
  seq_sim_check_known(b, seq_sim_mbarrier_at(b, at, what, site), what, site);
  seq_sim_access(p, 8, flags | SEQ_SIM_READ | SEQ_SIM_ATOMIC | BARRIER_WORD | 8 * SEQ_SIM_ALIGN,
                 site);
  return find(b, at);
}

void seq_sim_mbarrier_inval(void *p, const seq_sim_site *site) {
  seq_sim_block *b = seq_sim_running->current->block;
  seq_sim_mbarrier *m = seq_sim_mbarrier_at(b, seq_sim_offset(b, p, "a barrier", site),
                                            "invalidates a barrier", site);
  if (m->waiters > 0)
    seq_sim_fail("invalidates a barrier at %s for which %d threads wait", seq_sim_place(site).s,
                 m->waiters);
  seq_sim_access(p, 8, SEQ_SIM_WRITE | 8 * SEQ_SIM_ALIGN, site);
  drop(m);
  *m = b->mbarriers[--b->n_mbarriers];
}

/* --- arrivals and bytes */

static void end_phase(seq_sim_block *b, seq_sim_mbarrier *m) {
  seq_sim *sim = seq_sim_running;
  m->phase++;
  m->pending = m->count;
  memcpy(m->done, m->came, (size_t)b->origin->clocks.n * sizeof(uint32_t));
  for (int32_t i = 0; i < sim->kernel->threads; i++) {
    seq_sim_thread *t = &b->threads[i];
    if (t->state == THREAD_WAITS && t->waits == kMbarrier && t->mbarrier == m->at)
      seq_sim_wake(t);
  }
  m->waiters = 0;
  if (sim->counts)
    sim->counts->barriers++;
}

static void changed(seq_sim_block *b, seq_sim_mbarrier *m) {
  if (m->pending == 0 && m->tx == 0)
    end_phase(b, m);
  store_word(b, m);
}

void seq_sim_tell(seq_sim_block *b, uint32_t at) {
  if (find(b, at)->waiters > 0)
    seq_sim_settle(b, at);
}

void seq_sim_settle(seq_sim_block *b, uint32_t at) {
  for (seq_sim_mbarrier *m = find(b, at); m && m->pending == 0 && m->tx != 0; m = find(b, at))
    if (!seq_sim_land_one(b, at))
      return;
}

void seq_sim_complete(seq_sim_block *b, seq_sim_mbarrier *m, int64_t bytes) {
  uint32_t *copies = &m->came[seq_sim_entry(b, seq_sim_running->kernel->threads + BY_COPIES)];
  *copies = seq_sim_running->now++;
  m->tx -= bytes;
  changed(b, m);
}

static void check_bytes(const seq_sim_mbarrier *m, int32_t bytes, const seq_sim_site *site) {
  if (bytes < 0 || m->tx + bytes > MOST_COUNT)
    seq_sim_fail("expects %d bytes more at %s: a barrier counts up to %d, and %lld are to come",
                 bytes, seq_sim_place(site).s, MOST_COUNT, (long long)m->tx);
}

void seq_sim_mbarrier_expect(void *p, int32_t bytes, const seq_sim_site *site) {
  seq_sim_block *b = seq_sim_block_of(p);
  seq_sim_mbarrier *m = use(b, p, "expects bytes", SEQ_SIM_WRITE, site);
  check_bytes(m, bytes, site);
  m->tx += bytes;
  changed(b, m);
  seq_sim_tell(b, m->at);
}

void seq_sim_mbarrier_complete(void *p, int32_t bytes, const seq_sim_site *site) {
  seq_sim_block *b = seq_sim_block_of(p);
  seq_sim_mbarrier *m = use(b, p, "completes bytes", SEQ_SIM_WRITE, site);
  m->tx -= bytes;
  changed(b, m);
  seq_sim_tell(b, m->at);
}

uint64_t seq_sim_mbarrier_arrive(void *p, int32_t count, int32_t bytes, int32_t drops,
                                 const seq_sim_site *site) {
  seq_sim_block *b = seq_sim_block_of(p);
  seq_sim_mbarrier *m = use(b, p, "arrives at a barrier", SEQ_SIM_WRITE, site);
  uint64_t before = word_of(m);
  check_bytes(m, bytes, site);
  if (count < 1 || count > m->pending)
    seq_sim_fail("arrives %d times at %s at the barrier of byte %u of shared memory, initialised "
                 "at %s: its phase waits for %d arrivals more",
                 count, seq_sim_place(site).s, m->at, seq_sim_place(m->site).s, m->pending);
  seq_sim_give(seq_sim_running->current, m->came);
  m->tx += bytes;
  m->pending -= count;
  if (drops)
    m->count -= count;
  changed(b, m);
  seq_sim_tell(b, m->at);
  return before;
}

int32_t seq_sim_mbarrier_pending(uint64_t token) {
  return (int32_t)(token & MOST_COUNT);
}

/* --- waits */

static bool passed(seq_sim_thread *t, seq_sim_mbarrier *m, int32_t parity) {
  if ((m->phase & 1) == parity)
    return false;
  seq_sim_take(t, m->done);
  return true;
}

int32_t seq_sim_mbarrier_wait(void *p, int32_t parity, int32_t blocks, const seq_sim_site *site) {
  seq_sim_thread *t = seq_sim_running->current;
  seq_sim_block *b = t->block;
  uint32_t at = use(b, p, "waits for a barrier", SEQ_SIM_SPIN, site)->at;
  parity &= 1;
  if (find(b, at)->phase % 2 == parity)
    seq_sim_settle(b, at);
  if (!blocks && !passed(t, find(b, at), parity)) {
    seq_sim_yield(site);
    return 0;
  }
  while (!passed(t, seq_sim_mbarrier_at(b, at, "waits for a barrier", site), parity)) {
    t->mbarrier = at;
    find(b, at)->waiters++;
    seq_sim_wait(kMbarrier, site);
  }
  return 1;
}

int32_t seq_sim_mbarrier_wait_token(void *p, uint64_t token, int32_t blocks,
                                    const seq_sim_site *site) {
  return seq_sim_mbarrier_wait(p, (int32_t)(token >> 63), blocks, site);
}

seq_sim_text seq_sim_tell_mbarrier(const seq_sim_thread *t) {
  seq_sim_text text = {""};
  const seq_sim_mbarrier *m = t->waits == kMbarrier ? find(t->block, t->mbarrier) : NULL;
  if (m)
    snprintf(text.s, sizeof text.s,
             " (of byte %u; phase %d; %d arrivals and %lld bytes are to come)", m->at, m->phase,
             m->pending, (long long)m->tx);
  return text;
}

/* --- fences for copies and products */

void seq_sim_fence_mbarriers(void) {
  const seq_sim_thread *t = seq_sim_running->current;
  for (int32_t i = 0; i < t->block->n_mbarriers; i++) {
    seq_sim_mbarrier *m = &t->block->mbarriers[i];
    m->fenced |= m->stamp <= seq_sim_knows(t, seq_sim_entry(t->block, m->thread));
  }
}

void seq_sim_fence_proxy(void) {
  const seq_sim_thread *t = seq_sim_running->current;
  seq_sim_block *origin = t->block->origin;
  int32_t threads = seq_sim_running->kernel->threads;
  seq_sim_fence_mbarriers();
  for (int32_t i = 0; i < seq_sim_running->domain; i++) {
    seq_sim_block *b = seq_sim_running->blocks[origin->slot + i];
    for (int32_t u = 0; u < threads; u++) {
      uint32_t known = seq_sim_knows(t, seq_sim_entry(b, u));
      b->fenced[u] = known > b->fenced[u] ? known : b->fenced[u];
    }
  }
  seq_sim_running->now++;
}
