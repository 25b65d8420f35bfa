//===- EmitReduce.cpp - Reductions, normalisers, matrix products -----------------------===//
#include "compiler/AstToSeq/Emitter.h"

using namespace mlir;

namespace seq::emit {

Value Emitter::emitReduce(const Expr &expr, ArrayRef<Value> at) {
  Location place = loc(expr.range);
  std::optional<ReduceKind> kind = symbolizeReduceKind(expr.text);
  assert(kind && "a reduction");
  bool isArg = *kind == ReduceKind::argmax || *kind == ReduceKind::argmin;
  IndexScope scope(*this, expr.indices);
  auto op = ReduceOp::create(b, place, *kind, scalarType(expr.type().elem), scope.extents,
                             [&](OpBuilder &, Location, ValueRange args) {
                               enterBlock(args, scope.extents);
                               scope.enter(args, place);
                               Value present = emitPresence(expr, at);
                               PathScope path(*this, present, place);
                               Value value = emitScalar(*expr.a, at);
                               YieldOp::create(b, place, value, present);
                               blocks.pop_back();
                             });
  if (isArg)
    op.setWhatAttr(sourceText(expr.range));
  if (isArg && pathValue) // where nothing is asked for, an argmax of nothing is no failure
    op.setGuard(pathValue);
  return op.getResult(0);
}

/// NumPy's matmul for one and two axes.
Value Emitter::emitMatMul(const Expr &expr, ArrayRef<Value> at) {
  Location place = loc(expr.range);
  bool rows = expr.a->type().shape.size() == 2, columns = expr.b->type().shape.size() == 2;
  SmallVector<Value> leftAt, rightAt; // of all terms of a sum
  if (rows)
    leftAt.push_back(at.front());
  leftAt.push_back({});
  rightAt.push_back({});
  if (columns)
    rightAt.push_back(at.back());
  TensorValue lhs = materializeFor(*expr.a, leftAt), rhs = materializeFor(*expr.b, rightAt);
  auto op =
      ReduceOp::create(b, place, ReduceKind::sum, scalarType(expr.type().elem),
                       size(expr.a->type().shape.back()), [&](OpBuilder &, Location, ValueRange k) {
                         SmallVector<Value> left, right(k);
                         if (rows)
                           left.push_back(at.front());
                         left.push_back(k[0]);
                         if (columns)
                           right.push_back(at.back());
                         Value x = readTensor(lhs, left, loc(expr.a->range));
                         Value y = readTensor(rhs, right, loc(expr.b->range));
                         Value product = isa<FloatType>(x.getType())
                                             ? arith::MulFOp::create(b, place, x, y).getResult()
                                             : arith::MulIOp::create(b, place, x, y).getResult();
                         YieldOp::create(b, place, product);
                       });
  return op.getResult(0);
}

/// The normaliser over [ambient indices, own axes, its indices], as a value that is read
/// where its indices are those around it.
TensorValue Emitter::emitSoftmax(const Expr &expr) {
  LeaveBody leave(*this);
  Location place = loc(expr.range);
  IndexScope scope(*this, expr.indices);
  AmbientList deps = depsOf(expr, scope.indices);
  llvm::SmallPtrSet<Ambient *, 8> used;
  addDeps(*expr.a, used);
  if (expr.b)
    addDeps(*expr.b, used);
  llvm::erase_if(deps, [&](Ambient *ambient) {
    return !used.contains(ambient) &&
           llvm::any_of(expr.outer, [&](Var *var) { return frame->vars[var].ambient == ambient; });
  });
  SmallVector<Value> own = sizesOf(expr.type()), extents;
  for (Ambient *ambient : deps)
    extents.push_back(ambient->extent);
  llvm::append_range(extents, own);
  llvm::append_range(extents, scope.extents);
  auto outside = b.saveInsertionPoint();
  auto op = SoftmaxOp::create(b, place, expr.indices.size(), scalarType(expr.type().elem), extents,
                              [&](OpBuilder &, Location, ValueRange args) {
                                EnterBody enter(*this, outside, deps, args, extents, place);
                                SmallVector<Value> at(args.slice(deps.size(), own.size()));
                                if (needsGuard(expr)) // a row needs all of its points
                                  enter.guard({}, {}, place);
                                scope.enter(args.drop_front(deps.size() + own.size()), place);
                                Value present = emitPresence(expr, at);
                                PathScope path(*this, present, place);
                                YieldOp::create(b, place, emitScalar(*expr.a, at), present);
                              });
  return softmaxValue(expr, op.getResult(), deps);
}

TensorValue Emitter::softmaxValue(const Expr &expr, Value tensor, const AmbientList &deps) {
  TensorValue value = exactValue(tensor, deps, expr.type().shape.size());
  for (auto [index, outer] : llvm::zip_equal(expr.indices, expr.outer)) {
    Dim dim;
    dim.ambient = frame->vars[outer].ambient;
    dim.minus = lowerBound(*index);
    value.exact &= dim.ambient->extent == extent(*index) && dim.minus == dim.ambient->lo;
    value.dims.push_back(std::move(dim));
  }
  if (hasAbsences(expr))
    value.presence = [this, &expr, frame = frame](ValueRange) {
      FrameScope scope(*this, frame);
      return softmaxPresence(expr);
    };
  return value;
}

} // namespace seq::emit
