/* Operations of a warp. Each lane leaves what it brings and waits; the last one of the mask does
 * the work for all of them. */
#include "Parts.h"

#include <stdlib.h>

static uint32_t lanes_there(const seq_sim_thread *t) {
  int32_t left = seq_sim_running->kernel->threads - t->index / LANES * LANES;
  return left >= LANES ? UINT32_MAX : (1u << left) - 1;
}

static void check_call(const seq_sim_thread *t, const seq_sim_call *call) {
  seq_sim_needs_fibers(call->name, call->site);
  if (!(call->mask >> t->index % LANES & 1))
    seq_sim_fail("%s at %s with mask 0x%08x, in which its own lane %d is not", call->name,
                 seq_sim_place(call->site).s, call->mask, t->index % LANES);
  if (call->mask & ~lanes_there(t))
    seq_sim_fail("%s at %s with mask 0x%08x: the block has %d threads, so the warp has not these "
                 "lanes",
                 call->name, seq_sim_place(call->site).s, call->mask,
                 seq_sim_running->kernel->threads);
}

void seq_sim_meet(seq_sim_call *call) {
  seq_sim_thread *t = seq_sim_running->current;
  seq_sim_thread *warp = t - t->index % LANES;
  seq_sim_call *calls[LANES]; /* of the mask's lanes */
  check_call(t, call);
  t->call = call;
  /* The next lane first: in the usual order it is the one that has not come yet. */
  for (int k = 1; k <= LANES; k++) {
    int i = (t->index + k) % LANES;
    if (!(call->mask >> i & 1))
      continue;
    calls[i] = warp[i].call;
    if (!calls[i] || calls[i]->mask != call->mask) {
      seq_sim_wait(call->name, call->site);
      return;
    }
    if (calls[i]->run != call->run || calls[i]->mode != call->mode)
      seq_sim_fail("%s at %s, where lane %d of the same mask waits for %s at %s", call->name,
                   seq_sim_place(call->site).s, i, calls[i]->name, seq_sim_place(calls[i]->site).s);
  }
  call->run(calls, call->mask);
  for (int i = 0; i < LANES; i++)
    if (call->mask >> i & 1) {
      warp[i].call = NULL;
      seq_sim_wake(&warp[i]);
    }
}

/* --- order of memory */

static void sync_lanes(seq_sim_call *const calls[LANES], uint32_t mask) {
  (void)calls;
  seq_sim_thread *t = seq_sim_running->current;
  seq_sim_block *b = t->block;
  int warp = t->index / LANES;
  uint32_t now = seq_sim_running->now++;
  if (b->exact)
    seq_sim_share(t - t->index % LANES, mask);
  if (mask == lanes_there(t)) {
    b->warps[warp][warp] = now;
    return;
  }
  if (!b->lanes)
    b->lanes = calloc(MOST_WARPS, sizeof *b->lanes);
  if (!b->lanes)
    seq_sim_fail("no memory to follow the lanes of warps");
  for (int v = 0; v < LANES; v++) {
    uint32_t known = 0;
    for (int u = 0; u < LANES; u++)
      if ((mask >> u & 1) && b->lanes[warp][u][v] > known)
        known = b->lanes[warp][u][v];
    if (mask >> v & 1)
      known = now;
    for (int u = 0; u < LANES; u++)
      if (mask >> u & 1)
        b->lanes[warp][u][v] = known;
  }
}

void seq_sim_warp_sync(uint32_t mask, const seq_sim_site *site) {
  seq_sim_call call = {.run = sync_lanes, .name = "the other lanes", .mask = mask, .site = site};
  seq_sim_meet(&call);
}

uint32_t seq_sim_active_mask(void) {
  seq_sim_thread *t = seq_sim_running->current, *warp = t - t->index % LANES;
  uint32_t mask = 0;
  for (int i = 0; i < LANES; i++)
    if (lanes_there(t) >> i & 1)
      mask |= (uint32_t)(warp[i].state != THREAD_ENDED) << i;
  return mask;
}

/* --- shuffles */

typedef struct shuffle_in {
  uint32_t value;
  int32_t b, c;
} shuffle_in;

/* The lane that `lane` reads, and whether it is in range: PTX's rule. */
static int source_lane(int32_t mode, int lane, const shuffle_in *in, bool *good) {
  int b = in->b & 31, clamp = in->c & 31, segment = in->c >> 8 & 31;
  int last = (lane & segment) | (clamp & ~segment), first = lane & segment, from = lane;
  if (mode == SEQ_SIM_UP)
    from = lane - b;
  else if (mode == SEQ_SIM_DOWN)
    from = lane + b;
  else if (mode == SEQ_SIM_BFLY)
    from = lane ^ b;
  else
    from = first | (b & ~segment);
  *good = mode == SEQ_SIM_UP ? from >= last : from <= last;
  return *good ? from : lane;
}

