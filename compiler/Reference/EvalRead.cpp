//===- EvalRead.cpp - seq.read ------------------------------------------------------===//
//
// Where every index is uniform or affine, the addresses of a block are start + step·lane:
// step 1 is a pointer into the tensor and costs nothing, step 0 one load. Where an index
// is a value (a gather) or may leave its axis, each lane is looked at.
//
//===----------------------------------------------------------------------===//
#include "compiler/Reference/Machine.h"

#include "runtime/include/seq/abi.h"

#include <cstring>

namespace seq::reference {

namespace {
/// Element numbers start + step · lane, all of them inside.
struct Line {
  int64_t start = 0, step = 0;
};
} // namespace

static bool inside(int64_t first, int64_t step, int n, int64_t dim) {
  if (first < 0 || first >= dim || step > dim || step < -dim)
    return false;
  int64_t last = first + step * (n - 1);
  return last >= 0 && last < dim;
}

static bool findLine(Frame &f, const Read &read, const Slot &tensor, int n, Line &line) {
  int64_t stride = 1;
  for (size_t axis = read.indices.size(); axis-- > 0;) {
    const Reg &index = f[read.indices[axis]];
    if (index.form == Form::Varying ||
        !inside(index.first(), index.stride(), n, tensor.shape[axis]))
      return false;
    line.start += index.first() * stride;
    line.step += index.stride() * stride;
    stride *= tensor.shape[axis];
  }
  return true;
}

template <class T> static void readLine(Reg &dst, const T *from, Line line, int n) {
  if (line.step == 0)
    return dst.set<T>(from[line.start]);
  if (line.step == 1) {
    dst.data = reinterpret_cast<const char *>(from + line.start);
    dst.form = Form::Varying;
    return;
  }
  T *out = dst.write<T>(Form::Varying);
  for (int l = 0; l < n; ++l)
    out[l] = from[line.start + line.step * l];
}

template <class T>
static void readGuardedLine(Reg &dst, const T *from, Line line, const uint8_t *guard, int n) {
  T *out = dst.write<T>(Form::Varying);
  for (int l = 0; l < n; ++l)
    out[l] = guard[l] ? from[line.start + line.step * l] : T(0);
}

/// Notes the first lane that reads outside under a true guard, and its first such axis.
static void failOutside(Machine &m, Frame &f, const Instr &in, const Read &read, const Slot &tensor,
                        const uint8_t *guard, int n) {
  for (int l = 0; l < n; ++l)
    for (size_t axis = 0; axis < read.indices.size() && guard[l]; ++axis) {
      Reg &index = f[read.indices[axis]];
      int64_t i = index.read<int64_t>(n)[index.varying() ? l : 0];
      if (i < 0 || i >= tensor.shape[axis])
        return m.fail(in.place, SEQ_FAIL_INDEX, i, tensor.shape[axis]);
    }
}

template <class T>
static void readEach(Machine &m, Frame &f, const Instr &in, const Read &read, const Slot &tensor,
                     const uint8_t *guard, int n) {
  uint64_t at[kLanes];
  uint8_t ok[kLanes];
  std::memset(at, 0, n * sizeof(uint64_t));
  std::memcpy(ok, guard, n);
  uint64_t stride = 1;
  for (size_t axis = read.indices.size(); axis-- > 0;) {
    Reg &index = f[read.indices[axis]];
    const int64_t *x = index.read<int64_t>(n);
    int64_t by = index.varying() ? 1 : 0;
    uint64_t dim = tensor.shape[axis];
    for (int l = 0; l < n; ++l) {
      uint64_t i = x[l * by];
      ok[l] &= i < dim;
      at[l] += i * stride;
    }
    stride *= dim;
  }
  const T *from = reinterpret_cast<const T *>(tensor.bytes.get());
  T *out = f[in.dst].write<T>(Form::Varying);
  for (int l = 0; l < n; ++l)
    out[l] = ok[l] ? from[at[l]] : T(0);
  if (std::memcmp(ok, guard, n))
    failOutside(m, f, in, read, tensor, guard, n);
}

template <class T> static void runRead(Machine &m, Frame &f, const Instr &in, int n) {
  const Read &read = m.program.reads[in.payload];
  const Slot &tensor = m.tensors[read.tensor];
  Reg *guard = read.guard == kNone ? nullptr : &f[read.guard];
  const uint8_t *g = guard ? guard->read<uint8_t>(n) : nullptr;
  Reg &dst = f[in.dst];
  bool varied = guard && guard->varying();
  if (m.dry || (guard && !varied && !*g))
    return dst.set<T>(T(0));
  Line line;
  const T *from = reinterpret_cast<const T *>(tensor.bytes.get());
  if (findLine(f, read, tensor, n, line))
    return varied ? readGuardedLine(dst, from, line, g, n) : readLine(dst, from, line, n);
  static const std::vector<uint8_t> always(kLanes, 1);
  readEach<T>(m, f, in, read, tensor, varied ? g : always.data(), n);
}

Kernel readKernel(Elem elem) {
  return dispatch(elem, [](auto zero) -> Kernel { return runRead<decltype(zero)>; });
}

} // namespace seq::reference
