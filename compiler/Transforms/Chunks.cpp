//===- Chunks.cpp - Outer-product states in chunks of matrix products ----------------------===//
//
// For a state that is a matrix, updated by products of vectors (classes C3 and C4),
//
//   S_t = D_t S_{t−1} + Σ_r A_t^r (B_t^r · S_{t−1}) + Σ_m k_t^m v_t^m     (D diagonal)
//
// what the model wants are read-outs q_t · S. Inside of a chunk of L steps that begins with
// S_0, the read-out of the state before step i with any vector f is
//
//   f · S_{i−1} = (f R_{i,0}) · S_0 + Σ_{j<i} Σ_src ((f R_{i,j}) · src_j) val_j
//
// where R_{i,j} = D_{j+1} ⋯ D_{i−1}, and the sources are k^m with the values v^m, and A^r with
// the values u^r = B^r · S of their own steps. So
//
//   1. scores G[i, j] = (f_i R_{i,j}) · src_j for j < i: a matrix product
//   2. u by forward substitution over the chunk: u_i = rhs_i + Σ_{j<i} G[i, j] u_j   (C4)
//   3. read-outs: f R · S_0 + G val: two matrix products
//   4. S_L = R_{L,0} S_0 + Σ_j R_{L,j} src_j val_j: one more
//
// S itself is touched once in L steps. A read-out of the state after the step is one of the
// state before, plus known products: the analysis says which.
//
// R is made by multiplying on, row by row: decays of 0, −1 and 1e-30 are what they are.
// Logarithms were rejected (no sign, no zero), and so was dividing cumulative products (1/Λ
// overflows in a few steps of small decay).
//
// Other states run step by step inside of the chunk, before those that need them. What a
// step computes besides is computed for all L steps of the chunk at once. Steps past the
// end repeat the last one, with D = 1 and nothing added.
//
//===----------------------------------------------------------------------===//
#include "compiler/Transforms/ChunkPlan.h"
#include "compiler/Transforms/Forms.h"
#include "compiler/Transforms/IndexMath.h"
#include "compiler/Transforms/Rewrite.h"
#include "compiler/Transforms/StepWriter.h"

using namespace mlir;

namespace seq {

using analysis::Component;
using analysis::Exprs;
using analysis::Form;
using analysis::Product;
using analysis::StateForm;
using analysis::TensorForm;
using analysis::Term;

namespace {
using Values = SmallVector<Value>;

/// A vector that reads a matrix state, as a tile [L, extra …, batch …, K].
struct Functional {
  Value tile;
  Values extra; ///< sizes
};

/// What a chunk knows of one matrix state.
struct MatrixState {
  const MatrixPlan *plan;
  Value before;                       ///< S_0
  Value ratios, lastRatios;           ///< R: [L, batch …, (K), L], and that at the end; or null
  Value fromStart, whole;             ///< of all steps before: [L, batch …, (K)], and at the end
  SmallVector<Value> sources, values; ///< [batch …, K, L] and [L, batch …, V …]
  Type type;
  Values batch, columns;
  Value rows; ///< K
};

class ChunkWriter {
public:
  ChunkWriter(ScanOp scan, ChunkPlan &plan, const ChunkOptions &options)
      : scan(scan), plan(plan), b(scan), loc(scan.getLoc()), chunk(options.chunk),
        options(options) {}

  Values run() {
    length = arith::ConstantIndexOp::create(b, loc, chunk);
    extent = scan.getExtent();
    lastStep = IndexMath(b, loc).add(extent, -1);
    Value count = IndexMath(b, loc).ceilDiv(extent, chunk);
    SmallVector<Type> yields;
    for (Value y : scan.next().getYields())
      yields.push_back(tileType(cast<RankedTensorType>(y.getType())));
    auto outer = ScanOp::create(
        b, loc, count, scan.getInits(), yields, false,
        [&](OpBuilder &in, Location, Value i, ValueRange states) { body(in, i, states); });
    notePart(outer);
    if (!options.form.empty()) {
      noteForm(scan, outer, options.form);
      outer->setAttr(kChunkAttr, b.getI64IntegerAttr(chunk));
    }
    Values results;
    for (auto [k, y] : llvm::enumerate(outer.yieldResults()))
      results.push_back(flattenTime(b, scan, y, length, cast<OpResult>(scan.getResult(k))));
    llvm::append_range(results, outer.stateResults());
    return results;
  }

private:
  RankedTensorType tileType(RankedTensorType step) {
    SmallVector<int64_t> shape{chunk};
    llvm::append_range(shape, step.getShape());
    return RankedTensorType::get(shape, step.getElementType());
  }

