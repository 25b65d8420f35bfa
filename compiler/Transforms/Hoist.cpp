//===- Hoist.cpp - What a step does not owe to its state -------------------------------------===//
//
//   scan t (h) {                              %p = map (t, j) { sum_k w[j, k] x[t, k] }
//     map (j) { sum_k w[j, k] x[t, k]    →    scan t (h) {
//             + sum_k u[j, k] h[k] }            map (j) { p[t, j] + sum_k u[j, k] h[k] }
//
// A value of the step owes nothing to the state when no chain of reads leads from it to a
// state or to an op of the step that does. Its maps are cloned outside with the scan's
// index as a leading index of their own.
//
// Out of a scan whose steps are tiles only what is the same in all of them moves: the scores of a
// block of keys owe nothing to the running maximum, and all blocks of them are T by T.
//
//===----------------------------------------------------------------------===//
#include "compiler/Transforms/Rewrite.h"
#include "compiler/Transforms/Transforms.h"

namespace seq {
#define GEN_PASS_DEF_SEQHOIST
#include "compiler/Transforms/Passes.h.inc"
} // namespace seq

using namespace mlir;
using namespace seq;

namespace {

class ScanHoister {
public:
  explicit ScanHoister(ScanOp scan) : scan(scan), body(scan.bodyBlock()) {}

  void run() {
    findStateful();
    // Constants first, so that they serve outside too.
    for (Operation &op : llvm::make_early_inc_range(*body))
      if (isa<arith::ConstantOp>(op))
        op.moveBefore(scan);
    for (Operation &op : llvm::make_early_inc_range(*body))
      if (auto map = dyn_cast<MapOp>(op))
        visit(map);
  }

private:
  void findStateful() {
    for (Value s : scan.states())
      stateful.insert(s);
    for (Operation &op : *body) {
      // An inner scan stays where it is, and with it what reads it.
      bool owes = isa<ScanOp>(op);
      for (Value v : capturedBy(&op))
        owes |= stateful.contains(v);
      if (owes)
        stateful.insert(op.getResults().begin(), op.getResults().end());
    }
  }

  bool free(Operation *op) {
    for (Value v : capturedBy(op))
      if (stateful.contains(v))
        return false;
    return true;
  }

  /// A map that reads neither a state nor anything of the step, nor uses its index.
  bool constantOverSteps(MapOp map) {
    for (Value v : capturedBy(map))
      if (v.getParentRegion() == body->getParent())
        return false;
    return true;
  }

  void visit(MapOp map) {
    if (constantOverSteps(map)) {
      if (mayBeEmpty(scan.getExtent()) && needsPoint(map))
        doOnlyWithin(map.bodyBlock(), scan.getExtent());
      map->moveBefore(scan);
      return note(map.getLoc());
    }
    if (scan->hasAttr(kTileAttr))
      return;
    if (free(map) && hasReduction(map))
      return replaceWhole(map);
    // Parts of its body.
    for (Operation &op : llvm::make_early_inc_range(*map.bodyBlock())) {
      auto reduce = dyn_cast<ReduceOp>(op);
      if (!reduce)
        continue;
      auto slice = scalarSlice(reduce, map.bodyBlock());
      bool clean = true;
      for (Operation *o : slice)
        clean &= freeIn(o, map);
      if (clean)
        replacePart(map, reduce);
    }
  }

  /// Remembers for explanations what left the step.
  void note(Location loc) {
    SmallVector<Attribute> places;
    if (auto old = scan->getAttrOfType<ArrayAttr>(kHoistedAttr))
      places.append(old.begin(), old.end());
    places.push_back(cast<LocationAttr>(loc));
    scan->setAttr(kHoistedAttr, ArrayAttr::get(scan.getContext(), places));
  }

  bool freeIn(Operation *o, MapOp map) {
    for (Value v : capturedBy(o))
      if (stateful.contains(v))
        return false;
    return true;
  }

  /// A tensor of the step outside of the scan: with a leading index where it depends on
  /// the step's (then `leading`), as it is where it does not.
  struct Outside {
    Value tensor;
    bool leading;
  };

  Outside outside(Value tensor) {
    if (tensor.getParentRegion() != body->getParent())
      return {tensor, false};
    auto it = moved.find(tensor);
    if (it != moved.end())
      return it->second;
    auto map = tensor.getDefiningOp<MapOp>();
    Outside o = makeOutside(map, cast<OpResult>(tensor).getResultNumber(), nullptr);
    return moved[tensor] = o;
  }

  /// Index arithmetic of the step (`t + 1`) is repeated outside.
  void bring(OpBuilder &in, Value v, IRMapping &mapping) {
    Operation *d = v.getDefiningOp();
    if (!d || d->getBlock() != body || isa<TensorType>(v.getType()) || mapping.contains(v))
      return;
    for (Value o : d->getOperands())
      bring(in, o, mapping);
    in.clone(*d, mapping);
  }

