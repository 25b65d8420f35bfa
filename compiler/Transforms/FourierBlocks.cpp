//===- FourierBlocks.cpp - A convolution by transforms of blocks --------------------------===//
//
// Input and kernel are cut into blocks of B steps. In block i of the result
//
//   y_i = Σ_j  k_j ∗ (x_{i−j}, x_{i−j−1})      of which the first B of 2 B values count,
//
// a circular convolution over N = 2 B points of a block of the kernel with two of the input,
// is in terms of their transforms a product at each of the frequencies, and the sum over j
// is made there: N/2 products in the place of B². Transforms of N = R1 R2 points run in
// two stages of small matrix products. With n = R2 n1 + n2 and k = k1 + R1 k2
//
//   X[k] = Σ_n2 w_N^(n2 k) Σ_n1 w_R1^(n1 k1) x[n],      w_N = exp(−2πi / N),
//
// and since x is real, k1 = 0 … R1/2 are enough: X[N − k] is the conjugate of X[k]. Back
//
//   y[n] = Σ_k1 Re( w_R1^(−n1 k1) Σ_k2 c_k1 w_N^(−n2 k) Y[k] ),   c = 1/N for k1 = 0 and R1/2, else
//   2/N.
//
// Why not one transform of the whole sequence: its stages stream the sequence through memory,
// and its sums mix what is near with what is far. Here 16 lanes of the last index (the channels)
// go through all stages in a tile, whose blocks fit the first- and second-level cache:
//
//   conv (t, c, s) { k[s, c], x[t − s, c] when s ≤ t }
//     →  %tiles = scan (b) in (⌈C / 16⌉) states () { … }
//        map (t, c) { %tiles[c / 16, t / B, t % B / R2, t % R2, c % 16] }
//
// What one step of the input holds reaches all results of its blocks as rounding, and so would
// a NaN or an infinity. A tile with such results is computed again, directly; so are
// sequences that are too short for transforms to pay, where the length is only known at the call.
//
//===----------------------------------------------------------------------===//
#include "compiler/Transforms/FourierBlocks.h"

#include "compiler/Transforms/IndexMath.h"
#include "compiler/Transforms/Rewrite.h"
#include "compiler/Transforms/StepWriter.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace seq;

