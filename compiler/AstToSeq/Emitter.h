//===- Emitter.h - The state of one function's emission -------------------------===//
//
// Private to this folder. Expressions are emitted by demand: `emitScalar` writes the code
// of one element of an expression into the body of the map that is being built. What has
// no scalar form (calls, scans, normalisers, cumulative functions) and what has a name
// becomes a tensor by `materialize`, before that map.
//
// A tensor that is made inside index notation depends on indices that are not its own.
// These are its ambient indices: it gets one axis for each of them, and whoever reads it
// puts their current values there. A function that is mapped over heads, or a reduction
// around a normaliser, thereby becomes ops with one more axis.
//
//===----------------------------------------------------------------------===//
#ifndef SEQC_ASTTOSEQ_EMITTER_H
#define SEQC_ASTTOSEQ_EMITTER_H

#include "compiler/AstToSeq/AstToSeq.h"
#include "dialect/Seq.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SmallPtrSet.h"
#include "llvm/ADT/StringMap.h"

#include <deque>

namespace seq::emit {

using mlir::ArrayRef;
using mlir::Location;
using mlir::SmallVector;
using mlir::Value;
using mlir::ValueRange;
using typed::Elem;
using typed::Expr;
using typed::Var;

/// An index that values may depend on. `current` is its value in the body that is being
/// built (as the program sees it: from `lo`), null outside of one that binds it.
struct Ambient {
  Value extent, lo, current;
};
using AmbientList = SmallVector<Ambient *, 4>;

/// Where one axis of a tensor is read: at an index of the value itself, of an ambient
/// index, or at a fixed place; the offsets in `plus` are added, `minus` is subtracted.
struct Dim {
  Ambient *ambient = nullptr;
  unsigned own = 0;
  Value fixed;
  SmallVector<Value, 1> plus;
  Value minus;
};

/// A value of the program with `rank` axes. Axes that no dimension stands for are
/// broadcast. An exact value's dimensions have the extents of what they stand for; others
/// are views into something larger. `presence` tells at which points it exists (null: at all); it
/// emits into the current body.
struct TensorValue {
  Value tensor;
  unsigned rank = 0;
  SmallVector<Dim, 0> dims;
  bool exact = true;
  std::function<Value(ValueRange)> presence;
};

struct Binding {
  enum Kind { Tensor, Index, Scalar, Alias } kind = Tensor;
  TensorValue value;           ///< Tensor
  Ambient *ambient = nullptr;  ///< Index
  Value scalar;                ///< Scalar: the time of a scan
  const Expr *alias = nullptr; ///< Alias: integer arithmetic, written again at each use
};

/// One expansion of a function: its names, its sizes in those of the entry.
struct Frame {
  std::string prefix;
  llvm::DenseMap<const SizeSymbol *, Size> sizes;
  llvm::DenseMap<const Var *, Binding> vars;
};

/// The body that was left to make a tensor for it: which of its points ask for the value.
struct Demand {
  Value path;                                       ///< null: all
  SmallVector<mlir::Block *, 4> blocks;             ///< the body, and the reductions in it
  SmallVector<std::pair<Value, Ambient *>> indices; ///< what stands for an index of it
};

/// Calls `visit` for the direct operands of an expression, without statements.
void forEachOperand(const Expr &expr, llvm::function_ref<void(const Expr &)> visit);

/// Exactly [ambients…, 0 … rank - 1].
TensorValue exactValue(Value tensor, const AmbientList &ambients, unsigned rank);
/// The ambient indices among the dimensions.
AmbientList ambientsOf(const TensorValue &value);

using BodyFn = llvm::function_ref<Value(ArrayRef<Value>)>;

class Emitter {
public:
  Emitter(const typed::Program &program, mlir::MLIRContext &context, SourceManager &sources)
      : program(program), sources(sources), b(&context) {}

