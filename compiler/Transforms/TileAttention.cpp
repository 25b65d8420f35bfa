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
// from further away is used 36 times. More keys a block would spill; fewer pay for
// the maximum, the sum and the rescaling of a row more often.
//
// Which index is blocked: one whose values share the keys, so an index that a contraction of the
// score reads beside the key (a head) is not; of the others one of many or an unknown number of
// rows, that the presence uses, the last. Where there is none (a query for each head) a block
// has one row.
//
// Rejected: a mask in all blocks (a tenth slower without a window); blocks that begin
// where a window does, since then the keys could not be transposed once for all rows.
//
//===----------------------------------------------------------------------===//
#include "compiler/Transforms/Rewrite.h"
#include "compiler/Transforms/TileRange.h"
#include "compiler/Transforms/Transforms.h"

#include "llvm/ADT/APFloat.h"

namespace seq {
#define GEN_PASS_DEF_SEQTILEATTENTION
#include "compiler/Transforms/Passes.h.inc"
} // namespace seq

using namespace mlir;
using namespace seq;

namespace {

constexpr int64_t kRows = 36, kKeys = 64;

/// The roles of an attention's leading indices, as their places.
struct Roles {
  SmallVector<unsigned> outer, columns;
  std::optional<unsigned> blocked;

  explicit Roles(AttentionOp op) {
    SmallVector<unsigned> rows = weightPlaces(op);
    rows.pop_back();
    for (unsigned k = 0; k + 1 < op.indices().size(); ++k)
      if (!llvm::is_contained(rows, k))
        columns.push_back(k);
    llvm::SetVector<Value> beside = besideKey(op);
    int best = 0;
    for (unsigned k : rows) {
      int worth = beside.contains(op.indices()[k]) ? 0 : 1 + extentWorth(op, k);
      if (worth && worth >= best) {
        blocked = k;
        best = worth;
      }
    }
    for (unsigned k : rows)
      if (blocked != k)
        outer.push_back(k);
  }

private:
  /// Blocks pay where there are many rows; those that the presence knows can be skipped.
  static int extentWorth(AttentionOp op, unsigned k) {
    auto extent = constantOf(op.getExtents()[k]);
    Value present = op.yield().getPresent();
    bool bounds = present && dependsOn(present, op.indices()[k], op.getBody());
    return (!extent || *extent >= kRows ? 2 : 0) + (bounds ? 1 : 0);
  }

  /// Indices at which something inside of a contraction is read that the key moves too.
  static llvm::SetVector<Value> besideKey(AttentionOp op) {
    llvm::SetVector<Value> out;
    Operation *score = op.score().getDefiningOp();
    if (!score || score->getBlock() != op.bodyBlock())
      return out;
    for (Operation *part : scalarSlice(score, op.bodyBlock()))
      part->walk([&](ReadOp read) {
        auto used = indicesUsedBy(read, op);
        if (isa<ReduceOp>(read->getParentOp()) && used.contains(op.key()))
          out.insert(used.begin(), used.end());
      });
    return out;
  }
};

/// The states of the scans over blocks of keys.
struct Running {
  Value largest, weight;
  SmallVector<Value> sums; ///< one for each result
  Value seen;              ///< of each row, whether a point was present; null: its range tells

  SmallVector<Value> values() const {
    SmallVector<Value> out{largest, weight};
    llvm::append_range(out, sums);
    if (seen)
      out.push_back(seen);
    return out;
  }
  static Running of(ValueRange v, size_t results) {
    Running s{v[0], v[1], SmallVector<Value>(v.slice(2, results)), {}};
    if (v.size() > 2 + results)
      s.seen = v.back();
    return s;
  }
};

class Tiler {
public:
  explicit Tiler(AttentionOp op)
      : op(op), loc(op.getLoc()), roles(op), element(op.score().getType()),
        present(op.yield().getPresent()),
        range(present, op.key(), op.getExtents().back(), op.getBody()) {}

