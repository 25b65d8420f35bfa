//===- Lowering.h - What every lowering takes and gives ----------------------------===//
#ifndef SEQC_LOWERING_COMMON_LOWERING_H
#define SEQC_LOWERING_COMMON_LOWERING_H

#include "compiler/Lowering/Common/Facts.h"
#include "mlir/IR/BuiltinOps.h"

#include <string>
#include <vector>

namespace seq::lowering {

/// Where code runs: on the CPU, or its kernels on a device of NVIDIA or on the simulator of one.
enum class Machine { Cpu, Cuda, GpuSim };

/// How a GPU multiplies matrices of f32: by fused multiply-adds; on tensor cores, each product in
/// three of shorter factors; or there with factors that are rounded to 16 bits.
enum class Products { Fma, Tf32x3, BF16, F16 };
/// As `--matmul` takes it.
inline const char *nameOf(Products products) {
  static const char *const names[] = {"fma", "tf32x3", "bf16", "f16"};
  return names[static_cast<int>(products)];
}

/// What code generation needs to know of a CPU, or of a GPU's chip.
struct Target {
  Machine machine = Machine::Cpu;
  std::string cpu = "x86-64";    ///< LLVM's name: "x86-64-v3", "sm_90a"
  std::string features;          ///< LLVM's feature string, e.g. "+prefer-256-bit"
  int level = 1;                 ///< x86-64 level the code needs: 1 … 4; of a chip its number: 90
  unsigned vectorBytes = 16;     ///< native vector register: 16, 32, 64; a thread of a GPU: 4
  unsigned vectorRegisters = 16; ///< 16 or 32
  bool fma = false;
  Products products = Products::Fma; ///< of a GPU
  bool roundsFactors() const { return products == Products::BF16 || products == Products::F16; }
  bool isGpu() const { return machine != Machine::Cpu; }
  /// Four warps multiply together, and read shared memory as they do: instructions that no later
  /// chip has either.
  bool hasWarpGroups() const { return isGpu() && cpu == "sm_90a"; }
};

/// A place that a run-time failure may name: index = the `place` of seq_rt_fail.
struct Place {
  std::string file, what;
  unsigned line = 0, column = 0;
  int kind = 0; ///< SEQ_FAIL_*
};

/// By function, as `Function` has them: what a variant's places are numbered after.
using Places = std::vector<std::vector<Place>>;

/// What became of one func.func.
struct Function {
  std::string name;    ///< of the func.func: "forward"
  std::string forward; ///< symbols of the generated functions; prepare may be ""
  std::string prepare, workspace;
  int64_t preparedBytes = 0;
  std::vector<Place> places;
  FunctionFacts facts;
};

/// A kernel of a device's module. Arguments have 8 bytes each.
struct Kernel {
  std::string name;
  unsigned args = 0, threads = 0;
  int64_t sharedBytes = 0;
  bool cooperative = false; ///< its blocks wait for each other
};

} // namespace seq::lowering

#endif
