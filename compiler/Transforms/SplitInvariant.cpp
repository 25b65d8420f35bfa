//===- SplitInvariant.cpp - Reductions over the indices they depend on --------------------===//
#include "compiler/Transforms/Rewrite.h"
#include "compiler/Transforms/Transforms.h"

namespace seq {
#define GEN_PASS_DEF_SEQSPLITINVARIANT
#include "compiler/Transforms/Passes.h.inc"
} // namespace seq

using namespace mlir;
using namespace seq;

/// Moves `op` (with the scalars it needs) to a map over `used`, before `map`, and reads it
/// back at its place.
static void split(MapOp map, Operation *op, ArrayRef<BlockArgument> used) {
  OpBuilder b(map);
  SmallVector<Value> extents, dropped;
  for (BlockArgument a : map.indices())
    (llvm::is_contained(used, a) ? extents : dropped).push_back(map.getExtents()[a.getArgNumber()]);
  auto made = MapOp::create(b, op->getLoc(), op->getResultTypes(), extents,
                            [&](OpBuilder &in, Location l, ValueRange i) {
                              IRMapping mapping;
                              for (auto [a, v] : llvm::zip(used, i))
                                mapping.map(a, v);
                              for (Operation *o : scalarSlice(op, map.bodyBlock()))
                                in.clone(*o, mapping);
                              SmallVector<Value> out;
                              for (Value r : op->getResults())
                                out.push_back(mapping.lookup(r));
                              YieldOp::create(in, l, out);
                            });
  if (mayBeEmpty(dropped) && mayFail(made))
    failOnlyWithin(made.bodyBlock(), dropped);
  b.setInsertionPoint(op);
  SmallVector<Value> at(used.begin(), used.end());
  for (auto [r, tensor] : llvm::zip(op->getResults(), made.getResults()))
    r.replaceAllUsesWith(ReadOp::create(b, op->getLoc(), tensor, at).getResult());
  op->erase();
}

namespace {
struct SplitInvariant : seq::impl::SeqSplitInvariantBase<SplitInvariant> {
  void runOnOperation() override {
    SmallVector<MapOp> maps;
    getOperation().walk([&](MapOp m) { maps.push_back(m); });
    for (MapOp map : maps)
      for (Operation &op : llvm::make_early_inc_range(*map.bodyBlock())) {
        if (!isa<ReduceOp, PowerOp>(op) ||
            (isa<PowerOp>(op) && op.getOperand(1).getType().isIndex()))
          continue;
        auto used = indicesUsedBy(&op, map);
        SmallVector<BlockArgument> own;
        for (BlockArgument a : map.indices())
          if (used.contains(a))
            own.push_back(a);
        // Constant folding will take what depends on no index and no tensor.
        if (own.size() < map.indices().size())
          split(map, &op, own);
      }
    eraseDead(getOperation());
  }
};
} // namespace
