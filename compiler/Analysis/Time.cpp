//===- Time.cpp - The time structure of a function ----------------------------------------===//
//
// A stream computes the steps of a piece of the sequence, from what it kept of the steps
// before. So each index that runs over the time `T` is one of two things there:
//
//   let s[i, j] = sum[d](q[i, d] * k[j, d])          i: a row, one of the piece's steps
//   let p[i, j] = softmax[j](s[i, j] where j <= i)   j: past, any step up to the row's
//   let o[i, d] = sum[j](p[i, j] * v[j, d])          k and v are kept, q is not
//
// Which, is found from the end: a result is made of rows; an axis of `s` is what its
// readers' index is; and an index of a reduction, or one that a softmax normalises over, is
// past. A past index must be shown not to pass its row: by the condition of whoever
// reduces, `j <= i`. How far it stays behind is its window, from `i - j < W`, and hands on
// to what is read there: `s` is wanted for W steps, so `k` is kept for W.
//
//   y[t] = x[t] + x[t - 3]     a row read at its own time, and 3 steps before: 3 rows kept
//
// What stands in no row, such as `logsumexp[j](a[j])` of a final state, is a value of the
// sequence so far: a stream can give it, but no row may read it. All reasoning about
// indices is Linear.cpp's; what it cannot show is refused, with the expression's place.
//
// Rejected: marking tensors causal or not, forwards. `s` above is not (its upper half is
// computed and never read), and one would have to fuse first to see that.
//
//===----------------------------------------------------------------------===//
#include "compiler/Analysis/TimeAnalysis.h"

using namespace mlir;

