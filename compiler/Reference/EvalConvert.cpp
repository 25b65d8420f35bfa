//===- EvalConvert.cpp - arith: conversions ------------------------------------------===//
#include "compiler/Reference/Kernels.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

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
  if (isa<arith::IndexCastOp, arith::ExtSIOp, arith::SIToFPOp>(op))
    return convert<Signed>(*from, *to);
  if (isa<arith::IndexCastUIOp, arith::ExtUIOp, arith::UIToFPOp, arith::TruncIOp, arith::ExtFOp,
          arith::TruncFOp>(op))
    return convert<Plain>(*from, *to);
  return nullptr;
}

} // namespace seq::reference
