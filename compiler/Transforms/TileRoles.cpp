//===- TileRoles.cpp - What attention in tiles is made of --------------------------------===//
//
// Which index is blocked: one whose values share the keys, so an index that a contraction of the
// score reads beside the key (a head) is not; of the others one of many or an unknown number of
// rows, that the presence uses, the last. Where there is none (a query for each head) a block
// has one row.
//
//===----------------------------------------------------------------------===//
#include "compiler/Transforms/TileRoles.h"
#include "compiler/Analysis/Domain.h"
#include "compiler/Transforms/Rewrite.h"
#include "compiler/Transforms/Transforms.h"

using namespace mlir;
namespace seq {

/// Blocks pay where there are many rows; those that the presence knows can be skipped.
static int extentWorth(AttentionOp op, unsigned k) {
  auto extent = constantOf(op.getExtents()[k]);
  Value present = op.yield().getPresent();
  bool bounds = present && dependsOn(present, op.indices()[k], op.getBody());
  return (!extent || *extent >= kTileRows ? 2 : 0) + (bounds ? 1 : 0);
}

/// Indices at which something inside of a contraction is read that the key moves too.
static llvm::SetVector<Value> besideKey(AttentionOp op) {
  llvm::SetVector<Value> out;
  Operation *score = op.score().getDefiningOp();
  if (!score || score->getBlock() != op.bodyBlock())
    return out;
  for (Operation *part : scalarSlice(score, op.bodyBlock()))
    part->walk([&](ReadOp read) {
      auto used = indicesUsedBy(read, op);
      if (isa<ReduceOp>(read->getParentOp()) && used.contains(op.key()))
        out.insert(used.begin(), used.end());
    });
  return out;
}

TileRoles::TileRoles(AttentionOp op) {
  SmallVector<unsigned> rows = weightPlaces(op);
  rows.pop_back();
  for (unsigned k = 0; k + 1 < op.indices().size(); ++k)
    if (!llvm::is_contained(rows, k))
      columns.push_back(k);
  llvm::SetVector<Value> beside = besideKey(op);
  int best = 0;
  for (unsigned k : rows) {
    int worth = beside.contains(op.indices()[k]) ? 0 : 1 + extentWorth(op, k);
    if (worth && worth >= best) {
      blocked = k;
      best = worth;
    }
  }
  for (unsigned k : rows)
    if (blocked != k)
      outer.push_back(k);
}

bool isTiled(AttentionOp op) {
  return isa<func::FuncOp>(op->getParentOp()) &&
         constantOf(op.getExtents().back()).value_or(kTileKeys + 1) > kTileKeys;
}

/// The score or the presence is made of `read`, which stands in the body itself.
static bool isOfScore(ReadOp read, AttentionOp op) {
  for (Value v : {op.score(), Value(op.yield().getPresent())})
    if (Operation *d = v ? v.getDefiningOp() : nullptr; d && d->getBlock() == op.bodyBlock())
      if (llvm::is_contained(scalarSlice(d, op.bodyBlock()), read.getOperation()))
        return true;
  return false;
}

/// Something that is made for each row and key, where nothing but attention in tiles reads it,
/// outside of contractions: scores that have a name, biases. What may fail is kept, as it fails
/// at absent points too. What does not differ between the rows of a block (a value) is kept,
/// for it is made once for all of them.
static bool isAbsorbed(MapOp map, bool ofScores) {
  return !map->use_empty() && !mayFail(map) && llvm::all_of(map->getUsers(), [&](Operation *user) {
    auto read = dyn_cast<ReadOp>(user);
    auto op = read ? dyn_cast<AttentionOp>(read->getParentOp()) : AttentionOp();
    if (!op || !isTiled(op) || op->getBlock() != map->getBlock() ||
        (ofScores && !isOfScore(read, op)))
      return false;
    auto used = indicesUsedBy(read, op);
    auto row = TileRoles(op).blocked;
    return row && used.contains(op.key()) && used.contains(op.indices()[*row]);
  });
}

/// Computes such things in the bodies that read them, so that they need not be kept. Where
/// several do, each computes its own: time for memory.
static void absorb(func::FuncOp func, bool ofScores) {
  SmallVector<MapOp> maps(func.getBody().front().getOps<MapOp>());
  for (MapOp map : llvm::reverse(maps)) {
    if (!isAbsorbed(map, ofScores))
      continue;
    for (auto [k, result] : llvm::enumerate(map.getResults()))
      for (Operation *user : llvm::make_early_inc_range(result.getUsers()))
        inlineAt(map, k, cast<ReadOp>(user));
    map.erase();
  }
}

void gatherScores(func::FuncOp func) {
  mergeEqualScalars(func);
  // Scores first: they tell which index a block has many of.
  for (bool ofScores : {true, false})
    absorb(func, ofScores);
  eraseDead(func);
}

} // namespace seq
