//===- IndexBody.cpp - What ops over indices share ----------------------------===//
#include "dialect/IndexBody.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace seq;

void seq::buildIndexBody(OpBuilder &builder, OperationState &state, size_t n, IndexBodyFn body) {
  OpBuilder::InsertionGuard guard(builder);
  Region *region = state.addRegion();
  SmallVector<Type> types(n, builder.getIndexType());
  SmallVector<Location> locs(n, state.location);
  Block *block = builder.createBlock(region, region->end(), types, locs);
  if (body)
    body(builder, state.location, block->getArguments());
}

void seq::buildGeneric(OperationState &state, TypeRange types, ValueRange operands,
                       ArrayRef<NamedAttribute> attributes) {
  state.addTypes(types);
  state.addOperands(operands);
  state.addAttributes(attributes);
  state.addRegion();
}

ParseResult seq::parseIndexBody(OpAsmParser &parser, OperationState &state) {
  SmallVector<OpAsmParser::Argument> args;
  SmallVector<OpAsmParser::UnresolvedOperand> extents, guard;
  SmallVector<Type> results;
  if (parser.parseArgumentList(args, OpAsmParser::Delimiter::Paren) || parser.parseKeyword("in") ||
      parser.parseOperandList(extents, OpAsmParser::Delimiter::Paren))
    return failure();
  if (succeeded(parser.parseOptionalKeyword("if")) && parser.parseOperand(guard.emplace_back()))
    return failure();
  if (parser.parseArrow() || parser.parseLParen() || parser.parseTypeList(results) ||
      parser.parseRParen() || parser.parseOptionalAttrDictWithKeyword(state.attributes))
    return failure();
  Type index = parser.getBuilder().getIndexType();
  for (auto &a : args)
    a.type = index;
  state.addTypes(results);
  Region *region = state.addRegion();
  Type condition = parser.getBuilder().getI1Type();
  return failure(parser.resolveOperands(extents, index, state.operands) ||
                 parser.resolveOperands(guard, condition, state.operands) ||
                 parser.parseRegion(*region, args));
}

void seq::printIndexBody(OpAsmPrinter &p, Operation *op, ArrayRef<StringRef> elided) {
  Block &block = op->getRegion(0).front();
  size_t extents = block.getNumArguments();
  p << " (" << block.getArguments() << ") in (" << op->getOperands().take_front(extents) << ")";
  if (op->getNumOperands() > extents)
    p << " if " << op->getOperands().drop_front(extents);
  p << " -> (" << op->getResultTypes() << ")";
  p.printOptionalAttrDictWithKeyword(op->getAttrs(), elided);
  p << " ";
  p.printRegion(op->getRegion(0), /*printEntryBlockArgs=*/false);
}

LogicalResult seq::verifyIndices(Operation *op, unsigned extents, unsigned ofYield) {
  Block &block = op->getRegion(0).front();
  if (block.empty() || !isa<YieldOp>(block.back()))
    return op->emitOpError("constraint ") << ofYield << ": the body ends in a seq.yield";
  if (block.getNumArguments() != extents)
    return op->emitOpError("constraint 1: one index argument for each extent, has ")
           << block.getNumArguments() << " for " << extents;
  for (BlockArgument a : block.getArguments())
    if (!a.getType().isIndex())
      return op->emitOpError("constraint 1: block arguments are of type index");
  return success();
}

LogicalResult seq::verifyShape(Operation *op, Type result, Type scalar, ValueRange extents,
                               StringRef constraint) {
  auto tensor = cast<RankedTensorType>(result);
  if (tensor.getRank() != static_cast<int64_t>(extents.size()) || tensor.getElementType() != scalar)
    return op->emitOpError() << constraint << ": " << tensor << " is no result of " << scalar
                             << " over " << extents.size() << " indices";
  for (auto [dim, extent] : llvm::zip(tensor.getShape(), extents))
    if (auto c = constantOf(extent);
        c && !ShapedType::isDynamic(dim) && dim != std::max<int64_t>(*c, 0))
      return op->emitOpError() << constraint << ": dimension " << dim << " where the extent is "
                               << *c;
  return success();
}

/// Deeper arithmetic is taken for not affine: a verifier also meets text in which an op is
/// its own operand.
static constexpr unsigned kDepth = 12;

static bool affineWithin(Value v, Operation *op, unsigned depth) {
  Operation *d = v.getDefiningOp();
  if (!d || !op->isProperAncestor(d) || constantOf(v))
    return true;
  if (!depth)
    return false;
  if (isa<arith::AddIOp, arith::SubIOp>(d))
    return affineWithin(d->getOperand(0), op, depth - 1) &&
           affineWithin(d->getOperand(1), op, depth - 1);
  auto fixed = [&](Value factor) {
    Operation *f = factor.getDefiningOp();
    return constantOf(factor) || (f && !op->isProperAncestor(f));
  };
  for (int side : {0, 1})
    if (isa<arith::MulIOp>(d) && fixed(d->getOperand(1 - side)) &&
        affineWithin(d->getOperand(side), op, depth - 1))
      return true;
  return false;
}

bool seq::affineIn(Value v, Operation *op) {
  return affineWithin(v, op, kDepth);
}

static bool usesWithin(Value v, ValueRange indices, unsigned depth) {
  Operation *d = v.getDefiningOp();
  return llvm::is_contained(indices, v) ||
         (depth && d && isa<arith::AddIOp, arith::SubIOp, arith::MulIOp>(d) &&
          llvm::any_of(d->getOperands(),
                       [&](Value o) { return usesWithin(o, indices, depth - 1); }));
}

bool seq::usesAny(Value v, ValueRange indices) {
  return usesWithin(v, indices, kDepth);
}
