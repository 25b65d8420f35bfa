/* Tensor maps, and the copies of boxes that they describe.
 *
 * A box is a part of a tensor of up to five axes, the fastest first. In shared memory its elements
 * stand densely; a swizzle exchanges pieces of 16 bytes, by bits of their addresses:
 *
 *     32 bytes:  bit 4 ^= bit 7;  64: bits 4, 5 ^= 7, 8;  128: bits 4 to 6 ^= 7 to 9
 *
 * Elements outside of the tensor are read as zeros, and not written. */
#include "Parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MAGIC 0x70616D7271657321ull

/* What lies in the 128 bytes of a map. */
typedef struct map {
  uint64_t magic;
  uint8_t *base;
  uint64_t strides[4]; /* bytes, of the axes after the first */
  uint32_t sizes[5], box[5];
  uint8_t steps[5];
  uint8_t rank, width, swizzle; /* bytes of an element; bits of the swizzle */
} map;

/* --- making one */

static int refuse(seq_sim *sim, const char *format, ...) __attribute__((format(printf, 2, 3)));
static int refuse(seq_sim *sim, const char *format, ...) {
  va_list args;
  va_start(args, format);
  size_t n = (size_t)snprintf(sim->error, sizeof sim->error, "tensor map: ");
  vsnprintf(sim->error + n, sizeof sim->error - n, format, args);
  va_end(args);
  return -1;
}

/* Bytes of an element, by CUDA's numbers of types. */
static int width_of(int type) {
  static const int widths[] = {1, 2, 4, 4, 8, 8, 2, 4, 8, 2, 4, 4, 4};
  return type >= 0 && type < (int)(sizeof widths / sizeof widths[0]) ? widths[type] : 0;
}

static int check_axes(seq_sim *sim, const seq_sim_tensor *in, int width) {
  for (uint32_t i = 0; i < in->rank; i++) {
    if (in->sizes[i] < 1 || in->sizes[i] > UINT32_MAX)
      return refuse(sim, "axis %u has %llu elements: 1 to 2^32 - 1 are taken", i,
                    (unsigned long long)in->sizes[i]);
    if (in->box[i] < 1 || in->box[i] > 256 || in->steps[i] < 1 || in->steps[i] > 8)
      return refuse(sim,
                    "axis %u of the box has %u elements in steps of %u: 1 to 256 and 1 to 8 "
                    "are taken",
                    i, in->box[i], in->steps[i]);
    if (i > 0 && (in->strides[i - 1] % 16 != 0 || in->strides[i - 1] >> 40))
      return refuse(sim,
                    "the stride of axis %u is %llu bytes: multiples of 16 below 2^40 are taken", i,
                    (unsigned long long)in->strides[i - 1]);
  }
  int64_t row = (int64_t)((in->box[0] + in->steps[0] - 1) / in->steps[0]) * width;
  if (row % 16 != 0)
    return refuse(sim, "a row of the box has %lld bytes: multiples of 16 are taken",
                  (long long)row);
  if (in->swizzle && row != 16 << in->swizzle)
    return refuse(sim,
                  "a row of the box has %lld bytes, and the swizzle is of %d: they have to be "
                  "the same",
                  (long long)row, 16 << in->swizzle);
  return 0;
}

int seq_sim_tensormap_encode(seq_sim *sim, void *to, const seq_sim_tensor *in) {
  int width = width_of(in->type);
  map m = {.magic = MAGIC, .base = in->base, .rank = (uint8_t)in->rank};
  if ((uintptr_t)to % 64 != 0 || (uintptr_t)in->base % 16 != 0)
    return refuse(sim, "it lies at %p and describes %p: multiples of 64 and 16 are taken", to,
                  in->base);
  if (in->rank < 1 || in->rank > 5 || !width)
    return refuse(sim, "%u axes of type %d: 1 to 5 axes and types 0 to 12 are taken", in->rank,
                  in->type);
  if (in->swizzle < 0 || in->swizzle > 3 || in->interleave != 0 || in->fill != 0)
    return refuse(sim,
                  "swizzle %d, interleave %d, fill %d: swizzles 0 to 3 are known, without "
                  "interleaving, filled with zeros",
                  in->swizzle, in->interleave, in->fill);
  if (check_axes(sim, in, width) != 0)
    return -1;
  m.width = (uint8_t)width;
  m.swizzle = (uint8_t)in->swizzle;
  for (uint32_t i = 0; i < in->rank; i++) {
    m.sizes[i] = (uint32_t)in->sizes[i];
    m.box[i] = in->box[i];
    m.steps[i] = (uint8_t)in->steps[i];
    if (i > 0)
      m.strides[i - 1] = in->strides[i - 1];
  }
  _Static_assert(sizeof m <= 128, "a tensor map has 128 bytes");
  memset(to, 0, 128);
  memcpy(to, &m, sizeof m);
  return 0;
}

