//===- Simulate.cpp - Kernels for a GPU to kernels for its simulator ----------------===//
//
// The device's module becomes a module of the CPU, function by function:
//
//   * a call of the simulator checks each access to memory that is not the thread's own;
//   * what only a GPU has becomes a call of runtime/GpuSim (SimulateCalls.cpp);
//   * variables in shared memory become offsets in the block's arena. A GPU has one copy for
//     each block, so they cannot be variables of the process. Kernels that share some have one
//     layout for all of theirs;
//   * address spaces stay: the CPU's code generator takes them as flat;
//   * a kernel `k` becomes the function that unpacks its arguments, and calls `k.thread`.
//
// Attributes that tell of effects are dropped, for the calls that come in have others.
//
//===----------------------------------------------------------------------===//
#include "compiler/Codegen/Simulate.h"
#include "compiler/Codegen/SimulateOps.h"
#include "runtime/GpuSim/Ops.h"
#include "runtime/include/seq/abi.h"

#include "llvm/ADT/EquivalenceClasses.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/SmallPtrSet.h"
#include "llvm/Analysis/ValueTracking.h"
#include "llvm/IR/AttributeMask.h"
#include "llvm/IR/DebugInfo.h"
#include "llvm/IR/InlineAsm.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/IR/ReplaceConstant.h"
#include "llvm/IR/Verifier.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;

namespace seq::codegen {

static constexpr unsigned kSharedSpace = 3;

static std::vector<Function *> kernelsOf(Module &module) {
  std::vector<Function *> kernels;
  for (Function &f : module)
    if (!f.isDeclaration() && f.getCallingConv() == CallingConv::PTX_Kernel)
      kernels.push_back(&f);
  return kernels;
}

//===----------------------------------------------------------------------===//
// Which functions use what
//===----------------------------------------------------------------------===//

/// Functions that contain a use of `v`, through constant expressions too.
static void collectUsers(Value *v, SetVector<Function *> &functions) {
  for (User *user : v->users())
    if (auto *inst = dyn_cast<Instruction>(user))
      functions.insert(inst->getFunction());
    else if (isa<Constant>(user) && !isa<GlobalValue>(user))
      collectUsers(user, functions);
}

/// Adds all functions that call those of `functions`, directly or not.
static void addCallers(SetVector<Function *> &functions) {
  for (size_t i = 0; i < functions.size(); ++i)
    collectUsers(functions[i], functions);
}

//===----------------------------------------------------------------------===//
// Shared memory
//===----------------------------------------------------------------------===//

namespace {
struct SharedLayout {
  DenseMap<GlobalVariable *, int64_t> offsets;
  DenseMap<Function *, int64_t> bytes;
};
} // namespace

static int64_t sizeOf(GlobalVariable *g) {
  return g->getDataLayout().getTypeAllocSize(g->getValueType()).getFixedValue();
}

static Align alignOf(GlobalVariable *g) {
  // A dynamic array may be what asynchronous copies and matrix loads want.
  Align least = sizeOf(g) == 0 ? Align(128) : g->getDataLayout().getPreferredAlign(g);
  return std::max(least, g->getAlign().valueOrOne());
}

static SharedLayout layoutShared(Module &module) {
  SharedLayout layout;
  std::vector<GlobalVariable *> variables;
  for (bool dynamic : {false, true})
    for (GlobalVariable &g : module.globals())
      if (g.getAddressSpace() == kSharedSpace && (sizeOf(&g) == 0) == dynamic)
        variables.push_back(&g);

  EquivalenceClasses<Value *> groups;
  DenseMap<GlobalVariable *, SmallVector<Function *>> kernels;
  for (GlobalVariable *g : variables) {
    SetVector<Function *> users;
    collectUsers(g, users);
    addCallers(users);
    groups.insert(g);
    for (Function *f : users)
      if (f->getCallingConv() == CallingConv::PTX_Kernel) {
        groups.unionSets(g, f);
        kernels[g].push_back(f);
      }
  }
  DenseMap<Value *, int64_t> used;
  for (GlobalVariable *g : variables) {
    int64_t &end = used[groups.getLeaderValue(g)];
    layout.offsets[g] = alignTo(end, alignOf(g));
    end = layout.offsets[g] + sizeOf(g);
  }
  for (GlobalVariable *g : variables)
    for (Function *f : kernels[g])
      layout.bytes[f] = used[groups.getLeaderValue(g)];
  return layout;
}

int64_t sharedBytes(Module &device, StringRef kernel) {
  Function *f = device.getFunction(kernel);
  return f ? layoutShared(device).bytes.lookup(f) : 0;
}

namespace {
class Simulation {
public:
  Simulation(Module &module, const DataLayout &host, StringSet<> &synchronises, std::string &error)
      : module(module), host(host), synchronises(synchronises), error(error), ops(module) {}

