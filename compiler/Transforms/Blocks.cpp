//===- Blocks.cpp - Scans in blocks of time ------------------------------------------------===//
//
// A recurrence is sequential only in its states. Where its next state is affine in the
// states, over (+, ·) or another semiring, a block of steps is affine too:
//
//   s' = a(t) s + b(t)      over a block:  s_out = P s_in + q,  P' = a P,  q' = a q + b
//
//   1. for all blocks at once: P and q of each (the step's coefficients on an identity
//      and on nothing)
//   2. from block to block: the states that enter each, s_{c+1} = P_c s_c + q_c
//   3. for all blocks at once: the step itself, from the states that enter the block
//
// P has an axis for what the step reads elsewhere along an axis (dense, low rank), none
// for axes that no coefficient depends on. Components are taken in order: 1 and 2 of those
// that depend on no other, then of those that depend on these, which by then are known.
// 3 is the user's step as it stands, so results differ from the sequential form in what
// enters each block alone. At most 16 blocks, however long the sequence is: the memory is
// that of 16 states.
//
// Work: the step twice, and P. It pays where time is the only axis to share out.
//
// Two levels: the scans over the steps of a block, in 1 and in 3, are recurrences as any other,
// whose classes are found anew: q is a matrix state as the program's own is, P a vector of decays
// or, for C4, a matrix with the same low-rank step and no source. So where the program's scan
// could run in chunks of matrix products (Chunks.cpp), these do. A block is a whole number
// of chunks.
//
//===----------------------------------------------------------------------===//
#include "compiler/Transforms/Forms.h"
#include "compiler/Transforms/IndexMath.h"
#include "compiler/Transforms/Rewrite.h"
#include "compiler/Transforms/StepWriter.h"

using namespace mlir;

namespace seq {

using analysis::Component;
using analysis::Product;
using analysis::StateForm;
using analysis::Term;

static constexpr int64_t kBlocks = 16, kLeastSteps = 32;

//===----------------------------------------------------------------------===//
// Whether it can
//===----------------------------------------------------------------------===//

static bool isFloatState(ScanOp scan, unsigned state) {
  return isa<FloatType>(cast<RankedTensorType>(scan.getInits()[state].getType()).getElementType());
}

Refusal canRunInBlocks(ScanOp scan, const analysis::Recurrence &r) {
  OpBuilder b(scan);
  for (unsigned k = 0; k < scan.getInits().size(); ++k)
    if (!tensorSizes(b, scan->getParentOfType<func::FuncOp>(), scan.getInits()[k]))
      return {k, "the sizes of its initial value are not simple"};
  for (const Component &c : r.components)
    for (unsigned k : c.states) {
      if (c.cls == analysis::Class::C7)
        return {k, "it is nonlinear"};
      if (c.cls == analysis::Class::C6 && !isFloatState(scan, k))
        return {k, "it is no float"};
      if (c.cls == analysis::Class::C0 || c.states.size() == 1)
        continue;
      auto rank = [&](unsigned s) { return c.next[s].vars.size(); };
      for (unsigned s = 1; s < c.states.size(); ++s)
        if (rank(s) != rank(0))
          return {k, "it is coupled with a state of other axes"};
      if (!isFloatState(scan, k))
        return {k, "it is no float"};
    }
  return {};
}

//===----------------------------------------------------------------------===//
// Semirings
//===----------------------------------------------------------------------===//

namespace {
/// (⊕, ⊗) in a body.
struct Semiring {
  OpBuilder &b;
  Location loc;
  ReduceKind kind;
  Type type;

  Value zero() const {
    double n = kind == ReduceKind::sum ? 0 : kind == ReduceKind::min ? INFINITY : -INFINITY;
    return numberOf(b, loc, type, n);
  }
  Value one() const { return numberOf(b, loc, type, kind == ReduceKind::sum ? 1 : 0); }

  Value plus(Value x, Value y) const {
    switch (kind) {
    case ReduceKind::max:
      return arith::MaximumFOp::create(b, loc, x, y);
    case ReduceKind::min:
      return arith::MinimumFOp::create(b, loc, x, y);
    case ReduceKind::logsumexp:
      return logAddExp(x, y);
    default:
      return addValues(b, loc, x, y);
    }
  }

