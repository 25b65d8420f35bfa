//===- BlockCost.cpp - What a block of threads does -------------------------------------===//
//
// A block takes as long as its slowest warp: each of its rounds over the points of a map waits once
// for what it reads, since loads of a point do not wait for each other, once for every four terms
// of a sum, and then for each operation that needs the one before. A barrier follows each map.
// Where a multiprocessor has several blocks, these waits are filled with the others' instructions;
// that is the business of who asks (Cost.cpp).
//
//===----------------------------------------------------------------------===//
#include "compiler/Lowering/Gpu/BlockCost.h"

#include "compiler/Analysis/Sharing.h"
#include "compiler/Analysis/Work.h"
#include "compiler/Lowering/Common/Begin.h"
#include "compiler/Lowering/Common/Lanes.h"

using namespace mlir;
namespace seq::gpu {

/// Bytes that caches and memory move at least.
constexpr double kSector = 32;
/// Terms of a sum whose loads are on their way together.
constexpr double kTogether = 4;

BlockWork &BlockWork::operator+=(const BlockWork &o) {
  cycles += o.cycles, issues += o.issues, arithmetic += o.arithmetic, matrix += o.matrix;
  operations += o.operations, read += o.read, written += o.written, cached += o.cached;
  return *this;
}

BlockWork BlockWork::operator*(double n) const {
  return {cycles * n,     issues * n, arithmetic * n, matrix * n,
          operations * n, read * n,   written * n,    cached * n};
}

double CallFacts::terms(ReduceOp reduce) const {
  double all = points(reduce.getExtents()), around = 1;
  if (!reduce.yield().getPresent())
    return all;
  Operation *outer = reduce->getParentOp();
  for (; isa<ReduceOp>(outer); outer = outer->getParentOp())
    around *= points(cast<ReduceOp>(outer).getExtents());
  around *= points(cast<MapOp>(outer).getExtents());
  double present = analysis::presentPoints(reduce).at(sizes);
  return around > 0 ? std::clamp(present / around, 0.0, all) : all;
}

static double bytesOf(Value tensor) {
  return double(Code::bytes(cast<RankedTensorType>(tensor.getType()).getElementType()));
}

/// What the scans around have for an index: the middle of its range.
static void indicesAround(Value v, const CallFacts &facts,
                          SmallVectorImpl<std::pair<Value, double>> &out) {
  if (auto a = dyn_cast<BlockArgument>(v)) {
    if (auto scan = dyn_cast<ScanOp>(a.getOwner()->getParentOp()))
      out.push_back({v, std::max(0.0, facts.value(scan.getExtent()) - 1) / 2});
    return;
  }
  for (Value o : v.getDefiningOp()->getOperands())
    if (o.getType().isIndex())
      indicesAround(o, facts, out);
}

double CallFacts::value(Value v) const {
  if (auto k = Code::constant(v))
    return double(std::max<int64_t>(*k, 0));
  SmallVector<std::pair<Value, double>> around;
  indicesAround(v, *this, around);
  return std::max(0.0, analysis::formulaOf(v, around).at(sizes));
}

double CallFacts::points(ValueRange extents) const {
  double n = 1;
  for (Value e : extents)
    n *= value(e);
  return n;
}

double CallFacts::points(MapOp map) const {
  double n = points(map.getExtents());
  std::optional<Begin> begin = beginOf(map);
  double all = begin ? value(map.getExtents()[begin->index]) : 0;
  return all > 0 ? n * std::max(all - value(begin->from), 0.0) / all : n;
}

/// A thread's part of a point, or that of a warp's lane.
struct BlockCost::Point {
  double instructions = 0, arithmetic = 0, operations = 0;
  double wait = 0, chain = 0; ///< cycles: for loads that are on their way together; in a row
  double read = 0, written = 0, cached = 0;

