//===- CheckFunction.cpp - Signatures, results, weights -----------------------===//
#include "compiler/Sema/Checker.h"

namespace seq {

using namespace typed;

namespace {
/// Names in a type's dimensions, in order.
void namesIn(const ast::Expr &expr, std::vector<const ast::Expr *> &names) {
  if (expr.kind == ast::ExprKind::NameRef)
    names.push_back(&expr);
  for (const ast::ExprPtr *part : {&expr.a, &expr.b, &expr.c})
    if (*part)
      namesIn(**part, names);
}
} // namespace

bool Checker::checkSignature(const ast::FnDecl &decl) {
  scopes.emplace_back();
  if (owner)
    for (const SizeSymbol *symbol : owner->instance->symbols)
      fn.symbols.push_back(symbol);
  for (const ast::Param &param : decl.params) {
    std::vector<const ast::Expr *> names;
    if (param.type)
      for (const ast::ExprPtr &dim : param.type->shape)
        namesIn(*dim, names);
    for (const ast::Expr *name : names) {
      if (name->text == "_") {
        diags().error(Diag::BadSize, name->range, "`_` stands for a size of a result only");
        return false;
      }
      if (findStatic(name->text))
        continue;
      SizeSymbol *symbol = analyzer.makeSymbol(name->text, false, std::nullopt, generic);
      fn.symbols.push_back(symbol);
      dynamicSizes[name->text] = StaticValue::ofSize(Size::symbol(symbol));
    }
  }
  bool good = true;
  for (const ast::Param &param : decl.params) {
    const ast::Name &name = param.name;
    std::optional<Type> type;
    if (auto first = scopes.back().find(name.text); first != scopes.back().end())
      diags()
          .error(Diag::DuplicateName, name.range, "`" + name.text + "` is declared twice")
          .note(first->second.range, "`" + name.text + "` was declared here first");
    else if (dynamicSizes.count(name.text))
      diags().error(Diag::DuplicateName, name.range,
                    "`" + name.text + "` is both an argument and a size");
    else if (!param.type)
      diags().error(Diag::UnknownType, name.range, "`" + name.text + "` has no type");
    else
      type = typeOf(*param.type);
    ParamInfo info;
    if (!type) {
      good = false;
      type = Type{};
    }
    if (param.init && good) {
      info.init = checkOne(*param.init);
      if (!info.init || !coerce(info.init, *type, true, Diag::ShapeMismatch, "`" + name.text + "`"))
        good = false;
    }
    info.var = newVar(VarKind::Argument, name.text, *type, name.range);
    Binding binding;
    binding.kind = good ? Binding::Value : Binding::Failed;
    binding.var = info.var;
    binding.range = name.range;
    bind(name.text, std::move(binding));
    fn.params.push_back(std::move(info));
  }
  if (!good)
    return false;
  for (size_t i = 0; i < decl.results.size(); ++i) {
    const ast::ResultDecl &result = decl.results[i];
    ResultInfo info;
    info.name = result.name                ? result.name->text
                : decl.results.size() == 1 ? "out"
                                           : "out" + std::to_string(i);
    std::optional<Elem> elem = analyzer.elementOf(result.type);
    good &= elem.has_value();
    info.type.elem = elem.value_or(Elem::F32);
    for (const ast::ExprPtr &dim : result.type.shape) {
      bool open = dim->kind == ast::ExprKind::NameRef && dim->text == "_";
      std::optional<Size> size = open ? Size() : dimension(*dim);
      good &= size.has_value();
      info.type.shape.push_back(size.value_or(Size()));
    }
    fn.results.push_back(std::move(info));
  }
  return good;
}

namespace {
bool isOpen(const ast::ResultDecl &result, size_t axis) {
  const ast::Expr &dim = *result.type.shape[axis];
  return dim.kind == ast::ExprKind::NameRef && dim.text == "_";
}
} // namespace

bool Checker::checkBody(const ast::FnDecl &decl) {
  wantedValues = decl.results.size();
  // Names that are returned take ranges from the declared results.
  if (!decl.body.stmts.empty()) {
    const ast::Stmt &last = *decl.body.stmts.back();
    bool gives = last.kind == ast::StmtKind::Return || last.kind == ast::StmtKind::Value;
    for (size_t i = 0; gives && i < last.values.size() && i < fn.results.size(); ++i) {
      const std::vector<Size> &shape = fn.results[i].type.shape;
      bool open = false;
      for (size_t axis = 0; axis < shape.size(); ++axis)
        open |= isOpen(decl.results[i], axis);
      if (open)
        continue;
      if (last.values[i]->kind == ast::ExprKind::NameRef)
        returnedNames[last.values[i]->text] = shape;
      if (i == 0 && last.values[i]->kind == ast::ExprKind::Scan && !shape.empty())
        returnedScanAxis = shape[0];
    }
  }
  out = &fn.body;
  atFunctionLevel = true;
  scopes.emplace_back();
  checkStatements(decl.body.stmts, true);
  if (!failed && !diags().full())
    finishBody(decl);
  scopes.pop_back();
  return !failed && !diags().full();
}

void Checker::checkReturn(const ast::Stmt &stmt) {
  bool inScan = std::any_of(frames.begin(), frames.end(), [](const Frame &f) { return f.isScan; });
  if (inScan) {
    diags()
        .error(Diag::ReturnInsideScan, stmt.range, "`return` stands inside a scan")
        .hint("a step gives its value by `yield`");
    failed = true;
    return;
  }
  if (!atFunctionLevel || !frames.empty()) {
    diags().error(Diag::ReturnPlace, stmt.range, "`return` stands inside a block or a loop");
    failed = true;
    return;
  }
  returned = hasValues = true;
  valueRange = stmt.range;
  std::optional<std::vector<ExprPtr>> values = valueList(stmt.values, wantedValues);
  if (!values) {
    valuesFailed = failed = true;
    return;
  }
  bodyValues = std::move(*values);
}

bool Checker::checkResults(const ast::FnDecl &decl, std::vector<ExprPtr> &values) {
  if (decl.results.empty()) {
    for (size_t i = 0; i < values.size(); ++i) {
      if (values[i]->type().elem == Elem::Int &&
          !(values[i] = convert(std::move(values[i]), Elem::I32)))
        return false;
      fn.results.push_back(
          {values.size() == 1 ? "out" : "out" + std::to_string(i), values[i]->type()});
    }
    return true;
  }
  if (values.size() != fn.results.size()) {
    diags()
        .error(Diag::ResultMismatch, valueRange,
               "`" + fn.name + "` declares " + std::to_string(fn.results.size()) +
                   (fn.results.size() == 1 ? " result" : " results") + ", this gives " +
                   std::to_string(values.size()))
        .note(decl.results[0].type.range, "declared here");
    return false;
  }
  bool good = true;
  for (size_t i = 0; i < values.size(); ++i) {
    Type &type = fn.results[i].type;
    const std::vector<Size> &have = values[i]->type().shape;
    for (size_t axis = 0; axis < type.shape.size() && have.size() == type.shape.size(); ++axis)
      if (isOpen(decl.results[i], axis))
        type.shape[axis] = have[axis];
    good &= coerce(values[i], type, false, Diag::ResultMismatch,
                   "the declared result of `" + fn.name + "`");
  }
  return good;
}

void Checker::finishBody(const ast::FnDecl &decl) {
  if (valuesFailed) {
    failed = true;
    return;
  }
  if (!hasValues) {
    diags()
        .error(Diag::NoValue, decl.name.range, "`" + decl.name.text + "` gives no value")
        .hint("end it with an expression or `return`");
    failed = true;
    return;
  }
  std::vector<ExprPtr> values = std::move(bodyValues);
  if (!checkResults(decl, values)) {
    failed = true;
    return;
  }
  auto stmt = std::make_unique<Stmt>();
  stmt->kind = StmtKind::Return;
  stmt->range = valueRange;
  stmt->values = std::move(values);
  out->push_back(std::move(stmt));
}

bool Checker::checkWeight(const ast::ParamDecl &decl, WeightInfo &info, LayerWeight &weight) {
  scopes.emplace_back();
  std::vector<IndexSpec> specs;
  for (size_t i = 0; i < decl.indices.size(); ++i) {
    IndexSpec spec{&decl.indices[i], std::nullopt, {}, ""};
    if (decl.type && i < weight.type.shape.size()) {
      spec.known = weight.type.shape[i];
      spec.knownRange = decl.type->range;
      spec.knownName = decl.name.text;
    }
    specs.push_back(std::move(spec));
  }
  if (!findRanges(specs, {decl.init.get()}, nullptr, {}, info.indices))
    return false;
  {
    IndexScope scope(*this, info.indices);
    Stmts scratch;
    out = &scratch;
    info.init = checkOne(*decl.init);
  }
  if (!info.init)
    return false;
  Type rest = weight.type;
  if (decl.type) {
    if (rest.shape.size() < info.indices.size()) {
      diags().error(Diag::RankMismatch, decl.range,
                    "`" + decl.name.text + "` has more indices than axes");
      return false;
    }
    rest.shape.erase(rest.shape.begin(), rest.shape.begin() + long(info.indices.size()));
    return coerce(info.init, rest, true, Diag::ShapeMismatch, "`" + decl.name.text + "`");
  }
  if (!coerceElem(info.init, analyzer.options.floatType, "`" + decl.name.text + "`"))
    return false;
  weight.type = info.init->type();
  std::vector<Size> shape;
  for (const Var *index : info.indices)
    shape.push_back(index->hi - index->lo);
  weight.type.shape.insert(weight.type.shape.begin(), shape.begin(), shape.end());
  info.type = weight.type;
  return true;
}

} // namespace seq