  /// A zero stays one, whatever is added to it.
  Value times(Value x, Value coefficient) const {
    if (kind == ReduceKind::sum)
      return mulValues(b, loc, coefficient, x);
    Value none = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OEQ, x, zero());
    return arith::SelectOp::create(b, loc, none, x, addValues(b, loc, coefficient, x));
  }

private:
  Value logAddExp(Value x, Value y) const {
    Value top = arith::MaximumFOp::create(b, loc, x, y);
    Value low = arith::MinimumFOp::create(b, loc, x, y);
    Value none = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OEQ, low, zero());
    Value d = arith::SubFOp::create(b, loc, low, top);
    Value rest = UnaryOp::create(b, loc, type, UnaryKind::log1p,
                                 UnaryOp::create(b, loc, type, UnaryKind::exp, d).getResult());
    return arith::SelectOp::create(b, loc, none, top, addValues(b, loc, top, rest));
  }
};

/// The axes of P for a component: per axis of its states, whether the step reads elsewhere
/// along it, and whether a coefficient depends on it.
struct Axes {
  SmallVector<bool> moved, used;
};

Axes axesOf(const Component &c) {
  Axes a;
  a.moved.assign(c.next[0].vars.size(), false);
  a.used = a.moved;
  for (const StateForm &n : c.next)
    for (const Term &t : n.form.terms)
      for (auto [d, v] : llvm::enumerate(n.vars)) {
        a.moved[d] = a.moved[d] || t.at[d] != v;
        a.used[d] = a.used[d] || t.coef.dependsOn(v);
      }
  return a;
}

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

class BlockWriter {
public:
  /// `chunk`: steps of a chunk, by which blocks run; 0: step by step.
  BlockWriter(ScanOp scan, analysis::Recurrence &r, int64_t chunk)
      : scan(scan), r(r), chunk(chunk), b(scan), loc(scan.getLoc()),
        reads(analysis::statesRead(scan)) {}

  SmallVector<Value> run() {
    unsigned states = scan.getInits().size();
    entering.resize(states);
    finals.assign(scan.getInits().begin(), scan.getInits().end());
    setSizes();
    for (const auto &group : levels()) {
      summarise(group);
      for (const Component *c : group)
        carry(*c);
    }
    SmallVector<Value> results = apply();
    llvm::append_range(results, finals);
    return results;
  }

private:
  using Group = SmallVector<const Component *>;

  Value constant(OpBuilder &in, int64_t n) { return arith::ConstantIndexOp::create(in, loc, n); }

  void setSizes() {
    extent = scan.getExtent();
    IndexMath m(b, loc);
    steps = m.max(m.ceilDiv(extent, kBlocks), m.constant(kLeastSteps));
    if (chunk)
      steps = m.mul(m.ceilDiv(steps, chunk), chunk);
    count = m.div(m.add(m.add(extent, steps), -1), steps);
    last = m.add(extent, -1);
  }

  /// Components whose step depends on components of earlier groups alone.
  SmallVector<Group> levels() {
    llvm::DenseMap<unsigned, unsigned> levelOf;
    SmallVector<Group> out;
    for (const Component &c : r.components) {
      unsigned level = 0;
      for (unsigned k : c.states)
        for (unsigned s : reads[k])
          if (!llvm::is_contained(c.states, s))
            level = std::max(level, levelOf.lookup(s) + 1);
      for (unsigned k : c.states)
        levelOf[k] = level;
      if (out.size() <= level)
        out.resize(level + 1);
      out[level].push_back(&c);
    }
    return out;
  }

  ReduceKind kindOf(const Component &c) {
    return c.cls == analysis::Class::C6 ? c.semiring : ReduceKind::sum;
  }

  Type elementOf(unsigned state) {
    return cast<RankedTensorType>(scan.getInits()[state].getType()).getElementType();
  }

  bool hasTransition(const Component &c) {
    return llvm::any_of(c.next, [](const StateForm &n) { return !n.form.terms.empty(); });
  }

  /// The sizes of a state's axes, as values outside of the scan.
  SmallVector<Value> sizesOf(unsigned state) {
    return *tensorSizes(b, scan->getParentOfType<func::FuncOp>(), scan.getInits()[state]);
  }

