//===- Cost.cpp - What kernels would take --------------------------------------------------===//
//
// Problem: which form of a recurrence is the fastest on a GPU is no question of operations alone.
// Step by step a few columns wait for memory and for themselves while the chip has nothing to do;
// in chunks a block waits at barriers; in blocks of time there is more work and more to fill the
// chip with.
//
// Method: a form is taken through the transforms that follow and costed as the kernels that the
// lowering would launch, with the lowering's own decisions. Each kernel takes the longest of
//
//   memory    what it has not in the second-level cache, over the bandwidth
//   cache     what it requests, over that of the second-level cache
//   work      instructions of a multiprocessor's blocks, f32 arithmetic, matrix products
//   latency   the cycles of one block by itself, as often as blocks come one after the other
//
// and a launch. Blocks are shared out evenly, as many at once as threads and shared memory allow.
//
// The body of a stream's step is costed three times: as a kernel for each op, and as one kernel of
// a block or of a group of blocks for each sequence.
//
// Constants are published ones (Chips.cpp, BlockCost.h); nothing here was measured. What is left
// out: registers, bank conflicts, first-level caches but for rows that one thread reads.
//
//===----------------------------------------------------------------------===//
#include "compiler/Lowering/Gpu/Cost.h"

#include "compiler/Analysis/Sharing.h"
#include "compiler/Analysis/Work.h"
#include "compiler/Lowering/Common/Begin.h"
#include "compiler/Lowering/Gpu/BlockCost.h"
#include "compiler/Transforms/Rewrite.h"
#include "compiler/Transforms/Transforms.h"

#include "mlir/IR/AffineExpr.h"
#include "mlir/Pass/PassManager.h"

using namespace mlir;
namespace seq::gpu {

/// Nanoseconds of a launch, and what one costs more whose blocks wait for each other.
constexpr double kLaunch = 2500, kCooperative = 5000;
/// Bytes of the second-level cache in a cycle, for each multiprocessor.
constexpr double kCacheBytes = 32;
/// A tensor stays in the second-level cache from one kernel to the next up to this share of it.
constexpr double kCacheShare = 0.25;
/// Bytes of a warp's requests for the sizes of its sequence.
constexpr double kSizesRead = 64;
/// Blocks of a multiprocessor at most, and what of shared memory each takes for itself.
constexpr double kMostResident = 32, kReserved = 1024;

namespace {
class Kernels {
public:
  Kernels(func::FuncOp func, const CallFacts &facts,
          const llvm::DenseMap<Value, double> &known = llvm::DenseMap<Value, double>())
      : func(func), facts(facts), elements(known) {
    this->facts.elements = [this](Value v) { return elementsOf(v); };
  }

  std::vector<KernelCost> run() {
    for (Operation &op : func.getBody().front().without_terminator()) {
      auto isMade = [&](Value r) { return facts.prepared.contains(r); };
      if (op.getNumResults() && isMade(op.getResult(0)))
        continue;
      if (auto map = dyn_cast<MapOp>(op))
        add(map);
      else if (auto scan = dyn_cast<ScanOp>(op))
        scan.getInits().empty() ? addLoop(scan) : add(scan);
    }
    return std::move(kernels);
  }

  /// The whole body in one kernel: a block for each sequence, or a group of blocks.
  double asOne(double groups) {
    double threads = groups > 1 ? kGroupThreads : threadsFor(func, facts.prepared);
    BlockCost block(facts, threads, groups);
    BlockWork w = block.body(func.getBody().front());
    double memory = 0;
    for (Operation &op : func.getBody().front().without_terminator())
      if (isa<MapOp, ScanOp>(op) && !facts.prepared.contains(op.getResult(0)))
        memory += memoryOf(&op);
    close("step", memory, facts.batch * groups, threads, block.sharedBytes(), w);
    return kernels.back().nanoseconds + (groups > 1 ? kCooperative : 0);
  }

  /// Blocks that share a sequence where `worth` says that several do.
  double groupsOf(bool worth) const {
    double room = std::floor(workers() / 2);
    return worth && facts.batch < room ? std::floor(room / facts.batch) : 1;
  }

  /// Of a tensor of one sequence.
  double elementsOf(Value v) {
    if (auto it = elements.find(v); it != elements.end())
      return it->second;
    return elements[v] = countElements(v);
  }

private:
  //===--- Kinds -----------------------------------------------------------------------===//