  /// Clones `map` before the scan, over its own indices and the scan's.
  Outside makeOutside(MapOp map, unsigned result, Operation *only) {
    OpBuilder b(scan);
    SmallVector<Value> extents{scan.getExtent()};
    // The indices: of a part, those that it uses.
    SmallVector<BlockArgument> own;
    if (only) {
      auto used = indicesUsedBy(only, map);
      for (BlockArgument a : map.indices())
        if (used.contains(a))
          own.push_back(a);
    } else {
      own.assign(map.indices().begin(), map.indices().end());
    }
    for (BlockArgument a : own)
      extents.push_back(map.getExtents()[a.getArgNumber()]);
    Value out = only ? only->getResult(result) : map.yield().getValues()[result];
    // Operands from the step are moved first.
    llvm::SetVector<Operation *> ops;
    if (only)
      ops = scalarSlice(only, map.bodyBlock());
    else
      for (Operation &o : map.bodyBlock()->without_terminator())
        ops.insert(&o);
    llvm::DenseMap<Value, Outside> tensors;
    for (Operation *o : ops)
      o->walk([&](ReadOp r) {
        if (r.getTensor().getParentRegion() == body->getParent())
          tensors[r.getTensor()] = outside(r.getTensor());
      });
    b.setInsertionPoint(scan);
    auto made = MapOp::create(b, map.getLoc(), TypeRange(out.getType()), extents,
                              [&](OpBuilder &in, Location l, ValueRange i) {
                                IRMapping mapping;
                                mapping.map(scan.index(), i[0]);
                                for (Operation *o : ops)
                                  for (Value v : capturedBy(o))
                                    bring(in, v, mapping);
                                for (auto [a, v] : llvm::zip(own, i.drop_front()))
                                  mapping.map(a, v);
                                SmallVector<Operation *> copies;
                                for (Operation *o : ops)
                                  copies.push_back(in.clone(*o, mapping));
                                for (Operation *c : copies)
                                  c->walk([&](ReadOp r) {
                                    auto it = tensors.find(r.getTensor());
                                    if (it == tensors.end())
                                      return;
                                    r.getTensorMutable().assign(it->second.tensor);
                                    if (it->second.leading) {
                                      SmallVector<Value> at{i[0]};
                                      llvm::append_range(at, r.getIndices());
                                      r.getIndicesMutable().assign(at);
                                    }
                                  });
                                YieldOp::create(in, l, ValueRange(mapping.lookupOrDefault(out)));
                              });
    return {made.getResult(0), true};
  }

  void replaceWhole(MapOp map) {
    for (auto reduce : map.bodyBlock()->getOps<ReduceOp>())
      note(reduce.getLoc());
    for (Value r : map.getResults()) {
      if (r.use_empty())
        continue;
      Outside o = outside(r);
      // Read at the index: a map of the step that fusion dissolves.
      OpBuilder b(map);
      auto view = MapOp::create(
          b, map.getLoc(), TypeRange(cast<RankedTensorType>(r.getType()).getElementType()),
          map.getExtents(), [&](OpBuilder &in, Location l, ValueRange i) {
            SmallVector<Value> at{scan.index()};
            llvm::append_range(at, i);
            YieldOp::create(in, l, ValueRange(ReadOp::create(in, l, o.tensor, at).getResult()));
          });
      view.getResult(0).setType(cast<RankedTensorType>(r.getType()));
      r.replaceAllUsesWith(view.getResult(0));
    }
    map.erase();
  }

  void replacePart(MapOp map, ReduceOp reduce) {
    note(reduce.getLoc());
    auto used = indicesUsedBy(reduce, map);
    SmallVector<Value> at{scan.index()};
    for (BlockArgument a : map.indices())
      if (used.contains(a))
        at.push_back(a);
    for (unsigned k = 0; k < reduce.getNumResults(); ++k) {
      Outside o = makeOutside(map, k, reduce);
      OpBuilder b(reduce);
      reduce.getResult(k).replaceAllUsesWith(
          ReadOp::create(b, reduce.getLoc(), o.tensor, at).getResult());
    }
    reduce.erase();
  }

  ScanOp scan;
  Block *body;
  llvm::DenseSet<Value> stateful;
  llvm::DenseMap<Value, Outside> moved;
};

} // namespace

void seq::hoistFrom(ScanOp scan) {
  ScanHoister(scan).run();
}

namespace {
struct Hoist : seq::impl::SeqHoistBase<Hoist> {
  void runOnOperation() override {
    SmallVector<ScanOp> scans;
    getOperation().walk<WalkOrder::PostOrder>([&](ScanOp s) { scans.push_back(s); });
    for (ScanOp s : scans)
      if (!s->hasAttr(kOnceAttr))
        hoistFrom(s);
    eraseDead(getOperation());
  }
};

} // namespace
