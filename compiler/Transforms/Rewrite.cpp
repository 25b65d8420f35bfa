//===- Rewrite.cpp - What the transforms share ------------------------------------------===//
#include "compiler/Transforms/Rewrite.h"

#include "mlir/IR/AffineExpr.h"
#include "mlir/IR/AffineMap.h"
#include "mlir/IR/OperationSupport.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
namespace seq {

llvm::SetVector<Value> capturedBy(Operation *op) {
  llvm::SetVector<Value> out;
  op->walk([&](Operation *inner) {
    for (Value v : inner->getOperands()) {
      Operation *owner = v.getParentRegion()->getParentOp();
      if (!op->isAncestor(owner))
        out.insert(v);
    }
  });
  return out;
}

llvm::SetVector<Value> indicesUsedBy(Operation *op, Operation *map) {
  llvm::SetVector<Value> out;
  llvm::DenseSet<Operation *> seen;
  std::function<void(Operation *)> visit = [&](Operation *o) {
    if (!seen.insert(o).second)
      return;
    o->walk([&](Operation *inner) {
      for (Value v : inner->getOperands()) {
        if (o->isAncestor(v.getParentRegion()->getParentOp()))
          continue;
        if (auto a = dyn_cast<BlockArgument>(v)) {
          if (map->isAncestor(a.getOwner()->getParentOp()))
            out.insert(v);
        } else if (map->isProperAncestor(v.getDefiningOp())) {
          visit(v.getDefiningOp());
        }
      }
    });
  };
  visit(op);
  return out;
}

llvm::SetVector<Operation *> scalarSlice(Operation *op, Block *block) {
  llvm::SetVector<Operation *> out;
  std::function<void(Operation *)> visit = [&](Operation *o) {
    if (out.contains(o))
      return;
    o->walk([&](Operation *inner) {
      for (Value v : inner->getOperands())
        if (Operation *d = v.getDefiningOp(); d && d->getBlock() == block)
          visit(d);
    });
    out.insert(o);
  };
  visit(op);
  return out;
}

SmallVector<Value> cloneSlice(OpBuilder &b, Operation *op, ValueRange at, ArrayRef<Value> wanted) {
  Block &block = op->getRegion(0).front();
  IRMapping mapping;
  mapping.map(block.getArguments(), at);
  SmallVector<Value> out;
  for (Value w : wanted) {
    Operation *d = w ? w.getDefiningOp() : nullptr;
    if (d && d->getBlock() == &block)
      for (Operation *o : scalarSlice(d, &block))
        if (!mapping.contains(o->getResult(0)))
          b.clone(*o, mapping);
    out.push_back(w ? mapping.lookupOrDefault(w) : Value());
  }
  return out;
}

SmallVector<unsigned> weightPlaces(AttentionOp op) {
  llvm::SetVector<Value> used;
  for (Value v : {op.score(), Value(op.yield().getPresent())}) {
    if (llvm::is_contained(op.indices(), v))
      used.insert(v);
    else if (v && v.getParentBlock() == op.bodyBlock())
      used.insert_range(indicesUsedBy(v.getDefiningOp(), op));
  }
  SmallVector<unsigned> places;
  for (BlockArgument a : op.indices())
    if (used.contains(a) || a == op.key())
      places.push_back(a.getArgNumber());
  return places;
}

/// The producer's body before `read`, at the read's indices: its ops themselves where nothing else
/// uses the producer, which is then left with zeros, else copies. Long chains of maps are
/// joined one by one; with copies alone that would take the square of their length.
static SmallVector<Operation *> placeBody(OpBuilder &b, MapOp producer, ReadOp read,
                                          IRMapping &mapping) {
  SmallVector<Operation *> placed;
  if (!producer->hasOneUse()) {
    mapping.map(producer.indices(), read.getIndices());
    for (Operation &op : producer.bodyBlock()->without_terminator())
      placed.push_back(b.clone(op, mapping));
    return placed;
  }
  for (auto [index, at] : llvm::zip(producer.indices(), read.getIndices())) {
    mapping.map(index, at);
    index.replaceAllUsesWith(at);
  }
  for (Operation &op : producer.bodyBlock()->without_terminator())
    placed.push_back(&op);
  auto &body = producer.bodyBlock()->getOperations();
  read->getBlock()->getOperations().splice(Block::iterator(read), body, body.begin(),
                                           std::prev(body.end()));
  return placed;
}

/// A map that nothing reads any more gives zeros.
static void leaveZeros(MapOp map) {
  YieldOp yield = map.yield();
  OpBuilder b(yield);
  for (OpOperand &value : yield.getValuesMutable())
    value.set(arith::ConstantOp::create(b, yield.getLoc(), b.getZeroAttr(value.get().getType())));
}

void inlineAt(MapOp producer, unsigned result, ReadOp read) {
  OpBuilder b(read);
  IRMapping mapping;
  Value guard = read.getGuard();
  bool last = producer->hasOneUse();
  // Everything guarded inside is guarded by the read's guard as well.
  std::function<void(Operation *)> addGuard = [&](Operation *op) {
    auto join = [&](MutableOperandRange operand) {
      OpBuilder in(op);
      Value g = guard;
      if (!operand.empty())
        g = arith::AndIOp::create(in, op->getLoc(), guard, operand[0].get());
      operand.assign(g);
    };
    if (auto r = dyn_cast<ReadOp>(op))
      join(r.getGuardMutable());
    else if (auto d = dyn_cast<IntDivOp>(op))
      d->hasAttr("what") ? join(d.getGuardMutable()) : void();
    else if (auto t = dyn_cast<ToIntOp>(op))
      join(t.getGuardMutable());
  };
  for (Operation *op : placeBody(b, producer, read, mapping))
    if (guard)
      op->walk([&](Operation *o) { addGuard(o); });
  Value v = mapping.lookupOrDefault(producer.yield().getValues()[result]);
  if (last)
    leaveZeros(producer);
  if (guard) {
    // A guarded read is 0 where its guard is false.
    TypedAttr zero = b.getZeroAttr(v.getType());
    v = arith::SelectOp::create(b, read.getLoc(), guard, v,
                                arith::ConstantOp::create(b, read.getLoc(), zero));
  }
  read.getResult().replaceAllUsesWith(v);
  read.erase();
}

bool hasReduction(Operation *op) {
  return op->walk([](ReduceOp) { return WalkResult::interrupt(); }).wasInterrupted();
}

/// Whether one op has a failure that a guard keeps back.
static bool fails(Operation *op) {
  if (auto reduce = dyn_cast<ReduceOp>(op))
    return llvm::any_of(reduce.getKinds(), [](Attribute kind) {
      ReduceKind k = cast<ReduceKindAttr>(kind).getValue();
      return k == ReduceKind::argmax || k == ReduceKind::argmin;
    });
  if (auto read = dyn_cast<ReadOp>(op))
    return read.getCheck().has_value();
  return isa<IntDivOp, ToIntOp>(op) && op->hasAttr("what");
}

bool mayFail(Operation *op) {
  return op
      ->walk(
          [](Operation *o) { return fails(o) ? WalkResult::interrupt() : WalkResult::advance(); })
      .wasInterrupted();
}

/// A read at a place that is no index of a body, and so may be outside where bodies have no point.
static bool strays(Operation *op) {
  auto read = dyn_cast<ReadOp>(op);
  if (!read)
    return false;
  auto type = cast<RankedTensorType>(read.getTensor().getType());
  for (auto [axis, at] : llvm::enumerate(read.getIndices())) {
    auto k = constantOf(at);
    bool inside = k && *k >= 0 && *k < type.getDimSize(axis); // not of a dynamic axis: −2⁶³
    if (!isa<BlockArgument>(at) && !inside)
      return true;
  }
  return false;
}

bool needsPoint(Operation *op) {
  return op
      ->walk([](Operation *o) {
        return fails(o) || strays(o) ? WalkResult::interrupt() : WalkResult::advance();
      })
      .wasInterrupted();
}

bool mayBeEmpty(ValueRange extents) {
  return llvm::any_of(extents, [](Value e) { return constantOf(e).value_or(0) < 1; });
}

void doOnlyWithin(Block *body, ValueRange extents) {
  OpBuilder b(body, body->begin());
  Location loc = body->getParentOp()->getLoc();
  Value some, zero = arith::ConstantIndexOp::create(b, loc, 0);
  for (Value e : extents) {
    Value point = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sgt, e, zero);
    some = some ? arith::AndIOp::create(b, loc, some, point) : point;
  }
  auto both = [&](Operation *o, Value guard) -> Value {
    OpBuilder at(o);
    return guard ? arith::AndIOp::create(at, loc, some, guard).getResult() : some;
  };
  body->walk([&](Operation *o) {
    if (fails(o) || strays(o))
      llvm::TypeSwitch<Operation *, void>(o)
          .Case<ReadOp, IntDivOp, ToIntOp>(
              [&](auto op) { op.getGuardMutable().assign(both(o, op.getGuard())); })
          .Case<ReduceOp>([&](ReduceOp op) { op.setGuard(both(o, op.getGuard())); });
  });
}