  void add(MapOp map) {
    auto contraction = contractionOf(map);
    auto shape = contraction ? tileFor(map, *contraction, 0, tileBytes(facts.target), facts.target)
                             : std::nullopt;
    if (shape) {
      BlockCost block(facts, shape->threads());
      BlockWork w = block.tile(map, *contraction, *shape);
      double n = facts.batch * block.tiles(map, *contraction, *shape);
      return close("product", memoryOf(map), n, shape->threads(),
                   double(shape->bytes(*contraction)), w);
    }
    double points = facts.points(map);
    bool across = planPoints(map, kManyThreads).across;
    double each = std::floor(facts.batch * points / (workers() * kWorkerThreads));
    double perBlock = across ? kThreads / kWarp : kThreads * std::clamp<double>(each, 1, kMostEach);
    double blocks = std::ceil(points / perBlock);
    BlockCost block(facts, kThreads);
    BlockWork w = block.points(map, blocks > 0 ? points / blocks : 0);
    // Each warp asks for the sequence's sizes.
    bool sized = !llvm::all_of(map.getExtents(), [](Value e) { return Code::constant(e); });
    w.read += sized ? kSizesRead * kThreads / kWarp : 0;
    close("map", memoryOf(map), facts.batch * blocks, kThreads, 0, w);
  }

  void add(ScanOp scan) {
    OpBuilder b(&func.getBody().front(), func.getBody().front().begin());
    auto dimsOf = [&](Value v) -> Values {
      if (auto a = dyn_cast<BlockArgument>(v); a && a.getOwner() == scan.bodyBlock())
        v = scan.getInits()[a.getArgNumber() - 1];
      auto sizes = tensorSizes(b, func, v);
      return sizes ? Values(sizes->begin(), sizes->end()) : Values();
    };
    bool plain = llvm::all_of(scan.getInits(), [&](Value v) {
      return !dimsOf(v).empty() || cast<RankedTensorType>(v.getType()).getRank() == 0;
    });
    if (auto columns = plain ? columnsOf(scan, dimsOf) : std::nullopt) {
      double perBlock = double(kColumnThreads / columns->lanes);
      double blocks = std::ceil(facts.points(ValueRange(columns->extents)) / perBlock);
      return close("columns", memoryOf(scan), facts.batch * blocks, kColumnThreads, 0,
                   columnsWork(facts, scan, *columns, kColumnThreads));
    }
    double groups = groupsOf(analysis::worthSharing(
        scan, [&](MapOp map) { return !facts.prepared.contains(map.getResult(0)); }));
    double threads = groups > 1 ? kGroupThreads : threadsFor(scan, facts.prepared);
    BlockCost block(facts, threads, groups);
    BlockWork w = block.steps(scan);
    w.read += block.keptBytes(), w.cached += block.keptBytes();
    close("scan", memoryOf(scan), facts.batch * groups, threads, block.sharedBytes(), w);
    if (groups > 1)
      kernels.back().nanoseconds += kCooperative;
  }

  /// Blocks take the steps of all sequences in turn.
  void addLoop(ScanOp scan) {
    double threads = threadsFor(scan, facts.prepared);
    BlockCost block(facts, threads);
    BlockWork w = block.step(*scan.bodyBlock());
    double items = facts.batch * facts.value(scan.getExtent()), blocks = std::min(items, workers());
    close("loop", memoryOf(scan), blocks, threads, block.sharedBytes(),
          w * (blocks > 0 ? std::ceil(items / blocks) : 0));
    kernels.back().bytesRead = items * w.read, kernels.back().bytesWritten = items * w.written;
  }

  /// Blocks that a call's workspace is for.
  double workers() const { return 2 * facts.chip.multiprocessors; }

  //===--- Time ------------------------------------------------------------------------===//

  void close(StringRef what, double memory, double blocks, double threads, double shared,
             const BlockWork &w) {
    const Chip &chip = facts.chip;
    KernelCost k;
    k.what = what.str();
    k.blocks = blocks, k.threads = threads;
    k.operations = blocks * w.operations;
    k.bytesRead = blocks * w.read, k.bytesWritten = blocks * w.written;
    k.memoryBytes = memory;
    double resident = std::min({kMostResident, std::floor(chip.threads / threads),
                                std::floor(chip.shared / (shared + kReserved))});
    double own = std::ceil(blocks / chip.multiprocessors); // of the busiest one
    double waves = std::ceil(own / std::max(resident, 1.0));
    double matrixRate = chip.tf32 * 1e3 / chip.clock() / chip.multiprocessors;
    double work = own * std::max({w.issues / (kIssue * kUsual), w.arithmetic * kWarp / chip.lanes,
                                  w.matrix / matrixRate});
    double cached = blocks * (w.cached + w.written);
    std::pair<double, const char *> all[] = {
        {k.memoryBytes / chip.bandwidth, "memory"},
        {cached / (kCacheBytes * chip.multiprocessors * chip.clock()), "cache"},
        {work / chip.clock(), "work"},
        {waves * w.cycles / chip.clock(), "latency"}};
    auto longest = *llvm::max_element(all, [](auto &a, auto &b) { return a.first < b.first; });
    k.nanoseconds = longest.first + kLaunch;
    k.bound = longest.second;
    kernels.push_back(k);
  }

