//===- Sum.h - A sum that may become an op of its own -------------------------------===//
#ifndef SEQC_TRANSFORMS_SUM_H
#define SEQC_TRANSFORMS_SUM_H

#include "compiler/Transforms/Rewrite.h"

namespace seq {

/// A sum, or a fold of another kind, in a map that may become an op of its own over `own` indices
/// of the map, then its.
struct Sum {
  ReduceOp reduce;
  MapOp map;
  llvm::SmallVector<mlir::Value> own;

  explicit Sum(ReduceOp r, ReduceKind kind = ReduceKind::sum)
      : reduce(r), map(llvm::dyn_cast<MapOp>(r->getParentOp())) {
    if (!map || r.getNumResults() != 1 || r.kind(0) != kind)
      map = nullptr;
    if (!map)
      return;
    auto used = indicesUsedBy(r, map);
    for (mlir::Value a : map.indices())
      if (used.contains(a))
        own.push_back(a);
  }
  explicit operator bool() const { return static_cast<bool>(map); }
  mlir::Value value() { return reduce.yield().getValues()[0]; }

  llvm::SmallVector<mlir::Value> extents() {
    llvm::SmallVector<mlir::Value> out;
    for (mlir::Value a : own)
      out.push_back(map.getExtents()[llvm::cast<mlir::BlockArgument>(a).getArgNumber()]);
    llvm::append_range(out, reduce.getExtents());
    return out;
  }

  /// Clones what the sum needs, and its body, at `indices`.
  mlir::IRMapping cloneBody(mlir::OpBuilder &b, mlir::ValueRange indices) {
    mlir::IRMapping mapping;
    mapping.map(own, indices.take_front(own.size()));
    mapping.map(reduce.indices(), indices.drop_front(own.size()));
    for (mlir::Operation *o : scalarSlice(reduce, map.bodyBlock()))
      if (o != reduce)
        b.clone(*o, mapping);
    for (mlir::Operation &o : reduce.bodyBlock()->without_terminator())
      b.clone(o, mapping);
    return mapping;
  }

  /// Reads `tensor` in place of the sum.
  void replaceBy(mlir::Value tensor) {
    mlir::OpBuilder b(reduce);
    reduce.getResult(0).replaceAllUsesWith(
        ReadOp::create(b, reduce.getLoc(), tensor, own).getResult());
    reduce.erase();
  }
};

/// Makes a linear seq.attention of a sum that is weighted by scores; false where it is none.
bool raiseScores(ReduceOp reduce);
/// Makes the normaliser of a seq.attention of a logsumexp of scores; false where it is none.
bool raiseNormaliser(ReduceOp reduce);

} // namespace seq

#endif
