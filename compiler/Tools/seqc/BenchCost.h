//===- BenchCost.h - Work of a call, counted from the program -------------------------===//
#ifndef SEQC_TOOLS_SEQC_BENCHCOST_H
#define SEQC_TOOLS_SEQC_BENCHCOST_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <map>
#include <string>

namespace seq::tool {

/// Operations of one sequence. A transcendental function counts as kUnaryFlops.
constexpr double kUnaryFlops = 8;
double countFlops(mlir::func::FuncOp func, const std::map<std::string, int64_t> &sizes);

/// Of this machine, measured now on `threads` threads.
struct Peaks {
  double flops = 0; ///< a second, f32 fused multiply-adds as two
  double bytes = 0; ///< a second, a triad over arrays beyond the caches
};
Peaks measurePeaks(int threads);

} // namespace seq::tool

#endif
