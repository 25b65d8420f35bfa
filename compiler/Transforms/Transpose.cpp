//===- Transpose.cpp - Operands of products, laid out for vector lanes ---------------------===//
//
//   map (i, j) { sum[k] { q[i, k] · x[j, k] } }
//     →  %t = map (k, j) { x[j, k] }
//        map (i, j) { sum[k] { q[i, k] · %t[k, j] } }
//
// Lanes run along the map's last index, so that results are stored in order. A read that
// moves with it in another axis than its last would gather: one cache line a lane. Where
// every element is read again for other points of the map, a copy with that axis last
// costs one pass and makes each of those reads a load. Parameters are left to the packing
// of the lowering, which lays them out once and for all calls.
//
// In a scan over tiles a read moves with the lanes from where the tile begins, x[64 b + j, k].
// The copy then has the axis in blocks, t[b, k, j]: the elements of a tile lie together, not a
// whole axis apart, which for powers of two would share a few sets of the cache.
//
// Rejected: a sum in lanes (along k). It reads in order too, but each sum ends in a
// horizontal one, and nothing of x is shared by register rows: 11 GFLOP/s of 237 for
// T = 1024, k = 64 with AVX-512, where the copy gives 130.
//
//===----------------------------------------------------------------------===//
#include "compiler/Transforms/Rewrite.h"
#include "compiler/Transforms/TileRange.h"
#include "compiler/Transforms/Transforms.h"

namespace seq {
#define GEN_PASS_DEF_SEQTRANSPOSE
#include "compiler/Transforms/Passes.h.inc"
} // namespace seq

using namespace mlir;
using namespace seq;

namespace {

/// Fewer points than this read an element again: the copy would not pay.
constexpr int64_t kReuse = 8;

class Transposer {
public:
  explicit Transposer(func::FuncOp func) : func(func) {}

  void run() {
    SmallVector<MapOp> maps;
    func.walk([&](MapOp map) {
      auto scan = dyn_cast<ScanOp>(map->getParentOp());
      if (!scan || scan->hasAttr(kTileAttr))
        maps.push_back(map);
    });
    for (MapOp map : maps)
      visit(map);
  }

private:
  /// How the read `r` of a reduction in `map` moves with the lanes.
  enum class Motion { None, InOrder, Across, Otherwise };

  /// An index that is the lane's, or `width * block` before it.
  struct Place {
    Value block;
    int64_t width = 0; ///< 0: no block
  };

  static std::optional<Place> placeOf(Value index, Value lane, MapOp map) {
    if (index == lane)
      return Place();
    AffineSum sum;
    sum.add(index, 1, [&](Value v) { return !map.getBody().isAncestor(v.getParentRegion()); });
    if (sum.take(lane) != 1 || sum.terms.size() != 1 || sum.terms[0].first != 1 || sum.constant)
      return std::nullopt;
    auto start = sum.terms[0].second.getDefiningOp<arith::MulIOp>();
    auto width = start ? constantOf(start.getRhs()) : std::nullopt;
    Value extent = map.getExtents()[cast<BlockArgument>(lane).getArgNumber()];
    if (!width || !atMost(extent, *width))
      return std::nullopt;
    return Place{start.getLhs(), *width};
  }

  static bool atMost(Value extent, int64_t bound) {
    if (auto k = constantOf(extent))
      return *k <= bound;
    auto min = extent.getDefiningOp<arith::MinSIOp>();
    return min && (atMost(min.getLhs(), bound) || atMost(min.getRhs(), bound));
  }

  Motion motionOf(MapOp map, ReadOp r, Value lane) {
    if (r.getIndices().empty() || !uses(r, lane, map))
      return Motion::None;
    unsigned places = 0, moving = 0;
    for (Value i : r.getIndices()) {
      places += placeOf(i, lane, map).has_value();
      moving += leads(lane, i, map);
    }
    if (places != 1 || moving != 1)
      return Motion::Otherwise;
    if (placeOf(r.getIndices().back(), lane, map))
      return Motion::InOrder;
    return r.getGuard() || r.getCheck() ? Motion::Otherwise : Motion::Across;
  }

  static bool leads(Value index, Value to, MapOp map) {
    Operation *d = to.getDefiningOp();
    return index == to || (d && map->isProperAncestor(d) && indicesUsedBy(d, map).contains(index));
  }
  static bool uses(ReadOp r, Value lane, MapOp map) { return indicesUsedBy(r, map).contains(lane); }

