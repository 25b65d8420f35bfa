//===- TileAttention.cpp - Attention without anything of size rows × keys -------------===//
//
// Softmax and the sum after it need no weights but those of one tile. Over keys in any order,
//
//   m' = max(m, s_j)    z' = z exp(m − m') + exp(s_j − m')    o' = o exp(m − m') + exp(s_j − m')
//   v_j
//
// ends in the largest score, the sum of the weights below it and the weighted values, whose
// quotient o / z is the result. A block of keys at a time makes matrix products of it:
//
//   attention (h, i, d, j) { q[h, i]·k[h, j], v[h, j, d] when j ≤ i }
//     →  %tiles = scan (b) in (H ⌈T / R⌉) states ()            b: a head and R of its rows
//          scan (t) in (full blocks) states (m, z, o) { … }         all keys of a block present
//          scan (t) in (other blocks that have a point) states (m, z, o) { … }    with a mask
//          yield map (r, d) { o / z }
//        map (h, i, d) { %tiles[h ⌈T / R⌉ + i / R, i % R, d] }
//
// A step makes the scores s = map (r, c), then m' and exp(m − m') for each row, the weights
// p = exp(s − m'), then z' and o'. m begins at the lowest finite number instead of −∞: then no
// subtraction meets two infinities that the equations do not have. A row of which nothing is
// present is told from one of scores −∞ (NaN, as the equations say) by its range of keys or,
// where data decide, by a state that any present point sets.
//
// Sizes. The register tile of either product is 6 rows by 2 vectors (16 registers) or by 4 (32), so
// R is a multiple of 6. With f32 and 64 features a block of 64 keys is 16 KiB of keys, then
// 16 KiB of values; 36 rows add 9 KiB of queries or sums and 9 KiB of scores or weights: each
// product runs in about 32 KiB, a first-level cache, and an element of k and v that was loaded
// from further away is used 36 times. The optimum is flat: with AVX2, 24 and 48 rows and 32 keys
// take the same time, 128 keys 5 % more.
//
// A block of a GPU has 64 rows: its products are tiles of 64 × 64 points.
//
// Rejected: a mask in all blocks, which is a comparison and a blend for each score and a blend for
// each product with the values; blocks that begin where a window does, since then the keys
// could not be transposed once for all rows. Figures: docs/Derivation.md.
//
//===----------------------------------------------------------------------===//
#include "compiler/Transforms/Rewrite.h"
#include "compiler/Transforms/TileRange.h"
#include "compiler/Transforms/TileRoles.h"
#include "compiler/Transforms/Transforms.h"

#include "llvm/ADT/APFloat.h"

namespace seq {
#define GEN_PASS_DEF_SEQTILEATTENTION
#include "compiler/Transforms/Passes.h.inc"
} // namespace seq

using namespace mlir;
using namespace seq;

namespace {

/// The states of the scans over blocks of keys. Linear attention has the sums alone.
struct Running {
  Value largest, weight;
  SmallVector<Value> sums; ///< one for each result
  Value seen;              ///< of each row, whether a point was present; null: its range tells

  SmallVector<Value> values() const {
    SmallVector<Value> out(sums);
    for (Value v : {largest, weight, seen})
      if (v)
        out.push_back(v);
    return out;
  }
  /// The states among `v` that stand where those of `like` do.
  static Running of(ValueRange v, const Running &like) {
    Running s;
    s.sums.assign(v.begin(), v.begin() + like.sums.size());
    v = v.drop_front(like.sums.size());
    for (auto [from, to] :
         {std::pair(like.largest, &s.largest), {like.weight, &s.weight}, {like.seen, &s.seen}})
      if (from) {
        *to = v.front();
        v = v.drop_front();
      }
    return s;
  }
};

class Tiler {
public:
  Tiler(AttentionOp op, int64_t mostRows)
      : op(op), mostRows(mostRows), loc(op.getLoc()), roles(op), element(op.score().getType()),
        present(op.yield().getPresent()),
        range(present, op.key(), op.getExtents().back(), op.getBody()) {}

