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

} // namespace seq
