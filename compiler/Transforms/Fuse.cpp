//===- Fuse.cpp - Joining maps -------------------------------------------------------------===//
//
// The unit is a read of a map's result in another map: `read %p[e]`. Evaluating the
// producer there means cloning its body with its indices replaced by `e`. That is free of
// repeated work when the producer is cheap, or when all reads together visit each of its
// points at most once. An LSTM's step shows all rules:
//
//   %g = map (n in 4H) { x'[t, n] + sum_k u[n, k] h[k] }
//   %c = map (j in H)  { σ(g[j + H]) c[j] + σ(g[j]) tanh(g[j + 2H]) }
//   %h = map (j in H)  { σ(g[j + 3H]) tanh(%c[j]) }
//
// %c and %h join (rule 2: %h reads %c at its own point); then the one map reads %g at four
// places that do not meet, so the sums move into it (rule 3), where lowering makes one loop
// of them. What was three passes over memory is one, with the gates in registers.
//
//===----------------------------------------------------------------------===//
#include "compiler/Transforms/Rewrite.h"
#include "compiler/Transforms/Transforms.h"

namespace seq {
#define GEN_PASS_DEF_SEQFUSE
#include "compiler/Transforms/Passes.h.inc"
} // namespace seq

using namespace mlir;
using namespace seq;

namespace {

constexpr unsigned kBodyLimit = 600; ///< ops of a body, beyond which nothing more is joined

unsigned bodySize(MapOp map) {
  unsigned n = 0;
  map->walk([&](Operation *) { ++n; });
  return n;
}

/// Functions worth a store and a load rather than a second evaluation.
bool costly(MapOp map) {
  bool found = false;
  map->walk([&](Operation *op) {
    if (auto u = dyn_cast<UnaryOp>(op))
      found |= u.getKind() != UnaryKind::abs && u.getKind() != UnaryKind::relu &&
               u.getKind() != UnaryKind::floor && u.getKind() != UnaryKind::sign;
    found |= isa<PowerOp, ReduceOp>(op) || (isa<IntDivOp, ToIntOp>(op) && op->hasAttr("what"));
    if (auto r = dyn_cast<ReadOp>(op))
      found |= static_cast<bool>(r.getCheck());
  });
  return found;
}

/// The map of `block` (itself or an ancestor) in which `op` stands.
MapOp mapOf(Operation *op, Block *block) {
  return dyn_cast_or_null<MapOp>(block->findAncestorOpInBlock(*op));
}

struct Producer {
  MapOp map;
  unsigned result;
  SmallVector<ReadOp> reads;
  bool onlyReads = true; ///< nothing but reads inside of maps uses it
};

Producer uses(MapOp map, unsigned result) {
  Producer p{map, result, {}, true};
  for (OpOperand &use : map.getResult(result).getUses()) {
    auto read = dyn_cast<ReadOp>(use.getOwner());
    if (read && use.getOperandNumber() == 0)
      p.reads.push_back(read);
    else
      p.onlyReads = false;
  }
  return p;
}

/// A read's position in one axis of the producer: `index + offset`, for an own index of the
/// consumer.
struct Position {
  Value index; ///< null: a constant
  int64_t offset = 0;
};

std::optional<Position> positionOf(Value v) {
  if (auto k = constantOf(v))
    return Position{{}, *k};
  if (isa<BlockArgument>(v))
    return Position{v, 0};
  if (auto add = v.getDefiningOp<arith::AddIOp>()) {
    for (int side : {0, 1}) {
      auto k = constantOf(add->getOperand(1 - side));
      if (!k)
        continue;
      auto p = positionOf(add->getOperand(side));
      if (p)
        return Position{p->index, p->offset + *k};
    }
  }
  if (auto sub = v.getDefiningOp<arith::SubIOp>())
    if (auto k = constantOf(sub.getRhs()))
      if (auto p = positionOf(sub.getLhs()))
        return Position{p->index, p->offset - *k};
  return std::nullopt;
}

/// True where the reads, all in the body of `consumer` outside of its reductions, visit
/// each point of the producer at most once.
bool visitOnce(MapOp consumer, ArrayRef<ReadOp> reads) {
  SmallVector<SmallVector<Position>> positions;
  for (ReadOp read : reads) {
    if (read->getBlock() != consumer.bodyBlock())
      return false;
    SmallVector<Position> at;
    llvm::DenseSet<Value> seen;
    for (Value i : read.getIndices()) {
      auto p = positionOf(i);
      if (!p || (p->index && cast<BlockArgument>(p->index).getOwner() == consumer.bodyBlock() &&
                 !seen.insert(p->index).second))
        return false;
      at.push_back(*p);
    }
    // Every index of the consumer takes part, else points are visited again.
    for (Value a : consumer.indices()) {
      auto extent = constantOf(consumer.getExtents()[cast<BlockArgument>(a).getArgNumber()]);
      if (!seen.contains(a) && extent != 1)
        return false;
    }
    positions.push_back(at);
  }
  // Two reads are apart where some axis keeps them apart.
  for (size_t i = 0; i < positions.size(); ++i)
    for (size_t j = 0; j < i; ++j) {
      bool apart = false, same = true;
      for (auto [a, b] : llvm::zip(positions[i], positions[j])) {
        same &= a.index == b.index && a.offset == b.offset;
        if (a.index != b.index)
          continue;
        int64_t d = std::abs(a.offset - b.offset);
        int64_t extent = 1;
        if (a.index) {
          auto arg = cast<BlockArgument>(a.index);
          auto k = arg.getOwner() == consumer.bodyBlock()
                       ? constantOf(consumer.getExtents()[arg.getArgNumber()])
                       : std::optional<int64_t>(1);
          if (!k)
            continue;
          extent = *k;
        }
        apart |= d >= extent;
      }
      if (!apart && !same)
        return false;
    }
  return true;
}

class Fuser {
public:
  explicit Fuser(func::FuncOp func) : func(func) {}

