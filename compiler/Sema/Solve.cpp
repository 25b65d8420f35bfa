//===- Solve.cpp - Open sizes of an entry from shapes -------------------------===//
//
// The layers below the entry are walked with the entry's sizes as symbols. A weight whose
// shape is known gives one equation for each axis, so does an input; an array of layers
// whose count is open takes it from the names that are present:
//
//   layers.0.w_ih: [32, 8], layers.1.w_ih: [32, 8]      4 * D = 32, D = 8, L = 2
//
// Equations that are linear in one open size are solved until nothing changes; then the
// first open size that has a default takes it, and so on. A size that two sources give
// differently is an error that names both; what a given size contradicts is left to the
// loader of weights and inputs.
//
//===----------------------------------------------------------------------===//
#include "compiler/Sema/Solve.h"

#include <algorithm>
#include <charconv>
#include <set>

namespace seq {

namespace {
constexpr unsigned kMaxDepth = 64;
constexpr int64_t kMaxMembers = 100000;

using Env = std::unordered_map<std::string, StaticValue>;

StaticEvaluator::Lookup lookupIn(const Env &env) {
  return [&env](const std::string &name) -> const StaticValue * {
    auto it = env.find(name);
    return it == env.end() ? nullptr : &it->second;
  };
}

struct Equation {
  Size size;
  int64_t value;
  std::string source; ///< "weight `w_ih`"
};

struct Solution {
  int64_t value;
  std::string source; ///< empty: given or by default
};

class Solver {
public:
  Solver(Analyzer &analyzer, const EntryChoice &entry, const KnownShapes &known)
      : analyzer(analyzer), entry(entry), known(known), decl(*entry.layer) {}
  std::optional<std::vector<StaticValue>> run();

private:
  bool start();
  bool takeDefault();
  bool solveAll();
  bool solveOne(const Equation &equation, bool &progress);
  void conflict(const Equation &equation, const SizeSymbol *symbol, int64_t value);
  void walk(const Module &module, const ast::LayerDecl &layer, const Env &env,
            const std::string &prefix, unsigned depth);
  void walkWeight(const ast::ParamDecl &param, const Env &env, const std::string &prefix);
  void walkSubLayer(const Module &module, const ast::SubLayerDecl &sub, const Env &env,
                    const std::string &prefix, unsigned depth);
  int64_t membersPresent(const std::string &prefix) const;
  void addInputs();
  void addShape(const std::vector<ast::ExprPtr> &dims, const std::vector<int64_t> &shape,
                const Env &env, const std::string &source);
  Size now(const Size &size) const;
  std::optional<std::vector<StaticValue>> finish();

