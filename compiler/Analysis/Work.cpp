//===- Work.cpp - How much a function computes and stores ----------------------------------===//
//
// One walk. Around an op stand levels: the indices of the bodies and scans that it is in, each with
// the number of its values. Their product is how often the op is done.
//
// Where the range of an index k follows an index i around it, the two are counted together:
//
//   i < N, k <= i + c and k < w     Σ_i min(i + c + 1, w) = b c' + b (b − 1) / 2 + (N − b) w
//                                   with c' = c + 1 and b = min(w − c', N)
//
// is put in the place of the two factors. A lower bound that moves with i, or a bound against
// it, is one of these after counting k or i from its other end.
//
//===----------------------------------------------------------------------===//
#include "compiler/Analysis/Work.h"

#include "compiler/Analysis/Domain.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/AffineExpr.h"
#include "mlir/IR/AffineMap.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
namespace seq::analysis {

Formula Work::flops() const {
  const Operations<Formula> &n = operations;
  return n.adds + n.multiplies + n.divisions + n.extremes + kFunctionOperations * n.functions;
}

static double bytesOf(Type element) {
  if (element.isIndex())
    return 8;
  return std::max(1u, element.getIntOrFloatBitWidth() / 8);
}

namespace {

/// An index around the op that is counted.
struct Level {
  Value index;
  Formula count;
  bool joined = false; ///< its values are counted in the level of another
};

class Counter {
public:
  Work work;
  ArrayRef<std::pair<Value, double>> known; ///< what indices are taken for

  /// Of the block's ops those in `only`, where it is there.
  void count(Block &block, const llvm::DenseSet<Operation *> *only = nullptr) {
    Operations<double> here;
    for (Operation &op : block.without_terminator())
      if (only && !only->contains(&op))
        continue;
      else if (op.getNumRegions())
        nest(op);
      else
        here.add(operationsOf(&op), 1);
    work.operations.add(here, times());
  }

  void count(ScanOp scan) {
    SmallVector<Level> around(levels);
    enter(scan.index(), scan.getExtent());
    count(*scan.bodyBlock());
    levels = around;
  }

  /// An op with a body.
  void nest(Operation &op) {
    if (auto scan = dyn_cast<ScanOp>(op))
      return count(scan);
    if (auto attention = dyn_cast<AttentionOp>(op))
      return count(attention);
    countBody(op);
  }

  /// How often the body of `op`, a reduction in a map, is done in all of the map's points.
  Formula presentPoints(Operation *op) {
    if (auto map = dyn_cast<MapOp>(op)) {
      for (auto [index, extent] : llvm::zip(map.indices(), map.getExtents()))
        enter(index, extent);
      return times();
    }
    presentPoints(op->getParentOp());
    auto reduce = cast<ReduceOp>(op);
    for (auto [index, extent] : llvm::zip(reduce.indices(), reduce.getExtents()))
      enter(index, extent, reduce.yield().getPresent(), &reduce.getBody());
    return times();
  }

  Formula value(Value v) {
    if (auto k = constantOf(v))
      return double(*k);
    Operation *op = v.getDefiningOp();
    if (!op)
      return middle(v);
    if (auto size = dyn_cast<SizeOp>(op))
      return Formula::size(size.getName());
    if (op->getNumOperands() < 2 || !op->getOperand(0).getType().isIndex())
      return unknown();
    Formula a = value(op->getOperand(0)), b = value(op->getOperand(1));
    return llvm::TypeSwitch<Operation *, Formula>(op)
        .Case<arith::AddIOp>([&](auto) { return a + b; })
        .Case<arith::SubIOp>([&](auto) { return a - b; })
        .Case<arith::MulIOp>([&](auto) { return a * b; })
        .Case<arith::MinSIOp>([&](auto) { return Formula::least(a, b); })
        .Case<arith::MaxSIOp>([&](auto) { return Formula::largest(a, b); })
        .Case<IntDivOp>([&](IntDivOp d) {
          return d.getKind() == DivKind::div ? Formula::quotient(a, b) : Formula::remainder(a, b);
        })
        .Default([&](Operation *) { return unknown(); });
  }

private:
  //===--- Numbers ---===//

