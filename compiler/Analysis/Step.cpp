//===- Step.cpp - What a step makes of chosen states ---------------------------------===//
#include "compiler/Analysis/Step.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace seq::analysis {

/// Deeper expressions are not written into the place of a read.
static constexpr unsigned kMaxDepth = 48;

void substitute(ExprContext &context, Product &p, const Substitution &by) {
  for (ExprRef &f : p.factors)
    f = context.substitute(f, by);
  for (ExprRef &g : p.guards)
    g = context.substitute(g, by);
}

void substitute(ExprContext &context, Term &term, const Substitution &by) {
  for (ExprRef &e : term.at)
    e = context.substitute(e, by);
  substitute(context, term.coef, by);
}

static llvm::DenseMap<Value, unsigned> numbered(ScanOp scan, ArrayRef<unsigned> states) {
  llvm::DenseMap<Value, unsigned> out;
  for (unsigned k : states)
    out[scan.states()[k]] = k;
  return out;
}

StepInterpreter::StepInterpreter(ExprContext &context, ScanOp scan, ArrayRef<unsigned> unknown,
                                 std::optional<llvm::DenseSet<Operation *>> wanted,
                                 llvm::DenseSet<Operation *> opaque)
    : context(context), scan(scan), unknowns(numbered(scan, unknown)), opaque(std::move(opaque)),
      wanted(std::move(wanted)) {
  visitBlock(scan.bodyBlock());
}

bool StepInterpreter::isWanted(Operation *op) {
  return !wanted || op->getBlock() != scan.bodyBlock() || wanted->contains(op);
}

const TensorForm &StepInterpreter::of(Value tensor) {
  auto it = tensors.find(tensor);
  if (it != tensors.end())
    return it->second;
  // A state, or a tensor from outside: itself at its own indices.
  TensorForm t;
  OpBuilder b(scan);
  auto state = unknowns.find(tensor);
  assert(state != unknowns.end() && "only tensors of the step and unknown states have forms");
  for (int64_t d = 0; d < cast<RankedTensorType>(tensor.getType()).getRank(); ++d)
    t.vars.push_back(context.var(scan.index()));
  t.form.kind = Form::Affine;
  t.form.terms.push_back({state->second, t.vars, {}, {}});
  return tensors[tensor] = std::move(t);
}

//===----------------------------------------------------------------------===//
// Walking
//===----------------------------------------------------------------------===//

/// The unknowns, and what was made of them, that the op or one in its regions reads.
std::vector<Form> StepInterpreter::unknownsRead(Operation *op) {
  std::vector<Form> found;
  op->walk([&](Operation *inner) {
    for (Value v : inner->getOperands()) {
      auto t = tensors.find(v);
      if (unknowns.count(v))
        found.push_back(of(v).form);
      else if (t != tensors.end() && !t->second.form.isConstant())
        found.push_back(t->second.form);
      else if (auto s = scalars.find(v); s != scalars.end() && !s->second.isConstant())
        found.push_back(s->second);
    }
  });
  return found;
}

void StepInterpreter::visitBlock(Block *block) {
  for (Operation &op : block->without_terminator()) {
    if (!isWanted(&op))
      continue;
    if (auto map = dyn_cast<MapOp>(op))
      visitMap(map);
    else if (llvm::any_of(op.getResultTypes(), llvm::IsaPred<TensorType>))
      visitOther(&op);
    else if (auto reduce = dyn_cast<ReduceOp>(op))
      for (unsigned k = 0; k < op.getNumResults(); ++k)
        scalars[op.getResult(k)] = bounded(&op, visitReduce(reduce, k));
    else
      scalars[op.getResult(0)] = bounded(&op, visit(&op));
  }
}

void StepInterpreter::visitMap(MapOp map) {
  TensorForm t;
  for (auto [axis, index, extent] : llvm::enumerate(map.indices(), map.getExtents())) {
    t.vars.push_back(context.axis(axis, extent));
    scalars[index] = constant(t.vars.back());
  }
  visitBlock(map.bodyBlock());
  t.costly = map.walk([](ReduceOp) { return WalkResult::interrupt(); }).wasInterrupted();
  for (auto [result, value] : llvm::zip(map.getResults(), map.yield().getValues())) {
    t.form = form(value);
    tensors[result] = t;
  }
}

/// A softmax, an attention, an inner scan: no form but constant or nonlinear.
void StepInterpreter::visitOther(Operation *op) {
  TensorForm t;
  std::vector<Form> read = unknownsRead(op);
  if (!read.empty() && !opaque.contains(op)) {
    SmallVector<const Form *> from;
    for (const Form &f : read)
      from.push_back(&f);
    t.form = nonlinear(op, describe(op), from);
  }
  for (Value result : op->getResults())
    tensors[result] = t;
}

