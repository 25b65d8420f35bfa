//===- CheckIndexing.cpp - Reads, slices, and whether they stay inside --------===//
#include "compiler/Sema/Checker.h"

namespace seq {

using namespace typed;

std::optional<Size> Checker::asSize(const Expr &value) const {
  if (value.kind == ExprKind::IntConst)
    return Size::constant(value.integer);
  if (value.kind == ExprKind::SizeValue)
    return value.size;
  return std::nullopt;
}

void Checker::reportTooMany(const ast::Expr &expr, const Type &type) {
  size_t rank = type.shape.size();
  std::string name = source(expr.a->range);
  std::string text =
      rank == 0 ? "`" + name + "` is a scalar, " + type.str() + ": it has no axis to index"
                : "`" + name + "` has " + std::to_string(rank) + (rank == 1 ? " axis" : " axes") +
                      ", this has " + std::to_string(expr.subscripts.size()) + " indices";
  auto report = diags().error(Diag::TooManyIndices, expr.range, text);
  Binding *binding = expr.a->kind == ast::ExprKind::NameRef ? find(expr.a->text) : nullptr;
  if (binding && binding->range.valid())
    report.note(binding->range, "`" + name + "` is " + type.str());
}

ExprPtr Checker::checkIndex(const ast::Expr &expr) {
  if (std::optional<LayerRef> ref = layerRef(expr))
    return fail(Diag::WrongKindOfName, expr.range,
                "`" + source(expr.range) + "` is a layer, not a value");
  ExprPtr base = checkOne(*expr.a);
  if (!base)
    return nullptr;
  size_t rank = base->type().shape.size(), count = expr.subscripts.size();
  if (count > rank) {
    reportTooMany(expr, base->type());
    return nullptr;
  }
  ExprPtr read = make(ExprKind::Read, expr.range, {base->type().elem, {}});
  read->a = std::move(base);
  for (unsigned axis = 0; axis < rank; ++axis) {
    Size extent = read->a->type().shape[axis];
    bool dropsAxis = false;
    if (axis < count) {
      if (!checkSubscript(expr.subscripts[axis], *read, axis, extent, dropsAxis))
        return nullptr;
    } else {
      typed::Subscript whole;
      whole.isSlice = true;
      whole.hi = extent;
      whole.range = expr.range;
      read->subscripts.push_back(std::move(whole));
    }
    if (!dropsAxis)
      read->types[0].shape.push_back(std::move(extent));
  }
  return read;
}

bool Checker::checkSlice(const ast::Subscript &from, typed::Subscript &to, const Size &axis,
                         const Expr &base) {
  to.isSlice = true;
  to.hi = axis;
  for (auto [text, size] : {std::pair(&from.lo, &to.lo), std::pair(&from.hi, &to.hi)}) {
    if (!*text)
      continue;
    ExprPtr end = checkOne(**text);
    if (!end)
      return false;
    std::optional<Size> value = asSize(*end);
    if (!value) {
      diags()
          .error(Diag::BadSubscript, end->range, "the end of a slice is no size")
          .hint("name the points: `let y[i in 0..N] = x[i + …]`");
      return false;
    }
    std::optional<int64_t> number = value->withStatics().asConstant();
    if (number && *number < 0) {
      diags().error(Diag::BadSubscript, end->range,
                    "a slice ends at " + std::to_string(*number) + ": slices are never negative");
      return false;
    }
    *size = *value;
  }
  const std::pair<const Size *, const Size *> order[] = {{&to.lo, &to.hi}, {&to.hi, &axis}};
  for (auto [less, more] : order) {
    if (*less == *more || less->isZero() || facts.atMost(*less, *more) != PathFacts::Proof::None)
      continue;
    Size gap = (*more - *less).withStatics();
    if (gap.asConstant()) {
      auto report = diags().error(Diag::ReadOutside, from.range,
                                  "the slice `" + source(from.range) +
                                      "` leaves its axis of size `" + axis.str() + "`");
      noteOrigin(report, base);
      return false;
    }
    require(*less, *more, false, from.range);
  }
  return true;
}

bool Checker::checkSubscript(const ast::Subscript &from, Expr &read, unsigned axis, Size &extent,
                             bool &dropsAxis) {
  typed::Subscript to;
  to.range = from.range.valid() ? from.range : from.lo->range;
  if (from.isSlice) {
    if (!checkSlice(from, to, extent, *read.a))
      return false;
    extent = to.hi - to.lo;
    read.subscripts.push_back(std::move(to));
    return true;
  }
  dropsAxis = true;
  ExprPtr index = checkOne(*from.lo);
  if (!index)
    return false;
  Elem elem = index->type().elem;
  if (!index->type().shape.empty() || (elem != Elem::Int && elem != Elem::I32)) {
    auto report = diags().error(Diag::BadSubscript, index->range,
                                "a subscript is an integer scalar, this is " + index->type().str());
    if (!index->type().shape.empty())
      report.hint("name the points: `let y[i] = x[" + source(index->range) + "[i]]`");
    else if (isFloat(elem))
      report.hint("`i32(x)` truncates");
    return false;
  }
  to.index = std::move(index);
  read.subscripts.push_back(std::move(to));
  return classify(read.subscripts.back(), read, axis);
}

/// Which variables a subscript is made of.
void Checker::gatherUse(const Expr &index, SubscriptUse &use) const {
  switch (index.kind) {
  case ExprKind::IntConst:
  case ExprKind::SizeValue:
    return;
  case ExprKind::VarRef:
    if (index.var->kind == VarKind::Index || index.var->kind == VarKind::ScanIndex)
      use.indices.insert(index.var);
    else if (std::optional<Affine> form = facts.form(index))
      for (const auto &[key, coefficient] : form->terms) {
        bool isIndex =
            key.var && (key.var->kind == VarKind::Index || key.var->kind == VarKind::ScanIndex);
        if (isIndex)
          use.indices.insert(key.var);
        else if (key.var)
          use.others = true;
        else if (key.atom.find(")/") != std::string::npos)
          use.divides = true;
      }
    else
      use.others = true;
    return;
  case ExprKind::Binary:
    if (index.text != "+" && index.text != "-" && index.text != "*")
      use.divides = true;
    break;
  case ExprKind::Unary:
  case ExprKind::Convert:
    break;
  default:
    use.others = true;
  }
  for (const Expr *part : {index.a.get(), index.b.get()})
    if (part)
      gatherUse(*part, use);
}

namespace {
bool openIn(const Size &size) {
  std::vector<const SizeSymbol *> symbols;
  size.collectSymbols(symbols);
  return std::any_of(symbols.begin(), symbols.end(),
                     [](const SizeSymbol *symbol) { return symbol->isStatic && !symbol->value; });
}
} // namespace

/// Depends on static sizes whose numbers only the instance knows.
bool Checker::hasOpenStatic(const Expr &index, const Size &axis) {
  if (openIn(axis))
    return true;
  if (index.kind == ExprKind::SizeValue && openIn(index.size))
    return true;
  if (index.kind == ExprKind::VarRef && (openIn(index.var->lo) || openIn(index.var->hi)))
    return true;
  return (index.a && hasOpenStatic(*index.a, Size())) ||
         (index.b && hasOpenStatic(*index.b, Size()));
}

bool Checker::classify(typed::Subscript &subscript, Expr &read, unsigned axis) {
  const Expr &index = *subscript.index;
  const Size &size = read.a->type().shape[axis];
  PathFacts::Proof proof = facts.inside(index, size);
  if (proof != PathFacts::Proof::None) {
    subscript.bounds = proof == PathFacts::Proof::Always ? Bounds::Proven : Bounds::Guarded;
    return true;
  }
  SubscriptUse use;
  gatherUse(index, use);
  subscript.bounds = Bounds::Checked;
  if (use.others || use.divides)
    return true;
  for (auto absorber = absorbers.rbegin(); absorber != absorbers.rend(); ++absorber)
    for (const Var *bound : absorber->indices)
      if (use.indices.count(bound)) {
        subscript.bounds = Bounds::Absent;
        subscript.absorber = absorber->expr;
        if (!read.absorber || read.absorber == absorber->expr)
          read.absorber = absorber->expr;
        else
          for (const Absorber &outer : absorbers)
            if (outer.expr == read.absorber || outer.expr == absorber->expr) {
              read.absorber = outer.expr;
              break;
            }
        return true;
      }
  bool isNumber = use.indices.empty();
  std::optional<Size> value = asSize(index);
  bool decided = value && (size - *value).withStatics().asConstant();
  if ((isNumber && !decided) || hasOpenStatic(index, size) || facts.hasIncompleteGuard() ||
      !facts.hasForm(index))
    return true;
  reportOutside(subscript, read, axis);
  return false;
}

void Checker::reportOutside(const typed::Subscript &subscript, const Expr &read, unsigned axis) {
  const Expr &index = *subscript.index;
  const Size &size = read.a->type().shape[axis];
  bool below = facts.atLeastZero(index) == PathFacts::Proof::None;
  std::string what = "`" + source(read.range) + "` reads outside of its axis";
  std::string part = source(subscript.range);
  std::optional<Affine> form = facts.form(index);
  const Var *only = form && form->terms.size() == 1 ? form->terms.begin()->first.var : nullptr;
  if (only && form->terms.begin()->second == 1)
    what += " where `" + only->name + "` is `" +
            (below ? only->lo : only->hi - Size::constant(1)).str() + "`";
  else if (!form || !form->terms.empty())
    what += below ? ": `" + part + "` may be below 0"
                  : ": `" + part + "` may reach its size `" + size.str() + "`";
  else
    what += " of size `" + size.str() + "`";
  auto report = diags().error(Diag::ReadOutside, read.range, what);
  std::string guard = below ? part + " >= 0" : part + " < " + size.str();
  report.hint("guard it: `" + guard + " ? " + source(read.range) + " : 0.0`");
  if (read.a->kind == ExprKind::VarRef)
    noteOrigin(report, *read.a);
}

} // namespace seq
