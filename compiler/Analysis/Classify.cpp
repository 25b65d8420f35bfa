//===- Classify.cpp - Classes of recurrences ------------------------------------------===//
#include "compiler/Analysis/Recurrence.h"

#include "llvm/ADT/SCCIterator.h"

using namespace mlir;

namespace seq::analysis {

StringRef name(Class c) {
  static constexpr StringLiteral names[] = {"C0", "C1", "C2", "C3", "C4", "C5", "C6", "C7"};
  return names[unsigned(c)];
}

StringRef title(Class c) {
  static constexpr StringLiteral titles[] = {
      "no recurrence",       "delay",        "diagonal",         "outer products",
      "low-rank correction", "dense affine", "another semiring", "nonlinear"};
  return titles[unsigned(c)];
}

const Component &Recurrence::of(unsigned state) const {
  for (const Component &c : components)
    if (llvm::is_contained(c.states, state))
      return c;
  llvm_unreachable("every state is in a component");
}

//===----------------------------------------------------------------------===//
// Components
//===----------------------------------------------------------------------===//

namespace {
/// Which states each value of a step needs.
class Reads {
public:
  explicit Reads(ScanOp scan) : scan(scan) {
    unsigned n = scan.getInits().size();
    for (unsigned k = 0; k < n; ++k) {
      llvm::SmallBitVector self(n);
      needs[scan.states()[k]] = self.set(k);
    }
    for (Operation &op : scan.bodyBlock()->without_terminator()) {
      noteProducers(op);
      auto map = dyn_cast<MapOp>(op);
      if (!map) {
        note(op);
        continue;
      }
      for (Operation &inner : map.bodyBlock()->without_terminator())
        note(inner);
      for (auto [result, value] : llvm::zip(map.getResults(), map.yield().getValues()))
        if (auto it = needs.find(value); it != needs.end())
          needs[result] = llvm::SmallBitVector(it->second);
    }
  }

  /// The ops of the step that the next values of the states need, where they read the states;
  /// of what they only know the last few.
  llvm::DenseSet<Operation *> opsFor(ArrayRef<unsigned> states) {
    constexpr unsigned limit = 16;
    llvm::SmallBitVector own(scan.getInits().size());
    for (unsigned k : states)
      own.set(k);
    llvm::DenseMap<Operation *, unsigned> steps; // from what reads the states
    SmallVector<Operation *> open;
    auto reach = [&](Operation *op, unsigned n) {
      if (op->getNumResults() && llvm::any_of(op->getResults(), [&](Value r) {
            auto it = needs.find(r);
            return it != needs.end() && it->second.anyCommon(own);
          }))
        n = 0;
      auto [it, isNew] = steps.insert({op, n});
      if (n > limit || (!isNew && it->second <= n))
        return;
      it->second = n;
      open.push_back(op);
    };
    for (unsigned k : states)
      if (Operation *op = scan.next().getStates()[k].getDefiningOp();
          op && op->getBlock() == scan.bodyBlock())
        reach(op, 0);
    while (!open.empty()) {
      Operation *op = open.pop_back_val();
      for (Operation *from : producers[op])
        reach(from, steps[op] + 1);
    }
    llvm::DenseSet<Operation *> ops;
    for (auto &[op, n] : steps)
      ops.insert(op);
    return ops;
  }

  llvm::SmallBitVector of(Value value) {
    auto it = needs.find(value);
    return it != needs.end() ? it->second : llvm::SmallBitVector(scan.getInits().size());
  }

private:
  void noteProducers(Operation &op) {
    auto &all = producers[&op];
    op.walk([&](Operation *inner) {
      for (Value v : inner->getOperands())
        if (Operation *d = v.getDefiningOp(); d && d->getBlock() == scan.bodyBlock())
          if (!llvm::is_contained(all, d))
            all.push_back(d);
    });
  }

  void note(Operation &op) {
    llvm::SmallBitVector all(scan.getInits().size());
    op.walk([&](Operation *inner) {
      for (Value v : inner->getOperands())
        if (auto it = needs.find(v); it != needs.end())
          all |= it->second;
    });
    if (all.any())
      for (Value r : op.getResults())
        needs[r] = all;
  }