Form StepInterpreter::constant(ExprRef e) const {
  Form f;
  f.whole = e;
  return f;
}

Form StepInterpreter::form(Value scalar) {
  auto it = scalars.find(scalar);
  return it != scalars.end() ? it->second : constant(context.outer(scalar));
}

Form StepInterpreter::nonlinear(Operation *op, StringRef what, ArrayRef<const Form *> from) {
  Form f;
  f.kind = Form::Nonlinear;
  for (const Form *x : from)
    if (x->kind == Form::Nonlinear) {
      f.cause = x->cause;
      return f;
    }
  f.cause.op = op;
  f.cause.what = what.str();
  for (const Form *x : from)
    if (!x->terms.empty()) {
      f.cause.state = x->terms.front().state;
      break;
    }
  origins.push_back(op);
  return f;
}

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

/// The indices of bodies around the op that it and the scalars which it needs depend on.
SmallVector<Value, 2> StepInterpreter::indicesBehind(Operation *op) {
  SmallVector<Value, 2> indices;
  SmallVector<Operation *> open{op};
  llvm::DenseSet<Operation *> seen{op};
  while (!open.empty()) {
    Operation *o = open.pop_back_val();
    o->walk([&](Operation *inner) {
      for (Value v : inner->getOperands()) {
        Operation *home = v.getParentRegion()->getParentOp();
        if (isa<TensorType>(v.getType()) || o->isAncestor(home) || !scan->isProperAncestor(home))
          continue;
        Operation *d = v.getDefiningOp();
        if (d && seen.insert(d).second)
          open.push_back(d);
        if (!d && !llvm::is_contained(indices, v))
          indices.push_back(v);
      }
    });
  }
  return indices;
}

/// The op on constants: as an expression, or, where that would be deep, as what its body
/// makes of its indices.
Form StepInterpreter::constantOp(Operation *op) {
  Value result = op->getResult(0);
  Exprs args;
  unsigned depth = 0;
  bool plain = op->getNumRegions() == 0 && !opaque.contains(op);
  if (plain)
    for (Value v : isa<ReadOp>(op) ? ValueRange(op->getOperands().drop_front())
                                   : ValueRange(op->getOperands())) {
      args.push_back(form(v).whole);
      depth = std::max(depth, args.back()->depth);
    }
  if (plain && depth < kMaxDepth)
    return constant(context.op(result, args));
  SmallVector<Value, 2> keys = indicesBehind(op);
  Exprs at;
  for (Value v : keys)
    at.push_back(form(v).whole);
  return constant(context.closure(result, keys, at));
}

/// What a person would call an op that is no sum and no product.
std::string StepInterpreter::describe(Operation *op) {
  if (auto u = dyn_cast<UnaryOp>(op))
    return ("`" + stringifyUnaryKind(u.getKind()) + "` of it").str();
  if (isa<arith::CmpFOp, arith::CmpIOp>(op))
    return "a comparison with it";
  if (isa<arith::DivFOp>(op))
    return "a division by it";
  if (auto div = dyn_cast<IntDivOp>(op))
    return div.getKind() == DivKind::div ? "a whole-number division of it" : "a remainder of it";
  if (isa<arith::RemFOp>(op))
    return "a remainder of it";
  if (isa<arith::AndIOp, arith::OrIOp, arith::XOrIOp>(op))
    return isa<arith::AndIOp>(op)  ? "`and` of it"
           : isa<arith::OrIOp>(op) ? "`or` of it"
                                   : "`not` of it";
  if (isa<PowerOp>(op))
    return "a power of it";
  if (isa<arith::MulFOp, arith::MulIOp>(op))
    return "a product of two values that read it";
  if (isa<ScanOp>(op))
    return "a scan inside the step that reads it";
  if (isa<arith::IndexCastOp>(op))
    return "an index made of it";
  if (isa<arith::MaximumFOp, arith::MaxSIOp>(op))
    return "a `max` of what is not the state plus a term";
  if (isa<arith::MinimumFOp, arith::MinSIOp>(op))
    return "a `min` of what is not the state plus a term";
  if (isa<arith::SIToFPOp, arith::ExtFOp, arith::TruncFOp, ToIntOp>(op))
    return "a conversion of it";
  return ("`" + op->getName().stripDialect() + "` of it").str();
}

