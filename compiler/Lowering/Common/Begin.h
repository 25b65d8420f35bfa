//===- Begin.h - Maps of which the first points are in place --------------------------===//
//
// A stream's state that keeps every step is one array, before the call and after it. A map
// that gives the steps so far, `t < start ? state[t] : new[t - start]`, begins at `start`.
//
//===----------------------------------------------------------------------===//
#ifndef SEQC_LOWERING_COMMON_BEGIN_H
#define SEQC_LOWERING_COMMON_BEGIN_H

#include "compiler/Lowering/Common/Lower.h"

namespace seq::lowering {

/// An index of a map that begins at `from`, as what comes before is in place.
struct Begin {
  unsigned index;
  Value from;
};

/// The index that begins later than at 0 for all of the map's results.
std::optional<Begin> beginOf(MapOp map);

} // namespace seq::lowering

#endif
