//===- Size.h - Sizes as expressions over names ------------------------------===//
//
// A size is an integer expression over names: `4 * H`, `T / 2 * 2`. Sizes are compared
// as expressions in canonical form (a sum of products over atoms, where an atom is a
// name, or a floored division or remainder that does not simplify), never by the
// numbers of one call: two different names never agree by chance.
//
//===----------------------------------------------------------------------===//
#ifndef SEQC_SEMA_SIZE_H
#define SEQC_SEMA_SIZE_H

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace seq {

/// A name that stands for a size. One object per function instance and name.
struct SizeSymbol {
  std::string name;
  bool isStatic = false;        ///< bound by a layer's parameter list
  std::optional<int64_t> value; ///< known where isStatic (and during solving)
  unsigned id = 0;              ///< unique in the program; orders atoms
};

class Size {
public:
  Size() = default; ///< 0
  static Size constant(int64_t value);
  static Size symbol(const SizeSymbol *symbol);

  friend Size operator+(const Size &a, const Size &b);
  friend Size operator-(const Size &a, const Size &b);
  friend Size operator*(const Size &a, const Size &b);
  static Size floorDiv(const Size &a, const Size &b);
  static Size mod(const Size &a, const Size &b);

  friend bool operator==(const Size &a, const Size &b);
  friend bool operator!=(const Size &a, const Size &b) { return !(a == b); }

  std::optional<int64_t> asConstant() const;
  bool isZero() const { return terms.empty() && !overflow; }
  /// Some operation left the range of int64, or divided by the constant zero.
  bool hasOverflow() const { return overflow; }

  /// The value under `valueOf` (nullopt: unknown symbol); nullopt also on overflow
  /// and division by zero. Static symbols with a value need no entry.
  std::optional<int64_t>
  evaluate(const std::function<std::optional<int64_t>(const SizeSymbol *)> &valueOf = {}) const;
  /// Replaces symbols; nullopt leaves one as it is.
  Size substitute(const std::function<std::optional<Size>(const SizeSymbol *)> &replace) const;
  /// Static symbols replaced by their values.
  Size withStatics() const;
  void collectSymbols(std::vector<const SizeSymbol *> &out) const;
  /// As a user would write it: `4 * H`, `T / 2`.
  std::string str() const;

  /// For lowering: a sum of coefficient * product of atoms.
  struct Atom {
    enum Kind { Symbol, FloorDiv, Mod } kind = Symbol;
    const SizeSymbol *symbol = nullptr;
    std::shared_ptr<const Size> a, b; ///< operands of FloorDiv and Mod
  };
  struct Term {
    int64_t coefficient = 0;
    std::vector<Atom> atoms; ///< sorted; empty for the constant term
  };
  const std::vector<Term> &sum() const { return terms; }

private:
  friend struct SizeBuilder;
  std::optional<std::pair<Size, std::string>> takeRemainder() const;
  std::vector<Term> terms; ///< canonical order, no zero coefficients
  bool overflow = false;
};

} // namespace seq

#endif
