//===- EmitExpr.cpp - One element of an expression ----------------------------------===//
//
// Code that may not be evaluated everywhere carries the condition of its path as a guard:
// under `c ? x : y` that is `c` for x and its negation for y; the right side of `and` is
// under the left. There is no control flow: both sides are evaluated, and what is guarded
// (reads, integer divisions, conversions to integers) has no effect where it is not due.
//
//===----------------------------------------------------------------------===//
#include "compiler/AstToSeq/Emitter.h"

using namespace mlir;

namespace seq::emit {

using typed::ExprKind;

/// Indices of an operand that broadcasts to `whole` from the trailing axis.
SmallVector<Value> Emitter::operandIndices(const typed::Type &operand, const typed::Type &whole,
                                           ArrayRef<Value> at) {
  size_t rank = operand.shape.size();
  SmallVector<Value> out(at.take_back(rank));
  for (size_t i = 0; i < rank; ++i) {
    const Size &wide = whole.shape[whole.shape.size() - rank + i];
    if (operand.shape[i] != wide && resolve(operand.shape[i]).asConstant() == 1 &&
        resolve(wide).asConstant() != 1)
      out[i] = indexConstant(0);
  }
  return out;
}

Value Emitter::emitOperand(const Expr &operand, const typed::Type &whole, ArrayRef<Value> at) {
  return emitScalar(operand, operandIndices(operand.type(), whole, at));
}

Value Emitter::emitScalar(const Expr &expr, ArrayRef<Value> at) {
  assert(inBody && "scalars are emitted in bodies");
  assert(at.size() == expr.type().shape.size() && "one index for each axis");
  switch (expr.kind) {
  case ExprKind::FloatConst:
    return constant(expr.type().elem, expr.floating, loc(expr.range));
  case ExprKind::IntConst:
    if (expr.type().elem == Elem::Int)
      return indexConstant(expr.integer);
    return constant(expr.type().elem, expr.integer, loc(expr.range));
  case ExprKind::BoolConst:
    return constant(Elem::Bool, expr.integer, loc(expr.range));
  case ExprKind::SizeValue:
    return size(expr.size);
  case ExprKind::VarRef:
    return emitVar(expr, at);
  case ExprKind::Read:
    return emitRead(expr, at);
  case ExprKind::Unary:
    return emitUnary(expr, at);
  case ExprKind::Binary:
    return emitBinary(expr, at);
  case ExprKind::Compare:
    return emitCompare(expr, at);
  case ExprKind::Select:
    return emitSelect(expr, at);
  case ExprKind::Math:
    return emitMath(expr, at);
  case ExprKind::Convert:
    return emitConvert(expr, at);
  case ExprKind::Reduce:
    return emitReduce(expr, at);
  case ExprKind::MatMul:
    return emitMatMul(expr, at);
  case ExprKind::Concat:
    return emitConcat(expr, at);
  case ExprKind::Stack:
    return emitStack(expr, at);
  case ExprKind::Reverse:
    return emitReverse(expr, at);
  case ExprKind::Broadcast:
    return emitOperand(*expr.a, expr.type(), at);
  case ExprKind::WeightRef:
  case ExprKind::Softmax:
  case ExprKind::Cumulative:
  case ExprKind::Call:
  case ExprKind::Scan:
  case ExprKind::Block:
    return readTensor(*asTensor(expr, at), at, loc(expr.range));
  }
  llvm_unreachable("kinds of expressions");
}

Value Emitter::emitVar(const Expr &expr, ArrayRef<Value> at) {
  auto it = frame->vars.find(expr.var);
  assert(it != frame->vars.end() && "a name is bound before it is used");
  const Binding &binding = it->second;
  switch (binding.kind) {
  case Binding::Tensor:
    return readTensor(binding.value, at, loc(expr.range));
  case Binding::Index:
    assert(binding.ambient->current && "an index outside of the body that binds it");
    return binding.ambient->current;
  case Binding::Scalar:
    return binding.scalar;
  case Binding::Alias:
    return emitScalar(*binding.alias, at);
  }
  llvm_unreachable("kinds of bindings");
}

Value Emitter::emitUnary(const Expr &expr, ArrayRef<Value> at) {
  Value x = emitOperand(*expr.a, expr.type(), at);
  Location place = loc(expr.range);
  if (expr.text == "not")
    return negated(x, place);
  if (isa<FloatType>(x.getType()))
    return arith::NegFOp::create(b, place, x);
  Value zero = arith::ConstantOp::create(b, place, b.getZeroAttr(x.getType()));
  return b.createOrFold<arith::SubIOp>(place, zero, x);
}

Value Emitter::emitBinary(const Expr &expr, ArrayRef<Value> at) {
  if (expr.text == "and" || expr.text == "or")
    return emitLogical(expr, at);
  Location place = loc(expr.range);
  Value x = emitOperand(*expr.a, expr.type(), at), y = emitOperand(*expr.b, expr.type(), at);
  bool isFloat = isa<FloatType>(x.getType());
  if (expr.text == "**")
    return PowerOp::create(b, place, x.getType(), x, y);
  if (expr.text == "+")
    return add(x, y, place);
  if (expr.text == "-")
    return isFloat ? b.createOrFold<arith::SubFOp>(place, x, y)
                   : b.createOrFold<arith::SubIOp>(place, x, y);
  if (expr.text == "*")
    return isFloat ? b.createOrFold<arith::MulFOp>(place, x, y)
                   : b.createOrFold<arith::MulIOp>(place, x, y);
  return emitDivision(expr, x, y);
}

Value Emitter::emitDivision(const Expr &expr, Value x, Value y) {
  Location place = loc(expr.range);
  bool isDiv = expr.text == "/";
  if (!isa<FloatType>(x.getType())) {
    bool safe = isNonzeroConstant(*expr.b);
    return IntDivOp::create(b, place, x.getType(), isDiv ? DivKind::div : DivKind::mod, x, y,
                            safe ? Value() : pathValue,
                            safe ? StringAttr() : sourceText(expr.range));
  }
  if (isDiv)
    return arith::DivFOp::create(b, place, x, y);
  // The remainder has the divisor's sign, as that of integers.
  Value r = arith::RemFOp::create(b, place, x, y);
  Value zero = arith::ConstantOp::create(b, place, b.getZeroAttr(x.getType()));
  auto less = [&](Value v) -> Value {
    return arith::CmpFOp::create(b, place, arith::CmpFPredicate::OLT, v, zero);
  };
  Value differ = arith::XOrIOp::create(b, place, less(r), less(y));
  Value nonzero = arith::CmpFOp::create(b, place, arith::CmpFPredicate::ONE, r, zero);
  Value moved = arith::AddFOp::create(b, place, r, y);
  return arith::SelectOp::create(b, place, both(differ, nonzero, place), moved, r);
}

Value Emitter::emitLogical(const Expr &expr, ArrayRef<Value> at) {
  Location place = loc(expr.range);
  bool isAnd = expr.text == "and";
  Value x = emitOperand(*expr.a, expr.type(), at);
  PathScope scope(*this, isAnd ? x : negated(x, place), place);
  Value y = emitOperand(*expr.b, expr.type(), at);
  return isAnd ? both(x, y, place) : either(x, y, place);
}

static arith::CmpIPredicate integerPredicate(StringRef op) {
  return llvm::StringSwitch<arith::CmpIPredicate>(op)
      .Case("<", arith::CmpIPredicate::slt)
      .Case("<=", arith::CmpIPredicate::sle)
      .Case(">", arith::CmpIPredicate::sgt)
      .Case(">=", arith::CmpIPredicate::sge)
      .Case("==", arith::CmpIPredicate::eq)
      .Default(arith::CmpIPredicate::ne);
}

static arith::CmpFPredicate floatPredicate(StringRef op) {
  return llvm::StringSwitch<arith::CmpFPredicate>(op)
      .Case("<", arith::CmpFPredicate::OLT)
      .Case("<=", arith::CmpFPredicate::OLE)
      .Case(">", arith::CmpFPredicate::OGT)
      .Case(">=", arith::CmpFPredicate::OGE)
      .Case("==", arith::CmpFPredicate::OEQ)
      .Default(arith::CmpFPredicate::UNE);
}

Value Emitter::emitCompare(const Expr &expr, ArrayRef<Value> at) {
  Location place = loc(expr.range);
  Value x = emitOperand(*expr.a, expr.type(), at), y = emitOperand(*expr.b, expr.type(), at);
  if (isa<FloatType>(x.getType()))
    return arith::CmpFOp::create(b, place, floatPredicate(expr.text), x, y);
  return b.createOrFold<arith::CmpIOp>(place, integerPredicate(expr.text), x, y);
}

Value Emitter::emitSelect(const Expr &expr, ArrayRef<Value> at) {
  Location place = loc(expr.range);
  Value condition = emitOperand(*expr.a, expr.type(), at), x, y;
  {
    PathScope scope(*this, condition, place);
    x = emitOperand(*expr.b, expr.type(), at);
  }
  {
    PathScope scope(*this, negated(condition, place), place);
    y = emitOperand(*expr.c, expr.type(), at);
  }
  return arith::SelectOp::create(b, place, condition, x, y);
}

} // namespace seq::emit
