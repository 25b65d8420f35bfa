//===- Step.h - What a step makes of chosen states -----------------------------------===//
//
// Abstract interpretation of a scan's step. Some states are unknowns, everything else
// (inputs, the step's index, other states) is known. Each scalar of the step is then
//
//   constant   free of the unknowns: an expression
//   affine     Σ_k coef_k · S_k[place_k], folded over bound indices, + Σ products
//   tropical   the same with max, min or logsumexp for Σ and + for ·
//   nonlinear  anything else, with the op that made it so
//
//   D[a, b] = exp(g[t]) * S[a, b]                 affine: exp(g[t]) · S[a, b]
//   old[b]  = sum[a](k[t, a] * D[a, b])           affine: Σ_a' k[t, a'] exp(g[t]) · S[a', b]
//   S'[a,b] = D[a,b] + k[t, a] * (v[t,b] - old[b])    both, and the product k[t, a] v[t, b]
//
// A value that a step names is read at other indices by substitution, so every spelling
// of a step has the same form: no expression is matched, no name looked at.
//
//===----------------------------------------------------------------------===//
#ifndef SEQC_ANALYSIS_STEP_H
#define SEQC_ANALYSIS_STEP_H

#include "compiler/Analysis/Expr.h"

#include "llvm/ADT/DenseSet.h"

namespace seq::analysis {

/// Why a value is nonlinear: an op, and the state that it read.
struct Cause {
  mlir::Operation *op = nullptr;
  std::string what; ///< "`tanh` of it", "a product of two values that read it"
  unsigned state = 0;
};

/// fold over `bound` of coef · state[at]. Tropical: the factors are added.
struct Term {
  unsigned state;
  Exprs at, bound;
  Product coef;
};

struct Form {
  enum Kind { Constant, Affine, Tropical, Nonlinear } kind = Constant;
  ReduceKind semiring = ReduceKind::sum; ///< Tropical: max, min or logsumexp
  ExprRef whole = nullptr;               ///< Constant
  llvm::SmallVector<Term, 2> terms;
  llvm::SmallVector<Product, 2> constants;
  Cause cause;

  bool isConstant() const { return kind == Constant; }
};

/// A tensor of the step: its form at the indices `vars`.
struct TensorForm {
  Exprs vars;
  Form form;
  bool costly = false; ///< folds: read it, rather than repeat it
};

class StepInterpreter {
public:
  /// `unknown`: numbers of states. The results of `opaque` ops count as known. Of the ops of
  /// the step's own block `wanted` are looked at, which has all that an unknown reaches; without
  /// it all. What others give is known, and has no form.
  StepInterpreter(ExprContext &context, ScanOp scan, llvm::ArrayRef<unsigned> unknown,
                  std::optional<llvm::DenseSet<mlir::Operation *>> wanted = std::nullopt,
                  llvm::DenseSet<mlir::Operation *> opaque = {});

  /// The form of a tensor that the step defines, or of a state.
  const TensorForm &of(mlir::Value tensor);
  /// The ops at which something nonlinear arose, in order.
  const llvm::SmallVector<mlir::Operation *> &nonlinearOps() const { return origins; }
  /// The form with (kind, +) in place of (+, ·), where it is one: of constants, of the state
  /// plus constants, of choices between such.
  std::optional<Form> tropical(Form x, ReduceKind kind, mlir::Type type);

private:
  void visitMap(MapOp map);
  void visitOther(mlir::Operation *op);
  void visitBlock(mlir::Block *block);
  bool isWanted(mlir::Operation *op);
  Form visit(mlir::Operation *op);
  Form visitRead(ReadOp read);
  Form visitReduce(ReduceOp reduce, unsigned result);
  Form instantiate(const TensorForm &tensor, llvm::ArrayRef<ExprRef> at);
  Form constantOp(mlir::Operation *op);
  llvm::SmallVector<mlir::Value, 2> indicesBehind(mlir::Operation *op);
  Form add(mlir::Operation *op, Form x, Form y, bool minus);
  Form multiply(mlir::Operation *op, Form x, Form y);
  Form divide(mlir::Operation *op, Form x, Form y);
  Form select(mlir::Operation *op, ExprRef condition, Form x, Form y);
  Form extremum(mlir::Operation *op, Form x, Form y, ReduceKind kind);
  Form unary(UnaryOp op, Form x);
  Form foldOver(ReduceOp reduce, ReduceKind kind, Form body);
  ExprRef countOf(ReduceOp reduce, ExprRef present);

  Form form(mlir::Value scalar);
  static std::string describe(mlir::Operation *op);
  Form constant(ExprRef e) const;
  Form nonlinear(mlir::Operation *op, llvm::StringRef what, llvm::ArrayRef<const Form *> from);
  /// Constants become one product list; what is there stays.
  Form affine(Form x);
  bool cases(const Form &x, llvm::ArrayRef<ExprRef> open, const Exprs &holds, mlir::Type type,
             Form &out);
  bool conjoin(Product &p, ExprRef condition);
  bool conjoin(Product &p, llvm::ArrayRef<ExprRef> conditions);
  /// The form in few parts, or nonlinear.
  Form bounded(mlir::Operation *op, Form x);
  void joinTerms(Form &x, mlir::Type type);
  void guard(Form &x, ExprRef condition);
  void scale(Form &x, ExprRef factor);
  void simplify(Term &term, mlir::Type type);
  Product folded(Product p, llvm::ArrayRef<ExprRef> bound, ReduceKind kind, mlir::Type type);
  std::vector<Form> unknownsRead(mlir::Operation *op);

  ExprContext &context;
  ScanOp scan;
  llvm::DenseMap<mlir::Value, unsigned> unknowns;
  llvm::DenseSet<mlir::Operation *> opaque;
  std::optional<llvm::DenseSet<mlir::Operation *>> wanted;
  llvm::DenseMap<mlir::Value, TensorForm> tensors;
  llvm::DenseMap<mlir::Value, Form> scalars;
  llvm::SmallVector<mlir::Operation *> origins;
};

/// The expressions of the form with others in their place; bound variables stay.
void substitute(ExprContext &context, Term &term, const Substitution &by);
void substitute(ExprContext &context, Product &product, const Substitution &by);

} // namespace seq::analysis

#endif
