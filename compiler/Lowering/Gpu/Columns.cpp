//===- Columns.cpp - Recurrences whose columns do not meet --------------------------------===//
//
// In a diagonal recurrence each channel is by itself; in one with an outer-product state each
// column of the state is, whatever its decay, its correction or its read-out: sums run along the
// other axis. A thread then runs all steps of its own columns and meets no other. Its part of the
// states stays in registers, as does what its maps hand to each other.
//
// Which axes those are is found by tracing reads: an axis that is read at the reading map's own
// index goes with that index; one that is read anywhere else, by a sum or at a computed place, is
// inside of a column. Axes inside have constant extents: maps over them, and sums, are written out.
//
// Where a column is long, a few lanes share it: of one axis inside each has every so manyth place,
// and sums along it end in exchanges of registers. That axis is read at the own index of maps and
// by whole sums alone.
//
//===----------------------------------------------------------------------===//
#include "compiler/Lowering/Gpu/Columns.h"

#include "compiler/Lowering/Gpu/GpuLowering.h"
#include "llvm/ADT/EquivalenceClasses.h"

#include <set>

using namespace mlir;
namespace seq::gpu {

/// Values of states that a thread has in registers at most, and how many of them are enough to
/// be worth no more lanes.
constexpr int64_t kMostValues = 40, kFewValues = 16;
/// Values that a map of the step makes in a column at most.
constexpr int64_t kMostMade = 1024;
/// Operations of a step, written out, at most.
constexpr int64_t kMostOperations = 6000;
/// Steps that are written out behind each other where one has no more operations than this.
constexpr int64_t kTogether = 4, kShortStep = 120;

//===----------------------------------------------------------------------===//
// Which axes are columns
//===----------------------------------------------------------------------===//

namespace {
class ColumnFinder {
public:
  ColumnFinder(ScanOp scan, llvm::function_ref<Values(Value)> dimsOf)
      : scan(scan), dimsOf(dimsOf) {}

  std::optional<Columns> find() {
    if (scan.getInits().empty() || !isPlain())
      return std::nullopt;
    join();
    if (!trace() || !number())
      return std::nullopt;
    chooseSplit();
    if (!fits())
      return std::nullopt;
    return std::move(columns);
  }

private:
  /// An axis of a tensor of the step: a state's, or that of a map's result.
  using Axis = std::pair<void *, unsigned>;
  static Axis axis(Value tensor, unsigned k) {
    // All results of a map have its indices as their axes.
    if (auto map = tensor.getDefiningOp<MapOp>())
      return {map.getOperation(), k};
    return {tensor.getAsOpaquePointer(), k};
  }
  bool ofStep(Value tensor) { return scan.getBody().isAncestor(tensor.getParentRegion()); }

  /// A step of maps alone, and index arithmetic that is the same for all of them.
  bool isPlain() {
    for (Operation &op : scan.bodyBlock()->without_terminator())
      if (!isa<MapOp>(op) && (isa<ReadOp>(op) || op.getNumRegions()))
        return false;
    return true;
  }

  void join() {
    for (auto [state, next] : llvm::zip(scan.states(), scan.next().getStates()))
      for (unsigned k = 0; k < cast<RankedTensorType>(state.getType()).getRank(); ++k)
        classes.unionSets(axis(state, k), axis(next, k));
    for (auto map : scan.bodyBlock()->getOps<MapOp>())
      for (unsigned k = 0; k < map.indices().size(); ++k)
        classes.insert(axis(map.getResult(0), k));
  }

  /// Follows every read of the step's tensors; false where a place inside cannot be written out.
  bool trace() {
    bool good = true;
    scan.walk([&](ReadOp read) {
      auto map = read->getParentOfType<MapOp>();
      if (!ofStep(read.getTensor()))
        return;
      good &= !read.getCheck();
      for (auto [k, index] : llvm::enumerate(read.getIndices())) {
        auto argument = dyn_cast<BlockArgument>(index);
        if (argument && argument.getOwner() == map.bodyBlock())
          classes.unionSets(axis(read.getTensor(), k),
                            axis(map.getResult(0), argument.getArgNumber()));
        else
          inside.push_back({axis(read.getTensor(), k), index});
        good &= isWritable(index);
      }
    });
    return good;
  }

  /// A place that is a number where maps and sums are written out.
  static bool isWritable(Value index) {
    if (isa<BlockArgument>(index))
      return isa<MapOp, ReduceOp>(cast<BlockArgument>(index).getOwner()->getParentOp());
    Operation *op = index.getDefiningOp();
    if (isa<arith::ConstantOp>(op))
      return true;
    return isa<arith::AddIOp, arith::SubIOp, arith::MulIOp>(op) &&
           llvm::all_of(op->getOperands(), isWritable);
  }

