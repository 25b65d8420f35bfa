//===- Decompose.cpp - Attention, convolution, softmax, logsumexp in simpler terms --------===//
#include "compiler/Transforms/Rewrite.h"
#include "compiler/Transforms/Transforms.h"

namespace seq {
#define GEN_PASS_DEF_SEQDECOMPOSE
#include "compiler/Transforms/Passes.h.inc"
} // namespace seq

using namespace mlir;
using namespace seq;

/// x, or 0 where it is infinite: what may be subtracted from its equals.
static Value finite(OpBuilder &b, Location loc, Value x) {
  Value abs = UnaryOp::create(b, loc, UnaryKind::abs, x);
  auto inf = b.getFloatAttr(x.getType(), INFINITY);
  Value isInf = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OEQ, abs,
                                      arith::ConstantOp::create(b, loc, inf));
  Value zero = arith::ConstantOp::create(b, loc, b.getFloatAttr(x.getType(), 0));
  return arith::SelectOp::create(b, loc, isInf, zero, x);
}

/// Clones `reduce` as another kind; `change` maps the yielded value.
static ReduceOp cloneAs(OpBuilder &b, ReduceOp reduce, ReduceKind kind,
                        llvm::function_ref<Value(OpBuilder &, Value)> change) {
  auto copy = cast<ReduceOp>(b.clone(*reduce));
  copy.setKindsAttr(b.getArrayAttr(ReduceKindAttr::get(b.getContext(), kind)));
  YieldOp y = copy.yield();
  if (change) {
    OpBuilder inner(y);
    y.getValuesMutable().assign(change(inner, y.getValues()[0]));
  }
  return copy;
}

static void decomposeLogSumExp(ReduceOp reduce) {
  OpBuilder b(reduce);
  Location loc = reduce.getLoc();
  ReduceOp top = cloneAs(b, reduce, ReduceKind::max, nullptr);
  Value shift = finite(b, loc, top.getResult(0));
  ReduceOp sum = cloneAs(b, reduce, ReduceKind::sum, [&](OpBuilder &in, Value v) -> Value {
    return UnaryOp::create(in, loc, UnaryKind::exp, arith::SubFOp::create(in, loc, v, shift));
  });
  Value log = UnaryOp::create(b, loc, UnaryKind::log, sum.getResult(0));
  reduce.getResult(0).replaceAllUsesWith(arith::AddFOp::create(b, loc, log, shift));
  reduce.erase();
}

/// A map over `extents` of folds over `inner`; `term` gives the value and the presence (null:
/// always) at a point.
static MapOp mapOfFolds(OpBuilder &b, Location loc, ReduceKind kind, Type element,
                        ValueRange extents, ValueRange inner,
                        llvm::function_ref<std::pair<Value, Value>(OpBuilder &, ValueRange)> term) {
  return MapOp::create(b, loc, TypeRange(element), extents,
                       [&](OpBuilder &in, Location l, ValueRange i) {
                         auto fold = ReduceOp::create(in, l, kind, element, inner,
                                                      [&](OpBuilder &k, Location, ValueRange j) {
                                                        SmallVector<Value> at(i);
                                                        llvm::append_range(at, j);
                                                        auto [value, present] = term(k, at);
                                                        YieldOp::create(k, l, value, present);
                                                      });
                         YieldOp::create(in, l, fold.getResults());
                       });
}

static void decomposeConv(ConvOp op) {
  OpBuilder b(op);
  Location loc = op.getLoc();
  unsigned lead = op.getExtents().size() - op.getReduced();
  YieldOp y = op.yield();
  auto map =
      mapOfFolds(b, loc, ReduceKind::sum, op.getResult().getType().getElementType(),
                 op.getExtents().take_front(lead), op.getExtents().drop_front(lead),
                 [&](OpBuilder &in, ValueRange at) {
                   auto v =
                       cloneSlice(in, op, at, {y.getValues()[0], y.getValues()[1], y.getPresent()});
                   return std::pair<Value, Value>(arith::MulFOp::create(in, loc, v[0], v[1]), v[2]);
                 });
  map.getResult(0).setType(op.getResult().getType());
  op.getResult().replaceAllUsesWith(map.getResult(0));
  op.erase();
}

namespace {
/// Rows of scores along the last indices of `extents`, and what a softmax makes of them.
/// A maximum of −∞ or +∞ makes the weights NaN, as the equations have it.
class Rows {
public:
  using Body = llvm::function_ref<std::pair<Value, Value>(OpBuilder &, ValueRange)>;
  using Term = llvm::function_ref<Value(OpBuilder &, ValueRange)>;

