//===- EmitIndexing.cpp - Reads, and what is only another way to read ---------------===//
#include "compiler/AstToSeq/Emitter.h"

using namespace mlir;

namespace seq::emit {

using typed::Bounds;
using typed::ExprKind;

/// Reads at the value's own indices and at the current values of ambient ones.
Value Emitter::readTensor(const TensorValue &value, ValueRange at, Location loc, Value guard,
                          StringAttr check) {
  assert(at.size() == value.rank && "one index for each axis");
  SmallVector<Value> indices;
  for (const Dim &dim : value.dims) {
    Value i = dim.fixed ? dim.fixed : dim.ambient ? dim.ambient->current : at[dim.own];
    assert(i && "an ambient index outside of the body that binds it");
    for (Value offset : dim.plus)
      i = add(i, offset, loc);
    indices.push_back(dim.minus ? b.createOrFold<arith::SubIOp>(loc, i, dim.minus) : i);
  }
  return computed(ReadOp::create(b, loc, value.tensor, indices, guard, check), loc);
}

Value Emitter::subscriptValue(const Expr &index) {
  Value i = emitScalar(index, {});
  return i.getType().isIndex() ? i : convert(index, i, index.type().elem, Elem::Int);
}

/// One index for each axis of what is read, from the indices of what stays.
SmallVector<Value> Emitter::subscriptValues(const Expr &read, ArrayRef<Value> at) {
  SmallVector<Value> out;
  for (const typed::Subscript &s : read.subscripts) {
    if (!s.isSlice) {
      out.push_back(subscriptValue(*s.index));
      continue;
    }
    Value i = at.front();
    at = at.drop_front();
    out.push_back(resolve(s.lo).isZero() ? i : add(i, size(s.lo), loc(s.range)));
  }
  return out;
}

Value Emitter::inside(Value index, const Size &bound, Location loc) {
  Value low =
      b.createOrFold<arith::CmpIOp>(loc, arith::CmpIPredicate::sge, index, indexConstant(0));
  Value high = b.createOrFold<arith::CmpIOp>(loc, arith::CmpIPredicate::slt, index, size(bound));
  return both(low, high, loc);
}

/// The path; with what the path here does not say of indices that may leave.
Value Emitter::readGuard(const Expr &read, ArrayRef<Value> at) {
  Value guard = pathValue;
  bool lost = !pathExact;
  for (auto [k, s] : llvm::enumerate(read.subscripts)) {
    bool uncovered = s.bounds == Bounds::Absent && !covered.contains(&s);
    if (s.isSlice ||
        !(uncovered || (s.bounds != Bounds::Proven && lost && s.bounds != Bounds::Checked)))
      continue;
    guard = both(guard, inside(at[k], read.a->type().shape[k], loc(s.range)), loc(s.range));
  }
  return guard;
}

Value Emitter::emitRead(const Expr &expr, ArrayRef<Value> at) {
  SmallVector<Value> indices = subscriptValues(expr, at);
  bool proven = true, checked = false;
  for (const typed::Subscript &s : expr.subscripts) {
    proven &= s.isSlice || s.bounds == Bounds::Proven;
    checked |= !s.isSlice && s.bounds == Bounds::Checked;
  }
  if (proven)
    return emitScalar(*expr.a, indices);
  Value guard = readGuard(expr, indices);
  return readTensor(materializeFor(*expr.a, indices), indices, loc(expr.range), guard,
                    checked ? sourceText(expr.range) : StringAttr());
}

/// Each part is read where the index is in it; the parts before it give way.
Value Emitter::emitConcat(const Expr &expr, ArrayRef<Value> at) {
  Location place = loc(expr.range);
  Size offset;
  SmallVector<Value> values, below; // of each part; the index is before its end
  for (const auto &part : expr.args) {
    SmallVector<Value> indices(at);
    Value low;
    if (!offset.isZero()) {
      Value from = size(offset);
      low = arith::CmpIOp::create(b, place, arith::CmpIPredicate::sge, at[expr.axis], from);
      indices[expr.axis] = arith::SubIOp::create(b, place, at[expr.axis], from);
    }
    offset = offset + part->type().shape[expr.axis];
    Value high =
        arith::CmpIOp::create(b, place, arith::CmpIPredicate::slt, at[expr.axis], size(offset));
    Value guard = both(low, &part == &expr.args.back() ? Value() : high, place);
    TensorValue tensor;
    {
      PathScope path(*this, guard, place);
      tensor = materializeFor(*part, indices);
    }
    values.push_back(readTensor(tensor, indices, place, guard));
    below.push_back(high);
  }
  Value result = values.pop_back_val();
  for (size_t i = values.size(); i-- > 0;)
    result = arith::SelectOp::create(b, place, below[i], values[i], result);
  return result;
}

Value Emitter::emitStack(const Expr &expr, ArrayRef<Value> at) {
  Location place = loc(expr.range);
  SmallVector<Value> rest(at);
  rest.erase(rest.begin() + expr.axis);
  Value result;
  if (expr.args.empty())
    return constant(expr.type().elem, 0, place);
  for (size_t i = expr.args.size(); i-- > 0;) {
    Value value = readTensor(materializeFor(*expr.args[i], rest), rest, place);
    if (!result) {
      result = value;
      continue;
    }
    Value here =
        arith::CmpIOp::create(b, place, arith::CmpIPredicate::eq, at[expr.axis], indexConstant(i));
    result = arith::SelectOp::create(b, place, here, value, result);
  }
  return result;
}

Value Emitter::emitReverse(const Expr &expr, ArrayRef<Value> at) {
  Location place = loc(expr.range);
  SmallVector<Value> indices(at);
  Value last =
      b.createOrFold<arith::SubIOp>(place, size(expr.type().shape[expr.axis]), indexConstant(1));
  indices[expr.axis] = b.createOrFold<arith::SubIOp>(place, last, indices[expr.axis]);
  return emitScalar(*expr.a, indices);
}

} // namespace seq::emit
