//===- CheckStatements.cpp - let, assignments, loops, conditions --------------===//
#include "compiler/Sema/Checker.h"

namespace seq {

using namespace typed;

void Checker::emitLet(std::vector<Var *> vars, ExprPtr value, SourceRange range) {
  auto stmt = std::make_unique<Stmt>();
  stmt->kind = StmtKind::Let;
  stmt->range = range;
  vars.resize(value->types.size(), nullptr);
  stmt->vars = std::move(vars);
  stmt->values.push_back(std::move(value));
  out->push_back(std::move(stmt));
}

void Checker::checkStatements(const std::vector<ast::StmtPtr> &stmts, bool isBody) {
  for (size_t i = 0; i < stmts.size() && !diags().full(); ++i) {
    if (returned) {
      diags().error(Diag::ReturnPlace, stmts[i]->range, "this stands after a `return`");
      failed = true;
      return;
    }
    checkStatement(*stmts[i], isBody && i + 1 == stmts.size());
  }
}

void Checker::checkStatement(const ast::Stmt &stmt, bool isLast) {
  switch (stmt.kind) {
  case ast::StmtKind::Let:
    return checkLet(stmt);
  case ast::StmtKind::Assign:
    return checkAssign(stmt);
  case ast::StmtKind::Return:
    return checkReturn(stmt);
  case ast::StmtKind::Yield:
    return checkYield(stmt);
  case ast::StmtKind::For:
    return checkFor(stmt, isLast);
  case ast::StmtKind::If:
    return checkIf(stmt, isLast);
  case ast::StmtKind::Value:
    break;
  }
  if (!isLast) {
    auto report = diags().error(Diag::UnusedValue, stmt.range, "this value is not used");
    if (!frames.empty() && frames.back().isScan)
      report.hint("a scan gives values by `yield`");
    failed = true;
    return;
  }
  std::optional<std::vector<ExprPtr>> values = valueList(stmt.values, wantedValues);
  hasValues = true;
  valueRange = stmt.range;
  if (!values) {
    valuesFailed = failed = true;
    return;
  }
  bodyValues = std::move(*values);
}

//===- let --------------------------------------------------------------------===//

std::vector<ExprPtr> Checker::spread(ExprPtr value, size_t wanted) {
  std::vector<ExprPtr> parts;
  if (value->kind == ExprKind::Block) {
    for (auto &stmt : value->stmts)
      out->push_back(std::move(stmt));
    return std::move(value->args);
  }
  std::vector<Var *> vars;
  SourceRange range = value->range;
  for (size_t i = 0; i < wanted; ++i)
    vars.push_back(newVar(VarKind::Let, "_" + std::to_string(i), value->types[i], range));
  emitLet(vars, std::move(value), range);
  for (Var *var : vars)
    parts.push_back(refer(var, range));
  return parts;
}

std::optional<std::vector<ExprPtr>>
Checker::valueList(const std::vector<ast::ExprPtr> &exprs, size_t wanted) {
  std::vector<ExprPtr> values;
  if (exprs.size() == 1) {
    ExprPtr value = check(*exprs[0]);
    if (!value)
      return std::nullopt;
    size_t count = value->types.size();
    if (value->kind == ExprKind::Scan && !value->scan->yields.empty() && wanted != count)
      count = value->scan->yields.size();
    if (count > 1)
      return spread(std::move(value), count);
    values.push_back(std::move(value));
    return values;
  }
  bool good = true;
  for (const ast::ExprPtr &expr : exprs) {
    values.push_back(checkOne(*expr));
    good &= values.back() != nullptr;
  }
  return good ? std::optional(std::move(values)) : std::nullopt;
}

void Checker::checkLet(const ast::Stmt &stmt) {
  if (stmt.function || stmt.targets[0].isFunction) {
    diags().error(Diag::NotYetSupported, stmt.range, "local functions are not supported yet");
    return declareFailed(stmt.targets[0].name);
  }
  if (stmt.targets.size() == 1 && stmt.targets[0].hasIndices)
    return checkLetIndexed(stmt);
  for (const ast::Target &target : stmt.targets)
    if (target.hasIndices) {
      diags()
          .error(Diag::NotYetSupported, target.name.range,
                 "several targets with indices are not supported yet")
          .hint("name the values first, then index each: `let y[i] = a[i]`");
      for (const ast::Target &each : stmt.targets)
        declareFailed(each.name);
      return;
    }
  ExprPtr value = check(*stmt.values[0]);
  if (value)
    return bindValues(stmt.targets, std::move(value), stmt.range);
  for (const ast::Target &target : stmt.targets)
    declareFailed(target.name);
}

void Checker::bindValues(const std::vector<ast::Target> &targets, ExprPtr value,
                         SourceRange range) {
  size_t count = value->types.size(), yields = count;
  if (value->kind == ExprKind::Scan && !value->scan->yields.empty())
    yields = value->scan->yields.size();
  if (targets.size() != count && targets.size() != yields) {
    auto report = diags().error(Diag::ValueCount, value->range,
                                "this gives " + std::to_string(count) + " values for " +
                                    std::to_string(targets.size()) + " names");
    if (targets.size() < count)
      report.hint("`_` takes what is not wanted");
    for (const ast::Target &target : targets)
      declareFailed(target.name);
    return;
  }
  if (value->kind == ExprKind::Block && count > 1) {
    std::vector<ExprPtr> parts = spread(std::move(value), count);
    for (size_t i = 0; i < parts.size(); ++i)
      if (targets[i].name.text != "_")
        emitLet({declareVar(targets[i].name, VarKind::Let, parts[i]->type())},
                std::move(parts[i]), range);
    return;
  }
  if (targets.size() == 1 && targets[0].type) {
    std::optional<Type> type = typeOf(*targets[0].type);
    if (!type || !coerce(value, *type, true, Diag::ShapeMismatch,
                         "`" + targets[0].name.text + "`"))
      return declareFailed(targets[0].name);
  }
  std::vector<Var *> vars;
  for (size_t i = 0; i < targets.size(); ++i)
    vars.push_back(declareVar(targets[i].name, VarKind::Let, value->types[i]));
  if (vars[0] && vars.size() == 1 && vars[0]->type.shape.empty() &&
      (vars[0]->type.elem == Elem::Int || vars[0]->type.elem == Elem::I32))
    facts.setForm(vars[0], *value);
  emitLet(std::move(vars), std::move(value), range);
}

void Checker::checkLetIndexed(const ast::Stmt &stmt) {
  const ast::Target &target = stmt.targets[0];
  std::vector<IndexSpec> specs;
  for (const ast::IndexDecl &index : target.indices)
    specs.push_back({&index, std::nullopt, {}, ""});
  std::vector<std::optional<Size>> fallback;
  if (auto it = returnedNames.find(target.name.text); atFunctionLevel && it != returnedNames.end())
    fallback.assign(it->second.begin(), it->second.end());
  auto result = std::make_unique<Stmt>();
  result->kind = StmtKind::LetIndexed;
  result->range = stmt.range;
  if (!findRanges(specs, {stmt.values[0].get()}, nullptr, fallback, result->indices))
    return declareFailed(target.name);
  ExprPtr value;
  {
    IndexScope scope(*this, result->indices);
    value = checkOne(*stmt.values[0]);
  }
  if (value && value->type().elem == Elem::Int && !target.type) // arrays hold i32
    value = convert(std::move(value), Elem::I32);
  if (!value)
    return declareFailed(target.name);
  Type type{value->type().elem, {}};
  for (const Var *index : result->indices) {
    if (!index->lo.isZero()) {
      diags().error(Diag::BadSize, index->range,
                    "the index `" + index->name + "` of a target runs from 0, not from `" +
                        index->lo.str() + "`");
      return declareFailed(target.name);
    }
    type.shape.push_back(index->hi);
  }
  type.shape.insert(type.shape.end(), value->type().shape.begin(), value->type().shape.end());
  if (target.type) {
    std::optional<Type> declared = typeOf(*target.type);
    if (!declared || !coerceElem(value, declared->elem, "`" + target.name.text + "`"))
      return declareFailed(target.name);
    type.elem = declared->elem;
    if (!sameShape(type.shape, declared->shape, target.type->range)) {
      diags().error(Diag::ShapeMismatch, target.type->range,
                    "`" + target.name.text + "` is declared " + declared->str() +
                        ", its value is " + type.str());
      return declareFailed(target.name);
    }
  }
  Var *var = declareVar(target.name, VarKind::Let, std::move(type));
  if (!var)
    return;
  result->vars.push_back(var);
  result->values.push_back(std::move(value));
  out->push_back(std::move(result));
}

//===- Assignments ------------------------------------------------------------===//

void Checker::checkAssign(const ast::Stmt &stmt) {
  const ast::Target &target = stmt.targets[0];
  if (stmt.targets.size() > 1) {
    diags()
        .error(Diag::ValueCount, stmt.range, "an assignment has one target")
        .hint("name the values by `let`, then assign each");
    failed = true;
    return;
  }
  if (target.name.text.ends_with("'"))
    return assignNext(stmt, target);
  reassign(stmt, target);
}

/// `h' = …`, `S'[a, b] = …`.
void Checker::assignNext(const ast::Stmt &stmt, const ast::Target &target) {
  Binding *binding = find(target.name.text);
  if (!binding || !binding->isNext || binding->scanDepth != scanDepth) {
    auto report = diags().error(Diag::NotAState, target.name.range,
                                "`" + target.name.text + "` is the next value of no state here");
    std::vector<std::string> states;
    if (!frames.empty() && frames.back().isScan)
      for (const StateInfo &state : frames.back().scan->states)
        states.push_back(state.after->name);
    std::string near = nearest(target.name.text, states);
    if (!near.empty())
      report.hint("did you mean `" + near + "`?");
    failed = true;
    return;
  }
  if (binding->assigned) {
    diags().error(Diag::StateAssignedTwice, target.name.range,
                  "`" + target.name.text + "` is assigned twice");
    failed = true;
    return;
  }
  Var *after = binding->var;
  auto result = std::make_unique<Stmt>();
  result->kind = target.hasIndices ? StmtKind::LetIndexed : StmtKind::Let;
  result->range = stmt.range;
  result->vars.push_back(after);
  Type rest = after->type;
  ExprPtr value;
  if (target.hasIndices) {
    if (target.indices.size() > rest.shape.size()) {
      diags().error(Diag::TooManyIndices, target.name.range,
                    "`" + target.name.text + "` has " + std::to_string(rest.shape.size()) +
                        " axes, this has " + std::to_string(target.indices.size()) + " indices");
      failed = true;
      return;
    }
    std::vector<IndexSpec> specs;
    for (size_t i = 0; i < target.indices.size(); ++i)
      specs.push_back({&target.indices[i], rest.shape[i], binding->range, target.name.text});
    if (findRanges(specs, {stmt.values[0].get()}, nullptr, {}, result->indices)) {
      IndexScope scope(*this, result->indices);
      value = checkOne(*stmt.values[0]);
    }
    rest.shape.erase(rest.shape.begin(), rest.shape.begin() + long(target.indices.size()));
  } else {
    value = checkOne(*stmt.values[0]);
  }
  find(target.name.text)->assigned = true;
  if (!value || !coerce(value, rest, true, Diag::ShapeMismatch, "`" + target.name.text + "`")) {
    failed = true;
    return;
  }
  result->values.push_back(std::move(value));
  out->push_back(std::move(result));
}

/// `x = e`: a new variable under the name.
void Checker::reassign(const ast::Stmt &stmt, const ast::Target &target) {
  Binding *binding = find(target.name.text);
  failed = failed || !binding || binding->kind == Binding::Failed;
  if (!binding) {
    unknownName(target.name.text, target.name.range);
    return;
  }
  if (binding->kind == Binding::Failed)
    return;
  VarKind kind = binding->var ? binding->var->kind : VarKind::Index;
  bool mayChange = binding->kind == Binding::Value &&
                   (kind == VarKind::Let || kind == VarKind::Argument) && !target.hasIndices;
  if (!mayChange) {
    auto report = diags().error(Diag::BadAssignment, target.name.range,
                                "`" + target.name.text + "` takes no new value");
    if (kind == VarKind::State)
      report.hint("a state's next value is `" + target.name.text + "'`");
    failed = true;
    return;
  }
  if (binding->scanDepth != scanDepth) {
    diags()
        .error(Diag::AssignInScan, target.name.range,
               "`" + target.name.text + "` is assigned inside a scan, but lives outside of it")
        .note(binding->range, "`" + target.name.text + "` is declared here")
        .hint("make it a state of the scan");
    failed = true;
    return;
  }
  ExprPtr value = checkOne(*stmt.values[0]);
  if (!value || !coerce(value, binding->var->type, false, Diag::ShapeMismatch,
                        "`" + target.name.text + "`")) {
    failed = true;
    return;
  }
  Var *fresh = newVar(VarKind::Let, target.name.text, binding->var->type, target.name.range);
  emitLet({fresh}, std::move(value), stmt.range);
  find(target.name.text)->var = fresh;
}

//===- Loops and conditions ---------------------------------------------------===//

namespace {
constexpr int64_t kMaxTurns = 100000;
}

void Checker::loopBody(const ast::Stmt &stmt, Binding variable) {
  scopes.emplace_back();
  variable.range = stmt.loopVar.range;
  variable.scanDepth = scanDepth;
  bind(stmt.loopVar.text, std::move(variable));
  frames.back().yielded = false;
  size_t before = frames.back().yields.size();
  checkStatements(stmt.body.stmts, false);
  if (frames.back().yields.size() > before + 1) {
    diags().error(Diag::YieldTwice, frames.back().yieldRange, "this turn yields twice");
    failed = true;
  }
  scopes.pop_back();
}

Size Checker::loopOverLayers(const ast::Stmt &stmt, const SubLayerGroup &group,
                             const LayerRef &holder) {
  for (const SubLayer &member : group.members) {
    LayerRef ref = join(&holder, member);
    Binding binding;
    binding.kind = Binding::Sub;
    binding.sub = {ref.prefix.substr(0, ref.prefix.size() - 1), member.layer, ref.sizes};
    loopBody(stmt, std::move(binding));
    if (failed)
      break;
  }
  return translate(group.count, holder.sizes);
}

std::optional<Size> Checker::loopOverNumbers(const ast::Stmt &stmt) {
  std::optional<Size> lo = dimension(*stmt.lo), hi = lo ? dimension(*stmt.hi) : std::nullopt;
  if (!hi)
    return std::nullopt;
  std::optional<int64_t> from = lo->withStatics().asConstant(), to = hi->withStatics().asConstant();
  Binding binding;
  if (from && to) {
    if (*to - *from > kMaxTurns) {
      diags().error(Diag::BadLoop, stmt.range, "this loop has more than 100,000 turns");
      return std::nullopt;
    }
    binding.kind = Binding::Static;
    for (int64_t i = *from; i < *to && !failed; ++i) {
      binding.value = StaticValue::ofSize(Size::constant(i));
      loopBody(stmt, binding);
    }
    return *hi - *lo;
  }
  if (!hasOpenStatic(*sizeValue(*hi - *lo, stmt.range), Size())) {
    diags()
        .error(Diag::NotStatic, stmt.hi->range, "the number of turns is not known when compiling")
        .hint("over a sequence, use `scan`");
    return std::nullopt;
  }
  // Without numbers: one turn stands for all.
  SizeSymbol *symbol = analyzer.makeSymbol(stmt.loopVar.text, true, std::nullopt, generic);
  facts.addAtMost(*lo, Size::symbol(symbol));
  facts.addAtMost(Size::symbol(symbol) + Size::constant(1), *hi);
  binding.kind = Binding::Static;
  binding.value = StaticValue::ofSize(Size::symbol(symbol));
  loopBody(stmt, std::move(binding));
  return *hi - *lo;
}

/// What the turns of a loop yield, stacked: the value of the body that it ends.
void Checker::stackYields(const ast::Stmt &stmt, Frame &frame, const Size &count, bool isLast) {
  if (!isLast) {
    diags()
        .error(Diag::UnusedValue, frame.yieldRange, "what this loop yields is not used")
        .hint("take it: `let y = { for … { …; yield … } }`");
    failed = true;
    return;
  }
  hasValues = true;
  valueRange = stmt.range;
  size_t width = frame.yields[0].size();
  for (size_t i = 0; i < width; ++i) {
    ExprPtr stack = make(ExprKind::Stack, stmt.range, frame.yields[0][i]->type());
    stack->types[0].shape.insert(stack->types[0].shape.begin(), count);
    for (auto &turn : frame.yields) {
      if (turn.size() != width ||
          !coerce(turn[i], frame.yields[0][i] ? frame.yields[0][i]->type() : turn[i]->type(),
                  false, Diag::ShapeMismatch, "what the first turn yields")) {
        valuesFailed = failed = true;
        return;
      }
    }
    for (auto &turn : frame.yields)
      stack->args.push_back(std::move(turn[i]));
    bodyValues.push_back(std::move(stack));
  }
}

void Checker::checkFor(const ast::Stmt &stmt, bool isLast) {
  bool failedBefore = failed;
  failed = false;
  frames.push_back({});
  frames.back().isScan = false;
  std::optional<Size> count;
  LayerRef holder;
  if (stmt.hi) {
    count = loopOverNumbers(stmt);
    failed |= !count;
  } else if (const SubLayerGroup *group = groupOf(*stmt.lo, holder)) {
    count = loopOverLayers(stmt, *group, holder);
  } else {
    diags()
        .error(Diag::BadLoop, stmt.lo->range,
               "`" + source(stmt.lo->range) + "` is no array of sub-layers")
        .hint("over numbers: `for s in 0..S`; over a sequence: `scan`");
    failed = true;
  }
  Frame frame = std::move(frames.back());
  frames.pop_back();
  if (!failed && !frame.yields.empty())
    stackYields(stmt, frame, *count, isLast);
  else if (failed && isLast)
    valuesFailed = hasValues = true;
  failed = failed || failedBefore;
}

/// Without numbers for a static condition: both sides are checked.
void Checker::checkBothSides(const ast::Stmt &stmt, bool isLast) {
  std::vector<Binding *> open;
  for (auto &scope : scopes)
    for (auto &[name, binding] : scope)
      if (binding.isNext && !binding.assigned)
        open.push_back(&binding);
  auto savedFrame = !frames.empty() ? std::optional(frames.back().yielded) : std::nullopt;
  bool sides[] = {true, false};
  for (bool side : sides) {
    for (Binding *binding : open)
      binding->assigned = false;
    if (savedFrame)
      frames.back().yielded = *savedFrame;
    returned = false;
    bodyValues.clear();
    scopes.emplace_back();
    checkStatements(side ? stmt.body.stmts : stmt.elseBody.stmts, isLast);
    scopes.pop_back();
    if (side && stmt.elseBody.stmts.empty())
      return;
  }
}

void Checker::checkIf(const ast::Stmt &stmt, bool isLast) {
  std::optional<StaticValue> condition = staticCondition(*stmt.cond);
  if (!condition) {
    diags()
        .error(Diag::NotStatic, stmt.cond->range,
               "the condition of an `if` is known when compiling, this is not")
        .hint("values choose by `condition ? a : b`");
    failed = true;
    hasValues |= isLast;
    valuesFailed |= isLast;
    return;
  }
  if (!condition->known)
    return checkBothSides(stmt, isLast);
  scopes.emplace_back();
  checkStatements(condition->boolean ? stmt.body.stmts : stmt.elseBody.stmts, isLast);
  scopes.pop_back();
}

} // namespace seq
