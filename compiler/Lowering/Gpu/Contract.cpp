//===- Contract.cpp - Maps that are matrix products in tiles ------------------------------===//
//
// A block computes a tile of points. For each step along the reduction its threads evaluate both
// factors, whatever they are made of, once for each of their own indices, into shared memory; then
// each thread takes up products for a tile of its own in registers, whose accumulators the rest of
// the map's body goes on with. Points outside of the map are factors of 0, of which nothing is
// read.
//
// Shared memory has two buffers in turn: while one is read, the factors of the next step are on
// their way in registers, and one barrier a step suffices.
//
// Tensor cores multiply numbers of 11 bits (tf32) and add in f32. With x = h + l, h rounded to 11
// bits and l to 11 more, x y = h h' + (h l' + l h') but for 2⁻²² of it: three matrix instructions,
// the small ones first. An infinite x has l = 0, so that it stays what it is.
//
//===----------------------------------------------------------------------===//
#include "compiler/Lowering/Gpu/Contract.h"

#include "compiler/Lowering/Common/Lanes.h"
#include "compiler/Lowering/Gpu/GpuLowering.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
namespace seq::gpu {

//===----------------------------------------------------------------------===//
// What is a contraction
//===----------------------------------------------------------------------===//

namespace {
/// Which indices a value of a reduction's body depends on, and whether it may be evaluated for each
/// of them anew.
struct Cone {
  llvm::SetVector<Value> indices;
  SmallVector<ReadOp> reads;
  bool cheap = true;

  void add(Value v) {
    if (!seen.insert(v).second)
      return;
    if (auto a = dyn_cast<BlockArgument>(v)) {
      if (isa<MapOp, ReduceOp>(a.getOwner()->getParentOp()))
        indices.insert(v);
      return;
    }
    Operation *op = v.getDefiningOp();
    if (!op->getParentOfType<MapOp>() || isa<arith::ConstantOp>(op))
      return;
    // Sums inside would be computed for each point of both indices.
    cheap &= op->getNumRegions() == 0;
    if (auto read = dyn_cast<ReadOp>(op))
      reads.push_back(read);
    for (Value o : op->getOperands())
      if (!isa<TensorType>(o.getType()))
        add(o);
  }

private:
  llvm::DenseSet<Value> seen;
};
} // namespace

/// More points along an index than this, where it is not known.
static int64_t extentOr(Value index, int64_t unknown) {
  auto a = cast<BlockArgument>(index);
  auto map = cast<MapOp>(a.getOwner()->getParentOp());
  return Code::constant(upperBound(map.getExtents()[a.getArgNumber()])).value_or(unknown);
}

/// The index of the map with the most points that is in `own` and not in `other`.
static std::optional<unsigned> largestIn(MapOp map, const Cone &own, const Cone &other) {
  std::optional<unsigned> best;
  int64_t most = 0;
  for (auto [k, index] : llvm::enumerate(map.indices())) {
    int64_t n = extentOr(index, 1 << 12);
    if (own.indices.contains(index) && !other.indices.contains(index) && n > most) {
      best = k;
      most = n;
    }
  }
  return best;
}

/// Whether reads of the cone that follow each other in memory do so along `index`.
static bool fastAlong(const Cone &cone, Value index) {
  int along = 0;
  for (ReadOp read : cone.reads) {
    if (read.getIndices().empty())
      continue;
    Cone last;
    last.add(read.getIndices().back());
    along += last.indices.contains(index) ? 1 : -1;
  }
  return along >= 0;
}

std::optional<Contraction> contractionOf(MapOp map) {
  Contraction out;
  for (auto reduce : map.bodyBlock()->getOps<ReduceOp>()) {
    if (out.reduce)
      return std::nullopt;
    out.reduce = reduce;
  }
  if (!out.reduce || out.reduce.yield().getPresent())
    return std::nullopt;
  bool first = true;
  for (auto [i, value] : llvm::enumerate(out.reduce.yield().getValues())) {
    auto mul = value.getDefiningOp<arith::MulFOp>();
    if (out.reduce.kind(i) != ReduceKind::sum || !mul || mul->getBlock() != out.reduce.bodyBlock())
      return std::nullopt;
    Cone x, y;
    x.add(mul.getLhs());
    y.add(mul.getRhs());
    if (!x.cheap || !y.cheap)
      return std::nullopt;
    bool turned = false;
    if (first) {
      auto m = largestIn(map, x, y), n = largestIn(map, y, x);
      if (!m || !n)
        return std::nullopt;
      // The last index of the result runs along n, so that stores follow each other.
      turned = *m > *n;
      out.m = turned ? *n : *m;
      out.n = turned ? *m : *n;
      first = false;
    } else {
      turned = !x.indices.contains(map.indices()[out.m]);
    }
    const Cone &a = turned ? y : x, &b = turned ? x : y;
    Value m = map.indices()[out.m], n = map.indices()[out.n];
    if (!a.indices.contains(m) || a.indices.contains(n) || !b.indices.contains(n) ||
        b.indices.contains(m))
      return std::nullopt;
    auto number = [&](Value v, const Cone &cone, bool overM) -> unsigned {
      for (auto [k, f] : llvm::enumerate(out.factors))
        if (f.value == v)
          return k;
      out.factors.push_back({v, overM, fastAlong(cone, out.reduce.indices().back())});
      return out.factors.size() - 1;
    };
    unsigned ka = number(turned ? mul.getRhs() : mul.getLhs(), a, true);
    unsigned kb = number(turned ? mul.getLhs() : mul.getRhs(), b, false);
    out.products.push_back({ka, kb});
  }
  return out;
}

/// Elements of a line of a factor in shared memory: whole vectors, and in other banks than the
/// lines beside it. Fragments of matrix instructions are columns of four lines, which 8 elements
/// keep apart; 4 are better for what is written along lines.
static unsigned pitchOf(unsigned side, bool matrix) {
  return side + (matrix ? 8 : 4);
}

int64_t BlockTile::bytes(const Contraction &contraction) const {
  int64_t lines = 0;
  for (const Factor &f : contraction.factors)
    lines += pitchOf(f.overM ? m : n, matrix);
  return 2 * lines * k * Code::bytes(contraction.factors.front().value.getType());
}

namespace {
/// How the warps of a block share its tile in matrix instructions of 16 × 8 points.
struct WarpGrid {
  unsigned columns = 1;  ///< warps of a row
  unsigned m = 0, n = 0; ///< instructions of a warp
  bool fits = false;