  void run() {
    OpBuilder b(op);
    IndexMath m(b, loc);
    for (Value e : op.getExtents())
      extents.push_back(constantOf(e) || e.getDefiningOp<SizeOp>() ? e : m.max(e, m.constant(0)));
    keys = extents.back();
    auto known = roles.blocked ? constantOf(extents[*roles.blocked]) : std::optional<int64_t>(1);
    rows = known ? std::clamp<int64_t>(*known, 1, mostRows) : mostRows;
    blocks = roles.blocked ? m.ceilDiv(extents[*roles.blocked], rows) : m.constant(1);
    Value count = blocks;
    for (unsigned place : roles.outer)
      count = m.mul(count, extents[place]);
    SmallVector<Value> dims{m.constant(rows)};
    for (unsigned place : roles.columns)
      dims.push_back(extents[place]);
    SmallVector<Type> types(op.getNumResults(), MapOp::resultType(element, dims));
    auto scan = ScanOp::create(b, loc, count, ValueRange(), types, false,
                               [&](OpBuilder &in, Location, Value t, ValueRange) {
                                 NextOp::create(in, loc, ValueRange(), blockOfRows(in, t, dims));
                               });
    scan->setAttr(kTileAttr, b.getUnitAttr());
    replace(b, scan);
  }

private:
  /// Reads each result from the tiles.
  void replace(OpBuilder &b, ScanOp scan) {
    SmallVector<Value> over(extents.begin(), extents.end() - 1);
    for (auto [result, tiles] : llvm::zip(op.getResults(), scan.getResults())) {
      auto map =
          MapOp::create(b, loc, TypeRange(element), over,
                        [&, tiles = tiles](OpBuilder &in, Location, ValueRange i) {
                          IndexMath m(in, loc);
                          Value head = m.constant(0);
                          for (unsigned place : roles.outer)
                            head = m.add(m.mul(head, extents[place]), i[place]);
                          Value row = roles.blocked ? i[*roles.blocked] : m.constant(0);
                          SmallVector<Value> at{m.add(m.mul(head, blocks), m.div(row, rows)),
                                                m.mod(row, m.constant(rows))};
                          for (unsigned place : roles.columns)
                            at.push_back(i[place]);
                          YieldOp::create(in, loc, ReadOp::create(in, loc, tiles, at).getResult());
                        });
      map.getResult(0).setType(cast<RankedTensorType>(result.getType()));
      result.replaceAllUsesWith(map.getResult(0));
    }
    op.erase();
  }

  //===--- One block of rows ----------------------------------------------------------===//

  /// The tiles that step `t` yields; `dims` are theirs.
  SmallVector<Value> blockOfRows(OpBuilder &b, Value t, ValueRange dims) {
    IndexMath m(b, loc);
    SmallVector<Value> axes;
    for (unsigned place : roles.outer)
      axes.push_back(extents[place]);
    axes.push_back(blocks);
    SmallVector<Value> at = m.unravel(t, axes);
    for (auto [place, v] : llvm::zip(roles.outer, at))
      outer[place] = v;
    firstRow = m.mul(at.back(), rows);
    height = m.constant(rows);
    if (roles.blocked && constantOf(extents[*roles.blocked]).value_or(rows + 1) % rows != 0)
      height = m.min(height, m.sub(extents[*roles.blocked], firstRow));
    Running s = begin(b, dims);
    s = overKeys(b, s);
    return finish(b, s, dims);
  }

  Running begin(OpBuilder &b, ValueRange dims) {
    double lowest = llvm::APFloat::getLargest(cast<FloatType>(element).getFloatSemantics(), true)
                        .convertToDouble();
    SmallVector<Value> over{height};
    Running s;
    if (!op.getLinear()) {
      s.largest = filled(b, over, b.getFloatAttr(element, lowest));
      s.weight = filled(b, over, b.getFloatAttr(element, 0));
      if (!range.isExact())
        s.seen = filled(b, over, b.getBoolAttr(false));
    }
    llvm::append_range(over, dims.drop_front());
    for (unsigned k = 0; k + 1 < op.yield().getValues().size(); ++k)
      s.sums.push_back(filled(b, over, b.getFloatAttr(element, 0)));
    return s;
  }

  Value filled(OpBuilder &b, ValueRange over, TypedAttr value) {
    return MapOp::create(b, loc, TypeRange(value.getType()), over,
                         [&](OpBuilder &in, Location, ValueRange) {
                           YieldOp::create(in, loc,
                                           arith::ConstantOp::create(in, loc, value).getResult());
                         })
        .getResult(0);
  }

  /// The body's indices at local row r, key j and columns.
  SmallVector<Value> point(OpBuilder &b, Value r, Value j, ValueRange columns) {
    SmallVector<Value> at(op.indices().size(), j);
    for (unsigned place : roles.outer)
      at[place] = outer[place];
    if (roles.blocked)
      at[*roles.blocked] = IndexMath(b, loc).add(firstRow, r);
    for (auto [place, v] : llvm::zip(roles.columns, columns))
      at[place] = v;
    return at;
  }

