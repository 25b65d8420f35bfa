//===- Operations.h - What counts as an operation -------------------------------------===//
//
// Work is counted in floating-point operations of five kinds. Index arithmetic, reads,
// comparisons and choices count as none. How often each is done is the business of who counts:
// compiler/Analysis/Work.h from ranges, compiler/Reference by doing it.
//
//===----------------------------------------------------------------------===//
#ifndef SEQ_DIALECT_OPERATIONS_H
#define SEQ_DIALECT_OPERATIONS_H

#include "dialect/Seq.h"

namespace seq {

/// Numbers of operations, of type `N`.
template <class N> struct Operations {
  N adds{}; ///< subtractions too
  N multiplies{};
  N divisions{}; ///< square roots too
  N functions{}; ///< exp, log, tanh, sigmoid, …: one, whatever it is made of
  N extremes{};  ///< max, min, abs, sign, floor, relu

  template <class M> void add(const Operations<M> &other, const N &times) {
    adds += N(other.adds) * times;
    multiplies += N(other.multiplies) * times;
    divisions += N(other.divisions) * times;
    functions += N(other.functions) * times;
    extremes += N(other.extremes) * times;
  }
  /// Calls f(name, number) for each kind.
  template <class F> void forEach(F f) const {
    f("adds", adds);
    f("multiplies", multiplies);
    f("divisions", divisions);
    f("functions", functions);
    f("extremes", extremes);
  }
};

/// Of one evaluation of an op of a body, without what its own body does.
Operations<double> operationsOf(mlir::Operation *op);
/// Of a reduction for each present point, and once in the end, for all of its values.
Operations<double> operationsOfPoint(ReduceOp op);
Operations<double> operationsOfEnd(ReduceOp op);
/// Of a softmax, attention or convolution for each present point beside its body; of an
/// attention without its weights.
Operations<double> operationsOfPoint(mlir::Operation *op);
/// Of an attention for each weight, and once for each row.
Operations<double> operationsOfWeight(AttentionOp op);
Operations<double> operationsOfRow(AttentionOp op);

} // namespace seq

#endif
