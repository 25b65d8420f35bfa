//===- Domain.cpp - What a condition says about an index ----------------------------===//
//
// A comparison l ⋚ r of integers is one or two inequalities E ≥ 0, with E the affine sum of
// ±(l − r) and −1 where it is strict. If E = j + rest, then j ≥ −rest; if E = −j + rest, then
// j ≤ rest. With a quotient q = ⌊(j + k) / C⌋ in the place of j, q ≥ v means j + k ≥ C v, and
// q ≤ v means j + k ≤ C v + C − 1:
//
//   i / 4 == j / 4   →   j ≥ 4 (i / 4),  j ≤ 4 (i / 4) + 3
//
//===----------------------------------------------------------------------===//
#include "compiler/Analysis/Domain.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/DenseSet.h"

using namespace mlir;
namespace seq {

static void addConjuncts(Value v, SmallVectorImpl<Value> &out) {
  auto both = v.getDefiningOp<arith::AndIOp>();
  if (!both)
    return out.push_back(v);
  addConjuncts(both.getLhs(), out);
  addConjuncts(both.getRhs(), out);
}

SmallVector<Value> conjunctsOf(Value condition) {
  SmallVector<Value> out;
  if (condition)
    addConjuncts(condition, out);
  return out;
}

void AffineSum::add(Value v, int64_t scale, llvm::function_ref<bool(Value)> isWhole) {
  if (auto k = constantOf(v)) {
    constant += scale * *k;
    return;
  }
  Operation *d = v.getDefiningOp();
  if (d && !isWhole(v)) {
    if (isa<arith::AddIOp, arith::SubIOp>(d)) {
      add(d->getOperand(0), scale, isWhole);
      return add(d->getOperand(1), isa<arith::SubIOp>(d) ? -scale : scale, isWhole);
    }
    if (isa<arith::MulIOp>(d))
      for (int side : {0, 1})
        if (auto k = constantOf(d->getOperand(side)))
          return add(d->getOperand(1 - side), scale * *k, isWhole);
  }
  for (auto &[factor, value] : terms)
    if (value == v) {
      factor += scale;
      return;
    }
  terms.push_back({scale, v});
}

int64_t AffineSum::take(Value value) {
  int64_t factor = 0;
  llvm::erase_if(terms, [&](auto &term) {
    factor += term.second == value ? term.first : 0;
    return term.second == value;
  });
  return factor;
}

void AffineSum::scale(int64_t by) {
  constant *= by;
  for (auto &term : terms)
    term.first *= by;
}

std::optional<Quotient> quotientOf(Value value) {
  auto div = value.getDefiningOp<IntDivOp>();
  auto divisor = div ? constantOf(div.getRhs()) : std::nullopt;
  if (!divisor || *divisor < 1 || div.getKind() != DivKind::div || div.getGuard())
    return std::nullopt;
  return Quotient{div.getLhs(), *divisor};
}

bool dependsOn(Value to, Value from, Region &inside) {
  llvm::DenseSet<Value> seen;
  auto visit = [&](auto &self, Value v) -> bool {
    if (v == from)
      return true;
    Operation *d = v.getDefiningOp();
    if (!d || !inside.isAncestor(d->getParentRegion()) || !seen.insert(v).second)
      return false;
    bool found = false;
    d->walk([&](Operation *op) {
      for (Value o : op->getOperands())
        found = found || self(self, o);
    });
    return found;
  };
  return visit(visit, to);
}

namespace {
/// The inequalities of one conjunct, solved for an index.
class Solver {
public:
  Solver(Value index, Region &inside) : index(index), inside(inside) {}

  /// Gives the bounds of `conjunct`; false where it is not made of bounds alone.
  bool solve(Value conjunct, SmallVectorImpl<IndexBound> &out) {
    using P = arith::CmpIPredicate;
    auto cmp = conjunct.getDefiningOp<arith::CmpIOp>();
    if (!cmp || !cmp.getLhs().getType().isIndex())
      return false;
    P p = cmp.getPredicate();
    bool less = p == P::sle || p == P::slt, more = p == P::sge || p == P::sgt;
    if (!less && !more && p != P::eq)
      return false;
    int64_t strict = p == P::slt || p == P::sgt ? 1 : 0;
    size_t before = out.size();
    for (int64_t sign : {1, -1}) {
      if ((sign > 0 && less) || (sign < 0 && more))
        continue;
      AffineSum e;
      e.constant = -strict;
      auto whole = [&](Value v) { return v == index || !isInside(v); };
      e.add(cmp.getLhs(), sign, whole);
      e.add(cmp.getRhs(), -sign, whole);
      if (auto bound = nonNegative(std::move(e)))
        out.push_back(*bound);
    }
    return out.size() - before == (p == P::eq ? 2 : 1);
  }

private:
  bool isInside(Value v) { return inside.isAncestor(v.getParentRegion()); }
  bool moves(Value v) { return dependsOn(v, index, inside); }

  /// The bound that e ≥ 0 is.
  std::optional<IndexBound> nonNegative(AffineSum e) {
    SmallVector<std::pair<int64_t, Value>> moving;
    for (auto &term : e.terms)
      if (term.first && moves(term.second))
        moving.push_back(term);
    if (moving.size() != 1 || std::abs(moving[0].first) != 1)
      return std::nullopt;
    auto [factor, value] = moving[0];
    e.take(value);
    e.scale(-factor); // value ≥ e, or value ≤ e
    return boundOf(value, factor > 0, std::move(e));
  }

  /// From value ≥ e (`lower`) or value ≤ e to the index that `value` is made of.
  std::optional<IndexBound> boundOf(Value value, bool lower, AffineSum e) {
    if (value == index)
      return IndexBound{lower, std::move(e)};
    auto q = quotientOf(value);
    if (!q)
      return std::nullopt;
    e.scale(q->divisor);
    if (!lower)
      e.constant += q->divisor - 1;
    AffineSum numerator;
    numerator.add(q->numerator, 1, [&](Value v) { return v == index || !isInside(v); });
    if (numerator.take(index) != 1)
      return std::nullopt;
    e.constant -= numerator.constant;
    for (auto &[f, v] : numerator.terms) {
      if (moves(v))
        return std::nullopt;
      e.terms.push_back({-f, v});
    }
    return IndexBound{lower, std::move(e)};
  }

  Value index;
  Region &inside;
};
} // namespace

SmallVector<IndexBound> boundsOf(Value condition, Value index, Region &inside) {
  SmallVector<IndexBound> out;
  for (Value conjunct : conjunctsOf(condition))
    Solver(index, inside).solve(conjunct, out);
  return out;
}

bool isAllBounds(Value condition, Value index, Region &inside) {
  SmallVector<IndexBound> ignored;
  return llvm::all_of(conjunctsOf(condition), [&](Value conjunct) {
    return Solver(index, inside).solve(conjunct, ignored);
  });
}

} // namespace seq
