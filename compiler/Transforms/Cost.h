//===- Cost.h - What a form would take ------------------------------------------------------===//
//
// Which form is the cheapest is asked of a cost model, of which each kind of machine has one. Here
// is that of a CPU: the ops of a form are walked once and the time of one sequence on one thread is
// a sum of six counts, each times a constant that was measured (Cost.cpp); a team of threads
// shares it as the lowering shares out the ops. That of a GPU is in Lowering/Gpu/Cost.h.
//
//===----------------------------------------------------------------------===//
#ifndef SEQC_TRANSFORMS_COST_H
#define SEQC_TRANSFORMS_COST_H

#include "compiler/Analysis/Work.h"

namespace seq {

/// What ops do that takes time. Elements and operations are of four bytes: those of eight count
/// twice.
struct CostCounts {
  double products = 0;  ///< operations of reductions, more where ranges are no constants
  double sums = 0;      ///< values of reductions: an accumulator begun and stored
  double near = 0;      ///< elements read or written, of what fits the first-level cache
  double far = 0;       ///< elements of larger tensors
  double scalars = 0;   ///< evaluations of exp and the like, one by one
  double functions = 0; ///< the same, a vector at a time
  double maps = 0;      ///< loops begun

  double nanoseconds() const;
};

/// A machine and the sequences of a call, as far as the choice of a form goes.
class CostModel {
public:
  virtual ~CostModel() = default;
  /// Nanoseconds of a call of `ops`, which stand in the function's own block, at these sizes. The
  /// rest of the function reads `results` of them.
  virtual double costOf(llvm::ArrayRef<mlir::Operation *> ops, mlir::ValueRange results,
                        const analysis::Sizes &sizes) = 0;
  /// Step by step something would have nothing to do: forms in blocks of time may be worth it.
  virtual bool hasIdle() const = 0;
};

/// On a team of threads.
class CpuCost : public CostModel {
public:
  CpuCost(int64_t threads, int64_t batch)
      : threads(std::max<int64_t>(threads, 1)), batch(std::max<int64_t>(batch, 1)) {}
  double costOf(llvm::ArrayRef<mlir::Operation *> ops, mlir::ValueRange results,
                const analysis::Sizes &sizes) override;
  bool hasIdle() const override { return batch < threads; }

private:
  /// The time of the op for all sequences, from that for one on one thread.
  double shared(mlir::Operation *op, double one, double steps) const;
  int64_t threads, batch;
};

/// Sizes that are not known when the choice is made: the steps of a scan, and others.
constexpr int64_t kNominalSteps = 1024, kNominalSize = 64;
/// Puts what `given` says, `K=64,V=32`, in their place.
void giveSizes(analysis::Sizes &sizes, llvm::StringRef given);
/// "K=64, V=32".
std::string sizesText(const analysis::Sizes &sizes);

} // namespace seq

#endif
