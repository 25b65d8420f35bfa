//===- Formula.h - Numbers that the sizes of a function determine -------------------------===//
//
// How much a program computes and stores depends on the sizes that a call brings. A formula is
// a polynomial over them, with quotients, minima and maxima of polynomials where it needs them:
//
//   f = 2 * K * T + 0.5 * T * T        f.at({{"T", 8}, {"K", 4}}) == 96
//
// Sizes are taken for not negative.
//
//===----------------------------------------------------------------------===//
#ifndef SEQC_ANALYSIS_FORMULA_H
#define SEQC_ANALYSIS_FORMULA_H

#include "llvm/ADT/StringRef.h"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace seq::analysis {

using Sizes = std::map<std::string, int64_t>;

class Formula {
public:
  Formula(double constant = 0);
  static Formula size(llvm::StringRef name);
  /// ⌊a / b⌋ and its remainder, for b > 0.
  static Formula quotient(const Formula &a, const Formula &b);
  static Formula remainder(const Formula &a, const Formula &b);
  static Formula least(const Formula &a, const Formula &b);
  static Formula largest(const Formula &a, const Formula &b);

  Formula &operator+=(const Formula &other);
  Formula &operator-=(const Formula &other);
  Formula &operator*=(const Formula &other);

  std::optional<double> constant() const;
  /// No less than 0: its coefficients are not, once minima are taken for what bounds them.
  /// False may mean that it is only not seen.
  bool isNotNegative() const;
  /// A size that is not given counts as 0.
  double at(const Sizes &sizes) const;
  /// "2 * K * T + 12"; "0".
  std::string str() const;
  /// Every size that it depends on.
  void forEachSize(llvm::function_ref<void(llvm::StringRef)> found) const;

private:
  enum class Kind { Size, Quotient, Remainder, Least, Largest };
  /// What a term multiplies, known by its text.
  struct Atom;
  /// With the number `with` for the atom.
  Formula replaced(const std::string &atom, const Formula &with) const;
  static Formula of(Kind kind, std::string text, const Formula *a, const Formula *b);

  std::map<std::vector<std::string>, double> terms; ///< by the texts of its atoms, sorted
  std::map<std::string, std::shared_ptr<const Atom>> atoms;
};

inline Formula operator+(Formula a, const Formula &b) {
  return a += b;
}
inline Formula operator-(Formula a, const Formula &b) {
  return a -= b;
}
inline Formula operator*(Formula a, const Formula &b) {
  return a *= b;
}

} // namespace seq::analysis

#endif