  /// The rows of the block, or local row r alone.
  Box box(IndexMath &m, Value r = {}) {
    Box out;
    for (unsigned place : roles.outer)
      out.indices[op.indices()[place]] = {outer[place], outer[place]};
    if (roles.blocked) {
      Value first = r ? m.add(firstRow, r) : firstRow;
      Value last = r ? first : m.add(m.add(firstRow, height), -1);
      out.indices[op.indices()[*roles.blocked]] = {first, last};
    }
    return out;
  }

  Running overKeys(OpBuilder &b, Running s) {
    IndexMath m(b, loc);
    Value zero = m.constant(0);
    auto [lo, hi] = range.some(m, box(m));
    Value first = m.div(m.max(lo, zero), kTileKeys);
    Value end = m.max(m.ceilDiv(m.min(hi, keys), kTileKeys), first);
    Value fullFirst = first, fullEnd = first;
    if (range.isExact()) {
      auto [from, to] = range.all(m, box(m));
      fullFirst = m.clamp(m.ceilDiv(from, kTileKeys), first, end);
      fullEnd = m.clamp(m.div(to, kTileKeys), fullFirst, end);
      s = scanKeys(b, s, m.sub(fullEnd, fullFirst), false,
                   [&](IndexMath &in, Value t) { return in.add(fullFirst, t); });
    }
    // What is left lies before and behind the full blocks.
    Value before = m.sub(fullFirst, first), behind = m.sub(end, fullEnd);
    Value gap = m.sub(fullEnd, fullFirst);
    return scanKeys(b, s, m.add(before, behind), true, [&](IndexMath &in, Value t) {
      Value past = in.clamp(in.add(in.sub(t, before), 1), in.constant(0), in.constant(1));
      return in.add(in.add(first, t), in.mul(past, gap));
    });
  }

  Running scanKeys(OpBuilder &b, const Running &s, Value count, bool masked,
                   llvm::function_ref<Value(IndexMath &, Value)> blockAt) {
    auto scan = ScanOp::create(b, loc, count, s.values(), TypeRange(), false,
                               [&](OpBuilder &in, Location, Value t, ValueRange states) {
                                 IndexMath m(in, loc);
                                 Value firstKey = m.mul(blockAt(m, t), kTileKeys),
                                       width = m.constant(kTileKeys);
                                 if (masked)
                                   width = m.min(width, m.sub(keys, firstKey));
                                 Running next =
                                     step(in, Running::of(states, s), firstKey, width, masked);
                                 NextOp::create(in, loc, next.values(), ValueRange());
                               });
    scan->setAttr(kTileAttr, b.getUnitAttr());
    return Running::of(scan.getResults(), s);
  }

  //===--- One block of keys ------------------------------------------------------------===//

  Running step(OpBuilder &b, Running s, Value firstKey, Value width, bool masked) {
    bool mask = masked && present;
    Tile tile{firstKey, width, mask && range.isExact(), {}, {}, {}};
    std::tie(tile.weights, tile.there) = scoreTile(b, tile, mask);
    Running next;
    if (!op.getLinear()) {
      Value scores = tile.weights;
      std::tie(next.largest, tile.scale) = newLargest(b, s, scores, width);
      tile.weights = mapOver(b, {height, width}, element, [&](OpBuilder &in, ValueRange i) {
        Value v = ReadOp::create(in, loc, scores, i);
        return below(in, v, ReadOp::create(in, loc, next.largest, i[0]));
      });
      next.weight = mapOver(b, {height}, element, [&](OpBuilder &in, ValueRange i) {
        Value sum = fold(in, ReduceKind::sum, element, width, [&](OpBuilder &k, Value c) {
          Value p = ReadOp::create(k, loc, tile.weights, ValueRange{i[0], c});
          return std::pair<Value, Value>(p, nullptr);
        });
        return carried(in, tile, s.weight, i, sum);
      });
    }
    if (s.seen)
      next.seen = nowSeen(b, s.seen, tile);
    SmallVector<Value> over{height};
    for (unsigned place : roles.columns)
      over.push_back(extents[place]);
    for (auto [sum, value] : llvm::zip(s.sums, op.yield().getValues().drop_front()))
      next.sums.push_back(
          mapOver(b, over, element, [&, sum = sum, value = value](OpBuilder &in, ValueRange i) {
            return carried(in, tile, sum, i, weighted(in, tile, value, i));
          }));
    return next;
  }