  ScanOp scan;
  llvm::DenseMap<Value, llvm::SmallBitVector> needs;
  llvm::DenseMap<Operation *, SmallVector<Operation *, 4>> producers; ///< in the step's own block
};

/// Tarjan's components of who reads whom; a component comes after those that it reads.
class Components {
public:
  explicit Components(ArrayRef<llvm::SmallBitVector> reads)
      : reads(reads), number(reads.size()), low(reads.size()), open(reads.size()) {
    for (unsigned k = 0; k < reads.size(); ++k)
      if (!number[k])
        visit(k);
  }
  std::vector<SmallVector<unsigned, 2>> found;

private:
  void visit(unsigned k) {
    number[k] = low[k] = ++count;
    stack.push_back(k);
    open[k] = true;
    for (unsigned j : reads[k].set_bits()) {
      if (!number[j])
        visit(j);
      if (open[j])
        low[k] = std::min(low[k], low[j]);
    }
    if (low[k] != number[k])
      return;
    found.emplace_back();
    for (unsigned j = ~0u; j != k;) {
      j = stack.pop_back_val();
      open[j] = false;
      found.back().push_back(j);
    }
    llvm::sort(found.back());
  }

  ArrayRef<llvm::SmallBitVector> reads;
  SmallVector<unsigned> number, low, stack;
  SmallVector<bool> open;
  unsigned count = 0;
};

//===----------------------------------------------------------------------===//
// The structure of one component
//===----------------------------------------------------------------------===//

/// All factors and guards of a product.
Exprs parts(const Product &p) {
  Exprs all = p.factors;
  llvm::append_range(all, p.guards);
  return all;
}

/// How the terms of one state's next value read that state.
class Structure {
public:
  Structure(ExprContext &context, const StateForm &next) : context(context), next(next) {}

  Class run(Factors &out) {
    if (next.form.terms.size() == 1 && isShift(next.form.terms[0]))
      return Class::C1;
    for (const Term &t : next.form.terms) {
      if (isDiagonal(t))
        out.decay.push_back(t.coef);
      else if (!addRank(t, out))
        return Class::C5;
    }
    if (!out.ranks.empty())
      return lowRank(out);
    return outerProducts(out) ? Class::C3 : Class::C2;
  }

private:
  bool isDiagonal(const Term &t) {
    return t.bound.empty() && ArrayRef(t.at) == ArrayRef(next.vars);
  }

  /// Moved along its axes by constants, without a coefficient: what was there has left the
  /// state after as many steps as an axis is long.
  bool isShift(const Term &t) {
    if (!t.bound.empty() || !t.coef.factors.empty())
      return false;
    bool moved = false;
    for (auto [e, v] : llvm::zip(t.at, next.vars)) {
      auto by = context.distance(e, v);
      if (!by)
        return false;
      moved |= *by != 0;
    }
    return moved;
  }

  /// A term that reads along one axis with factors that split into A[a] and B[a'].
  bool addRank(const Term &t, Factors &out) {
    if (t.bound.size() != 1)
      return false;
    ExprRef bound = t.bound[0];
    int key = -1;
    for (auto [d, e] : llvm::enumerate(t.at)) {
      if (e == next.vars[d])
        continue;
      if (e != bound || key >= 0)
        return false;
      key = d;
    }
    if (key < 0 || (!out.keys.empty() && int(out.keys[0].key) != key))
      return false;
    if (out.keys.empty())
      out.keys.push_back({unsigned(key), {}});
    if (!out.contracted)
      out.contracted = context.var(bound->value);
    Substitution by;
    by[bound] = out.contracted;
    Term renamed = t;
    substitute(context, renamed, by);
    Product read, write;
    for (bool guards : {false, true})
      for (ExprRef e : guards ? renamed.coef.guards : renamed.coef.factors) {
        bool inner = e->dependsOn(out.contracted);
        if (inner && e->dependsOn(next.vars[key]))
          return false;
        Product &side = inner ? read : write;
        (guards ? side.guards : side.factors).push_back(e);
      }
    llvm::sort(read.factors, [](ExprRef a, ExprRef b) { return a->serial < b->serial; });
    for (LowRank &r : out.ranks)
      if (r.read.factors == read.factors && r.read.guards == read.guards) {
        r.writes.push_back(write);
        return true;
      }
    out.ranks.push_back({read, {write}});
    return true;
  }

