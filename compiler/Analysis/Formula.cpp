//===- Formula.cpp - Numbers that the sizes of a function determine -----------------------===//
#include "compiler/Analysis/Formula.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/STLFunctionalExtras.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace seq::analysis {

struct Formula::Atom {
  Kind kind;
  Formula a, b; ///< of a size: none
};

Formula::Formula(double constant) {
  if (constant != 0)
    terms[{}] = constant;
}

Formula Formula::of(Kind kind, std::string text, const Formula *a, const Formula *b) {
  Formula f;
  f.terms[{text}] = 1;
  f.atoms[text] = std::make_shared<const Atom>(Atom{kind, a ? *a : Formula(), b ? *b : Formula()});
  return f;
}

Formula Formula::size(llvm::StringRef name) {
  return of(Kind::Size, name.str(), nullptr, nullptr);
}

/// In brackets where it is a sum or a product.
static std::string operand(const Formula &f) {
  std::string text = f.str();
  return text.find(' ') == std::string::npos ? text : "(" + text + ")";
}

Formula Formula::quotient(const Formula &a, const Formula &b) {
  auto x = a.constant(), y = b.constant();
  if (x && y)
    return std::floor(*x / *y);
  if (y == 1)
    return a;
  return of(Kind::Quotient, "floor(" + operand(a) + " / " + operand(b) + ")", &a, &b);
}

Formula Formula::remainder(const Formula &a, const Formula &b) {
  auto x = a.constant(), y = b.constant();
  if (x && y)
    return *x - *y * std::floor(*x / *y);
  return of(Kind::Remainder, "(" + operand(a) + " % " + operand(b) + ")", &a, &b);
}

Formula Formula::least(const Formula &a, const Formula &b) {
  Formula more = a - b;
  if (more.isNotNegative())
    return b;
  if ((b - a).isNotNegative())
    return a;
  return of(Kind::Least, "min(" + a.str() + ", " + b.str() + ")", &a, &b);
}

Formula Formula::largest(const Formula &a, const Formula &b) {
  if ((a - b).isNotNegative())
    return a;
  if ((b - a).isNotNegative())
    return b;
  return of(Kind::Largest, "max(" + a.str() + ", " + b.str() + ")", &a, &b);
}

Formula &Formula::operator+=(const Formula &other) {
  for (const auto &[atomsOf, k] : other.terms) {
    double &mine = terms[atomsOf];
    mine += k;
    if (mine == 0)
      terms.erase(atomsOf);
  }
  atoms.insert(other.atoms.begin(), other.atoms.end());
  return *this;
}

Formula &Formula::operator-=(const Formula &other) {
  return *this += other * -1.0;
}

Formula &Formula::operator*=(const Formula &other) {
  std::map<std::vector<std::string>, double> products;
  for (const auto &[mine, x] : terms)
    for (const auto &[theirs, y] : other.terms) {
      std::vector<std::string> both = mine;
      both.insert(both.end(), theirs.begin(), theirs.end());
      std::sort(both.begin(), both.end());
      products[std::move(both)] += x * y;
    }
  std::erase_if(products, [](const auto &term) { return term.second == 0; });
  terms = std::move(products);
  atoms.insert(other.atoms.begin(), other.atoms.end());
  return *this;
}

std::optional<double> Formula::constant() const {
  if (terms.empty())
    return 0.0;
  return terms.size() == 1 && terms.begin()->first.empty()
             ? std::optional<double>(terms.begin()->second)
             : std::nullopt;
}

Formula Formula::replaced(const std::string &atom, const Formula &with) const {
  Formula sum;
  for (const auto &[atomsOf, k] : terms) {
    Formula product = k;
    for (const std::string &text : atomsOf) {
      Formula factor;
      factor.terms[{text}] = 1;
      factor.atoms[text] = atoms.at(text);
      product *= text == atom ? with : factor;
    }
    sum += product;
  }
  return sum;
}

bool Formula::isNotNegative() const {
  for (const auto &[atomsOf, k] : terms) {
    if (k >= 0)
      continue;
    // −min(a, b) is no less than −a.
    for (const std::string &text : atomsOf) {
      const Atom &atom = *atoms.at(text);
      if (atom.kind == Kind::Least)
        return replaced(text, atom.a).isNotNegative() || replaced(text, atom.b).isNotNegative();
    }
    return false;
  }
  return true;
}

double Formula::at(const Sizes &sizes) const {
  auto value = [&](const std::string &text) -> double {
    const Atom &atom = *atoms.at(text);
    if (atom.kind == Kind::Size) {
      auto it = sizes.find(text);
      return it == sizes.end() ? 0 : double(it->second);
    }
    double x = atom.a.at(sizes), y = atom.b.at(sizes);
    switch (atom.kind) {
    case Kind::Quotient:
      return y == 0 ? 0 : std::floor(x / y);
    case Kind::Remainder:
      return y == 0 ? 0 : x - y * std::floor(x / y);
    case Kind::Least:
      return std::min(x, y);
    default:
      return std::max(x, y);
    }
  };
  double sum = 0;
  for (const auto &[atomsOf, k] : terms) {
    double product = k;
    for (const std::string &text : atomsOf)
      product *= value(text);
    sum += product;
  }
  return sum;
}

static std::string number(double v) {
  char text[40];
  std::snprintf(text, sizeof text, "%.15g", v);
  return text;
}

std::string Formula::str() const {
  // Higher powers first.
  std::vector<std::pair<std::vector<std::string>, double>> sorted(terms.begin(), terms.end());
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto &a, const auto &b) { return a.first.size() > b.first.size(); });
  std::string text;
  for (const auto &[atomsOf, k] : sorted) {
    double shown = text.empty() ? k : std::fabs(k);
    if (!text.empty())
      text += k < 0 ? " - " : " + ";
    std::string product;
    for (const std::string &atom : atomsOf)
      product += (product.empty() ? "" : " * ") + atom;
    if (product.empty())
      product = number(shown);
    else if (shown != 1)
      product = number(shown) + " * " + product;
    text += product;
  }
  return text.empty() ? "0" : text;
}

void Formula::forEachSize(llvm::function_ref<void(llvm::StringRef)> found) const {
  for (const auto &[text, atom] : atoms)
    if (atom->kind == Kind::Size) {
      found(text);
    } else {
      atom->a.forEachSize(found);
      atom->b.forEachSize(found);
    }
}

} // namespace seq::analysis
