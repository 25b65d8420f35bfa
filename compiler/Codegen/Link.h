//===- Link.h - Objects to libraries ----------------------------------------------===//
#ifndef SEQC_CODEGEN_LINK_H
#define SEQC_CODEGEN_LINK_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include <string>
#include <vector>

namespace seq::codegen {

/// The bytes of libseqrt.a, which this compiler carries with it.
llvm::StringRef runtimeArchive();

/// Links an object and the runtime to a shared library called `name` that needs libc, libm
/// and pthread alone, and exports `exports` and the runtime's public functions.
bool linkShared(llvm::StringRef object, const std::string &name,
                llvm::ArrayRef<std::string> exports, std::string &out, std::string &error);

/// An archive of the object and of the runtime's objects.
bool makeArchive(llvm::StringRef object, std::string &out, std::string &error);

} // namespace seq::codegen

#endif
