//===- Stream.cpp - A function for a piece of its sequence --------------------------------===//
//
//   y[t] = x[t] - x[t - 2]                     y'[t] = e[t + 2] - e[t]   e: kept, then x
//   h' = a * h + y[t]                          from the state, or where the piece is the
//                                              first, from h0
//
// One function serves a whole prompt and a single step: `prefill` is it with any length of
// the piece, `step` with one. Time.cpp tells which indices run over the piece's rows and
// which over the past, and what is kept of each tensor:
//
// - The last K rows: they are put in front of the piece's, and reads are moved by K. The
//   state after the piece is the last K rows of that.
// - All rows: the state has as many as the sequence has had, the piece's behind them; the
//   array that holds it is as large as its owner wants the sequence to become.
// - A scan's states: the initial values are the state's, but where the piece's first step
//   is the sequence's first. So a state of zeros at place 0 is a fresh one.
//
// The place of the piece's first step is a size (`T.start`), not an input: extents and the
// ranges of conditions are made of it (`j <= i` skips what does not exist), which a value
// read from memory could not be, and each sequence of a batch has its own.
//
// Where all steps are kept, the function exists once more for pieces of one step (`makeStep`):
// one query over the keys of the past is another computation than a block of them, and what
// makes the one fast is wasted on the other.
//
// What is derived is an ordinary function: the other passes make it fast, and the
// interpreter runs it. Rejected: an attribute for each op that tells its state; histories
// and caches are maps and reads like all others, and fuse with them.
//
//===----------------------------------------------------------------------===//
#include "compiler/Transforms/StreamBuilder.h"

#include "compiler/Transforms/Rewrite.h"
#include "compiler/Transforms/Transforms.h"

#include "mlir/IR/Verifier.h"

namespace seq {
#define GEN_PASS_DEF_SEQSTREAM
#include "compiler/Transforms/Passes.h.inc"
} // namespace seq

using namespace mlir;

