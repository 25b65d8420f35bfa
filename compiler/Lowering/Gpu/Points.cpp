//===- Points.cpp - The points of a map over threads --------------------------------===//
//
// One index of the map runs with the threads of a warp: that with which its reads are coalesced,
// by the same estimate that chooses the lanes of a CPU's vectors. The points are counted with that
// index as the fastest, and a team's threads take them in turn. Where no index is worth it, or a
// few points have long sums, a warp takes a point: its threads share each reduction and fold it
// by shuffles, in a fixed order.
//
// In the steps of a scan the same warp takes the same points each time. What their sums read of
// weights is fetched into shared memory before the first step, for as many points as there is room
// for: the weights of a recurrence then pass through the second-level cache once, not at every
// step.
//
//===----------------------------------------------------------------------===//
#include "compiler/Lowering/Common/Begin.h"
#include "compiler/Lowering/Common/Lanes.h"
#include "compiler/Lowering/Gpu/GpuLowering.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
namespace seq::gpu {

int64_t pointsUpTo(ValueRange extents, int64_t unknown, int64_t most) {
  int64_t n = 1;
  for (Value e : extents) {
    int64_t extent = Code::constant(upperBound(e)).value_or(unknown);
    n = std::min(n * std::clamp<int64_t>(extent, 0, most), most);
  }
  return n;
}

/// Points of the map's longest reduction, as far as ranges are known; 0: it has none.
static int64_t longestReduction(MapOp map) {
  int64_t longest = 0;
  for (auto reduce : map.bodyBlock()->getOps<ReduceOp>())
    longest = std::max(longest, pointsUpTo(reduce.getExtents(), 2 * kWarp, 1 << 20));
  return longest;
}

MapPlan planPoints(MapOp map, int64_t threads) {
  MapPlan p;
  p.rows = {1};
  p.lane = chooseLane(map, kWarp, [](ReadOp) { return false; });
  int64_t longest = longestReduction(map), points = pointsUpTo(map.getExtents(), 1 << 12, 1 << 20);
  // Threads would be idle, each with a long sum of its own.
  bool idle = longest >= 2 * kWarp && points * 4 <= threads;
  p.across = longest >= kWarp && (p.lane < 0 || idle);
  if (p.lane < 0 && !map.getExtents().empty())
    p.lane = map.getExtents().size() - 1;
  return p;
}

/// The points of a map as a team takes them.
class Points {
public:
  Value total, first, step; ///< of all; this thread's, or this warp's
  Value lane;               ///< where a warp takes a point

  Points(Code &c, MapOp map, const MapPlan &plan, const Team &team, std::optional<Begin> begin,
         llvm::function_ref<Value(Value)> evaluate)
      : c(c), map(map), plan(plan) {
    // From the slowest index to the fastest.
    for (unsigned k = 0; k < map.getExtents().size(); ++k)
      if (int(k) != plan.lane)
        order.push_back(k);
    if (plan.lane >= 0)
      order.push_back(plan.lane);
    total = c.i(1);
    for (unsigned k : order) {
      from.push_back(begin && begin->index == k ? evaluate(begin->from) : c.i(0));
      counts.push_back(c.max(c.sub(evaluate(map.getExtents()[k]), from.back()), c.i(0)));
      total = c.mul(total, counts.back());
    }
    first = team.tid;
    step = team.count;
    if (!plan.across)
      return;
    lane = c.bin<arith::AndIOp>(team.tid, c.i(kWarp - 1));
    first = c.bin<arith::DivUIOp>(team.tid, c.i(kWarp));
    step = c.bin<arith::DivUIOp>(team.count, c.i(kWarp));
  }

  /// How many this one takes.
  Value rounds() {
    Value left = c.max(c.sub(total, first), c.i(0));
    return c.bin<arith::DivUIOp>(c.add(left, c.sub(step, c.i(1))), step);
  }

