//===- IndexMath.cpp - Index arithmetic, folded where it is constant ----------------------===//
#include "compiler/Transforms/IndexMath.h"

using namespace mlir;
namespace seq {

Value IndexMath::divide(DivKind kind, Value x, Value y) {
  auto a = constantOf(x), d = constantOf(y);
  if (d == 1)
    return kind == DivKind::div ? x : constant(0);
  if (a && d && *a >= 0 && *d > 0)
    return constant(kind == DivKind::div ? *a / *d : *a % *d);
  return IntDivOp::create(b, loc, kind, x, y, Value(), StringAttr());
}

SmallVector<Value> IndexMath::unravel(Value number, ArrayRef<Value> extents) {
  SmallVector<Value> at(extents.size());
  for (size_t k = extents.size(); k-- > 1;) {
    Value n = max(extents[k], constant(1));
    at[k] = mod(number, n);
    number = div(number, n);
  }
  if (!at.empty())
    at.front() = number;
  return at;
}

} // namespace seq
