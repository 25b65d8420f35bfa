//===- Raise.cpp - Attention and convolution from what they are written as -----------------===//
//
//   %p = softmax 1 (i, j) { s(i, j) when d(i, j) }
//   map (i, c) { reduce [sum] (j) { %p[i, j] · v(j, c) when d(i, j) } }
//     →  attention (i, c, j) { s(i, j), v(j, c) when d(i, j) }
//
//   map (t, c) { reduce [sum] (k) { w[k, c] · x[t − k, c] when k ≤ t } }
//     →  conv 1 (t, c, k) { w[k, c], x[t − k, c] when k ≤ t }
//
// Either stands before the map and is read where the sum was, so that the rest of the map
// (a gate, a bias) keeps its place. It runs over the indices of the map that it depends on.
//
//===----------------------------------------------------------------------===//
#include "compiler/Analysis/Domain.h"
#include "compiler/Transforms/Sum.h"
#include "compiler/Transforms/Transforms.h"

namespace seq {
#define GEN_PASS_DEF_SEQRAISE
#include "compiler/Transforms/Passes.h.inc"
} // namespace seq

using namespace mlir;
using namespace seq;

namespace {

/// A product as the chain of ops from its value down to one of its factors.
struct Product {
  Value factor;
  SmallVector<Operation *> path; ///< from the whole to the op that uses the factor
};

/// The first factor of `v` that `wanted` accepts: an operand of nested products, or the
/// dividend of a quotient, each with one use.
std::optional<Product> findFactor(Value v, llvm::function_ref<bool(ReadOp)> wanted) {
  if (auto read = v.getDefiningOp<ReadOp>())
    return wanted(read) ? std::optional<Product>({v, {}}) : std::nullopt;
  Operation *d = v.getDefiningOp();
  if (!d || !isa<arith::MulFOp, arith::DivFOp>(d) || !d->hasOneUse())
    return std::nullopt;
  for (Value o : isa<arith::MulFOp>(d) ? d->getOperands() : d->getOperands().take_front())
    if (auto p = findFactor(o, wanted)) {
      p->path.insert(p->path.begin(), d);
      return p;
    }
  return std::nullopt;
}

/// The product without its factor; null where nothing is left. `mapping` has the clones.
Value rest(OpBuilder &b, const Product &product, const IRMapping &mapping) {
  Value from = product.factor, left;
  for (Operation *op : llvm::reverse(product.path)) {
    bool first = op->getOperand(0) == from;
    Value other = mapping.lookupOrDefault(op->getOperand(first ? 1 : 0));
    if (isa<arith::MulFOp>(op)) {
      left = !left   ? other
             : first ? arith::MulFOp::create(b, op->getLoc(), left, other)
                     : arith::MulFOp::create(b, op->getLoc(), other, left);
    } else {
      if (!left)
        left = arith::ConstantOp::create(b, op->getLoc(), b.getFloatAttr(other.getType(), 1));
      left = arith::DivFOp::create(b, op->getLoc(), left, other);
    }
    from = op->getResult(0);
  }
  return left;
}

/// Equality of scalars of two bodies, where `mapping` says what those of the first are in
/// the second.
bool same(Value a, Value b, const IRMapping &mapping) {
  a = mapping.lookupOrDefault(a);
  if (a == b)
    return true;
  Operation *x = a.getDefiningOp(), *y = b.getDefiningOp();
  if (!x || !y || x->getName() != y->getName() || x->getAttrs() != y->getAttrs() ||
      x->getPropertiesAsAttribute() != y->getPropertiesAsAttribute() || x->getNumRegions() ||
      x->getNumOperands() != y->getNumOperands() || x->getResultTypes() != y->getResultTypes())
    return false;
  return llvm::all_of(llvm::zip(x->getOperands(), y->getOperands()), [&](auto pair) {
    return same(std::get<0>(pair), std::get<1>(pair), mapping);
  });
}

/// The same points are present in both.
bool samePresence(SoftmaxOp softmax, ReduceOp reduce, const IRMapping &mapping) {
  SmallVector<Value> a = conjunctsOf(softmax.yield().getPresent()),
                     b = conjunctsOf(reduce.yield().getPresent());
  auto in = [&](Value x, Value y) { return same(x, y, mapping); };
  return llvm::all_of(
             a, [&](Value x) { return llvm::any_of(b, [&](Value y) { return in(x, y); }); }) &&
         llvm::all_of(b,
                      [&](Value y) { return llvm::any_of(a, [&](Value x) { return in(x, y); }); });
}

bool equalExtents(Value a, Value b) {
  auto k = constantOf(a);
  return a == b || (k && k == constantOf(b));
}

/// The softmax that `read`, a factor of `sum`, takes the weights of its index from.
SoftmaxOp weightsOf(ReadOp read, const Sum &sum) {
  auto softmax = read.getTensor().getDefiningOp<SoftmaxOp>();
  ReduceOp reduce = sum.reduce;
  if (!softmax || softmax.getReduced() != 1 || !read->hasOneUse() ||
      read->getParentOp() != reduce || read.getGuard() || read.getCheck() ||
      reduce.getExtents().size() != 1 || softmax->getBlock() != sum.map->getBlock() ||
      !equalExtents(softmax.getExtents().back(), reduce.getExtents()[0]) ||
      read.getIndices().back() != reduce.indices()[0])
    return nullptr;
  for (Value i : read.getIndices().drop_back())
    if (i.getParentBlock() == reduce.bodyBlock())
      return nullptr;
  return softmax;
}

/// A sum whose terms are values times the weights of a softmax.
struct WeightedSum {
  Sum sum;
  Product product;
  SoftmaxOp softmax;

