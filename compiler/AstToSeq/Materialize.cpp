//===- Materialize.cpp - Values as tensors ----------------------------------------===//
//
// `let`s, arguments, states and results are tensors; so is what has no scalar form. A
// plain name, and a part of one at bare indices and slices, is not copied: it is a view,
//
//   q[:, h]  with h ambient   is   the tensor q with the dimensions (own 0, h, own 1)
//   x[t]     in a scan        is   the tensor x at the fixed place t, then own 0
//   z[0:H]                    is   the tensor z at own 0, and 0 added
//
// Everything else is a map over the ambient indices it depends on, then its own axes.
//
//===----------------------------------------------------------------------===//
#include "compiler/AstToSeq/Emitter.h"

using namespace mlir;

namespace seq::emit {

using typed::Bounds;
using typed::ExprKind;

TensorValue exactValue(Value tensor, const AmbientList &ambients, unsigned rank) {
  TensorValue value;
  value.tensor = tensor;
  value.rank = rank;
  for (Ambient *ambient : ambients) {
    Dim dim;
    dim.ambient = ambient;
    dim.minus = ambient->lo;
    value.dims.push_back(std::move(dim));
  }
  for (unsigned i = 0; i < rank; ++i) {
    Dim dim;
    dim.own = i;
    value.dims.push_back(std::move(dim));
  }
  return value;
}

AmbientList ambientsOf(const TensorValue &value) {
  AmbientList out;
  for (const Dim &dim : value.dims)
    if (dim.ambient && !llvm::is_contained(out, dim.ambient))
      out.push_back(dim.ambient);
  return out;
}

TensorValue Emitter::buildMap(Location loc, Type element, const AmbientList &ambients,
                              ArrayRef<Value> own, bool guarded, BodyFn body, ArrayRef<Value> at) {
  LeaveBody leave(*this);
  SmallVector<Value> extents;
  for (Ambient *ambient : ambients)
    extents.push_back(ambient->extent);
  llvm::append_range(extents, own);
  auto outside = b.saveInsertionPoint();
  auto map = MapOp::create(b, loc, element, extents, [&](OpBuilder &, Location, ValueRange args) {
    EnterBody enter(*this, outside, ambients, args, extents, loc);
    SmallVector<Value> indices(args.drop_front(ambients.size()));
    if (guarded)
      enter.guard(indices, at, loc);
    YieldOp::create(b, loc, body(indices));
  });
  return exactValue(map.getResult(0), ambients, own.size());
}

TensorValue Emitter::materialize(const Expr &expr, const AmbientList *forced,
                                 std::optional<Location> at, ArrayRef<Value> readAt) {
  Location place = at ? *at : loc(expr.range);
  if (std::optional<TensorValue> tensor = asTensor(expr, readAt))
    return forced ? normalize(*tensor, *forced, expr.type(), place) : *tensor;
  TensorValue value = buildMap(
      place, scalarType(expr.type().elem), forced ? *forced : depsOf(expr), sizesOf(expr.type()),
      needsGuard(expr), [&](ArrayRef<Value> own) { return emitScalar(expr, own); }, readAt);
  value.presence = presenceOf(expr);
  return value;
}

SmallVector<TensorValue> Emitter::materializeAll(const Expr &expr, ArrayRef<Value> at) {
  if (expr.kind == ExprKind::Call)
    return emitCall(expr, at);
  if (expr.kind == ExprKind::Scan)
    return emitScan(expr);
  if (expr.kind != ExprKind::Block)
    return {materialize(expr)};
  LeaveBody leave(*this);
  for (const auto &stmt : expr.stmts)
    emitStatement(*stmt, nullptr);
  return materializeList(expr.args, expr.types.size());
}

std::optional<TensorValue> Emitter::asTensor(const Expr &expr, ArrayRef<Value> at) {
  switch (expr.kind) {
  case ExprKind::VarRef: {
    auto it = frame->vars.find(expr.var);
    assert(it != frame->vars.end() && "a name is bound before it is used");
    if (it->second.kind == Binding::Tensor)
      return it->second.value;
    return std::nullopt;
  }
  case ExprKind::WeightRef: {
    Value argument = weights.lookup(frame->prefix + expr.text);
    assert(argument && "a weight of the entry");
    return exactValue(argument, {}, expr.type().shape.size());
  }
  case ExprKind::Read:
    return asView(expr);
  case ExprKind::Softmax:
    return emitSoftmax(expr);
  case ExprKind::Cumulative:
    return emitCumulative(expr, at);
  case ExprKind::Call:
  case ExprKind::Scan:
  case ExprKind::Block:
    return materializeAll(expr, at).front();
  default:
    return std::nullopt;
  }
}

/// The dimension of a view where `dim` was one of the axis that `s` subscripts, which
/// stays as `own` where it is a slice. False where that is no bare index.
static bool subscriptDim(Dim &dim, const typed::Subscript &s, unsigned own, const Frame &frame) {
  if (s.isSlice) {
    dim.own = own;
    return true;
  }
  if (s.index->kind != ExprKind::VarRef || s.bounds != Bounds::Proven)
    return false;
  auto it = frame.vars.find(s.index->var);
  if (it == frame.vars.end())
    return false;
  if (it->second.kind == Binding::Index)
    dim.ambient = it->second.ambient;
  else if (it->second.kind == Binding::Scalar)
    dim.fixed = it->second.scalar;
  else
    return false;
  return true;
}

/// A part of a name at bare indices and slices.
std::optional<TensorValue> Emitter::asView(const Expr &read) {
  if (read.a->kind != ExprKind::VarRef && read.a->kind != ExprKind::WeightRef &&
      read.a->kind != ExprKind::Read)
    return std::nullopt;
  std::optional<TensorValue> base = asTensor(*read.a);
  if (!base || base->presence)
    return std::nullopt;
  SmallVector<unsigned> stays; // each axis's place among those that stay
  unsigned rank = 0;
  for (const typed::Subscript &s : read.subscripts)
    stays.push_back(s.isSlice ? rank++ : 0);
  TensorValue view;
  view.tensor = base->tensor;
  view.rank = rank;
  view.exact = base->exact;
  for (Dim dim : base->dims) {
    if (!dim.ambient && !dim.fixed) {
      const typed::Subscript &s = read.subscripts[dim.own];
      const Size &axis = read.a->type().shape[dim.own];
      if (!subscriptDim(dim, s, stays[dim.own], *frame))
        return std::nullopt;
      if (s.isSlice && !resolve(s.lo).isZero())
        dim.plus.push_back(size(s.lo));
      bool whole = s.isSlice ? resolve(s.lo).isZero() && resolve(s.hi) == resolve(axis)
                             : dim.ambient && !dim.ambient->lo && dim.ambient->extent == size(axis);
      view.exact &= whole;
    }
    view.dims.push_back(std::move(dim));
  }
  // A subscript of a broadcast axis must be a bare one too, or its checks would be lost.
  for (const typed::Subscript &s : read.subscripts)
    if (!s.isSlice && s.bounds != Bounds::Proven)
      return std::nullopt;
  return view;
}

static bool isExactly(const TensorValue &value, const AmbientList &ambients,
                      RankedTensorType type) {
  if (!value.exact || value.tensor.getType() != type ||
      value.dims.size() != ambients.size() + value.rank)
    return false;
  for (auto [i, dim] : llvm::enumerate(value.dims)) {
    if (dim.fixed || !dim.plus.empty())
      return false;
    if (i < ambients.size() ? dim.ambient != ambients[i] || dim.minus != ambients[i]->lo
                            : dim.ambient || dim.minus || dim.own != i - ambients.size())
      return false;
  }
  return true;
}

TensorValue Emitter::normalize(TensorValue value, const AmbientList &ambients,
                               const typed::Type &type, Location loc, bool stored) {
  Type element = stored ? storedType(type.elem) : scalarType(type.elem);
  SmallVector<Value> extents;
  for (Ambient *ambient : ambients)
    extents.push_back(ambient->extent);
  SmallVector<Value> own = sizesOf(type);
  llvm::append_range(extents, own);
  if (isExactly(value, ambients, MapOp::resultType(element, extents)))
    return value;
  TensorValue copy = buildMap(loc, element, ambients, own, false, [&](ArrayRef<Value> at) -> Value {
    Value x = readTensor(value, at, loc);
    return x.getType() == element ? x : arith::TruncFOp::create(b, loc, element, x);
  });
  copy.presence = value.presence;
  return copy;
}

/// A tensor that holds the value and nothing else, in any order of axes.
TensorValue Emitter::plain(TensorValue value, const typed::Type &type, Location loc) {
  AmbientList ambients = ambientsOf(value);
  bool isPlain = value.exact && value.dims.size() == ambients.size() + value.rank;
  for (const Dim &dim : value.dims)
    isPlain &=
        !dim.fixed && dim.plus.empty() && dim.minus == (dim.ambient ? dim.ambient->lo : Value());
  return isPlain ? value : normalize(value, ambients, type, loc);
}

} // namespace seq::emit
