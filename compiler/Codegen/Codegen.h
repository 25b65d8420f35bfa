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

#include <string>

namespace seq::codegen {

/// What cpu::lower made for one target. The symbols of two variants differ.
struct Variant {
  cpu::Target target;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::vector<cpu::Function> functions;
};

/// An LLVM module with its context.
struct Code {
  std::unique_ptr<llvm::LLVMContext> context;
  std::unique_ptr<llvm::Module> module;
};

/// Registers the translations that `buildCode` needs with a context.
void registerTranslations(mlir::DialectRegistry &registry);

/// One LLVM module of all variants with the descriptor `seq_<model>_desc`. The modules of
/// `variants` are consumed. False: an internal error, with its text in `error`.
bool buildCode(std::vector<Variant> &variants, Descriptor &descriptor, bool entryPoints, Code &code,
               std::string &error);

/// Runs LLVM's scalar optimisations at `level` 0 … 3; 3 is LLVM's own pipeline. Nothing is
/// vectorised or unrolled: the lowering did both.
bool optimize(llvm::Module &module, unsigned level, std::string &error);

enum class Emit { Object, Assembly };
bool emit(llvm::Module &module, unsigned level, Emit what, std::string &out, std::string &error);

/// "seq_char_lm": lower case, other characters than letters and digits replaced.
std::string symbolBase(llvm::StringRef model);
std::string descriptorSymbol(llvm::StringRef model);

} // namespace seq::codegen

#endif
