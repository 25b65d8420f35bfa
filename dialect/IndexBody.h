//===- IndexBody.h - What ops over indices share -------------------------------===//
//
// Their text is  (%i, %j) in (%T, %C) -> (types) { body }.
//
// One that may fail as a whole has a guard behind the extents:  (%i) in (%T) if %g -> …
//
//===----------------------------------------------------------------------===//
#ifndef SEQ_DIALECT_INDEXBODY_H
#define SEQ_DIALECT_INDEXBODY_H

#include "dialect/Seq.h"

namespace seq {

using IndexBodyFn = llvm::function_ref<void(mlir::OpBuilder &, mlir::Location, mlir::ValueRange)>;

/// Gives the op a region whose block has `n` index arguments, and lets `body` fill it.
void buildIndexBody(mlir::OpBuilder &builder, mlir::OperationState &state, size_t n,
                    IndexBodyFn body);
/// The builder from types, operands and attributes; the body stays to be filled.
void buildGeneric(mlir::OperationState &state, mlir::TypeRange types, mlir::ValueRange operands,
                  llvm::ArrayRef<mlir::NamedAttribute> attributes);
mlir::ParseResult parseIndexBody(mlir::OpAsmParser &parser, mlir::OperationState &state);
void printIndexBody(mlir::OpAsmPrinter &printer, mlir::Operation *op,
                    llvm::ArrayRef<llvm::StringRef> elided);

/// Constraint 1 of each: one index argument for each extent. The body ends in a seq.yield,
/// which is the op's constraint `ofYield`: bodies are verified after their op.
mlir::LogicalResult verifyIndices(mlir::Operation *op, unsigned extents, unsigned ofYield);
/// `result` holds a `scalar` for each point of `extents`.
mlir::LogicalResult verifyShape(mlir::Operation *op, mlir::Type result, mlir::Type scalar,
                                mlir::ValueRange extents, llvm::StringRef constraint);

} // namespace seq

#endif