namespace {

struct Complex {
  Value re, im;
};

/// The tables of one transform: w_R1^(n1 k1); w_N^(n2 k) by (k1, n2, k2); its conjugate times c by
/// (k1, k2, n2).
struct Tables {
  Complex first, second, back;
};

Tables makeTables(OpBuilder &b, Location loc, FloatType type, Radices r) {
  IndexMath outside(b, loc);
  auto k = [&](int64_t n) { return outside.constant(n); };
  // exp(−2πi · turns(index) / n), its angle from −π to π.
  auto roots = [&](ArrayRef<int64_t> extents, int64_t n, bool conjugate,
                   llvm::function_ref<Value(IndexMath &, ValueRange)> turns,
                   llvm::function_ref<Value(OpBuilder &, ValueRange)> scale) {
    SmallVector<Value> over;
    for (int64_t e : extents)
      over.push_back(k(e));
    auto map =
        MapOp::create(b, loc, {type, type}, over, [&](OpBuilder &in, Location, ValueRange i) {
          IndexMath m(in, loc);
          Value half = m.constant(n / 2);
          Value turn = m.sub(m.mod(m.add(turns(m, i), n / 2), m.constant(n)), half);
          Value wide = arith::IndexCastOp::create(in, loc, in.getI64Type(), turn);
          Value x = arith::SIToFPOp::create(in, loc, type, wide);
          x = arith::MulFOp::create(in, loc, x,
                                    numberOf(in, loc, type, 2 * llvm::numbers::pi / double(n)));
          Value re = UnaryOp::create(in, loc, UnaryKind::cos, x);
          Value im = UnaryOp::create(in, loc, UnaryKind::sin, x);
          if (!conjugate)
            im = arith::NegFOp::create(in, loc, im);
          if (scale) {
            Value by = scale(in, i);
            re = arith::MulFOp::create(in, loc, re, by);
            im = arith::MulFOp::create(in, loc, im, by);
          }
          YieldOp::create(in, loc, ValueRange{re, im});
        });
    return Complex{map.getResult(0), map.getResult(1)};
  };
  int64_t n = r.points(), half = r.half();
  auto place = [&](IndexMath &m, Value k1, Value k2, Value n2) {
    return m.mul(n2, m.add(k1, m.mul(k2, r.r1)));
  };
  Tables t;
  t.first = roots(
      {r.r1, half}, r.r1, false, [](IndexMath &m, ValueRange i) { return m.mul(i[0], i[1]); },
      nullptr);
  t.second = roots(
      {half, r.r2, r.r2}, n, false,
      [&](IndexMath &m, ValueRange i) { return place(m, i[0], i[2], i[1]); }, nullptr);
  t.back = roots(
      {half, r.r2, r.r2}, n, true,
      [&](IndexMath &m, ValueRange i) { return place(m, i[0], i[1], i[2]); },
      [&](OpBuilder &in, ValueRange i) -> Value {
        using P = arith::CmpIPredicate;
        IndexMath m(in, loc);
        Value first = arith::CmpIOp::create(in, loc, P::eq, i[0], m.constant(0));
        Value last = arith::CmpIOp::create(in, loc, P::eq, i[0], m.constant(half - 1));
        Value end = arith::OrIOp::create(in, loc, first, last);
        return arith::SelectOp::create(in, loc, end, numberOf(in, loc, type, 1 / double(n)),
                                       numberOf(in, loc, type, 2 / double(n)));
      });
  return t;
}

/// Writes one convolution.
class Writer {
public:
  Writer(const LongConv &conv, Radices r, const Tables &tables, int64_t least)
      : conv(conv), op(conv.op), loc(op.getLoc()), r(r), tables(tables), least(least),
        element(cast<FloatType>(op.getResult().getType().getElementType())) {}

  /// Gives the scan over tiles that takes the place of the op.
  ScanOp run() {
    OpBuilder b(op);
    IndexMath m(b, loc);
    Value zero = m.constant(0);
    for (Value e : op.getExtents())
      extents.push_back(constantOf(e) || e.getDefiningOp<SizeOp>() ? e : m.max(e, zero));
    steps = extents[conv.time];
    kernelSize = extents.back();
    shift = affine(m, conv.shift, [](Value v) { return v; });
    if (conv.sign > 0) // the kernel is read from its end
      shift = m.add(shift, m.add(kernelSize, -1));
    Value results = m.max(m.add(steps, shift), zero); // from place 0 on; none of no steps
    if (constantOf(shift).value_or(1) > 0)
      results = m.mul(results, m.min(steps, m.constant(1)));
    blocks = m.ceilDiv(results, r.block());
    kernelBlocks = m.ceilDiv(kernelSize, r.block());
    tiles = m.constant(1);
    for (unsigned place : conv.outer)
      tiles = m.mul(tiles, extents[place]);
    if (conv.lane) {
      width = m.min(extents[*conv.lane], m.constant(kConvLanes));
      laneTiles = m.ceilDiv(extents[*conv.lane], kConvLanes);
      tiles = m.mul(tiles, laneTiles);
    }
    kernelPart = {kernelBlocks, 1, conv.lane && conv.kernelUses(*conv.lane), false};
    kernelPart.ofTiles = constantOf(tiles) && constantOf(kernelSize) &&
                         (!width || constantOf(width)) && conv.kernelIsOfWeights();
    if (kernelPart.ofTiles)
      kernelSpectrum = kernelStages(b);
    auto type = MapOp::resultType(element, tileExtents(m));
    auto scan = ScanOp::create(b, loc, tiles, ValueRange(), TypeRange(type), false,
                               [&](OpBuilder &in, Location, Value t, ValueRange) {
                                 NextOp::create(in, loc, ValueRange(), ValueRange(tile(in, t)));
                               });
    scan->setAttr(kTileAttr, b.getUnitAttr());
    replace(b, scan);
    return scan;
  }

private:
  //===--- Places ---===//

