//===- Plan.cpp - Which index runs in lanes, which in rows ---------------------------===//
//
// Lanes: chosen by the cost of a point (Common/Lanes.cpp).
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
#include "compiler/Lowering/Common/Lanes.h"
#include "compiler/Lowering/Cpu/CpuLowering.h"

using namespace mlir;
namespace seq::cpu {

/// The most sums that one loop of the map's body computes side by side; 0: no reduction.
static unsigned sumsSideBySide(MapOp map) {
  unsigned sums = 0;
  map->walk([&](ReduceOp r) { sums = std::max(sums, (unsigned)r.getNumResults()); });
  return sums;
}

/// True where all sequences have the same ranges for the map and its reductions.
bool CpuLowering::uniformExtents(MapOp map) {
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
unsigned CpuLowering::readsSharedByRows(MapOp map, int lane, int row) {
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
std::pair<int, unsigned> CpuLowering::chooseRow(MapOp map, int lane, bool inScan) {
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

MapPlan CpuLowering::plan(MapOp map, bool inScan) {
  MapPlan p;
  p.width = vectorWidth(map, target);
  p.rows = {1};
  auto packable = [&](ReadOp r) { return canPack(r, prepared); };
  p.lane = chooseLane(map, p.width, packable);
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

void CpuLowering::planPacks(MapOp map, const MapPlan &plan) {
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
