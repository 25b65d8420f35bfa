//===- EmitReduce.cpp - Reductions inside a tile ------------------------------------===//
//
// A sum takes up a term that is itself a sum of products product by product, each fused with its
// addition: of a complex product a c − b d that is two operations, not four.
//
// Points that a condition leaves out at the border of a tile alone (the first and last steps of a
// convolution's kernel) are masked there: between, the loop runs without the condition.
//
// Two ways. Where the map's lanes are taken by one of its own indices, the reduction is a
// loop whose accumulators are registers, M × U of them: a matrix product's micro-kernel
// when the body is a product of reads. Where no index of the map is worth lanes (a mean
// over features, a dot product of two rows), the reduction's last index runs in lanes,
// with several accumulators to hide the latency, and is folded at its end.
//
// Where the threads of a warp share a point, each takes its part of the last index in the first
// way; then they fold their accumulators by exchanges, after which all of them have the result.
//
//===----------------------------------------------------------------------===//
#include "compiler/Analysis/Domain.h"
#include "compiler/Lowering/Common/Lower.h"
#include "seq/abi.h"

using namespace mlir;
namespace seq::lowering {

BodyEmitter::Deps BodyEmitter::deps(Value v) {
  auto known = tile.vals.find(v);
  if (known != tile.vals.end())
    return {known->second.row, known->second.lane};
  auto it = depsCache.find(v);
  if (it != depsCache.end())
    return it->second;
  Deps d;
  Operation *op = v.getDefiningOp();
  if (!op || !op->getParentOfType<MapOp>()) {
    d.row = tile.rowIsBatch && v.getType().isIndex() && fn.dependsOnBatch(v);
    return d;
  }
  auto join = [&](Value o) {
    Deps x = deps(o);
    d.row |= x.row;
    d.lane |= x.lane;
  };
  for (Value o : op->getOperands())
    if (!isa<TensorType>(o.getType()))
      join(o);
  if (auto read = dyn_cast<ReadOp>(op); read && tile.rowIsBatch) {
    const Buffer &b = fn.bufferOf(read.getTensor());
    d.row |= b.perBatch || b.level >= 0 || read.getCheck();
  }
  if (isa<IntDivOp, ToIntOp>(op))
    d.row |= tile.rowIsBatch;
  if (auto reduce = dyn_cast<ReduceOp>(op)) {
    for (BlockArgument a : reduce.indices())
      depsCache[a] = {};
    for (Value o : reduce.yield()->getOperands())
      join(o);
  }
  return depsCache[v] = d;
}

static Value identity(Code &c, ReduceKind kind, Type t) {
  bool isFloat = isa<FloatType>(Code::element(t));
  int64_t bits = isFloat ? 0 : Code::element(t).getIntOrFloatBitWidth();
  switch (kind) {
  case ReduceKind::prod:
    return isFloat ? c.f(1, t) : c.ci(1, t);
  case ReduceKind::max:
  case ReduceKind::argmax:
  case ReduceKind::logsumexp:
    return isFloat ? c.f(-INFINITY, t)
                   : c.ci(bits == 64 ? INT64_MIN : -(int64_t(1) << (bits - 1)), t);
  case ReduceKind::min:
  case ReduceKind::argmin:
    return isFloat ? c.f(INFINITY, t)
                   : c.ci(bits == 64 ? INT64_MAX : (int64_t(1) << (bits - 1)) - 1, t);
  case ReduceKind::all:
    return c.ci(1, t);
  default:
    return isFloat ? c.f(0, t) : c.ci(0, t);
  }
}

static Value combine(Code &c, ReduceKind kind, Value a, Value x) {
  bool isFloat = isa<FloatType>(Code::element(a.getType()));
  switch (kind) {
  case ReduceKind::prod:
    return isFloat ? c.fmul(a, x) : c.bin<arith::MulIOp>(a, x);
  case ReduceKind::max:
    return isFloat ? c.bin<arith::MaximumFOp>(a, x) : c.bin<arith::MaxSIOp>(a, x);
  case ReduceKind::min:
    return isFloat ? c.bin<arith::MinimumFOp>(a, x) : c.bin<arith::MinSIOp>(a, x);
  case ReduceKind::any:
    return c.bin<arith::OrIOp>(a, x);
  case ReduceKind::all:
    return c.bin<arith::AndIOp>(a, x);
  default:
    return isFloat ? c.fadd(a, x) : c.bin<arith::AddIOp>(a, x);
  }
}

/// argmax's step: the larger value, or the first, or the first NaN, and its place.
static std::pair<Value, Value> better(Code &c, ReduceKind kind, Value best, Value at, Value v,
                                      Value where, Value present) {
  Value none = c.cmp(arith::CmpIPredicate::slt, at, c.ci(0, at.getType()));
  bool isMax = kind == ReduceKind::argmax;
  Value wins;
  if (isa<FloatType>(Code::element(v.getType()))) {
    wins = c.fcmp(isMax ? arith::CmpFPredicate::OGT : arith::CmpFPredicate::OLT, v, best);
    Value nan = c.bin<arith::AndIOp>(c.fcmp(arith::CmpFPredicate::UNO, v, v),
                                     c.fcmp(arith::CmpFPredicate::ORD, best, best));
    wins = c.bin<arith::OrIOp>(wins, nan);
  } else {
    wins = c.cmp(isMax ? arith::CmpIPredicate::sgt : arith::CmpIPredicate::slt, v, best);
  }
  wins = c.bin<arith::OrIOp>(wins, none);
  if (present)
    wins = c.bin<arith::AndIOp>(wins, present);
  return {c.select(wins, v, best), c.select(wins, where, at)};
}

static bool isArg(ReduceKind k) {
  return k == ReduceKind::argmax || k == ReduceKind::argmin;
}

Values BodyEmitter::extentsOf(ReduceOp op) {
  Values extents;
  for (Value e : op.getExtents())
    extents.push_back(fn.evaluate(e, tile.rows[0]));
  return extents;
}

//===----------------------------------------------------------------------===//
// Accumulators in registers
//===----------------------------------------------------------------------===//

/// The first way: a loop that carries the accumulators of every value as registers.
class RegisterReduction {
public:
  RegisterReduction(BodyEmitter &e, ReduceOp op)
      : e(e), c(e.c), tile(e.tile), op(op), yield(op.yield()) {}