  Tile at(Value point, const Row &row) {
    Tile tile;
    tile.plan = &plan;
    tile.map = map;
    tile.rows = {row};
    tile.across = lane;
    Value rest = point;
    for (size_t n = order.size(); n-- > 0;) {
      Value q = n ? c.bin<arith::DivUIOp>(rest, counts[n]) : c.i(0);
      Value i = c.add(c.sub(rest, c.mul(q, counts[n])), from[n]);
      tile.vals[map.indices()[order[n]]] = Val::scalar(i);
      rest = q;
    }
    return tile;
  }

private:
  Code &c;
  MapOp map;
  const MapPlan &plan;
  SmallVector<unsigned> order;
  Values counts, from;
};

void GpuLowering::lowerMap(MapOp map, const RowSet &rows, const Team &team) {
  Code &c = *code;
  std::optional<Begin> begin = beginOf(map);
  // A block by itself has tiles of its own.
  if (auto threads = Code::constant(team.count); threads && !begin && !rows.together)
    if (auto contraction = productOf(map))
      if (auto tile = tileFor(map, *contraction, *threads, kSharedBytes - sharedTop, target)) {
        noteContraction(map, *contraction, *tile);
        return lowerContraction(map, *contraction, *tile, makeRow(rows, c.i(0)), c.i(0), c.i(1));
      }
  MapPlan p = planPoints(map, Code::constant(team.count).value_or(kManyThreads));
  noteMap(map, p).runs = p.across ? "warp" : "thread";
  Row row = makeRow(rows, c.i(0)); // whose ranges are those of all that run together
  Points points(c, map, p, team, begin, [&](Value v) { return evaluate(v, row); });
  if (rows.together && !p.across && !sumsWeights(map))
    return lowerApart(map, points, rows);
  std::optional<Kept> kept = keepWeights(map, p, team);
  auto body = [&](Value point, Value round) {
    Tile tile = points.at(point, row);
    if (round)
      for (auto [k, read] : llvm::enumerate(kept->reads))
        tile.kept[read] = kept->address(c, *this, round, k);
    if (rows.together)
      return lowerPointTogether(tile, rows);
    BodyEmitter emitter(*this, c, tile);
    emitter.emitBlock(*map.bodyBlock());
    auto store = [&] { storeResults(map, emitter); };
    if (!points.lane)
      return store();
    // Where a point is updated in place, the others have read it before.
    NVVM::SyncWarpOp::create(c.b, c.ci(-1, c.i32));
    c.when(c.cmp(arith::CmpIPredicate::eq, points.lane, c.i(0)), store);
  };
  if (!kept)
    return c.loop(points.first, points.total, points.step,
                  [&](Value point) { body(point, Value()); });
  c.loop(c.i(0), points.rounds(), c.i(1), [&](Value round) {
    Value point = c.add(points.first, c.mul(round, points.step));
    if (kept->all)
      return body(point, round);
    c.when(
        c.cmp(arith::CmpIPredicate::slt, round, c.i(kept->rounds)), [&] { body(point, round); },
        [&] { body(point, Value()); });
  });
}

//===----------------------------------------------------------------------===//
// Several sequences at once
//===----------------------------------------------------------------------===//

namespace {
/// The sequence `m` after the first of those that run together. One that has ended, or is beyond
/// the batch, stands for the longest, whose arrays have what may be read.
struct Member {
  Row row;
  Value active;

