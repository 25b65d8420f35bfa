//===- Cache.h - Compiled objects on disk ------------------------------------------===//
#ifndef SEQC_JIT_CACHE_H
#define SEQC_JIT_CACHE_H

#include "compiler/Diagnostics/Diagnostics.h"
#include "compiler/Pipelines/Pipelines.h"

#include <optional>
#include <string>

namespace seq::jit {

/// The folder: $SEQC_CACHE_DIR, else $XDG_CACHE_HOME/seqc, else ~/.cache/seqc; "" where
/// SEQC_CACHE=0 or there is none.
std::string cacheFolder();

/// Of all that the object depends on: the text of every source file, the entry with its
/// sizes, options, targets, the compiler's build and the binary interface.
std::string cacheKey(const SourceManager &sources, const typed::Program &program, size_t functions,
                     const pipeline::Options &options);

/// An entry's bytes; nullopt where it is not there or not whole.
std::optional<std::string> readCache(const std::string &folder, const std::string &key);

/// Writes an entry, whole or not at all, then removes the oldest while the folder holds
/// more than 512 MB. Failures are ignored: the cache only saves time.
void writeCache(const std::string &folder, const std::string &key, const std::string &object);

/// Compiles the program's first `functions` functions, or finds them in `folder` ("": no
/// cache). `seqModule` makes the seq dialect where it is needed. False with `error`, or with
/// messages in `diags`.
bool compileCached(const typed::Program &program, size_t functions, const SourceManager &sources,
                   const pipeline::Options &options, const std::string &folder,
                   llvm::function_ref<mlir::OwningOpRef<mlir::ModuleOp>()> seqModule,
                   llvm::function_ref<pipeline::Context &()> context, std::string &object,
                   pipeline::InternalError &error);

} // namespace seq::jit

#endif
