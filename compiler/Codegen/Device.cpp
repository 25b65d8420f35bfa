//===- Device.cpp - A device's module to PTX, to machine code, or to the simulator ------===//
#include "compiler/Codegen/Device.h"

#include "compiler/Codegen/TemporaryFolder.h"
#include "compiler/Codegen/ToLlvm.h"
#include "compiler/Lowering/Gpu/Gpu.h"
#include "runtime/include/seq/abi.h"

#include "llvm/Analysis/LoopInfo.h"
#include "llvm/AsmParser/Parser.h"
#include "llvm/IR/Dominators.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/Linker/Linker.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"

#include <cstdlib>
#include <mutex>

using namespace llvm;

namespace seq::codegen {

/// Of PTX, as LLVM's feature: the chip's first version, or where kernels have more arguments than
/// it takes, 8.1.
static std::string featuresFor(const Module &module, const lowering::Target &target) {
  constexpr unsigned kFewArguments = 512, kLongLists = 81;
  bool many = llvm::any_of(module, [](const Function &f) {
    size_t maps = llvm::count_if(f.args(), [](const Argument &a) { return a.hasByValAttr(); });
    return f.arg_size() + maps * (SEQ_TENSOR_MAP_WORDS - 1) > kFewArguments;
  });
  unsigned version = std::stoul(target.features.substr(4)); // "+ptx70"
  return many ? "+ptx" + std::to_string(std::max(version, kLongLists)) : target.features;
}

static std::unique_ptr<TargetMachine> makeMachine(const lowering::Target &target,
                                                  const std::string &features, std::string &error) {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeNVPTXTargetInfo();
    LLVMInitializeNVPTXTarget();
    LLVMInitializeNVPTXTargetMC();
    LLVMInitializeNVPTXAsmPrinter();
  });
  Triple triple("nvptx64-nvidia-cuda");
  const llvm::Target *t = TargetRegistry::lookupTarget(triple, error);
  if (!t)
    return nullptr;
  return std::unique_ptr<TargetMachine>(
      t->createTargetMachine(triple, target.cpu, features, TargetOptions(), Reloc::PIC_,
                             std::nullopt, CodeGenOptLevel::Aggressive));
}

/// What kernels call. The failure that is kept is the first by (sequence, place), and of equal ones
/// that with the smallest value, so that it is the same in each run (seq_device_failure of
/// seq/abi.h). A thread holds the lock for a few stores; threads that fail are few.
static const char kRuntime[] = R"(
define internal void @seq_device_fail(ptr %failure, i32 %place32, i64 %seq, i64 %value, i64 %bound) noinline {
entry:
  %place = sext i32 %place32 to i64
  %set.at = getelementptr i8, ptr %failure, i64 4
  %place.at = getelementptr i8, ptr %failure, i64 8
  %seq.at = getelementptr i8, ptr %failure, i64 16
  %value.at = getelementptr i8, ptr %failure, i64 24
  %bound.at = getelementptr i8, ptr %failure, i64 32
  br label %try
try:
  %took = cmpxchg ptr %failure, i32 0, i32 1 acquire monotonic
  %free = extractvalue { i32, i1 } %took, 1
  br i1 %free, label %locked, label %try
locked:
  %set = load atomic i32, ptr %set.at monotonic, align 4
  %place.old = load atomic i64, ptr %place.at monotonic, align 8
  %seq.old = load atomic i64, ptr %seq.at monotonic, align 8
  %value.old = load atomic i64, ptr %value.at monotonic, align 8
  %first = icmp eq i32 %set, 0
  %seq.less = icmp slt i64 %seq, %seq.old
  %seq.same = icmp eq i64 %seq, %seq.old
  %place.less = icmp slt i64 %place, %place.old
  %place.same = icmp eq i64 %place, %place.old
  %value.less = icmp slt i64 %value, %value.old
  %a = and i1 %place.same, %value.less
  %b = or i1 %place.less, %a
  %c = and i1 %seq.same, %b
  %d = or i1 %seq.less, %c
  %wins = or i1 %first, %d
  br i1 %wins, label %write, label %unlock
write:
  store atomic i32 1, ptr %set.at monotonic, align 4
  store atomic i64 %place, ptr %place.at monotonic, align 8
  store atomic i64 %seq, ptr %seq.at monotonic, align 8
  store atomic i64 %value, ptr %value.at monotonic, align 8
  store atomic i64 %bound, ptr %bound.at monotonic, align 8
  br label %unlock
unlock:
  store atomic i32 0, ptr %failure release, align 4
  ret void
}
)";

