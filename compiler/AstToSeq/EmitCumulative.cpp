//===- EmitCumulative.cpp - cumsum and its kin: a scan along an axis ------------------===//
#include "compiler/AstToSeq/Emitter.h"

#include <limits>

using namespace mlir;

namespace seq::emit {

/// The value over nothing.
Value Emitter::neutral(const Expr &expr) {
  Elem elem = expr.type().elem;
  Location place = loc(expr.range);
  if (expr.text == "cumsum")
    return constant(elem, 0, place);
  if (expr.text == "cumprod")
    return constant(elem, 1, place);
  if (typed::isFloat(elem))
    return constant(elem, -std::numeric_limits<double>::infinity(), place);
  int64_t least =
      elem == Elem::I32 ? std::numeric_limits<int32_t>::min() : std::numeric_limits<int64_t>::min();
  return arith::ConstantOp::create(b, place, b.getIntegerAttr(scalarType(elem), least));
}

/// log(exp x + exp y) = max + log1p(exp(-|x - y|)); equal infinities are their own sum,
/// where the difference would be NaN.
static Value logAddExp(OpBuilder &b, Location loc, Value x, Value y) {
  Value larger = arith::MaximumFOp::create(b, loc, x, y);
  Value difference = arith::SubFOp::create(b, loc, x, y);
  Value magnitude = UnaryOp::create(b, loc, UnaryKind::abs, difference);
  Value scaled = UnaryOp::create(b, loc, UnaryKind::exp, arith::NegFOp::create(b, loc, magnitude));
  Value rest = UnaryOp::create(b, loc, UnaryKind::log1p, scaled);
  Value sum = arith::AddFOp::create(b, loc, larger, rest);
  Value same = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OEQ, x, y);
  Value undefined =
      arith::CmpFOp::create(b, loc, arith::CmpFPredicate::UNO, difference, difference);
  Value infinite = arith::AndIOp::create(b, loc, same, undefined);
  return arith::SelectOp::create(b, loc, infinite, x, sum);
}

Value Emitter::combine(const Expr &expr, Value x, Value y) {
  Location place = loc(expr.range);
  if (expr.text == "cumsum")
    return add(x, y, place);
  if (expr.text == "cummax")
    return maxMin(true, x, y, place);
  if (expr.text == "logcumsumexp")
    return logAddExp(b, place, x, y);
  if (isa<FloatType>(x.getType()))
    return arith::MulFOp::create(b, place, x, y);
  return arith::MulIOp::create(b, place, x, y);
}

TensorValue Emitter::emitCumulative(const Expr &expr, ArrayRef<Value> at) {
  LeaveBody leave(*this);
  Location place = loc(expr.range);
  SmallVector<Value> along(at);
  if (!along.empty())
    along[expr.axis] = {};
  TensorValue source = materializeFor(*expr.a, along);
  AmbientList ambients = ambientsOf(source);
  SmallVector<Value> rest = sizesOf(expr.type());
  Value extent = rest[expr.axis];
  rest.erase(rest.begin() + expr.axis);
  Type element = scalarType(expr.type().elem);
  TensorValue init = buildMap(place, element, ambients, rest, false,
                              [&](ArrayRef<Value>) { return neutral(expr); });
  Type type = init.tensor.getType();
  auto scan =
      ScanOp::create(b, place, extent, init.tensor, type, expr.reverse,
                     [&](OpBuilder &, Location, Value index, ValueRange states) {
                       TensorValue before = exactValue(states[0], ambients, rest.size());
                       Value next =
                           buildMap(place, element, ambients, rest, false, [&](ArrayRef<Value> at) {
                             SmallVector<Value> whole(at);
                             whole.insert(whole.begin() + expr.axis, index);
                             Value s = readTensor(before, at, place);
                             return combine(expr, s, readTensor(source, whole, place));
                           }).tensor;
                       NextOp::create(b, place, next, expr.exclusive ? states[0] : next);
                     });
  TensorValue result = exactValue(scan.yieldResults()[0], ambients, rest.size());
  for (Dim &dim : result.dims)
    dim.own += dim.own >= expr.axis;
  Dim axis;
  axis.own = expr.axis;
  result.dims.insert(result.dims.begin(), axis);
  ++result.rank;
  return result;
}

} // namespace seq::emit