  SmallVector<Value> tileExtents(IndexMath &m) {
    return withLane({blocks, m.constant(r.r1 / 2), m.constant(r.r2)}, width);
  }
  SmallVector<Value> withLane(SmallVector<Value> at, Value lane) {
    if (conv.lane && lane)
      at.push_back(lane);
    return at;
  }
  /// Spectra keep the blocks of a frequency beside each other where they have lanes.
  SmallVector<Value> spectrum(Value block, Value k1, Value k2, Value lane) {
    if (!lane)
      return {block, k1, k2};
    return {k1, k2, block, lane};
  }
  /// The first lane of tile `number`. All tiles are full where there are as many lanes.
  Value firstLane(IndexMath &m, Value number) {
    return m.min(m.mul(number, kConvLanes), m.sub(extents[*conv.lane], width));
  }

  /// Reads the result from the tiles.
  void replace(OpBuilder &b, ScanOp scan) {
    auto over = ArrayRef(extents).drop_back();
    auto map =
        MapOp::create(b, loc, TypeRange(element), over, [&](OpBuilder &in, Location, ValueRange i) {
          IndexMath m(in, loc);
          Value number = m.constant(0);
          for (unsigned place : conv.outer)
            number = m.add(m.mul(number, extents[place]), i[place]);
          Value lane;
          if (conv.lane) {
            Value c = i[*conv.lane], own = m.div(c, kConvLanes);
            number = m.add(m.mul(number, laneTiles), own);
            lane = m.sub(c, firstLane(m, own));
          }
          Value t = m.add(i[conv.time], shift);
          Value in1 = m.mod(t, m.constant(r.block()));
          SmallVector<Value> at{number, m.div(t, r.block()), m.div(in1, r.r2),
                                m.mod(in1, m.constant(r.r2))};
          Value inside;
          if (constantOf(shift) != 0)
            inside = atLeast(in, t, m.constant(0));
          YieldOp::create(
              in, loc,
              ReadOp::create(in, loc, scan.getResult(0), withLane(at, lane), inside).getResult());
        });
    map.getResult(0).setType(op.getResult().getType());
    op.getResult().replaceAllUsesWith(map.getResult(0));
    op.erase();
  }

  //===--- One tile ---===//

  /// Sets the indices of tile `number`.
  void locate(IndexMath &m, Value number) {
    at.assign(op.indices().size(), m.constant(0));
    SmallVector<Value> axes;
    for (unsigned place : conv.outer)
      axes.push_back(extents[place]);
    if (conv.lane)
      axes.push_back(laneTiles);
    SmallVector<Value> own = m.unravel(number, axes);
    for (auto [place, v] : llvm::zip(conv.outer, own))
      at[place] = v;
    if (conv.lane)
      at[*conv.lane] = firstLane(m, own.back());
  }

  Value tile(OpBuilder &b, Value number) {
    IndexMath m(b, loc);
    locate(m, number);
    tileNumber = number;
    // Directly, where the sequence or the kernel is short, or not all results are finite.
    Value shorter = m.min(steps, kernelSize);
    auto known = constantOf(shorter);
    Value y, again;
    if (known && *known >= least) {
      y = byTransforms(b);
      again = anyInfinite(b, y);
    } else {
      Value zero = mapOver(b, tileExtents(m), [&](OpBuilder &in, ValueRange) {
        return numberOf(in, loc, element, 0);
      });
      Value longer =
          m.clamp(m.add(m.sub(shorter, m.constant(least)), 1), m.constant(0), m.constant(1));
      y = once(b, longer, zero, [&](OpBuilder &in) { return byTransforms(in); });
      again = m.max(anyInfinite(b, y), m.sub(m.constant(1), longer));
    }
    return once(b, again, y, [&](OpBuilder &in) { return directly(in); });
  }

  /// `count` times, none or one: what `body` makes, in place of `y`.
  Value once(OpBuilder &b, Value count, Value y, llvm::function_ref<Value(OpBuilder &)> body) {
    auto scan = ScanOp::create(b, loc, count, ValueRange(y), TypeRange(), false,
                               [&](OpBuilder &in, Location, Value, ValueRange) {
                                 NextOp::create(in, loc, ValueRange(body(in)), ValueRange());
                               });
    for (StringRef name : {StringRef(kTileAttr), StringRef(kOnceAttr)})
      scan->setAttr(name, b.getUnitAttr());
    return scan.getResult(0);
  }

