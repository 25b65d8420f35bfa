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
    if (m == Motion::None)
      return 1.0 / width;
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

/// The indices (of the map and of reductions) that a value is computed from.
void collectIndices(Value v, llvm::SetVector<Value> &out, bool &pure) {
  if (auto a = dyn_cast<BlockArgument>(v)) {
    if (isa<MapOp, ReduceOp>(a.getOwner()->getParentOp()))
      out.insert(v);
    else
      pure = false;
    return;
  }
  Operation *op = v.getDefiningOp();
  if (isa<arith::ConstantOp>(op))
    return;
  if (!op->getParentOfType<MapOp>() || isa<ReadOp, ReduceOp>(op)) {
    pure = false;
    return;
  }
  for (Value o : op->getOperands())
    collectIndices(o, out, pure);
}

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
  llvm::SetVector<Value> indices;
  bool pure = true;
  for (Value i : read.getIndices())
    collectIndices(i, indices, pure);
  for (Value v : indices)
    pure &= extentOf(v).has_value();
  return pure;
}

MapPlan FunctionLowering::plan(MapOp map, bool inScan) {
  MapPlan p;
  p.width = vectorWidth(map, target);
  p.rows = {1};
  auto packable = [&](ReadOp r) { return canPack(r, prepared); };
  Cost cost(map, packable);
  double best = cost.point({}, p.width);
  bool hasReduce = false;
  unsigned sums = 0;
  map->walk([&](ReduceOp r) {
    hasReduce = true;
    sums = std::max(sums, (unsigned)r.getNumResults());
  });
  for (auto [k, index] : llvm::enumerate(map.indices())) {
    auto extent = Code::constant(map.getExtents()[k]);
    double x = cost.point(index, p.width);
    if (extent && *extent < int64_t(p.width))
      x *= double(p.width) / double(std::max<int64_t>(*extent, 1));
    if (x < best) {
      best = x;
      p.lane = k;
    }
  }
  if (!hasReduce)
    return p;

  // Rows: an index that some moving read of a reduction does not use.
  Value lane = p.lane >= 0 ? Value(map.indices()[p.lane]) : Value();
  bool uniformExtents = true; // the same for all sequences
  for (Value e : map.getExtents())
    uniformExtents &= !dependsOnBatch(e);
  SmallVector<int> candidates;
  if (inScan)
    candidates.push_back(MapPlan::kBatch);
  for (unsigned k = 0; k < map.indices().size(); ++k)
    if ((int)k != p.lane)
      candidates.push_back(k);
  unsigned moving = 0;
  map->walk([&](ReduceOp r) {
    for (Value e : r.getExtents())
      uniformExtents &= !dependsOnBatch(e);
  });
  for (int candidate : candidates) {
    if (candidate == MapPlan::kBatch && !uniformExtents)
      continue;
    unsigned shared = 0;
    map->walk([&](ReadOp read) {
      if (!isa<ReduceOp>(read->getParentOp()))
        return;
      llvm::SetVector<Value> used;
      bool pure = true;
      for (Value i : read.getIndices())
        collectIndices(i, used, pure);
      Value inner = lane;
      if (!inner)
        inner = cast<ReduceOp>(read->getParentOp()).indices().back();
      bool moves = used.contains(inner);
      bool independent;
      if (candidate == MapPlan::kBatch)
        independent = isPrepared(read.getTensor()) || !bufferOf(read.getTensor()).perBatch;
      else
        independent = !used.contains(map.indices()[candidate]);
      if (moves && independent && pure)
        ++shared;
    });
    if (shared > 0) {
      p.row = candidate;
      moving = shared;
      break;
    }
  }
  sums = std::max(sums, 1u);
  unsigned regs = target.vectorRegisters;
  if (p.lane < 0) {
    // Reductions in lanes: four vectors of accumulators a row.
    p.rows = p.row == MapPlan::kNone ? SmallVector<unsigned, 3>{1}
                                     : SmallVector<unsigned, 3>{regs >= 32 ? 4u : 2u, 1};
    return p;
  }
  p.vectorsSingle = sums >= 8 ? 1 : sums >= 3 ? 2 : regs >= 32 ? 8 / sums : 4 / sums;
  if (auto n = Code::constant(map.getExtents()[p.lane]))
    while (p.vectorsSingle > 1 && int64_t(p.vectorsSingle * p.width) > *n)
      p.vectorsSingle /= 2;
  p.vectors = p.vectorsSingle;
  if (p.row == MapPlan::kNone)
    return p;
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
  return p;
}

