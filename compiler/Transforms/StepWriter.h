//===- StepWriter.h - A step, written at other times -------------------------------------===//
//
// The derived forms of a scan write its step anew: at a time that is an index of a map (a
// tile holds many steps), inside of a scan over the steps of a chunk, or as expressions
// that the analysis found. What they share is where the step's values then stand:
//
//   whole  a tensor of the step is another tensor there
//   tile   it is a tensor with the step inside of the chunk as its leading index
//
//===----------------------------------------------------------------------===//
#ifndef SEQC_TRANSFORMS_STEPWRITER_H
#define SEQC_TRANSFORMS_STEPWRITER_H

#include "compiler/Analysis/Recurrence.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/IRMapping.h"

namespace seq {

using analysis::ExprRef;

/// Where the tensors of a step stand.
struct StepTensors {
  llvm::DenseMap<mlir::Value, mlir::Value> whole, tile;
};

/// Writes scalars of a step into one block. `time` stands for the scan's index; `tau`
/// indexes tiles.
class StepWriter {
public:
  StepWriter(mlir::OpBuilder &b, mlir::Location loc, ScanOp scan, mlir::Value time, mlir::Value tau,
             const StepTensors &tensors)
      : b(b), loc(loc), scan(scan), time(time), tau(tau), tensors(tensors) {}

  /// For a body inside of this one.
  StepWriter inside(mlir::OpBuilder &in) const {
    StepWriter w(in, loc, scan, time, tau, tensors);
    w.memo = memo;
    return w;
  }
  void bind(ExprRef var, mlir::Value value) { memo[var] = value; }
  mlir::Value write(ExprRef e);
  /// The factors, of `type`, whatever the guards say.
  mlir::Value product(mlir::Type type, const analysis::Product &p);
  /// Where all guards hold; null where there are none.
  mlir::Value presence(const analysis::Product &p);
  /// The product, 0 where a guard fails.
  mlir::Value guarded(mlir::Type type, const analysis::Product &p);

  /// Copies an op of the step, with all that it needs of the step's scalars.
  mlir::Operation *clone(mlir::Operation *op, mlir::IRMapping &mapping);
  /// A scalar of the step's own block, or one from outside.
  mlir::Value bring(mlir::Value scalar, mlir::IRMapping &mapping);

private:
  mlir::Value op(ExprRef e);
  mlir::Value closure(ExprRef e);
  mlir::Value fold(ExprRef e);
  mlir::Value copyScalar(mlir::Value v, mlir::IRMapping &mapping);
  void redirect(mlir::Operation *cloned);

  mlir::OpBuilder &b;
  mlir::Location loc;
  ScanOp scan;
  mlir::Value time, tau;
  const StepTensors &tensors;
  llvm::DenseMap<ExprRef, mlir::Value> memo;
};

/// Every tensor that the expression reads.
void forEachTensor(ExprRef e, llvm::function_ref<void(mlir::Value)> found);
void forEachTensor(const analysis::Product &p, llvm::function_ref<void(mlir::Value)> found);

/// `like`, a stacked result of the scan, from one that is stacked in chunks of `steps` steps:
/// y[t, …] = chunks[t / steps, t % steps, …].
mlir::Value flattenTime(mlir::OpBuilder &b, ScanOp scan, mlir::Value chunks, mlir::Value steps,
                        mlir::OpResult like);

/// Arithmetic on floats and integers alike.
mlir::Value addValues(mlir::OpBuilder &b, mlir::Location loc, mlir::Value x, mlir::Value y);
mlir::Value mulValues(mlir::OpBuilder &b, mlir::Location loc, mlir::Value x, mlir::Value y);
mlir::Value numberOf(mlir::OpBuilder &b, mlir::Location loc, mlir::Type type, double n);

} // namespace seq

#endif
