//===- LowerBlock.cpp - Blocks of ops, and recurrences step by step -------------------===//
//
// A state lives in two buffers that change roles each step, or in one where the step
// updates it point by point. The first is its initial value's own memory where nothing else reads
// that. A finished sequence's state stays where its last step put it:
// the parity of its length tells which buffer.
//
// A scan inside of a step runs for one sequence after the other.
//
//===----------------------------------------------------------------------===//
#include "compiler/Lowering/Common/Lower.h"

using namespace mlir;
namespace seq::lowering {

Row FunctionLowering::makeRow(const RowSet &rows, Value r) {
  Code &c = *code;
  Row row;
  if (rows.single)
    row.b = rows.single;
  else if (rows.together)
    row.b = c.add(rows.together->first, r);
  else if (rows.order)
    row.b = c.load(c.at(rows.order, c.i64, c.add(c.mul(r, rows.stride), rows.offset)), c.i64);
  else
    row.b = r;
  if (rows.positions)
    row.t = rows.positions(row.b);
  return row;
}

/// Copies one sequence's tensor, in that sequence's own sizes: what is padding stays as it
/// is, since a result's is 0 and a state's may be anything. Both buffers are laid out alike.
void FunctionLowering::copyRow(const Buffer &from, const Buffer &to, const Row &row,
                               const Team &team) {
  Code &c = *code;
  // Axes after the last that a sequence may cut short are copied as one.
  size_t cut = to.dims.size();
  while (cut > 0 && !dependsOnBatch(to.dims[cut - 1]))
    --cut;
  Value whole = cut ? to.strides[cut - 1] : elements(to.dims);
  std::function<void(size_t, Value)> copy = [&](size_t axis, Value offset) {
    if (axis + 1 < cut) {
      c.loop(c.i(0), evaluate(to.dims[axis], row), c.i(1),
             [&](Value i) { copy(axis + 1, c.add(offset, c.mul(i, to.strides[axis]))); });
      return;
    }
    auto address = [&](const Buffer &b) {
      return c.at(b.base, b.elem, c.add(rowOffset(c, b, row), offset));
    };
    Value n = cut ? c.mul(c.max(evaluate(to.dims[axis], row), c.i(0)), whole) : whole;
    copyElements(address(to), address(from), to.elem, n, team);
  };
  copy(0, c.i(0));
}

/// An index that a step reads from what it has made: how often something is to run.
Value FunctionLowering::stepRead(ReadOp read, const Row &row) {
  Code &c = *code;
  Buffer b = bufferOf(read.getTensor());
  Value offset = rowOffset(c, b, row);
  for (auto [i, stride] : llvm::zip(read.getIndices(), b.strides))
    offset = c.add(offset, c.mul(evaluate(i, row), stride));
  return c.load(c.at(b.base, c.i64, offset), c.i64); // an index, as all that a step counts with
}

bool Unmet::reads(Operation &op) const {
  bool reads = llvm::any_of(op.getOperands(), [&](Value v) { return made.contains(v); });
  op.walk([&](ReadOp read) { reads |= made.contains(read.getTensor()); });
  return reads;
}

/// Every op of `block` in order, for the sequences of `rows`. Threads meet after each op. Those of
/// a function for a GPU write each tensor once, so that threads need only meet before an op that
/// reads what was made since they met.
void FunctionLowering::lowerBlock(Block &block, const RowSet &rows, const Team &team,
                                  bool barriers) {
  bindDestinations(block);
  bool isStep = isa<ScanOp>(block.getParentOp());
  bool meetsAlways = isStep || !target.isGpu();
  Unmet unmet;
  for (Operation &op : block.without_terminator()) {
    code->b.setLoc(op.getLoc());
    // Index arithmetic of a step is done once, where it has one value.
    if (isStep && rows.single && op.getNumResults() == 1 && op.getResult(0).getType().isIndex() &&
        !op.hasTrait<OpTrait::ConstantLike>()) {
      Row row = makeRow(rows, code->i(0));
      stepScalars.erase(op.getResult(0));
      auto read = dyn_cast<ReadOp>(op);
      stepScalars[op.getResult(0)] = read ? stepRead(read, row) : evaluate(op.getResult(0), row);
      continue;
    }
    if (op.getNumResults() && isa<TensorType>(op.getResult(0).getType()) &&
        isPrepared(op.getResult(0)))
      continue;
    if (barriers && unmet.reads(op)) {
      barrier(team);
      unmet.clear();
    }
    if (auto map = dyn_cast<MapOp>(op)) {
      lowerMap(map, rows, team);
      if (!meetsAlways)
        unmet.add(op);
      else if (barriers)
        barrier(team);
    } else if (auto scan = dyn_cast<ScanOp>(op)) {
      lowerScan(scan, rows, team, barriers);
      // Threads meet at the end of a recurrence's steps.
      if (meetsAlways || !scan.getInits().empty())
        unmet.clear();
      else
        unmet.add(op);
    }
  }
}

/// The initial value of state k is made for the scan alone, so that the state may live in its
/// memory.
bool FunctionLowering::ownsInit(ScanOp scan, unsigned k) {
  Value init = scan.getInits()[k];
  Operation *made = init.getDefiningOp();
  return made && isa<MapOp, ScanOp>(made) && made->getBlock() == scan->getBlock() &&
         init.hasOneUse() && !isPrepared(init);
}

/// Gives each result of the block's maps and scans its memory: what the terminator hands
/// on is written where it goes, the rest to workspace.
void FunctionLowering::bindDestinations(Block &block) {
  for (Operation &op : block)
    for (Value v : op.getResults()) {
      if (!isa<TensorType>(v.getType()) || isPrepared(v))
        continue;
      auto &to = destinations[v];
      // A final state stays where the state lives, if that is one place.
      auto scan = dyn_cast<ScanOp>(op);
      unsigned k = cast<OpResult>(v).getResultNumber();
      if (to.empty() && scan && k >= scan.numYields() && ownsInit(scan, k - scan.numYields()) &&
          pointwiseUpdate(scan, k - scan.numYields()))
        to.push_back(buffers[scan.getInits()[k - scan.numYields()]]);
      if (to.empty())
        to.push_back(allocate(cast<RankedTensorType>(v.getType()).getElementType(), dimsOf(v)));
      buffers[v] = to.front();
    }
}

void FunctionLowering::storeResults(MapOp map, BodyEmitter &body) {
  for (auto [result, value] : llvm::zip(map.getResults(), map.yield().getValues()))
    for (const Buffer &b : destinations[result])
      body.store(value, b, map.indices());
}

/// True where state k may be updated in place: only the map that makes its next value
/// reads it, at its own point.
bool FunctionLowering::pointwiseUpdate(ScanOp scan, unsigned k) {
  Value state = scan.states()[k], next = scan.next().getStates()[k];
  auto map = next.getDefiningOp<MapOp>();
  if (!map || map->getBlock() != scan.bodyBlock())
    return false;
  for (OpOperand &use : state.getUses()) {
    auto read = dyn_cast<ReadOp>(use.getOwner());
    if (!read)
      return false;
    Operation *top = scan.bodyBlock()->findAncestorOpInBlock(*read);
    if (top != map) {
      // Another map may read it before.
      if (!isa<MapOp>(top) || !top->isBeforeInBlock(map))
        return false;
      continue;
    }
    if (!llvm::equal(read.getIndices(), map.indices()))
      return false;
  }
  return true;
}

namespace {
struct StateMemory {
  Buffer first, second; ///< equal where updated in place
  bool inPlace;
  bool ownsInit; ///< `first` is the initial value's own memory
};
} // namespace

static Value firstSet(Code &c, Value parity, Value a, Value d) {
  return c.select(c.cmp(arith::CmpIPredicate::eq, parity, c.i(0)), a, d);
}

/// What a step yields goes to its place in the stacked results.
void FunctionLowering::bindYields(ScanOp scan) {
  for (auto [k, y] : llvm::enumerate(scan.next().getYields())) {
    Buffer b = buffers[scan.getResult(k)];
    b.level = scanLevel[scan];
    b.lead = b.strides.front();
    b.strides.erase(b.strides.begin());
    b.dims.erase(b.dims.begin());
    destinations[y].push_back(b);
  }
}

void FunctionLowering::unbindYields(ScanOp scan) {
  for (Value y : scan.next().getYields())
    destinations[y].clear();
}

void FunctionLowering::lowerNestedScan(ScanOp scan, const RowSet &rows, const Team &team,
                                       bool barriers) {
  Code &c = *code;
  auto parent = scan->getParentOfType<ScanOp>();
  scanLevel[scan] = parent ? scanLevel[parent] + 1 : 0;
  noteScan(scan);
  c.loop(c.i(0), rows.count, c.i(1), [&](Value r) {
    Row row = makeRow(rows, r);
    RowSet one;
    one.count = c.i(1);
    one.single = row.b;
    Values outer = row.t;
    one.positions = [outer](Value) { return outer; };
    Value steps = c.max(evaluate(scan.getExtent(), row), c.i(0));
    runSteps(scan, one, team, barriers, steps);
  });
}

/// The steps of a scan for the sequences of `all`, the longest of which has `maxSteps`.
void FunctionLowering::runSteps(ScanOp scan, const RowSet &all, const Team &team, bool barriers,
                                Value maxSteps) {
  Code &c = *code;
  int level = scanLevel[scan];
  auto outerPositions = all.positions;
  Value zero = c.i(0), one = c.i(1);

  // Memory of the states and of the yields.
  std::vector<StateMemory> states;
  for (auto [k, init] : llvm::enumerate(scan.getInits())) {
    StateMemory m;
    m.inPlace = pointwiseUpdate(scan, k);
    Type e = cast<RankedTensorType>(init.getType()).getElementType();
    Values dims = dimsOf(init);
    m.ownsInit = ownsInit(scan, k);
    m.first = m.ownsInit ? bufferOf(init) : allocate(e, dims);
    m.second = m.inPlace ? m.first : allocate(e, dims);
    // They change roles, so they are laid out alike.
    if (m.first.near != m.second.near) {
      m.ownsInit &= !m.first.near;
      if (m.first.near)
        m.first = allocate(e, dims, false);
      else
        m.second = allocate(e, dims, false);
    }
    states.push_back(m);
  }
  NextOp next = scan.next();
  bindYields(scan);

  c.loop(zero, all.count, one, [&](Value r) {
    Row row = makeRow(all, r);
    for (auto [k, m] : llvm::enumerate(states))
      if (!m.ownsInit)
        copyRow(bufferOf(scan.getInits()[k]), m.first, row, team);
  });
  if (barriers)
    barrier(team);

  auto stepsOf = [&](Value b) {
    Row row;
    row.b = b;
    if (outerPositions)
      row.t = outerPositions(b);
    return c.max(evaluate(scan.getExtent(), row), zero);
  };
  c.loop(zero, maxSteps, one, ValueRange(all.count), [&](Value s, ValueRange carried) -> Values {
    // Sequences that have ended leave from the back, but for a few together, which look at each.
    Value active = carried[0];
    if (!all.single && !all.together) {
      auto loop = scf::WhileOp::create(c.b, TypeRange(c.i64), ValueRange(active));
      OpBuilder::InsertionGuard guard(c.b);
      Block *before = c.b.createBlock(&loop.getBefore(), {}, TypeRange(c.i64), {c.b.getLoc()});
      Value n = before->getArgument(0);
      Value some = c.cmp(arith::CmpIPredicate::sgt, n, zero);
      Value ended = c.choose(
          some, c.i1,
          [&] {
            Row last = makeRow(all, c.sub(n, one));
            return Values{c.cmp(arith::CmpIPredicate::sle, stepsOf(last.b), s)};
          },
          [&] { return Values{c.ci(0, c.i1)}; })[0];
      scf::ConditionOp::create(c.b, ended, ValueRange(n));
      Block *after = c.b.createBlock(&loop.getAfter(), {}, TypeRange(c.i64), {c.b.getLoc()});
      scf::YieldOp::create(c.b, ValueRange(c.sub(after->getArgument(0), one)));
      active = loop.getResult(0);
    }
    RowSet rows = all;
    rows.count = active;
    if (rows.together) {
      rows.together->steps = stepsOf;
      rows.together->step = s;
    }
    bool reverse = scan.getReverse();
    rows.positions = [&, outerPositions, s](Value b) {
      Values t = outerPositions ? outerPositions(b) : Values();
      t.resize(level);
      t.push_back(reverse ? c.sub(c.sub(stepsOf(b), one), s) : s);
      return t;
    };
    Value parity = rows.parity = c.bin<arith::AndIOp>(s, one);
    for (auto [k, m] : llvm::enumerate(states)) {
      Buffer now = m.first, then = m.second;
      if (!m.inPlace) {
        now.base = firstSet(c, parity, m.first.base, m.second.base);
        then.base = firstSet(c, parity, m.second.base, m.first.base);
      }
      buffers[scan.states()[k]] = now;
      destinations[next.getStates()[k]].push_back(then);
    }
    lowerBlock(*scan.bodyBlock(), rows, team, barriers);
    for (unsigned k = 0; k < states.size(); ++k)
      destinations[next.getStates()[k]].pop_back();
    return {active};
  });

  // Final states: where each sequence's last step put them.
  bool used = llvm::any_of(scan.stateResults(), [](Value v) { return !v.use_empty(); });
  if (used) {
    c.loop(zero, all.count, one, [&](Value r) {
      Row row = makeRow(all, r);
      Value parity = c.bin<arith::AndIOp>(stepsOf(row.b), one);
      for (auto [m, result] : llvm::zip(states, scan.stateResults())) {
        if (result.use_empty())
          continue;
        Buffer from = m.first;
        if (!m.inPlace)
          from.base = firstSet(c, parity, m.first.base, m.second.base);
        for (const Buffer &to : destinations[result])
          if (to.base != from.base)
            copyRow(from, to, row, team);
      }
    });
    if (barriers)
      barrier(team);
  }
  unbindYields(scan);
  for (Value s : next.getStates())
    destinations[s].clear();
}

} // namespace seq::lowering