  /// What a step knows of its block of keys.
  struct Tile {
    Value firstKey, width;
    bool bounded;  ///< the presence is to be applied, and is made of bounds
    Value weights; ///< of its points
    Value there;   ///< which points are present; null: `bounded`, or all
    Value scale;   ///< exp(m − m') of each row; null: 1
  };

  /// A state, rescaled, and what the block adds to it.
  Value carried(OpBuilder &in, const Tile &tile, Value state, ValueRange i, Value sum) {
    Value v = ReadOp::create(in, loc, state, i);
    if (tile.scale)
      v = arith::MulFOp::create(in, loc, v, ReadOp::create(in, loc, tile.scale, i[0]));
    return arith::AddFOp::create(in, loc, v, sum);
  }

  /// The weighted sum of a value at a row and columns. The bounds of the presence shorten its loop.
  Value weighted(OpBuilder &in, const Tile &tile, Value value, ValueRange i) {
    return fold(in, ReduceKind::sum, element, tile.width, [&](OpBuilder &k, Value c) {
      auto at = point(k, i[0], IndexMath(k, loc).add(tile.firstKey, c), i.drop_front());
      auto v = cloneSlice(k, op, at, {value, tile.bounded ? present : Value()});
      Value p = ReadOp::create(k, loc, tile.weights, ValueRange{i[0], c});
      Value here = v[1];
      if (tile.there)
        here = ReadOp::create(k, loc, tile.there, ValueRange{i[0], c});
      return std::pair<Value, Value>(arith::MulFOp::create(k, loc, p, v[0]), here);
    });
  }

  Value nowSeen(OpBuilder &b, Value seen, const Tile &tile) {
    return mapOver(b, {height}, b.getI1Type(), [&](OpBuilder &in, ValueRange i) -> Value {
      Value any = fold(in, ReduceKind::any, in.getI1Type(), tile.width, [&](OpBuilder &k, Value c) {
        Value here = ReadOp::create(k, loc, tile.there, ValueRange{i[0], c});
        return std::pair<Value, Value>(here, nullptr);
      });
      return arith::OrIOp::create(in, loc, ReadOp::create(in, loc, seen, i), any);
    });
  }

  /// The scores of a tile, without weight at absent points; beside them which are present,
  /// where the range of keys does not tell.
  std::pair<Value, Value> scoreTile(OpBuilder &b, const Tile &tile, bool mask) {
    SmallVector<Type> types{element};
    bool keep = mask && !range.isExact();
    if (keep)
      types.push_back(b.getI1Type());
    auto map =
        MapOp::create(b, op.score().getLoc(), types, {height, tile.width},
                      [&](OpBuilder &in, Location, ValueRange i) {
                        auto at = point(in, i[0], IndexMath(in, loc).add(tile.firstKey, i[1]), {});
                        auto v = cloneSlice(in, op, at, {op.score(), mask ? present : Value()});
                        SmallVector<Value> out{v[0]};
                        if (mask)
                          out[0] = arith::SelectOp::create(
                              in, loc, v[1], v[0], number(in, op.getLinear() ? 0 : -INFINITY));
                        if (keep)
                          out.push_back(v[1]);
                        YieldOp::create(in, loc, out);
                      });
    return {map.getResult(0), keep ? map.getResult(1) : Value()};
  }

  /// m' and exp(m − m').
  std::pair<Value, Value> newLargest(OpBuilder &b, const Running &s, Value scores, Value width) {
    auto map = MapOp::create(
        b, loc, {element, element}, {height}, [&](OpBuilder &in, Location, ValueRange i) {
          Value top = fold(in, ReduceKind::max, element, width, [&](OpBuilder &k, Value c) {
            Value v = ReadOp::create(k, loc, scores, ValueRange{i[0], c});
            return std::pair<Value, Value>(v, nullptr);
          });
          Value old = ReadOp::create(in, loc, s.largest, i);
          Value now = arith::MaximumFOp::create(in, loc, old, top);
          YieldOp::create(in, loc, ValueRange{now, below(in, old, now)});
        });
    return {map.getResult(0), map.getResult(1)};
  }

