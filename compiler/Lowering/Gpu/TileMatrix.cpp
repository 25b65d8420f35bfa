//===- TileMatrix.cpp - Sums by matrix instructions -----------------------------------------===//
//
// Factors of bf16 and f16 are multiplied exactly and added in f32: 16 × 8 points and 16 steps an
// instruction. `ldmatrix` brings their fragments from lines of either direction.
//
// Factors of f32 become numbers of 11 bits (tf32). With x = h + l, h rounded to 11 bits and l to 11
// more, x y = h h' + (h l' + l h') but for 2⁻²² of it: three matrix instructions, the small ones
// first. An infinite x has l = 0, so that it stays what it is.
//
//===----------------------------------------------------------------------===//
#include "compiler/Lowering/Gpu/TileEmitter.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
namespace seq::gpu {

/// A warp's part of the tile, and where this thread's accumulators lie in it: of each
/// instruction's 16 × 8, rows g and g + 8, columns 2 t and 2 t + 1, with g = lane / 4, t = lane
/// % 4.
void TileEmitter::placeFragments() {
  Value warp = c.bin<arith::DivUIOp>(thread, c.i(kWarp));
  lane = c.bin<arith::RemUIOp>(thread, c.i(kWarp));
  group = c.bin<arith::DivUIOp>(lane, c.i(4));
  member = c.bin<arith::RemUIOp>(lane, c.i(4));
  mine.m = c.mul(c.bin<arith::DivUIOp>(warp, c.i(grid.columns)), c.i(grid.m * 16));
  mine.n = c.mul(c.bin<arith::RemUIOp>(warp, c.i(grid.columns)), c.i(grid.n * 8));
  Value row = c.add(mine.m, group), column = c.add(mine.n, c.mul(member, c.i(2)));
  for (unsigned i = 0; i < grid.m; ++i)
    for (unsigned j = 0; j < grid.n; ++j)
      for (unsigned r = 0; r < 4; ++r)
        points.push_back({c.add(row, c.i(i * 16 + r / 2 * 8)), c.add(column, c.i(j * 8 + r % 2))});
}

Value TileEmitter::roundBits(Value bits) {
  Value up = arith::AddIOp::create(c.b, bits, c.ci(0x1000, c.i32));
  return arith::AndIOp::create(c.b, up, c.ci(~0x1fff, c.i32));
}
TileEmitter::Halves TileEmitter::halves(Value x) {
  Value bits = c.bitcast(x, c.i32), rounded = roundBits(bits);
  Value size = c.unary<LLVM::FAbsOp>(c.bitcast(rounded, c.f32));
  Value finite = c.fcmp(arith::CmpFPredicate::OLT, size, c.f(INFINITY, c.f32));
  // The largest numbers are cut, since rounded they would be infinite.
  Value cut = arith::AndIOp::create(c.b, bits, c.ci(~0x1fff, c.i32));
  Value high = c.select(finite, rounded, cut);
  Value rest = c.fsub(x, c.bitcast(high, c.f32));
  Value is = c.fcmp(arith::CmpFPredicate::OLT, c.unary<LLVM::FAbsOp>(x), c.f(INFINITY, c.f32));
  return {high, roundBits(c.bitcast(c.select(is, rest, c.f(0, c.f32)), c.i32))};
}

/// The registers of a factor for one step of 8: [instruction][register].
SmallVector<SmallVector<TileEmitter::Halves>> TileEmitter::fragments(unsigned factor, Value buffer,
                                                                     unsigned step) {
  const Factor &f = con.factors[factor];
  SmallVector<SmallVector<Halves>> out;
  for (unsigned i = 0; i < (f.overM ? grid.m : grid.n); ++i) {
    SmallVector<Halves> registers;
    for (unsigned r = 0; r < (f.overM ? 4u : 2u); ++r) {
      unsigned inner = f.overM ? r / 2 : r, along = f.overM ? i * 16 + r % 2 * 8 : i * 8;
      Value at = c.add(f.overM ? mine.m : mine.n, group);
      Value p = address(factor, buffer, member, at, step + inner * 4, along);
      registers.push_back(halves(c.load(p, elem)));
    }
    out.push_back(registers);
  }
  return out;
}

void TileEmitter::multiply(ArrayRef<Halves> a, bool lowA, ArrayRef<Halves> b, bool lowB,
                           MutableArrayRef<Value> sums) {
  auto pick = [](ArrayRef<Halves> h, bool low) {
    return llvm::map_to_vector(h, [&](const Halves &x) { return low ? x.low : x.high; });
  };
  Type four = LLVM::LLVMStructType::getLiteral(c.b.getContext(), SmallVector<Type>(4, c.f32));
  using NVVM::MMATypes, NVVM::MMALayout;
  Value out = NVVM::MmaOp::create(c.b, four, ValueRange(pick(a, lowA)), ValueRange(pick(b, lowB)),
                                  ValueRange(sums), {16, 8, 8}, std::nullopt, std::nullopt,
                                  std::array<MMATypes, 2>{MMATypes::tf32, MMATypes::tf32},
                                  std::array<MMALayout, 2>{MMALayout::row, MMALayout::col});
  for (auto [k, sum] : llvm::enumerate(sums))
    sum = LLVM::ExtractValueOp::create(c.b, out, k);
}

Values TileEmitter::takeUpTf32(Value buffer, ValueRange in) {
  Values sums(in.begin(), in.end());
  for (unsigned s = 0; s < tile.k; s += 8) {
    SmallVector<SmallVector<SmallVector<Halves>>> loaded;
    for (unsigned k = 0; k < con.factors.size(); ++k)
      loaded.push_back(fragments(k, buffer, s));
    MutableArrayRef<Value> at(sums);
    for (auto [a, b] : con.products)
      for (auto &x : loaded[a])
        for (auto &y : loaded[b]) {
          MutableArrayRef<Value> own = at.take_front(4);
          multiply(x, true, y, false, own);
          multiply(x, false, y, true, own);
          multiply(x, false, y, false, own);
          at = at.drop_front(4);
        }
  }
  return sums;
}

//===----------------------------------------------------------------------===//
// 16 bits
//===----------------------------------------------------------------------===//

/// The registers of a factor for one step of 16, by instruction: of 16 × 16 elements four, of 8 ×
/// 16 two. Four blocks of 8 × 8 are loaded at once, whose lines lanes 0 to 7, 8 to 15 and so on
/// point to.
SmallVector<Values> TileEmitter::shortFragments(unsigned factor, Value buffer, unsigned step) {
  const Factor &f = con.factors[factor];
  bool inside = BlockTile::linesInside(con, f);
  Value block = c.bin<arith::DivUIOp>(lane, c.i(8)), line = c.bin<arith::RemUIOp>(lane, c.i(8));
  Value odd = c.mul(c.bin<arith::AndIOp>(block, c.i(1)), c.i(8));
  Value upper = c.mul(c.bin<arith::DivUIOp>(block, c.i(2)), c.i(8));
  // Blocks follow each other along m, then along the reduction; of n first along the reduction.
  Value along = f.overM ? odd : upper, inner = f.overM ? upper : odd;
  (inside ? along : inner) = c.add(inside ? along : inner, line);
  along = c.add(along, f.overM ? mine.m : mine.n);
  unsigned instructions = f.overM ? grid.m : grid.n, each = f.overM ? 1 : 2;
  Type local = LLVM::LLVMPointerType::get(c.b.getContext(), 3);
  SmallVector<Values> out;
  for (unsigned i = 0; i < instructions; i += each) {
    // Of one instruction over n the lines of two blocks are enough.
    bool half = !f.overM && i + 1 == instructions;
    Value at = half ? c.sub(along, upper) : along;
    Value p = address(factor, buffer, inner, at, step, i * (f.overM ? 16 : 8));
    SmallVector<Type> parts(half ? 2 : 4, c.i32);
    Value loaded = NVVM::LdMatrixOp::create(
        c.b, LLVM::LLVMStructType::getLiteral(c.b.getContext(), parts),
        LLVM::AddrSpaceCastOp::create(c.b, local, p), parts.size(),
        inside ? NVVM::MMALayout::row : NVVM::MMALayout::col,
        NVVM::LdStMatrixShapeAttr::get(c.b.getContext(), 8, 8), NVVM::LdStMatrixEltType::B16);
    Values registers;
    for (unsigned r = 0; r < parts.size(); ++r) {
      Value x = LLVM::ExtractValueOp::create(c.b, loaded, r);
      if (con.element.isF16())
        x = LLVM::BitcastOp::create(c.b, c.vec(con.element, 2), x);
      registers.push_back(x);
    }
    if (f.overM || half) {
      out.push_back(registers);
      continue;
    }
    out.push_back({registers[0], registers[1]});
    out.push_back({registers[2], registers[3]});
  }
  return out;
}

Values TileEmitter::takeUpShort(Value buffer, ValueRange in) {
  Values sums(in.begin(), in.end());
  Type four = LLVM::LLVMStructType::getLiteral(c.b.getContext(), SmallVector<Type>(4, c.f32));
  using NVVM::MMATypes, NVVM::MMALayout;
  MMATypes type = con.element.isF16() ? MMATypes::f16 : MMATypes::bf16;
  for (unsigned s = 0; s < tile.k; s += 16) {
    SmallVector<SmallVector<Values>> loaded;
    for (unsigned k = 0; k < con.factors.size(); ++k)
      loaded.push_back(shortFragments(k, buffer, s));
    MutableArrayRef<Value> at(sums);
    for (auto [a, b] : con.products)
      for (const Values &x : loaded[a])
        for (const Values &y : loaded[b]) {
          Value out = NVVM::MmaOp::create(c.b, four, ValueRange(x), ValueRange(y),
                                          ValueRange(at.take_front(4)), {16, 8, 16}, std::nullopt,
                                          std::nullopt, std::array<MMATypes, 2>{type, type},
                                          std::array<MMALayout, 2>{MMALayout::row, MMALayout::col});
          for (unsigned r = 0; r < 4; ++r)
            at[r] = LLVM::ExtractValueOp::create(c.b, out, r);
          at = at.drop_front(4);
        }
  }
  return sums;
}

} // namespace seq::gpu
