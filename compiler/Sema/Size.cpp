//===- Size.cpp - Canonical sums of products ---------------------------------===//
//
// A size is a sum of terms, each a coefficient and a sorted product of atoms, without
// zero coefficients and in one order, so that equality is equality of the lists.
//
// A floored division takes out of itself whatever divides exactly:
//
//   (4 * H + 3) / 4  =  H + 0        (2 * T + 6) / 4  =  (T + 3) / 2       4 * H / H  =  4
//
// What is left is an atom. A remainder by a number is none: a % b = a - b * (a / b), which
// makes `T / 2 * 2 + T % 2` the same list as `T`. Arithmetic that leaves int64 sets a flag that
// every later operation keeps.
//
//===----------------------------------------------------------------------===//
#include "compiler/Sema/Size.h"

#include <algorithm>
#include <numeric>

namespace seq {

using Atom = Size::Atom;
using Term = Size::Term;

namespace {
int compare(const Size &a, const Size &b);

int compare(const Atom &a, const Atom &b) {
  if (a.kind != b.kind)
    return a.kind < b.kind ? -1 : 1;
  if (a.kind == Atom::Symbol) {
    if (a.symbol == b.symbol)
      return 0;
    if (a.symbol->id != b.symbol->id)
      return a.symbol->id < b.symbol->id ? -1 : 1;
    return std::less<>()(a.symbol, b.symbol) ? -1 : 1;
  }
  if (int c = compare(*a.a, *b.a))
    return c;
  return compare(*a.b, *b.b);
}

/// Longer products first, so that the constant term is last.
int compare(const std::vector<Atom> &a, const std::vector<Atom> &b) {
  if (a.size() != b.size())
    return a.size() > b.size() ? -1 : 1;
  for (size_t i = 0; i < a.size(); ++i)
    if (int c = compare(a[i], b[i]))
      return c;
  return 0;
}

int compare(const Size &a, const Size &b) {
  if (a.sum().size() != b.sum().size())
    return a.sum().size() < b.sum().size() ? -1 : 1;
  for (size_t i = 0; i < a.sum().size(); ++i) {
    const Term &x = a.sum()[i], &y = b.sum()[i];
    if (int c = compare(x.atoms, y.atoms))
      return c;
    if (x.coefficient != y.coefficient)
      return x.coefficient < y.coefficient ? -1 : 1;
  }
  return 0;
}

int64_t floorDivInt(int64_t a, int64_t b) {
  int64_t q = a / b;
  return a % b != 0 && (a < 0) != (b < 0) ? q - 1 : q;
}
} // namespace

struct SizeBuilder {
  static Size overflowed() {
    Size s;
    s.overflow = true;
    return s;
  }

  static Size fromTerms(std::vector<Term> terms, bool overflow = false) {
    std::sort(terms.begin(), terms.end(),
              [](const Term &a, const Term &b) { return compare(a.atoms, b.atoms) < 0; });
    Size out;
    out.overflow = overflow;
    for (Term &term : terms) {
      if (!out.terms.empty() && compare(out.terms.back().atoms, term.atoms) == 0) {
        if (__builtin_add_overflow(out.terms.back().coefficient, term.coefficient,
                                   &out.terms.back().coefficient))
          return overflowed();
      } else {
        out.terms.push_back(std::move(term));
      }
    }
    std::erase_if(out.terms, [](const Term &t) { return t.coefficient == 0; });
    return out;
  }

  static Size atom(Atom::Kind kind, const Size &a, const Size &b) {
    Atom atom;
    atom.kind = kind;
    atom.a = std::make_shared<Size>(a);
    atom.b = std::make_shared<Size>(b);
    return fromTerms({{1, {std::move(atom)}}});
  }

  static Size single(Term term) { return fromTerms({std::move(term)}); }

  /// term / by where that is exact.
  static std::optional<Term> divideTerm(const Term &term, const Term &by) {
    if (by.coefficient == 0 || by.coefficient == -1 || term.coefficient % by.coefficient != 0)
      return std::nullopt;
    Term out{term.coefficient / by.coefficient, term.atoms};
    for (const Atom &atom : by.atoms) {
      auto at = std::find_if(out.atoms.begin(), out.atoms.end(),
                             [&](const Atom &other) { return compare(atom, other) == 0; });
      if (at == out.atoms.end())
        return std::nullopt;
      out.atoms.erase(at);
    }
    return out;
  }

  /// Moves what `c` divides from `rest` to the quotient: coefficients fall into [0, c).
  static Size takeConstantMultiples(Size &rest, int64_t c) {
    std::vector<Term> quotient, left;
    for (const Term &term : rest.terms) {
      int64_t q = floorDivInt(term.coefficient, c);
      if (q)
        quotient.push_back({q, term.atoms});
      left.push_back({term.coefficient - q * c, term.atoms});
    }
    rest = fromTerms(std::move(left));
    return fromTerms(std::move(quotient));
  }

