//===- TileEmitter.h - Code of a product in tiles -------------------------------------------===//
//
// A block computes a tile of points. For each step along the reduction its threads bring both
// factors into shared memory, once for each of their own indices; then each thread takes up
// products for points of its own in registers, whose accumulators the rest of the map's body goes
// on with. Points outside of the map are factors of 0, of which nothing is read.
//
//   TileEmitter.cpp   points, steps, sums of fused multiply-adds, the rest of the body
//   TileLoads.cpp     factors into shared memory: by copies of the device, or evaluated
//   TileBoxes.cpp     factors that the device copies in boxes
//   TileMatrix.cpp    sums by matrix instructions
//   TileGroups.cpp    sums by matrix instructions of warp groups
//
// Shared memory has buffers for the factors of two or three steps, by turns. A step's code:
//
//   wait for this step's copies; barrier; begin copies for a later step; evaluate other factors of
//   the next one; take up products of this one; store what was evaluated
//
// so that one barrier a step suffices: what is overwritten was read before it. Products of warp
// groups begin right after the barrier, and are waited for before what was evaluated is stored.
//
//===----------------------------------------------------------------------===//
#ifndef SEQC_LOWERING_GPU_TILEEMITTER_H
#define SEQC_LOWERING_GPU_TILEEMITTER_H

#include "compiler/Lowering/Gpu/GpuLowering.h"

namespace seq::gpu {

/// What a tile's code needs of the function around it.
struct TileContext {
  llvm::function_ref<Value(Value)> evaluate; ///< a size, for the tile's sequence
  /// Shared memory for so many elements, at a multiple of so many bytes.
  llvm::function_ref<Value(Type, int64_t, int64_t)> shared;
  llvm::function_ref<void()> barrier;             ///< of the block's threads
  llvm::function_ref<BodyEmitter(Tile &)> bodyOf; ///< emits the map's body for a point
  llvm::function_ref<void(BodyEmitter &)> store;  ///< stores the map's results of a point
};

class TileEmitter {
public:
  TileEmitter(Code &c, MapOp map, const Contraction &contraction, const BlockTile &tile,
              const Row &row, Value thread, const TileContext &context);

  /// Tiles of one sequence.
  Value count();
  /// The tile with this number.
  void emit(Value number);

private:
  struct Pair {
    Value m, n;
  };

  //===--- TileEmitter.cpp -----------------------------------------------------------------===//
  void placeOwn();
  unsigned columns() const { return tile.n / tile.ownN; } ///< threads of a row of the tile
  Value tiles(unsigned index, unsigned side) { return c.ceilDiv(extents[index], side); }
  Values outer(unsigned k, ValueRange sums);
  Values steps(ValueRange sums);
  Tile point();
  Values own(unsigned factor, Value buffer, unsigned step);
  Values takeUp(Value buffer, ValueRange in);
  void finish(const Values &sums);
  /// An element of a factor's buffer; `steps` more along the reduction, `more` along m or n.
  Value address(unsigned factor, Value buffer, Value step, Value along, int64_t steps = 0,
                int64_t more = 0);

  //===--- TileLoads.cpp -------------------------------------------------------------------===//
  /// Where one of this thread's accesses begins: along m or n, and along the reduction; whether it
  /// is one at all (null: always), and in the map's range.
  struct Place {
    Value along, inner, mine;
  };
  unsigned together(const Factor &f) const; ///< elements that an access takes
  unsigned accesses(const Factor &f) const;
  Place place(const Factor &f, Value access);
  Value inside(const Factor &f, Value along, Value k, unsigned more);
  bool copies() const;
  void copy(Value step);
  void copyOne(unsigned factor, unsigned access, Value step);
  /// An access of a factor.
  struct Access {
    unsigned factor;
    Value number;
  };
  llvm::SmallVector<Access> evaluated(); ///< this thread's, of what is not copied
  Values fetch(mlir::ArrayRef<Access> of, Value step);
  void keep(mlir::ArrayRef<Access> of, const Values &values, Value step);
  void fetchAndKeep(Value step);
  Value valueOf(const Factor &f, Value i, Value k);
  Tile pointOf(const Factor &f, Value i, Value k);
  Value bufferOf(Value step);

  //===--- TileMatrix.cpp ------------------------------------------------------------------===//
  /// A factor of f32 as the sum of two of 11 bits, for one fragment's register.
  struct Halves {
    Value high, low; ///< bits
  };
  void placeFragments();
  Value roundBits(Value bits);
  Halves halves(Value x);
  llvm::SmallVector<llvm::SmallVector<Halves>> fragments(unsigned factor, Value buffer,
                                                         unsigned step);
  void multiply(mlir::ArrayRef<Halves> a, bool lowA, mlir::ArrayRef<Halves> b, bool lowB,
                mlir::MutableArrayRef<Value> sums);
  Values takeUpTf32(Value buffer, ValueRange in);
  llvm::SmallVector<Values> shortFragments(unsigned factor, Value buffer, unsigned step);
  Values takeUpShort(Value buffer, ValueRange in);

  //===--- TileBoxes.cpp -------------------------------------------------------------------===//
  bool boxes() const;
  bool allBoxes() const;
  Value arrivals(Value buffer);
  void beginPhases();
  void copyBoxes(Value step);
  void waitForBoxes(Value step);

  //===--- TileGroups.cpp ------------------------------------------------------------------===//
  void placeGroups();
  void fenceForTensorCores();
  Value swizzled(const Factor &f, Value inner, Value along);
  Value descriptor(unsigned factor, Value buffer);
  Values beginGroups(Value buffer, ValueRange in);
  Values waitForGroups(const Values &sums);

  Code &c;
  MapOp map;
  const Contraction &con;
  ReduceOp reduce;
  const BlockTile &tile;
  const Row &row;
  Value thread;
  const TileContext &context;
  Type elem; ///< of factors in registers: f32, f64, or the bits of 16
  Values extents, depths, outerAt;
  llvm::SmallVector<Value> memory; ///< by factor: the buffers, each of lines
  Value phases;                    ///< of boxes: a barrier for each buffer
  llvm::SmallVector<std::pair<Value, Value>> others;
  Pair origin, mine;
  llvm::SmallVector<Pair> points; ///< by accumulator: its place in the tile
  WarpGrid grid{tile};
  Value lane, group, member; ///< of the lane: its number, lane / 4, lane % 4
};

} // namespace seq::gpu

#endif