  /// Numbers the classes that are columns, in the order of the largest map's indices.
  bool number() {
    std::set<Axis> closed;
    for (const Inner &r : inside)
      closed.insert(classes.getLeaderValue(r.axis));
    std::map<Axis, int> numbers;
    auto columnOf = [&](Axis a) -> int {
      Axis leader = classes.getLeaderValue(a);
      if (closed.count(leader))
        return Columns::kInside;
      auto [it, fresh] = numbers.insert({leader, int(numbers.size())});
      return it->second;
    };
    auto add = [&](Value tensor, const Values &dims) {
      SmallVector<int, 4> out;
      for (unsigned k = 0; k < dims.size(); ++k) {
        int column = columnOf(axis(tensor, k));
        // A tensor that is one column's in two axes is its diagonal.
        if (column >= 0 && llvm::is_contained(out, column))
          return false;
        if (column >= 0 && size_t(column) == columns.extents.size())
          columns.extents.push_back(dims[k]);
        if (column >= 0 && !sameExtent(columns.extents[column], dims[k]))
          return false;
        out.push_back(column);
      }
      columns.axes[tensor] = out;
      return true;
    };
    for (Value state : scan.states())
      if (!add(state, dimsOf(state)))
        return false;
    size_t ofStates = numbers.size();
    for (auto map : scan.bodyBlock()->getOps<MapOp>())
      for (Value result : map.getResults())
        if (!add(result, Values(map.getExtents())))
          return false;
    // Every state's column index is in every state: none would have two owners.
    for (Value state : scan.states())
      for (size_t k = 0; k < ofStates; ++k)
        if (!llvm::is_contained(columns.axes[state], int(k)))
          return false;
    return ofStates > 0 && numbers.size() == ofStates;
  }

  /// The same formula over the function's sizes.
  static bool sameExtent(Value a, Value b) {
    if (auto x = Code::constant(a), y = Code::constant(b); x || y)
      return x == y;
    Operation *p = a.getDefiningOp(), *q = b.getDefiningOp();
    if (a == b || !p || !q)
      return a == b;
    return p->getName() == q->getName() && p->getAttrs() == q->getAttrs() &&
           p->getNumOperands() == q->getNumOperands() &&
           llvm::equal(p->getOperands(), q->getOperands(), sameExtent);
  }

  /// Whether lanes may share the class of `leader`: it is read by whole sums, whose indices read
  /// nothing else that is in registers, in maps that do not run along it themselves.
  bool canSplit(Axis leader, int64_t extent, llvm::DenseSet<Value> &indices) {
    auto isOwn = [&](Axis a) { return classes.getLeaderValue(a) == leader; };
    for (const Inner &r : inside) {
      if (!isOwn(r.axis))
        continue;
      auto index = dyn_cast<BlockArgument>(r.index);
      auto reduce = index ? dyn_cast<ReduceOp>(index.getOwner()->getParentOp()) : ReduceOp();
      if (!reduce || Code::constant(reduce.getExtents()[index.getArgNumber()]) != extent)
        return false;
      indices.insert(index);
      auto map = reduce->getParentOfType<MapOp>();
      for (unsigned k = 0; k < map.indices().size(); ++k)
        if (isOwn(axis(map.getResult(0), k)))
          return false;
    }
    return llvm::none_of(
        inside, [&](const Inner &r) { return !isOwn(r.axis) && indices.contains(r.index); });
  }

  /// Gives a long column lanes.
  void chooseSplit() {
    int64_t values = 0;
    std::map<Axis, int64_t> extents;
    for (Value state : scan.states()) {
      Values dims = dimsOf(state);
      values += valuesOf(state, dims).value_or(0);
      for (auto [k, column] : llvm::enumerate(columns.axes[state]))
        if (auto n = Code::constant(dims[k]); n && column == Columns::kInside)
          extents[classes.getLeaderValue(axis(state, k))] = *n;
    }
    std::optional<Axis> longest;
    for (auto &[leader, n] : extents)
      if (llvm::DenseSet<Value> ignored;
          canSplit(leader, n, ignored) && (!longest || n > extents[*longest]))
        longest = leader;
    if (!longest)
      return;
    while (values > kFewValues && columns.lanes < kWarp &&
           extents[*longest] % (2 * columns.lanes) == 0) {
      columns.lanes *= 2;
      values /= 2;
    }
    if (columns.lanes == 1)
      return;
    canSplit(*longest, extents[*longest], columns.splitIndices);
    for (auto &[tensor, axes] : columns.axes)
      for (auto [k, column] : llvm::enumerate(axes))
        if (column == Columns::kInside && classes.getLeaderValue(axis(tensor, k)) == *longest)
          column = Columns::kSplit;
  }