  void emitFunction(const typed::FunctionInstance &fn, mlir::ModuleOp module);

private:
  friend class FrameScope;
  friend class IndexScope;
  friend class LeaveBody;
  friend class EnterBody;
  friend class PathScope;
  friend struct AbsenceWalk;
  friend class DemandCopy;

  // EmitSize.cpp
  Size resolve(const Size &size) const;
  Value size(const Size &size);
  Value extent(const Var &index);
  Value lowerBound(const Var &index); ///< null: 0
  SmallVector<Value> sizesOf(const typed::Type &type);
  Value sizeOfAtom(const Size::Atom &atom);
  Value sizeOfTerm(const Size::Term &term);
  bool isNonzeroConstant(const Expr &expr) const;

  // EmitFunction.cpp
  mlir::RankedTensorType tensorType(const typed::Type &type);
  mlir::AffineMapAttr shapeAttr(const typed::Type &type, const typed::FunctionInstance &fn);
  mlir::ArrayAttr requirementsAttr(const typed::FunctionInstance &fn);
  void declareArguments(const typed::FunctionInstance &fn, mlir::func::FuncOp func);
  void declareResults(const typed::FunctionInstance &fn, mlir::func::FuncOp func,
                      mlir::TypeRange types);

  // EmitStatements.cpp
  SmallVector<TensorValue> emitBody(const typed::FunctionInstance &fn);
  void emitStatement(const typed::Stmt &stmt, const AmbientList *forced);
  void emitLet(const typed::Stmt &stmt, const AmbientList *forced);
  void emitLetIndexed(const typed::Stmt &stmt, const AmbientList *forced);
  void bind(const Var *var, TensorValue value);
  SmallVector<TensorValue> materializeList(const std::vector<typed::ExprPtr> &values,
                                           size_t wanted);
  /// Ambient indices become the leading axes of the value.
  TensorValue close(TensorValue value, ArrayRef<Ambient *> indices);
  TensorValue mapIndexed(const typed::Stmt &stmt, ArrayRef<Ambient *> own,
                         const AmbientList *forced);

  // Materialize.cpp
  TensorValue materialize(const Expr &expr, const AmbientList *forced = nullptr,
                          std::optional<Location> place = std::nullopt, ArrayRef<Value> at = {});
  /// The same, for a body that reads it at `at` (null: at any place).
  TensorValue materializeFor(const Expr &expr, ArrayRef<Value> at) {
    return materialize(expr, nullptr, std::nullopt, at);
  }
  SmallVector<TensorValue> materializeAll(const Expr &expr, ArrayRef<Value> at = {});
  /// What exists or has no scalar form.
  std::optional<TensorValue> asTensor(const Expr &expr, ArrayRef<Value> at = {});
  std::optional<TensorValue> asView(const Expr &read);
  TensorValue buildMap(Location loc, mlir::Type element, const AmbientList &ambients,
                       ArrayRef<Value> extents, bool guarded, BodyFn body, ArrayRef<Value> at = {});
  /// With exactly the axes [ambients…, own…]; a copy where it is not so already. Stored: as the
  /// program's results are kept, else as values are computed.
  TensorValue normalize(TensorValue value, const AmbientList &ambients, const typed::Type &type,
                        Location loc, bool stored = false);
  TensorValue plain(TensorValue value, const typed::Type &type, Location loc);
  TensorValue emitCumulative(const Expr &expr, ArrayRef<Value> at);
  Value combine(const Expr &expr, Value a, Value b);
  Value neutral(const Expr &expr);

  // Dependences.cpp
  void addDeps(const Expr &expr, llvm::SmallPtrSetImpl<Ambient *> &out);
  void addDeps(const typed::Stmt &stmt, llvm::SmallPtrSetImpl<Ambient *> &out);
  void addDepsOfVar(const Var &var, llvm::SmallPtrSetImpl<Ambient *> &out);
  AmbientList depsOf(const Expr &expr, ArrayRef<Ambient *> without = {});
  AmbientList ordered(const llvm::SmallPtrSetImpl<Ambient *> &set,
                      ArrayRef<Ambient *> without = {});
  bool needsGuard(const Expr &expr);
  bool needsGuard(const typed::Stmt &stmt);
  bool needsGuard(const typed::FunctionInstance &fn);

