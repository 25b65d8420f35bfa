//===- Sharing.cpp - Whether threads share the steps of a scan ------------------------------===//
//
// A step of LSTM(H, H), one barrier, on two cores of a server with AVX-512 that nothing else
// used, in microseconds on one thread and on two: H = 48 0.37, 0.53; H = 64 0.78, 1.00;
// H = 96 1.72, 1.65; H = 192 6.7, 4.9; H = 256 12.2, 7.5. So a thread does 60 units of
// work (below) a nanosecond, and sharing costs half a microsecond and more for each barrier:
// 0.2 for the barrier itself, the rest to fetch what the others wrote.
//
//===----------------------------------------------------------------------===//
#include "compiler/Analysis/Sharing.h"

using namespace mlir;

namespace seq::analysis {

/// Multiply-adds and the like of one step of one sequence, where the sizes are known.
static double workOf(Block &block) {
  double sum = 0;
  for (Operation &op : block) {
    ValueRange extents;
    if (auto m = dyn_cast<MapOp>(op))
      extents = m.getExtents();
    else if (auto r = dyn_cast<ReduceOp>(op))
      extents = r.getExtents();
    else {
      sum += isa<UnaryOp>(op) ? 16 : 1;
      continue;
    }
    double n = 1;
    for (Value e : extents)
      n *= double(constantOf(e).value_or(64));
    sum += n * workOf(op.getRegion(0).front());
  }
  return sum;
}

bool worthSharing(ScanOp scan, llvm::function_ref<bool(MapOp)> counts) {
  constexpr double kBarrierWork = 100 * kBarrierTime;
  bool nested = false;
  scan.getBody().walk([&](ScanOp inner) { nested |= inner != scan; });
  if (nested)
    return false;
  auto barriers = llvm::count_if(scan.bodyBlock()->getOps<MapOp>(), counts);
  // Two threads save half of the work. It has to be twice the cost, so that sharing wins on
  // machines with slower barriers and beside other processes.
  return workOf(*scan.bodyBlock()) / 2 > 2 * kBarrierWork * double(barriers);
}

} // namespace seq::analysis
