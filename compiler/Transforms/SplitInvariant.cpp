//===- SplitInvariant.cpp - Costly expressions over the indices that they depend on --------===//
//
//   map (t, a, b) {                              %d = map (t, a) { σ(g[t, a]) }
//     σ(g[t, a]) * s[a, b] }                →    map (t, a, b) { %d[t, a] * s[a, b] }
//
// In the body on the left the function is evaluated again for each b, one number at a time. On
// the right it is evaluated once, in vector lanes, and read back.
//
// Of a body's expression the largest part over fewer indices moves: its value is what a reader
// combines with other indices. So `exp(dt[t, e]) * k[t, e]` moves as a product, and of
// `exp(f[a]) * exp(g[b]) * x[c]` the two functions move, not their product of one operation.
//
// The steps of a scan are one more index: what does not depend on them, `exp(A[e, n])` in
// `exp(dt[t, e] * exp(A[e, n])) * h[e, n]`, moves before the scan.
//
// A reduction's body counts as well: the function in `sum[k](silu(x[t, k]) * w[o, k])`, in a map
// over (t, o), is one over (t, k). Such a tensor is made only where it is no larger than one
// that its expression reads: weights by distance over (t, k) would be T by T numbers.
//
//===----------------------------------------------------------------------===//
#include "compiler/Transforms/Rewrite.h"
#include "compiler/Transforms/Transforms.h"

namespace seq {
#define GEN_PASS_DEF_SEQSPLITINVARIANT
#include "compiler/Transforms/Passes.h.inc"
} // namespace seq

using namespace mlir;
using namespace seq;

/// Worth a store and a load rather than a second evaluation.
static bool isCostly(Operation *op) {
  if (auto u = dyn_cast<UnaryOp>(op))
    return !llvm::is_contained({UnaryKind::abs, UnaryKind::sign, UnaryKind::floor, UnaryKind::relu,
                                UnaryKind::sqrt, UnaryKind::rsqrt},
                               u.getKind());
  if (auto p = dyn_cast<PowerOp>(op))
    return !p.getExponent().getType().isIndex();
  return isa<ReduceOp>(op);
}

namespace {

/// The splitting of one map.
class Splitter {
public:
  explicit Splitter(MapOp map) : map(map), scan(dyn_cast<ScanOp>(map->getParentOp())) {
    // Steps that are tiles are not taken apart.
    if (scan && scan->hasAttr(kTileAttr))
      scan = nullptr;
  }

  void run() {
    SmallVector<Value> indices(map.indices().begin(), map.indices().end());
    visit(*map.bodyBlock(), indices, map.getExtents());
  }

private:
  struct Index {
    Value argument, extent;
  };

  void visit(Block &block, ArrayRef<Value> indices, ValueRange extents) {
    for (auto [a, e] : llvm::zip_equal(indices, extents))
      around.push_back({a, e});
    for (Operation &op : llvm::make_early_inc_range(block.without_terminator())) {
      // A reduction that moves does so whole.
      auto reduce = dyn_cast<ReduceOp>(op);
      if (reduce && !usesFewer(&op)) {
        SmallVector<Value> inner(reduce.indices().begin(), reduce.indices().end());
        visit(*reduce.bodyBlock(), inner, reduce.getExtents());
      }
      consider(&op);
    }
    around.resize(around.size() - indices.size());
  }

  bool usesFewer(Operation *op) {
    if (scan && constantOf(scan.getExtent()) != 1 && !dependsOnStep(op))
      return true;
    auto uses = indicesUsedBy(op, map);
    return llvm::any_of(around, [&](const Index &i) {
      return !uses.contains(i.argument) && constantOf(i.extent) != 1;
    });
  }

  /// Whether the value is another one in each step of the scan around the map.
  bool dependsOnStep(Operation *op) {
    for (Operation *o : expressionOf(op))
      for (Value v : capturedBy(o)) {
        Operation *owner = v.getParentRegion()->getParentOp();
        if (scan->isAncestor(owner) && !map->isAncestor(owner))
          return true;
      }
    return false;
  }

  void consider(Operation *op) {
    if (!movable(op) || !usesFewer(op))
      return;
    auto uses = indicesUsedBy(op, map);
    SmallVector<Index> own;
    SmallVector<Value> dropped;
    for (const Index &i : around)
      if (uses.contains(i.argument))
        own.push_back(i);
      else
        dropped.push_back(i.extent);
    bool everyStep = !scan || dependsOnStep(op);
    if (!isLargest(op, uses, everyStep))
      return;
    auto expression = expressionOf(op);
    if (llvm::none_of(expression, isCostly) || !readsTensor(expression))
      return;
    if (op->getBlock() != map.bodyBlock() &&
        !mayLeaveReduction(own, expression, mayBeEmpty(dropped)))
      return;
    if (everyStep)
      return split(op, own, dropped, expression, map);
    if (llvm::any_of(own, [&](Index i) {
          return scan->isAncestor(i.extent.getParentRegion()->getParentOp());
        }))
      return;
    dropped.push_back(scan.getExtent());
    split(op, own, dropped, expression, scan);
  }