Form StepInterpreter::visit(Operation *op) {
  if (auto read = dyn_cast<ReadOp>(op))
    return visitRead(read);
  SmallVector<Form, 3> x;
  bool known = true;
  for (Value v : op->getOperands()) {
    x.push_back(form(v));
    known &= x.back().isConstant();
  }
  if (known || opaque.contains(op))
    return constantOp(op);
  if (isa<arith::AddFOp, arith::AddIOp>(op))
    return add(op, x[0], x[1], false);
  if (isa<arith::SubFOp, arith::SubIOp>(op))
    return add(op, x[0], x[1], true);
  if (isa<arith::MulFOp, arith::MulIOp>(op))
    return multiply(op, x[0], x[1]);
  if (isa<arith::DivFOp>(op))
    return divide(op, x[0], x[1]);
  if (isa<arith::NegFOp>(op))
    return multiply(op, constant(context.number(op->getResult(0).getType(), -1)), x[0]);
  if (isa<arith::SelectOp>(op) && x[0].isConstant())
    return select(op, x[0].whole, x[1], x[2]);
  if (isa<arith::MaximumFOp, arith::MaxSIOp>(op))
    return extremum(op, x[0], x[1], ReduceKind::max);
  if (isa<arith::MinimumFOp, arith::MinSIOp>(op))
    return extremum(op, x[0], x[1], ReduceKind::min);
  if (auto u = dyn_cast<UnaryOp>(op))
    return unary(u, x[0]);
  SmallVector<const Form *> from;
  for (Form &f : x)
    from.push_back(&f);
  if (isa<arith::SelectOp>(op))
    return nonlinear(op, "a condition that reads it", from);
  return nonlinear(op, describe(op), from);
}

/// What all elements of a tensor are, where it is made of a constant (an initial value, often).
static Value uniformElement(Value tensor) {
  auto map = tensor.getDefiningOp<MapOp>();
  if (!map)
    return {};
  Value v = map.yield().getValues()[cast<OpResult>(tensor).getResultNumber()];
  return v.getDefiningOp<arith::ConstantOp>() ? v : Value();
}

Form StepInterpreter::visitRead(ReadOp read) {
  Exprs at;
  for (Value i : read.getIndices()) {
    Form f = form(i);
    if (!f.isConstant())
      return nonlinear(read, describe(read), {&f});
    at.push_back(f.whole);
  }
  ExprRef condition = nullptr;
  if (read.getGuard()) {
    Form g = form(read.getGuard());
    if (!g.isConstant())
      return nonlinear(read, "a condition that reads it", {&g});
    condition = g.whole;
  }
  Value tensor = read.getTensor();
  Form f;
  if (auto state = unknowns.find(tensor); state != unknowns.end()) {
    f.kind = Form::Affine;
    f.terms.push_back({state->second, at, {}, {}});
  } else if (auto t = tensors.find(tensor);
             t != tensors.end() &&
             (!t->second.form.isConstant() || (t->second.form.whole && !t->second.costly &&
                                               t->second.form.whole->depth < kMaxDepth))) {
    f = instantiate(t->second, at);
    if (f.isConstant() && condition)
      return constant(context.pick(condition, f.whole, context.number(f.whole->type, 0)));
  } else if (Value element = uniformElement(tensor)) {
    ExprRef e = context.outer(element);
    return constant(condition ? context.pick(condition, e, context.number(e->type, 0)) : e);
  } else {
    return constantOp(read);
  }
  if (condition && f.kind != Form::Nonlinear) {
    Form zero = constant(context.number(read.getType(), 0));
    return select(read, condition, f, zero);
  }
  return f;
}

/// The tensor's form at other indices, its bound variables renamed.
Form StepInterpreter::instantiate(const TensorForm &tensor, ArrayRef<ExprRef> at) {
  Form f = tensor.form;
  if (f.kind == Form::Nonlinear)
    return f;
  Substitution by;
  for (auto [v, e] : llvm::zip(tensor.vars, at))
    if (v != e)
      by[v] = e;
  if (by.empty())
    return f;
  if (f.isConstant())
    return constant(context.substitute(f.whole, by));
  for (Term &t : f.terms) {
    Substitution mine = by;
    for (ExprRef &b : t.bound) {
      ExprRef fresh = context.var(b->value);
      mine[b] = fresh;
      b = fresh;
    }
    substitute(context, t, mine);
  }
  for (Product &p : f.constants)
    substitute(context, p, by);
  return f;
}

//===----------------------------------------------------------------------===//
// Reductions
//===----------------------------------------------------------------------===//