  /// Another index of the map for whose points the same elements are read.
  bool readAgain(MapOp map, ReadOp r) {
    auto used = indicesUsedBy(r, map);
    return llvm::any_of(map.indices(), [&](BlockArgument a) {
      auto extent = constantOf(map.getExtents()[a.getArgNumber()]);
      return !used.contains(a) && (!extent || *extent >= kReuse);
    });
  }

  /// A parameter is packed where a map of the function reads it; what a step makes is not
  /// there before the scan.
  bool mayCopy(MapOp map, Value tensor) {
    auto a = dyn_cast<BlockArgument>(tensor);
    if (isa<ScanOp>(map->getParentOp()))
      return tensor.getParentRegion() == &func.getBody();
    return !a || !func.getArgAttr(a.getArgNumber(), kWeightAttr);
  }

  void visit(MapOp map) {
    if (map.indices().empty())
      return;
    Value lane = map.indices().back();
    auto extent = constantOf(map.getExtents().back());
    if (extent && *extent < kReuse)
      return;
    SmallVector<ReadOp> across;
    bool all = true;
    map->walk([&](ReadOp r) {
      if (!isa<ReduceOp>(r->getParentOp()))
        return;
      Motion m = motionOf(map, r, lane);
      if (m != Motion::Across) {
        all &= m != Motion::Otherwise;
        return;
      }
      all &= mayCopy(map, r.getTensor()) && readAgain(map, r);
      across.push_back(r);
    });
    if (!all || across.empty())
      return;
    for (ReadOp r : across)
      replace(map, r, lane);
  }

  void replace(MapOp map, ReadOp r, Value lane) {
    auto places = llvm::map_range(r.getIndices(), [&](Value i) { return placeOf(i, lane, map); });
    size_t axis = std::distance(places.begin(), llvm::find_if(places, [](auto p) { return p; }));
    Place place = *placeOf(r.getIndices()[axis], lane, map);
    Value copy = copyOf(map, r, axis, place.width);
    if (!copy)
      return;
    SmallVector<Value> at(r.getIndices());
    if (place.width)
      at[axis] = place.block;
    else
      at.erase(at.begin() + axis);
    at.push_back(lane);
    OpBuilder b(r);
    r.getResult().replaceAllUsesWith(ReadOp::create(b, r.getLoc(), copy, at).getResult());
    r.erase();
  }

  /// The tensor that `r` reads, with `axis` last, in blocks of `width` if that is not 0; made
  /// once for all maps that follow.
  Value copyOf(MapOp map, ReadOp r, size_t axis, int64_t width) {
    Value tensor = r.getTensor(), &made = copies[{tensor, {axis, width}}];
    if (made)
      return made;
    OpBuilder b(func.getBody().front().findAncestorOpInBlock(*map));
    auto sizes = tensorSizes(b, func, tensor);
    if (!sizes)
      return nullptr;
    IndexMath m(b, r.getLoc());
    SmallVector<Value> extents(*sizes);
    Value size = extents[axis];
    if (width)
      extents[axis] = m.ceilDiv(size, width);
    else
      extents.erase(extents.begin() + axis);
    extents.push_back(width ? m.constant(width) : size);
    Type element = cast<RankedTensorType>(tensor.getType()).getElementType();
    auto copy = MapOp::create(
        b, r.getLoc(), TypeRange(element), extents, [&](OpBuilder &in, Location loc, ValueRange i) {
          IndexMath k(in, loc);
          SmallVector<Value> from(i.drop_back());
          Value guard;
          if (width) {
            from[axis] = k.add(k.mul(from[axis], width), i.back());
            guard = arith::CmpIOp::create(in, loc, arith::CmpIPredicate::slt, from[axis], size);
          } else {
            from.insert(from.begin() + axis, i.back());
          }
          Value v = ReadOp::create(in, loc, tensor, from, guard);
          YieldOp::create(in, loc, ValueRange(v));
        });
    return made = copy.getResult(0);
  }

  func::FuncOp func;
  llvm::DenseMap<std::pair<Value, std::pair<size_t, int64_t>>, Value> copies;
};

struct Transpose : seq::impl::SeqTransposeBase<Transpose> {
  void runOnOperation() override { Transposer(getOperation()).run(); }
};

} // namespace
