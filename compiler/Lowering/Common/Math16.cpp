//===- Math16.cpp - Floats of 16 bits, to and from those that are computed with -----------===//
//
// To nearest, ties to even, on every target alike: subnormals are kept, which the bf16
// instructions of x86 flush, and CPUs without F16C have no instructions at all.
//
//===----------------------------------------------------------------------===//
#include "compiler/Lowering/Common/Code.h"

using namespace mlir;
namespace seq::lowering {

using F = arith::CmpFPredicate;
using I = arith::CmpIPredicate;

namespace {
/// Bit arithmetic on 32 bits, lane by lane.
struct Bits {
  Code &c;
  Type type; ///< i32, or vectors of it

  Value n(int64_t v) { return c.ci(v, type); }
  Value add(Value a, Value b) { return arith::AddIOp::create(c.b, a, b); }
  Value both(Value a, int64_t mask) { return arith::AndIOp::create(c.b, a, n(mask)); }
  Value either(Value a, Value b) { return arith::OrIOp::create(c.b, a, b); }
  Value up(Value a, int64_t by) { return arith::ShLIOp::create(c.b, a, n(by)); }
  Value down(Value a, int64_t by) { return arith::ShRUIOp::create(c.b, a, n(by)); }
  Value floats(Value a) { return c.bitcast(a, Code::shaped(c.f32, type)); }
};
} // namespace

/// x86 has f16 since F16C, which is in level 3.
static bool convertsHalf(const Target &target) {
  return target.isGpu() || target.level >= 3;
}

static Value widenHalf(Code &c, Bits b, Value bits) {
  // As a float whose exponent is 112 too small, which one product mends, of subnormals too.
  Value size = b.up(b.both(bits, 0x7fff), 13);
  Value scaled = c.fmul(b.floats(size), c.f(0x1p112, Code::shaped(c.f32, b.type)));
  Value special = c.cmp(I::uge, size, b.n(0x0f800000));
  Value out = c.select(special, b.either(size, b.n(0x7f800000)), c.bitcast(scaled, b.type));
  return b.floats(b.either(out, b.up(b.both(bits, 0x8000), 16)));
}

/// The bits of f16, of which the lower 16 count.
static Value narrowHalf(Code &c, Bits b, Value bits) {
  Value size = b.both(bits, 0x7fffffff), sign = b.both(b.down(bits, 16), 0x8000);
  // Below 2⁻¹⁴ the sum with ½ has the unit of a subnormal in its last place.
  Value small = c.fadd(b.floats(size), c.f(0.5, Code::shaped(c.f32, b.type)));
  Value subnormal = arith::SubIOp::create(c.b, c.bitcast(small, b.type), b.n(0x3f000000));
  Value odd = b.both(b.down(size, 13), 1);
  Value normal = b.down(b.add(b.add(size, b.n(0xfff - (int64_t(112) << 23))), odd), 13);
  Value nan = c.cmp(I::ugt, size, b.n(0x7f800000));
  Value huge = c.select(nan, b.n(0x7e00), b.n(0x7c00));
  Value out = c.select(c.cmp(I::ult, size, b.n(0x38800000)), subnormal, normal);
  out = c.select(c.cmp(I::uge, size, b.n(0x47800000)), huge, out);
  return b.either(out, sign);
}

static Value narrowBrain(Code &c, Bits b, Value bits) {
  Value odd = b.both(b.down(bits, 16), 1);
  Value rounded = b.add(b.add(bits, b.n(0x7fff)), odd);
  Value nan = c.cmp(I::ugt, b.both(bits, 0x7fffffff), b.n(0x7f800000));
  return b.down(c.select(nan, b.either(bits, b.n(0x400000)), rounded), 16);
}

/// An f64 as an f32 from which rounding once more gives what rounding once would: cut towards 0,
/// the last bit set where something was lost.
static Value toOdd(Code &c, Value x) {
  Type f32 = Code::shaped(c.f32, x.getType());
  Bits b{c, Code::shaped(c.i32, x.getType())};
  Value near = arith::TruncFOp::create(c.b, f32, x);
  Value back = arith::ExtFOp::create(c.b, x.getType(), near);
  Value beyond = c.fcmp(F::OGT, c.unary<LLVM::FAbsOp>(back), c.unary<LLVM::FAbsOp>(x));
  Value bits = c.bitcast(near, b.type);
  Value cut = c.select(beyond, b.add(bits, b.n(-1)), bits);
  return b.floats(c.select(c.fcmp(F::ONE, back, x), b.either(cut, b.n(1)), bits));
}

Value emitWiden(Code &c, Value bits, Type element) {
  Type f32 = Code::shaped(c.f32, bits.getType());
  if (element.isF16() && convertsHalf(c.target))
    return arith::ExtFOp::create(c.b, f32, c.bitcast(bits, Code::shaped(element, f32)));
  Bits b{c, Code::shaped(c.i32, f32)};
  Value wide = arith::ExtUIOp::create(c.b, b.type, bits);
  return element.isF16() ? widenHalf(c, b, wide) : b.floats(b.up(wide, 16));
}

Value emitNarrow(Code &c, Value x, Type element) {
  if (Code::element(x.getType()).isF64())
    x = toOdd(c, x);
  Type i16 = Code::shaped(c.i16, x.getType());
  if (c.target.isGpu() || (element.isF16() && convertsHalf(c.target))) {
    Value y = arith::TruncFOp::create(c.b, Code::shaped(element, i16), x);
    return c.bitcast(y, i16);
  }
  Bits b{c, Code::shaped(c.i32, i16)};
  Value bits = c.bitcast(x, b.type);
  return arith::TruncIOp::create(
      c.b, i16, element.isF16() ? narrowHalf(c, b, bits) : narrowBrain(c, b, bits));
}

} // namespace seq::lowering
