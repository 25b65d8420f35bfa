//===- Contract.h - Maps that are matrix products in tiles ------------------------------===//
#ifndef SEQC_LOWERING_GPU_CONTRACT_H
#define SEQC_LOWERING_GPU_CONTRACT_H

#include "compiler/Lowering/Common/Lower.h"

namespace seq::gpu {

using namespace lowering; // NOLINT: the vocabulary of all lowerings

/// The product of `extents`, of which one that is no number counts as `unknown`: `most` at most.
int64_t pointsUpTo(mlir::ValueRange extents, int64_t unknown, int64_t most);

/// One factor of a product under a sum: it moves with one of the two tiled indices and with the
/// reduction's, not with the other tiled one.
struct Factor {
  Value value; ///< in the reduction's body
  bool overM;
  bool innerFast; ///< reads that follow each other do so along the reduction, not along m or n
};

/// Sums of products, `Σ_k a(m, k) b(n, k)`, several over one range where they are: the only
/// reduction of a map's body.
struct Contraction {
  ReduceOp reduce;
  unsigned m = 0, n = 0; ///< indices of the map
  llvm::SmallVector<Factor, 4> factors;
  /// By result: its factor over m, its factor over n.
  llvm::SmallVector<std::pair<unsigned, unsigned>, 4> products;
};

/// None where the map is no contraction, or has too few points for tiles of it.
std::optional<Contraction> contractionOf(MapOp map);

/// The tile of a block: `m` × `n` points, of which a thread has `ownM` × `ownN`, in steps of `k`.
struct BlockTile {
  unsigned m = 64, n = 64, k = 16, ownM = 8, ownN = 4;
  bool matrix = false; ///< by matrix instructions: a thread's points are spread over its warp's
  /// Shared memory for the factors of `elem`.
  int64_t bytes(const Contraction &contraction) const;
  unsigned threads() const { return m / ownM * (n / ownN); }
};

/// Of the tiles that `threads` threads can have, one that fits the map; none: there is none.
/// 0 threads: any number. `shared`: bytes of shared memory. `matrix`: by matrix instructions where
/// the type allows it.
std::optional<BlockTile> tileFor(MapOp map, Contraction contraction, unsigned threads,
                                 int64_t shared, bool matrix);

} // namespace seq::gpu

#endif
