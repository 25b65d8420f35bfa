//===- TileGroups.cpp - Sums by products of warp groups -------------------------------------===//
//
// Four warps multiply 64 rows by all columns of the tile, and tensor cores read both factors from
// shared memory themselves (`wgmma` of sm_90a): no fragments in registers but those of sums. A
// step's products run while its threads begin copies and evaluate factors of steps to come.
//
// Lines have 64 elements, 128 bytes. Eight of them are a pattern, in which the 16 bytes number j of
// line i stand at place j xor i: whether tensor cores take 16 bytes of eight lines or a thread
// writes a line, no two of them meet in a bank. A factor whose lines run along m or n has a panel
// of lines for each 64 of that.
//
//===----------------------------------------------------------------------===//
#include "compiler/Lowering/Gpu/TileEmitter.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
namespace seq::gpu {

/// Rows of a product, and how much of the sum it takes up.
constexpr unsigned kRows = 64, kDepth = 16;
/// A line and a pattern of lines, in bytes.
constexpr int64_t kLine = 128, kPattern = 8 * kLine;

/// Of the 64 rows of a group, a warp has 16. Its lanes have of each eight columns two, of rows g
/// and g + 8, with g = lane / 4.
void TileEmitter::placeGroups() {
  Value warp = c.bin<arith::DivUIOp>(thread, c.i(kWarp));
  lane = c.bin<arith::RemUIOp>(thread, c.i(kWarp));
  Value row = c.add(c.mul(warp, c.i(16)), c.bin<arith::DivUIOp>(lane, c.i(4)));
  Value column = c.mul(c.bin<arith::RemUIOp>(lane, c.i(4)), c.i(2));
  for (unsigned j = 0; j < tile.n; j += 8)
    for (unsigned r = 0; r < 4; ++r)
      points.push_back({c.add(row, c.i(r / 2 * 8)), c.add(column, c.i(j + r % 2))});
}

/// What this thread has stored may be read by tensor cores, and by copies of boxes, which take
/// another way to memory.
void TileEmitter::fenceForTensorCores() {
  auto space = NVVM::SharedSpaceAttr::get(c.b.getContext(), NVVM::SharedSpace::shared_cta);
  NVVM::FenceProxyOp::create(c.b, NVVM::ProxyKind::async_shared, space);
}

/// Where an element of a factor lies after its buffer's first.
Value TileEmitter::swizzled(const Factor &f, Value inner, Value along) {
  bool inside = BlockTile::linesInside(con, f);
  Value line = inside ? along : inner, at = inside ? inner : along;
  Value place = c.mul(c.bin<arith::AndIOp>(line, c.i(7)), c.i(8));
  constexpr int64_t kElements = kLine / 2;
  Value column = c.bin<arith::AndIOp>(at, c.i(kElements - 1));
  Value panel = c.bin<arith::DivUIOp>(at, c.i(kElements));
  Value lines = c.add(c.mul(panel, c.i(tile.lines(con, f))), line);
  return c.add(c.mul(lines, c.i(kElements)), c.bin<arith::XOrIOp>(column, place));
}

/// What tells tensor cores of a factor: bits 0 to 13 where it begins, in 16 bytes; 16 to 29 from
/// one panel of lines to the next, 32 to 45 from one pattern to the next; 62 how lines are
/// swizzled.
Value TileEmitter::descriptor(unsigned factor, Value buffer) {
  const Factor &f = con.factors[factor];
  Value first = c.at(memory[factor], elem, c.mul(buffer, c.i(tile.elements(con, f))));
  Value local =
      LLVM::AddrSpaceCastOp::create(c.b, LLVM::LLVMPointerType::get(c.b.getContext(), 3), first);
  Value start = LLVM::PtrToIntOp::create(c.b, c.i64, local);
  start = c.bin<arith::ShRUIOp>(c.bin<arith::AndIOp>(start, c.i(0x3FFFF)), c.i(4));
  if (f.overM) {
    Value group = c.bin<arith::DivUIOp>(thread, c.i(4 * kWarp));
    start = c.add(start, c.mul(group, c.i(kRows * tile.k * 2 / 16)));
  }
  int64_t panel = int64_t(tile.lines(con, f)) * kLine;
  int64_t rest = panel / 16 << 16 | kPattern / 16 << 32 | int64_t(1) << 62;
  return c.bin<arith::OrIOp>(start, c.i(rest));
}

/// Assembly whose results are in the registers of `sums`; `more` follow as operands.
static Values inRegisters(Code &c, const std::string &text, ArrayRef<Value> sums, ValueRange more) {
  std::string results, ties, others;
  for (unsigned i = 0; i < sums.size(); ++i) {
    results += "=f,";
    ties += std::to_string(i) + ",";
  }
  for (size_t i = 0; i < more.size(); ++i)
    others += "l,";
  std::string constraints = results + others + ties;
  constraints.pop_back();
  Values operands(more.begin(), more.end());
  operands.append(sums.begin(), sums.end());
  Type all =
      LLVM::LLVMStructType::getLiteral(c.b.getContext(), SmallVector<Type>(sums.size(), c.f32));
  Value out =
      LLVM::InlineAsmOp::create(c.b, all, operands, text, constraints, /*sideEffects=*/true,
                                /*alignStack=*/false, LLVM::TailCallKind::None, nullptr, nullptr)
          .getResult(0);
  Values taken;
  for (unsigned i = 0; i < sums.size(); ++i)
    taken.push_back(LLVM::ExtractValueOp::create(c.b, out, i));
  return taken;
}

/// Begins the products of a step.
Values TileEmitter::beginGroups(Value buffer, ValueRange in) {
  Values out;
  unsigned each = points.size();
  std::string type = con.element.isF16() ? "f16" : "bf16";
  std::string list = "{";
  for (unsigned i = 0; i < each; ++i)
    list += (i ? ", $" : "$") + std::to_string(i);
  auto across = [&](unsigned factor) {
    return BlockTile::linesInside(con, con.factors[factor]) ? "0" : "1";
  };
  auto next = [&](unsigned factor) {
    bool inside = BlockTile::linesInside(con, con.factors[factor]);
    return (inside ? kDepth * 2 : kDepth * kLine) / 16;
  };
  NVVM::WgmmaFenceAlignedOp::create(c.b);
  for (auto [a, b] : con.products) {
    Values sums(in.begin() + out.size(), in.begin() + out.size() + each);
    Value ofA = descriptor(a, buffer), ofB = descriptor(b, buffer);
    std::string text = "{ .reg .pred p; setp.ne.b32 p, 1, 0; wgmma.mma_async.sync.aligned.m64n" +
                       std::to_string(tile.n) + "k16.f32." + type + "." + type + " " + list +
                       "}, $" + std::to_string(each) + ", $" + std::to_string(each + 1) +
                       ", p, 1, 1, " + across(a) + ", " + across(b) + "; }";
    for (unsigned s = 0; s < tile.k / kDepth; ++s)
      sums =
          inRegisters(c, text, sums, {c.add(ofA, c.i(s * next(a))), c.add(ofB, c.i(s * next(b)))});
    out.append(sums.begin(), sums.end());
  }
  NVVM::WgmmaGroupSyncAlignedOp::create(c.b);
  return out;
}

/// The products that have begun are there: what reads them follows from the wait itself, which no
/// compiler then moves ahead of it.
Values TileEmitter::waitForGroups(const Values &sums) {
  return inRegisters(c, "wgmma.wait_group.sync.aligned 0;", sums, {});
}

} // namespace seq::gpu
