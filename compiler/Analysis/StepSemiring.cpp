//===- StepSemiring.cpp - Steps over (max, +), (min, +) and (logsumexp, +) -----------------===//
//
// Under a maximum, "the state plus something" is the linear form: max(h + a, b) is affine in h
// over (max, +). What stands there may be a choice, as a reset and padding make it:
//
//   g = start ? 0 : real ? h : 1,  h' = max(g, x)
//
// The sum of guarded parts that g is becomes, for each case of its conditions, either the
// state plus constants or constants alone:
//
//   ¬start ∧ real: h    ¬start ∧ ¬real: 1    start: 0
//
// Where two terms hold in one case, or one has a factor, it is no form of the semiring.
//
//===----------------------------------------------------------------------===//
#include "compiler/Analysis/Step.h"

using namespace mlir;

namespace seq::analysis {

/// Cases double with each condition.
static constexpr size_t kMaxConditions = 4;

std::optional<Form> StepInterpreter::tropical(Form x, ReduceKind kind, Type type) {
  if (x.kind == Form::Tropical)
    return x.semiring == kind ? std::optional(x) : std::nullopt;
  Form f;
  f.kind = Form::Tropical;
  f.semiring = kind;
  if (x.isConstant()) {
    if (!x.whole)
      return std::nullopt;
    f.constants.push_back({{x.whole}, {}});
    return f;
  }
  if (x.kind != Form::Affine)
    return std::nullopt;
  Exprs conditions;
  for (const Term &t : x.terms) {
    if (!t.bound.empty() || !t.coef.factors.empty())
      return std::nullopt;
    for (ExprRef g : t.coef.guards)
      if (!llvm::is_contained(conditions, g) &&
          !llvm::is_contained(conditions, context.negation(g)))
        conditions.push_back(g);
  }
  if (conditions.size() > kMaxConditions || !cases(x, conditions, {}, type, f))
    return std::nullopt;
  return f;
}

/// Adds what the affine form is where all of `holds` do; `open` conditions are yet to be told
/// apart. False where two terms hold at once.
bool StepInterpreter::cases(const Form &x, ArrayRef<ExprRef> open, const Exprs &holds, Type type,
                            Form &out) {
  auto excluded = [&](const Product &p) {
    return llvm::any_of(p.guards,
                        [&](ExprRef g) { return llvm::is_contained(holds, context.negation(g)); });
  };
  bool any = llvm::any_of(x.terms, [&](const Term &t) { return !excluded(t.coef); });
  if (any && !open.empty()) {
    for (ExprRef side : {open.front(), context.negation(open.front())}) {
      Exprs more = holds;
      more.push_back(side);
      if (!cases(x, open.drop_front(), more, type, out))
        return false;
    }
    return true;
  }
  Exprs sum;
  for (const Product &p : x.constants)
    if (!excluded(p)) {
      Product rest = p;
      llvm::erase_if(rest.guards, [&](ExprRef g) { return llvm::is_contained(holds, g); });
      sum.push_back(collapse(context, type, rest));
    }
  const Term *active = nullptr;
  for (const Term &t : x.terms)
    if (!excluded(t.coef)) {
      if (active)
        return false;
      active = &t;
    }
  if (active)
    out.terms.push_back({active->state, active->at, {}, {sum, holds}});
  else
    out.constants.push_back({{context.sum(type, sum)}, holds});
  return true;
}

Form StepInterpreter::extremum(Operation *op, Form x, Form y, ReduceKind kind) {
  auto a = tropical(x, kind, op->getResult(0).getType());
  auto b = tropical(y, kind, op->getResult(0).getType());
  if (!a || !b)
    return nonlinear(op, describe(op), {&x, &y});
  llvm::append_range(a->terms, b->terms);
  llvm::append_range(a->constants, b->constants);
  return *a;
}

/// relu(x) = max(x, 0), softplus(x) = logsumexp(x, 0).
Form StepInterpreter::unary(UnaryOp op, Form x) {
  bool relu = op.getKind() == UnaryKind::relu;
  if (relu || op.getKind() == UnaryKind::softplus) {
    ReduceKind kind = relu ? ReduceKind::max : ReduceKind::logsumexp;
    if (auto f = tropical(x, kind, op.getType())) {
      f->constants.push_back({{context.number(op.getType(), 0)}, {}});
      return *f;
    }
  }
  return nonlinear(op, describe(op), {&x});
}

} // namespace seq::analysis