  Member(Code &c, const RowSet &rows, Value batch, Value m) {
    const Together &t = *rows.together;
    Value b = c.add(t.first, m);
    active = c.cmp(arith::CmpIPredicate::slt, b, batch);
    if (t.steps) {
      Value steps = t.steps(c.select(active, b, t.longest));
      active = c.bin<arith::AndIOp>(active, c.cmp(arith::CmpIPredicate::slt, t.step, steps));
    }
    row.b = c.select(active, b, t.longest);
    if (rows.positions)
      row.t = rows.positions(row.b);
  }
};
} // namespace

/// Whether the map's ranges are the same for all sequences.
bool GpuLowering::canRunTogether(MapOp map) {
  auto fixed = [&](ValueRange extents) {
    return llvm::none_of(extents, [&](Value e) { return dependsOnBatch(e); });
  };
  bool can = fixed(map.getExtents()) && !beginOf(map);
  map.walk([&](ReduceOp reduce) { can &= fixed(reduce.getExtents()); });
  return can;
}

/// Whether the sums of a point read weights, which several sequences may share.
bool GpuLowering::sumsWeights(MapOp map) {
  auto isWeight = [&](ReadOp read) { return isPrepared(read.getTensor()); };
  return llvm::any_of(map.bodyBlock()->getOps<ReduceOp>(), [&](ReduceOp reduce) {
    return llvm::any_of(reduce.bodyBlock()->getOps<ReadOp>(), isWeight);
  });
}

/// Points of all sequences, one after the other.
void GpuLowering::lowerApart(MapOp map, Points &points, const RowSet &rows) {
  Code &c = *code;
  Value all = c.mul(points.total, c.i(rows.together->most));
  c.loop(points.first, all, points.step, [&](Value n) {
    Value m = c.bin<arith::DivUIOp>(n, points.total);
    Member member(c, rows, batch, m);
    c.when(member.active, [&] {
      Tile tile = points.at(c.sub(n, c.mul(m, points.total)), member.row);
      BodyEmitter emitter(*this, c, tile);
      emitter.emitBlock(*map.bodyBlock());
      storeResults(map, emitter);
    });
  });
}

/// A point for all sequences: the sums of all of them at once, so that what they read of weights is
/// read once; then the rest of the body for each. A warp's lanes share the sums, and a lane goes on
/// with one of the sequences.
void GpuLowering::lowerPointTogether(Tile &tile, const RowSet &rows) {
  Code &c = *code;
  MapOp map = tile.map;
  Value lane = tile.across;
  Tile own = tile;
  unsigned most = rows.together->most;
  tile.rowIsBatch = true;
  tile.M = most;
  tile.rows.clear();
  for (unsigned m = 0; m < most; ++m)
    tile.rows.push_back(Member(c, rows, batch, c.i(m)).row);
  BodyEmitter sums(*this, c, tile);
  SmallVector<ReduceOp> reductions(map.bodyBlock()->getOps<ReduceOp>());
  for (ReduceOp reduce : reductions) {
    reduce.walk([&](Operation *op) {
      for (Value v : op->getOperands())
        if (v.getParentBlock() == map.bodyBlock())
          sums.ensure(v);
    });
    sums.ensure(reduce.getResult(0));
  }
  auto goOn = [&](Value number) {
    Member mine(c, rows, batch, number);
    c.when(mine.active, [&] {
      own.rows = {mine.row};
      for (ReduceOp reduce : reductions)
        for (Value result : reduce.getResults()) {
          Val v = sums.get(result);
          Value chosen = sums.scalarAt(v, 0);
          for (unsigned m = 1; m < most && v.row; ++m)
            chosen = c.select(c.cmp(arith::CmpIPredicate::eq, number, c.i(m)), sums.scalarAt(v, m),
                              chosen);
          own.vals[result] = Val::scalar(chosen);
        }
      BodyEmitter rest(*this, c, own);
      rest.emitBlock(*map.bodyBlock());
      storeResults(map, rest);
    });
  };
  if (!lane)
    return c.loop(c.i(0), c.i(most), c.i(1), goOn);
  // Where a point is updated in place, the others have read it before.
  NVVM::SyncWarpOp::create(c.b, c.ci(-1, c.i32));
  c.when(c.cmp(arith::CmpIPredicate::slt, lane, c.i(most)), [&] { goOn(lane); });
}

//===----------------------------------------------------------------------===//
// Weights that stay
//===----------------------------------------------------------------------===//

std::optional<Kept> GpuLowering::keepWeights(MapOp map, const MapPlan &plan, const Team &team) {
  Code &c = *code;
  if (!stepsAnchor || !plan.across ||
      !llvm::all_of(map.getExtents(), [](Value e) { return Code::constant(e).has_value(); }))
    return std::nullopt;
  Kept kept;
  for (auto reduce : map.bodyBlock()->getOps<ReduceOp>())
    for (auto read : reduce.bodyBlock()->getOps<ReadOp>())
      if (canPack(read, prepared)) {
        kept.reads.push_back(read);
        kept.offsets.push_back(kept.bytes);
        int64_t values = pointsUpTo(reduce.getExtents(), kSharedBytes, kSharedBytes);
        kept.bytes += llvm::alignTo(values * Code::bytes(read.getType()), 16);
      }
  // As many points of each warp as there is room for.
  int64_t warps = blockThreads / kWarp, needed = pointsUpTo(map.getExtents(), 1, 1 << 24);
  needed = llvm::divideCeil(needed, warps);
  int64_t room = kSharedBytes - sharedMost - kProductBytes;
  if (kept.reads.empty() || room < kept.bytes * warps)
    return std::nullopt;
  kept.rounds = std::min(needed, room / (kept.bytes * warps));
  kept.all = kept.rounds == needed;
  sharedTop = sharedMost; // over what products use by turns, since it stays
  kept.base = sharedMemory(c.i8, kept.rounds * warps * kept.bytes);
  OpBuilder::InsertionGuard guard(c.b);
  c.b.setInsertionPoint(stepsAnchor);
  Row row;
  row.b = c.i(0); // weights are the same for all sequences, and so are constant extents
  Points points(c, map, plan, team, std::nullopt, [&](Value v) { return evaluate(v, row); });
  Value mine = c.min(points.rounds(), c.i(kept.rounds));
  c.loop(c.i(0), mine, c.i(1), [&](Value round) {
    Value point = c.add(points.first, c.mul(round, points.step));
    for (auto [k, read] : llvm::enumerate(kept.reads)) {
      Tile tile = points.at(point, row);
      fetchKept(read, tile, points.lane, kept.address(c, *this, round, k));
    }
  });
  return kept;
}

/// All values of a reduction that one point reads, by the lanes of its warp.
void GpuLowering::fetchKept(ReadOp read, Tile &tile, Value lane, Value to) {
  Code &c = *code;
  auto reduce = cast<ReduceOp>(read->getParentOp());
  int64_t values = pointsUpTo(reduce.getExtents(), 1, kSharedBytes);
  c.loop(lane, c.i(values), c.i(kWarp), [&](Value at) {
    Value rest = at;
    for (auto [index, extent] : llvm::reverse(llvm::zip(reduce.indices(), reduce.getExtents()))) {
      Value n = c.i(*Code::constant(extent)), q = c.bin<arith::DivUIOp>(rest, n);
      tile.vals[index] = Val::scalar(c.sub(rest, c.mul(q, n)));
      rest = q;
    }
    BodyEmitter emitter(*this, c, tile);
    for (Value i : read.getIndices())
      emitter.ensure(i);
    Val v = emitter.readUnpacked(read);
    c.store(emitter.scalarAt(v, 0), c.at(to, read.getType(), at));
  });
}

Value Kept::address(Code &c, const GpuLowering &fn, Value round, unsigned read) const {
  int64_t warps = fn.blockThreads / kWarp;
  Value warp = c.bin<arith::DivUIOp>(fn.thread, c.i(kWarp));
  Value slot = c.add(c.mul(round, c.i(warps)), warp);
  return c.at(base, c.i8, c.add(c.mul(slot, c.i(bytes)), c.i(offsets[read])));
}

} // namespace seq::gpu