  void run() {
    bool changed = true;
    for (unsigned round = 0; changed && round < 8; ++round) {
      changed = false;
      for (Block *block : blocks())
        changed |= cheap(*block);
      eraseDead(func);
      mergeEqualScalars(func);
      for (Block *block : blocks())
        changed |= siblings(*block);
      eraseDead(func);
      for (Block *block : blocks())
        changed |= reductions(*block);
      eraseDead(func);
      mergeEqualScalars(func);
    }
  }

private:
  SmallVector<Block *> blocks() {
    SmallVector<Block *> out;
    func.walk<WalkOrder::PostOrder>([&](ScanOp s) { out.push_back(s.bodyBlock()); });
    out.push_back(&func.getBody().front());
    return out;
  }

  /// Rule 1.
  bool cheap(Block &block) {
    bool changed = false;
    for (Operation &op : llvm::make_early_inc_range(block)) {
      auto map = dyn_cast<MapOp>(op);
      if (!map || hasReduction(map) || map->hasAttr(kCopyAttr))
        continue;
      bool dear = costly(map);
      for (unsigned r = 0; r < map.getNumResults(); ++r) {
        Producer p = uses(map, r);
        // What the function returns is in memory anyway, and the same map may read it there.
        if (returned(map.getResult(r)))
          continue;
        // A costly one moves to a single read that stands directly in a map of its block.
        if (dear && (p.reads.size() != 1 || !p.onlyReads || map.getNumResults() != 1 ||
                     !sameRange(map, p.reads[0])))
          continue;
        for (ReadOp read : p.reads) {
          MapOp consumer = outermostMap(read);
          if (!consumer || bodySize(consumer) + bodySize(map) > kBodyLimit)
            continue;
          // In another block (a scan's step) only what costs a few operations is repeated.
          if (consumer->getBlock() != &block && (dear || bodySize(map) > 12 || !indexOnly(map)))
            continue;
          // In a reduction's loop likewise: it would be repeated for each of its other indices.
          if (isa<ReduceOp>(read->getParentOp()) && bodySize(map) > 8 && !indexOnly(map))
            continue;
          // In a tile, where it is in the cache, all but plain reads is done once.
          if (isa<ReduceOp>(read->getParentOp()) && inTile(block) && !onlyReads(map))
            continue;
          inlineAt(map, r, read);
          changed = true;
        }
      }
    }
    return changed;
  }

  static bool inTile(Block &block) {
    auto scan = dyn_cast<ScanOp>(block.getParentOp());
    return scan && scan->hasAttr(kTileAttr);
  }

  static bool onlyReads(MapOp map) {
    return indexOnly(map) && map.bodyBlock()->getOps<arith::SelectOp>().empty();
  }

  static bool returned(Value result) {
    return llvm::any_of(result.getUsers(), [](Operation *o) { return isa<func::ReturnOp>(o); });
  }

  /// Only reads, index arithmetic and constants: a view.
  static bool indexOnly(MapOp map) {
    bool view = true;
    map->walk([&](Operation *op) {
      for (Type t : op->getResultTypes())
        view &= isa<ReadOp, arith::ConstantOp, arith::SelectOp, MapOp>(op) || t.isIndex() ||
                t.isInteger(1);
    });
    return view;
  }

  static MapOp outermostMap(Operation *op) {
    MapOp found;
    for (Operation *o = op->getParentOp(); o; o = o->getParentOp())
      if (auto m = dyn_cast<MapOp>(o))
        found = m;
    return found;
  }

  /// The read visits as many points as the producer has: it stands in the map's body, at
  /// the map's own indices.
  static bool sameRange(MapOp producer, ReadOp read) {
    auto consumer = dyn_cast<MapOp>(read->getParentOp());
    return consumer && consumer->getBlock() == producer->getBlock() && visitOnce(consumer, {read});
  }

  /// Rule 2.
  bool siblings(Block &block) {
    bool changed = false;
    SmallVector<MapOp> maps(block.getOps<MapOp>());
    for (size_t j = 1; j < maps.size(); ++j)
      for (size_t i = j; i-- > 0;) {
        if (!maps[i] || !maps[j] || !joinable(maps[i], maps[j]))
          continue;
        maps[j] = join(maps[i], maps[j]);
        maps[i] = nullptr;
        changed = true;
      }
    return changed;
  }

