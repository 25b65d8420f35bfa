//===- Expr.h - Scalars of a step, as expressions ----------------------------------===//
//
// What an analysis says of a scalar of a scan's step that is free of the states in
// question: an expression over indices, values from outside of the step, and elements of
// tensors. Expressions are unique: two that are equal in form are the same pointer, so a
// key that two terms read with is recognised by comparing pointers. Each knows the indices
// it depends on, which is what decides whether a coefficient splits into factors.
//
//===----------------------------------------------------------------------===//
#ifndef SEQC_ANALYSIS_EXPR_H
#define SEQC_ANALYSIS_EXPR_H

#include "dialect/Seq.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/FoldingSet.h"

#include <deque>

namespace seq::analysis {

struct Expr;
using ExprRef = const Expr *;
using Exprs = llvm::SmallVector<ExprRef, 4>;

struct Expr : llvm::FoldingSetNode {
  enum Kind {
    Var,     ///< an index: of a tensor's axis, or bound by a fold; `value` its extent
    Outer,   ///< `value`, from outside of the step's bodies
    Op,      ///< the op of `value` on `args` (a read: of its tensor, at `args`, then the guard)
    Closure, ///< `value` of a body with the block arguments `keys` standing for `args`
    Number,  ///< `number`, of `type`
    Product, ///< of `args`
    Sum,     ///< of `args`
    Inverse, ///< 1 / args[0]
    Not,     ///< of the condition args[0]
    Pick,    ///< args[0] ? args[1] : args[2]
    Fold     ///< fold_kind of args.back() over the variables args[0 … n−1]
  };
  Kind kind;
  mlir::Type type;
  mlir::Value value;
  const void *what = nullptr; ///< Op: all that tells its operation from others, but its place
  double number = 0;
  unsigned id = 0; ///< Var: its number. Fold: its ReduceKind
  Exprs args;
  llvm::SmallVector<mlir::Value, 2> keys;
  llvm::SmallVector<unsigned, 4> deps; ///< numbers of the variables it depends on, in order
  unsigned depth = 0, hash = 0;
  unsigned serial = 0; ///< in the order of making, which is the same in every run

  void Profile(llvm::FoldingSetNodeID &id) const;
  bool dependsOn(ExprRef var) const;
  bool is(double n) const { return kind == Number && number == n; }
};

} // namespace seq::analysis

/// Comparing hashes first: making an expression's profile anew is most of a look-up's cost.
template <>
struct llvm::FoldingSetTrait<seq::analysis::Expr>
    : llvm::DefaultFoldingSetTrait<seq::analysis::Expr> {
  static bool Equals(seq::analysis::Expr &e, const FoldingSetNodeID &id, unsigned hash,
                     FoldingSetNodeID &scratch) {
    if (e.hash != hash)
      return false;
    e.Profile(scratch);
    return scratch == id;
  }
  static unsigned ComputeHash(seq::analysis::Expr &e, FoldingSetNodeID &) { return e.hash; }
};

namespace seq::analysis {

using Substitution = llvm::DenseMap<ExprRef, ExprRef>;

/// constant + Σ factor · term, of indices.
struct LinearIndex {
  int64_t constant = 0;
  llvm::SmallVector<std::pair<ExprRef, int64_t>, 4> terms;
  unsigned steps = 0; ///< expressions looked at
};

/// Makes and owns expressions.
class ExprContext {
public:
  ExprRef var(mlir::Value extent);
  /// The index of a map's axis, the same for all maps over that extent: what one map reads of
  /// another at its own index needs no substitution.
  ExprRef axis(unsigned number, mlir::Value extent);
  ExprRef outer(mlir::Value value);
  /// The scalar op of `value` on other operands; constants become numbers.
  ExprRef op(mlir::Value value, Exprs args);
  ExprRef closure(mlir::Value value, llvm::ArrayRef<mlir::Value> keys, Exprs args);
  ExprRef number(mlir::Type type, double n);
  ExprRef product(mlir::Type type, Exprs factors);
  ExprRef sum(mlir::Type type, Exprs addends);
  ExprRef inverse(ExprRef e);
  ExprRef negation(ExprRef condition);
  ExprRef pick(ExprRef condition, ExprRef then, ExprRef otherwise);
  ExprRef fold(ReduceKind kind, llvm::ArrayRef<ExprRef> vars, ExprRef body);

  ExprRef substitute(ExprRef e, const Substitution &by);
  /// `k` where e = v + k.
  std::optional<int64_t> distance(ExprRef e, ExprRef v);

private:
  ExprRef unique(Expr e);
  ExprRef rebuild(ExprRef e, Exprs args);
  ExprRef substitute(ExprRef e, const Substitution &by, Substitution &done);
  bool addLinear(ExprRef e, int64_t scale, LinearIndex &out);
  /// What is left of sums and differences of indices: one index, a number, or `e` itself.
  ExprRef settled(ExprRef e);

  const void *attributesOf(mlir::Operation *op);
  ExprRef madeOp(Expr e);

  std::deque<Expr> nodes;
  llvm::DenseMap<mlir::Operation *, const void *> attributes;
  llvm::DenseMap<std::pair<unsigned, mlir::Value>, ExprRef> axes;
  llvm::FoldingSet<Expr> set;
  unsigned vars = 0;
};

/// A product of factors that exists where all guards hold, and is 0 (of a semiring: its
/// zero) elsewhere.
struct Product {
  Exprs factors, guards;

  bool dependsOn(ExprRef var) const;
};

/// `e` as a sum of products, as far as that separates factors of different indices or
/// brings out guards; else `e` alone.
llvm::SmallVector<Product, 2> expand(ExprContext &context, ExprRef e);
/// Two factors depend on indices of which neither set holds the other.
bool separable(const Product &p);
/// The product as one expression, its guards as a pick of 0.
ExprRef collapse(ExprContext &context, mlir::Type type, const Product &p);

} // namespace seq::analysis

#endif
