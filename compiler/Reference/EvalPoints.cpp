//===- EvalPoints.cpp - seq.map, seq.softmax, seq.size -----------------------------===//
//
// Both compute one value for each point of an index range, a block of points at a time,
// straight into the result. A softmax keeps its scores there, and which are present
// beside it, until a row is whole.
//
//===----------------------------------------------------------------------===//
#include "compiler/Reference/Machine.h"

#include "mlir/IR/BuiltinTypes.h"

#include <cmath>
#include <cstring>

namespace seq::reference {

void runSize(Machine &m, Frame &f, const Instr &in, int) {
  f[in.dst].set<int64_t>(m.sizes[in.payload]);
}

/// Writes lanes 0 … n − 1 to `to`.
template <class T> static void store(Reg &value, T *to, int n) {
  const T *from = value.read<T>(n);
  if (value.varying())
    std::memcpy(to, from, n * sizeof(T));
  else
    std::fill(to, to + n, *from);
}

static void storeResult(Slot &slot, Reg &value, int64_t p, int n) {
  dispatch(slot.elem, [&](auto zero) {
    using T = decltype(zero);
    store<T>(value, reinterpret_cast<T *>(slot.bytes.get()) + p, n);
  });
}

/// The results over their range; false where they cannot be.
static bool prepare(Machine &m, Frame &outer, const Points &points, uint32_t place, Range &range) {
  bool fits = makeRange(points.body, outer, 0, range);
  if (!fits && !m.dry) {
    m.failSize(place, INT64_MAX, kMaxBytes);
    return false;
  }
  for (auto [slot, dims] : llvm::zip(points.results, points.dims)) {
    for (auto [have, want] : llvm::zip(range.extents, dims))
      if (!mlir::ShapedType::isDynamic(want) && have != want && !m.dry) {
        m.failSize(place, have, want);
        return false;
      }
    if (!m.allocate(slot, range.extents, place))
      return false;
  }
  return !m.dry;
}

void runMap(Machine &m, Frame &outer, const Instr &in, int) {
  const Points &points = *m.program.points[in.payload];
  const Body &body = points.body;
  Range range;
  if (!prepare(m, outer, points, in.place, range))
    return;
  Frame &frame = m.frames[body.frame];
  captureAll(body, outer, frame);
  for (int64_t p = 0; p < range.total;) {
    int n = range.block(p);
    range.setIndices(frame, body, p, n);
    m.run(body.code, frame, n);
    for (auto [slot, value] : llvm::zip(points.results, body.values))
      storeResult(m.tensors[slot], frame[value], p, n);
    p += n;
  }
}

/// One row of scores becomes probabilities: see the op's equations.
template <class T> static void normalise(T *row, const uint8_t *present, int64_t n) {
  double largest = -INFINITY, sum = 0;
  for (int64_t j = 0; j < n; ++j)
    if (present[j] && (row[j] > largest || std::isnan(row[j])))
      largest = row[j];
  for (int64_t j = 0; j < n; ++j)
    if (present[j])
      sum += std::exp(row[j] - largest);
  for (int64_t j = 0; j < n; ++j)
    row[j] = present[j] ? static_cast<T>(std::exp(row[j] - largest) / sum) : T(0);
}

void runSoftmax(Machine &m, Frame &outer, const Instr &in, int) {
  const Points &points = *m.program.points[in.payload];
  const Body &body = points.body;
  Range range;
  if (!prepare(m, outer, points, in.place, range))
    return;
  Frame &frame = m.frames[body.frame];
  Slot &scores = m.tensors[points.results[0]];
  std::vector<uint8_t> present(range.total, 1);
  captureAll(body, outer, frame);
  for (int64_t p = 0; p < range.total;) {
    int n = range.block(p);
    range.setIndices(frame, body, p, n);
    m.run(body.code, frame, n);
    storeResult(scores, frame[body.values[0]], p, n);
    if (body.present != kNone)
      store<uint8_t>(frame[body.present], present.data() + p, n);
    p += n;
  }
  int64_t row = 1;
  for (int64_t e : llvm::ArrayRef(range.extents).take_back(points.reduced))
    row *= e;
  for (int64_t p = 0; p < range.total; p += row)
    if (scores.elem == Elem::F32)
      normalise(reinterpret_cast<float *>(scores.bytes.get()) + p, present.data() + p, row);
    else
      normalise(reinterpret_cast<double *>(scores.bytes.get()) + p, present.data() + p, row);
}

} // namespace seq::reference
