//===- GpuLowering.cpp - A function of the seq dialect to launches of kernels ---------===//
//
// `forward` and `prepare` run on one thread of the CPU and launch a kernel for each op:
//
//   a map               its points are shared out over the threads of a grid (Points.cpp)
//   a scan of columns   a thread for each column runs all steps (Columns.cpp)
//   any other scan      a block for each sequence runs all steps, or a group of blocks (Scans.cpp,
//                       Teams.cpp)
//   a scan without      a parallel loop: blocks take its steps in turn (Scans.cpp)
//   states
//
// but for a stream's step, whose ops are one kernel where that is cheaper (Step.cpp).
//
// A kernel's code is emitted where it is launched, as a region that uses what the function knows:
// sizes, strides, addresses. These become its arguments when the region moves to the device's
// module (Outline.cpp), so a kernel computes nothing that is the same for all of its threads and
// known before.
//
//===----------------------------------------------------------------------===//
#include "compiler/Lowering/Gpu/GpuLowering.h"
#include "compiler/Lowering/Common/Begin.h"
#include "seq/abi.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
namespace seq::gpu {

/// The most blocks that the points of one sequence are shared out to: more than any device runs at
/// once, so that the rest is a loop.
constexpr int64_t kMostBlocks = 4096;

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

void GpuLowering::launch(StringRef what, Value blocks, unsigned threads,
                         llvm::function_ref<void(Value)> body, bool cooperative) {
  Code &c = *code;
  auto region = scf::ExecuteRegionOp::create(c.b, TypeRange());
  Block *entry = &region.getRegion().emplaceBlock();
  OpBuilder::InsertionGuard guard(c.b);
  c.b.setInsertionPointToStart(entry);
  auto number = [&](auto op) { return arith::ExtUIOp::create(c.b, c.i64, op); };
  block = number(NVVM::BlockIdXOp::create(c.b, c.i32));
  thread = number(NVVM::ThreadIdXOp::create(c.b, c.i32));
  kernelAnchor = arith::ConstantOp::create(c.b, c.b.getI64IntegerAttr(0));
  sharedTop = sharedMost = 0;
  blockThreads = threads;
  stepsAnchor = nullptr;
  atOnce = 1;
  // What a kernel binds and computes is its own: another may run the same ops.
  auto outerBuffers = buffers;
  auto outerDestinations = destinations;
  body(block);
  buffers = std::move(outerBuffers);
  destinations = std::move(outerDestinations);
  stepScalars.clear();
  scf::YieldOp::create(c.b);
  kernelAnchor = nullptr;
  std::string name =
      result.name + (inPrepare ? "_prepare_" : "_") + std::to_string(launches.size()) + "_";
  for (char &ch : name)
    ch = llvm::isAlnum(ch) ? ch : '_';
  launches.push_back(
      {region, blocks, name + what.str() + suffix, threads, sharedMost, cooperative});
  result.facts.closeKernel(launches.back().name);
}

/// All pieces lie behind each other in one array, whose size is given at the launch: code that
/// knows of no size reads nothing ahead of its conditions.
Value GpuLowering::sharedMemory(Type elem, int64_t n, int64_t alignment) {
  Code &c = *code;
  int64_t offset = llvm::alignTo(sharedTop, alignment);
  sharedTop = offset + llvm::alignTo(n * Code::bytes(elem), 16);
  sharedMost = std::max(sharedMost, sharedTop);
  return atKernel([&] {
    Type local = LLVM::LLVMPointerType::get(c.b.getContext(), 3);
    Value p = LLVM::AddressOfOp::create(c.b, local, kSharedName);
    return c.at(LLVM::AddrSpaceCastOp::create(c.b, c.ptr, p), c.i8, c.i(offset));
  });
}

/// What a step makes stays in shared memory where its size is known and small, and the block runs
/// one sequence.
std::optional<Buffer> GpuLowering::nearMemory(Type elem, ArrayRef<Value> dims) {
  int64_t n = pointsUpTo(ValueRange(dims), kSharedBytes, kSharedBytes);
  int64_t bytes = llvm::alignTo(n * Code::bytes(elem), 16);
  if (!kernelAnchor || group || atOnce > 1 || bytes > kMostNearBytes ||
      kSharedBytes - sharedTop - bytes < kProductBytes)
    return std::nullopt;
  Buffer buffer = denseBuffer(sharedMemory(elem, std::max<int64_t>(n, 1)), elem, dims, false);
  buffer.near = true;
  return buffer;
}

/// Gives what is prepared its place in an order that is the same for all functions of a model, as
/// far as they read the same: they share it then.
void GpuLowering::placePrepared(Block &body) {
  auto isRead = [&](Value v) {
    return llvm::any_of(v.getUsers(), [&](Operation *user) {
      Operation *op = body.findAncestorOpInBlock(*user);
      return !isa<MapOp>(op) || !isPrepared(op->getResult(0));
    });
  };
  SmallVector<Value> all(body.getArguments());
  for (auto map : body.getOps<MapOp>())
    llvm::append_range(all, map.getResults());
  for (Value v : all)
    if (isPrepared(v) && isRead(v))
      preparedOffset(v);
}

void GpuLowering::lowerBody(Block &body) {
  placePrepared(body);
  if (launchStep(body))
    return;
  bindDestinations(body);
  for (Operation &op : body) {
    code->b.setLoc(op.getLoc());
    if (op.getNumResults() && isa<TensorType>(op.getResult(0).getType()) &&
        isPrepared(op.getResult(0)))
      continue;
    if (auto map = dyn_cast<MapOp>(op))
      launchMap(map, batch);
    else if (auto scan = dyn_cast<ScanOp>(op))
      scan.getInits().empty() ? launchParallelScan(scan) : launchScan(scan);
  }
}

void GpuLowering::prepareAll(ArrayRef<MapOp> maps) {
  Code &c = *code;
  for (MapOp map : maps) {
    c.b.setLoc(map.getLoc());
    launchMap(map, c.i(1));
  }
  for (auto [tensor, offset] : preparedOffsets) {
    if (!isa<BlockArgument>(tensor))
      continue;
    Buffer from = bufferOf(tensor), to = from;
    to.base = c.at(preparedBase, c.i8, c.i(offset));
    launchCopy(from, to);
  }
}

/// Blocks for `points` of one sequence, `perBlock` a block.
static Value blocksFor(Code &c, Value points, Value perBlock) {
  Value up = c.add(points, c.sub(perBlock, c.i(1)));
  return c.min(c.bin<arith::DivUIOp>(up, perBlock), c.i(kMostBlocks));
}

Team GpuLowering::teamOf(Value rank, Value blocks) {
  Code &c = *code;
  Value threads = c.i(blockThreads);
  return {c.add(c.mul(rank, threads), thread), c.mul(blocks, threads)};
}

void GpuLowering::launchMap(MapOp map, Value sequences) {
  Code &c = *code;
  if (launchContraction(map, sequences))
    return;
  bool across = planPoints(map, kManyThreads).across;
  Value points = elements(Values(map.getExtents()));
  // A few points a thread where there are enough: what a warp reads of lengths, and computes of
  // strides, is then shared by them.
  Value each = c.i(1);
  if (!across && !inPrepare) {
    Value room = c.max(c.mul(nthreads, c.i(kWorkerThreads)), c.i(1));
    each = c.bin<arith::DivUIOp>(c.mul(sequences, points), room);
    each = c.min(c.max(each, c.i(1)), c.i(kMostEach));
  }
  int64_t perBlock = across ? kThreads / kWarp : kThreads;
  Value blocks = blocksFor(c, points, c.mul(each, c.i(perBlock)));
  auto launchRows = [&](unsigned together) {
    launch("map", c.mul(c.ceilDiv(sequences, together), blocks), kThreads, [&](Value block) {
      RowSet rows;
      Value number = c.bin<arith::DivUIOp>(block, blocks);
      Value chunk = c.sub(block, c.mul(number, blocks)), first = c.mul(number, c.i(together));
      rows.count = c.i(1); // of those together nobody asks how many
      if (together == 1)
        rows.single = first;
      else
        rows.together = Together{together, first, first, {}, {}};
      lowerMap(map, rows, teamOf(chunk, blocks));
    });
  };
  if (inPrepare || !sumsWeights(map) || !canRunTogether(map))
    return launchRows(1);
  c.when(
      c.cmp(arith::CmpIPredicate::slt, sequences, c.i(kFewSequences)), [&] { launchRows(1); },
      [&] { launchAgain([&] { launchRows(kSequences); }); });
}

void GpuLowering::launchAgain(llvm::function_ref<void()> launches) {
  FunctionFacts told = result.facts;
  launches();
  result.facts = std::move(told);
}

/// The product that a map is, with what the device may copy of it, if `remainders` are all 0.
std::optional<Contraction> GpuLowering::productOf(MapOp map, Values *remainders) {
  std::optional<Contraction> contraction = contractionOf(map);
  if (contraction)
    noteCopies(*contraction, remainders);
  return contraction;
}

/// False where the map is no product that is worth tiles.
bool GpuLowering::launchContraction(MapOp map, Value sequences) {
  Code &c = *code;
  if (beginOf(map))
    return false;
  auto tileOf = [&](const std::optional<Contraction> &contraction) {
    return contraction ? tileFor(map, *contraction, 0, tileBytes(target), target) : std::nullopt;
  };
  std::optional<Contraction> whole = productOf(map);
  std::optional<BlockTile> tile = tileOf(whole);
  if (!tile)
    return false;
  // Where a caller's arrays lie is known at the call.
  Values remainders;
  std::optional<Contraction> aligned = productOf(map, &remainders);
  if (remainders.empty()) {
    launchTiles(map, *whole, *tile, sequences);
    return true;
  }
  Value any = remainders[0];
  for (Value r : ArrayRef(remainders).drop_front())
    any = c.bin<arith::OrIOp>(any, r);
  c.when(
      c.cmp(arith::CmpIPredicate::eq, any, c.i(0)),
      [&] { launchTiles(map, *aligned, *tileOf(aligned), sequences); },
      [&] { launchAgain([&] { launchTiles(map, *whole, *tile, sequences); }); });
  return true;
}

void GpuLowering::launchTiles(MapOp map, Contraction contraction, const BlockTile &tile,
                              Value sequences) {
  Code &c = *code;
  for (Factor &f : contraction.factors)
    if ((f.tensor = tensorOf(contraction, f, tile)))
      f.perBatch = bufferOf(f.value.getDefiningOp<ReadOp>().getTensor()).perBatch;
  Value tiles = c.i(1);
  for (auto [k, e] : llvm::enumerate(map.getExtents())) {
    unsigned side = k == contraction.m ? tile.m : k == contraction.n ? tile.n : 1;
    tiles = c.mul(tiles, c.ceilDiv(c.max(padded(e), c.i(0)), side));
  }
  launch("product", c.mul(sequences, tiles), tile.threads(), [&](Value block) {
    Row row;
    row.b = c.bin<arith::DivUIOp>(block, tiles);
    noteContraction(map, contraction, tile);
    lowerContraction(map, contraction, tile, row, c.sub(block, c.mul(row.b, tiles)), tiles);
  });
}

void GpuLowering::noteContraction(MapOp map, const Contraction &contraction,
                                  const BlockTile &tile) {
  MapPlan p;
  p.rows = {tile.ownM};
  p.lane = contraction.n;
  p.row = contraction.m;
  p.width = tile.ownN;
  MapFacts &f = noteMap(map, p);
  f.runs = "tile", f.tileRows = tile.m, f.tileColumns = tile.n;
  f.instructions = tile.groups ? "wgmma" : tile.matrix ? "mma" : "";
  for (const Factor &factor : contraction.factors) {
    f.copiedFactors += factor.copied != 0;
    f.boxedFactors += bool(factor.tensor);
  }
}

void GpuLowering::launchCopy(const Buffer &from, const Buffer &to) {
  Code &c = *code;
  Value blocks = blocksFor(c, elements(to.dims), c.i(kThreads));
  launch("copy", blocks, kThreads, [&](Value block) {
    Row row;
    row.b = c.i(0);
    copyRow(from, to, row, teamOf(block, blocks));
  });
}

//===----------------------------------------------------------------------===//
// A block's threads
//===----------------------------------------------------------------------===//

void GpuLowering::copyElements(Value to, Value from, Type elem, Value n, const Team &team) {
  Code &c = *code;
  Type e = c.memory(elem);
  c.loop(team.tid, n, team.count,
         [&](Value i) { c.store(c.load(c.at(from, e, i), e), c.at(to, e, i)); });
}

Value GpuLowering::ownShare(Value base, Value bytes) {
  return atKernel([&] { return code->at(base, code->i8, code->mul(bytes, block)); });
}

void GpuLowering::emitFail(Value place, Value sequence, Value value, Value bound) {
  Code &c = *code;
  Value failure = atEntry([&] { return c.field(call, offsetof(seq_call, failure), c.ptr); });
  LLVM::CallOp::create(c.b, TypeRange(), kDeviceFail,
                       ValueRange{failure, place, sequence, value, bound});
}

/// 32 bits from the lane whose number differs in the bits of `flip`.
static Value exchange(Code &c, Value v, unsigned flip) {
  Type t = c.i32;
  Value all = c.ci(-1, t), clamp = c.ci(kWarp - 1, t);
  return NVVM::ShflOp::create(c.b, t, all, v, c.ci(flip, t), clamp, NVVM::ShflKind::bfly,
                              UnitAttr());
}

Value GpuLowering::fromLane(Value v, unsigned flip) {
  Code &c = *code;
  Type t = v.getType();
  if (t == c.i16)
    return arith::TruncIOp::create(c.b, t,
                                   exchange(c, arith::ExtUIOp::create(c.b, c.i32, v), flip));
  if (t.isInteger(1)) {
    Value wide = exchange(c, arith::ExtUIOp::create(c.b, c.i32, v), flip);
    return c.cmp(arith::CmpIPredicate::ne, wide, c.ci(0, c.i32));
  }
  if (t.getIntOrFloatBitWidth() == 32) {
    Value bits = t.isF32() ? c.bitcast(v, c.i32) : v;
    Value out = exchange(c, bits, flip);
    return t.isF32() ? c.bitcast(out, t) : out;
  }
  Value bits = t.isF64() ? c.bitcast(v, c.i64) : v;
  auto half = [&](Value x) {
    Value word = exchange(c, arith::TruncIOp::create(c.b, c.i32, x), flip);
    return arith::ExtUIOp::create(c.b, c.i64, word);
  };
  Value low = half(bits), high = half(arith::ShRUIOp::create(c.b, bits, c.i(32)));
  Value out = arith::OrIOp::create(c.b, low, arith::ShLIOp::create(c.b, high, c.i(32)).getResult());
  return t.isF64() ? c.bitcast(out, t) : out;
}

} // namespace seq::gpu
