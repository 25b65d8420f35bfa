//===- Entry.cpp - From files to a program with one entry ---------------------===//
#include "compiler/Sema/Solve.h"

#include <algorithm>

namespace seq {

using namespace typed;

namespace {
class EntryCheck {
public:
  EntryCheck(const Module &root, const KnownShapes &known, Analyzer &analyzer)
      : root(root), known(known), analyzer(analyzer), diags(analyzer.diags) {}

  void checkAll();
  bool run(const std::string &text);
  /// After errors elsewhere: what the entry's numbers make of the sizes of its weights.
  void runSizes(const std::string &text);

private:
  void checkLayer(const ast::LayerDecl &decl);
  std::optional<EntryChoice> choose(const std::string &text, bool afterErrors = false);
  std::optional<EntryChoice> parse(const std::string &text, bool afterErrors);
  bool chooseByName(const ast::Expr &name, EntryChoice &choice);
  bool chooseFunction(const ast::Expr *name, EntryChoice &choice);
  bool runLayer(const EntryChoice &choice);
  bool addWeights(const Layer &layer, const std::string &prefix);
  bool addWeight(const Layer &layer, const std::string &prefix, const ast::ParamDecl &decl);

  const Module &root;
  const KnownShapes &known;
  Analyzer &analyzer;
  DiagnosticEngine &diags;
  ast::ExprPtr entryExpr; ///< owns what an EntryChoice points into
  int64_t totalBytes = 0;
};

void EntryCheck::checkLayer(const ast::LayerDecl &decl) {
  bool open = std::any_of(decl.sizes.begin(), decl.sizes.end(), [](const ast::SizeParam &param) {
    return !param.init && Analyzer::kindOf(param) == StaticValue::Bool;
  });
  for (bool value : {true, false}) {
    Layer *layer = analyzer.genericLayer(root, decl, value);
    for (const auto &function : decl.functions)
      if (layer && !diags.full())
        analyzer.function(root, *function, layer, function->name.range);
    if (!open)
      break;
  }
}

/// Every declaration of the file once, without numbers.
void EntryCheck::checkAll() {
  for (auto [isLayer, index] : root.file->order) {
    if (diags.full())
      return;
    if (isLayer)
      checkLayer(*root.file->layers[index]);
    else
      analyzer.function(root, *root.file->functions[index], nullptr,
                        root.file->functions[index]->name.range);
  }
}

//===- Which entry ------------------------------------------------------------===//

bool EntryCheck::chooseByName(const ast::Expr &name, EntryChoice &choice) {
  choice.module = &root;
  if (auto it = root.layers.find(name.text); it != root.layers.end()) {
    choice.layer = it->second;
    return true;
  }
  if (auto it = root.functions.find(name.text); it != root.functions.end()) {
    choice.function = it->second;
    return true;
  }
  std::vector<std::string> names;
  for (const auto &[other, decl] : root.layers)
    names.push_back(other);
  for (const auto &[other, decl] : root.functions)
    names.push_back(other);
  auto report = diags.error(Diag::UnknownEntry, root.path,
                            "there is no function, layer or model `" + name.text + "`");
  std::string near = nearest(name.text, names);
  if (!near.empty())
    report.hint("did you mean `" + near + "`?");
  return false;
}

bool EntryCheck::chooseFunction(const ast::Expr *name, EntryChoice &choice) {
  if (!choice.layer) {
    if (!name)
      return true;
    diags.error(Diag::UnknownEntry, root.path,
                "`" + choice.function->name.text + "` is a function: it has no `" + name->text +
                    "`");
    return false;
  }
  std::string wanted = name ? name->text : "forward";
  std::vector<std::string> names;
  for (const auto &function : choice.layer->functions) {
    if (function->name.text == wanted)
      choice.function = function.get();
    names.push_back(function->name.text);
  }
  if (choice.function)
    return true;
  auto report = diags.error(Diag::UnknownEntry, root.path,
                            "`" + choice.layer->name.text + "` has no function `" + wanted + "`");
  std::string near = nearest(wanted, names);
  if (!near.empty())
    report.hint("did you mean `" + near + "`?");
  return false;
}

std::optional<EntryChoice> EntryCheck::parse(const std::string &text, bool afterErrors) {
  uint32_t id = diags.sourceManager().addFile("ENTRY", text);
  entryExpr = parseEntry(id, diags);
  if (!entryExpr || (diags.hasErrors() && !afterErrors))
    return std::nullopt;
  const ast::Expr *expr = entryExpr.get(), *member = nullptr;
  if (expr->kind == ast::ExprKind::Member) {
    member = expr;
    expr = expr->a.get();
  }
  EntryChoice choice;
  const ast::Expr *name = expr->kind == ast::ExprKind::Call ? expr->a.get() : expr;
  if (!name || name->kind != ast::ExprKind::NameRef) {
    diags.error(Diag::UnknownEntry, root.path, "`" + text + "` names no entry");
    return std::nullopt;
  }
  if (!chooseByName(*name, choice))
    return std::nullopt;
  if (expr->kind == ast::ExprKind::Call) {
    choice.args = &expr->args;
    if (!choice.layer && !expr->args.empty()) {
      diags.error(Diag::EntrySizes, root.path,
                  "`" + name->text + "` is a function: its inputs are given as NAME=VALUE");
      return std::nullopt;
    }
  }
  if (!afterErrors && !chooseFunction(member, choice))
    return std::nullopt;
  return choice;
}

std::optional<EntryChoice> EntryCheck::choose(const std::string &text, bool afterErrors) {
  if (!text.empty())
    return parse(text, afterErrors);
  EntryChoice choice;
  choice.module = &root;
  for (auto [isLayer, index] : root.file->order) {
    if (!isLayer) {
      choice.function = root.file->functions[index].get();
      continue;
    }
    const ast::LayerDecl *layer = root.file->layers[index].get();
    if (!choice.layer || layer->isModel || !choice.layer->isModel)
      choice.layer = layer;
  }
  if (choice.layer) {
    choice.function = nullptr;
    if (!chooseFunction(nullptr, choice))
      return std::nullopt;
  }
  if (choice.function)
    return choice;
  diags.error(Diag::UnknownEntry, root.path, "this file declares no function, layer or model");
  return std::nullopt;
}

//===- The entry's program ----------------------------------------------------===//

bool EntryCheck::addWeight(const Layer &layer, const std::string &prefix,
                           const ast::ParamDecl &decl) {
  const std::vector<WeightInfo> &infos = layer.instance->weights;
  auto info = std::find_if(infos.begin(), infos.end(),
                           [&](const WeightInfo &each) { return each.name == decl.name.text; });
  if (info == infos.end()) // under a condition that does not hold
    return true;
  EntryWeight weight;
  weight.name = prefix + decl.name.text;
  weight.elem = info->type.elem;
  weight.info = &*info;
  int64_t bytes = 8;
  bool fits = true;
  for (const Size &size : info->type.shape) {
    std::optional<int64_t> value = size.evaluate();
    fits = fits && value;
    weight.shape.push_back(value.value_or(0));
    if (fits && *value != 0)
      fits = !__builtin_mul_overflow(bytes, *value, &bytes);
  }
  if (std::find(weight.shape.begin(), weight.shape.end(), 0) != weight.shape.end())
    bytes = 0;
  if (!fits || __builtin_add_overflow(totalBytes, bytes, &totalBytes)) {
    diags.error(Diag::SizeOverflow, decl.range,
                "the parameter `" + weight.name + "` is too large: " + info->type.str());
    return false;
  }
  analyzer.program.weights.push_back(std::move(weight));
  return true;
}

bool EntryCheck::addWeights(const Layer &layer, const std::string &prefix) {
  for (auto [isSubLayer, index] : layer.decl->order) {
    if (!isSubLayer) {
      if (!addWeight(layer, prefix, layer.decl->params[index]))
        return false;
      continue;
    }
    const SubLayerGroup &group = layer.subLayers.at(layer.decl->subLayers[index].name.text);
    for (const SubLayer &sub : group.members) {
      Analyzer::Use use(analyzer, *sub.layer->module, group.decl->range);
      if (!addWeights(*sub.layer, prefix + sub.name + "."))
        return false;
    }
  }
  return true;
}

bool EntryCheck::runLayer(const EntryChoice &choice) {
  std::optional<std::vector<StaticValue>> values = solveEntry(analyzer, choice, known);
  if (!values)
    return false;
  Layer *layer =
      analyzer.layer(*choice.module, *choice.layer, *values, false, choice.layer->name.range);
  if (!layer)
    return false;
  Program &program = analyzer.program;
  program.layer = layer->instance;
  std::vector<const ast::FnDecl *> wanted{choice.function};
  for (const auto &function : choice.layer->functions)
    if (function.get() != choice.function && !function->name.text.starts_with("_"))
      wanted.push_back(function.get());
  for (const ast::FnDecl *decl : wanted) {
    FunctionInstance *function = analyzer.function(root, *decl, layer, decl->name.range);
    if (!function)
      return false;
    program.functions.push_back(function);
  }
  return addWeights(*layer, "");
}

void EntryCheck::runSizes(const std::string &text) {
  if (text.find('(') == std::string::npos)
    return;
  std::optional<EntryChoice> choice = choose(text, true);
  if (!choice || !choice->layer)
    return;
  if (auto values = solveEntry(analyzer, *choice, known))
    analyzer.layer(*choice->module, *choice->layer, *values, false, choice->layer->name.range);
}

bool EntryCheck::run(const std::string &text) {
  std::optional<EntryChoice> choice = choose(text);
  if (!choice)
    return false;
  analyzer.program.entryName = (choice->layer ? choice->layer->name : choice->function->name).text;
  if (choice->layer)
    return runLayer(*choice);
  FunctionInstance *function =
      analyzer.function(root, *choice->function, nullptr, choice->function->name.range);
  if (function)
    analyzer.program.functions.push_back(function);
  return function != nullptr;
}

std::unique_ptr<Program> checkModules(ModuleSet &modules, const Module *root,
                                      const std::string &entry, const KnownShapes &known,
                                      const SemaOptions &options, DiagnosticEngine &diags) {
  if (!root || diags.hasErrors())
    return nullptr;
  auto program = std::make_unique<Program>();
  Analyzer analyzer(options, *program, diags);
  analyzer.modules = &modules;
  EntryCheck check(*root, known, analyzer);
  check.checkAll();
  if (diags.hasErrors()) {
    check.runSizes(entry);
    return nullptr;
  }
  if (!check.run(entry) || diags.hasErrors())
    return nullptr;
  return program;
}
} // namespace

std::unique_ptr<Program> checkProgram(const std::string &path, const std::string &entry,
                                      const KnownShapes &known, const SemaOptions &options,
                                      DiagnosticEngine &diags) {
  ModuleSet modules(options, diags);
  const Module *root = modules.loadRoot(path);
  return checkModules(modules, root, entry, known, options, diags);
}

std::unique_ptr<Program> checkProgramText(const std::string &name, const std::string &text,
                                          const std::string &entry, const KnownShapes &known,
                                          const SemaOptions &options, DiagnosticEngine &diags) {
  ModuleSet modules(options, diags);
  const Module *root = modules.loadText(name, text);
  return checkModules(modules, root, entry, known, options, diags);
}

} // namespace seq
