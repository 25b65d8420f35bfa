//===- Dependences.cpp - What a value depends on ------------------------------------===//
#include "compiler/AstToSeq/Emitter.h"

using namespace mlir;

namespace seq::emit {

using typed::Bounds;
using typed::ExprKind;
using AmbientSet = llvm::SmallPtrSetImpl<Ambient *>;

void forEachOperand(const Expr &expr, llvm::function_ref<void(const Expr &)> visit) {
  for (const typed::ExprPtr *child : {&expr.a, &expr.b, &expr.c})
    if (*child)
      visit(**child);
  for (const auto &arg : expr.args)
    visit(*arg);
  for (const typed::Subscript &s : expr.subscripts)
    if (s.index)
      visit(*s.index);
  if (expr.call)
    for (const auto &arg : expr.call->args)
      if (arg)
        visit(*arg);
  if (!expr.scan)
    return;
  for (const typed::StateInfo &state : expr.scan->states)
    visit(*state.init);
  if (expr.scan->reset)
    visit(*expr.scan->reset);
  for (const auto &value : expr.scan->yields)
    visit(*value);
}

static void forEachStatement(const Expr &expr,
                             llvm::function_ref<void(const typed::Stmt &)> visit) {
  for (const auto &stmt : expr.stmts)
    visit(*stmt);
  if (expr.scan)
    for (const auto &stmt : expr.scan->body)
      visit(*stmt);
}

void Emitter::addDepsOfVar(const Var &var, AmbientSet &out) {
  auto it = frame->vars.find(&var);
  if (it == frame->vars.end()) // bound further inside
    return;
  if (it->second.kind == Binding::Index)
    out.insert(it->second.ambient);
  else if (it->second.kind == Binding::Alias)
    addDeps(*it->second.alias, out);
  for (const Dim &dim : it->second.value.dims)
    if (dim.ambient)
      out.insert(dim.ambient);
}

void Emitter::addDeps(const Expr &expr, AmbientSet &out) {
  if (expr.var)
    addDepsOfVar(*expr.var, out);
  for (Var *var : expr.outer)
    addDepsOfVar(*var, out);
  forEachOperand(expr, [&](const Expr &operand) { addDeps(operand, out); });
  forEachStatement(expr, [&](const typed::Stmt &stmt) { addDeps(stmt, out); });
}

void Emitter::addDeps(const typed::Stmt &stmt, AmbientSet &out) {
  for (const auto &value : stmt.values)
    addDeps(*value, out);
}

/// From the outermost; those that are bound here (names of inner scopes may still stand
/// for indices of an earlier use).
AmbientList Emitter::ordered(const AmbientSet &set, ArrayRef<Ambient *> without) {
  AmbientList out;
  for (Ambient *ambient : active)
    if (set.contains(ambient) && !llvm::is_contained(without, ambient))
      out.push_back(ambient);
  return out;
}

AmbientList Emitter::depsOf(const Expr &expr, ArrayRef<Ambient *> without) {
  llvm::SmallPtrSet<Ambient *, 8> set;
  addDeps(expr, set);
  return ordered(set, without);
}

/// Whether the code of an expression has anything that a path must guard.
bool Emitter::needsGuard(const Expr &expr) {
  Elem elem = expr.type().elem;
  bool needs = false;
  for (const typed::Subscript &s : expr.subscripts)
    needs |= !s.isSlice && s.bounds != Bounds::Proven;
  if (expr.kind == ExprKind::Binary && (expr.text == "/" || expr.text == "%"))
    needs |= !typed::isFloat(elem) && !isNonzeroConstant(*expr.b);
  if (expr.kind == ExprKind::Convert)
    needs |= typed::isFloat(expr.a->type().elem) && !typed::isFloat(elem);
  if (expr.kind == ExprKind::Reduce)
    needs |= expr.text == "argmax" || expr.text == "argmin";
  if (expr.call)
    needs |= needsGuard(*expr.call->callee);
  forEachOperand(expr, [&](const Expr &operand) { needs = needs || needsGuard(operand); });
  forEachStatement(expr, [&](const typed::Stmt &stmt) { needs = needs || needsGuard(stmt); });
  return needs;
}

bool Emitter::needsGuard(const typed::Stmt &stmt) {
  return llvm::any_of(stmt.values, [&](const auto &value) { return needsGuard(*value); });
}

bool Emitter::needsGuard(const typed::FunctionInstance &fn) {
  if (auto it = guardCache.find(&fn); it != guardCache.end())
    return it->second;
  bool needs = false;
  for (const typed::ParamInfo &param : fn.params)
    needs = needs || (param.init && needsGuard(*param.init));
  for (const auto &stmt : fn.body)
    needs = needs || needsGuard(*stmt);
  return guardCache[&fn] = needs;
}

} // namespace seq::emit
