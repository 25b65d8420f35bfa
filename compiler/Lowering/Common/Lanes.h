//===- Lanes.h - Which index of a map runs in lanes -----------------------------------===//
#ifndef SEQC_LOWERING_COMMON_LANES_H
#define SEQC_LOWERING_COMMON_LANES_H

#include "compiler/Lowering/Common/Lower.h"
#include "llvm/ADT/SetVector.h"

namespace seq::lowering {

/// The index of the map with the cheapest point in lanes, `width` of them, or −1: reductions run
/// in lanes. `packable`: reads whose layout is ours to choose.
int chooseLane(MapOp map, unsigned width, llvm::function_ref<bool(ReadOp)> packable);

/// Where lanes that run over an index find what they read: all at one place, side by side, or
/// apart.
enum class Access { Shared, Contiguous, Apart };
/// `lane`: an index of the map or of one of its reductions; null: all lanes are at one point.
Access accessOf(MapOp map, ReadOp read, Value lane);

/// The indices of the map and of reductions that a read's place is computed from.
struct IndexUse {
  llvm::SetVector<Value> indices;
  bool pure = true;  ///< from these and constants alone
  bool known = true; ///< from these and what is the same for all points of the map

  explicit IndexUse(ReadOp read) {
    for (Value i : read.getIndices())
      collect(i);
  }
  bool uses(Value index) const { return indices.contains(index); }

private:
  void collect(Value v);
};

/// A read of a weight, in a reduction, at places that only indices with constant ranges give.
bool canPack(ReadOp read, const llvm::DenseSet<Value> &prepared);

} // namespace seq::lowering

#endif
