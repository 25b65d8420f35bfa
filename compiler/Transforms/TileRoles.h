//===- TileRoles.h - What attention in tiles is made of ----------------------------------===//
#ifndef SEQC_TRANSFORMS_TILEROLES_H
#define SEQC_TRANSFORMS_TILEROLES_H

#include "dialect/Seq.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace seq {

/// The sides of a tile; why these: TileAttention.cpp. Rows are what the pass takes where nobody
/// says otherwise.
constexpr int64_t kTileRows = 36, kTileKeys = 64;

/// The roles of an attention's leading indices, as their places.
struct TileRoles {
  llvm::SmallVector<unsigned> outer;   ///< of rows, each in blocks of its own
  llvm::SmallVector<unsigned> columns; ///< of the values alone
  std::optional<unsigned> blocked;     ///< of the rows of a block; none: a block has one

  explicit TileRoles(AttentionOp op);
};

/// seq-tile-attention takes the op.
bool isTiled(AttentionOp op);

} // namespace seq

#endif