  void body(OpBuilder &in, Value block, ValueRange states) {
    chunkBody = &in;
    first = arith::MulIOp::create(in, loc, block, length);
    Values next(states.begin(), states.end());
    for (const Component &c : plan.recurrence.components) {
      if (const MatrixPlan *m = plan.matrixOf(c))
        next[c.states[0]] = crossChunk(*m, states[c.states[0]]);
      else
        stepThrough(c, states, next);
    }
    Values yields;
    for (Value y : scan.next().getYields())
      yields.push_back(tileOf(y));
    NextOp::create(in, loc, next, yields);
  }

  //===--- Time ---===//

  Value stepOf(OpBuilder &in, Value tau) { return arith::AddIOp::create(in, loc, first, tau); }

  Value timeOf(OpBuilder &in, Value tau) {
    Value at = stepOf(in, tau);
    if (options.past == PastEnd::Clamped)
      at = arith::MinSIOp::create(in, loc, at, lastStep);
    return scan.getReverse() ? arith::SubIOp::create(in, loc, lastStep, at).getResult() : at;
  }

  /// Whether the step of the chunk is one of the sequence.
  Value exists(OpBuilder &in, Value tau) {
    if (options.past == PastEnd::Never)
      return numberOf(in, loc, in.getI1Type(), 1);
    return arith::CmpIOp::create(in, loc, arith::CmpIPredicate::slt, stepOf(in, tau), extent);
  }

  //===--- Tiles ---===//

  Value map(Type element, ArrayRef<Value> extents,
            llvm::function_ref<Value(OpBuilder &, ValueRange)> value) {
    return MapOp::create(*chunkBody, loc, TypeRange(element), extents,
                         [&](OpBuilder &in, Location l, ValueRange i) {
                           YieldOp::create(in, l, value(in, i));
                         })
        .getResult(0);
  }

  StepWriter writer(OpBuilder &in, Value tau) {
    return StepWriter(in, loc, scan, timeOf(in, tau), tau, tensors);
  }

  /// What an extent of the step is outside of it.
  Value outside(Value extent) {
    IRMapping mapping;
    return StepWriter(*chunkBody, loc, scan, Value(), Value(), tensors).bring(extent, mapping);
  }

  Values outside(ValueRange extents) {
    Values out;
    for (Value e : extents)
      out.push_back(outside(e));
    return out;
  }

  /// Makes tiles of all tensors of the step that the expressions read.
  void ensure(Value tensor) {
    if (tensor.getParentRegion() == &scan.getBody())
      tileOf(tensor);
  }
  void ensure(const Product &p) {
    forEachTensor(p, [&](Value t) { ensure(t); });
  }

  /// The tensor of the step for all steps of the chunk.
  Value tileOf(Value v) {
    if (auto it = tensors.tile.find(v); it != tensors.tile.end())
      return it->second;
    if (v.getParentRegion() != &scan.getBody())
      return tensors.tile[v] = repeated(v);
    switch (plan.how(v)) {
    case How::Copy:
      copyTile(v.getDefiningOp());
      return tensors.tile.at(v);
    case How::ReadOut:
      return tensors.tile[v] = readOutTile(v);
    default:
      llvm_unreachable("the plan has a tile for it");
    }
  }

  Value repeated(Value v) {
    auto type = cast<RankedTensorType>(v.getType());
    Values extents{length};
    llvm::append_range(extents, *tensorSizes(*chunkBody, scan->getParentOfType<func::FuncOp>(), v));
    return map(type.getElementType(), extents, [&](OpBuilder &in, ValueRange i) -> Value {
      return ReadOp::create(in, loc, v, i.drop_front());
    });
  }

