//===- ChunkPlan.cpp - Whether and how a scan runs in chunks ---------------------------------===//
#include "compiler/Transforms/ChunkPlan.h"
#include "compiler/Transforms/Rewrite.h"
#include "compiler/Transforms/StepWriter.h"

using namespace mlir;

namespace seq {

using analysis::Class;
using analysis::Component;
using analysis::Exprs;
using analysis::Form;
using analysis::Product;
using analysis::TensorForm;
using analysis::Term;

ChunkPlan::ChunkPlan(ScanOp scan, analysis::Recurrence &recurrence)
    : recurrence(recurrence), scan(scan) {
  findNeeds();
  check();
}

/// Which states each tensor of the step depends on.
void ChunkPlan::findNeeds() {
  unsigned n = scan.getInits().size();
  for (unsigned k = 0; k < n; ++k) {
    llvm::SmallBitVector self(n);
    needs[scan.states()[k]] = self.set(k);
  }
  for (Operation &op : scan.bodyBlock()->without_terminator()) {
    llvm::SmallBitVector all(n);
    op.walk([&](Operation *inner) {
      for (Value v : inner->getOperands())
        if (auto it = needs.find(v); it != needs.end())
          all |= it->second;
    });
    for (Value r : op.getResults())
      needs[r] = all;
  }
}

void ChunkPlan::check() {
  OpBuilder sizes(scan);
  for (unsigned k = 0; k < scan.getInits().size(); ++k)
    if (!tensorSizes(sizes, scan->getParentOfType<func::FuncOp>(), scan.getInits()[k]))
      return refuse(k, "the sizes of its initial value are not simple");
  for (const Component &c : recurrence.components)
    if (c.cls == Class::C3 || c.cls == Class::C4)
      addMatrix(c);
  if (matrices.empty())
    return refuse(0, "no state is a matrix that outer products update (C3, C4)");
  for (const Component &c : recurrence.components)
    if (const MatrixPlan *m = matrixOf(c))
      checkMatrix(*m);
    else
      for (unsigned k : c.states)
        checkStep(c, scan.next().getStates()[k]);
  for (Value y : scan.next().getYields())
    if (y.getParentRegion() == &scan.getBody() && how(y) == How::Impossible)
      refuse(matrices.begin()->first, "a result needs it whole at every step");
}

const MatrixPlan *ChunkPlan::matrixOf(const Component &c) const {
  auto it = c.states.size() == 1 ? matrices.find(c.states[0]) : matrices.end();
  return it == matrices.end() ? nullptr : it->second.get();
}

bool ChunkPlan::dependsOn(Value v, const Component &c) {
  auto it = needs.find(v);
  return it != needs.end() &&
         llvm::any_of(c.states, [&](unsigned k) { return it->second.test(k); });
}

//===----------------------------------------------------------------------===//
// Matrix states
//===----------------------------------------------------------------------===//

/// Of the axes that could be the key, the one that most values of the step contract.
const analysis::KeyAxis &ChunkPlan::keyOf(const Component &c) {
  unsigned state = c.states[0];
  SmallVector<unsigned> votes(c.next[0].vars.size());
  for (Operation &op : scan.bodyBlock()->without_terminator())
    for (Value v : op.getResults())
      if (isa<MapOp>(op) && needs[v].test(state)) {
        const TensorForm &t = forms[state]->of(v);
        for (const Term &term : t.form.terms)
          for (auto [d, e] : llvm::enumerate(term.at))
            votes[d] += llvm::is_contained(term.bound, e);
      }
  const analysis::KeyAxis *best = &c.factors.keys[0];
  for (const analysis::KeyAxis &k : c.factors.keys)
    if (votes[k.key] > votes[best->key])
      best = &k;
  return *best;
}

void ChunkPlan::addMatrix(const Component &c) {
  auto m = std::make_unique<MatrixPlan>();
  m->state = c.states[0];
  m->next = c.next[0];
  forms[m->state] =
      std::make_unique<analysis::StepInterpreter>(*recurrence.context, scan, m->state);
  const analysis::KeyAxis &axis = keyOf(c);
  m->key = axis.key;
  m->columns = axis.columns;
  for (unsigned d = 0; d < m->next.vars.size(); ++d)
    if (d != m->key && !llvm::is_contained(m->columns, d))
      m->batch.push_back(d);
  m->decay = c.factors.decay;
  m->ranks = c.factors.ranks;
  m->contracted = c.factors.contracted;
  for (const Product &p : m->decay)
    m->keyed |= p.dependsOn(m->next.vars[m->key]);
  for (const Product &p : m->next.form.constants)
    if (!split(*m, p))
      return refuse(m->state, "what is added to it is no outer product");
  matrices[m->state] = std::move(m);
}

/// Factors with columns are the value's, the others the key's.
bool ChunkPlan::split(MatrixPlan &m, const Product &p) {
  OuterProduct out;
  out.key.emplace_back();
  for (bool guards : {false, true})
    for (ExprRef e : guards ? p.guards : p.factors) {
      bool column =
          llvm::any_of(m.columns, [&](unsigned d) { return e->dependsOn(m.next.vars[d]); });
      if (column && e->dependsOn(m.next.vars[m.key]))
        return false;
      Product &side = column ? out.value : out.key[0];
      (guards ? side.guards : side.factors).push_back(e);
    }
  m.products.push_back(std::move(out));
  return true;
}

bool ChunkPlan::tiled(const Product &p) {
  bool all = true;
  forEachTensor(p, [&](Value t) {
    if (t.getParentRegion() == &scan.getBody())
      all &= how(t) != How::Impossible;
  });
  return all;
}

void ChunkPlan::checkMatrix(const MatrixPlan &m) {
  bool good = true;
  for (const Product &p : m.decay)
    good &= tiled(p);
  for (const analysis::LowRank &r : m.ranks) {
    good &= tiled(r.read);
    for (const Product &w : r.writes)
      good &= tiled(w);
  }
  for (const OuterProduct &p : m.products)
    good &= tiled(p.key[0]) && tiled(p.value);
  if (!good)
    refuse(m.state, "a factor of its step needs another matrix state whole at every step");
}

/// What a component that goes step by step needs of matrix states are read-outs.
void ChunkPlan::checkStep(const Component &c, Value v) {
  if (v.getParentRegion() != &scan.getBody())
    return;
  if (isa<BlockArgument>(v) || !dependsOn(v, c)) {
    if (how(v) == How::Impossible)
      refuse(c.states[0], "it needs a matrix state whole at every step");
    return;
  }
  v.getDefiningOp()->walk([&](Operation *inner) {
    for (Value t : inner->getOperands())
      if (isa<TensorType>(t.getType())) {
        if (!isa<ReadOp>(inner) && t.getParentRegion() == &scan.getBody() && !dependsOn(t, c))
          refuse(c.states[0], "a scan inside of its step begins with what is made of no state");
        checkStep(c, t);
      }
  });
}

//===----------------------------------------------------------------------===//
// Values of the step
//===----------------------------------------------------------------------===//

How ChunkPlan::how(Value v) {
  if (auto it = decided.find(v); it != decided.end())
    return it->second;
  How h = decide(v);
  return decided[v] = h;
}

bool ChunkPlan::readable(Operation *op) {
  bool all = true;
  op->walk([&](Operation *inner) {
    for (Value t : inner->getOperands())
      if (isa<TensorType>(t.getType()) && t.getParentRegion() == &scan.getBody())
        all &= isa<ReadOp>(inner) && how(t) != How::Impossible;
  });
  return all;
}

How ChunkPlan::decide(Value v) {
  if (isa<BlockArgument>(v)) {
    for (auto &[state, m] : matrices)
      if (v == scan.states()[state])
        return How::Impossible;
    return How::Copy;
  }
  if (isa<MapOp>(v.getDefiningOp()) && readable(v.getDefiningOp()))
    return How::Copy;
  return asReadOut(v) ? How::ReadOut : How::Impossible;
}

bool ChunkPlan::asReadOut(Value v) {
  const MatrixPlan *matrix = nullptr;
  for (auto &[state, m] : matrices)
    if (needs[v].test(state)) {
      if (matrix)
        return false;
      matrix = m.get();
    }
  if (!matrix)
    return false;
  const TensorForm &t = forms[matrix->state]->of(v);
  if (t.form.kind != Form::Affine)
    return false;
  ReadOutPlan p;
  p.matrix = matrix;
  p.vars = t.vars;
  p.constants = t.form.constants;
  for (const Product &c : p.constants)
    if (!tiled(c))
      return false;
  for (const Term &term : t.form.terms) {
    ReadOutTerm out;
    if (!asTerm(*matrix, term, t.vars, out))
      return false;
    p.terms.push_back(std::move(out));
  }
  readOuts[v] = std::move(p);
  return true;
}

bool ChunkPlan::asTerm(const MatrixPlan &m, const Term &t, const Exprs &vars, ReadOutTerm &out) {
  if (t.bound.size() != 1 || t.at[m.key] != t.bound[0])
    return false;
  out.bound = t.bound[0];
  out.at = t.at;
  for (auto [d, e] : llvm::enumerate(t.at))
    if (d != m.key && e->dependsOn(out.bound))
      return false;
  auto inColumns = [&](ExprRef v) {
    return llvm::any_of(m.columns, [&](unsigned d) { return t.at[d]->dependsOn(v); });
  };
  // Batch indices are indices of the value itself, each once.
  Exprs batch;
  for (unsigned d : m.batch) {
    if (!llvm::is_contained(vars, t.at[d]) || llvm::is_contained(batch, t.at[d]))
      return false;
    batch.push_back(t.at[d]);
  }
  for (bool guards : {false, true})
    for (ExprRef e : guards ? t.coef.guards : t.coef.factors) {
      bool inner = e->dependsOn(out.bound);
      Product &side = inner ? out.inner : out.outer;
      (guards ? side.guards : side.factors).push_back(e);
      if (!inner)
        continue;
      for (ExprRef v : vars) {
        if (e->dependsOn(v) && inColumns(v))
          return false; // a vector for each column: no matrix product
        if (e->dependsOn(v) && !llvm::is_contained(batch, v) && !llvm::is_contained(out.extra, v))
          out.extra.push_back(v);
      }
    }
  return tiled(out.inner) && tiled(out.outer);
}

} // namespace seq
