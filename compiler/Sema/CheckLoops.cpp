//===- CheckLoops.cpp - Static loops and conditions ---------------------------===//
#include "compiler/Sema/Checker.h"

namespace seq {

using namespace typed;

namespace {
constexpr int64_t kMaxTurns = 100000;
}

void Checker::loopBody(const ast::Stmt &stmt, Binding variable) {
  scopes.emplace_back();
  variable.range = stmt.loopVar.range;
  variable.scanDepth = scanDepth;
  bind(stmt.loopVar.text, std::move(variable));
  frames.back().yielded = false;
  size_t before = frames.back().yields.size();
  checkStatements(stmt.body.stmts, false);
  if (frames.back().yields.size() > before + 1) {
    diags().error(Diag::YieldTwice, frames.back().yieldRange, "this turn yields twice");
    failed = true;
  }
  scopes.pop_back();
}

Size Checker::loopOverLayers(const ast::Stmt &stmt, const SubLayerGroup &group,
                             const LayerRef &holder) {
  for (const SubLayer &member : group.members) {
    LayerRef ref = join(&holder, member);
    Binding binding;
    binding.kind = Binding::Sub;
    binding.sub = {ref.prefix.substr(0, ref.prefix.size() - 1), member.layer, ref.sizes};
    loopBody(stmt, std::move(binding));
    if (failed)
      break;
  }
  return translate(group.count, holder.sizes);
}

std::optional<Size> Checker::loopOverNumbers(const ast::Stmt &stmt) {
  std::optional<Size> lo = dimension(*stmt.lo), hi = lo ? dimension(*stmt.hi) : std::nullopt;
  if (!hi)
    return std::nullopt;
  std::optional<int64_t> from = lo->withStatics().asConstant(), to = hi->withStatics().asConstant();
  Binding binding;
  if (from && to) {
    if (*to - *from > kMaxTurns) {
      diags().error(Diag::BadLoop, stmt.range, "this loop has more than 100,000 turns");
      return std::nullopt;
    }
    binding.kind = Binding::Static;
    for (int64_t i = *from; i < *to && !failed; ++i) {
      binding.value = StaticValue::ofSize(Size::constant(i));
      loopBody(stmt, binding);
    }
    return *hi - *lo;
  }
  if (!hasOpenStatic(*sizeValue(*hi - *lo, stmt.range), Size())) {
    diags()
        .error(Diag::NotStatic, stmt.hi->range, "the number of turns is not known when compiling")
        .hint("over a sequence, use `scan`");
    return std::nullopt;
  }
  // Without numbers: one turn stands for all.
  SizeSymbol *symbol = analyzer.makeSymbol(stmt.loopVar.text, true, std::nullopt, generic);
  facts.addAtMost(*lo, Size::symbol(symbol));
  facts.addAtMost(Size::symbol(symbol) + Size::constant(1), *hi);
  binding.kind = Binding::Static;
  binding.value = StaticValue::ofSize(Size::symbol(symbol));
  loopBody(stmt, std::move(binding));
  return *hi - *lo;
}

/// What the turns of a loop yield, stacked: the value of the body that it ends.
void Checker::stackYields(const ast::Stmt &stmt, Frame &frame, const Size &count, bool isLast) {
  if (!isLast) {
    diags()
        .error(Diag::UnusedValue, frame.yieldRange, "what this loop yields is not used")
        .hint("take it: `let y = { for … { …; yield … } }`");
    failed = true;
    return;
  }
  hasValues = true;
  valueRange = stmt.range;
  size_t width = frame.yields[0].size();
  for (size_t i = 0; i < width; ++i) {
    ExprPtr stack = make(ExprKind::Stack, stmt.range, frame.yields[0][i]->type());
    stack->types[0].shape.insert(stack->types[0].shape.begin(), count);
    for (auto &turn : frame.yields) {
      if (turn.size() != width ||
          !coerce(turn[i], frame.yields[0][i] ? frame.yields[0][i]->type() : turn[i]->type(), false,
                  Diag::ShapeMismatch, "what the first turn yields")) {
        valuesFailed = failed = true;
        return;
      }
    }
    for (auto &turn : frame.yields)
      stack->args.push_back(std::move(turn[i]));
    bodyValues.push_back(std::move(stack));
  }
}

void Checker::checkFor(const ast::Stmt &stmt, bool isLast) {
  bool failedBefore = failed;
  failed = false;
  frames.push_back({});
  frames.back().isScan = false;
  std::optional<Size> count;
  LayerRef holder;
  if (stmt.hi) {
    count = loopOverNumbers(stmt);
    failed |= !count;
  } else if (const SubLayerGroup *group = groupOf(*stmt.lo, holder)) {
    count = loopOverLayers(stmt, *group, holder);
  } else {
    diags()
        .error(Diag::BadLoop, stmt.lo->range,
               "`" + source(stmt.lo->range) + "` is no array of sub-layers")
        .hint("over numbers: `for s in 0..S`; over a sequence: `scan`");
    failed = true;
  }
  Frame frame = std::move(frames.back());
  frames.pop_back();
  if (!failed && !frame.yields.empty())
    stackYields(stmt, frame, *count, isLast);
  else if (failed && isLast)
    valuesFailed = hasValues = true;
  failed = failed || failedBefore;
}

/// Without numbers for a static condition: both sides are checked.
void Checker::checkBothSides(const ast::Stmt &stmt, bool isLast) {
  std::vector<Binding *> open;
  for (auto &scope : scopes)
    for (auto &[name, binding] : scope)
      if (binding.isNext && !binding.assigned)
        open.push_back(&binding);
  auto savedFrame = !frames.empty() ? std::optional(frames.back().yielded) : std::nullopt;
  bool sides[] = {true, false};
  for (bool side : sides) {
    for (Binding *binding : open)
      binding->assigned = false;
    if (savedFrame)
      frames.back().yielded = *savedFrame;
    returned = false;
    bodyValues.clear();
    scopes.emplace_back();
    checkStatements(side ? stmt.body.stmts : stmt.elseBody.stmts, isLast);
    scopes.pop_back();
    if (side && stmt.elseBody.stmts.empty())
      return;
  }
}

void Checker::checkIf(const ast::Stmt &stmt, bool isLast) {
  std::optional<StaticValue> condition = staticCondition(*stmt.cond);
  if (!condition) {
    diags()
        .error(Diag::NotStatic, stmt.cond->range,
               "the condition of an `if` is known when compiling, this is not")
        .hint("values choose by `condition ? a : b`");
    failed = true;
    hasValues |= isLast;
    valuesFailed |= isLast;
    return;
  }
  if (!condition->known)
    return checkBothSides(stmt, isLast);
  scopes.emplace_back();
  checkStatements(condition->boolean ? stmt.body.stmts : stmt.elseBody.stmts, isLast);
  scopes.pop_back();
}

} // namespace seq
