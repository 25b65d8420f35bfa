//===- Build.cpp - A func.func to tapes -----------------------------------------------===//
//
// Registers of a point body are used again after the last use of what they hold, so that
// a block of lanes of all of them stays in the first-level cache. What a body uses from
// around it becomes a capture, level by level; constants are written once.
//
//===----------------------------------------------------------------------===//
#include "compiler/Reference/Tape.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"

#include <cstring>

using namespace mlir;

namespace seq::reference {

std::optional<Elem> elemOf(Type type, bool f64) {
  if (type.isF32())
    return f64 ? Elem::F64 : Elem::F32;
  if (type.isBF16() || type.isF16())
    return f64 ? Elem::F64 : type.isBF16() ? Elem::BF16 : Elem::F16;
  if (type.isF64())
    return Elem::F64;
  if (type.isInteger(32))
    return Elem::I32;
  if (type.isInteger(1))
    return Elem::Bool;
  if (type.isIndex() || type.isInteger(64))
    return Elem::Int;
  return std::nullopt;
}

/// The first place in a file that `loc` leads to.
static FileLineColRange findFile(Location loc) {
  if (auto file = dyn_cast<FileLineColRange>(loc))
    return file;
  if (auto name = dyn_cast<NameLoc>(loc))
    return findFile(name.getChildLoc());
  if (auto call = dyn_cast<CallSiteLoc>(loc))
    return findFile(call.getCallee());
  if (auto fused = dyn_cast<FusedLoc>(loc))
    for (Location part : fused.getLocations())
      if (FileLineColRange file = findFile(part))
        return file;
  return FileLineColRange();
}

static Place placeOf(Location loc, StringRef what) {
  Place place;
  place.what = what.str();
  if (FileLineColRange file = findFile(loc)) {
    place.file = file.getFilename().str();
    place.line = file.getStartLine();
    place.column = file.getStartColumn();
  }
  return place;
}

static uint64_t bitsOf(Attribute value, Elem e) {
  uint64_t bits = 0;
  if (auto integer = dyn_cast<IntegerAttr>(value)) {
    int64_t v = e == Elem::Bool ? !integer.getValue().isZero() : integer.getValue().getSExtValue();
    std::memcpy(&bits, &v, sizeof v);
  } else if (auto real = dyn_cast<FloatAttr>(value)) {
    double d = real.getValueAsDouble();
    float f = static_cast<float>(d);
    if (e == Elem::F32)
      std::memcpy(&bits, &f, sizeof f);
    else
      std::memcpy(&bits, &d, sizeof d);
  }
  return bits;
}

namespace {
/// Names the registers of one frame.
struct FrameBuilder {
  FrameBuilder(Body &body, FrameBuilder *outer) : body(body), outer(outer) {}
  Body &body;
  FrameBuilder *outer;
  llvm::DenseMap<Value, uint32_t> regs;
  std::vector<uint32_t> free[kElems];
  bool main() const { return !outer; }
};

class Builder {
public:
  Builder(Program &program, bool f64) : program(program), f64(f64) {}
  void function(func::FuncOp func);

private:
  Program &program;
  bool f64;
  llvm::DenseMap<Value, uint32_t> slots;

  void unsupported(Operation *op, StringRef why);
  uint32_t addPlace(Location loc, StringRef what);
  uint32_t work(const Operations<double> &operations);
  uint32_t fresh(FrameBuilder &f, Type type);
  uint32_t result(FrameBuilder &f, Value v);
  uint32_t lookup(FrameBuilder &f, Value v);
  uint32_t lookup(FrameBuilder &f, Value v, uint32_t none) { return v ? lookup(f, v) : none; }
  uint32_t slot(Value v);
  void release(FrameBuilder &f, Operation &op);

