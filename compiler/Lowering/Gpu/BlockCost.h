//===- BlockCost.h - What a block of threads does ---------------------------------------===//
//
// The same decisions as in the lowering, counted instead of written: how points are shared out
// (planPoints), which maps are products in tiles (tileFor), what stays in shared memory.
//
//===----------------------------------------------------------------------===//
#ifndef SEQC_LOWERING_GPU_BLOCKCOST_H
#define SEQC_LOWERING_GPU_BLOCKCOST_H

#include "compiler/Analysis/Formula.h"
#include "compiler/Lowering/Gpu/Chips.h"
#include "compiler/Lowering/Gpu/Columns.h"
#include "compiler/Lowering/Gpu/GpuLowering.h"

namespace seq::gpu {

// Cycles of a chip, by published micro-benchmarks of sm_80 and sm_90, rounded: from the first-level
// cache or shared memory, from the second-level cache, from memory.
constexpr double kNearWait = 30, kCacheWait = 260, kMemoryWait = 600;
/// Until the result of an f32 operation can be used, of a division or square root, of a function.
constexpr double kChain = 4, kDivisionChain = 30, kFunctionChain = 50;
/// Of a shuffle, and of a barrier of a block.
constexpr double kShuffleWait = 25, kBarrierWait = 30;
/// Nanoseconds of a barrier between blocks.
constexpr double kGroupBarrier = 1300;
/// Instructions of a division and of a function, which are sums of ours; of the place of a read.
constexpr double kDivision = 8, kFunction = 20, kAddress = 2;
/// Instructions that a multiprocessor begins in a cycle, and what of them it does as a rule.
constexpr double kIssue = 4, kUsual = 0.7;

/// What one block does.
struct BlockWork {
  double cycles = 0;     ///< that it takes where it has a multiprocessor for itself
  double issues = 0;     ///< instructions of its warps
  double arithmetic = 0; ///< those of them that f32 lanes do, f64 as many as it takes
  double matrix = 0;     ///< operations of tensor cores
  double operations = 0; ///< floating-point operations
  /// Bytes of the sectors that requests to global memory touch, and those that the second-level
  /// cache answers.
  double read = 0, written = 0, cached = 0;

  BlockWork &operator+=(const BlockWork &o);
  BlockWork operator*(double n) const;
  /// Its warps begin no more instructions than the multiprocessor does.
  void bound(double warps) {
    cycles = std::max(cycles, issues / (kUsual * std::min(kIssue, warps)));
  }
};

/// What all of a call's kernels have in common.
struct CallFacts {
  const Chip &chip;
  const Target &target;
  const analysis::Sizes &sizes;
  double batch;
  llvm::DenseSet<Value> prepared;

  /// An index value; indices of scans stand in the middle of their ranges.
  double value(Value v) const;
  double points(ValueRange extents) const;
  double points(MapOp map) const; ///< that it makes
  /// Terms of a reduction that are present, for each point around it.
  double terms(ReduceOp reduce) const;
  /// Of a tensor of one sequence.
  std::function<double(Value)> elements;
};

/// What a kernel's blocks share, and where they have it.
class BlockCost {
public:
  /// `groups`: blocks that share the work.
  BlockCost(const CallFacts &facts, double threads, double groups = 1)
      : facts(facts), threads(threads), groups(groups) {}

  /// So many points of the map, out of a kernel's block.
  BlockWork points(MapOp map, double points);
  /// A tile of the map, and how many it has.
  BlockWork tile(MapOp map, Contraction contraction, const BlockTile &tile);
  double tiles(MapOp map, Contraction contraction, const BlockTile &tile);
  /// All steps of a scan, with its states.
  BlockWork steps(ScanOp scan);
  /// One step: the block's maps with their barriers.
  BlockWork step(mlir::Block &body);
  /// The same of a function's body, which runs once.
  BlockWork body(mlir::Block &body);
  /// Bytes of shared memory that it asks for.
  double sharedBytes() const { return shared; }
  /// Bytes of weights that it fetches there before the first step.
  double keptBytes() const { return kept; }

private:
  struct Point;
  Point pointOf(MapOp map, const MapPlan &plan, double points);
  void visit(mlir::Block &block, Point &p, MapOp map, const MapPlan &plan, Value lane,
             double share);
  void visitReduce(ReduceOp reduce, Point &p, MapOp map, const MapPlan &plan, Value lane,
                   double share);
  void visitRead(ReadOp read, Point &p, MapOp map, Value lane, double share);
  BlockWork copies(mlir::Block &body);
  BlockWork shareLoop(ScanOp scan);
  double storesOf(Value result) const;
  double keptShare(MapOp map, const MapPlan &plan, double points);
  void place(Value tensor, int64_t copies);
  bool isMade(Value tensor) const { return made.contains(tensor); }
  void countBarrier(BlockWork &work) const;

  const CallFacts &facts;
  double threads, groups;
  double top = 0, shared = 0, kept = 0;
  bool inSteps = false;             ///< of a scan that the block runs, or in a function's body
  bool keeps = true;                ///< weights in shared memory, from one step to the next
  llvm::DenseSet<Value> made, near; ///< in the kernel; of these in shared memory
};

/// All steps of a block's columns.
BlockWork columnsWork(const CallFacts &facts, ScanOp scan, const Columns &columns,
                      double blockThreads);

} // namespace seq::gpu

#endif