  Formula unknown() {
    work.atMost = true;
    return 1;
  }

  /// An index counts as its mean; a size that is an argument by its number.
  Formula middle(Value v) {
    if (Level *level = levelOf(v)) {
      work.atMost = true;
      return (level->count - 1) * 0.5;
    }
    for (auto [index, number] : known)
      if (index == v)
        return number;
    auto argument = cast<BlockArgument>(v);
    if (isa<func::FuncOp>(argument.getOwner()->getParentOp()))
      return Formula::size("arg" + std::to_string(argument.getArgNumber()));
    return unknown();
  }

  Level *levelOf(Value v) {
    auto it = llvm::find_if(levels, [&](const Level &l) { return l.index == v; });
    return it == levels.end() ? nullptr : it;
  }

  Formula times() {
    Formula n = 1;
    for (const Level &l : levels)
      if (!l.joined)
        n *= l.count;
    return n;
  }

  //===--- Bodies ---===//

  void countBody(Operation &op) {
    SmallVector<Level> around(levels);
    Block &body = op.getRegion(0).front();
    auto extents = op.getOperands().take_front(body.getNumArguments());
    if (!isa<ReduceOp>(op))
      store(op, extents);
    auto yield = cast<YieldOp>(body.getTerminator());
    for (auto [index, extent] : llvm::zip(body.getArguments(), extents))
      enter(index, extent, yield.getPresent(), &op.getRegion(0));
    count(body);
    work.operations.add(operationsOfPoint(&op), times());
    levels = around;
    if (auto reduce = dyn_cast<ReduceOp>(op))
      work.operations.add(operationsOfEnd(reduce), times());
  }

  /// The weights once for each row and key, the rest for each column of the values too.
  void count(AttentionOp op) {
    SmallVector<Level> around(levels);
    store(*op, op.getExtents());
    work.operations.add(operationsOfRow(op), times() * product(op.getExtents().drop_back()));
    llvm::DenseSet<Operation *> weights, values;
    for (Value v : {op.score(), Value(op.yield().getPresent())})
      if (v)
        addOps(v, *op.bodyBlock(), weights);
    for (Operation &o : op.bodyBlock()->without_terminator())
      if (!weights.contains(&o))
        values.insert(&o);
    auto row = [&](Value index) {
      return index == op.key() ||
             llvm::any_of(weights, [&](Operation *o) { return uses(*o, index); });
    };
    for (bool ofWeights : {true, false}) {
      for (auto [index, extent] : llvm::zip(op.indices(), op.getExtents()))
        if (!ofWeights || row(index))
          enter(index, extent, op.yield().getPresent(), &op.getBody());
      count(*op.bodyBlock(), ofWeights ? &weights : &values);
      work.operations.add(ofWeights ? operationsOfWeight(op) : operationsOfPoint(op), times());
      levels = around;
    }
  }

  static void addOps(Value v, Block &block, llvm::DenseSet<Operation *> &out) {
    Operation *op = v.getDefiningOp();
    if (!op || op->getBlock() != &block || !out.insert(op).second)
      return;
    op->walk([&](Operation *inner) {
      for (Value o : inner->getOperands())
        addOps(o, block, out);
    });
  }

  static bool uses(Operation &op, Value index) {
    return op
        .walk([&](Operation *inner) {
          return llvm::is_contained(inner->getOperands(), index) ? WalkResult::interrupt()
                                                                 : WalkResult::advance();
        })
        .wasInterrupted();
  }

  Formula product(ValueRange extents) {
    Formula n = 1;
    for (Value e : extents)
      n *= value(e);
    return n;
  }

  void store(Operation &op, ValueRange extents) {
    for (Value r : op.getResults()) {
      auto type = cast<RankedTensorType>(r.getType());
      work.stored +=
          times() * product(extents.take_front(type.getRank())) * bytesOf(type.getElementType());
    }
  }

  //===--- Ranges ---===//

  /// index + c, or c − index, for an index around.
  struct Moving {
    Level *with = nullptr; ///< null: c alone
    int64_t sign = 1;
    Formula c;
  };

