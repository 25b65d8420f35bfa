//===- GpuLowering.h - Inside the GPU lowering ------------------------------------------===//
#ifndef SEQC_LOWERING_GPU_GPULOWERING_H
#define SEQC_LOWERING_GPU_GPULOWERING_H

#include "compiler/Lowering/Common/Lower.h"
#include "compiler/Lowering/Gpu/Gpu.h"

namespace seq::gpu {

using namespace lowering; // NOLINT: the vocabulary of all lowerings

/// Threads of a warp.
constexpr int64_t kWarp = 32;

/// Where kernels of one module are collected.
struct Device {
  mlir::ModuleOp module;
  std::vector<Kernel> &kernels;
};

class GpuLowering : public FunctionLowering {
public:
  GpuLowering(mlir::func::FuncOp func, const Target &target, llvm::StringRef suffix,
              mlir::ModuleOp module, Device &device)
      : FunctionLowering(func, target, suffix, module), device(device) {}

protected:
  /// A kernel while its code stands in the function that launches it.
  struct Launch {
    mlir::scf::ExecuteRegionOp region;
    Value blocks;
    std::string name;
    unsigned threads;
  };

  //===--- Kernels (GpuLowering.cpp) ---------------------------------------------------===//
  void lowerBody(mlir::Block &body) override;
  void prepareAll(mlir::ArrayRef<MapOp> maps) override;
  void finishFunction() override;
  /// A kernel of `blocks` blocks; `body` is given the number of its block.
  void launch(llvm::StringRef what, Value blocks, unsigned threads,
              llvm::function_ref<void(Value block)> body);
  void launchMap(MapOp map, Value sequences);
  void launchCopy(const Buffer &from, const Buffer &to);
  void launchScan(ScanOp scan);
  void launchParallelScan(ScanOp scan);
  /// Code at the start of the kernel that is being emitted.
  template <class F> auto atKernel(F f) {
    mlir::OpBuilder::InsertionGuard guard(code->b);
    code->b.setInsertionPoint(kernelAnchor);
    return f();
  }
  unsigned threadsFor(ScanOp scan);

  //===--- A block's threads ---------------------------------------------------------------===//
  void barrier(const Team &team) override;
  void copyElements(Value to, Value from, Type elem, Value n, const Team &team) override;
  Value ownShare(Value base, Value bytes) override;
  void emitFail(Value place, Value sequence, Value value, Value bound) override;
  Value fromLane(Value v, unsigned flip) override;
  void lowerScan(ScanOp scan, const RowSet &rows, const Team &team, bool barriers) override;

  //===--- Maps (Points.cpp) -----------------------------------------------------------------===//
  void lowerMap(MapOp map, const RowSet &rows, const Team &team) override;
  MapPlan plan(MapOp map, int64_t threads);

  Device &device;
  llvm::SmallVector<Launch> launches;
  mlir::Operation *kernelAnchor = nullptr; ///< end of the kernel's first code
  Value thread, block;                     ///< of the kernel: numbers, i64
};

} // namespace seq::gpu

#endif
