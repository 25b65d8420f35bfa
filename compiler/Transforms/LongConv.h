//===- LongConv.h - Convolutions that transforms may compute ------------------------------===//
#ifndef SEQC_TRANSFORMS_LONGCONV_H
#define SEQC_TRANSFORMS_LONGCONV_H

#include "compiler/Analysis/Domain.h"

namespace seq {

/// A convolution of one kernel with one input along one axis,
///
///   y[t, …] = Σ_s kernel(s, …) · input[p, …]   with p = t + sign · s + shift,
///
/// where a condition of presence either bounds p, by a value that is the same for all t, s and
/// lanes, or does not depend on t.
struct LongConv {
  ConvOp op;
  unsigned time = 0; ///< the place of t among the op's indices
  int sign = -1;     ///< of s: −1, a convolution; +1, a correlation
  AffineSum shift;   ///< of values from outside of the op
  ReadOp input;
  unsigned axis = 0; ///< of the input, that p indexes
  mlir::Value inputSize;
  llvm::SmallVector<IndexBound> bounds;      ///< of p
  llvm::SmallVector<mlir::Value> conditions; ///< of the kernel's points
  std::optional<unsigned> lane;              ///< the op's last leading index, unless it is t
  llvm::SmallVector<unsigned> outer;         ///< the other leading indices

  /// None, and the reason, where the op is something else.
  static std::optional<LongConv> match(ConvOp op, std::string &why);

  mlir::Value kernel() { return op.yield().getValues()[0]; }
  mlir::OperandRange extents() const { return ConvOp(op).getExtents(); }
  mlir::Value steps() const { return extents()[time]; }
  mlir::Value kernelSize() const { return extents().back(); }
  /// The kernel, or the input, depends on index `place`.
  bool kernelUses(unsigned place);
  bool inputUses(unsigned place);
  /// The kernel is made of parameters and constants alone.
  bool kernelIsOfWeights();

private:
  bool readsAtPlace();
  bool addCondition(mlir::Value conjunct);
  bool isUniform(const AffineSum &sum);
};

} // namespace seq

#endif