  void emit() {
    Values init = beginAccumulators();
    extents = e.extentsOf(op);
    writtenOut = readsResidents();
    split = writtenOut && tile.residents->lanes > 1 &&
            llvm::any_of(op.indices(),
                         [&](BlockArgument i) { return tile.residents->splitIndices.contains(i); });
    // Reductions inside of this one are a thread's own.
    across = std::exchange(tile.across, Value());
    Values out = loops(0, c.i(0), init);
    tile.across = across;
    unsigned lanes = across ? kLanes : split ? tile.residents->lanes : 1;
    for (const Accumulator &a : accumulators)
      foldLanes(a, out, lanes);
    for (auto [acc, result] : llvm::zip(accumulators, op.getResults()))
      tile.vals[result] = acc.finds() ? placeFound(acc, out) : total(acc, out);
  }

private:
  /// A term of a sum: ± x y, or ± x.
  struct Term {
    Value x, y;
    bool minus;
  };

  /// Registers of one value: one, or one a row, a vector, or both; for some kinds twice.
  struct Accumulator {
    ReduceKind kind;
    Value value; ///< of the body, that it takes up
    Type type;   ///< of one entry, scalar
    bool row, lane;
    unsigned first;                    ///< position of its registers in the loop's carried values
    unsigned count = 0;                ///< registers of one plane
    SmallVector<Term, 2> terms;        ///< of a sum of products; else none
    SmallVector<Operation *, 4> inner; ///< ops that only lead to them
    bool finds() const { return isArg(kind); }
    /// A second plane behind the first: mean's count, or argmax's place as i64, −1 for none.
    bool hasSecond() const { return kind == ReduceKind::mean || finds(); }
  };

