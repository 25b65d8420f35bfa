//===- TimeTables.cpp - Inputs whose axis is distance, not time ---------------------------===//
//
// An input with an axis T need not be a sequence:
//
//   sum[s](kernel[s] * u[t - s] where s <= t)               kernel: a table by distance
//   softmax[j](q[i] * k[j] + bias[i - j] where j <= i)      bias: a table by distance
//
// Both are sums over products of one read at the index and one at the difference, so the
// forms alone do not tell which is which. The rule: a sum in which one input alone is read
// at the index, and others at the difference, is a convolution with the former as its
// kernel; everywhere else the index is a time, and the difference a distance. An input
// that is read at the row's own time, or a fixed number of steps before, is a sequence.
//
//===----------------------------------------------------------------------===//
#include "compiler/Analysis/TimeAnalysis.h"

using namespace mlir;

namespace seq::time {

/// Which tensors are made of a sequence's elements, and not of parameters and indices alone.
void Analysis::markSequences() {
  for (BlockArgument arg : func.getArguments())
    out.tensors[arg].ofSequence = hasTime(arg);
  func.walk<WalkOrder::PreOrder>([&](Operation *op) {
    bool made = false;
    if (op->getNumRegions() && isa<MapOp, SoftmaxOp, ScanOp>(op))
      op->walk([&](ReadOp read) { made |= out.tensors[read.getTensor()].ofSequence; });
    for (Value result : op->getResults())
      if (isa<RankedTensorType>(result.getType()))
        out.tensors[result].ofSequence = made;
  });
}

void Analysis::notePast(ReadOp read, const Linear &at, const Scope &scope) {
  for (Value past : scope.pasts) {
    bool index = (at - Linear::atom(past)).isConstant();
    bool difference = scope.row && (at + Linear::atom(past) - Linear::atom(scope.row)).isConstant();
    if (index || difference) {
      pastReads.push_back({past, read.getTensor(), difference});
      return;
    }
  }
  ++unknownReads[read.getTensor()];
}

void Analysis::findTables() {
  auto any = [&](Value index, bool difference, auto accepts) {
    return llvm::any_of(pastReads, [&](const PastRead &r) {
      return r.index == index && r.difference == difference && accepts(r.tensor);
    });
  };
  auto isSum = [](Value index) {
    return isa<ReduceOp>(cast<BlockArgument>(index).getOwner()->getParentOp());
  };
  auto ofSequence = [&](Value t) { return out.tensors[t].ofSequence; };
  auto isKernelAt = [&](Value arg, Value index) {
    return isSum(index) && any(index, true, ofSequence) &&
           !any(index, false, [&](Value t) { return t != arg && ofSequence(t); });
  };
  for (bool kernels : {true, false})
    for (BlockArgument arg : func.getArguments()) {
      bool read = false, table = !unknownReads.lookup(arg);
      for (const AxisUse &use : uses.lookup(arg)) // none where nothing reads it
        table &= !use.exact;
      for (const PastRead &r : pastReads) {
        if (r.tensor != arg)
          continue;
        read = true;
        auto isTime = [&](Value t) { return t != arg && ofSequence(t) && !out.tensors[t].table; };
        table &= kernels ? !r.difference && isKernelAt(arg, r.index)
                         : r.difference && any(r.index, false, isTime);
      }
      out.tensors[arg].table |= read && table;
    }
}

} // namespace seq::time
