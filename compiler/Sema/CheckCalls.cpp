//===- CheckCalls.cpp - Calls of functions and layers -------------------------===//
//
// A call's sizes are found by unifying the callee's declared parameter types with the
// arguments: bare names first, then dimensions that are linear in one open name, until
// nothing more is found; then every dimension is compared as an expression in the
// caller's names.
//
//===----------------------------------------------------------------------===//
#include "compiler/Sema/Checker.h"

namespace seq {

using namespace typed;

ExprPtr Checker::checkCall(const ast::Expr &expr) {
  if (!expr.a)
    return fail(Diag::NotYetSupported, expr.range, "`grad` is not supported yet");
  switch (expr.a->kind) {
  case ast::ExprKind::NameRef:
    return callName(expr);
  case ast::ExprKind::Member:
    return callMember(expr);
  case ast::ExprKind::Index:
    if (std::optional<LayerRef> ref = layerRef(*expr.a))
      return callLayer(expr, *ref, "forward");
    break;
  case ast::ExprKind::Call:
    if (expr.a->a && expr.a->a->kind == ast::ExprKind::NameRef && expr.a->a->text == "grad")
      return fail(Diag::NotYetSupported, expr.a->range, "`grad` is not supported yet");
    break;
  default:
    break;
  }
  return fail(Diag::WrongKindOfName, expr.a->range,
              "`" + source(expr.a->range) + "` is neither a function nor a layer");
}

ExprPtr Checker::callName(const ast::Expr &expr) {
  const std::string &name = expr.a->text;
  if (Binding *binding = find(name)) {
    if (binding->kind == Binding::Failed)
      return nullptr;
    if (binding->kind == Binding::Sub)
      return callLayer(expr, join(nullptr, binding->sub), "forward");
    auto report = diags().error(Diag::WrongKindOfName, expr.a->range,
                                "`" + name + "` is a value, not a function");
    if (binding->kind == Binding::Value && !binding->var->type.shape.empty())
      report.hint("elements are read in brackets: `" + name + "[…]`");
    return nullptr;
  }
  if (owner) {
    if (std::optional<LayerRef> ref = memberLayer(nullptr, name))
      return callLayer(expr, *ref, "forward");
    if (owner->subLayers.count(name))
      return fail(Diag::WrongKindOfName, expr.a->range,
                  "`" + name + "` is an array of layers; call its members: `for l in " + name +
                      " { … }`");
    if (auto it = owner->functions.find(name); it != owner->functions.end()) {
      FunctionInstance *callee = analyzer.function(module, *it->second, owner, expr.range);
      SizeMap same;
      for (const SizeSymbol *symbol : owner->instance->symbols)
        same.push_back({symbol, Size::symbol(symbol)});
      return callee ? checkFunctionCall(expr, *callee, *it->second, "", same) : nullptr;
    }
    if (owner->weights.count(name) || owner->statics.count(name))
      return fail(Diag::WrongKindOfName, expr.a->range, "`" + name + "` is no function");
  }
  bool own = module.functions.count(name) || module.layers.count(name);
  if (Builtin kind = builtinOf(name); kind != Builtin::None && !own)
    return callBuiltin(expr, kind);
  if (dynamicSizes.count(name) && !own)
    return fail(Diag::WrongKindOfName, expr.a->range, "`" + name + "` is a size, not a function");
  if (auto [from, decl] = analyzer.functionNamed(module, name); decl) {
    FunctionInstance *callee = analyzer.function(*from, *decl, nullptr, expr.range);
    return callee ? checkFunctionCall(expr, *callee, *decl, "", {}) : nullptr;
  }
  if (analyzer.layerNamed(module, name).second) {
    diags()
        .error(Diag::WrongKindOfName, expr.a->range, "`" + name + "` is a layer")
        .hint("declare a sub-layer `cell: " + name + "(…)`, and call `cell(…)`");
    return nullptr;
  }
  return unknownName(name, expr.a->range);
}

/// `module.f(x)`, `l.name(x)`, `block.attn(x)`.
ExprPtr Checker::callMember(const ast::Expr &expr) {
  const ast::Expr &member = *expr.a;
  bool isModule = member.a->kind == ast::ExprKind::NameRef && !find(member.a->text) &&
                  module.imports.count(member.a->text);
  if (isModule) {
    const Module *from = module.imports.at(member.a->text);
    if (!from) // reported where it is imported
      return nullptr;
    if (member.text.starts_with("_"))
      return fail(Diag::PrivateName, member.range,
                  "`" + member.text + "` is private to `" + from->path + "`");
    if (auto it = from->functions.find(member.text); it != from->functions.end()) {
      FunctionInstance *callee = analyzer.function(*from, *it->second, nullptr, expr.range);
      return callee ? checkFunctionCall(expr, *callee, *it->second, "", {}) : nullptr;
    }
    if (from->layers.count(member.text))
      return fail(Diag::WrongKindOfName, member.range,
                  "`" + source(member.range) + "` is a layer; declare a sub-layer of it");
    auto report = diags().error(Diag::UnknownMember, member.range,
                                "module `" + member.a->text + "` has no `" + member.text + "`");
    std::string near = nearest(member.text, Analyzer::namesOf(*from));
    if (!near.empty())
      report.hint("did you mean `" + near + "`?");
    return nullptr;
  }
  if (std::optional<LayerRef> ref = layerRef(member))
    return callLayer(expr, *ref, "forward");
  if (std::optional<LayerRef> ref = layerRef(*member.a))
    return callLayer(expr, *ref, member.text);
  if (ExprPtr value = checkOne(*member.a))
    return fail(Diag::UnknownMember, member.range,
                "a value of type " + value->type().str() + " has no function `" + member.text +
                    "`");
  return nullptr;
}

ExprPtr Checker::callLayer(const ast::Expr &expr, const LayerRef &ref,
                           const std::string &function) {
  auto it = ref.layer->functions.find(function);
  if (it == ref.layer->functions.end()) {
    std::vector<std::string> names;
    for (const auto &[name, decl] : ref.layer->functions)
      names.push_back(name);
    auto report =
        diags().error(Diag::UnknownMember, expr.a->range,
                      "`" + ref.layer->decl->name.text + "` has no function `" + function + "`");
    std::string near = nearest(function, names);
    if (!near.empty())
      report.hint("did you mean `" + near + "`?");
    return nullptr;
  }
  if (function.starts_with("_") && ref.layer->module != &module)
    return fail(Diag::PrivateName, expr.a->range,
                "`" + function + "` is private to `" + ref.layer->module->path + "`");
  FunctionInstance *callee = analyzer.function(*ref.layer->module, *it->second,
                                               const_cast<Layer *>(ref.layer), expr.range);
  return callee ? checkFunctionCall(expr, *callee, *it->second, ref.prefix, ref.sizes) : nullptr;
}

/// Each argument to its parameter.
bool Checker::placeArguments(const ast::Expr &expr, const FunctionInstance &callee,
                             CallExpr &call) {
  call.args.resize(callee.params.size());
  call.extraAxes.resize(callee.params.size());
  std::vector<bool> given(callee.params.size());
  bool good = true, named = false;
  size_t next = 0;
  for (const ast::Argument &arg : expr.args) {
    size_t at = next;
    if (arg.name) {
      named = true;
      for (at = 0; at < callee.params.size(); ++at)
        if (callee.params[at].var->name == arg.name->text)
          break;
      if (at == callee.params.size()) {
        std::vector<std::string> names;
        for (const ParamInfo &param : callee.params)
          names.push_back(param.var->name);
        auto report =
            diags().error(Diag::BadArgument, arg.name->range,
                          "`" + callee.name + "` has no parameter `" + arg.name->text + "`");
        std::string near = nearest(arg.name->text, names);
        if (!near.empty())
          report.hint("did you mean `" + near + "`?");
        good = false;
        continue;
      }
    } else if (named) {
      diags().error(Diag::BadArgument, arg.value->range,
                    "an argument without a name stands after one with a name");
      good = false;
      continue;
    } else if (next++ >= callee.params.size()) {
      diags()
          .error(Diag::BadArgument, arg.value->range,
                 "`" + callee.name + "` takes " + std::to_string(callee.params.size()) +
                     (callee.params.size() == 1 ? " argument" : " arguments") +
                     ", this is number " + std::to_string(next))
          .note(callee.range, "`" + callee.name + "` is declared here");
      return false;
    }
    if (given[at]) {
      diags().error(Diag::BadArgument, arg.value->range,
                    "`" + callee.params[at].var->name + "` is given twice");
      good = false;
      continue;
    }
    given[at] = true;
    call.args[at] = checkOne(*arg.value);
    good &= call.args[at] != nullptr;
  }
  for (size_t i = 0; i < given.size(); ++i)
    if (good && !given[i] && !callee.params[i].init) {
      diags()
          .error(Diag::BadArgument, expr.range,
                 "`" + callee.name + "` needs an argument `" + callee.params[i].var->name + "`")
          .note(callee.params[i].var->range, "it is declared here, without a default");
      return false;
    }
  return good;
}

/// Extra leading axes: a map.
bool Checker::checkMapped(const ast::Expr &expr, const FunctionInstance &callee, CallExpr &call) {
  const Expr *first = nullptr;
  for (size_t i = 0; i < call.args.size(); ++i) {
    if (!call.args[i])
      continue;
    const Expr &arg = *call.args[i];
    const Var &param = *callee.params[i].var;
    size_t have = arg.type().shape.size(), want = param.type.shape.size();
    if (have < want) {
      auto report = diags().error(Diag::RankMismatch, arg.range,
                                  "`" + param.name + "` of `" + callee.name + "` is " +
                                      param.type.str() + ", this is " + arg.type().str());
      report.note(param.range, "`" + param.name + "` is declared here");
      noteOrigin(report, arg);
      return false;
    }
    call.extraAxes[i] = unsigned(have - want);
    if (have == want)
      continue;
    std::vector<Size> extra(arg.type().shape.begin(), arg.type().shape.begin() + long(have - want));
    if (!first) {
      first = &arg;
      call.mapped = std::move(extra);
    } else if (!sameShape(call.mapped, extra, arg.range)) {
      auto report = diags().error(Diag::MapsDisagree, expr.range,
                                  "the call maps over axes of two arguments that disagree");
      noteOrigin(report, *first);
      noteOrigin(report, arg);
      return false;
    }
  }
  return true;
}

namespace {
/// One declared dimension and what an argument has there.
struct Dimension {
  const Size *declared;
  Size actual;
};

/// Solves declared == actual for the only symbol of `declared` that is open.
bool solveFor(const Size &declared, const Size &actual, const SizeSymbol *symbol, Size &value) {
  Size factor, rest;
  for (const Size::Term &term : declared.sum()) {
    Size product = Size::constant(term.coefficient);
    unsigned times = 0;
    for (const Size::Atom &atom : term.atoms) {
      if (atom.kind == Size::Atom::Symbol) {
        if (atom.symbol == symbol)
          ++times;
        else
          product = product * Size::symbol(atom.symbol);
        continue;
      }
      std::vector<const SizeSymbol *> inside;
      atom.a->collectSymbols(inside);
      atom.b->collectSymbols(inside);
      if (std::find(inside.begin(), inside.end(), symbol) != inside.end())
        return false;
      product = product * (atom.kind == Size::Atom::FloorDiv ? Size::floorDiv(*atom.a, *atom.b)
                                                             : Size::mod(*atom.a, *atom.b));
    }
    if (times > 1)
      return false;
    (times ? factor : rest) = (times ? factor : rest) + product;
  }
  if (factor.isZero())
    return false;
  value = Size::floorDiv(actual - rest, factor);
  return !value.hasOverflow();
}
} // namespace

bool Checker::solveSizes(const ast::Expr &expr, const FunctionInstance &callee, CallExpr &call) {
  std::map<const SizeSymbol *, Size> known(call.sizes.begin(), call.sizes.end());
  std::vector<Dimension> dimensions;
  for (size_t i = 0; i < call.args.size(); ++i)
    if (call.args[i]) {
      const Type &declared = callee.params[i].var->type, &actual = call.args[i]->type();
      for (size_t axis = 0; axis < declared.shape.size(); ++axis)
        dimensions.push_back({&declared.shape[axis], actual.shape[axis + call.extraAxes[i]]});
    }
  auto isOpen = [&](const SizeSymbol *symbol) {
    return !known.count(symbol) &&
           std::find(callee.symbols.begin(), callee.symbols.end(), symbol) != callee.symbols.end();
  };
  auto pass = [&](bool bareOnly) {
    bool progress = false;
    for (const Dimension &dimension : dimensions) {
      std::vector<const SizeSymbol *> symbols;
      dimension.declared->collectSymbols(symbols);
      std::erase_if(symbols, [&](const SizeSymbol *symbol) { return !isOpen(symbol); });
      if (symbols.size() != 1)
        continue;
      Size value;
      if (bareOnly) {
        if (*dimension.declared != Size::symbol(symbols[0]))
          continue;
        value = dimension.actual;
      } else {
        Size declared =
            dimension.declared->substitute([&](const SizeSymbol *symbol) -> std::optional<Size> {
              auto it = known.find(symbol);
              return it == known.end() ? std::nullopt : std::optional(it->second);
            });
        if (!solveFor(declared, dimension.actual, symbols[0], value))
          continue;
      }
      known[symbols[0]] = value;
      progress = true;
    }
    return progress;
  };
  pass(true);
  while (pass(false))
    ;
  for (const SizeSymbol *symbol : callee.symbols) {
    auto it = known.find(symbol);
    if (it == known.end()) {
      diags().error(Diag::BadArgument, expr.range,
                    "the size `" + symbol->name + "` of `" + callee.name +
                        "` does not follow from the arguments");
      return false;
    }
    if (std::none_of(call.sizes.begin(), call.sizes.end(),
                     [&](const auto &pair) { return pair.first == symbol; }))
      call.sizes.push_back({symbol, it->second});
  }
  return true;
}

bool Checker::checkArgumentShapes(const FunctionInstance &callee, CallExpr &call) {
  for (size_t i = 0; i < call.args.size(); ++i) {
    if (!call.args[i])
      continue;
    const Var &param = *callee.params[i].var;
    const std::vector<Size> &have = call.args[i]->type().shape;
    for (size_t axis = 0; axis < param.type.shape.size(); ++axis) {
      Size want = translate(param.type.shape[axis], call.sizes);
      const Size &is = have[axis + call.extraAxes[i]];
      if (sameSize(is, want, call.args[i]->range))
        continue;
      std::string declared = param.type.shape[axis].str();
      auto report =
          diags().error(Diag::ShapeMismatch, call.args[i]->range,
                        "`" + param.name + "` of `" + callee.name + "` has size `" + want.str() +
                            "`" + (declared == want.str() ? "" : " (`" + declared + "`)") +
                            " here, this has `" + is.str() + "`");
      noteOrigin(report, *call.args[i]);
      report.note(param.range, "`" + param.name + "` is " + param.type.str());
      return false;
    }
    if (!coerceElem(call.args[i], param.type.elem, "`" + param.name + "` of `" + callee.name + "`"))
      return false;
  }
  return true;
}

bool Checker::inheritRequirements(const FunctionInstance &callee, const CallExpr &call,
                                  SourceRange at) {
  for (const SizeRequirement &from : callee.requirements) {
    Size a = translate(from.a, call.sizes), b = translate(from.b, call.sizes);
    if (a == b || (!from.equal && facts.atMost(a, b) != PathFacts::Proof::None))
      continue;
    std::optional<int64_t> gap = (b - a).withStatics().asConstant();
    if (gap && (from.equal ? *gap == 0 : *gap >= 0))
      continue;
    if (gap) {
      diags()
          .error(Diag::ShapeMismatch, at,
                 "`" + callee.name + "` needs `" + from.a.str() + (from.equal ? " == " : " <= ") +
                     from.b.str() + "`, here " + a.withStatics().str() + " and " +
                     b.withStatics().str())
          .note(from.range, "for this");
      return false;
    }
    require(a, b, from.equal, from.range);
  }
  return true;
}

ExprPtr Checker::checkFunctionCall(const ast::Expr &expr, const FunctionInstance &callee,
                                   const ast::FnDecl &decl, std::string prefix,
                                   const SizeMap &statics) {
  ExprPtr result = make(ExprKind::Call, expr.range, {});
  result->types.clear();
  result->call = std::make_unique<CallExpr>();
  CallExpr &call = *result->call;
  call.callee = &callee;
  call.prefix = std::move(prefix);
  call.sizes = statics;
  if (!placeArguments(expr, callee, call) || !checkMapped(expr, callee, call) ||
      !solveSizes(expr, callee, call) || !checkArgumentShapes(callee, call) ||
      !inheritRequirements(callee, call, expr.range))
    return nullptr;
  for (const ResultInfo &info : callee.results) {
    Type type = translate(info.type, call.sizes);
    type.shape.insert(type.shape.begin(), call.mapped.begin(), call.mapped.end());
    result->types.push_back(std::move(type));
  }
  return result;
}

} // namespace seq