/* --- copies */

/* Among the arguments of the kernel, which nobody writes. */
static bool is_argument(const void *p) {
  uintptr_t first = (uintptr_t)seq_sim_running->args, at = (uintptr_t)p;
  uintptr_t bytes = (uintptr_t)seq_sim_running->kernel->n_args * sizeof(uint64_t);
  return at >= first && at - first + 128 <= bytes && at % 64 == 0;
}

static map read_map(const void *p, int32_t rank, const seq_sim_site *site) {
  map m;
  if (!is_argument(p))
    seq_sim_access(p, 128, SEQ_SIM_READ | 64 * SEQ_SIM_ALIGN, site);
  memcpy(&m, p, sizeof m);
  if (m.magic != MAGIC)
    seq_sim_fail("copies a tensor's box at %s, but there is no tensor map at %p",
                 seq_sim_place(site).s, p);
  if (m.rank != rank)
    seq_sim_fail("copies a box of %d axes at %s by a tensor map of %d", rank, seq_sim_place(site).s,
                 m.rank);
  return m;
}

static uint8_t *swizzled(const map *m, uint8_t *p) {
  uintptr_t at = (uintptr_t)p, mask = ((uintptr_t)1 << m->swizzle) - 1;
  return (uint8_t *)(at ^ (at >> 7 & mask) << 4);
}

/* The address of an element of the tensor; null outside of it. */
static uint8_t *element(const map *m, const int32_t *start, const int64_t *index) {
  uint8_t *p = m->base;
  for (int i = 0; i < m->rank; i++) {
    int64_t at = start[i] + index[i] * m->steps[i];
    if (at < 0 || at >= m->sizes[i])
      return NULL;
    p += at * (int64_t)(i > 0 ? m->strides[i - 1] : m->width);
  }
  return p;
}

/* All elements of the box, as pieces; the number of bytes in shared memory. */
static int64_t add_pieces(seq_sim_bulk *bulk, const map *m, uint8_t *shared, const int32_t *start,
                          bool stores) {
  int64_t index[5] = {0}, offset = 0;
  for (int axis = 0; axis < m->rank;) {
    uint8_t *here = swizzled(m, shared + offset), *there = element(m, start, index);
    if (!stores)
      seq_sim_add_piece(bulk, here, there, m->width);
    else if (there)
      seq_sim_add_piece(bulk, there, here, m->width);
    offset += m->width;
    for (axis = 0; axis < m->rank; axis++) {
      if (++index[axis] * m->steps[axis] < m->box[axis])
        break;
      index[axis] = 0;
    }
  }
  return offset;
}

static void check_shared(const void *p, const seq_sim_site *site) {
  if ((uintptr_t)p % 128 != 0)
    seq_sim_fail("copies a tensor's box at %s from or to byte %u of shared memory: multiples of "
                 "128 are taken",
                 seq_sim_place(site).s, (unsigned)((uintptr_t)p % ARENA_BYTES));
}

void seq_sim_tensor_load(const void *p, void *to, void *mbarrier, int32_t rank,
                         const int32_t *start, int32_t blocks, const seq_sim_site *site) {
  map m = read_map(p, rank, site);
  check_shared(to, site);
  seq_sim_bulk *bulk = seq_sim_new_bulk(site);
  bulk->tx = add_pieces(bulk, &m, to, start, false);
  seq_sim_begin_load(bulk, to, mbarrier, (uint32_t)blocks);
}

void seq_sim_tensor_store(const void *p, const void *from, int32_t rank, const int32_t *start,
                          const seq_sim_site *site) {
  map m = read_map(p, rank, site);
  seq_sim_offset(seq_sim_running->current->block, from, "the source of an asynchronous copy", site);
  check_shared(from, site);
  seq_sim_bulk *bulk = seq_sim_new_bulk(site);
  add_pieces(bulk, &m, (uint8_t *)(uintptr_t)from, start, true);
  seq_sim_begin_store(bulk);
}
