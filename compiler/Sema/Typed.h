//===- Typed.h - The typed tree ----------------------------------------------===//
//
// What Sema makes of the syntax tree: names are resolved, every expression has a type,
// sizes are symbolic, static conditions are decided, loops over layers and static
// ranges are unrolled, `split` is slices, a `for` that yields is a Stack.
//
// One FunctionInstance is made for each function and each set of static values (a
// layer's sizes, bools and floats). Calls stay calls: AstToSeq expands them.
//
//===----------------------------------------------------------------------===//
#ifndef SEQC_SEMA_TYPED_H
#define SEQC_SEMA_TYPED_H

#include "compiler/Diagnostics/Diagnostics.h"
#include "compiler/Sema/Size.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace seq::typed {

/// Int is the type of literals, indices and sizes: 64 bits, becomes i32 or a float
/// where the other side is one (Sema inserts the Convert). BF16 and F16 are kept in 16 bits
/// and computed in f32.
enum class Elem { F32, F64, I32, Bool, Int, BF16, F16 };
const char *elemName(Elem);
/// The float that is called so, as `--float` takes it.
std::optional<Elem> floatNamed(const std::string &name);
inline bool isShort(Elem e) {
  return e == Elem::BF16 || e == Elem::F16;
}
inline bool isFloat(Elem e) {
  return e == Elem::F32 || e == Elem::F64 || isShort(e);
}

struct Type {
  Elem elem = Elem::F32;
  std::vector<Size> shape; ///< empty: a scalar
  std::string str() const; ///< "f32[T, 4 * H]"
};

struct Expr;
struct Stmt;
struct FunctionInstance;
using ExprPtr = std::unique_ptr<Expr>;

enum class VarKind {
  Argument,
  Let,       ///< also what a reassignment `x = e` makes: a new Var of the same name
  Index,     ///< of an indexed let, a reduction, a normaliser: type Int
  ScanIndex, ///< the time of a scan: type Int
  State,     ///< a scan's state before the step
  NextState, ///< h'
};
struct Var {
  VarKind kind;
  std::string name;
  Type type;
  SourceRange range;
  Size lo, hi; ///< Index, ScanIndex: half open
};

enum class ExprKind {
  FloatConst, ///< floating
  IntConst,   ///< integer
  BoolConst,  ///< integer 0, 1
  SizeValue,  ///< size, as an Int
  VarRef,     ///< var
  WeightRef,  ///< text: the parameter's name relative to the function's layer ("embed.weight")
  Read,       ///< a[subscripts]
  Unary,      ///< op(a): "-", "not"
  Binary,     ///< a op b: + - * / % ** (arithmetic, operands already of one Elem), and or
              ///< Int and I32 `/`, `%` are floored; `**` with an Int exponent is integer power
  Compare,    ///< a op b: < <= > >= == !=
  Select,     ///< a ? b : c, elementwise
  Math,       ///< text(args): exp log ... erf, abs, sign, floor, max, min (two args), relu ...
  Convert,    ///< a to type.elem; text "round": rounded to its 16 bits
  Reduce,     ///< text[indices](a where b)
  Softmax,    ///< normaliser: see below
  MatMul,     ///< a @ b, NumPy's for one and two axes each
  Concat,     ///< args along `axis`
  Stack,      ///< args along a new `axis`
  Reverse,    ///< a along `axis`
  Cumulative, ///< text: cumsum cumprod cummax logcumsumexp; a along `axis`; reverse, exclusive
  Broadcast,  ///< a to `type`'s shape from the trailing axis
  Call,       ///< call
  Scan,       ///< scan
  Block,      ///< stmts, then args as values
};

/// How a subscript is known to stay inside its axis.
enum class Bounds {
  Proven,  ///< for every value of its indices
  Guarded, ///< because of a ternary's or `where`'s condition around it: never evaluated outside it
  Absent,  ///< it may leave: then the point is absent in the Reduce or Softmax `absorber`
  Checked, ///< known when it runs only (gathers, h / R): outside is a run-time error, unless
           ///< the point is absent or the ternary takes the other side
};
struct Subscript {
  bool isSlice = false;
  ExprPtr index; ///< Int or I32 scalar, where !isSlice
  Size lo, hi;   ///< a slice
  Bounds bounds = Bounds::Proven;
  const Expr *absorber = nullptr; ///< Absent: the Reduce or Softmax in which the point is absent
  SourceRange range;
};

struct CallExpr {
  const FunctionInstance *callee = nullptr;
  std::string
      prefix; ///< put before the callee's weight names: "layers.0." ("" for fn and own functions)
  /// One per parameter of the callee; null: the callee's default. An argument of rank
  /// (extra + declared rank) with extra > 0 is mapped over its leading axes.
  std::vector<ExprPtr> args;
  std::vector<unsigned> extraAxes; ///< per argument
  std::vector<Size> mapped;        ///< sizes of the extra leading axes (those of the longest)
  /// Callee's size symbols in the caller's terms (static ones too).
  std::vector<std::pair<const SizeSymbol *, Size>> sizes;
};

struct StateInfo {
  Var *before = nullptr;
  Var *after = nullptr; ///< NextState
  ExprPtr init;         ///< already of the state's type (Broadcast, Convert inserted)
  SourceRange range;
};
struct ScanExpr {
  Var *index = nullptr; ///< runs over [lo, hi) of the Var
  bool reverse = false;
  std::vector<StateInfo> states;
  ExprPtr reset; ///< or null; may read the index and what is outside of the scan
  std::vector<std::unique_ptr<Stmt>> body;
  std::vector<ExprPtr> yields; ///< evaluated after the body's statements, in its scope
};