  static bool movable(Operation *op) {
    if (isa<ReduceOp>(op))
      return true;
    return !isa<arith::ConstantOp, ReadOp>(op) && op->getNumResults() == 1 &&
           (isa<FloatType>(op->getResult(0).getType()) || op->getResult(0).getType().isInteger(32));
  }

  /// Some reader combines the value with other indices, ends the body, or cannot move itself.
  bool isLargest(Operation *op, const llvm::SetVector<Value> &uses, bool everyStep) {
    return llvm::any_of(op->getUsers(), [&](Operation *user) {
      if (isa<YieldOp>(user) || !movable(user))
        return true;
      auto more = indicesUsedBy(user, map);
      return more.size() != uses.size() || (!everyStep && dependsOnStep(user));
    });
  }

  /// The ops of the map that the value needs, in order: those of bodies around it, and whole
  /// reductions.
  llvm::SetVector<Operation *> expressionOf(Operation *op) {
    llvm::SetVector<Operation *> out;
    std::function<void(Operation *)> add = [&](Operation *o) {
      if (out.contains(o))
        return;
      for (Value v : capturedBy(o))
        if (Operation *d = v.getDefiningOp(); d && map->isProperAncestor(d))
          add(d);
      out.insert(o);
    };
    add(op);
    return out;
  }

  /// Without: constant folding will take it.
  static bool readsTensor(const llvm::SetVector<Operation *> &expression) {
    return llvm::any_of(expression, [](Operation *o) {
      return o->walk([](ReadOp) { return WalkResult::interrupt(); }).wasInterrupted();
    });
  }

  /// From a reduction's body: nothing that may fail (its points may be absent), over ranges that
  /// are known before the map, no larger than a tensor that is read.
  bool mayLeaveReduction(ArrayRef<Index> own, const llvm::SetVector<Operation *> &expression,
                         bool perhapsNoPoint) {
    if (llvm::any_of(expression, perhapsNoPoint ? needsPoint : mayFail))
      return false;
    bool ofReduction = false;
    for (Index i : own) {
      if (map->isAncestor(i.extent.getParentRegion()->getParentOp()))
        return false;
      ofReduction |= !llvm::is_contained(map.indices(), i.argument);
    }
    auto coversAll = [&](ReadOp read) {
      bool all = llvm::all_of(
          own, [&](const Index &i) { return llvm::is_contained(read.getIndices(), i.argument); });
      return all ? WalkResult::interrupt() : WalkResult::advance();
    };
    return !ofReduction || llvm::any_of(expression, [&](Operation *o) {
      return o->walk(coversAll).wasInterrupted();
    });
  }

  /// Computes `op` in a map of its own before `place`, and reads it back where it stands.
  void split(Operation *op, ArrayRef<Index> own, ArrayRef<Value> dropped,
             const llvm::SetVector<Operation *> &expression, Operation *place) {
    OpBuilder b(place);
    SmallVector<Value> extents, at;
    for (const Index &i : own) {
      extents.push_back(i.extent);
      at.push_back(i.argument);
    }
    auto made = MapOp::create(b, op->getLoc(), op->getResultTypes(), extents,
                              [&](OpBuilder &in, Location l, ValueRange i) {
                                IRMapping mapping;
                                mapping.map(at, i);
                                for (Operation *o : expression)
                                  in.clone(*o, mapping);
                                SmallVector<Value> out;
                                for (Value r : op->getResults())
                                  out.push_back(mapping.lookup(r));
                                YieldOp::create(in, l, out);
                              });
    if (mayBeEmpty(dropped) && needsPoint(made))
      doOnlyWithin(made.bodyBlock(), dropped);
    b.setInsertionPoint(op);
    for (auto [r, tensor] : llvm::zip(op->getResults(), made.getResults()))
      r.replaceAllUsesWith(ReadOp::create(b, op->getLoc(), tensor, at).getResult());
    op->erase();
    Splitter(made).run();
  }

  MapOp map;
  ScanOp scan;               ///< whose step the map is in; null: none
  SmallVector<Index> around; ///< the indices of the bodies around the op
};

struct SplitInvariant : seq::impl::SeqSplitInvariantBase<SplitInvariant> {
  void runOnOperation() override {
    SmallVector<MapOp> maps;
    getOperation().walk([&](MapOp m) { maps.push_back(m); });
    // Constants serve outside of the steps too.
    SmallVector<ScanOp> scans;
    getOperation().walk<WalkOrder::PreOrder>([&](ScanOp s) { scans.push_back(s); });
    for (ScanOp scan : llvm::reverse(scans))
      for (Operation &op : llvm::make_early_inc_range(*scan.bodyBlock()))
        if (isa<arith::ConstantOp>(op))
          op.moveBefore(scan);
    for (MapOp map : maps)
      Splitter(map).run();
    eraseDead(getOperation());
  }
};
} // namespace
