/* Products of a warp group, which run beside its threads: D of 64 rows and N columns += A B.
 *
 *     fence                      registers that threads wrote may be used
 *     d = mma(d, A, B)           begins; several
 *     commit                     they are a group
 *     wait(0)                    now `d` is there, and shared memory may be written again
 *
 * Each warp computes 16 of the rows: its lanes come together at each of these, and the last one to
 * come acts for all. A product happens when its group is waited for. Until then a register of D
 * holds a name, a NaN that tells product and register: the next product takes it for what it
 * stands for, and all else that a kernel does with it goes through seq_sim_accumulator, which
 * refuses what is not there yet.
 *
 * A descriptor tells where an operand lies: bits 0 to 13 its first byte, 16 to 29 and 32 to 45
 * two strides, all three / 16; 62 and 63 the swizzle, as of tensor maps (Tensor.c): none, 128, 64
 * or 32 bytes. The operand consists of pieces of 8 x 16 bytes. Along k (no transposition), rows of
 * a piece stand 16 bytes apart, or the swizzle's width; the next eight rows follow after the second
 * stride, the next 16 bytes of k after the first one, or at once in a swizzle. Across k, rows of a
 * piece are of one k each. */
#include "Parts.h"

#include <stdlib.h>
#include <string.h>

#define KEPT 64           /* products whose results a lane can name */
#define NAMES (511 * 64)  /* after which they begin anew */
#define NAME 0xFFC00000u  /* the bits of all names */
#define GROUP (4 * LANES) /* threads */

static const char *const kProduct = "the product";

/* The registers of one lane for one product. */
typedef struct registers {
  uint32_t name; /* 0: none yet */
  int32_t n;
  bool done;
  float d[128];
} registers;

typedef struct product {
  seq_sim_wgmma in;
  const seq_sim_site *site;
  uint32_t stamp, name;
  int32_t warp;
  uint32_t a[LANES][4];
} product;

/* Of one warp. */
struct seq_sim_products {
  registers (*kept)[LANES]; /* [KEPT] */
  product *waiting;         /* those of committed groups come first */
  int32_t n, most;
  int32_t *groups; /* their numbers of products */
  int32_t n_groups, most_groups;
  uint32_t named;
  bool fenced, fenced_plain; /* for registers; for what products did not write as well */
  uint64_t history;          /* what its warp group has to agree on */
};

static seq_sim_products *products_of(seq_sim_thread *t) {
  seq_sim_products **p = &t->block->products[t->index / LANES];
  if (!*p)
    *p = calloc(1, sizeof **p);
  if (*p && !(*p)->kept)
    (*p)->kept = calloc(KEPT, sizeof *(*p)->kept);
  if (!*p || !(*p)->kept)
    seq_sim_fail("no memory for products of warp groups");
  return *p;
}

void seq_sim_reset_products(seq_sim_block *b) {
  for (int w = 0; w < MOST_WARPS; w++) {
    seq_sim_products *p = b->products[w];
    if (!p)
      continue;
    for (int i = 0; i < KEPT * LANES; i++)
      p->kept[i / LANES][i % LANES].name = 0;
    p->n = p->n_groups = 0;
    p->named = 0;
    p->fenced = p->fenced_plain = false;
    p->history = 0;
  }
}

void seq_sim_free_products(seq_sim_block *b) {
  for (int w = 0; w < MOST_WARPS; w++) {
    seq_sim_products *p = b->products[w];
    if (!p)
      continue;
    free(p->kept);
    free(p->waiting);
    free(p->groups);
    free(p);
  }
}

/* --- names of registers */

/* Null for an ordinary number. */
static registers *find_name(seq_sim_products *p, int lane, uint32_t bits,
                            const seq_sim_site *site) {
  uint32_t name = bits >> 7 & 0x7FFF;
  if ((bits & NAME) != NAME || name == 0 || name > NAMES)
    return NULL;
  registers *r = &p->kept[(name - 1) % KEPT][lane];
  if (r->name == 0 || (int32_t)(bits & 127) >= r->n)
    return NULL;
  if (r->name != name)
    seq_sim_fail("reads the result of a product at %s after %d others have begun: the simulator "
                 "keeps no more",
                 seq_sim_place(site).s, KEPT);
  return r;
}

