//===- EvalReduce.cpp - seq.reduce --------------------------------------------------===//
//
// A reduction inside a block of n points can run two ways, with the same result bit for
// bit, since each point folds its own values in row-major order either way:
//
//   along    for each of the n points: blocks of the reduction's own points
//   across   for each of the reduction's points: the n lanes at once
//
// Along is right for long reductions, across for short ones and where the tensors lie
// the other way (`w[k, c]` under `y[c]`). What does not depend on the lane is folded once.
//
// Sums, means, products and logsumexp of f32 are gathered in f64 and rounded once: the
// oracle is meant to be nearer to the truth than any order of f32 additions.
//
//===----------------------------------------------------------------------===//
#include "compiler/Reference/Machine.h"

#include "runtime/include/seq/abi.h"

#include <algorithm>
#include <cmath>

namespace seq::reference {

namespace {
/// One lane of an Accumulator: sums in a or i; extremes in a or i, place in i or b;
/// logsumexp is log(b) + a.
struct Cell {
  double &a, &b;
  int64_t &i;
  uint8_t &seen;
};
} // namespace

static void start(Accumulator &acc, ReduceKind kind, Elem elem, int lane) {
  bool real = elem == Elem::F32 || elem == Elem::F64;
  int64_t top = elem == Elem::I32 ? INT32_MAX : elem == Elem::Bool ? 1 : INT64_MAX;
  int64_t bottom = elem == Elem::I32 ? INT32_MIN : elem == Elem::Bool ? 0 : INT64_MIN;
  acc.a[lane] = acc.b[lane] = 0;
  acc.i[lane] = 0;
  acc.seen[lane] = 0;
  switch (kind) {
  case ReduceKind::prod:
    acc.a[lane] = 1, acc.i[lane] = 1;
    break;
  case ReduceKind::all:
    acc.i[lane] = 1;
    break;
  case ReduceKind::logsumexp:
    acc.a[lane] = -INFINITY;
    break;
  case ReduceKind::max:
    acc.a[lane] = -INFINITY, acc.i[lane] = real ? 0 : bottom;
    break;
  case ReduceKind::min:
    acc.a[lane] = INFINITY, acc.i[lane] = real ? 0 : top;
    break;
  default:
    break;
  }
}

/// log(b) + a stays log Σ exp(v): the largest so far is a, b counts in its units.
static void addExp(Cell c, double v) {
  if (v == -INFINITY || std::isnan(c.a))
    return;
  if (std::isnan(v) || v == INFINITY) {
    c.a = std::isnan(v) || c.a != INFINITY ? v : c.a;
    c.b = 1;
  } else if (v > c.a) {
    c.b = c.b * std::exp(c.a - v) + 1;
    c.a = v;
  } else if (c.a != INFINITY) {
    c.b += std::exp(v - c.a);
  }
}

/// Folds `v`, the value of the reduction's point `pos`, into the cell.
template <ReduceKind K, class T> static inline void fold(Cell c, T v, int64_t pos) {
  constexpr bool real = std::is_floating_point_v<T>;
  if constexpr (K == ReduceKind::sum || K == ReduceKind::mean) {
    if constexpr (real)
      c.a += v;
    else
      c.i = static_cast<int64_t>(static_cast<uint64_t>(c.i) + static_cast<uint64_t>(v));
    if constexpr (K == ReduceKind::mean)
      ++c.i;
  } else if constexpr (K == ReduceKind::prod) {
    if constexpr (real)
      c.a *= v;
    else
      c.i = static_cast<int64_t>(static_cast<uint64_t>(c.i) * static_cast<uint64_t>(v));
  } else if constexpr (K == ReduceKind::logsumexp) {
    if constexpr (real)
      addExp(c, v);
  } else if constexpr (K == ReduceKind::any) {
    c.i |= v != 0;
  } else if constexpr (K == ReduceKind::all) {
    c.i &= v != 0;
  } else {
    constexpr bool most = K == ReduceKind::max || K == ReduceKind::argmax;
    constexpr bool place = K == ReduceKind::argmax || K == ReduceKind::argmin;
    if constexpr (real) {
      bool better = most ? v > c.a : v < c.a;
      if ((place && !c.seen) || ((better || std::isnan(v)) && !std::isnan(c.a))) {
        c.a = v;
        if constexpr (place)
          c.i = pos;
      }
    } else if constexpr (place) {
      // Integers: the best so far in b's bits would round; seen tells the first apart.
      auto best = __builtin_bit_cast(int64_t, c.b);
      if (!c.seen || (most ? v > best : v < best)) {
        c.b = __builtin_bit_cast(double, static_cast<int64_t>(v));
        c.i = pos;
      }
    } else if (most ? v > c.i : v < c.i) {
      c.i = v;
    }
    if constexpr (place)
      c.seen = 1;
  }
}

/// Folds a block of the reduction's points, the first of number `pos`, into one lane.
template <ReduceKind K, class T>
static void foldAlong(Accumulator &acc, int lane, const T *v, bool varies, const uint8_t *present,
                      int n, int64_t pos) {
  double a = acc.a[lane], b = acc.b[lane];
  int64_t i = acc.i[lane];
  uint8_t seen = acc.seen[lane];
  Cell c{a, b, i, seen};
  if (!present && varies)
    for (int l = 0; l < n; ++l)
      fold<K>(c, v[l], pos + l);
  else
    for (int l = 0; l < n; ++l)
      if (!present || present[l])
        fold<K>(c, v[varies ? l : 0], pos + l);
  acc.a[lane] = a;
  acc.b[lane] = b;
  acc.i[lane] = i;
  acc.seen[lane] = seen;
}

/// Folds one point of the reduction into each lane.
template <ReduceKind K, class T>
static void foldAcross(Accumulator &acc, const T *v, bool varies, const uint8_t *present, int n,
                       int64_t pos) {
  auto cell = [&](int l) { return Cell{acc.a[l], acc.b[l], acc.i[l], acc.seen[l]}; };
  if (!present && varies)
    for (int l = 0; l < n; ++l)
      fold<K>(cell(l), v[l], pos);
  else
    for (int l = 0; l < n; ++l)
      if (!present || present[l])
        fold<K>(cell(l), v[varies ? l : 0], pos);
}

/// Calls `f` with the kind as a constant.
template <class F> static void dispatchKind(ReduceKind kind, F &&f) {
  switch (kind) {
#define CASE(K)                                                                                    \
  case ReduceKind::K:                                                                              \
    return f(std::integral_constant<ReduceKind, ReduceKind::K>());
    CASE(sum)
    CASE(prod)
    CASE(max) CASE(min) CASE(mean) CASE(logsumexp) CASE(argmax) CASE(argmin) CASE(any) CASE(all)
#undef CASE
  }
}

static Elem valueElem(const Fold &r, size_t i) {
  return r.body.regs[r.body.values[i]];
}

/// The lanes of the presence, null where all of them are present; false where none is.
static bool presence(const Fold &r, Frame &inner, int n, const uint8_t *&present) {
  present = nullptr;
  if (r.body.present == kNone)
    return true;
  Reg &p = inner[r.body.present];
  const uint8_t *lanes = p.read<uint8_t>(n);
  if (p.varying())
    present = lanes;
  return p.varying() || *lanes;
}

static void gather(Machine &m, const Fold &r, Frame &inner, int lane, bool along, int n,
                   int64_t pos, PresentPart part) {
  const uint8_t *present;
  if (!presence(r, inner, n, present))
    return part.keep(0, n);
  double here = present ? double(n - std::count(present, present + n, uint8_t(0))) : n;
  part.keep(here, n);
  m.count(r.ofPoint, here);
  for (size_t i = 0; i < r.kinds.size(); ++i) {
    Reg &value = inner[r.body.values[i]];
    Accumulator &acc = m.accumulators[r.accumulators + i];
    dispatch(valueElem(r, i), [&](auto zero) {
      using T = decltype(zero);
      const T *v = value.read<T>(n);
      dispatchKind(r.kinds[i], [&](auto kind) {
        if (along)
          foldAlong<kind.value>(acc, lane, v, value.varying(), present, n, pos);
        else
          foldAcross<kind.value>(acc, v, value.varying(), present, n, pos);
      });
    });
  }
}

static double real(const Accumulator &acc, ReduceKind kind, int lane) {
  double a = acc.a[lane];
  if (kind == ReduceKind::mean)
    return acc.i[lane] ? a / static_cast<double>(acc.i[lane]) : NAN;
  if (kind == ReduceKind::logsumexp)
    return std::isinf(a) || std::isnan(a) ? a : a + std::log(acc.b[lane]);
  return a;
}

static bool guarded(Frame &f, uint32_t guard, int l, int lanes) {
  if (guard == kNone)
    return true;
  const uint8_t *holds = f[guard].read<uint8_t>(lanes);
  return holds[f[guard].varying() ? l : 0];
}

static void finish(Machine &m, const Fold &r, Frame &outer, const Instr &in, int lanes,
                   bool varies) {
  for (size_t i = 0; i < r.kinds.size(); ++i) {
    const Accumulator &acc = m.accumulators[r.accumulators + i];
    ReduceKind kind = r.kinds[i];
    bool place = kind == ReduceKind::argmax || kind == ReduceKind::argmin;
    Reg &dst = outer[r.results[i]];
    dispatch(r.resultElems[i], [&](auto zero) {
      using T = decltype(zero);
      T *out = dst.write<T>(varies ? Form::Varying : Form::Uniform);
      for (int l = 0; l < lanes; ++l) {
        if constexpr (std::is_floating_point_v<T>)
          out[l] = static_cast<T>(real(acc, kind, l));
        else
          out[l] = static_cast<T>(std::is_same_v<T, uint8_t> ? acc.i[l] & 1 : acc.i[l]);
        if (place && !acc.seen[l] && guarded(outer, r.guard, l, lanes))
          m.fail(in.place, SEQ_FAIL_EMPTY, 0, 0);
      }
    });
  }
}

static bool anyVaries(Frame &f, llvm::ArrayRef<uint32_t> regs) {
  return llvm::any_of(regs, [&](uint32_t r) { return f[r].varying(); });
}

/// Whether to run across the lanes; the range is the same for all of them.
static bool prefersAcross(const Fold &r, const Range &range, int n) {
  if (r.jumpsAlong != r.jumpsAcross && range.extents.back() >= 16 && n >= 16)
    return r.jumpsAcross < r.jumpsAlong;
  return n > range.extents.back();
}

static void runAlong(Machine &m, const Fold &r, Frame &outer, Frame &inner, const Instr &in,
                     int lane) {
  Range range;
  if (!makeRange(r.body, outer, lane, range))
    return m.failSize(in.place, INT64_MAX, kMaxBytes);
  captureLane(r.body, outer, inner, lane);
  for (int64_t p = 0; p < range.total;) {
    int n = range.block(p);
    range.setIndices(inner, r.body, p, n);
    PresentPart part(m);
    m.run(r.body.code, inner, n);
    gather(m, r, inner, lane, /*along=*/true, n, p, part);
    p += n;
  }
}

static void runAcross(Machine &m, const Fold &r, Frame &outer, Frame &inner, const Range &range,
                      int n) {
  captureAll(r.body, outer, inner);
  for (int64_t p = 0; p < range.total; ++p) {
    range.setIndices(inner, r.body, p, 1);
    PresentPart part(m);
    m.run(r.body.code, inner, n);
    gather(m, r, inner, 0, /*along=*/false, n, p, part);
  }
}

void runReduce(Machine &m, Frame &outer, const Instr &in, int n) {
  const Fold &r = *m.program.folds[in.payload];
  Frame &inner = m.frames[r.body.frame];
  bool rangeVaries = anyVaries(outer, r.body.extents), varies = rangeVaries;
  for (Capture c : r.body.captures)
    varies |= outer[c.outer].varying();
  varies |= r.guard != kNone && outer[r.guard].varying();
  int lanes = varies ? n : 1;
  for (size_t i = 0; i < r.kinds.size(); ++i)
    for (int l = 0; l < lanes; ++l)
      start(m.accumulators[r.accumulators + i], r.kinds[i], valueElem(r, i), l);
  // What is folded once for all lanes counts for each.
  double timesBefore = m.times;
  m.times *= double(n) / lanes;
  m.count(r.ofEnd, lanes);
  Range range;
  if (lanes > 1 && !rangeVaries && makeRange(r.body, outer, 0, range) &&
      prefersAcross(r, range, lanes))
    runAcross(m, r, outer, inner, range, lanes);
  else
    for (int l = 0; l < lanes && !m.stop; ++l)
      runAlong(m, r, outer, inner, in, l);
  m.times = timesBefore;
  finish(m, r, outer, in, lanes, varies);
}

} // namespace seq::reference