namespace seq::stream {

//===----------------------------------------------------------------------===//
// The function
//===----------------------------------------------------------------------===//

AffineMapAttr Builder::shapeOf(ArrayRef<AffineExpr> axes) {
  return AffineMapAttr::get(AffineMap::get(0, time.sizeNames.size() + 1, axes, b.getContext()));
}

/// Inputs as they were, but that tables reach as far as the sequence so far.
void Builder::declare(StringRef name) {
  unsigned symbols = time.sizeNames.size();
  timeSymbol = llvm::find(time.sizeNames, StringRef(time.sizeName)) - time.sizeNames.begin();
  b.setInsertionPointAfter(from);
  to = func::FuncOp::create(b, from.getLoc(), name, b.getFunctionType(from.getArgumentTypes(), {}));
  SmallVector<Attribute> sizes(from->getAttrOfType<ArrayAttr>(kSizesAttr).getValue());
  StringAttr position = b.getStringAttr(time.sizeName + ".start");
  sizes.push_back(position);
  to->setAttr(kSizesAttr, b.getArrayAttr(sizes));
  to->setAttr(kPositionAttr, position);
  Block *entry = to.addEntryBlock();
  for (auto [k, arg] : llvm::enumerate(from.getArguments())) {
    map.map(arg, entry->getArgument(k));
    entry->getArgument(k).setLoc(arg.getLoc());
    to.setArgAttrs(k, from.getArgAttrDict(k));
    SmallVector<AffineExpr> axes = axesOf(from, arg, time.sizeNames);
    if (time.of(arg)->table)
      for (AffineExpr &axis : axes)
        if (auto symbol = dyn_cast<AffineSymbolExpr>(axis))
          if (symbol.getPosition() == timeSymbol)
            axis = axis + getAffineSymbolExpr(symbols, b.getContext());
    to.setArgAttr(k, kShapeAttr, shapeOf(axes));
  }
  b.setInsertionPointToStart(entry);
}

/// What the sizes have to satisfy holds of the steps so far. That a sequence's length is equal
/// to something can be said of the whole alone.
void Builder::declareRequirements() {
  auto attr = from->getAttrOfType<ArrayAttr>(kRequiresAttr);
  if (!attr)
    return;
  AffineExpr length = getAffineSymbolExpr(timeSymbol, b.getContext());
  AffineExpr soFar = length + getAffineSymbolExpr(time.sizeNames.size(), b.getContext());
  SmallVector<Attribute> all;
  for (Attribute entry : attr) {
    NamedAttrList of(cast<DictionaryAttr>(entry));
    AffineMap sizes = cast<AffineMapAttr>(of.get("sizes")).getValue();
    if (of.get("equal") && sizes.isFunctionOfSymbol(timeSymbol) && !*refusal) {
      *refusal = StreamRefusal{StreamRefusal::NoStream, cast<LocationAttr>(of.get("place")),
                               "`" + cast<StringAttr>(of.get("text")).str() +
                                   "` is needed here, and a stream does not know how its sequence "
                                   "ends",
                               ""};
      return;
    }
    SmallVector<AffineExpr> sides;
    for (AffineExpr side : sizes.getResults())
      sides.push_back(side.replace(length, soFar));
    of.set("sizes", shapeOf(sides));
    all.push_back(of.getDictionary(b.getContext()));
  }
  to->setAttr(kRequiresAttr, b.getArrayAttr(all));
}

/// All sizes stand at the start of the function.
void Builder::declareSizes() {
  Location loc = b.getUnknownLoc();
  for (Attribute name : to->getAttrOfType<ArrayAttr>(kSizesAttr))
    sizes.push_back(SizeOp::create(b, loc, b.getIndexType(), cast<StringAttr>(name)));
  start = sizes.back();
  steps = sizes[timeSymbol];
  total = arith::AddIOp::create(b, loc, start, steps);
}

Value Builder::emitSize(AffineExpr expr, Location loc) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return arith::ConstantIndexOp::create(b, loc, constant.getValue());
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr))
    return sizes[symbol.getPosition()];
  auto binary = cast<AffineBinaryOpExpr>(expr);
  Value lhs = emitSize(binary.getLHS(), loc), rhs = emitSize(binary.getRHS(), loc);
  switch (expr.getKind()) {
  case AffineExprKind::Add:
    return arith::AddIOp::create(b, loc, lhs, rhs);
  case AffineExprKind::Mul:
    return arith::MulIOp::create(b, loc, lhs, rhs);
  default:
    return IntDivOp::create(b, loc, lhs.getType(),
                            expr.getKind() == AffineExprKind::Mod ? DivKind::mod : DivKind::div,
                            lhs, rhs, Value(), StringAttr());
  }
}

SmallVector<Value> Builder::extentsOf(ArrayRef<AffineExpr> axes, Location loc) {
  SmallVector<Value> out;
  for (AffineExpr axis : axes)
    out.push_back(emitSize(axis, loc));
  return out;
}

//===----------------------------------------------------------------------===//
// States
//===----------------------------------------------------------------------===//

/// A new argument with the elements of `like`.
Value Builder::addState(Value like, SmallVector<AffineExpr> axes, StringRef name, Location loc) {
  if (llvm::any_of(axes, [](AffineExpr axis) { return !axis; })) {
    if (!*refusal)
      *refusal = StreamRefusal{StreamRefusal::NoStream, loc,
                               "the size of what a stream keeps here is not known beforehand", ""};
    axes.assign(axes.size(), getAffineConstantExpr(0, b.getContext()));
  }
  Type element = cast<RankedTensorType>(like.getType()).getElementType();
  SmallVector<int64_t> dims;
  for (AffineExpr axis : axes) {
    auto fixed = dyn_cast<AffineConstantExpr>(axis);
    dims.push_back(fixed ? fixed.getValue() : ShapedType::kDynamic);
  }
  State state;
  unsigned n = names[name]++;
  state.name = b.getStringAttr(n ? name + "." + Twine(n) : Twine(name));
  state.shape = shapeOf(axes);
  unsigned place = to.getNumArguments();
  auto type = RankedTensorType::get(dims, element.isIndex() ? b.getI32Type() : element);
  auto attrs = b.getDictionaryAttr({b.getNamedAttr(kNameAttr, state.name),
                                    b.getNamedAttr(kShapeAttr, state.shape),
                                    b.getNamedAttr(kStateAttr, b.getUnitAttr())});
  (void)to.insertArgument(place, type, attrs, loc);
  state.argument = to.getArgument(place);
  states.push_back(state);
  return state.argument;
}