float seq_sim_accumulator(float value, const seq_sim_site *site) {
  seq_sim_thread *t = seq_sim_running->current;
  seq_sim_products *p = t->block->products[t->index / LANES];
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  registers *r = p && p->kept ? find_name(p, t->index % LANES, bits, site) : NULL;
  if (!r)
    return value;
  if (!r->done)
    seq_sim_fail("reads a result at %s of a product that is on its way: wgmma.wait_group has to "
                 "come between",
                 seq_sim_place(site).s);
  p->fenced = p->fenced_plain = false;
  return r->d[bits & 127];
}

/* --- where operands lie */

typedef struct operand {
  uint8_t *arena;
  uintptr_t start, across, along; /* bytes */
  int swizzle;                    /* bits */
  bool transposed;
  int width; /* bytes of an element */
} operand;

static operand decode(const seq_sim_block *b, uint64_t descriptor, bool transposed, int width,
                      const seq_sim_site *site) {
  static const int swizzles[] = {0, 3, 2, 1};
  operand o = {.arena = b->arena,
               .start = (descriptor & 0x3FFF) << 4,
               .across = (descriptor >> 16 & 0x3FFF) << 4,
               .along = (descriptor >> 32 & 0x3FFF) << 4,
               .swizzle = swizzles[descriptor >> 62],
               .transposed = transposed,
               .width = width};
  if (descriptor >> 49 & 7)
    seq_sim_fail("%s at %s has an operand with base offset %d: the simulator knows 0 alone",
                 kProduct, seq_sim_place(site).s, (int)(descriptor >> 49 & 7));
  if (o.start >> 7 & (((uintptr_t)1 << o.swizzle) - 1))
    seq_sim_fail("%s at %s has an operand at byte %u of shared memory, inside of a swizzle's "
                 "pattern: it has to begin where the pattern does, at multiples of %d",
                 kProduct, seq_sim_place(site).s, (unsigned)o.start, 128 << o.swizzle);
  return o;
}

/* The 16 bytes that hold element `k` of row or column `i`. */
static uint8_t *piece(const operand *o, int i, int k) {
  uintptr_t span = (uintptr_t)16 << o->swizzle, at;
  if (!o->transposed) {
    uintptr_t along_k = (uintptr_t)(k * o->width / 16);
    at = (uintptr_t)(i / 8) * o->along + (uintptr_t)(i % 8) * span +
         along_k * (o->swizzle ? 16 : o->across);
  } else if (o->swizzle) {
    uintptr_t width = span / 2;
    at = (uintptr_t)i / width * o->across + (uintptr_t)i % width / 8 * 16 +
         (uintptr_t)(k % 8) * span + (uintptr_t)(k / 8) * o->along;
  } else {
    at = (uintptr_t)(i / 8) * o->along + (uintptr_t)(k % 8) * 16 + (uintptr_t)(k / 8) * o->across;
  }
  at += o->start;
  at ^= (at >> 7 & (((uintptr_t)1 << o->swizzle) - 1)) << 4;
  return o->arena + at;
}

static uint32_t element(const operand *o, int i, int k) {
  int inside = o->transposed ? i % 8 * 2 : k * o->width % 16;
  uint32_t bits = 0;
  memcpy(&bits, piece(o, i, k) + inside, (size_t)o->width);
  return bits;
}

/* Visits the pieces of rows or columns `from` to `end`. */
static void each_piece(const operand *o, int from, int end, int depth,
                       void (*fn)(const uint8_t *p, const product *of), const product *of) {
  int step_i = o->transposed ? 8 : 1, step_k = o->transposed ? 1 : 16 / o->width;
  for (int i = from; i < end; i += step_i)
    for (int k = 0; k < depth; k += step_k)
      fn(piece(o, i, k), of);
}

