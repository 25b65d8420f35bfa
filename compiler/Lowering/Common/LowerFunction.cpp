//===- LowerFunction.cpp - A function of the seq dialect to code -------------------===//
//
// The seq function describes one sequence; the generated one runs a batch. Every tensor
// gets a leading batch axis in memory, padded to the call's sizes, and every index range
// is taken from the sequence's own sizes, so padding is never read: a map over (t, c)
// becomes loops over (b, t < T_b, c). Shared inputs have a batch stride of 0.
//
// Three functions come of one:
//   prepare    what depends on weights alone: maps of weights, packed streams (Plan.cpp),
//              and those weights that are read as they are
//   forward    the rest: on the CPU run by every thread of the team, with a barrier after each
//              op; for a device run by one thread, which launches kernels
//   workspace  how many bytes the intermediate tensors take
//
// Terminators are given what they hand on by maps of their own block (`normalise`), so
// that a map writes straight into the next state, the stacked yield or the output.
//
//===----------------------------------------------------------------------===//
#include "compiler/Lowering/Common/Begin.h"
#include "compiler/Lowering/Common/Lower.h"
#include "seq/abi.h"

#include "mlir/IR/AffineExpr.h"
#include "mlir/IR/AffineMap.h"

using namespace mlir;
namespace seq::lowering {

FunctionLowering::FunctionLowering(func::FuncOp func, const Target &target, StringRef suffix,
                                   ModuleOp module)
    : func(func), target(target), suffix(suffix.str()), module(module) {
  result.name = func.getName().str();
}

Value FunctionLowering::fromLane(Value, unsigned) {
  llvm_unreachable("this target has no threads that exchange registers");
}

Function FunctionLowering::run(std::vector<Place> places) {
  result.places = std::move(places);
  normalise();
  prepared = preparedTensors(func);
  emitForward();
  emitPrepare();
  emitWorkspace();
  noteMemory();
  result.preparedBytes = preparedBytes;
  return std::move(result);
}

//===----------------------------------------------------------------------===//
// Before: the form that the rest expects
//===----------------------------------------------------------------------===//

/// Sizes of an argument as index values at the function's start.
static Value expand(OpBuilder &b, Location loc, AffineExpr e, ArrayRef<Value> sizes) {
  if (auto k = dyn_cast<AffineConstantExpr>(e))
    return arith::ConstantIndexOp::create(b, loc, k.getValue());
  if (auto s = dyn_cast<AffineSymbolExpr>(e))
    return sizes[s.getPosition()];
  auto bin = cast<AffineBinaryOpExpr>(e);
  Value l = expand(b, loc, bin.getLHS(), sizes), r = expand(b, loc, bin.getRHS(), sizes);
  switch (e.getKind()) {
  case AffineExprKind::Add:
    return arith::AddIOp::create(b, loc, l, r);
  case AffineExprKind::Mul:
    return arith::MulIOp::create(b, loc, l, r);
  case AffineExprKind::FloorDiv:
    return IntDivOp::create(b, loc, DivKind::div, l, r, Value(), StringAttr());
  default:
    return IntDivOp::create(b, loc, DivKind::mod, l, r, Value(), StringAttr());
  }
}

/// An identity map that reads `tensor`.
Value FunctionLowering::copyOf(OpBuilder &b, Value tensor) {
  Type e = cast<RankedTensorType>(tensor.getType()).getElementType();
  auto map = MapOp::create(b, tensor.getLoc(), TypeRange(e), dimsOf(tensor),
                           [&](OpBuilder &in, Location loc, ValueRange i) {
                             Value v = ReadOp::create(in, loc, tensor, i);
                             YieldOp::create(in, loc, ValueRange(v));
                           });
  // Static shapes may know more than the extents do.
  map.getResult(0).setType(cast<RankedTensorType>(tensor.getType()));
  return map.getResult(0);
}

/// What `v`, which is returned, copies from the result of a map but for axes of one place: it lies
/// in memory as that does. Null: it is something else.
static Value copiedRow(Value v) {
  auto map = v.getDefiningOp<MapOp>();
  if (!map || map.getNumResults() != 1 || !v.hasOneUse())
    return {};
  auto read = map.yield().getValues().front().getDefiningOp<ReadOp>();
  auto from = read ? read.getTensor().getDefiningOp<MapOp>() : nullptr;
  if (!from || read->getBlock() != map.bodyBlock() || from->getBlock() != map->getBlock() ||
      read.getGuard() || read.getCheck() || beginOf(from))
    return {};
  unsigned axis = 0;
  for (auto [index, extent] : llvm::zip(map.indices(), map.getExtents())) {
    bool same = axis < read.getIndices().size() && read.getIndices()[axis] == index;
    if (same && (from.getExtents()[axis] == extent ||
                 (Code::constant(extent) &&
                  Code::constant(extent) == Code::constant(from.getExtents()[axis]))))
      ++axis;
    else if (same || Code::constant(extent) != 1)
      return {};
  }
  return axis == read.getIndices().size() ? read.getTensor() : Value();
}

void FunctionLowering::normalise() {
  Block &body = func.getBody().front();
  OpBuilder b(&body, body.begin());
  SmallVector<Value> sizes;
  if (auto names = func->getAttrOfType<ArrayAttr>(kSizesAttr))
    for (Attribute n : names)
      sizes.push_back(SizeOp::create(b, func.getLoc(), cast<StringAttr>(n)));
  for (auto [k, arg] : llvm::enumerate(body.getArguments())) {
    Values dims;
    auto shape = func.getArgAttrOfType<AffineMapAttr>(k, "seq.shape");
    auto type = cast<RankedTensorType>(arg.getType());
    for (int64_t d = 0; d < type.getRank(); ++d) {
      if (!type.isDynamicDim(d))
        dims.push_back(arith::ConstantIndexOp::create(b, func.getLoc(), type.getDimSize(d)));
      else
        dims.push_back(expand(b, func.getLoc(), shape.getValue().getResult(d), sizes));
    }
    argumentDims[arg] = dims;
  }
  mergeReductions(body);
  for (OpOperand &o : body.getTerminator()->getOpOperands())
    if (Value row = copiedRow(o.get())) {
      Operation *copy = o.get().getDefiningOp();
      o.set(row);
      copy->erase();
    }
  SmallVector<Operation *> terminators;
  func.walk([&](NextOp n) { terminators.push_back(n); });
  terminators.push_back(body.getTerminator());
  for (Operation *t : terminators) {
    llvm::DenseSet<Value> seen;
    OpBuilder at(t);
    for (OpOperand &o : t->getOpOperands()) {
      Operation *d = o.get().getDefiningOp();
      bool here = d && d->getBlock() == t->getBlock();
      bool fine = here && (isa<MapOp>(d) ||
                           (isa<func::ReturnOp>(t) && isa<ScanOp>(d) && !seen.contains(o.get())));
      if (!fine)
        o.set(copyOf(at, o.get()));
      seen.insert(o.get());
    }
  }
}

/// Results of the function are not prepared: they are written in each call.
llvm::DenseSet<Value> preparedTensors(func::FuncOp func) {
  llvm::DenseSet<Value> prepared;
  Block &body = func.getBody().front();
  for (auto [k, arg] : llvm::enumerate(body.getArguments()))
    if (func.getArgAttr(k, kWeightAttr))
      prepared.insert(arg);
  for (auto map : body.getOps<MapOp>()) {
    bool only = true;
    for (Value e : map.getExtents())
      only &= Code::constant(e).has_value();
    for (Value r : map.getResults())
      for (Operation *user : r.getUsers())
        only &= !isa<func::ReturnOp>(user);
    map->walk([&](Operation *op) {
      only &= !isa<IntDivOp, ToIntOp>(op) || !op->hasAttr("what");
      if (auto read = dyn_cast<ReadOp>(op))
        only &= !read.getCheck();
      for (Value o : op->getOperands())
        if (!map->isAncestor(o.getParentRegion()->getParentOp()))
          only &=
              isa<TensorType>(o.getType()) ? prepared.contains(o) : Code::constant(o).has_value();
    });
    if (only)
      prepared.insert(map.getResults().begin(), map.getResults().end());
  }
  return prepared;
}

//===----------------------------------------------------------------------===//
// Sizes
//===----------------------------------------------------------------------===//

Value FunctionLowering::evaluateWith(Value v, llvm::function_ref<Value(SizeOp)> size,
                                     llvm::function_ref<Value(BlockArgument)> argument) {
  Code &c = *code;
  if (Value known = stepScalars.lookup(v))
    return known;
  if (auto a = dyn_cast<BlockArgument>(v))
    return argument(a);
  Operation *op = v.getDefiningOp();
  if (auto s = dyn_cast<SizeOp>(op))
    return size(s);
  if (auto k = Code::constant(v))
    return c.i(*k);
  SmallVector<Value, 2> in;
  for (Value o : op->getOperands())
    in.push_back(evaluateWith(o, size, argument));
  if (isa<arith::AddIOp>(op))
    return c.add(in[0], in[1]);
  if (isa<arith::SubIOp>(op))
    return c.sub(in[0], in[1]);
  if (isa<arith::MulIOp>(op))
    return c.mul(in[0], in[1]);
  if (isa<arith::MaxSIOp>(op))
    return c.max(in[0], in[1]);
  if (isa<arith::MinSIOp>(op))
    return c.min(in[0], in[1]);
  bool div = isa<arith::FloorDivSIOp>(op);
  if (auto d = dyn_cast<IntDivOp>(op))
    div = d.getKind() == DivKind::div;
  // A size that is divided by a size of zero has no points; 1 keeps the division harmless.
  Value y = Code::constant(in[1])
                ? in[1]
                : c.select(c.cmp(arith::CmpIPredicate::eq, in[1], c.i(0)), c.i(1), in[1]);
  Value q = c.floorDiv(in[0], y);
  return div ? q : c.sub(in[0], c.mul(q, y));
}

static bool dependsOnStep(Value v) {
  Operation *op = v.getDefiningOp();
  return !op || llvm::any_of(op->getOperands(), dependsOnStep);
}

Value upperBound(Value v) {
  auto min = v.getDefiningOp<arith::MinSIOp>();
  if (min && dependsOnStep(v))
    for (Value side : {min.getLhs(), min.getRhs()})
      if (!dependsOnStep(side))
        return side;
  return v;
}

Value FunctionLowering::padded(Value v) {
  v = upperBound(v);
  auto it = paddedCache.find(v);
  if (it != paddedCache.end())
    return it->second;
  Value r = atEntry([&] {
    Code &c = *code;
    return evaluateWith(
        v,
        [&](SizeOp s) {
          auto names = func->getAttrOfType<ArrayAttr>(kSizesAttr);
          int64_t k = std::distance(names.begin(), llvm::find(names, s.getNameAttr()));
          return c.load(c.at(c.field(call, offsetof(seq_call, sizes), c.ptr), c.i64, c.i(k)),
                        c.i64);
        },
        [&](BlockArgument) -> Value { llvm_unreachable("sizes do not depend on positions"); });
  });
  return paddedCache[v] = r;
}

Value FunctionLowering::evaluate(Value v, const Row &row) {
  Code &c = *code;
  return evaluateWith(
      v,
      [&](SizeOp s) {
        auto names = func->getAttrOfType<ArrayAttr>(kSizesAttr);
        int64_t k = std::distance(names.begin(), llvm::find(names, s.getNameAttr()));
        return c.load(c.at(lengthsBase, c.i64, c.add(c.mul(batch, c.i(k)), row.b)), c.i64);
      },
      [&](BlockArgument a) -> Value { return row.t[scanLevel[a.getOwner()->getParentOp()]]; });
}

bool FunctionLowering::dependsOnBatch(Value v) {
  if (auto a = dyn_cast<BlockArgument>(v)) {
    auto scan = dyn_cast<ScanOp>(a.getOwner()->getParentOp());
    return scan && scan.getReverse();
  }
  Operation *op = v.getDefiningOp();
  if (isa<SizeOp>(op))
    return true;
  return llvm::any_of(op->getOperands(), [&](Value o) { return dependsOnBatch(o); });
}

Value FunctionLowering::elements(ArrayRef<Value> dims) {
  return atEntry([&] {
    Value n = code->i(1);
    for (Value d : dims)
      n = code->mul(n, code->max(padded(d), code->i(0)));
    return n;
  });
}

Values FunctionLowering::dimsOf(Value v) {
  if (auto it = argumentDims.find(v); it != argumentDims.end())
    return it->second;
  if (auto a = dyn_cast<BlockArgument>(v))
    return dimsOf(cast<ScanOp>(a.getOwner()->getParentOp()).getInits()[a.getArgNumber() - 1]);
  Operation *op = v.getDefiningOp();
  if (auto map = dyn_cast<MapOp>(op))
    return Values(map.getExtents());
  auto scan = cast<ScanOp>(op);
  unsigned k = cast<OpResult>(v).getResultNumber();
  if (k >= scan.numYields())
    return dimsOf(scan.getInits()[k - scan.numYields()]);
  Values dims{scan.getExtent()};
  llvm::append_range(dims, dimsOf(scan.next().getYields()[k]));
  return dims;
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

Buffer FunctionLowering::denseBuffer(Value base, Type elem, ArrayRef<Value> dims, bool perBatch) {
  return atEntry([&] {
    Code &c = *code;
    Buffer b;
    b.base = base;
    b.elem = elem;
    b.dims.assign(dims.begin(), dims.end());
    b.perBatch = perBatch;
    Value stride = c.i(1);
    b.strides.resize(dims.size());
    for (size_t k = dims.size(); k-- > 0;) {
      b.strides[k] = stride;
      stride = c.mul(stride, c.max(padded(dims[k]), c.i(0)));
    }
    b.batchStride = perBatch ? stride : c.i(0);
    return b;
  });
}

/// Bytes of a tensor for all sequences, or for one thread.
Value FunctionLowering::slotBytes(Type elem, ArrayRef<Value> dims, bool perThread) {
  Code &c = *code;
  Value n = c.mul(elements(dims), c.i(Code::bytes(elem)));
  if (!perThread)
    n = c.mul(n, batch);
  // A cache line of slack keeps threads apart and lets whole vectors be read.
  return c.add(c.bin<arith::AndIOp>(c.add(n, c.i(63)), c.i(-64)), c.i(64));
}

Buffer FunctionLowering::allocate(Type elem, ArrayRef<Value> dims, bool near) {
  if (std::optional<Buffer> buffer = near ? nearMemory(elem, dims) : std::nullopt)
    return *buffer;
  slots.push_back({elem, Values(dims.begin(), dims.end()), perThread});
  Value bytes;
  Value base = atEntry([&] {
    Code &c = *code;
    Value first = workspaceCursor;
    bytes = slotBytes(elem, dims, perThread);
    workspaceCursor = c.add(workspaceCursor, perThread ? c.mul(bytes, nthreads) : bytes);
    return c.at(workspaceBase, c.i8, first);
  });
  if (perThread)
    base = ownShare(base, bytes);
  alignedBases.insert(base);
  return denseBuffer(base, elem, dims, !perThread);
}

int64_t FunctionLowering::preparedOffset(Value tensor) {
  auto it = preparedOffsets.find(tensor);
  if (it != preparedOffsets.end())
    return it->second;
  auto type = cast<RankedTensorType>(tensor.getType());
  int64_t bytes = Code::bytes(type.getElementType());
  for (Value d : dimsOf(tensor))
    bytes *= std::max<int64_t>(*Code::constant(d), 0);
  int64_t offset = preparedBytes;
  preparedBytes += llvm::alignTo(bytes + 64, 64);
  preparedOffsets[tensor] = offset;
  return offset;
}

Buffer FunctionLowering::preparedBuffer(Value tensor) {
  Type e = cast<RankedTensorType>(tensor.getType()).getElementType();
  auto arg = dyn_cast<BlockArgument>(tensor);
  Value base = atEntry([&] {
    Code &c = *code;
    if (arg && inPrepare)
      return c.load(
          c.at(c.field(call, offsetof(seq_call, params), c.ptr), c.ptr, c.i(arg.getArgNumber())),
          c.ptr);
    return c.at(preparedBase, c.i8, c.i(preparedOffset(tensor)));
  });
  if (!inPrepare)
    constantBases.insert(base);
  if (!arg || !inPrepare)
    alignedBases.insert(base);
  return denseBuffer(base, e, dimsOf(tensor), false);
}

Buffer &FunctionLowering::bufferOf(Value tensor) {
  auto it = buffers.find(tensor);
  if (it != buffers.end())
    return it->second;
  assert(isPrepared(tensor) && "a tensor is read before it has memory");
  Buffer b = preparedBuffer(tensor);
  return buffers[tensor] = b;
}

//===----------------------------------------------------------------------===//
// The three functions
//===----------------------------------------------------------------------===//

void FunctionLowering::beginFunction(StringRef name, bool returnsSize) {
  builder = std::make_unique<OpBuilder>(func.getContext());
  builder->setInsertionPointToEnd(module.getBody());
  Type ptr = LLVM::LLVMPointerType::get(func.getContext());
  Type i32 = builder->getI32Type(), i64 = builder->getI64Type();
  SmallVector<Type> in{ptr, i32};
  if (!returnsSize)
    in.push_back(i32);
  auto type = builder->getFunctionType(in, returnsSize ? TypeRange(i64) : TypeRange());
  auto f = func::FuncOp::create(*builder, func.getLoc(), name, type);
  Block *entry = f.addEntryBlock();
  builder->setInsertionPointToStart(entry);
  code = std::make_unique<Code>(func.getLoc(), *builder, target);
  code->b.setInsertionPointToStart(entry);
  code->module = module;
  Code &c = *code;
  call = entry->getArgument(0);
  tid = entry->getArgument(1); // of `workspace`: how many there are
  batch = c.field(call, offsetof(seq_call, batch), c.i64);
  lengthsBase = c.field(call, offsetof(seq_call, lengths), c.ptr);
  workspaceBase = c.field(call, offsetof(seq_call, workspace), c.ptr);
  preparedBase = c.field(call, offsetof(seq_call, prepared), c.ptr);
  anchor = arith::ConstantOp::create(c.b, c.b.getI64IntegerAttr(0));
  constantBases = {lengthsBase};
  alignedBases.clear();
  buffers.clear();
  paddedCache.clear();
  stepScalars.clear();
}

void FunctionLowering::emitForward() {
  result.forward = result.name + "_forward" + suffix;
  beginFunction(result.forward, false);
  Code &c = *code;
  Block &body = func.getBody().front();
  nthreads = atEntry(
      [&] { return arith::ExtSIOp::create(c.b, c.i64, anchor->getBlock()->getArgument(2)); });
  atEntry([&] { workspaceCursor = c.i(0); });
  int64_t input = 0;
  for (BlockArgument arg : body.getArguments()) {
    if (isPrepared(arg))
      continue;
    Value base = atEntry([&] {
      return c.load(c.at(c.field(call, offsetof(seq_call, inputs), c.ptr), c.ptr, c.i(input)),
                    c.ptr);
    });
    Buffer b = denseBuffer(base, cast<RankedTensorType>(arg.getType()).getElementType(),
                           argumentDims[arg], true);
    b.batchStride = atEntry([&] {
      return c.load(
          c.at(c.field(call, offsetof(seq_call, input_strides), c.ptr), c.i64, c.i(input)), c.i64);
    });
    buffers[arg] = b;
    // The states of a stream may be outputs as well.
    if (!func->hasAttr(kPositionAttr))
      constantBases.insert(base);
    ++input;
  }
  for (OpOperand &o : body.getTerminator()->getOpOperands()) {
    Value base = atEntry([&] {
      return c.load(
          c.at(c.field(call, offsetof(seq_call, outputs), c.ptr), c.ptr, c.i(o.getOperandNumber())),
          c.ptr);
    });
    Type e = cast<RankedTensorType>(o.get().getType()).getElementType();
    destinations[o.get()].push_back(denseBuffer(base, e, dimsOf(o.get()), true));
  }
  lowerBody(body);
  func::ReturnOp::create(c.b);
  finishFunction();
}

void FunctionLowering::emitPrepare() {
  Block &body = func.getBody().front();
  SmallVector<MapOp> maps;
  for (auto map : body.getOps<MapOp>())
    if (isPrepared(map.getResult(0)))
      maps.push_back(map);
  if (maps.empty() && preparedBytes == 0)
    return;
  result.prepare = result.name + "_prepare" + suffix;
  inPrepare = true;
  beginFunction(result.prepare, false);
  for (MapOp map : maps)
    for (Value v : map.getResults()) {
      buffers[v] = preparedBuffer(v);
      destinations[v] = {buffers[v]};
    }
  prepareAll(maps);
  func::ReturnOp::create(code->b);
  finishFunction();
  inPrepare = false;
}

void FunctionLowering::emitWorkspace() {
  result.workspace = result.name + "_workspace" + suffix;
  beginFunction(result.workspace, true);
  Code &c = *code;
  Value total = c.i(64), threads = arith::ExtSIOp::create(c.b, c.i64, tid);
  for (Slot &s : slots) {
    Value bytes = slotBytes(s.elem, s.dims, s.perThread);
    total = c.add(total, s.perThread ? c.mul(bytes, threads) : bytes);
  }
  func::ReturnOp::create(c.b, ValueRange(total));
}

void sharePrepare(ModuleOp module, std::vector<Function> &functions) {
  Function &last = functions.back();
  auto own = module.lookupSymbol<func::FuncOp>(last.prepare);
  for (Function &before : llvm::drop_end(functions)) {
    auto other = module.lookupSymbol<func::FuncOp>(before.prepare);
    if (!own || !other || before.preparedBytes != last.preparedBytes ||
        !OperationEquivalence::isRegionEquivalentTo(&own.getBody(), &other.getBody(),
                                                    OperationEquivalence::IgnoreLocations))
      continue;
    last.prepare = before.prepare;
    return own.erase();
  }
}

} // namespace seq::lowering
