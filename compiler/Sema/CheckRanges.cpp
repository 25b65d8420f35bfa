//===- CheckRanges.cpp - Where an index runs ----------------------------------===//
//
// Before a statement is checked, the ranges of its new indices are found from its syntax:
//
//   1. a range that is written              let y[t in 0..T / 2] = …
//   2. axes that the bare index subscripts  x[t, d]
//   3. axes that `index ± terms` subscripts x[t - K + j, d]
//   4. the declared result's axis, where the `let` is what the function returns
//
// Subscripted values have their types already, except names that the statement itself
// binds; those give no range. All sources of one rank must agree.
//
//===----------------------------------------------------------------------===//
#include "compiler/Sema/Checker.h"

namespace seq {

using namespace typed;

struct Checker::Ranges {
  std::vector<std::string> names;  ///< whose ranges are wanted
  std::vector<std::string> hidden; ///< bound inside: neither wanted nor readable
  std::map<std::string, std::vector<RangeSource>> bare, affine;
  std::map<std::string, const ast::IndexDecl *> written; ///< in a normaliser
  /// Where a bare index subscripts an axis that does not exist.
  std::map<std::string, std::pair<const ast::Expr *, Type>> surplus;
  std::vector<std::string> unknown; ///< subscript what has no type, perhaps for an error before

