//===- Checker.h - Checks one function ----------------------------------------===//
//
// One Checker makes one FunctionInstance from its declaration. A check that fails has
// reported why and returns null; a name whose value failed is bound all the same, so that
// one mistake is one message.
//
//===----------------------------------------------------------------------===//
#ifndef SEQC_SEMA_CHECKER_H
#define SEQC_SEMA_CHECKER_H

#include "compiler/Sema/Bounds.h"
#include "compiler/Sema/Builtins.h"
#include "compiler/Sema/Layers.h"

#include <set>

namespace seq {

/// What a name means inside a function.
struct Binding {
  enum Kind { Value, Static, Sub, Failed } kind = Failed;
  typed::Var *var = nullptr; ///< Value
  StaticValue value;         ///< Static: the variable of a loop over numbers
  SubLayer sub;              ///< Sub: the variable of a loop over layers, with its full prefix
  SourceRange range;
  unsigned scanDepth = 0;
  bool isNext = false, assigned = false; ///< h'
};

/// A sub-layer that an expression names, in the terms of the function's layer.
struct LayerRef {
  const Layer *layer = nullptr;
  std::string prefix; ///< "layers.0."
  SizeMap sizes;
};

class Checker {
public:
  Checker(Analyzer &analyzer, const Module &module, Layer *owner, typed::FunctionInstance &fn)
      : analyzer(analyzer), module(module), owner(owner), fn(fn), generic(owner && owner->generic) {
  }

  bool checkSignature(const ast::FnDecl &decl);
  bool checkBody(const ast::FnDecl &decl);
  /// A weight's initial value; sets its type where none was written.
  bool checkWeight(const ast::ParamDecl &decl, typed::WeightInfo &info, LayerWeight &weight);

private:
  using Expr = typed::Expr;
  using ExprPtr = typed::ExprPtr;
  using Var = typed::Var;
  using Type = typed::Type;
  using Elem = typed::Elem;
  using Stmts = std::vector<std::unique_ptr<typed::Stmt>>;

  /// The scan or the yielding loop around a statement.
  struct Frame {
    bool isScan = true;
    typed::ScanExpr *scan = nullptr;
    std::vector<std::vector<ExprPtr>> yields; ///< of a loop: one entry for each turn
    bool yielded = false, failed = false;
    SourceRange yieldRange;
  };

  // Names (CheckNames.cpp).
  Binding *find(const std::string &name);
  bool mayDeclare(const ast::Name &name);
  void bind(const std::string &name, Binding binding) { scopes.back()[name] = std::move(binding); }
  Var *declareVar(const ast::Name &name, typed::VarKind kind, Type type);
  void declareFailed(const ast::Name &name);
  ExprPtr checkName(const ast::Expr &expr);
  ExprPtr checkBinding(Binding &binding, const ast::Expr &expr);
  ExprPtr checkWeightName(const LayerRef *ref, const std::string &name, const ast::Expr &expr);
  ExprPtr checkMember(const ast::Expr &expr);
  ExprPtr literalOf(const StaticValue &value, SourceRange range);
  ExprPtr unknownName(const std::string &name, SourceRange range);
  std::vector<std::string> visibleNames() const;
  const StaticValue *findStatic(const std::string &name);
  StaticEvaluator evaluator(bool quiet);
  /// A static bool: decided, undecided (no numbers yet), or nullopt: not static.
  std::optional<StaticValue> staticCondition(const ast::Expr &expr);
  std::optional<Type> typeOf(const ast::TypeExpr &type);
  std::optional<Size> dimension(const ast::Expr &expr);
  std::optional<LayerRef> layerRef(const ast::Expr &expr);
  std::optional<LayerRef> memberLayer(const LayerRef *holder, const std::string &name);
  const SubLayerGroup *groupOf(const ast::Expr &expr, LayerRef &holder);
  static LayerRef join(const LayerRef *holder, const SubLayer &sub);