  unsigned vectors(const Accumulator &a) const { return a.lane ? tile.U : 1; }
  unsigned slot(const Accumulator &a, unsigned m, unsigned u) const {
    return a.first + m * vectors(a) + u;
  }
  /// The entry of `v` for one register of `a`.
  Value entry(const Accumulator &a, const Val &v, unsigned m, unsigned u) {
    return a.lane ? e.vectorAt(v, m, u) : e.scalarAt(v, m);
  }

  /// Lays out the registers and returns what they hold before the loop.
  Values beginAccumulators() {
    Values init;
    for (auto [i, value] : llvm::enumerate(yield.getValues())) {
      BodyEmitter::Deps d = e.deps(value);
      if (yield.getPresent()) {
        BodyEmitter::Deps p = e.deps(yield.getPresent());
        d.row |= p.row;
        d.lane |= p.lane;
      }
      if (op.getGuard()) {
        BodyEmitter::Deps g = e.deps(op.getGuard());
        d.row |= g.row;
        d.lane |= g.lane;
      }
      ReduceKind kind = op.kind(i);
      assert(kind != ReduceKind::logsumexp && "seq-decompose takes logsumexp apart");
      Accumulator a{kind,
                    value,
                    c.value(value.getType()),
                    d.row && tile.M > 1,
                    d.lane,
                    (unsigned)init.size()};
      termsOf(a, a.terms, a.inner);
      a.count = (a.row ? tile.M : 1) * vectors(a);
      auto form = [&](Type scalar) { return a.lane ? c.vec(scalar, tile.width) : scalar; };
      init.append(a.count, identity(c, kind, form(a.type)));
      if (a.hasSecond())
        init.append(a.count, a.finds() ? c.ci(-1, form(c.i64)) : c.f(0, form(a.type)));
      accumulators.push_back(a);
    }
    return init;
  }

  /// The loops over the reduction's indices from the k-th on; `linear` counts the points.
  Values loops(unsigned k, Value linear, ValueRange carried) {
    if (writtenOut)
      return allOf(k, linear, carried);
    auto [lo, hi] = e.rangeOf(op, k, extents[k]);
    auto whole = e.wholeRangeOf(op, k, lo, hi);
    if (!whole)
      return loop(k, lo, hi, linear, carried);
    auto [from, to] = *whole;
    Values out(carried.begin(), carried.end());
    if (from != lo)
      out = loop(k, lo, from, linear, out);
    for (Value conjunct : conjunctsOf(yield.getPresent()))
      assumed.insert(conjunct);
    out = loop(k, from, to, linear, out);
    for (Value conjunct : assumed)
      tile.vals.erase(conjunct);
    assumed.clear();
    return to == hi ? out : loop(k, to, hi, linear, out);
  }

  /// The same without a loop: its places are numbers.
  Values allOf(unsigned k, Value linear, ValueRange carried) {
    Values out(carried.begin(), carried.end());
    Value index = op.indices()[k];
    bool shared = split && tile.residents->splitIndices.contains(index);
    int64_t lanes = shared ? tile.residents->lanes : 1;
    for (int64_t i = 0, n = *Code::constant(extents[k]) / lanes; i < n; ++i) {
      // What the body made at the place before.
      op.getBody().walk([&](Operation *o) {
        for (Value v : o->getResults())
          tile.vals.erase(v);
      });
      Value place = shared ? c.add(c.i(i * lanes), tile.residents->lane) : c.i(i);
      tile.vals[index] = Val::scalar(place);
      if (shared)
        tile.residents->ownPlaces[index] = i;
      Value point = c.add(c.mul(linear, extents[k]), place);
      if (k + 1 < extents.size()) {
        out = allOf(k + 1, point, out);
      } else {
        emitOps();
        out = takeUp(point, out);
      }
    }
    return out;
  }

