//===- Lanes.cpp - Which index of a map runs in lanes ---------------------------------===//
//
// A map over (t, j) with a sum over k is a matrix product, a mean over features is a
// dot product with ones, an elementwise map is a copy: one decision serves all. For each
// index of the map the cost of a point is estimated with that index in the lanes of the
// vectors: a read that is contiguous in it costs 1 / width, one that does not move with it
// is shared, one that strides is a gather. Reads of weights inside reductions count as
// contiguous whatever their layout, since they are packed (below). Without any lane index
// reductions run in lanes themselves.
//
// A GPU's lanes are the threads of a warp: what is a vector's load there is a coalesced one here.
//
//===----------------------------------------------------------------------===//
#include "compiler/Lowering/Common/Lanes.h"

using namespace mlir;
namespace seq::lowering {

namespace {

/// How a body's value moves with one index.
enum class Motion { None, One, Strided, Gathered };

class Cost {
public:
  Cost(MapOp map, llvm::function_ref<bool(ReadOp)> packable, Value lane = {})
      : map(map), packable(packable), lane(lane) {}

  /// Cost of a point with `lane` (an index of the map, or null: reductions in lanes).
  double point(Value lane, unsigned width) {
    this->lane = lane;
    this->width = width;
    reductionsInLanes = !lane;
    motion.clear();
    double cost = block(*map.bodyBlock(), 1);
    if (!lane)
      return cost;
    // Stores: the lane index should be the last one.
    bool last = lane == Value(map.indices().back());
    return cost + map.getNumResults() * (last ? 1.0 / width : 1.2);
  }

  Access accessOf(ReadOp read) {
    Motion m = Motion::None;
    bool contiguous = true;
    for (auto [k, i] : llvm::enumerate(read.getIndices())) {
      Motion x = of(i);
      m = std::max(m, x);
      bool last = k + 1 == read.getIndices().size();
      contiguous &= x == Motion::None || (x == Motion::One && last);
    }
    return m == Motion::None ? Access::Shared : contiguous ? Access::Contiguous : Access::Apart;
  }

  Motion of(Value v) {
    if (v == lane)
      return Motion::One;
    Operation *op = v.getDefiningOp();
    if (!op || !op->getParentOfType<MapOp>())
      return Motion::None;
    auto it = motion.find(v);
    if (it != motion.end())
      return it->second;
    return motion[v] = compute(op);
  }

private:
  Motion compute(Operation *op) {
    if (auto reduce = dyn_cast<ReduceOp>(op)) {
      if (!lane || inLanes(reduce))
        return Motion::None;
      Motion m = Motion::None;
      for (Value o : reduce.yield()->getOperands())
        m = std::max(m, of(o));
      return m == Motion::None ? m : Motion::Gathered;
    }
    Motion m = Motion::None;
    for (Value o : op->getOperands())
      if (!isa<TensorType>(o.getType()))
        m = std::max(m, of(o));
    if (m == Motion::None || m == Motion::Gathered)
      return m;
    if (isa<arith::AddIOp>(op))
      return m;
    if (isa<arith::SubIOp>(op))
      return of(op->getOperand(1)) == Motion::None ? m : Motion::Strided;
    return isa<arith::MulIOp>(op) ? Motion::Strided : Motion::Gathered;
  }

  bool inLanes(ReduceOp reduce) {
    if (!reductionsInLanes)
      return false;
    for (Operation &o : *reduce.bodyBlock())
      if (isa<ReduceOp>(o))
        return false;
    return true;
  }

  double readCost(ReadOp read, bool inReduce) {
    Access access = accessOf(read);
    if (access == Access::Shared) // by the lanes, where there are any
      return lane ? 1.0 / width : 1.0;
    if (access == Access::Contiguous || (inReduce && packable(read)))
      return 1.0 / width;
    return 1.5;
  }

