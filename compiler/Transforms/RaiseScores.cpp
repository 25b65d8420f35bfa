//===- RaiseScores.cpp - Sums that are weighted by scores themselves ---------------------===//
//
//   %w = map (i, j) { f(q(i)·k(j)) }
//   map (i, c) { reduce [sum] (j) { %w[i, j] · v(j, c) when d(i, j) } }
//     →  attention (i, c, j) { %w[i, j], v(j, c) when d(i, j) } {linear}
//
// As it stands the sum keeps a weight for each row and key; tiles need not. The factors of the
// product are parted: a weight is one that is made for rows and keys (a contraction, or a read of a
// tensor that has one or a function in it), and with it all that uses no index which only the
// values have. This pays where the weights are made of things for rows and things for keys. What
// reads something that is given for each pair (a matrix, a kernel) is left: it is there
// anyway. So are values that differ from row to row (a convolution), which share no keys.
//
// A logsumexp of such scores is a seq.attention without values, its normaliser.
//
//===----------------------------------------------------------------------===//
#include "compiler/Transforms/Sum.h"

using namespace mlir;
using namespace seq;

namespace {

/// A factor of a product, or a divisor.
struct Leaf {
  Value value;
  bool divides;
};

void addLeaves(Value v, Block *body, SmallVectorImpl<Leaf> &out) {
  Operation *d = v.getDefiningOp();
  bool apart = d && d->getBlock() == body && d->hasOneUse();
  if (apart && isa<arith::MulFOp>(d)) {
    addLeaves(d->getOperand(0), body, out);
    return addLeaves(d->getOperand(1), body, out);
  }
  if (apart && isa<arith::DivFOp>(d)) {
    addLeaves(d->getOperand(0), body, out);
    return out.push_back({d->getOperand(1), true});
  }
  out.push_back({v, false});
}

/// The product of those leaves that `wanted` accepts, as `mapping` has them; 1 of none.
Value productOf(OpBuilder &b, Location loc, ArrayRef<Leaf> leaves, const IRMapping &mapping,
                Type type, llvm::function_ref<bool(const Leaf &)> wanted) {
  Value product;
  for (const Leaf &leaf : leaves) {
    if (!wanted(leaf))
      continue;
    Value v = mapping.lookupOrDefault(leaf.value);
    if (!product && !leaf.divides) {
      product = v;
      continue;
    }
    if (!product)
      product = arith::ConstantOp::create(b, loc, b.getFloatAttr(type, 1));
    product = leaf.divides ? arith::DivFOp::create(b, loc, product, v).getResult()
                           : arith::MulFOp::create(b, loc, product, v).getResult();
  }
  return product ? product : arith::ConstantOp::create(b, loc, b.getFloatAttr(type, 1)).getResult();
}

/// Two axes of `read`, in the body of `scope`, move with `x` and with `y`: something is given for
/// each pair of them.
bool readsPairs(ReadOp read, Operation *scope, Value x, Value y) {
  auto moves = [&](Value i, Value with) {
    Operation *d = i.getDefiningOp();
    return i == with || (d && scope->isAncestor(d) && indicesUsedBy(d, scope).contains(with));
  };
  for (auto [a, i] : llvm::enumerate(read.getIndices()))
    for (auto [b, j] : llvm::enumerate(read.getIndices()))
      if (a != b && moves(i, x) && moves(j, y))
        return true;
  return false;
}

/// A tensor made for each pair of two of its indices, of what is given for one of them alone.
struct PairMap {
  MapOp map;
  unsigned x, y; ///< the axes

  static std::optional<PairMap> of(ReadOp read, Value x, Value y, Block *block) {
    auto map = read.getTensor().getDefiningOp<MapOp>();
    auto at = [&](Value v) {
      return unsigned(std::distance(read.getIndices().begin(), llvm::find(read.getIndices(), v)));
    };
    unsigned n = read.getIndices().size();
    if (!map || map->getBlock() != block || at(x) == n || at(y) == n || mayFail(map))
      return std::nullopt;
    return PairMap{map, at(x), at(y)};
  }