  bool readsResidents() {
    bool reads = false;
    if (tile.residents)
      op.walk([&](ReadOp read) { reads |= tile.residents->tensors.contains(read.getTensor()); });
    return reads;
  }

  Values loop(unsigned k, Value lo, Value hi, Value linear, ValueRange carried) {
    bool share = across && k + 1 == extents.size();
    Value first = share ? c.add(lo, across) : lo, step = c.i(share ? kLanes : 1);
    return c.loop(first, hi, step, carried, [&](Value iv, ValueRange inner) -> Values {
      tile.vals[op.indices()[k]] = Val::scalar(iv);
      Value point = c.add(c.mul(linear, extents[k]), iv);
      if (k + 1 < extents.size())
        return loops(k + 1, point, inner);
      emitOps();
      return takeUp(point, inner);
    });
  }

  /// The terms of `a`'s value, and the ops between that only lead to them; none where no product is
  /// among them or anything else reads the ops.
  void termsOf(const Accumulator &a, SmallVectorImpl<Term> &terms,
               SmallVectorImpl<Operation *> &inner) {
    constexpr unsigned kMostTerms = 4;
    if (a.kind != ReduceKind::sum && a.kind != ReduceKind::mean)
      return;
    bool product = false;
    auto visit = [&](auto &self, Value v, bool minus) -> void {
      Operation *d = v.getDefiningOp();
      bool own = d && d->getBlock() == op.bodyBlock() && v.hasOneUse();
      if (own && isa<arith::AddFOp, arith::SubFOp>(d)) {
        inner.push_back(d);
        self(self, d->getOperand(0), minus);
        return self(self, d->getOperand(1), minus != isa<arith::SubFOp>(d));
      }
      if (own && isa<arith::MulFOp>(d)) {
        product = true;
        inner.push_back(d);
        return terms.push_back({d->getOperand(0), d->getOperand(1), minus});
      }
      terms.push_back({v, {}, minus});
    };
    visit(visit, a.value, false);
    if (!product || terms.size() > kMostTerms) {
      terms.clear();
      inner.clear();
    }
  }

  /// The body's ops, but for those that are fused and conditions that hold.
  void emitOps() {
    for (Value conjunct : assumed)
      tile.vals[conjunct] = Val::scalar(c.ci(1, c.i1));
    llvm::SmallPtrSet<Operation *, 8> fused;
    for (const Accumulator &a : accumulators)
      fused.insert(a.inner.begin(), a.inner.end());
    // Streams of weights first: the scalars that meet them are then broadcast one by one.
    for (auto read : op.bodyBlock()->getOps<ReadOp>())
      if (e.packOf(read))
        e.emitOp(read);
    for (Operation &o : op.bodyBlock()->without_terminator()) {
      bool holds = o.getNumResults() && llvm::is_contained(assumed, o.getResult(0));
      if (!e.packOf(&o) && !fused.contains(&o) && !holds)
        e.emitOp(&o);
    }
  }

  /// The accumulators after one more point.
  Values takeUp(Value point, ValueRange carried) {
    Values out(carried.begin(), carried.end());
    // Row by row, so that a row's broadcast is used up before the next one is needed.
    for (unsigned m = 0; m < tile.M; ++m)
      for (Accumulator &a : accumulators)
        for (unsigned u = 0; u < vectors(a) && (m == 0 || a.row); ++u)
          a.finds() ? find(a, m, u, point, out) : add(a, m, u, out);
    return out;
  }

  /// Whether the point counts for one register of `a`; null: always.
  Value presentAt(const Accumulator &a, unsigned m, unsigned u) {
    Value present = yield.getPresent();
    return present ? entry(a, e.get(present), m, u) : Value();
  }

  void find(const Accumulator &a, unsigned m, unsigned u, Value point, Values &out) {
    Value present = presentAt(a, m, u);
    Value where = a.lane ? c.splat(point, tile.width) : point;
    Value &best = out[slot(a, m, u)], &at = out[slot(a, m, u) + a.count];
    std::tie(best, at) =
        lowering::better(c, a.kind, best, at, entry(a, e.get(a.value), m, u), where, present);
  }

