//===- Expr.cpp - Scalars of a step, as expressions --------------------------------===//
#include "compiler/Analysis/Expr.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace seq::analysis {

void Expr::Profile(llvm::FoldingSetNodeID &node) const {
  node.AddInteger(kind);
  node.AddPointer(type.getAsOpaquePointer());
  node.AddInteger(id);
  uint64_t bits;
  static_assert(sizeof bits == sizeof number);
  memcpy(&bits, &number, sizeof bits);
  node.AddInteger(bits);
  for (ExprRef a : args)
    node.AddPointer(a);
  for (Value k : keys)
    node.AddPointer(k.getAsOpaquePointer());
  if (kind != Op)
    return node.AddPointer(value.getAsOpaquePointer());
  // Ops are equal that are equal in all but their place.
  Operation *op = value.getDefiningOp();
  node.AddPointer(op->getName().getAsOpaquePointer());
  node.AddPointer(what);
  if (auto read = dyn_cast<ReadOp>(op))
    node.AddPointer(read.getTensor().getAsOpaquePointer());
}

bool Product::dependsOn(ExprRef var) const {
  auto on = [&](ExprRef e) { return e->dependsOn(var); };
  return llvm::any_of(factors, on) || llvm::any_of(guards, on);
}

bool Expr::dependsOn(ExprRef var) const {
  return llvm::is_contained(deps, var->id);
}

//===----------------------------------------------------------------------===//
// Making
//===----------------------------------------------------------------------===//

ExprRef ExprContext::unique(Expr e) {
  llvm::FoldingSetNodeID id;
  e.Profile(id);
  void *at;
  if (Expr *old = set.FindNodeOrInsertPos(id, at))
    return old;
  if (e.kind == Expr::Var)
    e.deps.push_back(e.id);
  for (ExprRef a : e.args) {
    e.depth = std::max(e.depth, a->depth + 1);
    for (unsigned d : a->deps)
      if (!llvm::is_contained(e.deps, d))
        e.deps.push_back(d);
  }
  if (e.kind == Expr::Fold)
    for (ExprRef v : ArrayRef(e.args).drop_back())
      llvm::erase(e.deps, v->id);
  llvm::sort(e.deps);
  e.serial = nodes.size();
  e.hash = id.ComputeHash();
  nodes.push_back(std::move(e));
  set.InsertNode(&nodes.back(), at);
  return &nodes.back();
}

ExprRef ExprContext::var(Value extent) {
  Expr e{};
  e.kind = Expr::Var;
  e.type = extent.getType();
  e.value = extent;
  e.id = ++vars;
  return unique(std::move(e));
}

ExprRef ExprContext::axis(unsigned number, Value extent) {
  ExprRef &e = axes[{number, extent}];
  if (!e)
    e = var(extent);
  return e;
}

ExprRef ExprContext::outer(Value value) {
  if (auto c = value.getDefiningOp<arith::ConstantOp>()) {
    if (auto f = dyn_cast<FloatAttr>(c.getValue()))
      return number(value.getType(), f.getValueAsDouble());
    if (auto i = dyn_cast<IntegerAttr>(c.getValue())) {
      bool truth = value.getType().isInteger(1);
      return number(value.getType(), truth ? double(!i.getValue().isZero()) : double(i.getInt()));
    }
  }
  Expr e{};
  e.kind = Expr::Outer;
  e.type = value.getType();
  e.value = value;
  return unique(std::move(e));
}

/// What tells ops of one name and operands apart. Reads have their tensor, and sums and products
/// no attribute that matters.
const void *ExprContext::attributesOf(Operation *op) {
  if (isa<ReadOp, arith::AddFOp, arith::SubFOp, arith::MulFOp, arith::DivFOp, arith::NegFOp,
          arith::AddIOp, arith::SubIOp, arith::MulIOp>(op))
    return nullptr;
  auto [it, isNew] = attributes.insert({op, nullptr});
  if (isNew)
    it->second = op->getAttrDictionary().getAsOpaquePointer();
  return it->second;
}