static void shuffle(seq_sim_call *const calls[LANES], uint32_t mask) {
  for (int i = 0; i < LANES; i++) {
    if (!(mask >> i & 1))
      continue;
    bool good;
    int from = source_lane(calls[i]->mode, i, calls[i]->in, &good);
    /* A lane that takes no part has no value: bits that are no number. */
    uint32_t value = mask >> from & 1 ? ((const shuffle_in *)calls[from]->in)->value : UINT32_MAX;
    *(uint64_t *)calls[i]->out = value | (uint64_t)good << 32;
  }
  if (seq_sim_running->counts)
    seq_sim_running->counts->shuffles++;
}

uint64_t seq_sim_shuffle(int32_t mode, uint32_t mask, uint32_t value, int32_t b, int32_t c,
                         const seq_sim_site *site) {
  shuffle_in in = {value, b, c};
  uint64_t out = 0;
  seq_sim_call call = {shuffle, "a shuffle", mask, mode, &in, &out, site};
  seq_sim_meet(&call);
  return out;
}

/* --- votes, matches, reductions */

static void vote(seq_sim_call *const calls[LANES], uint32_t mask) {
  uint32_t ballot = 0, result = 0;
  for (int i = 0; i < LANES; i++)
    if (mask >> i & 1)
      ballot |= (uint32_t)(*(const int32_t *)calls[i]->in != 0) << i;
  for (int i = 0; i < LANES; i++) {
    if (!(mask >> i & 1))
      continue;
    switch (calls[i]->mode) {
    case SEQ_SIM_ALL:
      result = ballot == mask;
      break;
    case SEQ_SIM_ANY:
      result = ballot != 0;
      break;
    case SEQ_SIM_UNI:
      result = ballot == mask || ballot == 0;
      break;
    default:
      result = ballot;
    }
    *(uint32_t *)calls[i]->out = result;
  }
}

uint32_t seq_sim_vote(int32_t kind, uint32_t mask, int32_t predicate, const seq_sim_site *site) {
  uint32_t out = 0;
  seq_sim_call call = {vote, "a vote", mask, kind, &predicate, &out, site};
  seq_sim_meet(&call);
  return out;
}

static void match(seq_sim_call *const calls[LANES], uint32_t mask) {
  for (int i = 0; i < LANES; i++) {
    uint32_t same = 0;
    for (int j = 0; (mask >> i & 1) && j < LANES; j++)
      if ((mask >> j & 1) && *(const uint64_t *)calls[i]->in == *(const uint64_t *)calls[j]->in)
        same |= 1u << j;
    if (mask >> i & 1)
      *(uint32_t *)calls[i]->out = same;
  }
}

uint32_t seq_sim_match(uint32_t mask, uint64_t value, const seq_sim_site *site) {
  uint32_t out = 0;
  seq_sim_call call = {match, "a match", mask, 0, &value, &out, site};
  seq_sim_meet(&call);
  return out;
}

static uint32_t combine(int32_t kind, uint32_t a, uint32_t b) {
  switch (kind) {
  case SEQ_SIM_MIN:
    return (int32_t)a < (int32_t)b ? a : b;
  case SEQ_SIM_MAX:
    return (int32_t)a > (int32_t)b ? a : b;
  case SEQ_SIM_UMIN:
    return a < b ? a : b;
  case SEQ_SIM_UMAX:
    return a > b ? a : b;
  case SEQ_SIM_AND:
    return a & b;
  case SEQ_SIM_OR:
    return a | b;
  case SEQ_SIM_XOR:
    return a ^ b;
  default:
    return a + b;
  }
}

static void redux(seq_sim_call *const calls[LANES], uint32_t mask) {
  bool any = false;
  uint32_t all = 0;
  for (int i = 0; i < LANES; i++) {
    if (!(mask >> i & 1))
      continue;
    uint32_t value = *(const uint32_t *)calls[i]->in;
    all = any ? combine(calls[i]->mode, all, value) : value;
    any = true;
  }
  for (int i = 0; i < LANES; i++)
    if (mask >> i & 1)
      *(uint32_t *)calls[i]->out = all;
}

uint32_t seq_sim_redux(int32_t kind, uint32_t mask, uint32_t value, const seq_sim_site *site) {
  uint32_t out = 0;
  seq_sim_call call = {redux, "a reduction", mask, kind, &value, &out, site};
  seq_sim_meet(&call);
  return out;
}