  void add(const Accumulator &a, unsigned m, unsigned u, Values &out) {
    Value present = presentAt(a, m, u);
    auto keep = [&](Value &old, Value next) {
      old = present ? c.select(present, next, old) : next;
    };
    Value &sum = out[slot(a, m, u)];
    Value next = sum;
    for (const Term &t : a.terms) {
      Value x = entry(a, e.get(t.x), m, u), y = t.y ? entry(a, e.get(t.y), m, u) : Value();
      if (t.y)
        next = c.fma(t.minus ? Value(arith::NegFOp::create(c.b, x)) : x, y, next);
      else
        next = t.minus ? c.fsub(next, x) : c.fadd(next, x);
    }
    if (a.terms.empty())
      next = combine(c, a.kind, sum, entry(a, e.get(a.value), m, u));
    keep(sum, next);
    if (a.kind == ReduceKind::mean) {
      Value &count = out[slot(a, m, u) + a.count];
      keep(count, c.fadd(count, c.f(1, count.getType())));
    }
  }

  /// Every lane's accumulators to those of all lanes.
  void foldLanes(const Accumulator &a, Values &out, unsigned lanes) {
    for (unsigned flip = lanes / 2; flip; flip /= 2)
      for (unsigned k = a.first; k < a.first + a.count; ++k) {
        Value other = e.fromLane(out[k], flip);
        if (a.finds()) {
          Value &at = out[k + a.count];
          std::tie(out[k], at) = firstOf(out[k], at, other, e.fromLane(at, flip), a.kind);
          continue;
        }
        out[k] = combine(c, a.kind, out[k], other);
        if (a.kind == ReduceKind::mean)
          out[k + a.count] = c.fadd(out[k + a.count], e.fromLane(out[k + a.count], flip));
      }
  }

  /// The better of two that were found, each in a part of the range; the first of equal ones.
  std::pair<Value, Value> firstOf(Value best, Value at, Value v, Value where, ReduceKind kind) {
    Value none = c.cmp(arith::CmpIPredicate::slt, where, c.ci(0, where.getType()));
    Value some = c.bin<arith::XOrIOp>(none, c.ci(1, none.getType()));
    auto [value, place] = lowering::better(c, kind, best, at, v, where, some);
    bool isFloat = isa<FloatType>(v.getType());
    Value equal = isFloat ? c.fcmp(arith::CmpFPredicate::OEQ, v, best)
                          : c.cmp(arith::CmpIPredicate::eq, v, best);
    if (isFloat)
      equal = c.bin<arith::OrIOp>(
          equal, c.bin<arith::AndIOp>(c.fcmp(arith::CmpFPredicate::UNO, v, v),
                                      c.fcmp(arith::CmpFPredicate::UNO, best, best)));
    Value before = c.bin<arith::AndIOp>(c.cmp(arith::CmpIPredicate::slt, where, at), some);
    Value takes = c.bin<arith::AndIOp>(equal, before);
    return {c.select(takes, v, value), c.select(takes, where, place)};
  }

  Val total(const Accumulator &a, const Values &out) {
    return e.build(a.row, a.lane, [&](unsigned m, unsigned u) -> Value {
      Value sum = out[slot(a, m, u)];
      return a.kind == ReduceKind::mean ? c.fdiv(sum, out[slot(a, m, u) + a.count]) : sum;
    });
  }

