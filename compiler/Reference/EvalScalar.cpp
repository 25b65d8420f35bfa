//===- EvalScalar.cpp - arith: arithmetic, comparisons, select -----------------------===//
//
// f32 is computed in f32, each op rounded; integers wrap. Sums, differences and multiples
// of indices stay affine, so that the reads that they address stay pointers.
//
//===----------------------------------------------------------------------===//
#include "compiler/Reference/Kernels.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <cmath>
#include <functional>

using namespace mlir;

namespace seq::reference {

namespace {
template <class T> constexpr bool kReal = std::is_floating_point_v<T>;

/// The integer in which T's arithmetic wraps.
template <class T>
using Wide =
    std::conditional_t<kReal<T>, T, std::conditional_t<sizeof(T) == 8, uint64_t, uint32_t>>;

template <class T> T wrapped(Wide<T> v) {
  if constexpr (std::is_same_v<T, uint8_t>)
    return v & 1;
  else
    return static_cast<T>(v);
}

struct Add {
  template <class T> T operator()(T a, T b) { return wrapped<T>(Wide<T>(a) + Wide<T>(b)); }
};
struct Sub {
  template <class T> T operator()(T a, T b) { return wrapped<T>(Wide<T>(a) - Wide<T>(b)); }
};
struct Mul {
  template <class T> T operator()(T a, T b) { return wrapped<T>(Wide<T>(a) * Wide<T>(b)); }
};
struct Div {
  template <class T> T operator()(T a, T b) { return a / b; }
};
struct Rem {
  template <class T> T operator()(T a, T b) { return std::fmod(a, b); }
};
struct Neg {
  template <class T> T operator()(T a) { return -a; }
};
struct And {
  template <class T> T operator()(T a, T b) { return a & b; }
};
struct Or {
  template <class T> T operator()(T a, T b) { return a | b; }
};
struct Xor {
  template <class T> T operator()(T a, T b) { return a ^ b; }
};
/// Signed order: an i1 is 0 or −1.
template <class T> auto ordered(T v) {
  if constexpr (std::is_same_v<T, uint8_t>)
    return v ? -1 : 0;
  else
    return v;
}
struct MaxI {
  template <class T> T operator()(T a, T b) { return ordered(a) > ordered(b) ? a : b; }
};
struct MinI {
  template <class T> T operator()(T a, T b) { return ordered(a) < ordered(b) ? a : b; }
};
/// IEEE maximum and minimum: NaN wins, −0 is below +0.
struct MaxF {
  template <class T> T operator()(T a, T b) {
    if (a == b)
      return std::signbit(a) ? b : a;
    return a > b || std::isnan(a) ? a : b;
  }
};
struct MinF {
  template <class T> T operator()(T a, T b) {
    if (a == b)
      return std::signbit(a) ? a : b;
    return a < b || std::isnan(a) ? a : b;
  }
};

template <arith::CmpIPredicate P> struct CompareI {
  template <class T> uint8_t operator()(T x, T y) {
    using S = arith::CmpIPredicate;
    auto a = ordered(x), b = ordered(y);
    using U = std::make_unsigned_t<decltype(a)>;
    U ua = a, ub = b;
    switch (P) {
    case S::eq:
      return a == b;
    case S::ne:
      return a != b;
    case S::slt:
      return a < b;
    case S::sle:
      return a <= b;
    case S::sgt:
      return a > b;
    case S::sge:
      return a >= b;
    case S::ult:
      return ua < ub;
    case S::ule:
      return ua <= ub;
    case S::ugt:
      return ua > ub;
    case S::uge:
      return ua >= ub;
    }
  }
};

template <arith::CmpFPredicate P> struct CompareF {
  template <class T> uint8_t operator()(T a, T b) {
    using S = arith::CmpFPredicate;
    bool nan = std::isnan(a) || std::isnan(b);
    switch (P) {
    case S::AlwaysFalse:
      return 0;
    case S::AlwaysTrue:
      return 1;
    case S::ORD:
      return !nan;
    case S::UNO:
      return nan;
    case S::OEQ:
      return a == b;
    case S::ONE:
      return a < b || a > b;
    case S::OLT:
      return a < b;
    case S::OLE:
      return a <= b;
    case S::OGT:
      return a > b;
    case S::OGE:
      return a >= b;
    case S::UEQ:
      return nan || a == b;
    case S::UNE:
      return a != b;
    case S::ULT:
      return !(a >= b);
    case S::ULE:
      return !(a > b);
    case S::UGT:
      return !(a <= b);
    case S::UGE:
      return !(a < b);
    }
  }
};
} // namespace

/// Add, Sub or Mul of indices: affine where the result is.
template <class Op> static void affineKernel(Machine &m, Frame &f, const Instr &in, int n) {
  Reg &a = f[in.in[0]], &b = f[in.in[1]];
  constexpr bool product = std::is_same_v<Op, Mul>;
  bool line = a.form != Form::Varying && b.form != Form::Varying && (a.varying() || b.varying());
  if (!line || (product && a.varying() && b.varying()))
    return binaryKernel<Op, int64_t, int64_t, int64_t>(m, f, in, n);
  int64_t first = Op()(a.first(), b.first());
  int64_t step = Op()(a.stride(), b.stride());
  if (product)
    step = a.varying() ? Mul()(a.stride(), b.first()) : Mul()(a.first(), b.stride());
  f[in.dst].setAffine(first, step);
}

template <class T> static void selectKernel(Machine &, Frame &f, const Instr &in, int n) {
  Reg &c = f[in.in[0]], &a = f[in.in[1]], &b = f[in.in[2]];
  const uint8_t *cond = c.read<uint8_t>(n);
  const T *x = a.read<T>(n), *y = b.read<T>(n);
  bool va = a.varying(), vb = b.varying();
  Reg &dst = f[in.dst];
  if (!c.varying()) {
    const T *chosen = *cond ? x : y;
    bool varies = *cond ? va : vb;
    T *out = dst.write<T>(varies ? Form::Varying : Form::Uniform);
    std::copy(chosen, chosen + (varies ? n : 1), out);
    return;
  }
  T *out = dst.write<T>(Form::Varying);
  for (int l = 0; l < n; ++l)
    out[l] = cond[l] ? x[va ? l : 0] : y[vb ? l : 0];
}

/// `Op` for one element type of the floats, or of the integers.
template <class Op> static Kernel ofFloats(Elem e) {
  return e == Elem::F32 ? binaryKernel<Op, float, float, float>
                        : binaryKernel<Op, double, double, double>;
}
template <class Op> static Kernel ofInts(Elem e) {
  switch (e) {
  case Elem::I32:
    return binaryKernel<Op, int32_t, int32_t, int32_t>;
  case Elem::Bool:
    return binaryKernel<Op, uint8_t, uint8_t, uint8_t>;
  case Elem::Int:
    return binaryKernel<Op, int64_t, int64_t, int64_t>;
  default:
    return nullptr;
  }
}
template <class Op> static Kernel ofIndices(Elem e) {
  return e == Elem::Int ? affineKernel<Op> : ofInts<Op>(e);
}

template <arith::CmpIPredicate P> static Kernel compareInts(Elem e) {
  switch (e) {
  case Elem::I32:
    return binaryKernel<CompareI<P>, int32_t, int32_t, uint8_t>;
  case Elem::Bool:
    return binaryKernel<CompareI<P>, uint8_t, uint8_t, uint8_t>;
  default:
    return binaryKernel<CompareI<P>, int64_t, int64_t, uint8_t>;
  }
}
template <arith::CmpFPredicate P> static Kernel compareFloats(Elem e) {
  return e == Elem::F32 ? binaryKernel<CompareF<P>, float, float, uint8_t>
                        : binaryKernel<CompareF<P>, double, double, uint8_t>;
}

/// The kernel of `predicate`, out of a table with one for each.
template <class P, size_t... I>
static Kernel pickInts(P predicate, Elem e, std::index_sequence<I...>) {
  static constexpr Kernel (*table[])(Elem) = {compareInts<static_cast<P>(I)>...};
  return table[static_cast<size_t>(predicate)](e);
}
template <class P, size_t... I>
static Kernel pickFloats(P predicate, Elem e, std::index_sequence<I...>) {
  static constexpr Kernel (*table[])(Elem) = {compareFloats<static_cast<P>(I)>...};
  return table[static_cast<size_t>(predicate)](e);
}

static Kernel floatKernel(Operation *op, Elem e) {
  if (isa<arith::AddFOp>(op))
    return ofFloats<Add>(e);
  if (isa<arith::SubFOp>(op))
    return ofFloats<Sub>(e);
  if (isa<arith::MulFOp>(op))
    return ofFloats<Mul>(e);
  if (isa<arith::DivFOp>(op))
    return ofFloats<Div>(e);
  if (isa<arith::RemFOp>(op))
    return ofFloats<Rem>(e);
  if (isa<arith::MaximumFOp>(op))
    return ofFloats<MaxF>(e);
  if (isa<arith::MinimumFOp>(op))
    return ofFloats<MinF>(e);
  if (isa<arith::NegFOp>(op))
    return e == Elem::F32 ? unaryKernel<Neg, float, float> : unaryKernel<Neg, double, double>;
  return nullptr;
}

static Kernel intKernel(Operation *op, Elem e) {
  if (isa<arith::AddIOp>(op))
    return ofIndices<Add>(e);
  if (isa<arith::SubIOp>(op))
    return ofIndices<Sub>(e);
  if (isa<arith::MulIOp>(op))
    return ofIndices<Mul>(e);
  if (isa<arith::AndIOp>(op))
    return ofInts<And>(e);
  if (isa<arith::OrIOp>(op))
    return ofInts<Or>(e);
  if (isa<arith::XOrIOp>(op))
    return ofInts<Xor>(e);
  if (isa<arith::MaxSIOp>(op))
    return ofInts<MaxI>(e);
  if (isa<arith::MinSIOp>(op))
    return ofInts<MinI>(e);
  return nullptr;
}

Kernel arithKernel(Operation *op, bool f64) {
  if (op->getNumOperands() == 0 || op->getNumResults() != 1)
    return nullptr;
  std::optional<Elem> e = elemOf(op->getOperand(op->getNumOperands() - 1).getType(), f64);
  if (!e)
    return nullptr;
  if (auto c = dyn_cast<arith::CmpIOp>(op))
    return pickInts(c.getPredicate(), *e, std::make_index_sequence<10>());
  if (auto c = dyn_cast<arith::CmpFOp>(op))
    return pickFloats(c.getPredicate(), *e, std::make_index_sequence<16>());
  if (isa<arith::SelectOp>(op))
    return dispatch(*e, [](auto zero) -> Kernel { return selectKernel<decltype(zero)>; });
  bool real = *e == Elem::F32 || *e == Elem::F64;
  return real ? floatKernel(op, *e) : intKernel(op, *e);
}

} // namespace seq::reference
