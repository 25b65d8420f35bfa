//===- StepAlgebra.cpp - Sums, products and choices of forms ----------------------------===//
//
// Forms stay small: what a form of very many parts would be used for does not exist, and a
// step of thousands of lines must cost no more than its length. So
//
//   products of very many factors   keep one factor for each set of indices they depend on
//   very many constants             become one
//   very many terms                 are joined where they read the state at the same place
//
// and a form that is still large, or that nests deeply, counts as nonlinear.
//
//===----------------------------------------------------------------------===//
#include "compiler/Analysis/Step.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace seq::analysis {

//===----------------------------------------------------------------------===//
// Sums and products
//===----------------------------------------------------------------------===//

/// Parts of a form; factors and conditions of a part; sums around a state; nesting.
static constexpr size_t kMaxParts = 48, kMaxFactors = 32, kMaxSums = 8;
static constexpr unsigned kMaxNesting = 256;

Form StepInterpreter::affine(Form x) {
  if (!x.isConstant())
    return x;
  Form f;
  f.kind = Form::Affine;
  f.constants = expand(context, x.whole);
  return f;
}

/// The product where the condition holds as well; false where it never does.
bool StepInterpreter::conjoin(Product &p, ExprRef condition) {
  if (condition->kind == Expr::Op && isa<arith::AndIOp>(condition->value.getDefiningOp()))
    return conjoin(p, condition->args);
  if (llvm::is_contained(p.guards, context.negation(condition)))
    return false;
  if (!llvm::is_contained(p.guards, condition))
    p.guards.push_back(condition);
  return true;
}

bool StepInterpreter::conjoin(Product &p, ArrayRef<ExprRef> conditions) {
  return llvm::all_of(conditions, [&](ExprRef c) { return conjoin(p, c); });
}

void StepInterpreter::guard(Form &x, ExprRef condition) {
  llvm::erase_if(x.terms, [&](Term &t) { return !conjoin(t.coef, condition); });
  llvm::erase_if(x.constants, [&](Product &p) { return !conjoin(p, condition); });
}

/// Affine: times the factor. Tropical: plus it.
void StepInterpreter::scale(Form &x, ExprRef factor) {
  if (x.kind == Form::Tropical) {
    for (Term &t : x.terms)
      t.coef.factors.push_back(factor);
    for (Product &p : x.constants)
      p.factors.push_back(factor);
    return;
  }
  auto parts = expand(context, factor);
  if (parts.size() * std::max(x.terms.size(), x.constants.size()) > kMaxParts)
    parts = {Product{{factor}, {}}};
  SmallVector<Term, 2> terms;
  SmallVector<Product, 2> constants;
  auto times = [&](Product &a, const Product &b) {
    llvm::append_range(a.factors, b.factors);
    return conjoin(a, b.guards);
  };
  for (const Product &p : parts) {
    for (Term t : x.terms)
      if (times(t.coef, p))
        terms.push_back(std::move(t));
    for (Product c : x.constants)
      if (times(c, p))
        constants.push_back(std::move(c));
  }
  x.terms = std::move(terms);
  x.constants = std::move(constants);
}

Form StepInterpreter::add(Operation *op, Form x, Form y, bool minus) {
  Type type = op->getResult(0).getType();
  if (x.kind == Form::Nonlinear || y.kind == Form::Nonlinear)
    return nonlinear(op, "", {&x, &y});
  if (x.kind == Form::Tropical || y.kind == Form::Tropical) {
    bool right = y.kind == Form::Tropical;
    Form &tropical = right ? y : x, &other = right ? x : y;
    if (!other.isConstant() || (right && minus))
      return nonlinear(op, "a sum of it with a `max`, `min` or `logsumexp` that reads it",
                       {&x, &y});
    scale(tropical,
          minus ? context.product(type, {context.number(type, -1), other.whole}) : other.whole);
    return tropical;
  }
  Form f = affine(x), g = affine(y);
  if (minus)
    scale(g, context.number(type, -1));
  llvm::append_range(f.terms, g.terms);
  llvm::append_range(f.constants, g.constants);
  return f;
}

Form StepInterpreter::multiply(Operation *op, Form x, Form y) {
  if (x.isConstant())
    std::swap(x, y);
  if (x.kind == Form::Nonlinear || y.kind == Form::Nonlinear)
    return nonlinear(op, "", {&x, &y});
  if (!y.isConstant())
    return nonlinear(op, describe(op), {&x, &y});
  if (x.kind == Form::Tropical)
    return nonlinear(op, "a factor on a `max`, `min` or `logsumexp` that reads it", {&x});
  scale(x, y.whole);
  return x;
}