  /// 1 where some value is infinite or no number: x − x is 0 for all others.
  Value anyInfinite(OpBuilder &b, Value y) {
    IndexMath m(b, loc);
    SmallVector<Value> all = tileExtents(m), lanes;
    if (conv.lane)
      lanes.push_back(all.pop_back_val());
    Value zeros = mapOver(b, lanes, [&](OpBuilder &in, ValueRange lane) {
      return sum(in, all, [&](OpBuilder &k, ValueRange i) -> Value {
        SmallVector<Value> place(i);
        llvm::append_range(place, lane);
        Value v = ReadOp::create(k, loc, y, place);
        return arith::SubFOp::create(k, loc, v, v);
      });
    });
    auto flag = MapOp::create(
        b, loc, TypeRange(b.getIndexType()), ValueRange(),
        [&](OpBuilder &in, Location, ValueRange) {
          Value v = conv.lane ? sum(in, lanes,
                                    [&](OpBuilder &k, ValueRange i) -> Value {
                                      return ReadOp::create(k, loc, zeros, i);
                                    })
                              : ReadOp::create(in, loc, zeros, ValueRange()).getResult();
          Value bad = arith::CmpFOp::create(in, loc, arith::CmpFPredicate::UNO, v, v);
          IndexMath n(in, loc);
          YieldOp::create(
              in, loc,
              arith::SelectOp::create(in, loc, bad, n.constant(1), n.constant(0)).getResult());
        });
    return ReadOp::create(b, loc, flag.getResult(0), ValueRange());
  }

  /// What is transformed: so many blocks, or windows of `parts` of them; of each lane or of all;
  /// for all tiles at once, by the tile's number, or for one.
  struct Part {
    Value number;
    int64_t parts;
    bool lanes, ofTiles;
  };

  Value byTransforms(OpBuilder &b) {
    Part part{blocks, 2, conv.lane && conv.inputUses(*conv.lane), false};
    Value copy =
        inBlocks(b, part, [&](OpBuilder &in, Value p, Value c) { return inputAt(in, p, c); });
    Complex x = stages(b, copy, part);
    return back(b,
                products(b, x, part.lanes, kernelPart.ofTiles ? kernelSpectrum : kernelStages(b)));
  }

  /// A kernel made of weights is transformed when these are bound, for all tiles.
  Complex kernelStages(OpBuilder &b) {
    Value copy = inBlocks(b, kernelPart,
                          [&](OpBuilder &in, Value s, Value c) { return kernelAt(in, s, c); });
    return stages(b, copy, kernelPart);
  }

  using Source = llvm::function_ref<Value(OpBuilder &, Value, Value)>;

  /// The index of the tile in front of others, where there is one.
  SmallVector<Value> inFront(const Part &part, Value tile, ValueRange at) {
    SmallVector<Value> out;
    if (part.ofTiles)
      out.push_back(tile);
    llvm::append_range(out, at);
    return out;
  }

  /// A copy of what `source` gives at a place and a lane, by (block, n1, n2, lane): what the stages
  /// read again and again then lies together, and nothing is asked of it any more.
  Value inBlocks(OpBuilder &b, const Part &part, Source source) {
    IndexMath m(b, loc);
    SmallVector<Value> over{part.number, m.constant(r.r1 / 2), m.constant(r.r2)};
    if (part.lanes)
      over.push_back(width);
    Value copy = mapOver(b, inFront(part, tiles, over), [&](OpBuilder &in, ValueRange i) {
      IndexMath n(in, loc);
      if (part.ofTiles)
        locate(n, i[0]);
      i = i.drop_front(part.ofTiles);
      return source(in, place(in, i), part.lanes ? i[3] : Value());
    });
    copy.getDefiningOp()->setAttr(kCopyAttr, b.getUnitAttr());
    return copy;
  }