  /// A view of `tensor` at a place of its leading axis.
  Value slice(OpBuilder &in, Value tensor, Value at, unsigned state) {
    SmallVector<Value> sizes = sizesOf(state);
    auto map = MapOp::create(in, loc, TypeRange(elementOf(state)), sizes,
                             [&](OpBuilder &body, Location l, ValueRange i) {
                               SmallVector<Value> all{at};
                               llvm::append_range(all, i);
                               Value v = ReadOp::create(body, l, tensor, all);
                               YieldOp::create(body, l, v);
                             });
    map.getResult(0).setType(scan.getInits()[state].getType());
    return map.getResult(0);
  }

  ScanOp loop(OpBuilder &in, Value n, ValueRange inits, TypeRange yields,
              llvm::function_ref<void(OpBuilder &, Value, ValueRange)> body) {
    auto s = ScanOp::create(
        in, loc, n, inits, yields, false,
        [&](OpBuilder &inner, Location, Value i, ValueRange states) { body(inner, i, states); });
    notePart(s);
    return s;
  }

  /// Lets a scan over the steps of a block run in chunks, where these are wanted and can be.
  void divide(ScanOp inner, StringRef form, PastEnd past) {
    if (!chunk)
      return;
    analysis::Recurrence own = analysis::classify(inner);
    if (canRunInChunks(inner, own))
      return;
    inner.replaceAllUsesWith(runInChunks(inner, own, {chunk, form, past}));
    inner.erase();
  }

  /// The time of a step of the block that begins at `begin`. What runs full, a block or a chunk of
  /// it, stays at the last one.
  Value timeOf(OpBuilder &in, Value begin, Value step, bool clamp) {
    Value at = arith::AddIOp::create(in, loc, begin, step);
    if (clamp)
      at = arith::MinSIOp::create(in, loc, at, last);
    return scan.getReverse() ? arith::SubIOp::create(in, loc, last, at).getResult() : at;
  }

  //===--- 1. What each block does ---===//

  /// The axes of P between two states: (its own used axes, then the moved ones once more).
  SmallVector<Value> transitionSizes(const Component &c) {
    Axes axes = axesOf(c);
    SmallVector<Value> sizes = sizesOf(c.states[0]), out;
    for (unsigned d = 0; d < sizes.size(); ++d)
      if (axes.moved[d] || axes.used[d])
        out.push_back(sizes[d]);
    for (unsigned d = 0; d < sizes.size(); ++d)
      if (axes.moved[d])
        out.push_back(sizes[d]);
    return out;
  }

  /// P = identity (of states k and m), q = zero.
  Value identity(OpBuilder &in, const Component &c, unsigned k, unsigned m) {
    Axes axes = axesOf(c);
    Type type = elementOf(c.states[0]);
    unsigned own = 0;
    SmallVector<std::pair<unsigned, unsigned>> pairs;
    for (unsigned d = 0; d < axes.moved.size(); ++d)
      if (axes.moved[d] || axes.used[d]) {
        if (axes.moved[d])
          pairs.push_back({own, unsigned(pairs.size())});
        ++own;
      }
    return MapOp::create(in, loc, TypeRange(type), transitionSizes(c),
                         [&](OpBuilder &body, Location l, ValueRange i) {
                           Semiring ring{body, l, kindOf(c), type};
                           Value v = k == m ? ring.one() : ring.zero();
                           if (k == m)
                             for (auto [x, y] : pairs) {
                               Value same = arith::CmpIOp::create(body, l, arith::CmpIPredicate::eq,
                                                                  i[x], i[own + y]);
                               v = arith::SelectOp::create(body, l, same, v, ring.zero());
                             }
                           YieldOp::create(body, l, v);
                         })
        .getResult(0);
  }

  Value nothing(OpBuilder &in, const Component &c, unsigned state) {
    Type type = elementOf(state);
    auto map = MapOp::create(in, loc, TypeRange(type), sizesOf(state),
                             [&](OpBuilder &body, Location l, ValueRange) {
                               Semiring ring{body, l, kindOf(c), type};
                               YieldOp::create(body, l, ring.zero());
                             });
    map.getResult(0).setType(scan.getInits()[state].getType());
    return map.getResult(0);
  }

