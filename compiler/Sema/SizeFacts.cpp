//===- SizeFacts.cpp - When two sizes are one ---------------------------------===//
//
// Sizes are compared as expressions. Two that differ only in how a division rounds, such
// as `P / 2` and `P - P / 2`, or `H * (D / H)` and `D`, are one where the division is
// exact: that becomes a requirement of the function, which its callers inherit. Where the
// numbers are static it is decided at once.
//
//===----------------------------------------------------------------------===//
#include "compiler/Sema/Checker.h"

namespace seq {

using namespace typed;

namespace {
bool hasDivision(const Size &size) {
  for (const Size::Term &term : size.sum())
    for (const Size::Atom &atom : term.atoms)
      if (atom.kind == Size::Atom::FloorDiv)
        return true;
  return false;
}

/// `size` times all divisors in it, with its divisions taken as exact.
Size withoutDivisions(const Size &size) {
  std::vector<Size> divisors;
  for (const Size::Term &term : size.sum())
    for (const Size::Atom &atom : term.atoms)
      if (atom.kind == Size::Atom::FloorDiv) {
        bool known = false;
        for (const Size &divisor : divisors)
          known |= divisor == *atom.b;
        if (!known)
          divisors.push_back(*atom.b);
      }
  Size sum;
  for (const Size::Term &term : size.sum()) {
    Size product = Size::constant(term.coefficient);
    std::vector<bool> used(divisors.size());
    for (const Size::Atom &atom : term.atoms) {
      if (atom.kind != Size::Atom::FloorDiv) {
        product = product * (atom.kind == Size::Atom::Symbol ? Size::symbol(atom.symbol)
                                                             : Size::mod(*atom.a, *atom.b));
        continue;
      }
      size_t at = 0;
      while (at < divisors.size() && (used[at] || divisors[at] != *atom.b))
        ++at;
      if (at == divisors.size()) // two divisions by one divisor: left alone
        return size;
      used[at] = true;
      product = product * *atom.a;
    }
    for (size_t i = 0; i < divisors.size(); ++i)
      if (!used[i])
        product = product * divisors[i];
    sum = sum + product;
  }
  return sum;
}
} // namespace

bool Checker::sameAsRequired(const Size &a, const Size &b) const {
  Size difference = a - b;
  constexpr int kNested = 4;
  for (int i = 0; i < kNested && hasDivision(difference); ++i)
    difference = withoutDivisions(difference);
  return difference.isZero();
}

bool Checker::sameSize(const Size &a, const Size &b, SourceRange range) {
  if (a == b)
    return true;
  if (!hasDivision(a - b) || !sameAsRequired(a, b))
    return false;
  std::optional<int64_t> x = a.withStatics().asConstant(), y = b.withStatics().asConstant();
  if (x && y)
    return *x == *y;
  if (a.withStatics() == b.withStatics())
    return true;
  require(a, b, true, range);
  return true;
}

bool Checker::sameShape(const std::vector<Size> &a, const std::vector<Size> &b, SourceRange range) {
  if (a.size() != b.size())
    return false;
  for (size_t i = 0; i < a.size(); ++i)
    if (!sameSize(a[i], b[i], range))
      return false;
  return true;
}

void Checker::require(const Size &a, const Size &b, bool equal, SourceRange range) {
  if (equal)
    facts.addEqual(a, b);
  else
    facts.addAtMost(a, b);
  if (mute)
    return;
  for (const SizeRequirement &known : fn.requirements)
    if (known.equal == equal &&
        ((known.a == a && known.b == b) || (equal && known.a == b && known.b == a)))
      return;
  fn.requirements.push_back({a, b, equal, range});
}

/// A size that the program writes: within int64, not negative where its value is known.
bool Checker::checkSize(const Size &size, SourceRange range) {
  Size now = size.withStatics();
  if (now.hasOverflow()) {
    diags().error(Diag::SizeOverflow, range, "this size is too large");
    return false;
  }
  std::optional<int64_t> value = now.asConstant();
  if (value && *value < 0) {
    diags().error(Diag::BadSize, range, "this size is " + std::to_string(*value));
    return false;
  }
  return true;
}

} // namespace seq
