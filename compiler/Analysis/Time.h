//===- Time.h - The time structure of a function ------------------------------------------===//
//
// Which axes of its tensors are time, and at which times each is read relative to the
// reader's own: what a stream has to keep, or why there is none.
//
//===----------------------------------------------------------------------===//
#ifndef SEQC_ANALYSIS_TIME_H
#define SEQC_ANALYSIS_TIME_H

#include "compiler/Analysis/Linear.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <string>

namespace seq {

/// Why a function has no stream.
struct StreamRefusal {
  enum Kind { LooksAhead, NoStream } kind = NoStream;
  mlir::Location where;
  std::string text, hint;
};

/// How far back from the reader's own step: `rows` at most, or without a bound.
struct Window {
  bool bounded = true;
  Linear rows; ///< over sizes, without the time's
};

/// An index, or an axis, that runs over the time.
enum class TimeRole {
  Row, ///< the steps of the piece, each at its own time
  Past ///< all steps up to the reader's, as far as its window goes
};
struct TimeIndex {
  TimeRole role = TimeRole::Row;
  Window window; ///< of Past
};

/// What a stream keeps of a tensor of time.
enum class Memory { None, Rows, All };
struct TensorTime {
  llvm::SmallVector<std::optional<TimeIndex>> axes; ///< null: no time
  bool soFar = false;      ///< a value of the whole sequence: no step may read it
  bool ofSequence = false; ///< made of a sequence's elements
  bool table = false;      ///< an argument with an axis of distances
  Memory memory = Memory::None;
  Linear rows; ///< how many, for Memory::Rows

  std::optional<unsigned> rowAxis() const;
};

struct TimeStructure {
  std::string sizeName;                           ///< the time's size: "T"
  llvm::SmallVector<llvm::StringRef> sizeNames;   ///< all sizes, in order
  llvm::DenseMap<mlir::Value, TimeIndex> indices; ///< of bodies, those over time
  llvm::DenseMap<mlir::Value, TensorTime> tensors;
  llvm::DenseMap<mlir::Operation *, bool> settled; ///< comparisons with the size, and what they are
  const TensorTime *of(mlir::Value tensor) const {
    auto it = tensors.find(tensor);
    return it == tensors.end() ? nullptr : &it->second;
  }
  bool isTime(mlir::Value extent) const;
};

/// The axes of a tensor of `func` over its sizes; null where one is made of anything else.
llvm::SmallVector<mlir::AffineExpr> axesOf(mlir::func::FuncOp func, mlir::Value tensor,
                                           llvm::ArrayRef<llvm::StringRef> sizes);

/// The structure of `func`, a function of the seq dialect as it was emitted; a refusal
/// where it has no stream.
std::optional<TimeStructure> timeStructure(mlir::func::FuncOp func,
                                           std::optional<StreamRefusal> &refusal);

/// Argument `k` of a stream is a state that keeps every step: its shape uses the place.
bool keepsAllSteps(mlir::func::FuncOp stream, unsigned k);

/// The conditions that hold where `op` is evaluated, with the indices around it: the
/// presence of reductions around it (unless `op` helps to find it), and its own guard.
Facts factsAt(mlir::Operation *op);

} // namespace seq

#endif
