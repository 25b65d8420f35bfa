#ifndef SEQC_CODEGEN_SIMULATE_H
#define SEQC_CODEGEN_SIMULATE_H
#include "llvm/ADT/StringSet.h"
#include "llvm/IR/DataLayout.h"
#include "llvm/IR/Module.h"
#include <string>
namespace seq::codegen {
bool simulate(llvm::Module &device, const llvm::DataLayout &host, llvm::StringSet<> &synchronises,
              std::string &error);
}
#endif