  double block(Block &b, double weight) {
    double cost = 0;
    for (Operation &op : b.without_terminator()) {
      if (auto reduce = dyn_cast<ReduceOp>(op)) {
        double trip = 1;
        for (Value e : reduce.getExtents())
          trip *= double(Code::constant(e).value_or(64));
        Value saved = lane;
        bool folded = false;
        if (!lane) {
          folded = inLanes(reduce);
          if (folded)
            lane = reduce.indices().back();
        }
        llvm::DenseMap<Value, Motion> keep;
        std::swap(keep, motion);
        cost += block(*reduce.bodyBlock(), weight * std::max(trip, 1.0));
        std::swap(keep, motion);
        lane = saved;
        if (folded)
          cost += weight * 12.0;
      } else if (auto read = dyn_cast<ReadOp>(op)) {
        cost += weight * readCost(read, b.getParentOp() != map.getOperation());
      } else if (!isa<arith::ConstantOp>(op)) {
        double ops = isa<UnaryOp>(op) ? 16 : isa<PowerOp>(op) ? 60 : 1;
        // Scalars without a lane index are one op a point.
        cost += weight * ops / (lane ? width : 1);
      }
    }
    return cost;
  }

  MapOp map;
  llvm::function_ref<bool(ReadOp)> packable;
  Value lane;
  unsigned width = 1;
  bool reductionsInLanes = false;
  llvm::DenseMap<Value, Motion> motion;
};

} // namespace

void IndexUse::collect(Value v) {
  if (auto a = dyn_cast<BlockArgument>(v)) {
    if (isa<MapOp, ReduceOp>(a.getOwner()->getParentOp()))
      indices.insert(v);
    else
      pure = false;
    return;
  }
  Operation *op = v.getDefiningOp();
  if (isa<arith::ConstantOp>(op))
    return;
  if (!op->getParentOfType<MapOp>() || isa<ReadOp, ReduceOp>(op)) {
    pure = false;
    known &= !op->getParentOfType<MapOp>();
    return;
  }
  for (Value o : op->getOperands())
    collect(o);
}

std::optional<int64_t> extentOf(Value index) {
  auto a = cast<BlockArgument>(index);
  Operation *owner = a.getOwner()->getParentOp();
  ValueRange extents = isa<MapOp>(owner) ? ValueRange(cast<MapOp>(owner).getExtents())
                                         : ValueRange(cast<ReduceOp>(owner).getExtents());
  return Code::constant(extents[a.getArgNumber()]);
}

unsigned vectorWidth(MapOp map, const Target &target) {
  unsigned bytes = 4;
  map->walk([&](Operation *op) {
    for (Type t : op->getResultTypes())
      if (t.isF64())
        bytes = 8;
  });
  return target.vectorBytes / bytes;
}

int chooseLane(MapOp map, unsigned width, llvm::function_ref<bool(ReadOp)> packable) {
  Cost cost(map, packable);
  int lane = -1;
  double best = cost.point({}, width);
  for (auto [k, index] : llvm::enumerate(map.indices())) {
    auto extent = Code::constant(map.getExtents()[k]);
    double x = cost.point(index, width);
    if (extent && *extent < int64_t(width))
      x *= double(width) / double(std::max<int64_t>(*extent, 1));
    if (x < best) {
      best = x;
      lane = k;
    }
  }
  return lane;
}

Access accessOf(MapOp map, ReadOp read, Value lane) {
  return Cost(map, [](ReadOp) { return false; }, lane).accessOf(read);
}

bool canPack(ReadOp read, const llvm::DenseSet<Value> &prepared) {
  if (!prepared.contains(read.getTensor()) || read.getGuard() || read.getCheck() ||
      !isa<ReduceOp>(read->getParentOp()))
    return false;
  IndexUse use(read);
  return use.pure && llvm::all_of(use.indices, [](Value v) { return extentOf(v).has_value(); });
}

} // namespace seq::lowering
