//===- Codegen.cpp - Variants to one module, optimised and emitted ------------------===//
#include "compiler/Codegen/Codegen.h"
#include "compiler/Codegen/DescriptorIr.h"
#include "compiler/Codegen/Device.h"
#include "compiler/Codegen/Simulate.h"
#include "compiler/Codegen/ToLlvm.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Verifier.h"
#include "llvm/Linker/Linker.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"

#include <mutex>

using namespace llvm;

namespace seq::codegen {

std::string symbolBase(StringRef model) {
  std::string name = "seq_";
  for (char c : model)
    name += isAlnum(c) ? toLower(c) : '_';
  return name;
}

std::string descriptorSymbol(StringRef model) {
  return symbolBase(model) + "_desc";
}

static std::unique_ptr<TargetMachine> makeMachine(unsigned level, std::string &error) {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
  });
  Triple triple("x86_64-unknown-linux-gnu");
  const llvm::Target *target = TargetRegistry::lookupTarget(triple, error);
  if (!target)
    return nullptr;
  TargetOptions options;
  options.FunctionSections = options.DataSections = true;
  auto codegen = level == 0   ? CodeGenOptLevel::None
                 : level == 1 ? CodeGenOptLevel::Less
                              : CodeGenOptLevel::Default;
  return std::unique_ptr<TargetMachine>(target->createTargetMachine(
      triple, "x86-64", "", options, Reloc::PIC_, CodeModel::Small, codegen));
}

/// All code is private to the module: the descriptor alone refers to it.
static void internalize(Module &module) {
  for (Function &f : module)
    if (!f.isDeclaration())
      f.setLinkage(GlobalValue::InternalLinkage);
}

static bool link(Module &into, std::unique_ptr<Module> module, std::string &error) {
  if (!Linker::linkModules(into, std::move(module)))
    return true;
  error = "linking the variants";
  return false;
}

static bool samePlace(const lowering::Place &x, const lowering::Place &y) {
  return x.file == y.file && x.what == y.what && x.line == y.line && x.column == y.column &&
         x.kind == y.kind;
}

/// Places are those of the program: each variant's begin with those of the one before it, since
/// forms differ in what they are made of.
static bool describe(std::vector<Variant> &variants, Descriptor &descriptor, std::string &error) {
  for (size_t i = 0; i < descriptor.functionCount(); ++i) {
    const auto &places = variants.back().functions[i].places;
    for (const Variant &v : variants) {
      const auto &own = v.functions[i].places;
      if (own.size() > places.size() ||
          !std::equal(own.begin(), own.end(), places.begin(), samePlace)) {
        error = "the places of failures differ between targets";
        return false;
      }
    }
    descriptor.setPlaces(i, places);
  }
  return true;
}

/// Arguments of a kernel, of 8 bytes: from PTX 8.1 on.
constexpr unsigned kMostArguments = 4095;

/// The code of a variant's kernels: data of the module, or functions for the simulator.
static bool addDevice(Variant &v, const BuildOptions &options, Code &code, std::string &error) {
  for (const lowering::Kernel &k : v.kernels)
    if (k.args > kMostArguments) {
      error = "the kernel " + k.name + " has " + std::to_string(k.args) + " arguments, of " +
              std::to_string(kMostArguments) + " that a device takes";
      return false;
    }
  auto device = translateDevice(v, *code.context, options.level, error);
  if (!device)
    return false;
  if (options.onDevice)
    options.onDevice(*device);
  if (v.target.machine == lowering::Machine::GpuSim) {
    StringSet<> waiting;
    for (lowering::Kernel &k : v.kernels)
      k.sharedBytes += sharedBytes(*device, k.name);
    if (!simulate(*device, code.module->getDataLayout(), waiting, error))
      return false;
    for (const lowering::Kernel &k : v.kernels)
      v.waiting.push_back(waiting.contains(k.name));
    device->setTargetTriple(code.module->getTargetTriple());
    return link(*code.module, std::move(device), error);
  }
  DeviceText text;
  text.chip = v.target.cpu;
  if (!emitPtx(*device, v.target, text.ptx, error))
    return false;
  v.image = text.ptx;
  v.isPtx = true;
  if (std::string ptxas = options.assemble ? findPtxas() : ""; !ptxas.empty()) {
    if (!assemblePtx(ptxas, text.ptx, text.chip, text.cubin, text.log, error))
      return false;
    v.image = text.cubin;
    v.isPtx = false;
  }
  code.devices.push_back(std::move(text));
  return true;
}