Form StepInterpreter::divide(Operation *op, Form x, Form y) {
  if (x.kind == Form::Nonlinear || !y.isConstant())
    return nonlinear(op, describe(op), {&x, &y});
  if (x.kind == Form::Tropical)
    return nonlinear(op, "a factor on a `max`, `min` or `logsumexp` that reads it", {&x});
  scale(x, context.inverse(y.whole));
  return x;
}

Form StepInterpreter::select(Operation *op, ExprRef condition, Form x, Form y) {
  if (x.kind == Form::Nonlinear || y.kind == Form::Nonlinear)
    return nonlinear(op, "", {&x, &y});
  if (x.kind == Form::Tropical || y.kind == Form::Tropical) {
    ReduceKind kind = x.kind == Form::Tropical ? x.semiring : y.semiring;
    auto a = tropical(x, kind, op->getResult(0).getType());
    auto b = tropical(y, kind, op->getResult(0).getType());
    if (!a || !b)
      return nonlinear(op, "a choice between it and a `max`, `min` or `logsumexp`", {&x, &y});
    x = *a;
    y = *b;
  } else {
    x = affine(x);
    y = affine(y);
  }
  guard(x, condition);
  guard(y, context.negation(condition));
  llvm::append_range(x.terms, y.terms);
  llvm::append_range(x.constants, y.constants);
  return x;
}

//===----------------------------------------------------------------------===//
// Few parts
//===----------------------------------------------------------------------===//

/// Of very many factors, those that depend on the same indices become one.
static void joinFactors(ExprContext &context, Product &p, bool tropical) {
  if (p.factors.size() <= kMaxFactors)
    return;
  SmallVector<Exprs> groups;
  for (ExprRef f : p.factors) {
    auto same = llvm::find_if(groups, [&](Exprs &g) { return g[0]->deps == f->deps; });
    if (same == groups.end())
      groups.push_back({f});
    else
      same->push_back(f);
  }
  p.factors.clear();
  for (Exprs &g : groups)
    p.factors.push_back(tropical ? context.sum(g[0]->type, g) : context.product(g[0]->type, g));
}

/// Of very many terms, those that read a state at the same place become one.
void StepInterpreter::joinTerms(Form &x, Type type) {
  SmallVector<Term, 2> joined;
  SmallVector<Exprs> coefs;
  for (Term &t : x.terms) {
    auto same = llvm::find_if(joined, [&](Term &o) {
      return t.bound.empty() && o.bound.empty() && o.state == t.state && o.at == t.at;
    });
    if (same == joined.end()) {
      coefs.push_back({});
      same = joined.insert(joined.end(), t);
    }
    coefs[same - joined.begin()].push_back(collapse(context, type, t.coef));
  }
  for (auto [t, c] : llvm::zip(joined, coefs))
    if (c.size() > 1)
      t.coef = Product{{context.sum(type, c)}, {}};
  x.terms = std::move(joined);
}

Form StepInterpreter::bounded(Operation *op, Form x) {
  if (x.kind != Form::Affine && x.kind != Form::Tropical)
    return x;
  Type type = op->getResult(0).getType();
  bool tropical = x.kind == Form::Tropical;
  if (x.terms.size() > kMaxParts && !tropical)
    joinTerms(x, type);
  if (x.constants.size() > kMaxParts && !tropical) {
    Exprs all;
    for (const Product &p : x.constants)
      all.push_back(collapse(context, type, p));
    x.constants = {Product{{context.sum(type, all)}, {}}};
  }
  bool large = x.terms.size() > kMaxParts || x.constants.size() > kMaxParts;
  auto check = [&](Product &p) {
    joinFactors(context, p, tropical);
    large |= p.factors.size() > kMaxFactors || p.guards.size() > kMaxFactors;
    for (ExprRef e : p.factors)
      large |= e->depth > kMaxNesting;
    for (ExprRef e : p.guards)
      large |= e->depth > kMaxNesting;
  };
  for (Term &t : x.terms) {
    check(t.coef);
    large |= t.bound.size() > kMaxSums;
    for (ExprRef e : t.at)
      large |= e->depth > kMaxNesting;
  }
  llvm::for_each(x.constants, check);
  return large ? nonlinear(op, "an expression of very many parts that reads it", {&x}) : x;
}

} // namespace seq::analysis