static void check_piece(const uint8_t *p, const product *of) {
  seq_sim_check(p, 16, SEQ_SIM_READ | READ_LATER, of->site);
  seq_sim_check_fenced(p, 16, kProduct, of->site);
}

static void read_piece(const uint8_t *p, const product *of) {
  seq_sim_read_late(p, 16, of->stamp, BY_PRODUCTS + of->warp, seq_sim_running->current->block,
                    kProduct, of->site);
}

static void each_operand(const product *of, void (*fn)(const uint8_t *p, const product *of)) {
  const seq_sim_thread *t = seq_sim_running->current;
  const seq_sim_wgmma *in = &of->in;
  bool tf32 = in->type == SEQ_SIM_TF32;
  int depth = tf32 ? 8 : 16, width = tf32 ? 4 : 2, row = t->index % GROUP / LANES * 16;
  operand b = decode(t->block, in->b, in->transposed_b, width, of->site);
  each_piece(&b, 0, in->n, depth, fn, of);
  if (in->a_in_registers)
    return;
  operand a = decode(t->block, in->a, in->transposed_a, width, of->site);
  each_piece(&a, row, row + 16, depth, fn, of);
}

/* --- a product begins */

/* All lanes say the same. */
static void check_lanes(seq_sim_call *const calls[LANES]) {
  const seq_sim_wgmma *first = calls[0]->in;
  for (int i = 1; i < LANES; i++) {
    const seq_sim_wgmma *in = calls[i]->in;
    if ((in->a != first->a && !in->a_in_registers) || in->b != first->b ||
        in->scale_d != first->scale_d)
      seq_sim_fail("%s at %s has other operands for lane %d than for lane 0", kProduct,
                   seq_sim_place(calls[i]->site).s, i);
  }
}

/* What `d` of a lane holds for the product: numbers, or names of what will be there. Tells
 * whether there are numbers. */
static bool take_registers(seq_sim_products *p, int lane, const seq_sim_wgmma *in, const float *d,
                           registers *to, const seq_sim_site *site) {
  bool plain = false;
  for (int i = 0; i < in->n / 2; i++) {
    uint32_t bits;
    memcpy(&bits, &d[i], sizeof bits);
    registers *r = find_name(p, lane, bits, site);
    plain |= !r;
    to->d[i] = r && r->done ? r->d[bits & 127] : d[i];
    if (r && !r->done && (r->n != in->n / 2 || (int)(bits & 127) != i))
      seq_sim_fail("%s at %s adds to the result of one of another shape that is on its way: "
                   "wgmma.wait_group has to come between",
                   kProduct, seq_sim_place(site).s);
  }
  return plain;
}

static void name_registers(float *d, int32_t n, uint32_t name) {
  for (int i = 0; i < n / 2; i++) {
    uint32_t bits = NAME | name << 7 | (uint32_t)i;
    memcpy(&d[i], &bits, sizeof bits);
  }
}

static void check_register_fence(const seq_sim_products *p, bool plain, const product *x) {
  if (p->fenced && (p->fenced_plain || !plain))
    return;
  seq_sim_fail("%s at %s uses registers that threads wrote or read since the last wgmma.fence: "
               "one has to come between",
               kProduct, seq_sim_place(x->site).s);
}