  /// The states of the summaries of `c`: P for each pair of states, then q for each.
  void addSummaryInits(OpBuilder &in, const Component &c, SmallVector<Value> &inits) {
    if (hasTransition(c))
      for (unsigned k = 0; k < c.states.size(); ++k)
        for (unsigned m = 0; m < c.states.size(); ++m)
          inits.push_back(identity(in, c, k, m));
    for (unsigned k : c.states)
      inits.push_back(nothing(in, c, k));
  }

  /// The factors under the semiring's ⊗.
  Value coefficient(StepWriter &w, const Semiring &ring, const Product &p) {
    if (ring.kind == ReduceKind::sum)
      return w.product(ring.type, p);
    Value v = numberOf(ring.b, loc, ring.type, 0);
    for (ExprRef f : p.factors)
      v = addValues(ring.b, loc, v, w.write(f));
    return v;
  }

  /// fold over the term's bound variables of coef ⊗ operand.
  Value termValue(StepWriter &w, OpBuilder &body, const Term &t, ReduceKind kind, Type type,
                  llvm::function_ref<Value(OpBuilder &, StepWriter &, const Term &)> operand) {
    auto point = [&](OpBuilder &in, StepWriter &writer) {
      Semiring ring{in, loc, kind, type};
      Value x = operand(in, writer, t);
      return ring.times(x, coefficient(writer, ring, t.coef));
    };
    if (t.bound.empty()) {
      Value v = point(body, w), present = w.presence(t.coef);
      Semiring ring{body, loc, kind, type};
      return present ? arith::SelectOp::create(body, loc, present, v, ring.zero()) : v;
    }
    SmallVector<Value> extents;
    IRMapping outer;
    for (ExprRef v : t.bound)
      extents.push_back(w.bring(v->value, outer));
    return ReduceOp::create(body, loc, kind, type, extents,
                            [&](OpBuilder &in, Location l, ValueRange at) {
                              StepWriter inner = w.inside(in);
                              for (auto [v, i] : llvm::zip(t.bound, at))
                                inner.bind(v, i);
                              Value v = point(in, inner), present = inner.presence(t.coef);
                              YieldOp::create(in, l, v, present);
                            })
        .getResult(0);
  }

  /// P'[i; j] = ⊕ coef ⊗ P[at; j] for the next value of state number `k` of `c`.
  Value nextTransition(OpBuilder &in, const Component &c, unsigned k, unsigned m,
                       ArrayRef<Value> old, const StepTensors &tensors, Value time) {
    Axes axes = axesOf(c);
    Type type = elementOf(c.states[0]);
    const StateForm &n = c.next[k];
    auto numberIn = [&](unsigned state) {
      return std::distance(c.states.begin(), llvm::find(c.states, state));
    };
    return MapOp::create(in, loc, TypeRange(type), transitionSizes(c),
                         [&](OpBuilder &body, Location l, ValueRange i) {
                           StepWriter w(body, l, scan, time, Value(), tensors);
                           unsigned at = 0;
                           for (unsigned d = 0; d < n.vars.size(); ++d)
                             if (axes.moved[d] || axes.used[d])
                               w.bind(n.vars[d], i[at++]);
                           auto columns = i.drop_front(at);
                           Semiring ring{body, l, kindOf(c), type};
                           Value sum;
                           for (const Term &t : n.form.terms) {
                             Value p = old[numberIn(t.state) * c.states.size() + m];
                             auto operand = [&](OpBuilder &x, StepWriter &writer,
                                                const Term &term) {
                               SmallVector<Value> place;
                               for (unsigned d = 0; d < n.vars.size(); ++d)
                                 if (axes.moved[d] || axes.used[d])
                                   place.push_back(writer.write(term.at[d]));
                               llvm::append_range(place, columns);
                               return readWithin(x, writer, p, place, term);
                             };
                             Value v = termValue(w, body, t, kindOf(c), type, operand);
                             sum = sum ? ring.plus(sum, v) : v;
                           }
                           YieldOp::create(body, l, sum ? sum : ring.zero());
                         })
        .getResult(0);
  }

  /// Reads `tensor`; a place that the term's guards keep inside is not read outside.
  Value readWithin(OpBuilder &in, StepWriter &writer, Value tensor, ArrayRef<Value> place,
                   const Term &t) {
    return ReadOp::create(in, loc, tensor, place, writer.presence(t.coef));
  }