std::optional<SmallVector<Value>> tensorSizes(OpBuilder &b, func::FuncOp func, Value tensor) {
  if (auto map = tensor.getDefiningOp<MapOp>())
    return SmallVector<Value>(map.getExtents());
  auto type = cast<RankedTensorType>(tensor.getType());
  // A final state has the sizes of the initial one.
  if (auto scan = tensor.getDefiningOp<ScanOp>(); scan && !type.hasStaticShape()) {
    unsigned result = cast<OpResult>(tensor).getResultNumber();
    if (result < scan.numYields())
      return std::nullopt;
    return tensorSizes(b, func, scan.getInits()[result - scan.numYields()]);
  }
  auto argument = dyn_cast<BlockArgument>(tensor);
  bool ofFunction = argument && argument.getOwner()->getParentOp() == func;
  auto shape = ofFunction
                   ? func.getArgAttrOfType<AffineMapAttr>(argument.getArgNumber(), "seq.shape")
                   : AffineMapAttr();
  auto names = func->getAttrOfType<ArrayAttr>(kSizesAttr);
  SmallVector<Value> out;
  for (int64_t k = 0; k < type.getRank(); ++k) {
    if (!type.isDynamicDim(k)) {
      out.push_back(arith::ConstantIndexOp::create(b, tensor.getLoc(), type.getDimSize(k)));
      continue;
    }
    auto symbol = shape ? dyn_cast<AffineSymbolExpr>(shape.getValue().getResult(k)) : nullptr;
    if (!symbol || !names)
      return std::nullopt;
    out.push_back(
        SizeOp::create(b, tensor.getLoc(), cast<StringAttr>(names[symbol.getPosition()])));
  }
  return out;
}

