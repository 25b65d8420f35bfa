//===- Loader.h - Objects into this process ----------------------------------------===//
#ifndef SEQC_JIT_LOADER_H
#define SEQC_JIT_LOADER_H

#include "seq/abi.h"

#include <memory>
#include <string>

namespace seq::jit {

/// An object file's code in memory. What it calls of the runtime is this process's own.
class LoadedObject {
public:
  virtual ~LoadedObject() = default;
  const seq_model_desc *descriptor = nullptr;

  /// Links `object` and finds the descriptor; null with `error` where that fails.
  static std::unique_ptr<LoadedObject> load(std::string object, const std::string &symbol,
                                            std::string &error);
};

} // namespace seq::jit

#endif
