//===- ClassifyFactors.h - The factors of a state, in the words of the program ------------===//
#ifndef SEQC_TRANSFORMS_CLASSIFYFACTORS_H
#define SEQC_TRANSFORMS_CLASSIFYFACTORS_H

#include "compiler/Analysis/Recurrence.h"

namespace seq {

/// For each factor of the component's `member`th state an array: its role ("decay", "key",
/// "value", "reads", "writes", "adds", "or", "from S"), then strings and locations which read
/// one after the other tell it.
llvm::SmallVector<mlir::Attribute> factorsOf(mlir::MLIRContext *context,
                                             const analysis::Component &c, unsigned member,
                                             llvm::function_ref<llvm::StringRef(unsigned)> nameOf);

} // namespace seq

#endif
