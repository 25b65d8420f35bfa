#include "compiler/Codegen/Simulate.h"
namespace seq::codegen {
bool simulate(llvm::Module &, const llvm::DataLayout &, llvm::StringSet<> &, std::string &error) {
  error = "no simulator yet";
  return false;
}
} // namespace seq::codegen