  /// The values of `tensor` in one column; none where that is not a number.
  std::optional<int64_t> valuesOf(Value tensor, const Values &dims) {
    int64_t n = 1;
    for (auto [k, column] : llvm::enumerate(columns.axes[tensor])) {
      auto extent = Code::constant(dims[k]);
      if (column < 0 && !extent)
        return std::nullopt;
      if (column < 0)
        n = std::min(n * std::clamp<int64_t>(*extent, 0, kMostMade + 1), kMostMade + 1);
      if (column == Columns::kSplit)
        n /= columns.lanes;
    }
    return n;
  }

  bool fits() {
    int64_t values = 0, operations = 0;
    for (Value state : scan.states()) {
      auto n = valuesOf(state, dimsOf(state));
      if (!n)
        return false;
      values += *n;
    }
    for (auto map : scan.bodyBlock()->getOps<MapOp>()) {
      auto n = valuesOf(map.getResult(0), Values(map.getExtents()));
      auto each = operationsOf(*map.bodyBlock());
      if (!n || !each || *n > kMostMade / columns.lanes)
        return false;
      operations = std::min(operations + *n * *each, kMostOperations + 1);
    }
    columns.operations = operations;
    return values <= kMostValues && operations <= kMostOperations;
  }

  /// Operations of a body with its sums written out; none where a sum's range is not a number and
  /// it reads what is in registers.
  std::optional<int64_t> operationsOf(Block &block) {
    int64_t n = 0;
    for (Operation &op : block.without_terminator()) {
      ++n;
      auto reduce = dyn_cast<ReduceOp>(op);
      if (!reduce)
        continue;
      auto inner = operationsOf(*reduce.bodyBlock());
      if (!inner)
        return std::nullopt;
      int64_t points = 1;
      bool reads = readsResidents(reduce);
      for (auto [e, index] : llvm::zip(reduce.getExtents(), reduce.indices())) {
        auto extent = Code::constant(e);
        if (!extent && reads)
          return std::nullopt;
        points = std::min(points * std::clamp<int64_t>(reads ? *extent : 1, 0, kMostOperations),
                          kMostOperations);
        if (columns.splitIndices.contains(index))
          points /= columns.lanes;
      }
      n += std::min(points * *inner, 2 * kMostOperations);
    }
    return n;
  }

  bool readsResidents(ReduceOp reduce) {
    bool reads = false;
    reduce.walk([&](ReadOp read) { reads |= ofStep(read.getTensor()); });
    return reads;
  }

  ScanOp scan;
  llvm::function_ref<Values(Value)> dimsOf;
  llvm::EquivalenceClasses<Axis> classes;
  /// A read at another place than the reading map's own.
  struct Inner {
    Axis axis;
    Value index;
  };
  SmallVector<Inner> inside;
  Columns columns;
};
} // namespace

std::optional<Columns> columnsOf(ScanOp scan, llvm::function_ref<Values(Value)> dimsOf) {
  return ColumnFinder(scan, dimsOf).find();
}

//===----------------------------------------------------------------------===//
// Their code
//===----------------------------------------------------------------------===//

namespace {
/// One thread's part of a column of a scan; `columns` has the extents as values of the code.
/// `active`: what the thread makes is stored; null: always.
class ColumnEmitter {
public:
  ColumnEmitter(Code &c, ScanOp scan, const Columns &columns, Row row, Value column, Value lane,
                Value active, Value steps, llvm::function_ref<Values(Value)> dimsOf,
                llvm::function_ref<BodyEmitter(Tile &)> bodyOf,
                llvm::function_ref<const Buffer &(Value)> bufferOf,
                llvm::function_ref<ArrayRef<Buffer>(Value)> destinationsOf)
      : c(c), scan(scan), columns(columns), row(std::move(row)), active(active), steps(steps),
        dimsOf(dimsOf), bodyOf(bodyOf), bufferOf(bufferOf), destinationsOf(destinationsOf) {
    residents.lanes = columns.lanes;
    residents.lane = lane;
    residents.splitIndices = columns.splitIndices;
    place.resize(columns.extents.size());
    Value rest = column;
    for (size_t k = place.size(); k-- > 0;) {
      Value n = columns.extents[k], q = k ? c.bin<arith::DivUIOp>(rest, n) : c.i(0);
      place[k] = c.sub(rest, c.mul(q, n));
      rest = q;
    }
  }

