//===- Plan.cpp - Which index runs in lanes, which in rows ---------------------------===//
//
// A map over (t, j) with a sum over k is a matrix product, a mean over features is a
// dot product with ones, an elementwise map is a copy: one decision serves all. For each
// index of the map the cost of a point is estimated with that index in the lanes of the
// vectors: a read that is contiguous in it costs 1 / width, one that does not move with it
// is shared, one that strides is a gather. Reads of weights inside reductions count as
// contiguous whatever their layout, since they are packed (below). Without any lane index
// reductions run in lanes themselves.
//
// Rows: where a reduction reads something that moves with the lanes but not with another
// index, several values of that index share each load: the register rows. In a scan's step
// that index is the batch, in a product over time it is t.
//
// Packing: a weight read in a reduction's loop becomes a stream in `prepared`, laid out in
// the order in which the loop consumes it: for each block of lanes, each step of the
// loop, the vectors of that step (an LSTM's four gates side by side).
//
//===----------------------------------------------------------------------===//
#include "compiler/Lowering/Cpu/Lower.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
namespace seq::cpu {

namespace {

/// How a body's value moves with one index.
enum class Motion { None, One, Strided, Gathered };

class Cost {
public:
  Cost(MapOp map, llvm::function_ref<bool(ReadOp)> packable) : map(map), packable(packable) {}

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
    Motion m = Motion::None;
    bool contiguous = true;
    for (auto [k, i] : llvm::enumerate(read.getIndices())) {
      Motion x = of(i);
      m = std::max(m, x);
      bool last = k + 1 == read.getIndices().size();
      contiguous &= x == Motion::None || (x == Motion::One && last);
    }
    if (m == Motion::None) // shared by the lanes, where there are any
      return lane ? 1.0 / width : 1.0;
    if (contiguous || (inReduce && packable(read)))
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

/// The indices of the map and of reductions that a read's place is computed from.
struct IndexUse {
  llvm::SetVector<Value> indices;
  bool pure = true;  ///< from these and constants alone
  bool known = true; ///< from these and what is the same for all points of the map

