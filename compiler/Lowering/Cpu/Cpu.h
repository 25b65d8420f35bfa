//===- Cpu.h - The seq dialect to CPU code --------------------------------------===//
#ifndef SEQC_LOWERING_CPU_CPU_H
#define SEQC_LOWERING_CPU_CPU_H

#include "compiler/Lowering/Cpu/Facts.h"
#include "mlir/IR/BuiltinOps.h"

#include <string>
#include <vector>

namespace seq::cpu {

/// What code generation needs to know of a CPU.
struct Target {
  std::string cpu = "x86-64";    ///< LLVM's name: "x86-64-v3"
  std::string features;          ///< LLVM's feature string, e.g. "+prefer-256-bit"
  int level = 1;                 ///< x86-64 level the code needs: 1 … 4
  unsigned vectorBytes = 16;     ///< native vector register: 16, 32, 64
  unsigned vectorRegisters = 16; ///< 16 or 32
  bool fma = false;
};

/// A place that a run-time failure may name: index = the `place` of seq_rt_fail.
struct Place {
  std::string file, what;
  unsigned line = 0, column = 0;
  int kind = 0; ///< SEQ_FAIL_*
};

/// What became of one func.func.
struct Function {
  std::string name;    ///< of the func.func: "forward"
  std::string forward; ///< symbols of the generated functions; prepare may be ""
  std::string prepare, workspace;
  int64_t preparedBytes = 0;
  std::vector<Place> places;
  FunctionFacts facts;
};

/// Replaces every func.func of the seq dialect in `module` (already through the
/// transforms) by functions in scf + arith + the LLVM dialect with the signatures of
/// seq/abi.h, their symbols ending in `suffix`.
mlir::LogicalResult lower(mlir::ModuleOp module, const Target &target, llvm::StringRef suffix,
                          std::vector<Function> &functions);

} // namespace seq::cpu

#endif