void FunctionLowering::planPacks(MapOp map, const MapPlan &plan) {
  if (!packsPlanned.insert(map).second || plan.lane < 0 || inPrepare)
    return;
  Value lane = map.indices()[plan.lane];
  map->walk([&](ReduceOp reduce) {
    llvm::SmallVector<Pack *> here;
    for (auto read : reduce.bodyBlock()->getOps<ReadOp>()) {
      if (!canPack(read, prepared))
        continue;
      llvm::SetVector<Value> used;
      bool pure = true;
      for (Value i : read.getIndices())
        collectIndices(i, used, pure);
      if (!used.contains(lane))
        continue;
      if (plan.row >= 0 && used.contains(map.indices()[plan.row]))
        continue;
      SmallVector<Value> outer, inner;
      for (Value a : map.indices())
        if (used.contains(a) && a != lane)
          outer.push_back(a);
      SmallVector<ReduceOp> chain;
      for (Operation *o = reduce; isa<ReduceOp>(o); o = o->getParentOp())
        chain.push_back(cast<ReduceOp>(o));
      bool complete = true;
      for (ReduceOp r : llvm::reverse(chain))
        for (Value a : r.indices())
          if (used.contains(a))
            inner.push_back(a);
      complete = used.size() == outer.size() + inner.size() + 1;
      if (!complete || inner.empty())
        continue;
      Pack *pack = nullptr;
      for (Pack *p : here)
        if (p->outer == outer && p->inner == inner && p->elem == read.getType())
          pack = p;
      if (!pack) {
        auto fresh = std::make_unique<Pack>();
        pack = fresh.get();
        pack->map = map;
        pack->elem = read.getType();
        pack->outer = outer;
        pack->inner = inner;
        pack->lane = lane;
        pack->laneBlocks = llvm::divideCeil(*extentOf(lane), plan.width);
        // Whole tiles are read.
        unsigned tile = std::max(plan.vectors, plan.vectorsSingle);
        pack->laneBlocks = llvm::divideCeil(pack->laneBlocks, tile) * tile;
        pack->unit = plan.vectors;
        here.push_back(pack);
        packList.push_back(std::move(fresh));
      }
      packs[read] = pack;
      packSlot[read] = pack->slots.size();
      pack->slots.push_back(read);
    }
    for (Pack *p : here) {
      int64_t count = p->laneBlocks * plan.width * p->slots.size();
      for (Value v : llvm::concat<Value>(p->outer, p->inner))
        count *= *extentOf(v);
      p->offset = preparedBytes;
      p->bytes = count * Code::bytes(p->elem);
      preparedBytes += llvm::alignTo(p->bytes + 64, 64);
    }
  });
}

/// Sums over the same range that do not read each other become one loop: sibling gates
/// share the broadcast of the state and the loop itself.
void FunctionLowering::mergeReductions(Block &block) {
  for (Operation &op : block)
    for (Region &r : op.getRegions())
      for (Block &inner : r)
        mergeReductions(inner);
  SmallVector<ReduceOp> sums(block.getOps<ReduceOp>());
  for (size_t i = 0; i < sums.size(); ++i) {
    ReduceOp first = sums[i];
    auto plain = [](ReduceOp r) {
      for (unsigned k = 0; k < r.getNumResults(); ++k)
        if (r.kind(k) == ReduceKind::argmax || r.kind(k) == ReduceKind::argmin)
          return false;
      return !r.yield().getPresent();
    };
    if (!first || !plain(first))
      continue;
    for (size_t j = i + 1; j < sums.size(); ++j) {
      ReduceOp second = sums[j];
      if (!second || !plain(second) || first.getExtents() != second.getExtents())
        continue;
      // Everything that the second reads from this block must come before the first,
      // or be movable there: pure ops that do not depend on the first.
      llvm::SetVector<Operation *> move;
      bool ok = true;
      std::function<void(Value)> need = [&](Value v) {
        Operation *d = v.getDefiningOp();
        if (!ok || !d || d->getBlock() != &block || d->isBeforeInBlock(first))
          return;
        if (d == first || isa<ReduceOp>(d)) {
          ok = false;
          return;
        }
        for (Value o : d->getOperands())
          need(o);
        move.insert(d);
      };
      second->walk([&](Operation *o) {
        for (Value v : o->getOperands())
          if (v.getParentRegion() == block.getParent())
            need(v);
      });
      if (!ok)
        continue;
      for (Operation *o : move)
        o->moveBefore(first);
      OpBuilder b(first);
      SmallVector<ReduceKind> kinds;
      SmallVector<Type> types;
      for (ReduceOp r : {first, second})
        for (unsigned k = 0; k < r.getNumResults(); ++k) {
          kinds.push_back(r.kind(k));
          types.push_back(r.getResult(k).getType());
        }
      Location both = b.getFusedLoc({first.getLoc(), second.getLoc()});
      auto merged = ReduceOp::create(b, both, kinds, types, first.getExtents(),
                                     [&](OpBuilder &inner, Location loc, ValueRange indices) {
                                       Values out;
                                       for (ReduceOp r : {first, second}) {
                                         IRMapping map;
                                         map.map(r.indices(), indices);
                                         for (Operation &o : r.bodyBlock()->without_terminator())
                                           inner.clone(o, map);
                                         for (Value v : r.yield().getValues())
                                           out.push_back(map.lookupOrDefault(v));
                                       }
                                       YieldOp::create(inner, loc, out);
                                     });
      unsigned n = first.getNumResults();
      for (unsigned k = 0; k < n; ++k)
        first.getResult(k).replaceAllUsesWith(merged.getResult(k));
      for (unsigned k = 0; k < second.getNumResults(); ++k)
        second.getResult(k).replaceAllUsesWith(merged.getResult(n + k));
      first.erase();
      second.erase();
      first = merged;
      sums[i] = merged;
      sums[j] = nullptr;
    }
    // Shared reads of the merged body are one.
    if (first) {
      llvm::SmallVector<ReadOp> seen;
      for (auto read : llvm::make_early_inc_range(first.bodyBlock()->getOps<ReadOp>())) {
        auto same = llvm::find_if(seen, [&](ReadOp o) {
          return o.getTensor() == read.getTensor() && o.getIndices() == read.getIndices() &&
                 o.getGuard() == read.getGuard() && o.getCheckAttr() == read.getCheckAttr();
        });
        if (same == seen.end()) {
          seen.push_back(read);
          continue;
        }
        read.getResult().replaceAllUsesWith(same->getResult());
        read.erase();
      }
    }
  }
}

} // namespace seq::cpu
