//===- BuildExpr.cpp - Expressions of the syntax tree ------------------------===//
//
// Chains (`a + b + …`, `f(x)[t].y`) lean to the left in the grammar's tree and may be
// long, so their left spine is walked in a loop; everything else nests at most
// kMaxNesting deep, which the layout has seen to.
//
//===----------------------------------------------------------------------===//
#include "compiler/Syntax/Nfc.h"
#include "compiler/Syntax/Syntax.h"
#include "compiler/Syntax/TreeBuilder.h"

#include <algorithm>

namespace seq::syntax {

using P = SeqParser;
using ast::ExprKind;

namespace {
constexpr unsigned kMaxDepth = kMaxChain + 2 * kMaxNesting;

bool isReduction(const std::string &name) {
  static const char *const names[] = {"sum",    "prod",      "max", "min", "mean",   "argmax",
                                      "argmin", "logsumexp", "any", "all", "softmax"};
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

bool isComparison(const std::string &op) {
  return op == "<" || op == "<=" || op == ">" || op == ">=" || op == "==" || op == "!=";
}

/// The operand with which the expression begins, or null for a primary or a prefix.
P::ExprContext *leftOf(P::ExprContext *ctx) {
  if (ctx->children.size() < 2)
    return nullptr;
  return dynamic_cast<P::ExprContext *>(ctx->children.front());
}

SourceRange join(SourceRange a, SourceRange b) {
  return {a.file, a.begin, b.end};
}
} // namespace

ast::ExprPtr TreeBuilder::make(ExprKind kind, SourceRange range, std::string text) const {
  auto expr = std::make_unique<ast::Expr>();
  expr->kind = kind;
  expr->range = range;
  expr->text = std::move(text);
  return expr;
}

Built TreeBuilder::build(P::ExprContext *ctx) {
  std::vector<P::ExprContext *> spine;
  for (P::ExprContext *left; (left = leftOf(ctx)); ctx = left)
    spine.push_back(ctx);
  Built built = primary(ctx);
  unsigned links = 0;
  while (!spine.empty()) {
    P::ExprContext *outer = spine.back();
    spine.pop_back();
    auto *index = dynamic_cast<P::Index_Context *>(outer);
    auto *call = spine.empty() ? nullptr : dynamic_cast<P::CallContext *>(spine.back());
    bool isName = built.expr->kind == ExprKind::NameRef && !built.inParens;
    if (index && call && isName && isReduction(built.expr->text)) {
      spine.pop_back();
      built = reduce(index, call, std::move(built));
    } else {
      built = apply(outer, std::move(built));
    }
    if (++links == kMaxChain || built.depth > kMaxDepth) {
      SourceRange at = built.expr->opRange.valid() ? built.expr->opRange : built.expr->range;
      diags
          .error(Diag::SyntaxTooLong, at,
                 "the expression goes on for more than " + std::to_string(kMaxChain) + " terms")
          .hint("give a part of it a name with `let`");
      break;
    }
  }
  return built;
}

Built TreeBuilder::primary(P::ExprContext *ctx) {
  SourceRange at = range(ctx);
  if (auto *e = dynamic_cast<P::NameContext *>(ctx))
    return {make(ExprKind::NameRef, at, name(e->IDENT()).text)};
  if (auto *e = dynamic_cast<P::NumberContext *>(ctx)) {
    Built number{make(ExprKind::Number, at, std::string(text(at)))};
    number.expr->isFloat = e->FLOAT() != nullptr;
    return number;
  }
  if (dynamic_cast<P::BoolContext *>(ctx))
    return {make(ExprKind::Bool, at, std::string(text(at)))};
  if (auto *e = dynamic_cast<P::StringContext *>(ctx))
    return {make(ExprKind::String, at, stringValue(e->STRING()))};
  if (auto *e = dynamic_cast<P::ParensContext *>(ctx)) {
    Built inner = build(e->expr());
    inner.expr->range = at;
    inner.inParens = true;
    return inner;
  }
  if (auto *e = dynamic_cast<P::ListContext *>(ctx))
    return list(e);
  if (auto *e = dynamic_cast<P::UnaryContext *>(ctx))
    return unary(e);
  if (auto *e = dynamic_cast<P::ScanContext *>(ctx))
    return scan(e);
  Built value{make(ExprKind::Block, at)};
  value.expr->block =
      std::make_unique<ast::Block>(block(static_cast<P::BlockValueContext *>(ctx)->block()));
  return value;
}

Built TreeBuilder::apply(P::ExprContext *ctx, Built left) {
  if (auto *e = dynamic_cast<P::BinaryContext *>(ctx))
    return binary(e, e->op, e->expr(1), std::move(left));
  if (auto *e = dynamic_cast<P::PowerContext *>(ctx))
    return binary(e, e->op, e->expr(1), std::move(left));
  if (auto *e = dynamic_cast<P::Index_Context *>(ctx))
    return subscripted(e, std::move(left));
  if (auto *e = dynamic_cast<P::CallContext *>(ctx))
    return call(e, std::move(left));
  if (auto *e = dynamic_cast<P::Member_Context *>(ctx))
    return member(e, std::move(left));
  return ternary(static_cast<P::TernaryContext *>(ctx), std::move(left));
}

Built TreeBuilder::member(P::Member_Context *ctx, Built left) {
  ast::Name field = name(ctx->IDENT());
  Built built{make(ExprKind::Member, join(left.expr->range, field.range), field.text),
              left.depth + 1};
  built.expr->opRange = field.range;
  built.expr->a = std::move(left.expr);
  return built;
}

Built TreeBuilder::subscripted(P::Index_Context *ctx, Built left) {
  Built built{make(ExprKind::Index, join(left.expr->range, range(ctx))), left.depth};
  for (P::SubscriptContext *s : ctx->subscript())
    built.expr->subscripts.push_back(subscript(s, built.depth));
  ++built.depth;
  built.expr->opRange = join(range(ctx->LBRACKET()), range(ctx->RBRACKET()));
  built.expr->a = std::move(left.expr);
  return built;
}

ast::Subscript TreeBuilder::subscript(P::SubscriptContext *ctx, unsigned &depth) {
  ast::Subscript item;
  item.range = range(ctx);
  item.isSlice = ctx->COLON() != nullptr;
  if (ctx->range())
    diags.error(Diag::SyntaxSlice, item.range, "a range after `in` outside a reduction or target")
        .hint("a slice is written `x[a:b]`");
  std::vector<P::ExprContext *> ends = ctx->expr();
  for (P::ExprContext *end : ends) {
    Built built = build(end);
    depth = std::max(depth, built.depth);
    bool isLow =
        !item.isSlice || end->start->getTokenIndex() < ctx->COLON()->getSymbol()->getTokenIndex();
    (isLow ? item.lo : item.hi) = std::move(built.expr);
  }
  return item;
}

std::vector<ast::Argument> TreeBuilder::arguments(P::ArgsContext *ctx, bool mayFilter,
                                                  unsigned &depth) {
  std::vector<ast::Argument> list;
  for (P::ArgContext *a : ctx->arg()) {
    ast::Argument argument;
    if (a->IDENT())
      argument.name = name(a->IDENT());
    Built built = build(a->expr(0));
    depth = std::max(depth, built.depth);
    argument.value = std::move(built.expr);
    if (a->WHERE() && !(mayFilter && list.empty()))
      diags.error(Diag::SyntaxReduction, range(a->WHERE()), "`where` outside a reduction")
          .hint("a domain is written `sum[j](x[j] where j <= i)`");
    list.push_back(std::move(argument));
  }
  return list;
}

Built TreeBuilder::call(P::CallContext *ctx, Built left) {
  Built built{make(ExprKind::Call, join(left.expr->range, range(ctx))), left.depth};
  built.expr->args = arguments(ctx->args(), false, built.depth);
  ++built.depth;
  built.expr->opRange = range(ctx->args());
  built.expr->a = std::move(left.expr);
  return built;
}

/// `sum[i, j in 0..K](value where condition, …)`.
Built TreeBuilder::reduce(P::Index_Context *index, P::CallContext *call, Built name) {
  const std::string reduction = name.expr->text;
  Built built{make(ExprKind::Reduce, join(name.expr->range, range(call)), reduction)};
  built.expr->opRange = name.expr->range;
  for (P::SubscriptContext *s : index->subscript())
    if (auto decl = indexOf(s, ("`" + reduction + "`").c_str()))
      built.expr->indices.push_back(std::move(*decl));
  std::vector<ast::Argument> args = arguments(call->args(), true, built.depth);
  if (args.empty() || args[0].name) {
    diags.error(Diag::SyntaxReduction, range(call->args()),
                "expected a value in the parentheses of `" + reduction + "`");
    built.expr->a = make(ExprKind::Number, range(call->args()), "0");
    return built;
  }
  built.expr->a = std::move(args[0].value);
  P::ArgContext *first = call->args()->arg(0);
  if (first->WHERE()) {
    Built condition = build(first->expr(1));
    built.depth = std::max(built.depth, condition.depth);
    built.expr->b = std::move(condition.expr);
  }
  built.expr->args.assign(std::make_move_iterator(args.begin() + 1),
                          std::make_move_iterator(args.end()));
  ++built.depth;
  return built;
}

/// `a < b < c`: what was meant is nearly always `a < b and b < c`.
void TreeBuilder::checkComparison(const Built &left, const ast::Expr &right, SourceRange op) {
  if (left.inParens || left.expr->kind != ExprKind::Binary || !isComparison(left.expr->text))
    return;
  auto error = diags.error(Diag::SyntaxChainedComparison, op,
                           "`" + std::string(text(op)) + "` compares the result of a comparison");
  std::string_view first = text(left.expr->range), middle = text(left.expr->b->range);
  std::string_view last = text(right.range);
  constexpr size_t kShown = 80;
  if (first.size() + middle.size() + last.size() < kShown)
    error.hint("write `" + std::string(first) + " and " + std::string(middle) + " " +
               std::string(text(op)) + " " + std::string(last) + "`");
}

void TreeBuilder::checkNot(const Built &operand, std::string_view op) {
  if (operand.inParens || operand.expr->kind != ExprKind::Unary || operand.expr->text != "not")
    return;
  diags
      .error(Diag::SyntaxNotPosition, operand.expr->opRange,
             "`not` is an operand of `" + std::string(op) + "`")
      .hint("put it in parentheses");
}

Built TreeBuilder::binary(P::ExprContext *ctx, antlr4::Token *op, P::ExprContext *rightCtx,
                          Built left) {
  SourceRange at = range(op);
  std::string sign(text(at));
  Built right = build(rightCtx);
  if (sign != "and" && sign != "or")
    checkNot(right, sign);
  if (isComparison(sign))
    checkComparison(left, *right.expr, at);
  Built built{make(ExprKind::Binary, join(left.expr->range, right.expr->range), sign),
              std::max(left.depth, right.depth) + 1};
  built.expr->opRange = at;
  built.expr->a = std::move(left.expr);
  built.expr->b = std::move(right.expr);
  return built;
}

Built TreeBuilder::unary(P::UnaryContext *ctx) {
  SourceRange at = range(ctx->op);
  Built operand = build(ctx->expr());
  std::string sign(text(at));
  if (sign == "-")
    checkNot(operand, sign);
  Built built{make(ExprKind::Unary, join(at, operand.expr->range), sign), operand.depth + 1};
  built.expr->opRange = at;
  built.expr->a = std::move(operand.expr);
  return built;
}

Built TreeBuilder::ternary(P::TernaryContext *ctx, Built left) {
  Built yes = build(ctx->expr(1)), no = build(ctx->expr(2));
  Built built{make(ExprKind::Ternary, join(left.expr->range, no.expr->range)),
              std::max({left.depth, yes.depth, no.depth}) + 1};
  built.expr->opRange = range(ctx->QUESTION());
  built.expr->a = std::move(left.expr);
  built.expr->b = std::move(yes.expr);
  built.expr->c = std::move(no.expr);
  return built;
}

Built TreeBuilder::list(P::ListContext *ctx) {
  Built built{make(ExprKind::List, range(ctx))};
  for (P::ExprContext *item : ctx->expr()) {
    Built value = build(item);
    built.depth = std::max(built.depth, value.depth + 1);
    built.expr->args.push_back({std::nullopt, std::move(value.expr)});
  }
  return built;
}

Built TreeBuilder::scan(P::ScanContext *ctx) {
  auto scan = std::make_unique<ast::ScanExpr>();
  scan->reverse = ctx->REVERSE() != nullptr;
  scan->axis = index(name(ctx->IDENT()), ctx->range());
  for (P::StateContext *s : ctx->states()->state())
    scan->states.push_back({name(s->IDENT()), optionalType(s->type()), expr(s->expr())});
  for (P::ScanAsContext *as : ctx->scanAs())
    for (antlr4::tree::TerminalNode *node : as->IDENT())
      scan->as.push_back(name(node));
  for (P::ScanResetContext *reset : ctx->scanReset()) {
    if (scan->reset)
      diags.error(Diag::SyntaxUnexpected, range(reset), "a scan has one `reset`")
          .hint("join the conditions with `or`");
    scan->reset = expr(reset->expr());
  }
  scan->body = block(ctx->block());
  Built built{make(ExprKind::Scan, range(ctx))};
  built.expr->scan = std::move(scan);
  return built;
}

ast::ExprPtr TreeBuilder::entry(P::EntryContext *ctx) {
  ast::ExprPtr entry = expr(ctx->expr());
  const ast::Expr *inner = entry.get();
  if (inner->kind == ExprKind::Member)
    inner = inner->a.get();
  if (inner->kind == ExprKind::Call)
    inner = inner->a.get();
  if (inner->kind == ExprKind::NameRef)
    return entry;
  diags.error(Diag::SyntaxEntry, entry->range, "this names no function, layer or model");
  return nullptr;
}

} // namespace seq::syntax
