//===- Rewrite.h - What the transforms share ------------------------------------------===//
#ifndef SEQC_TRANSFORMS_REWRITE_H
#define SEQC_TRANSFORMS_REWRITE_H

#include "dialect/Seq.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/SetVector.h"

namespace seq {

/// Values that the ops nested in `op` (itself included) use and that are defined outside of it.
llvm::SetVector<mlir::Value> capturedBy(mlir::Operation *op);

/// The index arguments of `map` (or softmax) that `op`, inside of its body, depends on
/// through scalars, whole chains included.
llvm::SetVector<mlir::Value> indicesUsedBy(mlir::Operation *op, mlir::Operation *map);

/// The scalar ops of `block` that `op` needs, in order, `op` last.
llvm::SetVector<mlir::Operation *> scalarSlice(mlir::Operation *op, mlir::Block *block);

/// Clones what makes `wanted` in the body of `op`, with its indices as `at`; the clones of
/// `wanted`, null where one is.
llvm::SmallVector<mlir::Value> cloneSlice(mlir::OpBuilder &b, mlir::Operation *op,
                                          mlir::ValueRange at, llvm::ArrayRef<mlir::Value> wanted);
/// Evaluates result `result` of `producer` at the place of `read`, and in its place.
void inlineAt(MapOp producer, unsigned result, ReadOp read);
/// The places of those indices that score and presence of `op` use, the key's last.
llvm::SmallVector<unsigned> weightPlaces(AttentionOp op);

bool hasReduction(mlir::Operation *op);

/// Whether the call may fail in the op or in its body.
bool mayFail(mlir::Operation *op);
/// Whether a body over `extents` may have no points.
bool mayBeEmpty(mlir::ValueRange extents);
/// Whether the op or its body is right only where the body that it stands in has a point: it may
/// fail, or reads at places that are inside there alone (`x[T - 1]` for each of the T steps).
bool needsPoint(mlir::Operation *op);
/// Such ops of a body that was moved out of one over `extents` act only where these have a point.
void doOnlyWithin(mlir::Block *body, mlir::ValueRange extents);
/// Moves what the step does not owe to its state out of the scan (`seq-hoist` of one).
void hoistFrom(ScanOp scan);
/// Puts the step of each scan that has just one in the scan's place.
void inlineOnlySteps(mlir::func::FuncOp func);
/// The sizes of a tensor of the function as values at the builder's place; none where they are
/// not simple.
std::optional<llvm::SmallVector<mlir::Value>>
tensorSizes(mlir::OpBuilder &b, mlir::func::FuncOp func, mlir::Value tensor);
/// Erases ops of the function that nothing uses.
void eraseDead(mlir::func::FuncOp func);
/// Merges equal scalar ops and reads within each block.
void mergeEqualScalars(mlir::func::FuncOp func);

} // namespace seq

#endif
