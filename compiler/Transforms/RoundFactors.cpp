//===- RoundFactors.cpp - Products of matrices for tensor cores -------------------------------===//
//
//   sum[k] { x · w }   →   sum[k] { extf (truncf x) · extf (truncf w) }
//
// Tensor cores multiply factors of 16 bits and add in f32. Where that is asked for, the
// rounding is a part of the program from here on, and does not depend on which products a
// target then finds worth a tile: `seq-narrow` keeps what only such products read in 16 bits,
// and the lowering sees factors that have them.
//
//===----------------------------------------------------------------------===//
#include "compiler/Transforms/Rewrite.h"
#include "compiler/Transforms/Transforms.h"

namespace seq {
#define GEN_PASS_DEF_SEQROUNDFACTORS
#include "compiler/Transforms/Passes.h.inc"
} // namespace seq

using namespace mlir;
using namespace seq;

namespace {

/// Fewer points or terms than this along one of the indices are no matrix.
constexpr int64_t kFewest = 8;

bool isLong(Value extent) {
  auto n = constantOf(extent);
  return !n || *n >= kFewest;
}

struct RoundFactors : seq::impl::SeqRoundFactorsBase<RoundFactors> {
  using SeqRoundFactorsBase::SeqRoundFactorsBase;

  void runOnOperation() override {
    OpBuilder b(&getContext());
    Type element = to == "f16" ? Type(b.getF16Type()) : b.getBF16Type();
    getOperation().walk([&](ReduceOp reduce) {
      auto map = dyn_cast<MapOp>(reduce->getParentOp());
      if (!map || !isLong(reduce.getExtents().back()))
        return;
      SmallVector<arith::MulFOp> products;
      for (auto [k, value] : llvm::enumerate(reduce.yield().getValues())) {
        auto mul = value.getDefiningOp<arith::MulFOp>();
        if (reduce.kind(k) == ReduceKind::sum && mul && mul.getType().isF32() &&
            mul->getBlock() == reduce.bodyBlock() && isMatrix(map, mul))
          products.push_back(mul);
      }
      for (arith::MulFOp mul : products)
        for (OpOperand &factor : mul->getOpOperands())
          round(b, factor, element);
    });
  }

private:
  /// Whether each factor moves with an index of the map that the other one does not move with.
  static bool isMatrix(MapOp map, arith::MulFOp mul) {
    auto used = [&](Value v) {
      Operation *op = v.getDefiningOp();
      return op ? indicesUsedBy(op, map) : llvm::SetVector<Value>();
    };
    auto x = used(mul.getLhs()), y = used(mul.getRhs());
    auto own = [&](const llvm::SetVector<Value> &one, const llvm::SetVector<Value> &other) {
      return llvm::any_of(llvm::enumerate(map.indices()), [&](auto index) {
        return one.contains(index.value()) && !other.contains(index.value()) &&
               isLong(map.getExtents()[index.index()]);
      });
    };
    return own(x, y) && own(y, x);
  }

  static void round(OpBuilder &b, OpOperand &factor, Type element) {
    Value x = factor.get();
    auto widened = x.getDefiningOp<arith::ExtFOp>();
    if (widened && widened.getIn().getType() == element)
      return;
    b.setInsertionPoint(factor.getOwner());
    Value narrow = arith::TruncFOp::create(b, x.getLoc(), element, x);
    factor.set(arith::ExtFOp::create(b, x.getLoc(), x.getType(), narrow));
  }
};

} // namespace