  // EmitExpr.cpp
  Value emitScalar(const Expr &expr, ArrayRef<Value> at);
  Value emitOperand(const Expr &operand, const typed::Type &whole, ArrayRef<Value> at);
  SmallVector<Value> operandIndices(const typed::Type &operand, const typed::Type &whole,
                                    ArrayRef<Value> at);
  Value emitVar(const Expr &expr, ArrayRef<Value> at);
  Value emitUnary(const Expr &expr, ArrayRef<Value> at);
  Value emitBinary(const Expr &expr, ArrayRef<Value> at);
  Value emitLogical(const Expr &expr, ArrayRef<Value> at);
  Value emitDivision(const Expr &expr, Value x, Value y);
  Value emitCompare(const Expr &expr, ArrayRef<Value> at);
  Value emitSelect(const Expr &expr, ArrayRef<Value> at);

  // EmitMath.cpp
  mlir::Type scalarType(Elem elem); ///< of a value: 16-bit floats are computed in f32
  mlir::Type storedType(Elem elem);
  Value computed(Value x, Location loc);
  Value constant(Elem elem, double value, Location loc);
  Value indexConstant(int64_t value);
  Value emitMath(const Expr &expr, ArrayRef<Value> at);
  Value emitMathOfInteger(const Expr &expr, Value x);
  Value maxMin(bool isMax, Value x, Value y, Location loc);
  Value emitConvert(const Expr &expr, ArrayRef<Value> at);
  Value convert(const Expr &expr, Value x, Elem from, Elem to);
  Value add(Value x, Value y, Location loc);

  // EmitIndexing.cpp
  Value emitRead(const Expr &expr, ArrayRef<Value> at);
  SmallVector<Value> subscriptValues(const Expr &read, ArrayRef<Value> at);
  Value subscriptValue(const Expr &index);
  Value readTensor(const TensorValue &value, ValueRange at, Location loc, Value guard = {},
                   mlir::StringAttr check = {});
  Value inside(Value index, const Size &size, Location loc);
  Value readGuard(const Expr &read, ArrayRef<Value> at);
  Value emitConcat(const Expr &expr, ArrayRef<Value> at);
  Value emitStack(const Expr &expr, ArrayRef<Value> at);
  Value emitReverse(const Expr &expr, ArrayRef<Value> at);

  // EmitReduce.cpp
  Value emitReduce(const Expr &expr, ArrayRef<Value> at);
  Value emitMatMul(const Expr &expr, ArrayRef<Value> at);
  TensorValue emitSoftmax(const Expr &expr);
  TensorValue softmaxValue(const Expr &expr, Value tensor, const AmbientList &deps);

  // EmitPresence.cpp
  Value emitPresence(const Expr &node, ArrayRef<Value> at);
  bool hasAbsences(const Expr &node);
  /// The presence of a pointwise expression that reads normalisers, for its readers.
  std::function<Value(ValueRange)> presenceOf(const Expr &expr, std::vector<Var *> indices = {});
  Value softmaxPresence(const Expr &expr);

  // EmitScan.cpp
  SmallVector<TensorValue> emitScan(const Expr &expr);
  void bindStep(const Expr &expr, const AmbientList &ambients, Value index, ValueRange states,
                ArrayRef<TensorValue> inits);
  SmallVector<Value> nextStates(const Expr &expr, const AmbientList &ambients);
  TensorValue applyReset(const Expr &expr, unsigned state, const TensorValue &before,
                         const TensorValue &init, const AmbientList &ambients);

