//===- ExplainFlow.h - What scans and results read -----------------------------------------===//
#ifndef SEQC_TOOLS_SEQC_EXPLAINFLOW_H
#define SEQC_TOOLS_SEQC_EXPLAINFLOW_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <string>
#include <vector>

namespace seq::tool {

/// What a scan or a result is made of: names of inputs and weights, places of scans.
struct Flow {
  std::string name; ///< the scan's place, or the result's name
  bool isScan = false;
  std::vector<std::string> arguments, scans;
};

/// Of the function as emitted: outer scans first, then the results.
std::vector<Flow> flowOf(mlir::func::FuncOp function);

} // namespace seq::tool

#endif