  void emit() {
    Values carried;
    for (auto [state, init] : llvm::zip(scan.states(), scan.getInits())) {
      auto &buffer = bufferOf(init);
      overInside(state, [&](ArrayRef<Value> at) {
        auto load = [&] { return Values{c.load(address(buffer, at), buffer.elem)}; };
        // A thread past the end would read what its owner may have replaced already.
        auto zero = [&] { return Values{c.zero(buffer.elem)}; };
        carried.push_back(active ? c.choose(active, c.value(buffer.elem), load, zero)[0]
                                 : load()[0]);
      });
    }
    // Several steps at once where they are short: the loads of all of them are then on their way
    // while the first one waits.
    int64_t together = columns.operations <= kShortStep ? kTogether : 1;
    Value whole = c.mul(c.bin<arith::DivUIOp>(steps, c.i(together)), c.i(together));
    Values last = c.loop(c.i(0), whole, c.i(together), carried, [&](Value s, ValueRange in) {
      Values out(in.begin(), in.end());
      for (int64_t k = 0; k < together; ++k)
        out = step(c.add(s, c.i(k)), out);
      return out;
    });
    if (together > 1)
      last =
          c.loop(whole, steps, c.i(1), last, [&](Value s, ValueRange in) { return step(s, in); });
    size_t n = 0;
    row.t.clear();
    for (auto [state, result] : llvm::zip(scan.states(), scan.stateResults())) {
      size_t first = n;
      for (const Buffer &to : destinationsOf(result)) {
        n = first;
        overInside(state, [&](ArrayRef<Value> at) {
          ifStoring(state, [&] { c.store(last[n], address(to, at)); });
          ++n;
        });
      }
      n = first + count(state);
    }
  }

private:
  /// The places of a tensor in this column: every axis, those inside as constants.
  void overInside(Value tensor, llvm::function_ref<void(ArrayRef<Value>)> f) {
    const auto &axes = columns.axes.find(tensor)->second;
    Values dims = dimsOf(tensor), at(axes.size());
    auto nest = [&](auto &self, size_t k) -> void {
      if (k == axes.size())
        return f(at);
      if (axes[k] >= 0) {
        at[k] = place[axes[k]];
        return self(self, k + 1);
      }
      bool split = axes[k] == Columns::kSplit;
      int64_t lanes = split ? columns.lanes : 1;
      for (int64_t i = 0, n = std::max<int64_t>(*Code::constant(dims[k]), 0) / lanes; i < n; ++i) {
        at[k] = split ? c.add(c.i(i * lanes), residents.lane) : c.i(i);
        if (split)
          splitPlace = i;
        self(self, k + 1);
      }
    };
    nest(nest, 0);
  }
  size_t count(Value tensor) {
    size_t n = 0;
    overInside(tensor, [&](ArrayRef<Value>) { ++n; });
    return n;
  }
  Value address(const Buffer &buffer, ArrayRef<Value> at) {
    Value offset = rowOffset(c, buffer, row);
    for (auto [i, stride] : llvm::zip(at, buffer.strides))
      offset = c.add(offset, c.mul(i, stride));
    return c.at(buffer.base, buffer.elem, offset);
  }

  Values step(Value s, ValueRange in) {
    row.t = {scan.getReverse() ? c.sub(c.sub(steps, c.i(1)), s) : s};
    residents.tensors.clear();
    size_t n = 0;
    for (Value state : scan.states()) {
      Resident &r = makeResident(state);
      for (size_t k = count(state); k > 0; --k)
        r.values.push_back(in[n++]);
    }
    for (auto map : scan.bodyBlock()->getOps<MapOp>())
      run(map);
    Values out;
    for (Value next : scan.next().getStates())
      llvm::append_range(out, residents.tensors[next].values);
    return out;
  }

  Resident &makeResident(Value tensor) {
    Resident &r = residents.tensors[tensor];
    Values dims = dimsOf(tensor);
    for (auto [k, column] : llvm::enumerate(columns.axes.find(tensor)->second)) {
      bool split = column == Columns::kSplit;
      r.extents.push_back(
          column < 0 ? std::optional(*Code::constant(dims[k]) / (split ? columns.lanes : 1))
                     : std::nullopt);
      if (split)
        r.split = k;
    }
    return r;
  }