  /// The op of the step with the steps of the chunk as a leading index.
  void copyTile(Operation *op) {
    op->walk([&](ReadOp r) { ensure(r.getTensor()); });
    auto old = cast<MapOp>(op);
    Values extents{length};
    llvm::append_range(extents, outside(old.getExtents()));
    SmallVector<Type> elements;
    for (Value r : op->getResults())
      elements.push_back(cast<RankedTensorType>(r.getType()).getElementType());
    auto made = MapOp::create(*chunkBody, op->getLoc(), elements, extents,
                              [&](OpBuilder &in, Location l, ValueRange i) {
                                StepWriter w = writer(in, i[0]);
                                IRMapping mapping;
                                for (auto [from, to] : llvm::zip(old.indices(), i.drop_front()))
                                  mapping.map(from, to);
                                for (Operation &o : old.bodyBlock()->without_terminator())
                                  mapping.map(o.getResults(), w.clone(&o, mapping)->getResults());
                                Values out;
                                for (Value v : old.yield().getValues())
                                  out.push_back(w.bring(v, mapping));
                                YieldOp::create(in, l, out);
                              });
    for (auto [from, to] : llvm::zip(op->getResults(), made.getResults())) {
      auto type = cast<RankedTensorType>(from.getType());
      to.setType(tileType(type));
      tensors.tile[from] = to;
    }
  }

  //===--- States that go step by step ---===//

  /// Copies into the inner scan what depends on the component's own states; all else is
  /// read from tiles.
  Value copyInner(OpBuilder &in, StepTensors &inner, const Component &c, Value v, Value tau) {
    if (auto it = inner.whole.find(v); it != inner.whole.end())
      return it->second;
    if (v.getParentRegion() != &scan.getBody())
      return v;
    if (!plan.dependsOn(v, c)) {
      Value tile = tileOf(v);
      inner.tile[v] = tile;
      return Value();
    }
    Operation *d = v.getDefiningOp();
    IRMapping mapping;
    d->walk([&](Operation *o) {
      for (Value t : o->getOperands())
        if (isa<TensorType>(t.getType()) && !d->isAncestor(t.getParentRegion()->getParentOp()))
          if (Value copy = copyInner(in, inner, c, t, tau))
            mapping.map(t, copy);
    });
    Operation *copy = StepWriter(in, loc, scan, timeOf(in, tau), tau, inner).clone(d, mapping);
    for (auto [from, to] : llvm::zip(d->getResults(), copy->getResults()))
      inner.whole[from] = to;
    return inner.whole[v];
  }

  void stepThrough(const Component &c, ValueRange states, Values &next) {
    Values inits;
    SmallVector<Type> types;
    for (unsigned k : c.states) {
      inits.push_back(states[k]);
      types.push_back(states[k].getType());
    }
    // Tiles that the steps read are made before the scan, not in its body, where `in` stands.
    OpBuilder before(*chunkBody), *here = chunkBody;
    auto s = ScanOp::create(*chunkBody, loc, length, inits, types, false,
                            [&](OpBuilder &in, Location l, Value tau, ValueRange own) {
                              chunkBody = &before;
                              StepTensors inner;
                              for (auto [k, v] : llvm::zip(c.states, own))
                                inner.whole[scan.states()[k]] = v;
                              Values after;
                              for (auto [k, old] : llvm::zip(c.states, own)) {
                                Value v = scan.next().getStates()[k];
                                Value made = copyInner(in, inner, c, v, tau);
                                after.push_back(keepPast(in, made, inner, k, old, tau));
                              }
                              NextOp::create(in, l, after, own);
                              chunkBody = here;
                            });
    notePart(s);
    for (auto [i, k] : llvm::enumerate(c.states)) {
      tensors.tile[scan.states()[k]] = s.getResult(i);
      next[k] = s.getResult(c.states.size() + i);
    }
  }

