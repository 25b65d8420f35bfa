//===- Cost.h - What kernels would take --------------------------------------------------===//
#ifndef SEQC_LOWERING_GPU_COST_H
#define SEQC_LOWERING_GPU_COST_H

#include "compiler/Lowering/Common/Lowering.h"
#include "compiler/Lowering/Gpu/Chips.h"
#include "compiler/Transforms/Cost.h"

namespace seq::gpu {

/// Sequences of a call, where the number is not known.
constexpr int64_t kNominalBatch = 8;
inline int64_t supposedBatch(int64_t batch) {
  return batch > 0 ? batch : kNominalBatch;
}

/// A kernel of a call, as the model has it.
struct KernelCost {
  std::string what; ///< "map", "product", "columns", "scan", "loop"
  double blocks = 0, threads = 0;
  double operations = 0; ///< floating-point
  /// Requests to global memory, in sectors of 32 bytes, and what of them passes the chip's edge.
  double bytesRead = 0, bytesWritten = 0, memoryBytes = 0;
  double nanoseconds = 0;
  /// What it takes its time for: "memory", "cache", "work", "latency".
  std::string bound;
};

/// Those of `func` after all transforms, at these sizes. The function is changed as lowering does.
std::vector<KernelCost> kernelCosts(mlir::func::FuncOp func, const lowering::Target &target,
                                    const analysis::Sizes &sizes, int64_t batch);

/// Nanoseconds of a stream's step: with a kernel for each op, and in one kernel, of a block or of a
/// group of blocks for each sequence.
struct StepCost {
  double kernels = 0, block = 0, group = 0;
};

/// Of `func` after all transforms, as it is lowered. Sizes are nominal ones where `given` (`K=64`)
/// does not name them.
StepCost stepCost(mlir::func::FuncOp func, const lowering::Target &target, llvm::StringRef given,
                  int64_t batch);

/// On a chip, or the simulator of one.
class GpuCost : public CostModel {
public:
  /// `batch`: 0: not known.
  GpuCost(const lowering::Target &target, int64_t batch)
      : target(target), batch(supposedBatch(batch)) {}
  double costOf(llvm::ArrayRef<mlir::Operation *> ops, mlir::ValueRange results,
                const analysis::Sizes &sizes) override;
  bool hasIdle() const override { return true; }

private:
  lowering::Target target;
  int64_t batch;
};

} // namespace seq::gpu

#endif
