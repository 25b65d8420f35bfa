//===- Cost.cpp - What a form would take -----------------------------------------------------===//
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
// Threads: those of a team take sequences of their own in a scan, or, where these are fewer, share
// each step or leave the scan to one of them; of a scan without states, and of a map, each takes
// its part. So blocks of time pay where sequences are too few for the team.
//
// Constants: fitted to 450 timings (retention with a gate, gated linear attention, delta rules,
// rank 2, four heads, matrices of 16 x 16 to 256 x 256, sizes known and not, diagonals, maxima; all
// forms, chunks of 8, 16 and 32) on one thread of a server, half of them for AVX2 and half for
// AVX-512, for what they are worth as estimates and as choices. They give half of those with AVX2
// within 10 %; AVX-512 takes less time than is said. The form that they choose takes on average 2 %
// longer than the fastest of 83 shapes. docs/Derivation.md has the table and says where they are
// wrong.
//
// Rejected: flops and bytes alone (they prefer chunks for every matrix state: on the same
// timings 1.8 times the best on average); a term for each level of cache (no better on these data).
//
//===----------------------------------------------------------------------===//
#include "compiler/Transforms/Cost.h"

#include "compiler/Analysis/Sharing.h"
#include "compiler/Transforms/Rewrite.h"

using namespace mlir;
namespace seq {

// Nanoseconds.
static constexpr double kProduct = 0.008;
static constexpr double kSum = 0.05;
static constexpr double kNear = 0.0203;
static constexpr double kFar = 0.0215;
static constexpr double kScalar = 2.9;
static constexpr double kFunction = 0.3;
static constexpr double kMap = 2.6;
/// So much longer a reduction takes whose ranges are not constants.
static constexpr double kDynamic = 1.6;

/// What a thread adds that is not the first: it shares memory and clocks with the others.
static constexpr double kSecond = 0.8;
/// Until all have begun on a parallel scan, with what they fetch of the others' results.
static constexpr double kStart = 20000;

/// Points from which on a map runs in vectors.
static constexpr double kVector = 8;

/// Bytes of a tensor that stays in a first-level cache beside others.
static constexpr double kNearBytes = 24000;

double CostCounts::nanoseconds() const {
  return kProduct * products + kSum * sums + kNear * near + kFar * far + kScalar * scalars +
         kFunction * functions + kMap * maps;
}

namespace {

class Walk {
public:
  explicit Walk(const analysis::Sizes &sizes) : sizes(sizes) {}

  /// What the op does once, for one sequence.
  CostCounts take(Operation *o) {
    counts = CostCounts();
    op(o, 1);
    return counts;
  }

  double value(Value v) {
    auto [it, isNew] = values.try_emplace(v, 0);
    if (isNew)
      it->second = std::max(0.0, analysis::formulaOf(v, around).at(sizes));
    return it->second;
  }

private:
  void op(Operation *o, double times) {
    if (auto scan = dyn_cast<ScanOp>(o)) {
      double steps = value(scan.getExtent());
      around.push_back({scan.index(), std::max(0.0, steps - 1) / 2});
      for (Operation &inner : scan.bodyBlock()->without_terminator())
        op(&inner, times * steps);
      around.pop_back();
    } else if (auto map = dyn_cast<MapOp>(o)) {
      visit(map, times);
    }
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
      (mine < kVector ? counts.scalars : counts.functions) += times * n.functions * mine;
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
  CostCounts counts;
  SmallVector<std::pair<Value, double>> around; ///< indices of scans, in the middle
  llvm::DenseMap<Value, double> values, extentOf;
  bool allConstant = true; ///< ranges of the map, and of its reductions so far
};

/// Maps after which a barrier stands, once those that only others read at their own points have
/// joined these.
bool barrierFollows(MapOp map) {
  return hasReduction(map) ||
         llvm::any_of(map->getUsers(), [](Operation *o) { return isa<NextOp>(o); });
}

} // namespace

double CpuCost::shared(Operation *o, double one, double steps) const {
  double team = 1 + kSecond * double(threads - 1), all = one * double(batch);
  auto scan = dyn_cast<ScanOp>(o);
  if (!scan)
    return all / team;
  if (scan.getInits().empty() && threads > 1) {
    double items = steps * double(batch), rounds = std::ceil(items / double(threads));
    return items > 0 ? kStart + all / items * rounds * double(threads) / team : 0;
  }
  if (batch >= threads)
    return all / team * std::ceil(double(batch) / double(threads)) * double(threads) /
           double(batch);
  if (!analysis::worthSharing(scan, barrierFollows))
    return all;
  auto barriers = llvm::count_if(scan.bodyBlock()->getOps<MapOp>(), barrierFollows);
  return all / team + steps * analysis::kBarrierTime * double(barriers);
}

double CpuCost::costOf(ArrayRef<Operation *> ops, ValueRange, const analysis::Sizes &sizes) {
  Walk walk(sizes);
  double sum = 0;
  for (Operation *o : ops) {
    double one = walk.take(o).nanoseconds();
    if (threads > 1 || batch > 1) {
      auto scan = dyn_cast<ScanOp>(o);
      one = shared(o, one, scan ? walk.value(scan.getExtent()) : 1);
    }
    sum += one;
  }
  return sum;
}

void giveSizes(analysis::Sizes &sizes, StringRef given) {
  for (StringRef one : llvm::split(given, ',')) {
    auto [name, number] = one.split('=');
    int64_t n = 0;
    if (!number.getAsInteger(10, n))
      sizes[name.str()] = n;
  }
}

std::string sizesText(const analysis::Sizes &sizes) {
  std::string text;
  for (auto &[name, n] : sizes)
    text += (text.empty() ? "" : ", ") + name + "=" + std::to_string(n);
  return text;
}

} // namespace seq
