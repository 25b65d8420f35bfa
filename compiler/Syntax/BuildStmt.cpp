#include "compiler/Syntax/ErrorStrategy.h"
#include "compiler/Syntax/TreeBuilder.h"

namespace seq::syntax {

using P = SeqParser;
using ast::StmtKind;

ast::Block TreeBuilder::block(P::BlockContext *ctx) {
  ast::Block block;
  block.range = range(ctx);
  for (P::LineContext *line : ctx->line()) {
    if (line->exception)
      continue;
    if (P::StmtContext *s = line->stmt())
      block.stmts.push_back(stmt(s));
    else if (P::LineJunkContext *junk = line->lineJunk(); junk && !isTainted(junk))
      lineJunk(junk);
  }
  return block;
}

void TreeBuilder::lineJunk(P::LineJunkContext *ctx) {
  SourceRange at = range(ctx->start);
  std::string word(text(at));
  switch (ctx->start->getType()) {
  case P::ELSE:
    diags.error(Diag::SyntaxStatement, at, "`else` without an `if` before it");
    return;
  case P::FN:
    diags.error(Diag::SyntaxStatement, at, "a function cannot be declared inside a block")
        .hint("a local function is written `let f(x: [D]) = …`");
    return;
  case P::RPAREN:
  case P::RBRACKET:
  case P::ARROW:
  case P::FATARROW:
  case P::COLON:
    diags.error(Diag::SyntaxStatement, at, "a statement cannot begin with `" + word + "`");
    return;
  default:
    diags.error(Diag::SyntaxLeadingOperator, at, "a statement cannot begin with `" + word + "`")
        .hint("to go on with the line before, end it with `" + word + "` or stay inside brackets");
  }
}

ast::StmtPtr TreeBuilder::stmt(P::StmtContext *ctx) {
  auto stmt = std::make_unique<ast::Stmt>();
  stmt->range = range(ctx);
  if (P::LetStmtContext *s = ctx->letStmt()) {
    let(s, *stmt);
  } else if (P::ReturnStmtContext *s = ctx->returnStmt()) {
    stmt->kind = StmtKind::Return;
    for (P::ExprContext *e : s->expr())
      stmt->values.push_back(expr(e));
  } else if (P::YieldStmtContext *s = ctx->yieldStmt()) {
    stmt->kind = StmtKind::Yield;
    for (P::ExprContext *e : s->expr())
      stmt->values.push_back(expr(e));
  } else if (P::ForStmtContext *s = ctx->forStmt()) {
    forLoop(s, *stmt);
  } else if (P::IfStmtContext *s = ctx->ifStmt()) {
    ifElse(s, 0, *stmt);
  } else {
    value(ctx->valueStmt(), *stmt);
  }
  return stmt;
}

void TreeBuilder::let(P::LetStmtContext *ctx, ast::Stmt &stmt) {
  stmt.kind = StmtKind::Let;
  for (P::TargetContext *t : ctx->target()) {
    stmt.targets.push_back(target(t));
    if (!t->params())
      continue;
    if (ctx->target().size() == 1)
      localFunction(t, stmt);
    else
      diags.error(Diag::SyntaxTarget, range(t), "a local function has a `let` of its own");
  }
  stmt.values.push_back(expr(ctx->expr()));
  if (!stmt.function)
    return;
  // The function's body is its value: a block as it stands, or one that holds it.
  ast::ExprPtr body = std::move(stmt.values.back());
  stmt.values.clear();
  stmt.function->range = stmt.range;
  if (body->kind == ast::ExprKind::Block) {
    stmt.function->body = std::move(*body->block);
    return;
  }
  stmt.function->body.range = body->range;
  auto result = std::make_unique<ast::Stmt>();
  result->kind = StmtKind::Value;
  result->range = body->range;
  result->values.push_back(std::move(body));
  stmt.function->body.stmts.push_back(std::move(result));
}

void TreeBuilder::localFunction(P::TargetContext *target, ast::Stmt &stmt) {
  stmt.function = std::make_unique<ast::FnDecl>();
  stmt.function->name = name(target->IDENT());
  stmt.function->params = params(target->params());
  stmt.function->results = results(target->results());
}

ast::Target TreeBuilder::target(P::TargetContext *ctx) {
  ast::Target target;
  target.name = name(ctx->IDENT());
  target.hasIndices = ctx->indices() != nullptr;
  if (ctx->indices())
    target.indices = indices(ctx->indices());
  target.type = optionalType(ctx->type());
  target.isFunction = ctx->params() != nullptr;
  return target;
}

std::vector<ast::IndexDecl> TreeBuilder::indices(P::IndicesContext *ctx) {
  std::vector<ast::IndexDecl> list;
  for (P::IndexContext *i : ctx->index())
    list.push_back(index(name(i->IDENT()), i->range()));
  return list;
}

ast::IndexDecl TreeBuilder::index(ast::Name name, P::RangeContext *range) {
  ast::IndexDecl index;
  index.name = std::move(name);
  if (range) {
    index.lo = expr(range->expr(0));
    index.hi = expr(range->expr(1));
  }
  return index;
}

/// A subscript that has to name an index: `j`, `j in 0..K`.
std::optional<ast::IndexDecl> TreeBuilder::indexOf(P::SubscriptContext *ctx, const char *what) {
  auto *named =
      ctx->COLON() || ctx->expr().empty() ? nullptr : dynamic_cast<P::NameContext *>(ctx->expr(0));
  if (named)
    return index(name(named->IDENT()), ctx->range());
  diags.error(Diag::SyntaxIndexName, range(ctx),
              "expected the name of an index in the brackets of " + std::string(what));
  return std::nullopt;
}

/// The left side of `=`, which was read as an expression.
std::optional<ast::Target> TreeBuilder::assigned(P::ExprContext *ctx) {
  auto *indexed = dynamic_cast<P::Index_Context *>(ctx);
  auto *named = dynamic_cast<P::NameContext *>(indexed ? indexed->expr() : ctx);
  if (!named) {
    auto error = diags.error(Diag::SyntaxTarget, range(ctx), "this cannot be assigned to");
    if (dynamic_cast<P::CallContext *>(ctx))
      error.hint("a local function is written `let f(x: [D]) = …`");
    return std::nullopt;
  }
  ast::Target target;
  target.name = name(named->IDENT());
  if (!indexed)
    return target;
  target.hasIndices = true;
  for (P::SubscriptContext *s : indexed->subscript())
    if (auto index = indexOf(s, "an assignment"))
      target.indices.push_back(std::move(*index));
  return target;
}

void TreeBuilder::value(P::ValueStmtContext *ctx, ast::Stmt &stmt) {
  std::vector<P::ExprContext *> exprs = ctx->expr();
  if (!ctx->ASSIGN()) {
    stmt.kind = StmtKind::Value;
    for (P::ExprContext *e : exprs)
      stmt.values.push_back(expr(e));
    return;
  }
  stmt.kind = StmtKind::Assign;
  for (size_t i = 0; i + 1 < exprs.size(); ++i)
    if (auto target = assigned(exprs[i]))
      stmt.targets.push_back(std::move(*target));
  stmt.values.push_back(expr(exprs.back()));
}

void TreeBuilder::forLoop(P::ForStmtContext *ctx, ast::Stmt &stmt) {
  stmt.kind = StmtKind::For;
  stmt.loopVar = name(ctx->IDENT());
  stmt.lo = expr(ctx->expr(0));
  if (ctx->DOTDOT())
    stmt.hi = expr(ctx->expr(1));
  stmt.body = block(ctx->block());
}

/// `else if` is an `if` in the else block. The layout bounds their number.
void TreeBuilder::ifElse(P::IfStmtContext *ctx, size_t first, ast::Stmt &stmt) {
  std::vector<P::ExprContext *> conditions = ctx->expr();
  std::vector<P::BlockContext *> blocks = ctx->block();
  stmt.kind = StmtKind::If;
  stmt.cond = expr(conditions[first]);
  stmt.body = block(blocks[first]);
  stmt.hasElse = first + 1 < blocks.size();
  if (!stmt.hasElse)
    return;
  if (first + 1 == conditions.size()) {
    stmt.elseBody = block(blocks[first + 1]);
    return;
  }
  auto nested = std::make_unique<ast::Stmt>();
  nested->range = {tokens.file, range(conditions[first + 1]).begin, range(ctx).end};
  ifElse(ctx, first + 1, *nested);
  stmt.elseBody.range = nested->range;
  stmt.elseBody.stmts.push_back(std::move(nested));
}

} // namespace seq::syntax
