//===- Codegen.h - CPU code in MLIR to objects ------------------------------------===//
//
// Each variant is a module of scf, arith, cf and llvm operations for one instruction set.
// All of them, the descriptor and the C entry points become one LLVM module: functions
// carry their own target attributes, so one object holds several instruction sets.
//
//===----------------------------------------------------------------------===//
#ifndef SEQC_CODEGEN_CODEGEN_H
#define SEQC_CODEGEN_CODEGEN_H

#include "compiler/Codegen/Descriptor.h"

#include "mlir/IR/OwningOpRef.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"

#include <functional>
#include <string>

namespace llvm {
class TargetMachine;
}

namespace seq::codegen {

/// What a lowering made for one target. The symbols of two variants differ.
struct Variant {
  lowering::Target target;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::vector<lowering::Function> functions;
  mlir::OwningOpRef<mlir::ModuleOp> device; ///< of a GPU: the kernels
  std::vector<lowering::Kernel> kernels;
  std::string image; ///< of a GPU: PTX or machine code; "" for the simulator
  bool isPtx = false;
  std::vector<bool> waiting; ///< by kernel, for the simulator: threads wait for each other
};

/// Of a device's code, beside the object.
struct DeviceText {
  std::string chip, ptx, cubin;
  std::string log; ///< what the assembler says of each kernel
};

/// An LLVM module with its context.
struct Code {
  std::unique_ptr<llvm::LLVMContext> context;
  std::unique_ptr<llvm::Module> module;
  std::vector<DeviceText> devices;
};

/// Registers the translations that `buildCode` needs with a context.
void registerTranslations(mlir::DialectRegistry &registry);

struct BuildOptions {
  bool entryPoints = false; ///< the C functions of the generated header too
  bool assemble = true;     ///< PTX to machine code, where there is an assembler
  unsigned level = 2;       ///< of optimisation of device code
  /// Called with each device's module, optimised, before code is made of it. For tests.
  std::function<void(llvm::Module &)> onDevice;
};

/// One LLVM module of all variants with the descriptor `seq_<model>_desc`, in which the code of
/// devices is data. The modules of `variants` are consumed. False: an internal error, with its text
/// in `error`.
bool buildCode(std::vector<Variant> &variants, Descriptor &descriptor, const BuildOptions &options,
               Code &code, std::string &error);

/// Runs LLVM's scalar optimisations at `level` 0 … 3; 3 is LLVM's own pipeline. Nothing is
/// vectorised or unrolled: the lowering did both.
bool optimize(llvm::Module &module, unsigned level, std::string &error);
/// The same for another machine.
bool optimizeFor(llvm::TargetMachine &machine, llvm::Module &module, unsigned level,
                 std::string &error);

enum class Emit { Object, Assembly };
bool emit(llvm::Module &module, unsigned level, Emit what, std::string &out, std::string &error);

/// "seq_char_lm": lower case, other characters than letters and digits replaced.
std::string symbolBase(llvm::StringRef model);
std::string descriptorSymbol(llvm::StringRef model);

} // namespace seq::codegen

#endif
