//===- Linear.cpp - Linear forms over indices, and what follows from conditions -----===//
//
// Whether a step looks ahead, and how far it looks back, are questions about differences of
// indices under conditions:
//
//   sum[j](p[i, j] where j <= i and i - j < W)     0 ≤ i − j ≤ W − 1
//   sum[k](w[k] * x[t - (K - 1 - k)])              0 ≤ t − (t − (K − 1 − k)) ≤ K − 1
//
// A bound is looked for as one condition plus what the ranges of the indices leave over:
// i − j is (i − j ≥ 0) and nothing more; K − 1 − k is smallest where k = K − 1. Conditions
// of programs say what they mean in one comparison, so no sums of several are tried.
//
//===----------------------------------------------------------------------===//
#include "compiler/Analysis/Linear.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace seq {

Linear Linear::atom(Value value) {
  Linear out;
  out.terms[value] = 1;
  return out;
}

Linear &Linear::add(const Linear &other, int64_t times) {
  for (auto [value, coefficient] : other.terms)
    if ((terms[value] += coefficient * times) == 0)
      terms.erase(value);
  constant += other.constant * times;
  return *this;
}

bool Linear::operator==(const Linear &other) const {
  Linear difference = *this;
  difference.add(other, -1);
  return difference.isConstant() && difference.constant == 0;
}

Linear operator+(Linear a, const Linear &b) {
  return std::move(a.add(b));
}
Linear operator-(Linear a, const Linear &b) {
  return std::move(a.add(b, -1));
}

Linear Linear::of(Value value) {
  if (std::optional<int64_t> n = constantOf(value))
    return *n;
  Operation *op = value.getDefiningOp();
  if (op && isa<arith::IndexCastOp>(op)) // between counters; places stay below 2^31
    return of(op->getOperand(0));
  if (!op || !value.getType().isIndex())
    return atom(value);
  if (isa<arith::AddIOp>(op))
    return of(op->getOperand(0)) + of(op->getOperand(1));
  if (isa<arith::SubIOp>(op))
    return of(op->getOperand(0)) - of(op->getOperand(1));
  if (isa<arith::MulIOp>(op))
    for (int side : {0, 1})
      if (std::optional<int64_t> n = constantOf(op->getOperand(side))) {
        Linear out;
        if (*n)
          out.add(of(op->getOperand(1 - side)), *n);
        return out;
      }
  return atom(value);
}

//===----------------------------------------------------------------------===//
// Conditions
//===----------------------------------------------------------------------===//

void Facts::addIndex(Value index, Value extent) {
  extents[index] = extent;
}

static arith::CmpIPredicate negated(arith::CmpIPredicate p) {
  return arith::invertPredicate(p);
}

void Facts::addCondition(Value condition, bool holds) {
  Operation *op = condition ? condition.getDefiningOp() : nullptr;
  if (!op)
    return;
  if (holds ? isa<arith::AndIOp>(op) : isa<arith::OrIOp>(op)) {
    addCondition(op->getOperand(0), holds);
    addCondition(op->getOperand(1), holds);
  } else if (isa<arith::XOrIOp>(op)) {
    for (int side : {0, 1})
      if (std::optional<int64_t> flip = constantOf(op->getOperand(side)))
        return addCondition(op->getOperand(1 - side), (*flip != 0) != holds);
  } else if (auto compare = dyn_cast<arith::CmpIOp>(op)) {
    Linear less = Linear::of(compare.getRhs()) - Linear::of(compare.getLhs());
    Linear greater = Linear() - less;
    auto predicate = holds ? compare.getPredicate() : negated(compare.getPredicate());
    switch (predicate) {
    case arith::CmpIPredicate::eq:
      known.push_back(less);
      known.push_back(greater);
      break;
    case arith::CmpIPredicate::slt:
      less.constant -= 1;
      known.push_back(less);
      break;
    case arith::CmpIPredicate::sle:
      known.push_back(less);
      break;
    case arith::CmpIPredicate::sgt:
      greater.constant -= 1;
      known.push_back(greater);
      break;
    case arith::CmpIPredicate::sge:
      known.push_back(greater);
      break;
    default:
      break;
    }
  }
}