  /// None where it is not one of these.
  std::optional<Moving> movingOf(const AffineSum &sum) {
    Moving m;
    m.c = double(sum.constant);
    for (auto [factor, v] : sum.terms) {
      if (factor == 0)
        continue;
      if (Level *level = levelOf(v)) {
        if (m.with || level->joined || std::abs(factor) != 1)
          return std::nullopt;
        m.with = level;
        m.sign = factor;
      } else if (dependsOnLevels(v)) {
        return std::nullopt;
      } else {
        m.c += value(v) * double(factor);
      }
    }
    return m;
  }

  bool dependsOnLevels(Value v) {
    if (levelOf(v))
      return true;
    Operation *op = v.getDefiningOp();
    return op && (isa<ReadOp>(op) ||
                  llvm::any_of(op->getOperands(), [&](Value o) { return dependsOnLevels(o); }));
  }

  void enter(Value index, Value extent) {
    AffineSum sum;
    sum.add(extent, 1, [&](Value v) { return levelOf(v) != nullptr; });
    auto m = movingOf(sum);
    if (!m || !m->with)
      return push(index, value(extent));
    // Σ_i (i + c), or of c − i.
    Formula n = m->with->count, sumOfIndex = n * (n - 1) * 0.5 * double(m->sign);
    m->with->joined = true;
    push(index, n * m->c + sumOfIndex);
  }

  void push(Value index, Formula count) { levels.push_back({index, std::move(count)}); }

  /// One index of a body whose points are present under a condition. What that says of the
  /// body's later indices counts when these are entered.
  void enter(Value index, Value extent, Value present, Region *body) {
    if (dependsOnLevels(extent)) {
      work.atMost |= static_cast<bool>(present);
      return enter(index, extent);
    }
    Formula all = value(extent);
    SmallVector<Bound> bounds;
    for (const IndexBound &b : boundsOf(present, index, *body)) {
      if (readsLater(b.value, *body))
        continue;
      auto m = movingOf(b.value);
      if (m && alwaysHolds(*m, b.lower, all))
        continue;
      bounds.push_back({b.lower, b.value, m});
    }
    if (index == body->getArguments().back())
      work.atMost |= present && !isAllBounds(present, index, *body);
    if (bounds.empty())
      return push(index, all);
    // Of two bounds the upper one is followed, at a constant distance from the lower one.
    const Bound *upper = nullptr, *lower = nullptr;
    for (const Bound &b : bounds)
      (b.lower ? lower : upper) = &b;
    Formula width = all;
    auto between = upper && lower ? widthBetween(lower->value, upper->value) : std::nullopt;
    if (between)
      width = Formula::least(all, *between);
    const Bound &bound = upper ? *upper : *lower;
    if (bound.moving && (bounds.size() == 1 || (bounds.size() == 2 && between)))
      return join(index, all, width, *bound.moving, bound.lower);
    work.atMost = true;
    push(index, width);
  }

  struct Bound {
    bool lower;
    AffineSum value;
    std::optional<Moving> moving;
  };

  bool readsLater(const AffineSum &sum, Region &body) {
    return llvm::any_of(sum.terms, [&](const auto &term) {
      auto index = dyn_cast<BlockArgument>(term.second);
      return index && index.getOwner()->getParent() == &body && !levelOf(index);
    });
  }

  /// The bound is outside of 0 … all − 1 for every value of its index.
  static bool alwaysHolds(const Moving &m, bool lower, const Formula &all) {
    // The largest lower bound, the smallest upper one.
    Formula worst = m.c;
    if (m.with && (m.sign > 0) == lower)
      worst += (m.with->count - 1) * double(m.sign);
    return lower ? (worst * -1.0).isNotNegative() : (worst - all + 1).isNotNegative();
  }

  /// upper − lower + 1 where it does not depend on indices.
  std::optional<Formula> widthBetween(const AffineSum &lower, const AffineSum &upper) {
    AffineSum difference = upper;
    difference.constant += 1 - lower.constant;
    for (auto [factor, v] : lower.terms)
      difference.add(v, -factor, [](Value) { return true; });
    llvm::erase_if(difference.terms, [](auto &t) { return t.first == 0; });
    auto m = movingOf(difference);
    return m && !m->with ? std::optional<Formula>(m->c) : std::nullopt;
  }

