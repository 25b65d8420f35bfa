//===- TileBoxes.cpp - Factors that the device copies in boxes ------------------------------===//
//
// A factor of a product of warp groups that is nothing but a read of a tensor is copied by one
// instruction for each panel of lines (TMA): it names a tensor map, which the launching function
// has made, and the coordinates of a box. A barrier in shared memory counts the bytes that have
// come, and threads wait for its phases; each of the buffers has a barrier of its own.
//
// What lies outside of the tensor comes as zeros. So the tensor has to end where the sum does: what
// is beyond the product's points is not stored, but what is beyond the sum would be added.
//
//===----------------------------------------------------------------------===//
#include "compiler/Lowering/Gpu/TileEmitter.h"
#include "seq/abi.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
namespace seq::gpu {

/// Elements of a row of a box, and the most axes of a tensor map.
constexpr int64_t kBoxRow = 64;
constexpr size_t kMostAxes = 5;
/// Bytes, of tensor maps.
constexpr int64_t kLeastStride = 16;

//===----------------------------------------------------------------------===//
// Tensor maps
//===----------------------------------------------------------------------===//

/// Whether an index is `moving` and what is the same for all of a tile: none of `moving` and
/// `other`.
static bool shifts(Value index, Value moving, Value other) {
  if (index == moving)
    return true;
  auto add = index.getDefiningOp<arith::AddIOp>();
  auto rests = [&](Value v) { return !dependsOn(v, moving) && !dependsOn(v, other); };
  return add && ((shifts(add.getLhs(), moving, other) && rests(add.getRhs())) ||
                 (shifts(add.getRhs(), moving, other) && rests(add.getLhs())));
}

/// The number of the axis that moves with `slow`, where the others stand still and the last one
/// moves with `fast`.
static std::optional<size_t> slowAxis(ReadOp read, Value fast, Value slow) {
  std::optional<size_t> found;
  auto indices = read.getIndices();
  if (!shifts(indices.back(), fast, slow))
    return std::nullopt;
  for (auto [k, index] : llvm::enumerate(indices.drop_back())) {
    bool moves = dependsOn(index, slow);
    if (dependsOn(index, fast) || (moves && (found || !shifts(index, slow, fast))))
      return std::nullopt;
    if (moves)
      found = k;
  }
  return found;
}

/// The same number at each call.
static bool areSame(Value a, Value b) {
  auto x = Code::constant(a), y = Code::constant(b);
  auto p = a.getDefiningOp<SizeOp>(), q = b.getDefiningOp<SizeOp>();
  return x && y ? *x == *y : a == b || (p && q && p.getName() == q.getName());
}

/// Whether the tensor ends where the reduction does, along the axis that its index is.
bool GpuLowering::endsWith(const Buffer &b, size_t axis, Value index, const Contraction &con,
                           unsigned step) {
  ReduceOp reduce = con.reduce;
  Value depth = reduce.getExtents().back();
  if (auto n = Code::constant(depth); n && *n % step == 0)
    return true;
  return areSame(depth, b.dims[axis]) && !dependsOnBatch(depth) &&
         index == Value(reduce.indices().back());
}

/// A description of the tensor for the function that launches, or null where the factor is not
/// copied in boxes.
Value GpuLowering::tensorOf(const Contraction &con, const Factor &f, const BlockTile &tile) {
  Code &c = *code;
  ReduceOp reduce = con.reduce;
  auto map = cast<MapOp>(reduce->getParentOp());
  auto read = f.value.getDefiningOp<ReadOp>();
  if (!tile.groups || f.copied != 16 || !isShort(con.element))
    return {};
  const Buffer &b = bufferOf(read.getTensor());
  Value inner = reduce.indices().back(), along = map.indices()[f.overM ? con.m : con.n];
  Value fast = f.innerFast ? inner : along, slow = f.innerFast ? along : inner;
  auto axis = slowAxis(read, fast, slow);
  size_t last = b.dims.size() - 1, innerAxis = f.innerFast ? last : axis.value_or(0);
  if (!axis || b.level >= 0 || b.dims.size() + b.perBatch > kMostAxes ||
      !endsWith(b, innerAxis, read.getIndices()[innerAxis], con, tile.k))
    return {};
  Values sizes, strides, box;
  auto add = [&](Value size, Value stride, int64_t side) {
    sizes.push_back(c.max(size, c.i(1)));
    strides.push_back(c.max(c.mul(stride, c.i(2)), c.i(kLeastStride))); // 0 where there is nothing
    box.push_back(c.i(side));
  };
  for (size_t k = b.dims.size(); k-- > 0;)
    add(padded(b.dims[k]), b.strides[k],
        k == last    ? kBoxRow
        : k == *axis ? int64_t(tile.lines(con, f))
                     : 1);
  if (b.perBatch)
    add(batch, b.batchStride, 1);
  Value tensor = atEntry([&]() -> Value {
    return LLVM::AllocaOp::create(c.b, c.ptr, c.i64, c.i(sizeof(seq_tensor_map) / 8));
  });
  auto put = [&](size_t offset, ValueRange values) {
    for (auto [k, v] : llvm::enumerate(values))
      c.store(v, c.at(tensor, c.i8, c.i(offset + 8 * k)));
  };
  put(offsetof(seq_tensor_map, base), b.base);
  put(offsetof(seq_tensor_map, type), c.i(con.element.isF16() ? SEQ_F16 : SEQ_BF16));
  put(offsetof(seq_tensor_map, rank), c.i(sizes.size()));
  put(offsetof(seq_tensor_map, sizes), sizes);
  put(offsetof(seq_tensor_map, strides), ValueRange(strides).drop_front());
  put(offsetof(seq_tensor_map, box), box);
  tensorMaps.insert(tensor);
  return tensor;
}

//===----------------------------------------------------------------------===//
// Copies
//===----------------------------------------------------------------------===//

bool TileEmitter::boxes() const {
  return llvm::any_of(con.factors, [](const Factor &f) { return f.tensor; });
}

bool TileEmitter::allBoxes() const {
  return llvm::all_of(con.factors, [](const Factor &f) { return f.tensor; });
}

static Value isShared(Code &c, Value p, unsigned space = 3) {
  return LLVM::AddrSpaceCastOp::create(c.b, LLVM::LLVMPointerType::get(c.b.getContext(), space), p);
}

/// The barrier of a buffer.
Value TileEmitter::arrivals(Value buffer) {
  return isShared(c, c.at(phases, c.i64, buffer));
}

/// Before the first step: barriers that one thread arrives at, with the bytes that it expects.
void TileEmitter::beginPhases() {
  if (!boxes())
    return;
  phases = context.shared(c.i64, tile.stages, 16);
  c.when(c.cmp(arith::CmpIPredicate::eq, thread, c.i(0)), [&] {
    for (unsigned s = 0; s < tile.stages; ++s)
      NVVM::MBarrierInitOp::create(c.b, arrivals(c.i(s)), c.ci(1, c.i32), Value());
    fenceForTensorCores();
  });
  context.barrier();
}

/// One thread's copies of a step.
void TileEmitter::copyBoxes(Value step) {
  Value buffer = bufferOf(step);
  auto word = [&](Value v) { return arith::TruncIOp::create(c.b, c.i32, v); };
  int64_t bytes = 0;
  for (const Factor &f : con.factors)
    bytes += f.tensor ? tile.elements(con, f) * 2 : 0;
  NVVM::MBarrierArriveExpectTxOp::create(c.b, Type(), arrivals(buffer), c.ci(bytes, c.i32),
                                         NVVM::MemScopeKind::CTA, false, Value());
  for (auto [number, f] : llvm::enumerate(con.factors)) {
    if (!f.tensor)
      continue;
    Tile t = pointOf(f, f.overM ? origin.m : origin.n, c.mul(step, c.i(tile.k)));
    BodyEmitter body = context.bodyOf(t);
    Values at;
    for (Value index : llvm::reverse(f.value.getDefiningOp<ReadOp>().getIndices())) {
      body.ensure(index);
      at.push_back(word(body.scalarAt(body.get(index), 0)));
    }
    if (f.perBatch)
      at.push_back(word(row.b));
    bool inside = BlockTile::linesInside(con, f);
    for (unsigned panel = 0; panel < (inside ? 1 : tile.side(f) / kBoxRow); ++panel) {
      Values start = at;
      start[0] = arith::AddIOp::create(c.b, at[0], c.ci(panel * kBoxRow, c.i32));
      Value first = c.mul(buffer, c.i(tile.elements(con, f)));
      Value to = c.at(memory[number], elem,
                      c.add(first, c.i(int64_t(panel) * tile.lines(con, f) * kBoxRow)));
      NVVM::CpAsyncBulkTensorGlobalToSharedClusterOp::create(
          c.b, isShared(c, to, 7), f.tensor, start, arrivals(buffer), ValueRange(), Value(),
          Value(), NVVM::TMALoadMode::TILE, /*isCTAOnly=*/false, NVVM::CTAGroupKindAttr(), Value());
    }
  }
}

/// Waits for a step's boxes: the phases of a buffer end by turns as even and odd ones.
void TileEmitter::waitForBoxes(Value step) {
  Value round = c.bin<arith::DivUIOp>(step, c.i(tile.stages));
  Value parity = arith::TruncIOp::create(c.b, c.i32, c.bin<arith::AndIOp>(round, c.i(1)));
  Value barrier = arrivals(bufferOf(step));
  auto loop = scf::WhileOp::create(c.b, TypeRange(), ValueRange());
  OpBuilder::InsertionGuard guard(c.b);
  c.b.createBlock(&loop.getBefore());
  Value passed = NVVM::MBarrierTryWaitOp::create(c.b, c.b.getI1Type(), barrier, parity, Value(),
                                                 NVVM::MemScopeKind::CTA, false);
  Value waits = arith::XOrIOp::create(c.b, passed, c.ci(1, c.b.getI1Type()));
  scf::ConditionOp::create(c.b, waits, ValueRange());
  c.b.createBlock(&loop.getAfter());
  scf::YieldOp::create(c.b);
}

} // namespace seq::gpu
