//===- IndexExpr.cpp - Sums and differences of indices ----------------------------------===//
//
// A state is often read through values that moved it: the second half of `split(h, 2)` put
// back by `concat`, or `flip` of `flip`. The index of such a read is j − D + D, or
// N − 1 − (N − 1 − j), and the read is one of the state's own element. So an index that
// comes down to one variable or to a number is that; every other keeps its spelling.
//
//===----------------------------------------------------------------------===//
#include "compiler/Analysis/Domain.h"
#include "compiler/Analysis/Expr.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace seq::analysis {

/// Longer sums of indices stay as they are: sharing could make them very long.
static constexpr unsigned kMaxSteps = 64;

static void addTerm(LinearIndex &out, ExprRef e, int64_t factor) {
  for (auto &[term, have] : out.terms)
    if (term == e) {
      have += factor;
      return;
    }
  out.terms.push_back({e, factor});
}

static bool isSmall(int64_t n) {
  return n > -(int64_t(1) << 31) && n < (int64_t(1) << 31);
}

/// False where that is too long, or too large to be an index.
bool ExprContext::addLinear(ExprRef e, int64_t scale, LinearIndex &out) {
  if (++out.steps > kMaxSteps || !isSmall(scale))
    return false;
  if (e->kind == Expr::Number) {
    out.constant += scale * int64_t(e->number);
    return isSmall(int64_t(e->number)) && isSmall(out.constant);
  }
  if (e->kind == Expr::Outer) { // a size: by the values that it was made of
    AffineSum sum;
    sum.add(e->value, 1, [&](Value) { return ++out.steps > kMaxSteps; });
    if (!isSmall(sum.constant) || out.steps > kMaxSteps)
      return false;
    out.constant += scale * sum.constant;
    for (auto &[factor, value] : sum.terms) {
      if (!isSmall(factor))
        return false;
      addTerm(out, outer(value), scale * factor);
    }
    return isSmall(out.constant);
  }
  Operation *op = e->kind == Expr::Op ? e->value.getDefiningOp() : nullptr;
  if (isa_and_nonnull<arith::AddIOp, arith::SubIOp>(op))
    return addLinear(e->args[0], scale, out) &&
           addLinear(e->args[1], isa<arith::SubIOp>(op) ? -scale : scale, out);
  if (isa_and_nonnull<arith::MulIOp>(op))
    for (int side : {0, 1})
      if (e->args[side]->kind == Expr::Number && isSmall(int64_t(e->args[side]->number)))
        return addLinear(e->args[1 - side], scale * int64_t(e->args[side]->number), out);
  addTerm(out, e, scale);
  return true;
}

ExprRef ExprContext::settled(ExprRef e) {
  LinearIndex sum;
  if (!addLinear(e, 1, sum))
    return e;
  llvm::erase_if(sum.terms, [](auto &t) { return t.second == 0; });
  if (sum.terms.empty())
    return number(e->type, double(sum.constant));
  bool one = sum.terms.size() == 1 && sum.terms[0].second == 1 && sum.constant == 0;
  return one ? sum.terms[0].first : e;
}

std::optional<int64_t> ExprContext::distance(ExprRef e, ExprRef v) {
  LinearIndex sum;
  if (!addLinear(e, 1, sum))
    return std::nullopt;
  addTerm(sum, v, -1);
  bool same = llvm::all_of(sum.terms, [](auto &t) { return t.second == 0; });
  return same ? std::optional(sum.constant) : std::nullopt;
}

} // namespace seq::analysis
