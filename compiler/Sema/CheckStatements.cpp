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

std::optional<std::vector<ExprPtr>> Checker::valueList(const std::vector<ast::ExprPtr> &exprs,
                                                       size_t wanted) {
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
    for (size_t i = 0; i < parts.size(); ++i) {
      if (targets[i].name.text == "_")
        continue;
      Var *var = declareVar(targets[i].name, VarKind::Let, parts[i]->type());
      emitLet({var}, std::move(parts[i]), range);
    }
    return;
  }
  if (targets.size() == 1 && targets[0].type) {
    std::optional<Type> type = typeOf(*targets[0].type);
    if (!type || !coerce(value, *type, true, Diag::ShapeMismatch, "`" + targets[0].name.text + "`"))
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

} // namespace seq