Form StepInterpreter::visitReduce(ReduceOp reduce, unsigned result) {
  if (result == 0) {
    for (auto [index, extent] : llvm::zip(reduce.indices(), reduce.getExtents()))
      scalars[index] = constant(context.var(form(extent).isConstant() ? extent : scan.index()));
    visitBlock(reduce.bodyBlock());
  }
  YieldOp yield = reduce.yield();
  Form body = form(yield.getValues()[result]);
  Form present = yield.getPresent() ? form(yield.getPresent()) : constant(nullptr);
  bool extents = llvm::all_of(reduce.getOperands(), [&](Value v) { return form(v).isConstant(); });
  ReduceKind kind = reduce.kind(result);
  if ((body.isConstant() && present.isConstant() && extents) || opaque.contains(reduce)) {
    Form c = constantOp(reduce);
    c.whole = context.closure(reduce.getResult(result), c.whole->keys, c.whole->args);
    return c;
  }
  if (!present.isConstant() || !extents)
    return nonlinear(reduce, "a domain that reads it", {&present});
  if (body.kind == Form::Nonlinear)
    return body;
  std::string what = ("`" + stringifyReduceKind(kind) + "` over it").str();
  bool mean = kind == ReduceKind::mean;
  Form f = body;
  if (kind == ReduceKind::max || kind == ReduceKind::min || kind == ReduceKind::logsumexp) {
    auto t = tropical(body, kind, reduce.getResult(result).getType());
    if (!t)
      return nonlinear(reduce, what, {&body});
    f = *t;
  } else if ((kind != ReduceKind::sum && !mean) || body.kind == Form::Tropical) {
    return nonlinear(reduce, what, {&body});
  }
  if (present.whole)
    guard(f, present.whole);
  f = foldOver(reduce, mean ? ReduceKind::sum : kind, std::move(f));
  if (mean)
    scale(f, context.inverse(countOf(reduce, present.whole)));
  return f;
}

/// How many points a mean is over.
ExprRef StepInterpreter::countOf(ReduceOp reduce, ExprRef present) {
  Type type = reduce.yield().getValues()[0].getType();
  ExprRef one = context.number(type, 1);
  Exprs bound;
  for (Value index : reduce.indices())
    bound.push_back(form(index).whole);
  return context.fold(ReduceKind::sum, bound,
                      present ? context.pick(present, one, context.number(type, 0)) : one);
}

/// Factors that do not depend on the bound variables stay outside; the rest is folded.
Product StepInterpreter::folded(Product p, ArrayRef<ExprRef> bound, ReduceKind kind, Type type) {
  auto depends = [&](ExprRef e) {
    return llvm::any_of(bound, [&](ExprRef v) { return e->dependsOn(v); });
  };
  Product out, inner;
  for (ExprRef f : p.factors)
    (depends(f) ? inner : out).factors.push_back(f);
  for (ExprRef g : p.guards)
    (depends(g) ? inner : out).guards.push_back(g);
  ExprRef body;
  if (kind == ReduceKind::sum)
    body = collapse(context, type, inner);
  else {
    body = context.sum(type, inner.factors);
    for (ExprRef g : inner.guards)
      body = context.pick(g, body,
                          context.number(type, kind == ReduceKind::min ? INFINITY : -INFINITY));
  }
  out.factors.push_back(context.fold(kind, bound, body));
  return out;
}

Form StepInterpreter::foldOver(ReduceOp reduce, ReduceKind kind, Form f) {
  Type type = reduce.getResult(0).getType();
  Exprs bound;
  for (Value index : reduce.indices())
    bound.push_back(form(index).whole);
  for (Term &t : f.terms) {
    llvm::append_range(t.bound, bound);
    if (kind == ReduceKind::sum)
      simplify(t, type);
  }
  for (Product &p : f.constants)
    p = folded(p, bound, kind, type);
  return f;
}

/// One side of an equation between indices: `bound` = the other side.
static ExprRef solved(ExprRef guard, ExprRef bound) {
  if (guard->kind != Expr::Op)
    return nullptr;
  auto cmp = guard->value.getDefiningOp<arith::CmpIOp>();
  if (!cmp || cmp.getPredicate() != arith::CmpIPredicate::eq)
    return nullptr;
  ExprRef x = guard->args[0], y = guard->args[1];
  if (y == bound)
    std::swap(x, y);
  // An index of the same range: it stays inside.
  bool same = x == bound && y->kind == Expr::Var && y->value == bound->value;
  return same ? y : nullptr;
}

/// Sums over an index that a guard fixes, or that the state is not read at, are done.
void StepInterpreter::simplify(Term &t, Type type) {
  for (bool changed = true; changed;) {
    changed = false;
    for (ExprRef v : Exprs(t.bound)) {
      for (ExprRef g : Exprs(t.coef.guards))
        if (ExprRef e = solved(g, v)) {
          llvm::erase(t.coef.guards, g);
          llvm::erase(t.bound, v);
          Substitution by;
          by[v] = e;
          substitute(context, t, by);
          changed = true;
          break;
        }
      if (changed)
        break;
      if (llvm::any_of(t.at, [&](ExprRef e) { return e->dependsOn(v); }))
        continue;
      llvm::erase(t.bound, v);
      t.coef = folded(t.coef, v, ReduceKind::sum, type);
      changed = true;
      break;
    }
  }
}

} // namespace seq::analysis