namespace seq {

std::optional<unsigned> TensorTime::rowAxis() const {
  for (auto [k, axis] : llvm::enumerate(axes))
    if (axis && axis->role == TimeRole::Row)
      return k;
  return std::nullopt;
}

bool TimeStructure::isTime(Value extent) const {
  AffineExpr expr = affineOf(extent, sizeNames);
  auto symbol = dyn_cast_or_null<AffineSymbolExpr>(expr);
  return symbol && sizeNames[symbol.getPosition()] == sizeName;
}

SmallVector<AffineExpr> axesOf(func::FuncOp func, Value tensor, ArrayRef<StringRef> sizes) {
  SmallVector<AffineExpr> axes;
  if (auto arg = dyn_cast<BlockArgument>(tensor)) {
    if (auto scan = dyn_cast<ScanOp>(arg.getOwner()->getParentOp()))
      return axesOf(func, scan.getInits()[arg.getArgNumber() - 1], sizes);
    if (auto shape = func.getArgAttrOfType<AffineMapAttr>(arg.getArgNumber(), kShapeAttr))
      llvm::append_range(axes, shape.getValue().getResults());
    return axes;
  }
  Operation *op = tensor.getDefiningOp();
  auto scan = dyn_cast<ScanOp>(op);
  if (!scan) {
    for (Value extent : op->getOperands())
      axes.push_back(affineOf(extent, sizes));
    return axes;
  }
  unsigned k = cast<OpResult>(tensor).getResultNumber();
  if (k >= scan.numYields())
    return axesOf(func, scan.getInits()[k - scan.numYields()], sizes);
  axes.push_back(affineOf(scan.getExtent(), sizes));
  llvm::append_range(axes, axesOf(func, scan.next().getYields()[k], sizes));
  return axes;
}

namespace time {

/// Makes `window` hold what `other` does too.
static void widen(Window &window, Window other) {
  if (!other.bounded)
    window.bounded = false;
  if (!window.bounded)
    return;
  if (!other.rows.isConstant() && other.rows.constant < 0)
    other.rows.constant = 0; // a row more, and never a negative number of them
  Linear more = other.rows - window.rows;
  bool larger =
      more.constant >= 0 && llvm::all_of(more.terms, [](auto &t) { return t.second > 0; });
  bool smaller =
      more.constant <= 0 && llvm::all_of(more.terms, [](auto &t) { return t.second < 0; });
  if (larger)
    window.rows = other.rows;
  else if (!smaller)
    window.bounded = false;
}

//===----------------------------------------------------------------------===//
// Extents
//===----------------------------------------------------------------------===//

bool Analysis::refuse(StreamRefusal::Kind kind, Location where, const Twine &text,
                      const Twine &hint) {
  if (!refusal)
    refusal = StreamRefusal{kind, where, text.str(), hint.str()};
  return false;
}

/// The size that is the time: `T` where an input's first axis is that, else the first size
/// that an input leads with.
bool Analysis::findTime() {
  for (Attribute name : func->getAttrOfType<ArrayAttr>(kSizesAttr))
    out.sizeNames.push_back(cast<StringAttr>(name).getValue());
  std::optional<unsigned> found;
  for (BlockArgument arg : func.getArguments()) {
    SmallVector<AffineExpr> axes = axesOf(arg);
    if (func.getArgAttr(arg.getArgNumber(), kWeightAttr) || axes.empty())
      continue;
    auto symbol = dyn_cast_or_null<AffineSymbolExpr>(axes.front());
    if (symbol && (!found || out.sizeNames[symbol.getPosition()] == "T"))
      found = symbol.getPosition();
  }
  if (!found)
    return refuse(StreamRefusal::NoStream, func.getLoc(),
                  "no input is a sequence, so there is nothing to stream",
                  "a sequence is an input whose first axis has a size that is not fixed");
  time = *found;
  out.sizeName = out.sizeNames[time].str();
  return true;
}

SmallVector<AffineExpr> Analysis::axesOf(Value tensor) {
  return seq::axesOf(func, tensor, out.sizeNames);
}

OperandRange Analysis::extentsOf(Operation *op) {
  if (auto reduce = dyn_cast<ReduceOp>(op))
    return reduce.getExtents();
  return op->getOperands();
}

bool Analysis::isTime(AffineExpr expr) const {
  auto symbol = dyn_cast_or_null<AffineSymbolExpr>(expr);
  return symbol && symbol.getPosition() == time;
}

/// Whether a scalar is made of the time's size.
bool Analysis::ofTime(Value value) const {
  Operation *op = value.getDefiningOp();
  if (!op || !value.getType().isIndex())
    return false;
  if (auto size = dyn_cast<SizeOp>(op))
    return size.getName() == out.sizeName;
  return isa<arith::AddIOp, arith::SubIOp, arith::MulIOp, IntDivOp>(op) &&
         llvm::any_of(op->getOperands(), [&](Value v) { return ofTime(v); });
}

/// Every extent is the time's size or has nothing to do with it.
bool Analysis::checkExtents() {
  StringRef T = out.sizeName;
  for (BlockArgument arg : func.getArguments()) {
    unsigned times = 0;
    for (AffineExpr axis : axesOf(arg)) {
      times += isTime(axis);
      if (!isTime(axis) && axis.isFunctionOfSymbol(time))
        return refuse(StreamRefusal::NoStream, func.getLoc(),
                      "the input `" + nameOf(arg) + "` has an axis that is made of `" + T +
                          "` and is not `" + T + "` itself",
                      "an axis of a stream's input is `" + T + "`, or does not depend on it");
    }
    if (times > 1)
      return refuse(StreamRefusal::NoStream, func.getLoc(),
                    "the input `" + nameOf(arg) + "` has `" + T + "` for two of its axes",
                    "a stream's input has one axis of time");
  }
  WalkResult found = func.walk([&](Operation *op) {
    if (!isa<MapOp, ReduceOp, SoftmaxOp, ScanOp>(op))
      return WalkResult::advance();
    auto extents = isa<ScanOp>(op) ? op->getOperands().take_front(1) : extentsOf(op);
    for (Value extent : extents)
      if (ofTime(extent) && !isTime(affineOf(extent, out.sizeNames))) {
        refuse(StreamRefusal::NoStream, op->getLoc(),
               "this runs over a range that is made of `" + T + "` and is not `" + T + "` itself",
               "a stream knows its own step, not the sequence's length");
        return WalkResult::interrupt();
      }
    return WalkResult::advance();
  });
  return !found.wasInterrupted();
}

std::string Analysis::nameOf(BlockArgument arg) {
  auto name = func.getArgAttrOfType<StringAttr>(arg.getArgNumber(), kNameAttr);
  return name ? name.str() : "";
}

//===----------------------------------------------------------------------===//
// Reads
//===----------------------------------------------------------------------===//

Facts Analysis::factsIn(Operation *op, const Scope &scope) {
  Facts facts = factsAt(op);
  for (Value past : scope.pasts)
    if (const Window &w = out.indices[past].window; scope.row && w.bounded)
      facts.addKnown(w.rows - (Linear::atom(scope.row) - Linear::atom(past)));
  return facts;
}

/// Whether `at` is not later than the row, or than a past index, which is not either.
bool Analysis::isCausal(const Linear &at, const Facts &facts, const Scope &scope) {
  if (scope.row && facts.provesNonnegative(Linear::atom(scope.row) - at))
    return true;
  for (Value past : scope.pasts)
    if (facts.provesNonnegative(Linear::atom(past) - at))
      return true;
  for (auto [value, coefficient] : at.terms)
    if (!scope.row && coefficient == 1 && isTime(affineOf(value, out.sizeNames)))
      return facts.provesNonnegative(Linear::atom(value) - Linear(1) - at);
  return false;
}

/// How far `at` may be behind the row; behind the end of the sequence where there is none.
Window Analysis::windowOf(const Linear &at, const Facts &facts, const Scope &scope) {
  Value from = scope.row;
  for (auto [value, coefficient] : at.terms)
    if (!from && coefficient == 1 && isTime(affineOf(value, out.sizeNames)))
      from = value;
  Window window;
  std::optional<Linear> bound;
  if (from)
    bound = facts.upperBound(Linear::atom(from) - at, out.sizeName);
  window.bounded = bound.has_value();
  if (bound)
    window.rows = *bound;
  return window;
}

bool Analysis::visitRead(ReadOp read, const Scope &scope) {
  auto axes = axesOf(read.getTensor());
  auto &use = uses[read.getTensor()];
  use.resize(axes.size());
  for (auto [k, axis, index] : llvm::enumerate(axes, read.getIndices())) {
    if (!isTime(axis))
      continue;
    Linear at = Linear::of(index);
    if (scope.row && at == Linear::atom(scope.row)) {
      use[k].exact = true;
      continue;
    }
    Facts facts = factsIn(read, scope);
    if (!isCausal(at, facts, scope))
      return refuse(StreamRefusal::LooksAhead, read.getLoc(),
                    scope.row ? "this reads a step that may be later than the step that it is for"
                              : "this reads a step that may be later than the last one",
                    "read at the step's own index or before it, or restrict the index, as in "
                    "`where j <= i`");
    use[k].other = read;
    Window window = windowOf(at, facts, scope);
    window.bounded &= !read.getCheck(); // of what may be anywhere, all is kept
    widen(use[k].window, window);
    notePast(read, at, scope);
  }
  return true;
}

/// Comparisons with the time's size that hold, or not, for each index up to the row's:
/// the ends of the axes that a program may run over.
void Analysis::settle(arith::CmpIOp op, const Scope &scope) {
  if (!scope.row || !op.getLhs().getType().isIndex() ||
      (!ofTime(op.getLhs()) && !ofTime(op.getRhs())))
    return;
  Linear form = Linear::of(op.getRhs()) - Linear::of(op.getLhs()); // form ≥ 0 is the comparison
  switch (op.getPredicate()) {
  case arith::CmpIPredicate::slt:
    form.constant -= 1;
    break;
  case arith::CmpIPredicate::sle:
    break;
  case arith::CmpIPredicate::sgt:
    form = Linear(-1) - form;
    break;
  case arith::CmpIPredicate::sge:
    form = Linear() - form;
    break;
  default:
    return;
  }
  Facts facts = factsIn(op, scope);
  for (bool holds : {true, false}) {
    for (auto [value, coefficient] : form.terms)
      if (coefficient == 1 && isTime(affineOf(value, out.sizeNames)))
        if (isCausal(Linear::atom(value) - Linear(1) - form, facts, scope)) {
          out.settled[op] = holds;
          return;
        }
    form = Linear(-1) - form;
  }
}

bool Analysis::visitReduce(ReduceOp op, Scope &scope) {
  for (auto [k, index, extent] : llvm::enumerate(op.indices(), op.getExtents()))
    if (isTime(affineOf(extent, out.sizeNames)))
      if (!addPast(index, op, op.yield(), scope, "a fold"))
        return false;
  for (auto [k, index] : llvm::enumerate(op.indices())) {
    auto it = out.indices.find(index);
    bool place = llvm::any_of(op.getKinds(), [](Attribute kind) {
      ReduceKind value = cast<ReduceKindAttr>(kind).getValue();
      return value == ReduceKind::argmax || value == ReduceKind::argmin;
    });
    if (it == out.indices.end() || !place)
      continue;
    it->second.window.bounded = false; // the place counts from the sequence's first step
    if (k > 0 && scope.row)
      return refuse(StreamRefusal::LooksAhead, op.getLoc(),
                    "the place of the largest counts with the sequence's length",
                    "name the index of the time first");
  }
  return true;
}

/// An index of a reduction or normaliser over the time. Its points up to the row are those
/// of the whole sequence, where the condition leaves out the later ones.
bool Analysis::addPast(Value index, Operation *op, YieldOp yield, Scope &scope, StringRef what) {
  TimeIndex &role = out.indices[index];
  role.role = TimeRole::Past;
  role.window.bounded = false;
  Facts facts = factsAt(yield);
  if (scope.row && !isCausal(Linear::atom(index), facts, scope))
    return refuse(StreamRefusal::LooksAhead, op->getLoc(),
                  "this goes over the whole sequence at each step, later steps too",
                  "restrict it to the steps so far, as in `where j <= i`");
  role.window = windowOf(Linear::atom(index), facts, scope);
  Window least;
  widen(least, role.window);
  role.window = least;
  scope.pasts.push_back(index);
  return true;
}

bool Analysis::visitBody(Block &body, Scope scope) {
  for (Operation &op : body) {
    if (auto read = dyn_cast<ReadOp>(op)) {
      if (!visitRead(read, scope))
        return false;
    } else if (auto compare = dyn_cast<arith::CmpIOp>(op)) {
      settle(compare, scope);
    } else if (auto reduce = dyn_cast<ReduceOp>(op)) {
      Scope inner = scope;
      if (!visitReduce(reduce, inner) || !visitBody(*reduce.bodyBlock(), inner))
        return false;
    }
  }
  return true;
}

//===----------------------------------------------------------------------===//
// Ops over indices, scans
//===----------------------------------------------------------------------===//

/// The axis of rows of a tensor with several axes of time: the one that is read at rows.
std::optional<unsigned> Analysis::chooseRow(ArrayRef<unsigned> times, Value result) {
  if (times.size() == 1)
    return times.front();
  auto &use = uses[result];
  for (unsigned k : times)
    if (k < use.size() && use[k].exact && !use[k].other)
      return k;
  return std::nullopt;
}

bool Analysis::visitPoints(Operation *op, Scope scope) {
  Block &body = op->getRegion(0).front();
  auto softmax = dyn_cast<SoftmaxOp>(op);
  unsigned leading = body.getNumArguments() - (softmax ? softmax.getReduced() : 0);
  SmallVector<unsigned> times;
  for (unsigned k = 0; k < leading; ++k)
    if (isTime(affineOf(op->getOperand(k), out.sizeNames)))
      times.push_back(k);
  Value result = op->getResult(0);
  auto &use = uses[result];
  use.resize(body.getNumArguments());
  std::optional<unsigned> row;
  if (!scope.row && !times.empty()) {
    row = chooseRow(times, result);
    if (!row)
      return refuse(StreamRefusal::NoStream, op->getLoc(),
                    "none of this tensor's axes of time is read at the reader's own step", "");
    scope.row = body.getArgument(*row);
    out.indices[scope.row] = {TimeRole::Row, {}};
  }
  for (unsigned k : times)
    if (row != k) {
      out.indices[body.getArgument(k)] = {TimeRole::Past, use[k].window};
      scope.pasts.push_back(body.getArgument(k));
    }
  for (unsigned k = leading; k < body.getNumArguments(); ++k)
    if (isTime(affineOf(op->getOperand(k), out.sizeNames)) &&
        !addPast(body.getArgument(k), op, softmax.yield(), scope, "a softmax"))
      return false;
  for (Value each : op->getResults()) {
    TensorTime &tensor = out.tensors[each];
    tensor.axes.resize(body.getNumArguments());
    for (auto [k, index] : llvm::enumerate(body.getArguments()))
      if (auto it = out.indices.find(index); it != out.indices.end())
        tensor.axes[k] = it->second;
  }
  return visitBody(body, scope);
}

bool Analysis::hasTime(Value tensor) {
  return llvm::any_of(axesOf(tensor), [&](AffineExpr axis) { return isTime(axis); });
}

bool Analysis::visitScan(ScanOp scan, Scope scope) {
  bool overTime = isTime(affineOf(scan.getExtent(), out.sizeNames));
  if (overTime && scan.getReverse())
    return refuse(StreamRefusal::LooksAhead, scan.getLoc(),
                  "this runs backwards, from the last step of the sequence",
                  "a stream runs forwards");
  if (overTime && (scope.row || scope.inScan))
    return refuse(StreamRefusal::LooksAhead, scan.getLoc(),
                  "this runs over the whole sequence inside of a step", "");
  for (Value tensor : llvm::concat<Value>(scan.getInits(), scan.next().getYields()))
    if ((overTime || scope.row) && hasTime(tensor))
      return refuse(StreamRefusal::NoStream, scan.getLoc(),
                    "a state or yield of this scan has an axis of time of its own", "");
  for (Value tensor : scan.getResults())
    rowsOf(tensor);
  if (!overTime)
    for (Value tensor :
         llvm::concat<Value>(scan.getInits(), scan.next().getYields(), scan.next().getStates()))
      useRows(tensor);
  for (Value tensor : scan.states())
    rowsOf(tensor);
  if (overTime) {
    scope.row = scan.index();
    out.indices[scope.row] = {TimeRole::Row, {}};
  }
  scope.inScan = true;
  return visitBlock(*scan.bodyBlock(), scope);
}

/// A tensor whose one axis of time holds rows.
void Analysis::rowsOf(Value tensor) {
  TensorTime &time = out.tensors[tensor];
  for (AffineExpr axis : axesOf(tensor)) {
    time.axes.emplace_back();
    if (isTime(axis))
      time.axes.back() = TimeIndex();
  }
}

void Analysis::useRows(Value tensor) {
  auto axes = axesOf(tensor);
  auto &use = uses[tensor];
  use.resize(axes.size());
  for (auto [k, axis] : llvm::enumerate(axes))
    if (isTime(axis))
      use[k].exact = true;
}

/// Last op first: readers come before what they read.
bool Analysis::visitBlock(Block &block, Scope scope) {
  for (Operation &op : llvm::reverse(block)) {
    if (auto ret = dyn_cast<func::ReturnOp>(op)) {
      for (Value result : ret.getOperands()) {
        useRows(result);
        if (llvm::count_if(axesOf(result), [&](AffineExpr a) { return isTime(a); }) > 1)
          return refuse(StreamRefusal::NoStream, result.getLoc(),
                        "this result has two axes of time", "a stream's result has one, or none");
      }
    } else if (auto scan = dyn_cast<ScanOp>(op)) {
      if (!visitScan(scan, scope))
        return false;
    } else if (isa<MapOp, SoftmaxOp>(op) && !visitPoints(&op, scope)) {
      return false;
    }
  }
  return true;
}

//===----------------------------------------------------------------------===//
// What is kept, and what is a value so far
//===----------------------------------------------------------------------===//

bool Analysis::decideMemory() {
  for (auto &[tensor, use] : uses) {
    TensorTime &time = out.tensors[tensor];
    std::optional<unsigned> row = time.rowAxis();
    if (time.table || !row || !use[*row].other)
      continue;
    bool several = llvm::count_if(time.axes, [](auto &a) { return a.has_value(); }) > 1;
    bool inside = tensor.getParentBlock() != &func.getBody().front();
    if (several || inside)
      return refuse(StreamRefusal::NoStream, use[*row].other->getLoc(),
                    "this reads an earlier step of a value that a stream cannot keep",
                    several ? "the value has two axes of time"
                            : "the value is made inside of a scan");
    time.memory = use[*row].window.bounded ? Memory::Rows : Memory::All;
    time.rows = use[*row].window.rows;
  }
  return true;
}

/// One op in a body: what it reads of the whole sequence. `row`: it is one step's.
bool Analysis::soFarIn(Operation *op, bool row, bool &soFar) {
  bool found = false;
  if (auto read = dyn_cast<ReadOp>(op); read && out.tensors[read.getTensor()].soFar)
    found = true;
  bool arithmetic = isa<arith::AddIOp, arith::SubIOp, arith::MulIOp, IntDivOp>(op);
  bool allowed = op->getNumRegions() || out.settled.contains(op) || arithmetic;
  if (auto read = dyn_cast<ReadOp>(op)) // of time itself: shown to be no later than the row
    for (auto [axis, index] : llvm::zip(axesOf(read.getTensor()), read.getIndices()))
      found |= ofTime(index) && !isTime(axis);
  else if (!allowed)
    found |= llvm::any_of(op->getOperands(), [&](Value v) { return ofTime(v); });
  if (found && row)
    return refuse(StreamRefusal::LooksAhead, op->getLoc(),
                  "this needs a value of the whole sequence, which a step does not know",
                  "a step may use its own index, not the sequence's length or final states");
  soFar |= found;
  return true;
}

bool Analysis::soFarBlock(Block &block, bool row) {
  for (Operation &op : block) {
    if (auto scan = dyn_cast<ScanOp>(op)) {
      if (!soFarScan(scan, row))
        return false;
      continue;
    }
    if (!isa<MapOp, SoftmaxOp>(op))
      continue;
    auto isRow = [&](Value index) {
      auto it = out.indices.find(index);
      return it != out.indices.end() && it->second.role == TimeRole::Row;
    };
    bool rows = row || llvm::any_of(op.getRegion(0).getArguments(), isRow);
    bool soFar = false;
    WalkResult walked = op.walk([&](Operation *inner) {
      for (Region &region : inner->getRegions())
        for (Value index : region.getArguments())
          if (auto it = out.indices.find(index); it != out.indices.end())
            soFar |= !rows && it->second.role == TimeRole::Past;
      return soFarIn(inner, rows, soFar) ? WalkResult::advance() : WalkResult::interrupt();
    });
    if (walked.wasInterrupted())
      return false;
    for (Value result : op.getResults())
      out.tensors[result].soFar = soFar;
  }
  return true;
}

bool Analysis::soFarScan(ScanOp scan, bool row) {
  bool overTime = out.indices.contains(scan.index());
  bool soFar = llvm::any_of(scan.getInits(), [&](Value v) { return out.tensors[v].soFar; });
  if (soFar && (overTime || row))
    return refuse(StreamRefusal::LooksAhead, scan.getLoc(),
                  "this starts from a value of the whole sequence, which a step does not know",
                  "an initial state may not be made of another scan's final state");
  if (!soFarBlock(*scan.bodyBlock(), row || overTime))
    return false;
  scan.walk([&](ReadOp read) { soFar |= out.tensors[read.getTensor()].soFar; });
  for (Value result : scan.getResults())
    out.tensors[result].soFar = soFar;
  for (Value state : scan.stateResults())
    out.tensors[state].soFar |= overTime;
  return true;
}

/// A value that is made of rows read at the end: a row may be one of a static scan's.
bool Analysis::checkResults() {
  auto ret = cast<func::ReturnOp>(func.getBody().front().getTerminator());
  for (Value result : ret.getOperands())
    if (hasTime(result) && out.tensors[result].soFar)
      return refuse(StreamRefusal::LooksAhead, result.getLoc(),
                    "this needs a value of the whole sequence, which a step does not know", "");
  return true;
}

bool Analysis::run() {
  if (!findTime() || !checkExtents())
    return false;
  for (BlockArgument arg : func.getArguments())
    rowsOf(arg);
  markSequences();
  if (!visitBlock(func.getBody().front(), {}))
    return false;
  findTables();
  return decideMemory() && soFarBlock(func.getBody().front(), false) && checkResults();
}

} // namespace time

std::optional<TimeStructure> timeStructure(func::FuncOp func,
                                           std::optional<StreamRefusal> &refusal) {
  time::Analysis analysis(func, refusal);
  if (!analysis.run())
    return std::nullopt;
  return std::move(analysis.out);
}

bool keepsAllSteps(func::FuncOp stream, unsigned k) {
  unsigned place = stream->getAttrOfType<ArrayAttr>(kSizesAttr).size() - 1;
  return stream.getArgAttr(k, kStateAttr) &&
         stream.getArgAttrOfType<AffineMapAttr>(k, kShapeAttr).getValue().isFunctionOfSymbol(place);
}

} // namespace seq