  /// (g * r + m) / (g * c) = (r + m / g) / c.
  static void cancelCommonFactor(Size &rest, int64_t &c) {
    int64_t g = c;
    for (const Term &term : rest.terms)
      if (!term.atoms.empty())
        g = std::gcd(g, term.coefficient);
    if (g <= 1)
      return;
    for (Term &term : rest.terms)
      term.coefficient = floorDivInt(term.coefficient, g);
    rest = fromTerms(std::move(rest.terms));
    c /= g;
  }

  static Size divideByConstant(Size a, int64_t c) {
    Size quotient = takeConstantMultiples(a, c);
    cancelCommonFactor(a, c);
    if (c == 1)
      return quotient + a;
    if (a.terms.empty() || a.asConstant()) // a constant is in [0, c)
      return quotient;
    // (x / p) / c = x / (p * c)
    if (a.terms.size() == 1 && a.terms[0].coefficient == 1 && a.terms[0].atoms.size() == 1) {
      const Atom &inner = a.terms[0].atoms[0];
      int64_t product;
      if (inner.kind == Atom::FloorDiv && inner.b->asConstant() && *inner.b->asConstant() > 0 &&
          !__builtin_mul_overflow(*inner.b->asConstant(), c, &product))
        return quotient + Size::floorDiv(*inner.a, Size::constant(product));
    }
    return quotient + atom(Atom::FloorDiv, a, Size::constant(c));
  }