  /// `body` gives the score and the presence (null: every point is present) at a point.
  Rows(OpBuilder &b, Location loc, Type element, ValueRange extents, unsigned lead, Body body)
      : b(b), loc(loc), element(element), extents(extents), lead(lead) {
    auto map = MapOp::create(b, loc, {element, b.getI1Type()}, extents,
                             [&](OpBuilder &in, Location l, ValueRange i) {
                               auto [score, present] = body(in, i);
                               if (!present)
                                 present = arith::ConstantOp::create(in, l, in.getBoolAttr(true));
                               else
                                 masked = true;
                               YieldOp::create(in, l, ValueRange{score, present});
                             });
    scores = map.getResult(0);
    presence = map.getResult(1);
    top = along(ReduceKind::max, [&](OpBuilder &in, ValueRange i) -> Value {
      return ReadOp::create(in, this->loc, scores, i);
    });
  }

  /// A value for each row: a fold over its present points.
  Value along(ReduceKind kind, Term term) {
    return mapOfFolds(b, loc, kind, element, extents.take_front(lead), extents.drop_front(lead),
                      [&](OpBuilder &in, ValueRange i) {
                        Value v = term(in, i);
                        return std::pair(v, present(in, i));
                      })
        .getResult(0);
  }

  /// exp(score − the row's maximum) at a present point.
  Value weight(OpBuilder &in, ValueRange i) {
    Value s = ReadOp::create(in, loc, scores, i);
    Value m = ReadOp::create(in, loc, top, i.take_front(lead));
    return UnaryOp::create(in, loc, UnaryKind::exp, arith::SubFOp::create(in, loc, s, m));
  }

  /// `v`, or 0 at an absent point.
  Value orZero(OpBuilder &in, Value v, ValueRange i) {
    if (!masked)
      return v;
    Value zero = arith::ConstantOp::create(in, loc, in.getFloatAttr(element, 0));
    return arith::SelectOp::create(in, loc, present(in, i), v, zero);
  }

private:
  Value present(OpBuilder &in, ValueRange i) {
    return masked ? ReadOp::create(in, loc, presence, i).getResult() : Value();
  }

  OpBuilder &b;
  Location loc;
  Type element;
  ValueRange extents;
  unsigned lead;
  bool masked = false;
  Value scores, presence, top;
};
} // namespace

namespace {
/// Weights over those indices that score and presence use, then sums of the values. The
/// division by the weights' sum comes last: once a result, not once a key.
class AttentionParts {
public:
  explicit AttentionParts(AttentionOp op)
      : op(op), b(op), loc(op.getLoc()), score(op.score()), present(op.yield().getPresent()),
        element(score.getType()), places(weightPlaces(op)) {
    for (unsigned place : places)
      extents.push_back(op.getExtents()[place]);
    scoreLoc = score.getDefiningOp() ? score.getLoc() : loc;
  }

  void run() {
    op.getLinear() ? makeLinear() : makeSoftmax();
    for (auto [result, value] : llvm::zip(op.getResults(), op.yield().getValues().drop_front())) {
      MapOp sums = sumOf(value);
      if (total)
        divide(sums);
      sums.getResult(0).setType(cast<RankedTensorType>(result.getType()));
      result.replaceAllUsesWith(sums.getResult(0));
    }
    op.erase();
  }

private:
  std::pair<Value, Value> scoreAt(OpBuilder &in, ValueRange i) {
    SmallVector<Value> at(op.indices().size(), i.back());
    for (auto [k, place] : llvm::enumerate(places))
      at[place] = i[k];
    auto v = cloneSlice(in, op, at, {score, present});
    return {v[0], v[1]};
  }

  void makeSoftmax() {
    Rows rows(b, scoreLoc, element, extents, extents.size() - 1,
              [&](OpBuilder &in, ValueRange i) { return scoreAt(in, i); });
    weights = mapOver(
        [&](OpBuilder &in, ValueRange i) { return rows.orZero(in, rows.weight(in, i), i); });
    total = rows.along(ReduceKind::sum, [&](OpBuilder &in, ValueRange i) -> Value {
      return ReadOp::create(in, loc, weights, i);
    });
  }

  void makeLinear() {
    weights = mapOver([&](OpBuilder &in, ValueRange i) -> Value {
      auto [s, here] = scoreAt(in, i);
      if (!here)
        return s;
      Value zero = arith::ConstantOp::create(in, loc, in.getFloatAttr(element, 0));
      return arith::SelectOp::create(in, loc, here, s, zero).getResult();
    });
  }

  Value mapOver(llvm::function_ref<Value(OpBuilder &, ValueRange)> body) {
    return MapOp::create(b, scoreLoc, TypeRange(element), extents,
                         [&](OpBuilder &in, Location l, ValueRange i) {
                           YieldOp::create(in, l, ValueRange(body(in, i)));
                         })
        .getResult(0);
  }

