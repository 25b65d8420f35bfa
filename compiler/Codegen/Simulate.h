//===- Simulate.h - Kernels for a GPU to kernels for its simulator -----------------===//
#ifndef SEQC_CODEGEN_SIMULATE_H
#define SEQC_CODEGEN_SIMULATE_H

#include "llvm/ADT/StringSet.h"
#include "llvm/IR/Module.h"

#include <string>

namespace seq::codegen {

/// Bytes of the shared memory that `kernel` uses, as `simulate` lays it out; arrays of no size
/// come last and count as nothing.
int64_t sharedBytes(llvm::Module &device, llvm::StringRef kernel);

/// Turns `device`, a module for NVPTX, into one for this CPU whose kernels run on
/// runtime/GpuSim: each kernel `k` becomes `void k(const uint64_t *args)`, which unpacks
/// arguments of 8 bytes. `synchronises` receives the names of kernels in which threads wait for
/// each other. False with `error`: an intrinsic or an inline assembly that the simulator does
/// not know is named.
bool simulate(llvm::Module &device, const llvm::DataLayout &host, llvm::StringSet<> &synchronises,
              std::string &error);

} // namespace seq::codegen

#endif
