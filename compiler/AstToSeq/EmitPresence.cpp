//===- EmitPresence.cpp - Which points of a reduction exist --------------------------===//
//
// A point of a reduction or normaliser is absent where its `where` does not hold, where a
// read in it leaves its axis, and where a normaliser that it reads has no such point:
//
//   sum[j](w[j] * x[t - j] where keep[j])    keep[j]  and  0 <= t - j < T
//   sum[j](p[i, j] * v[j, d])                j <= i, where p[i, j] = softmax[j](… where j <= i)
//
// It is found before any value is emitted, by a walk over the body: what is read on one
// side of a ternary makes the point absent only where that side is taken. The condition
// is written into the body of whoever reduces; a normaliser's is written again at each
// use, at the indices of the read, since all that it reads is immutable.
//
//===----------------------------------------------------------------------===//
#include "compiler/AstToSeq/Emitter.h"

using namespace mlir;

namespace seq::emit {

using typed::Bounds;
using typed::ExprKind;
using VarSet = llvm::SmallPtrSet<const Var *, 8>;

static bool mentions(const Expr &expr, const VarSet &vars) {
  if (vars.empty())
    return false;
  if (expr.var && vars.contains(expr.var))
    return true;
  bool found = llvm::any_of(expr.outer, [&](Var *var) { return vars.contains(var); });
  forEachOperand(expr, [&](const Expr &operand) { found = found || mentions(operand, vars); });
  return found;
}

/// The walk. With `emitting` it writes the condition; otherwise it only finds out whether
/// there is one and on which indices it depends. Without a node it asks for every
/// normaliser that the expression reads pointwise.
struct AbsenceWalk {
  Emitter &e;
  const Expr *node;
  bool emitting;
  VarSet own, inner;
  bool found = false;
  llvm::SmallPtrSet<Ambient *, 8> deps;

  AbsenceWalk(Emitter &e, const Expr *node, bool emitting) : e(e), node(node), emitting(emitting) {
    if (node)
      own.insert(node->indices.begin(), node->indices.end());
  }

  using Place = std::optional<ArrayRef<Value>>; ///< indices of the expression's own axes

  Value walk(const Expr &expr, Place at);
  Value walkRead(const Expr &expr, Place at);
  Value walkVar(const Expr &expr, Place at);
  Value walkSoftmax(const Expr &expr);
  Value walkSelect(const Expr &expr, Place at);
  Value walkLogical(const Expr &expr, Place at);
  Value walkNested(const Expr &expr);
  Value absentSubscripts(const Expr &read, Value present);
  Value under(Value condition, bool holds, const Expr &expr, Place at, const Expr &whole);

