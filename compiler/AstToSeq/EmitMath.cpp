//===- EmitMath.cpp - Constants, conversions, elementwise functions ----------------===//
#include "compiler/AstToSeq/Emitter.h"

using namespace mlir;

namespace seq::emit {

Type Emitter::scalarType(Elem elem) {
  switch (elem) {
  case Elem::F32:
  case Elem::BF16:
  case Elem::F16:
    return b.getF32Type();
  case Elem::F64:
    return b.getF64Type();
  case Elem::I32:
    return b.getI32Type();
  case Elem::Bool:
    return b.getI1Type();
  case Elem::Int:
    return b.getIndexType();
  }
  llvm_unreachable("kinds of elements");
}

/// `value` as a constant; integers wrap as they do at run time.
Value Emitter::constant(Elem elem, double value, Location loc) {
  Type type = scalarType(elem);
  if (typed::isFloat(elem))
    return arith::ConstantOp::create(b, loc, b.getFloatAttr(type, value));
  return arith::ConstantOp::create(b, loc, b.getIntegerAttr(type, static_cast<int64_t>(value)));
}

Value Emitter::indexConstant(int64_t value) {
  return arith::ConstantIndexOp::create(b, b.getUnknownLoc(), value);
}

Value Emitter::add(Value x, Value y, Location loc) {
  if (isa<FloatType>(x.getType()))
    return b.createOrFold<arith::AddFOp>(loc, x, y);
  return b.createOrFold<arith::AddIOp>(loc, x, y);
}

Value Emitter::maxMin(bool isMax, Value x, Value y, Location loc) {
  if (isa<FloatType>(x.getType()))
    return isMax ? arith::MaximumFOp::create(b, loc, x, y).getResult()
                 : arith::MinimumFOp::create(b, loc, x, y).getResult();
  if (x.getType().isInteger(1)) // false < true
    return isMax ? arith::OrIOp::create(b, loc, x, y).getResult()
                 : arith::AndIOp::create(b, loc, x, y).getResult();
  return isMax ? arith::MaxSIOp::create(b, loc, x, y).getResult()
               : arith::MinSIOp::create(b, loc, x, y).getResult();
}

Value Emitter::emitMathOfInteger(const Expr &expr, Value x) {
  Location at = loc(expr.range);
  Type type = x.getType();
  auto fixed = [&](int64_t v) -> Value {
    return arith::ConstantOp::create(b, at, b.getIntegerAttr(type, v));
  };
  if (expr.text == "abs")
    return arith::MaxSIOp::create(b, at, x, arith::SubIOp::create(b, at, fixed(0), x));
  if (expr.text == "relu")
    return arith::MaxSIOp::create(b, at, x, fixed(0));
  if (expr.text == "sign")
    return arith::MaxSIOp::create(b, at, arith::MinSIOp::create(b, at, x, fixed(1)), fixed(-1));
  assert(expr.text == "floor" && "the other functions are of floats");
  return x;
}

Value Emitter::emitMath(const Expr &expr, ArrayRef<Value> at) {
  Value x = emitOperand(*expr.args[0], expr.type(), at);
  if (expr.text == "max" || expr.text == "min")
    return maxMin(expr.text == "max", x, emitOperand(*expr.args[1], expr.type(), at),
                  loc(expr.range));
  if (!isa<FloatType>(x.getType()))
    return emitMathOfInteger(expr, x);
  std::optional<UnaryKind> kind = symbolizeUnaryKind(expr.text);
  assert(kind && "a function of one float");
  return UnaryOp::create(b, loc(expr.range), *kind, x);
}

/// What arrays of these are kept as.
Type Emitter::storedType(Elem elem) {
  return elem == Elem::BF16  ? b.getBF16Type()
         : elem == Elem::F16 ? Type(b.getF16Type())
                             : scalarType(elem);
}

/// `x` as it is computed with: not in 16 bits.
Value Emitter::computed(Value x, Location loc) {
  return isShort(x.getType()) ? arith::ExtFOp::create(b, loc, b.getF32Type(), x).getResult() : x;
}

Value Emitter::emitConvert(const Expr &expr, ArrayRef<Value> at) {
  Elem from = expr.a->type().elem, to = expr.type().elem;
  Location place = loc(expr.range);
  bool rounds = !expr.text.empty();
  Value x;
  if (expr.a->kind == typed::ExprKind::IntConst && to != Elem::Bool)
    x = constant(to, expr.a->integer, place);
  else if (rounds && from == Elem::F64) // rounded once
    x = emitOperand(*expr.a, expr.type(), at);
  else
    x = convert(expr, emitOperand(*expr.a, expr.type(), at), from, to);
  return rounds ? computed(arith::TruncFOp::create(b, place, storedType(to), x), place) : x;
}

Value Emitter::convert(const Expr &expr, Value x, Elem from, Elem to) {
  Location at = loc(expr.range);
  Type type = scalarType(to);
  if (from == to)
    return x;
  if (to == Elem::Bool) {
    Value zero = constant(from, 0, at);
    if (typed::isFloat(from))
      return arith::CmpFOp::create(b, at, arith::CmpFPredicate::UNE, x, zero);
    return arith::CmpIOp::create(b, at, arith::CmpIPredicate::ne, x, zero);
  }
  if (typed::isFloat(from)) {
    if (x.getType() == type)
      return x;
    if (to == Elem::F64)
      return arith::ExtFOp::create(b, at, type, x);
    if (typed::isFloat(to))
      return arith::TruncFOp::create(b, at, type, x);
    Value i = ToIntOp::create(b, at, b.getI32Type(), x, pathValue, sourceText(expr.range));
    return to == Elem::Int ? arith::IndexCastOp::create(b, at, type, i).getResult() : i;
  }
  if (typed::isFloat(to)) {
    if (from == Elem::Bool)
      return arith::UIToFPOp::create(b, at, type, x);
    if (from == Elem::Int)
      x = arith::IndexCastOp::create(b, at, b.getI64Type(), x);
    return arith::SIToFPOp::create(b, at, type, x);
  }
  if (from == Elem::Bool)
    x = arith::ExtUIOp::create(b, at, b.getI32Type(), x);
  return x.getType() == type ? x : arith::IndexCastOp::create(b, at, type, x).getResult();
}

} // namespace seq::emit
