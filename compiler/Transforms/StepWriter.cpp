//===- StepWriter.cpp - A step, written at other times -----------------------------------===//
#include "compiler/Transforms/StepWriter.h"

#include "compiler/Transforms/IndexMath.h"
#include "compiler/Transforms/Rewrite.h"

using namespace mlir;

namespace seq {

Value addValues(OpBuilder &b, Location loc, Value x, Value y) {
  return isa<FloatType>(x.getType()) ? arith::AddFOp::create(b, loc, x, y).getResult()
                                     : arith::AddIOp::create(b, loc, x, y).getResult();
}

Value mulValues(OpBuilder &b, Location loc, Value x, Value y) {
  return isa<FloatType>(x.getType()) ? arith::MulFOp::create(b, loc, x, y).getResult()
                                     : arith::MulIOp::create(b, loc, x, y).getResult();
}

Value numberOf(OpBuilder &b, Location loc, Type type, double n) {
  TypedAttr value = isa<FloatType>(type) ? TypedAttr(b.getFloatAttr(type, n))
                                         : TypedAttr(b.getIntegerAttr(type, int64_t(n)));
  return arith::ConstantOp::create(b, loc, value);
}

//===----------------------------------------------------------------------===//
// Expressions
//===----------------------------------------------------------------------===//

Value StepWriter::write(ExprRef e) {
  if (auto it = memo.find(e); it != memo.end())
    return it->second;
  using analysis::Expr;
  Value v;
  switch (e->kind) {
  case Expr::Var:
    llvm_unreachable("an index without a value");
  case Expr::Outer:
    v = e->value == scan.index() ? time : e->value;
    break;
  case Expr::Number:
    v = numberOf(b, loc, e->type, e->number);
    break;
  case Expr::Op:
    v = op(e);
    break;
  case Expr::Closure:
    v = closure(e);
    break;
  case Expr::Product:
  case Expr::Sum:
    for (ExprRef a : e->args) {
      Value x = write(a);
      v = !v ? x : e->kind == Expr::Product ? mulValues(b, loc, v, x) : addValues(b, loc, v, x);
    }
    break;
  case Expr::Inverse:
    v = arith::DivFOp::create(b, loc, numberOf(b, loc, e->type, 1), write(e->args[0]));
    break;
  case Expr::Not:
    v = arith::XOrIOp::create(b, loc, write(e->args[0]), numberOf(b, loc, b.getI1Type(), 1));
    break;
  case Expr::Pick: {
    Value c = write(e->args[0]), x = write(e->args[1]), y = write(e->args[2]);
    v = arith::SelectOp::create(b, loc, c, x, y);
    break;
  }
  case Expr::Fold:
    v = fold(e);
    break;
  }
  return memo[e] = v;
}

Value StepWriter::op(ExprRef e) {
  Operation *proto = e->value.getDefiningOp();
  IRMapping mapping;
  auto operands = isa<ReadOp>(proto) ? OperandRange(proto->getOperands()).drop_front()
                                     : OperandRange(proto->getOperands());
  for (auto [from, to] : llvm::zip(operands, e->args))
    mapping.map(from, write(to));
  // Two operands may be one value in the op and two in the expression.
  Operation *copy = b.clone(*proto, mapping);
  unsigned skip = isa<ReadOp>(proto) ? 1 : 0;
  for (auto [k, a] : llvm::enumerate(e->args))
    copy->setOperand(k + skip, write(a));
  redirect(copy);
  return copy->getResult(cast<OpResult>(e->value).getResultNumber());
}

Value StepWriter::closure(ExprRef e) {
  IRMapping mapping;
  for (auto [key, a] : llvm::zip(e->keys, e->args))
    mapping.map(key, write(a));
  return copyScalar(e->value, mapping);
}

Value StepWriter::fold(ExprRef e) {
  auto vars = ArrayRef(e->args).drop_back();
  SmallVector<Value> extents;
  IRMapping outer;
  for (ExprRef v : vars)
    extents.push_back(bring(v->value, outer));
  // A minimum of nothing inside of a mask is an infinity, which the body holds.
  auto reduce = ReduceOp::create(b, loc, ReduceKind(e->id), e->type, extents,
                                 [&](OpBuilder &in, Location l, ValueRange at) {
                                   StepWriter inner = inside(in);
                                   for (auto [v, i] : llvm::zip(vars, at))
                                     inner.bind(v, i);
                                   YieldOp::create(in, l, inner.write(e->args.back()));
                                 });
  return reduce.getResult(0);
}

Value StepWriter::product(Type type, const analysis::Product &p) {
  Value v;
  for (ExprRef f : p.factors)
    v = v ? mulValues(b, loc, v, write(f)) : write(f);
  return v ? v : numberOf(b, loc, type, 1);
}

Value StepWriter::presence(const analysis::Product &p) {
  Value all;
  for (ExprRef g : p.guards)
    all = all ? arith::AndIOp::create(b, loc, all, write(g)).getResult() : write(g);
  return all;
}

Value StepWriter::guarded(Type type, const analysis::Product &p) {
  Value v = product(type, p), present = presence(p);
  return present ? arith::SelectOp::create(b, loc, present, v, numberOf(b, loc, type, 0)) : v;
}

//===----------------------------------------------------------------------===//
// Copies
//===----------------------------------------------------------------------===//

/// A scalar of some body of the step, with what it is computed from.
Value StepWriter::copyScalar(Value v, IRMapping &mapping) {
  if (mapping.contains(v))
    return mapping.lookup(v);
  if (v == scan.index())
    return time;
  Operation *d = v.getDefiningOp();
  if (!d || !scan->isProperAncestor(d))
    return v;
  Operation *copy = clone(d, mapping);
  return copy->getResult(cast<OpResult>(v).getResultNumber());
}

Value StepWriter::bring(Value scalar, IRMapping &mapping) {
  return copyScalar(scalar, mapping);
}

Operation *StepWriter::clone(Operation *op, IRMapping &mapping) {
  llvm::SetVector<Value> needed;
  op->walk([&](Operation *inner) {
    for (Value v : inner->getOperands())
      if (!isa<TensorType>(v.getType()) && !op->isAncestor(v.getParentRegion()->getParentOp()))
        needed.insert(v);
  });
  for (Value v : needed)
    mapping.map(v, copyScalar(v, mapping));
  Operation *copy = b.clone(*op, mapping);
  copy->walk([&](Operation *inner) { redirect(inner); });
  return copy;
}

/// Lets an op that reads a tensor of the step read what stands for it.
void StepWriter::redirect(Operation *cloned) {
  auto read = dyn_cast<ReadOp>(cloned);
  if (!read)
    return;
  Value tensor = read.getTensor();
  if (auto it = tensors.whole.find(tensor); it != tensors.whole.end())
    return read.getTensorMutable().assign(it->second);
  auto it = tensors.tile.find(tensor);
  if (it == tensors.tile.end())
    return;
  SmallVector<Value> at{tau};
  llvm::append_range(at, read.getIndices());
  read.getTensorMutable().assign(it->second);
  read.getIndicesMutable().assign(at);
}

/// Tensors that a scalar of a body is computed from; `keys` are what it is a function of.
static void tensorsOf(Value scalar, ArrayRef<Value> keys, llvm::function_ref<void(Value)> found) {
  llvm::DenseSet<Operation *> seen;
  SmallVector<Operation *> todo{scalar.getDefiningOp()};
  while (!todo.empty()) {
    Operation *op = todo.pop_back_val();
    if (!op || !seen.insert(op).second)
      continue;
    op->walk([&](Operation *inner) {
      for (Value v : inner->getOperands())
        if (isa<TensorType>(v.getType()))
          found(v);
        else if (!llvm::is_contained(keys, v))
          todo.push_back(v.getDefiningOp());
    });
  }
}

static void visitTensors(ExprRef e, llvm::DenseSet<ExprRef> &seen,
                         llvm::function_ref<void(Value)> found) {
  if (!seen.insert(e).second)
    return;
  for (ExprRef a : e->args)
    visitTensors(a, seen, found);
  using analysis::Expr;
  if (e->kind == Expr::Closure)
    tensorsOf(e->value, e->keys, found);
  else if (e->kind == Expr::Op)
    if (auto read = e->value.getDefiningOp<ReadOp>())
      found(read.getTensor());
}

void forEachTensor(ExprRef e, llvm::function_ref<void(Value)> found) {
  llvm::DenseSet<ExprRef> seen;
  visitTensors(e, seen, found);
}

void forEachTensor(const analysis::Product &p, llvm::function_ref<void(Value)> found) {
  for (ExprRef e : p.factors)
    forEachTensor(e, found);
  for (ExprRef e : p.guards)
    forEachTensor(e, found);
}

Value flattenTime(OpBuilder &b, ScanOp scan, Value chunks, Value steps, OpResult like) {
  Location loc = scan.getLoc();
  Value step = scan.next().getYields()[like.getResultNumber()];
  SmallVector<Value> extents{scan.getExtent()};
  auto func = scan->getParentOfType<func::FuncOp>();
  if (auto map = step.getDefiningOp<MapOp>()) {
    StepTensors none;
    IRMapping mapping;
    StepWriter w(b, loc, scan, Value(), Value(), none);
    for (Value e : map.getExtents())
      extents.push_back(w.bring(e, mapping));
  } else {
    for (auto [state, init] : llvm::zip(scan.states(), scan.getInits()))
      if (step == state)
        step = init;
    llvm::append_range(extents, *tensorSizes(b, func, step));
  }
  auto type = cast<RankedTensorType>(like.getType());
  auto map = MapOp::create(b, loc, TypeRange(type.getElementType()), extents,
                           [&](OpBuilder &in, Location l, ValueRange i) {
                             Value t = i[0];
                             if (scan.getReverse())
                               t = arith::SubIOp::create(
                                   in, l,
                                   arith::SubIOp::create(in, l, scan.getExtent(),
                                                         arith::ConstantIndexOp::create(in, l, 1)),
                                   t);
                             IndexMath m(in, l);
                             SmallVector<Value> at{m.div(t, steps), m.mod(t, steps)};
                             llvm::append_range(at, i.drop_front());
                             YieldOp::create(in, l, ReadOp::create(in, l, chunks, at).getResult());
                           });
  map.getResult(0).setType(type);
  return map.getResult(0);
}

} // namespace seq
