//===- Math.cpp ------- Elementwise maths in registers --------------------------===//
//
// f32: polynomials of our own, at most 5 ulp over the whole range, the same code for
// scalars and for vectors of every width, so that a tail equals the body. All build on
// two kernels:
//
//   exp   x = n ln 2 + r, |r| ≤ ln 2 / 2;  e = exp(r) − 1 by a polynomial;
//         exp x = 2ⁿ + 2ⁿ e,  expm1 x = 2ⁿ e + (2ⁿ − 1).
//   log   x = 2ᵏ m, m in [√½, √2);  log x = k ln 2 + log m by a polynomial in m − 1.
//
// tanh = expm1(2x) / (expm1(2x) + 2) keeps its relative precision at 0; log1p corrects
// log(1 + x) by the rounding of 1 + x; sin and cos reduce in f64, so that an argument of
// thousands (rotary positions) keeps its digits. exp flushes denormal results to zero.
//
// f64, and powers: libm, lane by lane; a GPU has none (Math64.cpp).
//
//===----------------------------------------------------------------------===//
#include "compiler/Lowering/Common/Code.h"
#include "compiler/Lowering/Common/Math64.h"

#include "dialect/Seq.h"

using namespace mlir;
namespace seq::lowering {

using F = arith::CmpFPredicate;

/// A function of doubles or a power: libm's, called for each lane; on a GPU our own.
static Value libm(Code &c, StringRef name, ValueRange args) {
  if (c.target.isGpu())
    return emitF64(c, name, args);
  Type t = args[0].getType(), e = Code::element(t);
  if (!Code::isVector(t))
    return c.call(name, e, args);
  Value out = LLVM::PoisonOp::create(c.b, t);
  for (unsigned k = 0; k < Code::lanes(t); ++k) {
    Values lane;
    for (Value a : args)
      lane.push_back(c.extract(a, c.i(k)));
    out = LLVM::InsertElementOp::create(c.b, out, c.call(name, e, lane), c.i(k));
  }
  return out;
}

/// 2ⁿ for an integral float n in [-126, 127].
static Value powerOfTwo(Code &c, Value n) {
  Type it = Code::shaped(c.i32, n.getType());
  Value k = arith::FPToSIOp::create(c.b, it, n);
  k = arith::AddIOp::create(c.b, k, c.ci(127, it));
  k = arith::ShLIOp::create(c.b, k, c.ci(23, it));
  return c.bitcast(k, n.getType());
}

/// n = round(x / ln 2) and exp(x − n ln 2) − 1.
static std::pair<Value, Value> expReduced(Code &c, Value x) {
  Type t = x.getType();
  Value n = c.unary<LLVM::RoundEvenOp>(c.fmul(x, c.f(1.4426950408889634, t)));
  Value r = c.fma(n, c.f(-0.693359375, t), x);
  r = c.fma(n, c.f(2.12194440e-4, t), r);
  Value p = horner(
      c, r,
      {0.5, 1.6666665459e-1, 4.1665795894e-2, 8.3334519073e-3, 1.3981999507e-3, 1.9875691500e-4});
  return {n, c.fma(p, c.fmul(r, r), r)};
}

/// exp where |x| ≤ 87.3: one scaling.
static Value expSmall(Code &c, Value x) {
  auto [n, e] = expReduced(c, x);
  Value s = powerOfTwo(c, n);
  return c.fma(s, e, s);
}

static Value clamp(Code &c, Value x, double lo, double hi) {
  Type t = x.getType();
  // Written so that a NaN passes.
  Value y = c.select(c.fcmp(F::OLT, x, c.f(lo, t)), c.f(lo, t), x);
  return c.select(c.fcmp(F::OGT, y, c.f(hi, t)), c.f(hi, t), y);
}

Value emitExp(Code &c, Value x) {
  Type t = x.getType();
  if (Code::element(t).isF64())
    return libm(c, "exp", x);
  auto [n, e] = expReduced(c, clamp(c, x, -104.0, 89.0));
  // Two factors, since 2¹²⁸ is no float though exp(88.5) is.
  Value half = c.unary<LLVM::FFloorOp>(c.fmul(n, c.f(0.5, t)));
  Value s1 = powerOfTwo(c, half), s2 = powerOfTwo(c, c.fsub(n, half));
  Value y = c.fmul(c.fma(s1, e, s1), s2);
  y = c.select(c.fcmp(F::OGT, x, c.f(88.72283935546875, t)), c.f(INFINITY, t), y);
  return c.select(c.fcmp(F::OLT, x, c.f(-87.33654022216797, t)), c.f(0, t), y);
}

static Value expm1(Code &c, Value x) {
  Type t = x.getType();
  auto [n, e] = expReduced(c, clamp(c, x, -30.0, 88.0));
  Value s = powerOfTwo(c, n);
  Value y = c.fma(s, e, c.fsub(s, c.f(1, t)));
  y = c.select(c.fcmp(F::OGT, x, c.f(88.0, t)), emitExp(c, x), y);
  return c.select(c.fcmp(F::OEQ, x, c.f(0, t)), x, y); // keeps −0
}

Value emitLog(Code &c, Value x) {
  Type t = x.getType();
  if (Code::element(t).isF64())
    return libm(c, "log", x);
  Type it = Code::shaped(c.i32, t);
  // Denormals are scaled up first.
  Value tiny = c.fcmp(F::OLT, x, c.f(1.17549435e-38, t));
  Value y = c.select(tiny, c.fmul(x, c.f(8388608.0, t)), x);
  Value bits = c.bitcast(y, it);
  // m in [√½, √2): take the exponent of bits − (bits of √½).
  Value shifted = arith::SubIOp::create(c.b, bits, c.ci(0x3f3504f3, it));
  Value k = arith::ShRSIOp::create(c.b, shifted, c.ci(23, it));
  Value m =
      c.bitcast(arith::SubIOp::create(c.b, bits, arith::ShLIOp::create(c.b, k, c.ci(23, it))), t);
  Value kf = arith::SIToFPOp::create(c.b, t, k);
  kf = c.select(tiny, c.fsub(kf, c.f(23, t)), kf);
  Value r = c.fsub(m, c.f(1, t));
  Value p =
      horner(c, r,
             {3.3333331174e-1, -2.4999993993e-1, 2.0000714765e-1, -1.6668057665e-1, 1.4249322787e-1,
              -1.2420140846e-1, 1.1676998740e-1, -1.1514610310e-1, 7.0376836292e-2});
  Value r2 = c.fmul(r, r);
  Value z = c.fmul(c.fmul(p, r2), r);
  z = c.fma(kf, c.f(-2.12194440e-4, t), z);
  z = c.fma(r2, c.f(-0.5, t), z);
  z = c.fadd(z, r);
  z = c.fma(kf, c.f(0.693359375, t), z);
  z = c.select(c.fcmp(F::OEQ, x, c.f(INFINITY, t)), x, z);
  z = c.select(c.fcmp(F::OEQ, x, c.f(0, t)), c.f(-INFINITY, t), z);
  // Below zero, and NaN itself.
  return c.select(c.fcmp(F::UGE, x, c.f(0, t)), c.select(c.fcmp(F::UNO, x, x), x, z), c.f(NAN, t));
}

static Value log1p(Code &c, Value x) {
  Type t = x.getType();
  Value u = c.fadd(x, c.f(1, t));
  Value d = c.fsub(c.fsub(u, c.f(1, t)), x); // rounding of 1 + x
  Value y = c.fsub(emitLog(c, u), c.fdiv(d, u));
  y = c.select(c.fcmp(F::OEQ, u, c.f(INFINITY, t)), u, y);
  y = c.select(c.fcmp(F::OEQ, u, c.f(0, t)), c.f(-INFINITY, t), y);
  return c.select(c.fcmp(F::OEQ, u, c.f(1, t)), x, y);
}

/// 1 / (1 + exp(−x)).
static Value sigmoid(Code &c, Value x) {
  Type t = x.getType();
  if (Code::element(t).isF64())
    return c.fdiv(c.f(1, t), c.fadd(c.f(1, t), emitExp(c, arith::NegFOp::create(c.b, x))));
  Value e = expSmall(c, clamp(c, arith::NegFOp::create(c.b, x), -87.0, 87.9));
  return c.fdiv(c.f(1, t), c.fadd(e, c.f(1, t)));
}

static Value tanhOf(Code &c, Value x) {
  Type t = x.getType();
  if (Code::element(t).isF64())
    return libm(c, "tanh", x);
  // expm1(2x) inlined: 2x stays in ±20, where one scaling serves.
  Value y = clamp(c, c.fadd(x, x), -20.0, 20.0);
  auto [n, e] = expReduced(c, y);
  Value s = powerOfTwo(c, n);
  Value m = c.fma(s, e, c.fsub(s, c.f(1, t)));
  return c.fdiv(m, c.fadd(m, c.f(2, t)));
}

/// log(1 + exp(x)).
static Value softplus(Code &c, Value x) {
  Type t = x.getType();
  Value a = c.unary<LLVM::FAbsOp>(x);
  Value e = emitExp(c, arith::NegFOp::create(c.b, a));
  Value l = Code::element(t).isF64() ? libm(c, "log1p", e) : log1p(c, e);
  Value p = arith::MaximumFOp::create(c.b, x, c.f(0, t));
  return c.fadd(p, l);
}

static Value erfOf(Code &c, Value x) {
  Type t = x.getType();
  if (Code::element(t).isF64())
    return libm(c, "erf", x);
  Value a = c.unary<LLVM::FAbsOp>(x), s = c.fmul(x, x);
  Value small =
      c.fmul(x, horner(c, s,
                       {1.1283791670629448, -0.3761263847783686, 0.11283782638816289,
                        -0.026865438957028493, 0.005221054623090613, -0.0008484407557048534,
                        0.00011268295000769923, -9.673614381205809e-06}));
  // 1 − exp(−x²) g((|x| − 2.5) / 1.5) on [1, 4].
  Value q = clamp(c, a, 1.0, 4.0);
  Value u = c.fma(q, c.f(1 / 1.5, t), c.f(-2.5 / 1.5, t));
  Value g =
      horner(c, u,
             {0.21080654613956662, -0.11152140200376172, 0.05610153106175572, -0.02699778157457406,
              0.012559428791890943, -0.005611803980858528, 0.002214856344065301,
              -0.0009155010023392011, 0.0006089621777207769, -0.0002455339787870858});
  Value e = expSmall(c, arith::NegFOp::create(c.b, c.fmul(q, q)));
  Value large = c.fsub(c.f(1, t), c.fmul(e, g));
  large = c.select(c.fcmp(F::OGE, a, c.f(4, t)), c.f(1, t), large);
  large = LLVM::CopySignOp::create(c.b, t, large, x);
  return c.select(c.fcmp(F::OGT, a, c.f(1, t)), large, small);
}

/// sin (phase 0) or cos (phase 1), reduced and evaluated in f64.
static Value sinCos(Code &c, Value x, int phase) {
  Type t = x.getType();
  if (Code::element(t).isF64())
    return libm(c, phase ? "cos" : "sin", x);
  Type d = Code::shaped(c.f64, t);
  Value y = arith::ExtFOp::create(c.b, d, x);
  Value n = c.unary<LLVM::RoundEvenOp>(c.fmul(y, c.f(0.63661977236758134308, d)));
  Value r = c.fma(n, c.f(-1.57079632679489655800, d), y);
  r = c.fma(n, c.f(-6.12323399573676603587e-17, d), r);
  Value s = c.fmul(r, r);
  Value sine = c.fma(c.fmul(s, r),
                     horner(c, s,
                            {-1.6666666666666666e-1, 8.3333333333309497e-3, -1.9841269836761127e-4,
                             2.7557316103728e-6, -2.5051132068021e-8}),
                     r);
  Value cosine = c.fma(s,
                       horner(c, s,
                              {-0.5, 4.1666666666666602e-2, -1.3888888888873056e-3,
                               2.4801587289476e-5, -2.7557314351390e-7, 2.0875723212e-9}),
                       c.f(1, d));
  Value m = phase ? c.fadd(n, c.f(1, d)) : n;
  // The quadrant: m modulo 4, in floats so that any magnitude works.
  Value q = c.fsub(m, c.fmul(c.f(4, d), c.unary<LLVM::FFloorOp>(c.fmul(m, c.f(0.25, d)))));
  Value odd = arith::OrIOp::create(c.b, c.fcmp(F::OEQ, q, c.f(1, d)), c.fcmp(F::OEQ, q, c.f(3, d)));
  Value v = c.select(odd, cosine, sine);
  v = c.select(c.fcmp(F::OGE, q, c.f(2, d)), arith::NegFOp::create(c.b, v), v);
  return arith::TruncFOp::create(c.b, t, v);
}

static Value gelu(Code &c, Value x) {
  Type t = x.getType();
  // Below zero 1 + erf cancels: use erf's own symmetry through the small branch; the
  // absolute error stays below an ulp of x.
  Value e = erfOf(c, c.fmul(x, c.f(0.70710678118654752440, t)));
  return c.fmul(c.fmul(x, c.f(0.5, t)), c.fadd(c.f(1, t), e));
}

static Value geluTanh(Code &c, Value x) {
  Type t = x.getType();
  Value x3 = c.fmul(c.fmul(x, x), x);
  Value u = c.fmul(c.f(0.79788456080286535588, t), c.fma(x3, c.f(0.044715, t), x));
  return c.fmul(c.fmul(x, c.f(0.5, t)), c.fadd(c.f(1, t), tanhOf(c, u)));
}

static Value sign(Code &c, Value x) {
  Type t = x.getType();
  Value one = LLVM::CopySignOp::create(c.b, t, c.f(1, t), x);
  Value y = c.select(c.fcmp(F::OEQ, x, c.f(0, t)), x, one);
  return c.select(c.fcmp(F::UNO, x, x), x, y);
}

Value emitPow(Code &c, Value base, Value exponent) {
  bool f64 = Code::element(base.getType()).isF64();
  if (!f64 && c.target.isGpu()) {
    auto wide = [&](Value v) { return arith::ExtFOp::create(c.b, c.f64, v); };
    return arith::TruncFOp::create(c.b, c.f32, emitF64(c, "pow", {wide(base), wide(exponent)}));
  }
  return libm(c, f64 ? "pow" : "powf", {base, exponent});
}

Value emitRemainder(Code &c, Value x, Value y) {
  Type t = x.getType();
  if (!c.target.isGpu())
    return arith::RemFOp::create(c.b, x, y);
  if (t.isF64())
    return emitF64Remainder(c, x, y);
  auto wide = [&](Value v) { return arith::ExtFOp::create(c.b, c.f64, v); };
  return arith::TruncFOp::create(c.b, t, emitF64Remainder(c, wide(x), wide(y)));
}

Value emitUnary(Code &c, int kind, Value x) {
  Type t = x.getType();
  bool f64 = Code::element(t).isF64();
  switch (static_cast<UnaryKind>(kind)) {
  case UnaryKind::exp:
    return emitExp(c, x);
  case UnaryKind::log:
    return emitLog(c, x);
  case UnaryKind::expm1:
    return f64 ? libm(c, "expm1", x) : expm1(c, x);
  case UnaryKind::log1p:
    return f64 ? libm(c, "log1p", x) : log1p(c, x);
  case UnaryKind::sqrt:
    return c.unary<LLVM::SqrtOp>(x);
  case UnaryKind::rsqrt:
    return c.fdiv(c.f(1, t), c.unary<LLVM::SqrtOp>(x));
  case UnaryKind::abs:
    return c.unary<LLVM::FAbsOp>(x);
  case UnaryKind::sign:
    return sign(c, x);
  case UnaryKind::floor:
    return c.unary<LLVM::FFloorOp>(x);
  case UnaryKind::sin:
    return sinCos(c, x, 0);
  case UnaryKind::cos:
    return sinCos(c, x, 1);
  case UnaryKind::tanh:
    return tanhOf(c, x);
  case UnaryKind::sigmoid:
    return sigmoid(c, x);
  case UnaryKind::log_sigmoid:
    return arith::NegFOp::create(c.b, softplus(c, arith::NegFOp::create(c.b, x)));
  case UnaryKind::relu:
    return arith::MaximumFOp::create(c.b, x, c.f(0, t));
  case UnaryKind::silu:
    return c.fmul(x, sigmoid(c, x));
  case UnaryKind::gelu:
    return gelu(c, x);
  case UnaryKind::gelu_tanh:
    return geluTanh(c, x);
  case UnaryKind::softplus:
    return softplus(c, x);
  case UnaryKind::erf:
    return erfOf(c, x);
  }
  return x;
}

} // namespace seq::lowering