  /// Where argmax found its value; a range without any point is a failure.
  Val placeFound(const Accumulator &a, const Values &out) {
    int where = e.place(op, SEQ_FAIL_EMPTY, op.getWhat().value_or(""));
    return e.build(a.row, a.lane, [&](unsigned m, unsigned u) -> Value {
      Value at = out[slot(a, m, u) + a.count];
      Value none = c.cmp(arith::CmpIPredicate::slt, at, c.ci(0, at.getType()));
      if (a.lane && tile.mask)
        none = c.bin<arith::AndIOp>(none, tile.mask);
      if (op.getGuard())
        none = c.bin<arith::AndIOp>(none, entry(a, e.get(op.getGuard()), m, u));
      e.fail(none, at, c.i(0), tile.rowOf(m), where);
      return arith::TruncIOp::create(c.b, Code::shaped(c.i32, at.getType()), at);
    });
  }

  BodyEmitter &e;
  Code &c;
  Tile &tile;
  ReduceOp op;
  YieldOp yield;
  SmallVector<Accumulator> accumulators;
  Values extents;
  static constexpr int64_t kLanes = 32; ///< threads of a warp
  bool writtenOut = false;              ///< it reads what is in registers
  bool split = false;                   ///< a few lanes share it
  Value across;                         ///< this thread's lane, where the warp shares the range
  llvm::SetVector<Value> assumed;       ///< conditions that hold in the loop that is being written
};

//===----------------------------------------------------------------------===//
// The last index in lanes
//===----------------------------------------------------------------------===//

/// The second way: `kUnroll` vectors of the last index a step, then single ones, then a
/// masked rest; folded at the end.
class LaneReduction {
public:
  LaneReduction(BodyEmitter &e, ReduceOp op)
      : e(e), c(e.c), tile(e.tile), op(op), width(tile.plan->width),
        last(op.getExtents().size() - 1) {}

  void emit() {
    Values init = beginAccumulators();
    extents = e.extentsOf(op);
    Values out = loops(0, init);
    for (auto [acc, result] : llvm::zip(accumulators, op.getResults()))
      tile.vals[result] = e.build(tile.M > 1, false, [&](unsigned m, unsigned) -> Value {
        Value total = fold(acc.kind, out, slot(acc, m, 0));
        if (!acc.mean())
          return total;
        return c.fdiv(total, fold(ReduceKind::sum, out, slot(acc, m, 0) + plane()));
      });
  }

private:
  static constexpr unsigned kUnroll = 4;

  struct Accumulator {
    ReduceKind kind;
    Value value;    ///< of the body, that it takes up
    unsigned first; ///< position of its registers in the loops' carried values
    /// A mean counts in a second plane behind the first.
    bool mean() const { return kind == ReduceKind::mean; }
  };

  unsigned plane() const { return tile.M * kUnroll; }
  unsigned slot(const Accumulator &a, unsigned m, unsigned u) const {
    return a.first + m * kUnroll + u;
  }

  Values beginAccumulators() {
    Values init;
    for (auto [i, value] : llvm::enumerate(op.yield().getValues())) {
      Accumulator a{op.kind(i), value, (unsigned)init.size()};
      Type t = c.vec(c.value(value.getType()), width);
      init.append(plane() * (a.mean() ? 2 : 1), identity(c, a.kind, t));
      accumulators.push_back(a);
    }
    return init;
  }

  Values loops(unsigned k, ValueRange carried) {
    if (k == last)
      return lanes(carried);
    return c.loop(c.i(0), extents[k], c.i(1), carried, [&](Value iv, ValueRange inner) {
      tile.vals[op.indices()[k]] = Val::scalar(iv);
      return loops(k + 1, inner);
    });
  }

