//===- DescriptorIr.h - The descriptor as constants of a module --------------------===//
#ifndef SEQC_CODEGEN_DESCRIPTORIR_H
#define SEQC_CODEGEN_DESCRIPTORIR_H

#include "compiler/Codegen/Codegen.h"

namespace seq::codegen {

/// Adds the public constant `seq_<model>_desc` and all that it points to. The variants
/// name functions of `module`.
void emitDescriptor(llvm::Module &module, const Descriptor &descriptor,
                    const std::vector<Variant> &variants);

/// Adds the C functions that the generated header declares.
void emitEntryPoints(llvm::Module &module, const Descriptor &descriptor);

} // namespace seq::codegen

#endif
