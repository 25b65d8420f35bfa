//===- Array.h - Dense arrays of the tool --------------------------------------===//
#ifndef SEQC_TOOLS_SEQC_ARRAY_H
#define SEQC_TOOLS_SEQC_ARRAY_H

#include "seq/dlpack.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace seq::tool {

using Shape = std::vector<int64_t>;

/// A row-major array that owns its elements, aligned to 64 bytes.
class Array {
public:
  Array() = default;
  /// Zeros; null data where there is no memory for them or their number overflows.
  Array(int dtype, Shape shape);

  explicit operator bool() const { return bytes != nullptr; }
  int dtype() const { return type; }
  const Shape &shape() const { return extents; }
  int64_t count() const { return elements; }
  int64_t byteCount() const;
  void *data() { return bytes.get(); }
  const void *data() const { return bytes.get(); }
  template <class T> T *as() { return static_cast<T *>(data()); }
  template <class T> const T *as() const { return static_cast<const T *>(data()); }
  /// Element `i` as a double.
  double at(int64_t i) const;
  void set(int64_t i, double value); ///< rounded to the type
  bool isFloat() const;
  /// Normal numbers of a stream, times `scale`; of floats.
  void fillNormal(uint64_t seed, uint64_t stream, double scale);

  /// A view that lives as long as the array and its shape.
  DLTensor *view();

private:
  struct Free {
    void operator()(void *p) const;
  };
  int type = 0;
  Shape extents;
  int64_t elements = 0;
  std::unique_ptr<void, Free> bytes;
  DLTensor tensor = {};
};

/// The number of elements; nullopt on overflow or a negative extent.
std::optional<int64_t> elementCount(const Shape &shape);
/// "[5, 3]", "" for scalars.
std::string shapeText(const Shape &shape);

} // namespace seq::tool

#endif