  /// q'[i] = ⊕ coef ⊗ q[at] ⊕ constants.
  Value nextOffset(OpBuilder &in, const Component &c, unsigned k, ArrayRef<Value> old,
                   const StepTensors &tensors, Value time) {
    const StateForm &n = c.next[k];
    unsigned state = c.states[k];
    Type type = elementOf(state);
    ReduceKind kind = kindOf(c);
    auto map = MapOp::create(
        in, loc, TypeRange(type), sizesOf(state), [&](OpBuilder &body, Location l, ValueRange i) {
          StepWriter w(body, l, scan, time, Value(), tensors);
          for (auto [v, index] : llvm::zip(n.vars, i))
            w.bind(v, index);
          Semiring ring{body, l, kind, type};
          Value sum;
          auto add = [&](Value v) { sum = sum ? ring.plus(sum, v) : v; };
          for (const Term &t : n.form.terms) {
            unsigned from = std::distance(c.states.begin(), llvm::find(c.states, t.state));
            auto operand = [&](OpBuilder &x, StepWriter &writer, const Term &term) {
              SmallVector<Value> place;
              for (ExprRef e : term.at)
                place.push_back(writer.write(e));
              return readWithin(x, writer, old[from], place, term);
            };
            add(termValue(w, body, t, kind, type, operand));
          }
          if (n.form.isConstant() && n.form.whole)
            add(w.write(n.form.whole));
          for (const Product &p : n.form.constants)
            add(constantValue(w, body, ring, p));
          YieldOp::create(body, l, sum ? sum : ring.zero());
        });
    map.getResult(0).setType(scan.getInits()[state].getType());
    return map.getResult(0);
  }

  Value constantValue(StepWriter &w, OpBuilder &body, const Semiring &ring, const Product &p) {
    Value v = coefficient(w, ring, p), present = w.presence(p);
    return present ? arith::SelectOp::create(body, loc, present, v, ring.zero()) : v;
  }

  /// Copies into `in` what the value of the step needs there; returns it.
  Value copyStep(OpBuilder &in, StepTensors &tensors, Value value, Value time) {
    if (value.getParentRegion() != &scan.getBody())
      return value;
    if (auto it = tensors.whole.find(value); it != tensors.whole.end())
      return it->second;
    Operation *d = value.getDefiningOp();
    assert(d && "states are known before");
    IRMapping mapping;
    d->walk([&](Operation *inner) {
      for (Value v : inner->getOperands())
        if (isa<TensorType>(v.getType()) && !d->isAncestor(v.getParentRegion()->getParentOp()))
          mapping.map(v, copyStep(in, tensors, v, time));
    });
    StepWriter w(in, loc, scan, time, Value(), tensors);
    Operation *copy = w.clone(d, mapping);
    for (auto [from, to] : llvm::zip(d->getResults(), copy->getResults()))
      tensors.whole[from] = to;
    return tensors.whole[value];
  }

  /// States of earlier groups that the group's components depend on.
  SmallVector<unsigned> knownFor(const Group &group) {
    llvm::SmallSetVector<unsigned, 4> known;
    SmallVector<unsigned> todo;
    for (const Component *c : group)
      llvm::append_range(todo, c->states);
    llvm::SmallSetVector<unsigned, 4> seen;
    while (!todo.empty()) {
      unsigned k = todo.pop_back_val();
      if (!seen.insert(k))
        continue;
      for (unsigned s : reads[k]) {
        todo.push_back(s);
        if (entering[s])
          known.insert(s);
      }
    }
    return known.takeVector();
  }

  void tensorsOf(const Component &c, llvm::function_ref<void(Value)> found) {
    for (const StateForm &n : c.next) {
      for (const Term &t : n.form.terms) {
        forEachTensor(t.coef, found);
        for (ExprRef e : t.at)
          forEachTensor(e, found);
      }
      for (const Product &p : n.form.constants)
        forEachTensor(p, found);
      if (n.form.whole)
        forEachTensor(n.form.whole, found);
    }
  }

