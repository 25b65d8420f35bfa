//===- AstToSeq.h - The typed tree to the seq dialect --------------------------===//
#ifndef SEQC_ASTTOSEQ_ASTTOSEQ_H
#define SEQC_ASTTOSEQ_ASTTOSEQ_H

#include "compiler/Sema/Typed.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace seq {

/// One func.func for each function of the entry, named as it. Arguments: the program's
/// weights in order (attributes seq.weight, seq.name, seq.shape), then the function's
/// parameters (seq.name, seq.shape). Results: the function's (seq.name, seq.shape). The
/// function carries `seq.sizes`. Calls are expanded; nothing is optimised.
/// Null where the expanded program is too large (reported).
mlir::OwningOpRef<mlir::ModuleOp> astToSeq(const typed::Program &program,
                                           mlir::MLIRContext &context, DiagnosticEngine &diags);

} // namespace seq

#endif