static bool isSize(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op)
    return false;
  if (isa<SizeOp, arith::ConstantOp>(op))
    return true;
  return isa<arith::AddIOp, arith::SubIOp, arith::MulIOp, IntDivOp>(op) &&
         llvm::all_of(op->getOperands(), isSize);
}

/// True where a size is `without`, or made of it.
static bool mentions(Value value, StringRef without) {
  Operation *op = value.getDefiningOp();
  if (auto size = dyn_cast_or_null<SizeOp>(op))
    return size.getName() == without;
  return op && llvm::any_of(op->getOperands(), [&](Value v) { return mentions(v, without); });
}

std::optional<Linear> Facts::least(Linear form, StringRef without) const {
  for (bool changed = true; changed;) {
    changed = false;
    for (auto [value, coefficient] : form.terms) {
      auto it = extents.find(value);
      if (it == extents.end())
        continue;
      int64_t times = coefficient;
      form.add(Linear::atom(value), -times);
      if (times < 0) // at its largest: extent − 1
        form.add(Linear::of(it->second) - Linear(1), times);
      changed = true;
      break;
    }
  }
  for (auto [value, coefficient] : form.terms)
    if (!isSize(value) || mentions(value, without))
      return std::nullopt;
  return form;
}

bool Facts::provesNonnegative(const Linear &form) const {
  auto holds = [&](const Linear &rest) {
    std::optional<Linear> low = least(rest, "");
    return low && low->constant >= 0 &&
           llvm::all_of(low->terms, [](auto &term) { return term.second > 0; });
  };
  return holds(form) || llvm::any_of(known, [&](const Linear &fact) { return holds(form - fact); });
}

std::optional<Linear> Facts::upperBound(const Linear &form, StringRef without) const {
  std::optional<Linear> best;
  auto consider = [&](const Linear &bound) {
    std::optional<Linear> low = least(Linear() - bound, without);
    if (!low)
      return;
    Linear high = Linear() - *low;
    if (!best || ((high - *best).isConstant() ? (high - *best).constant < 0 : high.isConstant()))
      best = high;
  };
  consider(form);
  for (const Linear &fact : known)
    consider(form + fact);
  return best;
}

//===----------------------------------------------------------------------===//
// Sizes
//===----------------------------------------------------------------------===//

AffineExpr affineOf(Value value, ArrayRef<StringRef> sizes) {
  MLIRContext *context = value.getContext();
  if (std::optional<int64_t> n = constantOf(value))
    return getAffineConstantExpr(*n, context);
  Operation *op = value.getDefiningOp();
  if (!op)
    return {};
  if (auto size = dyn_cast<SizeOp>(op)) {
    const auto *it = llvm::find(sizes, size.getName());
    return it == sizes.end() ? AffineExpr() : getAffineSymbolExpr(it - sizes.begin(), context);
  }
  if (!isa<arith::AddIOp, arith::SubIOp, arith::MulIOp, IntDivOp>(op))
    return {};
  AffineExpr a = affineOf(op->getOperand(0), sizes), b = affineOf(op->getOperand(1), sizes);
  if (!a || !b)
    return {};
  if (auto div = dyn_cast<IntDivOp>(op))
    return div.getKind() == DivKind::div ? a.floorDiv(b) : a % b;
  return isa<arith::AddIOp>(op) ? a + b : isa<arith::SubIOp>(op) ? a - b : a * b;
}

AffineExpr affineOf(const Linear &form, MLIRContext *context, ArrayRef<StringRef> sizes) {
  AffineExpr sum = getAffineConstantExpr(form.constant, context);
  for (auto [value, coefficient] : form.terms) {
    AffineExpr atom = affineOf(value, sizes);
    if (!atom)
      return {};
    sum = sum + atom * coefficient;
  }
  return sum;
}

} // namespace seq