  /// k ≤ bound, or k ≥ bound (`lower`), of `all` values, `width` of them at most.
  void join(Value index, const Formula &all, const Formula &width, const Moving &bound,
            bool lower) {
    if (!bound.with) {
      Formula n = lower ? all - bound.c : bound.c + 1;
      return push(index, Formula::least(n, width));
    }
    // So many values at i = 0, one more for each i, or for each i from the other end.
    Formula n = bound.with->count, first;
    if (lower)
      first = bound.sign > 0 ? all - bound.c - n + 1 : all - bound.c;
    else
      first = bound.sign > 0 ? bound.c + 1 : bound.c - n + 2;
    bound.with->joined = true;
    Formula b = Formula::least(width - first, n);
    push(index, b * first + b * (b - 1) * 0.5 + (n - b) * width);
  }

  SmallVector<Level> levels;
};

} // namespace

Formula formulaOf(Value index, ArrayRef<std::pair<Value, double>> around) {
  Counter counter;
  counter.known = around;
  return counter.value(index);
}

Formula presentPoints(ReduceOp reduce) {
  return Counter().presentPoints(reduce);
}

static Formula ofAffine(AffineExpr e, ArrayRef<Attribute> names) {
  if (auto k = dyn_cast<AffineConstantExpr>(e))
    return double(k.getValue());
  if (auto s = dyn_cast<AffineSymbolExpr>(e))
    return Formula::size(cast<StringAttr>(names[s.getPosition()]).getValue());
  auto both = cast<AffineBinaryOpExpr>(e);
  Formula a = ofAffine(both.getLHS(), names), b = ofAffine(both.getRHS(), names);
  switch (e.getKind()) {
  case AffineExprKind::Add:
    return a + b;
  case AffineExprKind::Mul:
    return a * b;
  case AffineExprKind::Mod:
    return Formula::remainder(a, b);
  default:
    return Formula::quotient(a, b);
  }
}

static Formula elementsOf(RankedTensorType tensor, AffineMapAttr shape, ArrayAttr names) {
  Formula n = 1;
  for (int64_t d = 0; d < tensor.getRank(); ++d)
    if (!tensor.isDynamicDim(d))
      n *= double(tensor.getDimSize(d));
    else if (shape && names)
      n *= ofAffine(shape.getValue().getResult(d), names.getValue());
  return n;
}

/// Bytes of an argument or a result.
static Formula bytesOf(Type type, AffineMapAttr shape, ArrayAttr names) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor)
    return bytesOf(type);
  return elementsOf(tensor, shape, names) * bytesOf(tensor.getElementType());
}

Formula elementsOf(func::FuncOp func, unsigned argument) {
  auto tensor = dyn_cast<RankedTensorType>(func.getArgumentTypes()[argument]);
  return tensor ? elementsOf(tensor, func.getArgAttrOfType<AffineMapAttr>(argument, kShapeAttr),
                             func->getAttrOfType<ArrayAttr>(kSizesAttr))
                : Formula(1);
}

Work workOf(func::FuncOp func) {
  Counter counter;
  counter.count(func.getBody().front());
  Work &work = counter.work;
  auto names = func->getAttrOfType<ArrayAttr>(kSizesAttr);
  for (unsigned k = 0; k < func.getNumArguments(); ++k)
    work.arguments += bytesOf(func.getArgument(k).getType(),
                              func.getArgAttrOfType<AffineMapAttr>(k, kShapeAttr), names);
  for (unsigned k = 0; k < func.getNumResults(); ++k)
    work.results += bytesOf(func.getResultTypes()[k],
                            func.getResultAttrOfType<AffineMapAttr>(k, kShapeAttr), names);
  return std::move(work);
}

Work workOf(ArrayRef<Operation *> ops) {
  Counter counter;
  for (Operation *op : ops)
    if (op->getNumRegions())
      counter.nest(*op);
  return std::move(counter.work);
}

} // namespace seq::analysis
