//===- LowerScan.cpp - Recurrences on a team of threads -------------------------------===//
//
// A scan outside of any other runs for the whole batch at once, one step after the other:
// the sequences are sorted by length, so those still running are a prefix, and a step's
// products take several of them in register rows. Threads either take sequences of their
// own (no barrier at all), or, for a batch smaller than the team and a step worth it,
// share each step and meet at a barrier after each of its maps.
//
// A scan without states is a parallel loop: threads take its steps, those of all sequences, in
// turn, and what a step makes is in a thread's own workspace. Which thread takes a step changes
// nothing in it.
//
//===----------------------------------------------------------------------===//
#include "compiler/Analysis/Sharing.h"
#include "compiler/Lowering/Cpu/CpuLowering.h"

using namespace mlir;
namespace seq::cpu {

void CpuLowering::lowerScan(ScanOp scan, const RowSet &rows, const Team &team, bool) {
  if (scan->getParentOfType<ScanOp>())
    return lowerNestedScan(scan, rows, Team{code->i(0), code->i(1)}, false);
  scan.getInits().empty() ? lowerParallelScan(scan, team) : lowerBatchScan(scan, team);
}

bool CpuLowering::worthSharing(ScanOp scan) {
  return analysis::worthSharing(scan, [&](MapOp map) { return !isPrepared(map.getResult(0)); });
}

void CpuLowering::lowerBatchScan(ScanOp scan, const Team &team) {
  Code &c = *code;
  // Each sequence's number of steps, and the order of falling length.
  Value extents = allocate(c.i64, {}).base, order = allocate(c.i64, {}).base;
  c.when(c.cmp(arith::CmpIPredicate::eq, team.tid, c.i(0)), [&] {
    c.loop(c.i(0), batch, c.i(1), [&](Value b) {
      Row row;
      row.b = b;
      c.store(c.max(evaluate(scan.getExtent(), row), c.i(0)), c.at(extents, c.i64, b));
    });
    c.call("seq_rt_order", {}, {call, extents, order});
  });
  barrier(team);

  bool shared = worthSharing(scan);
  // Sequences of their own where there are enough; else all threads, or one.
  Value zero = c.i(0), one = c.i(1);
  Value split = c.cmp(arith::CmpIPredicate::sge, batch, team.count);
  Value aloneTid = c.cmp(arith::CmpIPredicate::eq, team.tid, zero);
  RowSet rows;
  rows.order = order;
  rows.stride = c.select(split, team.count, one);
  rows.offset = c.select(split, team.tid, zero);
  Value mine = c.floorDiv(c.add(c.sub(batch, team.tid), c.sub(team.count, one)), team.count);
  Value others = shared ? batch : c.select(aloneTid, batch, zero);
  rows.count = c.select(split, mine, others);
  Team inside{zero, one};
  if (shared)
    inside = {c.select(split, zero, team.tid), c.select(split, one, team.count)};
  Value steps = c.choose(
      c.cmp(arith::CmpIPredicate::sgt, rows.count, zero), c.i64,
      [&] {
        Value longest = makeRow(rows, zero).b;
        return Values{c.load(c.at(extents, c.i64, longest), c.i64)};
      },
      [&] { return Values{zero}; })[0];
  scanLevel[scan] = 0;
  noteScan(scan).shared = shared;
  runSteps(scan, rows, inside, shared, steps);
  barrier(team);
}

void CpuLowering::lowerParallelScan(ScanOp scan, const Team &team) {
  Code &c = *code;
  scanLevel[scan] = 0;
  noteScan(scan).parallel = true;
  bindYields(scan);
  perThread = true;
  // `first` is this thread's first step of a sequence, counted on over all sequences.
  c.loop(c.i(0), batch, c.i(1), ValueRange(team.tid), [&](Value b, ValueRange carried) -> Values {
    Row row;
    row.b = b;
    Value first = carried[0], steps = c.max(evaluate(scan.getExtent(), row), c.i(0));
    c.loop(first, steps, team.count, [&](Value s) {
      RowSet one;
      one.count = c.i(1);
      one.single = b;
      Value t = scan.getReverse() ? c.sub(c.sub(steps, c.i(1)), s) : s;
      one.positions = [t](Value) { return Values{t}; };
      lowerBlock(*scan.bodyBlock(), one, Team{c.i(0), c.i(1)}, false);
    });
    Value left = c.sub(first, steps);
    return {c.sub(left, c.mul(c.floorDiv(left, team.count), team.count))};
  });
  perThread = false;
  unbindYields(scan);
  barrier(team);
}

} // namespace seq::cpu