  /// The step of (block, n1, n2).
  Value place(OpBuilder &in, ValueRange i) {
    IndexMath m(in, loc);
    return m.add(m.mul(i[0], r.block()), m.add(m.mul(i[1], r.r2), i[2]));
  }

  /// The kernel at s (from its end, of a correlation), 0 outside and where its conditions fail.
  Value kernelAt(OpBuilder &in, Value s, Value lane) {
    IndexMath m(in, loc);
    Value last = m.add(kernelSize, -1), inside = below(in, s, kernelSize);
    s = m.min(s, last);
    if (conv.sign > 0)
      s = m.sub(last, s);
    SmallVector<Value> point(at);
    point.back() = s;
    if (lane)
      point[*conv.lane] = m.add(at[*conv.lane], lane);
    SmallVector<Value> wanted{conv.kernel()};
    llvm::append_range(wanted, conv.conditions);
    SmallVector<Value> made = cloneSlice(in, op, point, wanted);
    for (Value condition : ArrayRef(made).drop_front())
      inside = arith::AndIOp::create(in, loc, inside, condition);
    return arith::SelectOp::create(in, loc, inside, made[0], numberOf(in, loc, element, 0));
  }

  /// The input at place p, 0 where it is not there.
  Value inputAt(OpBuilder &in, Value p, Value lane) {
    SmallVector<Value> point(at);
    if (lane)
      point[*conv.lane] = IndexMath(in, loc).add(at[*conv.lane], lane);
    ReadOp read = conv.input;
    SmallVector<Value> indices = cloneSlice(in, op, point, llvm::to_vector(read.getIndices()));
    indices[conv.axis] = p;
    Value inside = below(in, p, conv.inputSize);
    for (const IndexBound &bound : conv.bounds) {
      if (bound.lower && bound.value.terms.empty() && bound.value.constant <= 0)
        continue; // p is not negative
      IndexMath m(in, loc);
      Value v = affine(m, bound.value, [&](Value x) { return cloneSlice(in, op, at, {x})[0]; });
      Value holds = bound.lower ? atLeast(in, p, v) : atLeast(in, v, p);
      inside = arith::AndIOp::create(in, loc, inside, holds);
    }
    return ReadOp::create(in, loc, read.getTensor(), indices, inside);
  }

  //===--- Stages ---===//

  /// The spectra of the blocks, or of the windows of a block and the one before it.
  Complex stages(OpBuilder &b, Value copy, const Part &part) {
    IndexMath m(b, loc);
    Value half = m.constant(r.half()), r2 = m.constant(r.r2);
    SmallVector<Value> over{part.number, half, r2}, window{m.constant(r.r1 / 2)};
    if (part.lanes)
      over.push_back(width);
    if (part.parts > 1)
      window.insert(window.begin(), m.constant(part.parts));
    Complex f = complexMap(
        b, inFront(part, tiles, over), window, [&](OpBuilder &in, ValueRange all, ValueRange k) {
          IndexMath n(in, loc);
          ValueRange i = all.drop_front(part.ofTiles);
          SmallVector<Value> from{i[0], k.back(), i[2]};
          Value turn = k.back(), inside;
          if (part.parts > 1) {
            from[0] = n.sub(i[0], k[0]);
            turn = n.add(n.mul(k[0], r.r1 / 2), turn);
            inside = atLeast(in, i[0], k[0]);
          }
          if (part.lanes)
            from.push_back(i[3]);
          Value v = ReadOp::create(in, loc, copy, inFront(part, all[0], from), inside);
          Complex w = read(in, tables.first, {turn, i[1]});
          return Term{
              {arith::MulFOp::create(in, loc, v, w.re), arith::MulFOp::create(in, loc, v, w.im)},
              inside};
        });
    over = spectrum(part.number, half, r2, part.lanes ? width : Value());
    return complexMap(b, inFront(part, tiles, over), {r2},
                      [&](OpBuilder &in, ValueRange all, ValueRange k) {
                        ValueRange i = all.drop_front(part.ofTiles);
                        SmallVector<Value> from{i[0], i[1], k[0]}; // of (block, k1, k2)
                        Value k2 = i[2];
                        if (part.lanes) { // (k1, k2, block, lane)
                          from = {i[2], i[0], k[0], i[3]};
                          k2 = i[1];
                        }
                        Complex w = read(in, tables.second, {from[1], k[0], k2});
                        return Term{product(in, read(in, f, inFront(part, all[0], from)), w), {}};
                      });
  }