  bool run();

private:
  bool fail(const Twine &text) {
    error = text.str();
    return false;
  }
  bool checkKernels();
  bool replaceShared();
  bool rewrite(Function &f);
  void watchAccess(Instruction &inst);
  void watch(Instruction &inst, Value *pointer, Value *bytes, int32_t flags, Align align);
  void watchAtomic(Instruction &inst, Value *pointer, Type *type, int32_t flags, Align align);
  bool rewriteCall(CallInst &call);
  void clean(Function &f);
  Constant *describeGlobals(int64_t &n);
  void wrap(Function &kernel, Constant *globals, int64_t nGlobals);

  Module &module;
  const DataLayout &host;
  StringSet<> &synchronises;
  std::string &error;
  SimulatorOps ops;
  SetVector<Function *> waiting;
};
} // namespace

bool Simulation::checkKernels() {
  for (Function *f : kernelsOf(module)) {
    if (!f->getReturnType()->isVoidTy())
      return fail("the kernel " + f->getName() + " returns a value");
    for (Argument &a : f->args())
      if (a.getType()->isAggregateType() || a.getType()->isVectorTy() ||
          module.getDataLayout().getTypeStoreSize(a.getType()) > 8)
        return fail("an argument of the kernel " + f->getName() +
                    " is neither a number nor a pointer of up to 8 bytes");
  }
  return true;
}

/// Each function asks once for the arena, and adds the offset.
bool Simulation::replaceShared() {
  SharedLayout layout = layoutShared(module);
  SmallVector<Constant *> variables;
  for (auto &entry : layout.offsets)
    variables.push_back(entry.first);
  convertUsersOfConstantsToInstructions(variables);
  DenseMap<Function *, Instruction *> arenas;
  for (auto &[g, offset] : layout.offsets) {
    for (Use &use : make_early_inc_range(g->uses())) {
      auto *inst = dyn_cast<Instruction>(use.getUser());
      if (!inst)
        return fail("a constant holds the address of " + g->getName() + " in shared memory");
      Instruction *&arena = arenas[inst->getFunction()];
      if (!arena) {
        IRBuilder<> b(&*inst->getFunction()->getEntryBlock().getFirstInsertionPt());
        arena = ops.call(b, "shared", b.getPtrTy(kSharedSpace), {});
      }
      IRBuilder<> b(arena->getNextNode());
      Value *address = b.CreateConstInBoundsGEP1_64(b.getInt8Ty(), arena, offset);
      use.set(address);
    }
    g->eraseFromParent();
  }
  return true;
}

//===----------------------------------------------------------------------===//
// Accesses
//===----------------------------------------------------------------------===//

void Simulation::watch(Instruction &inst, Value *pointer, Value *bytes, int32_t flags,
                       Align align) {
  if (isa<AllocaInst>(getUnderlyingObject(pointer, 0)))
    return;
  IRBuilder<> b(&inst);
  Constant *site = ops.site(inst);
  if (flags & SEQ_SIM_SPIN)
    ops.call(b, "yield", b.getVoidTy(), {site});
  int32_t packed = flags | int32_t(std::min<uint64_t>(align.value(), 128)) * SEQ_SIM_ALIGN;
  ops.call(b, "access", b.getVoidTy(),
           {b.CreateAddrSpaceCast(pointer, b.getPtrTy()),
            b.CreateZExtOrTrunc(bytes, b.getInt64Ty()), b.getInt32(packed), site});
}

void Simulation::watchAtomic(Instruction &inst, Value *pointer, Type *type, int32_t flags,
                             Align align) {
  uint64_t bytes = module.getDataLayout().getTypeStoreSize(type);
  watch(inst, pointer, ConstantInt::get(Type::getInt64Ty(module.getContext()), bytes), flags,
        align);
}

/// What a reader may rely on, and who may.
static int32_t orderOf(Instruction &inst, AtomicOrdering ordering) {
  auto id = getAtomicSyncScopeID(&inst);
  auto block = inst.getContext().getOrInsertSyncScopeID("block");
  return (isAcquireOrStronger(ordering) ? SEQ_SIM_ACQUIRE : 0) |
         (isReleaseOrStronger(ordering) ? SEQ_SIM_RELEASE : 0) |
         (id && *id == block ? SEQ_SIM_IN_BLOCK : 0);
}

/// Volatile accesses count as atomic ones: PTX makes them so. NVPTX makes `atomicrmw` relaxed,
/// whatever its ordering.
void Simulation::watchAccess(Instruction &inst) {
  constexpr int32_t kWaits = SEQ_SIM_ATOMIC | SEQ_SIM_SPIN;
  constexpr int32_t kBoth = SEQ_SIM_READ | SEQ_SIM_WRITE | SEQ_SIM_ATOMIC;
  if (auto *load = dyn_cast<LoadInst>(&inst)) {
    bool waits = load->isAtomic() || load->isVolatile();
    if (waits && !isa<AllocaInst>(getUnderlyingObject(load->getPointerOperand(), 0)))
      waiting.insert(load->getFunction());
    watchAtomic(inst, load->getPointerOperand(), load->getType(),
                SEQ_SIM_READ | (waits ? kWaits : 0) | orderOf(inst, load->getOrdering()),
                load->getAlign());
  } else if (auto *store = dyn_cast<StoreInst>(&inst)) {
    bool atomic = store->isAtomic() || store->isVolatile();
    watchAtomic(inst, store->getPointerOperand(), store->getValueOperand()->getType(),
                SEQ_SIM_WRITE | (atomic ? SEQ_SIM_ATOMIC : 0) | orderOf(inst, store->getOrdering()),
                store->getAlign());
  } else if (auto *rmw = dyn_cast<AtomicRMWInst>(&inst)) {
    bool exchange = rmw->getOperation() == AtomicRMWInst::Xchg;
    watchAtomic(inst, rmw->getPointerOperand(), rmw->getType(),
                kBoth | (exchange ? SEQ_SIM_SPIN : 0), rmw->getAlign());
  } else if (auto *exchange = dyn_cast<AtomicCmpXchgInst>(&inst)) {
    watchAtomic(inst, exchange->getPointerOperand(), exchange->getNewValOperand()->getType(),
                kBoth | SEQ_SIM_SPIN | orderOf(inst, exchange->getSuccessOrdering()),
                exchange->getAlign());
  } else if (auto *fence = dyn_cast<FenceInst>(&inst)) {
    IRBuilder<> b(fence);
    bool block = orderOf(inst, fence->getOrdering()) & SEQ_SIM_IN_BLOCK;
    ops.call(b, "fence", b.getVoidTy(), {b.getInt32(block)});
  } else if (auto *set = dyn_cast<MemSetInst>(&inst)) {
    watch(inst, set->getDest(), set->getLength(), SEQ_SIM_WRITE, Align(1));
  } else if (auto *copy = dyn_cast<MemTransferInst>(&inst)) {
    watch(inst, copy->getSource(), copy->getLength(), SEQ_SIM_READ, Align(1));
    watch(inst, copy->getDest(), copy->getLength(), SEQ_SIM_WRITE, Align(1));
  }
}

//===----------------------------------------------------------------------===//
// Functions
//===----------------------------------------------------------------------===//

bool Simulation::rewriteCall(CallInst &call) {
  bool waits = false;
  Function *f = call.getFunction();
  std::string name;
  raw_string_ostream text(name);
  if (auto *assembly = dyn_cast<InlineAsm>(call.getCalledOperand()))
    text << "inline assembly `" << assembly->getAsmString() << "`";
  else if (Function *callee = call.getCalledFunction())
    text << "`" << callee->getName() << "`";
  Replaced how = replaceCall(ops, call, waits);
  if (waits)
    waiting.insert(f);
  return how != Replaced::Unknown || fail("the simulator does not know the " + name);
}

static void replaceBy(Instruction &inst, Value *v) {
  inst.replaceAllUsesWith(v);
  inst.eraseFromParent();
}

bool Simulation::rewrite(Function &f) {
  readProducts(ops, f);
  std::vector<Instruction *> all;
  for (Instruction &inst : instructions(f))
    all.push_back(&inst);
  for (Instruction *inst : all) {
    watchAccess(*inst);
    inst->setMetadata(LLVMContext::MD_invariant_load, nullptr);
    if (auto *call = dyn_cast<CallInst>(inst)) {
      if (!rewriteCall(*call))
        return false;
      continue;
    }
    IRBuilder<> b(inst);
    auto *cast = dyn_cast<CastInst>(inst);
    if (Value *v = cast ? convertHalf(b, *cast) : computeHalf(b, *inst))
      replaceBy(*inst, v);
  }
  return true;
}

/// Blocks and devices are scopes that a CPU does not have.
static void setSystemScope(Instruction &inst) {
  if (auto id = getAtomicSyncScopeID(&inst); id && *id != SyncScope::SingleThread)
    setAtomicSyncScopeID(&inst, SyncScope::System);
}

void Simulation::clean(Function &f) {
  f.setCallingConv(CallingConv::C);
  f.setComdat(nullptr);
  f.setLinkage(GlobalValue::InternalLinkage);
  AttrBuilder kept(f.getContext());
  for (auto kind : {Attribute::AlwaysInline, Attribute::NoInline, Attribute::NoUnwind})
    if (f.hasFnAttribute(kind))
      kept.addAttribute(kind);
  AttributeMask gone;
  for (Attribute a : f.getAttributes().getFnAttrs())
    if (a.isStringAttribute())
      gone.addAttribute(a.getKindAsString());
    else
      gone.addAttribute(a.getKindAsEnum());
  f.removeFnAttrs(gone);
  f.addFnAttrs(kept);
  for (Argument &a : f.args())
    for (auto kind : {Attribute::ReadOnly, Attribute::ReadNone, Attribute::WriteOnly,
                      Attribute::NoAlias, Attribute::Captures})
      a.removeAttr(kind);
  for (Instruction &inst : instructions(f)) {
    setSystemScope(inst);
    auto *call = dyn_cast<CallInst>(&inst);
    if (!call || !call->getCalledFunction() || call->getCalledFunction()->isDeclaration())
      continue;
    call->setCallingConv(CallingConv::C);
    call->setAttributes(call->getAttributes().removeFnAttributes(f.getContext()));
  }
}

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

/// The module's variables as a table for seq_sim_globals; null where there are none.
Constant *Simulation::describeGlobals(int64_t &n) {
  LLVMContext &context = module.getContext();
  Type *i64 = Type::getInt64Ty(context), *ptr = PointerType::get(context, 0);
  auto *type = StructType::get(ptr, i64, i64, ptr);
  std::vector<Constant *> rows;
  std::vector<GlobalVariable *> variables;
  for (GlobalVariable &g : module.globals())
    if (!g.getName().starts_with("seq.site") && !g.getName().starts_with("llvm."))
      variables.push_back(&g);
  for (GlobalVariable *g : variables) {
    if (g->hasInitializer())
      g->setLinkage(GlobalValue::InternalLinkage);
    auto *name = ConstantDataArray::getString(context, g->getName());
    auto *text = new GlobalVariable(module, name->getType(), true, GlobalValue::PrivateLinkage,
                                    name, "seq.site.name");
    rows.push_back(ConstantStruct::get(
        type, {ConstantExpr::getPointerBitCastOrAddrSpaceCast(g, ptr),
               ConstantInt::get(i64, sizeOf(g)), ConstantInt::get(i64, !g->isConstant()), text}));
  }
  n = int64_t(rows.size());
  if (rows.empty())
    return nullptr;
  auto *array = ConstantArray::get(ArrayType::get(type, rows.size()), rows);
  return new GlobalVariable(module, array->getType(), true, GlobalValue::InternalLinkage, array,
                            "seq.site.globals");
}

static Value *unpack(IRBuilderBase &b, Value *slot, Type *type) {
  if (type->isPointerTy())
    return b.CreateLoad(type, slot);
  Value *bits = b.CreateLoad(b.getInt64Ty(), slot);
  bits = b.CreateTrunc(bits, b.getIntNTy(type->getPrimitiveSizeInBits()));
  return b.CreateBitCast(bits, type);
}

void Simulation::wrap(Function &kernel, Constant *globals, int64_t nGlobals) {
  std::string name = kernel.getName().str();
  kernel.setName(name + ".thread");
  LLVMContext &context = module.getContext();
  auto *type = FunctionType::get(Type::getVoidTy(context), {PointerType::get(context, 0)}, false);
  auto *entry = Function::Create(type, GlobalValue::ExternalLinkage, name, module);
  IRBuilder<> b(BasicBlock::Create(context, "", entry));
  if (globals)
    ops.call(b, "globals", b.getVoidTy(), {globals, b.getInt64(nGlobals)});
  std::vector<Value *> args;
  uint64_t words = 0;
  for (Argument &a : kernel.args()) {
    Value *slot = b.CreateConstInBoundsGEP1_64(b.getInt64Ty(), entry->getArg(0), words);
    bool isMap = a.hasByValAttr();
    words += isMap ? SEQ_TENSOR_MAP_WORDS : 1;
    args.push_back(isMap ? slot : unpack(b, slot, a.getType()));
    a.removeAttr(Attribute::ByVal); // the kernel reads it where it lies
  }
  b.CreateCall(&kernel, args);
  b.CreateRetVoid();
}

bool Simulation::run() {
  for (const char *name : {"llvm.used", "llvm.compiler.used"})
    if (GlobalVariable *g = module.getNamedGlobal(name))
      g->eraseFromParent();
  if (!checkKernels() || !replaceShared())
    return false;
  std::vector<Function *> defined;
  for (Function &f : module)
    if (!f.isDeclaration())
      defined.push_back(&f);
  for (Function *f : defined)
    if (!rewrite(*f))
      return false;
  addCallers(waiting);
  std::vector<Function *> kernels = kernelsOf(module);
  for (Function *k : kernels)
    if (waiting.contains(k))
      synchronises.insert(k->getName());

  module.setDataLayout(host);
  module.setTargetTriple(Triple("x86_64-unknown-linux-gnu"));
  StripDebugInfo(module);
  for (const char *name : {"nvvm.annotations", "nvvmir.version", "llvm.ident"})
    if (NamedMDNode *node = module.getNamedMetadata(name))
      node->eraseFromParent();
  for (Function *f : defined)
    clean(*f);
  for (Function &f : make_early_inc_range(module))
    if (f.isDeclaration() && f.use_empty())
      f.eraseFromParent();
  int64_t nGlobals = 0;
  Constant *globals = describeGlobals(nGlobals);
  for (Function *k : kernels)
    wrap(*k, globals, nGlobals);
  raw_string_ostream text(error);
  return !verifyModule(module, &text);
}

bool simulate(Module &device, const DataLayout &host, StringSet<> &synchronises,
              std::string &error) {
  return Simulation(device, host, synchronises, error).run();
}

} // namespace seq::codegen