  SmallVector<Value> atWeights(ValueRange i) {
    SmallVector<Value> out;
    for (unsigned place : places)
      if (place < i.size())
        out.push_back(i[place]);
    return out;
  }

  MapOp sumOf(Value value) {
    return mapOfFolds(b, loc, ReduceKind::sum, element, op.getExtents().drop_back(),
                      op.getExtents().take_back(), [&](OpBuilder &in, ValueRange at) {
                        auto v = cloneSlice(in, op, at, {value, present});
                        Value w = ReadOp::create(in, loc, weights, atWeights(at));
                        return std::pair<Value, Value>(arith::MulFOp::create(in, loc, w, v[0]),
                                                       v[1]);
                      });
  }

  /// A row without present points has no weight at all, and is 0.
  void divide(MapOp sums) {
    YieldOp end = sums.yield();
    OpBuilder in(end);
    Value z = ReadOp::create(in, loc, total, atWeights(sums.indices()));
    Value zero = arith::ConstantOp::create(in, loc, in.getFloatAttr(element, 0));
    Value none = arith::CmpFOp::create(in, loc, arith::CmpFPredicate::OEQ, z, zero);
    Value mean = arith::DivFOp::create(in, loc, end.getValues()[0], z);
    end.getValuesMutable().assign(arith::SelectOp::create(in, loc, none, zero, mean).getResult());
  }

  AttentionOp op;
  OpBuilder b;
  Location loc, scoreLoc = loc;
  Value score, present;
  Type element;
  SmallVector<unsigned> places;
  SmallVector<Value> extents;
  Value weights, total; ///< of each row and key; of each row, null where linear
};
} // namespace

/// A logsumexp over the keys, which is taken apart after it.
static void decomposeNormaliser(AttentionOp op) {
  OpBuilder b(op);
  Location loc = op.getLoc();
  auto map =
      mapOfFolds(b, loc, ReduceKind::logsumexp, op.score().getType(), op.getExtents().drop_back(),
                 op.getExtents().take_back(), [&](OpBuilder &in, ValueRange at) {
                   auto v = cloneSlice(in, op, at, {op.score(), op.yield().getPresent()});
                   return std::pair(v[0], v[1]);
                 });
  map.getResult(0).setType(cast<RankedTensorType>(op.getResult(0).getType()));
  op.getResult(0).replaceAllUsesWith(map.getResult(0));
  op.erase();
}

static void decomposeAttention(AttentionOp op) {
  op.getNormaliser() ? decomposeNormaliser(op) : AttentionParts(op).run();
}

static void decomposeSoftmax(SoftmaxOp op) {
  OpBuilder b(op);
  Location loc = op.getLoc();
  Type element = op.getResult().getType().getElementType();
  unsigned lead = op.getExtents().size() - op.getReduced();
  YieldOp y = op.yield();
  Value score = y.getValues()[0], present = y.getPresent();
  Rows rows(b, loc, element, op.getExtents(), lead, [&](OpBuilder &in, ValueRange i) {
    auto v = cloneSlice(in, op, i, {score, present});
    return std::pair(v[0], v[1]);
  });
  Value total =
      rows.along(ReduceKind::sum, [&](OpBuilder &in, ValueRange i) { return rows.weight(in, i); });
  auto out = MapOp::create(b, loc, TypeRange(element), op.getExtents(),
                           [&](OpBuilder &in, Location l, ValueRange i) {
                             Value z = ReadOp::create(in, l, total, i.take_front(lead));
                             Value q = arith::DivFOp::create(in, l, rows.weight(in, i), z);
                             YieldOp::create(in, l, rows.orZero(in, q, i));
                           });
  out.getResult(0).setType(op.getResult().getType());
  op.getResult().replaceAllUsesWith(out.getResult(0));
  op.erase();
}

namespace {
struct Decompose : seq::impl::SeqDecomposeBase<Decompose> {
  void runOnOperation() override {
    forEach(decomposeAttention);
    forEach(decomposeConv);
    forEach(decomposeSoftmax);
    SmallVector<ReduceOp> sums;
    getOperation().walk([&](ReduceOp op) {
      if (op.kind(0) == ReduceKind::logsumexp)
        sums.push_back(op);
    });
    for (ReduceOp op : sums)
      decomposeLogSumExp(op);
    eraseDead(getOperation());
  }

  template <class Op> void forEach(void (*decompose)(Op)) {
    SmallVector<Op> ops;
    getOperation().walk([&](Op op) { ops.push_back(op); });
    for (Op op : ops)
      decompose(op);
  }
};
} // namespace
