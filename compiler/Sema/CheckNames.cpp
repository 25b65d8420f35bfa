//===- CheckNames.cpp - What names, members and types mean --------------------===//
#include "compiler/Sema/Checker.h"

#include <cmath>

namespace seq {

using namespace typed;

Expr *newExpr(ExprKind kind, SourceRange range, Type type) {
  auto *expr = new Expr();
  expr->kind = kind;
  expr->range = range;
  expr->types.push_back(std::move(type));
  return expr;
}

ExprPtr Checker::make(ExprKind kind, SourceRange range, Type type) {
  return ExprPtr(newExpr(kind, range, std::move(type)));
}

ExprPtr Checker::intConst(int64_t value, SourceRange range) {
  ExprPtr expr = make(ExprKind::IntConst, range, {Elem::Int, {}});
  expr->integer = value;
  return expr;
}

ExprPtr Checker::sizeValue(Size size, SourceRange range) {
  if (std::optional<int64_t> value = size.asConstant())
    return intConst(*value, range);
  ExprPtr expr = make(ExprKind::SizeValue, range, {Elem::Int, {}});
  expr->size = std::move(size);
  return expr;
}

ExprPtr Checker::refer(Var *var, SourceRange range) {
  ExprPtr expr = make(ExprKind::VarRef, range, var->type);
  expr->var = var;
  return expr;
}

Var *Checker::newVar(VarKind kind, const std::string &name, Type type, SourceRange range) {
  return analyzer.makeVar(kind, name, std::move(type), range, generic);
}

std::string Checker::source(SourceRange range) const {
  std::string text(analyzer.diags.sourceManager().text(range));
  constexpr size_t kLongest = 60;
  if (text.size() > kLongest || text.find('\n') != std::string::npos)
    return "this";
  return text;
}

ExprPtr Checker::fail(Diag kind, SourceRange range, std::string text) {
  diags().error(kind, range, std::move(text));
  return nullptr;
}

Binding *Checker::find(const std::string &name) {
  for (auto scope = scopes.rbegin(); scope != scopes.rend(); ++scope)
    if (auto it = scope->find(name); it != scope->end())
      return &it->second;
  return nullptr;
}

const StaticValue *Checker::findStatic(const std::string &name) {
  if (Binding *binding = find(name))
    return binding->kind == Binding::Static ? &binding->value : nullptr;
  if (owner)
    if (const StaticValue *value = owner->findStatic(name))
      return value;
  auto it = dynamicSizes.find(name);
  return it == dynamicSizes.end() ? nullptr : &it->second;
}

StaticEvaluator Checker::evaluator(bool quiet) {
  StaticEvaluator result([this](const std::string &name) { return findStatic(name); },
                         quiet ? nullptr : &diags());
  result.opaque = [this](const ast::Expr &expr) { return analyzer.opaqueSize(expr); };
  if (!generic)
    result.opaque = nullptr;
  result.unknown = [this](const ast::Expr &expr) {
    if (Binding *binding = find(expr.text)) {
      if (binding->kind != Binding::Failed)
        diags().error(Diag::NotStatic, expr.range, "`" + expr.text + "` is a value, not a size");
    } else {
      unknownName(expr.text, expr.range);
    }
  };
  return result;
}

std::optional<StaticValue> Checker::staticCondition(const ast::Expr &expr) {
  std::optional<StaticValue> value = evaluator(true).evaluate(expr);
  return value && value->kind == StaticValue::Bool ? value : std::nullopt;
}

std::vector<std::string> Checker::visibleNames() const {
  std::vector<std::string> names = Analyzer::namesOf(module);
  for (std::string &name : analyzer.preludeNames(false))
    names.push_back(std::move(name));
  for (const auto &scope : scopes)
    for (const auto &[name, binding] : scope)
      names.push_back(name);
  for (const auto &[name, value] : dynamicSizes)
    names.push_back(name);
  if (owner) {
    for (const auto &[name, value] : owner->statics)
      names.push_back(name);
    for (const auto &[name, weight] : owner->weights)
      names.push_back(name);
    for (const auto &[name, sub] : owner->subLayers)
      names.push_back(name);
    for (const auto &[name, function] : owner->functions)
      names.push_back(name);
  }
  const std::vector<std::string> &builtins = builtinNames();
  names.insert(names.end(), builtins.begin(), builtins.end());
  return names;
}

ExprPtr Checker::unknownName(const std::string &name, SourceRange range) {
  if (mute)
    return fail(Diag::UnknownName, range, "");
  auto report = diags().error(Diag::UnknownName, range, "unknown name `" + name + "`");
  std::string near = nearest(name, visibleNames());
  if (name.ends_with("'"))
    report.hint("`" + name + "` is the next value of a state, inside its scan");
  else if (!near.empty())
    report.hint("did you mean `" + near + "`?");
  return nullptr;
}

/// A `let`, a state: neither a name of an enclosing scope nor a built-in's.
bool Checker::mayDeclare(const ast::Name &name) {
  auto hides = [&](const std::string &what, SourceRange first) {
    auto report = diags().error(Diag::HidingName, name.range, "`" + name.text + "` hides " + what);
    if (first.valid())
      report.note(first, "`" + name.text + "` was declared here first");
    return false;
  };
  if (builtinOf(name.text) != Builtin::None)
    return hides("a built-in of that name", {});
  if (auto it = scopes.back().find(name.text); it != scopes.back().end()) {
    diags()
        .error(Diag::DuplicateName, name.range, "`" + name.text + "` is declared twice")
        .note(it->second.range, "`" + name.text + "` was declared here first");
    return false;
  }
  if (Binding *binding = find(name.text))
    return hides("a name of an enclosing scope", binding->range);
  if (dynamicSizes.count(name.text))
    return hides("the size of that name", {});
  if (owner) {
    if (owner->statics.count(name.text))
      return hides("a parameter of the layer", owner->decl->name.range);
    if (auto it = owner->weights.find(name.text); it != owner->weights.end())
      return hides("a parameter of the layer", it->second.decl->name.range);
    if (auto it = owner->subLayers.find(name.text); it != owner->subLayers.end())
      return hides("a sub-layer", it->second.decl->name.range);
    if (auto it = owner->functions.find(name.text); it != owner->functions.end())
      return hides("a function of the layer", it->second->name.range);
  }
  if (auto it = module.functions.find(name.text); it != module.functions.end())
    return hides("a function of the file", it->second->name.range);
  if (auto it = module.layers.find(name.text); it != module.layers.end())
    return hides("a layer of the file", it->second->name.range);
  if (module.imports.count(name.text))
    return hides("an imported module", {});
  return true;
}

Var *Checker::declareVar(const ast::Name &name, VarKind kind, Type type) {
  if (name.text == "_")
    return nullptr;
  mayDeclare(name);
  Var *var = newVar(kind, name.text, std::move(type), name.range);
  Binding binding;
  binding.kind = Binding::Value;
  binding.var = var;
  binding.range = name.range;
  binding.scanDepth = scanDepth;
  bind(name.text, std::move(binding));
  return var;
}

void Checker::declareFailed(const ast::Name &name) {
  failed = true;
  Binding binding;
  binding.range = name.range;
  binding.scanDepth = scanDepth;
  if (name.text != "_")
    scopes.back().emplace(name.text, std::move(binding));
}

/// A static value as a constant of the program.
ExprPtr Checker::literalOf(const StaticValue &value, SourceRange range) {
  if (value.kind == StaticValue::Integer)
    return sizeValue(value.size, range);
  if (value.kind == StaticValue::Bool) {
    ExprPtr expr = make(ExprKind::BoolConst, range, {Elem::Bool, {}});
    expr->integer = value.boolean;
    return expr;
  }
  ExprPtr expr = make(ExprKind::FloatConst, range, {analyzer.options.floatType, {}});
  expr->floating = value.floating;
  return expr;
}

ExprPtr Checker::checkBinding(Binding &binding, const ast::Expr &expr) {
  switch (binding.kind) {
  case Binding::Failed:
    return nullptr;
  case Binding::Static:
    return literalOf(binding.value, expr.range);
  case Binding::Sub:
    return fail(Diag::WrongKindOfName, expr.range,
                "`" + expr.text + "` is a layer, not a value; call it: `" + expr.text + "(…)`");
  case Binding::Value:
    break;
  }
  if (binding.isNext && !binding.assigned) {
    diags()
        .error(Diag::StateReadEarly, expr.range,
               "`" + expr.text + "` is read before its assignment")
        .note(binding.range, "the state is declared here")
        .hint("`" + expr.text.substr(0, expr.text.size() - 1) + "` is the state before the step");
    return nullptr;
  }
  if (resetDepth && binding.scanDepth == resetDepth && binding.var->kind == VarKind::State) {
    diags()
        .error(Diag::BadReset, expr.range,
               "the condition of a `reset` reads the state `" + expr.text + "`")
        .note(binding.range, "the state is declared here")
        .hint("choose inside the step: `" + expr.text + "' = … ? … : …`");
    return nullptr;
  }
  return refer(binding.var, expr.range);
}

ExprPtr Checker::checkWeightName(const LayerRef *ref, const std::string &name,
                                 const ast::Expr &expr) {
  const Layer &layer = ref ? *ref->layer : *owner;
  auto it = layer.weights.find(name);
  if (it == layer.weights.end())
    return nullptr;
  if (!it->second.present) {
    diags()
        .error(Diag::AbsentParameter, expr.range,
               "`" + name + "` does not exist in this instance of `" + layer.decl->name.text + "`")
        .note(it->second.decl->range, "it is declared under a condition that does not hold")
        .hint("read it under the same condition: `condition ? … : …`");
    return nullptr;
  }
  Type type = ref ? translate(it->second.type, ref->sizes) : it->second.type;
  ExprPtr out = make(ExprKind::WeightRef, expr.range, std::move(type));
  out->text = (ref ? ref->prefix : "") + name;
  return out;
}

ExprPtr Checker::checkName(const ast::Expr &expr) {
  const std::string &name = expr.text;
  if (Binding *binding = find(name))
    return checkBinding(*binding, expr);
  if (const StaticValue *value = findStatic(name))
    return literalOf(*value, expr.range);
  if (owner && owner->weights.count(name))
    return checkWeightName(nullptr, name, expr);
  if (name == "inf" || name == "nan" || name == "pi")
    return literalOf(StaticValue::ofFloat(name == "pi"    ? M_PI
                                          : name == "inf" ? HUGE_VAL
                                                          : std::nan("")),
                     expr.range);
  const char *kind = nullptr;
  if (owner && owner->subLayers.count(name))
    kind = "a sub-layer";
  else if ((owner && owner->functions.count(name)) || module.functions.count(name))
    kind = "a function";
  else if (module.imports.count(name))
    kind = "a module";
  else if (builtinOf(name) != Builtin::None)
    kind = "a built-in function";
  else if (mute)
    kind = module.layers.count(name) ? "a layer" : nullptr;
  else if (analyzer.layerNamed(module, name).second)
    kind = "a layer";
  else if (analyzer.functionNamed(module, name).second)
    kind = "a function";
  if (kind)
    return fail(Diag::WrongKindOfName, expr.range, "`" + name + "` is " + kind + ", not a value");
  if (name == "_")
    return fail(Diag::UnknownName, expr.range, "`_` has no value");
  return unknownName(name, expr.range);
}

LayerRef Checker::join(const LayerRef *holder, const SubLayer &sub) {
  LayerRef out{sub.layer, (holder ? holder->prefix : "") + sub.name + ".", sub.sizes};
  if (holder)
    for (auto &[symbol, size] : out.sizes)
      size = translate(size, holder->sizes);
  return out;
}

/// A single sub-layer by name; the function's own layer where `holder` is null.
std::optional<LayerRef> Checker::memberLayer(const LayerRef *holder, const std::string &name) {
  const Layer *layer = holder ? holder->layer : owner;
  if (!layer)
    return std::nullopt;
  auto it = layer->subLayers.find(name);
  if (it == layer->subLayers.end() || it->second.isArray || it->second.members.empty())
    return std::nullopt;
  return join(holder, it->second.members[0]);
}

/// The array of sub-layers that an expression names; `holder` becomes what holds it.
const SubLayerGroup *Checker::groupOf(const ast::Expr &expr, LayerRef &holder) {
  const Layer *layer = nullptr;
  if (expr.kind == ast::ExprKind::NameRef && !find(expr.text)) {
    layer = owner;
    holder = {owner, "", {}};
  } else if (expr.kind == ast::ExprKind::Member) {
    std::optional<LayerRef> ref = layerRef(*expr.a);
    if (!ref)
      return nullptr;
    holder = *ref;
    layer = ref->layer;
  }
  if (!layer)
    return nullptr;
  auto it = layer->subLayers.find(expr.text);
  return it != layer->subLayers.end() && it->second.isArray ? &it->second : nullptr;
}

/// The layer that `l`, `cell`, `block.attn`, `layers[0]` names; nullopt: none.
std::optional<LayerRef> Checker::layerRef(const ast::Expr &expr) {
  if (expr.kind == ast::ExprKind::NameRef) {
    if (Binding *binding = find(expr.text)) {
      if (binding->kind != Binding::Sub)
        return std::nullopt;
      return join(nullptr, binding->sub);
    }
    return memberLayer(nullptr, expr.text);
  }
  if (expr.kind == ast::ExprKind::Member) {
    std::optional<LayerRef> holder = layerRef(*expr.a);
    return holder ? memberLayer(&*holder, expr.text) : std::nullopt;
  }
  if (expr.kind == ast::ExprKind::Index && expr.subscripts.size() == 1 &&
      !expr.subscripts[0].isSlice) {
    LayerRef holder;
    const SubLayerGroup *group = groupOf(*expr.a, holder);
    if (!group || group->members.empty())
      return std::nullopt;
    std::optional<Size> index = evaluator(true).size(*expr.subscripts[0].lo);
    if (!group->countKnown)
      return join(&holder, group->members[0]);
    std::optional<int64_t> at = index ? index->withStatics().asConstant() : std::nullopt;
    if (!at || *at < 0 || uint64_t(*at) >= group->members.size())
      return std::nullopt;
    return join(&holder, group->members[size_t(*at)]);
  }
  return std::nullopt;
}

/// A parameter of a sub-layer: `embed.weight`.
ExprPtr Checker::checkMember(const ast::Expr &expr) {
  std::optional<LayerRef> ref = layerRef(*expr.a);
  if (!ref) {
    if (expr.a->kind == ast::ExprKind::NameRef && module.imports.count(expr.a->text))
      return fail(Diag::WrongKindOfName, expr.range,
                  "`" + source(expr.range) + "` is a declaration, not a value");
    if (ExprPtr value = checkOne(*expr.a))
      return fail(Diag::UnknownMember, expr.opRange.valid() ? expr.opRange : expr.range,
                  "a value of type " + value->type().str() + " has no member `" + expr.text + "`");
    return nullptr;
  }
  if (ref->layer->weights.count(expr.text))
    return checkWeightName(&*ref, expr.text, expr);
  if (const StaticValue *value = ref->layer->findStatic(expr.text)) {
    StaticValue translated = *value;
    if (value->kind == StaticValue::Integer)
      translated.size = translate(value->size, ref->sizes);
    return literalOf(translated, expr.range);
  }
  std::vector<std::string> names;
  for (const auto &[name, weight] : ref->layer->weights)
    names.push_back(name);
  auto report =
      diags().error(Diag::UnknownMember, expr.opRange.valid() ? expr.opRange : expr.range,
                    "`" + ref->layer->decl->name.text + "` has no parameter `" + expr.text + "`");
  std::string near = nearest(expr.text, names);
  if (!near.empty())
    report.hint("did you mean `" + near + "`?");
  return nullptr;
}

std::optional<Size> Checker::dimension(const ast::Expr &expr) {
  std::optional<Size> size = evaluator(false).size(expr);
  if (!size || !checkSize(*size, expr.range))
    return std::nullopt;
  return size;
}

std::optional<Type> Checker::typeOf(const ast::TypeExpr &type) {
  std::optional<Elem> elem = analyzer.elementOf(type);
  if (!elem)
    return std::nullopt;
  Type out{*elem, {}};
  for (const ast::ExprPtr &dim : type.shape) {
    std::optional<Size> size = dimension(*dim);
    if (!size)
      return std::nullopt;
    out.shape.push_back(std::move(*size));
  }
  return out;
}

} // namespace seq