  /// Worth a tensor of its own: a contraction or a function is in it.
  bool isDear() {
    return map
        ->walk([&](Operation *op) {
          auto read = dyn_cast<ReadOp>(op);
          auto inner = read ? within(read) : std::nullopt;
          bool dear = isa<ReduceOp, UnaryOp, PowerOp>(op) || (inner && inner->isDear());
          return dear ? WalkResult::interrupt() : WalkResult::advance();
        })
        .wasInterrupted();
  }

  bool isMadeOfOneSided() {
    return !map->walk([&](ReadOp read) {
                 bool good = !readsPairs(read, map, map.indices()[x], map.indices()[y]);
                 if (auto inner = good ? std::nullopt : within(read))
                   good = inner->isMadeOfOneSided();
                 return good ? WalkResult::advance() : WalkResult::interrupt();
               })
                .wasInterrupted();
  }

private:
  std::optional<PairMap> within(ReadOp read) {
    return of(read, map.indices()[x], map.indices()[y], map->getBlock());
  }
};

/// Nothing is given for each pair of index `i` and the key, but what is made of things for either.
bool readsNoPairs(Sum &sum, Value i) {
  Value key = sum.reduce.indices()[0];
  return !sum.reduce
              ->walk([&](ReadOp read) {
                bool good = !readsPairs(read, sum.map, i, key);
                if (auto pairs =
                        good ? std::nullopt : PairMap::of(read, i, key, sum.map->getBlock()))
                  good = pairs->isDear() && pairs->isMadeOfOneSided();
                return good ? WalkResult::advance() : WalkResult::interrupt();
              })
              .wasInterrupted();
}

/// A sum over a sequence whose weights are made for each row and key, of things given for rows
/// and for keys.
struct ScoredSum {
  Sum sum;
  SmallVector<Leaf> leaves;
  llvm::SetVector<Value> rows; ///< indices of the map that the weights use
  SmallVector<MapOp> kept;     ///< tensors over rows and keys that it reads

  Value key() { return sum.reduce.indices()[0]; }
  llvm::SetVector<Value> used(const Leaf &leaf) {
    Operation *d = leaf.value.getDefiningOp();
    return d && sum.map->isAncestor(d) ? indicesUsedBy(d, sum.map) : llvm::SetVector<Value>();
  }
  /// Part of the weight: no index is used that only the value has.
  bool isWeight(const Leaf &leaf) {
    return llvm::all_of(used(leaf), [&](Value i) { return i == key() || rows.contains(i); });
  }

  static std::optional<ScoredSum> match(ReduceOp reduce) {
    ScoredSum s{Sum(reduce), {}, {}, {}};
    auto open = [](Value extent) { return !constantOf(extent); };
    if (!s.sum || !isa<FloatType>(s.sum.value().getType()) || reduce.getExtents().size() != 1 ||
        !open(reduce.getExtents()[0]) || !isa<func::FuncOp>(s.sum.map->getParentOp()))
      return std::nullopt;
    addLeaves(s.sum.value(), reduce.bodyBlock(), s.leaves);
    for (Leaf &leaf : s.leaves)
      if (!leaf.divides)
        s.addRows(leaf);
    bool shared = llvm::any_of(s.rows, [&](Value i) {
      return open(s.sum.map.getExtents()[cast<BlockArgument>(i).getArgNumber()]) && s.sharesKeys(i);
    });
    bool columns = s.rows.size() < s.sum.own.size();
    if (!shared || (!columns && s.kept.empty()))
      return std::nullopt;
    return s;
  }

