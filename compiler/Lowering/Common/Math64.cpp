//===- Math64.cpp - Functions of doubles without a library ----------------------------===//
//
// A GPU has no libm that may be linked, and f64 is not where its time goes: plain series in f64,
// within a few ulp.
//
//   exp    x = n ln 2 + r, |r| ≤ ln 2 / 2, and the series of exp(r)
//   log    x = 2ᵏ m, m in [√½, √2): log m = 2 artanh(s), s = (m − 1) / (m + 1)
//   pow    the same logarithm with the rounding of its two leading terms kept beside it
//   erf    the series to 0.4, then 1 − t exp(P(t) − x²) with t = 1 / (1 + x / 2) and P fitted
//          (Chebyshev, 20 terms, relative error 2e-17) for x in [0.4, 6.5], then 1
//   sin    x = n π/2 + r with π/2 in three parts; good to |x| = 10⁹
//
//===----------------------------------------------------------------------===//
#include "compiler/Lowering/Common/Math64.h"

using namespace mlir;
namespace seq::lowering {

using F = arith::CmpFPredicate;

Value horner(Code &c, Value x, ArrayRef<double> coefficients) {
  Value p = c.f(coefficients.back(), x.getType());
  for (double k : llvm::reverse(coefficients.drop_back()))
    p = c.fma(p, x, c.f(k, x.getType()));
  return p;
}

/// 1 / first!, 1 / (first + step)!, …, with signs by turns where `turns`.
static SmallVector<double> inverseFactorials(int first, int step, int count, bool turns) {
  SmallVector<double> out;
  double factorial = 1;
  for (int k = 2; k <= first; ++k)
    factorial *= k;
  for (int n = 0, k = first; n < count; ++n) {
    out.push_back((turns && n % 2 ? -1 : 1) / factorial);
    for (int i = 0; i < step; ++i)
      factorial *= ++k;
  }
  return out;
}

/// 2ⁿ for an integral double n in [-1022, 1023].
static Value powerOfTwo(Code &c, Value n) {
  Value k = arith::FPToSIOp::create(c.b, c.i64, n);
  k = arith::ShLIOp::create(c.b, arith::AddIOp::create(c.b, k, c.i(1023)), c.i(52));
  return c.bitcast(k, c.f64);
}

static Value isNan(Code &c, Value x) {
  return c.fcmp(F::UNO, x, x);
}

/// Within bounds; a NaN becomes `lo`.
static Value clamp(Code &c, Value x, double lo, double hi) {
  Type t = x.getType();
  Value y = c.select(c.fcmp(F::OGT, x, c.f(lo, t)), x, c.f(lo, t));
  return c.select(c.fcmp(F::OGT, y, c.f(hi, t)), c.f(hi, t), y);
}

constexpr double kLn2High = 0x1.62e42fefa0000p-1, kLn2Low = 0x1.cf79abc9e3b3ap-40;

static Value exp(Code &c, Value x) {
  Type t = x.getType();
  Value y = clamp(c, x, -746.0, 710.0);
  Value n = c.unary<LLVM::RoundEvenOp>(c.fmul(y, c.f(1.4426950408889634074, t)));
  Value r = c.fma(n, c.f(-kLn2Low, t), c.fma(n, c.f(-kLn2High, t), y));
  Value p = horner(c, r, inverseFactorials(0, 1, 14, false));
  // Two factors: 2¹⁰²⁴ is no double, and denormal results are rounded once.
  Value half = c.unary<LLVM::FFloorOp>(c.fmul(n, c.f(0.5, t)));
  Value out = c.fmul(c.fmul(p, powerOfTwo(c, half)), powerOfTwo(c, c.fsub(n, half)));
  out = c.select(c.fcmp(F::OGT, x, c.f(709.8, t)), c.f(INFINITY, t), out);
  out = c.select(c.fcmp(F::OLT, x, c.f(-745.2, t)), c.f(0, t), out);
  return c.select(isNan(c, x), x, out);
}

static Value expm1(Code &c, Value x) {
  Type t = x.getType();
  Value r = clamp(c, x, -0.35, 0.35);
  Value small = c.fmul(r, horner(c, r, inverseFactorials(1, 1, 14, false)));
  Value large = c.fsub(exp(c, x), c.f(1, t));
  Value isSmall = c.fcmp(F::OLT, c.unary<LLVM::FAbsOp>(x), c.f(0.35, t));
  Value out = c.select(isSmall, small, large);
  return c.select(c.fcmp(F::OEQ, x, c.f(0, t)), x, out); // keeps −0
}

namespace {
/// log |x| = high + low.
struct Logarithm {
  Value high, low;
};
} // namespace

/// Of a finite x > 0.
static Logarithm logParts(Code &c, Value x) {
  Type t = x.getType();
  Value tiny = c.fcmp(F::OLT, x, c.f(0x1p-1022, t));
  Value y = c.select(tiny, c.fmul(x, c.f(0x1p54, t)), x);
  Value bits = c.bitcast(y, c.i64);
  Value shifted = arith::SubIOp::create(c.b, bits, c.i(0x3fe6a09e667f3bcd)); // bits of √½
  Value k = arith::ShRSIOp::create(c.b, shifted, c.i(52));
  Value m = c.bitcast(arith::SubIOp::create(c.b, bits, arith::ShLIOp::create(c.b, k, c.i(52))), t);
  Value kf = arith::SIToFPOp::create(c.b, t, k);
  kf = c.select(tiny, c.fsub(kf, c.f(54, t)), kf);
  // s = f / (2 + f) and what its division leaves.
  Value f = c.fsub(m, c.f(1, t)), d = c.fadd(f, c.f(2, t));
  Value dLow = c.fsub(f, c.fsub(d, c.f(2, t)));
  Value s = c.fdiv(f, d), minus = arith::NegFOp::create(c.b, s);
  Value sLow = c.fdiv(c.fma(minus, dLow, c.fma(minus, d, f)), d);
  Value z = c.fmul(s, s);
  SmallVector<double> odd;
  for (int n = 1; n <= 11; ++n)
    odd.push_back(2.0 / (2 * n + 1));
  Value rest = c.fmul(c.fmul(s, z), horner(c, z, odd));
  Value two = c.fadd(s, s), big = c.fmul(kf, c.f(kLn2High, t));
  // big + two, its rounding, and all that is small.
  Value sum = c.fadd(big, two), from = c.fsub(sum, big);
  Value lost = c.fadd(c.fsub(big, c.fsub(sum, from)), c.fsub(two, from));
  Value low = c.fma(kf, c.f(kLn2Low, t), c.fadd(lost, c.fadd(rest, c.fadd(sLow, sLow))));
  Value high = c.fadd(sum, low);
  return {high, c.fsub(low, c.fsub(high, sum))};
}

static Value log(Code &c, Value x) {
  Type t = x.getType();
  Value out = logParts(c, x).high;
  out = c.select(c.fcmp(F::OEQ, x, c.f(INFINITY, t)), x, out);
  out = c.select(c.fcmp(F::OEQ, x, c.f(0, t)), c.f(-INFINITY, t), out);
  return c.select(c.fcmp(F::UGE, x, c.f(0, t)), c.select(isNan(c, x), x, out), c.f(NAN, t));
}

static Value log1p(Code &c, Value x) {
  Type t = x.getType();
  // log u, mended by the rounding of u = 1 + x.
  Value u = c.fadd(x, c.f(1, t)), less = c.fsub(u, c.f(1, t));
  Value out = c.fmul(log(c, u), c.fdiv(x, less));
  out = c.select(c.fcmp(F::OEQ, less, c.f(0, t)), x, out);
  return c.select(c.fcmp(F::OEQ, x, c.f(INFINITY, t)), x, out);
}

static Value tanh(Code &c, Value x) {
  Type t = x.getType();
  Value a = clamp(c, c.unary<LLVM::FAbsOp>(x), 0.0, 20.0);
  Value e = expm1(c, c.fadd(a, a));
  Value y = LLVM::CopySignOp::create(c.b, t, c.fdiv(e, c.fadd(e, c.f(2, t))), x);
  return c.select(isNan(c, x), x, y);
}

static Value erf(Code &c, Value x) {
  Type t = x.getType();
  Value a = c.unary<LLVM::FAbsOp>(x), square = c.fmul(x, x);
  SmallVector<double> series = inverseFactorials(0, 1, 12, true);
  for (size_t n = 0; n < series.size(); ++n)
    series[n] *= 1.1283791670955125739 / (2 * double(n) + 1); // 2 / √π
  Value small = c.fmul(x, horner(c, clamp(c, square, 0, 0.2), series));
  Value q = clamp(c, a, 0.4, 6.5);
  Value y = c.fdiv(c.f(1, t), c.fma(q, c.f(0.5, t), c.f(1, t)));
  // From [4/17, 5/6], the range of t, to [−1, 1].
  constexpr double kFirst = 4.0 / 17, kLast = 5.0 / 6;
  Value u = c.fma(y, c.f(2 / (kLast - kFirst), t), c.f(-(kLast + kFirst) / (kLast - kFirst), t));
  Value p = horner(c, u, {-0.6254246829524839,    0.4057498470596981,      0.013389868961708492,
                          -0.010519199696620369,  -0.0008630241341765854,  0.0007126820204128109,
                          2.8843415806484355e-05, -6.338376069292854e-05,  3.951830066389084e-06,
                          5.574493338212959e-06,  -1.1753844833460601e-06, -3.7564186686913165e-07,
                          1.824016499706014e-07,  5.259520501282132e-09,   -1.9494775970388074e-08,
                          3.299787490984153e-09,  1.3086194990298913e-09,  -5.592421324066149e-10,
                          -3.331424138707241e-11, 4.107184968263487e-11});
  Value rest = c.fmul(y, exp(c, c.fma(arith::NegFOp::create(c.b, q), q, p)));
  Value large = LLVM::CopySignOp::create(c.b, t, c.fsub(c.f(1, t), rest), x);
  Value out = c.select(c.fcmp(F::OLT, a, c.f(0.4, t)), small, large);
  return c.select(isNan(c, x), x, out);
}

/// sin (phase 0) or cos (phase 1).
static Value sinCos(Code &c, Value x, int phase) {
  Type t = x.getType();
  Value n = c.unary<LLVM::RoundEvenOp>(c.fmul(x, c.f(0.63661977236758134308, t)));
  Value r = c.fma(n, c.f(-0x1.921fb54442d18p+0, t), x);
  r = c.fma(n, c.f(-0x1.1a62633145c06p-54, t), r);
  r = c.fma(n, c.f(-0x1.c1cd129024e09p-106, t), r);
  Value s = c.fmul(r, r);
  Value sine = c.fsub(r, c.fmul(c.fmul(s, r), horner(c, s, inverseFactorials(3, 2, 8, true))));
  Value cosine = c.fsub(c.f(1, t), c.fmul(s, horner(c, s, inverseFactorials(2, 2, 9, true))));
  Value m = phase ? c.fadd(n, c.f(1, t)) : n;
  Value q = c.fsub(m, c.fmul(c.f(4, t), c.unary<LLVM::FFloorOp>(c.fmul(m, c.f(0.25, t)))));
  Value odd = arith::OrIOp::create(c.b, c.fcmp(F::OEQ, q, c.f(1, t)), c.fcmp(F::OEQ, q, c.f(3, t)));
  Value v = c.select(odd, cosine, sine);
  v = c.select(c.fcmp(F::OGE, q, c.f(2, t)), arith::NegFOp::create(c.b, v), v);
  return phase ? v : c.select(c.fcmp(F::OEQ, x, c.f(0, t)), x, v); // keeps −0
}

/// C's pow.
static Value pow(Code &c, Value x, Value y) {
  Type t = x.getType();
  auto both = [&](Value a, Value d) { return c.bin<arith::AndIOp>(a, d); };
  auto either = [&](Value a, Value d) { return c.bin<arith::OrIOp>(a, d); };
  auto isNumber = [&](Value v, double k) { return c.fcmp(F::OEQ, v, c.f(k, t)); };
  Value a = c.unary<LLVM::FAbsOp>(x), ay = c.unary<LLVM::FAbsOp>(y);
  Value ordinary = both(c.fcmp(F::OGT, a, c.f(0, t)), c.fcmp(F::OLT, a, c.f(INFINITY, t)));
  Logarithm l = logParts(c, c.select(ordinary, a, c.f(1, t)));
  Value log0 = c.select(isNumber(a, 0), c.f(-INFINITY, t), c.f(INFINITY, t));
  Value high = c.select(ordinary, l.high, c.select(isNan(c, a), a, log0));
  Value p = c.fmul(y, high);
  Value low = c.fma(y, l.low, c.fma(y, high, arith::NegFOp::create(c.b, p)));
  Value finite = both(ordinary, c.fcmp(F::OLT, c.unary<LLVM::FAbsOp>(p), c.f(1e4, t)));
  Value e = exp(c, p);
  Value out = c.select(finite, c.fma(e, c.select(finite, low, c.f(0, t)), e), e);
  out = c.select(c.fcmp(F::OEQ, e, c.f(INFINITY, t)), e, out);
  // Below zero: an integer's power has its sign, others have none.
  Value whole = c.fcmp(F::OEQ, c.unary<LLVM::FFloorOp>(y), y);
  Value halved = c.fmul(y, c.f(0.5, t));
  Value odd = both(both(whole, c.fcmp(F::OLT, ay, c.f(INFINITY, t))),
                   c.fcmp(F::ONE, c.unary<LLVM::FFloorOp>(halved), halved));
  Value signedOut = LLVM::CopySignOp::create(c.b, t, out, x);
  out = c.select(odd, signedOut, out);
  Value below = both(c.fcmp(F::OLT, x, c.f(0, t)), c.fcmp(F::OLT, a, c.f(INFINITY, t)));
  Value isInfinite = isNumber(ay, INFINITY);
  Value none = both(below, c.bin<arith::XOrIOp>(either(whole, isInfinite), c.ci(1, c.i1)));
  out = c.select(none, c.f(NAN, t), out);
  Value one = either(either(isNumber(y, 0), isNumber(x, 1)), both(isNumber(a, 1), isInfinite));
  return c.select(one, c.f(1, t), out);
}

Value emitF64(Code &c, llvm::StringRef name, ValueRange args) {
  Value x = args[0];
  if (name == "exp")
    return exp(c, x);
  if (name == "log")
    return log(c, x);
  if (name == "expm1")
    return expm1(c, x);
  if (name == "log1p")
    return log1p(c, x);
  if (name == "tanh")
    return tanh(c, x);
  if (name == "erf")
    return erf(c, x);
  if (name == "sin" || name == "cos")
    return sinCos(c, x, name == "cos");
  assert(name == "pow" && "a function that has no series here");
  return pow(c, x, args[1]);
}

Value emitF64Remainder(Code &c, Value x, Value y) {
  Type t = x.getType();
  Value q = c.unary<LLVM::FTruncOp>(c.fdiv(x, y));
  Value r = c.fma(arith::NegFOp::create(c.b, q), y, x);
  // The quotient may have been rounded over an integer.
  Value ay = c.unary<LLVM::FAbsOp>(y), sign = LLVM::CopySignOp::create(c.b, t, ay, x);
  Value turned = c.fcmp(F::OLT, c.fmul(r, x), c.f(0, t));
  r = c.select(turned, c.fadd(r, sign), r);
  r = c.select(c.fcmp(F::OGE, c.unary<LLVM::FAbsOp>(r), ay), c.fsub(r, sign), r);
  Value finite = c.fcmp(F::OLT, c.unary<LLVM::FAbsOp>(x), c.f(INFINITY, t));
  Value infinite = c.bin<arith::AndIOp>(finite, c.fcmp(F::OEQ, ay, c.f(INFINITY, t)));
  Value zero = c.fcmp(F::OEQ, r, c.f(0, t));
  r = c.select(zero, LLVM::CopySignOp::create(c.b, t, r, x), r);
  return c.select(infinite, x, r);
}

} // namespace seq::lowering