  /// The next value of a state, or the old one at steps past the end.
  Value keepPast(OpBuilder &in, Value made, const StepTensors &inner, unsigned k, Value old,
                 Value tau) {
    Value v = scan.next().getStates()[k];
    auto type = cast<RankedTensorType>(old.getType());
    Values sizes = *tensorSizes(in, scan->getParentOfType<func::FuncOp>(), scan.getInits()[k]);
    auto m = MapOp::create(
        in, loc, TypeRange(type.getElementType()), sizes,
        [&](OpBuilder &body, Location l, ValueRange i) {
          Values at(i);
          Value from = made;
          if (!made) {
            from = inner.tile.lookup(v);
            at.insert(at.begin(), tau);
          }
          Value x = ReadOp::create(body, l, from, at);
          Value y = ReadOp::create(body, l, old, i);
          YieldOp::create(body, l,
                          arith::SelectOp::create(body, l, exists(body, tau), x, y).getResult());
        });
    m.getResult(0).setType(type);
    return m.getResult(0);
  }

  //===--- Matrix states ---===//

  /// `tau`, then batch, then key where `key`: binds the state's variables.
  void bindState(StepWriter &w, const MatrixPlan &m, ValueRange batch, Value key, ExprRef keyVar) {
    for (auto [d, v] : llvm::zip(m.batch, batch))
      w.bind(m.next.vars[d], v);
    if (key)
      w.bind(keyVar, key);
  }

  Value sumOf(StepWriter &w, OpBuilder &in, Type type, ArrayRef<Product> products) {
    Value sum;
    for (const Product &p : products) {
      Value v = w.guarded(type, p);
      sum = sum ? addValues(in, loc, sum, v) : v;
    }
    return sum ? sum : numberOf(in, loc, type, 0);
  }

  /// [batch …, K, L], 0 past the end.
  Value sourceTile(const MatrixState &s, ArrayRef<Product> products) {
    for (const Product &p : products)
      ensure(p);
    Values extents = s.batch;
    extents.push_back(s.rows);
    extents.push_back(length);
    return map(s.type, extents, [&](OpBuilder &in, ValueRange i) {
      StepWriter w = writer(in, i.back());
      bindState(w, *s.plan, i.drop_back(2), i[i.size() - 2], s.plan->next.vars[s.plan->key]);
      Value v = sumOf(w, in, s.type, products);
      return arith::SelectOp::create(in, loc, exists(in, i.back()), v, numberOf(in, loc, s.type, 0))
          .getResult();
    });
  }

  /// [L, batch …, V …].
  Value valueTile(const MatrixState &s, const Product &p) {
    ensure(p);
    Values extents{length};
    llvm::append_range(extents, s.batch);
    llvm::append_range(extents, s.columns);
    return map(s.type, extents, [&](OpBuilder &in, ValueRange i) {
      StepWriter w = writer(in, i[0]);
      bindState(w, *s.plan, i.slice(1, s.batch.size()), Value(), nullptr);
      for (auto [d, v] : llvm::zip(s.plan->columns, i.drop_front(1 + s.batch.size())))
        w.bind(s.plan->next.vars[d], v);
      return w.guarded(s.type, p);
    });
  }

  /// [L, batch …, K]: a vector that the state's own step reads with.
  Functional ownFunctional(const MatrixState &s, const Product &p) {
    ensure(p);
    Values extents{length};
    llvm::append_range(extents, s.batch);
    extents.push_back(s.rows);
    return {map(s.type, extents,
                [&](OpBuilder &in, ValueRange i) {
                  StepWriter w = writer(in, i[0]);
                  bindState(w, *s.plan, i.slice(1, s.batch.size()), i.back(), s.plan->contracted);
                  return w.guarded(s.type, p);
                }),
            {}};
  }