  static std::optional<WeightedSum> match(ReduceOp reduce) {
    Sum sum(reduce);
    if (!sum)
      return std::nullopt;
    auto product = findFactor(sum.value(), [&](ReadOp r) { return weightsOf(r, sum) != nullptr; });
    if (!product || product->path.empty())
      return std::nullopt;
    auto read = product->factor.getDefiningOp<ReadOp>();
    SoftmaxOp softmax = weightsOf(read, sum);
    IRMapping toSum;
    toSum.map(softmax.indices(), read.getIndices());
    if (!samePresence(softmax, reduce, toSum))
      return std::nullopt;
    return WeightedSum{sum, *product, softmax};
  }

  /// Nothing else reads the weights but such sums.
  bool all() {
    return llvm::all_of(softmax->getUsers(), [&](Operation *user) {
      auto reduce = dyn_cast<ReduceOp>(user->getParentOp());
      auto other = reduce ? match(reduce) : std::nullopt;
      return other && other->product.factor.getDefiningOp() == user;
    });
  }
};

bool raiseAttention(ReduceOp reduce) {
  auto match = WeightedSum::match(reduce);
  if (!match || !match->all())
    return false;
  auto &[sum, product, softmax] = *match;
  auto read = product.factor.getDefiningOp<ReadOp>();
  OpBuilder b(sum.map);
  auto attention = AttentionOp::create(
      b, reduce.getLoc(), softmax.getResult().getType().getElementType(), sum.extents(),
      [&](OpBuilder &in, Location loc, ValueRange indices) {
        // The clone of the weights' read is dead, and goes with the softmax.
        IRMapping mapping = sum.cloneBody(in, indices), scores;
        Operation *dead = mapping.lookup(read.getResult()).getDefiningOp();
        for (auto [index, at] : llvm::zip(softmax.indices(), read.getIndices()))
          scores.map(index, mapping.lookupOrDefault(at));
        for (Operation &o : softmax.bodyBlock()->without_terminator())
          in.clone(o, scores);
        SmallVector<Value> yields{scores.lookupOrDefault(softmax.yield().getValues()[0]),
                                  rest(in, product, mapping)};
        Value present = softmax.yield().getPresent();
        YieldOp::create(in, loc, yields, present ? scores.lookupOrDefault(present) : Value());
        for (Operation *op : product.path)
          mapping.lookup(op->getResult(0)).getDefiningOp()->erase();
        dead->erase();
      });
  sum.replaceBy(attention.getResult(0));
  if (softmax->use_empty())
    softmax.erase();
  return true;
}

bool raiseConv(ReduceOp reduce) {
  Sum sum(reduce);
  if (!sum || !isa<FloatType>(sum.value().getType()))
    return false;
  auto window = [&](ReadOp r) {
    return r->getParentOp() == reduce && !r.getCheck() &&
           llvm::all_of(r.getIndices(), [&](Value i) { return affineIn(i, sum.map); }) &&
           ConvOp::isWindow(r, sum.own, reduce.indices());
  };
  auto product = findFactor(sum.value(), window);
  if (!product || product->path.empty())
    return false;
  OpBuilder b(sum.map);
  auto conv = ConvOp::create(
      b, reduce.getLoc(), reduce.getExtents().size(), sum.value().getType(), sum.extents(),
      [&](OpBuilder &in, Location loc, ValueRange indices) {
        IRMapping mapping = sum.cloneBody(in, indices);
        Value kernel = rest(in, *product, mapping);
        SmallVector<Value> yields{kernel, mapping.lookup(product->factor)};
        Value present = reduce.yield().getPresent();
        YieldOp::create(in, loc, yields, present ? mapping.lookupOrDefault(present) : Value());
      });
  sum.replaceBy(conv.getResult());
  return true;
}

struct Raise : seq::impl::SeqRaiseBase<Raise> {
  void runOnOperation() override {
    SmallVector<ReduceOp> sums;
    getOperation().walk([&](ReduceOp r) { sums.push_back(r); });
    for (ReduceOp r : sums)
      if (!raiseAttention(r) && !raiseScores(r) && !raiseNormaliser(r))
        raiseConv(r);
    eraseDead(getOperation());
  }
};

} // namespace
