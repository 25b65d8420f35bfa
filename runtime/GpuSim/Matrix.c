/* Matrix products of a warp, and the loads that feed them. g = lane / 4 and t = lane % 4 name a
 * lane's place in a fragment. */
#include "Parts.h"

#include <string.h>

/* --- element types */

static float from_bits(uint32_t bits) {
  float f;
  memcpy(&f, &bits, 4);
  return f;
}

static float from_f16(uint32_t h) {
  uint32_t sign = (h & 0x8000) << 16, exponent = h >> 10 & 31, fraction = h & 0x3FF;
  if (exponent == 31)
    return from_bits(sign | 0x7F800000 | fraction << 13);
  if (exponent != 0)
    return from_bits(sign | (exponent + 112) << 23 | fraction << 13);
  float f = (float)fraction * 0x1p-24f;
  return sign ? -f : f;
}

/* Of the lower bits; of tf32, hardware does not look at the last ones. */
float seq_sim_element(uint32_t bits, int32_t type) {
  if (type == SEQ_SIM_TF32)
    return from_bits(bits & ~0x1FFFu);
  return type == SEQ_SIM_F16 ? from_f16(bits & 0xFFFF) : from_bits(bits << 16);
}

/* Element `i` of a register of two. */
static float half_of(uint32_t packed, int i, int32_t type) {
  return seq_sim_element(packed >> 16 * i, type);
}

/* --- mma.sync */

static const seq_sim_fragments *fragments(seq_sim_call *const calls[LANES], int g, int t) {
  return calls[4 * g + t]->in;
}

static float a_at(seq_sim_call *const calls[LANES], int32_t type, int row, int k) {
  if (type == SEQ_SIM_TF32)
    return seq_sim_element(fragments(calls, row % 8, k % 4)->a[row / 8 + 2 * (k / 4)], type);
  return half_of(fragments(calls, row % 8, k % 8 / 2)->a[row / 8 + 2 * (k / 8)], k % 2, type);
}

static float b_at(seq_sim_call *const calls[LANES], int32_t type, int k, int n) {
  if (type == SEQ_SIM_TF32)
    return seq_sim_element(fragments(calls, n, k % 4)->b[k / 4], type);
  return half_of(fragments(calls, n, k % 8 / 2)->b[k / 8], k % 2, type);
}

/* Products are exact; the sum is rounded once, where hardware truncates a little. */
static void multiply(seq_sim_call *const calls[LANES], uint32_t mask) {
  (void)mask;
  int32_t type = calls[0]->mode;
  int depth = type == SEQ_SIM_TF32 ? 8 : 16;
  float a[16][16], b[16][8];
  for (int k = 0; k < depth; k++) {
    for (int row = 0; row < 16; row++)
      a[row][k] = a_at(calls, type, row, k);
    for (int n = 0; n < 8; n++)
      b[k][n] = b_at(calls, type, k, n);
  }
  for (int lane = 0; lane < LANES; lane++)
    for (int i = 0; i < 4; i++) {
      int row = lane / 4 + 8 * (i / 2), column = 2 * (lane % 4) + i % 2;
      double sum = ((const seq_sim_fragments *)calls[lane]->in)->c[i];
      for (int k = 0; k < depth; k++)
        sum += (double)a[row][k] * b[k][column];
      ((float *)calls[lane]->out)[i] = (float)sum;
    }
  if (seq_sim_running->counts)
    seq_sim_running->counts->mma++;
}

void seq_sim_mma(float d[4], const seq_sim_fragments *in, int32_t type, const seq_sim_site *site) {
  seq_sim_call call = {multiply, "a matrix product", UINT32_MAX, type, in, d, site};
  seq_sim_meet(&call);
}

/* --- ldmatrix */

static uint16_t element(seq_sim_call *const calls[LANES], int tile, int row, int column) {
  uint16_t value;
  memcpy(&value, (const char *)calls[8 * tile + row]->in + 2 * column, 2);
  return value;
}

/* Lanes of rows name them; all lanes take part. */
static void touch_row(const void *row, int32_t count, int32_t flags, const seq_sim_site *site) {
  const seq_sim_thread *t = seq_sim_running->current;
  if (t->index % LANES >= 8 * count)
    return;
  if ((uintptr_t)row - (uintptr_t)t->block->arena >= ARENA_BYTES)
    seq_sim_fail("%s a row of a tile at %s that is not in shared memory",
                 flags & SEQ_SIM_WRITE ? "stores" : "loads", seq_sim_place(site).s);
  seq_sim_access(row, 16, flags | 16 * SEQ_SIM_ALIGN, site);
}

static void load_tiles(seq_sim_call *const calls[LANES], uint32_t mask) {
  (void)mask;
  int count = calls[0]->mode / 2;
  bool transposed = calls[0]->mode % 2;
  for (int lane = 0; lane < LANES; lane++)
    for (int tile = 0; tile < count; tile++) {
      int g = lane / 4, t = 2 * (lane % 4);
      uint32_t low = transposed ? element(calls, tile, t, g) : element(calls, tile, g, t);
      uint32_t high = transposed ? element(calls, tile, t + 1, g) : element(calls, tile, g, t + 1);
      ((uint32_t *)calls[lane]->out)[tile] = low | high << 16;
    }
}

void seq_sim_ldmatrix(uint32_t *result, const void *row, int32_t count, int32_t transposed,
                      const seq_sim_site *site) {
  touch_row(row, count, SEQ_SIM_READ, site);
  seq_sim_call call = {
      load_tiles, "a load of tiles", UINT32_MAX, count * 2 + (transposed != 0), row, result, site};
  seq_sim_meet(&call);
}

/* --- stmatrix */

static void store_tiles(seq_sim_call *const calls[LANES], uint32_t mask) {
  (void)mask;
  int count = calls[0]->mode / 2;
  bool transposed = calls[0]->mode % 2;
  for (int lane = 0; lane < LANES; lane++)
    for (int tile = 0; tile < count; tile++) {
      uint32_t pair = ((const uint32_t *)calls[lane]->in)[tile];
      for (int i = 0; i < 2; i++) {
        int g = lane / 4, t = 2 * (lane % 4) + i;
        int row = transposed ? t : g, column = transposed ? g : t;
        uint16_t value = (uint16_t)(pair >> 16 * i);
        memcpy((char *)calls[8 * tile + row]->out + 2 * column, &value, 2);
      }
    }
}

void seq_sim_stmatrix(void *row, const uint32_t *values, int32_t count, int32_t transposed,
                      const seq_sim_site *site) {
  touch_row(row, count, SEQ_SIM_WRITE, site);
  seq_sim_call call = {
      store_tiles, "a store of tiles", UINT32_MAX, count * 2 + (transposed != 0), values, row,
      site};
  seq_sim_meet(&call);
}
