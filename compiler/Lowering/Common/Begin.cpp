//===- Begin.cpp - Maps of which the first points are in place ------------------------===//
#include "compiler/Lowering/Common/Begin.h"

#include "compiler/Analysis/Time.h"

using namespace mlir;
namespace seq::lowering {

/// The state that `result` becomes: an argument whose array is the result's. Null: none.
static Value stateInPlace(OpResult result) {
  auto func = result.getOwner()->getParentOfType<func::FuncOp>();
  auto returns = llvm::make_filter_range(
      result.getUses(), [](OpOperand &use) { return isa<func::ReturnOp>(use.getOwner()); });
  if (!func->hasAttr(kPositionAttr) || !llvm::hasSingleElement(returns))
    return {};
  OpOperand &use = *returns.begin();
  unsigned fromEnd = use.getOwner()->getNumOperands() - use.getOperandNumber();
  unsigned k = func.getNumArguments() - fromEnd;
  if (fromEnd > func.getNumArguments() || !keepsAllSteps(func, k))
    return {};
  return func.getArgument(k);
}

/// Where the map's value is `index < from ? state[the same place] : …`.
static std::optional<Begin> beginOf(Value value, Value state, MapOp map) {
  auto select = value.getDefiningOp<arith::SelectOp>();
  auto cmp = select ? select.getCondition().getDefiningOp<arith::CmpIOp>() : nullptr;
  auto read = select ? select.getTrueValue().getDefiningOp<ReadOp>() : nullptr;
  if (!cmp || !read || cmp.getPredicate() != arith::CmpIPredicate::slt ||
      read.getTensor() != state || !llvm::equal(read.getIndices(), map.indices()))
    return std::nullopt;
  auto index = dyn_cast<BlockArgument>(cmp.getLhs());
  bool own = index && index.getOwner() == map.bodyBlock();
  if (!own || map->isAncestor(cmp.getRhs().getParentRegion()->getParentOp()))
    return std::nullopt;
  return Begin{index.getArgNumber(), cmp.getRhs()};
}

std::optional<Begin> beginOf(MapOp map) {
  std::optional<Begin> all;
  for (auto [result, value] : llvm::zip(map.getResults(), map.yield().getValues())) {
    Value state = stateInPlace(cast<OpResult>(result));
    std::optional<Begin> own = state ? beginOf(value, state, map) : std::nullopt;
    if (!own || (all && (all->index != own->index || all->from != own->from)))
      return std::nullopt;
    all = own;
  }
  return all;
}

} // namespace seq::lowering
