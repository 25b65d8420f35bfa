//===- TemporaryFolder.h - Files for tools that want files ------------------------------===//
#ifndef SEQC_CODEGEN_TEMPORARYFOLDER_H
#define SEQC_CODEGEN_TEMPORARYFOLDER_H

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

#include <string>

namespace seq::codegen {

/// A folder that is removed at the end.
class TemporaryFolder {
public:
  TemporaryFolder() { good = !llvm::sys::fs::createUniqueDirectory("seqc", path); }
  ~TemporaryFolder() {
    if (good)
      llvm::sys::fs::remove_directories(path);
  }
  /// Writes a file there; "" where that fails.
  std::string write(llvm::StringRef name, llvm::StringRef bytes) {
    llvm::SmallString<128> file(path);
    llvm::sys::path::append(file, name);
    std::error_code code;
    llvm::raw_fd_ostream out(file, code);
    if (!good || code)
      return "";
    out << bytes;
    out.close();
    return out.has_error() ? "" : std::string(file);
  }

private:
  llvm::SmallString<128> path;
  bool good;
};

/// The bytes of a file; false where it cannot be read.
inline bool readBytes(const std::string &path, std::string &out) {
  auto buffer = llvm::MemoryBuffer::getFile(path);
  if (buffer)
    out = (*buffer)->getBuffer().str();
  return bool(buffer);
}

} // namespace seq::codegen

#endif
