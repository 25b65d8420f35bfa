#include "compiler/Sema/Bounds.h"

#include <algorithm>

namespace seq {

using namespace typed;

namespace {
constexpr size_t kMaxAlternatives = 32;

Affine minus(const Affine &a, const Affine &b, int64_t constant) {
  Affine out = a - b;
  out.addConstant(constant);
  return out;
}

Guard both(const Guard &a, const Guard &b) {
  Guard out;
  out.complete = a.complete && b.complete;
  if (a.alternatives.size() * b.alternatives.size() > kMaxAlternatives) {
    out.alternatives = {{}};
    out.complete = false;
    return out;
  }
  for (const auto &x : a.alternatives)
    for (const auto &y : b.alternatives) {
      out.alternatives.push_back(x);
      out.alternatives.back().insert(out.alternatives.back().end(), y.begin(), y.end());
    }
  return out;
}

Guard either(Guard a, const Guard &b) {
  a.alternatives.insert(a.alternatives.end(), b.alternatives.begin(), b.alternatives.end());
  a.complete = a.complete && b.complete;
  return a;
}

Guard unknown() {
  return {{{}}, false};
}

const char *opposite(const std::string &op) {
  return op == "<"    ? ">="
         : op == "<=" ? ">"
         : op == ">"  ? "<="
         : op == ">=" ? "<"
         : op == "==" ? "!="
                      : "==";
}
} // namespace

void PathFacts::addIndex(const Var *index) {
  AffineBuilder builder(forms);
  Affine lo = builder.of(index->lo.withStatics()), hi = builder.of(index->hi.withStatics());
  Affine self;
  self.add({index, ""}, 1);
  facts.push_back(self - lo);
  facts.push_back(minus(hi, self, -1));
  facts.insert(facts.end(), builder.facts.begin(), builder.facts.end());
}

void PathFacts::addAtMost(const Size &a, const Size &b) {
  AffineBuilder builder(forms);
  facts.push_back(builder.of(b.withStatics()) - builder.of(a.withStatics()));
  facts.insert(facts.end(), builder.facts.begin(), builder.facts.end());
}

void PathFacts::addEqual(const Size &a, const Size &b) {
  addAtMost(a, b);
  addAtMost(b, a);
}

void PathFacts::setForm(const Var *scalar, const Expr &value) {
  AffineBuilder builder(forms);
  if (std::optional<Affine> form = builder.of(value)) {
    forms[scalar] = *form;
    facts.insert(facts.end(), builder.facts.begin(), builder.facts.end());
  }
}

Guard PathFacts::guardOfCompare(const Expr &compare, bool holds) const {
  AffineBuilder builder(forms);
  std::optional<Affine> a = builder.of(*compare.a), b = builder.of(*compare.b);
  if (!a || !b)
    return unknown();
  std::string op = holds ? compare.text : opposite(compare.text);
  Affine less = minus(*b, *a, -1), more = minus(*a, *b, -1);
  Guard out;
  if (op == "<")
    out.alternatives = {{less}};
  else if (op == "<=")
    out.alternatives = {{minus(*b, *a, 0)}};
  else if (op == ">")
    out.alternatives = {{more}};
  else if (op == ">=")
    out.alternatives = {{minus(*a, *b, 0)}};
  else if (op == "==")
    out.alternatives = {{minus(*a, *b, 0), minus(*b, *a, 0)}};
  else
    out.alternatives = {{less}, {more}};
  for (auto &alternative : out.alternatives)
    alternative.insert(alternative.end(), builder.facts.begin(), builder.facts.end());
  return out;
}

Guard PathFacts::guardOf(const Expr &condition, bool holds) const {
  if (condition.kind == ExprKind::Compare)
    return guardOfCompare(condition, holds);
  if (condition.kind == ExprKind::Unary && condition.text == "not")
    return guardOf(*condition.a, !holds);
  if (condition.kind == ExprKind::BoolConst)
    return bool(condition.integer) == holds ? Guard{{{}}, true} : Guard{{}, true};
  if (condition.kind == ExprKind::Binary && (condition.text == "and" || condition.text == "or")) {
    Guard a = guardOf(*condition.a, holds), b = guardOf(*condition.b, holds);
    return (condition.text == "and") == holds ? both(a, b) : either(std::move(a), b);
  }
  return unknown();
}

void PathFacts::pushGuard(const Expr &condition, bool holds) {
  guards.push_back(guardOf(condition, holds));
}

bool PathFacts::hasIncompleteGuard() const {
  return std::any_of(guards.begin(), guards.end(), [](const Guard &g) { return !g.complete; });
}

PathFacts::Proof PathFacts::prove(const std::vector<Affine> &goals,
                                  std::vector<Affine> known) const {
  known.insert(known.end(), facts.begin(), facts.end());
  auto allImplied = [&](const std::vector<Affine> &constraints) {
    return std::all_of(goals.begin(), goals.end(),
                       [&](const Affine &goal) { return implied(constraints, goal); });
  };
  if (allImplied(known))
    return Proof::Always;
  if (guards.empty())
    return Proof::None;
  Guard all{{{}}, true};
  for (const Guard &guard : guards)
    all = both(all, guard);
  for (std::vector<Affine> &alternative : all.alternatives) {
    alternative.insert(alternative.end(), known.begin(), known.end());
    if (!allImplied(alternative))
      return Proof::None;
  }
  return Proof::UnderGuards;
}

PathFacts::Proof PathFacts::inside(const Expr &index, const Size &size) const {
  AffineBuilder builder(forms);
  std::optional<Affine> e = builder.of(index);
  if (!e)
    return Proof::None;
  Affine n = builder.of(size.withStatics());
  return prove({*e, minus(n, *e, -1)}, builder.facts);
}

PathFacts::Proof PathFacts::atLeastZero(const Expr &index) const {
  AffineBuilder builder(forms);
  std::optional<Affine> e = builder.of(index);
  return e ? prove({*e}, builder.facts) : Proof::None;
}

PathFacts::Proof PathFacts::atMost(const Size &a, const Size &b) const {
  AffineBuilder builder(forms);
  Affine goal = builder.of(b.withStatics()) - builder.of(a.withStatics());
  return prove({goal}, builder.facts);
}

bool PathFacts::hasForm(const Expr &index) const {
  return form(index).has_value();
}

std::optional<Affine> PathFacts::form(const Expr &index) const {
  return AffineBuilder(forms).of(index);
}

} // namespace seq
