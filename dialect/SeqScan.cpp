//===- SeqScan.cpp - Recurrences: builder, text, verifier ----------------------===//
#include "dialect/IndexBody.h"

using namespace mlir;
using namespace seq;

static RankedTensorType stacked(Type yield, Value extent) {
  auto type = cast<RankedTensorType>(yield);
  auto leading = MapOp::resultType(type.getElementType(), ValueRange(extent)).getShape()[0];
  SmallVector<int64_t> shape{leading};
  llvm::append_range(shape, type.getShape());
  return RankedTensorType::get(shape, type.getElementType());
}

void ScanOp::build(OpBuilder &builder, OperationState &state, Value extent, ValueRange inits,
                   TypeRange yields, bool reverse,
                   llvm::function_ref<void(OpBuilder &, Location, Value, ValueRange)> body) {
  state.addOperands(extent);
  state.addOperands(inits);
  if (reverse)
    state.addAttribute("reverse", builder.getUnitAttr());
  for (Type y : yields)
    state.addTypes(stacked(y, extent));
  state.addTypes(inits.getTypes());
  OpBuilder::InsertionGuard guard(builder);
  Region *region = state.addRegion();
  SmallVector<Type> types{builder.getIndexType()};
  llvm::append_range(types, inits.getTypes());
  SmallVector<Location> locs(types.size(), state.location);
  Block *block = builder.createBlock(region, region->end(), types, locs);
  if (body)
    body(builder, state.location, block->getArgument(0), block->getArguments().drop_front());
}
void ScanOp::build(OpBuilder &builder, OperationState &state, TypeRange resultTypes,
                   ValueRange operands, ArrayRef<NamedAttribute> attributes) {
  buildGeneric(state, resultTypes, operands, attributes);
}

NextOp ScanOp::next() {
  return cast<NextOp>(bodyBlock()->getTerminator());
}

ParseResult ScanOp::parse(OpAsmParser &parser, OperationState &result) {
  if (succeeded(parser.parseOptionalKeyword("reverse")))
    result.addAttribute("reverse", parser.getBuilder().getUnitAttr());
  OpAsmParser::Argument index;
  OpAsmParser::UnresolvedOperand extent;
  SmallVector<OpAsmParser::Argument> args;
  SmallVector<OpAsmParser::UnresolvedOperand> inits;
  SmallVector<Type> types;
  if (parser.parseLParen() || parser.parseArgument(index) || parser.parseRParen() ||
      parser.parseKeyword("in") || parser.parseLParen() || parser.parseOperand(extent) ||
      parser.parseRParen() || parser.parseKeyword("states"))
    return failure();
  auto loc = parser.getCurrentLocation();
  auto one = [&]() -> ParseResult {
    return failure(parser.parseArgument(args.emplace_back()) || parser.parseEqual() ||
                   parser.parseOperand(inits.emplace_back()));
  };
  if (parser.parseCommaSeparatedList(OpAsmParser::Delimiter::Paren, one) || parser.parseArrow() ||
      parser.parseLParen() ||
      (parser.parseOptionalRParen().failed() &&
       (parser.parseTypeList(types) || parser.parseRParen())) ||
      parser.parseOptionalAttrDictWithKeyword(result.attributes))
    return failure();
  if (types.size() < args.size())
    return parser.emitError(loc, "fewer results than states");
  Type indexType = parser.getBuilder().getIndexType();
  index.type = indexType;
  ArrayRef<Type> stateTypes = ArrayRef<Type>(types).take_back(args.size());
  for (auto [arg, type] : llvm::zip(args, stateTypes))
    arg.type = type;
  args.insert(args.begin(), index);
  result.addTypes(types);
  if (parser.resolveOperand(extent, indexType, result.operands) ||
      parser.resolveOperands(inits, stateTypes, loc, result.operands))
    return failure();
  return parser.parseRegion(*result.addRegion(), args);
}

void ScanOp::print(OpAsmPrinter &p) {
  if (getReverse())
    p << " reverse";
  p << " (" << index() << ") in (" << getExtent() << ") states (";
  llvm::interleaveComma(llvm::zip(states(), getInits()), p,
                        [&](auto pair) { p << std::get<0>(pair) << " = " << std::get<1>(pair); });
  p << ") -> (" << getResultTypes() << ")";
  p.printOptionalAttrDictWithKeyword((*this)->getAttrs(), {"reverse"});
  p << " ";
  p.printRegion(getBody(), /*printEntryBlockArgs=*/false);
}

