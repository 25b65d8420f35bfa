//===- EvalMath.cpp - seq.unary, seq.power ---------------------------------------------===//
//
// Computed in f64 by libm, rounded once to the program's type.
//
//===----------------------------------------------------------------------===//
#include "compiler/Reference/Kernels.h"

#include <cmath>

using namespace mlir;

namespace seq::reference {

static double sigmoid(double x) {
  if (x >= 0)
    return 1 / (1 + std::exp(-x));
  double e = std::exp(x);
  return e / (1 + e);
}
static double softplus(double x) {
  return std::fmax(x, 0) + std::log1p(std::exp(-std::fabs(x)));
}
static double relu(double x) {
  return x > 0 || std::isnan(x) ? x : 0;
}
static double sign(double x) {
  return std::isnan(x) ? x : (x > 0) - (x < 0);
}
/// x (1 + erf(x / √2)) / 2, without the cancellation of 1 + erf at negative x.
static double gelu(double x) {
  return 0.5 * x * std::erfc(-x * M_SQRT1_2);
}
static double geluTanh(double x) {
  double inner = std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x);
  return x * sigmoid(2 * inner); // (1 + tanh u) / 2 = sigmoid(2 u)
}

template <UnaryKind K> static double evaluate(double x) {
  switch (K) {
  case UnaryKind::exp:
    return std::exp(x);
  case UnaryKind::log:
    return std::log(x);
  case UnaryKind::expm1:
    return std::expm1(x);
  case UnaryKind::log1p:
    return std::log1p(x);
  case UnaryKind::sqrt:
    return std::sqrt(x);
  case UnaryKind::rsqrt:
    return 1 / std::sqrt(x);
  case UnaryKind::abs:
    return std::fabs(x);
  case UnaryKind::sign:
    return sign(x);
  case UnaryKind::floor:
    return std::floor(x);
  case UnaryKind::sin:
    return std::sin(x);
  case UnaryKind::cos:
    return std::cos(x);
  case UnaryKind::tanh:
    return std::tanh(x);
  case UnaryKind::sigmoid:
    return sigmoid(x);
  case UnaryKind::log_sigmoid:
    return -softplus(-x);
  case UnaryKind::relu:
    return relu(x);
  case UnaryKind::silu:
    return x * sigmoid(x);
  case UnaryKind::gelu:
    return gelu(x);
  case UnaryKind::gelu_tanh:
    return geluTanh(x);
  case UnaryKind::softplus:
    return softplus(x);
  case UnaryKind::erf:
    return std::erf(x);
  }
}

namespace {
template <UnaryKind K> struct Unary {
  template <class T> T operator()(T x) { return static_cast<T>(evaluate<K>(x)); }
};

struct Pow {
  template <class T> T operator()(T x, T y) {
    return static_cast<T>(std::pow(double(x), double(y)));
  }
};

/// x^n for n ≥ 0 by squaring; T's products wrap or round.
template <class T> T products(T x, uint64_t n) {
  T result = 1;
  for (; n; n >>= 1, x *= x)
    if (n & 1)
      result *= x;
  return result;
}

/// Integer exponents. An integer to a negative power is 1, ±1 or 0 (0 to one is 0).
struct PowInt {
  template <class T, class E> T operator()(T x, E exponent) {
    int64_t n = exponent;
    uint64_t size = n < 0 ? 0 - static_cast<uint64_t>(n) : static_cast<uint64_t>(n);
    if constexpr (std::is_floating_point_v<T>) {
      double p = products<double>(x, size);
      return static_cast<T>(n < 0 ? 1 / p : p);
    } else {
      if (n < 0)
        return x == T(1) ? T(1) : x == T(-1) ? T(size % 2 ? -1 : 1) : T(0);
      return static_cast<T>(products<uint64_t>(static_cast<uint64_t>(x), size));
    }
  }
};
} // namespace

template <size_t... I> static Kernel pickUnary(UnaryKind kind, Elem e, std::index_sequence<I...>) {
  static constexpr Kernel f32[] = {unaryKernel<Unary<static_cast<UnaryKind>(I)>, float, float>...};
  static constexpr Kernel f64[] = {
      unaryKernel<Unary<static_cast<UnaryKind>(I)>, double, double>...};
  return (e == Elem::F32 ? f32 : f64)[static_cast<size_t>(kind)];
}

static Kernel powerKernel(Elem base, Elem exponent) {
  switch (base) {
  case Elem::F32:
    return exponent == Elem::Int ? binaryKernel<PowInt, float, int64_t, float>
                                 : binaryKernel<Pow, float, float, float>;
  case Elem::F64:
    return exponent == Elem::Int ? binaryKernel<PowInt, double, int64_t, double>
                                 : binaryKernel<Pow, double, double, double>;
  case Elem::I32:
    return exponent == Elem::Int ? binaryKernel<PowInt, int32_t, int64_t, int32_t>
                                 : binaryKernel<PowInt, int32_t, int32_t, int32_t>;
  case Elem::Int:
    return binaryKernel<PowInt, int64_t, int64_t, int64_t>;
  case Elem::Bool:
    break;
  }
  return nullptr;
}

Kernel mathKernel(Operation *op, bool f64) {
  if (auto u = dyn_cast<UnaryOp>(op))
    return pickUnary(u.getKind(), *elemOf(u.getX().getType(), f64), std::make_index_sequence<20>());
  if (auto p = dyn_cast<PowerOp>(op))
    return powerKernel(*elemOf(p.getBase().getType(), f64),
                       *elemOf(p.getExponent().getType(), f64));
  return nullptr;
}

} // namespace seq::reference