  void run() {
    OpBuilder b(op);
    IndexMath m(b, loc);
    for (Value e : op.getExtents())
      extents.push_back(constantOf(e) || e.getDefiningOp<SizeOp>() ? e : m.max(e, m.constant(0)));
    keys = extents.back();
    auto known = roles.blocked ? constantOf(extents[*roles.blocked]) : std::optional<int64_t>(1);
    rows = known ? std::clamp<int64_t>(*known, 1, kRows) : kRows;
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
    Value number = m.max(blocks, m.constant(1));
    Value block = m.mod(t, number), head = m.div(t, number);
    for (unsigned place : llvm::reverse(roles.outer)) {
      Value n = m.max(extents[place], m.constant(1));
      bool first = place == roles.outer.front();
      outer[place] = first ? head : m.mod(head, n);
      head = first ? head : m.div(head, n);
    }
    firstRow = m.mul(block, rows);
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
    s.largest = filled(b, over, b.getFloatAttr(element, lowest));
    s.weight = filled(b, over, b.getFloatAttr(element, 0));
    if (!range.isExact())
      s.seen = filled(b, over, b.getBoolAttr(false));
    llvm::append_range(over, dims.drop_front());
    for (unsigned k = 0; k < op.getNumResults(); ++k)
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
    Value first = m.div(m.max(lo, zero), kKeys);
    Value end = m.max(m.ceilDiv(m.min(hi, keys), kKeys), first);
    Value fullFirst = first, fullEnd = first;
    if (range.isExact()) {
      auto [from, to] = range.all(m, box(m));
      fullFirst = m.clamp(m.ceilDiv(from, kKeys), first, end);
      fullEnd = m.clamp(m.div(to, kKeys), fullFirst, end);
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
    auto scan = ScanOp::create(
        b, loc, count, s.values(), TypeRange(), false,
        [&](OpBuilder &in, Location, Value t, ValueRange states) {
          IndexMath m(in, loc);
          Value firstKey = m.mul(blockAt(m, t), kKeys), width = m.constant(kKeys);
          if (masked)
            width = m.min(width, m.sub(keys, firstKey));
          Running next = step(in, Running::of(states, op.getNumResults()), firstKey, width, masked);
          NextOp::create(in, loc, next.values(), ValueRange());
        });
    scan->setAttr(kTileAttr, b.getUnitAttr());
    return Running::of(scan.getResults(), op.getNumResults());
  }

  //===--- One block of keys ------------------------------------------------------------===//

  Running step(OpBuilder &b, Running s, Value firstKey, Value width, bool masked) {
    bool mask = masked && present;
    auto [scores, there] = scoreTile(b, firstKey, width, mask);
    Running next;
    Value scale;
    std::tie(next.largest, scale) = newLargest(b, s, scores, width);
    Value weights = mapOver(b, {height, width}, element, [&](OpBuilder &in, ValueRange i) {
      Value v = ReadOp::create(in, loc, scores, i);
      return below(in, v, ReadOp::create(in, loc, next.largest, i[0]));
    });
    auto carried = [&](OpBuilder &in, Value state, ValueRange i, Value sum) -> Value {
      Value v = ReadOp::create(in, loc, state, i), f = ReadOp::create(in, loc, scale, i[0]);
      return arith::AddFOp::create(in, loc, arith::MulFOp::create(in, loc, v, f), sum);
    };
    next.weight = mapOver(b, {height}, element, [&](OpBuilder &in, ValueRange i) {
      return carried(in, s.weight, i, sumOver(in, width, [&](OpBuilder &k, Value c) -> Value {
                       return ReadOp::create(k, loc, weights, ValueRange{i[0], c});
                     }));
    });
    if (s.seen)
      next.seen = mapOver(b, {height}, b.getI1Type(), [&](OpBuilder &in, ValueRange i) -> Value {
        Value any = fold(in, ReduceKind::any, in.getI1Type(), width, [&](OpBuilder &k, Value c) {
          return std::pair<Value, Value>(
              there ? ReadOp::create(k, loc, there, ValueRange{i[0], c}).getResult()
                    : arith::ConstantOp::create(k, loc, k.getBoolAttr(true)).getResult(),
              nullptr);
        });
        return arith::OrIOp::create(in, loc, ReadOp::create(in, loc, s.seen, i), any);
      });
    SmallVector<Value> over{height};
    for (unsigned place : roles.columns)
      over.push_back(extents[place]);
    for (auto [sum, value] : llvm::zip(s.sums, op.yield().getValues().drop_front()))
      next.sums.push_back(mapOver(b, over, element, [&](OpBuilder &in, ValueRange i) {
        auto term = [&](OpBuilder &k, Value c) {
          auto at = point(k, i[0], IndexMath(k, loc).add(firstKey, c), i.drop_front());
          bool bounds = mask && !there;
          auto v = cloneSlice(k, op, at, {value, bounds ? present : Value()});
          Value p = ReadOp::create(k, loc, weights, ValueRange{i[0], c});
          Value here = v[1];
          if (there)
            here = ReadOp::create(k, loc, there, ValueRange{i[0], c});
          return std::pair<Value, Value>(arith::MulFOp::create(k, loc, p, v[0]), here);
        };
        return carried(in, sum, i, fold(in, ReduceKind::sum, element, width, term));
      }));
    return next;
  }

  /// The scores of a tile, −∞ at absent points; beside them which are present, where the
  /// range of keys does not tell.
  std::pair<Value, Value> scoreTile(OpBuilder &b, Value firstKey, Value width, bool mask) {
    SmallVector<Type> types{element};
    bool keep = mask && !range.isExact();
    if (keep)
      types.push_back(b.getI1Type());
    auto map = MapOp::create(
        b, op.score().getLoc(), types, {height, width}, [&](OpBuilder &in, Location, ValueRange i) {
          auto at = point(in, i[0], IndexMath(in, loc).add(firstKey, i[1]), {});
          auto v = cloneSlice(in, op, at, {op.score(), mask ? present : Value()});
          SmallVector<Value> out{v[0]};
          if (mask)
            out[0] = arith::SelectOp::create(in, loc, v[1], v[0], number(in, -INFINITY));
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

  SmallVector<Value> finish(OpBuilder &b, const Running &s, ValueRange dims) {
    SmallVector<Value> out;
    for (Value sum : s.sums)
      out.push_back(mapOver(b, dims, element, [&](OpBuilder &in, ValueRange i) -> Value {
        IndexMath m(in, loc);
        Value inside;
        if (constantOf(height) != rows)
          inside = arith::CmpIOp::create(in, loc, arith::CmpIPredicate::slt, i[0], height);
        Value some;
        if (s.seen) {
          some = ReadOp::create(in, loc, s.seen, i[0], inside);
        } else {
          auto [lo, hi] = range.some(m, box(m, i[0]));
          some = arith::CmpIOp::create(in, loc, arith::CmpIPredicate::slt, lo, hi);
        }
        if (inside && !s.seen)
          some = arith::AndIOp::create(in, loc, some, inside);
        Value o = ReadOp::create(in, loc, sum, i, inside);
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
  Value sumOver(OpBuilder &b, Value width, llvm::function_ref<Value(OpBuilder &, Value)> body) {
    return fold(b, ReduceKind::sum, element, width, [&](OpBuilder &in, Value c) {
      return std::pair<Value, Value>(body(in, c), nullptr);
    });
  }

  AttentionOp op;
  Location loc;
  Roles roles;
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

bool isTiled(AttentionOp op) {
  return isa<func::FuncOp>(op->getParentOp()) &&
         constantOf(op.getExtents().back()).value_or(kKeys + 1) > kKeys;
}

/// Something that is made for each row and key, where nothing but attention in tiles reads it,
/// outside of contractions: scores that have a name, biases. What may fail is kept, as it fails
/// at absent points too.
bool isAbsorbed(MapOp map) {
  return !map->use_empty() && !mayFail(map) && llvm::all_of(map->getUsers(), [&](Operation *user) {
    auto read = dyn_cast<ReadOp>(user);
    auto op = read ? dyn_cast<AttentionOp>(read->getParentOp()) : AttentionOp();
    if (!op || !isTiled(op) || op->getBlock() != map->getBlock())
      return false;
    auto used = indicesUsedBy(read, op);
    return used.contains(op.key()) && used.size() >= 2;
  });
}

/// Computes such things in the bodies that read them, so that they need not be kept. Where
/// several do, each computes its own: time for memory.
void absorb(func::FuncOp func) {
  SmallVector<MapOp> maps(func.getBody().front().getOps<MapOp>());
  for (MapOp map : llvm::reverse(maps)) {
    if (!isAbsorbed(map))
      continue;
    for (auto [k, result] : llvm::enumerate(map.getResults()))
      for (Operation *user : llvm::make_early_inc_range(result.getUsers()))
        inlineAt(map, k, cast<ReadOp>(user));
    map.erase();
  }
}

struct TileAttention : seq::impl::SeqTileAttentionBase<TileAttention> {
  void runOnOperation() override {
    func::FuncOp func = getOperation();
    mergeEqualScalars(func);
    absorb(func);
    SmallVector<AttentionOp> ops(func.getBody().front().getOps<AttentionOp>());
    for (AttentionOp op : ops)
      if (isTiled(op))
        Tiler(op).run();
    eraseDead(getOperation());
  }
};

} // namespace
