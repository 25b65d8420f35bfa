//===- Transforms.h - seq to seq ---------------------------------------------------===//
#ifndef SEQC_TRANSFORMS_TRANSFORMS_H
#define SEQC_TRANSFORMS_TRANSFORMS_H

#include "mlir/Pass/Pass.h"

namespace seq {

#define GEN_PASS_DECL
#include "compiler/Transforms/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "compiler/Transforms/Passes.h.inc"

} // namespace seq

#endif
