//===- ToLlvm.h - scf, arith and cf to LLVM IR -------------------------------------===//
#ifndef SEQC_CODEGEN_TOLLVM_H
#define SEQC_CODEGEN_TOLLVM_H

#include "compiler/Codegen/Codegen.h"

namespace seq::codegen {

/// A lowered module as LLVM IR in `context` for `machine`; null with `error`.
std::unique_ptr<llvm::Module> translate(mlir::ModuleOp lowered, const lowering::Target &target,
                                        llvm::TargetMachine &machine, llvm::LLVMContext &context,
                                        std::string &error);

} // namespace seq::codegen

#endif
