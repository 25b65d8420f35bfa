//===- TimeFacts.cpp - What holds at an op ----------------------------------------------===//
#include "compiler/Analysis/Time.h"

using namespace mlir;

namespace seq {

/// True where `value`, in the block of `op`, is computed with the help of `op`.
static bool helpsToMake(Operation *op, Value value) {
  llvm::SmallVector<Operation *> work;
  llvm::SmallPtrSet<Operation *, 16> seen;
  auto push = [&](Value v) {
    Operation *d = v.getDefiningOp();
    if (d && d->getBlock() == op->getBlock() && seen.insert(d).second)
      work.push_back(d);
  };
  push(value);
  while (!work.empty()) {
    Operation *o = work.pop_back_val();
    if (o == op)
      return true;
    o->walk([&](Operation *inner) {
      for (Value v : inner->getOperands())
        push(v);
    });
  }
  return false;
}

/// What the body of `parent` says of `child`, an op of that body.
static void addBody(Facts &facts, Operation *parent, Operation *child) {
  Block &body = parent->getRegion(0).front();
  if (auto scan = dyn_cast<ScanOp>(parent))
    return facts.addIndex(scan.index(), scan.getExtent());
  for (auto [index, extent] : llvm::zip(body.getArguments(), parent->getOperands()))
    facts.addIndex(index, extent);
  auto yield = dyn_cast<YieldOp>(body.getTerminator());
  if (yield && yield.getPresent() && !helpsToMake(child, yield.getPresent()))
    facts.addCondition(yield.getPresent());
}

Facts factsAt(Operation *op) {
  Facts facts;
  if (auto read = dyn_cast<ReadOp>(op); read && read.getGuard())
    facts.addCondition(read.getGuard());
  for (Operation *child = op, *parent = op->getParentOp();
       isa<MapOp, ReduceOp, SoftmaxOp, ScanOp>(parent);
       child = parent, parent = parent->getParentOp())
    addBody(facts, parent, child);
  return facts;
}

} // namespace seq
