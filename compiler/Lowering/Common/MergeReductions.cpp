//===- MergeReductions.cpp - Sums over one range in one loop ---------------------------===//
//
// Sums over the same range that do not read each other become one loop: sibling gates
// share the broadcast of the state and the loop itself.
//
//   a = reduce k < n { w[j, k] * h[k] }          a, b = reduce k < n {
//   b = reduce k < n { u[j, k] * h[k] }    →       x = h[k];  w[j, k] * x,  u[j, k] * x }
//
// Whatever the second loop needs moves before the first; where that reads the first, or
// another reduction, the two stay apart.
//
//===----------------------------------------------------------------------===//
#include "compiler/Lowering/Common/Lower.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
namespace seq::lowering {

/// Sums and the like of all points: no argmax, whose places would have to be told apart,
/// and no presence of its own.
static bool isPlain(ReduceOp r) {
  for (unsigned k = 0; k < r.getNumResults(); ++k)
    if (r.kind(k) == ReduceKind::argmax || r.kind(k) == ReduceKind::argmin)
      return false;
  return !r.yield().getPresent();
}

namespace {
/// The ops of `first`'s block behind it that `second` needs, operands before users.
class Needed {
public:
  Needed(ReduceOp first, ReduceOp second) : first(first), block(first->getBlock()) {
    second->walk([&](Operation *o) {
      for (Value v : o->getOperands())
        if (v.getParentRegion() == block->getParent())
          need(v);
    });
  }
  /// False where one of them is a reduction, `first` among them.
  bool movable = true;
  llvm::SetVector<Operation *> ops;

private:
  void need(Value v) {
    Operation *d = v.getDefiningOp();
    if (!movable || !d || d->getBlock() != block || d->isBeforeInBlock(first))
      return;
    if (isa<ReduceOp>(d)) {
      movable = false;
      return;
    }
    for (Value o : d->getOperands())
      need(o);
    ops.insert(d);
  }

  ReduceOp first;
  Block *block;
};
} // namespace

/// One reduction with the results of both, in the place of the first.
static ReduceOp merge(ReduceOp first, ReduceOp second) {
  OpBuilder b(first);
  SmallVector<ReduceKind> kinds;
  SmallVector<Type> types;
  SmallVector<Value> results;
  for (ReduceOp r : {first, second})
    for (unsigned k = 0; k < r.getNumResults(); ++k) {
      kinds.push_back(r.kind(k));
      types.push_back(r.getResult(k).getType());
      results.push_back(r.getResult(k));
    }
  auto body = [&](OpBuilder &inner, Location loc, ValueRange indices) {
    Values out;
    for (ReduceOp r : {first, second}) {
      IRMapping map;
      map.map(r.indices(), indices);
      for (Operation &o : r.bodyBlock()->without_terminator())
        inner.clone(o, map);
      for (Value v : r.yield().getValues())
        out.push_back(map.lookupOrDefault(v));
    }
    YieldOp::create(inner, loc, out);
  };
  Location both = b.getFusedLoc({first.getLoc(), second.getLoc()});
  auto merged = ReduceOp::create(b, both, kinds, types, first.getExtents(), body);
  for (auto [old, fresh] : llvm::zip(results, merged.getResults()))
    old.replaceAllUsesWith(fresh);
  first.erase();
  second.erase();
  return merged;
}

/// Reads of the same place in one body are one.
static void shareReads(Block &body) {
  SmallVector<ReadOp> seen;
  for (auto read : llvm::make_early_inc_range(body.getOps<ReadOp>())) {
    auto same = llvm::find_if(seen, [&](ReadOp o) {
      return o.getTensor() == read.getTensor() && o.getIndices() == read.getIndices() &&
             o.getGuard() == read.getGuard() && o.getCheckAttr() == read.getCheckAttr();
    });
    if (same == seen.end()) {
      seen.push_back(read);
      continue;
    }
    read.getResult().replaceAllUsesWith(same->getResult());
    read.erase();
  }
}

void mergeReductions(Block &block) {
  for (Operation &op : block)
    for (Region &r : op.getRegions())
      for (Block &inner : r)
        mergeReductions(inner);
  SmallVector<ReduceOp> sums(block.getOps<ReduceOp>());
  for (size_t i = 0; i < sums.size(); ++i) {
    if (!sums[i] || !isPlain(sums[i]))
      continue;
    for (ReduceOp &other : llvm::drop_begin(sums, i + 1)) {
      if (!other || !isPlain(other) || sums[i].getExtents() != other.getExtents())
        continue;
      Needed needed(sums[i], other);
      if (!needed.movable)
        continue;
      for (Operation *o : needed.ops)
        o->moveBefore(sums[i]);
      sums[i] = merge(sums[i], other);
      other = nullptr;
    }
    shareReads(*sums[i].bodyBlock());
  }
}

} // namespace seq::lowering