  // Statements (CheckStatements.cpp, CheckFunction.cpp).
  void checkStatements(const std::vector<ast::StmtPtr> &stmts, bool isBody);
  void checkStatement(const ast::Stmt &stmt, bool isLast);
  void checkLet(const ast::Stmt &stmt);
  void checkLetIndexed(const ast::Stmt &stmt);
  void checkAssign(const ast::Stmt &stmt);
  void assignNext(const ast::Stmt &stmt, const ast::Target &target);
  void reassign(const ast::Stmt &stmt, const ast::Target &target);
  void bindValues(const std::vector<ast::Target> &targets, ExprPtr value, SourceRange range);
  void checkFor(const ast::Stmt &stmt, bool isLast);
  Size loopOverLayers(const ast::Stmt &stmt, const SubLayerGroup &group, const LayerRef &holder);
  std::optional<Size> loopOverNumbers(const ast::Stmt &stmt);
  void loopBody(const ast::Stmt &stmt, Binding variable);
  void stackYields(const ast::Stmt &stmt, Frame &frame, const Size &count, bool isLast);
  void checkIf(const ast::Stmt &stmt, bool isLast);
  void checkBothSides(const ast::Stmt &stmt, bool isLast);
  void checkYield(const ast::Stmt &stmt);
  void checkReturn(const ast::Stmt &stmt);
  void finishBody(const ast::FnDecl &decl);
  bool checkResults(const ast::FnDecl &decl, std::vector<ExprPtr> &values);
  /// Values of a comma list; one expression of several values gives them all.
  std::optional<std::vector<ExprPtr>> valueList(const std::vector<ast::ExprPtr> &exprs,
                                                size_t wanted);
  /// Spreads an expression of several values over new variables.
  std::vector<ExprPtr> spread(ExprPtr value, size_t wanted);
  void emitLet(std::vector<Var *> vars, ExprPtr value, SourceRange range);
  bool statementsFailed(const std::vector<ast::StmtPtr> &stmts);

  // Expressions (CheckExpr.cpp).
  ExprPtr check(const ast::Expr &expr);
  ExprPtr checkOne(const ast::Expr &expr); ///< exactly one value
  ExprPtr onlyOne(ExprPtr value);
  ExprPtr checkNumber(const ast::Expr &expr);
  ExprPtr checkUnary(const ast::Expr &expr);
  ExprPtr checkBinary(const ast::Expr &expr);
  ExprPtr checkTernary(const ast::Expr &expr);
  ExprPtr checkUndecided(const ast::Expr &expr);
  ExprPtr checkBlock(const ast::Expr &expr);

  // Operators and conversions (CheckOperators.cpp).
  ExprPtr arithmetic(const std::string &op, ExprPtr a, ExprPtr b, SourceRange range);
  ExprPtr compareOp(const std::string &op, ExprPtr a, ExprPtr b, SourceRange range);
  ExprPtr elementwiseBool(typed::ExprKind kind, const std::string &op, ExprPtr a, ExprPtr b,
                          SourceRange range);
  ExprPtr logical(const std::string &op, ExprPtr a, ExprPtr b, SourceRange range);
  ExprPtr power(ExprPtr a, ExprPtr b, SourceRange range);
  ExprPtr matmul(ExprPtr a, ExprPtr b, SourceRange range);
  ExprPtr foldIntegers(const std::string &op, const Expr &a, const Expr &b, SourceRange range,
                       bool &failed);
  ExprPtr select(ExprPtr c, ExprPtr a, ExprPtr b, SourceRange range);
  bool unify(ExprPtr &a, ExprPtr &b, SourceRange range, const std::string &what);
  bool broadcastShapes(const Expr &a, const Expr &b, std::vector<Size> &out, SourceRange range);
  ExprPtr convert(ExprPtr value, Elem elem);
  /// To `elem` where that needs no explicit conversion; null otherwise (not reported).
  bool convertsTo(const Expr &value, Elem elem) const;
  bool coerceElem(ExprPtr &value, Elem elem, const std::string &what);
  /// To a declared type, broadcasting what has fewer axes where `spreadScalars` says so.
  bool coerce(ExprPtr &value, const Type &type, bool spreadScalars, Diag kind,
              const std::string &what);
  bool toFloat(ExprPtr &value, const std::string &what);
  bool requireBool(const Expr &value);
  bool isLiteral(const Expr &value) const;
  void retypeLiteral(Expr &value, Elem elem);

