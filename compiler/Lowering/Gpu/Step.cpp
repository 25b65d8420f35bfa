//===- Step.cpp - A stream's step in one kernel -----------------------------------------===//
//
// A step of a small model is a few ops of a few microseconds each, and each launch costs as much.
// So all of them run in one kernel, on teams as the steps of a recurrence do (Teams.cpp): the body
// of the function takes the place of the scan's. Threads of a team meet before an op that reads
// what was made since they met last.
//
// A kernel for each op has more to offer where there is much work: blocks for every point of every
// sequence, products in tiles, columns of a state in registers. Which of the two it is, the cost
// model says for the sequences that are expected (Cost.cpp); how many blocks share a sequence is
// decided by the call.
//
//===----------------------------------------------------------------------===//
#include "compiler/Lowering/Gpu/Cost.h"
#include "compiler/Lowering/Gpu/GpuLowering.h"

using namespace mlir;
namespace seq::gpu {

static unsigned countOps(Block &body, const llvm::DenseSet<Value> &prepared) {
  return llvm::count_if(body, [&](Operation &op) {
    return isa<MapOp, ScanOp>(op) && !prepared.contains(op.getResult(0));
  });
}

bool GpuLowering::launchStep(Block &body) {
  if (!func->hasAttr(kStepAttr))
    return false;
  StepFacts &facts = result.facts.step.emplace();
  facts.ops = countOps(body, prepared);
  StepCost cost = stepCost(func, target, expected.sizes, supposedBatch(expected.batch));
  facts.kernels = cost.kernels, facts.block = cost.block, facts.group = cost.group;
  if (facts.ops < 2 || std::min(cost.block, cost.group) >= cost.kernels)
    return false;
  TeamWork work;
  work.kernel = "step";
  work.threads = threadsFor(func, prepared);
  work.groups = cost.group < cost.block;
  work.together = work.groups && canRunTogether(body) ? kSequences : 1;
  work.run = [&](Value first, unsigned together, const Team &team) {
    lowerBlock(body, sequencesFrom(first, together), team, true);
  };
  facts.runs = work.groups ? "group" : "block";
  // None of several kernels keeps what it makes in shared memory then: it has one place for all.
  if (work.together > 1)
    bindDestinations(body);
  launchTeams(work);
  return true;
}

} // namespace seq::gpu