static void begin(seq_sim_call *const calls[LANES], uint32_t mask) {
  (void)mask;
  seq_sim_thread *t = seq_sim_running->current;
  seq_sim_products *p = products_of(t);
  check_lanes(calls);
  seq_sim_need_clocks(t->block);
  if (p->n == KEPT)
    seq_sim_fail("%s at %s is one too many: the simulator knows %d on their way", kProduct,
                 seq_sim_place(calls[0]->site).s, KEPT);
  if (p->n == p->most)
    p->waiting = seq_sim_grown(p->waiting, &p->most, sizeof(product));
  product *x = &p->waiting[p->n++];
  *x = (product){.in = *(const seq_sim_wgmma *)calls[0]->in, .site = calls[0]->site};
  uint32_t name = p->named++ % NAMES + 1;
  bool plain = x->in.a_in_registers;
  for (int lane = 0; lane < LANES; lane++) {
    registers next = {.name = name, .n = x->in.n / 2};
    const seq_sim_wgmma *in = calls[lane]->in;
    plain |= take_registers(p, lane, in, calls[lane]->out, &next, x->site) && in->scale_d;
    p->kept[(name - 1) % KEPT][lane] = next;
    name_registers(calls[lane]->out, in->n, name);
    memcpy(x->a[lane], in->a_registers, sizeof x->a[lane]);
  }
  x->name = name;
  x->warp = t->index / LANES;
  check_register_fence(p, plain, x);
  each_operand(x, check_piece);
  x->stamp = seq_sim_running->now++;
  p->history = (p->history ^ (uintptr_t)x->site ^ x->in.b ^ x->in.a << 7) * 0x100000001B3u + 1;
  if (seq_sim_running->counts)
    seq_sim_running->counts->mma++;
}

void seq_sim_wgmma_begin(float *d, const seq_sim_wgmma *in, const seq_sim_site *site) {
  const seq_sim_thread *t = seq_sim_running->current;
  if (t->index / GROUP * GROUP + GROUP > seq_sim_running->kernel->threads)
    seq_sim_fail("%s at %s: a warp group has %d threads, and the block only %d", kProduct,
                 seq_sim_place(site).s, GROUP, seq_sim_running->kernel->threads);
  if (in->n < 8 || in->n > 256 || in->n % 8 != 0)
    seq_sim_fail("%s at %s has %d columns: multiples of 8 up to 256 are taken", kProduct,
                 seq_sim_place(site).s, in->n);
  seq_sim_call call = {begin, kProduct, UINT32_MAX, in->n, in, d, site};
  seq_sim_meet(&call);
}

/* --- it happens */

static float a_register(const product *x, int row, int k) {
  int lane = row % 8 * 4;
  if (x->in.type == SEQ_SIM_TF32)
    return seq_sim_element(x->a[lane + k % 4][row / 8 + 2 * (k / 4)], SEQ_SIM_TF32);
  uint32_t pair = x->a[lane + k % 8 / 2][row / 8 + 2 * (k / 8)];
  return seq_sim_element(pair >> 16 * (k % 2), x->in.type);
}

/* The warp's rows of A, and the columns of B. */
static void read_operands(const product *x, float a[16][16], float (*columns)[16]) {
  const seq_sim_thread *t = seq_sim_running->current;
  const seq_sim_wgmma *in = &x->in;
  bool tf32 = in->type == SEQ_SIM_TF32;
  int depth = tf32 ? 8 : 16, width = tf32 ? 4 : 2, first = t->index % GROUP / LANES * 16;
  operand b = decode(t->block, in->b, in->transposed_b, width, x->site), of_a = {0};
  if (!in->a_in_registers)
    of_a = decode(t->block, in->a, in->transposed_a, width, x->site);
  for (int k = 0; k < depth; k++) {
    for (int row = 0; row < 16; row++) {
      float value = in->a_in_registers ? a_register(x, row, k)
                                       : seq_sim_element(element(&of_a, first + row, k), in->type);
      a[row][k] = in->negates_a ? -value : value;
    }
    for (int n = 0; n < in->n; n++) {
      float value = seq_sim_element(element(&b, n, k), in->type);
      columns[n][k] = in->negates_b ? -value : value;
    }
  }
}