  explicit WarpGrid(const BlockTile &t) {
    unsigned warps = t.threads() / kWarp;
    for (unsigned r = 1; r <= warps; r *= 2) {
      bool whole = t.m % (16 * r) == 0 && t.n % (8 * (warps / r)) == 0;
      // As square as can be: fewest fragments to load.
      unsigned mm = t.m / 16 / r, nn = t.n / 8 / (warps / r);
      if (!whole || (fits && 2 * mm + nn >= 2 * m + n))
        continue;
      columns = warps / r;
      m = mm;
      n = nn;
      fits = t.threads() % kWarp == 0;
    }
  }
};
} // namespace

std::optional<BlockTile> tileFor(MapOp map, Contraction contraction, unsigned threads,
                                 int64_t shared, bool matrix) {
  // What is known at the call only is taken for little in a step of a block, so that its threads
  // have registers for all of the step.
  int64_t unknown = threads ? 32 : 1 << 12;
  int64_t m = extentOr(map.indices()[contraction.m], unknown),
          n = extentOr(map.indices()[contraction.n], unknown);
  unsigned sums = contraction.products.size();
  bool wide = contraction.reduce.getResult(0).getType().isF64();
  int64_t depth = Code::constant(contraction.reduce.getExtents().back()).value_or(1 << 12);
  if (m < 8 || n < 8 || m * n < 256 || depth < 8 || sums > 4)
    return std::nullopt;
  static const BlockTile tiles[] = {{64, 64, 16, 8, 4}, {64, 64, 16, 4, 4}, {32, 64, 16, 4, 4},
                                    {32, 32, 16, 4, 2}, {32, 32, 16, 2, 2}, {16, 32, 16, 2, 2},
                                    {16, 16, 16, 2, 1}};
  // Less than half of a side empty, and no more accumulators than registers.
  for (BlockTile t : tiles) {
    t.matrix = matrix && !wide && WarpGrid(t).fits;
    if ((threads == 0 || t.threads() == threads) && t.m < 2 * m && t.n < 2 * n &&
        t.bytes(contraction) <= shared && t.ownM * t.ownN * sums * (wide ? 2 : 1) <= 64)
      return t;
  }
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// Its code
//===----------------------------------------------------------------------===//

namespace {
class TileEmitter {
public:
  TileEmitter(Code &c, MapOp map, Contraction contraction, const BlockTile &tile, const Row &row,
              Value thread, llvm::function_ref<Value(Value)> evaluate,
              llvm::function_ref<Value(Type, int64_t)> shared, llvm::function_ref<void()> barrier,
              llvm::function_ref<BodyEmitter(Tile &)> bodyOf,
              llvm::function_ref<void(BodyEmitter &)> store)
      : c(c), map(map), con(contraction), tile(tile), row(row), thread(thread), barrier(barrier),
        bodyOf(bodyOf), store(store), elem(contraction.reduce.getResult(0).getType()) {
    for (Value e : map.getExtents())
      extents.push_back(c.max(evaluate(e), c.i(0)));
    for (Value e : con.reduce.getExtents())
      depths.push_back(c.max(evaluate(e), c.i(0)));
    for (const Factor &f : con.factors)
      memory.push_back(shared(elem, 2 * int64_t(tile.k) * pitch(f)));
    tile.matrix ? placeFragments() : placeOwn();
  }

  /// A thread has rows side by side, and columns so far apart that the threads beside it store
  /// beside it.
  void placeOwn() {
    mine.m = c.mul(c.bin<arith::DivUIOp>(thread, c.i(columns())), c.i(tile.ownM));
    mine.n = c.bin<arith::RemUIOp>(thread, c.i(columns()));
    for (unsigned i = 0; i < tile.ownM; ++i)
      for (unsigned j = 0; j < tile.ownN; ++j)
        points.push_back({c.add(mine.m, c.i(i)), c.add(mine.n, c.i(j * columns()))});
  }

  /// Tiles of one sequence.
  Value count() {
    Value n = c.mul(tiles(con.m, tile.m), tiles(con.n, tile.n));
    for (unsigned k = 0; k < extents.size(); ++k)
      if (k != con.m && k != con.n)
        n = c.mul(n, extents[k]);
    return n;
  }

  /// The tile with this number.
  void emit(Value number) {
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
    Values sums(con.products.size() * tile.ownM * tile.ownN, c.f(0, elem));
    finish(outer(0, sums));
  }

private:
  struct Pair {
    Value m, n;
  };

  /// Threads of a row of the tile.
  unsigned columns() const { return tile.n / tile.ownN; }
  Value tiles(unsigned index, unsigned side) { return c.ceilDiv(extents[index], side); }
  unsigned side(const Factor &f) const { return f.overM ? tile.m : tile.n; }
  unsigned pitch(const Factor &f) const { return pitchOf(side(f), tile.matrix); }
  unsigned perThread(const Factor &f) const {
    return llvm::divideCeil(side(f) * tile.k, tile.threads());
  }

  /// The loops over the reduction's indices before the last.
  Values outer(unsigned k, ValueRange sums) {
    if (k + 1 == depths.size())
      return steps(sums);
    return c.loop(c.i(0), depths[k], c.i(1), sums, [&](Value iv, ValueRange inner) {
      outerAt.resize(k);
      outerAt.push_back(iv);
      return outer(k + 1, inner);
    });
  }

  /// The loop over the last index, `tile.k` of it a step.
  Values steps(ValueRange sums) {
    Value count = c.ceilDiv(depths.back(), tile.k);
    keep(fetch(c.i(0)), c.i(0));
    barrier();
    return c.loop(c.i(0), count, c.i(1), sums, [&](Value s, ValueRange in) {
      Value next = c.add(s, c.i(1));
      Values values = fetch(next);
      Values out = takeUp(c.bin<arith::AndIOp>(s, c.i(1)), in);
      keep(values, c.bin<arith::AndIOp>(next, c.i(1)));
      barrier();
      return out;
    });
  }

  /// Where this thread's e-th element of a factor lies: along m or n, and along the reduction. From
  /// one to the next is a constant where a line is shared out evenly.
  std::pair<Value, Value> element(const Factor &f, unsigned e) {
    unsigned fast = f.innerFast ? tile.k : side(f), threads = tile.threads();
    Value high, low;
    if (threads % fast == 0) {
      high = c.add(c.bin<arith::DivUIOp>(thread, c.i(fast)), c.i(int64_t(e) * (threads / fast)));
      low = c.bin<arith::RemUIOp>(thread, c.i(fast));
    } else {
      Value at = c.add(thread, c.i(int64_t(e) * threads));
      high = c.bin<arith::DivUIOp>(at, c.i(fast));
      low = c.bin<arith::RemUIOp>(at, c.i(fast));
    }
    return f.innerFast ? std::pair(high, low) : std::pair(low, high);
  }
  bool partial(const Factor &f) const { return side(f) * tile.k % tile.threads() != 0; }

  /// This thread's elements of all factors for one step, in registers.
  Values fetch(Value step) {
    Values out;
    for (const Factor &f : con.factors)
      for (unsigned e = 0; e < perThread(f); ++e) {
        auto [along, inner] = element(f, e);
        Value k = c.add(c.mul(step, c.i(tile.k)), inner);
        unsigned index = f.overM ? con.m : con.n;
        Value i = c.add(f.overM ? origin.m : origin.n, along);
        Value inside = c.bin<arith::AndIOp>(c.cmp(arith::CmpIPredicate::slt, i, extents[index]),
                                            c.cmp(arith::CmpIPredicate::slt, k, depths.back()));
        if (partial(f))
          inside = c.bin<arith::AndIOp>(inside, c.cmp(arith::CmpIPredicate::slt,
                                                      f.innerFast ? along : inner,
                                                      c.i(f.innerFast ? side(f) : tile.k)));
        out.push_back(c.choose(
            inside, elem, [&] { return Values{valueOf(f, index, i, k)}; },
            [&] { return Values{c.f(0, elem)}; })[0]);
      }
    return out;
  }

  Value valueOf(const Factor &f, unsigned index, Value i, Value k) {
    Tile t = point();
    t.vals[map.indices()[index]] = Val::scalar(i);
    for (auto [arg, at] : llvm::zip(con.reduce.indices(), outerAt))
      t.vals[arg] = Val::scalar(at);
    t.vals[con.reduce.indices().back()] = Val::scalar(k);
    BodyEmitter body = bodyOf(t);
    body.ensure(f.value);
    return body.scalarAt(body.get(f.value), 0);
  }

  Tile point() {
    Tile t;
    t.map = map;
    t.rows = {row};
    for (auto &[index, at] : others)
      t.vals[index] = Val::scalar(at);
    return t;
  }

  /// An element of a buffer; `steps` more along the reduction, `more` more along m or n.
  Value address(unsigned factor, Value buffer, Value step, Value along, int64_t steps = 0,
                int64_t more = 0) {
    const Factor &f = con.factors[factor];
    Value line = c.add(c.mul(buffer, c.i(tile.k)), step);
    Value first = c.at(memory[factor], elem, c.add(c.mul(line, c.i(pitch(f))), along));
    return c.at(first, elem, c.i(steps * pitch(f) + more));
  }

  void keep(const Values &values, Value buffer) {
    size_t at = 0;
    for (auto [number, f] : llvm::enumerate(con.factors))
      for (unsigned e = 0; e < perThread(f); ++e, ++at) {
        auto [along, inner] = element(f, e);
        auto put = [&, along = along, inner = inner] {
          c.store(values[at], address(number, buffer, inner, along));
        };
        if (partial(f))
          c.when(c.cmp(arith::CmpIPredicate::slt, f.innerFast ? along : inner,
                       c.i(f.innerFast ? side(f) : tile.k)),
                 put);
        else
          put();
      }
  }

  /// The values of a factor that this thread multiplies in one step: rows as whole vectors.
  Values own(unsigned factor, Value buffer, unsigned step) {
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

  //===--- Matrix instructions ---------------------------------------------------------===//

  /// A warp's part of the tile, and where this thread's accumulators lie in it: of each
  /// instruction's 16 × 8, rows g and g + 8, columns 2 t and 2 t + 1, with g = lane / 4, t = lane
  /// % 4.
  void placeFragments() {
    Value warp = c.bin<arith::DivUIOp>(thread, c.i(kWarp));
    Value lane = c.bin<arith::RemUIOp>(thread, c.i(kWarp));
    group = c.bin<arith::DivUIOp>(lane, c.i(4));
    member = c.bin<arith::RemUIOp>(lane, c.i(4));
    mine.m = c.mul(c.bin<arith::DivUIOp>(warp, c.i(grid.columns)), c.i(grid.m * 16));
    mine.n = c.mul(c.bin<arith::RemUIOp>(warp, c.i(grid.columns)), c.i(grid.n * 8));
    Value row = c.add(mine.m, group), column = c.add(mine.n, c.mul(member, c.i(2)));
    for (unsigned i = 0; i < grid.m; ++i)
      for (unsigned j = 0; j < grid.n; ++j)
        for (unsigned r = 0; r < 4; ++r)
          points.push_back(
              {c.add(row, c.i(i * 16 + r / 2 * 8)), c.add(column, c.i(j * 8 + r % 2))});
  }

  /// A factor as the sum of two of 11 bits, for one fragment's register.
  struct Halves {
    Value high, low; ///< bits
  };
  Value roundBits(Value bits) {
    Value up = arith::AddIOp::create(c.b, bits, c.ci(0x1000, c.i32));
    return arith::AndIOp::create(c.b, up, c.ci(~0x1fff, c.i32));
  }
  Halves halves(Value x) {
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
  SmallVector<SmallVector<Halves>> fragments(unsigned factor, Value buffer, unsigned step) {
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

  void multiply(ArrayRef<Halves> a, bool lowA, ArrayRef<Halves> b, bool lowB,
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

  Values takeUpMatrices(Value buffer, ValueRange in) {
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

  Values takeUp(Value buffer, ValueRange in) {
    if (tile.matrix)
      return takeUpMatrices(buffer, in);
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
  void finish(const Values &sums) {
    for (auto [number, p] : llvm::enumerate(points)) {
      Value m = c.add(origin.m, p.m), n = c.add(origin.n, p.n);
      Value inside = c.bin<arith::AndIOp>(c.cmp(arith::CmpIPredicate::slt, m, extents[con.m]),
                                          c.cmp(arith::CmpIPredicate::slt, n, extents[con.n]));
      c.when(inside, [&, number = number] {
        Tile t = point();
        t.vals[map.indices()[con.m]] = Val::scalar(m);
        t.vals[map.indices()[con.n]] = Val::scalar(n);
        for (auto [r, result] : llvm::enumerate(con.reduce.getResults()))
          t.vals[result] = Val::scalar(sums[r * points.size() + number]);
        BodyEmitter body = bodyOf(t);
        body.emitBlock(*map.bodyBlock());
        store(body);
      });
    }
  }

  Code &c;
  MapOp map;
  Contraction con;
  const BlockTile &tile;
  const Row &row;
  Value thread;
  llvm::function_ref<void()> barrier;
  llvm::function_ref<BodyEmitter(Tile &)> bodyOf;
  llvm::function_ref<void(BodyEmitter &)> store;
  Type elem;
  Values extents, depths, outerAt;
  SmallVector<Value> memory; ///< by factor: two buffers of [k][pitch]
  SmallVector<std::pair<Value, Value>> others;
  Pair origin, mine;
  SmallVector<Pair> points; ///< by accumulator: its place in the tile
  WarpGrid grid{tile};
  Value group, member; ///< of the lane: lane / 4, lane % 4
};
} // namespace

void GpuLowering::lowerContraction(MapOp map, Contraction contraction, const BlockTile &tile,
                                   const Row &row, Value first, Value step) {
  Code &c = *code;
  Team team{thread, c.i(tile.threads())};
  int64_t top = sharedTop;
  TileEmitter emitter(
      c, map, contraction, tile, row, thread, [&](Value v) { return evaluate(v, row); },
      [&](Type e, int64_t n) { return sharedMemory(e, n); }, [&] { barrier(team); },
      [&](Tile &t) { return BodyEmitter(*this, c, t); },
      [&](BodyEmitter &body) { storeResults(map, body); });
  c.loop(first, emitter.count(), step, [&](Value number) { emitter.emit(number); });
  // The map after this one begins behind a barrier.
  sharedTop = top;
}

} // namespace seq::gpu