  bool joinable(MapOp a, MapOp b) {
    if (a->hasAttr(kCopyAttr) || b->hasAttr(kCopyAttr))
      return false;
    if (a.getExtents() != b.getExtents() || a.getExtents().empty() ||
        bodySize(a) + bodySize(b) > kBodyLimit)
      return false;
    // Joining pays where they share something: b reads a, or both read a tensor.
    bool related = false;
    auto ca = capturedBy(a), cb = capturedBy(b);
    for (Value v : cb) {
      related |= v.getDefiningOp() == a.getOperation();
      related |= isa<TensorType>(v.getType()) && ca.contains(v);
    }
    unsigned sums = 0;
    for (MapOp m : {a, b})
      sums += std::distance(m.bodyBlock()->getOps<ReduceOp>().begin(),
                            m.bodyBlock()->getOps<ReduceOp>().end());
    if (!related || sums > 8)
      return false;
    // b may read a at its own point alone.
    for (Value r : a.getResults())
      for (Operation *user : r.getUsers())
        if (b->isAncestor(user)) {
          auto read = dyn_cast<ReadOp>(user);
          if (!read || !llvm::equal(read.getIndices(), b.indices()) || !inBody(read, b))
            return false;
        }
    // Nothing between may need a and be needed by b, or be what b's place decides for a.
    for (Operation *o = a->getNextNode(); o != b.getOperation(); o = o->getNextNode()) {
      bool readsA = false;
      for (Value v : capturedBy(o))
        readsA |= v.getDefiningOp() == a.getOperation();
      if (readsA)
        return false;
    }
    return true;
  }

  static bool inBody(ReadOp read, MapOp map) { return map->isAncestor(read); }

  MapOp join(MapOp a, MapOp b) {
    OpBuilder at(b);
    SmallVector<Type> types;
    for (MapOp m : {a, b})
      for (Value v : m.yield().getValues())
        types.push_back(v.getType());
    IRMapping mapping;
    auto made = MapOp::create(at, b.getLoc(), types, b.getExtents(),
                              [&](OpBuilder &in, Location l, ValueRange i) {
                                SmallVector<Value> out;
                                for (MapOp m : {a, b}) {
                                  mapping.map(m.indices(), i);
                                  for (Operation &o : m.bodyBlock()->without_terminator())
                                    in.clone(o, mapping);
                                  for (Value v : m.yield().getValues())
                                    out.push_back(mapping.lookupOrDefault(v));
                                }
                                YieldOp::create(in, l, out);
                              });
    for (unsigned k = 0; k < made.getNumResults(); ++k) {
      unsigned n = a.getNumResults();
      Value old = k < n ? a.getResult(k) : b.getResult(k - n);
      made.getResult(k).setType(cast<RankedTensorType>(old.getType()));
    }
    // b's reads of a are the values themselves now.
    ValueRange values = made.yield().getValues();
    for (unsigned k = 0; k < a.getNumResults(); ++k) {
      SmallVector<ReadOp> reads;
      for (Operation *user : a.getResult(k).getUsers())
        if (auto r = dyn_cast<ReadOp>(user); r && made->isAncestor(r))
          reads.push_back(r);
      for (ReadOp r : reads) {
        Value v = values[k];
        if (Value guard = r.getGuard()) {
          OpBuilder in(r);
          Value zero = arith::ConstantOp::create(in, r.getLoc(), in.getZeroAttr(v.getType()));
          v = arith::SelectOp::create(in, r.getLoc(), guard, v, zero);
        }
        r.getResult().replaceAllUsesWith(v);
        r.erase();
      }
      a.getResult(k).replaceAllUsesWith(made.getResult(k));
    }
    for (unsigned k = 0; k < b.getNumResults(); ++k)
      b.getResult(k).replaceAllUsesWith(made.getResult(a.getNumResults() + k));
    b.erase();
    a.erase();
    return made;
  }

  /// Rule 3.
  bool reductions(Block &block) {
    bool changed = false;
    for (Operation &op : llvm::make_early_inc_range(block)) {
      auto map = dyn_cast<MapOp>(op);
      if (!map || !hasReduction(map) || map.getNumResults() != 1)
        continue;
      Producer p = uses(map, 0);
      if (!p.onlyReads || p.reads.empty())
        continue;
      MapOp consumer = mapOf(p.reads[0], &block);
      bool one = static_cast<bool>(consumer);
      for (ReadOp r : p.reads)
        one &= mapOf(r, &block) == consumer && !r.getGuard();
      if (!one || !visitOnce(consumer, p.reads) ||
          bodySize(consumer) + p.reads.size() * bodySize(map) > kBodyLimit)
        continue;
      // Reads at one place share the evaluation.
      for (ReadOp r : p.reads)
        inlineAt(map, 0, r);
      changed = true;
    }
    return changed;
  }

  func::FuncOp func;
};

struct Fuse : seq::impl::SeqFuseBase<Fuse> {
  void runOnOperation() override { Fuser(getOperation()).run(); }
};

} // namespace
