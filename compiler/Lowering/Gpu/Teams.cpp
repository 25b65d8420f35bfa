//===- Teams.cpp - Sequences on teams of threads --------------------------------------===//
//
// What depends on its own earlier results, the steps of a recurrence or the ops of a stream's step,
// runs in one kernel. A block has a sequence: its threads share the points of each map and meet at
// a barrier after it. What a map makes stays in shared memory where it is small.
//
// Where sequences are fewer than the device has room for, and there is work for many, a group of
// blocks shares each sequence and meets at a barrier of its own in global memory: all blocks of the
// kernel run at once (a cooperative launch). A group has a count of 64 bits. Each of its g blocks
// adds 1 to it, but the first one 2^63 - (g - 1), so that when all have arrived the last 63 bits
// are what they were, and the first bit is another: who sees it change goes on. So the count needs
// no clearing between kernels, whose groups differ in size. One thread of a block waits for the
// others' blocks; the block's own barriers before and after order what its other threads wrote and
// will read.
//
// A team may run a few sequences at once: what a warp reads of weights for a point then serves all
// of them.
//
// Rejected: a count that grows, and groups that wait for the next multiple of their size. A kernel
// has to clear it first, which is one more launch of what may be all there is to launch.
//
//===----------------------------------------------------------------------===//
#include "compiler/Lowering/Gpu/GpuLowering.h"
#include "seq/abi.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
namespace seq::gpu {

/// As many threads as the largest map has points, where that is known.
unsigned threadsFor(Operation *around, const llvm::DenseSet<Value> &prepared) {
  int64_t most = kWarp;
  around->walk([&](MapOp map) {
    if (prepared.contains(map.getResult(0)))
      return;
    int64_t points = pointsUpTo(map.getExtents(), kThreads, 1024);
    if (planPoints(map, kThreads).across)
      points *= kWarp;
    most = std::max(most, points);
  });
  return std::min<int64_t>(llvm::alignTo(most, kWarp), 256);
}

/// Whether the block is the same for several sequences but for what it reads: maps that run
/// together, and no recurrence inside.
bool GpuLowering::canRunTogether(Block &block) {
  return llvm::all_of(block, [&](Operation &op) {
    auto map = dyn_cast<MapOp>(op);
    if (map && isPrepared(map.getResult(0)))
      return true;
    auto read = dyn_cast<ReadOp>(op);
    return map ? canRunTogether(map) : !isa<ScanOp>(op) && !(read && read.getType().isIndex());
  });
}

void GpuLowering::launchTeams(const TeamWork &work) {
  Code &c = *code;
  if (!work.groups)
    return launchBlocks(work, 1);
  // Half of what fits, since a kernel may take a multiprocessor for itself.
  Value room = c.max(c.bin<arith::DivUIOp>(nthreads, c.i(2)), c.i(1));
  auto launchAll = [&](unsigned together) {
    launchAgain([&] { launchGroups(work, room, together); });
  };
  c.when(
      c.cmp(arith::CmpIPredicate::sge, c.ceilDiv(batch, work.together), room),
      [&] { launchBlocks(work, work.together); },
      [&] {
        if (work.together == 1)
          return launchAll(1);
        Value few = c.min(c.i(kFewSequences), c.add(room, c.i(1)));
        c.when(
            c.cmp(arith::CmpIPredicate::slt, batch, few), [&] { launchAll(1); },
            [&] { launchAll(work.together); });
      });
}

/// One sequence, or as many as `together` from `first` on.
RowSet GpuLowering::sequencesFrom(Value first, unsigned together) {
  Code &c = *code;
  atOnce = together;
  RowSet rows;
  rows.count = c.i(1);
  if (together == 1) {
    rows.single = first;
  } else {
    rows.count = c.min(c.sub(batch, first), c.i(together));
    rows.together = Together{together, first, first, {}, {}};
  }
  return rows;
}

void GpuLowering::launchBlocks(const TeamWork &work, unsigned together) {
  Code &c = *code;
  launch(work.kernel, c.ceilDiv(batch, together), work.threads, [&](Value block) {
    work.run(c.mul(block, c.i(together)), together, Team{thread, c.i(work.threads)});
  });
}

/// One group for each sequence, or for a few; `room` blocks run at once.
void GpuLowering::launchGroups(const TeamWork &work, Value room, unsigned together) {
  Code &c = *code;
  Value groups = c.ceilDiv(batch, together);
  Value size = c.bin<arith::DivUIOp>(room, c.max(groups, c.i(1)));
  Value counts = atEntry([&] { return c.field(call, offsetof(seq_call, counts), c.ptr); });
  launch(
      work.kernel, c.mul(groups, size), kGroupThreads,
      [&](Value block) {
        Value number = c.bin<arith::DivUIOp>(block, size), rank = c.sub(block, c.mul(number, size));
        Value rest = c.sub(c.i(std::numeric_limits<int64_t>::min()), c.sub(size, c.i(1)));
        group = Group{c.at(counts, c.i8, c.mul(number, c.i(SEQ_COUNT_BYTES))),
                      c.select(c.cmp(arith::CmpIPredicate::eq, rank, c.i(0)), rest, c.i(1)), rank,
                      size};
        work.run(c.mul(number, c.i(together)), together, teamOf(rank, size));
        group.reset();
      },
      /*cooperative=*/true);
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
  Value before = LLVM::AtomicRMWOp::create(c.b, LLVM::AtomicBinOp::add, group->counter,
                                           group->share, LLVM::AtomicOrdering::acq_rel, device);
  auto loop = scf::WhileOp::create(c.b, TypeRange(), ValueRange());
  OpBuilder::InsertionGuard guard(c.b);
  c.b.createBlock(&loop.getBefore());
  Value now = LLVM::LoadOp::create(c.b, c.i64, group->counter, /*alignment=*/8,
                                   /*isVolatile=*/false, /*isNonTemporal=*/false,
                                   /*isInvariant=*/false, /*isInvariantGroup=*/false,
                                   LLVM::AtomicOrdering::acquire, device);
  Value same = c.cmp(arith::CmpIPredicate::sge, c.bin<arith::XOrIOp>(now, before), c.i(0));
  scf::ConditionOp::create(c.b, same, ValueRange());
  c.b.createBlock(&loop.getAfter());
  scf::YieldOp::create(c.b);
  c.b.setInsertionPointAfter(loop);
  LLVM::FenceOp::create(c.b, LLVM::AtomicOrdering::acq_rel, "device");
}

} // namespace seq::gpu