  /// Axes other than the key that no coefficient of the state depends on.
  Class lowRank(Factors &out) {
    for (unsigned d = 0; d < next.vars.size(); ++d) {
      if (d == out.keys[0].key)
        continue;
      ExprRef v = next.vars[d];
      bool used = llvm::any_of(out.decay, [&](const Product &p) { return p.dependsOn(v); });
      for (const LowRank &r : out.ranks) {
        used |= r.read.dependsOn(v);
        for (const Product &w : r.writes)
          used |= w.dependsOn(v);
      }
      if (!used)
        out.keys[0].columns.push_back(d);
    }
    return Class::C4;
  }

  /// Whether the decay depends on the axis.
  bool decays(const Factors &f, unsigned axis) {
    return llvm::any_of(f.decay, [&](const Product &p) { return p.dependsOn(next.vars[axis]); });
  }

  /// The products are outer ones between a key axis and axes that the decay does not use.
  bool outerProducts(Factors &out) {
    for (unsigned key = 0; key < next.vars.size(); ++key) {
      SmallVector<unsigned, 2> columns;
      for (unsigned d = 0; d < next.vars.size(); ++d)
        if (d != key && !decays(out, d) && splits(key, d))
          columns.push_back(d);
      bool outer = llvm::any_of(next.form.constants, [&](const Product &p) {
        return p.dependsOn(next.vars[key]) &&
               llvm::any_of(columns, [&](unsigned d) { return p.dependsOn(next.vars[d]); });
      });
      if (outer)
        out.keys.push_back({key, columns});
    }
    llvm::stable_sort(out.keys, [&](const KeyAxis &a, const KeyAxis &b) {
      return decays(out, a.key) > decays(out, b.key);
    });
    return !out.keys.empty();
  }

  /// No factor of a constant product depends on both axes.
  bool splits(unsigned key, unsigned value) {
    for (const Product &p : next.form.constants)
      for (ExprRef e : parts(p))
        if (e->dependsOn(next.vars[key]) && e->dependsOn(next.vars[value]))
          return false;
    return true;
  }

  ExprContext &context;
  const StateForm &next;
};

//===----------------------------------------------------------------------===//
// Classification
//===----------------------------------------------------------------------===//

class Classifier {
public:
  Classifier(ScanOp scan, ExprContext &context) : scan(scan), context(context), reads(scan) {}

  std::vector<Component> run() {
    std::vector<Component> out;
    SmallVector<llvm::SmallBitVector> graph;
    for (Value next : scan.next().getStates())
      graph.push_back(reads.of(next));
    for (auto &states : Components(graph).found) {
      Component c;
      c.states = states;
      classifyOne(c, graph);
      out.push_back(std::move(c));
    }
    return out;
  }

private:
  bool oldValueRead(unsigned state) { return !scan.states()[state].use_empty(); }

  void classifyOne(Component &c, ArrayRef<llvm::SmallBitVector> graph) {
    unsigned first = c.states[0];
    if (c.states.size() == 1 && !graph[first].test(first)) {
      SmallVector<Operation *> none;
      interpret(c, {}, &none);
      c.cls = oldValueRead(first) ? Class::C1 : Class::C0;
      return;
    }
    SmallVector<Operation *> origins;
    c.cls = interpret(c, {}, &origins);
    if (c.cls != Class::C7)
      return;
    // What it would be, were the nonlinear ops free of it.
    llvm::DenseSet<Operation *> opaque(origins.begin(), origins.end());
    for (int round = 0; round < 4; ++round) {
      Component free;
      free.states = c.states;
      origins.clear();
      if (interpret(free, opaque, &origins) != Class::C7) {
        for (const StateForm &n : free.next)
          c.hints.push_back(alone(free, n));
        return;
      }
      opaque.insert(origins.begin(), origins.end());
    }
  }

