//===- SeqAttention.cpp - Attention and convolution: builders, text, verifiers ---===//
#include "dialect/IndexBody.h"

using namespace mlir;
using namespace seq;

/// `values` are floats of one type; `constraint` says so.
static LogicalResult verifyFloats(Operation *op, ValueRange values, StringRef constraint) {
  for (Value v : values)
    if (!isa<FloatType>(v.getType()) || v.getType() != values[0].getType())
      return op->emitOpError() << constraint << ": yields " << values.getTypes()
                               << " where floats of one type are wanted";
  return success();
}

//===----------------------------------------------------------------------===//
// AttentionOp
//===----------------------------------------------------------------------===//

void AttentionOp::build(OpBuilder &builder, OperationState &state, TypeRange elements,
                        ValueRange extents, IndexBodyFn body) {
  for (Type e : elements)
    state.addTypes(MapOp::resultType(e, extents.drop_back()));
  state.addOperands(extents);
  buildIndexBody(builder, state, extents.size(), body);
}
void AttentionOp::build(OpBuilder &, OperationState &state, TypeRange resultTypes,
                        ValueRange operands, ArrayRef<NamedAttribute> attributes) {
  buildGeneric(state, resultTypes, operands, attributes);
}
YieldOp AttentionOp::yield() {
  return cast<YieldOp>(bodyBlock()->getTerminator());
}
ParseResult AttentionOp::parse(OpAsmParser &parser, OperationState &result) {
  return parseIndexBody(parser, result);
}
void AttentionOp::print(OpAsmPrinter &p) {
  printIndexBody(p, *this, {});
}

LogicalResult AttentionOp::verify() {
  if (getExtents().empty())
    return emitOpError("constraint 1: attention has at least the key's index");
  if (failed(verifyIndices(*this, getExtents().size(), 2)))
    return failure();
  YieldOp y = yield();
  if (getNormaliser() && (getLinear() || getNumResults() != 1 || y.getValues().size() != 1))
    return emitOpError("constraint 2: with `normaliser` the body yields the score alone, and there "
                       "is one result");
  if (!getNormaliser() && (getNumResults() == 0 || y.getValues().size() != 1 + getNumResults()))
    return emitOpError("constraint 2: the body yields the score and one value for each result, ")
           << y.getValues().size() << " for " << getNumResults();
  if (failed(verifyFloats(*this, y.getValues(), "constraint 3")))
    return failure();
  for (Type result : getResultTypes())
    if (failed(verifyShape(*this, result, y.getValues()[0].getType(), getExtents().drop_back(),
                           "constraint 4")))
      return failure();
  return success();
}

//===----------------------------------------------------------------------===//
// ConvOp
//===----------------------------------------------------------------------===//

void ConvOp::build(OpBuilder &builder, OperationState &state, int64_t reduced, Type element,
                   ValueRange extents, IndexBodyFn body) {
  state.addAttribute("reduced", builder.getI64IntegerAttr(reduced));
  state.addTypes(MapOp::resultType(element, extents.drop_back(reduced)));
  state.addOperands(extents);
  buildIndexBody(builder, state, extents.size(), body);
}
void ConvOp::build(OpBuilder &, OperationState &state, TypeRange resultTypes, ValueRange operands,
                   ArrayRef<NamedAttribute> attributes) {
  buildGeneric(state, resultTypes, operands, attributes);
}
YieldOp ConvOp::yield() {
  return cast<YieldOp>(bodyBlock()->getTerminator());
}
ParseResult ConvOp::parse(OpAsmParser &parser, OperationState &result) {
  int64_t reduced;
  if (parser.parseInteger(reduced))
    return failure();
  result.addAttribute("reduced", parser.getBuilder().getI64IntegerAttr(reduced));
  return parseIndexBody(parser, result);
}
void ConvOp::print(OpAsmPrinter &p) {
  p << " " << static_cast<int64_t>(getReduced());
  printIndexBody(p, *this, {"reduced"});
}

bool ConvOp::isWindow(ReadOp read, ValueRange leading, ValueRange reduced) {
  return llvm::any_of(read.getIndices(),
                      [&](Value i) { return usesAny(i, leading) && usesAny(i, reduced); });
}

LogicalResult ConvOp::verify() {
  if (failed(verifyIndices(*this, getExtents().size(), 3)))
    return failure();
  int64_t n = static_cast<int64_t>(getReduced()), all = static_cast<int64_t>(getExtents().size());
  if (n < 1 || n > all)
    return emitOpError("constraint 2: sums over ") << n << " of " << all << " indices";
  YieldOp y = yield();
  if (y.getValues().size() != 2)
    return emitOpError("constraint 3: the body yields kernel and input, not ")
           << y.getValues().size() << " values";
  if (failed(verifyFloats(*this, y.getValues(), "constraint 3")))
    return failure();
  auto input = y.getValues()[1].getDefiningOp<ReadOp>();
  if (!input || input->getBlock() != bodyBlock() || input.getCheck())
    return emitOpError("constraint 4: the input is no unchecked read of the body");
  for (Value i : input.getIndices())
    if (!affineIn(i, *this))
      return emitOpError("constraint 4: the input is read at a place that is not affine");
  Block::BlockArgListType args = indices();
  SmallVector<Value> leading(args.begin(), args.end() - n), reduced(args.end() - n, args.end());
  if (!isWindow(input, leading, reduced))
    return emitOpError(
        "constraint 4: no axis of the input moves with a leading and a reduced index");
  return verifyShape(*this, getResult().getType(), y.getValues()[0].getType(),
                     getExtents().drop_back(n), "constraint 5");
}