  /// Row by row: R[i, …, j] = D_{j+1} ⋯ D_{i−1}, and all of D_0 ⋯ D_{i−1}.
  void makeRatios(MatrixState &s) {
    const MatrixPlan &m = *s.plan;
    if (m.undecayed())
      return;
    for (const Product &p : m.decay)
      ensure(p);
    Values own = s.batch;
    if (m.keyed)
      own.push_back(s.rows);
    Values extents = own;
    extents.push_back(length);
    auto ones = [&](ArrayRef<Value> sizes) {
      return map(s.type, sizes,
                 [&](OpBuilder &in, ValueRange) { return numberOf(in, loc, s.type, 1); });
    };
    Values inits{ones(extents), ones(own)};
    Type types[] = {inits[0].getType(), inits[1].getType()};
    auto scanned = ScanOp::create(*chunkBody, loc, length, inits, types, false,
                                  [&](OpBuilder &in, Location l, Value tau, ValueRange rows) {
                                    Value d = decayAt(in, s, own, tau);
                                    Values next{decayed(in, s, extents, rows[0], d, tau),
                                                decayed(in, s, own, rows[1], d, Value())};
                                    NextOp::create(in, l, next, rows);
                                  });
    notePart(scanned);
    s.ratios = scanned.getResult(0);
    s.fromStart = scanned.getResult(1);
    s.lastRatios = scanned.getResult(2);
    s.whole = scanned.getResult(3);
  }

  /// D of the step, 1 past the end.
  Value decayAt(OpBuilder &in, const MatrixState &s, ArrayRef<Value> extents, Value tau) {
    const MatrixPlan &m = *s.plan;
    return MapOp::create(in, loc, TypeRange(s.type), extents,
                         [&](OpBuilder &body, Location, ValueRange i) {
                           StepWriter w = writer(body, tau);
                           bindState(w, m, i.take_front(s.batch.size()),
                                     m.keyed ? i.back() : Value(), m.next.vars[m.key]);
                           Value d = sumOf(w, body, s.type, m.decay);
                           d = arith::SelectOp::create(body, loc, exists(body, tau), d,
                                                       numberOf(body, loc, s.type, 1));
                           YieldOp::create(body, loc, d);
                         })
        .getResult(0);
  }

  /// `old` times D; where there is a `tau`, in the columns of the steps before it alone.
  Value decayed(OpBuilder &in, const MatrixState &s, ArrayRef<Value> extents, Value old, Value d,
                Value tau) {
    return MapOp::create(
               in, loc, TypeRange(s.type), extents,
               [&](OpBuilder &body, Location, ValueRange i) {
                 Value x = ReadOp::create(body, loc, d, tau ? i.drop_back() : i);
                 if (tau) {
                   Value use =
                       arith::CmpIOp::create(body, loc, arith::CmpIPredicate::slt, i.back(), tau);
                   x = arith::SelectOp::create(body, loc, use, x, numberOf(body, loc, s.type, 1));
                 }
                 Value y = ReadOp::create(body, loc, old, i);
                 YieldOp::create(body, loc, mulValues(body, loc, y, x));
               })
        .getResult(0);
  }

  /// R at (step `tau`, or the chunk's end where it is null; source `j`, or the chunk's begin where
  /// it is null), or null for 1.
  Value ratio(OpBuilder &in, const MatrixState &s, Value tau, ValueRange batch, Value key,
              Value j) {
    if (!s.ratios)
      return Value();
    Values at;
    if (tau)
      at.push_back(tau);
    llvm::append_range(at, batch);
    if (s.plan->keyed)
      at.push_back(key);
    if (j)
      at.push_back(j);
    Value tensor = tau ? (j ? s.ratios : s.fromStart) : (j ? s.lastRatios : s.whole);
    return ReadOp::create(in, loc, tensor, at);
  }

  Value times(OpBuilder &in, Value x, Value maybe) {
    return maybe ? mulValues(in, loc, x, maybe) : x;
  }

  Value sum(OpBuilder &in, Type type, Value extent,
            llvm::function_ref<Value(OpBuilder &, Value)> point) {
    return ReduceOp::create(in, loc, ReduceKind::sum, type, extent,
                            [&](OpBuilder &body, Location l, ValueRange i) {
                              YieldOp::create(body, l, point(body, i[0]));
                            })
        .getResult(0);
  }