/// Counters are integers of 32 bits outside of the function.
Value Builder::inElement(OpBuilder &in, Value scalar, Type type, Location loc) {
  if (scalar.getType() == type)
    return scalar;
  return arith::IndexCastOp::create(in, loc, type, scalar);
}

/// `tensor`, which has the extents of the state, is the state after the piece.
void Builder::addNext(Value tensor, Value state) {
  auto it = llvm::find_if(states, [&](State &s) { return s.argument == state; });
  auto type = cast<RankedTensorType>(state.getType());
  if (cast<RankedTensorType>(tensor.getType()).getElementType() == type.getElementType()) {
    it->next = tensor;
    return;
  }
  SmallVector<Value> extents(cast<OpResult>(tensor).getOwner()->getOperands());
  it->next =
      MapOp::create(b, tensor.getLoc(), type.getElementType(), extents,
                    [&](OpBuilder &in, Location loc, ValueRange at) {
                      Value element = ReadOp::create(in, loc, tensor, at);
                      YieldOp::create(
                          in, loc, ValueRange(inElement(in, element, type.getElementType(), loc)));
                    })
          .getResult(0);
}

/// `rows` rows of `state` along `axis`, and those of the piece behind them.
Value Builder::joinRows(Value state, Value piece, unsigned axis, Value rows,
                        ArrayRef<Value> extents, Location loc) {
  Type element = cast<RankedTensorType>(piece.getType()).getElementType();
  return MapOp::create(
             b, loc, element, extents,
             [&](OpBuilder &in, Location l, ValueRange at) {
               SmallVector<Value> moved(at);
               moved[axis] = arith::SubIOp::create(in, l, at[axis], rows);
               Value old = arith::CmpIOp::create(in, l, arith::CmpIPredicate::slt, at[axis], rows);
               Value fresh =
                   arith::CmpIOp::create(in, l, arith::CmpIPredicate::sge, at[axis], rows);
               Value x = ReadOp::create(in, l, state, at, old);
               Value y = ReadOp::create(in, l, piece, moved, fresh);
               Value v = arith::SelectOp::create(in, l, old, inElement(in, x, element, l), y);
               YieldOp::create(in, l, ValueRange(v));
             })
      .getResult(0);
}

/// The last rows of `joined`, which has `steps` more of them than the state.
Value Builder::lastRows(Value joined, unsigned axis, ArrayRef<Value> extents, Location loc) {
  return MapOp::create(b, loc, cast<RankedTensorType>(joined.getType()).getElementType(), extents,
                       [&](OpBuilder &in, Location l, ValueRange at) {
                         SmallVector<Value> moved(at);
                         moved[axis] = arith::AddIOp::create(in, l, at[axis], steps);
                         Value v = ReadOp::create(in, l, joined, moved);
                         YieldOp::create(in, l, ValueRange(v));
                       })
      .getResult(0);
}

/// Makes the state for the steps of `tensor` that later pieces read, where there are any.
void Builder::keep(Value tensor, Location loc, StringRef name) {
  const TensorTime *structure = time.of(tensor);
  if (!structure || structure->memory == Memory::None)
    return;
  unsigned axis = *structure->rowAxis();
  bool all = structure->memory == Memory::All;
  SmallVector<AffineExpr> axes = axesOf(from, tensor, time.sizeNames), joined = axes;
  AffineExpr position = getAffineSymbolExpr(time.sizeNames.size(), b.getContext());
  AffineExpr rows = all ? position : affineOf(structure->rows, b.getContext(), time.sizeNames);
  if (rows)
    joined[axis] = rows + axes[axis];
  axes[axis] = all ? joined[axis] : rows;
  Value state = addState(tensor, axes, name, loc);
  if (*refusal)
    return;
  Value whole =
      joinRows(state, map.lookup(tensor), axis, emitSize(rows, loc), extentsOf(joined, loc), loc);
  kept[tensor] = whole;
  addNext(all ? whole : lastRows(whole, axis, extentsOf(axes, loc), loc), state);
}

