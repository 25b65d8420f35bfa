//===- MapTransforms.cpp - The order of what is done to maps
//------------------------------------===//
#include "compiler/Transforms/Transforms.h"

#include "mlir/Pass/PassManager.h"

using namespace mlir;

void seq::addMapTransforms(OpPassManager &pm, StringRef roundTo) {
  pm.addNestedPass<func::FuncOp>(createSeqDecompose());
  pm.addNestedPass<func::FuncOp>(createSeqNarrow());
  pm.addNestedPass<func::FuncOp>(createSeqSplitInvariant());
  pm.addNestedPass<func::FuncOp>(createSeqHoist());
  // Tensor cores want factors of 16 bits, of products that are out of their scans by now.
  if (!roundTo.empty()) {
    pm.addNestedPass<func::FuncOp>(createSeqRoundFactors({roundTo.str()}));
    pm.addNestedPass<func::FuncOp>(createSeqNarrow());
  }
  pm.addNestedPass<func::FuncOp>(createSeqFuse());
}