  /// G[i, extra …, batch …, j] = Σ_a f[i, a] R[i, j, a] source[a, j] for j < i, else 0.
  Value scores(const MatrixState &s, const Functional &f, Value source) {
    Values extents{length};
    llvm::append_range(extents, f.extra);
    llvm::append_range(extents, s.batch);
    extents.push_back(length);
    size_t skip = 1 + f.extra.size();
    return map(s.type, extents, [&](OpBuilder &in, ValueRange i) {
      Value tau = i[0], j = i.back();
      auto batch = i.slice(skip, s.batch.size());
      Value v = sum(in, s.type, s.rows, [&](OpBuilder &body, Value a) {
        Values atF(i.drop_back()), atS(batch);
        atF.push_back(a);
        atS.push_back(a);
        atS.push_back(j);
        Value x = ReadOp::create(body, loc, f.tile, atF);
        if (s.plan->keyed)
          x = times(body, x, ratio(body, s, tau, batch, a, j));
        return mulValues(body, loc, x, ReadOp::create(body, loc, source, atS));
      });
      if (!s.plan->keyed)
        v = times(in, v, ratio(in, s, tau, batch, Value(), j));
      Value before = arith::CmpIOp::create(in, loc, arith::CmpIPredicate::slt, j, tau);
      return arith::SelectOp::create(in, loc, before, v, numberOf(in, loc, s.type, 0)).getResult();
    });
  }

  /// (f R)·S_0 + Σ_src G_src val_src over the first `known` sources:
  /// [L, extra …, batch …, V …].
  Value readOut(const MatrixState &s, const Functional &f, size_t known) {
    SmallVector<Value> g;
    for (size_t k = 0; k < known; ++k)
      g.push_back(scores(s, f, s.sources[k]));
    Values extents{length};
    llvm::append_range(extents, f.extra);
    llvm::append_range(extents, s.batch);
    llvm::append_range(extents, s.columns);
    size_t skip = 1 + f.extra.size(), lead = skip + s.batch.size();
    return map(s.type, extents, [&](OpBuilder &in, ValueRange i) {
      Value tau = i[0];
      auto batch = i.slice(skip, s.batch.size()), columns = i.drop_front(lead);
      Value total = sum(in, s.type, s.rows, [&](OpBuilder &body, Value a) {
        Values atF(i.take_front(lead));
        atF.push_back(a);
        Value x = ReadOp::create(body, loc, f.tile, atF);
        if (s.plan->keyed)
          x = times(body, x, ratio(body, s, tau, batch, a, Value()));
        return mulValues(body, loc, x,
                         ReadOp::create(body, loc, s.before, s.plan->place(batch, a, columns)));
      });
      if (!s.plan->keyed)
        total = times(in, total, ratio(in, s, tau, batch, Value(), Value()));
      for (auto [score, value] : llvm::zip(g, s.values)) {
        Value part = sum(in, s.type, length, [&](OpBuilder &body, Value j) {
          Values atG(i.take_front(lead)), atV{j};
          atG.push_back(j);
          llvm::append_range(atV, batch);
          llvm::append_range(atV, columns);
          return mulValues(body, loc, ReadOp::create(body, loc, score, atG),
                           ReadOp::create(body, loc, value, atV));
        });
        total = addValues(in, loc, total, part);
      }
      return total;
    });
  }

  /// u_i = rhs_i + Σ_{j<i} G[i, j] u_j, for all ranks together: their values as sources.
  void solve(MatrixState &s) {
    const MatrixPlan &m = *s.plan;
    size_t ranks = m.ranks.size(), known = s.sources.size();
    if (ranks == 0)
      return;
    SmallVector<Functional> reads;
    Values rhs;
    for (const analysis::LowRank &r : m.ranks) {
      reads.push_back(ownFunctional(s, r.read));
      rhs.push_back(readOut(s, reads.back(), known));
    }
    for (const analysis::LowRank &r : m.ranks)
      s.sources.push_back(sourceTile(s, r.writes));
    SmallVector<Values> g(ranks);
    for (size_t r = 0; r < ranks; ++r)
      for (size_t q = 0; q < ranks; ++q)
        g[r].push_back(scores(s, reads[r], s.sources[known + q]));
    Values extents{length};
    llvm::append_range(extents, s.batch);
    llvm::append_range(extents, s.columns);
    Value zeros = map(s.type, extents,
                      [&](OpBuilder &in, ValueRange) { return numberOf(in, loc, s.type, 0); });
    auto scanned = ScanOp::create(*chunkBody, loc, length, Values(ranks, zeros), TypeRange(), false,
                                  [&](OpBuilder &in, Location l, Value tau, ValueRange u) {
                                    Values rows, next;
                                    for (size_t r = 0; r < ranks; ++r)
                                      rows.push_back(solvedRow(in, s, rhs[r], g[r], u, tau));
                                    for (size_t r = 0; r < ranks; ++r)
                                      next.push_back(withRow(in, s, u[r], rows[r], extents, tau));
                                    NextOp::create(in, l, next, ValueRange());
                                  });
    notePart(scanned);
    llvm::append_range(s.values, scanned.getResults());
  }

