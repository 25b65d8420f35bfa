//===- EvalConvert.cpp - arith: conversions ------------------------------------------===//
#include "compiler/Reference/Kernels.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <cmath>

using namespace mlir;

namespace seq::reference {

namespace {
/// Zero extension, truncation, and float to float, each rounded once.
template <class R> struct Plain {
  template <class A> R operator()(A a) {
    if constexpr (std::is_same_v<R, uint8_t>)
      return static_cast<int64_t>(a) & 1;
    else if constexpr (std::is_same_v<A, int32_t>)
      return static_cast<R>(static_cast<uint32_t>(a)); // unsigned; see Signed
    else if constexpr (std::is_same_v<A, int64_t> && std::is_floating_point_v<R>)
      return static_cast<R>(static_cast<uint64_t>(a));
    else
      return static_cast<R>(a);
  }
};
/// Sign extension; an i1 is 0 or −1.
template <class R> struct Signed {
  template <class A> R operator()(A a) {
    if constexpr (std::is_same_v<R, uint8_t>)
      return static_cast<int64_t>(a) & 1;
    else if constexpr (std::is_same_v<A, uint8_t>)
      return static_cast<R>(a ? -1 : 0);
    else
      return static_cast<R>(a);
  }
};
} // namespace

/// To a float of `kDigits` significant bits whose exponents are kLeast (of the least normal number)
/// and up: to nearest, ties to even.
template <int kDigits, int kLeast, int kMost> struct Shorten {
  template <class A> A operator()(A a) {
    if (!std::isfinite(a) || a == 0)
      return a;
    // The unit of the last place; the sum with 2⁵² units rounds there.
    int e = std::max(std::ilogb(a), kLeast) - (kDigits - 1);
    double scaled = std::ldexp(static_cast<double>(a), -e); // exact, below 2⁵³
    double y = std::ldexp(std::nearbyint(scaled), e);
    return static_cast<A>(std::fabs(y) >= std::ldexp(1.0, kMost + 1) ? std::copysign(INFINITY, y)
                                                                     : y);
  }
};
using ToBF16 = Shorten<8, -126, 127>;
using ToF16 = Shorten<11, -14, 15>;

/// Rounds in the type in which the interpreter keeps what it reads: f32 from a narrower or equal
/// one, f64 from f64.
template <class Op> static Kernel shorten(Elem from, Elem to) {
  if (from == Elem::F64)
    return to == Elem::F64 ? unaryKernel<Op, double, double> : unaryKernel<Op, double, float>;
  return unaryKernel<Op, float, float>;
}

template <template <class> class Op> static Kernel convert(Elem from, Elem to) {
  return dispatch(from, [&](auto a) {
    return dispatch(to, [&](auto r) -> Kernel {
      return unaryKernel<Op<decltype(r)>, decltype(a), decltype(r)>;
    });
  });
}

Kernel convertKernel(Operation *op, bool f64) {
  if (op->getNumOperands() != 1 || op->getNumResults() != 1)
    return nullptr;
  std::optional<Elem> from = elemOf(op->getOperand(0).getType(), f64);
  std::optional<Elem> to = elemOf(op->getResult(0).getType(), f64);
  if (!from || !to)
    return nullptr;
  if (isa<arith::TruncFOp>(op) && op->getResult(0).getType().isBF16())
    return shorten<ToBF16>(*from, *to);
  if (isa<arith::TruncFOp>(op) && op->getResult(0).getType().isF16())
    return shorten<ToF16>(*from, *to);
  if (isa<arith::IndexCastOp, arith::ExtSIOp, arith::SIToFPOp>(op))
    return convert<Signed>(*from, *to);
  if (isa<arith::IndexCastUIOp, arith::ExtUIOp, arith::UIToFPOp, arith::TruncIOp, arith::ExtFOp,
          arith::TruncFOp>(op))
    return convert<Plain>(*from, *to);
  return nullptr;
}

} // namespace seq::reference
