//===- Scans.cpp - Recurrences on blocks of threads -----------------------------------===//
//
// A team of threads runs all steps of a sequence, or of a few at once, in one kernel (Teams.cpp).
// Its threads share the points of each map of the step. Sequences that run together leave when
// their own steps are over.
//
// A scan without states is a parallel loop: blocks take its steps, those of all sequences, in turn,
// with a workspace of their own for what a step makes.
//
//===----------------------------------------------------------------------===//
#include "compiler/Analysis/Sharing.h"
#include "compiler/Lowering/Gpu/GpuLowering.h"

using namespace mlir;
namespace seq::gpu {

void GpuLowering::launchScan(ScanOp scan) {
  if (launchColumns(scan))
    return;
  scanLevel[scan] = 0;
  ScanFacts &facts = noteScan(scan);
  TeamWork work;
  work.kernel = "scan";
  work.threads = threadsFor(scan, prepared);
  work.groups =
      analysis::worthSharing(scan, [&](MapOp map) { return !isPrepared(map.getResult(0)); });
  work.together = work.groups && canRunTogether(*scan.bodyBlock()) ? kSequences : 1;
  work.run = [&](Value first, unsigned together, const Team &team) {
    runSequences(scan, first, together, team);
  };
  facts.shared = true, facts.runs = work.groups ? "group" : "block";
  launchTeams(work);
}

/// All steps of one sequence, or of as many as `together` from `first` on.
void GpuLowering::runSequences(ScanOp scan, Value first, unsigned together, const Team &team) {
  Code &c = *code;
  auto stepsOf = [&](Value b) {
    Row row;
    row.b = b;
    return c.max(evaluate(scan.getExtent(), row), c.i(0));
  };
  RowSet rows = sequencesFrom(first, together);
  Value steps = stepsOf(first);
  for (unsigned m = 1; m < together; ++m) {
    Value b = c.min(c.add(first, c.i(m)), c.sub(batch, c.i(1))), more = stepsOf(b);
    Value longer = c.cmp(arith::CmpIPredicate::sgt, more, steps);
    rows.together->longest = c.select(longer, b, rows.together->longest);
    steps = c.max(steps, more);
  }
  stepsAnchor = arith::ConstantOp::create(c.b, c.b.getI64IntegerAttr(0));
  runSteps(scan, rows, team, true, steps);
}

/// Step number `s` of a loop by a block, for sequence `b` where it has so many.
void GpuLowering::lowerLoopStep(ScanOp scan, Value b, Value s) {
  Code &c = *code;
  RowSet one;
  one.count = c.i(1);
  one.single = b;
  Row row;
  row.b = b;
  Value steps = c.max(evaluate(scan.getExtent(), row), c.i(0));
  Value t = scan.getReverse() ? c.sub(c.sub(steps, c.i(1)), s) : s;
  one.positions = [t](Value) { return Values{t}; };
  c.when(c.cmp(arith::CmpIPredicate::slt, s, steps),
         [&] { lowerBlock(*scan.bodyBlock(), one, Team{thread, c.i(blockThreads)}, true); });
}

/// What is common to all ways to run a loop on several blocks, which `run` is.
void GpuLowering::withLoop(ScanOp scan, llvm::function_ref<void()> run) {
  scanLevel[scan] = 0;
  ScanFacts &facts = noteScan(scan);
  facts.parallel = true, facts.runs = "loop";
  bindYields(scan);
  perThread = true;
  run();
  perThread = false;
  unbindYields(scan);
}

void GpuLowering::launchParallelScan(ScanOp scan) {
  Code &c = *code;
  withLoop(scan, [&] {
    Value most = c.max(padded(scan.getExtent()), c.i(0)), all = c.mul(batch, most);
    Value blocks = c.min(all, nthreads);
    launch("loop", blocks, threadsFor(scan, prepared), [&](Value block) {
      c.loop(block, all, blocks, [&](Value item) {
        Value b = c.bin<arith::DivUIOp>(item, most);
        lowerLoopStep(scan, b, c.sub(item, c.mul(b, most)));
      });
    });
  });
}

/// Blocks of a group take the steps of a loop in turn, as those of a grid do. Other scans, and
/// those of a block by itself, run step by step.
void GpuLowering::lowerScan(ScanOp scan, const RowSet &rows, const Team &team, bool barriers) {
  if (!group || !scan.getInits().empty() || isa<ScanOp>(scan->getParentOp()))
    return lowerNestedScan(scan, rows, team, barriers);
  Code &c = *code;
  Group all = *group;
  group.reset();
  withLoop(scan, [&] {
    Value most = c.max(padded(scan.getExtent()), c.i(0));
    c.loop(all.rank, most, all.size, [&](Value s) { lowerLoopStep(scan, rows.single, s); });
  });
  group = all;
}

} // namespace seq::gpu
