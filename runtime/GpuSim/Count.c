/* Counters of requests, sectors and bank conflicts.
 *
 * A GPU runs an instruction for a warp at once; here its lanes come to it one after the other. The
 * n-th access of each lane at one place is taken for the same request. A request is open until all
 * lanes have come or the block ends; then the sectors that its addresses touch are counted, each
 * once, and the passes that shared memory needs. */
#include "Parts.h"

#include <stdlib.h>
#include <string.h>

#define PLACES 1024 /* a power of two */

typedef struct request {
  uintptr_t address[LANES];
  uint32_t lanes;
} request;

/* The requests of one warp at one place. */
typedef struct place {
  struct place *next;
  const seq_sim_site *site;
  int32_t warp, flags;
  bool shared;
  int64_t bytes;
  int64_t came[LANES]; /* accesses of each lane */
  request *open;       /* [n] from number `first` on; those without lanes are counted already */
  int64_t first, n, most;
} place;

struct seq_sim_counter {
  seq_sim_counter *next;
  const seq_kernel *kernel;
  seq_sim_counts counts;
  place *places[PLACES];
};

/* --- one request */

static int compare(const void *a, const void *b) {
  uintptr_t x = *(const uintptr_t *)a, y = *(const uintptr_t *)b;
  return x < y ? -1 : x > y;
}

static int64_t sectors(const request *r, int64_t bytes) {
  uintptr_t begins[LANES];
  int n = 0;
  for (int i = 0; i < LANES; i++)
    if (r->lanes >> i & 1)
      begins[n++] = r->address[i];
  qsort(begins, (size_t)n, sizeof begins[0], compare);
  int64_t count = 0;
  uintptr_t next = 0; /* the first sector that is not counted yet */
  for (int i = 0; i < n; i++) {
    uintptr_t from = begins[i] / 32, end = (begins[i] + (uintptr_t)bytes - 1) / 32 + 1;
    from = from > next ? from : next;
    count += end > from ? (int64_t)(end - from) : 0;
    next = end > next ? end : next;
  }
  return count;
}

/* Passes for `lanes` of the request: each bank gives one word of 4 bytes in a pass. */
static int passes(const request *r, uint32_t lanes, int64_t bytes) {
  uintptr_t words[LANES * 4];
  int n = 0, most = 0;
  int in_bank[32] = {0};
  for (int i = 0; i < LANES; i++)
    for (int64_t k = 0; (r->lanes & lanes) >> i & 1 && k < bytes; k += 4) {
      uintptr_t word = (r->address[i] + (uintptr_t)k) / 4;
      bool is_new = true;
      for (int w = 0; w < n && is_new; w++)
        is_new = words[w] != word;
      if (!is_new)
        continue;
      words[n++] = word;
      int in = ++in_bank[word % 32];
      most = in > most ? in : most;
    }
  return most;
}

/* Lanes that load 8 or 16 bytes are served in halves or quarters of the warp. */
static int64_t conflicts(const request *r, int64_t bytes) {
  int lanes = bytes <= 4 ? 32 : bytes <= 8 ? 16 : 8;
  int64_t extra = 0;
  for (int from = 0; from < LANES; from += lanes) {
    uint32_t part = lanes == 32 ? UINT32_MAX : ((1u << lanes) - 1) << from;
    int needed = passes(r, part, bytes > 16 ? 16 : bytes);
    extra += needed > 1 ? needed - 1 : 0;
  }
  return extra;
}

static void close_request(seq_sim_counts *c, const place *p, request *r) {
  if (p->flags & SEQ_SIM_ATOMIC)
    c->atomics++;
  if (p->shared) {
    c->shared_requests++;
    c->bank_conflicts += conflicts(r, p->bytes);
  } else {
    int64_t n = sectors(r, p->bytes);
    if (p->flags & SEQ_SIM_READ) {
      c->global_loads++;
      c->sectors_read += n;
    }
    if (p->flags & SEQ_SIM_WRITE) {
      c->global_stores++;
      c->sectors_written += n;
    }
  }
  r->lanes = 0;
}

/* --- requests that are open */

static place *find_place(seq_sim_counter *counter, const seq_sim_site *site, int32_t warp) {
  place **list = &counter->places[((uintptr_t)site / 16 + (uintptr_t)warp * 61) % PLACES];
  for (place *p = *list; p; p = p->next)
    if (p->site == site && p->warp == warp)
      return p;
  place *p = calloc(1, sizeof *p);
  if (!p)
    return NULL;
  p->next = *list;
  p->site = site;
  p->warp = warp;
  return *list = p;
}

/* Request number `k` of a place; null without memory. */
static request *find_request(place *p, int64_t k) {
  while (k - p->first >= p->n) {
    if (p->n == p->most) {
      int64_t most = p->most * 2 + 4;
      request *open = realloc(p->open, (size_t)most * sizeof(request));
      if (!open)
        return NULL;
      p->open = open;
      p->most = most;
    }
    p->open[p->n++].lanes = 0;
  }
  return &p->open[k - p->first];
}

