//===- FourierBlocks.h - A convolution by transforms of blocks ----------------------------===//
#ifndef SEQC_TRANSFORMS_FOURIERBLOCKS_H
#define SEQC_TRANSFORMS_FOURIERBLOCKS_H

#include "compiler/Transforms/LongConv.h"

namespace seq {

/// A transform of r1 · r2 points in two stages, of which blocks fill half; both are even.
struct Radices {
  int64_t r1, r2;

  int64_t points() const { return r1 * r2; }
  int64_t block() const { return r1 * r2 / 2; }
  /// Values of k1 that are computed; the others are conjugates.
  int64_t half() const { return r1 / 2 + 1; }
};

/// Channels of a tile.
constexpr int64_t kConvLanes = 16;

/// Writes the convolution in the place of its op; gives the scan over its tiles. Sequences and
/// kernels shorter than `least` are computed directly.
ScanOp convolveInBlocks(const LongConv &conv, Radices r, int64_t least);

} // namespace seq

#endif
