//===- Mutate.h - One fault in a device's module ---------------------------------------===//
#ifndef SEQC_TOOLS_GPUSIM_MUTATE_MUTATE_H
#define SEQC_TOOLS_GPUSIM_MUTATE_MUTATE_H

#include "llvm/IR/Module.h"

#include <string>
#include <vector>

namespace seq::mutate {

/// One way to break a kernel.
struct Fault {
  std::string kernel, kind;
  std::string place; ///< "line:column"; "" where it is not known
};

/// Every fault that `module`, optimised code for NVPTX, can be given, in the order of its
/// instructions: the same module has the same ones.
std::vector<Fault> faultsOf(llvm::Module &module);

/// Makes the one with this number.
void makeFault(llvm::Module &module, size_t number);

/// Has threads that come to where it would be made fail, to tell whether any do.
void makeProbe(llvm::Module &module, size_t number);

} // namespace seq::mutate

#endif