  void run(MapOp map) {
    for (Value result : map.getResults())
      makeResident(result);
    overInside(map.getResult(0), [&](ArrayRef<Value> at) {
      Tile tile;
      tile.map = map;
      tile.rows = {row};
      tile.residents = &residents;
      const auto &axes = columns.axes.find(map.getResult(0))->second;
      for (auto [index, i, column] : llvm::zip(map.indices(), at, axes)) {
        tile.vals[index] = Val::scalar(i);
        if (column == Columns::kSplit)
          residents.ownPlaces[index] = splitPlace;
      }
      BodyEmitter body = bodyOf(tile);
      body.emitBlock(*map.bodyBlock());
      for (auto [result, value] : llvm::zip(map.getResults(), map.yield().getValues())) {
        residents.tensors[result].values.push_back(body.scalarAt(body.get(value), 0));
        for (const Buffer &to : destinationsOf(result))
          store(map, body, value, to);
      }
    });
  }

  /// What all columns, or all lanes, make alike, one of them stores.
  void ifStoring(Value tensor, llvm::function_ref<void()> store) {
    const auto &axes = columns.axes.find(tensor)->second;
    Value stores = active ? active : c.ci(1, c.i1);
    auto first = [&](Value v) {
      stores = c.bin<arith::AndIOp>(stores, c.cmp(arith::CmpIPredicate::eq, v, c.i(0)));
    };
    for (size_t k = 0; k < place.size(); ++k)
      if (!llvm::is_contained(axes, int(k)))
        first(place[k]);
    if (columns.lanes > 1 && !llvm::is_contained(axes, Columns::kSplit))
      first(residents.lane);
    c.when(stores, store);
  }
  void store(MapOp map, BodyEmitter &body, Value value, const Buffer &to) {
    ifStoring(map.getResult(0), [&] { body.store(value, to, map.indices()); });
  }

  Code &c;
  ScanOp scan;
  const Columns &columns;
  Row row;
  Value active, steps;
  llvm::function_ref<Values(Value)> dimsOf;
  llvm::function_ref<BodyEmitter(Tile &)> bodyOf;
  llvm::function_ref<const Buffer &(Value)> bufferOf;
  llvm::function_ref<ArrayRef<Buffer>(Value)> destinationsOf;
  Values place;           ///< by column index
  int64_t splitPlace = 0; ///< which of the thread's own a split axis is at
  Residents residents;
};
} // namespace

bool GpuLowering::launchColumns(ScanOp scan) {
  Code &c = *code;
  auto dims = [&](Value v) { return dimsOf(v); };
  std::optional<Columns> columns = columnsOf(scan, dims);
  if (!columns)
    return false;
  scanLevel[scan] = 0;
  noteScan(scan).runs = "columns";
  bindYields(scan);
  // Few columns a block, so that all of the device has some.
  constexpr int64_t kBlockThreads = 64;
  int64_t perBlock = kBlockThreads / columns->lanes;
  Value most = elements(columns->extents), blocks = c.ceilDiv(most, perBlock);
  launch("columns", c.mul(batch, blocks), kBlockThreads, [&](Value block) {
    Row row;
    row.b = c.bin<arith::DivUIOp>(block, blocks);
    Value chunk = c.sub(block, c.mul(row.b, blocks)), lanes = c.i(columns->lanes);
    Value lane = c.bin<arith::RemUIOp>(thread, lanes);
    Value column = c.add(c.mul(chunk, c.i(perBlock)), c.bin<arith::DivUIOp>(thread, lanes));
    Value all = c.i(1);
    Columns here = *columns;
    for (Value &e : here.extents) {
      e = c.max(evaluate(e, row), c.i(0));
      all = c.mul(all, e);
    }
    Value steps = c.max(evaluate(scan.getExtent(), row), c.i(0));
    Value active = c.cmp(arith::CmpIPredicate::slt, column, all), run = active;
    if (columns->lanes > 1) {
      // All lanes of a warp exchange: those past the end run along with the last column.
      column = c.min(column, c.sub(all, c.i(1)));
      run = c.cmp(arith::CmpIPredicate::sgt, all, c.i(0));
    } else {
      active = Value();
    }
    c.when(run, [&] {
      ColumnEmitter(
          c, scan, here, row, column, lane, active, steps, dims,
          [&](Tile &t) { return BodyEmitter(*this, c, t); },
          [&](Value v) -> const Buffer & { return bufferOf(v); },
          [&](Value v) { return ArrayRef<Buffer>(destinations[v]); })
          .emit();
    });
    noteStep(scan);
  });
  unbindYields(scan);
  return true;
}

/// What a column's maps are, for explanations.
void GpuLowering::noteStep(ScanOp scan) {
  for (auto map : scan.bodyBlock()->getOps<MapOp>()) {
    MapPlan p;
    p.rows = {1};
    noteMap(map, p).runs = "column";
  }
}

} // namespace seq::gpu
