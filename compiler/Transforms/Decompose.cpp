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

/// x, or 0 where it is −∞, the maximum of nothing: what a softmax subtracts. A maximum of +∞
/// stays, and makes the row NaN.
static Value notNegativeInfinity(OpBuilder &b, Location loc, Value x) {
  auto constant = [&](double v) -> Value {
    return arith::ConstantOp::create(b, loc, b.getFloatAttr(x.getType(), v));
  };
  Value nothing = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OEQ, x, constant(-INFINITY));
  return arith::SelectOp::create(b, loc, nothing, constant(0), x);
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

/// Ends a body; `present` may be null.
static void yieldWhen(OpBuilder &b, Location loc, ValueRange values, Value present) {
  auto y = YieldOp::create(b, loc, values);
  if (present)
    y.getPresentMutable().assign(present);
}

/// A map over `extents` of the sums of `term` over `inner`.
static MapOp mapOfSums(OpBuilder &b, Location loc, Type element, ValueRange extents,
                       ValueRange inner, llvm::function_ref<void(OpBuilder &, ValueRange)> term) {
  return MapOp::create(b, loc, TypeRange(element), extents,
                       [&](OpBuilder &in, Location l, ValueRange i) {
                         auto sum = ReduceOp::create(in, l, ReduceKind::sum, element, inner,
                                                     [&](OpBuilder &k, Location, ValueRange j) {
                                                       SmallVector<Value> at(i);
                                                       llvm::append_range(at, j);
                                                       term(k, at);
                                                     });
                         YieldOp::create(in, l, sum.getResults());
                       });
}

/// Clones what `wanted` of the body of `op` depend on, with its indices as `at`.
static IRMapping cloneSlice(OpBuilder &b, Operation *op, ValueRange at, ValueRange wanted) {
  Block &block = op->getRegion(0).front();
  IRMapping mapping;
  mapping.map(block.getArguments(), at);
  for (Value w : wanted) {
    Operation *d = w ? w.getDefiningOp() : nullptr;
    if (!d || d->getBlock() != &block)
      continue;
    for (Operation *o : scalarSlice(d, &block))
      if (!mapping.contains(o->getResult(0)))
        b.clone(*o, mapping);
  }
  return mapping;
}

static void decomposeConv(ConvOp op) {
  OpBuilder b(op);
  unsigned lead = op.getExtents().size() - op.getReduced();
  YieldOp y = op.yield();
  auto map = mapOfSums(
      b, op.getLoc(), op.getResult().getType().getElementType(), op.getExtents().take_front(lead),
      op.getExtents().drop_front(lead), [&](OpBuilder &in, ValueRange at) {
        IRMapping m = cloneSlice(in, op, at, y->getOperands());
        Value p = arith::MulFOp::create(in, op.getLoc(), m.lookupOrDefault(y.getValues()[0]),
                                        m.lookupOrDefault(y.getValues()[1]));
        yieldWhen(in, op.getLoc(), p, y.getPresent() ? m.lookupOrDefault(y.getPresent()) : Value());
      });
  map.getResult(0).setType(op.getResult().getType());
  op.getResult().replaceAllUsesWith(map.getResult(0));
  op.erase();
}

/// The softmax over those indices that score and presence use, then sums of the values.
static void decomposeAttention(AttentionOp op) {
  OpBuilder b(op);
  Location loc = op.getLoc();
  YieldOp y = op.yield();
  Value score = op.score(), present = y.getPresent(), key = op.key();
  llvm::SetVector<Value> used;
  for (Value v : {score, present}) {
    if (llvm::is_contained(op.indices(), v))
      used.insert(v);
    else if (v && v.getParentBlock() == op.bodyBlock())
      used.insert_range(indicesUsedBy(v.getDefiningOp(), op));
  }
  SmallVector<Value> rows, extents;
  SmallVector<unsigned> places;
  for (BlockArgument a : op.indices())
    if (used.contains(a) || a == key) {
      places.push_back(a.getArgNumber());
      extents.push_back(op.getExtents()[a.getArgNumber()]);
    }
  Location scoreLoc = score.getDefiningOp() ? score.getLoc() : loc;
  auto weights = SoftmaxOp::create(
      b, scoreLoc, 1, score.getType(), extents, [&](OpBuilder &in, Location l, ValueRange i) {
        SmallVector<Value> at(op.indices().size(), i.back());
        for (auto [k, place] : llvm::enumerate(places))
          at[place] = i[k];
        IRMapping m = cloneSlice(in, op, at, {score, present});
        yieldWhen(in, l, m.lookupOrDefault(score), present ? m.lookupOrDefault(present) : Value());
      });
  for (auto [result, value] : llvm::zip(op.getResults(), y.getValues().drop_front())) {
    auto map = mapOfSums(b, loc, value.getType(), op.getExtents().drop_back(),
                         op.getExtents().take_back(), [&](OpBuilder &in, ValueRange at) {
                           IRMapping m = cloneSlice(in, op, at, {value, present});
                           SmallVector<Value> row;
                           for (unsigned place : places)
                             row.push_back(at[place]);
                           Value w = ReadOp::create(in, loc, weights.getResult(), row);
                           Value p = arith::MulFOp::create(in, loc, w, m.lookupOrDefault(value));
                           yieldWhen(in, loc, p, present ? m.lookupOrDefault(present) : Value());
                         });
    map.getResult(0).setType(cast<RankedTensorType>(result.getType()));
    result.replaceAllUsesWith(map.getResult(0));
  }
  op.erase();
}