  static Size divideBySize(const Size &a, const Size &b) {
    if (a.terms.empty())
      return {};
    if (compare(a, b) == 0)
      return Size::constant(1);
    if (b.terms.size() != 1)
      return atom(Atom::FloorDiv, a, b);
    std::vector<Term> quotient, rest;
    for (const Term &term : a.terms) {
      if (std::optional<Term> q = divideTerm(term, b.terms[0]))
        quotient.push_back(std::move(*q));
      else
        rest.push_back(term);
    }
    Size q = fromTerms(std::move(quotient));
    if (rest.empty())
      return q;
    return q + atom(Atom::FloorDiv, fromTerms(std::move(rest)), b);
  }
};

Size Size::constant(int64_t value) {
  return SizeBuilder::fromTerms({{value, {}}});
}

Size Size::symbol(const SizeSymbol *symbol) {
  Atom atom;
  atom.symbol = symbol;
  return SizeBuilder::fromTerms({{1, {atom}}});
}

Size operator+(const Size &a, const Size &b) {
  std::vector<Term> terms = a.terms;
  terms.insert(terms.end(), b.terms.begin(), b.terms.end());
  return SizeBuilder::fromTerms(std::move(terms), a.overflow || b.overflow);
}

Size operator-(const Size &a, const Size &b) {
  return a + Size::constant(-1) * b;
}

Size operator*(const Size &a, const Size &b) {
  if (a.overflow || b.overflow)
    return SizeBuilder::overflowed();
  std::vector<Term> terms;
  for (const Term &x : a.terms)
    for (const Term &y : b.terms) {
      Term term;
      if (__builtin_mul_overflow(x.coefficient, y.coefficient, &term.coefficient))
        return SizeBuilder::overflowed();
      term.atoms = x.atoms;
      term.atoms.insert(term.atoms.end(), y.atoms.begin(), y.atoms.end());
      std::sort(term.atoms.begin(), term.atoms.end(),
                [](const Atom &p, const Atom &q) { return compare(p, q) < 0; });
      terms.push_back(std::move(term));
    }
  return SizeBuilder::fromTerms(std::move(terms));
}

Size Size::floorDiv(const Size &a, const Size &b) {
  if (a.overflow || b.overflow || b.terms.empty())
    return SizeBuilder::overflowed();
  std::optional<int64_t> c = b.asConstant();
  if (!c)
    return SizeBuilder::divideBySize(a, b);
  if (*c == INT64_MIN)
    return SizeBuilder::overflowed();
  if (*c < 0)
    return floorDiv(constant(0) - a, constant(-*c));
  return SizeBuilder::divideByConstant(a, *c);
}

Size Size::mod(const Size &a, const Size &b) {
  Size quotient = floorDiv(a, b);
  if (quotient.overflow || b.asConstant())
    return a - b * quotient;
  // By a size that is no number: only where the quotient is exact.
  for (const Term &term : quotient.terms)
    for (const Atom &atom : term.atoms)
      if (atom.kind != Atom::Symbol)
        return SizeBuilder::atom(Atom::Mod, a, b);
  return a - b * quotient;
}

bool operator==(const Size &a, const Size &b) {
  return a.overflow == b.overflow && compare(a, b) == 0;
}

std::optional<int64_t> Size::asConstant() const {
  if (overflow || terms.size() > 1 || (terms.size() == 1 && !terms[0].atoms.empty()))
    return std::nullopt;
  return terms.empty() ? 0 : terms[0].coefficient;
}

namespace {
using ValueOf = std::function<std::optional<int64_t>(const SizeSymbol *)>;

std::optional<int64_t> evaluateAtom(const Atom &atom, const ValueOf &valueOf) {
  if (atom.kind == Atom::Symbol) {
    if (valueOf)
      if (std::optional<int64_t> value = valueOf(atom.symbol))
        return value;
    return atom.symbol->value;
  }
  std::optional<int64_t> a = atom.a->evaluate(valueOf), b = atom.b->evaluate(valueOf);
  if (!a || !b || *b == 0 || (*a == INT64_MIN && *b == -1))
    return std::nullopt;
  int64_t q = floorDivInt(*a, *b);
  return atom.kind == Atom::FloorDiv ? q : *a - q * *b;
}
} // namespace

std::optional<int64_t> Size::evaluate(const ValueOf &valueOf) const {
  if (overflow)
    return std::nullopt;
  int64_t sum = 0;
  for (const Term &term : terms) {
    int64_t product = term.coefficient;
    for (const Atom &atom : term.atoms) {
      std::optional<int64_t> value = evaluateAtom(atom, valueOf);
      if (!value || __builtin_mul_overflow(product, *value, &product))
        return std::nullopt;
    }
    if (__builtin_add_overflow(sum, product, &sum))
      return std::nullopt;
  }
  return sum;
}

Size Size::substitute(const std::function<std::optional<Size>(const SizeSymbol *)> &replace) const {
  if (overflow)
    return *this;
  Size sum;
  for (const Term &term : terms) {
    Size product = constant(term.coefficient);
    for (const Atom &atom : term.atoms) {
      if (atom.kind == Atom::Symbol) {
        std::optional<Size> with = replace(atom.symbol);
        product = product * (with ? *with : symbol(atom.symbol));
      } else {
        Size a = atom.a->substitute(replace), b = atom.b->substitute(replace);
        product = product * (atom.kind == Atom::FloorDiv ? floorDiv(a, b) : mod(a, b));
      }
    }
    sum = sum + product;
  }
  return sum;
}

Size Size::withStatics() const {
  return substitute([](const SizeSymbol *symbol) -> std::optional<Size> {
    if (symbol->isStatic && symbol->value)
      return constant(*symbol->value);
    return std::nullopt;
  });
}

void Size::collectSymbols(std::vector<const SizeSymbol *> &out) const {
  for (const Term &term : terms)
    for (const Atom &atom : term.atoms) {
      if (atom.kind != Atom::Symbol) {
        atom.a->collectSymbols(out);
        atom.b->collectSymbols(out);
      } else if (std::find(out.begin(), out.end(), atom.symbol) == out.end()) {
        out.push_back(atom.symbol);
      }
    }
}

namespace {
/// An operand of `*`, `/`, `%`: in parentheses unless it is a name or a number.
std::string factor(const Size &size) {
  std::string text = size.str();
  bool plain = text.find(' ') == std::string::npos && text[0] != '-';
  return plain ? text : "(" + text + ")";
}

std::string atomText(const Atom &atom, bool alone) {
  if (atom.kind == Atom::Symbol)
    return atom.symbol->name;
  std::string text =
      factor(*atom.a) + (atom.kind == Atom::FloorDiv ? " / " : " % ") + factor(*atom.b);
  return alone ? text : "(" + text + ")";
}

std::string termText(const Term &term, int64_t magnitude) {
  if (term.atoms.empty())
    return std::to_string(magnitude);
  std::string text = magnitude == 1 ? "" : std::to_string(magnitude);
  for (const Atom &atom : term.atoms) {
    if (!text.empty())
      text += " * ";
    text += atomText(atom, text.empty() && term.atoms.size() == 1);
  }
  return text;
}
} // namespace

/// `a - b * (a / b)` is shown as `a % b`: the rest without it, and its text.
std::optional<std::pair<Size, std::string>> Size::takeRemainder() const {
  for (const Term &term : terms) {
    if (term.atoms.size() != 1 || term.atoms[0].kind != Atom::FloorDiv)
      continue;
    const Atom &atom = term.atoms[0];
    if (atom.b->asConstant() != -term.coefficient)
      continue;
    Size rest = *this - (*atom.a + SizeBuilder::single(term));
    if (rest.terms.size() + atom.a->terms.size() < terms.size())
      return std::pair(rest, factor(*atom.a) + " % " + std::to_string(-term.coefficient));
  }
  return std::nullopt;
}

std::string Size::str() const {
  if (overflow)
    return "(too large)";
  if (terms.empty())
    return "0";
  if (auto remainder = takeRemainder()) {
    const auto &[rest, shown] = *remainder;
    return rest.isZero() ? shown : rest.str() + " + " + shown;
  }
  std::string text;
  for (const Term &term : terms) {
    bool negative = term.coefficient < 0;
    if (text.empty())
      text = negative ? "-" : "";
    else
      text += negative ? " - " : " + ";
    if (term.coefficient == INT64_MIN)
      text += "9223372036854775808";
    else
      text += termText(term, negative ? -term.coefficient : term.coefficient);
  }
  return text;
}

} // namespace seq