  /// Σ_j of the spectra of the kernel's block j and the window of block i − j.
  Complex products(OpBuilder &b, Complex x, bool lanesOfInput, Complex k) {
    IndexMath m(b, loc);
    bool both = static_cast<bool>(conv.lane);
    SmallVector<Value> over = spectrum(blocks, m.constant(r.half()), m.constant(r.r2), width);
    return complexMap(b, over, {kernelBlocks}, [&](OpBuilder &in, ValueRange i, ValueRange j) {
      IndexMath n(in, loc);
      Value block = both ? i[2] : i[0], k1 = both ? i[0] : i[1], k2 = both ? i[1] : i[2];
      Value lane = both ? i[3] : Value(), none;
      Value met = atLeast(in, block, j[0]);
      Complex u =
          read(in, x, spectrum(n.sub(block, j[0]), k1, k2, lanesOfInput ? lane : none), met);
      SmallVector<Value> own = spectrum(j[0], k1, k2, kernelPart.lanes ? lane : none);
      Complex w = read(in, k, inFront(kernelPart, tileNumber, own));
      return Term{product(in, w, u), met};
    });
  }

  Value back(OpBuilder &b, Complex y) {
    IndexMath m(b, loc);
    SmallVector<Value> over = withLane({blocks, m.constant(r.half()), m.constant(r.r2)}, width);
    Complex v =
        complexMap(b, over, {m.constant(r.r2)}, [&](OpBuilder &in, ValueRange i, ValueRange k) {
          Value lane = conv.lane ? i[3] : Value();
          return Term{product(in, read(in, y, spectrum(i[0], i[1], k[0], lane)),
                              read(in, tables.back, {i[1], k[0], i[2]})),
                      {}};
        });
    Value half = m.constant(r.half());
    return mapOver(b, tileExtents(m), [&](OpBuilder &in, ValueRange i) {
      return sum(in, {half}, [&](OpBuilder &k, ValueRange k1) -> Value {
        SmallVector<Value> place{i[0], k1[0], i[2]};
        Complex z = read(k, v, withLane(place, conv.lane ? i[3] : Value()));
        Complex w = read(k, tables.first, {i[1], k1[0]});
        return arith::AddFOp::create(k, loc, arith::MulFOp::create(k, loc, z.re, w.re),
                                     arith::MulFOp::create(k, loc, z.im, w.im));
      });
    });
  }

  /// The sums as the program has them.
  Value directly(OpBuilder &b) {
    IndexMath m(b, loc);
    return mapOver(b, tileExtents(m), [&](OpBuilder &in, ValueRange i) {
      IndexMath n(in, loc);
      SmallVector<Value> point(at);
      point[conv.time] = n.sub(place(in, i), shift);
      if (conv.lane)
        point[*conv.lane] = n.add(at[*conv.lane], i[3]);
      auto fold = ReduceOp::create(
          in, loc, ReduceKind::sum, element, ValueRange(kernelSize),
          [&](OpBuilder &k, Location, ValueRange s) {
            point.back() = s[0];
            // Places behind the last step, and before the first, have no sum.
            Value t = point[conv.time];
            Value inside = arith::AndIOp::create(
                k, loc, atLeast(k, t, IndexMath(k, loc).constant(0)), below(k, t, steps));
            ReadOp input = conv.input;
            SmallVector<Value> wanted{conv.kernel(), op.yield().getPresent()};
            llvm::append_range(wanted, input.getIndices());
            SmallVector<Value> made = cloneSlice(k, op, point, wanted);
            if (made[1])
              inside = arith::AndIOp::create(k, loc, inside, made[1]);
            Value x =
                ReadOp::create(k, loc, input.getTensor(), ArrayRef(made).drop_front(2), inside);
            YieldOp::create(k, loc, ValueRange{arith::MulFOp::create(k, loc, made[0], x)}, inside);
          });
      return fold.getResult(0);
    });
  }

