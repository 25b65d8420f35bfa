//===- StreamBuilder.h - How a stream is made of a function ---------------------------------===//
//
// Private to this folder; the idea is in Stream.cpp.
//
//===----------------------------------------------------------------------===//
#ifndef SEQC_TRANSFORMS_STREAMBUILDER_H
#define SEQC_TRANSFORMS_STREAMBUILDER_H

#include "compiler/Analysis/Time.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/IRMapping.h"

namespace seq::stream {

using llvm::ArrayRef;
using llvm::SmallVector;
using llvm::StringRef;
using mlir::AffineExpr;
using mlir::Block;
using mlir::Location;
using mlir::OpBuilder;
using mlir::Operation;
using mlir::Value;

/// Where a body that is being copied stands.
struct Place {
  Value row;    ///< the original's row index, null outside of rows
  Value exists; ///< null, or false for what a window holds before the sequence's first step
  Value own;    ///< the part of it that is due to the innermost op's own indices
};

class Builder {
public:
  Builder(mlir::func::FuncOp from, const TimeStructure &time)
      : from(from), time(time), b(from.getContext()) {}
  /// The stream, after `from`; null with a refusal.
  mlir::func::FuncOp build(StringRef name, std::optional<StreamRefusal> &refusal);

private:
  // Stream.cpp: the function, its states
  void declare(StringRef name);
  void declareRequirements();
  void declareSizes();
  mlir::AffineMapAttr shapeOf(ArrayRef<AffineExpr> axes);
  Value addState(Value like, SmallVector<AffineExpr> axes, StringRef name, Location loc);
  void addNext(Value tensor, Value state);
  void keep(Value tensor, Location loc, StringRef name);
  SmallVector<Value> extentsOf(ArrayRef<AffineExpr> axes, Location loc);
  Value emitSize(AffineExpr expr, Location loc);
  Value joinRows(Value state, Value piece, unsigned axis, Value rows, ArrayRef<Value> extents,
                 Location loc);
  Value startOf(Value init, Value state, ArrayRef<Value> extents, Location loc);
  Value inElement(OpBuilder &in, Value scalar, mlir::Type type, Location loc);
  Value lastRows(Value joined, unsigned axis, ArrayRef<Value> extents, Location loc);
  void copyScalar(Operation &op);
  void copyTop(Operation &op);
  void finish();

  // StreamBody.cpp: ops and bodies
  void copyPoints(OpBuilder &to, Operation *op, Place place);
  void copyScan(OpBuilder &to, ScanOp scan, Place place);
  void copyBody(OpBuilder &to, Block &body, Place place);
  void copyRead(OpBuilder &to, ReadOp read, const Place &place);
  void copyReduce(OpBuilder &to, ReduceOp reduce, Place place);
  void copyYield(OpBuilder &to, YieldOp yield, const Place &place);
  SmallVector<Value> newExtents(OpBuilder &to, Block &body, mlir::ValueRange extents, Location loc);
  void enterIndices(OpBuilder &to, Block &old, Block &now, Place &place, Location loc);
  void failOnlyWhere(Operation *op, Value exists);
  Value timeIndex(OpBuilder &to, ReadOp read, unsigned axis, const Place &place);
  Value inWindow(OpBuilder &to, ReadOp read, unsigned axis, Value at);
  bool mayMiss(ReadOp read, const Place &place);
  mlir::StringAttr nameOfTable(ReadOp read);

  /// An old linear form in new values.
  Linear now(const Linear &form);
  Value emit(OpBuilder &to, const Linear &form, Location loc);
  Linear windowStart(const Window &window);

  struct State {
    Value argument, next;
    mlir::AffineMapAttr shape;
    mlir::StringAttr name;
  };

  mlir::func::FuncOp from, to;
  const TimeStructure &time;
  OpBuilder b;
  mlir::IRMapping map;
  unsigned timeSymbol = 0;
  SmallVector<Value> sizes;  ///< of the function, the position last
  Value start, steps, total; ///< the piece's first step, its length, and both together
  SmallVector<std::pair<Value, Value>> soFarScalars; ///< scalars made of the time's size
  llvm::DenseMap<Value, Linear> indexNow;            ///< old indices over time, in new values
  llvm::DenseMap<Value, Value> rowNow;               ///< old row indices: the piece's own
  llvm::DenseMap<Value, Value> kept;                 ///< old tensors: with what was kept in front
  SmallVector<State> states;
  llvm::DenseMap<StringRef, unsigned> names;
  std::optional<StreamRefusal> *refusal = nullptr;
};

} // namespace seq::stream

#endif