  // EmitCall.cpp
  SmallVector<TensorValue> emitCall(const Expr &expr, ArrayRef<Value> at);
  TensorValue spread(TensorValue value, unsigned extra, ArrayRef<Ambient *> mapped);

  // Emitter.cpp
  Location loc(SourceRange range);
  mlir::StringAttr sourceText(SourceRange range);
  Value both(Value a, Value b, Location loc); ///< and; null stands for true
  Value either(Value a, Value b, Location loc);
  Value negated(Value a, Location loc);
  void enterBlock(ValueRange indices, ValueRange extents);
  Ambient *newAmbient(Value extent, Value lo);

  const typed::Program &program;
  SourceManager &sources;
  mlir::OpBuilder b;

  mlir::Block *entry = nullptr;
  mlir::Operation *lastSize = nullptr; ///< sizes are computed first, in the entry block
  llvm::StringMap<Value> sizeCache;
  llvm::StringMap<Value> weights;

  std::deque<Frame> frames;
  std::deque<Ambient> ambients;
  Frame *frame = nullptr;
  std::vector<Ambient *> active; ///< from the outermost

  bool inBody = false;
  mlir::OpBuilder::InsertPoint outer;    ///< before the map that is being built
  SmallVector<mlir::Block *, 4> blocks;  ///< of the body and of the reductions around, in it
  llvm::DenseMap<Value, Value> extentOf; ///< of the indices of such blocks
  Value pathValue;                       ///< the condition of the current point; null: true
  bool pathExact = true;                 ///< false: weaker than the program's condition
  Demand *demand = nullptr;              ///< of the body that was left last
  llvm::SmallPtrSet<const typed::Subscript *, 16> covered; ///< what a presence keeps inside
  llvm::DenseMap<const typed::FunctionInstance *, bool> guardCache;
};

//===----------------------------------------------------------------------===//
// Scopes
//===----------------------------------------------------------------------===//

/// Names are those of `frame`.
class FrameScope {
public:
  FrameScope(Emitter &e, Frame *frame) : e(e), saved(e.frame) { e.frame = frame; }
  ~FrameScope() { e.frame = saved; }

private:
  Emitter &e;
  Frame *saved;
};

/// Binds indices, which things inside may depend on.
class IndexScope {
public:
  IndexScope(Emitter &e, ArrayRef<Var *> vars);
  ~IndexScope() { e.active.resize(mark); }
  /// Sets the values of the indices from those of a block, which begin at 0.
  void enter(ValueRange values, Location loc);
  AmbientList indices;
  SmallVector<Value> extents;

private:
  Emitter &e;
  size_t mark;
};

/// Writes before the map that is being built, if there is one.
class LeaveBody {
public:
  explicit LeaveBody(Emitter &e);
  ~LeaveBody();

private:
  Emitter &e;
  bool wasInBody;
  mlir::OpBuilder::InsertPoint point, outer;
  Demand made;
  Demand *demand;
  bool pathExact;
  SmallVector<Value> currents;
};

/// The body of a map or normaliser at the top of a block, whose indices are the ambient
/// ones, then its own. A guarded one takes over the demand; `at` is where the body that
/// asks reads the own indices (empty or null: not said).
class EnterBody {
public:
  EnterBody(Emitter &e, mlir::OpBuilder::InsertPoint outside, ArrayRef<Ambient *> ambients,
            ValueRange values, ValueRange extents, Location loc);
  void guard(ValueRange own, ArrayRef<Value> at, Location loc);
  ~EnterBody();

private:
  Emitter &e;
};

/// Evaluation under one more condition, already emitted as `condition` (null: none).
class PathScope {
public:
  PathScope(Emitter &e, Value condition, Location loc) : e(e), saved(e.pathValue) {
    e.pathValue = e.both(saved, condition, loc);
  }
  ~PathScope() { e.pathValue = saved; }

private:
  Emitter &e;
  Value saved;
};

} // namespace seq::emit

#endif
