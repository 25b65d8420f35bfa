//===- ReduceRange.cpp - The part of a reduction's range that can be present ----------===//
//
// `sum[j](… where j <= i and i - j < W)` loops over the j from i − W + 1 to i. Each affine
// comparison of the presence that holds the index with factor ±1 gives a bound, taken over
// all rows and lanes of the tile; the presence itself is still applied inside. Whatever is
// not affine only masks.
//
//===----------------------------------------------------------------------===//
#include "compiler/Lowering/Cpu/Lower.h"

using namespace mlir;
namespace seq::cpu {

namespace {

/// factor * index + Σ ± terms.
struct Linear {
  int64_t factor = 0, constant = 0;
  SmallVector<std::pair<int64_t, Value>, 4> terms;
};

bool isInside(Value v, Block *block) {
  return v.getParentBlock() == block;
}

/// Splits `v` over the indices of `op`; false where it is not linear in `index`.
bool linear(Value v, Value index, ReduceOp op, int64_t scale, Linear &out) {
  if (v == index) {
    out.factor += scale;
    return true;
  }
  if (isa<BlockArgument>(v) && isInside(v, op.bodyBlock()))
    return false; // another index of the reduction
  Operation *d = v.getDefiningOp();
  if (auto k = d ? Code::constant(v) : std::nullopt) {
    out.constant += scale * *k;
    return true;
  }
  if (!d || !isInside(v, op.bodyBlock())) {
    out.terms.push_back({scale, v});
    return true;
  }
  if (isa<arith::AddIOp>(d))
    return linear(d->getOperand(0), index, op, scale, out) &&
           linear(d->getOperand(1), index, op, scale, out);
  if (isa<arith::SubIOp>(d))
    return linear(d->getOperand(0), index, op, scale, out) &&
           linear(d->getOperand(1), index, op, -scale, out);
  if (isa<arith::MulIOp>(d))
    for (int side : {0, 1})
      if (auto k = Code::constant(d->getOperand(side)))
        return linear(d->getOperand(1 - side), index, op, scale * *k, out);
  return false;
}

void conjuncts(Value v, SmallVectorImpl<arith::CmpIOp> &out) {
  Operation *d = v.getDefiningOp();
  if (auto both = dyn_cast_or_null<arith::AndIOp>(d)) {
    conjuncts(both.getLhs(), out);
    conjuncts(both.getRhs(), out);
  } else if (auto cmp = dyn_cast_or_null<arith::CmpIOp>(d)) {
    if (cmp.getLhs().getType().isIndex())
      out.push_back(cmp);
  }
}

} // namespace

std::pair<Value, Value> BodyEmitter::rangeOf(ReduceOp op, unsigned dim, Value extent) {
  Value lo = c.i(0), hi = extent;
  Value present = op.yield().getPresent();
  if (!present)
    return {lo, hi};
  SmallVector<arith::CmpIOp> comparisons;
  conjuncts(present, comparisons);
  using P = arith::CmpIPredicate;
  for (arith::CmpIOp cmp : comparisons) {
    // lhs − rhs = factor * k + rest  <pred>  0
    Linear l;
    Value k = op.indices()[dim];
    if (!linear(cmp.getLhs(), k, op, 1, l) || !linear(cmp.getRhs(), k, op, -1, l) ||
        std::abs(l.factor) != 1)
      continue;
    P p = cmp.getPredicate();
    if (p != P::slt && p != P::sle && p != P::sgt && p != P::sge && p != P::eq)
      continue;
    // The bound is k <op> s, s = −rest / factor.
    bool usable = true;
    for (auto &[scale, v] : l.terms) {
      Val val = get(v);
      usable &= !val.lane || val.affine;
    }
    if (!usable)
      continue;
    auto extreme = [&](bool largest) {
      Value best;
      for (unsigned m = 0; m < tile.M; ++m) {
        Value s = c.i(-l.constant * l.factor);
        for (auto &[scale, v] : l.terms) {
          Val val = get(v);
          int64_t sign = -scale * l.factor;
          s = c.add(s, c.mul(scalarAt(val, m), c.i(sign)));
          int64_t slope = val.affine ? val.coefficient * sign : 0;
          if (largest ? slope > 0 : slope < 0)
            s = c.add(s, c.i(slope * (int64_t(tile.U) * tile.width - 1)));
        }
        best = !best ? s : largest ? c.max(best, s) : c.min(best, s);
      }
      return best;
    };
    bool less = p == P::slt || p == P::sle, more = p == P::sgt || p == P::sge;
    if (l.factor < 0)
      std::swap(less, more);
    bool strict = p == P::slt || p == P::sgt;
    if (less || p == P::eq)
      hi = c.min(hi, c.add(extreme(true), c.i(strict ? 0 : 1)));
    if (more || p == P::eq)
      lo = c.max(lo, c.add(extreme(false), c.i(strict ? 1 : 0)));
  }
  return {lo, c.max(hi, lo)};
}

} // namespace seq::cpu