  void summarise(const Group &group) {
    SmallVector<unsigned> known = knownFor(group);
    ScanOp inner;
    auto outer =
        loop(b, count, {}, summaryTypes(group), [&](OpBuilder &in, Value block, ValueRange) {
          SmallVector<Value> inits;
          for (unsigned s : known)
            inits.push_back(slice(in, entering[s], block, s));
          for (const Component *c : group)
            addSummaryInits(in, *c, inits);
          Value begin = arith::MulIOp::create(in, loc, block, steps);
          Value rest = arith::SubIOp::create(in, loc, extent, begin);
          Value n = arith::MinSIOp::create(in, loc, rest, steps);
          inner = loop(in, n, inits, {}, [&](OpBuilder &body, Value step, ValueRange states) {
            summaryStep(body, group, known, timeOf(body, begin, step, chunk != 0), states);
          });
          NextOp::create(in, loc, ValueRange(), inner.stateResults().drop_front(known.size()));
        });
    divide(inner, "", PastEnd::Repeats);
    unsigned at = 0;
    for (const Component *c : group) {
      unsigned n = (hasTransition(*c) ? c->states.size() * c->states.size() : 0) + c->states.size();
      summaries[c] = SmallVector<Value>(outer.getResults().slice(at, n));
      at += n;
    }
  }

  SmallVector<Type> summaryTypes(const Group &group) {
    SmallVector<Type> types;
    for (const Component *c : group) {
      Type p = MapOp::resultType(elementOf(c->states[0]), transitionSizes(*c));
      if (hasTransition(*c))
        types.append(c->states.size() * c->states.size(), p);
      for (unsigned k : c->states)
        types.push_back(scan.getInits()[k].getType());
    }
    return types;
  }

  void summaryStep(OpBuilder &body, const Group &group, ArrayRef<unsigned> known, Value time,
                   ValueRange states) {
    StepTensors tensors;
    SmallVector<Value> next;
    for (auto [s, v] : llvm::zip(known, states))
      tensors.whole[scan.states()[s]] = v;
    for (unsigned s : known)
      next.push_back(copyStep(body, tensors, scan.next().getStates()[s], time));
    unsigned at = known.size();
    for (const Component *c : group) {
      tensorsOf(*c, [&](Value t) { copyStep(body, tensors, t, time); });
      unsigned n = c->states.size();
      SmallVector<Value> old(states.drop_front(at));
      if (hasTransition(*c)) {
        for (unsigned k = 0; k < n; ++k)
          for (unsigned m = 0; m < n; ++m)
            next.push_back(nextTransition(body, *c, k, m, old, tensors, time));
        old.erase(old.begin(), old.begin() + n * n);
        at += n * n;
      }
      for (unsigned k = 0; k < n; ++k)
        next.push_back(nextOffset(body, *c, k, old, tensors, time));
      at += n;
    }
    NextOp::create(body, loc, next, ValueRange());
  }

  //===--- 2. From block to block ---===//

  void carry(const Component &c) {
    SmallVector<Value> inits;
    SmallVector<Type> yields;
    for (unsigned k : c.states) {
      inits.push_back(scan.getInits()[k]);
      yields.push_back(scan.getInits()[k].getType());
    }
    auto s = loop(b, count, inits, yields, [&](OpBuilder &in, Value block, ValueRange states) {
      SmallVector<Value> next;
      for (unsigned k = 0; k < c.states.size(); ++k)
        next.push_back(leaving(in, c, k, block, states));
      NextOp::create(in, loc, next, states);
    });
    for (auto [i, k] : llvm::enumerate(c.states)) {
      entering[k] = s.getResult(i);
      finals[k] = s.getResult(c.states.size() + i);
    }
  }

  /// s_k[i] = ⊕_m ⊕_j P_km[i; j] ⊗ s_m[j] ⊕ q_k[i].
  Value leaving(OpBuilder &in, const Component &c, unsigned k, Value block, ValueRange states) {
    unsigned n = c.states.size(), state = c.states[k];
    const auto &summary = summaries[&c];
    Type type = elementOf(state);
    SmallVector<Value> sizes = sizesOf(state);
    auto map = MapOp::create(
        in, loc, TypeRange(type), sizes, [&](OpBuilder &body, Location l, ValueRange i) {
          SmallVector<Value> at{block};
          llvm::append_range(at, i);
          Semiring ring{body, l, kindOf(c), type};
          bool transition = hasTransition(c);
          Value sum = ReadOp::create(body, l, summary[(transition ? n * n : 0) + k], at);
          if (transition)
            for (unsigned m = 0; m < n; ++m)
              sum =
                  ring.plus(sum, applied(body, c, summary[k * n + m], block, i, states[m], sizes));
          YieldOp::create(body, l, sum);
        });
    map.getResult(0).setType(scan.getInits()[state].getType());
    return map.getResult(0);
  }

