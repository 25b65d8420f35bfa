//===- Transforms.h - seq to seq ---------------------------------------------------===//
#ifndef SEQC_TRANSFORMS_TRANSFORMS_H
#define SEQC_TRANSFORMS_TRANSFORMS_H

#include "dialect/Seq.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"

namespace seq {

struct StreamRefusal;
/// A function `name` after `forward`, which computes a piece of the sequence from the state
/// before it (see Stream.cpp); null with the reason where `forward` has none.
mlir::func::FuncOp makeStream(mlir::func::FuncOp forward, llvm::StringRef name,
                              std::optional<StreamRefusal> &refusal);

/// The same stream for pieces of one step, as one more function of its module; null where it
/// would be no other on a CPU, a stream that does not keep all steps, unless it is wanted `always`.
mlir::func::FuncOp makeStep(mlir::func::FuncOp stream, llvm::StringRef name, bool always = false);

/// What `--form` asks for.
struct FormRequest {
  llvm::StringRef name;
  int64_t chunk = 0; ///< steps of a chunk; 0: as the cost model has it
};
/// The names of forms, the plain one first.
constexpr llvm::StringLiteral kFormNames[] = {"sequential", "scan", "chunked", "two-level"};
/// Those of convolutions, the plain one first.
constexpr llvm::StringLiteral kConvFormNames[] = {"direct", "fft"};
/// A name of either, or `chunked:32` and `two-level:32`, a chunk of 1 to 256 steps; none where it
/// is something else.
std::optional<FormRequest> parseForm(llvm::StringRef text);

/// After `seq-raise`: computes scores that have a name where attention reads them, as
/// `seq-tile-attention` does before it makes tiles.
void gatherScores(mlir::func::FuncOp func);

class CostModel;
/// The transforms after forms are chosen and tiles are written, up to maps as they are lowered.
/// `roundTo`: "bf16" or "f16", to which factors of matrix products are rounded; "": they are not.
void addMapTransforms(mlir::OpPassManager &pm, llvm::StringRef roundTo);

#define GEN_PASS_DECL
#include "compiler/Transforms/Passes.h.inc"
/// The same passes with another cost model than that of a CPU with `threads` and `batch`.
std::unique_ptr<mlir::Pass> createSeqForm(const SeqFormOptions &options, CostModel &model);
std::unique_ptr<mlir::Pass> createSeqFourierConv(const SeqFourierConvOptions &options,
                                                 CostModel &model);
#define GEN_PASS_REGISTRATION
#include "compiler/Transforms/Passes.h.inc"

} // namespace seq

#endif