ExprRef ExprContext::madeOp(Expr e) {
  bool sums =
      e.type.isIndex() && isa<arith::AddIOp, arith::SubIOp, arith::MulIOp>(e.value.getDefiningOp());
  ExprRef made = unique(std::move(e));
  return sums ? settled(made) : made;
}

ExprRef ExprContext::op(Value value, Exprs args) {
  if (isa<arith::ConstantOp>(value.getDefiningOp()))
    return outer(value);
  Expr e{};
  e.kind = Expr::Op;
  e.type = value.getType();
  e.value = value;
  e.what = attributesOf(value.getDefiningOp());
  e.args = std::move(args);
  return madeOp(std::move(e));
}

ExprRef ExprContext::closure(Value value, ArrayRef<Value> keys, Exprs args) {
  Expr e{};
  e.kind = Expr::Closure;
  e.type = value.getType();
  e.value = value;
  e.keys.assign(keys.begin(), keys.end());
  e.args = std::move(args);
  return unique(std::move(e));
}

ExprRef ExprContext::number(Type type, double n) {
  Expr e{};
  e.kind = Expr::Number;
  e.type = type;
  e.number = n;
  return unique(std::move(e));
}

static Expr nary(Expr::Kind kind, Type type, Exprs args) {
  Expr e{};
  e.kind = kind;
  e.type = type;
  e.args = std::move(args);
  return e;
}

ExprRef ExprContext::product(Type type, Exprs factors) {
  if (factors.empty())
    return number(type, 1);
  return factors.size() == 1 ? factors[0] : unique(nary(Expr::Product, type, std::move(factors)));
}

ExprRef ExprContext::sum(Type type, Exprs addends) {
  if (addends.empty())
    return number(type, 0);
  return addends.size() == 1 ? addends[0] : unique(nary(Expr::Sum, type, std::move(addends)));
}

ExprRef ExprContext::inverse(ExprRef e) {
  return unique(nary(Expr::Inverse, e->type, {e}));
}

ExprRef ExprContext::negation(ExprRef c) {
  return c->kind == Expr::Not ? c->args[0] : unique(nary(Expr::Not, c->type, {c}));
}

ExprRef ExprContext::pick(ExprRef c, ExprRef then, ExprRef otherwise) {
  return then == otherwise ? then : unique(nary(Expr::Pick, then->type, {c, then, otherwise}));
}

ExprRef ExprContext::fold(ReduceKind kind, ArrayRef<ExprRef> bound, ExprRef body) {
  Expr e = nary(Expr::Fold, body->type, Exprs(bound));
  e.args.push_back(body);
  e.id = unsigned(kind);
  return unique(std::move(e));
}

//===----------------------------------------------------------------------===//
// Substitution
//===----------------------------------------------------------------------===//

ExprRef ExprContext::rebuild(ExprRef e, Exprs args) {
  Expr n{};
  n.kind = e->kind;
  n.type = e->type;
  n.value = e->value;
  n.number = e->number;
  n.id = e->id;
  n.keys = e->keys;
  n.args = std::move(args);
  n.what = e->what;
  return e->kind == Expr::Op ? madeOp(std::move(n)) : unique(std::move(n));
}

ExprRef ExprContext::substitute(ExprRef e, const Substitution &by, Substitution &done) {
  if (e->deps.empty())
    return e;
  if (auto it = by.find(e); it != by.end())
    return it->second;
  if (e->args.empty())
    return e;
  if (auto it = done.find(e); it != done.end())
    return it->second;
  Exprs args;
  for (ExprRef a : e->args)
    args.push_back(substitute(a, by, done));
  return done[e] = rebuild(e, std::move(args));
}

