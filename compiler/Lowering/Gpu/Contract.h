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
  Value value; ///< in the reduction's body, before it is widened where it has 16 bits
  bool overM;
  bool innerFast; ///< reads that follow each other do so along the reduction, not along m or n
  /// It is nothing but a read, of which the device copies so many bytes at a time to shared memory;
  /// 0: threads evaluate it.
  unsigned copied = 0;
  /// Copied in boxes: the tensor, as the function that launches describes it (seq_tensor_map), and
  /// whether each sequence has one.
  Value tensor = {};
  bool perBatch = false;
};

/// Sums of products, `Σ_k a(m, k) b(n, k)`, several over one range where they are: the only
/// reduction of a map's body.
struct Contraction {
  ReduceOp reduce;
  unsigned m = 0, n = 0; ///< indices of the map
  llvm::SmallVector<Factor, 4> factors;
  /// By result: its factor over m, its factor over n.
  llvm::SmallVector<std::pair<unsigned, unsigned>, 4> products;
  /// Of the factors in shared memory: f32, f64, or bf16 or f16 where all of them have that type,
  /// for matrix instructions.
  Type element;
  bool isShort() const { return seq::isShort(element); }
};

/// Whether a value of a map's body moves with one of its indices, or of its reductions'.
bool dependsOn(Value v, Value index);

/// None where the map is no contraction.
std::optional<Contraction> contractionOf(MapOp map);

/// The tile of a block: `m` × `n` points, of which a thread has `ownM` × `ownN`, in steps of `k`.
struct BlockTile {
  unsigned m = 64, n = 64, k = 16, ownM = 8, ownN = 4;
  bool matrix = false; ///< by matrix instructions: a thread's points are spread over its warp's
  bool groups = false; ///< by those of warp groups, which read factors from shared memory
  unsigned stages = 2; ///< steps whose factors have room in shared memory
  /// Shared memory for the factors.
  int64_t bytes(const Contraction &contraction) const;
  unsigned threads() const { return m / ownM * (n / ownN); }
  /// Of each factor's shared memory, in bytes.
  int64_t alignment() const { return groups ? 1024 : 16; }

  //===--- A factor in shared memory --------------------------------------------------===//
  unsigned side(const Factor &f) const { return f.overM ? m : n; }
  /// Lines run along the reduction: as the factor lies in memory, for instructions that load
  /// fragments either way. Other products have lines along m or n, which threads read side by side.
  static bool linesInside(const Contraction &contraction, const Factor &f) {
    return contraction.isShort() && f.innerFast;
  }
  unsigned lines(const Contraction &contraction, const Factor &f) const {
    return linesInside(contraction, f) ? side(f) : k;
  }
  unsigned pitch(const Contraction &contraction, const Factor &f) const;
  /// Elements of one step. In products of warp groups lines are cut to pieces of 64
  /// (TileGroups.cpp), so that there are as many as points.
  int64_t elements(const Contraction &contraction, const Factor &f) const {
    if (groups)
      return int64_t(side(f)) * k;
    return int64_t(lines(contraction, f)) * pitch(contraction, f);
  }
};

/// How the warps of a block share its tile in matrix instructions of 16 × 8 points.
struct WarpGrid {
  unsigned columns = 1;  ///< warps of a row
  unsigned m = 0, n = 0; ///< instructions of a warp
  bool fits = false;
  explicit WarpGrid(const BlockTile &tile);
};

/// Of the tiles that `threads` threads can have, one that fits the map; none: there is none.
/// 0 threads: any number. `shared`: bytes of shared memory. `target`: by which instructions it
/// makes products of f32.
std::optional<BlockTile> tileFor(MapOp map, const Contraction &contraction, unsigned threads,
                                 int64_t shared, const Target &target);

} // namespace seq::gpu

#endif
