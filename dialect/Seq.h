//===- Seq.h - The seq dialect -----------------------------------------------===//
#ifndef SEQ_DIALECT_SEQ_H
#define SEQ_DIALECT_SEQ_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialect/SeqEnums.h.inc"

namespace seq {
class YieldOp;
class NextOp;

/// A float of 16 bits, in which numbers are kept and not computed.
inline bool isShort(mlir::Type t) {
  return t.isBF16() || t.isF16();
}

/// Function attribute: names of the dynamic sizes, in the order of the call's `sizes`.
constexpr llvm::StringLiteral kSizesAttr = "seq.sizes";
/// Function attribute: what the sizes have to satisfy, an array of dictionaries with `sizes`, an
/// affine map to two numbers, `equal` where they are to be equal (else the first is at most the
/// second), the rule's `text`, and the place and source of `what` needs it.
constexpr llvm::StringLiteral kRequiresAttr = "seq.requires";
/// Argument attributes: the parameter's or input's name, and which it is.
constexpr llvm::StringLiteral kNameAttr = "seq.name";
constexpr llvm::StringLiteral kWeightAttr = "seq.weight"; ///< unit: depends on parameters alone
/// Argument and result attribute: the shape as an affine map without dimensions over the
/// function's sizes as symbols, in the order of `seq.sizes`: `()[s0] -> (s0, 4 * s0, 16)`.
constexpr llvm::StringLiteral kShapeAttr = "seq.shape";
/// Of a stream: the function's size that is the place of the piece's first step, and the unit
/// attribute of arguments that are state. The last results are the states after the piece.
constexpr llvm::StringLiteral kPositionAttr = "seq.position";
constexpr llvm::StringLiteral kStateAttr = "seq.state";
/// Function attribute of a stream: unit, every sequence has one step.
constexpr llvm::StringLiteral kStepAttr = "seq.step";

/// Attribute of a scan: the places of what left its step.
constexpr llvm::StringLiteral kHoistedAttr = "seq.hoisted";

/// Attribute of a scan: for each state its class as a dictionary (compiler/Analysis).
constexpr llvm::StringLiteral kClassesAttr = "seq.classes";

/// Attribute of a scan: unit, its steps are tiles of a larger computation, small enough for the
/// cache. No transform moves work out of them.
constexpr llvm::StringLiteral kTileAttr = "seq.tile";
/// Attribute of a map: unit, it is a copy that is there for how its readers find it, and stays one.
constexpr llvm::StringLiteral kCopyAttr = "seq.copy";
/// Attribute of a scan: unit, it runs once or not at all, so that nothing is the same in all steps.
constexpr llvm::StringLiteral kOnceAttr = "seq.once";
/// Attribute of a scan that a derived form made of the user's: the form's name.
constexpr llvm::StringLiteral kFormAttr = "seq.form";
/// Attribute of a scan: the forms that it could have, each a dictionary (seq-form).
constexpr llvm::StringLiteral kCandidatesAttr = "seq.candidates";
/// Attribute of a scan in chunks: the steps of one.
constexpr llvm::StringLiteral kChunkAttr = "seq.chunk";
/// Attribute of a scan: unit, a derived form made it.
constexpr llvm::StringLiteral kPartAttr = "seq.part";
/// Attribute of a scan that runs as it is: why a form that was asked for cannot be.
constexpr llvm::StringLiteral kRefusedAttr = "seq.refused";

/// The number that `value` is, where it is an integer or index constant.
std::optional<int64_t> constantOf(mlir::Value value);

/// True where `value`, inside of `op`, is a sum of indices and of values from outside, each
/// times a constant or a value from outside.
bool affineIn(mlir::Value value, mlir::Operation *op);
/// True where sums and products lead from any of `indices` to `value`, which is affine.
bool usesAny(mlir::Value value, mlir::ValueRange indices);
} // namespace seq

#include "dialect/SeqDialect.h.inc"
#define GET_OP_CLASSES
#include "dialect/SeqOps.h.inc"

#endif