ExprRef ExprContext::substitute(ExprRef e, const Substitution &by) {
  Substitution done;
  return by.empty() ? e : substitute(e, by, done);
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

static bool subset(ArrayRef<unsigned> a, ArrayRef<unsigned> b) {
  return std::includes(b.begin(), b.end(), a.begin(), a.end());
}

bool separable(const Product &p) {
  for (auto [i, f] : llvm::enumerate(p.factors))
    for (ExprRef g : ArrayRef(p.factors).drop_front(i + 1))
      if (!subset(f->deps, g->deps) && !subset(g->deps, f->deps))
        return true;
  return false;
}

ExprRef collapse(ExprContext &context, Type type, const Product &p) {
  ExprRef e = context.product(type, p.factors);
  for (ExprRef g : p.guards)
    e = context.pick(g, e, context.number(type, 0));
  return e;
}

namespace {
using Products = SmallVector<Product, 2>;

class Expander {
public:
  explicit Expander(ExprContext &context) : context(context) {}

  Products run(ExprRef e, unsigned depth = 0) {
    if (e->is(0))
      return {};
    if (e->is(1))
      return {Product()};
    // Deep, or looked at too often through shared parts: such stay as they are.
    if (depth < 16 && ++visits < 256)
      if (auto parts = parts_(e, depth + 1))
        return std::move(*parts);
    return {Product{{e}, {}}};
  }

private:
  static constexpr unsigned limit = 6;
  unsigned visits = 0;

  std::optional<Products> parts_(ExprRef e, unsigned depth) {
    switch (e->kind) {
    case Expr::Product:
      return times(e->args, depth);
    case Expr::Pick:
      return picked(e->args[0], e->args[1], e->args[2], depth);
    case Expr::Op:
      break;
    default:
      return std::nullopt;
    }
    Operation *op = e->value.getDefiningOp();
    if (isa<arith::MulFOp, arith::MulIOp>(op))
      return times(e->args, depth);
    if (isa<arith::NegFOp>(op))
      return times({context.number(e->type, -1), e->args[0]}, depth);
    if (isa<arith::DivFOp>(op))
      return times({e->args[0], context.inverse(e->args[1])}, depth);
    if (isa<arith::AddFOp, arith::AddIOp>(op))
      return plus(e->args[0], e->args[1], 1, depth);
    if (isa<arith::SubFOp, arith::SubIOp>(op))
      return plus(e->args[0], e->args[1], -1, depth);
    if (isa<arith::SelectOp>(op) && !e->type.isInteger(1))
      return picked(e->args[0], e->args[1], e->args[2], depth);
    return std::nullopt;
  }

  std::optional<Products> times(ArrayRef<ExprRef> factors, unsigned depth) {
    Products all{Product()};
    for (ExprRef f : factors) {
      Products next, of = run(f, depth);
      if (all.size() * of.size() > limit)
        of = {Product{{f}, {}}};
      for (const Product &a : all)
        for (const Product &b : of) {
          next.push_back(a);
          llvm::append_range(next.back().factors, b.factors);
          llvm::append_range(next.back().guards, b.guards);
        }
      all = std::move(next);
    }
    return all;
  }

  std::optional<Products> plus(ExprRef a, ExprRef b, int sign, unsigned depth) {
    Products all = run(a, depth);
    for (Product &p : run(b, depth)) {
      if (sign < 0)
        p.factors.insert(p.factors.begin(), context.number(b->type, -1));
      all.push_back(std::move(p));
    }
    bool worth = llvm::any_of(all, [](const Product &p) { return separable(p) || guarded(p); });
    return worth && all.size() <= limit ? std::optional(all) : std::nullopt;
  }

  /// Guards on indices tell structure: an identity matrix, a mask.
  static bool guarded(const Product &p) {
    return llvm::any_of(p.guards, [](ExprRef g) { return !g->deps.empty(); });
  }

  std::optional<Products> picked(ExprRef c, ExprRef then, ExprRef otherwise, unsigned depth) {
    Products yes = run(then, depth), no = run(otherwise, depth);
    bool zero = yes.empty() || no.empty();
    bool worth = zero || llvm::any_of(yes, separable) || llvm::any_of(no, separable);
    if (!worth || yes.size() + no.size() > limit)
      return std::nullopt;
    for (Product &p : yes)
      p.guards.push_back(c);
    for (Product &p : no) {
      p.guards.push_back(context.negation(c));
      yes.push_back(std::move(p));
    }
    return yes;
  }

  ExprContext &context;
};
} // namespace

SmallVector<Product, 2> expand(ExprContext &context, ExprRef e) {
  return Expander(context).run(e);
}

} // namespace seq::analysis
