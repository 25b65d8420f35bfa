//===- Array.cpp - Dense arrays of the tool -------------------------------------===//
#include "compiler/Tools/seqc/Array.h"

#include "seq/io.h"
#include "seq/random.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace seq::tool {

std::optional<int64_t> elementCount(const Shape &shape) {
  int64_t n = 1;
  bool overflow = false, zero = false;
  for (int64_t d : shape) {
    if (d < 0)
      return std::nullopt;
    zero |= d == 0;
    overflow |= __builtin_mul_overflow(n, d, &n);
  }
  if (zero)
    return 0;
  return overflow ? std::nullopt : std::optional(n);
}

std::string shapeText(const Shape &shape) {
  if (shape.empty())
    return "";
  std::string s = "[";
  for (size_t i = 0; i < shape.size(); ++i)
    s += (i ? "," : "") + std::to_string(shape[i]);
  return s + "]";
}

void Array::Free::operator()(void *p) const {
  std::free(p);
}

Array::Array(int dtype, Shape shape) : type(dtype), extents(std::move(shape)) {
  auto n = elementCount(extents);
  int64_t size;
  if (!n || __builtin_mul_overflow(*n, seq_dtype_size(dtype), &size) || size > INT64_MAX - 128)
    return;
  elements = *n;
  size = (size + 64) / 64 * 64;
  bytes.reset(std::aligned_alloc(64, size_t(size)));
  if (bytes)
    std::memset(bytes.get(), 0, size_t(size));
}

int64_t Array::byteCount() const {
  return elements * seq_dtype_size(type);
}

double Array::at(int64_t i) const {
  return seq_element_get(data(), type, i);
}

void Array::set(int64_t i, double value) {
  seq_element_set(data(), type, i, value);
}

bool Array::isFloat() const {
  return seq_dtype_is_float(type);
}

void Array::fillNormal(uint64_t seed, uint64_t stream, double scale) {
  if (type == SEQ_F64) {
    seq_random_normal_f64(seed, stream, 0, as<double>(), count());
    for (int64_t i = 0; i < count(); ++i)
      as<double>()[i] *= scale;
    return;
  }
  // Shorter floats are rounded from those of f32, so that programs of both see the same numbers.
  constexpr int64_t kPiece = 4096;
  std::vector<float> piece(std::min(count(), kPiece));
  for (int64_t from = 0; from < count(); from += kPiece) {
    int64_t n = std::min(kPiece, count() - from);
    seq_random_normal_f32(seed, stream, from, piece.data(), n);
    for (int64_t i = 0; i < n; ++i)
      set(from + i, float(piece[size_t(i)] * scale));
  }
}

DLTensor *Array::view() {
  tensor.data = data();
  tensor.device = {kDLCPU, 0};
  tensor.ndim = int32_t(extents.size());
  tensor.dtype = seq_data_type(type);
  tensor.shape = extents.data();
  return &tensor;
}

} // namespace seq::tool
