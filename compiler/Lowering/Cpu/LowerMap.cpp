//===- LowerMap.cpp - The loops around a map's body -----------------------------------===//
//
// Order of the loops: sequences (where they are not the register rows), the indices that
// are neither lanes nor rows, blocks of lanes, register rows. A block of lanes is outside
// of the rows, so that the weights of a block stay in the cache for all of them. Where a point
// reads few of them (a short convolution) they stay there anyway, and rows are outside: input and
// result then pass through memory in order, once.
//
// Every second step of a scan walks the blocks backwards where they read packed weights: a
// stream that is larger than the second-level cache begins with what the step before read
// last, instead of finding all of it evicted.
//
//===----------------------------------------------------------------------===//
#include "compiler/Lowering/Common/Begin.h"
#include "compiler/Lowering/Cpu/CpuLowering.h"

using namespace mlir;
namespace seq::cpu {

namespace {

/// Points of a map's reductions up to which rows are outside of blocks of lanes.
constexpr int64_t kFewPoints = 16;

/// The reductions of the body have few points, by constant ranges.
bool hasFewPoints(MapOp map) {
  int64_t points = 0;
  map->walk([&](ReduceOp reduce) {
    int64_t own = 1;
    for (Value e : reduce.getExtents())
      own *= std::clamp<int64_t>(Code::constant(e).value_or(kFewPoints + 1), 1, kFewPoints + 1);
    points = std::min(points + own, kFewPoints + 1);
  });
  return points > 0 && points <= kFewPoints;
}

class MapLoops {
public:
  MapLoops(Code &c, MapOp map, const MapPlan &plan, const RowSet &rows, const Team &team,
           llvm::function_ref<Row(Value)> makeRow,
           llvm::function_ref<Value(Value, const Row &)> evaluate,
           llvm::function_ref<void(Tile &)> body, Value backwards)
      : c(c), map(map), plan(plan), rows(rows), team(team), makeRow(makeRow), evaluate(evaluate),
        body(body), backwards(backwards),
        begin(plan.row == MapPlan::kBatch ? std::nullopt : beginOf(map)) {
    for (unsigned k = 0; k < map.indices().size(); ++k)
      if ((int)k != plan.lane && (int)k != plan.row)
        outer.push_back(k);
    rowsOutside = plan.row >= 0 && plan.lane >= 0 && hasFewPoints(map);
    // Threads split the blocks of lanes where rows share them, else the outermost index.
    splitLanes = plan.lane >= 0 && !rowsOutside && (plan.row != MapPlan::kNone || outer.empty());
    splitRows = !splitLanes && outer.empty() && plan.row >= 0;
    alone = !splitLanes && !splitRows && outer.empty();
  }

  void run() {
    if (alone && !team.alone())
      return c.when(c.cmp(arith::CmpIPredicate::eq, team.tid, c.i(0)), [&] { nests(); });
    nests();
  }

private:
  void nests() {
    if (plan.row != MapPlan::kBatch) {
      c.loop(c.i(0), rows.count, c.i(1), [&](Value r) {
        Tile tile = fresh();
        tile.rows = {makeRow(r)};
        overOuter(tile, 0);
      });
      return;
    }
    Tile tile = fresh();
    tile.rowIsBatch = true;
    tile.rows = {makeRow(c.i(0))}; // extents are the same for all sequences
    overOuter(tile, 0);
  }

  Tile fresh() {
    Tile tile;
    tile.width = plan.width;
    tile.plan = &plan;
    tile.map = map;
    tile.laneActive = plan.lane >= 0;
    return tile;
  }

  /// The points that an index visits, and the first of them.
  Value extent(unsigned k, const Tile &tile) {
    Value n = evaluate(map.getExtents()[k], tile.rows[0]);
    return begins(k) ? c.max(c.sub(n, first(k, tile)), c.i(0)) : n;
  }
  Value first(unsigned k, const Tile &tile) {
    return begins(k) ? evaluate(begin->from, tile.rows[0]) : c.i(0);
  }
  bool begins(unsigned k) const { return begin && begin->index == k; }
  Value moved(unsigned k, const Tile &tile, Value i) {
    return begins(k) ? c.add(i, first(k, tile)) : i;
  }

  static void setIndex(Tile &tile, Value index, Value v) { tile.vals[index] = Val::scalar(v); }

  std::pair<Value, Value> share(Value n, bool split) {
    if (!split || team.alone())
      return {c.i(0), n};
    Value lo = c.floorDiv(c.mul(n, team.tid), team.count);
    Value hi = c.floorDiv(c.mul(n, c.add(team.tid, c.i(1))), team.count);
    return {lo, hi};
  }

  void overOuter(Tile &tile, unsigned k) {
    if (k == outer.size())
      return rowsOrSingle(tile);
    auto [lo, hi] = share(extent(outer[k], tile), k == 0 && !splitLanes && !splitRows);
    c.loop(lo, hi, c.i(1), [&](Value iv) {
      setIndex(tile, map.indices()[outer[k]], moved(outer[k], tile, iv));
      overOuter(tile, k + 1);
    });
  }