/* Products are exact; the sum is rounded once. */
static void happen(seq_sim_products *p, const product *x) {
  float a[16][16], columns[256][16];
  int depth = x->in.type == SEQ_SIM_TF32 ? 8 : 16;
  each_operand(x, read_piece);
  read_operands(x, a, columns);
  for (int lane = 0; lane < LANES; lane++) {
    registers *r = &p->kept[(x->name - 1) % KEPT][lane];
    for (int i = 0; i < x->in.n / 2; i++) {
      uint32_t bits;
      memcpy(&bits, &r->d[i], sizeof bits);
      const registers *before = find_name(p, lane, bits, x->site);
      const float *row = a[lane / 4 + 8 * (i / 2 % 2)];
      const float *column = columns[8 * (i / 4) + 2 * (lane % 4) + i % 2];
      double sum = !x->in.scale_d ? 0 : before ? before->d[bits & 127] : r->d[i];
      for (int k = 0; k < depth; k++)
        sum += (double)row[k] * column[k];
      r->d[i] = (float)sum;
    }
  }
  for (int lane = 0; lane < LANES; lane++)
    p->kept[(x->name - 1) % KEPT][lane].done = true;
}

static void wait_for(seq_sim_call *const calls[LANES], uint32_t mask) {
  (void)mask;
  seq_sim_thread *t = seq_sim_running->current;
  seq_sim_products *p = products_of(t);
  int32_t done = 0, groups = p->n_groups - calls[0]->mode;
  for (int32_t g = 0; g < groups; g++)
    for (int32_t k = 0; k < p->groups[g]; k++)
      happen(p, &p->waiting[done++]);
  if (groups > 0) {
    p->n -= done;
    memmove(p->waiting, p->waiting + done, (size_t)p->n * sizeof(product));
    p->n_groups -= groups;
    memmove(p->groups, p->groups + groups, (size_t)p->n_groups * sizeof(int32_t));
  }
  p->fenced_plain = false;
  if (done > 0)
    seq_sim_know_agent(t - t->index % LANES, BY_PRODUCTS + t->index / LANES);
}

void seq_sim_wgmma_wait(int32_t pending, const seq_sim_site *site) {
  seq_sim_call call = {.run = wait_for,
                       .name = "a wait for products",
                       .mask = UINT32_MAX,
                       .mode = pending,
                       .site = site};
  seq_sim_meet(&call);
}

static void fence(seq_sim_call *const calls[LANES], uint32_t mask) {
  (void)calls;
  (void)mask;
  seq_sim_products *p = products_of(seq_sim_running->current);
  p->fenced = p->fenced_plain = true;
}

void seq_sim_wgmma_fence(const seq_sim_site *site) {
  seq_sim_call call = {
      .run = fence, .name = "a fence for products", .mask = UINT32_MAX, .site = site};
  seq_sim_meet(&call);
}

static void commit(seq_sim_call *const calls[LANES], uint32_t mask) {
  (void)calls;
  (void)mask;
  seq_sim_products *p = products_of(seq_sim_running->current);
  int32_t before = 0;
  for (int32_t g = 0; g < p->n_groups; g++)
    before += p->groups[g];
  if (p->n_groups == p->most_groups)
    p->groups = seq_sim_grown(p->groups, &p->most_groups, sizeof(int32_t));
  p->groups[p->n_groups++] = p->n - before;
}

void seq_sim_wgmma_commit(const seq_sim_site *site) {
  seq_sim_call call = {
      .run = commit, .name = "the end of a group of products", .mask = UINT32_MAX, .site = site};
  seq_sim_meet(&call);
}

/* --- the end of threads and blocks */

void seq_sim_end_products(const seq_sim_thread *t) {
  const seq_sim_products *p = t->block->products[t->index / LANES];
  if (p && p->n > 0)
    seq_sim_fail("ends while %d products are on their way: the last one began at %s", p->n,
                 seq_sim_place(p->waiting[p->n - 1].site).s);
}

int32_t seq_sim_disagree(const seq_sim_block *b) {
  for (int w = 0; w < MOST_WARPS; w++) {
    const seq_sim_products *p = b->products[w], *first = b->products[w / 4 * 4];
    if ((p ? p->history : 0) != (first ? first->history : 0))
      return w;
  }
  return -1;
}
