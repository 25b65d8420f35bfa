//===- Cpu.h - The seq dialect to CPU code --------------------------------------===//
#ifndef SEQC_LOWERING_CPU_CPU_H
#define SEQC_LOWERING_CPU_CPU_H

#include "compiler/Lowering/Common/Lowering.h"

namespace seq::cpu {

/// Replaces every func.func of the seq dialect in `module` (already through the
/// transforms) by functions in scf + arith + the LLVM dialect with the signatures of
/// seq/abi.h, their symbols ending in `suffix`. What another variant has for `places` keeps its
/// numbers.
mlir::LogicalResult lower(mlir::ModuleOp module, const lowering::Target &target,
                          llvm::StringRef suffix, const lowering::Places &places,
                          std::vector<lowering::Function> &functions);

} // namespace seq::cpu

#endif
