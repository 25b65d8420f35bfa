//===- ColumnsCost.cpp - What threads that run columns do ---------------------------------===//
//
// A thread takes its steps one after the other, with no barrier. A step waits for what it reads,
// which for short steps is on its way four steps at a time, and then either for the chain of
// operations from a state to its next value or for its own instructions, of which a warp begins one
// a cycle. With few columns that is all the time there is; with many, warps fill each other's
// waits.
//
//===----------------------------------------------------------------------===//
#include "compiler/Analysis/Work.h"
#include "compiler/Lowering/Common/Lanes.h"
#include "compiler/Lowering/Gpu/BlockCost.h"

using namespace mlir;
namespace seq::gpu {

namespace {
class ColumnStep {
public:
  ColumnStep(const CallFacts &facts, ScanOp scan, const Columns &columns)
      : facts(facts), scan(scan), columns(columns) {
    for (Value state : scan.states())
      depth[state] = 0;
    for (auto map : scan.bodyBlock()->getOps<MapOp>())
      run(map);
    for (Value next : scan.next().getStates())
      chain = std::max(chain, depthOf(next));
  }

  // Of a thread in a step, and of reads that are the same in all steps.
  double instructions = 0, arithmetic = 0, operations = 0;
  double read = 0, readOnce = 0, written = 0;
  double chain = 0; ///< cycles from a state to its next value
  bool waits = false;

  /// Values of a state that a thread has.
  double valuesOf(Value state) {
    double n = facts.elements(state);
    for (Value e : columns.extents)
      n /= std::max(1.0, facts.value(e));
    return n / columns.lanes;
  }
  /// Bytes of sectors for each, of a request of a warp: by its last axis.
  double linesOf(Value state) const {
    const auto &axes = columns.axes.find(state)->second;
    double bytes = double(Code::bytes(cast<RankedTensorType>(state.getType()).getElementType()));
    double lanes = columns.lanes, apart = kWarp / lanes;
    if (axes.empty())
      return 1;
    bool last = axes.back() == int(columns.extents.size()) - 1;
    double side = std::min(apart, std::max(1.0, facts.value(columns.extents.back())));
    double lines = axes.back() == Columns::kSplit ? apart : last ? lanes * apart / side : kWarp;
    double together = axes.back() == Columns::kSplit ? lanes : last ? side : 1;
    return lines * std::max(1.0, together * bytes / 32) * 32 / kWarp;
  }

private:
  /// A value that no state leads to.
  static constexpr double kNone = -1e18;

  void run(MapOp map) {
    double points = 1;
    const auto &axes = columns.axes.find(map.getResult(0))->second;
    for (auto [index, e, column] : llvm::zip(map.indices(), map.getExtents(), axes)) {
      own[index] = column;
      if (column < 0)
        points *= facts.value(e) / (column == Columns::kSplit ? columns.lanes : 1);
    }
    visit(*map.bodyBlock(), points);
    for (auto [result, value] : llvm::zip(map.getResults(), map.yield().getValues())) {
      depth[result] = depthOf(value);
      if (llvm::is_contained(scan.next().getYields(), result)) {
        double lines = 32 * sectorsOf(Values(map.indices().begin(), map.indices().end()), result);
        written += points * lines / kWarp;
        instructions += points * (1 + kAddress);
      }
    }
  }

  void visit(Block &block, double times) {
    for (Operation &op : block.without_terminator()) {
      if (auto reduce = dyn_cast<ReduceOp>(op)) {
        visitReduce(reduce, times);
      } else if (auto r = dyn_cast<ReadOp>(op)) {
        visitRead(r);
      } else if (!op.hasTrait<OpTrait::ConstantLike>() && !op.getResult(0).getType().isIndex()) {
        Operations<double> n = operationsOf(&op);
        count(n, op.getResult(0).getType(), times);
      }
    }
  }

  void count(const Operations<double> &n, Type type, double times) {
    double plain = n.adds + n.multiplies + n.extremes;
    double wide = type.isF64() ? facts.chip.f64Share : 1;
    double all = plain + kDivision * n.divisions + kFunction * n.functions;
    instructions += times * std::max(all, 1.0);
    arithmetic += times * wide * all;
    operations += times * (plain + n.divisions + analysis::kFunctionOperations * n.functions);
  }

  void visitReduce(ReduceOp reduce, double times) {
    double terms = facts.terms(reduce);
    bool split = false;
    for (Value index : reduce.indices()) {
      bool mine = columns.splitIndices.contains(index);
      own[index] = mine ? Columns::kSplit : Columns::kInside;
      split |= mine;
    }
    if (split)
      terms /= columns.lanes;
    visit(*reduce.bodyBlock(), times * terms);
    count(operationsOfPoint(reduce), reduce.getResult(0).getType(), times * terms);
    count(operationsOfEnd(reduce), reduce.getResult(0).getType(), times);
    if (split)
      instructions += 2 * times * exchanges() * reduce.getNumResults();
  }

  double exchanges() const { return std::log2(double(columns.lanes)); }

  //===--- Reads -----------------------------------------------------------------------===//

  /// Equal reads of a step are one.
  std::string nameOf(ReadOp r) {
    std::string name;
    llvm::raw_string_ostream out(name);
    out << r.getTensor().getAsOpaquePointer();
    for (Value i : r.getIndices()) {
      auto it = own.find(i);
      if (it != own.end())
        out << "," << it->second
            << (it->second < 0 ? "of" + std::to_string(extentOf(i).value_or(0)) : "");
      else
        out << "," << i.getAsOpaquePointer();
    }
    return name;
  }