  bool isHidden(const std::string &name) const {
    return std::find(hidden.begin(), hidden.end(), name) != hidden.end();
  }
  bool wants(const std::string &name) const {
    return std::find(names.begin(), names.end(), name) != names.end() && !isHidden(name);
  }
};

namespace {
/// Whether a name for which `test` holds appears in an expression without a body.
bool mentions(const ast::Expr &expr, const std::function<bool(const std::string &)> &test) {
  if (expr.kind == ast::ExprKind::NameRef)
    return test(expr.text);
  for (const ast::ExprPtr *part : {&expr.a, &expr.b, &expr.c})
    if (*part && mentions(**part, test))
      return true;
  for (const ast::Argument &arg : expr.args)
    if (arg.value && mentions(*arg.value, test))
      return true;
  for (const ast::Subscript &subscript : expr.subscripts)
    if ((subscript.lo && mentions(*subscript.lo, test)) ||
        (subscript.hi && mentions(*subscript.hi, test)))
      return true;
  return false;
}

/// The coefficient of a name in a sum; nullopt where it is in no plain sum.
std::optional<int64_t> coefficient(const ast::Expr &expr, const std::string &name) {
  auto isName = [&](const std::string &other) { return other == name; };
  if (expr.kind == ast::ExprKind::NameRef)
    return expr.text == name ? 1 : 0;
  if (!mentions(expr, isName))
    return 0;
  if (expr.kind == ast::ExprKind::Unary && expr.text == "-") {
    std::optional<int64_t> a = coefficient(*expr.a, name);
    return a ? std::optional(-*a) : std::nullopt;
  }
  if (expr.kind != ast::ExprKind::Binary || (expr.text != "+" && expr.text != "-"))
    return std::nullopt;
  std::optional<int64_t> a = coefficient(*expr.a, name), b = coefficient(*expr.b, name);
  if (!a || !b)
    return std::nullopt;
  return expr.text == "+" ? *a + *b : *a - *b;
}
} // namespace

std::optional<Type> Checker::quietType(const ast::Expr &expr, const Ranges &ranges) {
  if (expr.kind == ast::ExprKind::NameRef) {
    if (ranges.isHidden(expr.text) || ranges.wants(expr.text))
      return std::nullopt;
    if (Binding *binding = find(expr.text)) {
      if (binding->kind == Binding::Value)
        return binding->var->type;
      return std::nullopt;
    }
    if (owner)
      if (auto it = owner->weights.find(expr.text); it != owner->weights.end())
        return it->second.type;
    return std::nullopt;
  }
  if (mentions(expr, [&](const std::string &name) {
        return ranges.wants(name) || ranges.isHidden(name);
      }))
    return std::nullopt;
  auto saved = std::move(muted);
  muted = std::make_unique<DiagnosticEngine>(analyzer.diags.sourceManager());
  Stmts scratch, *savedOut = out;
  bool savedFailed = failed;
  out = &scratch;
  ++mute;
  ExprPtr value = checkOne(expr);
  --mute;
  failed = savedFailed;
  out = savedOut;
  muted = std::move(saved);
  return value ? std::optional(value->type()) : std::nullopt;
}

void Checker::collectSubscripts(const ast::Expr &expr, Ranges &ranges) {
  auto wanted = [&](const std::string &name) { return ranges.wants(name); };
  bool any = false;
  for (const ast::Subscript &subscript : expr.subscripts)
    any |= !subscript.isSlice && subscript.lo && mentions(*subscript.lo, wanted);
  std::optional<Type> type = any ? quietType(*expr.a, ranges) : std::nullopt;
  if (any && !type)
    std::copy_if(ranges.names.begin(), ranges.names.end(), std::back_inserter(ranges.unknown),
                 wanted);
  if (!type)
    return;
  for (size_t i = 0; i < expr.subscripts.size(); ++i) {
    const ast::Subscript &subscript = expr.subscripts[i];
    if (subscript.isSlice || !subscript.lo)
      continue;
    if (i >= type->shape.size()) {
      if (subscript.lo->kind == ast::ExprKind::NameRef)
        ranges.surplus.emplace(subscript.lo->text, std::pair(&expr, *type));
      continue;
    }
    RangeSource here{type->shape[i], expr.range, source(expr.range)};
    if (subscript.lo->kind == ast::ExprKind::NameRef) {
      if (ranges.wants(subscript.lo->text))
        ranges.bare[subscript.lo->text].push_back(here);
      continue;
    }
    for (const std::string &name : ranges.names)
      if (ranges.wants(name) && coefficient(*subscript.lo, name) == 1)
        ranges.affine[name].push_back(here);
  }
}

void Checker::collectScan(const ast::ScanExpr &scan, Ranges &ranges) {
  size_t before = ranges.hidden.size();
  for (const ast::StateDecl &state : scan.states) {
    ranges.hidden.push_back(state.name.text);
    ranges.hidden.push_back(state.name.text + "'");
  }
  collect(scan.body, ranges);
  if (scan.reset)
    collect(*scan.reset, ranges);
  ranges.hidden.resize(before);
}

void Checker::collect(const ast::Expr &expr, Ranges &ranges) {
  size_t before = ranges.hidden.size();
  if (expr.kind == ast::ExprKind::Index)
    collectSubscripts(expr, ranges);
  if (expr.kind == ast::ExprKind::Reduce) {
    bool maps = builtinOf(expr.text) == Builtin::Normaliser;
    for (const ast::IndexDecl &index : expr.indices) {
      if (!maps)
        ranges.hidden.push_back(index.name.text);
      else if (index.lo && ranges.wants(index.name.text))
        ranges.written.emplace(index.name.text, &index);
    }
  }
  if (expr.kind == ast::ExprKind::Scan) {
    for (const ast::StateDecl &state : expr.scan->states)
      if (state.init)
        collect(*state.init, ranges);
    ranges.hidden.push_back(expr.scan->axis.name.text);
    collectScan(*expr.scan, ranges);
  }
  if (expr.block)
    collect(*expr.block, ranges);
  for (const ast::ExprPtr *part : {&expr.a, &expr.b, &expr.c})
    if (*part)
      collect(**part, ranges);
  for (const ast::Argument &arg : expr.args)
    if (arg.value)
      collect(*arg.value, ranges);
  for (const ast::Subscript &subscript : expr.subscripts) {
    if (subscript.lo)
      collect(*subscript.lo, ranges);
    if (subscript.hi)
      collect(*subscript.hi, ranges);
  }
  ranges.hidden.resize(before);
}

void Checker::collectStatement(const ast::Stmt &stmt, Ranges &ranges) {
  size_t before = ranges.hidden.size();
  for (const ast::Target &target : stmt.targets)
    for (const ast::IndexDecl &index : target.indices)
      ranges.hidden.push_back(index.name.text);
  for (const ast::ExprPtr &value : stmt.values)
    if (value)
      collect(*value, ranges);
  ranges.hidden.resize(before);
  if (stmt.kind == ast::StmtKind::Let)
    for (const ast::Target &target : stmt.targets)
      ranges.hidden.push_back(target.name.text);
  if (stmt.kind == ast::StmtKind::For)
    ranges.hidden.push_back(stmt.loopVar.text);
  if (stmt.kind == ast::StmtKind::For || stmt.kind == ast::StmtKind::If) {
    collect(stmt.body, ranges);
    collect(stmt.elseBody, ranges);
  }
}

void Checker::collect(const ast::Block &block, Ranges &ranges) {
  size_t before = ranges.hidden.size();
  for (const ast::StmtPtr &stmt : block.stmts)
    collectStatement(*stmt, ranges);
  ranges.hidden.resize(before);
}

namespace {
bool isStaticSize(const Size &size) {
  std::vector<const SizeSymbol *> symbols;
  size.collectSymbols(symbols);
  return std::all_of(symbols.begin(), symbols.end(),
                     [](const SizeSymbol *symbol) { return symbol->isStatic; });
}
} // namespace

/// The one size of all sources; a longer static axis beside a dynamic one is a table.
std::optional<Size> Checker::agree(const std::string &name, const std::vector<RangeSource> &sources,
                                   SourceRange at, bool &failedHere) {
  const RangeSource *chosen = nullptr;
  for (const RangeSource &source : sources)
    if (!chosen || (isStaticSize(chosen->size) && !isStaticSize(source.size)))
      chosen = &source;
  if (!chosen)
    return std::nullopt;
  for (const RangeSource &source : sources) {
    if (isStaticSize(source.size) && !isStaticSize(chosen->size)) {
      require(chosen->size, source.size, false, source.range);
    } else if (!sameSize(chosen->size, source.size, source.range)) {
      diags()
          .error(Diag::IndexRangesDiffer, at,
                 "`" + name + "` runs over axes of size `" + chosen->size.str() + "` and `" +
                     source.size.str() + "`")
          .note(chosen->range, "`" + chosen->text + "`: `" + chosen->size.str() + "`")
          .note(source.range, "`" + source.text + "`: `" + source.size.str() + "`");
      failedHere = true;
      return std::nullopt;
    }
  }
  return chosen->size;
}

Var *Checker::rangeOf(const IndexSpec &spec, Ranges &ranges, const std::optional<Size> &fallback,
                      VarKind kind) {
  const ast::IndexDecl *written = spec.decl;
  const std::string &name = spec.decl->name.text;
  if (auto it = ranges.written.find(name); !written->lo && it != ranges.written.end())
    written = it->second;
  Size lo, hi;
  if (written->lo) {
    std::optional<Size> from = dimension(*written->lo);
    std::optional<Size> to = from ? dimension(*written->hi) : std::nullopt;
    if (!to)
      return nullptr;
    lo = *from;
    hi = *to;
    if (spec.known && !sameSize(hi - lo, *spec.known, written->hi->range)) {
      diags().error(Diag::IndexRangesDiffer, written->name.range,
                    "`" + name + "` runs over `" + (hi - lo).str() + "`, the axis has size `" +
                        spec.known->str() + "`");
      return nullptr;
    }
  } else {
    std::vector<RangeSource> &bare = ranges.bare[name];
    if (spec.known)
      bare.insert(bare.begin(), {*spec.known, spec.knownRange, spec.knownName});
    bool failedHere = false;
    std::optional<Size> size = agree(name, bare, spec.decl->name.range, failedHere);
    if (!size && !failedHere)
      size = agree(name, ranges.affine[name], spec.decl->name.range, failedHere);
    if (failedHere)
      return nullptr;
    if (!size)
      size = fallback;
    if (auto it = ranges.surplus.find(name); !size && it != ranges.surplus.end()) {
      reportTooMany(*it->second.first, it->second.second);
      return nullptr;
    }
    bool inError = failed && std::find(ranges.unknown.begin(), ranges.unknown.end(), name) !=
                                 ranges.unknown.end();
    if (!size && inError)
      return nullptr; // what it subscripts is in error itself
    if (!size) {
      diags()
          .error(Diag::IndexWithoutRange, spec.decl->name.range,
                 "index `" + name + "` has no range")
          .hint("write it: `" + name + " in 0..N`");
      return nullptr;
    }
    hi = *size;
  }
  Var *var = newVar(kind, name, {Elem::Int, {}}, spec.decl->name.range);
  var->lo = lo;
  var->hi = hi;
  return var;
}

bool Checker::findRanges(std::vector<IndexSpec> &specs, const std::vector<const ast::Expr *> &exprs,
                         const ast::ScanExpr *scan,
                         const std::vector<std::optional<Size>> &fallback,
                         std::vector<Var *> &found) {
  Ranges ranges;
  for (const IndexSpec &spec : specs) {
    const ast::Name &name = spec.decl->name;
    if (std::find(ranges.names.begin(), ranges.names.end(), name.text) != ranges.names.end()) {
      diags().error(Diag::DuplicateName, name.range, "index `" + name.text + "` is named twice");
      return false;
    }
    ranges.names.push_back(name.text);
  }
  for (const ast::Expr *expr : exprs)
    if (expr)
      collect(*expr, ranges);
  if (scan)
    collectScan(*scan, ranges);
  for (size_t i = 0; i < specs.size(); ++i) {
    Var *var = rangeOf(specs[i], ranges, i < fallback.size() ? fallback[i] : std::nullopt,
                       scan ? VarKind::ScanIndex : VarKind::Index);
    if (!var)
      return false;
    found.push_back(var);
  }
  return true;
}

Checker::IndexScope::IndexScope(Checker &checker, const std::vector<Var *> &indices)
    : checker(checker), mark(checker.facts.mark()) {
  checker.scopes.emplace_back();
  for (Var *index : indices) {
    checker.facts.addIndex(index);
    Binding binding;
    binding.kind = Binding::Value;
    binding.var = index;
    binding.range = index->range;
    binding.scanDepth = checker.scanDepth;
    checker.bind(index->name, std::move(binding));
  }
}

Checker::IndexScope::~IndexScope() {
  checker.scopes.pop_back();
  checker.facts.reset(mark);
}

} // namespace seq
