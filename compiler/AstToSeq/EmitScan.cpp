//===- EmitScan.cpp - Recurrences -------------------------------------------------------===//
//
// A scan that stands inside index notation is one recurrence for all values of the
// ambient indices together: its states have an axis for each ambient index that anything
// in the scan depends on. The time index is one value for all of them.
//
//   let o[h] = gla(q[:, h], …)    S: [K, V] becomes [h, K, V], the yield [h, V],
//                                 and the scan's value has the axes (t, h, V)
//
// States are alike in this: which of them could do with fewer axes would take a fixed
// point over the step, for a case that real programs do not have.
//
//===----------------------------------------------------------------------===//
#include "compiler/AstToSeq/Emitter.h"

using namespace mlir;

namespace seq::emit {

TensorValue Emitter::applyReset(const Expr &expr, unsigned state, const TensorValue &before,
                                const TensorValue &init, const AmbientList &ambients) {
  const typed::StateInfo &info = expr.scan->states[state];
  const Expr &reset = *expr.scan->reset;
  Location place = loc(reset.range);
  return buildMap(place, scalarType(info.before->type.elem), ambients, sizesOf(info.before->type),
                  needsGuard(reset), [&](ArrayRef<Value> at) -> Value {
                    Value resets = emitScalar(reset, {});
                    Value x = readTensor(init, at, place), y = readTensor(before, at, place);
                    return arith::SelectOp::create(b, place, resets, x, y);
                  });
}

/// Binds the time and the states before the step.
void Emitter::bindStep(const Expr &expr, const AmbientList &ambients, Value index,
                       ValueRange states, ArrayRef<TensorValue> inits) {
  const typed::ScanExpr &scan = *expr.scan;
  Binding time;
  time.kind = Binding::Scalar;
  Value lo = lowerBound(*scan.index);
  time.scalar = lo ? add(index, lo, loc(expr.range)) : index;
  frame->vars[scan.index] = std::move(time);
  for (auto [i, info] : llvm::enumerate(scan.states)) {
    TensorValue before = exactValue(states[i], ambients, info.before->type.shape.size());
    if (scan.reset)
      before = applyReset(expr, i, before, inits[i], ambients);
    bind(info.before, before);
  }
}

SmallVector<Value> Emitter::nextStates(const Expr &expr, const AmbientList &ambients) {
  SmallVector<Value> out;
  for (const typed::StateInfo &info : expr.scan->states) {
    const TensorValue &after = frame->vars[info.after].value;
    out.push_back(normalize(after, ambients, info.before->type, loc(info.range)).tensor);
  }
  return out;
}

static RankedTensorType stacked(Value yield, Value extent) {
  auto type = cast<RankedTensorType>(yield.getType());
  SmallVector<int64_t> shape(MapOp::resultType(type.getElementType(), extent).getShape());
  llvm::append_range(shape, type.getShape());
  return RankedTensorType::get(shape, type.getElementType());
}

static void nameStates(OpBuilder &b, OperationState &op, const typed::ScanExpr &scan,
                       StringRef axis) {
  SmallVector<StringRef> names;
  for (const typed::StateInfo &info : scan.states)
    names.push_back(info.before->name);
  op.addAttribute("stateNames", b.getStrArrayAttr(names));
  op.addAttribute("axisName", b.getStringAttr(axis));
  if (scan.reverse)
    op.addAttribute("reverse", b.getUnitAttr());
}

SmallVector<TensorValue> Emitter::emitScan(const Expr &expr) {
  LeaveBody leave(*this);
  const typed::ScanExpr &scan = *expr.scan;
  Location place = loc(expr.range);
  AmbientList ambients = depsOf(expr);
  SmallVector<TensorValue> inits, yields;
  Value extent = this->extent(*scan.index);
  OperationState op(place, ScanOp::getOperationName());
  op.addOperands(extent);
  SmallVector<Type> types{b.getIndexType()};
  for (const typed::StateInfo &info : scan.states) {
    inits.push_back(normalize(materialize(*info.init, &ambients), ambients, info.before->type,
                              loc(info.range)));
    op.addOperands(inits.back().tensor);
    types.push_back(inits.back().tensor.getType());
  }
  nameStates(b, op, scan, resolve(scan.index->hi - scan.index->lo).str());
  {
    OpBuilder::InsertionGuard guard(b);
    Block *block =
        b.createBlock(op.addRegion(), {}, types, SmallVector<Location>(types.size(), place));
    bindStep(expr, ambients, block->getArgument(0), block->getArguments().drop_front(), inits);
    for (const auto &stmt : scan.body) {
      bool isNext = llvm::any_of(stmt->vars,
                                 [](Var *v) { return v && v->kind == typed::VarKind::NextState; });
      emitStatement(*stmt, isNext ? &ambients : nullptr);
    }
    yields = materializeList(scan.yields, expr.types.size() - scan.states.size());
    SmallVector<Value> values;
    for (auto [i, value] : llvm::enumerate(yields)) {
      typed::Type type = expr.types[i];
      type.shape.erase(type.shape.begin());
      value = plain(value, type, place);
      values.push_back(value.tensor);
    }
    NextOp::create(b, place, nextStates(expr, ambients), values);
    for (Value value : values)
      op.addTypes(stacked(value, extent));
  }
  op.addTypes(ArrayRef<Type>(types).drop_front());
  Operation *result = b.create(op);

  SmallVector<TensorValue> out;
  for (auto [i, value] : llvm::enumerate(yields)) {
    value.tensor = result->getResult(i);
    value.presence = nullptr;
    value = close(std::move(value), {});
    for (Dim &dim : value.dims)
      dim.own += !dim.ambient;
    value.dims.insert(value.dims.begin(), Dim());
    ++value.rank;
    out.push_back(std::move(value));
  }
  for (auto [i, info] : llvm::enumerate(scan.states))
    out.push_back(
        exactValue(result->getResult(yields.size() + i), ambients, info.before->type.shape.size()));
  return out;
}

} // namespace seq::emit
