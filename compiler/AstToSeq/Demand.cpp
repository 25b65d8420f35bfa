//===- Demand.cpp - Which points of a tensor are asked for --------------------------===//
//
// A tensor is made before the body that reads it, and the body may not want all of it:
//
//   let y[m] = ok[m] ? pick(x, k[m]) : 0      the map of `pick` over m is under ok[m]
//   sum[t](x[t] * pick(y, k))                 `pick` is due where there is a t
//   ok ? concat(a / b, c) : 0                 a / b at i is under ok[i], c at i under ok[i + M]
//   ok ? cumsum(a / b) : 0                    a / b is due where any ok is
//
// So a body that has anything which may fail begins with the condition of the body that
// was left, copied: its ops with the indices of the one in place of those of the other.
// An index that has nothing in its place is bound by `any`.
//
//===----------------------------------------------------------------------===//
#include "compiler/AstToSeq/Emitter.h"

#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace seq::emit {

class DemandCopy {
public:
  DemandCopy(Emitter &e, const Demand &demand, Location loc) : e(e), demand(demand), loc(loc) {}

  /// `now` stands for what was `then`.
  void place(Value then, Value now) {
    if (!then)
      return;
    Value index, there = now;
    if (isIndex(then))
      index = then;
    else
      std::tie(index, there) = inverse(then, now);
    if (!index)
      return;
    Value known = mapping.lookupOrNull(index);
    if (known && known != there) // a diagonal
      inRange = e.both(inRange, compare(arith::CmpIPredicate::eq, known, there), loc);
    if (known)
      return;
    mapping.map(index, there);
    Value range = e.extentOf.lookup(index);
    if (e.extentOf.lookup(there) != range) {
      inRange = e.both(inRange, compare(arith::CmpIPredicate::sge, there, e.indexConstant(0)), loc);
      inRange = e.both(inRange, compare(arith::CmpIPredicate::slt, there, range), loc);
    }
  }

  Value emit() {
    if (demand.path)
      collect(demand.path);
    SmallVector<Value> bound, extents;
    Value guard = inRange;
    for (Block *block : demand.blocks)
      for (Value index : block->getArguments()) {
        if (mapping.contains(index))
          continue;
        Value extent = e.extentOf.lookup(index);
        if (used.contains(index)) {
          bound.push_back(index);
          extents.push_back(extent);
        } else if (!isPositive(extent)) {
          Value some = compare(arith::CmpIPredicate::sgt, extent, e.indexConstant(0));
          guard = e.both(guard, some, loc);
        }
      }
    if (!demand.path)
      return guard;
    if (bound.empty())
      return e.both(guard, copyPath(), loc);
    e.pathExact = false;
    auto any = ReduceOp::create(e.b, loc, ReduceKind::any, e.b.getI1Type(), extents,
                                [&](OpBuilder &, Location, ValueRange indices) {
                                  mapping.map(bound, indices);
                                  YieldOp::create(e.b, loc, copyPath());
                                });
    return e.both(guard, any.getResult(0), loc);
  }

private:
  bool isInside(Block *block) const { return llvm::is_contained(demand.blocks, block); }
  bool isIndex(Value v) const {
    auto argument = dyn_cast<BlockArgument>(v);
    return argument && isInside(argument.getOwner());
  }
  bool isOutside(Value v) const { return !isInside(v.getParentBlock()); }

  static bool isPositive(Value extent) {
    APInt value;
    return matchPattern(extent, m_ConstantInt(&value)) && value.isStrictlyPositive();
  }

  Value compare(arith::CmpIPredicate predicate, Value x, Value y) {
    return e.b.createOrFold<arith::CmpIOp>(loc, predicate, x, y);
  }

  /// Which index `then` was made of by adding or subtracting, and its value where `then` is `now`.
  std::pair<Value, Value> inverse(Value then, Value now) {
    Operation *op = then.getDefiningOp();
    if (!op || !isa<arith::AddIOp, arith::SubIOp>(op) || !isInside(op->getBlock()))
      return {};
    Value x = op->getOperand(0), y = op->getOperand(1);
    if (isa<arith::AddIOp>(op) && isIndex(y))
      std::swap(x, y);
    if (isIndex(x) && isFixed(y))
      return {x, isa<arith::AddIOp>(op) ? e.b.createOrFold<arith::SubIOp>(loc, now, fixed(y))
                                        : e.b.createOrFold<arith::AddIOp>(loc, now, fixed(y))};
    if (isa<arith::SubIOp>(op) && isIndex(y) && isFixed(x))
      return {y, e.b.createOrFold<arith::SubIOp>(loc, fixed(x), now)};
    return {};
  }

  /// One value for all points of the body that was left.
  bool isFixed(Value v) const {
    Operation *op = v.getDefiningOp();
    return isOutside(v) ||
           (op && !op->getNumRegions() &&
            llvm::all_of(op->getOperands(), [&](Value operand) { return isFixed(operand); }));
  }
  Value fixed(Value v) {
    if (isOutside(v))
      return v;
    IRMapping operands;
    for (Value operand : v.getDefiningOp()->getOperands())
      operands.map(operand, fixed(operand));
    return e.b.clone(*v.getDefiningOp(), operands)->getResult(0);
  }

  /// Whether a block is in a region of `op`; a block that is still being built is in no op.
  static bool isIn(Operation *op, Block *block) {
    Operation *parent = block->getParentOp();
    return parent && op->isAncestor(parent);
  }

  /// The ops that a value of the body is made of, in order.
  void collect(Value v) {
    if (mapping.contains(v) || isOutside(v))
      return;
    if (isIndex(v)) {
      used.insert(v);
      return;
    }
    Operation *op = v.getDefiningOp();
    if (ops.contains(op))
      return;
    op->walk([&](Operation *inner) {
      for (Value operand : inner->getOperands())
        if (!isIn(op, operand.getParentBlock()))
          collect(operand);
    });
    ops.insert(op);
  }

  /// Outside of the range of what was there, nothing is read for it.
  void keepInRange(Operation *copy) {
    copy->walk([&](Operation *op) {
      llvm::TypeSwitch<Operation *, void>(op).Case<ReadOp, IntDivOp, ToIntOp>([&](auto guarded) {
        OpBuilder::InsertionGuard insertion(e.b);
        e.b.setInsertionPoint(op);
        Value both = e.both(inRange, guarded.getGuard(), loc);
        guarded.getGuardMutable().assign(both);
      });
    });
  }

  Value copyPath() {
    for (Operation *op : ops) {
      Operation *copy = e.b.clone(*op, mapping);
      if (inRange)
        keepInRange(copy);
    }
    return mapping.lookupOrDefault(demand.path);
  }

  Emitter &e;
  const Demand &demand;
  Location loc;
  IRMapping mapping;
  Value inRange;
  llvm::SetVector<Operation *> ops;
  llvm::SmallPtrSet<Value, 8> used;
};

void EnterBody::guard(ValueRange own, ArrayRef<Value> at, Location loc) {
  if (!e.demand)
    return;
  DemandCopy copy(e, *e.demand, loc);
  for (auto [then, ambient] : e.demand->indices)
    if (ambient->current)
      copy.place(then, ambient->current);
  for (auto [then, now] : llvm::zip(at, own))
    copy.place(then, now);
  e.pathValue = copy.emit();
}

} // namespace seq::emit
