//===- Gpu.h - The seq dialect to GPU code --------------------------------------===//
#ifndef SEQC_LOWERING_GPU_GPU_H
#define SEQC_LOWERING_GPU_GPU_H

#include "compiler/Lowering/Common/Lowering.h"

#include "mlir/IR/OwningOpRef.h"

namespace seq::gpu {

/// What calls are expected to have, where a choice depends on it.
struct Expected {
  llvm::StringRef sizes; ///< those that are known: "K=64,V=32"
  int64_t batch = 0;     ///< sequences; 0: not known
};

/// Replaces every func.func of the seq dialect in `module` (already through the transforms) by
/// functions for the CPU with the signatures of seq/abi.h that launch kernels; these come to
/// `device`, a module for NVVM, and to `kernels`, in the order of the numbers by which they are
/// launched. Symbols end in `suffix`. What another variant has for `places` keeps its numbers.
mlir::LogicalResult lower(mlir::ModuleOp module, const lowering::Target &target,
                          const Expected &expected, llvm::StringRef suffix,
                          const lowering::Places &places,
                          std::vector<lowering::Function> &functions,
                          mlir::OwningOpRef<mlir::ModuleOp> &device,
                          std::vector<lowering::Kernel> &kernels);

/// Records a failure; every device's module has it (Codegen/DeviceRuntime.cpp):
/// `void (ptr failure, i32 place, i64 sequence, i64 value, i64 bound)`.
inline constexpr llvm::StringLiteral kDeviceFail = "seq_device_fail";

} // namespace seq::gpu

#endif
