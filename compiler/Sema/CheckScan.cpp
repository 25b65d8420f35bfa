//===- CheckScan.cpp - Scans --------------------------------------------------===//
#include "compiler/Sema/Checker.h"

namespace seq {

using namespace typed;

/// Initial values, outside of the step's scope.
bool Checker::checkStates(const ast::ScanExpr &from, ScanExpr &scan) {
  bool good = true;
  for (const ast::StateDecl &decl : from.states) {
    StateInfo state;
    state.range = decl.name.range;
    std::optional<Type> type;
    if (decl.type)
      type = typeOf(*decl.type);
    state.init = decl.init ? checkOne(*decl.init) : nullptr;
    if (!state.init || (decl.type && !type)) {
      good = false;
      continue;
    }
    if (!type) {
      type = state.init->type();
      if (type->elem == Elem::Int)
        type->elem = Elem::I32;
    }
    if (!coerce(state.init, *type, true, Diag::ShapeMismatch,
                "the state `" + decl.name.text + "`")) {
      good = false;
      continue;
    }
    state.before = newVar(VarKind::State, decl.name.text, *type, decl.name.range);
    state.after = newVar(VarKind::NextState, decl.name.text + "'", *type, decl.name.range);
    scan.states.push_back(std::move(state));
  }
  return good;
}

namespace {
Binding bindingOf(Var *var, unsigned depth) {
  Binding binding;
  binding.kind = Binding::Value;
  binding.var = var;
  binding.range = var->range;
  binding.scanDepth = depth;
  return binding;
}

std::vector<Size> stacked(const Size &axis, const std::vector<Size> &shape) {
  std::vector<Size> out{axis};
  out.insert(out.end(), shape.begin(), shape.end());
  return out;
}
} // namespace

/// `reset start[t]`: a bool scalar of the index and of what is outside of the scan.
bool Checker::checkReset(const ast::Expr &from, ScanExpr &scan) {
  unsigned saved = resetDepth;
  resetDepth = scanDepth;
  ExprPtr reset = checkOne(from);
  resetDepth = saved;
  if (!reset || !requireBool(*reset))
    return false;
  if (!reset->type().shape.empty()) {
    auto report =
        diags().error(Diag::BadReset, reset->range,
                      "the condition of a `reset` is a scalar, this is " + reset->type().str());
    report.hint("`" + source(reset->range) + "[" + scan.index->name + "]`, or `any` of it");
    return false;
  }
  scan.reset = std::move(reset);
  return true;
}

ExprPtr Checker::checkScan(const ast::Expr &expr) {
  const ast::ScanExpr &from = *expr.scan;
  if (!from.as.empty())
    return fail(Diag::NotYetSupported, from.as[0].range,
                "a scan that reads what it has yielded (`as`) is not supported yet");
  if (from.reset && from.states.empty())
    return fail(Diag::BadReset, from.reset->range, "this scan has no state to reset");
  ExprPtr result = make(ExprKind::Scan, expr.range, {});
  result->types.clear();
  result->scan = std::make_unique<ScanExpr>();
  ScanExpr &scan = *result->scan;
  scan.reverse = from.reverse;
  if (!checkStates(from, scan))
    return nullptr;
  std::vector<IndexSpec> specs{{&from.axis, std::nullopt, {}, ""}};
  std::vector<Var *> index;
  if (!findRanges(specs, {}, &from, {atFunctionLevel ? returnedScanAxis : std::nullopt}, index))
    return nullptr;
  scan.index = index[0];

  bool failedBefore = failed, levelBefore = atFunctionLevel;
  failed = atFunctionLevel = false;
  Stmts *savedOut = out;
  auto savedAbsorbers = std::move(absorbers);
  absorbers.clear();
  out = &scan.body;
  frames.push_back({});
  frames.back().scan = &scan;
  ++scanDepth;
  {
    IndexScope scope(*this, index);
    for (size_t i = 0; i < scan.states.size(); ++i) {
      mayDeclare(from.states[i].name);
      bind(scan.states[i].before->name, bindingOf(scan.states[i].before, scanDepth));
      Binding next = bindingOf(scan.states[i].after, scanDepth);
      next.isNext = true;
      bind(scan.states[i].after->name, std::move(next));
    }
    failed |= from.reset && !checkReset(*from.reset, scan);
    checkStatements(from.body.stmts, false);
    for (const StateInfo &state : scan.states)
      if (!find(state.after->name)->assigned) {
        failed = true;
        diags()
            .error(Diag::StateUnassigned, state.range,
                   "the state `" + state.before->name + "` is given no next value")
            .hint("a state that does not change says so: `" + state.after->name + " = " +
                  state.before->name + "`");
      }
  }
  --scanDepth;
  frames.pop_back();
  out = savedOut;
  absorbers = std::move(savedAbsorbers);
  bool bad = failed;
  failed = failedBefore || bad;
  atFunctionLevel = levelBefore;
  if (bad)
    return nullptr;
  Size axis = scan.index->hi - scan.index->lo;
  for (const ExprPtr &value : scan.yields)
    result->types.push_back({value->type().elem, stacked(axis, value->type().shape)});
  for (const StateInfo &state : scan.states)
    result->types.push_back(state.before->type);
  if (result->types.empty())
    return fail(Diag::NoValue, expr.range, "this scan has neither states nor a `yield`");
  return result;
}

void Checker::checkYield(const ast::Stmt &stmt) {
  if (frames.empty()) {
    diags().error(Diag::YieldOutsideScan, stmt.range, "`yield` stands outside a scan");
    failed = true;
    return;
  }
  if (frames.back().yielded && frames.back().isScan) {
    diags()
        .error(Diag::YieldTwice, stmt.range, "this step yields twice")
        .note(frames.back().yieldRange, "it yields here first")
        .hint("several values are separated by commas: `yield a, b`");
    failed = true;
    return;
  }
  frames.back().yielded = true;
  frames.back().yieldRange = stmt.range;
  std::optional<std::vector<ExprPtr>> values = valueList(stmt.values, 0);
  if (!values) {
    failed = true;
    return;
  }
  for (ExprPtr &value : *values)
    if (value->type().elem == Elem::Int && !(value = convert(std::move(value), Elem::I32))) {
      failed = true;
      return;
    }
  if (frames.back().isScan)
    frames.back().scan->yields = std::move(*values);
  else
    frames.back().yields.push_back(std::move(*values));
}

} // namespace seq
