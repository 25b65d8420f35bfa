//===- TileLoads.cpp - Factors of a tile into shared memory ---------------------------------===//
//
// A factor that is nothing but a read is copied by the device itself, 4 to 16 bytes at a time,
// which takes no registers and needs nobody to wait until the step that reads it. Everything else
// is evaluated a step ahead, kept in registers while products are taken up, and stored.
//
//===----------------------------------------------------------------------===//
#include "compiler/Lowering/Gpu/TileEmitter.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
namespace seq::gpu {

//===----------------------------------------------------------------------===//
// What the device may copy
//===----------------------------------------------------------------------===//

/// How often 2 divides a number, as far as its code shows; at most 16.
static unsigned twosIn(Value v) {
  constexpr unsigned kMost = 16;
  if (auto n = Code::constant(v))
    return *n == 0 ? kMost : std::min<unsigned>(llvm::countr_zero(uint64_t(*n)), kMost);
  Operation *op = v.getDefiningOp();
  if (!op)
    return 0;
  if (isa<arith::MulIOp>(op))
    return std::min(twosIn(op->getOperand(0)) + twosIn(op->getOperand(1)), kMost);
  if (isa<arith::AddIOp, arith::SubIOp, arith::MaxSIOp, arith::MinSIOp>(op))
    return std::min(twosIn(op->getOperand(0)), twosIn(op->getOperand(1)));
  if (auto select = dyn_cast<arith::SelectOp>(op))
    return std::min(twosIn(select.getTrueValue()), twosIn(select.getFalseValue()));
  return 0;
}

/// Whether an index is `fast` and multiples of 2^`twos`.
static bool movesWith(Value index, Value fast, unsigned twos) {
  if (index == fast)
    return true;
  auto add = index.getDefiningOp<arith::AddIOp>();
  if (!add)
    return false;
  Value x = add.getLhs(), y = add.getRhs();
  return (movesWith(x, fast, twos) && twosIn(y) >= twos) ||
         (movesWith(y, fast, twos) && twosIn(x) >= twos);
}

/// Whether 16 bytes of 16-bit elements at once lie at multiples of 16, as far as it can be seen, or
/// shown at the call by `remainders` that have to be 0; null: it has to be seen.
bool GpuLowering::liesAligned(Contraction &con, const Factor &f, Values *remainders) {
  constexpr unsigned kTwos = 3, kBytes = 16;
  Code &c = *code;
  auto read = f.value.getDefiningOp<ReadOp>();
  const Buffer &b = bufferOf(read.getTensor());
  Value fast =
      f.innerFast
          ? Value(con.reduce.indices().back())
          : Value(cast<MapOp>(con.reduce->getParentOp()).indices()[f.overM ? con.m : con.n]);
  for (Value index : read.getIndices().drop_back())
    if (index == fast)
      return false;
  if (!movesWith(read.getIndices().back(), fast, kTwos) || Code::constant(b.strides.back()) != 1)
    return false;
  Values strides = llvm::to_vector(ValueRange(b.strides).drop_back());
  strides.push_back(b.batchStride);
  if (b.level >= 0)
    strides.push_back(b.lead);
  llvm::erase_if(strides, [](Value stride) { return twosIn(stride) >= kTwos; });
  bool based = alignedBases.contains(b.base);
  if (!remainders)
    return based && strides.empty();
  if (llvm::any_of(strides, [](Value stride) { return Code::constant(stride).has_value(); }))
    return false;
  if (!based)
    remainders->push_back(
        c.bin<arith::AndIOp>(LLVM::PtrToIntOp::create(c.b, c.i64, b.base), c.i(kBytes - 1)));
  for (Value stride : strides)
    remainders->push_back(c.bin<arith::AndIOp>(stride, c.i((1 << kTwos) - 1)));
  return true;
}

/// Notes of each factor how it may be copied. Elements of 4 and 8 bytes one by one, whatever they
/// are read at; shorter ones 16 bytes at a time, where these lie at multiples of 16.
void GpuLowering::noteCopies(Contraction &con, Values *remainders) {
  for (Factor &f : con.factors) {
    auto read = f.value.getDefiningOp<ReadOp>();
    if (!read || read.getGuard() || read.getCheck() || read.getIndices().empty())
      continue;
    const Buffer &b = bufferOf(read.getTensor());
    if (b.near || Code::bytes(b.elem) < 2)
      continue;
    if (!con.isShort())
      f.copied = Code::bytes(b.elem);
    else if (liesAligned(con, f, remainders))
      f.copied = 16;
  }
}

//===----------------------------------------------------------------------===//
// Accesses
//===----------------------------------------------------------------------===//

unsigned TileEmitter::together(const Factor &f) const {
  if (f.copied)
    return f.copied / Code::bytes(elem);
  return con.isShort() ? 2 : 1; // pairs are stored as one
}

unsigned TileEmitter::accesses(const Factor &f) const {
  return llvm::divideCeil(tile.side(f) * tile.k, tile.threads() * together(f));
}

/// Threads beside each other take elements beside each other in memory. From one access of a thread
/// to the next is a constant where a line is shared out evenly.
TileEmitter::Place TileEmitter::place(const Factor &f, Value access) {
  unsigned side = tile.side(f), vec = together(f), threads = tile.threads();
  unsigned fast = (f.innerFast ? tile.k : side) / vec;
  Value high, low;
  if (threads % fast == 0) {
    high = c.add(c.bin<arith::DivUIOp>(thread, c.i(fast)), c.mul(access, c.i(threads / fast)));
    low = c.bin<arith::RemUIOp>(thread, c.i(fast));
  } else {
    Value at = c.add(thread, c.mul(access, c.i(threads)));
    high = c.bin<arith::DivUIOp>(at, c.i(fast));
    low = c.bin<arith::RemUIOp>(at, c.i(fast));
  }
  low = c.mul(low, c.i(vec));
  Place p = f.innerFast ? Place{high, low, {}} : Place{low, high, {}};
  if (side * tile.k % (threads * vec) != 0)
    p.mine = c.cmp(arith::CmpIPredicate::slt, high, c.i(f.innerFast ? side : tile.k));
  return p;
}

/// Whether the element `more` after the access's first is in the map's range.
Value TileEmitter::inside(const Factor &f, Value along, Value k, unsigned more) {
  Value &fast = f.innerFast ? k : along;
  fast = c.add(fast, c.i(more));
  unsigned index = f.overM ? con.m : con.n;
  return c.bin<arith::AndIOp>(c.cmp(arith::CmpIPredicate::slt, along, extents[index]),
                              c.cmp(arith::CmpIPredicate::slt, k, depths.back()));
}

Tile TileEmitter::pointOf(const Factor &f, Value i, Value k) {
  Tile t = point();
  t.vals[map.indices()[f.overM ? con.m : con.n]] = Val::scalar(i);
  for (auto [arg, at] : llvm::zip(reduce.indices(), outerAt))
    t.vals[arg] = Val::scalar(at);
  t.vals[reduce.indices().back()] = Val::scalar(k);
  return t;
}

//===----------------------------------------------------------------------===//
// Copies
//===----------------------------------------------------------------------===//

bool TileEmitter::copies() const {
  return llvm::any_of(con.factors, [](const Factor &f) { return f.copied != 0 && !f.tensor; });
}

/// This thread's copies for one step.
void TileEmitter::copy(Value step) {
  for (auto [number, f] : llvm::enumerate(con.factors))
    for (unsigned a = 0; f.copied && !f.tensor && a < accesses(f); ++a)
      copyOne(number, a, step);
}

void TileEmitter::copyOne(unsigned factor, unsigned access, Value step) {
  const Factor &f = con.factors[factor];
  Place p = place(f, c.i(access));
  Value k = c.add(c.mul(step, c.i(tile.k)), p.inner);
  Value i = c.add(f.overM ? origin.m : origin.n, p.along);
  auto emit = [&] {
    unsigned size = Code::bytes(elem), vec = together(f);
    // Bytes of it that are inside: the rest becomes 0, and where there are none nothing is read.
    Value last = f.innerFast ? depths.back() : extents[f.overM ? con.m : con.n];
    Value left = c.min(c.max(c.sub(last, f.innerFast ? k : i), c.i(0)), c.i(vec));
    left = c.select(inside(f, i, k, 0), left, c.i(0));
    Value some = c.cmp(arith::CmpIPredicate::sgt, left, c.i(0));
    Tile t = pointOf(f, c.select(some, i, c.i(0)), c.select(some, k, c.i(0)));
    BodyEmitter body = context.bodyOf(t);
    Value from = body.addressOf(f.value.getDefiningOp<ReadOp>());
    auto in = [&](Value ptr, unsigned space) -> Value {
      Type type = LLVM::LLVMPointerType::get(c.b.getContext(), space);
      return LLVM::AddrSpaceCastOp::create(c.b, type, ptr);
    };
    Value bytes = arith::TruncIOp::create(c.b, c.i32, c.mul(left, c.i(size)));
    NVVM::CpAsyncOp::create(
        c.b, in(address(factor, bufferOf(step), p.inner, p.along), 3), in(from, 1), size * vec,
        size * vec == 16 ? NVVM::LoadCacheModifierKind::CG : NVVM::LoadCacheModifierKind::CA,
        bytes);
  };
  p.mine ? c.when(p.mine, emit) : emit();
}

//===----------------------------------------------------------------------===//
// What threads evaluate
//===----------------------------------------------------------------------===//

Value TileEmitter::valueOf(const Factor &f, Value i, Value k) {
  Tile t = pointOf(f, i, k);
  BodyEmitter body = context.bodyOf(t);
  body.ensure(f.value);
  return body.scalarAt(body.get(f.value), 0);
}

SmallVector<TileEmitter::Access> TileEmitter::evaluated() {
  SmallVector<Access> out;
  for (auto [number, f] : llvm::enumerate(con.factors))
    for (unsigned a = 0; !f.copied && a < accesses(f); ++a)
      out.push_back({unsigned(number), c.i(a)});
  return out;
}

/// This thread's elements of these accesses, for one step, in registers.
Values TileEmitter::fetch(ArrayRef<Access> of, Value step) {
  Values out;
  for (auto [factor, a] : of) {
    const Factor &f = con.factors[factor];
    Place p = place(f, a);
    Value k = c.add(c.mul(step, c.i(tile.k)), p.inner);
    Value i = c.add(f.overM ? origin.m : origin.n, p.along);
    for (unsigned v = 0; v < together(f); ++v) {
      Value some = inside(f, i, k, v);
      if (p.mine)
        some = c.bin<arith::AndIOp>(some, p.mine);
      Value more = c.i(v);
      out.push_back(c.choose(
          some, elem,
          [&] {
            return Values{
                valueOf(f, f.innerFast ? i : c.add(i, more), f.innerFast ? c.add(k, more) : k)};
          },
          [&] { return Values{c.zero(elem)}; })[0]);
    }
  }
  return out;
}

void TileEmitter::keep(ArrayRef<Access> of, const Values &values, Value step) {
  size_t at = 0;
  for (auto [factor, a] : of) {
    const Factor &f = con.factors[factor];
    Place p = place(f, a);
    unsigned vec = together(f);
    Value kept = values[at];
    if (vec == 2) {
      auto wide = [&](Value v) { return arith::ExtUIOp::create(c.b, c.i32, v).getResult(); };
      Value high = arith::ShLIOp::create(c.b, wide(values[at + 1]), c.ci(16, c.i32));
      kept = arith::OrIOp::create(c.b, wide(kept), high);
    }
    at += vec;
    auto put = [&, factor = factor] {
      Value to = address(factor, bufferOf(step), p.inner, p.along);
      LLVM::StoreOp::create(c.b, kept, to, vec * Code::bytes(elem));
    };
    p.mine ? c.when(p.mine, put) : put();
  }
}

/// Evaluates and stores what is not copied: as much at a time as there are registers for.
void TileEmitter::fetchAndKeep(Value step) {
  constexpr unsigned kAtOnce = 8; // which divides what is more
  for (auto [number, f] : llvm::enumerate(con.factors)) {
    unsigned all = f.copied ? 0 : accesses(f);
    auto some = [&, number = number](Value from) {
      SmallVector<Access> of;
      for (unsigned a = 0; a < std::min(all, kAtOnce); ++a)
        of.push_back({unsigned(number), c.add(from, c.i(a))});
      keep(of, fetch(of, step), step);
    };
    if (all > kAtOnce)
      c.loop(c.i(0), c.i(all), c.i(kAtOnce), some);
    else if (all > 0)
      some(c.i(0));
  }
}

} // namespace seq::gpu
