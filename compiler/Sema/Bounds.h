//===- Bounds.h - What is known where a subscript stands ----------------------===//
#ifndef SEQC_SEMA_BOUNDS_H
#define SEQC_SEMA_BOUNDS_H

#include "compiler/Sema/Affine.h"

namespace seq {

/// What a condition says, as alternatives of conjunctions of constraints.
struct Guard {
  std::vector<std::vector<Affine>> alternatives;
  bool complete = true; ///< false: it says more than the constraints do
};

/// Ranges of indices, guards and forms of scalars along the path to an expression.
class PathFacts {
public:
  /// lo <= index < hi.
  void addIndex(const typed::Var *index);
  void addAtMost(const Size &a, const Size &b);
  void addEqual(const Size &a, const Size &b);
  void setForm(const typed::Var *scalar, const typed::Expr &value);

  void pushGuard(const typed::Expr &condition, bool holds);
  void popGuard() { guards.pop_back(); }
  bool hasIncompleteGuard() const;

  size_t mark() const { return facts.size(); }
  void reset(size_t to) { facts.resize(to); }

  enum class Proof { Always, UnderGuards, None };
  Proof inside(const typed::Expr &index, const Size &size) const;
  Proof atLeastZero(const typed::Expr &index) const;
  Proof atMost(const Size &a, const Size &b) const;
  bool hasForm(const typed::Expr &index) const;
  std::optional<Affine> form(const typed::Expr &index) const;

private:
  Proof prove(const std::vector<Affine> &goals, std::vector<Affine> known) const;
  Guard guardOf(const typed::Expr &condition, bool holds) const;
  Guard guardOfCompare(const typed::Expr &compare, bool holds) const;

  std::vector<Affine> facts;
  std::vector<Guard> guards;
  std::map<const typed::Var *, Affine> forms;
};

} // namespace seq

#endif