  // Sizes.
  bool sameSize(const Size &a, const Size &b, SourceRange range);
  bool sameAsRequired(const Size &a, const Size &b) const;
  bool sameShape(const std::vector<Size> &a, const std::vector<Size> &b, SourceRange range);
  void require(const Size &a, const Size &b, bool equal, SourceRange range);
  bool checkSize(const Size &size, SourceRange range);
  void noteOrigin(DiagnosticEngine::Builder &report, const Expr &value);

  // Indices (CheckRanges.cpp, CheckIndexing.cpp).
  struct IndexSpec {
    const ast::IndexDecl *decl;
    std::optional<Size> known; ///< the axis of a target: S'[a, b]
    SourceRange knownRange;
    std::string knownName;
  };
  struct RangeSource {
    Size size;
    SourceRange range;
    std::string text;
  };
  struct Ranges;
  bool findRanges(std::vector<IndexSpec> &specs, const std::vector<const ast::Expr *> &exprs,
                  const ast::ScanExpr *scan, const std::vector<std::optional<Size>> &fallback,
                  std::vector<Var *> &out);
  std::optional<Size> agree(const std::string &name, const std::vector<RangeSource> &sources,
                            SourceRange at, bool &failed);
  void collect(const ast::Expr &expr, Ranges &ranges);
  void collect(const ast::Block &block, Ranges &ranges);
  void collectStatement(const ast::Stmt &stmt, Ranges &ranges);
  void collectScan(const ast::ScanExpr &scan, Ranges &ranges);
  Var *rangeOf(const IndexSpec &spec, Ranges &ranges, const std::optional<Size> &fallback,
               typed::VarKind kind);
  void collectSubscripts(const ast::Expr &expr, Ranges &ranges);
  std::optional<Type> quietType(const ast::Expr &expr, const Ranges &ranges);
  struct IndexScope;
  ExprPtr checkIndex(const ast::Expr &expr);
  void reportTooMany(const ast::Expr &expr, const Type &type);
  bool checkSubscript(const ast::Subscript &from, Expr &read, unsigned axis, Size &extent,
                      bool &dropsAxis);
  bool checkSlice(const ast::Subscript &from, typed::Subscript &to, const Size &axis,
                  const Expr &base);
  bool classify(typed::Subscript &subscript, Expr &read, unsigned axis);
  struct SubscriptUse {
    std::set<const Var *> indices;
    bool others = false, divides = false;
  };
  void gatherUse(const Expr &index, SubscriptUse &use) const;
  void reportOutside(const typed::Subscript &subscript, const Expr &read, unsigned axis);
  static bool hasOpenStatic(const Expr &index, const Size &axis);
  std::optional<Size> asSize(const Expr &value) const;

