//===- ReduceRange.cpp - The part of a reduction's range that can be present ----------===//
//
// `sum[j](… where j <= i and i - j < W)` loops over the j from i − W + 1 to i. Each affine
// comparison of the presence that holds the index with factor ±1 gives a bound, taken over
// all rows and lanes of the tile; the presence itself is still applied inside, but where it is made
// of such bounds alone and holds for all rows and lanes. Whatever is not affine only masks.
//
//===----------------------------------------------------------------------===//
#include "compiler/Analysis/Domain.h"
#include "compiler/Lowering/Common/Lower.h"

using namespace mlir;
namespace seq::lowering {

/// The smallest or largest value of `sum` over the rows and lanes of the tile; null where the
/// lanes do not follow each other.
Value BodyEmitter::extremeOf(const AffineSum &sum, bool largest) {
  for (auto &[factor, v] : sum.terms)
    if (Val val = get(v); val.lane && !val.affine)
      return nullptr;
  Value best;
  for (unsigned m = 0; m < tile.M; ++m) {
    Value s = c.i(sum.constant);
    for (auto &[factor, v] : sum.terms) {
      Val val = get(v);
      s = c.add(s, c.mul(scalarAt(val, m), c.i(factor)));
      int64_t slope = val.affine ? val.coefficient * factor : 0;
      if (largest ? slope > 0 : slope < 0)
        s = c.add(s, c.i(slope * (int64_t(tile.U) * tile.width - 1)));
    }
    best = !best ? s : largest ? c.max(best, s) : c.min(best, s);
  }
  return best;
}

/// Whether `v` may be computed before the loops of `op`: from indices of the map by arithmetic
/// that cannot fail.
static bool knownBefore(Value v, ReduceOp op) {
  if (!op.getBody().isAncestor(v.getParentRegion()))
    return true;
  Operation *d = v.getDefiningOp();
  bool safe = d && (isa<arith::ArithDialect>(d->getDialect()) || quotientOf(v));
  return safe && llvm::all_of(d->getOperands(), [&](Value o) { return knownBefore(o, op); });
}

std::pair<Value, Value> BodyEmitter::rangeOf(ReduceOp op, unsigned dim, Value extent) {
  Value lo = c.i(0), hi = extent;
  for (IndexBound &bound : boundsOf(op.yield().getPresent(), op.indices()[dim], op.getBody())) {
    if (!llvm::all_of(bound.value.terms, [&](auto &t) { return knownBefore(t.second, op); }))
      continue;
    for (auto &term : bound.value.terms)
      ensure(term.second);
    Value extreme = extremeOf(bound.value, !bound.lower);
    if (extreme && bound.lower)
      lo = c.max(lo, extreme);
    else if (extreme)
      hi = c.min(hi, c.add(extreme, c.i(1)));
  }
  return {lo, c.max(hi, lo)};
}

std::optional<std::pair<Value, Value>> BodyEmitter::wholeRangeOf(ReduceOp op, unsigned dim,
                                                                 Value lo, Value hi) {
  Value present = op.yield().getPresent(), index = op.indices()[dim];
  if (!present || !isAllBounds(present, index, op.getBody()))
    return std::nullopt;
  bool below = false, above = false;
  Value from = lo, to = hi;
  for (IndexBound &bound : boundsOf(present, index, op.getBody())) {
    if (!llvm::all_of(bound.value.terms, [&](auto &t) { return knownBefore(t.second, op); }))
      return std::nullopt;
    for (auto &term : bound.value.terms)
      ensure(term.second);
    Value tightest = extremeOf(bound.value, bound.lower);
    if (!tightest)
      return std::nullopt;
    // One value for the whole tile: the range is exact on this side.
    bool varies = llvm::any_of(bound.value.terms, [&](auto &t) {
      Val v = get(t.second);
      return v.row || v.lane;
    });
    if (bound.lower)
      from = c.max(from, tightest);
    else
      to = c.min(to, c.add(tightest, c.i(1)));
    (bound.lower ? below : above) |= varies;
  }
  from = below ? c.min(from, hi) : lo;
  to = above ? c.max(to, from) : hi;
  return std::pair(from, to);
}

} // namespace seq::lowering