/// A map that yields only what is used.
static void dropUnusedResults(MapOp map) {
  SmallVector<Type> types;
  SmallVector<Value> kept, values;
  for (auto [result, value] : llvm::zip(map.getResults(), map.yield().getValues()))
    if (!result.use_empty()) {
      types.push_back(result.getType());
      kept.push_back(result);
      values.push_back(value);
    }
  if (kept.empty() || kept.size() == map.getNumResults())
    return;
  OpBuilder b(map);
  map.yield().getValuesMutable().assign(values);
  auto less = MapOp::create(b, map.getLoc(), types, map->getOperands(), map->getAttrs());
  less.getBody().takeBody(map.getBody());
  for (auto [old, now] : llvm::zip(kept, less.getResults()))
    old.replaceAllUsesWith(now);
  map.erase();
}

void eraseDead(func::FuncOp func) {
  // Innermost and last first, so that one pass clears chains.
  std::function<void(Block &)> sweep = [&](Block &block) {
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block))) {
      for (Region &r : op.getRegions())
        for (Block &b : r)
          sweep(b);
      if (op.use_empty() && isMemoryEffectFree(&op) && !op.hasTrait<OpTrait::IsTerminator>())
        op.erase();
      else if (auto map = dyn_cast<MapOp>(op))
        dropUnusedResults(map);
    }
  };
  sweep(func.getBody().front());
}

namespace {
struct ScalarKey : llvm::DenseMapInfo<Operation *> {
  static unsigned getHashValue(const Operation *op) {
    return OperationEquivalence::computeHash(
        const_cast<Operation *>(op), OperationEquivalence::directHashValue,
        OperationEquivalence::ignoreHashValue, OperationEquivalence::IgnoreLocations);
  }
  static bool isEqual(const Operation *a, const Operation *b) {
    if (a == b)
      return true;
    if (a == getTombstoneKey() || a == getEmptyKey() || b == getTombstoneKey() ||
        b == getEmptyKey())
      return false;
    return OperationEquivalence::isEquivalentTo(
        const_cast<Operation *>(a), const_cast<Operation *>(b),
        OperationEquivalence::exactValueMatch, nullptr, OperationEquivalence::IgnoreLocations);
  }
};
} // namespace

void mergeEqualScalars(func::FuncOp func) {
  std::function<void(Block &,
                     llvm::SmallVectorImpl<llvm::DenseMap<Operation *, Operation *, ScalarKey>> &)>
      visit;
  visit = [&](Block &block, auto &scopes) {
    scopes.emplace_back();
    for (Operation &op : llvm::make_early_inc_range(block)) {
      if (op.getNumRegions()) {
        for (Region &r : op.getRegions())
          for (Block &b : r)
            visit(b, scopes);
        continue;
      }
      if (!isMemoryEffectFree(&op) || op.hasTrait<OpTrait::IsTerminator>())
        continue;
      Operation *same = nullptr;
      for (auto &scope : llvm::reverse(scopes))
        if (auto it = scope.find(&op); it != scope.end()) {
          same = it->second;
          break;
        }
      if (same) {
        op.replaceAllUsesWith(same);
        op.erase();
      } else {
        scopes.back()[&op] = &op;
      }
    }
    scopes.pop_back();
  };
  llvm::SmallVector<llvm::DenseMap<Operation *, Operation *, ScalarKey>> scopes;
  visit(func.getBody().front(), scopes);
}

} // namespace seq