  /// The same so many times over.
  void add(const Point &p, double times) {
    instructions += p.instructions * times, arithmetic += p.arithmetic * times;
    operations += p.operations * times, read += p.read * times, cached += p.cached * times;
  }
};

//===----------------------------------------------------------------------===//
// Points
//===----------------------------------------------------------------------===//

void BlockCost::visit(Block &block, Point &p, MapOp map, const MapPlan &plan, Value lane,
                      double share) {
  for (Operation &op : block.without_terminator()) {
    if (auto reduce = dyn_cast<ReduceOp>(op)) {
      visitReduce(reduce, p, map, plan, lane, share);
      continue;
    }
    if (auto read = dyn_cast<ReadOp>(op)) {
      visitRead(read, p, map, lane, share);
      continue;
    }
    if (op.hasTrait<OpTrait::ConstantLike>())
      continue;
    Operations<double> n = operationsOf(&op);
    double plain = n.adds + n.multiplies + n.extremes;
    double wide = op.getNumResults() && op.getResult(0).getType().isF64() ? facts.chip.f64Share : 1;
    double own = plain + kDivision * n.divisions + kFunction * n.functions;
    p.instructions += std::max(own, 1.0);
    p.arithmetic += wide * own;
    p.operations += plain + n.divisions + analysis::kFunctionOperations * n.functions;
    p.chain += kChain * plain + kDivisionChain * n.divisions + kFunctionChain * n.functions;
  }
}

void BlockCost::visitReduce(ReduceOp reduce, Point &p, MapOp map, const MapPlan &plan, Value lane,
                            double share) {
  bool nested = !reduce.bodyBlock()->getOps<ReduceOp>().empty();
  bool folded = plan.across && !nested;
  double terms = facts.terms(reduce);
  if (folded) {
    lane = reduce.indices().back();
    terms = std::ceil(terms / kWarp);
  }
  Point inner;
  visit(*reduce.bodyBlock(), inner, map, plan, lane, share);
  Operations<double> each = operationsOfPoint(reduce), end = operationsOfEnd(reduce);
  double sums = each.adds + each.multiplies + each.extremes + kFunction * each.functions;
  // A product that is summed is one operation with its addition.
  double fused = llvm::count_if(reduce.yield().getValues(), [](Value v) {
    return isa_and_nonnull<arith::MulFOp>(v.getDefiningOp());
  });
  double wide = reduce.getResult(0).getType().isF64() ? facts.chip.f64Share : 1;
  inner.instructions += std::max(sums - fused, 0.0);
  inner.arithmetic += wide * std::max(sums - fused, 0.0);
  inner.operations += each.adds + each.multiplies + each.extremes;
  p.add(inner, terms);
  p.chain += terms * std::max(kChain, inner.instructions) +
             std::ceil(terms / kTogether) * inner.wait + inner.chain;
  p.chain += kDivisionChain * end.divisions;
  if (folded) {
    double exchanges = 5.0 * reduce.getNumResults();
    p.instructions += 2 * exchanges;
    p.chain += kShuffleWait * 5;
  }
}

void BlockCost::visitRead(ReadOp read, Point &p, MapOp map, Value lane, double share) {
  p.instructions += 1 + kAddress;
  if (near.contains(read.getTensor())) {
    p.wait = std::max(p.wait, kNearWait);
    return;
  }
  double left = 1;
  if (share > 0 && canPack(read, facts.prepared))
    left = 1 - share;
  // What one thread reads in a row, the first-level cache has after the first time.
  auto reduce = dyn_cast<ReduceOp>(read->getParentOp());
  bool row = reduce && lane != Value(reduce.indices().back()) &&
             accessOf(map, read, reduce.indices().back()) == Access::Contiguous;
  bool again = isMade(read.getTensor()) || facts.prepared.contains(read.getTensor());
  double wait = again ? kCacheWait : kMemoryWait;
  double bytes = bytesOf(read.getTensor());
  if (row)
    wait = kNearWait + (wait - kNearWait) * bytes / kSector;
  p.wait = std::max(p.wait, left * wait + (1 - left) * kNearWait);
  auto extent = lane ? extentOf(lane) : std::nullopt;
  double run = extent ? std::clamp<double>(double(*extent), 1, kWarp) : kWarp, lines = kWarp / run;
  double sectors = 0;
  switch (accessOf(map, read, lane)) {
  case Access::Shared:
    sectors = IndexUse(read).indices.empty() ? 1 : lines;
    break;
  case Access::Contiguous:
    sectors = std::max(lines * run * bytes / kSector, 1.0);
    break;
  case Access::Apart:
    sectors = kWarp;
    break;
  }
  double each = left * sectors * kSector / kWarp;
  p.read += each;
  p.cached += row ? std::min(each, left * bytes) : each;
}

/// To how many places in global memory what a map makes is written.
double BlockCost::storesOf(Value result) const {
  auto scan = dyn_cast<ScanOp>(result.getDefiningOp()->getParentOp());
  if (!scan)
    return near.contains(result) ? 0 : 1;
  double n = 0;
  bool handedOn = false;
  for (auto [k, y] : llvm::enumerate(scan.next().getYields()))
    if (y == result) {
      handedOn = true;
      n += !near.contains(scan.getResult(k));
    }
  for (auto [state, next] : llvm::zip(scan.states(), scan.next().getStates()))
    if (next == result) {
      handedOn = true;
      n += !near.contains(state);
    }
  return handedOn ? n : !near.contains(result);
}

BlockCost::Point BlockCost::pointOf(MapOp map, const MapPlan &plan, double points) {
  Point p;
  Value lane;
  if (!plan.across && plan.lane >= 0)
    lane = map.indices()[plan.lane];
  visit(*map.bodyBlock(), p, map, plan, lane, keptShare(map, plan, points));
  bool last = !map.indices().empty() && lane == Value(map.indices().back());
  for (Value r : map.getResults()) {
    double stores = storesOf(r), bytes = bytesOf(r);
    p.instructions += 1 + kAddress;
    p.written += stores * (plan.across ? kSector / kWarp : last ? bytes : kSector);
  }
  return p;
}

BlockWork BlockCost::points(MapOp map, double points) {
  bool own = groups == 1;
  MapPlan plan = planPoints(map, own && inSteps ? int64_t(threads) : kManyThreads);
  Point p = pointOf(map, plan, points);
  double workers = threads * groups / (plan.across ? kWarp : 1);
  double warps = (plan.across ? points : std::ceil(points / kWarp)) / groups;
  double lanes = plan.across ? kWarp : 1;
  BlockWork w;
  w.issues = warps * p.instructions;
  w.arithmetic = warps * p.arithmetic;
  w.operations = points * lanes * p.operations / groups;
  w.read = points * lanes * p.read / groups;
  w.cached = points * lanes * p.cached / groups;
  w.written = points * lanes * p.written / groups;
  w.cycles = std::ceil(points / workers) * (p.wait + p.chain);
  w.bound(threads / kWarp);
  return w;
}

/// The share of a map's weights that stay in shared memory over the steps.
double BlockCost::keptShare(MapOp map, const MapPlan &plan, double points) {
  if (!inSteps || !keeps || !plan.across)
    return 0;
  double bytes = 0;
  for (auto reduce : map.bodyBlock()->getOps<ReduceOp>())
    for (auto read : reduce.bodyBlock()->getOps<ReadOp>())
      if (canPack(read, facts.prepared))
        bytes += facts.points(reduce.getExtents()) * double(Code::bytes(read.getType()));
  double warps = threads / kWarp, needed = std::ceil(points / (warps * groups));
  double room = double(kSharedBytes - kProductBytes) - top;
  double rounds = bytes > 0 ? std::floor(room / (bytes * warps)) : 0;
  if (rounds < 1)
    return 0;
  shared = double(kSharedBytes);
  double share = std::min(rounds / needed, 1.0);
  kept += share * points * bytes / groups;
  return share;
}

//===----------------------------------------------------------------------===//
// Products in tiles
//===----------------------------------------------------------------------===//

double BlockCost::tiles(MapOp map, Contraction contraction, const BlockTile &tile) {
  double n = 1;
  for (auto [k, e] : llvm::enumerate(map.getExtents())) {
    double side = k == contraction.m ? tile.m : k == contraction.n ? tile.n : 1;
    n *= std::ceil(facts.value(e) / side);
  }
  return n;
}

/// The reads and the other ops that a value of a reduction's body is made of.
static void coneOf(Value v, llvm::SetVector<Operation *> &out) {
  Operation *op = v.getDefiningOp();
  if (!op || !op->getParentOfType<MapOp>() || !out.insert(op))
    return;
  for (Value o : op->getOperands())
    if (!isa<TensorType>(o.getType()))
      coneOf(o, out);
}

BlockWork BlockCost::tile(MapOp map, Contraction con, const BlockTile &tile) {
  double extents[2] = {facts.value(map.getExtents()[con.m]), facts.value(map.getExtents()[con.n])};
  double sides[2] = {double(tile.m), double(tile.n)};
  double outer = facts.points(con.reduce.getExtents().drop_back());
  double depth = facts.value(con.reduce.getExtents().back()), steps = std::ceil(depth / tile.k);
  bool wide = con.reduce.getResult(0).getType().isF64();
  double warps = tile.threads() / double(kWarp), sums = double(con.products.size());
  double own = tile.ownM * tile.ownN;
  BlockWork w;
  double fetch = 0, wait = 0, loads = 0; // of a thread in a step; for each place along the sum
  for (const Factor &f : con.factors) {
    unsigned k = f.overM ? 0 : 1;
    // Sides that stand out are not read.
    double mean = extents[k] / std::max(1.0, std::ceil(extents[k] / sides[k]));
    Value fast = f.innerFast ? Value(con.reduce.indices().back())
                             : Value(map.indices()[f.overM ? con.m : con.n]);
    Point p;
    llvm::SetVector<Operation *> cone;
    coneOf(f.value, cone);
    for (Operation *op : cone)
      if (auto read = dyn_cast<ReadOp>(op))
        visitRead(read, p, map, fast, 0);
      else
        p.instructions += std::max(1.0, operationsOf(op).functions * kFunction);
    w.read += p.read * mean * depth * outer;
    w.cached += p.cached * mean * depth * outer;
    fetch += (p.instructions + 2) * sides[k] * tile.k / tile.threads();
    wait = std::max(wait, p.wait);
    loads += tile.matrix ? 0 : f.overM ? tile.ownM / (wide ? 2.0 : 4.0) : tile.ownN;
  }
  double products = tile.matrix ? 0 : own * sums * tile.k;
  double all = tile.m * tile.n * sums * steps * tile.k * outer;
  w.operations =
      2 * std::min(extents[0], sides[0]) * std::min(extents[1], sides[1]) * sums * depth * outer;
  // Of f32 three products of fewer bits, of factors that are split in registers: so many
  // instructions an element, and it is in several warps' fragments.
  constexpr double kSplit = 12, kFragments = 2;
  bool splits = tile.matrix && !con.isShort();
  double split = splits ? kSplit * kFragments * (tile.m + tile.n) * tile.k / tile.threads() : 0;
  if (tile.matrix) // in operations at the rate of tf32
    w.matrix = 2 * all * (splits ? 3 : facts.chip.tf32 / facts.chip.half);
  double each = products + loads * tile.k + fetch + split + 10;
  w.issues = warps * each * steps * outer;
  w.arithmetic = warps * products * steps * outer * (wide ? facts.chip.f64Share : 1);
  double working = warps * each / (kUsual * std::min(kIssue, warps));
  w.cycles = steps * outer * (std::max(working, wait + fetch) + kBarrierWait) + wait;
  // The rest of the map's body, and what it stores.
  MapPlan plan;
  plan.lane = int(con.n);
  Point p;
  for (Operation &op : map.bodyBlock()->without_terminator())
    if (auto read = dyn_cast<ReadOp>(op))
      visitRead(read, p, map, map.indices()[con.n], 0);
    else if (op.getNumRegions() == 0)
      p.instructions += std::max(1.0, operationsOf(&op).functions * kFunction);
  double points = std::min(extents[0], sides[0]) * std::min(extents[1], sides[1]);
  w.read += p.read * points, w.cached += p.cached * points;
  w.issues += warps * own * p.instructions;
  w.cycles += p.wait + own * p.instructions;
  for (Value r : map.getResults())
    w.written += points * storesOf(r) * bytesOf(r);
  return w;
}

//===----------------------------------------------------------------------===//
// Steps
//===----------------------------------------------------------------------===//

/// Gives a tensor of the steps shared memory, where there is room.
void BlockCost::place(Value tensor, int64_t copies) {
  made.insert(tensor);
  auto type = cast<RankedTensorType>(tensor.getType());
  int64_t n = kSharedBytes;
  if (auto map = tensor.getDefiningOp<MapOp>())
    n = pointsUpTo(map.getExtents(), kSharedBytes, kSharedBytes);
  else if (type.hasStaticShape())
    n = std::min<int64_t>(type.getNumElements(), kSharedBytes);
  double bytes = double(llvm::alignTo(n * Code::bytes(type.getElementType()), 16));
  if (groups > 1 || bytes > double(kMostNearBytes) ||
      double(kSharedBytes - kProductBytes) - top < bytes * double(copies))
    return;
  near.insert(tensor);
  top += bytes * double(copies);
  shared = std::max(shared, top);
}

void BlockCost::countBarrier(BlockWork &work) const {
  work.cycles += kBarrierWait + (groups > 1 ? kGroupBarrier * facts.chip.clock() : 0);
}

BlockWork BlockCost::step(Block &body) {
  inSteps = true;
  auto last = body.getTerminator();
  for (Operation &op : body.without_terminator())
    for (Value r : op.getResults())
      if (isa<RankedTensorType>(r.getType()) && !made.contains(r) && !facts.prepared.contains(r) &&
          !llvm::is_contained(last->getOperands(), r))
        place(r, 1);
  BlockWork work;
  bool isStep = isa<ScanOp>(body.getParentOp());
  Unmet unmet;
  for (Operation &op : body.without_terminator()) {
    if (unmet.reads(op)) {
      countBarrier(work);
      unmet.clear();
    }
    if (auto scan = dyn_cast<ScanOp>(op)) {
      bool loop = !isStep && scan.getInits().empty();
      work += loop && groups > 1 ? shareLoop(scan) : steps(scan);
      if (loop)
        unmet.add(op);
      else
        unmet.clear();
      continue;
    }
    auto map = dyn_cast<MapOp>(op);
    if (!map || facts.prepared.contains(map.getResult(0)))
      continue;
    auto contraction = groups == 1 ? contractionOf(map) : std::nullopt;
    auto shape = contraction ? tileFor(map, *contraction, unsigned(threads),
                                       kSharedBytes - int64_t(top), facts.target)
                             : std::nullopt;
    if (shape) {
      shared = std::max(shared, top + double(shape->bytes(*contraction)));
      work += tile(map, *contraction, *shape) * tiles(map, *contraction, *shape);
    } else {
      work += points(map, facts.points(map));
    }
    if (isStep)
      countBarrier(work);
    else
      unmet.add(op);
  }
  return isStep ? work += copies(body) : work;
}

/// A group's blocks take the steps in turn, each by itself.
BlockWork BlockCost::shareLoop(ScanOp scan) {
  BlockCost alone(facts, threads);
  alone.made = made;
  alone.keeps = false;
  BlockWork work = alone.step(*scan.bodyBlock());
  shared = std::max(shared, alone.shared);
  return work * std::ceil(facts.value(scan.getExtent()) / groups);
}

BlockWork BlockCost::body(Block &body) {
  keeps = false;
  return step(body);
}

/// What a step hands on that no map of it makes is copied.
BlockWork BlockCost::copies(Block &body) {
  auto scan = cast<ScanOp>(body.getParentOp());
  BlockWork work;
  auto copy = [&](Value from, Value to) {
    Operation *maker = from.getDefiningOp();
    if (maker && maker->getBlock() == &body && isa<MapOp>(maker))
      return;
    double n = facts.elements(from) / groups, bytes = n * bytesOf(from);
    BlockWork w;
    w.issues = std::ceil(n / kWarp) * 2 * (1 + kAddress);
    w.cycles = std::ceil(n / threads) * (near.contains(from) ? kNearWait : kCacheWait);
    w.read = w.cached = near.contains(from) ? 0 : bytes;
    w.written = near.contains(to) ? 0 : bytes;
    w.bound(threads / kWarp);
    countBarrier(w);
    work += w;
  };
  for (auto [k, y] : llvm::enumerate(scan.next().getYields()))
    copy(y, scan.getResult(k));
  for (auto [state, next] : llvm::zip(scan.states(), scan.next().getStates()))
    copy(next, state);
  return work;
}

/// How often a scan runs that runs once or not at all. What is found in the data counts as not: it
/// is a rare way out.
static double timesOf(Value extent, const CallFacts &facts) {
  if (extent.getDefiningOp<ReadOp>())
    return 0;
  if (auto most = extent.getDefiningOp<arith::MaxSIOp>())
    return std::max(timesOf(most.getLhs(), facts), timesOf(most.getRhs(), facts));
  return facts.value(extent);
}

BlockWork BlockCost::steps(ScanOp scan) {
  bool once = scan->hasAttr(kOnceAttr);
  double times = once ? timesOf(scan.getExtent(), facts) : facts.value(scan.getExtent());
  for (auto [state, init, next] :
       llvm::zip(scan.states(), scan.getInits(), scan.next().getStates())) {
    // In two copies by turns, but where one map alone reads it, at its own point.
    Operation *maker = next.getDefiningOp();
    bool inPlace = llvm::all_of(state.getUsers(), [&](Operation *user) {
      auto read = dyn_cast<ReadOp>(user);
      auto map = dyn_cast_or_null<MapOp>(maker);
      return read && map && map->isAncestor(read) && llvm::equal(read.getIndices(), map.indices());
    });
    bool owns = near.contains(init) && init.hasOneUse();
    place(state, inPlace && owns ? 0 : inPlace || owns ? 1 : 2);
    made.insert(next);
    if (near.contains(state))
      near.insert(next);
  }
  BlockWork work = step(*scan.bodyBlock()) * times;
  for (auto [state, init, last] : llvm::zip(scan.states(), scan.getInits(), scan.stateResults())) {
    double bytes = facts.elements(state) * bytesOf(state) / groups;
    bool copied = near.contains(state) && !near.contains(last);
    work.written += copied ? bytes : 0;
    work.read += near.contains(init) ? 0 : bytes;
    work.cached += near.contains(init) ? 0 : bytes;
    work.cycles += 2 * kCacheWait;
  }
  countBarrier(work);
  return work;
}

} // namespace seq::gpu