  /// Nothing else reads the tensors over rows and keys but such sums.
  bool all() {
    return llvm::all_of(kept, [](MapOp map) {
      return llvm::all_of(map->getUsers(), [&](Operation *user) {
        if (isa<AttentionOp>(user->getParentOp())) // raised before
          return true;
        auto reduce = dyn_cast<ReduceOp>(user->getParentOp());
        auto other = reduce ? match(reduce) : std::nullopt;
        return other && llvm::is_contained(other->kept, map);
      });
    });
  }

private:
  /// The parts of `leaf` that are made for rows and keys.
  void addRows(const Leaf &leaf) {
    Operation *d = leaf.value.getDefiningOp();
    if (!d || d->getBlock() != sum.reduce.bodyBlock())
      return;
    for (Operation *part : scalarSlice(d, sum.reduce.bodyBlock())) {
      auto indices = indicesUsedBy(part, sum.map);
      if (isa<ReduceOp>(part) && indices.contains(key()) && indices.size() > 1)
        for (Value i : indices)
          if (i != key())
            rows.insert(i);
      auto read = dyn_cast<ReadOp>(part);
      for (Value i : sum.own) {
        auto pairs = read && !read.getGuard() ? PairMap::of(read, i, key(), sum.map->getBlock())
                                              : std::nullopt;
        if (pairs && pairs->isDear()) {
          rows.insert(indices.begin(), indices.end());
          rows.remove(key());
          kept.push_back(pairs->map);
        }
      }
    }
  }

  /// Row `i` meets each key with what other rows have of it too; and so do the values.
  bool sharesKeys(Value i) {
    for (Leaf &leaf : leaves)
      if (!isWeight(leaf) && used(leaf).contains(i))
        return false;
    return readsNoPairs(sum, i);
  }
};

} // namespace

/// The scores of the fold are made for each row and key, of things for either.
static bool foldsScores(Sum &sum) {
  Value key = sum.reduce.indices()[0];
  Operation *d = sum.value().getDefiningOp();
  if (!d || d->getBlock() != sum.reduce.bodyBlock())
    return false;
  bool scores = false;
  for (Operation *part : scalarSlice(d, sum.reduce.bodyBlock())) {
    auto indices = indicesUsedBy(part, sum.map);
    scores |= isa<ReduceOp>(part) && indices.contains(key) && indices.size() > 1;
    auto read = dyn_cast<ReadOp>(part);
    for (Value i : sum.own) {
      auto pairs =
          read && !read.getGuard() ? PairMap::of(read, i, key, sum.map->getBlock()) : std::nullopt;
      scores |= pairs && pairs->isDear();
    }
  }
  return scores && llvm::any_of(sum.own, [&](Value i) {
           unsigned at = cast<BlockArgument>(i).getArgNumber();
           return !constantOf(sum.map.getExtents()[at]) && readsNoPairs(sum, i);
         });
}

bool seq::raiseNormaliser(ReduceOp reduce) {
  Sum sum(reduce, ReduceKind::logsumexp);
  if (!sum || reduce.getExtents().size() != 1 || constantOf(reduce.getExtents()[0]) ||
      !isa<func::FuncOp>(sum.map->getParentOp()) || !foldsScores(sum))
    return false;
  OpBuilder b(sum.map);
  auto attention =
      AttentionOp::create(b, reduce.getLoc(), sum.value().getType(), sum.extents(),
                          [&](OpBuilder &in, Location loc, ValueRange indices) {
                            IRMapping mapping = sum.cloneBody(in, indices);
                            Value present = reduce.yield().getPresent();
                            YieldOp::create(in, loc, mapping.lookupOrDefault(sum.value()),
                                            present ? mapping.lookupOrDefault(present) : Value());
                          });
  attention.setNormaliser(true);
  sum.replaceBy(attention.getResult(0));
  return true;
}

bool seq::raiseScores(ReduceOp reduce) {
  auto match = ScoredSum::match(reduce);
  if (!match || !match->all())
    return false;
  Sum &sum = match->sum;
  OpBuilder b(sum.map);
  Type type = sum.value().getType();
  auto attention = AttentionOp::create(
      b, reduce.getLoc(), type, sum.extents(),
      [&](OpBuilder &in, Location loc, ValueRange indices) {
        IRMapping mapping = sum.cloneBody(in, indices);
        auto weight = [&](const Leaf &leaf) { return match->isWeight(leaf); };
        auto value = [&](const Leaf &leaf) { return !match->isWeight(leaf); };
        SmallVector<Value> yields{productOf(in, loc, match->leaves, mapping, type, weight),
                                  productOf(in, loc, match->leaves, mapping, type, value)};
        Value present = reduce.yield().getPresent();
        YieldOp::create(in, loc, yields, present ? mapping.lookupOrDefault(present) : Value());
      });
  attention.setLinear(true);
  sum.replaceBy(attention.getResult(0));
  return true;
}