/// Clones the softmax's body at `indices`; the score and the presence (or null).
static std::pair<Value, Value> cloneBody(OpBuilder &b, SoftmaxOp op, ValueRange indices) {
  IRMapping map;
  map.map(op.indices(), indices);
  for (Operation &o : op.bodyBlock()->without_terminator())
    b.clone(o, map);
  YieldOp y = op.yield();
  Value present = y.getPresent() ? map.lookupOrDefault(y.getPresent()) : Value();
  return {map.lookupOrDefault(y.getValues()[0]), present};
}

static void decomposeSoftmax(SoftmaxOp op) {
  OpBuilder b(op);
  Location loc = op.getLoc();
  unsigned n = op.getExtents().size(), reduced = op.getReduced(), lead = n - reduced;
  Type e = op.getResult().getType().getElementType();
  ValueRange extents = op.getExtents(), outer = extents.take_front(lead),
             inner = extents.drop_front(lead);
  bool masked = static_cast<bool>(op.yield().getPresent());
  // Scores and presence, once; −∞ where absent, so that the maximum needs no mask.
  SmallVector<Type> types{e};
  if (masked)
    types.push_back(b.getI1Type());
  auto scores = MapOp::create(b, loc, types, extents, [&](OpBuilder &in, Location l, ValueRange i) {
    auto [s, p] = cloneBody(in, op, i);
    if (!masked) {
      YieldOp::create(in, l, ValueRange(s));
      return;
    }
    YieldOp::create(in, l, ValueRange{s, p});
  });
  auto readAt = [&](OpBuilder &in, Value tensor, ValueRange a, ValueRange d) -> Value {
    SmallVector<Value> i(a);
    llvm::append_range(i, d);
    return ReadOp::create(in, loc, tensor, i);
  };
  auto along = [&](ReduceKind kind,
                   llvm::function_ref<Value(OpBuilder &, Value, ValueRange)> change) {
    return MapOp::create(b, loc, TypeRange(e), outer,
                         [&](OpBuilder &in, Location l, ValueRange i) {
                           auto r = ReduceOp::create(
                               in, l, kind, e, inner, [&](OpBuilder &k, Location, ValueRange j) {
                                 Value s = readAt(k, scores.getResult(0), i, j);
                                 Value v = change ? change(k, s, i) : s;
                                 auto y = YieldOp::create(k, l, ValueRange(v));
                                 if (masked) {
                                   k.setInsertionPoint(y);
                                   y.getPresentMutable().assign(
                                       readAt(k, scores.getResult(1), i, j));
                                 }
                               });
                           YieldOp::create(in, l, r.getResults());
                         })
        .getResult(0);
  };
  Value top = along(ReduceKind::max, nullptr);
  auto shifted = [&](OpBuilder &in, Value s, ValueRange i) -> Value {
    Value m = notNegativeInfinity(in, loc, ReadOp::create(in, loc, top, i));
    return UnaryOp::create(in, loc, UnaryKind::exp, arith::SubFOp::create(in, loc, s, m));
  };
  Value sum = along(ReduceKind::sum, shifted);
  auto out =
      MapOp::create(b, loc, TypeRange(e), extents, [&](OpBuilder &in, Location l, ValueRange i) {
        Value s = ReadOp::create(in, l, scores.getResult(0), i);
        Value x = shifted(in, s, i.take_front(lead));
        Value z = ReadOp::create(in, l, sum, i.take_front(lead));
        Value q = arith::DivFOp::create(in, l, x, z);
        if (masked) {
          Value p = ReadOp::create(in, l, scores.getResult(1), i);
          Value zero = arith::ConstantOp::create(in, l, in.getFloatAttr(e, 0));
          q = arith::SelectOp::create(in, l, p, q, zero);
        }
        YieldOp::create(in, l, ValueRange(q));
      });
  out.getResult(0).setType(op.getResult().getType());
  op.getResult().replaceAllUsesWith(out.getResult(0));
  op.erase();
}

namespace {
struct Decompose : seq::impl::SeqDecomposeBase<Decompose> {
  void runOnOperation() override {
    SmallVector<AttentionOp> attentions;
    getOperation().walk([&](AttentionOp op) { attentions.push_back(op); });
    for (AttentionOp op : attentions)
      decomposeAttention(op);
    SmallVector<ConvOp> convolutions;
    getOperation().walk([&](ConvOp op) { convolutions.push_back(op); });
    for (ConvOp op : convolutions)
      decomposeConv(op);
    SmallVector<SoftmaxOp> normalisers;
    getOperation().walk([&](SoftmaxOp op) { normalisers.push_back(op); });
    for (SoftmaxOp op : normalisers)
      decomposeSoftmax(op);
    SmallVector<ReduceOp> sums;
    getOperation().walk([&](ReduceOp op) {
      if (op.kind(0) == ReduceKind::logsumexp)
        sums.push_back(op);
    });
    for (ReduceOp op : sums)
      decomposeLogSumExp(op);
  }
};
} // namespace