  /// Bytes of tensors that it reads or makes and that are not in the second-level cache.
  double memoryOf(Operation *op) {
    double sum = 0, most = kCacheShare * facts.chip.cacheBytes;
    llvm::DenseSet<Value> read;
    op->walk([&](ReadOp r) {
      Value v = r.getTensor();
      if (!op->isAncestor(v.getParentRegion()->getParentOp()) && read.insert(v).second) {
        double bytes = bytesOf(v);
        bool fresh = isa<BlockArgument>(v) && fetched.insert(v).second;
        sum += bytes > most || fresh ? bytes : 0;
      }
    });
    for (Value r : op->getResults()) {
      bool given = llvm::any_of(r.getUsers(), [](Operation *o) { return isa<func::ReturnOp>(o); });
      double bytes = bytesOf(r);
      if (auto map = dyn_cast<MapOp>(op); map && beginOf(map))
        bytes *= facts.points(map) / facts.points(map.getExtents());
      sum += bytes > most || given ? bytes : 0;
    }
    return sum;
  }

  double bytesOf(Value tensor) {
    double n = elementsOf(tensor);
    n *= double(Code::bytes(cast<RankedTensorType>(tensor.getType()).getElementType()));
    bool weight = facts.prepared.contains(tensor);
    return weight ? n : n * facts.batch;
  }

  double countElements(Value v) {
    if (auto a = dyn_cast<BlockArgument>(v)) {
      if (auto scan = dyn_cast<ScanOp>(a.getOwner()->getParentOp()))
        return elementsOf(scan.getInits()[a.getArgNumber() - 1]);
      return analysis::elementsOf(func, a.getArgNumber()).at(facts.sizes);
    }
    if (auto map = v.getDefiningOp<MapOp>())
      return facts.points(map.getExtents());
    auto scan = v.getDefiningOp<ScanOp>();
    if (!scan) // a constant
      return double(cast<RankedTensorType>(v.getType()).getNumElements());
    unsigned k = cast<OpResult>(v).getResultNumber();
    return k < scan.numYields()
               ? facts.value(scan.getExtent()) * elementsOf(scan.next().getYields()[k])
               : elementsOf(scan.getInits()[k - scan.numYields()]);
  }

  func::FuncOp func;
  CallFacts facts;
  llvm::DenseMap<Value, double> elements;
  llvm::DenseSet<Value> fetched; ///< arguments that a kernel has read already
  std::vector<KernelCost> kernels;
};

//===----------------------------------------------------------------------===//
// Ops of a form as a function of their own
//===----------------------------------------------------------------------===//

/// Its arguments are the tensors that the ops read.
class Scratch {
public:
  Scratch(ArrayRef<Operation *> ops, ValueRange results, CallFacts &facts) {
    auto from = ops.front()->getParentOfType<func::FuncOp>();
    OpBuilder b(from.getContext());
    module = ModuleOp::create(from.getLoc());
    b.setInsertionPointToEnd(module->getBody());
    func = func::FuncOp::create(b, from.getLoc(), "form", b.getFunctionType({}, {}));
    if (Attribute sizes = from->getAttr(kSizesAttr))
      func->setAttr(kSizesAttr, sizes);
    b.setInsertionPointToEnd(func.addEntryBlock());
    llvm::DenseSet<Operation *> own(ops.begin(), ops.end());
    llvm::DenseSet<Value> weights = preparedTensors(from);
    std::function<void(Value)> take = [&](Value v) {
      Operation *maker = v.getDefiningOp();
      if (mapping.contains(v) || own.contains(maker))
        return;
      if (isa<TensorType>(v.getType()) && !isa_and_nonnull<arith::ConstantOp>(maker))
        return addArgument(from, v, weights.contains(v), facts);
      for (Value o : maker->getOperands())
        take(o);
      b.clone(*maker, mapping);
    };
    for (Operation *op : ops) {
      // Columns are found by the sizes of initial states.
      if (auto scan = dyn_cast<ScanOp>(op))
        for (Value init : scan.getInits())
          if (auto map = init.getDefiningOp<MapOp>(); map && !own.contains(map)) {
            llvm::for_each(map.getExtents(), take);
            for (auto [old, now] : llvm::zip(map.getResults(), zeros(b, map).getResults()))
              mapping.map(old, now);
          }
      for (Value v : op->getOperands())
        take(v);
      for (Value v : capturedBy(op))
        take(v);
      b.clone(*op, mapping);
    }
    SmallVector<Value> returned;
    for (Value r : results)
      returned.push_back(mapping.lookupOrNull(r) ? mapping.lookup(r) : Value());
    llvm::erase(returned, Value());
    func::ReturnOp::create(b, from.getLoc(), returned);
    func.setType(b.getFunctionType(func.getBody().front().getArgumentTypes(),
                                   ValueRange(returned).getTypes()));
  }

