//===- Pipelines.cpp - The order of the stages ------------------------------------===//
#include "compiler/Pipelines/Pipelines.h"

#include "compiler/AstToSeq/AstToSeq.h"
#include "compiler/Codegen/Target.h"
#include "compiler/Lowering/Cpu/Cpu.h"
#include "compiler/Lowering/Gpu/Cost.h"
#include "compiler/Lowering/Gpu/Gpu.h"
#include "compiler/Transforms/Cost.h"
#include "compiler/Transforms/Transforms.h"
#include "dialect/Seq.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Pass/PassManager.h"

#include <chrono>

using namespace mlir;

namespace seq::pipeline {

//===----------------------------------------------------------------------===//
// Context
//===----------------------------------------------------------------------===//

Context::Context() {
  DialectRegistry registry;
  registry.insert<SeqDialect, arith::ArithDialect, func::FuncDialect, scf::SCFDialect,
                  tensor::TensorDialect>();
  codegen::registerTranslations(registry);
  context = std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
  context->loadAllAvailableDialects();
  context->printOpOnDiagnostic(false);
  context->getDiagEngine().registerHandler([this](Diagnostic &d) {
    if (text.size() < (1u << 16))
      text += d.str() + "\n";
    return success();
  });
}

Context::~Context() = default;

/// False with the stage and MLIR's messages.
static bool fail(InternalError &error, const char *stage, Context &context,
                 const std::string &more = "") {
  error.stage = stage;
  error.text = context.messages() + more;
  return false;
}

namespace {
/// Reports the time from its construction to its end.
class Phase {
public:
  Phase(const Options &options, const char *name) : options(options), name(name) {}
  ~Phase() {
    if (options.onPhase)
      options.onPhase(name,
                      std::chrono::duration<double, std::milli>(Clock::now() - start).count());
  }

private:
  using Clock = std::chrono::steady_clock;
  const Options &options;
  const char *name;
  Clock::time_point start = Clock::now();
};
} // namespace

//===----------------------------------------------------------------------===//
// Stages
//===----------------------------------------------------------------------===//

static void keepFirst(ModuleOp module, size_t count) {
  auto functions = llvm::to_vector(module.getOps<func::FuncOp>());
  for (size_t i = count; i < functions.size(); ++i)
    functions[i].erase();
}

OwningOpRef<ModuleOp> toSeq(const typed::Program &program, size_t count, Context &context,
                            DiagnosticEngine &diags, InternalError &error) {
  auto module = astToSeq(program, context.mlir(), diags);
  if (!module) {
    if (!diags.hasErrors())
      fail(error, "emission of the seq dialect", context);
    return {};
  }
  keepFirst(*module, count);
  if (failed(verify(*module))) {
    fail(error, "verification of the seq dialect", context);
    return {};
  }
  return module;
}

/// Moves a function behind all others, with a name of its own.
static void addLast(ModuleOp module, func::FuncOp func, const std::string &name) {
  func->moveBefore(module.getBody(), module.getBody()->end());
  for (unsigned n = 1; module.lookupSymbol<func::FuncOp>(func.getName()) != func; ++n)
    func.setName(name + "." + std::to_string(n));
}

static bool isGpu(const lowering::Target &target) {
  return target.isGpu();
}

bool addStream(ModuleOp module, const Options &options, std::optional<StreamRefusal> &refusal) {
  func::FuncOp first = *module.getOps<func::FuncOp>().begin();
  func::FuncOp stream = makeStream(first, "stream", refusal);
  if (!stream)
    return false;
  addLast(module, stream, "stream");
  // A GPU runs a step in one kernel where that is worth it.
  bool always = llvm::any_of(options.targets, isGpu);
  if (func::FuncOp step = makeStep(stream, "step", always))
    addLast(module, step, "step");
  return true;
}

/// What is made is for one machine.
static bool isForGpu(const Options &options) {
  return !options.targets.empty() && options.targets.back().isGpu();
}

static std::unique_ptr<CostModel> costModelOf(const Options &options) {
  if (isForGpu(options))
    return std::make_unique<gpu::GpuCost>(options.targets.back(), options.batch);
  return std::make_unique<CpuCost>(options.threads, options.batch);
}

static void addForms(OpPassManager &pm, const Options &options, CostModel &model) {
  bool ofConv = llvm::is_contained(kConvFormNames, options.form);
  std::string scans = ofConv ? "" : options.form, convolutions = ofConv ? options.form : "";
  SeqFormOptions forms{scans, options.sizes, options.threads, options.batch, options.tellForms};
  SeqFourierConvOptions transforms{convolutions, options.sizes};
  pm.addNestedPass<func::FuncOp>(createSeqClassify());
  pm.addNestedPass<func::FuncOp>(createSeqForm(forms, model));
  pm.addNestedPass<func::FuncOp>(createSeqRaise());
  pm.addNestedPass<func::FuncOp>(isForGpu(options) ? createSeqFourierConv(transforms, model)
                                                   : createSeqFourierConv(transforms));
}

static void addTransforms(OpPassManager &pm, const Options &options, CostModel &model) {
  addForms(pm, options, model);
  SeqTileAttentionOptions tiles;
  if (isForGpu(options))
    tiles.rows = 64;
  pm.addNestedPass<func::FuncOp>(createSeqTileAttention(tiles));
  bool rounds = isForGpu(options) && options.targets.back().roundsFactors();
  addMapTransforms(pm, rounds ? lowering::nameOf(options.targets.back().products) : "");
  // A CPU's vectors want their elements side by side. Threads of a GPU come through shared memory
  // where it matters.
  if (!isForGpu(options))
    pm.addNestedPass<func::FuncOp>(createSeqTranspose());
}

static bool runPasses(ModuleOp module, const Options &options, Context &context,
                      InternalError &error,
                      llvm::function_ref<void(OpPassManager &, CostModel &)> add) {
  PassManager pm(&context.mlir());
  pm.enableVerifier(false);
  std::unique_ptr<CostModel> model = costModelOf(options);
  add(pm, *model);
  return succeeded(pm.run(module)) || fail(error, "transforms", context);
}

bool deriveForms(ModuleOp module, const Options &options, Context &context, InternalError &error) {
  return runPasses(module, options, context, error,
                   [&](OpPassManager &pm, CostModel &model) { addForms(pm, options, model); });
}

bool demandedWork(ModuleOp module, Context &context, analysis::Work &work, InternalError &error) {
  OwningOpRef<ModuleOp> copy(module.clone());
  func::FuncOp func = *copy->getOps<func::FuncOp>().begin();
  auto raise = [](OpPassManager &pm, CostModel &) {
    pm.addNestedPass<func::FuncOp>(createSeqRaise());
  };
  auto split = [](OpPassManager &pm, CostModel &) {
    pm.addNestedPass<func::FuncOp>(createSeqSplitInvariant());
  };
  if (!runPasses(*copy, {}, context, error, raise))
    return false;
  gatherScores(func);
  if (!runPasses(*copy, {}, context, error, split))
    return false;
  work = analysis::workOf(func);
  return true;
}

static bool transform(ModuleOp module, const Options &options, Context &context,
                      InternalError &error) {
  return runPasses(module, options, context, error,
                   [&](OpPassManager &pm, CostModel &model) { addTransforms(pm, options, model); });
}

std::optional<Estimate> estimate(ModuleOp module, const Options &options,
                                 const analysis::Sizes &sizes, int64_t batch, Context &context,
                                 InternalError &error) {
  OwningOpRef<ModuleOp> copy(module.clone());
  func::FuncOp func = *copy->getOps<func::FuncOp>().begin();
  Estimate out;
  if (isForGpu(options)) {
    if (!transform(*copy, options, context, error))
      return std::nullopt;
    out.kernels = gpu::kernelCosts(func, options.targets.back(), sizes, batch);
    for (const gpu::KernelCost &k : out.kernels)
      out.nanoseconds += k.nanoseconds;
    return out;
  }
  auto add = [&](OpPassManager &pm, CostModel &model) {
    addForms(pm, options, model);
    pm.addNestedPass<func::FuncOp>(createSeqHoist());
  };
  if (!runPasses(*copy, options, context, error, add))
    return std::nullopt;
  bool known = true;
  func.walk([&](Operation *op) {
    known &= op == func || op->getNumRegions() == 0 || isa<MapOp, ReduceOp, ScanOp>(op);
  });
  SmallVector<Operation *> ops;
  for (Operation &op : func.getBody().front().without_terminator())
    ops.push_back(&op);
  if (!known)
    return std::nullopt;
  out.nanoseconds = CpuCost(options.threads, batch).costOf(ops, ValueRange(), sizes);
  return out;
}

static bool lowerOne(ModuleOp module, const lowering::Target &target, const Options &options,
                     Context &context, std::vector<codegen::Variant> &variants,
                     InternalError &error) {
  codegen::Variant v;
  v.target = target;
  v.module = OwningOpRef<ModuleOp>(module.clone());
  std::string suffix = codegen::targetSuffix(target);
  // Places of failures have the same numbers in all variants.
  lowering::Places places;
  if (!variants.empty())
    for (const lowering::Function &f : variants.back().functions)
      places.push_back(f.places);
  bool good = target.isGpu()
                  ? succeeded(gpu::lower(*v.module, target, {options.sizes, options.batch}, suffix,
                                         places, v.functions, v.device, v.kernels))
                  : succeeded(cpu::lower(*v.module, target, suffix, places, v.functions));
  variants.push_back(std::move(v));
  return good || fail(error, "lowering to machine code", context);
}

bool lower(ModuleOp module, const Options &options, Context &context,
           std::vector<codegen::Variant> &variants, InternalError &error) {
  // One for all CPUs, and one for each chip.
  std::map<std::string, OwningOpRef<ModuleOp>> transformed;
  for (const lowering::Target &target : options.targets) {
    OwningOpRef<ModuleOp> &own = transformed[target.isGpu() ? target.cpu : ""];
    if (!own) {
      Phase phase(options, "transform");
      Options alone = options;
      alone.targets = {target};
      own = OwningOpRef<ModuleOp>(module.clone());
      if (!transform(*own, alone, context, error))
        return false;
    }
    Phase phase(options, "lower");
    if (!lowerOne(*own, target, options, context, variants, error))
      return false;
  }
  return true;
}

bool compile(ModuleOp module, codegen::Descriptor &descriptor, const Options &options,
             Context &context, codegen::Code &code, InternalError &error) {
  std::vector<codegen::Variant> variants;
  std::string text;
  if (!lower(module, options, context, variants, error))
    return false;
  {
    Phase phase(options, "translate");
    if (!codegen::buildCode(
            variants, descriptor,
            {options.entryPoints, options.assemble, options.optLevel, options.onDevice}, code,
            text))
      return fail(error, "translation to LLVM", context, text);
  }
  Phase phase(options, "optimize");
  return codegen::optimize(*code.module, options.optLevel, text) ||
         fail(error, "optimisation", context, text);
}

bool emit(codegen::Code &code, const Options &options, codegen::Emit what, std::string &out,
          InternalError &error) {
  Phase phase(options, "emit");
  std::string text;
  if (codegen::emit(*code.module, options.optLevel, what, out, text))
    return true;
  error = {"code generation", text};
  return false;
}

} // namespace seq::pipeline
