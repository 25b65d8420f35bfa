//===- EvalInteger.cpp - seq.int_div, seq.to_int, divisions of arith ---------------------===//
//
// The divisions of arith that have no value (by zero, the smallest by −1) give 0 and the
// wrapped quotient: a program that reaches them under a false guard must not trap here.
//
//===----------------------------------------------------------------------===//
#include "compiler/Reference/Kernels.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "runtime/include/seq/abi.h"

#include <cmath>

using namespace mlir;

namespace seq::reference {

namespace {
template <class T> T negated(T a) {
  return static_cast<T>(0 - static_cast<std::make_unsigned_t<T>>(a));
}

struct Trunc {
  template <class T> T operator()(T a, T b) { return b == 0 ? T(0) : b == -1 ? negated(a) : a / b; }
};
struct Rem {
  template <class T> T operator()(T a, T b) { return b == 0 || b == -1 ? T(0) : a % b; }
};
struct Floor {
  template <class T> T operator()(T a, T b) {
    T q = Trunc()(a, b), r = Rem()(a, b);
    return r != 0 && (r < 0) != (b < 0) ? q - 1 : q;
  }
};
struct Mod {
  template <class T> T operator()(T a, T b) {
    T r = Rem()(a, b);
    return r != 0 && (r < 0) != (b < 0) ? r + b : r;
  }
};
struct Ceil {
  template <class T> T operator()(T a, T b) {
    T q = Trunc()(a, b), r = Rem()(a, b);
    return r != 0 && (r < 0) == (b < 0) ? q + 1 : q;
  }
};
} // namespace

/// A value of lane `l`.
template <class T> static T at(const T *lanes, const Reg &reg, int l) {
  return lanes[reg.varying() ? l : 0];
}

static bool guarded(Frame &f, uint32_t guard, int l, int n) {
  if (guard == kNone)
    return true;
  Reg &g = f[guard];
  return at(g.read<uint8_t>(n), g, l);
}

template <class Op, class T> static void divKernel(Machine &m, Frame &f, const Instr &in, int n) {
  Reg &b = f[in.in[1]];
  const T *y = b.read<T>(n);
  int lanes = b.varying() || (in.in[2] != kNone && f[in.in[2]].varying()) ? n : 1;
  for (int l = 0; l < lanes; ++l)
    if (at(y, b, l) == 0 && guarded(f, in.in[2], l, n))
      m.fail(in.place, SEQ_FAIL_DIV_ZERO, 0, 0);
  binaryKernel<Op, T, T, T>(m, f, in, n);
}

/// |trunc(x)| is an i32. NaN is not.
static bool fits(double x) {
  return x > -2147483649.0 && x < 2147483648.0;
}

static int64_t shown(double x) {
  if (std::isnan(x))
    return 0;
  return x >= 0x1p63 ? INT64_MAX : x <= -0x1p63 ? INT64_MIN : static_cast<int64_t>(x);
}

template <class T> static void toIntKernel(Machine &m, Frame &f, const Instr &in, int n) {
  Reg &a = f[in.in[0]];
  const T *x = a.read<T>(n);
  bool guardVaries = in.in[1] != kNone && f[in.in[1]].varying();
  int lanes = a.varying() || guardVaries ? n : 1;
  int32_t *out = f[in.dst].write<int32_t>(lanes == 1 ? Form::Uniform : Form::Varying);
  for (int l = 0; l < lanes; ++l) {
    double v = at(x, a, l);
    out[l] = fits(v) ? static_cast<int32_t>(v) : 0;
    if (!fits(v) && guarded(f, in.in[1], l, n))
      m.fail(in.place, SEQ_FAIL_CONVERT, shown(v), 0);
  }
}

template <class Op> static Kernel ofInts(Elem e) {
  return e == Elem::I32   ? binaryKernel<Op, int32_t, int32_t, int32_t>
         : e == Elem::Int ? binaryKernel<Op, int64_t, int64_t, int64_t>
                          : nullptr;
}
template <class Op> static Kernel checkedOfInts(Elem e) {
  return e == Elem::I32   ? divKernel<Op, int32_t>
         : e == Elem::Int ? divKernel<Op, int64_t>
                          : nullptr;
}

Kernel integerKernel(Operation *op, bool f64) {
  if (op->getNumOperands() == 0)
    return nullptr;
  std::optional<Elem> e = elemOf(op->getOperand(0).getType(), f64);
  if (!e)
    return nullptr;
  if (auto d = dyn_cast<IntDivOp>(op))
    return d.getKind() == DivKind::div ? checkedOfInts<Floor>(*e) : checkedOfInts<Mod>(*e);
  if (isa<ToIntOp>(op))
    return *e == Elem::F32 ? toIntKernel<float> : toIntKernel<double>;
  if (isa<arith::DivSIOp>(op))
    return ofInts<Trunc>(*e);
  if (isa<arith::RemSIOp>(op))
    return ofInts<Rem>(*e);
  if (isa<arith::FloorDivSIOp>(op))
    return ofInts<Floor>(*e);
  if (isa<arith::CeilDivSIOp>(op))
    return ofInts<Ceil>(*e);
  return nullptr;
}

} // namespace seq::reference
