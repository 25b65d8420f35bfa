//===- TileRange.h - Which blocks of keys a block of rows meets -----------------------===//
#ifndef SEQC_TRANSFORMS_TILERANGE_H
#define SEQC_TRANSFORMS_TILERANGE_H

#include "compiler/Analysis/Domain.h"
#include "compiler/Transforms/IndexMath.h"

namespace seq {

/// Values of a body's indices at one place outside of it: `first` to `last`, equal where the
/// place has one value. An index without values (the key) is not in it.
struct Box {
  llvm::DenseMap<mlir::Value, std::pair<mlir::Value, mlir::Value>> indices;
};

/// What a condition leaves of a key index for a box of the others.
class KeyRange {
public:
  KeyRange(mlir::Value condition, mlir::Value key, mlir::Value extent, mlir::Region &body);

  /// The condition holds for exactly the keys of a range.
  bool isExact() const { return exact; }
  /// [lo, hi) outside of which no point of the box is present.
  std::pair<mlir::Value, mlir::Value> some(IndexMath &m, const Box &box) const;
  /// [lo, hi) in which all points of the box are present; both 0 where that is not known.
  std::pair<mlir::Value, mlir::Value> all(IndexMath &m, const Box &box) const;

private:
  std::pair<mlir::Value, mlir::Value> between(IndexMath &m, const Box &box, bool loosest) const;
  mlir::Value extreme(IndexMath &m, mlir::Value v, const Box &box, bool largest) const;
  mlir::Value extreme(IndexMath &m, const AffineSum &sum, const Box &box, bool largest) const;
  mlir::Region &body;
  mlir::Value extent;
  llvm::SmallVector<IndexBound> bounds;
  bool exact;
};

} // namespace seq

#endif
