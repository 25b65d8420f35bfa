//===- Cost.h - What a form would take ------------------------------------------------------===//
//
// The ops of a form are walked once and the time of one sequence on one thread is a sum of six
// counts, each times a constant that was measured (Cost.cpp); a team of threads shares it as the
// lowering shares out the ops.
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

/// What a call runs on, and how many sequences it has.
struct Team {
  int64_t threads = 1, batch = 1;
};

/// Nanoseconds of a call of `ops`, which stand in the function's own block, at these sizes.
double costOf(llvm::ArrayRef<mlir::Operation *> ops, const analysis::Sizes &sizes,
              const Team &team);

/// Sizes that are not known when the choice is made: the steps of a scan, and others.
constexpr int64_t kNominalSteps = 1024, kNominalSize = 64;
/// Puts what `given` says, `K=64,V=32`, in their place.
void giveSizes(analysis::Sizes &sizes, llvm::StringRef given);
/// "K=64, V=32".
std::string sizesText(const analysis::Sizes &sizes);

} // namespace seq

#endif
