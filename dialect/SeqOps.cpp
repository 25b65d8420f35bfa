//===- SeqOps.cpp - Maps, reductions, reads: builders, text, verifiers --------===//
#include "dialect/IndexBody.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

using namespace mlir;
using namespace seq;

#define GET_OP_CLASSES
#include "dialect/SeqOps.cpp.inc"

using BodyFn = IndexBodyFn;

std::optional<int64_t> seq::constantOf(Value v) {
  if (auto c = v.getDefiningOp<arith::ConstantOp>())
    if (auto a = dyn_cast<IntegerAttr>(c.getValue()))
      return a.getInt();
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// MapOp
//===----------------------------------------------------------------------===//

RankedTensorType MapOp::resultType(Type element, ValueRange extents) {
  SmallVector<int64_t> shape;
  for (Value e : extents) {
    auto c = constantOf(e);
    shape.push_back(c ? std::max<int64_t>(*c, 0) : ShapedType::kDynamic);
  }
  return RankedTensorType::get(shape, element);
}

void MapOp::build(OpBuilder &builder, OperationState &state, TypeRange elements, ValueRange extents,
                  BodyFn body) {
  for (Type e : elements)
    state.addTypes(resultType(e, extents));
  state.addOperands(extents);
  buildIndexBody(builder, state, extents.size(), body);
}
void MapOp::build(OpBuilder &builder, OperationState &state, TypeRange resultTypes,
                  ValueRange operands, ArrayRef<NamedAttribute> attributes) {
  buildGeneric(state, resultTypes, operands, attributes);
}
YieldOp MapOp::yield() {
  return cast<YieldOp>(bodyBlock()->getTerminator());
}
ParseResult MapOp::parse(OpAsmParser &parser, OperationState &result) {
  return parseIndexBody(parser, result);
}
void MapOp::print(OpAsmPrinter &p) {
  printIndexBody(p, *this, {});
}

LogicalResult MapOp::verify() {
  if (failed(verifyIndices(*this, getExtents().size(), 2)))
    return failure();
  YieldOp y = yield();
  if (y.getPresent() || y.getValues().size() != getNumResults())
    return emitOpError(
        "constraint 2: the body yields one scalar for each result, without presence");
  for (auto [result, value] : llvm::zip(getResultTypes(), y.getValues()))
    if (failed(verifyShape(*this, result, value.getType(), getExtents(), "constraint 3")))
      return failure();
  return success();
}

//===----------------------------------------------------------------------===//
// ReduceOp
//===----------------------------------------------------------------------===//

void ReduceOp::build(OpBuilder &builder, OperationState &state, ReduceKind kind, Type type,
                     ValueRange extents, BodyFn body) {
  build(builder, state, ArrayRef<ReduceKind>(kind), TypeRange(type), extents, body);
}
void ReduceOp::build(OpBuilder &builder, OperationState &state, ArrayRef<ReduceKind> kinds,
                     TypeRange types, ValueRange extents, BodyFn body) {
  SmallVector<Attribute> attrs;
  for (ReduceKind k : kinds)
    attrs.push_back(ReduceKindAttr::get(builder.getContext(), k));
  state.addAttribute("kinds", builder.getArrayAttr(attrs));
  state.addTypes(types);
  state.addOperands(extents);
  buildIndexBody(builder, state, extents.size(), body);
}
void ReduceOp::build(OpBuilder &builder, OperationState &state, TypeRange resultTypes,
                     ValueRange operands, ArrayRef<NamedAttribute> attributes) {
  buildGeneric(state, resultTypes, operands, attributes);
}
YieldOp ReduceOp::yield() {
  return cast<YieldOp>(bodyBlock()->getTerminator());
}

ParseResult ReduceOp::parse(OpAsmParser &parser, OperationState &result) {
  SmallVector<Attribute> kinds;
  auto one = [&]() -> ParseResult {
    StringRef word;
    auto loc = parser.getCurrentLocation();
    if (parser.parseKeyword(&word))
      return failure();
    auto kind = symbolizeReduceKind(word);
    if (!kind)
      return parser.emitError(loc, "unknown kind of reduction '") << word << "'";
    kinds.push_back(ReduceKindAttr::get(parser.getContext(), *kind));
    return success();
  };
  if (parser.parseCommaSeparatedList(OpAsmParser::Delimiter::Square, one))
    return failure();
  result.addAttribute("kinds", parser.getBuilder().getArrayAttr(kinds));
  return parseIndexBody(parser, result);
}
void ReduceOp::print(OpAsmPrinter &p) {
  p << " [";
  for (unsigned i = 0; i < getKinds().size(); ++i)
    p << (i ? ", " : "") << stringifyReduceKind(kind(i));
  p << "]";
  printIndexBody(p, *this, {"kinds"});
}

LogicalResult ReduceOp::verify() {
  if (getExtents().empty())
    return emitOpError("constraint 1: a reduction has at least one index");
  if (failed(verifyIndices(*this, getExtents().size(), 2)))
    return failure();
  if (llvm::any_of(getExtents(), [](Value e) { return !e.getType().isIndex(); }))
    return emitOpError("constraint 1: extents are of type index");
  YieldOp y = yield();
  if (y.getValues().size() != getKinds().size() || getNumResults() != getKinds().size())
    return emitOpError("constraint 2: one scalar and one result for each kind");
  for (unsigned i = 0; i < getNumResults(); ++i) {
    Type t = y.getValues()[i].getType(), r = getResult(i).getType();
    ReduceKind k = kind(i);
    bool logic = k == ReduceKind::any || k == ReduceKind::all;
    bool arg = k == ReduceKind::argmax || k == ReduceKind::argmin;
    if (logic ? !t.isInteger(1) || r != t : arg ? !r.isInteger(32) : r != t)
      return emitOpError("constraint 3: ")
             << stringifyReduceKind(k) << " of " << t << " gives " << r;
    if (getGuard() && !arg)
      return emitOpError("constraint 5: ") << stringifyReduceKind(k) << " has no guard";
    if ((k == ReduceKind::mean || k == ReduceKind::logsumexp) && !isa<FloatType>(t))
      return emitOpError("constraint 3: ") << stringifyReduceKind(k) << " is of floats";
  }
  if (!isa<MapOp, ReduceOp, SoftmaxOp, AttentionOp, ConvOp>((*this)->getParentOp()))
    return emitOpError("constraint 4: a reduction stands in the body of an op over indices");
  return success();
}

//===----------------------------------------------------------------------===//
// SoftmaxOp
//===----------------------------------------------------------------------===//

void SoftmaxOp::build(OpBuilder &builder, OperationState &state, int64_t reduced, Type element,
                      ValueRange extents, BodyFn body) {
  state.addAttribute("reduced", builder.getI64IntegerAttr(reduced));
  state.addTypes(MapOp::resultType(element, extents));
  state.addOperands(extents);
  buildIndexBody(builder, state, extents.size(), body);
}
void SoftmaxOp::build(OpBuilder &builder, OperationState &state, TypeRange resultTypes,
                      ValueRange operands, ArrayRef<NamedAttribute> attributes) {
  buildGeneric(state, resultTypes, operands, attributes);
}
YieldOp SoftmaxOp::yield() {
  return cast<YieldOp>(bodyBlock()->getTerminator());
}

ParseResult SoftmaxOp::parse(OpAsmParser &parser, OperationState &result) {
  int64_t reduced;
  if (parser.parseInteger(reduced))
    return failure();
  result.addAttribute("reduced", parser.getBuilder().getI64IntegerAttr(reduced));
  return parseIndexBody(parser, result);
}
void SoftmaxOp::print(OpAsmPrinter &p) {
  p << " " << static_cast<int64_t>(getReduced());
  printIndexBody(p, *this, {"reduced"});
}

LogicalResult SoftmaxOp::verify() {
  if (failed(verifyIndices(*this, getExtents().size(), 3)))
    return failure();
  int64_t n = static_cast<int64_t>(getReduced());
  if (n < 1 || n > static_cast<int64_t>(getExtents().size()))
    return emitOpError("constraint 2: normalises over ")
           << n << " of " << getExtents().size() << " indices";
  YieldOp y = yield();
  if (y.getValues().size() != 1 || !isa<FloatType>(y.getValues()[0].getType()))
    return emitOpError("constraint 3: the body yields one float");
  return verifyShape(*this, getResult().getType(), y.getValues()[0].getType(), getExtents(),
                     "constraint 4");
}

//===----------------------------------------------------------------------===//
// Scalars
//===----------------------------------------------------------------------===//

void ReadOp::build(OpBuilder &builder, OperationState &state, Value tensor, ValueRange indices,
                   Value guard, StringAttr check) {
  build(builder, state, cast<RankedTensorType>(tensor.getType()).getElementType(), tensor, indices,
        guard, check);
}
LogicalResult SizeOp::verify() {
  auto function = (*this)->getParentOfType<FunctionOpInterface>();
  auto sizes = function ? function->getAttrOfType<ArrayAttr>(kSizesAttr) : ArrayAttr();
  if (sizes && llvm::is_contained(sizes, getNameAttr()))
    return success();
  return emitOpError("constraint 1: `") << getName() << "` is no size of the function";
}

LogicalResult ReadOp::verify() {
  auto type = cast<RankedTensorType>(getTensor().getType());
  if (type.getRank() != static_cast<int64_t>(getIndices().size()))
    return emitOpError("constraint 1: ") << getIndices().size() << " indices for " << type;
  if (type.getElementType() != getResult().getType())
    return emitOpError("constraint 2: ") << getResult().getType() << " read from " << type;
  return success();
}

LogicalResult PowerOp::verify() {
  Type e = getExponent().getType();
  if (e != getBase().getType() && !e.isIndex())
    return emitOpError("constraint 1: the exponent is ")
           << e << " where the base is " << getBase().getType();
  return success();
}
