//===- GpuLowering.h - Inside the GPU lowering ------------------------------------------===//
#ifndef SEQC_LOWERING_GPU_GPULOWERING_H
#define SEQC_LOWERING_GPU_GPULOWERING_H

#include "compiler/Lowering/Common/Lower.h"
#include "compiler/Lowering/Gpu/Contract.h"
#include "compiler/Lowering/Gpu/Gpu.h"

namespace seq::gpu {

/// The array in shared memory of all kernels.
inline constexpr llvm::StringLiteral kSharedName = "seq_shared";
/// Threads of a warp.
constexpr int64_t kWarp = 32;

/// Threads of a block where nothing speaks for another number.
constexpr unsigned kThreads = 128;
/// Of each block of a group that shares a sequence.
constexpr unsigned kGroupThreads = 256;
/// More threads than share any map, where they are those of a grid or of a group.
constexpr int64_t kManyThreads = 1 << 19;

/// Points of a map that a thread of a grid takes at most, and threads for each of a call's workers
/// from which on it takes several.
constexpr int64_t kMostEach = 4, kWorkerThreads = 1024;

/// How the points of a map are shared out to so many threads.
MapPlan planPoints(MapOp map, int64_t threads);
/// Of a block that runs the maps inside of `around`.
unsigned threadsFor(mlir::Operation *around, const llvm::DenseSet<Value> &prepared);

/// Sequences that a team runs at once: what their sums need of registers leaves room for four sums
/// in a map, the gates of a cell.
constexpr unsigned kSequences = 8;
/// Fewer sequences than this are run each by threads of its own.
constexpr int64_t kFewSequences = 4;

/// Where kernels of one module are collected.
struct Device {
  mlir::ModuleOp module;
  std::vector<Kernel> &kernels;
};

/// Shared memory of a block: what every chip from sm_80 on gives, of which two blocks fit the
/// larger ones.
constexpr int64_t kSharedBytes = 96 * 1024;
/// What a block of nothing but a product in tiles asks for: with products of warp groups what two
/// blocks have of the 228 KiB of their chip, three steps of their largest tile.
inline int64_t tileBytes(const Target &target) {
  return target.hasWarpGroups() ? 112 * 1024 : kSharedBytes;
}
/// What is left of it to products in tiles.
constexpr int64_t kProductBytes = 24 * 1024;

/// The largest tensor of a step that is kept in shared memory.
constexpr int64_t kMostNearBytes = 32 * 1024;

class GpuLowering;
class Points;

/// Weights that stay in shared memory over the steps of a scan.
struct Kept {
  llvm::SmallVector<ReadOp> reads;    ///< that are answered from there
  llvm::SmallVector<int64_t> offsets; ///< of each in a point's bytes
  int64_t bytes = 0;                  ///< of a point
  int64_t rounds = 0;                 ///< points of each warp that have room
  bool all = false;                   ///< these are all of its points
  Value base;
  Value address(Code &c, const GpuLowering &fn, Value round, unsigned read) const;
};

class GpuLowering : public FunctionLowering {
  friend struct Kept;

public:
  GpuLowering(mlir::func::FuncOp func, const Target &target, const Expected &expected,
              llvm::StringRef suffix, mlir::ModuleOp module, Device &device)
      : FunctionLowering(func, target, suffix, module), expected(expected), device(device) {}

protected:
  /// A kernel while its code stands in the function that launches it.
  struct Launch {
    mlir::scf::ExecuteRegionOp region;
    Value blocks;
    std::string name;
    unsigned threads;
    int64_t sharedBytes;
    bool cooperative;
  };
  /// Blocks that share a sequence.
  struct Group {
    Value counter, share; ///< where they meet, and what this block adds when it arrives
    Value rank, size;     ///< its number among them, and how many they are
  };
  /// What teams of threads run, each for a sequence or for a few.
  struct TeamWork {
    llvm::StringRef kernel;
    unsigned threads = 0;  ///< of a block that has sequences to itself
    bool groups = false;   ///< blocks share a sequence where these are few
    unsigned together = 1; ///< sequences that a team may run at once
    std::function<void(Value first, unsigned together, const Team &team)> run;
  };

