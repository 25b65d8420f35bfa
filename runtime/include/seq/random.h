/* Random numbers that are the same on every machine, for any number of threads.
 *
 * Element i of stream s with seed k is a pure function of (k, s, i): Philox4x32-10 of
 * the counter (i, s) under the key k (Salmon, Moraes, Dror, Shaw: "Parallel random
 * numbers: as easy as 1, 2, 3", SC 2011). Any part of an array can be made alone. */
#ifndef SEQ_RANDOM_H
#define SEQ_RANDOM_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One block: out = Philox4x32-10(counter, key). */
void seq_philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

/* Standard normals, elements index0 ... index0 + n - 1. f32 is f64 rounded. Bit-identical
 * everywhere that has IEEE doubles. */
void seq_random_normal_f64(uint64_t seed, uint64_t stream, uint64_t index0, double *out, int64_t n);
void seq_random_normal_f32(uint64_t seed, uint64_t stream, uint64_t index0, float *out, int64_t n);

/* Uniform integers of [0, bound), bound >= 1. The bias is below bound / 2^64. */
void seq_random_below(uint64_t seed, uint64_t stream, uint64_t index0, int32_t bound, int32_t *out,
                      int64_t n);

/* Fair coins, 0 or 1. */
void seq_random_coin(uint64_t seed, uint64_t stream, uint64_t index0, uint8_t *out, int64_t n);

#ifdef __cplusplus
}
#endif

#endif
