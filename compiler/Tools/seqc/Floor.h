//===- Floor.h - What a call could take at best ---------------------------------------===//
//
// A call does its operations and moves its arguments, results and parameters: the floor is the
// longer of the two at the machine's peaks. `bench` holds measured times to it, `explain`
// estimated ones.
//
//===----------------------------------------------------------------------===//
#ifndef SEQC_TOOLS_SEQC_FLOOR_H
#define SEQC_TOOLS_SEQC_FLOOR_H

#include "compiler/Lowering/Common/Lowering.h"

#include <cstdint>

namespace seq::tool {

class Session;

/// What a machine does in a second.
struct Peaks {
  double flops = 0; ///< f32 fused multiply-adds as two; 0: not known
  double bytes = 0; ///< of memory
};
/// Of this machine, measured now on some threads with vectors of a target's level.
Peaks measurePeaks(int threads, unsigned level);
/// Of a GPU's chip, as its vendor has them.
Peaks publishedPeaks(const lowering::Target &target);

/// What a call has to do.
struct Demand {
  double flops = 0, bytes = 0;
};
/// Seconds.
double floorOf(const Demand &demand, const Peaks &peaks);

/// Of the program's parameters, each of which a call reads once.
double weightBytes(const Session &session);

} // namespace seq::tool

#endif
