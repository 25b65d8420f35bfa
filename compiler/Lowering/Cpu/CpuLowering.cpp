//===- CpuLowering.cpp - A function of the seq dialect to CPU code ------------------===//
//
// `forward` is run by every thread of the team: threads share out the points of a map, or take
// sequences of their own, and meet at a barrier after each op. `prepare` is one thread's work;
// it also lays weights out as streams (Plan.cpp).
//
//===----------------------------------------------------------------------===//
#include "compiler/Lowering/Cpu/CpuLowering.h"
#include "compiler/Lowering/Cpu/Cpu.h"
#include "seq/abi.h"

using namespace mlir;
namespace seq::cpu {

void CpuLowering::lowerBody(Block &body) {
  Code &c = *code;
  RowSet all;
  all.count = batch;
  lowerBlock(body, all, Team{arith::ExtSIOp::create(c.b, c.i64, tid), nthreads}, true);
}

void CpuLowering::barrier(const Team &team) {
  Code &c = *code;
  if (team.alone())
    return;
  c.when(c.cmp(arith::CmpIPredicate::sgt, team.count, c.i(1)),
         [&] { c.call("seq_rt_barrier", {}, {call, tid}); });
}

void CpuLowering::copyElements(Value to, Value from, Type elem, Value n, const Team &team) {
  Code &c = *code;
  Value mine = team.alone() ? c.ci(1, c.i1) : c.cmp(arith::CmpIPredicate::eq, team.tid, c.i(0));
  c.when(mine, [&] {
    LLVM::MemcpyOp::create(c.b, to, from, c.mul(n, c.i(Code::bytes(elem))), /*isVolatile=*/false);
  });
}

Value CpuLowering::ownShare(Value base, Value bytes) {
  return atEntry([&] {
    Code &c = *code;
    return c.at(base, c.i8, c.mul(bytes, arith::ExtSIOp::create(c.b, c.i64, tid)));
  });
}

void CpuLowering::emitFail(Value place, Value sequence, Value value, Value bound) {
  code->call("seq_rt_fail", {}, {call, place, sequence, value, bound});
}

void CpuLowering::prepareAll(ArrayRef<MapOp> maps) {
  Code &c = *code;
  Value first = c.cmp(arith::CmpIPredicate::eq, arith::ExtSIOp::create(c.b, c.i64, tid), c.i(0));
  c.when(first, [&] {
    RowSet one;
    one.count = c.i(1);
    Team alone{c.i(0), c.i(1)};
    for (MapOp map : maps) {
      c.b.setLoc(map.getLoc());
      lowerMap(map, one, alone);
    }
    for (auto [tensor, offset] : preparedOffsets) {
      if (!isa<BlockArgument>(tensor))
        continue;
      Buffer from = bufferOf(tensor), to = from;
      to.base = c.at(preparedBase, c.i8, c.i(offset));
      Row row;
      row.b = c.i(0);
      copyRow(from, to, row, alone);
    }
    for (auto &pack : packList)
      emitPack(*pack);
  });
}

/// Fills one packed stream: [outer…][lane tile][inner…][slot][unit][width].
void CpuLowering::emitPack(Pack &pack) {
  Code &c = *code;
  int64_t n = *extentOf(pack.lane);
  unsigned width = vectorWidth(pack.map, target);
  SmallVector<Value> loops(pack.outer);
  size_t outerCount = loops.size();
  llvm::append_range(loops, pack.inner);
  Value base = c.at(preparedBase, c.i8, c.i(pack.offset));
  int64_t blocks = llvm::divideCeil(n, width), slotCount = pack.slots.size();

  auto point = [&](ArrayRef<Value> at, Value block) {
    Tile tile;
    tile.width = width;
    tile.laneActive = true;
    Row row;
    row.b = c.i(0);
    tile.rows = {row};
    for (auto [v, i] : llvm::zip(loops, at)) {
      tile.vals[v] = Val::scalar(i);
    }
    Value start = c.mul(block, c.i(width));
    tile.vals[pack.lane] = Val::lanes(start);
    if (n % width)
      tile.mask =
          c.cmp(arith::CmpIPredicate::slt, c.iota(width), c.splat(c.sub(c.i(n), start), width));
    Value o = c.i(0);
    for (size_t k = 0; k < outerCount; ++k)
      o = c.add(c.mul(o, c.i(*extentOf(loops[k]))), at[k]);
    Value group = c.floorDiv(block, c.i(pack.unit));
    Value within = c.sub(block, c.mul(group, c.i(pack.unit)));
    o = c.add(c.mul(o, c.i(pack.laneBlocks / pack.unit)), group);
    for (size_t k = outerCount; k < loops.size(); ++k)
      o = c.add(c.mul(o, c.i(*extentOf(loops[k]))), at[k]);
    o = c.add(c.mul(o, c.i(slotCount * pack.unit * width)), c.mul(within, c.i(width)));
    BodyEmitter emitter(*this, c, tile);
    for (auto [slot, read] : llvm::enumerate(pack.slots)) {
      for (Value i : read.getIndices())
        emitter.ensure(i);
      Val v = emitter.readUnpacked(read);
      Value p = c.at(base, pack.elem, c.add(o, c.i(slot * pack.unit * width)));
      c.storeVector(emitter.vectorAt(v, 0, 0), p);
    }
  };
  SmallVector<Value> at;
  std::function<void(size_t, Value)> nest = [&](size_t k, Value block) {
    if (k == outerCount && !block) {
      c.loop(c.i(0), c.i(blocks), c.i(1), [&](Value iv) { nest(k, iv); });
      return;
    }
    if (k == loops.size())
      return point(at, block);
    c.loop(c.i(0), c.i(*extentOf(loops[k])), c.i(1), [&](Value iv) {
      at.push_back(iv);
      nest(k + 1, block);
      at.pop_back();
    });
  };
  nest(0, {});
}

LogicalResult lower(ModuleOp module, const Target &target, StringRef suffix, const Places &places,
                    std::vector<Function> &functions) {
  module.getContext()->loadDialect<LLVM::LLVMDialect, scf::SCFDialect, arith::ArithDialect>();
  SmallVector<func::FuncOp> funcs(module.getOps<func::FuncOp>());
  for (func::FuncOp f : funcs) {
    functions.push_back(
        CpuLowering(f, target, suffix, module).run(placesOf(places, functions.size())));
    f.erase();
    sharePrepare(module, functions);
  }
  return success();
}

} // namespace seq::cpu
