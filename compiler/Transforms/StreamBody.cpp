//===- StreamBody.cpp - Ops over indices and scans of a stream ----------------------------===//
//
// Bodies are copied with indices as times of the sequence: a row's is the piece's own plus
// the piece's first step, a past one's counts from the first step, or from where its window
// begins. So conditions and arithmetic stay as they are. Reads of tensors of time are put
// together again from their linear forms, in which the piece's place drops out.
//
//===----------------------------------------------------------------------===//
#include "compiler/Transforms/StreamBuilder.h"

using namespace mlir;

namespace seq::stream {

//===----------------------------------------------------------------------===//
// Linear forms
//===----------------------------------------------------------------------===//

Linear Builder::now(const Linear &form) {
  Linear out(form.constant);
  for (auto [value, coefficient] : form.terms) {
    auto it = indexNow.find(value);
    out.add(it == indexNow.end() ? Linear::of(map.lookupOrDefault(value)) : it->second,
            coefficient);
  }
  return out;
}

Value Builder::emit(OpBuilder &to, const Linear &form, Location loc) {
  Value sum;
  auto constant = [&](int64_t n) { return arith::ConstantIndexOp::create(to, loc, n).getResult(); };
  for (bool positive : {true, false})
    for (auto [value, coefficient] : form.terms) {
      if ((coefficient > 0) != positive)
        continue;
      if (!value.getType().isIndex())
        value = arith::IndexCastOp::create(to, loc, to.getIndexType(), value);
      int64_t times = std::abs(coefficient);
      Value term = times == 1 ? value : arith::MulIOp::create(to, loc, value, constant(times));
      if (positive)
        sum = sum ? arith::AddIOp::create(to, loc, sum, term).getResult() : term;
      else
        sum = arith::SubIOp::create(to, loc, sum ? sum : constant(0), term);
    }
  if (!sum)
    return constant(form.constant);
  if (form.constant > 0)
    return arith::AddIOp::create(to, loc, sum, constant(form.constant));
  if (form.constant < 0)
    return arith::SubIOp::create(to, loc, sum, constant(-form.constant));
  return sum;
}

/// The time of a past axis's first element.
Linear Builder::windowStart(const Window &window) {
  return window.bounded ? Linear::atom(start) - now(window.rows) : Linear();
}

//===----------------------------------------------------------------------===//
// Indices
//===----------------------------------------------------------------------===//

SmallVector<Value> Builder::newExtents(OpBuilder &to, Block &body, ValueRange extents,
                                       Location loc) {
  SmallVector<Value> out;
  for (auto [index, extent] : llvm::zip(body.getArguments(), extents)) {
    auto it = time.indices.find(index);
    if (it == time.indices.end())
      out.push_back(map.lookupOrDefault(extent));
    else if (it->second.role == TimeRole::Row)
      out.push_back(steps);
    else if (it->second.window.bounded)
      out.push_back(emit(to, now(it->second.window.rows) + Linear::atom(steps), loc));
    else
      out.push_back(total);
  }
  return out;
}

/// Gives `now` an index for each of `old`, and maps these to times.
void Builder::enterIndices(OpBuilder &to, Block &old, Block &now, Place &place, Location loc) {
  Value outer = place.exists;
  place.own = {};
  auto both = [&](Value x, Value y) -> Value {
    return x ? arith::AndIOp::create(to, loc, x, y).getResult() : y;
  };
  for (Value index : old.getArguments()) {
    if (!index.getType().isIndex())
      continue;
    Value raw = now.addArgument(index.getType(), loc);
    auto it = time.indices.find(index);
    if (it == time.indices.end()) {
      map.map(index, raw);
      continue;
    }
    bool row = it->second.role == TimeRole::Row;
    Linear at = Linear::atom(raw) + (row ? Linear::atom(start) : windowStart(it->second.window));
    indexNow[index] = at;
    map.map(index, emit(to, at, loc));
    if (row) {
      place.row = index;
      rowNow[index] = raw;
    } else if (it->second.window.bounded) {
      Value zero = arith::ConstantIndexOp::create(to, loc, 0);
      Value exists =
          arith::CmpIOp::create(to, loc, arith::CmpIPredicate::sge, map.lookup(index), zero);
      place.own = both(place.own, exists);
    }
  }
  if (place.own)
    place.exists = both(outer, place.own);
}

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

void Builder::copyPoints(OpBuilder &to, Operation *op, Place place) {
  Location loc = op->getLoc();
  Block &body = op->getRegion(0).front();
  OperationState made(loc, op->getName());
  made.addOperands(newExtents(to, body, op->getOperands(), loc));
  made.addTypes(op->getResultTypes());
  made.addAttributes(op->getAttrs());
  made.addRegion()->push_back(new Block());
  Operation *copy = to.create(made);
  Block &now = copy->getRegion(0).front();
  OpBuilder in = OpBuilder::atBlockEnd(&now);
  enterIndices(in, body, now, place, loc);
  copyBody(in, body, place);
  map.map(op->getResults(), copy->getResults());
}

void Builder::copyReduce(OpBuilder &to, ReduceOp reduce, Place place) {
  Location loc = reduce.getLoc();
  OperationState made(loc, reduce->getName());
  made.addOperands(newExtents(to, *reduce.bodyBlock(), reduce.getExtents(), loc));
  if (reduce.getGuard())
    made.addOperands(map.lookupOrDefault(reduce.getGuard()));
  made.addTypes(reduce->getResultTypes());
  made.addAttributes(reduce->getAttrs());
  Value outer = place.exists;
  made.addRegion()->push_back(new Block());
  auto copy = cast<ReduceOp>(to.create(made));
  OpBuilder in = OpBuilder::atBlockEnd(copy.bodyBlock());
  enterIndices(in, *reduce.bodyBlock(), *copy.bodyBlock(), place, loc);
  copyBody(in, *reduce.bodyBlock(), place);
  if (outer && copy.getGuard())
    failOnlyWhere(copy, outer);
  map.map(reduce->getResults(), copy->getResults());
}

void Builder::copyScan(OpBuilder &to, ScanOp scan, Place place) {
  Location loc = scan.getLoc();
  bool overTime = time.indices.contains(scan.index());
  SmallVector<Value> inits;
  SmallVector<Value> carried; // the state of each
  for (auto [k, init] : llvm::enumerate(scan.getInits())) {
    Value value = map.lookup(init);
    if (overTime) {
      SmallVector<AffineExpr> axes = axesOf(from, init, time.sizeNames);
      StringRef name = "state";
      if (auto names = scan.getStateNames())
        name = cast<StringAttr>((*names)[k]).getValue();
      carried.push_back(addState(init, axes, name, loc));
      if (*refusal)
        return;
      value = startOf(value, carried.back(), extentsOf(axes, loc), loc);
    }
    inits.push_back(value);
  }
  OperationState made(loc, scan->getName());
  made.addOperands(overTime ? steps : map.lookupOrDefault(scan.getExtent()));
  made.addOperands(inits);
  made.addTypes(scan->getResultTypes());
  made.addAttributes(scan->getAttrs());
  made.addRegion()->push_back(new Block());
  auto copy = cast<ScanOp>(to.create(made));
  OpBuilder in = OpBuilder::atBlockEnd(copy.bodyBlock());
  enterIndices(in, *scan.bodyBlock(), *copy.bodyBlock(), place, loc);
  for (Value state : scan.states())
    map.map(state, copy.bodyBlock()->addArgument(state.getType(), state.getLoc()));
  copyBody(in, *scan.bodyBlock(), place);
  map.map(scan->getResults(), copy->getResults());
  for (auto [state, result] : llvm::zip(carried, scan.stateResults()))
    addNext(map.lookup(result), state);
}

/// An op that may make the call fail does so only where its point exists.
void Builder::failOnlyWhere(Operation *op, Value exists) {
  OpBuilder at(op);
  auto both = [&](Value guard) -> Value {
    return guard ? arith::AndIOp::create(at, op->getLoc(), guard, exists).getResult() : exists;
  };
  if (auto div = dyn_cast<IntDivOp>(op); div && div.getWhat())
    div.getGuardMutable().assign(both(div.getGuard()));
  else if (auto convert = dyn_cast<ToIntOp>(op))
    convert.getGuardMutable().assign(both(convert.getGuard()));
  else if (auto reduce = dyn_cast<ReduceOp>(op))
    reduce.setGuard(both(reduce.getGuard()));
}

void Builder::copyYield(OpBuilder &to, YieldOp yield, const Place &place) {
  SmallVector<Value> values;
  for (Value value : yield.getValues())
    values.push_back(map.lookupOrDefault(value));
  Value present = yield.getPresent() ? map.lookupOrDefault(yield.getPresent()) : Value();
  bool folds = isa<ReduceOp, SoftmaxOp>(yield->getParentOp());
  if (place.own && folds)
    present = present ? arith::AndIOp::create(to, yield.getLoc(), place.own, present).getResult()
                      : place.own;
  YieldOp::create(to, yield.getLoc(), values, present);
}

void Builder::copyBody(OpBuilder &to, Block &body, Place place) {
  for (Operation &op : body) {
    if (auto read = dyn_cast<ReadOp>(op)) {
      copyRead(to, read, place);
    } else if (auto reduce = dyn_cast<ReduceOp>(op)) {
      copyReduce(to, reduce, place);
    } else if (isa<MapOp, SoftmaxOp>(op)) {
      copyPoints(to, &op, place);
    } else if (auto scan = dyn_cast<ScanOp>(op)) {
      copyScan(to, scan, place);
    } else if (auto yield = dyn_cast<YieldOp>(op)) {
      copyYield(to, yield, place);
    } else if (auto it = time.settled.find(&op); it != time.settled.end()) {
      Value known = arith::ConstantOp::create(to, op.getLoc(), to.getBoolAttr(it->second));
      map.map(op.getResult(0), known);
    } else {
      Operation *copy = to.clone(op, map);
      if (place.exists)
        failOnlyWhere(copy, place.exists);
    }
  }
}

//===----------------------------------------------------------------------===//
// Reads
//===----------------------------------------------------------------------===//

/// Whether an index is, through scalars, made of one that runs over the time.
static bool usesTime(Value value, const TimeStructure &time, unsigned depth = 16) {
  if (time.indices.contains(value))
    return true;
  Operation *op = value.getDefiningOp();
  return op && depth && !op->getNumRegions() && !isa<ReadOp>(op) &&
         llvm::any_of(op->getOperands(), [&](Value v) { return usesTime(v, time, depth - 1); });
}

/// Where `axis` of a tensor of time is read in the piece's form of it; null: at the row.
Value Builder::timeIndex(OpBuilder &to, ReadOp read, unsigned axis, const Place &place) {
  const TensorTime &structure = *time.of(read.getTensor());
  const TimeIndex &role = *structure.axes[axis];
  Linear at = Linear::of(read.getIndices()[axis]);
  if (role.role == TimeRole::Past)
    return emit(to, now(at) - windowStart(role.window), read.getLoc());
  if (structure.table)
    return emit(to, now(at), read.getLoc());
  if (place.row && at == Linear::atom(place.row))
    return {};
  Linear base;
  if (structure.memory == Memory::Rows)
    base = Linear::atom(start) - now(structure.rows);
  return emit(to, now(at) - base, read.getLoc());
}

/// A softmax is 0 where its own window ends before its reader's.
Value Builder::inWindow(OpBuilder &to, ReadOp read, unsigned axis, Value at) {
  const TimeIndex &role = *time.of(read.getTensor())->axes[axis];
  if (role.role != TimeRole::Past || !role.window.bounded ||
      !isa_and_nonnull<SoftmaxOp>(read.getTensor().getDefiningOp()))
    return {};
  for (auto [index, other] : time.indices)
    if (Linear::of(read.getIndices()[axis]) == Linear::atom(index) && other.window.bounded &&
        other.window.rows == role.window.rows)
      return {};
  Location loc = read.getLoc();
  Value zero = arith::ConstantIndexOp::create(to, loc, 0);
  Value end = emit(to, now(role.window.rows) + Linear::atom(steps), loc);
  Value low = arith::CmpIOp::create(to, loc, arith::CmpIPredicate::sge, at, zero);
  Value high = arith::CmpIOp::create(to, loc, arith::CmpIPredicate::slt, at, end);
  return arith::AndIOp::create(to, loc, low, high);
}

void Builder::copyRead(OpBuilder &to, ReadOp read, const Place &place) {
  Location loc = read.getLoc();
  const TensorTime *structure = time.of(read.getTensor());
  Value tensor = map.lookupOrDefault(read.getTensor());
  Value guard = read.getGuard() ? map.lookupOrDefault(read.getGuard()) : Value();
  auto restrict = [&](Value condition) {
    if (condition)
      guard = guard ? arith::AndIOp::create(to, loc, condition, guard).getResult() : condition;
  };
  StringAttr check = read.getCheckAttr();
  SmallVector<Value> indices;
  for (auto [axis, index] : llvm::enumerate(read.getIndices())) {
    bool ofTime = structure && axis < structure->axes.size() && structure->axes[axis];
    if (!ofTime) {
      indices.push_back(map.lookupOrDefault(index));
      // The sequence may outgrow a table that was long enough for its pieces.
      if (usesTime(index, time) && !check)
        check = nameOfTable(read);
      continue;
    }
    Value at = timeIndex(to, read, axis, place);
    if (at && structure->axes[axis]->role == TimeRole::Row && structure->memory != Memory::None)
      tensor = kept.lookup(read.getTensor());
    indices.push_back(at ? at : rowNow.lookup(place.row));
    if (at)
      restrict(inWindow(to, read, axis, at));
  }
  if (place.exists && (check || mayMiss(read, place)))
    restrict(place.exists);
  Value copy = ReadOp::create(to, loc, tensor, indices, guard, check);
  map.map(read.getResult(), copy);
}

/// Whether a read may leave its axis where a window begins before the sequence: unless all
/// that it reads there is a tensor of time, at a fixed distance from a past index.
bool Builder::mayMiss(ReadOp read, const Place &place) {
  // A row's own index lies in the sequence, and what is made of it alone does as it did.
  std::function<bool(Value)> atRow = [&](Value value) {
    if (time.indices.contains(value))
      return value == place.row;
    Operation *op = value.getDefiningOp();
    return !op || isa<ReadOp>(op) || llvm::all_of(op->getOperands(), atRow);
  };
  const TensorTime *structure = time.of(read.getTensor());
  for (auto [axis, index] : llvm::enumerate(read.getIndices())) {
    if (!usesTime(index, time))
      continue;
    Linear at = Linear::of(index);
    bool near = llvm::any_of(
        time.indices, [&](auto &entry) { return (at - Linear::atom(entry.first)).isConstant(); });
    bool ofTime = structure && axis < structure->axes.size() && structure->axes[axis];
    bool windowed = ofTime && (structure->axes[axis]->role == TimeRole::Row
                                   ? structure->memory == Memory::Rows
                                   : structure->axes[axis]->window.bounded);
    if ((!windowed || !near) && !atRow(index))
      return true;
  }
  return false;
}

/// What a message calls the read of a table without a check of its own.
StringAttr Builder::nameOfTable(ReadOp read) {
  std::string name = "a table";
  if (auto arg = dyn_cast<BlockArgument>(read.getTensor()))
    if (arg.getOwner() == &from.getBody().front())
      if (auto given = from.getArgAttrOfType<StringAttr>(arg.getArgNumber(), kNameAttr))
        name = given.str();
  return b.getStringAttr(name);
}

} // namespace seq::stream
