//===- Columns.h - Recurrences whose columns do not meet --------------------------------===//
#ifndef SEQC_LOWERING_GPU_COLUMNS_H
#define SEQC_LOWERING_GPU_COLUMNS_H

#include "compiler/Lowering/Common/Lower.h"

namespace seq::gpu {

using namespace lowering; // NOLINT: the vocabulary of all lowerings

/// How the axes of a step's tensors, and the indices of its maps, fall into columns: what belongs
/// to one value of a column's indices is made from nothing that belongs to another.
struct Columns {
  /// For each column index its extent, an index value; the last one runs with the threads.
  Values extents;
  /// The column index of each axis of a state or of a map's result, or one of these.
  llvm::DenseMap<Value, llvm::SmallVector<int, 4>> axes;
  static constexpr int kInside = -1;  ///< all of it is in a column
  static constexpr int kSplit = -2;   ///< the same, and the lanes of the column share it
  unsigned lanes = 1;                 ///< threads of a column
  llvm::DenseSet<Value> splitIndices; ///< of reductions along split axes
  int64_t operations = 0;             ///< of a step, written out
  /// Steps that are written out behind each other.
  int64_t together() const;
};

/// Threads of a block that runs columns: few, so that all of the device has some.
constexpr int64_t kColumnThreads = 64;

/// None where the columns of `scan` meet, or a column has more values than a thread has registers.
std::optional<Columns> columnsOf(ScanOp scan, llvm::function_ref<Values(Value)> dimsOf);

} // namespace seq::gpu

#endif