  void block(Block &b, FrameBuilder &f, std::vector<Instr> &code);
  void op(Operation &o, FrameBuilder &f, std::vector<Instr> &code);
  void body(Operation *o, Body &b, FrameBuilder &outer);
  Instr scalar(Operation &o, FrameBuilder &f);
  Instr read(ReadOp o, FrameBuilder &f);
  Instr points(Operation *o, unsigned reduced, Kernel kernel, FrameBuilder &f);
  Instr reduce(ReduceOp o, FrameBuilder &f);
  Instr scan(ScanOp o, FrameBuilder &f);
  Instr size(SizeOp o, FrameBuilder &f);
  void denseConstant(arith::ConstantOp o);
};
} // namespace

void Builder::unsupported(Operation *op, StringRef why) {
  if (!program.error.empty())
    return;
  program.error =
      ("the interpreter does not know `" + op->getName().getStringRef() + "`" + why).str();
  program.errorPlace = placeOf(op->getLoc(), "");
}

uint32_t Builder::addPlace(Location loc, StringRef what) {
  program.places.push_back(placeOf(loc, what));
  return program.places.size() - 1;
}

uint32_t Builder::work(const Operations<double> &operations) {
  double total = 0;
  operations.forEach([&](StringRef, double n) { total += n; });
  if (total == 0)
    return 0;
  program.works.push_back(operations);
  return program.works.size() - 1;
}

//===----------------------------------------------------------------------===//
// Registers and slots
//===----------------------------------------------------------------------===//

uint32_t Builder::fresh(FrameBuilder &f, Type type) {
  std::optional<Elem> e = elemOf(type, f64);
  if (!e && program.error.empty())
    program.error = "the interpreter does not know a type of the function";
  f.body.regs.push_back(e.value_or(Elem::Int));
  return f.body.regs.size() - 1;
}

uint32_t Builder::result(FrameBuilder &f, Value v) {
  std::optional<Elem> e = elemOf(v.getType(), f64);
  std::vector<uint32_t> *free = e ? &f.free[static_cast<size_t>(*e)] : nullptr;
  uint32_t reg;
  if (free && !free->empty()) {
    reg = free->back();
    free->pop_back();
  } else {
    reg = fresh(f, v.getType());
  }
  f.regs[v] = reg;
  return reg;
}

uint32_t Builder::lookup(FrameBuilder &f, Value v) {
  if (auto it = f.regs.find(v); it != f.regs.end())
    return it->second;
  uint32_t reg = fresh(f, v.getType());
  if (auto constant = v.getDefiningOp<arith::ConstantOp>())
    f.body.fixed.push_back({reg, bitsOf(constant.getValue(), f.body.regs[reg])});
  else if (f.outer)
    f.body.captures.push_back({lookup(*f.outer, v), reg});
  f.regs[v] = reg;
  return reg;
}

uint32_t Builder::slot(Value v) {
  auto [it, isNew] = slots.try_emplace(v, program.slotElems.size());
  if (isNew) {
    std::optional<Elem> e = elemOf(cast<RankedTensorType>(v.getType()).getElementType(), f64);
    program.slotElems.push_back(e.value_or(Elem::Int));
  }
  return it->second;
}

/// Frees the registers of values that `op` is the last to use. Scans run their code more
/// than once, so nothing is freed in the main frame.
void Builder::release(FrameBuilder &f, Operation &op) {
  if (f.main())
    return;
  auto lastUseIn = [&](Value v) {
    return llvm::all_of(v.getUsers(), [&](Operation *user) {
      Operation *here = op.getBlock()->findAncestorOpInBlock(*user);
      return here && (here == &op || here->isBeforeInBlock(&op));
    });
  };
  llvm::SmallDenseSet<Value, 8> seen;
  auto drop = [&](Value v) {
    Operation *def = v.getDefiningOp();
    if (!def || def->getBlock() != op.getBlock() || isa<arith::ConstantOp>(def) ||
        !isa<IntegerType, IndexType, FloatType>(v.getType()) || !seen.insert(v).second)
      return;
    if (auto it = f.regs.find(v); it != f.regs.end() && lastUseIn(v)) {
      f.free[static_cast<size_t>(f.body.regs[it->second])].push_back(it->second);
      f.regs.erase(it);
    }
  };
  op.walk([&](Operation *inner) {
    for (Value v : inner->getOperands())
      drop(v);
  });
}

//===----------------------------------------------------------------------===//
// Instructions
//===----------------------------------------------------------------------===//

Instr Builder::scalar(Operation &o, FrameBuilder &f) {
  Instr in;
  for (Kernel (*pick)(Operation *, bool) : {arithKernel, convertKernel, mathKernel, integerKernel})
    if (!in.kernel)
      in.kernel = pick(&o, f64);
  if (!in.kernel || o.getNumOperands() > 3) {
    unsupported(&o, "");
    return in;
  }
  for (auto [i, v] : llvm::enumerate(o.getOperands()))
    in.in[i] = lookup(f, v);
  auto what = o.getAttrOfType<StringAttr>("what");
  if (isa<IntDivOp, ToIntOp>(o))
    in.place = addPlace(o.getLoc(), what ? what.getValue() : "");
  in.dst = result(f, o.getResult(0));
  in.work = work(operationsOf(&o));
  return in;
}

Instr Builder::read(ReadOp o, FrameBuilder &f) {
  Read r;
  r.tensor = slot(o.getTensor());
  r.guard = lookup(f, o.getGuard(), kNone);
  for (Value i : o.getIndices())
    r.indices.push_back(lookup(f, i));
  Instr in;
  in.kernel = readKernel(program.slotElems[r.tensor]);
  in.place = addPlace(o.getLoc(), o.getCheck().value_or("an unchecked read"));
  in.payload = program.reads.size();
  program.reads.push_back(std::move(r));
  in.dst = result(f, o.getResult());
  return in;
}

Instr Builder::size(SizeOp o, FrameBuilder &f) {
  Instr in;
  in.kernel = runSize;
  auto at = llvm::find(program.sizes, o.getName());
  if (at == program.sizes.end())
    unsupported(o, (": the function has no size " + o.getName()).str());
  in.payload = at - program.sizes.begin();
  in.dst = result(f, o.getResult());
  return in;
}

/// The tape of a body over indices; `o` has its extents as operands.
void Builder::body(Operation *o, Body &b, FrameBuilder &outer) {
  b.frame = program.frames.size();
  program.frames.push_back(&b);
  for (Value e : o->getOperands().take_front(o->getRegion(0).getNumArguments()))
    b.extents.push_back(lookup(outer, e));
  FrameBuilder f(b, &outer);
  Block &inner = o->getRegion(0).front();
  for (Value i : inner.getArguments()) {
    b.indices.push_back(fresh(f, i.getType()));
    f.regs[i] = b.indices.back();
  }
  block(inner, f, b.code);
  auto yield = cast<YieldOp>(inner.getTerminator());
  for (Value v : yield.getValues())
    b.values.push_back(lookup(f, v));
  b.present = lookup(f, yield.getPresent(), kNone);
}

Instr Builder::points(Operation *o, unsigned reduced, Kernel kernel, FrameBuilder &f) {
  Instr in;
  if (!f.main()) {
    unsupported(o, " in the body of a map");
    return in;
  }
  in.kernel = kernel;
  in.place = addPlace(o->getLoc(), "array");
  in.payload = program.points.size();
  Points &p = *program.points.emplace_back(std::make_unique<Points>());
  p.reduced = reduced;
  p.ofPoint = operationsOfPoint(o);
  if (auto attention = dyn_cast<AttentionOp>(o)) {
    p.ofPoint.add(operationsOfWeight(attention), 1);
    p.ofRow = operationsOfRow(attention);
  }
  body(o, p.body, f);
  for (Value r : o->getResults()) {
    p.results.push_back(slot(r));
    p.dims.emplace_back(cast<RankedTensorType>(r.getType()).getShape());
  }
  return in;
}

/// Whether index arithmetic leads from `from` to `v`.
static bool leadsTo(Value from, Value v, unsigned depth = 8) {
  if (from == v)
    return true;
  Operation *def = v.getDefiningOp();
  return depth && def && !isa<ReadOp, ReduceOp>(def) &&
         llvm::any_of(def->getOperands(), [&](Value o) { return leadsTo(from, o, depth - 1); });
}

/// How many reads of `block` use `index` for another axis than the last.
static unsigned countJumps(Block &block, Value index) {
  unsigned n = 0;
  for (auto read : block.getOps<ReadOp>())
    for (Value i : llvm::drop_end(read.getIndices(), read.getIndices().empty() ? 0 : 1))
      n += leadsTo(index, i);
  return n;
}

Instr Builder::reduce(ReduceOp o, FrameBuilder &f) {
  Instr in;
  in.kernel = runReduce;
  in.place = addPlace(o.getLoc(), o.getWhat().value_or(""));
  in.payload = program.folds.size();
  Fold &r = *program.folds.emplace_back(std::make_unique<Fold>());
  body(o, r.body, f);
  r.guard = lookup(f, o.getGuard(), kNone);
  r.ofPoint = operationsOfPoint(o);
  r.ofEnd = operationsOfEnd(o);
  r.accumulators = program.accumulators;
  program.accumulators += o.getNumResults();
  r.jumpsAlong = countJumps(*o.bodyBlock(), o.indices().back());
  if (o->getBlock()->getNumArguments())
    r.jumpsAcross = countJumps(*o.bodyBlock(), o->getBlock()->getArguments().back());
  for (auto [i, v] : llvm::enumerate(o.getResults())) {
    r.kinds.push_back(o.kind(i));
    r.results.push_back(result(f, v));
    r.resultElems.push_back(f.body.regs[r.results.back()]);
  }
  return in;
}

Instr Builder::scan(ScanOp o, FrameBuilder &f) {
  Instr in;
  if (!f.main()) {
    unsupported(o, " in the body of a map");
    return in;
  }
  in.kernel = runScan;
  in.place = addPlace(o.getLoc(), "array");
  in.payload = program.scans.size();
  Scan &s = *program.scans.emplace_back(std::make_unique<Scan>());
  s.reverse = o.getReverse();
  s.extent = lookup(f, o.getExtent());
  s.index = result(f, o.index());
  for (auto [init, state] : llvm::zip(o.getInits(), o.states())) {
    s.inits.push_back(slot(init));
    s.states.push_back(slot(state));
  }
  block(*o.bodyBlock(), f, s.code);
  for (Value v : o.next().getStates())
    s.nexts.push_back(slot(v));
  for (Value v : o.next().getYields())
    s.yields.push_back(slot(v));
  for (Value v : o.getResults())
    s.results.push_back(slot(v));
  return in;
}

void Builder::denseConstant(arith::ConstantOp o) {
  auto dense = dyn_cast<DenseElementsAttr>(o.getValue());
  if (!dense)
    return unsupported(o, " of this kind");
  Slot s;
  uint32_t to = slot(o);
  s.elem = program.slotElems[to];
  s.shape.assign(dense.getType().getShape().begin(), dense.getType().getShape().end());
  size_t each = elemBytes(s.elem);
  s.bytes = std::shared_ptr<char>(new char[dense.getNumElements() * each + 1],
                                  [](char *p) { delete[] p; });
  char *out = s.bytes.get();
  for (Attribute value : dense.getValues<Attribute>()) {
    uint64_t bits = bitsOf(value, s.elem);
    std::memcpy(out, &bits, each);
    out += each;
  }
  program.data.push_back({to, std::move(s)});
}

void Builder::op(Operation &o, FrameBuilder &f, std::vector<Instr> &code) {
  if (auto constant = dyn_cast<arith::ConstantOp>(o)) {
    if (isa<RankedTensorType>(constant.getType()))
      denseConstant(constant);
    return; // scalars: see lookup
  }
  if (auto map = dyn_cast<MapOp>(o))
    code.push_back(points(map, 0, runMap, f));
  else if (auto softmax = dyn_cast<SoftmaxOp>(o))
    code.push_back(points(softmax, softmax.getReduced(), runSoftmax, f));
  else if (auto attention = dyn_cast<AttentionOp>(o))
    code.push_back(points(attention, 1,
                          attention.getNormaliser() ? runNormaliser
                          : attention.getLinear()   ? runLinearAttention
                                                    : runAttention,
                          f));
  else if (auto conv = dyn_cast<ConvOp>(o))
    code.push_back(points(conv, conv.getReduced(), runConv, f));
  else if (auto r = dyn_cast<ReduceOp>(o))
    code.push_back(reduce(r, f));
  else if (auto s = dyn_cast<ScanOp>(o))
    code.push_back(scan(s, f));
  else if (auto r = dyn_cast<ReadOp>(o))
    code.push_back(read(r, f));
  else if (auto s = dyn_cast<SizeOp>(o))
    code.push_back(size(s, f));
  else
    code.push_back(scalar(o, f));
}

void Builder::block(Block &b, FrameBuilder &f, std::vector<Instr> &code) {
  for (Operation &o : b.without_terminator()) {
    op(o, f, code);
    release(f, o);
  }
}

void Builder::function(func::FuncOp func) {
  addPlace(func.getLoc(), func.getName());
  if (func.getBody().getBlocks().size() != 1)
    return unsupported(func, " of several blocks");
  if (auto names = func->getAttrOfType<ArrayAttr>(kSizesAttr))
    for (auto name : names.getAsRange<StringAttr>())
      program.sizes.push_back(name.str());
  program.frames.push_back(&program.main);
  FrameBuilder f(program.main, nullptr);
  for (Value arg : func.getArguments()) {
    auto tensor = dyn_cast<RankedTensorType>(arg.getType());
    program.argSlots.push_back(tensor ? slot(arg) : kNone);
    program.argRegs.push_back(tensor ? kNone : result(f, arg));
    program.argDims.emplace_back(tensor ? tensor.getShape() : llvm::ArrayRef<int64_t>());
  }
  Block &b = func.getBody().front();
  block(b, f, program.main.code);
  for (Value v : b.getTerminator()->getOperands()) {
    bool tensor = isa<RankedTensorType>(v.getType());
    program.resultSlots.push_back(tensor ? slot(v) : kNone);
    program.resultRegs.push_back(tensor ? kNone : lookup(f, v));
  }
}

std::unique_ptr<Program> buildProgram(func::FuncOp func, bool f64) {
  auto program = std::make_unique<Program>();
  Builder(*program, f64).function(func);
  return program;
}

} // namespace seq::reference
