//===- Paths.h - Where this compiler is and what is beside it ---------------------===//
#ifndef SEQC_PIPELINES_PATHS_H
#define SEQC_PIPELINES_PATHS_H

#include <string>

namespace seq::pipeline {

/// The file that holds this code: the executable, or the shared library of the JIT.
std::string ownFile();

/// The library of layers: of the installation that `ownFile` is in, else of the source
/// tree that it was built from; "" where there is none.
std::string stdlibFolder();

/// Identifies this build: changes whenever the compiler does.
std::string buildId();

} // namespace seq::pipeline

#endif