  /// The class of one state of an affine component, among the states that it still shares
  /// a cycle with.
  std::optional<Class> alone(const Component &c, const StateForm &next) {
    unsigned n = scan.getInits().size();
    SmallVector<llvm::SmallBitVector> graph(n, llvm::SmallBitVector(n));
    for (const StateForm &f : c.next)
      for (const Term &t : f.form.terms)
        graph[f.state].set(t.state);
    if (!graph[next.state].any())
      return std::nullopt;
    for (auto &states : Components(graph).found)
      if (llvm::is_contained(states, next.state)) {
        if (states.size() > 1)
          return next.form.kind == Form::Tropical ? Class::C6 : Class::C5;
        if (!graph[next.state].test(next.state))
          return std::nullopt;
      }
    if (next.form.kind == Form::Tropical)
      return Class::C6;
    StateForm own = next;
    llvm::erase_if(own.form.terms, [&](const Term &t) { return t.state != next.state; });
    Factors factors;
    return Structure(context, own).run(factors);
  }

  Class interpret(Component &c, const llvm::DenseSet<Operation *> &opaque,
                  SmallVector<Operation *> *origins) {
    StepInterpreter step(context, scan, c.states, reads.opsFor(c.states), opaque);
    *origins = step.nonlinearOps();
    bool tropical = false, reads = false;
    for (unsigned k : c.states) {
      Value value = scan.next().getStates()[k];
      StateForm next{k, {}, {}};
      // A state of another component, or a tensor from outside, has no form of the step's own.
      bool ofComponent =
          llvm::any_of(c.states, [&](unsigned s) { return value == scan.states()[s]; });
      if (ofComponent || (value.getDefiningOp() && value.getParentBlock() == scan.bodyBlock())) {
        TensorForm t = step.of(value);
        next.vars = t.vars;
        next.form = t.form;
      }
      if (next.form.kind == Form::Nonlinear) {
        c.cause = next.form.cause;
        return Class::C7;
      }
      tropical |= next.form.kind == Form::Tropical;
      reads |= !next.form.terms.empty();
      c.next.push_back(std::move(next));
    }
    if (!reads)
      return Class::C1;
    if (tropical)
      return semiring(c, step);
    if (c.states.size() > 1)
      return Class::C5;
    Class cls = Structure(context, c.next[0]).run(c.factors);
    if (cls == Class::C1 || cls == Class::C5) // what was found until then says nothing
      c.factors = {};
    return cls;
  }

  /// All of one semiring: states that are only moved or shifted go along.
  Class semiring(Component &c, StepInterpreter &step) {
    for (StateForm &n : c.next)
      if (n.form.kind == Form::Tropical)
        c.semiring = n.form.semiring;
    for (StateForm &n : c.next) {
      Type type = cast<RankedTensorType>(scan.states()[n.state].getType()).getElementType();
      if (auto f = step.tropical(n.form, c.semiring, type)) {
        n.form = *f;
        continue;
      }
      c.cause.op = scan.next();
      c.cause.what = "states that read each other through different operations";
      c.cause.state = n.state;
      return Class::C7;
    }
    return Class::C6;
  }

  ScanOp scan;
  ExprContext &context;
  Reads reads;
};
} // namespace

std::vector<SmallVector<unsigned>> statesRead(ScanOp scan) {
  Reads reads(scan);
  std::vector<SmallVector<unsigned>> out;
  for (Value next : scan.next().getStates()) {
    llvm::SmallBitVector bits = reads.of(next);
    out.emplace_back(bits.set_bits().begin(), bits.set_bits().end());
  }
  return out;
}

Recurrence classify(ScanOp scan) {
  Recurrence r;
  r.context = std::make_unique<ExprContext>();
  r.components = Classifier(scan, *r.context).run();
  return r;
}

} // namespace seq::analysis
