//===- Layers.cpp - Instances of layers and functions -------------------------===//
#include "compiler/Sema/Layers.h"
#include "compiler/Sema/Checker.h"

namespace seq {

using namespace typed;

Size translate(const Size &size, const SizeMap &sizes) {
  if (sizes.empty())
    return size;
  return size.substitute([&](const SizeSymbol *symbol) -> std::optional<Size> {
    for (const auto &[from, to] : sizes)
      if (from == symbol)
        return to;
    return std::nullopt;
  });
}

Type translate(const Type &type, const SizeMap &sizes) {
  Type out{type.elem, {}};
  for (const Size &size : type.shape)
    out.shape.push_back(translate(size, sizes));
  return out;
}

const StaticValue *Layer::findStatic(const std::string &name) const {
  auto it = statics.find(name);
  return it == statics.end() ? nullptr : &it->second;
}

SizeSymbol *Analyzer::makeSymbol(std::string name, bool isStatic, std::optional<int64_t> value,
                                 bool generic) {
  auto symbol = std::make_unique<SizeSymbol>();
  symbol->name = std::move(name);
  symbol->isStatic = isStatic;
  symbol->value = value;
  symbol->id = nextSymbol++;
  store(generic).symbolStore.push_back(std::move(symbol));
  return store(generic).symbolStore.back().get();
}

Var *Analyzer::makeVar(VarKind kind, std::string name, Type type, SourceRange range, bool generic) {
  auto var = std::make_unique<Var>();
  var->kind = kind;
  var->name = std::move(name);
  var->type = std::move(type);
  var->range = range;
  store(generic).varStore.push_back(std::move(var));
  return store(generic).varStore.back().get();
}

Size Analyzer::opaqueSize(const ast::Expr &expr) {
  std::string text(diags.sourceManager().text(expr.range));
  return Size::symbol(makeSymbol("(" + text + ")", true, std::nullopt, true));
}

std::optional<Elem> Analyzer::elementOf(const ast::TypeExpr &type) {
  const std::string &name = type.element;
  if (name.empty() || name == "float")
    return options.floatType;
  if (std::optional<Elem> real = floatNamed(name))
    return real;
  if (name == "i32")
    return Elem::I32;
  if (name == "bool")
    return Elem::Bool;
  if (name == "c64" || name == "c128") {
    diags.error(Diag::NotYetSupported, type.range, "the type `" + name + "` is not supported yet");
    return std::nullopt;
  }
  const Module *module = moduleOf(type.range.file);
  if (module && (layerNamed(*module, name).second || functionNamed(*module, name).second)) {
    diags.error(Diag::NotYetSupported, type.range,
                "a layer or function as a parameter is not supported yet");
    return std::nullopt;
  }
  auto report = diags.error(Diag::UnknownType, type.range, "unknown type `" + name + "`");
  std::string near = nearest(name, {"float", "f32", "f64", "bf16", "f16", "i32", "bool"});
  if (!near.empty())
    report.hint("did you mean `" + near + "`?");
  return std::nullopt;
}

void Analyzer::Use::begin(Analyzer &analyzer, const Module &module, SourceRange use) {
  before = diags.messages().size();
  const Module *user = module.inLibrary ? analyzer.moduleOf(use.file) : nullptr;
  if (user && !user->inLibrary)
    at = use;
}

Analyzer::Use::~Use() {
  if (at.valid())
    diags.moveToUse(before, at);
}

const Module *Analyzer::moduleOf(uint32_t file) const {
  if (modules)
    for (const auto &module : modules->all())
      if (module->file->id == file)
        return module.get();
  return nullptr;
}

std::vector<std::string> Analyzer::namesOf(const Module &module) {
  std::vector<std::string> names;
  for (const auto &[name, decl] : module.functions)
    names.push_back(name);
  for (const auto &[name, decl] : module.layers)
    names.push_back(name);
  for (const auto &[name, decl] : module.imports)
    names.push_back(name);
  return names;
}

namespace {
bool declares(const Module &module, const std::string &name) {
  return module.functions.count(name) || module.layers.count(name) || module.imports.count(name);
}

/// The prelude's modules, where a bare name of `module` may mean what they declare.
const std::vector<const Module *> &openTo(const Module &module, const std::string &name,
                                          ModuleSet *modules) {
  static const std::vector<const Module *> none;
  return modules && !name.starts_with("_") && !declares(module, name) ? modules->prelude() : none;
}
} // namespace

std::pair<const Module *, const ast::LayerDecl *> Analyzer::layerNamed(const Module &module,
                                                                       const std::string &name) {
  if (auto it = module.layers.find(name); it != module.layers.end())
    return {&module, it->second};
  for (const Module *open : openTo(module, name, modules))
    if (auto it = open->layers.find(name); it != open->layers.end())
      return {open, it->second};
  return {};
}

std::pair<const Module *, const ast::FnDecl *> Analyzer::functionNamed(const Module &module,
                                                                       const std::string &name) {
  if (auto it = module.functions.find(name); it != module.functions.end())
    return {&module, it->second};
  for (const Module *open : openTo(module, name, modules))
    if (auto it = open->functions.find(name); it != open->functions.end())
      return {open, it->second};
  return {};
}

std::vector<std::string> Analyzer::preludeNames(bool layersOnly) {
  std::vector<std::string> names;
  for (const Module *open : modules ? modules->prelude() : std::vector<const Module *>()) {
    for (const auto &[name, decl] : open->layers)
      if (!name.starts_with("_"))
        names.push_back(name);
    for (const auto &[name, decl] : open->functions)
      if (!layersOnly && !name.starts_with("_"))
        names.push_back(name);
  }
  return names;
}

std::pair<const Module *, const ast::LayerDecl *> Analyzer::findLayer(const Module &module,
                                                                      const ast::Expr &callee) {
  const Module *from = &module;
  std::string name = callee.text;
  if (callee.kind == ast::ExprKind::Member) {
    auto it = module.imports.find(callee.a ? callee.a->text : "");
    if (it == module.imports.end()) {
      diags.error(Diag::UnknownName, callee.range,
                  "unknown module `" + (callee.a ? callee.a->text : "") + "`");
      return {};
    }
    from = it->second;
    if (!from)
      return {};
    if (name.starts_with("_")) {
      diags.error(Diag::PrivateName, callee.range,
                  "`" + name + "` is private to `" + from->path + "`");
      return {};
    }
  }
  bool bare = callee.kind != ast::ExprKind::Member;
  if (bare) {
    if (auto found = layerNamed(*from, name); found.second)
      return found;
  } else if (auto it = from->layers.find(name); it != from->layers.end()) {
    return {from, it->second};
  }
  bool isFunction =
      bare ? functionNamed(*from, name).second != nullptr : from->functions.count(name) != 0;
  if (isFunction || (bare && from->imports.count(name))) {
    diags.error(Diag::WrongKindOfName, callee.range,
                "`" + name + "` is a " + (isFunction ? "function" : "module") + ", not a layer");
    return {};
  }
  std::vector<std::string> known = bare ? preludeNames(true) : std::vector<std::string>();
  for (const auto &[other, decl] : from->layers)
    known.push_back(other);
  auto report = diags.error(Diag::UnknownName, callee.range, "unknown layer `" + name + "`");
  std::string near = nearest(name, known);
  if (!near.empty())
    report.hint("did you mean `" + near + "`?");
  return {};
}

//===- Instances --------------------------------------------------------------===//

namespace {
constexpr unsigned kMaxLayerDepth = 64;
constexpr uint64_t kMaxLayers = 100000;

std::string keyOf(const StaticValue &value, bool generic) {
  if (value.kind == StaticValue::Integer)
    return generic ? "?" : value.size.withStatics().str();
  if (!value.known)
    return "?";
  return value.kind == StaticValue::Bool ? (value.boolean ? "true" : "false")
                                         : std::to_string(value.floating) + "/" +
                                               std::to_string(std::hash<double>()(value.floating));
}
} // namespace

Layer *Analyzer::layer(const Module &module, const ast::LayerDecl &decl,
                       const std::vector<StaticValue> &values, bool generic, SourceRange at) {
  if (auto it = std::find(layerStack.begin(), layerStack.end(), &decl); it != layerStack.end()) {
    std::string cycle;
    for (; it != layerStack.end(); ++it)
      cycle += "`" + (*it)->name.text + "` -> ";
    diags.error(Diag::Recursion, at,
                "a layer contains itself: " + cycle + "`" + decl.name.text + "`");
    return nullptr;
  }
  if (layerStack.size() >= kMaxLayerDepth) {
    diags.error(Diag::TooDeep, at, "layers nest more than 64 deep here");
    return nullptr;
  }
  std::string key = std::to_string(uintptr_t(&decl)) + (generic ? "g" : "i");
  for (const StaticValue &value : values)
    key += "," + keyOf(value, generic);
  if (auto it = layers.find(key); it != layers.end())
    return it->second.get();
  auto made = std::make_unique<Layer>();
  made->module = &module;
  made->decl = &decl;
  made->generic = generic;
  auto instance = std::make_unique<LayerInstance>();
  instance->name = decl.name.text;
  instance->doc = decl.doc;
  instance->isModel = decl.isModel;
  instance->range = decl.range;
  made->instance = instance.get();
  store(generic).layerStore.push_back(std::move(instance));
  for (size_t i = 0; i < values.size(); ++i) {
    StaticValue value = values[i];
    if (value.kind == StaticValue::Integer) {
      std::optional<int64_t> number = value.size.withStatics().asConstant();
      if (!generic && !number) {
        diags.error(Diag::SizeOverflow, at,
                    "the size `" + decl.sizes[i].name.text + "` of `" + decl.name.text +
                        "` is too large");
        return nullptr;
      }
      SizeSymbol *symbol =
          makeSymbol(decl.sizes[i].name.text, true, generic ? std::nullopt : number, generic);
      made->instance->symbols.push_back(symbol);
      value = StaticValue::ofSize(Size::symbol(symbol));
    }
    made->statics[decl.sizes[i].name.text] = std::move(value);
  }
  layerStack.push_back(&decl);
  bool good = fill(*made);
  layerStack.pop_back();
  auto &slot = layers[key];
  slot = good ? std::move(made) : nullptr;
  return slot.get();
}

Layer *Analyzer::genericLayer(const Module &module, const ast::LayerDecl &decl, bool openBools) {
  std::vector<StaticValue> values;
  for (size_t slot = 0; slot < decl.sizes.size(); ++slot) {
    const ast::SizeParam &param = decl.sizes[slot];
    if (param.type && !param.type->element.empty()) {
      const std::string &type = param.type->element;
      if (type != "int" && !elementOf(*param.type))
        return nullptr;
    }
    StaticValue::Kind kind = kindOf(param);
    if (kind == StaticValue::Integer) {
      values.push_back(StaticValue::ofSize(Size()));
      if (!param.init)
        continue;
    }
    std::optional<StaticValue> value;
    if (param.init) {
      std::unordered_map<std::string, StaticValue> before;
      for (size_t i = 0; i < slot; ++i) {
        before[decl.sizes[i].name.text] = values[i];
        if (values[i].kind == StaticValue::Integer)
          before[decl.sizes[i].name.text].size = opaqueSymbol(decl.sizes[i].name.text);
      }
      StaticEvaluator evaluator(
          [&](const std::string &name) {
            auto it = before.find(name);
            return it == before.end() ? nullptr : &it->second;
          },
          &diags);
      evaluator.opaque = [this](const ast::Expr &expr) { return opaqueSize(expr); };
      value = evaluator.evaluate(*param.init);
      if (!value)
        return nullptr;
      if (!adapt(*value, kind)) {
        diags.error(Diag::TypeMismatch, param.init->range,
                    std::string("this default is ") + value->kindName());
        return nullptr;
      }
    }
    if (kind == StaticValue::Bool)
      values.push_back(value && value->known ? *value : StaticValue::ofBool(openBools));
    else if (kind == StaticValue::Float)
      values.push_back(value ? *value : StaticValue::ofFloat(1, false));
  }
  return layer(module, decl, values, true, decl.name.range);
}

Size Analyzer::opaqueSymbol(const std::string &name) {
  return Size::symbol(makeSymbol(name, true, std::nullopt, true));
}

/// Names of parameters, sub-layers and functions are one family.
bool Analyzer::declareMembers(Layer &layer) {
  std::unordered_map<std::string, SourceRange> seen;
  bool good = true;
  auto once = [&](const ast::Name &name) {
    auto [it, fresh] = seen.emplace(name.text, name.range);
    if (fresh)
      return;
    good = false;
    diags.error(Diag::DuplicateName, name.range, "`" + name.text + "` is declared twice")
        .note(it->second, "`" + name.text + "` was declared here first");
  };
  const ast::LayerDecl &decl = *layer.decl;
  for (const ast::SizeParam &size : decl.sizes)
    once(size.name);
  for (auto [isSubLayer, index] : decl.order)
    once(isSubLayer ? decl.subLayers[index].name : decl.params[index].name);
  for (const auto &function : decl.functions) {
    once(function->name);
    layer.functions[function->name.text] = function.get();
  }
  return good;
}

bool Analyzer::addWeight(Layer &layer, const ast::ParamDecl &decl) {
  LayerWeight weight;
  weight.decl = &decl;
  StaticEvaluator evaluator([&](const std::string &name) { return layer.findStatic(name); },
                            &diags);
  if (layer.generic)
    evaluator.opaque = [this](const ast::Expr &expr) { return opaqueSize(expr); };
  evaluator.unknown = [&](const ast::Expr &expr) {
    std::vector<std::string> names;
    for (const auto &[name, value] : layer.statics)
      names.push_back(name);
    auto report = diags.error(Diag::UnknownName, expr.range, "unknown size `" + expr.text + "`");
    std::string near = nearest(expr.text, names);
    if (!near.empty())
      report.hint("did you mean `" + near + "`?");
  };
  if (decl.condition) {
    std::optional<StaticValue> condition = evaluator.evaluate(*decl.condition);
    if (!condition)
      return false;
    if (condition->kind != StaticValue::Bool) {
      diags.error(Diag::ConditionNotBool, decl.condition->range,
                  std::string("a condition must be bool, this is ") + condition->kindName());
      return false;
    }
    weight.present = !condition->known || condition->boolean;
  }
  weight.type.elem = options.floatType;
  if (decl.type && weight.present) {
    std::optional<Elem> elem = elementOf(*decl.type);
    if (!elem)
      return false;
    weight.type.elem = *elem;
    for (const ast::ExprPtr &dim : decl.type->shape) {
      std::optional<Size> size = evaluator.size(*dim);
      if (!size)
        return false;
      std::optional<int64_t> value = size->withStatics().asConstant();
      if (value && *value < 0) {
        diags.error(Diag::BadSize, dim->range, "this size is " + std::to_string(*value));
        return false;
      }
      weight.type.shape.push_back(std::move(*size));
    }
  }
  layer.weights[decl.name.text] = weight;
  if (!weight.present)
    return true;
  WeightInfo info;
  info.name = decl.name.text;
  info.type = weight.type;
  info.doc = decl.doc;
  info.range = decl.range;
  if (decl.init) {
    FunctionInstance scratchFunction;
    Checker checker(*this, *layer.module, &layer, scratchFunction);
    if (!checker.checkWeight(decl, info, layer.weights[decl.name.text]))
      return false;
  }
  layer.instance->weights.push_back(std::move(info));
  return true;
}

bool Analyzer::addSubLayer(Layer &layer, const ast::SubLayerDecl &decl, std::string name,
                           std::optional<Size> index, SubLayerGroup &group) {
  auto [module, callee] = findLayer(*layer.module, *decl.callee);
  if (!callee)
    return false;
  StaticValue indexValue = StaticValue::ofSize(index.value_or(Size()));
  auto lookup = [&](const std::string &wanted) -> const StaticValue * {
    if (decl.indexVar && index && wanted == decl.indexVar->text)
      return &indexValue;
    return layer.findStatic(wanted);
  };
  std::optional<Bound> bound = bindArguments(*callee, decl.args, decl.range, lookup, false, &diags);
  if (!bound)
    return false;
  std::vector<StaticValue> values;
  for (std::optional<StaticValue> &value : bound->values)
    values.push_back(std::move(*value));
  SubLayer sub;
  sub.name = std::move(name);
  Use use(*this, *module, decl.range);
  sub.layer = this->layer(*module, *callee, values, layer.generic, decl.range);
  if (!sub.layer)
    return false;
  size_t next = 0;
  for (const StaticValue &value : values)
    if (value.kind == StaticValue::Integer)
      sub.sizes.push_back({sub.layer->instance->symbols[next++], value.size});
  layer.depth = std::max(layer.depth, sub.layer->depth + 1);
  layer.count += sub.layer->count;
  if (layer.count > kMaxLayers || layer.depth > kMaxLayerDepth) {
    diags.error(Diag::TooDeep, decl.range,
                layer.count > kMaxLayers ? "more than 100,000 layers"
                                         : "layers nest more than 64 deep");
    return false;
  }
  layer.instance->subLayers.push_back({sub.name, sub.layer->instance, sub.sizes});
  group.members.push_back(std::move(sub));
  return true;
}

bool Analyzer::addSubLayers(Layer &layer, const ast::SubLayerDecl &decl) {
  SubLayerGroup group;
  group.decl = &decl;
  group.isArray = decl.count != nullptr;
  bool good = true;
  if (!group.isArray) {
    good = addSubLayer(layer, decl, decl.name.text, std::nullopt, group);
  } else {
    StaticEvaluator evaluator([&](const std::string &name) { return layer.findStatic(name); },
                              &diags);
    if (layer.generic)
      evaluator.opaque = [this](const ast::Expr &expr) { return opaqueSize(expr); };
    std::optional<Size> count = evaluator.size(*decl.count);
    if (!count)
      return false;
    group.count = *count;
    std::optional<int64_t> number = count->withStatics().asConstant();
    group.countKnown = number.has_value();
    if (number && (*number < 0 || uint64_t(*number) > kMaxLayers)) {
      diags.error(*number < 0 ? Diag::BadSize : Diag::TooDeep, decl.count->range,
                  "an array of " + std::to_string(*number) + " layers");
      return false;
    }
    if (!number)
      good = addSubLayer(layer, decl, decl.name.text + ".0",
                         opaqueSymbol(decl.indexVar ? decl.indexVar->text : "_"), group);
    for (int64_t i = 0; good && number && i < *number; ++i)
      good = addSubLayer(layer, decl, decl.name.text + "." + std::to_string(i), Size::constant(i),
                         group);
  }
  layer.subLayers[decl.name.text] = std::move(group);
  return good;
}

bool Analyzer::fill(Layer &layer) {
  bool good = declareMembers(layer);
  if (!good)
    return false;
  layer.instance->weights.reserve(layer.decl->params.size());
  for (auto [isSubLayer, index] : layer.decl->order)
    good &= isSubLayer ? addSubLayers(layer, layer.decl->subLayers[index])
                       : addWeight(layer, layer.decl->params[index]);
  return good;
}

//===- Functions --------------------------------------------------------------===//

void Analyzer::reportRecursion(const ast::FnDecl &decl, SourceRange at) {
  std::string cycle;
  auto it = std::find(functionStack.begin(), functionStack.end(), &decl);
  for (; it != functionStack.end(); ++it)
    cycle += "`" + (*it)->name.text + "` -> ";
  diags.error(Diag::Recursion, at, "a function calls itself: " + cycle + "`" + decl.name.text + "`")
      .hint("what repeats is a `scan`, or a `for` over static numbers");
}

FunctionInstance *Analyzer::function(const Module &module, const ast::FnDecl &decl, Layer *owner,
                                     SourceRange at) {
  auto [it, fresh] = functions.try_emplace({&decl, owner});
  FunctionEntry &entry = it->second;
  if (!fresh) {
    if (!entry.done)
      reportRecursion(decl, at);
    return entry.good ? entry.instance : nullptr;
  }
  Use use(*this, module, at);
  bool generic = owner && owner->generic;
  auto instance = std::make_unique<FunctionInstance>();
  entry.instance = instance.get();
  entry.decl = &decl;
  instance->name = decl.name.text;
  instance->doc = decl.doc;
  instance->range = decl.name.range;
  instance->layer = owner ? owner->instance : nullptr;
  functionStack.push_back(&decl);
  Checker checker(*this, module, owner, *instance);
  bool good = checker.checkSignature(decl) && checker.checkBody(decl);
  functionStack.pop_back();
  entry.done = true;
  entry.good = good;
  if (owner && good)
    owner->instance->functions.push_back(instance.get());
  store(generic).functionStore.push_back(std::move(instance));
  return good ? entry.instance : nullptr;
}

} // namespace seq
