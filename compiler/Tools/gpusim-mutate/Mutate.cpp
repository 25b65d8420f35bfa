//===- Mutate.cpp - One fault in a device's module -------------------------------------===//
//
//   barrier removed       all threads of a block no longer meet there
//   all barriers removed  of a kernel
//   warp sync removed     the same of a warp
//   mask halved           a shuffle names the first half of its lanes alone
//   guard removed         a comparison before accesses to memory says what lets them happen
//   one too far           `<` becomes `<=` in a guard, or in the condition of a loop
//   wait removed          for copies to shared memory, products of a warp group
//   fence removed         around atomic accesses, before copies and products
//   arrival removed       at a barrier in shared memory
//   made plain            an atomic access
//
//===----------------------------------------------------------------------===//
#include "compiler/Tools/gpusim-mutate/Mutate.h"

#include "llvm/Analysis/LoopInfo.h"
#include "llvm/Analysis/ValueTracking.h"
#include "llvm/IR/Dominators.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InlineAsm.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/IR/PatternMatch.h"
#include "llvm/Transforms/Utils/LowerAtomic.h"

#include <functional>

using namespace llvm;

namespace seq::mutate {

namespace {
struct Site {
  Fault fault;
  Instruction *at;
  std::function<void()> make;
};

/// Collects the faults of one kernel.
class Finder {
public:
  Finder(Function &f, std::vector<Site> &sites)
      : f(f), sites(sites), dominators(f), loops(dominators) {}

  void run() {
    for (Instruction &inst : instructions(f)) {
      if (auto *call = dyn_cast<CallInst>(&inst))
        findCall(*call);
      else if (auto *branch = dyn_cast<BranchInst>(&inst); branch && branch->isConditional())
        findGuards(*branch);
      else if (isa<FenceInst>(inst))
        add(inst, "fence removed", [&inst] { inst.eraseFromParent(); });
      else if (inst.isAtomic())
        findAtomic(inst);
    }
    if (barriers.size() > 1)
      add(*barriers.front(), "all barriers removed", [this] {
        for (CallInst *barrier : barriers)
          barrier->eraseFromParent();
      });
  }

private:
  void add(Instruction &at, const char *kind, std::function<void()> make) {
    Fault fault{f.getName().str(), kind, ""};
    if (const DebugLoc &loc = at.getDebugLoc())
      fault.place = std::to_string(loc.getLine()) + ":" + std::to_string(loc.getCol());
    sites.push_back({std::move(fault), &at, std::move(make)});
  }

  void findCall(CallInst &call) {
    findAssembly(call);
    Function *callee = call.getCalledFunction();
    StringRef name = callee ? callee->getName() : "";
    if (!name.consume_front("llvm.nvvm."))
      return;
    auto remove = [&call] { call.eraseFromParent(); };
    if (call.getType()->isVoidTy() && (name.starts_with("barrier") || name == "bar.sync")) {
      add(call, "barrier removed", remove);
      barriers.push_back(&call);
    } else if (name == "bar.warp.sync")
      add(call, "warp sync removed", remove);
    else if (name.starts_with("cp.async.wait") || name.starts_with("cp.async.bulk.wait") ||
             name.starts_with("wgmma.wait"))
      add(call, "wait removed", remove);
    else if (name.starts_with("mbarrier.try.wait"))
      add(call, "wait removed", [&call] {
        call.replaceAllUsesWith(ConstantInt::getTrue(call.getContext()));
        call.eraseFromParent();
      });
    else if (name.starts_with("fence.") || name.starts_with("membar.") ||
             name.starts_with("wgmma.fence"))
      add(call, "fence removed", remove);
    else if (name.starts_with("mbarrier.arrive") && call.use_empty())
      add(call, "arrival removed", remove);
    else if (name.starts_with("shfl.sync."))
      add(call, "mask halved", [&call] {
        call.setArgOperand(0, ConstantInt::get(call.getArgOperand(0)->getType(), 0xffff));
      });
  }

  /// Erases assembly whose results are its arguments as they are.
  static void passOn(CallInst &call) {
    IRBuilder<> b(&call);
    Value *all = PoisonValue::get(call.getType());
    for (unsigned i = 0; i < call.arg_size(); ++i)
      all = b.CreateInsertValue(all, call.getArgOperand(i), i);
    call.replaceAllUsesWith(all);
    call.eraseFromParent();
  }

  /// What is written as text.
  void findAssembly(CallInst &call) {
    auto *assembly = dyn_cast<InlineAsm>(call.getCalledOperand());
    StringRef text = assembly ? StringRef(assembly->getAsmString()) : "";
    if (text.starts_with("wgmma.wait_group"))
      return add(call, "wait removed", [&call] { passOn(call); });
    if (!call.use_empty())
      return;
    auto remove = [&call] { call.eraseFromParent(); };
    if (text.contains("mbarrier.try_wait") || text.contains("mbarrier.test_wait"))
      add(call, "wait removed", remove);
    else if (text.contains("mbarrier.arrive"))
      add(call, "arrival removed", remove);
  }