  Analyzer &analyzer;
  const EntryChoice &entry;
  const KnownShapes &known;
  const ast::LayerDecl &decl;
  std::vector<SizeSymbol *> symbols; ///< by parameter; null: no integer
  std::map<const SizeSymbol *, Solution> solved;
  Env env;
  std::vector<Equation> equations;
};

Size Solver::now(const Size &size) const {
  return size.substitute([&](const SizeSymbol *symbol) -> std::optional<Size> {
    auto it = solved.find(symbol);
    return it == solved.end() ? std::nullopt : std::optional(Size::constant(it->second.value));
  });
}

/// What is given, and a symbol for each size.
bool Solver::start() {
  static const std::vector<ast::Argument> none;
  auto bound = analyzer.bindArguments(
      decl, entry.args ? *entry.args : none, decl.name.range,
      [](const std::string &) { return nullptr; }, true, &analyzer.diags);
  if (!bound)
    return false;
  for (size_t i = 0; i < decl.sizes.size(); ++i) {
    const ast::SizeParam &param = decl.sizes[i];
    std::optional<StaticValue> &given = bound->values[i];
    symbols.push_back(nullptr);
    if (Analyzer::kindOf(param) != StaticValue::Integer) {
      if (!given && param.init)
        given = StaticEvaluator(lookupIn(env), nullptr).evaluate(*param.init);
      if (given)
        env[param.name.text] = *given;
      continue;
    }
    symbols[i] = analyzer.makeSymbol(param.name.text, true, std::nullopt, true);
    env[param.name.text] = StaticValue::ofSize(Size::symbol(symbols[i]));
    auto named = known.sizes.find(param.name.text);
    if (given)
      solved[symbols[i]] = {given->size.asConstant().value_or(0), ""};
    else if (named != known.sizes.end())
      solved[symbols[i]] = {named->second, ""};
    else
      continue;
  }
  return true;
}

void Solver::addShape(const std::vector<ast::ExprPtr> &dims, const std::vector<int64_t> &shape,
                      const Env &names, const std::string &source) {
  size_t skip = shape.size() - dims.size();
  for (size_t i = 0; i < dims.size(); ++i)
    if (std::optional<Size> size = StaticEvaluator(lookupIn(names), nullptr).size(*dims[i]))
      equations.push_back({*size, shape[i + skip], source});
}

void Solver::walkWeight(const ast::ParamDecl &param, const Env &names, const std::string &prefix) {
  auto it = known.weights.find(prefix + param.name.text);
  if (it == known.weights.end() || !param.type || it->second.size() != param.type->shape.size())
    return;
  if (param.condition) {
    auto condition = StaticEvaluator(lookupIn(names), nullptr).evaluate(*param.condition);
    if (!condition || (condition->known && !condition->boolean))
      return;
  }
  addShape(param.type->shape, it->second, names, "weight `" + it->first + "`");
}

/// One more than the largest N of a name `prefix` N `.…`.
int64_t Solver::membersPresent(const std::string &prefix) const {
  int64_t count = 0;
  for (auto it = known.weights.lower_bound(prefix);
       it != known.weights.end() && it->first.starts_with(prefix); ++it) {
    const char *begin = it->first.data() + prefix.size(),
               *end = it->first.data() + it->first.size();
    int64_t number = -1;
    auto [stop, error] = std::from_chars(begin, end, number);
    if (error == std::errc() && stop != end && *stop == '.' && number >= 0)
      count = std::max(count, number + 1);
  }
  return std::min(count, kMaxMembers);
}

void Solver::walkSubLayer(const Module &module, const ast::SubLayerDecl &sub, const Env &names,
                          const std::string &prefix, unsigned depth) {
  auto [from, callee] = analyzer.findLayer(module, *sub.callee);
  if (!callee)
    return;
  int64_t count = 1;
  if (sub.count) {
    std::optional<Size> size = StaticEvaluator(lookupIn(names), nullptr).size(*sub.count);
    std::optional<int64_t> number = size ? now(*size).asConstant() : std::nullopt;
    int64_t present = membersPresent(prefix + sub.name.text + ".");
    if (size && present > 0)
      equations.push_back({*size, present, "weights `" + prefix + sub.name.text + ".…`"});
    count = std::min(number.value_or(present), kMaxMembers);
    // Members without weights in the file say nothing.
    count = std::min(count, present);
  }
  for (int64_t i = 0; i < count; ++i) {
    StaticValue index = StaticValue::ofSize(Size::constant(i));
    auto bound = analyzer.bindArguments(
        *callee, sub.args, sub.range,
        [&](const std::string &name) -> const StaticValue * {
          if (sub.indexVar && sub.indexVar->text == name)
            return &index;
          auto it = names.find(name);
          return it == names.end() ? nullptr : &it->second;
        },
        false, nullptr);
    if (!bound)
      return;
    Env inner;
    for (size_t k = 0; k < callee->sizes.size(); ++k)
      if (bound->values[k])
        inner[callee->sizes[k].name.text] = *bound->values[k];
    std::string at = sub.count ? "." + std::to_string(i) : "";
    walk(*from, *callee, inner, prefix + sub.name.text + at + ".", depth + 1);
  }
}

void Solver::walk(const Module &module, const ast::LayerDecl &layer, const Env &names,
                  const std::string &prefix, unsigned depth) {
  if (depth > kMaxDepth)
    return;
  for (auto [isSubLayer, index] : layer.order) {
    if (isSubLayer)
      walkSubLayer(module, layer.subLayers[index], names, prefix, depth);
    else
      walkWeight(layer.params[index], names, prefix);
  }
}

void Solver::addInputs() {
  Env names = env;
  if (!entry.function)
    return;
  for (const ast::Param &param : entry.function->params) {
    if (!param.type)
      continue;
    for (const ast::ExprPtr &dim : param.type->shape)
      if (dim->kind == ast::ExprKind::NameRef && !names.count(dim->text))
        names[dim->text] = StaticValue::ofSize(
            Size::symbol(analyzer.makeSymbol(dim->text, false, std::nullopt, true)));
    auto it = known.inputs.find(param.name.text);
    if (it == known.inputs.end())
      continue;
    size_t declared = param.type->shape.size();
    if (it->second.size() == declared || it->second.size() == declared + 1)
      addShape(param.type->shape, it->second, names, "input `" + param.name.text + "`");
  }
}

void Solver::conflict(const Equation &equation, const SizeSymbol *symbol, int64_t value) {
  auto it = solved.find(symbol);
  std::string text = "`" + equation.size.str() + "` is " + std::to_string(equation.value) +
                     " by the " + equation.source;
  if (it != solved.end())
    text +=
        ", but `" + symbol->name + "` is " + std::to_string(value) + " by the " + it->second.source;
  for (size_t i = 0; i < symbols.size(); ++i)
    if (symbols[i] == symbol) {
      analyzer.diags.error(Diag::SizeConflict, decl.sizes[i].name.range, text);
      return;
    }
  analyzer.diags.error(Diag::SizeConflict, decl.name.range, text);
}

/// False after an error.
bool Solver::solveOne(const Equation &equation, bool &progress) {
  Size size = now(equation.size);
  std::vector<const SizeSymbol *> open;
  size.collectSymbols(open);
  if (open.empty()) {
    std::optional<int64_t> value = size.asConstant();
    if (!value || *value == equation.value)
      return true;
    std::vector<const SizeSymbol *> all;
    equation.size.collectSymbols(all);
    for (const SizeSymbol *symbol : all)
      if (auto it = solved.find(symbol); symbol->isStatic && !it->second.source.empty())
        return conflict(equation, symbol, it->second.value), false;
    return true;
  }
  if (open.size() != 1)
    return true;
  int64_t factor = 0, rest = 0;
  for (const Size::Term &term : size.sum()) {
    if (term.atoms.empty())
      rest = term.coefficient;
    else if (term.atoms.size() == 1 && term.atoms[0].kind == Size::Atom::Symbol)
      factor = term.coefficient;
    else
      return true; // not linear
  }
  int64_t difference;
  if (factor == 0 || __builtin_sub_overflow(equation.value, rest, &difference))
    return true;
  if (difference % factor != 0 || difference / factor < 0) {
    if (!open[0]->isStatic)
      return true;
    return conflict(equation, open[0], 0), false;
  }
  solved[open[0]] = {difference / factor, equation.source};
  progress = true;
  return true;
}

bool Solver::solveAll() {
  for (bool progress = true; progress;) {
    progress = false;
    for (const Equation &equation : equations)
      if (!solveOne(equation, progress))
        return false;
  }
  return true;
}

/// The first open size whose default is a number by now.
bool Solver::takeDefault() {
  for (size_t i = 0; i < symbols.size(); ++i) {
    if (!symbols[i] || solved.count(symbols[i]) || !decl.sizes[i].init)
      continue;
    std::optional<Size> size = StaticEvaluator(
                                   [&](const std::string &name) -> const StaticValue * {
                                     static thread_local StaticValue value;
                                     auto it = env.find(name);
                                     if (it == env.end())
                                       return nullptr;
                                     value = it->second;
                                     value.size = now(value.size);
                                     return &value;
                                   },
                                   nullptr)
                                   .size(*decl.sizes[i].init);
    std::optional<int64_t> value = size ? now(*size).asConstant() : std::nullopt;
    if (!value)
      continue;
    solved[symbols[i]] = {*value, ""};
    return true;
  }
  return false;
}

std::optional<std::vector<StaticValue>> Solver::finish() {
  std::vector<StaticValue> values;
  Env numbers;
  bool good = true;
  for (size_t i = 0; i < decl.sizes.size(); ++i) {
    const ast::SizeParam &param = decl.sizes[i];
    StaticValue value;
    if (symbols[i]) {
      auto it = solved.find(symbols[i]);
      if (it == solved.end()) {
        // A default that cannot be evaluated says why.
        if (param.init && !StaticEvaluator(lookupIn(numbers), &analyzer.diags).size(*param.init))
          return std::nullopt;
        good = false;
        analyzer.diags
            .error(Diag::OpenSize, param.name.range,
                   "the size `" + param.name.text + "` of `" + decl.name.text + "` stays open")
            .hint("give it: `" + decl.name.text + "(" + param.name.text + " = 64)`");
      }
      value = StaticValue::ofSize(Size::constant(good ? it->second.value : 0));
    } else if (auto it = env.find(param.name.text); it != env.end() && it->second.known) {
      value = it->second;
    } else {
      std::optional<StaticValue> found;
      if (param.init)
        found = StaticEvaluator(lookupIn(numbers), &analyzer.diags).evaluate(*param.init);
      else
        analyzer.diags
            .error(Diag::OpenSize, param.name.range,
                   "`" + param.name.text + "` of `" + decl.name.text + "` is not given")
            .hint("give it: `" + decl.name.text + "(" + param.name.text + " = …)`");
      if (!found)
        return std::nullopt;
      value = *found;
    }
    numbers[param.name.text] = value;
    values.push_back(std::move(value));
  }
  return good ? std::optional(std::move(values)) : std::nullopt;
}

std::optional<std::vector<StaticValue>> Solver::run() {
  if (!start())
    return std::nullopt;
  bool open = std::any_of(symbols.begin(), symbols.end(), [&](const SizeSymbol *symbol) {
    return symbol && !solved.count(symbol);
  });
  if (open) {
    walk(*entry.module, decl, env, "", 1);
    addInputs();
  }
  do
    if (!solveAll())
      return std::nullopt;
  while (takeDefault());
  return finish();
}
} // namespace

std::optional<std::vector<StaticValue>> solveEntry(Analyzer &analyzer, const EntryChoice &entry,
                                                   const KnownShapes &known) {
  return Solver(analyzer, entry, known).run();
}

} // namespace seq