  /// m + log z. Of rows whose largest score is infinite it is that.
  Value normaliser(OpBuilder &b, const Running &s, ValueRange dims) {
    return mapOver(b, dims, element, [&](OpBuilder &in, ValueRange i) -> Value {
      Value inside = insideOf(in, i[0]);
      Value top = ReadOp::create(in, loc, s.largest, i, inside);
      Value z = ReadOp::create(in, loc, s.weight, i, inside);
      Value sum = arith::AddFOp::create(in, loc, top, UnaryOp::create(in, loc, UnaryKind::log, z));
      Value infinite =
          arith::CmpFOp::create(in, loc, arith::CmpFPredicate::OEQ, top, number(in, INFINITY));
      return arith::SelectOp::create(in, loc, infinite, top, sum);
    });
  }

  /// That row `r` of the block is one; null where all are.
  Value insideOf(OpBuilder &b, Value r) {
    if (constantOf(height) == rows)
      return {};
    return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, r, height);
  }

  SmallVector<Value> finish(OpBuilder &b, const Running &s, ValueRange dims) {
    SmallVector<Value> out;
    if (op.getNormaliser())
      out.push_back(normaliser(b, s, dims));
    for (Value sum : s.sums)
      out.push_back(mapOver(b, dims, element, [&](OpBuilder &in, ValueRange i) -> Value {
        IndexMath m(in, loc);
        Value inside = insideOf(in, i[0]);
        Value o = ReadOp::create(in, loc, sum, i, inside);
        if (op.getLinear())
          return o;
        Value some;
        if (s.seen) {
          some = ReadOp::create(in, loc, s.seen, i[0], inside);
        } else {
          auto [lo, hi] = range.some(m, box(m, i[0]));
          some = arith::CmpIOp::create(in, loc, arith::CmpIPredicate::slt, lo, hi);
          if (inside)
            some = arith::AndIOp::create(in, loc, some, inside);
        }
        Value z = ReadOp::create(in, loc, s.weight, i[0], inside);
        Value mean = arith::DivFOp::create(in, loc, o, z);
        return arith::SelectOp::create(in, loc, some, mean, number(in, 0));
      }));
    return out;
  }

  //===--- Pieces -------------------------------------------------------------------------===//

  Value number(OpBuilder &b, double v) {
    return arith::ConstantOp::create(b, loc, b.getFloatAttr(element, v));
  }
  /// exp(x − top)
  Value below(OpBuilder &b, Value x, Value top) {
    return UnaryOp::create(b, loc, UnaryKind::exp, arith::SubFOp::create(b, loc, x, top));
  }
  Value mapOver(OpBuilder &b, ValueRange over, Type type,
                llvm::function_ref<Value(OpBuilder &, ValueRange)> body) {
    return MapOp::create(b, loc, TypeRange(type), over,
                         [&](OpBuilder &in, Location, ValueRange i) {
                           YieldOp::create(in, loc, ValueRange(body(in, i)));
                         })
        .getResult(0);
  }
  Value fold(OpBuilder &b, ReduceKind kind, Type type, Value width,
             llvm::function_ref<std::pair<Value, Value>(OpBuilder &, Value)> body) {
    return ReduceOp::create(b, loc, kind, type, ValueRange(width),
                            [&](OpBuilder &in, Location, ValueRange i) {
                              auto [value, here] = body(in, i[0]);
                              YieldOp::create(in, loc, ValueRange(value), here);
                            })
        .getResult(0);
  }
  AttentionOp op;
  int64_t mostRows;
  Location loc;
  TileRoles roles;
  Type element;
  Value present;
  KeyRange range;
  SmallVector<Value> extents; ///< of the op's indices, none negative
  Value keys, blocks;         ///< number of keys; of blocks of rows
  int64_t rows = 1;           ///< of a full block

  // Of the step that is being built.
  llvm::DenseMap<unsigned, Value> outer; ///< by place
  Value firstRow, height;
};

struct TileAttention : seq::impl::SeqTileAttentionBase<TileAttention> {
  using Base = seq::impl::SeqTileAttentionBase<TileAttention>;
  using Base::Base;

  void runOnOperation() override {
    func::FuncOp func = getOperation();
    if (tiledOps(func).empty())
      return;
    gatherScores(func);
    for (AttentionOp op : tiledOps(func))
      Tiler(op, rows).run();
    eraseDead(func);
  }

  static SmallVector<AttentionOp> tiledOps(func::FuncOp func) {
    SmallVector<AttentionOp> ops(func.getBody().front().getOps<AttentionOp>());
    llvm::erase_if(ops, [](AttentionOp op) { return !isTiled(op); });
    return ops;
  }
};

} // namespace
