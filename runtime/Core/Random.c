/* Counter-based random numbers.
 *
 * Normals come from Box-Muller on two 64-bit words of one Philox block, in double, with
 * our own log and sine: libm's differ in the last bit between systems, and a seed is
 * quoted in reports and must give the same array everywhere. Only +, -, *, / and sqrt
 * are used, which IEEE rounds in one way; the build turns contraction to fma off for this
 * file. Errors of the polynomials are below 1e-15 relative, far under what a sample
 * could show. */
#include "seq/random.h"

#include <math.h>
#include <string.h>

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

static void mul32(uint32_t a, uint32_t b, uint32_t *hi, uint32_t *lo) {
  uint64_t p = (uint64_t)a * b;
  *hi = (uint32_t)(p >> 32);
  *lo = (uint32_t)p;
}

void seq_philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]) {
  uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
  uint32_t k0 = key[0], k1 = key[1];
  for (int round = 0; round < 10; round++) {
    uint32_t h0, l0, h1, l1;
    mul32(0xD2511F53u, c0, &h0, &l0);
    mul32(0xCD9E8D57u, c2, &h1, &l1);
    c0 = h1 ^ c1 ^ k0;
    c1 = l1;
    c2 = h0 ^ c3 ^ k1;
    c3 = l0;
    k0 += 0x9E3779B9u; /* the golden ratio and sqrt(3) - 1, as the paper has them */
    k1 += 0xBB67AE85u;
  }
  out[0] = c0, out[1] = c1, out[2] = c2, out[3] = c3;
}

/* Block number `block` of a stream as two words of 64 bits. */
static void block64(uint64_t seed, uint64_t stream, uint64_t block, uint64_t word[2]) {
  uint32_t counter[4] = {(uint32_t)block, (uint32_t)(block >> 32), (uint32_t)stream,
                         (uint32_t)(stream >> 32)};
  uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
  uint32_t out[4];
  seq_philox4x32(counter, key, out);
  word[0] = (uint64_t)out[1] << 32 | out[0];
  word[1] = (uint64_t)out[3] << 32 | out[2];
}

/* log(x) of a normal positive x: x = m 2^e with m near 1, log m = 2 atanh((m-1)/(m+1)). */
static double own_log(double x) {
  uint64_t bits;
  memcpy(&bits, &x, 8);
  int e = (int)(bits >> 52) - 1023;
  bits = (bits & 0xFFFFFFFFFFFFFull) | 0x3FF0000000000000ull;
  double m;
  memcpy(&m, &bits, 8);
  if (m > 1.4142135623730951) {
    m *= 0.5;
    e++;
  }
  double s = (m - 1.0) / (m + 1.0), z = s * s, p = 0.0;
  for (int k = 21; k >= 3; k -= 2)
    p = p * z + 1.0 / k;
  return e * 0.6931471805599453 + 2.0 * (s + s * (z * p));
}

/* sin and cos of 2 pi u, 0 <= u < 1: quadrant first (exact), then Taylor on |r| <= pi/4. */
static void own_sincos(double u, double *sine, double *cosine) {
  double t = 4.0 * u;
  int q = (int)(t + 0.5);
  double r = (t - q) * 1.5707963267948966, z = r * r, s = 0.0, c = 0.0;
  for (int k = 18; k >= 2; k -= 2) {
    s = (1.0 - s) * (z / (k * (k + 1)));
    c = (1.0 - c) * (z / (k * (k - 1)));
  }
  s = r * (1.0 - s);
  c = 1.0 - c;
  switch (q & 3) {
  case 0:
    *sine = s, *cosine = c;
    break;
  case 1:
    *sine = c, *cosine = -s;
    break;
  case 2:
    *sine = -s, *cosine = -c;
    break;
  default:
    *sine = -c, *cosine = s;
    break;
  }
}

/* Normals number 2 block and 2 block + 1. The first word gives (0, 1], for the log. */
static void normal_pair(uint64_t seed, uint64_t stream, uint64_t block, double pair[2]) {
  uint64_t word[2];
  block64(seed, stream, block, word);
  double u = (double)((word[0] >> 11) + 1) * 0x1p-53;
  double v = (double)(word[1] >> 11) * 0x1p-53;
  double radius = sqrt(-2.0 * own_log(u)), s, c;
  own_sincos(v, &s, &c);
  pair[0] = radius * c;
  pair[1] = radius * s;
}

void seq_random_normal_f64(uint64_t seed, uint64_t stream, uint64_t index0, double *out,
                           int64_t n) {
  double pair[2];
  for (int64_t i = 0; i < n; i++) {
    uint64_t index = index0 + (uint64_t)i;
    if (i == 0 || index % 2 == 0)
      normal_pair(seed, stream, index / 2, pair);
    out[i] = pair[index % 2];
  }
}

void seq_random_normal_f32(uint64_t seed, uint64_t stream, uint64_t index0, float *out, int64_t n) {
  double pair[2];
  for (int64_t i = 0; i < n; i++) {
    uint64_t index = index0 + (uint64_t)i;
    if (i == 0 || index % 2 == 0)
      normal_pair(seed, stream, index / 2, pair);
    out[i] = (float)pair[index % 2];
  }
}

/* floor(word * bound / 2^64) without 128-bit integers: word = high 2^32 + low. */
static int32_t scale_to(uint64_t word, int32_t bound) {
  uint64_t b = (uint32_t)bound, low = (word & 0xFFFFFFFFu) * b, high = (word >> 32) * b;
  return (int32_t)((high + (low >> 32)) >> 32);
}

void seq_random_below(uint64_t seed, uint64_t stream, uint64_t index0, int32_t bound, int32_t *out,
                      int64_t n) {
  uint64_t word[2];
  for (int64_t i = 0; i < n; i++) {
    uint64_t index = index0 + (uint64_t)i;
    if (i == 0 || index % 2 == 0)
      block64(seed, stream, index / 2, word);
    out[i] = scale_to(word[index % 2], bound);
  }
}

void seq_random_coin(uint64_t seed, uint64_t stream, uint64_t index0, uint8_t *out, int64_t n) {
  uint64_t word[2];
  for (int64_t i = 0; i < n; i++) {
    uint64_t index = index0 + (uint64_t)i;
    if (i == 0 || index % 2 == 0)
      block64(seed, stream, index / 2, word);
    out[i] = (uint8_t)(word[index % 2] >> 63);
  }
}