bool buildCode(std::vector<Variant> &variants, Descriptor &descriptor, const BuildOptions &options,
               Code &code, std::string &error) {
  code.context = std::make_unique<LLVMContext>();
  code.module = std::make_unique<Module>("seq", *code.context);
  auto machine = makeMachine(2, error);
  if (!machine)
    return false;
  code.module->setDataLayout(machine->createDataLayout());
  code.module->setTargetTriple(machine->getTargetTriple());
  code.module->setPICLevel(PICLevel::BigPIC);
  for (Variant &v : variants) {
    auto module = translate(*v.module, v.target, *machine, *code.context, error);
    if (!module || !link(*code.module, std::move(module), error))
      return false;
    if (v.target.isGpu() && !addDevice(v, options, code, error))
      return false;
  }
  internalize(*code.module);
  if (!describe(variants, descriptor, error))
    return false;
  emitDescriptor(*code.module, descriptor, variants);
  if (options.entryPoints)
    emitEntryPoints(*code.module, descriptor);
  return true;
}

/// The lowering emits vector code that is unrolled already, so most of LLVM's pipeline has
/// nothing to do. Against its O3, level 2 takes a quarter of the time for code that runs as
/// fast within 3 %.
static const char *const kPasses[] = {
    "function(sroa)",
    "function(sroa,early-cse<memssa>,instcombine<no-verify-fixpoint>,simplifycfg,"
    "loop-mssa(licm),early-cse<memssa>,simplifycfg),globaldce",
    "function(sroa,early-cse<memssa>,instcombine<no-verify-fixpoint>,simplifycfg,"
    "loop-mssa(licm),gvn,dse,instcombine<no-verify-fixpoint>,simplifycfg,adce),globaldce",
    "default<O3>"};

bool optimize(Module &module, unsigned level, std::string &error) {
  auto machine = makeMachine(level, error);
  return machine && optimizeFor(*machine, module, level, error);
}

bool optimizeFor(TargetMachine &machine, Module &module, unsigned level, std::string &error) {
  PipelineTuningOptions tuning;
  tuning.LoopInterleaving = tuning.LoopVectorization = tuning.SLPVectorization = false;
  tuning.LoopUnrolling = false;
  PassBuilder builder(&machine, tuning);
  LoopAnalysisManager loops;
  FunctionAnalysisManager functions;
  CGSCCAnalysisManager graph;
  ModuleAnalysisManager modules;
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(graph);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, graph, modules);
  ModulePassManager passes;
  if (auto e = builder.parsePassPipeline(passes, kPasses[std::min(level, 3u)])) {
    error = toString(std::move(e));
    return false;
  }
  passes.run(module, modules);
  return true;
}

bool emit(Module &module, unsigned level, Emit what, std::string &out, std::string &error) {
  auto machine = makeMachine(level, error);
  if (!machine)
    return false;
  SmallString<0> bytes;
  raw_svector_ostream stream(bytes);
  legacy::PassManager passes;
  auto type = what == Emit::Object ? CodeGenFileType::ObjectFile : CodeGenFileType::AssemblyFile;
  if (machine->addPassesToEmitFile(passes, stream, nullptr, type, /*DisableVerify=*/true)) {
    error = "this target emits no such file";
    return false;
  }
  passes.run(module);
  out.assign(bytes.begin(), bytes.end());
  return true;
}

} // namespace seq::codegen
