//===- Cost.cpp - What a form would take on one core -----------------------------------------===//
//
// Problem: a scan runs step by step, or a chunk of steps at a time by matrix products. The second
// does more operations and moves less memory; which is faster depends on the sizes.
//
// Method: count, in the ops of either form as they stand, what takes time, and weigh it. An op
// counts at the points that it depends on: in a map over (a, b) a function of g[a] is evaluated a
// times (seq-split-invariant sees to it), and of an operand that a tile of values shares, the load
// is done once. What is left are the operations of reductions, which run near the peak whatever the
// shape, and elements that are moved; elements of a tensor beyond the first-level cache cost more.
//
// Constants: fitted to 180 timings (retention with a constant and with a gate, gated linear
// attention, the delta rule with one decay and with one for each key, rank 2, four heads; matrices
// of 16 x 16 to 256 x 256; the sequential form and chunks of 8, 16 and 32) on one thread of a
// server with AVX2. They give half of these within 19 %, and the form that they choose takes on
// average 4 % longer than the fastest. docs/Derivation.md has the table and says where they are
// wrong.
//
// Rejected: flops and bytes alone (they prefer chunks for every matrix state: on the same
// timings 1.8 times the best on average); a term for each level of cache (no better on these data).
//
//===----------------------------------------------------------------------===//
#include "compiler/Transforms/Cost.h"
#include "compiler/Transforms/Rewrite.h"

using namespace mlir;
namespace seq {

// Nanoseconds.
static constexpr double kProduct = 0.025;
static constexpr double kSum = 0.095;
static constexpr double kNear = 0.018;
static constexpr double kFar = 0.033;
static constexpr double kFunction = 3.3;
static constexpr double kMap = 9.5;
/// So much longer a reduction takes whose ranges are not constants.
static constexpr double kDynamic = 1.6;

/// Bytes of a tensor that stays in a first-level cache beside others.
static constexpr double kNearBytes = 24000;

double CostCounts::nanoseconds() const {
  return kProduct * products + kSum * sums + kNear * near + kFar * far + kFunction * functions +
         kMap * maps;
}

namespace {

class Walk {
public:
  explicit Walk(const analysis::Sizes &sizes) : sizes(sizes) {}
  CostCounts counts;

  void op(Operation *o, double times) {
    if (auto scan = dyn_cast<ScanOp>(o)) {
      double steps = value(scan.getExtent());
      for (Operation &inner : scan.bodyBlock()->without_terminator())
        op(&inner, times * steps);
    } else if (auto map = dyn_cast<MapOp>(o)) {
      visit(map, times);
    }
  }

private:
  double value(Value v) {
    auto [it, isNew] = values.try_emplace(v, 0);
    if (isNew)
      it->second = std::max(0.0, analysis::formulaOf(v).at(sizes));
    return it->second;
  }

  static double words(Type element) { return element.isF64() || element.isIndex() ? 2 : 1; }

  void move(double elements, Type element, double times) {
    double n = elements * words(element);
    (4 * n > kNearBytes ? counts.far : counts.near) += times * n;
  }

  void addIndices(ValueRange indices, ValueRange extents) {
    for (auto [i, e] : llvm::zip(indices, extents)) {
      extentOf[i] = value(e);
      allConstant &= constantOf(e).has_value();
    }
  }

  double points(ValueRange indices) {
    double n = 1;
    for (Value i : indices)
      n *= extentOf.lookup(i);
    return n;
  }

  void visit(MapOp map, double times) {
    extentOf.clear();
    allConstant = true;
    SmallVector<Value> indices(map.indices().begin(), map.indices().end());
    addIndices(indices, map.getExtents());
    counts.maps += times;
    for (Value r : map.getResults())
      move(points(indices), cast<RankedTensorType>(r.getType()).getElementType(), times);
    body(map, *map.bodyBlock(), indices, nullptr, times);
  }

  /// `around`: the indices of the bodies that the block is in.
  void body(MapOp map, Block &block, ArrayRef<Value> around, ReduceOp within, double times) {
    for (Operation &o : block.without_terminator()) {
      double mine = points(indicesUsedBy(&o, map).takeVector());
      if (auto reduce = dyn_cast<ReduceOp>(o)) {
        SmallVector<Value> inner(around);
        llvm::append_range(inner, reduce.indices());
        addIndices(reduce.indices(), reduce.getExtents());
        body(map, *reduce.bodyBlock(), inner, reduce, times);
        SmallVector<Value> own(reduce.indices().begin(), reduce.indices().end());
        addProducts(times * mine * points(own) * reduce.getNumResults());
        counts.sums += times * mine;
        continue;
      }
      Operations<double> n = operationsOf(&o);
      counts.functions += times * n.functions * mine;
      if (within)
        addProducts(times * mine * (n.adds + n.multiplies + n.extremes + 4 * n.divisions) *
                    words(o.getResult(0).getType()));
      // In a reduction only what no two values of the map share is loaded for each of them.
      if (isa<ReadOp>(o) && (!within || mine >= points(around) || map.indices().size() == 1))
        move(mine, o.getResult(0).getType(), times);
    }
  }

  void addProducts(double n) { counts.products += allConstant ? n : kDynamic * n; }

  const analysis::Sizes &sizes;
  llvm::DenseMap<Value, double> values, extentOf;
  bool allConstant = true; ///< ranges of the map, and of its reductions so far
};

} // namespace

CostCounts costOf(ArrayRef<Operation *> ops, const analysis::Sizes &sizes) {
  Walk walk(sizes);
  for (Operation *o : ops)
    walk.op(o, 1);
  return walk.counts;
}

} // namespace seq
