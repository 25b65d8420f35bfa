//===- TileRange.h - Which blocks of keys a block of rows meets -----------------------===//
#ifndef SEQC_TRANSFORMS_TILERANGE_H
#define SEQC_TRANSFORMS_TILERANGE_H

#include "compiler/Analysis/Domain.h"
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

private:
  template <class Op> mlir::Value fold(mlir::Value x, mlir::Value y) {
    return b.createOrFold<Op>(loc, x, y);
  }
  mlir::Value divide(DivKind kind, mlir::Value x, mlir::Value y);
  mlir::OpBuilder &b;
  mlir::Location loc;
};

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
  mlir::Value extreme(IndexMath &m, mlir::Value v, const Box &box, bool largest) const;
  mlir::Value extreme(IndexMath &m, const AffineSum &sum, const Box &box, bool largest) const;
  mlir::Region &body;
  mlir::Value extent;
  llvm::SmallVector<IndexBound> bounds;
  bool exact;
};

} // namespace seq

#endif