  //===--- Kernels (GpuLowering.cpp) ---------------------------------------------------===//
  void lowerBody(mlir::Block &body) override;
  void placePrepared(mlir::Block &body);
  void prepareAll(mlir::ArrayRef<MapOp> maps) override;
  void finishFunction() override;
  /// A kernel of `blocks` blocks; `body` is given the number of its block.
  void launch(llvm::StringRef what, Value blocks, unsigned threads,
              llvm::function_ref<void(Value block)> body, bool cooperative = false);
  void launchMap(MapOp map, Value sequences);
  bool launchContraction(MapOp map, Value sequences);
  void launchTiles(MapOp map, Contraction contraction, const BlockTile &tile, Value sequences);
  /// Kernels of ops that have been told of: facts stay as they are.
  void launchAgain(llvm::function_ref<void()> launches);
  void noteContraction(MapOp map, const Contraction &contraction, const BlockTile &tile);
  /// The threads of `blocks` blocks like this one, which is number `rank` of them.
  Team teamOf(Value rank, Value blocks);
  void launchCopy(const Buffer &from, const Buffer &to);
  void launchScan(ScanOp scan);
  bool launchColumns(ScanOp scan);
  bool launchStep(mlir::Block &body);
  void noteStep(ScanOp scan);
  void runSequences(ScanOp scan, Value first, unsigned together, const Team &team);
  void launchParallelScan(ScanOp scan);
  void withLoop(ScanOp scan, llvm::function_ref<void()> run);
  void lowerLoopStep(ScanOp scan, Value b, Value s);
  /// Code at the start of the kernel that is being emitted.
  template <class F> auto atKernel(F f) {
    mlir::OpBuilder::InsertionGuard guard(code->b);
    code->b.setInsertionPoint(kernelAnchor);
    return f();
  }

  //===--- Sequences on teams (Teams.cpp) ------------------------------------------------===//
  void launchTeams(const TeamWork &work);
  void launchBlocks(const TeamWork &work, unsigned together);
  void launchGroups(const TeamWork &work, Value room, unsigned together);
  RowSet sequencesFrom(Value first, unsigned together);
  bool canRunTogether(mlir::Block &block);
  void meetGroup();

  //===--- A block's threads ---------------------------------------------------------------===//
  void barrier(const Team &team) override;
  void copyElements(Value to, Value from, Type elem, Value n, const Team &team) override;
  Value ownShare(Value base, Value bytes) override;
  void emitFail(Value place, Value sequence, Value value, Value bound) override;
  Value fromLane(Value v, unsigned flip) override;
  std::optional<Buffer> nearMemory(Type elem, mlir::ArrayRef<Value> dims) override;
  void lowerScan(ScanOp scan, const RowSet &rows, const Team &team, bool barriers) override;

  //===--- Maps (Points.cpp) -----------------------------------------------------------------===//
  void lowerMap(MapOp map, const RowSet &rows, const Team &team) override;
  bool canRunTogether(MapOp map);
  bool sumsWeights(MapOp map);
  void lowerApart(MapOp map, Points &points, const RowSet &rows);
  void lowerPointTogether(Tile &tile, const RowSet &rows);
  std::optional<Kept> keepWeights(MapOp map, const MapPlan &plan, const Team &team);
  void fetchKept(ReadOp read, Tile &tile, Value lane, Value to);
  /// The tiles `first`, `first + step`, … of a sequence by a block of `tile.threads()` threads.
  void lowerContraction(MapOp map, const Contraction &contraction, const BlockTile &tile,
                        const Row &row, Value first, Value step);
  bool endsWith(const Buffer &buffer, size_t axis, Value index, const Contraction &contraction,
                unsigned step);
  Value tensorOf(const Contraction &contraction, const Factor &f, const BlockTile &tile);
  bool liesAligned(Contraction &contraction, const Factor &f, Values *remainders);
  void noteCopies(Contraction &contraction, Values *remainders);
  std::optional<Contraction> productOf(MapOp map, Values *remainders = nullptr);
  /// Shared memory of the kernel for `n` elements, aligned to 16 bytes or more, until `sharedTop`
  /// is set back.
  Value sharedMemory(Type elem, int64_t n, int64_t alignment = 16);

  const Expected &expected;
  Device &device;
  llvm::SmallVector<Launch> launches;
  llvm::DenseSet<Value> tensorMaps; ///< descriptions of tensors, which kernels get as tensor maps
  mlir::Operation *kernelAnchor = nullptr; ///< end of the kernel's first code
  mlir::Operation *stepsAnchor = nullptr; ///< before the steps of the kernel's scan; null: no steps
  int64_t blockThreads = 0;               ///< of the kernel
  unsigned atOnce = 1;                    ///< sequences that its teams run together
  Value thread, block;                    ///< of the kernel: numbers, i64
  std::optional<Group> group;             ///< of the kernel, where blocks share a sequence
  /// Of the kernel: bytes of shared memory that are in use, and the most that were.
  int64_t sharedTop = 0, sharedMost = 0;
};

} // namespace seq::gpu

#endif
