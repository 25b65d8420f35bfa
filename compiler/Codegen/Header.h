//===- Header.h - What a host reads of a compiled model ------------------------------===//
#ifndef SEQC_CODEGEN_HEADER_H
#define SEQC_CODEGEN_HEADER_H

#include "compiler/Codegen/Codegen.h"

namespace seq::codegen {

/// A C header with the entry points, and what each input, output and size is.
std::string headerText(const typed::Program &program, const Descriptor &descriptor,
                       const std::string &fileName);

/// Shapes, sizes, parameters and the binary interface as JSON.
std::string modelJson(const typed::Program &program, const Descriptor &descriptor,
                      const std::vector<lowering::Target> &targets);

/// What the names of a stream's functions begin with: `seq_lstm_`, or `seq_lstm_stream_` where
/// the model has functions of the same names.
std::string streamBase(const Descriptor &descriptor);

/// The public symbols of a generated library.
std::vector<std::string> entryPointNames(const Descriptor &descriptor);

} // namespace seq::codegen

#endif
