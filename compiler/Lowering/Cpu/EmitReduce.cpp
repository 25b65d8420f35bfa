//===- EmitReduce.cpp - Reductions inside a tile ------------------------------------===//
//
// Two ways. Where the map's lanes are taken by one of its own indices, the reduction is a
// loop whose accumulators are registers, M × U of them: a matrix product's micro-kernel
// when the body is a product of reads. Where no index of the map is worth lanes (a mean
// over features, a dot product of two rows), the reduction's last index runs in lanes,
// with several accumulators to hide the latency, and is folded at its end.
//
//===----------------------------------------------------------------------===//
#include "compiler/Lowering/Cpu/Lower.h"
#include "seq/abi.h"

using namespace mlir;
namespace seq::cpu {

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
  if (auto read = dyn_cast<ReadOp>(op)) {
    const Buffer &b = fn.bufferOf(read.getTensor());
    d.row |= tile.rowIsBatch && (b.perBatch || b.level >= 0 || read.getCheck());
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

/// One accumulator of a reduction: `main`, and for some kinds a second one.
namespace {
struct Accumulator {
  ReduceKind kind;
  Type type; ///< of one entry of the body's value, scalar
  bool row, lane;
  unsigned first;  ///< position of its registers in the loop's carried values
  unsigned count;  ///< registers of `main`
  unsigned planes; ///< 1; mean 2 (count); argmax 2 (place, as i64 with −1 for none)
};
} // namespace

static unsigned planesOf(ReduceKind k) {
  assert(k != ReduceKind::logsumexp && "seq-decompose takes logsumexp apart");
  if (k == ReduceKind::mean)
    return 2;
  return k == ReduceKind::argmax || k == ReduceKind::argmin ? 2 : 1;
}

void BodyEmitter::emitReduce(ReduceOp op) {
  bool nested = false;
  for (Operation &o : *op.bodyBlock())
    nested |= isa<ReduceOp>(o);
  bool simple = true;
  for (unsigned i = 0; i < op.getNumResults(); ++i)
    simple &= op.kind(i) != ReduceKind::argmax && op.kind(i) != ReduceKind::argmin;
  bool wantsLanes = !tile.laneActive && !nested && simple && tile.plan && tile.plan->lane < 0 &&
                    tile.plan->width > 1;
  if (wantsLanes)
    return emitReduceInLanes(op);

  YieldOp y = op.yield();
  bool masked = static_cast<bool>(y.getPresent());
  SmallVector<Accumulator> accs;
  Values init;
  for (auto [i, value] : llvm::enumerate(y.getValues())) {
    Deps d = deps(value);
    if (masked) {
      Deps p = deps(y.getPresent());
      d.row |= p.row;
      d.lane |= p.lane;
    }
    Accumulator a;
    a.kind = op.kind(i);
    a.type = value.getType().isIndex() ? Type(c.i64) : value.getType();
    a.row = d.row && tile.M > 1;
    a.lane = d.lane;
    a.first = init.size();
    a.count = (a.row ? tile.M : 1) * (a.lane ? tile.U : 1);
    a.planes = planesOf(a.kind);
    Type t = a.lane ? c.vec(a.type, tile.width) : a.type;
    init.append(a.count, identity(c, a.kind, t));
    if (a.planes == 2)
      init.append(a.count, a.kind == ReduceKind::mean
                               ? c.f(0, t)
                               : c.ci(-1, a.lane ? c.vec(c.i64, tile.width) : Type(c.i64)));
    accs.push_back(a);
  }

  // A product that only the sum reads is fused with the addition.
  auto product = [&](Value v, ReduceKind kind) -> arith::MulFOp {
    auto mul = v.getDefiningOp<arith::MulFOp>();
    bool here = mul && mul->getBlock() == op.bodyBlock() && v.hasOneUse();
    return here && (kind == ReduceKind::sum || kind == ReduceKind::mean) ? mul : arith::MulFOp();
  };

  auto body = [&](Value linear, ValueRange carried) {
    // Streams of weights first: the scalars that meet them are then broadcast one by one.
    for (auto read : op.bodyBlock()->getOps<ReadOp>())
      if (packOf(read))
        emitOp(read);
    for (Operation &o : op.bodyBlock()->without_terminator()) {
      if (packOf(&o))
        continue;
      auto mul = dyn_cast<arith::MulFOp>(o);
      bool fused = false;
      if (mul && mul->hasOneUse())
        for (auto [i, value] : llvm::enumerate(y.getValues()))
          fused |= product(value, op.kind(i)) == mul;
      if (!fused)
        emitOp(&o);
    }
    Values out(carried.begin(), carried.end());
    Val present;
    if (masked)
      present = get(y.getPresent());
    // Row by row, so that a row's broadcast is used up before the next one is needed.
    for (unsigned m = 0; m < tile.M; ++m)
      for (auto [i, value] : llvm::enumerate(y.getValues())) {
        Accumulator &a = accs[i];
        if (m > 0 && !a.row)
          continue;
        arith::MulFOp mul = product(value, a.kind);
        Val x = mul ? get(mul.getLhs()) : get(value), z = mul ? get(mul.getRhs()) : Val();
        for (unsigned u = 0; u < (a.lane ? tile.U : 1); ++u) {
          auto form = [&](const Val &v) { return a.lane ? vectorAt(v, m, u) : scalarAt(v, m); };
          unsigned slot = a.first + m * (a.lane ? tile.U : 1) + u;
          Value p = masked ? form(present) : Value();
          if (a.kind == ReduceKind::argmax || a.kind == ReduceKind::argmin) {
            Value where = a.lane ? c.splat(linear, tile.width) : linear;
            auto [best, at] = better(c, a.kind, out[slot], out[slot + a.count], form(x), where, p);
            out[slot] = best;
            out[slot + a.count] = at;
            continue;
          }
          Value old = out[slot];
          Value next = mul ? c.fma(form(x), form(z), old) : combine(c, a.kind, old, form(x));
          out[slot] = p ? c.select(p, next, old) : next;
          if (a.kind == ReduceKind::mean) {
            Value n = out[slot + a.count];
            Value more = c.fadd(n, c.f(1, n.getType()));
            out[slot + a.count] = p ? c.select(p, more, n) : more;
          }
        }
      }
    return out;
  };

  SmallVector<Value> extents;
  for (Value e : op.getExtents())
    extents.push_back(fn.evaluate(e, tile.rows[0]));
  std::function<Values(unsigned, Value, ValueRange)> nest = [&](unsigned k, Value linear,
                                                                ValueRange carried) -> Values {
    auto [lo, hi] = rangeOf(op, k, extents[k]);
    return c.loop(lo, hi, c.i(1), carried, [&](Value iv, ValueRange inner) -> Values {
      tile.vals[op.indices()[k]] = Val::scalar(iv);
      Value lin = c.add(c.mul(linear, extents[k]), iv);
      return k + 1 == extents.size() ? body(lin, inner) : nest(k + 1, lin, inner);
    });
  };
  Values out = nest(0, c.i(0), init);
  for (auto [i, result] : llvm::enumerate(op.getResults())) {
    Accumulator &a = accs[i];
    int where = a.kind == ReduceKind::argmax || a.kind == ReduceKind::argmin
                    ? place(op, SEQ_FAIL_EMPTY, op.getWhat().value_or(""))
                    : 0;
    tile.vals[result] = build(a.row, a.lane, [&](unsigned m, unsigned u) -> Value {
      unsigned slot = a.first + m * (a.lane ? tile.U : 1) + u;
      if (a.kind == ReduceKind::mean)
        return c.fdiv(out[slot], out[slot + a.count]);
      if (a.kind == ReduceKind::argmax || a.kind == ReduceKind::argmin) {
        Value at = out[slot + a.count];
        Value none = c.cmp(arith::CmpIPredicate::slt, at, c.ci(0, at.getType()));
        if (a.lane && tile.mask)
          none = c.bin<arith::AndIOp>(none, tile.mask);
        fail(none, at, c.i(0), tile.rowOf(m), where);
        return arith::TruncIOp::create(c.b, Code::shaped(c.i32, at.getType()), at);
      }
      return out[slot];
    });
  }
}

/// The last index in lanes, `kUnroll` vectors a step, then a masked rest.
void BodyEmitter::emitReduceInLanes(ReduceOp op) {
  constexpr unsigned kUnroll = 4;
  YieldOp y = op.yield();
  unsigned width = tile.plan->width;
  unsigned M = tile.M, last = op.getExtents().size() - 1;
  struct Plane {
    ReduceKind kind;
    Type type;
    unsigned first;
    bool mean;
  };
  SmallVector<Plane> planes;
  Values init;
  for (auto [i, value] : llvm::enumerate(y.getValues())) {
    Type e = value.getType().isIndex() ? Type(c.i64) : value.getType();
    bool mean = op.kind(i) == ReduceKind::mean;
    planes.push_back({op.kind(i), e, (unsigned)init.size(), mean});
    init.append(M * kUnroll * (mean ? 2 : 1), identity(c, op.kind(i), c.vec(e, width)));
  }
  SmallVector<Value> extents;
  for (Value e : op.getExtents())
    extents.push_back(fn.evaluate(e, tile.rows[0]));

  // One step over `U` vectors beginning at `start`; the accumulators of vector u are [m][u].
  auto step = [&](unsigned U, Value start, Value mask, ValueRange carried) {
    Tile inner = tile;
    inner.U = U;
    inner.width = width;
    inner.laneActive = true;
    inner.mask = mask;
    inner.vals[op.indices()[last]] = Val::lanes(start);
    BodyEmitter e(fn, c, inner);
    e.emitBlock(*op.bodyBlock());
    Values out(carried.begin(), carried.end());
    Val present;
    if (y.getPresent())
      present = e.get(y.getPresent());
    for (auto [i, value] : llvm::enumerate(y.getValues())) {
      Plane &p = planes[i];
      Val x = e.get(value);
      for (unsigned m = 0; m < M; ++m)
        for (unsigned u = 0; u < U; ++u) {
          unsigned slot = p.first + m * kUnroll + u;
          Value q = mask;
          if (y.getPresent()) {
            Value r = e.vectorAt(present, m, u);
            q = q ? c.bin<arith::AndIOp>(q, r) : r;
          }
          Value old = out[slot], next = combine(c, p.kind, old, e.vectorAt(x, m, u));
          out[slot] = q ? c.select(q, next, old) : next;
          if (p.mean) {
            Value n = out[slot + M * kUnroll], more = c.fadd(n, c.f(1, n.getType()));
            out[slot + M * kUnroll] = q ? c.select(q, more, n) : more;
          }
        }
    }
    return out;
  };

  std::function<Values(unsigned, ValueRange)> nest = [&](unsigned k, ValueRange carried) -> Values {
    if (k < last)
      return c.loop(c.i(0), extents[k], c.i(1), carried, [&](Value iv, ValueRange inner) {
        tile.vals[op.indices()[k]] = Val::scalar(iv);
        return nest(k + 1, inner);
      });
    auto [lo, n] = rangeOf(op, last, extents[last]);
    Value wide = c.i(width * kUnroll), one = c.i(width), count = c.sub(n, lo);
    Value wideEnd = c.add(lo, c.mul(c.floorDiv(count, wide), wide));
    Value end = c.add(lo, c.mul(c.floorDiv(count, one), one));
    Values out(carried.begin(), carried.end());
    if (Code::constant(wideEnd) != 0)
      out = c.loop(lo, wideEnd, wide, out,
                   [&](Value iv, ValueRange in) { return step(kUnroll, iv, {}, in); });
    auto wc = Code::constant(wideEnd), ec = Code::constant(end), nc = Code::constant(n);
    if (!wc || !ec || *wc < *ec)
      out = c.loop(wideEnd, end, one, out,
                   [&](Value iv, ValueRange in) { return step(1, iv, {}, in); });
    if (ec && nc && *ec == *nc)
      return out;
    Value rest = c.sub(n, end);
    Value mask = c.cmp(arith::CmpIPredicate::slt, c.iota(width), c.splat(rest, width));
    return c.choose(
        c.cmp(arith::CmpIPredicate::sgt, rest, c.i(0)), ValueRange(out).getTypes(),
        [&] { return step(1, end, mask, out); }, [&] { return out; });
  };
  Values out = nest(0, init);

  auto fold = [&](Plane &p, unsigned base, ReduceKind kind) -> Value {
    Value acc = out[base];
    for (unsigned u = 1; u < kUnroll; ++u)
      acc = combine(c, kind, acc, out[base + u]);
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
  };
  for (auto [i, result] : llvm::enumerate(op.getResults())) {
    Plane &p = planes[i];
    tile.vals[result] = build(M > 1, false, [&](unsigned m, unsigned) -> Value {
      Value v = fold(p, p.first + m * kUnroll, p.kind);
      if (!p.mean)
        return v;
      return c.fdiv(v, fold(p, p.first + (M + m) * kUnroll, ReduceKind::sum));
    });
  }
}

} // namespace seq::cpu