  /// Whether absences at these indices are the node's.
  bool belongs(llvm::function_ref<bool(const VarSet &)> uses) const {
    return (!node || uses(own)) && !uses(inner);
  }
  bool hasAbsences(const Expr &expr) const {
    AbsenceWalk look(e, node, false);
    look.inner = inner;
    look.walk(expr, std::nullopt);
    return look.found;
  }
  Place operandAt(const Expr &operand, const Expr &whole, Place at, SmallVector<Value> &storage) {
    if (!at)
      return operand.type().shape.empty() ? Place(ArrayRef<Value>()) : std::nullopt;
    storage = e.operandIndices(operand.type(), whole.type(), *at);
    return Place(storage);
  }
  Value walkOperand(const Expr &operand, const Expr &whole, Place at) {
    SmallVector<Value> storage;
    Place place = operandAt(operand, whole, at, storage);
    return walk(operand, place);
  }
};

static bool isElementwise(ExprKind kind) {
  return kind == ExprKind::Unary || kind == ExprKind::Binary || kind == ExprKind::Compare ||
         kind == ExprKind::Math || kind == ExprKind::Convert || kind == ExprKind::Broadcast;
}

Value AbsenceWalk::walk(const Expr &expr, Place at) {
  switch (expr.kind) {
  case ExprKind::Read:
    return walkRead(expr, at);
  case ExprKind::VarRef:
    return walkVar(expr, at);
  case ExprKind::Softmax:
    return walkSoftmax(expr);
  case ExprKind::Select:
    return walkSelect(expr, at);
  case ExprKind::Reduce:
    return walkNested(expr);
  case ExprKind::Scan:
  case ExprKind::Block:
    return {};
  default:
    break;
  }
  if (expr.kind == ExprKind::Binary && (expr.text == "and" || expr.text == "or"))
    return walkLogical(expr, at);
  Value present;
  forEachOperand(expr, [&](const Expr &operand) {
    Value some =
        isElementwise(expr.kind)
            ? walkOperand(operand, expr, at)
            : walk(operand, operand.type().shape.empty() ? Place(ArrayRef<Value>()) : std::nullopt);
    present = e.both(present, some, e.loc(expr.range));
  });
  return present;
}

/// 0 <= index < size for each subscript that may leave and is the node's: the innermost
/// reduction over an index that it uses leaves the point out.
Value AbsenceWalk::absentSubscripts(const Expr &read, Value present) {
  Location place = e.loc(read.range);
  Value inside;
  for (auto [k, s] : llvm::enumerate(read.subscripts)) {
    if (s.isSlice || s.bounds != Bounds::Absent ||
        !belongs([&](const VarSet &vars) { return mentions(*s.index, vars); }))
      continue;
    found = true;
    e.addDeps(*s.index, deps);
    if (!emitting)
      continue;
    PathScope scope(e, present, place);
    Value index = e.subscriptValue(*s.index);
    inside = e.both(inside, e.inside(index, read.a->type().shape[k], e.loc(s.range)), place);
    e.covered.insert(&s);
  }
  return inside;
}

Value AbsenceWalk::walkRead(const Expr &expr, Place at) {
  Location place = e.loc(expr.range);
  Value present;
  for (const typed::Subscript &s : expr.subscripts)
    if (!s.isSlice)
      present = e.both(present, walk(*s.index, ArrayRef<Value>()), place);
  if (node)
    present = e.both(present, absentSubscripts(expr, present), place);
  bool isVar = expr.a->kind == ExprKind::VarRef;
  if (!isVar)
    return e.both(present, walk(*expr.a, std::nullopt), place);
  auto it = e.frame->vars.find(expr.a->var);
  if (it == e.frame->vars.end() || !it->second.value.presence)
    return present;
  bool mine = belongs([&](const VarSet &vars) {
    return llvm::any_of(expr.subscripts,
                        [&](const auto &s) { return s.index && mentions(*s.index, vars); });
  });
  if (!mine)
    return present;
  found = true;
  e.addDeps(expr, deps);
  if (!emitting || (!at && !expr.type().shape.empty()))
    return present;
  PathScope scope(e, present, place);
  auto presence = it->second.value.presence;
  SmallVector<Value> indices = e.subscriptValues(expr, at.value_or(ArrayRef<Value>()));
  return e.both(present, presence(indices), place);
}

/// A value that was made at the node's indices, such as a parameter of a mapped call.
Value AbsenceWalk::walkVar(const Expr &expr, Place at) {
  auto it = e.frame->vars.find(expr.var);
  if (it == e.frame->vars.end() || !it->second.value.presence)
    return {};
  TensorValue value = it->second.value;
  bool mine = belongs([&](const VarSet &vars) {
    return llvm::any_of(vars, [&](const Var *var) {
      auto index = e.frame->vars.find(var);
      return index != e.frame->vars.end() && index->second.ambient &&
             llvm::is_contained(ambientsOf(value), index->second.ambient);
    });
  });
  if (!mine)
    return {};
  found = true;
  e.addDeps(expr, deps);
  return emitting && at ? value.presence(*at) : Value();
}

Value AbsenceWalk::walkSoftmax(const Expr &expr) {
  auto uses = [&](const VarSet &vars) {
    return llvm::any_of(expr.outer, [&](Var *var) { return vars.contains(var); });
  };
  bool mine = e.hasAbsences(expr) && belongs(uses);
  if (!mine)
    return node ? walkNested(expr) : Value();
  found = true;
  e.addDeps(expr, deps);
  return emitting ? e.softmaxPresence(expr) : Value();
}

/// Absences of this node inside of another reduction or normaliser.
Value AbsenceWalk::walkNested(const Expr &expr) {
  VarSet saved = inner;
  inner.insert(expr.indices.begin(), expr.indices.end());
  Value present = expr.b ? walk(*expr.b, std::nullopt) : Value();
  present =
      e.both(present,
             walk(*expr.a, expr.a->type().shape.empty() ? Place(ArrayRef<Value>()) : std::nullopt),
             e.loc(expr.range));
  inner = saved;
  return present;
}

/// The presence of `expr` where the condition is `holds`; true elsewhere.
Value AbsenceWalk::under(Value condition, bool holds, const Expr &expr, Place at,
                         const Expr &whole) {
  if (!condition)
    return walkOperand(expr, whole, at);
  Location place = e.loc(expr.range);
  Value other = e.negated(condition, place);
  PathScope scope(e, holds ? condition : other, place);
  Value present = walkOperand(expr, whole, at);
  return e.either(holds ? other : condition, present, place);
}

Value AbsenceWalk::walkSelect(const Expr &expr, Place at) {
  Location place = e.loc(expr.range);
  Value present = walkOperand(*expr.a, expr, at);
  if (!hasAbsences(*expr.b) && !hasAbsences(*expr.c))
    return present;
  SmallVector<Value> storage;
  Place conditionAt = operandAt(*expr.a, expr, at, storage);
  Value condition;
  if (emitting && conditionAt && !mentions(*expr.a, inner))
    condition = e.emitScalar(*expr.a, *conditionAt);
  if (!mentions(*expr.a, inner))
    e.addDeps(*expr.a, deps);
  present = e.both(present, under(condition, true, *expr.b, at, expr), place);
  return e.both(present, under(condition, false, *expr.c, at, expr), place);
}

Value AbsenceWalk::walkLogical(const Expr &expr, Place at) {
  Value present = walkOperand(*expr.a, expr, at);
  if (!hasAbsences(*expr.b))
    return present;
  SmallVector<Value> storage;
  Place leftAt = operandAt(*expr.a, expr, at, storage);
  Value left;
  if (emitting && leftAt && !mentions(*expr.a, inner))
    left = e.emitScalar(*expr.a, *leftAt);
  if (!mentions(*expr.a, inner))
    e.addDeps(*expr.a, deps);
  return e.both(present, under(left, expr.text == "and", *expr.b, at, expr), e.loc(expr.range));
}

/// The presence of the current point of a reduction or normaliser, in its body.
Value Emitter::emitPresence(const Expr &node, ArrayRef<Value> at) {
  Location place = loc(node.range);
  AbsenceWalk walk(*this, &node, true);
  AbsenceWalk::Place axes;
  if (at.size() == node.a->type().shape.size())
    axes = at;
  Value present;
  if (node.b && node.b->type().shape.size() <= at.size()) {
    present = walk.walk(*node.b, ArrayRef<Value>(at).take_back(node.b->type().shape.size()));
    PathScope scope(*this, present, place);
    present = both(present, emitOperand(*node.b, node.type(), at), place);
  }
  PathScope scope(*this, present, place);
  return both(present, walk.walk(*node.a, axes), place);
}

bool Emitter::hasAbsences(const Expr &node) {
  AbsenceWalk walk(*this, &node, false);
  walk.walk(*node.a, std::nullopt);
  return node.b || walk.found;
}

/// A normaliser's presence at the current values of the indices around it.
Value Emitter::softmaxPresence(const Expr &expr) {
  SmallVector<Value> currents;
  for (Var *outer : expr.outer)
    currents.push_back(frame->vars[outer].ambient->current);
  IndexScope scope(*this, expr.indices);
  for (auto [ambient, current] : llvm::zip_equal(scope.indices, currents))
    ambient->current = current;
  SmallVector<Value> none;
  return emitPresence(expr, none);
}

std::function<Value(ValueRange)> Emitter::presenceOf(const Expr &expr, std::vector<Var *> indices) {
  AbsenceWalk look(*this, nullptr, false);
  look.walk(expr, std::nullopt);
  if (!look.found)
    return nullptr;
  return [this, &expr, indices, frame = frame](ValueRange at) {
    FrameScope scope(*this, frame);
    IndexScope bound(*this, indices);
    bound.enter(at.take_front(indices.size()), loc(expr.range));
    SmallVector<Value> own(at.drop_front(indices.size()));
    return AbsenceWalk(*this, nullptr, true).walk(expr, ArrayRef<Value>(own));
  };
}

} // namespace seq::emit
