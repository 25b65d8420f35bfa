//===- Chips.h - What chips can do at best ----------------------------------------------===//
#ifndef SEQC_LOWERING_GPU_CHIPS_H
#define SEQC_LOWERING_GPU_CHIPS_H

namespace seq::gpu {

/// One product with a chip, by its vendor's figures. Peaks are of dense products, at boost clock.
struct Chip {
  int number;          ///< of sm_…
  const char *product; ///< whose figures these are
  double multiprocessors;
  double lanes;      ///< f32 fused multiply-adds of a multiprocessor in a cycle
  double f64Share;   ///< so many of them for one of f64
  double f32;        ///< TFLOP/s
  double tf32, half; ///< TFLOP/s of tensor cores, products of tf32, of bf16 and f16, sums of f32
  double bandwidth;  ///< GB/s of memory
  double cacheBytes; ///< of the second-level cache
  double threads;    ///< that a multiprocessor holds
  double shared;     ///< bytes of shared memory of a multiprocessor

  /// Cycles a nanosecond.
  double clock() const { return f32 * 1e3 / (2 * lanes * multiprocessors); }
};

/// The chip with this number, or the nearest older one.
const Chip &chipOf(int number);

} // namespace seq::gpu

#endif
