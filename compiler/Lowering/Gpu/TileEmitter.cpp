//===- TileEmitter.cpp - Points, steps and the end of a tile --------------------------------===//
#include "compiler/Lowering/Gpu/TileEmitter.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
namespace seq::gpu {

TileEmitter::TileEmitter(Code &c, MapOp map, const Contraction &contraction, const BlockTile &tile,
                         const Row &row, Value thread, const TileContext &context)
    : c(c), map(map), con(contraction), reduce(contraction.reduce), tile(tile), row(row),
      thread(thread), context(context), elem(c.value(contraction.element)) {
  for (Value e : map.getExtents())
    extents.push_back(c.max(context.evaluate(e), c.i(0)));
  for (Value e : reduce.getExtents())
    depths.push_back(c.max(context.evaluate(e), c.i(0)));
  for (const Factor &f : con.factors)
    memory.push_back(context.shared(elem, tile.stages * tile.elements(con, f), tile.alignment()));
  tile.groups ? placeGroups() : tile.matrix ? placeFragments() : placeOwn();
}

/// A thread has rows side by side, and columns so far apart that the threads beside it store
/// beside it.
void TileEmitter::placeOwn() {
  mine.m = c.mul(c.bin<arith::DivUIOp>(thread, c.i(columns())), c.i(tile.ownM));
  mine.n = c.bin<arith::RemUIOp>(thread, c.i(columns()));
  for (unsigned i = 0; i < tile.ownM; ++i)
    for (unsigned j = 0; j < tile.ownN; ++j)
      points.push_back({c.add(mine.m, c.i(i)), c.add(mine.n, c.i(j * columns()))});
}

Value TileEmitter::count() {
  Value n = c.mul(tiles(con.m, tile.m), tiles(con.n, tile.n));
  for (unsigned k = 0; k < extents.size(); ++k)
    if (k != con.m && k != con.n)
      n = c.mul(n, extents[k]);
  return n;
}

void TileEmitter::emit(Value number) {
  auto take = [&](Value n) {
    Value q = c.bin<arith::DivUIOp>(number, n), r = c.sub(number, c.mul(q, n));
    number = q;
    return r;
  };
  origin.n = c.mul(take(tiles(con.n, tile.n)), c.i(tile.n));
  origin.m = c.mul(take(tiles(con.m, tile.m)), c.i(tile.m));
  others.clear();
  for (unsigned k = extents.size(); k-- > 0;)
    if (k != con.m && k != con.n)
      others.push_back({map.indices()[k], take(extents[k])});
  Type sum = reduce.getResult(0).getType();
  Values sums(con.products.size() * tile.ownM * tile.ownN, c.f(0, sum));
  finish(outer(0, sums));
}

/// The loops over the reduction's indices before the last.
Values TileEmitter::outer(unsigned k, ValueRange sums) {
  if (k + 1 == depths.size())
    return steps(sums);
  return c.loop(c.i(0), depths[k], c.i(1), sums, [&](Value iv, ValueRange inner) {
    outerAt.resize(k);
    outerAt.push_back(iv);
    return outer(k + 1, inner);
  });
}

/// The loop over the last index, `tile.k` of it a step.
Values TileEmitter::steps(ValueRange sums) {
  Value count = c.ceilDiv(depths.back(), tile.k);
  unsigned ahead = tile.stages - 1;
  auto begin = [&](Value step) {
    Value some = c.cmp(arith::CmpIPredicate::slt, step, count);
    if (boxes()) {
      Value first = c.cmp(arith::CmpIPredicate::eq, thread, c.i(0));
      c.when(c.bin<arith::AndIOp>(first, some), [&] { copyBoxes(step); });
    }
    if (!copies())
      return;
    c.when(some, [&] { copy(step); });
    NVVM::CpAsyncCommitGroupOp::create(c.b); // empty where there is no such step
  };
  beginPhases();
  for (unsigned s = 0; s < ahead; ++s)
    begin(c.i(s));
  fetchAndKeep(c.i(0));
  Values out = c.loop(c.i(0), count, c.i(1), sums, [&](Value s, ValueRange in) {
    if (copies())
      NVVM::CpAsyncWaitGroupOp::create(c.b, ahead - 1);
    if (boxes())
      waitForBoxes(s);
    if (tile.groups && !allBoxes())
      fenceForTensorCores();
    context.barrier();
    Values taken;
    if (tile.groups)
      taken = beginGroups(bufferOf(s), in);
    begin(c.add(s, c.i(ahead)));
    Value next = c.add(s, c.i(1));
    if (tile.groups) {
      fetchAndKeep(next);
      return waitForGroups(taken);
    }
    SmallVector<Access> own = evaluated();
    Values values = fetch(own, next);
    taken = takeUp(bufferOf(s), in);
    keep(own, values, next);
    return taken;
  });
  context.barrier();
  return out;
}

Value TileEmitter::bufferOf(Value step) {
  return tile.stages == 2 ? c.bin<arith::AndIOp>(step, c.i(1))
                          : c.bin<arith::RemUIOp>(step, c.i(tile.stages));
}

Tile TileEmitter::point() {
  Tile t;
  t.map = map;
  t.rows = {row};
  for (auto &[index, at] : others)
    t.vals[index] = Val::scalar(at);
  return t;
}

Value TileEmitter::address(unsigned factor, Value buffer, Value step, Value along, int64_t steps,
                           int64_t more) {
  const Factor &f = con.factors[factor];
  if (tile.groups) {
    Value first = c.mul(buffer, c.i(tile.elements(con, f)));
    return c.at(memory[factor], elem, c.add(first, swizzled(f, step, along)));
  }
  bool inside = BlockTile::linesInside(con, f);
  Value line = inside ? along : step, at = inside ? step : along;
  int64_t pitch = tile.pitch(con, f);
  line = c.add(c.mul(buffer, c.i(tile.lines(con, f))), line);
  Value first = c.at(memory[factor], elem, c.add(c.mul(line, c.i(pitch)), at));
  return c.at(first, elem, c.i(inside ? more * pitch + steps : steps * pitch + more));
}

/// The values of a factor that this thread multiplies in one step: rows as whole vectors.
Values TileEmitter::own(unsigned factor, Value buffer, unsigned step) {
  Values out;
  if (!con.factors[factor].overM) {
    for (unsigned j = 0; j < tile.ownN; ++j)
      out.push_back(c.load(address(factor, buffer, c.i(0), mine.n, step, j * columns()), elem));
    return out;
  }
  unsigned lanes = std::min(tile.ownM, elem.isF32() ? 4u : 2u);
  for (unsigned k = 0; k < tile.ownM; k += lanes) {
    Value p = address(factor, buffer, c.i(0), mine.m, step, k);
    Value v = LLVM::LoadOp::create(c.b, c.vec(elem, lanes), p, lanes * Code::bytes(elem));
    for (unsigned l = 0; l < lanes; ++l)
      out.push_back(c.extract(v, c.i(l)));
  }
  return out;
}

Values TileEmitter::takeUp(Value buffer, ValueRange in) {
  if (con.isShort())
    return takeUpShort(buffer, in);
  if (tile.matrix)
    return takeUpTf32(buffer, in);
  Values sums(in.begin(), in.end());
  for (unsigned s = 0; s < tile.k; ++s) {
    SmallVector<Values> values;
    for (unsigned k = 0; k < con.factors.size(); ++k)
      values.push_back(own(k, buffer, s));
    size_t at = 0;
    for (auto [a, b] : con.products)
      for (unsigned i = 0; i < tile.ownM; ++i)
        for (unsigned j = 0; j < tile.ownN; ++j, ++at)
          sums[at] = c.fma(values[a][i], values[b][j], sums[at]);
  }
  return sums;
}

/// The rest of the map's body for each of this thread's points.
void TileEmitter::finish(const Values &sums) {
  for (auto [number, p] : llvm::enumerate(points)) {
    Value m = c.add(origin.m, p.m), n = c.add(origin.n, p.n);
    Value inside = c.bin<arith::AndIOp>(c.cmp(arith::CmpIPredicate::slt, m, extents[con.m]),
                                        c.cmp(arith::CmpIPredicate::slt, n, extents[con.n]));
    c.when(inside, [&, number = number] {
      Tile t = point();
      t.vals[map.indices()[con.m]] = Val::scalar(m);
      t.vals[map.indices()[con.n]] = Val::scalar(n);
      for (auto [r, result] : llvm::enumerate(reduce.getResults()))
        t.vals[result] = Val::scalar(sums[r * points.size() + number]);
      BodyEmitter body = context.bodyOf(t);
      body.emitBlock(*map.bodyBlock());
      context.store(body);
    });
  }
}

void GpuLowering::lowerContraction(MapOp map, const Contraction &contraction, const BlockTile &tile,
                                   const Row &row, Value first, Value step) {
  Code &c = *code;
  Team team{thread, c.i(tile.threads())};
  int64_t top = sharedTop;
  auto evaluated = [&](Value v) { return evaluate(v, row); };
  auto shared = [&](Type e, int64_t n, int64_t align) { return sharedMemory(e, n, align); };
  auto meet = [&] { barrier(team); };
  auto bodyOf = [&](Tile &t) { return BodyEmitter(*this, c, t); };
  auto store = [&](BodyEmitter &body) { storeResults(map, body); };
  TileContext context{evaluated, shared, meet, bodyOf, store};
  TileEmitter emitter(c, map, contraction, tile, row, thread, context);
  c.loop(first, emitter.count(), step, [&](Value number) { emitter.emit(number); });
  // The map after this one begins behind a barrier.
  sharedTop = top;
}

} // namespace seq::gpu
