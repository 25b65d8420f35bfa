//===- OnlyStep.cpp - Scans of one step --------------------------------------------------===//
//
//   y, hT = scan (t) in (1) states (h = h0)       y[0] = o(0, h0)
//     h' = f(t, h)                           to   hT   = f(0, h0)
//     yield o(t, h)
//
// A stream's step has one step of each recurrence. What the scan hands on from step to step, and
// copies of it, are then of no use, and its maps fuse with those around.
//
//===----------------------------------------------------------------------===//
#include "compiler/Transforms/Rewrite.h"

using namespace mlir;
namespace seq {

/// `y` as the only row of a tensor.
static Value onlyRow(OpBuilder &b, Value y, ArrayRef<Value> sizes, Type type) {
  Location loc = y.getLoc();
  SmallVector<Value> extents{arith::ConstantIndexOp::create(b, loc, 1)};
  llvm::append_range(extents, sizes);
  auto map = MapOp::create(b, loc, cast<RankedTensorType>(y.getType()).getElementType(), extents,
                           [&](OpBuilder &in, Location l, ValueRange at) {
                             Value v = ReadOp::create(in, l, y, at.drop_front());
                             YieldOp::create(in, l, ValueRange(v));
                           });
  map.getResult(0).setType(cast<RankedTensorType>(type));
  return map.getResult(0);
}

/// False where it has other steps, or a size that is not known before it runs.
static bool inlineOnlyStep(func::FuncOp func, ScanOp scan) {
  if (constantOf(scan.getExtent()) != 1 || !scan.bodyBlock()->getOps<ReadOp>().empty())
    return false;
  OpBuilder b(scan);
  Value first = arith::ConstantIndexOp::create(b, scan.getLoc(), 0);
  NextOp next = scan.next();
  SmallVector<SmallVector<Value>> sizes;
  Block &body = *scan.bodyBlock();
  b.setInsertionPoint(next);
  for (Value y : next.getYields()) {
    auto state = dyn_cast<BlockArgument>(y);
    bool own = state && state.getOwner() == &body;
    auto of = tensorSizes(b, func, own ? scan.getInits()[state.getArgNumber() - 1] : y);
    if (!of)
      return false;
    sizes.emplace_back(of->begin(), of->end());
  }
  scan.index().replaceAllUsesWith(first);
  for (auto [state, init] : llvm::zip(scan.states(), scan.getInits()))
    state.replaceAllUsesWith(init);
  scan->getBlock()->getOperations().splice(Block::iterator(scan), body.getOperations(),
                                           body.begin(), Block::iterator(next));
  b.setInsertionPoint(scan);
  for (auto [result, y, of] : llvm::zip(scan.yieldResults(), next.getYields(), sizes))
    result.replaceAllUsesWith(onlyRow(b, y, of, result.getType()));
  for (auto [result, last] : llvm::zip(scan.stateResults(), next.getStates()))
    result.replaceAllUsesWith(last);
  scan.erase();
  return true;
}

void inlineOnlySteps(func::FuncOp func) {
  func.walk([&](ScanOp scan) { inlineOnlyStep(func, scan); });
}

} // namespace seq
