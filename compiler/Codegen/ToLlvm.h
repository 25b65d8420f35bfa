//===- ToLlvm.h - scf, arith and cf to LLVM IR -------------------------------------===//
#ifndef SEQC_CODEGEN_TOLLVM_H
#define SEQC_CODEGEN_TOLLVM_H

#include "compiler/Codegen/Codegen.h"

namespace seq::codegen {

/// The module of one variant as LLVM IR in `context`; null with `error`.
std::unique_ptr<llvm::Module> translate(Variant &variant, llvm::LLVMContext &context,
                                        std::string &error);

} // namespace seq::codegen

#endif
