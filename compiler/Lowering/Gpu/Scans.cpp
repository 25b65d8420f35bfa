//===- Scans.cpp - Recurrences on blocks of threads -----------------------------------===//
//
// A block for each sequence runs all steps in one kernel: its threads share the points of each map
// of the step and meet at a barrier after it. What a step makes stays in shared memory where it is
// small.
//
// Where sequences are fewer than the device has room for, and a step has work for many, a group of
// blocks shares each sequence and meets at a barrier of its own in global memory: all blocks of the
// kernel run at once (a cooperative launch). The barrier counts arrivals and never begins anew: a
// block that arrives as number n of a group of g leaves when the count reaches the next multiple
// of g. One thread of a block waits for the others' blocks; the block's own barriers before and
// after order what its other threads wrote and will read.
//
// A team may run a few sequences at once: what a warp reads of weights for a point then serves all
// of them. Each leaves when its own steps are over.
//
// A scan without states is a parallel loop: blocks take its steps, those of all sequences, in turn,
// with a workspace of their own for what a step makes.
//
//===----------------------------------------------------------------------===//
#include "compiler/Analysis/Sharing.h"
#include "compiler/Lowering/Common/Begin.h"
#include "compiler/Lowering/Gpu/GpuLowering.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
namespace seq::gpu {

/// As many threads as the largest map of a step has points, where that is known.
unsigned threadsFor(ScanOp scan, const llvm::DenseSet<Value> &prepared) {
  int64_t most = kWarp;
  scan.walk([&](MapOp map) {
    if (prepared.contains(map.getResult(0)))
      return;
    int64_t points = pointsUpTo(map.getExtents(), kThreads, 1024);
    if (planPoints(map, kThreads).across)
      points *= kWarp;
    most = std::max(most, points);
  });
  return std::min<int64_t>(llvm::alignTo(most, kWarp), 256);
}

void GpuLowering::launchScan(ScanOp scan) {
  Code &c = *code;
  if (launchColumns(scan))
    return;
  scanLevel[scan] = 0;
  ScanFacts &facts = noteScan(scan);
  facts.shared = true, facts.runs = "block";
  bool worth =
      analysis::worthSharing(scan, [&](MapOp map) { return !isPrepared(map.getResult(0)); });
  if (!worth)
    return launchBlocks(scan, 1);
  facts.runs = "group";
  // Half of what fits, since a kernel may take a multiprocessor for itself.
  Value room = c.max(c.bin<arith::DivUIOp>(nthreads, c.i(2)), c.i(1));
  unsigned together = canRunTogether(scan) ? kSequences : 1;
  auto launchAll = [&](unsigned together) {
    launchAgain([&] { launchGroups(scan, room, together); });
  };
  c.when(
      c.cmp(arith::CmpIPredicate::sge, c.ceilDiv(batch, together), room),
      [&] { launchBlocks(scan, together); },
      [&] {
        if (together == 1)
          return launchAll(1);
        Value few = c.min(c.i(kFewSequences), c.add(room, c.i(1)));
        c.when(
            c.cmp(arith::CmpIPredicate::slt, batch, few), [&] { launchAll(1); },
            [&] { launchAll(together); });
      });
}

/// Whether the step is the same for several sequences but for what it reads: maps that run
/// together, and no recurrence inside.
bool GpuLowering::canRunTogether(ScanOp scan) {
  return llvm::all_of(*scan.bodyBlock(), [&](Operation &op) {
    auto map = dyn_cast<MapOp>(op);
    auto read = dyn_cast<ReadOp>(op);
    return map ? canRunTogether(map) : !isa<ScanOp>(op) && !(read && read.getType().isIndex());
  });
}

/// All steps of one sequence, or of as many as `together` from `first` on, by a team of the
/// kernel's threads.
void GpuLowering::runSequences(ScanOp scan, Value first, unsigned together, const Team &team) {
  Code &c = *code;
  auto stepsOf = [&](Value b) {
    Row row;
    row.b = b;
    return c.max(evaluate(scan.getExtent(), row), c.i(0));
  };
  atOnce = together;
  RowSet rows;
  rows.count = c.i(1);
  Value steps = stepsOf(first);
  if (together == 1) {
    rows.single = first;
  } else {
    rows.count = c.min(c.sub(batch, first), c.i(together));
    rows.together = Together{together, first, first, {}, {}};
    for (unsigned m = 1; m < together; ++m) {
      Value b = c.min(c.add(first, c.i(m)), c.sub(batch, c.i(1))), more = stepsOf(b);
      Value longer = c.cmp(arith::CmpIPredicate::sgt, more, steps);
      rows.together->longest = c.select(longer, b, rows.together->longest);
      steps = c.max(steps, more);
    }
  }
  stepsAnchor = arith::ConstantOp::create(c.b, c.b.getI64IntegerAttr(0));
  runSteps(scan, rows, team, true, steps);
}

void GpuLowering::launchBlocks(ScanOp scan, unsigned together) {
  Code &c = *code;
  unsigned threads = threadsFor(scan, prepared);
  launch("scan", c.ceilDiv(batch, together), threads, [&](Value block) {
    runSequences(scan, c.mul(block, c.i(together)), together, Team{thread, c.i(threads)});
  });
}

/// One group for each sequence, or for a few; `room` blocks run at once.
void GpuLowering::launchGroups(ScanOp scan, Value room, unsigned together) {
  Code &c = *code;
  Value groups = c.ceilDiv(batch, together);
  Value size = c.bin<arith::DivUIOp>(room, c.max(groups, c.i(1)));
  // The groups' counts begin at 0.
  Buffer counts = allocate(c.i64, {});
  launch("zero", c.ceilDiv(groups, kWarp), kWarp, [&](Value block) {
    Value i = c.add(c.mul(block, c.i(kWarp)), thread);
    c.when(c.cmp(arith::CmpIPredicate::slt, i, groups),
           [&] { c.store(c.i(0), c.at(counts.base, c.i64, i)); });
  });
  group = Group{counts.base, size};
  launch("scan", c.mul(groups, size), kGroupThreads, [&](Value block) {
    Value number = c.bin<arith::DivUIOp>(block, size);
    group->counter = c.at(counts.base, c.i64, number);
    Team team = teamOf(c.sub(block, c.mul(number, size)), size);
    runSequences(scan, c.mul(number, c.i(together)), together, team);
  });
  group.reset();
}

void GpuLowering::barrier(const Team &team) {
  if (team.alone())
    return;
  NVVM::Barrier0Op::create(code->b);
  if (!group)
    return;
  Code &c = *code;
  c.when(c.cmp(arith::CmpIPredicate::eq, thread, c.i(0)), [&] { meetGroup(); });
  NVVM::Barrier0Op::create(c.b);
}

/// Waits for the other blocks of the group.
void GpuLowering::meetGroup() {
  Code &c = *code;
  auto device = c.b.getStringAttr("device");
  // The fences are ours: NVPTX makes an atomic addition relaxed, whatever its ordering.
  LLVM::FenceOp::create(c.b, LLVM::AtomicOrdering::acq_rel, "device");
  Value before = LLVM::AtomicRMWOp::create(c.b, LLVM::AtomicBinOp::add, group->counter, c.i(1),
                                           LLVM::AtomicOrdering::acq_rel, device);
  Value round = c.bin<arith::DivUIOp>(before, group->size);
  Value wanted = c.mul(c.add(round, c.i(1)), group->size);
  auto loop = scf::WhileOp::create(c.b, TypeRange(), ValueRange());
  OpBuilder::InsertionGuard guard(c.b);
  c.b.createBlock(&loop.getBefore());
  Value now = LLVM::LoadOp::create(c.b, c.i64, group->counter, /*alignment=*/8,
                                   /*isVolatile=*/false, /*isNonTemporal=*/false,
                                   /*isInvariant=*/false, /*isInvariantGroup=*/false,
                                   LLVM::AtomicOrdering::acquire, device);
  scf::ConditionOp::create(c.b, c.cmp(arith::CmpIPredicate::ult, now, wanted), ValueRange());
  c.b.createBlock(&loop.getAfter());
  scf::YieldOp::create(c.b);
  c.b.setInsertionPointAfter(loop);
  LLVM::FenceOp::create(c.b, LLVM::AtomicOrdering::acq_rel, "device");
}

void GpuLowering::launchParallelScan(ScanOp scan) {
  Code &c = *code;
  scanLevel[scan] = 0;
  ScanFacts &facts = noteScan(scan);
  facts.parallel = true, facts.runs = "loop";
  bindYields(scan);
  perThread = true;
  unsigned threads = threadsFor(scan, prepared);
  Value most = c.max(padded(scan.getExtent()), c.i(0)), all = c.mul(batch, most);
  Value blocks = c.min(all, nthreads);
  launch("loop", blocks, threads, [&](Value block) {
    c.loop(block, all, blocks, [&](Value item) {
      RowSet one;
      one.count = c.i(1);
      one.single = c.bin<arith::DivUIOp>(item, most);
      Value s = c.sub(item, c.mul(one.single, most));
      Row row;
      row.b = one.single;
      Value steps = c.max(evaluate(scan.getExtent(), row), c.i(0));
      Value t = scan.getReverse() ? c.sub(c.sub(steps, c.i(1)), s) : s;
      one.positions = [t](Value) { return Values{t}; };
      c.when(c.cmp(arith::CmpIPredicate::slt, s, steps),
             [&] { lowerBlock(*scan.bodyBlock(), one, Team{thread, c.i(threads)}, true); });
    });
  });
  perThread = false;
  unbindYields(scan);
}

void GpuLowering::lowerScan(ScanOp scan, const RowSet &rows, const Team &team, bool barriers) {
  lowerNestedScan(scan, rows, team, barriers);
}

} // namespace seq::gpu
