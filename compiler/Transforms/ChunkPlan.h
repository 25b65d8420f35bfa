//===- ChunkPlan.h - Whether and how a scan runs in chunks -----------------------------------===//
#ifndef SEQC_TRANSFORMS_CHUNKPLAN_H
#define SEQC_TRANSFORMS_CHUNKPLAN_H

#include "compiler/Transforms/Forms.h"

#include <memory>

namespace seq {

using analysis::ExprRef;

/// Σ key ⊗ value: `key` over batch and key axes (summed), `value` over batch and columns.
struct OuterProduct {
  llvm::SmallVector<analysis::Product, 1> key;
  analysis::Product value;
};

/// One C3 or C4 state. Its axes: one key, columns that no coefficient uses, and the rest.
struct MatrixPlan {
  unsigned state;
  analysis::StateForm next;
  unsigned key;
  llvm::SmallVector<unsigned, 2> batch, columns;
  bool keyed = false; ///< the decay depends on the key axis
  llvm::SmallVector<analysis::Product, 2> decay;
  llvm::SmallVector<analysis::LowRank, 2> ranks;
  llvm::SmallVector<OuterProduct, 2> products;
  ExprRef contracted = nullptr;

  bool undecayed() const {
    return decay.size() == 1 && decay[0].factors.empty() && decay[0].guards.empty();
  }
  llvm::SmallVector<mlir::Value> extents() const {
    llvm::SmallVector<mlir::Value> out;
    for (ExprRef v : next.vars)
      out.push_back(v->value);
    return out;
  }
  /// Those of `all` that belong to the axes.
  llvm::SmallVector<mlir::Value> pick(mlir::ValueRange all, llvm::ArrayRef<unsigned> axes) const {
    llvm::SmallVector<mlir::Value> out;
    for (unsigned d : axes)
      out.push_back(all[d]);
    return out;
  }
  /// The state's indices from their parts.
  llvm::SmallVector<mlir::Value> place(mlir::ValueRange batchAt, mlir::Value keyAt,
                                       mlir::ValueRange columnsAt) const {
    llvm::SmallVector<mlir::Value> out(next.vars.size());
    for (auto [d, v] : llvm::zip(batch, batchAt))
      out[d] = v;
    for (auto [d, v] : llvm::zip(columns, columnsAt))
      out[d] = v;
    out[key] = keyAt;
    return out;
  }
};

/// outer · Σ_bound inner · S[at].
struct ReadOutTerm {
  analysis::Product inner, outer;
  analysis::Exprs at, extra; ///< extra: indices of the value that `inner` uses besides batch
  ExprRef bound;
};

/// A value of the step that is affine in one matrix state.
struct ReadOutPlan {
  const MatrixPlan *matrix;
  analysis::Exprs vars;
  llvm::SmallVector<ReadOutTerm, 2> terms;
  llvm::SmallVector<analysis::Product, 2> constants;
};

enum class How {
  Copy,      ///< computed for all steps of the chunk, as it stands
  ReadOut,   ///< from its form in a matrix state
  Impossible ///< it would need the matrix state of every step
};

class ChunkPlan {
public:
  ChunkPlan(ScanOp scan, analysis::Recurrence &recurrence);

  Refusal refusal;
  analysis::Recurrence &recurrence;

  /// Null: it goes step by step.
  const MatrixPlan *matrixOf(const analysis::Component &c) const;
  How how(mlir::Value stepTensor);
  const ReadOutPlan &readOut(mlir::Value stepTensor) { return readOuts[stepTensor]; }
  bool dependsOn(mlir::Value stepTensor, const analysis::Component &c);

private:
  void findNeeds();
  void check();
  const analysis::KeyAxis &keyOf(const analysis::Component &c);
  void addMatrix(const analysis::Component &c);
  bool split(MatrixPlan &m, const analysis::Product &p);
  How decide(mlir::Value v);
  bool readable(mlir::Operation *op);
  bool asReadOut(mlir::Value v);
  bool asTerm(const MatrixPlan &m, const analysis::Term &t, const analysis::Exprs &vars,
              ReadOutTerm &out);
  bool tiled(const analysis::Product &p);
  void refuse(unsigned state, std::string why) {
    if (!refusal)
      refusal = {state, std::move(why)};
  }
  void checkMatrix(const MatrixPlan &m);
  void checkStep(const analysis::Component &c, mlir::Value v);

  ScanOp scan;
  llvm::DenseMap<unsigned, std::unique_ptr<MatrixPlan>> matrices;
  llvm::DenseMap<unsigned, std::unique_ptr<analysis::StepInterpreter>> forms;
  llvm::DenseMap<mlir::Value, How> decided;
  llvm::DenseMap<mlir::Value, ReadOutPlan> readOuts;
  llvm::DenseMap<mlir::Value, llvm::SmallBitVector> needs;
};

} // namespace seq

#endif
