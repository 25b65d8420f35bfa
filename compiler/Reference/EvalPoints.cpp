//===- EvalPoints.cpp - seq.map, seq.softmax, seq.attention, seq.conv, seq.size ---===//
//
// A map and a softmax compute one value for each point of an index range, a block of
// points at a time, straight into the result. A softmax keeps its scores there, and which
// are present beside it, until a row is whole. Attention and convolution have rows of
// points for each value of the result: what a row's points yield is kept until it is whole.
//
//===----------------------------------------------------------------------===//
#include "compiler/Reference/Machine.h"

#include "mlir/IR/BuiltinTypes.h"

#include <algorithm>
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
    auto shape = llvm::ArrayRef(range.extents).take_front(dims.size());
    for (auto [have, want] : llvm::zip(shape, dims))
      if (!mlir::ShapedType::isDynamic(want) && have != want && !m.dry) {
        m.failSize(place, have, want);
        return false;
      }
    if (!m.allocate(slot, shape, place))
      return false;
    if (m.counts && !m.dry)
      m.counts->stored +=
          double(m.tensors[slot].count()) * double(storedBytes(m.tensors[slot].elem));
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

static double countPresent(const uint8_t *present, int n) {
  return static_cast<double>(n - std::count(present, present + n, uint8_t(0)));
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
    PresentPart part(m);
    m.run(body.code, frame, n);
    storeResult(scores, frame[body.values[0]], p, n);
    if (body.present != kNone)
      store<uint8_t>(frame[body.present], present.data() + p, n);
    double here = countPresent(present.data() + p, n);
    part.keep(here, n);
    m.count(points.ofPoint, here);
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

/// What the points of one row yield.
struct Row {
  std::vector<std::vector<double>> values; ///< by what is yielded
  std::vector<uint8_t> present;
};

/// Points `p` … `p + row.present.size() − 1`, all of one row.
static void evaluateRow(Machine &m, const Points &all, const Range &range, int64_t p, Row &row) {
  const Body &body = all.body;
  Frame &frame = m.frames[body.frame];
  int64_t points = static_cast<int64_t>(row.present.size());
  for (int64_t k = 0; k < points;) {
    int n = static_cast<int>(std::min<int64_t>(range.block(p + k), points - k));
    range.setIndices(frame, body, p + k, n);
    PresentPart part(m);
    m.run(body.code, frame, n);
    for (auto [value, to] : llvm::zip(body.values, row.values))
      dispatch(body.regs[value], [&](auto zero) {
        using T = decltype(zero);
        std::vector<T> lanes(n);
        store<T>(frame[value], lanes.data(), n);
        std::copy(lanes.begin(), lanes.end(), to.begin() + k);
      });
    if (body.present != kNone)
      store<uint8_t>(frame[body.present], row.present.data() + k, n);
    double here = countPresent(row.present.data() + k, n);
    part.keep(here, n);
    m.count(all.ofPoint, here);
    k += n;
  }
}

/// Calls `finish` with each row of points and the place of its value in the results.
static void overRows(Machine &m, Frame &outer, const Instr &in,
                     llvm::function_ref<void(Row &, int64_t)> finish) {
  const Points &points = *m.program.points[in.payload];
  Range range;
  if (!prepare(m, outer, points, in.place, range))
    return;
  captureAll(points.body, outer, m.frames[points.body.frame]);
  int64_t length = 1, rows = 1;
  for (int64_t e : llvm::ArrayRef(range.extents).take_back(points.reduced))
    length *= e;
  for (int64_t e : llvm::ArrayRef(range.extents).drop_back(points.reduced))
    rows *= e;
  Row row;
  row.values.assign(points.body.values.size(), std::vector<double>(length));
  for (int64_t r = 0; r < rows && !m.stop; ++r) {
    row.present.assign(length, 1);
    evaluateRow(m, points, range, r * length, row);
    m.count(points.ofRow, 1);
    finish(row, r);
  }
}

static void put(Slot &slot, int64_t at, double value) {
  if (slot.elem == Elem::F32)
    reinterpret_cast<float *>(slot.bytes.get())[at] = static_cast<float>(value);
  else
    reinterpret_cast<double *>(slot.bytes.get())[at] = value;
}

/// The sum over the row's present points of `weights` times `values`, each product rounded
/// to the slot's type as the program's would be.
static double weightedSum(const Row &row, const std::vector<double> &weights,
                          const std::vector<double> &values, Elem elem) {
  double sum = 0;
  for (size_t j = 0; j < row.present.size(); ++j) {
    if (!row.present[j])
      continue;
    double product = weights[j] * values[j];
    sum += elem == Elem::F32 ? static_cast<float>(product) : product;
  }
  return sum;
}

void runAttention(Machine &m, Frame &outer, const Instr &in, int) {
  const Points &points = *m.program.points[in.payload];
  overRows(m, outer, in, [&](Row &row, int64_t at) {
    std::vector<double> &weights = row.values[0];
    normalise(weights.data(), row.present.data(), static_cast<int64_t>(weights.size()));
    for (auto [k, slot] : llvm::enumerate(points.results))
      put(m.tensors[slot], at, weightedSum(row, weights, row.values[k + 1], m.tensors[slot].elem));
  });
}

void runLinearAttention(Machine &m, Frame &outer, const Instr &in, int) {
  const Points &points = *m.program.points[in.payload];
  overRows(m, outer, in, [&](Row &row, int64_t at) {
    for (auto [k, slot] : llvm::enumerate(points.results))
      put(m.tensors[slot], at,
          weightedSum(row, row.values[0], row.values[k + 1], m.tensors[slot].elem));
  });
}

void runNormaliser(Machine &m, Frame &outer, const Instr &in, int) {
  Slot &result = m.tensors[m.program.points[in.payload]->results[0]];
  overRows(m, outer, in, [&](Row &row, int64_t at) {
    double top = -INFINITY, sum = 0;
    for (auto [s, here] : llvm::zip(row.values[0], row.present))
      if (here && !std::isnan(top) && !(s <= top))
        top = s;
    if (std::isinf(top))
      return put(result, at, top);
    for (auto [s, here] : llvm::zip(row.values[0], row.present))
      sum += here ? std::exp(s - top) : 0;
    put(result, at, top + std::log(sum));
  });
}

void runConv(Machine &m, Frame &outer, const Instr &in, int) {
  Slot &result = m.tensors[m.program.points[in.payload]->results[0]];
  overRows(m, outer, in, [&](Row &row, int64_t at) {
    put(result, at, weightedSum(row, row.values[0], row.values[1], result.elem));
  });
}

} // namespace seq::reference
