//===- Points.cpp - The points of a map over threads --------------------------------===//
//
// One index of the map runs with the threads of a warp: that with which its reads are coalesced,
// by the same estimate that chooses the lanes of a CPU's vectors. The points are counted with that
// index as the fastest, and a team's threads take them in turn. Where no index is worth it, or a
// few points have long sums, a warp takes a point: its threads share each reduction and fold it
// by shuffles, in a fixed order.
//
//===----------------------------------------------------------------------===//
#include "compiler/Lowering/Common/Begin.h"
#include "compiler/Lowering/Common/Lanes.h"
#include "compiler/Lowering/Gpu/GpuLowering.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
namespace seq::gpu {

/// Points of the map's longest reduction, as far as ranges are known; 0: it has none.
static int64_t longestReduction(MapOp map) {
  int64_t longest = 0;
  for (auto reduce : map.bodyBlock()->getOps<ReduceOp>()) {
    int64_t points = 1;
    for (Value e : reduce.getExtents())
      points *= std::clamp<int64_t>(Code::constant(upperBound(e)).value_or(2 * kWarp), 1, 1 << 20);
    longest = std::max(longest, points);
  }
  return longest;
}

MapPlan GpuLowering::plan(MapOp map, int64_t threads) {
  MapPlan p;
  p.rows = {1};
  p.lane = chooseLane(map, kWarp, [](ReadOp) { return false; });
  int64_t longest = longestReduction(map), points = 1;
  for (Value e : map.getExtents())
    points *= std::clamp<int64_t>(Code::constant(upperBound(e)).value_or(1 << 12), 1, 1 << 20);
  // Threads would be idle, each with a long sum of its own.
  bool idle = longest >= 2 * kWarp && points * 4 <= threads;
  p.across = longest >= kWarp && (p.lane < 0 || idle);
  if (p.lane < 0 && !map.getExtents().empty())
    p.lane = map.getExtents().size() - 1;
  return p;
}

void GpuLowering::lowerMap(MapOp map, const RowSet &rows, const Team &team) {
  Code &c = *code;
  Row row = makeRow(rows, c.i(0));
  std::optional<Begin> begin = beginOf(map);
  // A block by itself has tiles of its own.
  if (auto threads = Code::constant(team.count); threads && !begin)
    if (auto contraction = contractionOf(map))
      if (auto tile = tileFor(map, *contraction, *threads, sharedLeft())) {
        noteContraction(map, *tile);
        return lowerContraction(map, *contraction, *tile, row, c.i(0), c.i(1));
      }
  MapPlan p = plan(map, Code::constant(team.count).value_or(1 << 19));
  noteMap(map, p).runs = p.across ? "warp" : "thread";
  auto first = [&](unsigned k) {
    return begin && begin->index == k ? evaluate(begin->from, row) : c.i(0);
  };
  // From the slowest index to the fastest.
  SmallVector<unsigned> order;
  for (unsigned k = 0; k < map.getExtents().size(); ++k)
    if (int(k) != p.lane)
      order.push_back(k);
  if (p.lane >= 0)
    order.push_back(p.lane);
  Values counts;
  Value total = c.i(1);
  for (unsigned k : order) {
    counts.push_back(c.max(c.sub(evaluate(map.getExtents()[k], row), first(k)), c.i(0)));
    total = c.mul(total, counts.back());
  }
  Value from = team.tid, step = team.count, lane;
  if (p.across) {
    lane = c.bin<arith::AndIOp>(team.tid, c.i(kWarp - 1));
    from = c.bin<arith::DivUIOp>(team.tid, c.i(kWarp));
    step = c.bin<arith::DivUIOp>(team.count, c.i(kWarp));
  }
  c.loop(from, total, step, [&](Value point) {
    Tile tile;
    tile.plan = &p;
    tile.map = map;
    tile.rows = {row};
    tile.across = lane;
    Value rest = point;
    for (size_t n = order.size(); n-- > 0;) {
      Value q = n ? c.bin<arith::DivUIOp>(rest, counts[n]) : c.i(0);
      Value i = c.add(c.sub(rest, c.mul(q, counts[n])), first(order[n]));
      tile.vals[map.indices()[order[n]]] = Val::scalar(i);
      rest = q;
    }
    BodyEmitter emitter(*this, c, tile);
    emitter.emitBlock(*map.bodyBlock());
    auto store = [&] {
      for (auto [result, value] : llvm::zip(map.getResults(), map.yield().getValues()))
        for (const Buffer &b : destinations[result])
          emitter.store(value, b, map.indices());
    };
    if (!lane)
      return store();
    // Where a point is updated in place, the others have read it before.
    NVVM::SyncWarpOp::create(c.b, c.ci(-1, c.i32));
    c.when(c.cmp(arith::CmpIPredicate::eq, lane, c.i(0)), store);
  });
}

} // namespace seq::gpu
