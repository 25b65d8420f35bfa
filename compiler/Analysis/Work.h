//===- Work.h - How much a function computes and stores ------------------------------------===//
//
// Operations by kind and bytes, as formulas over the sizes, for one sequence:
//
//   y[i, d] = sum[j](p[i, j] * v[j, d] where j <= i)     adds: 0.5 * D * T * T + 0.5 * D * T
//
// What is counted is the program as the ops say it: each point of a map once, each present point
// of a reduction once, each step of a scan once. Lowering may do a little more (whole vectors,
// whole tiles), never less. Ranges that follow an index by a constant distance are counted
// exactly, in others that depend on indices these stand at the middle of their own
// range, and conditions that depend on data count as met (`atMost`).
//
//===----------------------------------------------------------------------===//
#ifndef SEQC_ANALYSIS_WORK_H
#define SEQC_ANALYSIS_WORK_H

#include "compiler/Analysis/Formula.h"
#include "dialect/Operations.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace seq::analysis {

/// A function of one number counts as so many operations where one figure is wanted.
constexpr double kFunctionOperations = 8;

struct Work {
  Operations<Formula> operations;
  Formula stored;             ///< bytes of every element that a map or its like makes
  Formula arguments, results; ///< bytes, each read or written once; of a function
  bool atMost = false;        ///< some range was bounded, not counted

  /// All kinds in one figure.
  Formula flops() const;
};

Work workOf(mlir::func::FuncOp func);
/// Of ops of the function's own block.
Work workOf(llvm::ArrayRef<mlir::Operation *> ops);

/// Points at which the reduction's body is done, in all points of its map.
Formula presentPoints(ReduceOp reduce);

/// Of an argument of the function.
Formula elementsOf(mlir::func::FuncOp func, unsigned argument);

/// A value of the function's own block, made of sizes and constants; `around`: or of these indices
/// of scans, which are taken for that.
Formula formulaOf(mlir::Value index, llvm::ArrayRef<std::pair<mlir::Value, double>> around = {});

} // namespace seq::analysis

#endif
