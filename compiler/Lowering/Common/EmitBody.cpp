//===- EmitBody.cpp - A map's body for one register tile -------------------------===//
//
// The body of a map computes one point. It is emitted here for a tile of points at once:
// M rows by U native vectors. Each value of the body becomes as many registers as it has
// to be: one scalar where it is the same everywhere, one a row, one a vector, or both.
// So `w[j, k]` is loaded once for all rows, `h[k]` once a row and broadcast, and only the
// accumulators are M × U. An index that runs with the lanes is kept as `base + c * lane`
// for as long as it is affine, which makes reads contiguous loads instead of gathers.
//
// Bodies have no control flow: a guard becomes a mask. A masked-out lane reads nothing.
//
//===----------------------------------------------------------------------===//
#include "compiler/Lowering/Common/Lower.h"
#include "seq/abi.h"

using namespace mlir;
namespace seq::lowering {

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

Value BodyEmitter::scalarAt(const Val &v, unsigned m) {
  return v.v[v.row ? m : 0];
}

Value BodyEmitter::vectorAt(const Val &v, unsigned m, unsigned u) {
  if (v.affine) {
    Value base = c.add(scalarAt(v, m), c.i(v.coefficient * u * tile.width));
    Value lanes = c.iota(tile.width);
    if (v.coefficient != 1)
      lanes = c.bin<arith::MulIOp>(lanes, c.ci(v.coefficient, lanes.getType()));
    return c.bin<arith::AddIOp>(c.splat(base, tile.width), lanes);
  }
  if (!v.lane)
    return c.splat(scalarAt(v, m), tile.width);
  return v.v[(v.row ? m : 0) * tile.U + u];
}

Value BodyEmitter::at(const Val &v, unsigned m, unsigned u) {
  return v.lane ? vectorAt(v, m, u) : scalarAt(v, m);
}

Val BodyEmitter::build(bool row, bool lane, llvm::function_ref<Value(unsigned, unsigned)> f) {
  Val r;
  r.row = row && tile.M > 1;
  r.lane = lane;
  for (unsigned m = 0; m < (r.row ? tile.M : 1); ++m)
    for (unsigned u = 0; u < (lane ? tile.U : 1); ++u)
      r.v.push_back(f(m, u));
  return r;
}

Val BodyEmitter::elementwise(ValueRange operands, llvm::function_ref<Value(ValueRange)> f) {
  SmallVector<Val, 3> vals;
  bool row = false, lane = false;
  for (Value o : operands) {
    vals.push_back(get(o));
    row |= vals.back().row;
    lane |= vals.back().lane;
  }
  return build(row, lane, [&](unsigned m, unsigned u) {
    Values in;
    for (Val &v : vals)
      in.push_back(lane ? vectorAt(v, m, u) : scalarAt(v, m));
    return f(in);
  });
}

/// A value from outside of the body, or one that was emitted.
Val BodyEmitter::get(Value v) {
  auto it = tile.vals.find(v);
  if (it != tile.vals.end())
    return it->second;
  Val r;
  if (auto k = v.getDefiningOp<arith::ConstantOp>()) {
    if (v.getType().isIndex())
      r.v.push_back(c.i(cast<IntegerAttr>(k.getValue()).getInt()));
    else if (isShort(v.getType()))
      r.v.push_back(
          c.ci(cast<FloatAttr>(k.getValue()).getValue().bitcastToAPInt().getSExtValue(), c.i16));
    else
      r.v.push_back(arith::ConstantOp::create(c.b, k.getValue()));
    return r;
  }
  assert(v.getType().isIndex() && "only indices and constants are captured by bodies");
  bool row = tile.rowIsBatch && tile.M > 1 && fn.dependsOnBatch(v);
  r.row = row;
  for (unsigned m = 0; m < (row ? tile.M : 1); ++m)
    r.v.push_back(fn.evaluate(v, tile.rowOf(m)));
  return r;
}

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

void BodyEmitter::emitBlock(Block &block) {
  for (Operation &op : block.without_terminator())
    if (!tile.vals.contains(op.getNumResults() ? op.getResult(0) : Value()))
      emitOp(&op);
}

void BodyEmitter::ensure(Value v) {
  if (tile.vals.contains(v))
    return;
  Operation *op = v.getDefiningOp();
  if (!op || !op->getParentOfType<MapOp>())
    return;
  for (Value o : op->getOperands())
    ensure(o);
  emitOp(op);
}

static Value cast(Code &c, Operation *op, Value v) {
  auto width = [](Type t) { return t.isIndex() ? 64u : t.getIntOrFloatBitWidth(); };
  Type from = op->getOperand(0).getType(), to = op->getResult(0).getType();
  Type target = Code::shaped(to.isIndex() ? Type(c.i64) : to, v.getType());
  if (width(from) == width(to))
    return v;
  if (width(from) > width(to))
    return arith::TruncIOp::create(c.b, target, v);
  if (isa<arith::ExtUIOp, arith::IndexCastUIOp>(op))
    return arith::ExtUIOp::create(c.b, target, v);
  return arith::ExtSIOp::create(c.b, target, v);
}

/// An arith op on scalars or vectors; index is i64.
static Value emitArith(Code &c, Operation *op, ValueRange in) {
  if (isa<arith::IndexCastOp, arith::IndexCastUIOp, arith::ExtSIOp, arith::ExtUIOp,
          arith::TruncIOp>(op))
    return cast(c, op, in[0]);
  if (isa<arith::FloorDivSIOp>(op))
    return c.floorDiv(in[0], in[1]);
  if (isa<arith::SelectOp>(op))
    return c.select(in[0], in[1], in[2]);
  if (auto cmp = dyn_cast<arith::CmpIOp>(op))
    return c.cmp(cmp.getPredicate(), in[0], in[1]);
  if (auto cmp = dyn_cast<arith::CmpFOp>(op))
    return c.fcmp(cmp.getPredicate(), in[0], in[1]);
  if (isa<arith::RemFOp>(op))
    return emitRemainder(c, in[0], in[1]);
  Type r = op->getResult(0).getType();
  if (isa<arith::ExtFOp>(op) && isShort(op->getOperand(0).getType()))
    return emitWiden(c, in[0], op->getOperand(0).getType());
  if (isa<arith::TruncFOp>(op) && isShort(r))
    return emitNarrow(c, in[0], r);
  OperationState state(c.b.getLoc(), op->getName());
  state.addOperands(in);
  state.addTypes(Code::shaped(r.isIndex() ? Type(c.i64) : r, in[0].getType()));
  SmallVector<Value> folded;
  Operation *made = c.b.create(state);
  if (succeeded(c.b.tryFold(made, folded)) && !folded.empty()) {
    made->erase();
    return folded[0];
  }
  return made->getResult(0);
}

/// add, sub and mul of indices keep `base + c * lane`.
Val BodyEmitter::indexArithmetic(Operation *op) {
  Val a = get(op->getOperand(0)), d = get(op->getOperand(1));
  bool isMul = isa<arith::MulIOp>(op);
  bool affineA = a.affine || !a.lane, affineD = d.affine || !d.lane;
  auto k = [&](const Val &v) { return v.lane || v.row ? std::nullopt : Code::constant(v.v[0]); };
  bool keep = affineA && affineD && (a.lane || d.lane) &&
              (!isMul || (a.lane ? k(d).has_value() : k(a).has_value()));
  if (!keep)
    return elementwise(op->getOperands(), [&](ValueRange in) { return emitArith(c, op, in); });
  Val r;
  r.row = a.row || d.row;
  r.lane = r.affine = true;
  if (isMul)
    r.coefficient = a.lane ? a.coefficient * *k(d) : d.coefficient * *k(a);
  else
    r.coefficient = a.coefficient + (isa<arith::SubIOp>(op) ? -d.coefficient : d.coefficient);
  for (unsigned m = 0; m < (r.row ? tile.M : 1); ++m) {
    Value x = scalarAt(a, m), y = scalarAt(d, m);
    r.v.push_back(isMul ? c.mul(x, y) : isa<arith::SubIOp>(op) ? c.sub(x, y) : c.add(x, y));
  }
  if (r.coefficient == 0)
    r.lane = r.affine = false;
  return r;
}

void BodyEmitter::emitOp(Operation *op) {
  if (auto reduce = dyn_cast<ReduceOp>(op))
    return emitReduce(reduce);
  if (isa<arith::ConstantOp>(op))
    return;
  Value result = op->getResult(0);
  Val v;
  if (auto o = dyn_cast<ReadOp>(op))
    v = read(o);
  else if (auto o = dyn_cast<UnaryOp>(op))
    v = elementwise(o.getX(), [&](ValueRange in) { return emitUnary(c, (int)o.getKind(), in[0]); });
  else if (auto o = dyn_cast<PowerOp>(op))
    v = power(o);
  else if (auto o = dyn_cast<IntDivOp>(op))
    v = intDiv(o);
  else if (auto o = dyn_cast<ToIntOp>(op))
    v = toInt(o);
  else if (isa<arith::AddIOp, arith::SubIOp, arith::MulIOp>(op) && result.getType().isIndex())
    v = indexArithmetic(op);
  else
    v = elementwise(op->getOperands(), [&](ValueRange in) { return emitArith(c, op, in); });
  tile.vals[result] = std::move(v);
}

Val BodyEmitter::power(PowerOp op) {
  Value e = op.getExponent();
  if (!e.getType().isIndex())
    return elementwise({op.getBase(), e}, [&](ValueRange in) { return emitPow(c, in[0], in[1]); });
  std::optional<int64_t> n;
  if (auto k = e.getDefiningOp<arith::ConstantOp>())
    n = llvm::cast<IntegerAttr>(k.getValue()).getInt();
  bool isFloat = isa<FloatType>(op.getBase().getType());
  if (n && (isFloat ? std::abs(*n) <= 64 : *n >= 0))
    return elementwise(op.getBase(), [&](ValueRange in) {
      Value x = in[0], r;
      for (uint64_t k = std::abs(*n); k; k >>= 1) {
        if (k & 1)
          r = !r ? x : isFloat ? c.fmul(r, x) : c.bin<arith::MulIOp>(r, x);
        if (k > 1)
          x = isFloat ? c.fmul(x, x) : c.bin<arith::MulIOp>(x, x);
      }
      if (!r)
        r = isFloat ? c.f(1, x.getType()) : c.ci(1, x.getType());
      return isFloat && *n < 0 ? c.fdiv(c.f(1, r.getType()), r) : r;
    });
  // An exponent known only when it runs. Floats: pow in f64. Integers: by squaring over
  // all bits of the exponent; a negative one leaves what 1 / base truncates to.
  return elementwise({op.getBase(), e}, [&](ValueRange in) -> Value {
    Type t = in[0].getType();
    if (isFloat) {
      Type d = Code::shaped(c.f64, t);
      Value base = Code::element(t).isF64() ? in[0] : Value(arith::ExtFOp::create(c.b, d, in[0]));
      Value y = emitPow(c, base, arith::SIToFPOp::create(c.b, d, in[1]));
      return Code::element(t).isF64() ? y : Value(arith::TruncFOp::create(c.b, t, y));
    }
    Type it = in[1].getType();
    Value x = in[0], r = c.ci(1, t);
    for (unsigned bit = 0; bit < 63; ++bit) {
      Value has = c.bin<arith::AndIOp>(in[1], c.ci(int64_t(1) << bit, it));
      has = c.cmp(arith::CmpIPredicate::ne, has, c.ci(0, it));
      r = c.select(has, c.bin<arith::MulIOp>(r, x), r);
      x = c.bin<arith::MulIOp>(x, x);
    }
    Value odd =
        c.cmp(arith::CmpIPredicate::ne, c.bin<arith::AndIOp>(in[1], c.ci(1, it)), c.ci(0, it));
    Value minusOne = c.cmp(arith::CmpIPredicate::eq, in[0], c.ci(-1, t));
    Value one = c.cmp(arith::CmpIPredicate::eq, in[0], c.ci(1, t));
    Value small = c.select(one, c.ci(1, t),
                           c.select(minusOne, c.select(odd, c.ci(-1, t), c.ci(1, t)), c.ci(0, t)));
    return c.select(c.cmp(arith::CmpIPredicate::slt, in[1], c.ci(0, it)), small, r);
  });
}

//===----------------------------------------------------------------------===//
// Checks at run time
//===----------------------------------------------------------------------===//

int BodyEmitter::place(Operation *op, int kind, StringRef what) {
  Place p;
  p.kind = kind;
  p.what = what.str();
  op->getLoc()->walk([&](Location l) {
    auto f = dyn_cast<FileLineColLoc>(l);
    if (!f)
      return WalkResult::advance();
    p.file = f.getFilename().str();
    p.line = f.getLine();
    p.column = f.getColumn();
    return WalkResult::interrupt();
  });
  auto &places = fn.result.places;
  for (size_t k = 0; k < places.size(); ++k)
    if (places[k].file == p.file && places[k].line == p.line && places[k].column == p.column &&
        places[k].kind == kind && places[k].what == p.what)
      return k;
  places.push_back(p);
  return places.size() - 1;
}

/// Reports where `condition` (scalar or lanes) holds, lane by lane.
void BodyEmitter::fail(Value condition, Value value, Value bound, const Row &row, int place) {
  auto report = [&](Value v, Value limit) {
    Value p = arith::ConstantOp::create(c.b, c.b.getI32IntegerAttr(place));
    fn.emitFail(p, row.b, v, limit);
  };
  if (!Code::isVector(condition.getType()))
    return c.when(condition, [&] { report(value, bound); });
  Value any = LLVM::vector_reduce_or::create(c.b, c.i1, condition);
  c.when(any, [&] {
    c.loop(c.i(0), c.i(tile.width), c.i(1), [&](Value k) {
      c.when(c.extract(condition, k), [&] { report(c.extract(value, k), bound); });
    });
  });
}

/// guard ∧ 0 ≤ index < bound; where the guard holds and the index is outside the call fails.
Val BodyEmitter::guardWithCheck(Val guard, bool hasGuard, const Val &index, ArrayRef<Value> bound,
                                Operation *op, int kind, StringRef what) {
  int where = place(op, kind, what);
  bool lane = index.lane || (hasGuard && guard.lane);
  bool row = index.row || (hasGuard && guard.row) || bound.size() > 1 || tile.rowIsBatch;
  return build(row, lane, [&](unsigned m, unsigned u) {
    Value limit = bound[bound.size() > 1 ? m : 0];
    Value x = lane ? vectorAt(index, m, u) : scalarAt(index, m);
    Value l = lane ? c.splat(limit, tile.width) : limit;
    Value inside = c.bin<arith::AndIOp>(c.cmp(arith::CmpIPredicate::sge, x, c.ci(0, x.getType())),
                                        c.cmp(arith::CmpIPredicate::slt, x, l));
    Value outside = c.bin<arith::XOrIOp>(inside, c.ci(1, inside.getType()));
    Value g;
    if (hasGuard)
      g = lane ? vectorAt(guard, m, u) : scalarAt(guard, m);
    if (lane && tile.mask)
      g = g ? c.bin<arith::AndIOp>(g, tile.mask) : tile.mask;
    fail(g ? c.bin<arith::AndIOp>(g, outside) : outside, x, limit, tile.rowOf(m), where);
    return g ? c.bin<arith::AndIOp>(g, inside) : inside;
  });
}

Val BodyEmitter::intDiv(IntDivOp op) {
  auto k = op.getRhs().getDefiningOp<arith::ConstantOp>();
  bool safe = k && llvm::cast<IntegerAttr>(k.getValue()).getInt() > 0;
  Val guard;
  if (op.getGuard())
    guard = get(op.getGuard());
  int where = safe ? 0 : place(op, SEQ_FAIL_DIV_ZERO, op.getWhat().value_or(""));
  Val a = get(op.getLhs()), d = get(op.getRhs());
  // A whole tile of lanes lies between two multiples of the divisor: one quotient, and remainders
  // that follow each other.
  auto argument = dyn_cast<BlockArgument>(op.getLhs());
  int64_t divisor = safe ? llvm::cast<IntegerAttr>(k.getValue()).getInt() : 1;
  bool isLane = argument && argument.getOwner() == tile.map.bodyBlock();
  if (safe && isLane && tile.laneAligned && a.affine && !a.row &&
      divisor % (int64_t(tile.U) * tile.width) == 0) {
    Value quotient = c.floorDiv(a.v[0], c.i(divisor));
    return op.getKind() == DivKind::div ? Val::scalar(quotient)
                                        : Val::lanes(c.sub(a.v[0], c.mul(quotient, c.i(divisor))));
  }
  bool row = a.row || d.row || guard.row || (!safe && tile.rowIsBatch);
  bool lane = a.lane || d.lane || (!safe && guard.lane);
  return build(row, lane, [&](unsigned m, unsigned u) -> Value {
    auto form = [&](const Val &v) { return lane ? vectorAt(v, m, u) : scalarAt(v, m); };
    Value x = form(a), y = form(d);
    if (!safe) {
      Value zero = c.cmp(arith::CmpIPredicate::eq, y, c.ci(0, y.getType()));
      Value bad = op.getGuard() ? c.bin<arith::AndIOp>(zero, form(guard)) : zero;
      if (lane && tile.mask)
        bad = c.bin<arith::AndIOp>(bad, tile.mask);
      Value shown = x;
      if (Code::element(x.getType()) != c.i64)
        shown = arith::ExtSIOp::create(c.b, Code::shaped(c.i64, x.getType()), x);
      fail(bad, shown, c.i(0), tile.rowOf(m), where);
      // x / 1 where the divisor is 0; x / −1 as 0 − x, which wraps instead of trapping.
      y = c.select(zero, c.ci(1, y.getType()), y);
      Value minus = c.cmp(arith::CmpIPredicate::eq, y, c.ci(-1, y.getType()));
      Value q = c.floorDiv(x, c.select(minus, c.ci(1, y.getType()), y));
      q = c.select(minus, c.bin<arith::SubIOp>(c.ci(0, x.getType()), x), q);
      Value r =
          op.getKind() == DivKind::div ? q : c.bin<arith::SubIOp>(x, c.bin<arith::MulIOp>(q, y));
      return c.select(zero, c.ci(0, x.getType()), r);
    }
    Value q = c.floorDiv(x, y);
    return op.getKind() == DivKind::div ? q : c.bin<arith::SubIOp>(x, c.bin<arith::MulIOp>(q, y));
  });
}

Val BodyEmitter::toInt(ToIntOp op) {
  Val guard;
  if (op.getGuard())
    guard = get(op.getGuard());
  Val x = get(op.getX());
  int where = place(op, SEQ_FAIL_CONVERT, op.getWhat().value_or(""));
  bool lane = x.lane || guard.lane;
  return build(x.row || guard.row || tile.rowIsBatch, lane, [&](unsigned m, unsigned u) -> Value {
    Value v = lane ? vectorAt(x, m, u) : scalarAt(x, m);
    Type d = Code::shaped(c.f64, v.getType());
    Value y = Code::element(v.getType()).isF64() ? v : Value(arith::ExtFOp::create(c.b, d, v));
    Value inside = c.bin<arith::AndIOp>(c.fcmp(arith::CmpFPredicate::OGT, y, c.f(-2147483649.0, d)),
                                        c.fcmp(arith::CmpFPredicate::OLT, y, c.f(2147483648.0, d)));
    Value bad = c.bin<arith::XOrIOp>(inside, c.ci(1, inside.getType()));
    if (op.getGuard())
      bad = c.bin<arith::AndIOp>(bad, lane ? vectorAt(guard, m, u) : scalarAt(guard, m));
    if (lane && tile.mask)
      bad = c.bin<arith::AndIOp>(bad, tile.mask);
    // Shown as an integer: what the value rounds to within int64, 0 for NaN.
    Value near = c.select(c.fcmp(arith::CmpFPredicate::OLT, c.unary<LLVM::FAbsOp>(y), c.f(9e18, d)),
                          y, c.f(0, d));
    fail(bad, arith::FPToSIOp::create(c.b, Code::shaped(c.i64, d), near), c.i(0), tile.rowOf(m),
         where);
    y = c.select(inside, y, c.f(0, d));
    return arith::FPToSIOp::create(c.b, Code::shaped(c.i32, d), y);
  });
}

//===----------------------------------------------------------------------===//
// Reads and stores
//===----------------------------------------------------------------------===//

namespace {
/// Where a read or write goes: a scalar offset for each row, and how it moves with the lanes.
struct Address {
  bool row = false;
  Values scalar;                 ///< one, or one a row
  std::optional<int64_t> stride; ///< elements from lane to lane, where it is one number
  SmallVector<std::pair<Val, Value>, 2> vectors;    ///< gathered axes: index, axis stride
  SmallVector<std::pair<int64_t, Value>, 2> moving; ///< affine axes: coefficient, axis stride
};
} // namespace

Value rowOffset(Code &c, const Buffer &buffer, const Row &row) {
  Value o = buffer.perBatch ? c.mul(row.b, buffer.batchStride) : c.i(0);
  return buffer.level < 0 ? o : c.add(o, c.mul(row.t[buffer.level], buffer.lead));
}

static Address address(Code &c, Tile &tile, const Buffer &buf, ArrayRef<Val> index) {
  Address a;
  a.row = tile.rowIsBatch && tile.M > 1 && (buf.perBatch || buf.level >= 0);
  for (const Val &v : index)
    a.row |= v.row;
  int64_t stride = 0;
  bool known = true;
  for (auto [v, s] : llvm::zip(index, buf.strides)) {
    if (v.lane && !v.affine)
      a.vectors.push_back({v, s});
    if (!v.affine)
      continue;
    a.moving.push_back({v.coefficient, s});
    auto k = Code::constant(s);
    known &= k.has_value();
    stride += k ? *k * v.coefficient : 0;
  }
  if (known)
    a.stride = stride;
  for (unsigned m = 0; m < (a.row ? tile.M : 1); ++m) {
    Value o = rowOffset(c, buf, tile.rowOf(m));
    for (auto [v, s] : llvm::zip(index, buf.strides))
      if (!v.lane || v.affine)
        o = c.add(o, c.mul(v.v[v.row ? m : 0], s));
    a.scalar.push_back(o);
  }
  return a;
}

/// The offset of each lane of vector u where they do not follow each other in memory.
static Value laneOffsets(Code &c, const Tile &tile, const Address &a, Value scalar, unsigned u,
                         llvm::function_ref<Value(const Val &)> vector) {
  Value o = c.splat(scalar, tile.width);
  auto more = [&](Value index, Value stride) {
    o = c.bin<arith::AddIOp>(o, c.bin<arith::MulIOp>(index, c.splat(stride, tile.width)));
  };
  Value lanes =
      c.bin<arith::AddIOp>(c.iota(tile.width), c.ci(int64_t(u) * tile.width, o.getType()));
  for (auto &[k, s] : a.moving)
    more(lanes, c.mul(s, c.i(k)));
  for (auto &[v, s] : a.vectors)
    more(vector(v), s);
  return o;
}

/// Which of its places along an axis this thread reads: a number, since maps and reductions are
/// written out.
int64_t BodyEmitter::placeIn(const Resident &resident, unsigned axis, Value index) {
  if (int(axis) == resident.split)
    return tile.residents->ownPlaces.find(index)->second;
  return *Code::constant(get(index).v[0]);
}

/// Where a place is outside of the tensor, the guard is false.
Val BodyEmitter::readResident(ReadOp op, const Resident &resident) {
  int64_t at = 0;
  bool inside = true;
  for (auto [axis, extent] : llvm::enumerate(resident.extents)) {
    if (!extent)
      continue;
    int64_t i = placeIn(resident, axis, op.getIndices()[axis]);
    inside &= i >= 0 && i < *extent;
    at = at * *extent + i;
  }
  Type e = cast<RankedTensorType>(op.getTensor().getType()).getElementType();
  Value zero = c.zero(e);
  if (!inside)
    return Val::scalar(zero);
  Value v = resident.values[at];
  return Val::scalar(op.getGuard() ? c.select(scalarAt(get(op.getGuard()), 0), v, zero) : v);
}

Val BodyEmitter::readKept(ReadOp op, Value base) {
  auto reduce = cast<ReduceOp>(op->getParentOp());
  Value at = c.i(0);
  for (auto [index, extent] : llvm::zip(reduce.indices(), reduce.getExtents()))
    at = c.add(c.mul(at, c.i(*Code::constant(extent))), get(index).v[0]);
  return Val::scalar(c.load(c.at(base, op.getType(), at), op.getType()));
}

Val BodyEmitter::read(ReadOp op) {
  if (Value base = tile.kept.lookup(op))
    return readKept(op, base);
  if (tile.residents)
    if (auto it = tile.residents->tensors.find(op.getTensor()); it != tile.residents->tensors.end())
      return readResident(op, it->second);
  const Pack *pack = packOf(op);
  return pack ? readPacked(op, *pack) : readUnpacked(op);
}

Value BodyEmitter::addressOf(ReadOp op) {
  const Buffer buf = fn.bufferOf(op.getTensor());
  SmallVector<Val, 4> index;
  for (Value i : op.getIndices()) {
    ensure(i);
    index.push_back(get(i));
  }
  return c.at(buf.base, buf.elem, address(c, tile, buf, index).scalar[0]);
}

Val BodyEmitter::readUnpacked(ReadOp op) {
  const Buffer buf = fn.bufferOf(op.getTensor());
  SmallVector<Val, 4> index;
  for (Value i : op.getIndices())
    index.push_back(get(i));
  Val guard;
  bool guarded = static_cast<bool>(op.getGuard());
  if (guarded)
    guard = get(op.getGuard());
  if (op.getCheck())
    for (auto [k, v] : llvm::enumerate(index)) {
      SmallVector<Value> bounds;
      bool perRow = tile.rowIsBatch && tile.M > 1 && fn.dependsOnBatch(buf.dims[k]);
      for (unsigned m = 0; m < (perRow ? tile.M : 1); ++m)
        bounds.push_back(fn.evaluate(buf.dims[k], tile.rowOf(m)));
      guard = guardWithCheck(guard, guarded, v, bounds, op, SEQ_FAIL_INDEX, *op.getCheck());
      guarded = true;
    }
  Type e = buf.elem;
  Address a = address(c, tile, buf, index);
  auto scalar = [&](unsigned m) { return a.scalar[a.row ? m : 0]; };
  bool moves = !a.vectors.empty() || !a.stride || *a.stride != 0;
  if (!moves && !(guarded && guard.lane))
    return build(a.row || guard.row, false, [&](unsigned m, unsigned) -> Value {
      Value p = c.at(buf.base, e, scalar(m));
      if (!guarded)
        return c.load(p, e);
      return c.choose(
          scalarAt(guard, m), c.value(e), [&] { return Values{c.load(p, e)}; },
          [&] { return Values{c.zero(e)}; })[0];
    });
  return build(a.row || guard.row, true, [&](unsigned m, unsigned u) -> Value {
    Value mask = tile.mask;
    if (guarded) {
      Value g = vectorAt(guard, m, u);
      mask = mask ? c.bin<arith::AndIOp>(mask, g) : g;
    }
    if (a.vectors.empty() && a.stride == 1) {
      Value o = c.add(scalar(m), c.i(int64_t(u) * tile.width));
      return c.loadVector(c.at(buf.base, e, o), e, tile.width, mask);
    }
    Value o =
        laneOffsets(c, tile, a, scalar(m), u, [&](const Val &i) { return vectorAt(i, m, u); });
    return c.gather(c.at(buf.base, e, o), e, mask);
  });
}

Val BodyEmitter::readPacked(ReadOp op, const Pack &pack) {
  // [outer…][lane tile][inner…][slot][unit][width]
  Value o = c.i(0);
  for (Value v : pack.outer) {
    o = c.add(c.mul(o, c.i(*extentOf(v))), get(v).v[0]);
  }
  Val lane = get(pack.lane);
  Value block = c.bin<arith::ShRSIOp>(lane.v[0], c.i(llvm::Log2_32(tile.width)));
  int64_t inner = 1;
  Value k = c.i(0);
  for (Value v : pack.inner) {
    int64_t n = *extentOf(v);
    k = c.add(c.mul(k, c.i(n)), get(v).v[0]);
    inner *= n;
  }
  // Tiles of `unit` lane blocks; the lane of a whole tile is aligned to it.
  int64_t slots = pack.slots.size(), unit = pack.unit, step = slots * unit * tile.width;
  Value group = c.bin<arith::ShRSIOp>(block, c.i(llvm::Log2_64(unit)));
  Value within = tile.U >= unit ? c.i(0) : c.bin<arith::AndIOp>(block, c.i(unit - 1));
  Value first = c.mul(c.add(c.mul(o, c.i(pack.laneBlocks / unit)), group), c.i(inner * step));
  first = c.add(first, c.mul(within, c.i(tile.width)));
  Value base = c.at(fn.preparedBase, c.i8, c.i(pack.offset));
  base = c.at(base, pack.elem, first);
  Value offset = c.add(c.mul(k, c.i(step)), c.i(int64_t(fn.packSlot[op]) * unit * tile.width));
  return build(false, true, [&](unsigned, unsigned u) {
    int64_t at = (u / unit) * inner * step + (u % unit) * tile.width;
    Value p = c.at(base, pack.elem, c.add(offset, c.i(at)));
    return c.loadVector(p, pack.elem, tile.width);
  });
}

void BodyEmitter::store(Value value, const Buffer &to, Block::BlockArgListType indices) {
  Val v = get(value);
  SmallVector<Val, 4> index;
  for (Value i : indices)
    index.push_back(get(i));
  Address a = address(c, tile, to, index);
  Type e = to.elem;
  for (unsigned m = 0; m < tile.M; ++m) {
    Value scalar = a.scalar[a.row ? m : 0];
    if (!tile.laneActive) {
      c.store(scalarAt(v, m), c.at(to.base, e, scalar));
      continue;
    }
    for (unsigned u = 0; u < tile.U; ++u) {
      Value x = vectorAt(v, m, u);
      if (a.stride == 1) {
        Value o = c.add(scalar, c.i(int64_t(u) * tile.width));
        c.storeVector(x, c.at(to.base, e, o), tile.mask);
        continue;
      }
      Value o = laneOffsets(c, tile, a, scalar, u, [&](const Val &i) { return vectorAt(i, m, u); });
      c.scatter(x, c.at(to.base, e, o), tile.mask);
    }
  }
}

} // namespace seq::lowering