  Value applied(OpBuilder &body, const Component &c, Value transition, Value block, ValueRange i,
                Value state, ArrayRef<Value> sizes) {
    Axes axes = axesOf(c);
    Type type = elementOf(c.states[0]);
    SmallVector<Value> extents;
    for (unsigned d = 0; d < sizes.size(); ++d)
      if (axes.moved[d])
        extents.push_back(sizes[d]);
    auto point = [&](OpBuilder &in, ValueRange j) {
      SmallVector<Value> at{block}, from(i);
      unsigned column = 0;
      for (unsigned d = 0; d < sizes.size(); ++d) {
        if (axes.moved[d] || axes.used[d])
          at.push_back(i[d]);
        if (axes.moved[d])
          from[d] = j[column++];
      }
      llvm::append_range(at, j);
      Value p = ReadOp::create(in, loc, transition, at);
      Value s = ReadOp::create(in, loc, state, from);
      return Semiring{in, loc, kindOf(c), type}.times(p, s);
    };
    if (extents.empty())
      return point(body, {});
    return ReduceOp::create(body, loc, kindOf(c), type, extents,
                            [&](OpBuilder &in, Location l, ValueRange j) {
                              YieldOp::create(in, l, point(in, j));
                            })
        .getResult(0);
  }

  //===--- 3. The steps ---===//

  SmallVector<Value> apply() {
    SmallVector<Type> inside, outside;
    for (Value y : scan.next().getYields()) {
      auto type = cast<RankedTensorType>(y.getType());
      SmallVector<int64_t> shape{ShapedType::kDynamic};
      llvm::append_range(shape, type.getShape());
      inside.push_back(type);
      outside.push_back(RankedTensorType::get(shape, type.getElementType()));
    }
    if (inside.empty())
      return {};
    ScanOp inner;
    StringRef form = chunk ? "two-level" : "scan";
    auto blocks = loop(b, count, {}, outside, [&](OpBuilder &in, Value block, ValueRange) {
      SmallVector<Value> inits;
      for (unsigned k = 0; k < scan.getInits().size(); ++k)
        inits.push_back(slice(in, entering[k], block, k));
      Value begin = arith::MulIOp::create(in, loc, block, steps);
      inner = loop(in, steps, inits, inside, [&](OpBuilder &body, Value step, ValueRange states) {
        userStep(body, timeOf(body, begin, step, true), states);
      });
      noteForm(scan, inner, form);
      NextOp::create(in, loc, ValueRange(), inner.yieldResults());
    });
    divide(inner, form, PastEnd::Never);
    SmallVector<Value> out;
    for (auto [k, y] : llvm::enumerate(blocks.yieldResults()))
      out.push_back(flattenTime(b, scan, y, steps, cast<OpResult>(scan.getResult(k))));
    return out;
  }

  void userStep(OpBuilder &body, Value time, ValueRange states) {
    StepTensors tensors;
    for (auto [s, v] : llvm::zip(scan.states(), states))
      tensors.whole[s] = v;
    SmallVector<Value> next, yields;
    for (Value v : scan.next().getStates())
      next.push_back(copyStep(body, tensors, v, time));
    for (Value v : scan.next().getYields())
      yields.push_back(copyStep(body, tensors, v, time));
    NextOp::create(body, loc, next, yields);
  }

  ScanOp scan;
  analysis::Recurrence &r;
  int64_t chunk;
  OpBuilder b;
  Location loc;
  std::vector<SmallVector<unsigned>> reads; ///< of each state's next value
  Value extent, steps, count, last;         ///< of time, of a block, of blocks, the last time
  SmallVector<Value> entering, finals;
  llvm::DenseMap<const Component *, SmallVector<Value>> summaries;
};
} // namespace

SmallVector<Value> runInBlocks(ScanOp scan, analysis::Recurrence &r, int64_t chunk) {
  return BlockWriter(scan, r, chunk).run();
}

} // namespace seq