  Value solvedRow(OpBuilder &in, const MatrixState &s, Value rhs, ArrayRef<Value> g, ValueRange u,
                  Value tau) {
    Values extents = s.batch;
    llvm::append_range(extents, s.columns);
    return MapOp::create(in, loc, TypeRange(s.type), extents,
                         [&](OpBuilder &body, Location l, ValueRange i) {
                           Values at{tau};
                           llvm::append_range(at, i);
                           Value total = ReadOp::create(body, l, rhs, at);
                           for (auto [score, value] : llvm::zip(g, u)) {
                             Value part = sum(body, s.type, length, [&](OpBuilder &inner, Value j) {
                               Values atG{tau}, atV{j};
                               llvm::append_range(atG, i.take_front(s.batch.size()));
                               atG.push_back(j);
                               llvm::append_range(atV, i);
                               return mulValues(inner, loc, ReadOp::create(inner, loc, score, atG),
                                                ReadOp::create(inner, loc, value, atV));
                             });
                             total = addValues(body, loc, total, part);
                           }
                           YieldOp::create(body, l, total);
                         })
        .getResult(0);
  }

  Value withRow(OpBuilder &in, const MatrixState &s, Value u, Value row, ArrayRef<Value> extents,
                Value tau) {
    return MapOp::create(
               in, loc, TypeRange(s.type), extents,
               [&](OpBuilder &body, Location l, ValueRange i) {
                 Value here = arith::CmpIOp::create(body, l, arith::CmpIPredicate::eq, i[0], tau);
                 Value x = ReadOp::create(body, l, row, i.drop_front());
                 Value y = ReadOp::create(body, l, u, i);
                 YieldOp::create(body, l, arith::SelectOp::create(body, l, here, x, y).getResult());
               })
        .getResult(0);
  }

  /// R_{L,j} src_j: once for all columns.
  Value atEnd(const MatrixState &s, Value source) {
    Values extents = s.batch;
    extents.push_back(s.rows);
    extents.push_back(length);
    return map(s.type, extents, [&](OpBuilder &in, ValueRange i) {
      return times(in, ReadOp::create(in, loc, source, i),
                   ratio(in, s, Value(), i.drop_back(2), i[i.size() - 2], i.back()));
    });
  }

  /// The state behind the chunk.
  Value leaving(const MatrixState &s) {
    const MatrixPlan &m = *s.plan;
    Values extents = outside(m.extents()), sources;
    for (Value source : s.sources)
      sources.push_back(atEnd(s, source));
    Value out = map(s.type, extents, [&](OpBuilder &in, ValueRange i) {
      Values batch = m.pick(i, m.batch), columns = m.pick(i, m.columns);
      Value key = i[m.key];
      Value total = times(in, ReadOp::create(in, loc, s.before, i),
                          ratio(in, s, Value(), batch, key, Value()));
      for (auto [source, value] : llvm::zip(sources, s.values)) {
        Value part = sum(in, s.type, length, [&](OpBuilder &body, Value j) {
          Values atS = batch, atV{j};
          atS.push_back(key);
          atS.push_back(j);
          llvm::append_range(atV, batch);
          llvm::append_range(atV, columns);
          return mulValues(body, loc, ReadOp::create(body, loc, source, atS),
                           ReadOp::create(body, loc, value, atV));
        });
        total = addValues(in, loc, total, part);
      }
      return total;
    });
    out.setType(s.before.getType());
    return out;
  }