/// The initial value of a piece's scan.
Value Builder::startOf(Value init, Value state, ArrayRef<Value> extents, Location loc) {
  Type element = cast<RankedTensorType>(init.getType()).getElementType();
  auto made = MapOp::create(b, loc, TypeRange(init.getType()), extents, ArrayRef<NamedAttribute>());
  Block *body = b.createBlock(&made.getBody());
  b.setInsertionPointAfter(made);
  for (size_t k = 0; k < extents.size(); ++k)
    body->addArgument(b.getIndexType(), loc);
  OpBuilder in = OpBuilder::atBlockEnd(body);
  Value zero = arith::ConstantIndexOp::create(in, loc, 0);
  Value first = arith::CmpIOp::create(in, loc, arith::CmpIPredicate::eq, start, zero);
  Value x = ReadOp::create(in, loc, init, body->getArguments());
  Value y = ReadOp::create(in, loc, state, body->getArguments());
  Value v = arith::SelectOp::create(in, loc, first, x, inElement(in, y, element, loc));
  YieldOp::create(in, loc, ValueRange(v));
  return made.getResult(0);
}

//===----------------------------------------------------------------------===//
// The function's own ops
//===----------------------------------------------------------------------===//

static bool madeOf(Value scalar, StringRef size) {
  Operation *op = scalar.getDefiningOp();
  if (auto made = dyn_cast_or_null<SizeOp>(op))
    return made.getName() == size;
  return op && !op->getNumRegions() &&
         llvm::any_of(op->getOperands(), [&](Value v) { return madeOf(v, size); });
}

/// Scalars at the start are sizes. One that is made of the time's size is, in a value of the
/// sequence so far, made of the steps so far.
void Builder::copyScalar(Operation &op) {
  if (auto size = dyn_cast<SizeOp>(op)) {
    auto place = llvm::find(time.sizeNames, size.getName()) - time.sizeNames.begin();
    map.map(size.getResult(), sizes[place]);
    if (size.getName() == time.sizeName)
      soFarScalars.push_back({size, total});
    return;
  }
  b.clone(op, map);
  if (!madeOf(op.getResult(0), time.sizeName))
    return;
  IRMapping soFar = map;
  for (auto [old, now] : soFarScalars)
    soFar.map(old, now);
  soFarScalars.push_back({op.getResult(0), b.clone(op, soFar)->getResult(0)});
}

void Builder::copyTop(Operation &op) {
  if (!isa<MapOp, SoftmaxOp, ScanOp>(op))
    return copyScalar(op);
  bool soFar = time.of(op.getResult(0))->soFar && !isa<ScanOp>(op);
  SmallVector<std::pair<Value, Value>> saved;
  for (auto [old, now] : soFarScalars)
    if (soFar) {
      saved.push_back({old, map.lookup(old)});
      map.map(old, now);
    }
  if (auto scan = dyn_cast<ScanOp>(op))
    copyScan(b, scan, {});
  else
    copyPoints(b, &op, {});
  for (auto [old, now] : saved)
    map.map(old, now);
  for (Value result : op.getResults())
    keep(result, op.getLoc(), "kept");
}

void Builder::finish() {
  auto ret = cast<func::ReturnOp>(from.getBody().front().getTerminator());
  SmallVector<Value> results;
  for (Value result : ret.getOperands())
    results.push_back(map.lookup(result));
  for (State &state : states)
    results.push_back(state.next);
  func::ReturnOp::create(b, ret.getLoc(), results);
  to.setType(b.getFunctionType(to.getArgumentTypes(), ValueRange(results).getTypes()));
  for (unsigned k = 0; k < ret.getNumOperands(); ++k) {
    to.setResultAttrs(k, from.getResultAttrDict(k));
    if (auto shape = from.getResultAttrOfType<AffineMapAttr>(k, kShapeAttr))
      to.setResultAttr(k, kShapeAttr, shapeOf(shape.getValue().getResults()));
  }
  for (auto [k, state] : llvm::enumerate(states)) {
    to.setResultAttr(ret.getNumOperands() + k, kNameAttr, state.name);
    to.setResultAttr(ret.getNumOperands() + k, kShapeAttr, state.shape);
  }
}

