//===- seq-opt.cpp - The dialect's own tool, for tests --------------------------------===//
#include "Interpret.h"

#include "dialect/Seq.h"
#ifdef HAVE_seqTransforms
#include "compiler/Transforms/Transforms.h"
#endif

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "mlir/Transforms/Passes.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  registry.insert<seq::SeqDialect, mlir::arith::ArithDialect, mlir::func::FuncDialect,
                  mlir::scf::SCFDialect, mlir::cf::ControlFlowDialect, mlir::LLVM::LLVMDialect>();
  if (seq::wantsInterpreter(argc, argv))
    return seq::interpretMain(argc, argv, registry);
  mlir::registerCanonicalizerPass();
  mlir::registerCSEPass();
  mlir::registerSymbolDCEPass();
#ifdef HAVE_seqTransforms
  seq::registerSeqTransformsPasses();
#endif
  return mlir::asMainReturnCode(
      mlir::MlirOptMain(argc, argv, "the optimiser of the seq dialect\n", registry));
}
