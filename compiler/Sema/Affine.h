//===- Affine.h - Linear forms over indices and sizes, and proofs -------------===//
#ifndef SEQC_SEMA_AFFINE_H
#define SEQC_SEMA_AFFINE_H

#include "compiler/Sema/Typed.h"

#include <map>

namespace seq {

/// A variable of a linear form: an index (or another scalar), or a size's atom by its text.
struct AffineKey {
  const typed::Var *var = nullptr;
  std::string atom;
  bool operator<(const AffineKey &other) const {
    return var != other.var ? std::less<>()(var, other.var) : atom < other.atom;
  }
};

/// constant + sum of coefficient * variable. As a constraint it means: at least 0.
struct Affine {
  std::map<AffineKey, int64_t> terms;
  int64_t constant = 0;
  bool overflow = false;

  void add(const AffineKey &key, int64_t coefficient);
  void addConstant(int64_t value);
  Affine scaled(int64_t by) const;
  friend Affine operator+(const Affine &a, const Affine &b);
  friend Affine operator-(const Affine &a, const Affine &b) { return a + b.scaled(-1); }
};

/// Makes linear forms; `facts` gathers what is known of the atoms that appear.
class AffineBuilder {
public:
  explicit AffineBuilder(const std::map<const typed::Var *, Affine> &lets) : lets(lets) {}

  std::optional<Affine> of(const typed::Expr &expr);
  Affine of(const Size &size);
  std::vector<Affine> facts;

private:
  std::optional<Affine> ofBinary(const typed::Expr &expr);
  Affine quotient(const Affine &a, int64_t by, std::string name);

  const std::map<const typed::Var *, Affine> &lets; ///< scalars with a known form
};

/// True where no integers satisfy all constraints (Fourier and Motzkin's elimination with
/// integer tightening: it may fail to see it, never says so wrongly).
bool infeasible(std::vector<Affine> constraints);

/// True where `goal` is at least 0 whenever the constraints are.
bool implied(const std::vector<Affine> &constraints, const Affine &goal);

} // namespace seq

#endif
