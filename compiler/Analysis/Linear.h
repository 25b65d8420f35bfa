//===- Linear.h - Linear forms over indices, and what follows from conditions -----------===//
#ifndef SEQC_ANALYSIS_LINEAR_H
#define SEQC_ANALYSIS_LINEAR_H

#include "dialect/Seq.h"

#include "mlir/IR/AffineExpr.h"
#include "llvm/ADT/MapVector.h"

namespace seq {

/// Σ coefficient · atom + constant. Atoms are the values that are no sums themselves:
/// indices, sizes, results of reads. Coefficients are never 0.
struct Linear {
  llvm::MapVector<mlir::Value, int64_t> terms;
  int64_t constant = 0;

  Linear() = default;
  Linear(int64_t constant) : constant(constant) {}
  static Linear atom(mlir::Value value);
  /// The form of `value`, through sums and products with constants.
  static Linear of(mlir::Value value);

  Linear &add(const Linear &other, int64_t times = 1);
  int64_t coefficient(mlir::Value atom) const { return terms.lookup(atom); }
  bool isConstant() const { return terms.empty(); }
  bool operator==(const Linear &other) const;
};
Linear operator+(Linear a, const Linear &b);
Linear operator-(Linear a, const Linear &b);

/// What holds at a point: 0 ≤ index < extent for the indices around it, and inequalities
/// that its conditions give, each `form ≥ 0`.
class Facts {
public:
  void addIndex(mlir::Value index, mlir::Value extent);
  /// The comparisons of which `condition` is the conjunction; of its negation where not `holds`.
  void addCondition(mlir::Value condition, bool holds = true);
  void addKnown(const Linear &nonnegative) { known.push_back(nonnegative); }

  /// Whether form ≥ 0 follows, from at most one condition and the ranges of indices. False
  /// may mean that it is only not seen.
  bool provesNonnegative(const Linear &form) const;
  /// A bound `form ≤ bound` over sizes alone, none of which is made of the size `without`.
  std::optional<Linear> upperBound(const Linear &form, llvm::StringRef without) const;

private:
  /// `form` with each index at the end of its range that makes it smallest.
  std::optional<Linear> least(Linear form, llvm::StringRef without) const;

  llvm::MapVector<mlir::Value, mlir::Value> extents;
  llvm::SmallVector<Linear> known;
};

/// `value` over the sizes of a function, whose symbols are in the order of `sizes`; null
/// where it is made of anything else.
mlir::AffineExpr affineOf(mlir::Value value, llvm::ArrayRef<llvm::StringRef> sizes);
mlir::AffineExpr affineOf(const Linear &form, mlir::MLIRContext *context,
                          llvm::ArrayRef<llvm::StringRef> sizes);

} // namespace seq

#endif
