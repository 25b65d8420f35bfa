//===- EmitStatements.cpp - Bodies of functions and scans ---------------------------===//
#include "compiler/AstToSeq/Emitter.h"

using namespace mlir;

namespace seq::emit {

using typed::ExprKind;
using typed::StmtKind;

void Emitter::bind(const Var *var, TensorValue value) {
  Binding binding;
  binding.value = std::move(value);
  frame->vars[var] = std::move(binding);
}

SmallVector<TensorValue> Emitter::emitBody(const typed::FunctionInstance &fn) {
  for (const auto &stmt : fn.body) {
    if (stmt->kind == StmtKind::Return)
      return materializeList(stmt->values, fn.results.size());
    emitStatement(*stmt, nullptr);
  }
  llvm_unreachable("a body ends with a return");
}

/// The values of a list, of which a call or scan may give several.
SmallVector<TensorValue> Emitter::materializeList(const std::vector<typed::ExprPtr> &values,
                                                  size_t wanted) {
  SmallVector<TensorValue> out;
  bool flat = values.size() == wanted;
  for (const auto &value : values) {
    SmallVector<TensorValue> some = materializeAll(*value);
    if (flat)
      some.resize(1);
    llvm::append_range(out, std::move(some));
  }
  out.resize(wanted);
  return out;
}

void Emitter::emitStatement(const typed::Stmt &stmt, const AmbientList *forced) {
  if (stmt.kind == StmtKind::LetIndexed)
    return emitLetIndexed(stmt, forced);
  assert(stmt.kind == StmtKind::Let && "a return is the function's last statement");
  emitLet(stmt, forced);
}

/// Integers from literals, sizes and indices: written again at each use, so that
/// subscripts stay affine.
static bool isIndexArithmetic(const Expr &expr, const Frame &frame) {
  if (!expr.type().shape.empty() || expr.type().elem != Elem::Int)
    return false;
  switch (expr.kind) {
  case ExprKind::IntConst:
  case ExprKind::SizeValue:
    return true;
  case ExprKind::VarRef: {
    auto it = frame.vars.find(expr.var);
    return it != frame.vars.end() && it->second.kind != Binding::Tensor;
  }
  case ExprKind::Unary:
    return isIndexArithmetic(*expr.a, frame);
  case ExprKind::Binary:
    return StringRef("+-*").contains(expr.text) && isIndexArithmetic(*expr.a, frame) &&
           isIndexArithmetic(*expr.b, frame);
  default:
    return false;
  }
}

void Emitter::emitLet(const typed::Stmt &stmt, const AmbientList *forced) {
  if (llvm::all_of(stmt.vars, [](Var *var) { return !var; }))
    return;
  const Expr &value = *stmt.values.front();
  if (stmt.vars.size() == 1) {
    Var *var = stmt.vars.front();
    if (!forced && isIndexArithmetic(value, *frame)) {
      Binding binding;
      binding.kind = Binding::Alias;
      binding.alias = &value;
      frame->vars[var] = std::move(binding);
      return;
    }
    return bind(var, materialize(value, forced, loc(var->range)));
  }
  SmallVector<TensorValue> values = materializeList(stmt.values, stmt.vars.size());
  for (auto [var, tensor] : llvm::zip_equal(stmt.vars, values))
    if (var)
      bind(var, std::move(tensor));
}

/// Ambient indices become the leading axes of the value.
TensorValue Emitter::close(TensorValue value, ArrayRef<Ambient *> indices) {
  if (indices.empty())
    return value;
  for (Dim &dim : value.dims) {
    const auto *it = llvm::find(indices, dim.ambient);
    if (!dim.ambient || it == indices.end()) {
      dim.own += dim.ambient || dim.fixed ? 0 : indices.size();
      continue;
    }
    dim.own = it - indices.begin();
    if (dim.minus == dim.ambient->lo)
      dim.minus = {};
    else if (dim.ambient->lo)
      dim.plus.push_back(dim.ambient->lo);
    dim.ambient = nullptr;
  }
  value.rank += indices.size();
  if (value.presence)
    value.presence = [this, inner = value.presence,
                      closed = SmallVector<Ambient *>(indices)](ValueRange at) {
      size_t mark = active.size();
      SmallVector<Value> saved;
      for (auto [ambient, i] : llvm::zip(closed, at)) {
        saved.push_back(ambient->current);
        ambient->current = ambient->lo ? add(i, ambient->lo, i.getLoc()) : i;
        active.push_back(ambient);
      }
      Value present = inner(at.drop_front(closed.size()));
      active.resize(mark);
      for (auto [ambient, current] : llvm::zip(closed, saved))
        ambient->current = current;
      return present;
    };
  return value;
}

TensorValue Emitter::mapIndexed(const typed::Stmt &stmt, ArrayRef<Ambient *> own,
                                const AmbientList *forced) {
  const Expr &value = *stmt.values.front();
  Location place = loc(stmt.vars.front()->range);
  SmallVector<Value> extents;
  for (Ambient *ambient : own)
    extents.push_back(ambient->extent);
  llvm::append_range(extents, sizesOf(value.type()));
  return buildMap(place, scalarType(value.type().elem), forced ? *forced : depsOf(value, own),
                  extents, needsGuard(value), [&](ArrayRef<Value> at) {
                    for (auto [ambient, i] : llvm::zip(own, at))
                      ambient->current = ambient->lo ? add(i, ambient->lo, place) : i;
                    return emitScalar(value, at.drop_front(own.size()));
                  });
}

void Emitter::emitLetIndexed(const typed::Stmt &stmt, const AmbientList *forced) {
  const Expr &value = *stmt.values.front();
  TensorValue result;
  {
    IndexScope scope(*this, stmt.indices);
    AmbientList deps = depsOf(value);
    // What fails, fails at the points of the statement: over none of them it is not due.
    bool atPoints = needsGuard(value) && !llvm::all_of(scope.indices, [&](Ambient *ambient) {
                      return llvm::is_contained(deps, ambient);
                    });
    std::optional<TensorValue> tensor = atPoints ? std::nullopt : asTensor(value);
    if (tensor) {
      result = close(std::move(*tensor), scope.indices);
    } else {
      result = mapIndexed(stmt, scope.indices, forced);
      result.presence = presenceOf(value, stmt.indices);
    }
  }
  bind(stmt.vars.front(), std::move(result));
}

} // namespace seq::emit