  void visitRead(ReadOp r) {
    if (scan.getBody().isAncestor(r.getTensor().getParentRegion()) ||
        !seen.insert(nameOf(r)).second)
      return;
    IndexUse use(r);
    double n = 1;
    for (Value index : use.indices)
      if (int column = own.lookup(index); column < 0)
        n *= double(extentOf(index).value_or(1)) / (column == Columns::kSplit ? columns.lanes : 1);
    double lines = 32 * sectorsOf(Values(r.getIndices()), r.getTensor()) / kWarp;
    // What a kernel before made might be written again, for all that the code knows.
    bool moves = llvm::any_of(r.getIndices(), [&](Value i) { return dependsOnStep(i); });
    bool constant = isa<BlockArgument>(r.getTensor()) || facts.prepared.contains(r.getTensor());
    if (!moves && constant) {
      readOnce += n * lines;
      return;
    }
    waits |= moves;
    instructions += n * (1 + kAddress);
    read += n * lines;
  }

  bool dependsOnStep(Value v) {
    if (v == scan.index())
      return true;
    Operation *op = v.getDefiningOp();
    return op && !isa<arith::ConstantOp>(op) && scan->isAncestor(op) &&
           llvm::any_of(op->getOperands(), [&](Value o) { return dependsOnStep(o); });
  }

  /// Which kinds of indices a place is made of.
  bool leadsTo(Value v, int column) {
    if (auto it = own.find(v); it != own.end())
      return it->second == column;
    Operation *op = v.getDefiningOp();
    return op && scan->isAncestor(op) && !isa<ReadOp>(op) &&
           llvm::any_of(op->getOperands(), [&](Value o) { return leadsTo(o, column); });
  }

  /// Sectors of a warp's request at these places: its threads are the lanes of a column, then the
  /// columns along the last column index.
  double sectorsOf(const Values &indices, Value tensor) {
    double bytes = double(Code::bytes(cast<RankedTensorType>(tensor.getType()).getElementType()));
    int last = int(columns.extents.size()) - 1;
    double lanes = columns.lanes, apart = kWarp / lanes;
    double side = std::min(apart, std::max(1.0, facts.value(columns.extents.back())));
    double lines = 1, together = 1; // places of their own; side by side
    for (auto [k, i] : llvm::enumerate(indices)) {
      bool fast = k + 1 == indices.size();
      if (leadsTo(i, last))
        fast ? together *= side : lines *= side;
      if (lanes > 1 && leadsTo(i, Columns::kSplit))
        fast ? together *= lanes : lines *= lanes;
      if (last > 0 && side < apart && leadsTo(i, last - 1))
        lines *= apart / side;
    }
    return lines * std::max(1.0, together * bytes / 32);
  }

  //===--- What waits for a state --------------------------------------------------------===//

  double depthOf(Value v) {
    if (auto it = depth.find(v); it != depth.end())
      return it->second;
    Operation *op = v.getDefiningOp();
    if (!op || !scan->isProperAncestor(op))
      return kNone;
    double most = kNone;
    if (auto r = dyn_cast<ReadOp>(op))
      return depth[v] = depthOf(r.getTensor());
    if (auto reduce = dyn_cast<ReduceOp>(op)) {
      for (Value y : reduce.yield().getValues())
        most = std::max(most, depthOf(y));
      bool split =
          llvm::any_of(reduce.indices(), [&](Value i) { return columns.splitIndices.contains(i); });
      double terms = facts.points(reduce.getExtents()) / (split ? columns.lanes : 1);
      return depth[v] = most + kChain * terms + (split ? kShuffleWait * exchanges() : 0);
    }
    for (Value o : op->getOperands())
      most = std::max(most, depthOf(o));
    Operations<double> n = operationsOf(op);
    double own = kChain * (n.adds + n.multiplies + n.extremes) + kDivisionChain * n.divisions +
                 kFunctionChain * n.functions;
    return depth[v] = most + std::max(own, isa<arith::ConstantOp>(op) ? 0 : kChain);
  }

  const CallFacts &facts;
  ScanOp scan;
  const Columns &columns;
  llvm::DenseMap<Value, int> own; ///< by index: its column, or what it is inside of one
  llvm::DenseMap<Value, double> depth;
  std::set<std::string> seen;
};
} // namespace

BlockWork columnsWork(const CallFacts &facts, ScanOp scan, const Columns &columns,
                      double blockThreads) {
  ColumnStep s(facts, scan, columns);
  double steps = facts.value(scan.getExtent()), warps = blockThreads / kWarp;
  BlockWork w;
  w.issues = warps * s.instructions * steps;
  w.arithmetic = warps * s.arithmetic * steps;
  w.operations = blockThreads * s.operations * steps;
  w.read = w.cached = blockThreads * (s.read * steps + s.readOnce);
  w.written = blockThreads * s.written * steps;
  for (Value state : scan.states()) { // from where they begin to where they end
    double bytes = s.valuesOf(state) * s.linesOf(state) * blockThreads;
    w.read += bytes, w.cached += bytes, w.written += bytes;
  }
  double together = double(columns.together());
  w.cycles = steps * ((s.waits ? kMemoryWait / together : 0) + std::max(s.chain, s.instructions));
  w.bound(warps);
  return w;
}

} // namespace seq::gpu
