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
// Rejected: a sum in lanes (along k). It reads in order too, but each sum ends in a
// horizontal one, and nothing of x is shared by register rows: 11 GFLOP/s of 237 for
// T = 1024, k = 64 with AVX-512, where the copy gives 130.
//
//===----------------------------------------------------------------------===//
#include "compiler/Transforms/Rewrite.h"
#include "compiler/Transforms/Transforms.h"

#include "mlir/IR/AffineExpr.h"
#include "mlir/IR/AffineMap.h"

namespace seq {
#define GEN_PASS_DEF_SEQTRANSPOSE
#include "compiler/Transforms/Passes.h.inc"
} // namespace seq

using namespace mlir;
using namespace seq;

namespace {

/// Fewer points than this read an element again: the copy would not pay.
constexpr int64_t kReuse = 8;

/// The sizes of `tensor` as values at the builder's place; none where they are not simple.
std::optional<SmallVector<Value>> sizesOf(OpBuilder &b, func::FuncOp func, Value tensor) {
  if (auto map = tensor.getDefiningOp<MapOp>())
    return SmallVector<Value>(map.getExtents());
  auto type = cast<RankedTensorType>(tensor.getType());
  auto argument = dyn_cast<BlockArgument>(tensor);
  auto shape = argument ? func.getArgAttrOfType<AffineMapAttr>(argument.getArgNumber(), "seq.shape")
                        : AffineMapAttr();
  auto names = func->getAttrOfType<ArrayAttr>(kSizesAttr);
  SmallVector<Value> out;
  for (int64_t k = 0; k < type.getRank(); ++k) {
    if (!type.isDynamicDim(k)) {
      out.push_back(arith::ConstantIndexOp::create(b, tensor.getLoc(), type.getDimSize(k)));
      continue;
    }
    auto symbol = shape ? dyn_cast<AffineSymbolExpr>(shape.getValue().getResult(k)) : nullptr;
    if (!symbol || !names)
      return std::nullopt;
    out.push_back(
        SizeOp::create(b, tensor.getLoc(), cast<StringAttr>(names[symbol.getPosition()])));
  }
  return out;
}

class Transposer {
public:
  explicit Transposer(func::FuncOp func) : func(func) {}

  void run() {
    for (auto map : llvm::make_early_inc_range(func.getBody().front().getOps<MapOp>()))
      visit(map);
  }

private:
  /// How the read `r` of a reduction in `map` moves with the lanes.
  enum class Motion { None, InOrder, Across, Otherwise };

  Motion motionOf(MapOp map, ReadOp r, Value lane) {
    if (r.getIndices().empty() || !uses(r, lane, map))
      return Motion::None;
    if (r.getIndices().back() == lane && llvm::count(r.getIndices(), lane) == 1 &&
        llvm::none_of(r.getIndices().drop_back(), [&](Value i) { return leads(lane, i, map); }))
      return Motion::InOrder;
    bool across = !r.getGuard() && !r.getCheck() && r.getIndices().size() >= 2;
    unsigned places = 0;
    for (Value i : r.getIndices()) {
      places += i == lane;
      across &= i == lane || !leads(lane, i, map);
    }
    return across && places == 1 && r.getIndices().back() != lane ? Motion::Across
                                                                  : Motion::Otherwise;
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

  bool isWeight(Value tensor) {
    auto a = dyn_cast<BlockArgument>(tensor);
    return a && func.getArgAttr(a.getArgNumber(), kWeightAttr);
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
      all &= !isWeight(r.getTensor()) && readAgain(map, r);
      across.push_back(r);
    });
    if (!all || across.empty())
      return;
    for (ReadOp r : across)
      replace(map, r, lane);
  }

  void replace(MapOp map, ReadOp r, Value lane) {
    size_t axis = std::distance(r.getIndices().begin(), llvm::find(r.getIndices(), lane));
    Value copy = copyOf(map, r, axis);
    if (!copy)
      return;
    SmallVector<Value> at(r.getIndices());
    at.erase(at.begin() + axis);
    at.push_back(lane);
    OpBuilder b(r);
    r.getResult().replaceAllUsesWith(ReadOp::create(b, r.getLoc(), copy, at).getResult());
    r.erase();
  }

  /// The tensor that `r` reads, with `axis` last; made once for all maps that follow.
  Value copyOf(MapOp map, ReadOp r, size_t axis) {
    Value tensor = r.getTensor(), &made = copies[{tensor, axis}];
    if (made)
      return made;
    OpBuilder b(map);
    auto sizes = sizesOf(b, func, tensor);
    if (!sizes)
      return nullptr;
    SmallVector<Value> extents(*sizes);
    extents.erase(extents.begin() + axis);
    extents.push_back((*sizes)[axis]);
    Type element = cast<RankedTensorType>(tensor.getType()).getElementType();
    made = MapOp::create(b, r.getLoc(), TypeRange(element), extents,
                         [&](OpBuilder &in, Location loc, ValueRange i) {
                           SmallVector<Value> from(i.drop_back());
                           from.insert(from.begin() + axis, i.back());
                           Value v = ReadOp::create(in, loc, tensor, from);
                           YieldOp::create(in, loc, ValueRange(v));
                         })
               .getResult(0);
    return made;
  }

  func::FuncOp func;
  llvm::DenseMap<std::pair<Value, size_t>, Value> copies;
};

struct Transpose : seq::impl::SeqTransposeBase<Transpose> {
  void runOnOperation() override { Transposer(getOperation()).run(); }
};

} // namespace
