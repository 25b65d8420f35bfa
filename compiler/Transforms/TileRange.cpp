//===- TileRange.cpp - Which blocks of keys a block of rows meets ---------------------===//
//
// The affine part of a presence bounds the key by expressions of the other indices. For the
// rows i0 … i1 of a block the loosest of each bound encloses all points, the tightest of each
// only full columns:
//
//   j ≤ i and j > i − W, rows 64 … 95, W = 40    some: j in 25 … 95,    all: j in 56 … 64
//
// An expression's extremes over a box of indices follow from its shape: sums add them,
// a negative factor swaps them, a quotient by a positive constant keeps them.
//
//===----------------------------------------------------------------------===//
#include "compiler/Transforms/TileRange.h"

using namespace mlir;
namespace seq {

KeyRange::KeyRange(Value condition, Value key, Value extent, Region &body)
    : body(body), extent(extent), bounds(boundsOf(condition, key, body)),
      exact(isAllBounds(condition, key, body)) {
  // What an expression reads is not known outside of the body.
  Box any;
  for (Value i : body.getArguments())
    if (i != key)
      any.indices[i] = {i, i};
  auto known = [&](auto &self, Value v) -> bool {
    Operation *d = v.getDefiningOp();
    if (!body.isAncestor(v.getParentRegion()) || any.indices.contains(v))
      return true;
    bool simple = d && (isa<arith::ConstantOp, arith::AddIOp, arith::SubIOp>(d) || quotientOf(v));
    if (d && isa<arith::MulIOp>(d))
      simple = constantOf(d->getOperand(0)) || constantOf(d->getOperand(1));
    return simple && llvm::all_of(d->getOperands(), [&](Value o) { return self(self, o); });
  };
  llvm::erase_if(bounds, [&](IndexBound &bound) {
    bool good =
        llvm::all_of(bound.value.terms, [&](auto &term) { return known(known, term.second); });
    exact &= good;
    return !good;
  });
}

Value KeyRange::extreme(IndexMath &m, Value v, const Box &box, bool largest) const {
  if (auto it = box.indices.find(v); it != box.indices.end())
    return largest ? it->second.second : it->second.first;
  if (!body.isAncestor(v.getParentRegion()))
    return v;
  if (auto k = constantOf(v))
    return m.constant(*k);
  if (auto q = quotientOf(v))
    return m.div(extreme(m, q->numerator, box, largest), q->divisor);
  Operation *d = v.getDefiningOp();
  Value x = d->getOperand(0), y = d->getOperand(1);
  if (isa<arith::AddIOp>(d))
    return m.add(extreme(m, x, box, largest), extreme(m, y, box, largest));
  if (isa<arith::SubIOp>(d))
    return m.sub(extreme(m, x, box, largest), extreme(m, y, box, !largest));
  if (constantOf(x))
    std::swap(x, y);
  int64_t k = *constantOf(y);
  return m.mul(extreme(m, x, box, largest == (k >= 0)), k);
}

Value KeyRange::extreme(IndexMath &m, const AffineSum &sum, const Box &box, bool largest) const {
  Value total = m.constant(sum.constant);
  for (auto &[factor, v] : sum.terms)
    total = m.add(total, m.mul(extreme(m, v, box, largest == (factor >= 0)), factor));
  return total;
}

/// The range that the loosest of each bound leaves, or the tightest.
std::pair<Value, Value> KeyRange::between(IndexMath &m, const Box &box, bool loosest) const {
  Value lo = m.constant(0), hi = extent;
  for (const IndexBound &b : bounds)
    if (b.lower)
      lo = m.max(lo, extreme(m, b.value, box, !loosest));
    else
      hi = m.min(hi, m.add(extreme(m, b.value, box, loosest), 1));
  return {lo, hi};
}

std::pair<Value, Value> KeyRange::some(IndexMath &m, const Box &box) const {
  return between(m, box, true);
}

std::pair<Value, Value> KeyRange::all(IndexMath &m, const Box &box) const {
  if (exact)
    return between(m, box, false);
  Value none = m.constant(0);
  return {none, none};
}

} // namespace seq
