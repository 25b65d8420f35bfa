//===- Transforms.h - seq to seq ---------------------------------------------------===//
#ifndef SEQC_TRANSFORMS_TRANSFORMS_H
#define SEQC_TRANSFORMS_TRANSFORMS_H

#include "dialect/Seq.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"

namespace seq {

#define GEN_PASS_DECL
#include "compiler/Transforms/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "compiler/Transforms/Passes.h.inc"

} // namespace seq

#endif
