//===- Device.h - A device's module to PTX, to machine code, or to the simulator --------===//
#ifndef SEQC_CODEGEN_DEVICE_H
#define SEQC_CODEGEN_DEVICE_H

#include "compiler/Codegen/Codegen.h"

namespace seq::codegen {

/// The device's module of one variant as optimised LLVM IR for NVPTX, with all that kernels call;
/// null with `error`.
std::unique_ptr<llvm::Module> translateDevice(Variant &variant, llvm::LLVMContext &context,
                                              unsigned level, std::string &error);

/// PTX of such a module.
bool emitPtx(llvm::Module &module, const lowering::Target &target, std::string &ptx,
             std::string &error);

/// The path of NVIDIA's assembler: of SEQC_CUDA_HOME, CUDA_HOME, the usual folder, or PATH; ""
/// where there is none.
std::string findPtxas();

/// Machine code of PTX for `chip` by the assembler at `ptxas`, which writes what each kernel uses
/// to `log`.
bool assemblePtx(const std::string &ptxas, const std::string &ptx, const std::string &chip,
                 std::string &cubin, std::string &log, std::string &error);

} // namespace seq::codegen

#endif