  // Reductions, scans, calls.
  ExprPtr checkReduce(const ast::Expr &expr);
  ExprPtr checkNormaliser(const ast::Expr &expr);
  bool checkReduceBody(const ast::Expr &expr, Expr &out);
  bool finishReduce(Expr &out, const std::string &name);
  ExprPtr checkScan(const ast::Expr &expr);
  bool checkStates(const ast::ScanExpr &from, typed::ScanExpr &scan);
  bool checkReset(const ast::Expr &from, typed::ScanExpr &scan);
  ExprPtr checkCall(const ast::Expr &expr);
  ExprPtr checkFunctionCall(const ast::Expr &expr, const typed::FunctionInstance &callee,
                            const ast::FnDecl &decl, std::string prefix, const SizeMap &statics);
  bool placeArguments(const ast::Expr &expr, const typed::FunctionInstance &callee,
                      typed::CallExpr &call);
  bool solveSizes(const ast::Expr &expr, const typed::FunctionInstance &callee,
                  typed::CallExpr &call);
  bool checkMapped(const ast::Expr &expr, const typed::FunctionInstance &callee,
                   typed::CallExpr &call);
  bool checkArgumentShapes(const typed::FunctionInstance &callee, typed::CallExpr &call);
  bool inheritRequirements(const typed::FunctionInstance &callee, const typed::CallExpr &call,
                           SourceRange at);
  ExprPtr callMember(const ast::Expr &expr);
  ExprPtr callLayer(const ast::Expr &expr, const LayerRef &ref, const std::string &function);
  ExprPtr callName(const ast::Expr &expr);
  ExprPtr callBuiltin(const ast::Expr &expr, Builtin kind);
  ExprPtr callMath(const ast::Expr &expr);
  ExprPtr callMaxMin(const ast::Expr &expr);
  ExprPtr callConvert(const ast::Expr &expr);
  ExprPtr callCumulative(const ast::Expr &expr);
  ExprPtr callSplit(const ast::Expr &expr);
  bool checkParts(const std::vector<const ast::Expr *> &args, std::vector<ExprPtr> &parts);
  ExprPtr callConcat(const ast::Expr &expr);
  ExprPtr callStack(const ast::Expr &expr);
  ExprPtr callFlip(const ast::Expr &expr);
  std::optional<std::vector<Size>> splitParts(const ast::Expr &expr, const Size &whole);
  bool builtinArguments(const ast::Expr &expr, size_t least, size_t most,
                        std::vector<const ast::Expr *> &positional,
                        std::initializer_list<const char *> keywords,
                        std::map<std::string, const ast::Expr *> &named);
  std::optional<unsigned> axisOf(const std::map<std::string, const ast::Expr *> &named,
                                 unsigned rank, unsigned otherwise, SourceRange range);
  ExprPtr sliceOf(ExprPtr value, unsigned axis, Size lo, Size hi, SourceRange range);

  // Helpers.
  DiagnosticEngine &diags() { return mute ? *muted : analyzer.diags; }
  ExprPtr make(typed::ExprKind kind, SourceRange range, Type type);
  ExprPtr intConst(int64_t value, SourceRange range);
  ExprPtr sizeValue(Size size, SourceRange range);
  ExprPtr refer(Var *var, SourceRange range);
  Var *newVar(typed::VarKind kind, const std::string &name, Type type, SourceRange range);
  std::string source(SourceRange range) const;
  std::unique_ptr<Expr> fail(Diag kind, SourceRange range, std::string text);

  Analyzer &analyzer;
  const Module &module;
  Layer *owner;
  typed::FunctionInstance &fn;
  bool generic;

  std::vector<std::unordered_map<std::string, Binding>> scopes;
  std::map<std::string, StaticValue> dynamicSizes; ///< by name
  bool atFunctionLevel = false;                    ///< not inside a scan or a block
  Stmts *out = nullptr;
  PathFacts facts;
  unsigned mute = 0;
  std::unique_ptr<DiagnosticEngine> muted;
  bool failed = false; ///< some statement of the body

  /// What a reduction around a read can absorb.
  struct Absorber {
    Expr *expr;
    std::vector<const Var *> indices;
  };
  std::vector<Absorber> absorbers;

  std::vector<Frame> frames;
  unsigned scanDepth = 0;
  unsigned resetDepth = 0; ///< of the scan whose `reset` is being checked; 0: none

  /// Values of the body under construction: its last expression or `return`.
  std::vector<ExprPtr> bodyValues;
  bool hasValues = false, valuesFailed = false;
  SourceRange valueRange;
  bool returned = false;
  size_t wantedValues = 0;
  /// Names that the function returns, with the declared axes.
  std::unordered_map<std::string, std::vector<Size>> returnedNames;
  std::optional<Size> returnedScanAxis;
};

/// Adds indices to the scope, and their ranges to what is known, until the end of a block.
struct Checker::IndexScope {
  IndexScope(Checker &checker, const std::vector<Var *> &indices);
  ~IndexScope();
  Checker &checker;
  size_t mark;
};

} // namespace seq

#endif
