//===- Contract.cpp - What maps are matrix products, and their tiles ------------------------===//
//
// A map is a product in tiles where its only reduction sums products of two factors, of which one
// moves with one index of the map alone, and the other with another. Whatever the factors are made
// of, a block evaluates them once for a tile of points (TileEmitter.h). Factors that have all been
// rounded to bf16, or all to f16, meet in matrix instructions of that type.
//
//===----------------------------------------------------------------------===//
#include "compiler/Lowering/Gpu/Contract.h"

#include "compiler/Lowering/Common/Lanes.h"
#include "compiler/Lowering/Gpu/GpuLowering.h"

using namespace mlir;
namespace seq::gpu {

//===----------------------------------------------------------------------===//
// What is a contraction
//===----------------------------------------------------------------------===//

namespace {
/// Which indices a value of a reduction's body depends on, and whether it may be evaluated for each
/// of them anew.
struct Cone {
  llvm::SetVector<Value> indices;
  SmallVector<ReadOp> reads;
  bool cheap = true;

  void add(Value v) {
    if (!seen.insert(v).second)
      return;
    if (auto a = dyn_cast<BlockArgument>(v)) {
      if (isa<MapOp, ReduceOp>(a.getOwner()->getParentOp()))
        indices.insert(v);
      return;
    }
    Operation *op = v.getDefiningOp();
    if (!op->getParentOfType<MapOp>() || isa<arith::ConstantOp>(op))
      return;
    // Sums inside would be computed for each point of both indices.
    cheap &= op->getNumRegions() == 0;
    if (auto read = dyn_cast<ReadOp>(op))
      reads.push_back(read);
    for (Value o : op->getOperands())
      if (!isa<TensorType>(o.getType()))
        add(o);
  }

private:
  llvm::DenseSet<Value> seen;
};
} // namespace

bool dependsOn(Value v, Value index) {
  Cone cone;
  cone.add(v);
  return cone.indices.contains(index);
}

/// More points along an index than this, where it is not known.
static int64_t extentOr(Value index, int64_t unknown) {
  auto a = cast<BlockArgument>(index);
  auto map = cast<MapOp>(a.getOwner()->getParentOp());
  return Code::constant(upperBound(map.getExtents()[a.getArgNumber()])).value_or(unknown);
}

/// The index of the map with the most points that is in `own` and not in `other`.
static std::optional<unsigned> largestIn(MapOp map, const Cone &own, const Cone &other) {
  std::optional<unsigned> best;
  int64_t most = 0;
  for (auto [k, index] : llvm::enumerate(map.indices())) {
    int64_t n = extentOr(index, 1 << 12);
    if (own.indices.contains(index) && !other.indices.contains(index) && n > most) {
      best = k;
      most = n;
    }
  }
  return best;
}

/// Whether reads of the cone that follow each other in memory do so along `index`.
static bool fastAlong(const Cone &cone, Value index) {
  int along = 0;
  for (ReadOp read : cone.reads) {
    if (read.getIndices().empty())
      continue;
    Cone last;
    last.add(read.getIndices().back());
    along += last.indices.contains(index) ? 1 : -1;
  }
  return along >= 0;
}

/// The factors as they are before they are widened, where that is the same type of 16 bits.
static void takeShort(Contraction &con) {
  con.element = con.reduce.getResult(0).getType();
  Type element;
  for (const Factor &f : con.factors) {
    auto widened = f.value.getDefiningOp<arith::ExtFOp>();
    Type t = widened ? widened.getIn().getType() : Type();
    if (!t || !isShort(t) || (element && t != element) || !con.element.isF32())
      return;
    element = t;
  }
  con.element = element;
  for (Factor &f : con.factors)
    f.value = f.value.getDefiningOp<arith::ExtFOp>().getIn();
}

std::optional<Contraction> contractionOf(MapOp map) {
  Contraction out;
  for (auto reduce : map.bodyBlock()->getOps<ReduceOp>()) {
    if (out.reduce)
      return std::nullopt;
    out.reduce = reduce;
  }
  if (!out.reduce || out.reduce.yield().getPresent())
    return std::nullopt;
  bool first = true;
  for (auto [i, value] : llvm::enumerate(out.reduce.yield().getValues())) {
    auto mul = value.getDefiningOp<arith::MulFOp>();
    if (out.reduce.kind(i) != ReduceKind::sum || !mul || mul->getBlock() != out.reduce.bodyBlock())
      return std::nullopt;
    Cone x, y;
    x.add(mul.getLhs());
    y.add(mul.getRhs());
    if (!x.cheap || !y.cheap)
      return std::nullopt;
    bool turned = false;
    if (first) {
      auto m = largestIn(map, x, y), n = largestIn(map, y, x);
      if (!m || !n)
        return std::nullopt;
      // The last index of the result runs along n, so that stores follow each other.
      turned = *m > *n;
      out.m = turned ? *n : *m;
      out.n = turned ? *m : *n;
      first = false;
    } else {
      turned = !x.indices.contains(map.indices()[out.m]);
    }
    const Cone &a = turned ? y : x, &b = turned ? x : y;
    Value m = map.indices()[out.m], n = map.indices()[out.n];
    if (!a.indices.contains(m) || a.indices.contains(n) || !b.indices.contains(n) ||
        b.indices.contains(m))
      return std::nullopt;
    auto number = [&](Value v, const Cone &cone, bool overM) -> unsigned {
      for (auto [k, f] : llvm::enumerate(out.factors))
        if (f.value == v)
          return k;
      out.factors.push_back({v, overM, fastAlong(cone, out.reduce.indices().back())});
      return out.factors.size() - 1;
    };
    unsigned ka = number(turned ? mul.getRhs() : mul.getLhs(), a, true);
    unsigned kb = number(turned ? mul.getLhs() : mul.getRhs(), b, false);
    out.products.push_back({ka, kb});
  }
  takeShort(out);
  return out;
}

/// Elements of a line: whole vectors, and in other banks than the lines beside it. Fragments of
/// tf32 are columns of four lines, which 8 elements keep apart; 4 are better for what is written
/// along lines. Fragments of 16 bits are eight lines of 16 bytes, which 8 elements more keep apart.
unsigned BlockTile::pitch(const Contraction &contraction, const Factor &f) const {
  unsigned width = linesInside(contraction, f) ? k : side(f);
  return width + (matrix || contraction.isShort() ? 8 : 4);
}

int64_t BlockTile::bytes(const Contraction &contraction) const {
  int64_t all = 0;
  for (const Factor &f : contraction.factors)
    all += llvm::alignTo(elements(contraction, f) * stages * Code::bytes(contraction.element),
                         alignment());
  return all + (groups ? alignment() : 0); // which the first one may need
}

WarpGrid::WarpGrid(const BlockTile &t) {
  unsigned warps = t.threads() / kWarp;
  for (unsigned r = 1; r <= warps; r *= 2) {
    bool whole = t.m % (16 * r) == 0 && t.n % (8 * (warps / r)) == 0;
    // As square as can be: fewest fragments to load.
    unsigned mm = t.m / 16 / r, nn = t.n / 8 / (warps / r);
    if (!whole || (fits && 2 * mm + nn >= 2 * m + n))
      continue;
    columns = warps / r;
    m = mm;
    n = nn;
    fits = t.threads() % kWarp == 0;
  }
}

/// From the largest to the smallest: by warp groups, by other instructions of 16 bits, of others.
static SmallVector<BlockTile> tilesOf(const Contraction &contraction, const Target &target) {
  static const BlockTile groups[] = {
      {128, 128, 64, 8, 8}, {64, 128, 64, 8, 8}, {128, 64, 64, 8, 4}, {64, 64, 64, 8, 4}};
  static const BlockTile shorts[] = {{128, 128, 32, 8, 8}, {128, 64, 32, 8, 8}, {64, 128, 32, 8, 8},
                                     {64, 64, 32, 8, 4},   {32, 128, 32, 8, 4}, {32, 64, 32, 4, 4},
                                     {32, 32, 32, 4, 2},   {16, 64, 32, 4, 2},  {16, 32, 32, 2, 2}};
  static const BlockTile others[] = {{64, 64, 16, 8, 4}, {64, 64, 16, 4, 4}, {32, 64, 16, 4, 4},
                                     {32, 32, 16, 4, 2}, {32, 32, 16, 2, 2}, {16, 32, 16, 2, 2},
                                     {16, 16, 16, 2, 1}};
  if (!contraction.isShort())
    return SmallVector<BlockTile>(std::begin(others), std::end(others));
  SmallVector<BlockTile> tiles;
  if (target.hasWarpGroups())
    for (BlockTile t : groups) {
      t.groups = true;
      tiles.push_back(t);
    }
  tiles.append(std::begin(shorts), std::end(shorts));
  return tiles;
}

std::optional<BlockTile> tileFor(MapOp map, const Contraction &contraction, unsigned threads,
                                 int64_t shared, const Target &target) {
  // What is known at the call only is taken for little in a step of a block, so that its threads
  // have registers for all of the step.
  int64_t unknown = threads ? 32 : 1 << 12;
  int64_t m = extentOr(map.indices()[contraction.m], unknown),
          n = extentOr(map.indices()[contraction.n], unknown);
  unsigned sums = contraction.products.size();
  bool wide = contraction.element.isF64();
  bool byMatrix = contraction.isShort() || (!wide && target.products == Products::Tf32x3);
  ReduceOp reduce = contraction.reduce;
  int64_t depth = Code::constant(reduce.getExtents().back()).value_or(1 << 12);
  if (m < 8 || n < 8 || m * n < 256 || depth < 8 || sums > 4)
    return std::nullopt;
  bool copies = llvm::any_of(contraction.factors, [](const Factor &f) { return f.copied != 0; });
  // Less than half of a side empty, and no more accumulators than registers.
  for (BlockTile t : tilesOf(contraction, target)) {
    t.matrix = byMatrix && (t.groups || WarpGrid(t).fits);
    bool fits = (threads == 0 || t.threads() == threads) && t.m < 2 * m && t.n < 2 * n &&
                (t.matrix || !contraction.isShort()) &&
                t.ownM * t.ownN * sums * (wide ? 2 : 1) <= 64;
    // Copies of two steps are on their way where there is room.
    for (unsigned stages : {copies ? 3u : 2u, 2u}) {
      t.stages = stages;
      if (fits && t.bytes(contraction) <= shared)
        return t;
    }
  }
  return std::nullopt;
}

} // namespace seq::gpu
