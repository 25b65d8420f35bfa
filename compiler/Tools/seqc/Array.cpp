//===- Array.cpp - Dense arrays of the tool -------------------------------------===//
#include "compiler/Tools/seqc/Array.h"

#include "seq/io.h"

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
  switch (type) {
  case SEQ_F32:
    return double(as<float>()[i]);
  case SEQ_F64:
    return as<double>()[i];
  case SEQ_I32:
    return double(as<int32_t>()[i]);
  default:
    return double(as<uint8_t>()[i]);
  }
}

DLTensor *Array::view() {
  static const DLDataType types[] = {
      {kDLFloat, 32, 1}, {kDLFloat, 64, 1}, {kDLInt, 32, 1}, {kDLBool, 8, 1}};
  tensor.data = data();
  tensor.device = {kDLCPU, 0};
  tensor.ndim = int32_t(extents.size());
  tensor.dtype = types[type];
  tensor.shape = extents.data();
  return &tensor;
}

} // namespace seq::tool