  explicit IndexUse(ReadOp read) {
    for (Value i : read.getIndices())
      collect(i);
  }
  bool uses(Value index) const { return indices.contains(index); }

private:
  void collect(Value v) {
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
};

} // namespace

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

/// A read of a weight, in a reduction, at places that only indices with constant ranges give.
static bool canPack(ReadOp read, const llvm::DenseSet<Value> &prepared) {
  if (!prepared.contains(read.getTensor()) || read.getGuard() || read.getCheck() ||
      !isa<ReduceOp>(read->getParentOp()))
    return false;
  IndexUse use(read);
  return use.pure && llvm::all_of(use.indices, [](Value v) { return extentOf(v).has_value(); });
}

/// The index of the map with the cheapest point in lanes, or −1.
static int chooseLane(MapOp map, unsigned width, Cost cost) {
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

/// The most sums that one loop of the map's body computes side by side; 0: no reduction.
static unsigned sumsSideBySide(MapOp map) {
  unsigned sums = 0;
  map->walk([&](ReduceOp r) { sums = std::max(sums, (unsigned)r.getNumResults()); });
  return sums;
}

/// True where all sequences have the same ranges for the map and its reductions.
bool FunctionLowering::uniformExtents(MapOp map) {
  bool uniform = true;
  map->walk([&](Operation *op) {
    ValueRange extents;
    if (auto m = dyn_cast<MapOp>(op))
      extents = m.getExtents();
    else if (auto r = dyn_cast<ReduceOp>(op))
      extents = r.getExtents();
    for (Value e : extents)
      uniform &= !dependsOnBatch(e);
  });
  return uniform;
}

/// Reads inside reductions that move with the lanes and are the same for all values of
/// `row`: each is loaded once for the whole tile.
unsigned FunctionLowering::readsSharedByRows(MapOp map, int lane, int row) {
  unsigned shared = 0;
  map->walk([&](ReadOp read) {
    auto reduce = dyn_cast<ReduceOp>(read->getParentOp());
    if (!reduce)
      return;
    IndexUse use(read);
    Value moving = lane >= 0 ? map.indices()[lane] : reduce.indices().back();
    bool independent;
    if (row == MapPlan::kBatch)
      independent =
          (isPrepared(read.getTensor()) || !bufferOf(read.getTensor()).perBatch) && use.pure;
    else
      independent = !use.uses(map.indices()[row]) && use.known;
    shared += use.uses(moving) && independent;
  });
  return shared;
}

/// The first index whose values share reads, and how many.
std::pair<int, unsigned> FunctionLowering::chooseRow(MapOp map, int lane, bool inScan) {
  SmallVector<int> candidates;
  if (inScan && uniformExtents(map))
    candidates.push_back(MapPlan::kBatch);
  for (int k = 0; k < int(map.indices().size()); ++k)
    if (k != lane)
      candidates.push_back(k);
  for (int row : candidates)
    if (unsigned shared = readsSharedByRows(map, lane, row))
      return {row, shared};
  return {MapPlan::kNone, 0};
}

/// The sizes of the tiles: as many accumulators as hide the latency of their additions, and
/// fit the registers beside the `moving` streams of vectors that feed them.
static void chooseTile(MapPlan &p, MapOp map, unsigned sums, unsigned moving, unsigned regs) {
  if (p.lane < 0) {
    // Reductions in lanes: four vectors of accumulators a row.
    if (p.row != MapPlan::kNone)
      p.rows = {regs >= 32 ? 4u : 2u, 1};
    return;
  }
  p.vectorsSingle = sums >= 8 ? 1 : sums >= 3 ? 2 : regs >= 32 ? 8 / sums : 4 / sums;
  if (auto n = Code::constant(map.getExtents()[p.lane]))
    while (p.vectorsSingle > 1 && int64_t(p.vectorsSingle * p.width) > *n)
      p.vectorsSingle /= 2;
  p.vectors = p.vectorsSingle;
  if (p.row == MapPlan::kNone)
    return;
  p.vectors = sums >= 3 ? 1 : sums == 2 ? 2 : regs >= 32 ? 4 : 2;
  p.vectors = std::min(p.vectors, p.vectorsSingle);
  unsigned accumulators = sums * p.vectors;
  unsigned streams = std::max(moving, sums) * p.vectors;
  unsigned high = regs > streams + 2 ? (regs - streams - 1) / accumulators : 1;
  high = std::clamp(high, 1u, 8u);
  if (high >= 6)
    p.rows = {high, 4, 1};
  else if (high >= 4)
    p.rows = {high, 2, 1};
  else if (high > 1)
    p.rows = {high, 1};
}

MapPlan FunctionLowering::plan(MapOp map, bool inScan) {
  MapPlan p;
  p.width = vectorWidth(map, target);
  p.rows = {1};
  auto packable = [&](ReadOp r) { return canPack(r, prepared); };
  p.lane = chooseLane(map, p.width, Cost(map, packable));
  unsigned sums = sumsSideBySide(map);
  if (sums == 0)
    return p;
  auto [row, shared] = chooseRow(map, p.lane, inScan);
  p.row = row;
  chooseTile(p, map, sums, shared, target.vectorRegisters);
  return p;
}

/// The stream of `read`: the indices that its vectors are laid out by. Null where they are
/// not all of the map's or of the reductions around it, or where rows read different ones.
static std::unique_ptr<Pack> layOut(ReadOp read, MapOp map, const MapPlan &plan) {
  IndexUse use(read);
  Value lane = map.indices()[plan.lane];
  if (!use.uses(lane) || (plan.row >= 0 && use.uses(map.indices()[plan.row])))
    return nullptr;
  auto pack = std::make_unique<Pack>();
  pack->map = map;
  pack->elem = read.getType();
  pack->lane = lane;
  for (Value a : map.indices())
    if (use.uses(a) && a != lane)
      pack->outer.push_back(a);
  SmallVector<ReduceOp> chain;
  for (Operation *o = read->getParentOp(); isa<ReduceOp>(o); o = o->getParentOp())
    chain.push_back(cast<ReduceOp>(o));
  for (ReduceOp r : llvm::reverse(chain))
    for (Value a : r.indices())
      if (use.uses(a))
        pack->inner.push_back(a);
  bool complete = use.indices.size() == pack->outer.size() + pack->inner.size() + 1;
  if (!complete || pack->inner.empty())
    return nullptr;
  // Whole tiles are read.
  unsigned tile = std::max(plan.vectors, plan.vectorsSingle);
  pack->laneBlocks = llvm::alignTo(llvm::divideCeil(*extentOf(lane), plan.width), tile);
  pack->unit = plan.vectors;
  return pack;
}

void FunctionLowering::planPacks(MapOp map, const MapPlan &plan) {
  if (!packsPlanned.insert(map).second || plan.lane < 0 || inPrepare)
    return;
  map->walk([&](ReduceOp reduce) {
    size_t firstHere = packList.size();
    for (auto read : reduce.bodyBlock()->getOps<ReadOp>()) {
      std::unique_ptr<Pack> fresh;
      if (canPack(read, prepared))
        fresh = layOut(read, map, plan);
      if (!fresh)
        continue;
      // Reads with the same indices lie side by side in one stream.
      auto here = llvm::drop_begin(packList, firstHere);
      auto same = llvm::find_if(here, [&](auto &p) {
        return p->outer == fresh->outer && p->inner == fresh->inner && p->elem == fresh->elem;
      });
      Pack *pack = same == here.end() ? fresh.get() : same->get();
      if (pack == fresh.get())
        packList.push_back(std::move(fresh));
      packs[read] = pack;
      packSlot[read] = pack->slots.size();
      pack->slots.push_back(read);
    }
    for (auto &p : llvm::drop_begin(packList, firstHere)) {
      int64_t count = p->laneBlocks * plan.width * p->slots.size();
      for (Value v : llvm::concat<Value>(p->outer, p->inner))
        count *= *extentOf(v);
      p->offset = preparedBytes;
      p->bytes = count * Code::bytes(p->elem);
      preparedBytes += llvm::alignTo(p->bytes + 64, 64);
    }
  });
}

} // namespace seq::cpu