func::FuncOp Builder::build(StringRef name, std::optional<StreamRefusal> &why) {
  refusal = &why;
  declare(name);
  declareRequirements();
  declareSizes();
  for (BlockArgument arg : from.getArguments()) {
    auto given = from.getArgAttrOfType<StringAttr>(arg.getArgNumber(), kNameAttr);
    keep(arg, arg.getLoc(), given ? given.getValue() : "input");
  }
  for (Operation &op : from.getBody().front().without_terminator())
    if (!why)
      copyTop(op);
  if (why) {
    to.erase();
    return {};
  }
  finish();
  eraseDead(to);
  return to;
}

} // namespace seq::stream

namespace seq {

func::FuncOp makeStream(func::FuncOp forward, StringRef name,
                        std::optional<StreamRefusal> &refusal) {
  // Equal reads are one value to what is shown of indices.
  func::FuncOp merged = forward.clone();
  forward->getBlock()->getOperations().insertAfter(Block::iterator(forward), merged);
  mergeEqualScalars(merged);
  func::FuncOp made;
  if (std::optional<TimeStructure> time = timeStructure(merged, refusal))
    made = stream::Builder(merged, *time).build(name, refusal);
  merged.erase();
  return made;
}

/// A tensor's type where the size of symbol `one` is 1.
static Type withOneStep(Type type, AffineMap shape, unsigned one) {
  auto tensor = cast<RankedTensorType>(type);
  SmallVector<int64_t> dims(tensor.getShape());
  for (auto [dim, expr] : llvm::zip(dims, shape.getResults())) {
    AffineExpr symbol = getAffineSymbolExpr(one, type.getContext());
    AffineExpr now = expr.replace(symbol, getAffineConstantExpr(1, type.getContext()));
    if (auto constant = dyn_cast<AffineConstantExpr>(now))
      dim = std::max<int64_t>(constant.getValue(), 0);
  }
  return tensor.clone(dims);
}

func::FuncOp makeStep(func::FuncOp stream, StringRef name, bool always) {
  auto sizes = stream->getAttrOfType<ArrayAttr>(kSizesAttr);
  StringRef time = stream->getAttrOfType<StringAttr>(kPositionAttr).getValue();
  time.consume_back(".start");
  unsigned symbol = llvm::find(sizes, StringAttr::get(stream.getContext(), time)) - sizes.begin();
  bool keepsAll = false;
  for (unsigned k = 0; k < stream.getNumArguments(); ++k)
    keepsAll |= keepsAllSteps(stream, k);
  if (!keepsAll && !always)
    return {};
  func::FuncOp step = stream.clone();
  step.setName(name);
  step->setAttr(kStepAttr, UnitAttr::get(stream.getContext()));
  step.walk([&](SizeOp size) {
    if (size.getName() != time)
      return;
    OpBuilder b(size);
    size.replaceAllUsesWith(arith::ConstantIndexOp::create(b, size.getLoc(), 1).getResult());
    size.erase();
  });
  for (auto [k, arg] : llvm::enumerate(step.getArguments()))
    if (auto shape = step.getArgAttrOfType<AffineMapAttr>(k, kShapeAttr))
      arg.setType(withOneStep(arg.getType(), shape.getValue(), symbol));
  step.setType(FunctionType::get(step.getContext(), TypeRange(step.getArguments()),
                                 step.getFunctionType().getResults()));
  stream->getBlock()->getOperations().insertAfter(Block::iterator(stream), step);
  inlineOnlySteps(step);
  return step;
}

namespace {
struct Stream : impl::SeqStreamBase<Stream> {
  void runOnOperation() override {
    for (func::FuncOp func : llvm::to_vector(getOperation().getOps<func::FuncOp>())) {
      std::optional<StreamRefusal> refusal;
      func::FuncOp stream = makeStream(func, (func.getName() + "_stream").str(), refusal);
      if (stream)
        makeStep(stream, (func.getName() + "_step").str());
      if (!refusal)
        continue;
      StringRef kind = refusal->kind == StreamRefusal::LooksAhead ? "looks ahead: " : "no stream: ";
      emitError(refusal->where) << kind << refusal->text;
      signalPassFailure();
    }
  }
};
} // namespace
} // namespace seq