  void findAtomic(Instruction &inst) {
    if (auto *load = dyn_cast<LoadInst>(&inst))
      add(inst, "made plain", [load] { load->setAtomic(AtomicOrdering::NotAtomic); });
    else if (auto *store = dyn_cast<StoreInst>(&inst))
      add(inst, "made plain", [store] { store->setAtomic(AtomicOrdering::NotAtomic); });
    else if (auto *rmw = dyn_cast<AtomicRMWInst>(&inst))
      add(inst, "made plain", [rmw] { lowerAtomicRMWInst(rmw); });
    else if (auto *exchange = dyn_cast<AtomicCmpXchgInst>(&inst))
      add(inst, "made plain", [exchange] { lowerAtomicCmpXchgInst(exchange); });
  }

  //===--- Guards --------------------------------------------------------------------===//

  static bool accesses(Instruction &inst) {
    if (auto *call = dyn_cast<CallInst>(&inst)) {
      Function *callee = call->getCalledFunction();
      return isa<MemIntrinsic>(call) || (callee && callee->getName().contains("cp.async"));
    }
    Value *pointer = const_cast<Value *>(getLoadStorePointerOperand(&inst));
    return inst.isAtomic() || (pointer && !isa<AllocaInst>(getUnderlyingObject(pointer, 0)));
  }

  /// Memory is accessed in what only this side of the branch leads to.
  bool leadsToAccess(BranchInst &branch, unsigned side) {
    BasicBlockEdge edge(branch.getParent(), branch.getSuccessor(side));
    for (BasicBlock &block : f)
      if (dominators.dominates(edge, &block))
        for (Instruction &inst : block)
          if (accesses(inst))
            return true;
    return false;
  }

  bool leavesLoop(BranchInst &branch) {
    Loop *loop = loops.getLoopFor(branch.getParent());
    return loop &&
           (!loop->contains(branch.getSuccessor(0)) || !loop->contains(branch.getSuccessor(1)));
  }

  /// The comparisons that a condition is made of.
  static void leaves(Value *v, SmallVectorImpl<ICmpInst *> &out) {
    Value *a, *b;
    if (match(v, PatternMatch::m_LogicalAnd(PatternMatch::m_Value(a), PatternMatch::m_Value(b))) ||
        match(v, PatternMatch::m_LogicalOr(PatternMatch::m_Value(a), PatternMatch::m_Value(b)))) {
      leaves(a, out);
      leaves(b, out);
    } else if (auto *compare = dyn_cast<ICmpInst>(v)) {
      out.push_back(compare);
    }
  }

  void findGuards(BranchInst &branch) {
    bool yes = leadsToAccess(branch, 0), no = leadsToAccess(branch, 1);
    SmallVector<ICmpInst *> compares;
    leaves(branch.getCondition(), compares);
    for (ICmpInst *compare : compares) {
      if (!yes && !no)
        return;
      if (!leavesLoop(branch))
        add(*compare, "guard removed", [this, compare, yes] {
          compare->replaceAllUsesWith(ConstantInt::getBool(f.getContext(), yes));
        });
      if (compare->isRelational())
        add(*compare, "one too far", [compare] {
          auto p = compare->getPredicate();
          bool strict = ICmpInst::isStrictPredicate(p);
          compare->setPredicate(strict ? ICmpInst::getNonStrictPredicate(p)
                                       : ICmpInst::getStrictPredicate(p));
        });
    }
  }

  Function &f;
  std::vector<Site> &sites;
  DominatorTree dominators;
  LoopInfo loops;
  SmallVector<CallInst *> barriers;
};

/// `use` sees them while what they refer to lives.
void withSites(Module &module, function_ref<void(std::vector<Site> &)> use) {
  std::vector<Site> sites;
  std::vector<std::unique_ptr<Finder>> finders;
  for (Function &f : module)
    if (!f.isDeclaration() && f.getCallingConv() == CallingConv::PTX_Kernel)
      finders.push_back(std::make_unique<Finder>(f, sites));
  for (auto &finder : finders)
    finder->run();
  use(sites);
}
} // namespace

std::vector<Fault> faultsOf(Module &module) {
  std::vector<Fault> faults;
  withSites(module, [&](std::vector<Site> &sites) {
    for (Site &s : sites)
      faults.push_back(s.fault);
  });
  return faults;
}

void makeFault(Module &module, size_t number) {
  withSites(module, [&](std::vector<Site> &sites) { sites[number].make(); });
}

void makeProbe(Module &module, size_t number) {
  withSites(module, [&](std::vector<Site> &sites) {
    IRBuilder<> b(sites[number].at);
    b.CreateIntrinsic(Intrinsic::trap, {});
  });
}

} // namespace seq::mutate