static void drop_closed(place *p) {
  int64_t closed = 0;
  while (closed < p->n && p->open[closed].lanes == 0)
    closed++;
  /* Not at each one: the others have to move. */
  if (closed < p->n && closed < p->most / 2)
    return;
  p->n -= closed;
  p->first += closed;
  memmove(p->open, p->open + closed, (size_t)p->n * sizeof(request));
}

void seq_sim_count_access(seq_sim_thread *t, const void *p, int64_t bytes, int32_t flags,
                          bool shared, const seq_sim_site *site) {
  seq_sim *sim = seq_sim_running;
  int32_t threads = sim->kernel->threads, warp = t->index / LANES, lane = t->index % LANES;
  int32_t slot = (int32_t)(t->block->threads - sim->threads) / threads;
  place *at = find_place(sim->counters, site, slot * MOST_WARPS + warp);
  request *r = at ? find_request(at, at->came[lane]++) : NULL;
  if (!r) {
    seq_sim_fail("no memory to count the requests at %s", seq_sim_place(site).s);
    return;
  }
  at->flags = flags;
  at->shared = shared;
  at->bytes = bytes;
  r->address[lane] = (uintptr_t)p;
  r->lanes |= 1u << lane;
  int32_t left = threads - warp * LANES;
  if (r->lanes == (left >= LANES ? UINT32_MAX : (1u << left) - 1)) {
    close_request(sim->counts, at, r);
    drop_closed(at);
  }
}

/* Sectors of a piece that the one before it did not end in. */
static int64_t new_sectors(const void *p, int64_t bytes, uintptr_t *last) {
  uintptr_t from = (uintptr_t)p / 32, end = ((uintptr_t)p + (uintptr_t)bytes - 1) / 32;
  int64_t count = (int64_t)(end - from) + (from != *last);
  *last = end;
  return count;
}

void seq_sim_count_bulk(const seq_sim_bulk *bulk) {
  seq_sim_counts *c = seq_sim_running->counts;
  int64_t in = 0, out = 0;
  uintptr_t last_in = 0, last_out = 0;
  for (int32_t i = 0; i < bulk->n_pieces; i++) {
    const seq_sim_piece *p = &bulk->pieces[i];
    if (p->from && !seq_sim_block_of(p->from))
      in += new_sectors(p->from, p->bytes, &last_in);
    if (!seq_sim_block_of(p->to))
      out += new_sectors(p->to, p->bytes, &last_out);
  }
  c->global_loads += in > 0;
  c->sectors_read += in;
  c->global_stores += out > 0;
  c->sectors_written += out;
}

/* What is still open has fewer lanes. Places that another warp may get again begin anew. */
void seq_sim_count_block_end(seq_sim *sim) {
  for (int i = 0; i < PLACES; i++)
    for (place *p = sim->counters->places[i]; p; p = p->next) {
      for (int64_t k = 0; k < p->n; k++)
        if (p->open[k].lanes)
          close_request(sim->counts, p, &p->open[k]);
      p->n = p->first = 0;
      memset(p->came, 0, sizeof p->came);
    }
}

/* --- counters of kernels; that of the one that runs stands first */

void seq_sim_begin_counting(seq_sim *sim) {
  sim->counts = NULL;
  if (!sim->counting)
    return;
  seq_sim_counter **link = &sim->counters;
  while (*link && (*link)->kernel != sim->kernel)
    link = &(*link)->next;
  seq_sim_counter *counter = *link;
  if (counter)
    *link = counter->next;
  else
    counter = calloc(1, sizeof *counter);
  if (!counter)
    return;
  counter->kernel = sim->kernel;
  counter->next = sim->counters;
  sim->counters = counter;
  sim->counts = &counter->counts;
  sim->counts->launches++;
  sim->counts->blocks += sim->n_blocks;
  sim->counts->threads += sim->n_blocks * sim->kernel->threads;
}

static void free_places(seq_sim_counter *counter) {
  for (int i = 0; i < PLACES; i++)
    for (place *p = counter->places[i]; p;) {
      place *next = p->next;
      free(p->open);
      free(p);
      p = next;
    }
}

void seq_sim_free_counters(seq_sim *sim) {
  for (seq_sim_counter *c = sim->counters; c;) {
    seq_sim_counter *next = c->next;
    free_places(c);
    free(c);
    c = next;
  }
  sim->counters = NULL;
}

void seq_sim_set_counting(seq_sim *sim, int on) {
  if (on && !sim->counting)
    seq_sim_free_counters(sim);
  sim->counting = on != 0;
}

int seq_sim_counts_of(const seq_sim *sim, const seq_kernel *kernel, seq_sim_counts *out) {
  for (const seq_sim_counter *c = sim->counters; c; c = c->next)
    if (c->kernel == kernel) {
      *out = c->counts;
      return 0;
    }
  return -1;
}