  //===--- Small pieces ---===//

  struct Term {
    Complex value;
    Value present; ///< null: always
  };

  Complex complexMap(OpBuilder &b, ValueRange over, ValueRange along,
                     llvm::function_ref<Term(OpBuilder &, ValueRange, ValueRange)> term) {
    ReduceKind both[] = {ReduceKind::sum, ReduceKind::sum};
    auto map =
        MapOp::create(b, loc, {element, element}, over, [&](OpBuilder &in, Location, ValueRange i) {
          auto fold = ReduceOp::create(in, loc, both, TypeRange{element, element}, along,
                                       [&](OpBuilder &k, Location, ValueRange j) {
                                         Term t = term(k, i, j);
                                         YieldOp::create(k, loc, ValueRange{t.value.re, t.value.im},
                                                         t.present);
                                       });
          YieldOp::create(in, loc, fold.getResults());
        });
    return {map.getResult(0), map.getResult(1)};
  }

  Complex read(OpBuilder &in, Complex tensors, ValueRange place, Value guard = {}) {
    return {ReadOp::create(in, loc, tensors.re, place, guard),
            ReadOp::create(in, loc, tensors.im, place, guard)};
  }

  Complex product(OpBuilder &in, Complex x, Complex y) {
    auto mul = [&](Value a, Value c) { return arith::MulFOp::create(in, loc, a, c); };
    return {arith::SubFOp::create(in, loc, mul(x.re, y.re), mul(x.im, y.im)),
            arith::AddFOp::create(in, loc, mul(x.re, y.im), mul(x.im, y.re))};
  }

  Value sum(OpBuilder &in, ValueRange along,
            llvm::function_ref<Value(OpBuilder &, ValueRange)> term) {
    return ReduceOp::create(in, loc, ReduceKind::sum, element, along,
                            [&](OpBuilder &k, Location, ValueRange i) {
                              YieldOp::create(k, loc, ValueRange(term(k, i)));
                            })
        .getResult(0);
  }

  Value mapOver(OpBuilder &b, ValueRange over,
                llvm::function_ref<Value(OpBuilder &, ValueRange)> body) {
    return MapOp::create(b, loc, TypeRange(element), over,
                         [&](OpBuilder &in, Location, ValueRange i) {
                           YieldOp::create(in, loc, ValueRange(body(in, i)));
                         })
        .getResult(0);
  }

  Value affine(IndexMath &m, const AffineSum &sum, llvm::function_ref<Value(Value)> here) {
    Value v = m.constant(sum.constant);
    for (auto &[factor, term] : sum.terms)
      v = m.add(v, m.mul(here(term), factor));
    return v;
  }
  Value atLeast(OpBuilder &in, Value x, Value y) {
    return arith::CmpIOp::create(in, loc, arith::CmpIPredicate::sge, x, y);
  }
  Value below(OpBuilder &in, Value x, Value y) {
    return arith::CmpIOp::create(in, loc, arith::CmpIPredicate::slt, x, y);
  }

  LongConv conv;
  ConvOp op;
  Location loc;
  Radices r;
  const Tables &tables;
  int64_t least; ///< steps and points of the kernel for which transforms pay
  FloatType element;
  SmallVector<Value> extents; ///< of the op's indices, none negative
  Value steps, kernelSize, shift, blocks, kernelBlocks;
  Value width, laneTiles; ///< lanes of a tile, tiles of all lanes; null where there are none
  Value tiles;
  Part kernelPart;
  Complex kernelSpectrum; ///< where it is one for all tiles
  // Of the tile that is being written: its number, and the op's indices.
  Value tileNumber;
  SmallVector<Value> at;
};

} // namespace

ScanOp seq::convolveInBlocks(const LongConv &conv, Radices r, int64_t least) {
  ConvOp op = conv.op;
  OpBuilder b(op);
  auto type = cast<FloatType>(op.getResult().getType().getElementType());
  Tables tables = makeTables(b, op.getLoc(), type, r);
  return Writer(conv, r, tables, least).run();
}
