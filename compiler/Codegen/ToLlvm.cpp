//===- ToLlvm.cpp - scf, arith and cf to LLVM IR ---------------------------------===//
#include "compiler/Codegen/ToLlvm.h"

#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/FuncToLLVM/ConvertFuncToLLVM.h"
#include "mlir/Conversion/LLVMCommon/ConversionTarget.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/LLVMIR/Transforms/Passes.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/NVVM/NVVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "mlir/Transforms/DialectConversion.h"
#include "llvm/Target/TargetMachine.h"

using namespace mlir;

namespace seq::codegen {

void registerTranslations(DialectRegistry &registry) {
  registry.insert<LLVM::LLVMDialect, NVVM::NVVMDialect, cf::ControlFlowDialect>();
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  registerNVVMDialectTranslation(registry);
}

/// Structured control flow first: its own conversion wants its regions whole.
static bool flatten(ModuleOp module) {
  PassManager pm(module.getContext());
  pm.enableVerifier(false);
  pm.addPass(createSCFToControlFlowPass());
  return succeeded(pm.run(module));
}

static bool convert(ModuleOp module) {
  MLIRContext *context = module.getContext();
  LowerToLLVMOptions options(context);
  LLVMTypeConverter types(context, options);
  RewritePatternSet patterns(context);
  arith::populateArithToLLVMConversionPatterns(types, patterns);
  populateFuncToLLVMConversionPatterns(types, patterns);
  cf::populateControlFlowToLLVMConversionPatterns(types, patterns);
  LLVMConversionTarget target(*context);
  target.addLegalOp<ModuleOp>();
  target.addLegalDialect<NVVM::NVVMDialect>();
  return succeeded(applyFullConversion(module, target, std::move(patterns)));
}

/// Places of the program on every instruction: what the simulator finds is told with them.
static bool keepPlaces(ModuleOp module) {
  PassManager pm(module.getContext());
  pm.enableVerifier(false);
  pm.addPass(LLVM::createDIScopeForLLVMFuncOpPass());
  return succeeded(pm.run(module));
}

static void addAttributes(llvm::Module &module, const lowering::Target &target) {
  if (target.isGpu())
    return; // its machine says it all
  std::string bits = std::to_string(target.vectorBytes * 8);
  for (llvm::Function &f : module) {
    if (f.isDeclaration())
      continue;
    f.addFnAttr("target-cpu", target.cpu);
    if (!target.features.empty())
      f.addFnAttr("target-features", target.features);
    f.addFnAttr("prefer-vector-width", bits);
    f.addFnAttr("min-legal-vector-width", bits);
    f.addFnAttr(llvm::Attribute::NoUnwind);
  }
}

std::unique_ptr<llvm::Module> translate(ModuleOp lowered, const lowering::Target &target,
                                        llvm::TargetMachine &machine, llvm::LLVMContext &context,
                                        std::string &error) {
  // Known before, since loads and stores take their alignment from it.
  llvm::DataLayout layout = machine.createDataLayout();
  lowered->setAttr(LLVM::LLVMDialect::getDataLayoutAttrName(),
                   StringAttr::get(lowered.getContext(), layout.getStringRepresentation()));
  bool places = target.machine == lowering::Machine::GpuSim;
  if (!flatten(lowered) || !convert(lowered) || (places && !keepPlaces(lowered))) {
    error = "conversion to the LLVM dialect";
    return nullptr;
  }
  auto module = translateModuleToLLVMIR(lowered, context, "seq", /*disableVerification=*/true);
  if (!module)
    error = "translation to LLVM IR";
  else
    addAttributes(*module, target);
  if (module)
    module->setTargetTriple(machine.getTargetTriple());
  return module;
}

} // namespace seq::codegen