  /// The loops over the last index.
  Values lanes(ValueRange carried) {
    auto [lo, n] = e.rangeOf(op, last, extents[last]);
    Value wide = c.i(width * kUnroll), one = c.i(width), count = c.sub(n, lo);
    Value wideEnd = c.add(lo, c.mul(c.floorDiv(count, wide), wide));
    Value end = c.add(lo, c.mul(c.floorDiv(count, one), one));
    Values out(carried.begin(), carried.end());
    if (Code::constant(wideEnd) != 0)
      out = c.loop(lo, wideEnd, wide, out,
                   [&](Value iv, ValueRange in) { return takeUp(kUnroll, iv, {}, in); });
    auto wc = Code::constant(wideEnd), ec = Code::constant(end), nc = Code::constant(n);
    if (!wc || !ec || *wc < *ec)
      out = c.loop(wideEnd, end, one, out,
                   [&](Value iv, ValueRange in) { return takeUp(1, iv, {}, in); });
    if (ec && nc && *ec == *nc)
      return out;
    Value rest = c.sub(n, end);
    Value mask = c.cmp(arith::CmpIPredicate::slt, c.iota(width), c.splat(rest, width));
    return c.choose(
        c.cmp(arith::CmpIPredicate::sgt, rest, c.i(0)), ValueRange(out).getTypes(),
        [&] { return takeUp(1, end, mask, out); }, [&] { return out; });
  }

  /// The accumulators after `U` more vectors, the first of which begins at `start`.
  Values takeUp(unsigned U, Value start, Value mask, ValueRange carried) {
    Tile inner = tile;
    inner.U = U;
    inner.width = width;
    inner.laneActive = true;
    inner.mask = mask;
    inner.vals[op.indices()[last]] = Val::lanes(start);
    BodyEmitter body(e.fn, c, inner);
    body.emitBlock(*op.bodyBlock());
    Values out(carried.begin(), carried.end());
    Value present = op.yield().getPresent();
    for (const Accumulator &a : accumulators)
      for (unsigned m = 0; m < tile.M; ++m)
        for (unsigned u = 0; u < U; ++u) {
          Value counts = mask;
          if (present) {
            Value p = body.vectorAt(body.get(present), m, u);
            counts = mask ? c.bin<arith::AndIOp>(mask, p) : p;
          }
          auto keep = [&](Value &old, Value next) {
            old = counts ? c.select(counts, next, old) : next;
          };
          Value &acc = out[slot(a, m, u)];
          keep(acc, combine(c, a.kind, acc, body.vectorAt(body.get(a.value), m, u)));
          if (a.mean()) {
            Value &n = out[slot(a, m, u) + plane()];
            keep(n, c.fadd(n, c.f(1, n.getType())));
          }
        }
    return out;
  }

  /// The `kUnroll` vectors from `first` on as one scalar.
  Value fold(ReduceKind kind, const Values &out, unsigned first) {
    Value acc = out[first];
    for (unsigned u = 1; u < kUnroll; ++u)
      acc = combine(c, kind, acc, out[first + u]);
    // Halves, so that the order is the same for every thread count and stays short.
    for (unsigned w = width; w > 1; w /= 2) {
      SmallVector<int32_t> lo, hi;
      for (unsigned k = 0; k < w / 2; ++k) {
        lo.push_back(k);
        hi.push_back(k + w / 2);
      }
      Value a = LLVM::ShuffleVectorOp::create(c.b, acc, acc, lo);
      Value d = LLVM::ShuffleVectorOp::create(c.b, acc, acc, hi);
      acc = combine(c, kind, a, d);
    }
    return c.extract(acc, c.i(0));
  }

  BodyEmitter &e;
  Code &c;
  Tile &tile;
  ReduceOp op;
  unsigned width, last;
  SmallVector<Accumulator> accumulators;
  Values extents;
};

/// Whether the reduction's last index should run in lanes: the map has no index that is
/// worth them, and nothing in the body needs more than a vector's operations.
static bool wantsLanes(ReduceOp op, const Tile &tile) {
  bool nested = !op.bodyBlock()->getOps<ReduceOp>().empty();
  bool finds = false;
  for (unsigned i = 0; i < op.getNumResults(); ++i)
    finds |= isArg(op.kind(i));
  return !tile.laneActive && !nested && !finds && tile.plan && tile.plan->lane < 0 &&
         tile.plan->width > 1;
}

void BodyEmitter::emitReduce(ReduceOp op) {
  if (wantsLanes(op, tile))
    return LaneReduction(*this, op).emit();
  RegisterReduction(*this, op).emit();
}

} // namespace seq::lowering
