//===- Outline.cpp - Kernels from regions to functions of the device ------------------===//
//
// What a region uses of the function around it becomes arguments, 8 bytes each; constants are
// made again inside. Descriptions of tensors become tensor maps, which come first. In its place
// stands a call of seq_rt_launch.
//
//===----------------------------------------------------------------------===//
#include "compiler/Lowering/Gpu/GpuLowering.h"

#include "seq/abi.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
namespace seq::gpu {

constexpr llvm::StringLiteral kLaunch = "seq_rt_launch";

/// What ops of `region` use that stands outside of it.
static llvm::SetVector<Value> usedFromOutside(Region &region) {
  llvm::SetVector<Value> used;
  region.walk([&](Operation *op) {
    for (Value v : op->getOperands())
      if (!region.isAncestor(v.getParentRegion()))
        used.insert(v);
  });
  return used;
}

/// Makes `v` anew at the start of `region`, for all that use it there.
static void replaceInside(Value v, Value by, Region &region) {
  v.replaceUsesWithIf(
      by, [&](OpOperand &use) { return region.isAncestor(use.getOwner()->getParentRegion()); });
}

/// The integer with the bits of a number.
static Type bitsOf(Code &c, Type t) {
  return isa<FloatType>(t) ? Type(c.b.getIntegerType(t.getIntOrFloatBitWidth())) : t;
}

/// A value of at most 8 bytes as an argument of 8.
static Value widen(Code &c, Value v) {
  if (v.getType() == c.ptr)
    return v;
  Type bits = bitsOf(c, v.getType());
  if (bits != v.getType())
    v = c.bitcast(v, bits);
  return bits == c.i64 ? v : arith::ExtUIOp::create(c.b, c.i64, v);
}

static Value narrow(Code &c, Value v, Type t) {
  if (t == c.ptr)
    return v;
  Type bits = bitsOf(c, t);
  Value word = bits == c.i64 ? v : arith::TruncIOp::create(c.b, bits, v);
  return bits == t ? word : c.bitcast(word, t);
}

/// What a tensor map's place among arguments is a multiple of.
constexpr int64_t kMapBytes = 64;

/// Moves the region of `launch` to the device's module; its arguments are `used`.
static void moveKernel(Code &c, Region &region, const std::string &name, unsigned threads,
                       ArrayRef<Value> used, size_t maps, const llvm::DenseSet<Value> &constant,
                       ModuleOp device) {
  OpBuilder b(device.getBodyRegion());
  b.setInsertionPointToEnd(device.getBody());
  SmallVector<Type> types;
  for (Value v : used)
    types.push_back(v.getType() == c.ptr ? c.ptr : c.i64);
  auto kernel = func::FuncOp::create(b, region.getLoc(), name, b.getFunctionType(types, {}));
  kernel->setAttr(NVVM::NVVMDialect::getKernelFuncAttrName(), b.getUnitAttr());
  kernel->setAttr(NVVM::NVVMDialect::getReqntidAttrName(),
                  b.getDenseI32ArrayAttr({int32_t(threads), 1, 1}));
  // The assembler would rather spill than let a block have a multiprocessor to itself.
  kernel->setAttr(NVVM::NVVMDialect::getMinctasmAttrName(), b.getI32IntegerAttr(1));
  // Loads of what nobody writes may run ahead of stores, and through the read-only cache.
  for (auto [k, v] : llvm::enumerate(used))
    if (constant.contains(v))
      for (StringRef name :
           {LLVM::LLVMDialect::getNoAliasAttrName(), LLVM::LLVMDialect::getReadonlyAttrName()})
        kernel.setArgAttr(k, name, b.getUnitAttr());
  auto bytes = LLVM::LLVMArrayType::get(c.i64, SEQ_TENSOR_MAP_WORDS);
  for (size_t k = 0; k < maps; ++k) {
    kernel.setArgAttr(k, LLVM::LLVMDialect::getByValAttrName(), TypeAttr::get(bytes));
    kernel.setArgAttr(k, LLVM::LLVMDialect::getAlignAttrName(), b.getI64IntegerAttr(kMapBytes));
    kernel.setArgAttr(k, NVVM::NVVMDialect::getGridConstantAttrName(), b.getUnitAttr());
  }
  Block *entry = kernel.addEntryBlock();
  {
    OpBuilder::InsertionGuard guard(c.b);
    c.b.setInsertionPointToStart(entry);
    for (auto [k, v] : llvm::enumerate(used))
      replaceInside(v, narrow(c, entry->getArgument(k), v.getType()), region);
  }
  Block &body = region.front();
  body.getTerminator()->erase();
  entry->getOperations().splice(entry->end(), body.getOperations());
  b.setInsertionPointToEnd(entry);
  func::ReturnOp::create(b, region.getLoc());
}

/// Words that arguments take, of which the first `maps` are tensor maps.
static size_t wordsOf(ArrayRef<Value> used, size_t maps) {
  return used.size() + maps * (SEQ_TENSOR_MAP_WORDS - 1);
}

void GpuLowering::finishFunction() {
  Code &c = *code;
  OpBuilder::InsertionGuard guard(c.b);
  size_t most = 0;
  SmallVector<SmallVector<Value>> arguments;
  for (Launch &l : launches) {
    Region &region = l.region.getRegion();
    SmallVector<Value> used;
    c.b.setInsertionPointToStart(&region.front());
    for (Value v : usedFromOutside(region)) {
      Operation *d = v.getDefiningOp();
      if (d && d->hasTrait<OpTrait::ConstantLike>())
        replaceInside(v, c.b.clone(*d)->getResult(0), region);
      else
        used.push_back(v);
    }
    auto isMap = [&](Value v) { return tensorMaps.contains(v); };
    std::stable_partition(used.begin(), used.end(), isMap);
    most = std::max(most, wordsOf(used, llvm::count_if(used, isMap)));
    arguments.push_back(std::move(used));
  }
  Value table = atEntry([&] {
    Value words = c.i(std::max<int64_t>(most, 1));
    return LLVM::AllocaOp::create(c.b, c.ptr, c.i64, words, /*alignment=*/kMapBytes);
  });
  for (auto [l, used] : llvm::zip(launches, arguments)) {
    c.b.setInsertionPoint(l.region);
    c.b.setLoc(l.region.getLoc());
    size_t maps = llvm::count_if(used, [&](Value v) { return tensorMaps.contains(v); });
    for (auto [k, v] : llvm::enumerate(used)) {
      Value to = c.at(table, c.i64, c.i(wordsOf(ArrayRef(used).take_front(k), std::min(k, maps))));
      if (k < maps)
        c.call("seq_rt_tensor_map", {}, {call, v, to});
      else
        c.store(widen(c, v), to);
    }
    Value number = arith::ConstantOp::create(c.b, c.b.getI32IntegerAttr(device.kernels.size()));
    c.call(kLaunch, {}, {call, number, l.blocks, table});
    device.kernels.push_back(
        {l.name, (unsigned)wordsOf(used, maps), l.threads, l.sharedBytes, l.cooperative});
    moveKernel(c, l.region.getRegion(), l.name, l.threads, used, maps, constantBases,
               device.module);
    l.region.erase();
  }
  launches.clear();
  tensorMaps.clear();
}

//===----------------------------------------------------------------------===//
// Entry point
//===----------------------------------------------------------------------===//

/// Declares what kernels call and the device's module does not have yet.
static void declareCallees(ModuleOp device) {
  device.walk([&](LLVM::CallOp call) {
    auto callee = call.getCallee();
    if (!callee || device.lookupSymbol(*callee))
      return;
    OpBuilder b(device.getBodyRegion());
    SmallVector<Type> types(call.getOperandTypes());
    Type result = call.getNumResults() ? call.getResultTypes()[0]
                                       : Type(LLVM::LLVMVoidType::get(device.getContext()));
    LLVM::LLVMFuncOp::create(b, call.getLoc(), *callee, LLVM::LLVMFunctionType::get(result, types));
  });
}

/// The numbers of the kernels that `func` launches, in order.
static SmallVector<arith::ConstantOp> launchesOf(func::FuncOp func) {
  SmallVector<arith::ConstantOp> numbers;
  func.walk([&](LLVM::CallOp call) {
    if (call.getCallee() == kLaunch)
      numbers.push_back(call.getOperand(1).getDefiningOp<arith::ConstantOp>());
  });
  return numbers;
}

static size_t numberOf(arith::ConstantOp constant) {
  return cast<IntegerAttr>(constant.getValue()).getInt();
}

static bool isSame(Device &device, size_t a, size_t b) {
  const Kernel &k = device.kernels[a], &l = device.kernels[b];
  auto f = device.module.lookupSymbol<func::FuncOp>(k.name),
       g = device.module.lookupSymbol<func::FuncOp>(l.name);
  return k.threads == l.threads && k.sharedBytes == l.sharedBytes &&
         k.cooperative == l.cooperative && f.getAllArgAttrs() == g.getAllArgAttrs() &&
         f.getFunctionType() == g.getFunctionType() &&
         OperationEquivalence::isRegionEquivalentTo(&f.getBody(), &g.getBody(),
                                                    OperationEquivalence::IgnoreLocations);
}

/// Where the last function prepares by the same kernels as another, it launches those. Its own are
/// the last ones.
static void shareKernels(ModuleOp module, Device &device, ArrayRef<Function> functions) {
  auto own = module.lookupSymbol<func::FuncOp>(functions.back().prepare);
  for (const Function &before : functions.drop_back()) {
    auto other = module.lookupSymbol<func::FuncOp>(before.prepare);
    if (!own || !other)
      continue;
    auto mine = launchesOf(own), theirs = launchesOf(other);
    if (mine.size() != theirs.size() || !llvm::all_of_zip(mine, theirs, [&](auto a, auto b) {
          return isSame(device, numberOf(a), numberOf(b));
        }))
      continue;
    for (auto [a, b] : llvm::zip(mine, theirs)) {
      device.module.lookupSymbol(device.kernels[numberOf(a)].name)->erase();
      a.setValueAttr(b.getValue());
    }
    device.kernels.resize(device.kernels.size() - mine.size());
    return;
  }
}

LogicalResult lower(ModuleOp module, const Target &target, const Expected &expected,
                    StringRef suffix, const Places &places, std::vector<Function> &functions,
                    OwningOpRef<ModuleOp> &deviceModule, std::vector<Kernel> &kernels) {
  module.getContext()
      ->loadDialect<LLVM::LLVMDialect, NVVM::NVVMDialect, scf::SCFDialect, arith::ArithDialect>();
  deviceModule = ModuleOp::create(module.getLoc());
  Device device{*deviceModule, kernels};
  OpBuilder b(deviceModule->getBodyRegion());
  Type none = LLVM::LLVMArrayType::get(b.getIntegerType(8), 0);
  LLVM::GlobalOp::create(b, module.getLoc(), none, /*isConstant=*/false, LLVM::Linkage::External,
                         kSharedName, Attribute(), target.hasWarpGroups() ? 1024 : 16,
                         /*addrSpace=*/3);
  SmallVector<func::FuncOp> funcs(module.getOps<func::FuncOp>());
  for (func::FuncOp f : funcs) {
    functions.push_back(GpuLowering(f, target, expected, suffix, module, device)
                            .run(placesOf(places, functions.size())));
    f.erase();
    shareKernels(module, device, functions);
    sharePrepare(module, functions);
  }
  declareCallees(*deviceModule);
  return success();
}

} // namespace seq::gpu
