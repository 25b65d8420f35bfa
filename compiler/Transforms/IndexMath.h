//===- IndexMath.h - Index arithmetic, folded where it is constant ------------------------===//
#ifndef SEQC_TRANSFORMS_INDEXMATH_H
#define SEQC_TRANSFORMS_INDEXMATH_H

#include "dialect/Seq.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

namespace seq {

/// Index arithmetic at the builder's place, folded where it is constant.
class IndexMath {
public:
  IndexMath(mlir::OpBuilder &b, mlir::Location loc) : b(b), loc(loc) {}
  mlir::Value constant(int64_t v) { return mlir::arith::ConstantIndexOp::create(b, loc, v); }
  mlir::Value add(mlir::Value x, mlir::Value y) { return fold<mlir::arith::AddIOp>(x, y); }
  mlir::Value sub(mlir::Value x, mlir::Value y) { return fold<mlir::arith::SubIOp>(x, y); }
  mlir::Value mul(mlir::Value x, mlir::Value y) { return fold<mlir::arith::MulIOp>(x, y); }
  mlir::Value min(mlir::Value x, mlir::Value y) { return fold<mlir::arith::MinSIOp>(x, y); }
  mlir::Value max(mlir::Value x, mlir::Value y) { return fold<mlir::arith::MaxSIOp>(x, y); }
  mlir::Value add(mlir::Value x, int64_t y) { return add(x, constant(y)); }
  mlir::Value mul(mlir::Value x, int64_t y) { return mul(x, constant(y)); }
  mlir::Value clamp(mlir::Value x, mlir::Value lo, mlir::Value hi) { return min(max(x, lo), hi); }
  /// ⌊x / y⌋ and its remainder, for y > 0.
  mlir::Value div(mlir::Value x, mlir::Value y) { return divide(DivKind::div, x, y); }
  mlir::Value mod(mlir::Value x, mlir::Value y) { return divide(DivKind::mod, x, y); }
  mlir::Value div(mlir::Value x, int64_t y) { return div(x, constant(y)); }
  mlir::Value ceilDiv(mlir::Value x, int64_t y) { return div(add(x, y - 1), y); }
  /// The place of point `number` of a box, its last axis first; axes without points count one.
  llvm::SmallVector<mlir::Value> unravel(mlir::Value number, llvm::ArrayRef<mlir::Value> extents);

private:
  template <class Op> mlir::Value fold(mlir::Value x, mlir::Value y) {
    return b.createOrFold<Op>(loc, x, y);
  }
  mlir::Value divide(DivKind kind, mlir::Value x, mlir::Value y);
  mlir::OpBuilder &b;
  mlir::Location loc;
};

} // namespace seq

#endif