  Value crossChunk(const MatrixPlan &m, Value before) {
    MatrixState &s = matrices[m.state];
    s.plan = &m;
    s.before = before;
    s.type = cast<RankedTensorType>(before.getType()).getElementType();
    Values extents = outside(m.extents());
    s.batch = m.pick(extents, m.batch);
    s.columns = m.pick(extents, m.columns);
    s.rows = extents[m.key];
    makeRatios(s);
    for (const OuterProduct &p : m.products) {
      s.sources.push_back(sourceTile(s, p.key));
      s.values.push_back(valueTile(s, p.value));
    }
    solve(s);
    return leaving(s);
  }

  //===--- Read-outs ---===//

  /// A value of the step that is affine in one matrix state, from its form.
  Value readOutTile(Value v) {
    const ReadOutPlan &p = plan.readOut(v);
    MatrixState &s = matrices[p.matrix->state];
    SmallVector<Value> parts;
    for (const ReadOutTerm &t : p.terms)
      parts.push_back(readOut(s, functional(s, p, t), s.sources.size()));
    for (const ReadOutTerm &t : p.terms)
      ensure(t.outer);
    for (const Product &c : p.constants)
      ensure(c);
    Values extents{length};
    for (ExprRef e : p.vars)
      extents.push_back(outside(e->value));
    Value out = map(s.type, extents, [&](OpBuilder &in, ValueRange i) {
      StepWriter w = writer(in, i[0]);
      for (auto [var, index] : llvm::zip(p.vars, i.drop_front()))
        w.bind(var, index);
      Value total = sumOf(w, in, s.type, p.constants);
      for (auto [t, part] : llvm::zip(p.terms, parts)) {
        Values at{i[0]};
        for (ExprRef e : t.extra)
          at.push_back(w.write(e));
        for (unsigned d : s.plan->batch)
          at.push_back(w.write(t.at[d]));
        for (unsigned d : s.plan->columns)
          at.push_back(w.write(t.at[d]));
        Value c = w.product(s.type, t.outer), present = w.presence(t.outer);
        Value x = mulValues(in, loc, c, ReadOp::create(in, loc, part, at));
        if (present)
          x = arith::SelectOp::create(in, loc, present, x, numberOf(in, loc, s.type, 0));
        total = addValues(in, loc, total, x);
      }
      return total;
    });
    out.setType(tileType(cast<RankedTensorType>(v.getType())));
    return out;
  }

  Functional functional(const MatrixState &s, const ReadOutPlan &p, const ReadOutTerm &t) {
    ensure(t.inner);
    Values extents{length}, extra;
    for (ExprRef e : t.extra)
      extra.push_back(outside(e->value));
    llvm::append_range(extents, extra);
    llvm::append_range(extents, s.batch);
    extents.push_back(s.rows);
    return {map(s.type, extents,
                [&](OpBuilder &in, ValueRange i) {
                  StepWriter w = writer(in, i[0]);
                  for (auto [e, index] : llvm::zip(t.extra, i.slice(1, extra.size())))
                    w.bind(e, index);
                  auto batch = i.slice(1 + extra.size(), s.batch.size());
                  for (auto [d, index] : llvm::zip(s.plan->batch, batch))
                    w.bind(t.at[d], index);
                  w.bind(t.bound, i.back());
                  return w.guarded(s.type, t.inner);
                }),
            extra};
  }

  ScanOp scan;
  ChunkPlan &plan;
  OpBuilder b;
  Location loc;
  int64_t chunk;
  const ChunkOptions &options;
  Value length, extent, lastStep;
  Value first; ///< step of the chunk
  OpBuilder *chunkBody = nullptr;
  StepTensors tensors;
  llvm::DenseMap<unsigned, MatrixState> matrices;
};
} // namespace

Refusal canRunInChunks(ScanOp scan, analysis::Recurrence &r) {
  return ChunkPlan(scan, r).refusal;
}

Values runInChunks(ScanOp scan, analysis::Recurrence &r, const ChunkOptions &options) {
  ChunkPlan plan(scan, r);
  return ChunkWriter(scan, plan, options).run();
}

} // namespace seq