struct Expr {
  ExprKind kind;
  SourceRange range;
  /// Usually one; a Call, Scan or Block may have several (a Scan: yields, then final states).
  std::vector<Type> types;
  const Type &type() const { return types.front(); }

  double floating = 0;
  int64_t integer = 0;
  Size size;
  Var *var = nullptr;
  std::string text;
  ExprPtr a, b, c;
  std::vector<ExprPtr> args;
  std::vector<Subscript> subscripts;
  unsigned axis = 0;
  bool reverse = false, exclusive = false;

  /// Reduce: the bound indices. The body `a` may have axes of its own, which stay.
  /// Softmax: `indices` are bound in `a` and `b`; `outer` are the Index variables of the
  /// enclosing let or reduction at which the normaliser is read, one for each.
  std::vector<Var *> indices;
  std::vector<Var *> outer;
  /// Read with Bounds::Absent subscripts: the outermost of their absorbers.
  const Expr *absorber = nullptr;

  std::unique_ptr<CallExpr> call;
  std::unique_ptr<ScanExpr> scan;
  std::vector<std::unique_ptr<Stmt>> stmts;
};

// What holds of every expression:
// - Operands of Binary, Compare, Select and Math broadcast to `type` from the trailing axis:
//   they may have fewer axes, or axes of the constant size 1. No Broadcast is inserted there.
//   Initial values, defaults, values of states and results are broadcast explicitly.
// - A Read has one subscript for each axis of `a`: axes that are not named are whole slices.
// - `**` with an Int exponent keeps the base's type; else both operands have one type.
// - Only Call, Scan and Block have several values; where one is wanted, it is the first.

enum class StmtKind {
  Let,        ///< vars = values[0], one var for each of its types; a null var is not wanted
  LetIndexed, ///< vars[0][indices] = value at each point; type: ranges of indices, then value's
              ///< axes
  Return,     ///< values
};
struct Stmt {
  StmtKind kind;
  SourceRange range;
  std::vector<Var *> vars;    ///< Let, Arguments' new values, NextState
  std::vector<Var *> indices; ///< LetIndexed
  std::vector<ExprPtr> values;
};

/// What a call's sizes must satisfy, where the expressions alone do not say so: an even
/// width (`2 * (P / 2) == P`), a table that is long enough (`T <= M`). Those of callees
/// are here too, in the caller's sizes. Checked when the entry is called.
struct SizeRequirement {
  Size a, b;
  bool equal = true; ///< a == b, else a <= b
  SourceRange range;
};

struct ParamInfo {
  Var *var = nullptr;
  ExprPtr init; ///< default: evaluated in the callee, of the parameter's type; or null
};
struct ResultInfo {
  std::string name; ///< "out", "out0", … where none is written
  Type type;
};

/// A parameter (weight) of a layer, with its name relative to that layer.
struct WeightInfo {
  std::string name;
  Type type; ///< over the layer's static symbols
  std::string doc;
  SourceRange range;
  /// The initial value as a LetIndexed body: indices and value; null: the default rule.
  std::vector<Var *> indices;
  ExprPtr init;
};

struct LayerInstance;

struct FunctionInstance {
  std::string name;
  std::string doc;
  SourceRange range;
  const LayerInstance *layer = nullptr;    ///< null for a fn
  std::vector<const SizeSymbol *> symbols; ///< static ones (the layer's) first, then dynamic ones
  std::vector<ParamInfo> params;
  std::vector<ResultInfo> results;
  std::vector<std::unique_ptr<Stmt>> body; ///< ends with one Return
  std::vector<SizeRequirement> requirements;
};

struct SubLayerInfo {
  std::string name; ///< "conv1d", "layers.3"
  const LayerInstance *layer = nullptr;
  /// Its size symbols in terms of those of the layer that holds it.
  std::vector<std::pair<const SizeSymbol *, Size>> sizes;
};
struct LayerInstance {
  std::string name;
  std::string doc;
  bool isModel = false;
  SourceRange range;
  std::vector<const SizeSymbol *> symbols; ///< all static, with values
  std::vector<WeightInfo> weights;         ///< its own, in order of declaration
  std::vector<SubLayerInfo> subLayers;
  std::vector<const FunctionInstance *> functions; ///< those that were asked for or are public
};

/// A weight of the entry with its full name and numbers.
struct EntryWeight {
  std::string name; ///< "layers.0.w_ih"
  Elem elem = Elem::F32;
  std::vector<int64_t> shape;
  const WeightInfo *info = nullptr;
};

/// A checked program with one entry.
struct Program {
  std::string entryName;                ///< "CharLM", "ema"
  const LayerInstance *layer = nullptr; ///< null where the entry is a fn
  /// What the entry offers: of a fn itself; of a layer its `forward` (or the function
  /// that was asked for) first, then its other functions.
  std::vector<const FunctionInstance *> functions;
  std::vector<EntryWeight> weights; ///< of the entry and its sub-layers, in order

  // Ownership.
  std::vector<std::unique_ptr<SizeSymbol>> symbolStore;
  std::vector<std::unique_ptr<Var>> varStore;
  std::vector<std::unique_ptr<FunctionInstance>> functionStore;
  std::vector<std::unique_ptr<LayerInstance>> layerStore;
};

/// The tree as indented text, for tests and `--emit`.
std::string printTyped(const Program &program);
std::string printExpr(const Expr &expr);

} // namespace seq::typed

#endif