LogicalResult ScanOp::verify() {
  Block *block = bodyBlock();
  if (block->getNumArguments() != 1 + getInits().size() ||
      !block->getArgument(0).getType().isIndex())
    return emitOpError("constraint 1: the block has the index, then one tensor for each state");
  if (block->empty() || !isa<NextOp>(block->back())) // bodies are verified after their op
    return emitOpError("constraint 4: the body ends in a seq.next");
  NextOp n = next();
  if (n.getStates().size() != getInits().size())
    return emitOpError("constraint 4: seq.next gives every state, ")
           << n.getStates().size() << " of " << getInits().size();
  for (auto [init, arg, after] : llvm::zip(getInits(), states(), n.getStates()))
    if (init.getType() != arg.getType() || after.getType() != arg.getType())
      return emitOpError("constraint 2: a state of ")
             << arg.getType() << " begins as " << init.getType() << " and becomes "
             << after.getType();
  if (getNumResults() != n.getYields().size() + getInits().size())
    return emitOpError("constraint 3: ")
           << getNumResults() << " results for " << n.getYields().size() << " yields and "
           << getInits().size() << " states";
  for (auto [result, y] : llvm::zip(yieldResults(), n.getYields()))
    if (cast<RankedTensorType>(result.getType()).getShape().drop_front() !=
        cast<RankedTensorType>(y.getType()).getShape())
      return emitOpError("constraint 3: ") << y.getType() << " stacked is no " << result.getType();
  for (auto [result, init] : llvm::zip(stateResults(), getInits()))
    if (result.getType() != init.getType())
      return emitOpError("constraint 3: the final state of ")
             << init.getType() << " is " << result.getType();
  return success();
}

//===----------------------------------------------------------------------===//
// NextOp
//===----------------------------------------------------------------------===//

namespace {
/// `(operands)`, or after the colon `(types)`; each after `yield` where there are yields.
ParseResult parseOperands(OpAsmParser &parser,
                          SmallVectorImpl<OpAsmParser::UnresolvedOperand> &states,
                          SmallVectorImpl<OpAsmParser::UnresolvedOperand> &yields) {
  constexpr auto paren = OpAsmParser::Delimiter::Paren;
  if (parser.parseOperandList(states, paren))
    return failure();
  return succeeded(parser.parseOptionalKeyword("yield")) ? parser.parseOperandList(yields, paren)
                                                         : success();
}

ParseResult parseTypes(OpAsmParser &parser, SmallVectorImpl<Type> &types) {
  return parser.parseCommaSeparatedList(OpAsmParser::Delimiter::Paren,
                                        [&] { return parser.parseType(types.emplace_back()); });
}
} // namespace

ParseResult NextOp::parse(OpAsmParser &parser, OperationState &state) {
  SmallVector<OpAsmParser::UnresolvedOperand> states, yields;
  SmallVector<Type> stateTypes, yieldTypes;
  if (parseOperands(parser, states, yields) || parser.parseOptionalAttrDict(state.attributes) ||
      parser.parseColon() || parseTypes(parser, stateTypes) ||
      (succeeded(parser.parseOptionalKeyword("yield")) && parseTypes(parser, yieldTypes)))
    return failure();
  SMLoc place = parser.getNameLoc();
  state.getOrAddProperties<Properties>().setOperandSegmentSizes(
      {static_cast<int32_t>(states.size()), static_cast<int32_t>(yields.size())});
  return failure(parser.resolveOperands(states, stateTypes, place, state.operands) ||
                 parser.resolveOperands(yields, yieldTypes, place, state.operands));
}

void NextOp::print(OpAsmPrinter &p) {
  p << "(" << getStates() << ")";
  if (!getYields().empty())
    p << " yield(" << getYields() << ")";
  p.printOptionalAttrDict((*this)->getAttrs(), {"operandSegmentSizes"});
  p << " : (" << getStates().getTypes() << ")";
  if (!getYields().empty())
    p << " yield(" << getYields().getTypes() << ")";
}
