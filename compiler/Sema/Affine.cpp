//===- Affine.cpp - Linear forms and Fourier and Motzkin's elimination --------===//
//
// A subscript such as `t - (K - 1 - j)` becomes the form `t + j - K + 1` over the indices
// t, j and the size K. That a read stays inside its axis is proven by showing that its
// opposite (`form <= -1`, `form >= size`) contradicts the ranges of the indices and the
// guards on the path:
//
//   0 <= t < T,  t > 0      and      t - 1 <= -1        have no common solution
//
// Elimination: for a variable, each lower bound is paired with each upper bound; what is
// left over no variables must hold. Dividing a constraint by the common factor of its
// coefficients and rounding its constant down cuts off points that are not integers.
// Systems are small (a few indices); one that grows past kMaxConstraints is given up,
// which means "not proven". A quotient `h / R` by a constant is a variable q of its own
// with R q <= h < R q + R.
//
//===----------------------------------------------------------------------===//
#include "compiler/Sema/Affine.h"

#include <algorithm>
#include <numeric>
#include <set>

namespace seq {

using namespace typed;

namespace {
constexpr size_t kMaxConstraints = 400;

int64_t floorDivInt(int64_t a, int64_t b) {
  int64_t q = a / b;
  return a % b != 0 && (a < 0) != (b < 0) ? q - 1 : q;
}
} // namespace

void Affine::add(const AffineKey &key, int64_t coefficient) {
  int64_t &slot = terms[key];
  overflow |= __builtin_add_overflow(slot, coefficient, &slot);
  if (slot == 0)
    terms.erase(key);
}

void Affine::addConstant(int64_t value) {
  overflow |= __builtin_add_overflow(constant, value, &constant);
}

Affine Affine::scaled(int64_t by) const {
  Affine out;
  out.overflow = overflow || __builtin_mul_overflow(constant, by, &out.constant);
  if (by == 0)
    return out;
  for (const auto &[key, coefficient] : terms) {
    int64_t product = 0;
    out.overflow |= __builtin_mul_overflow(coefficient, by, &product);
    out.terms[key] = product;
  }
  return out;
}

Affine operator+(const Affine &a, const Affine &b) {
  Affine out = a;
  out.overflow |= b.overflow;
  out.addConstant(b.constant);
  for (const auto &[key, coefficient] : b.terms)
    out.add(key, coefficient);
  return out;
}

/// A fresh name for the quotient with its two facts.
Affine AffineBuilder::quotient(const Affine &a, int64_t by, std::string name) {
  Affine q;
  q.add({nullptr, std::move(name)}, 1);
  Affine rest = a - q.scaled(by);
  facts.push_back(rest);
  Affine below = rest.scaled(-1);
  below.addConstant(by - 1);
  facts.push_back(below);
  return q;
}

Affine AffineBuilder::of(const Size &size) {
  Affine out;
  out.overflow = size.hasOverflow();
  for (const Size::Term &term : size.sum()) {
    if (term.atoms.empty()) {
      out.addConstant(term.coefficient);
      continue;
    }
    Size product = Size::constant(1);
    for (const Size::Atom &atom : term.atoms)
      product = product * (atom.kind == Size::Atom::Symbol     ? Size::symbol(atom.symbol)
                           : atom.kind == Size::Atom::FloorDiv ? Size::floorDiv(*atom.a, *atom.b)
                                                               : Size::mod(*atom.a, *atom.b));
    AffineKey key{nullptr, product.str()};
    const Size::Atom &first = term.atoms[0];
    std::optional<int64_t> by;
    if (term.atoms.size() == 1 && first.kind == Size::Atom::FloorDiv)
      by = first.b->asConstant();
    if (by && *by > 0) {
      quotient(of(*first.a), *by, key.atom);
    } else if (std::all_of(term.atoms.begin(), term.atoms.end(), [](const Size::Atom &atom) {
                 return atom.kind == Size::Atom::Symbol;
               })) {
      Affine atLeastZero;
      atLeastZero.add(key, 1);
      facts.push_back(std::move(atLeastZero));
    }
    out.add(key, term.coefficient);
  }
  return out;
}

namespace {
std::string textOf(const Affine &a) {
  std::string out;
  for (const auto &[key, coefficient] : a.terms)
    out += std::to_string(coefficient) + "*" +
           (key.var ? key.var->name + std::to_string(uintptr_t(key.var)) : key.atom) + "+";
  return out + std::to_string(a.constant);
}
} // namespace

std::optional<Affine> AffineBuilder::ofBinary(const Expr &expr) {
  std::optional<Affine> a = of(*expr.a), b = of(*expr.b);
  if (!a || !b)
    return std::nullopt;
  if (expr.text == "+")
    return *a + *b;
  if (expr.text == "-")
    return *a - *b;
  if (expr.text == "*" && b->terms.empty())
    return a->scaled(b->constant);
  if (expr.text == "*" && a->terms.empty())
    return b->scaled(a->constant);
  if ((expr.text != "/" && expr.text != "%") || !b->terms.empty() || b->constant <= 0)
    return std::nullopt;
  Affine q = quotient(*a, b->constant, "(" + textOf(*a) + ")/" + std::to_string(b->constant));
  return expr.text == "/" ? q : *a - q.scaled(b->constant);
}

std::optional<Affine> AffineBuilder::of(const Expr &expr) {
  Affine out;
  switch (expr.kind) {
  case ExprKind::IntConst:
    out.addConstant(expr.integer);
    return out;
  case ExprKind::SizeValue:
    return of(expr.size.withStatics());
  case ExprKind::VarRef: {
    if (auto it = lets.find(expr.var); it != lets.end())
      return it->second;
    if (!expr.type().shape.empty())
      return std::nullopt;
    out.add({expr.var, ""}, 1);
    return out;
  }
  case ExprKind::Convert:
    if (expr.a->type().elem != Elem::Int && expr.a->type().elem != Elem::I32)
      return std::nullopt;
    return of(*expr.a);
  case ExprKind::Unary:
    if (expr.text != "-")
      return std::nullopt;
    if (std::optional<Affine> a = of(*expr.a))
      return a->scaled(-1);
    return std::nullopt;
  case ExprKind::Binary:
    return ofBinary(expr);
  default:
    return std::nullopt;
  }
}

namespace {
/// A constraint over numbered variables.
struct Row {
  std::vector<int64_t> coefficients;
  int64_t constant = 0;
  bool operator<(const Row &other) const {
    return coefficients != other.coefficients ? coefficients < other.coefficients
                                              : constant < other.constant;
  }
};

/// Divides by the common factor; false where the row always holds.
bool tighten(Row &row) {
  int64_t g = 0;
  for (int64_t c : row.coefficients)
    g = std::gcd(g, c);
  if (g == 0)
    return row.constant < 0;
  if (g > 1) {
    for (int64_t &c : row.coefficients)
      c /= g;
    row.constant = floorDivInt(row.constant, g);
  }
  return true;
}

/// lower * p + upper * q without the variable; nullopt on overflow.
std::optional<Row> combine(const Row &lower, const Row &upper, size_t variable) {
  int64_t p = -upper.coefficients[variable], q = lower.coefficients[variable];
  Row out;
  auto mix = [&](int64_t a, int64_t b, int64_t &sum) {
    int64_t x, y;
    return !__builtin_mul_overflow(a, p, &x) && !__builtin_mul_overflow(b, q, &y) &&
           !__builtin_add_overflow(x, y, &sum);
  };
  out.coefficients.resize(lower.coefficients.size());
  for (size_t i = 0; i < out.coefficients.size(); ++i)
    if (!mix(lower.coefficients[i], upper.coefficients[i], out.coefficients[i]))
      return std::nullopt;
  if (!mix(lower.constant, upper.constant, out.constant))
    return std::nullopt;
  return out;
}

bool isContradiction(const Row &row) {
  return row.constant < 0 &&
         std::all_of(
             row.coefficients.begin(), row.coefficients.end(), [](int64_t c) { return c == 0; });
}

/// The variable whose elimination makes the fewest rows; nullopt: none is left.
std::optional<size_t> cheapest(const std::set<Row> &rows, size_t variables) {
  std::optional<size_t> best;
  size_t bestCost = SIZE_MAX;
  for (size_t v = 0; v < variables; ++v) {
    size_t lower = 0, upper = 0;
    for (const Row &row : rows) {
      lower += row.coefficients[v] > 0;
      upper += row.coefficients[v] < 0;
    }
    if (lower + upper && lower * upper < bestCost) {
      best = v;
      bestCost = lower * upper;
    }
  }
  return best;
}

enum class Elimination { Contradiction, Done, Open };

Elimination eliminate(std::set<Row> &rows, size_t v) {
  std::vector<Row> lower, upper;
  std::set<Row> next;
  for (const Row &row : rows) {
    if (row.coefficients[v] > 0)
      lower.push_back(row);
    else if (row.coefficients[v] < 0)
      upper.push_back(row);
    else
      next.insert(row);
  }
  for (const Row &l : lower)
    for (const Row &u : upper) {
      std::optional<Row> row = combine(l, u, v);
      if (!row || next.size() > kMaxConstraints)
        return Elimination::Done;
      if (!tighten(*row))
        continue;
      if (isContradiction(*row))
        return Elimination::Contradiction;
      next.insert(std::move(*row));
    }
  rows = std::move(next);
  return Elimination::Open;
}

/// Only constraints that share variables with the first one, directly or not, matter.
std::vector<const Affine *> connected(const std::vector<Affine> &all) {
  std::vector<const Affine *> out;
  std::set<AffineKey> reached;
  std::vector<bool> taken(all.size());
  auto take = [&](size_t i) {
    taken[i] = true;
    out.push_back(&all[i]);
    for (const auto &[key, coefficient] : all[i].terms)
      reached.insert(key);
  };
  take(0);
  for (bool grown = true; grown;) {
    grown = false;
    for (size_t i = 0; i < all.size(); ++i) {
      if (taken[i])
        continue;
      bool touches = all[i].terms.empty() ||
                     std::any_of(all[i].terms.begin(), all[i].terms.end(),
                                 [&](const auto &term) { return reached.count(term.first); });
      if (touches) {
        take(i);
        grown = true;
      }
    }
  }
  return out;
}
} // namespace

bool infeasible(std::vector<Affine> constraints) {
  if (constraints.empty())
    return false;
  std::vector<const Affine *> relevant = connected(constraints);
  std::map<AffineKey, size_t> number;
  for (const Affine *a : relevant)
    for (const auto &[key, coefficient] : a->terms)
      number.emplace(key, number.size());
  std::set<Row> rows;
  for (const Affine *a : relevant) {
    if (a->overflow)
      continue;
    Row row;
    row.coefficients.resize(number.size());
    row.constant = a->constant;
    for (const auto &[key, coefficient] : a->terms)
      row.coefficients[number[key]] = coefficient;
    if (!tighten(row))
      continue;
    if (isContradiction(row))
      return true;
    rows.insert(std::move(row));
  }
  while (std::optional<size_t> v = cheapest(rows, number.size())) {
    Elimination result = eliminate(rows, *v);
    if (result != Elimination::Open)
      return result == Elimination::Contradiction;
  }
  return false;
}

bool implied(const std::vector<Affine> &constraints, const Affine &goal) {
  if (goal.overflow)
    return false;
  std::vector<Affine> all;
  Affine opposite = goal.scaled(-1);
  opposite.addConstant(-1);
  all.push_back(std::move(opposite));
  all.insert(all.end(), constraints.begin(), constraints.end());
  return infeasible(std::move(all));
}

} // namespace seq