static bool linkRuntime(Module &module, std::string &error) {
  Function *declared = module.getFunction(gpu::kDeviceFail);
  if (!declared)
    return true;
  SMDiagnostic what;
  auto runtime = parseAssemblyString(kRuntime, what, module.getContext());
  if (!runtime) {
    error = what.getMessage().str();
    return false;
  }
  // Linked by its name, private after that.
  runtime->getFunction(gpu::kDeviceFail)->setLinkage(GlobalValue::ExternalLinkage);
  runtime->setDataLayout(module.getDataLayout());
  runtime->setTargetTriple(module.getTargetTriple());
  if (Linker::linkModules(module, std::move(runtime))) {
    error = "linking the device's runtime";
    return false;
  }
  module.getFunction(gpu::kDeviceFail)->setLinkage(GlobalValue::InternalLinkage);
  return true;
}

//===----------------------------------------------------------------------===//
// Long steps
//===----------------------------------------------------------------------===//

namespace {
/// A step of many maps uses many addresses that no step changes: the shares of a block, places in
/// shared memory. Computed once before the first step, all of them want registers through all
/// steps, and the assembler does not compute anew what it has no room for. So in a long loop what
/// takes a few instructions is computed where a map begins.
class NearUses {
public:
  explicit NearUses(Function &kernel) : tree(kernel), loops(tree) {
    for (BasicBlock &block : kernel)
      if (isOutside(&block))
        for (Instruction &i : block)
          if (isCheap(i))
            outside.push_back(&i);
  }

  void run() {
    // Users first, so that what they are made of follows.
    for (Instruction *i : llvm::reverse(outside))
      for (Use &use : llvm::make_early_inc_range(i->uses()))
        if (Instruction *before = placeFor(use); before && before->getParent() != i->getParent())
          use.set(copyAt(i, before));
    for (Instruction *i : llvm::reverse(outside))
      if (i->use_empty())
        i->eraseFromParent();
  }

private:
  /// Instructions of a loop from which on it is long.
  static constexpr size_t kLong = 600;

  static bool isCheap(const Instruction &i) {
    return isa<BinaryOperator, CastInst, GetElementPtrInst>(i) && !i.isIntDivRem() &&
           !i.getType()->isFPOrFPVectorTy();
  }

  /// Of all short loops.
  bool isOutside(const BasicBlock *block) {
    Loop *loop = loops.getLoopFor(block);
    return !loop || isLong(loop);
  }

  bool isLong(const Loop *loop) {
    auto [it, isNew] = sizes.try_emplace(loop, 0);
    if (isNew)
      for (BasicBlock *block : loop->blocks())
        it->second += block->size();
    return it->second >= kLong;
  }

  /// Where a use in a long loop has its own copy: before the outermost loop in it that is short;
  /// null: the use is in no long loop.
  Instruction *placeFor(const Use &use) {
    auto *user = cast<Instruction>(use.getUser());
    BasicBlock *block = user->getParent();
    if (auto *phi = dyn_cast<PHINode>(user))
      user = (block = phi->getIncomingBlock(use))->getTerminator();
    Loop *loop = loops.getLoopFor(block), *inner = nullptr;
    for (; loop && !isLong(loop); loop = loop->getParentLoop())
      inner = loop;
    if (!loop)
      return nullptr;
    BasicBlock *ahead = inner ? inner->getLoopPreheader() : nullptr;
    return ahead ? ahead->getTerminator() : user;
  }

