//===- Domain.h - What a condition says about an index ------------------------------===//
//
// `where j <= i and i - j < W and keep[j]` is a condition of conjuncts. Those that compare
// affine expressions bound an index by values that do not depend on it:
//
//   boundsOf(condition, j, …)  →  j ≤ i,  j ≥ i − W + 1
//
// So loops run over what can exist, and the condition itself decides the rest. Everything
// here reads a body and changes nothing.
//
//===----------------------------------------------------------------------===//
#ifndef SEQC_ANALYSIS_DOMAIN_H
#define SEQC_ANALYSIS_DOMAIN_H

#include "dialect/Seq.h"

namespace seq {

/// The conditions that all hold where `condition` does; none where it is null.
llvm::SmallVector<mlir::Value> conjunctsOf(mlir::Value condition);

/// constant + Σ factor · value, over index values.
struct AffineSum {
  int64_t constant = 0;
  llvm::SmallVector<std::pair<int64_t, mlir::Value>, 4> terms;

  /// Adds `scale` times `v`, taken apart through sums, differences and constant multiples.
  /// A value that `isWhole` accepts is one term.
  void add(mlir::Value v, int64_t scale, llvm::function_ref<bool(mlir::Value)> isWhole);
  /// Takes out the terms of `value` and gives their factor.
  int64_t take(mlir::Value value);
  void scale(int64_t by);
};

/// index ≥ value, or index ≤ value.
struct IndexBound {
  bool lower;
  AffineSum value;
};

/// The bounds that the conjuncts of `condition` give to `index`. Values from outside of the
/// region `inside` are single terms, and so is what is not affine. Terms never depend on `index`;
/// a quotient of it by a positive constant is solved for it.
llvm::SmallVector<IndexBound> boundsOf(mlir::Value condition, mlir::Value index,
                                       mlir::Region &inside);

/// The affine conjuncts alone make up the condition, each of them a bound of `index` that
/// boundsOf gives.
bool isAllBounds(mlir::Value condition, mlir::Value index, mlir::Region &inside);

/// ⌊numerator / divisor⌋ for a positive constant divisor.
struct Quotient {
  mlir::Value numerator;
  int64_t divisor;
};
std::optional<Quotient> quotientOf(mlir::Value value);

/// Chains of ops in `inside` lead from `from` to `to`.
bool dependsOn(mlir::Value to, mlir::Value from, mlir::Region &inside);

} // namespace seq

#endif