  /// A single row has tiles of its own: more vectors, to hide the latency of the sums.
  void rowsOrSingle(Tile &tile) {
    if (plan.row == MapPlan::kNone)
      return overLanes(tile, plan.vectorsSingle, body);
    if (rowsOutside)
      return overRows(tile, [&](Tile &t) { overLanes(t, plan.vectors, body); });
    auto rowsInside = [&](Tile &t) { overRows(t, body); };
    Value n = plan.row == MapPlan::kBatch ? rows.count : extent(plan.row, tile);
    if (plan.vectorsSingle == plan.vectors || plan.rows.size() == 1)
      return overLanes(tile, plan.vectors, rowsInside);
    Tile copy = tile;
    c.when(
        c.cmp(arith::CmpIPredicate::eq, n, c.i(1)),
        [&] {
          if (plan.row == MapPlan::kBatch)
            copy.rows = {makeRow(c.i(0))};
          else
            setIndex(copy, map.indices()[plan.row], first(plan.row, tile));
          overLanes(copy, plan.vectorsSingle, body);
        },
        [&] { overLanes(tile, plan.vectors, rowsInside); });
  }

  using Inside = llvm::function_ref<void(Tile &)>;

  void overLanes(Tile &tile, unsigned U, Inside inner) {
    if (plan.lane < 0) {
      Tile t = tile;
      return inner(t);
    }
    Value n = extent(plan.lane, tile);
    Value index = map.indices()[plan.lane];
    unsigned W = plan.width;
    auto at = [&](Value start, unsigned vectors, Value mask) {
      Tile t = tile;
      t.U = vectors;
      t.mask = mask;
      t.laneAligned = !begins(plan.lane);
      t.vals[index] = Val::lanes(moved(plan.lane, tile, start));
      inner(t);
    };
    Value blocks = c.floorDiv(n, c.i(U * W));
    auto [lo, hi] = share(blocks, splitLanes);
    c.loop(lo, hi, c.i(1), [&](Value k) {
      Value block = k;
      if (backwards) {
        Value turned = c.sub(c.sub(c.add(lo, hi), c.i(1)), k);
        block = c.select(c.cmp(arith::CmpIPredicate::ne, backwards, c.i(0)), turned, k);
      }
      at(c.mul(block, c.i(U * W)), U, {});
    });
    Value done = c.mul(blocks, c.i(U * W)), full = c.mul(c.floorDiv(n, c.i(W)), c.i(W));
    auto dc = Code::constant(done), fc = Code::constant(full), nc = Code::constant(n);
    auto rest = [&] {
      if (U > 1 && (!dc || !fc || *dc < *fc))
        c.loop(done, full, c.i(W), [&](Value start) { at(start, 1, {}); });
      if (fc && nc && *fc == *nc)
        return;
      c.when(c.cmp(arith::CmpIPredicate::slt, full, n), [&] {
        Value mask = c.cmp(arith::CmpIPredicate::slt, c.iota(W), c.splat(c.sub(n, full), W));
        at(full, 1, mask);
      });
    };
    if (dc && nc && *dc == *nc)
      return;
    if (splitLanes && !team.alone())
      c.when(c.cmp(arith::CmpIPredicate::eq, team.tid, c.sub(team.count, c.i(1))), rest);
    else
      rest();
  }

  void overRows(Tile &tile, Inside inner) {
    Value n = plan.row == MapPlan::kBatch ? rows.count : extent(plan.row, tile);
    auto [lo, hi] = share(n, splitRows);
    Value start = lo;
    for (unsigned M : plan.rows) {
      auto at = [&](Value r) {
        Tile t = tile;
        t.M = M;
        if (plan.row == MapPlan::kBatch) {
          t.rows.clear();
          for (unsigned m = 0; m < M; ++m)
            t.rows.push_back(makeRow(c.add(r, c.i(m))));
        } else {
          Val v;
          v.row = M > 1;
          for (unsigned m = 0; m < M; ++m)
            v.v.push_back(moved(plan.row, tile, c.add(r, c.i(m))));
          t.vals[map.indices()[plan.row]] = v;
        }
        inner(t);
      };
      Value tiles = c.floorDiv(c.sub(hi, start), c.i(M));
      Value end = c.add(start, c.mul(tiles, c.i(M)));
      c.loop(start, end, c.i(M), at);
      start = end;
      auto s = Code::constant(start), h = Code::constant(hi);
      if (s && h && *s >= *h)
        break;
    }
  }

  Code &c;
  MapOp map;
  const MapPlan &plan;
  const RowSet &rows;
  const Team &team;
  llvm::function_ref<Row(Value)> makeRow;
  llvm::function_ref<Value(Value, const Row &)> evaluate;
  llvm::function_ref<void(Tile &)> body;
  Value backwards; ///< not 0: blocks of lanes from the last to the first; null: never
  SmallVector<unsigned> outer;
  bool rowsOutside; ///< of the blocks of lanes
  bool splitLanes, splitRows, alone;
  std::optional<Begin> begin;
};

} // namespace

void CpuLowering::lowerMap(MapOp map, const RowSet &rows, const Team &team) {
  Code &c = *code;
  bool inScan = map->getParentOfType<ScanOp>() && !rows.single;
  MapPlan p = plan(map, inScan);
  planPacks(map, p);
  noteMap(map, p);
  bool streams = llvm::any_of(packList, [&](auto &pack) { return pack->map == map; });
  auto body = [&](Tile &tile) {
    BodyEmitter emitter(*this, c, tile);
    emitter.emitBlock(*map.bodyBlock());
    storeResults(map, emitter);
  };
  MapLoops(
      c, map, p, rows, team, [&](Value r) { return makeRow(rows, r); },
      [&](Value v, const Row &row) { return c.max(evaluate(v, row), c.i(0)); }, body,
      streams ? rows.parity : Value())
      .run();
}

} // namespace seq::cpu