  Instruction *copyAt(Instruction *i, Instruction *before) {
    auto [it, isNew] = copies.try_emplace({i, before}, nullptr);
    if (!isNew)
      return it->second;
    Instruction *copy = it->second = i->clone();
    copy->insertBefore(before->getIterator());
    for (Use &operand : copy->operands()) {
      auto *of = dyn_cast<Instruction>(operand);
      if (of && isCheap(*of) && isOutside(of->getParent()) &&
          of->getParent() != before->getParent())
        operand.set(copyAt(of, copy));
    }
    return copy;
  }

  DominatorTree tree;
  LoopInfo loops;
  SmallVector<Instruction *> outside;
  DenseMap<const Loop *, size_t> sizes;
  DenseMap<std::pair<Instruction *, Instruction *>, Instruction *> copies;
};
} // namespace

std::unique_ptr<Module> translateDevice(Variant &variant, LLVMContext &context, unsigned level,
                                        std::string &error) {
  auto machine = makeMachine(variant.target, variant.target.features, error);
  if (!machine)
    return nullptr;
  auto module = translate(*variant.device, variant.target, *machine, context, error);
  if (!module || !linkRuntime(*module, error) ||
      !optimizeFor(*machine, *module, std::max(level, 1u), error))
    return nullptr;
  for (Function &f : *module)
    if (!f.isDeclaration())
      NearUses(f).run();
  return module;
}

bool emitPtx(Module &module, const lowering::Target &target, std::string &ptx, std::string &error) {
  auto machine = makeMachine(target, featuresFor(module, target), error);
  if (!machine)
    return false;
  // A call of what no module defines would only be found when the driver links.
  for (Function &f : module)
    if (f.isDeclaration() && !f.isIntrinsic() && !f.use_empty()) {
      error = "kernels call `" + f.getName().str() + "`, which no device has";
      return false;
    }
  SmallString<0> bytes;
  raw_svector_ostream stream(bytes);
  legacy::PassManager passes;
  if (machine->addPassesToEmitFile(passes, stream, nullptr, CodeGenFileType::AssemblyFile, true)) {
    error = "this target emits no PTX";
    return false;
  }
  passes.run(module);
  ptx = std::string(bytes);
  return true;
}

//===----------------------------------------------------------------------===//
// The assembler
//===----------------------------------------------------------------------===//

std::string findPtxas() {
  auto inFolder = [](const char *folder) -> std::string {
    if (!folder || !*folder)
      return "";
    SmallString<128> path(folder);
    sys::path::append(path, "bin", "ptxas");
    return sys::fs::can_execute(path) ? std::string(path) : "";
  };
  for (const char *variable : {"SEQC_CUDA_HOME", "CUDA_HOME"})
    if (const char *folder = std::getenv(variable); folder && *folder)
      return inFolder(folder); // where one says where it is, nowhere else
  if (std::string usual = inFolder("/usr/local/cuda"); !usual.empty())
    return usual;
  auto found = sys::findProgramByName("ptxas");
  return found ? *found : "";
}

bool assemblePtx(const std::string &ptxas, const std::string &ptx, const std::string &chip,
                 std::string &cubin, std::string &log, std::string &error) {
  TemporaryFolder folder;
  std::string in = folder.write("code.ptx", ptx), out = folder.write("code.cubin", ""),
              messages = folder.write("log", "");
  if (in.empty() || out.empty() || messages.empty()) {
    error = "the temporary folder cannot be written";
    return false;
  }
  std::optional<StringRef> redirects[] = {StringRef(""), StringRef(messages), StringRef(messages)};
  std::string arch = "-arch=" + chip;
  SmallVector<StringRef> args{ptxas, "-v", "-O3", arch, in, "-o", out, "--split-compile=0"};
  auto run = [&] {
    return sys::ExecuteAndWait(ptxas, args, std::nullopt, redirects, /*SecondsToWait=*/300);
  };
  int rc = run();
  readBytes(messages, log);
  // Kernels on all cores at once, which older assemblers do not know.
  if (rc && StringRef(log).contains("split-compile")) {
    args.pop_back();
    rc = run();
    readBytes(messages, log);
  }
  readBytes(out, cubin);
  if (rc == 0 && !cubin.empty())
    return true;
  error = ptxas + " refuses the code for " + chip + ":\n" + log;
  return false;
}

} // namespace seq::codegen