  bool transform() {
    PassManager pm(module->getContext());
    pm.enableVerifier(false);
    addMapTransforms(pm, ""); // forms are compared by products of f32
    return succeeded(pm.run(*module));
  }

  OwningOpRef<ModuleOp> module;
  func::FuncOp func;
  llvm::DenseMap<Value, double> elements; ///< of arguments

private:
  void addArgument(func::FuncOp from, Value v, bool weight, CallFacts &facts) {
    unsigned n = func.getNumArguments();
    SmallVector<NamedAttribute> attributes;
    auto a = dyn_cast<BlockArgument>(v);
    if (a && from.getArgAttrDict(a.getArgNumber()))
      llvm::append_range(attributes, from.getArgAttrDict(a.getArgNumber()).getValue());
    (void)func.insertArgument(n, v.getType(), DictionaryAttr(), v.getLoc());
    func.setArgAttrs(n, attributes);
    if (weight)
      func.setArgAttr(n, kWeightAttr, UnitAttr::get(func.getContext()));
    mapping.map(v, func.getArgument(n));
    elements[func.getArgument(n)] = Kernels(from, facts).elementsOf(v);
  }

  /// A map of the same shape that is made of nothing.
  MapOp zeros(OpBuilder &b, MapOp map) {
    SmallVector<Value> extents;
    for (Value e : map.getExtents())
      extents.push_back(mapping.lookup(e));
    return MapOp::create(b, map.getLoc(), map.yield()->getOperandTypes(), extents,
                         [&](OpBuilder &in, Location loc, ValueRange) {
                           SmallVector<Value> values;
                           for (Type t : map.yield()->getOperandTypes())
                             values.push_back(
                                 arith::ConstantOp::create(in, loc, in.getZeroAttr(t)));
                           YieldOp::create(in, loc, values);
                         });
  }

  IRMapping mapping;
};
} // namespace

std::vector<KernelCost> kernelCosts(func::FuncOp func, const Target &target,
                                    const analysis::Sizes &sizes, int64_t batch) {
  mergeReductions(func.getBody().front());
  CallFacts facts{chipOf(target.level), target, sizes, double(batch), preparedTensors(func)};
  return Kernels(func, facts).run();
}

StepCost stepCost(func::FuncOp func, const Target &target, StringRef given, int64_t batch) {
  analysis::Sizes sizes;
  StringRef position = func->getAttrOfType<StringAttr>(kPositionAttr).getValue();
  for (auto name : func->getAttrOfType<ArrayAttr>(kSizesAttr).getAsRange<StringAttr>())
    sizes[name.str()] = name.getValue() == position ? kNominalSteps : kNominalSize;
  giveSizes(sizes, given);
  CallFacts facts{chipOf(target.level), target, sizes, double(batch), preparedTensors(func)};
  StepCost out;
  for (const KernelCost &k : Kernels(func, facts).run())
    out.kernels += k.nanoseconds;
  out.block = Kernels(func, facts).asOne(1);
  double groups = Kernels(func, facts).groupsOf(true);
  out.group = groups > 1 ? Kernels(func, facts).asOne(groups) : out.block;
  return out;
}

double GpuCost::costOf(ArrayRef<Operation *> ops, ValueRange results,
                       const analysis::Sizes &sizes) {
  if (ops.empty())
    return 0;
  CallFacts facts{chipOf(target.level), target, sizes, double(batch), {}};
  Scratch scratch(ops, results, facts);
  if (!scratch.transform())
    return std::numeric_limits<double>::infinity();
  mergeReductions(scratch.func.getBody().front());
  facts.prepared = preparedTensors(scratch.func);
  double sum = 0;
  for (const KernelCost &k : Kernels(scratch.func, facts, scratch.elements).run())
    sum += k.nanoseconds;
  return sum;
}

} // namespace seq::gpu
