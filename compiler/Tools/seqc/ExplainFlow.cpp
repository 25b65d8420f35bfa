//===- ExplainFlow.cpp - What scans and results read ---------------------------------------===//
//
// Values are followed from a scan or a result back to the function's arguments. Another scan
// on the way ends the search there: what that one reads is told of it.
//
//===----------------------------------------------------------------------===//
#include "compiler/Tools/seqc/ExplainFlow.h"

#include "compiler/Tools/seqc/Explain.h"
#include "dialect/Seq.h"

#include "llvm/ADT/DenseSet.h"

using namespace mlir;

namespace seq::tool {

namespace {
class Search {
public:
  Search(func::FuncOp function, Flow &flow) : function(function), flow(flow) {}

  /// Everything that the op and the ops in it read.
  void addOperands(Operation *op) {
    op->walk([&](Operation *inner) {
      for (Value v : inner->getOperands())
        if (!op->isProperAncestor(v.getParentRegion()->getParentOp()))
          open.push_back(v);
    });
    run();
  }

  void add(Value v) {
    open.push_back(v);
    run();
  }

private:
  void run() {
    while (!open.empty()) {
      Value v = open.pop_back_val();
      if (!seen.insert(v).second)
        continue;
      Operation *op = v.getDefiningOp();
      if (!op)
        argument(cast<BlockArgument>(v));
      else if (isa<ScanOp>(op))
        note(flow.scans, placeText(op->getLoc()));
      else
        op->walk([&](Operation *inner) { llvm::append_range(open, inner->getOperands()); });
    }
  }

  void argument(BlockArgument a) {
    if (a.getOwner()->getParentOp() != function)
      return;
    if (auto name = function.getArgAttrOfType<StringAttr>(a.getArgNumber(), kNameAttr))
      note(flow.arguments, name.str());
  }

  static void note(std::vector<std::string> &list, const std::string &name) {
    if (!name.empty() && !llvm::is_contained(list, name))
      list.push_back(name);
  }

  func::FuncOp function;
  Flow &flow;
  SmallVector<Value> open;
  llvm::DenseSet<Value> seen;
};
} // namespace

std::vector<Flow> flowOf(func::FuncOp function) {
  std::vector<Flow> all;
  function.walk<WalkOrder::PreOrder>([&](ScanOp scan) {
    Flow f;
    f.name = placeText(scan.getLoc());
    f.isScan = true;
    Search(function, f).addOperands(scan);
    all.push_back(std::move(f));
  });
  for (auto [k, v] : llvm::enumerate(function.front().getTerminator()->getOperands())) {
    Flow f;
    if (auto name = function.getResultAttrOfType<StringAttr>(k, kNameAttr))
      f.name = name.str();
    Search(function, f).add(v);
    all.push_back(std::move(f));
  }
  return all;
}

} // namespace seq::tool
