#include "compiler/Syntax/ErrorStrategy.h"
#include "compiler/Syntax/Nfc.h"
#include "compiler/Syntax/TreeBuilder.h"

namespace seq::syntax {

using P = SeqParser;

SourceRange TreeBuilder::range(antlr4::ParserRuleContext *ctx) const {
  SourceRange first = range(ctx->start);
  SourceRange last = ctx->stop ? range(ctx->stop) : first;
  return {tokens.file, first.begin, std::max(first.begin, last.end)};
}

ast::Name TreeBuilder::name(antlr4::tree::TerminalNode *node) const {
  SourceRange at = range(node);
  return {toNfc(text(at)), at};
}

std::string TreeBuilder::doc(antlr4::ParserRuleContext *ctx) const {
  auto found = tokens.docs.find(ctx->start->getTokenIndex());
  return found == tokens.docs.end() ? "" : found->second;
}

std::string TreeBuilder::stringValue(antlr4::tree::TerminalNode *node) const {
  std::string_view written = text(range(node));
  std::string value;
  for (size_t i = 1; i + 1 < written.size(); ++i) {
    if (written[i] == '\\' && i + 2 < written.size())
      ++i;
    value += written[i];
  }
  return value;
}

bool TreeBuilder::isTainted(antlr4::ParserRuleContext *ctx) const {
  return tokens.tainted.count(tokens.info[ctx->start->getTokenIndex()].segment) != 0;
}

std::unique_ptr<ast::File> TreeBuilder::file(P::FileContext *ctx) {
  auto file = std::make_unique<ast::File>();
  file->id = tokens.file;
  bool afterJunk = false;
  for (antlr4::tree::ParseTree *child : ctx->children) {
    if (auto *junk = dynamic_cast<P::FileJunkContext *>(child)) {
      // A page of prose is one error.
      if (!afterJunk && !isTainted(junk))
        fileJunk(junk);
      afterJunk = true;
    } else if (auto *d = dynamic_cast<P::DeclContext *>(child)) {
      afterJunk = false;
      if (!d->exception)
        decl(d, *file);
    }
  }
  return file;
}

void TreeBuilder::fileJunk(P::FileJunkContext *ctx) {
  SourceRange at = range(ctx->start);
  std::string_view word = text(at);
  if (word == "rename") {
    diags.error(Diag::SyntaxRename, at, "`rename` blocks are not supported")
        .hint("rename the tensors in a mapping file");
    return;
  }
  auto error = diags.error(Diag::SyntaxDeclaration, at,
                           "expected a declaration, found " +
                               describeToken(tokens, source, ctx->start->getTokenIndex()));
  if (word == "def" || word == "func" || word == "function" || word == "fun")
    error.hint("a function is written `fn name(x: [T]) -> [T] { … }`");
  else if (word == "class" || word == "struct" || word == "module")
    error.hint("a layer is written `layer Name(D) { … }`");
  else if (std::string near = nearest(word, {"fn", "layer", "model", "import", "test"});
           !near.empty())
    error.hint("did you mean `" + near + "`?");
  else if (ctx->start->getType() == P::LET || ctx->start->getType() == P::PARAM)
    error.hint("statements stand in the body of a function");
}

void TreeBuilder::decl(P::DeclContext *ctx, ast::File &file) {
  if (P::ImportDeclContext *d = ctx->importDecl())
    return import(d, file);
  if (P::TestDeclContext *d = ctx->testDecl()) {
    file.tests.push_back({stringValue(d->STRING()), range(d), block(d->block())});
  } else if (P::FnDeclContext *d = ctx->fnDecl()) {
    file.order.emplace_back(false, unsigned(file.functions.size()));
    file.functions.push_back(function(d));
  } else if (P::LayerDeclContext *d = ctx->layerDecl()) {
    file.order.emplace_back(true, unsigned(file.layers.size()));
    file.layers.push_back(layer(d));
  }
}

namespace {
bool isIdentifier(std::string_view text) {
  auto isLetter = [](unsigned char c) { return isalpha(c) || c == '_' || c >= 0x80; };
  if (text.empty() || !isLetter(text[0]))
    return false;
  return std::all_of(text.begin(), text.end(),
                     [&](unsigned char c) { return isLetter(c) || isdigit(c); });
}

/// "cells" of "./lib/cells.seq".
std::string stemOf(const std::string &path) {
  size_t slash = path.find_last_of('/');
  std::string file = slash == std::string::npos ? path : path.substr(slash + 1);
  return file.substr(0, file.find('.'));
}
} // namespace

void TreeBuilder::import(P::ImportDeclContext *ctx, ast::File &file) {
  ast::ImportDecl import;
  SourceRange what;
  if (ctx->STRING()) {
    what = range(ctx->STRING());
    import.isFile = true;
    import.path = stringValue(ctx->STRING());
    import.alias = {toNfc(stemOf(import.path)), what};
  } else {
    what = range(ctx->qualified());
    for (antlr4::tree::TerminalNode *part : ctx->qualified()->IDENT()) {
      import.alias = name(part);
      import.path += (import.path.empty() ? "" : ".") + import.alias.text;
    }
  }
  import.range = {tokens.file, range(ctx->start).begin, what.end};
  if (ctx->IDENT()) {
    import.alias = name(ctx->IDENT());
    import.range.end = import.alias.range.end;
  } else if (!isIdentifier(import.alias.text)) {
    diags.error(Diag::SyntaxImport, what, "the file's name gives no name to the module")
        .hint("add `as` and a name");
    return;
  }
  file.imports.push_back(std::move(import));
}

std::unique_ptr<ast::FnDecl> TreeBuilder::function(P::FnDeclContext *ctx) {
  auto fn = std::make_unique<ast::FnDecl>();
  fn->name = name(ctx->IDENT());
  fn->range = range(ctx);
  fn->doc = doc(ctx);
  fn->params = params(ctx->params());
  fn->results = results(ctx->results());
  fn->body = block(ctx->block());
  return fn;
}

std::vector<ast::Param> TreeBuilder::params(P::ParamsContext *ctx) {
  std::vector<ast::Param> list;
  for (P::ParamContext *p : ctx->param())
    list.push_back({name(p->IDENT()), type(p->type()), expr(p->expr())});
  return list;
}

std::vector<ast::ResultDecl> TreeBuilder::results(P::ResultsContext *ctx) {
  std::vector<ast::ResultDecl> list;
  if (!ctx)
    return list;
  for (P::ResultContext *r : ctx->result()) {
    std::optional<ast::Name> named;
    if (r->IDENT())
      named = name(r->IDENT());
    list.push_back({std::move(named), type(r->type())});
  }
  return list;
}

ast::TypeExpr TreeBuilder::type(P::TypeContext *ctx) {
  ast::TypeExpr type;
  type.range = range(ctx);
  if (ctx->qualified())
    for (antlr4::tree::TerminalNode *part : ctx->qualified()->IDENT())
      type.element += (type.element.empty() ? "" : ".") + name(part).text;
  type.hasShape = ctx->LBRACKET() != nullptr;
  for (P::ExprContext *size : ctx->expr())
    type.shape.push_back(expr(size));
  return type;
}

std::optional<ast::TypeExpr> TreeBuilder::optionalType(P::TypeContext *ctx) {
  if (!ctx)
    return std::nullopt;
  return type(ctx);
}

std::unique_ptr<ast::LayerDecl> TreeBuilder::layer(P::LayerDeclContext *ctx) {
  auto layer = std::make_unique<ast::LayerDecl>();
  layer->name = name(ctx->IDENT());
  layer->range = range(ctx);
  layer->doc = doc(ctx);
  layer->isModel = ctx->MODEL() != nullptr;
  if (ctx->sizes())
    for (P::SizeContext *s : ctx->sizes()->size())
      layer->sizes.push_back({name(s->IDENT()), optionalType(s->type()), expr(s->expr())});
  for (P::MemberContext *m : ctx->member())
    if (!m->exception)
      member(m, *layer);
  return layer;
}

void TreeBuilder::member(P::MemberContext *ctx, ast::LayerDecl &layer) {
  if (P::FnDeclContext *fn = ctx->fnDecl()) {
    layer.functions.push_back(function(fn));
  } else if (P::ParamDeclContext *param = ctx->paramDecl()) {
    layer.order.emplace_back(false, unsigned(layer.params.size()));
    layer.params.push_back(paramDecl(param));
  } else if (P::SubLayerContext *sub = ctx->subLayer()) {
    layer.order.emplace_back(true, unsigned(layer.subLayers.size()));
    layer.subLayers.push_back(subLayer(sub));
  } else if (P::MemberJunkContext *junk = ctx->memberJunk()) {
    if (!isTainted(junk))
      memberJunk(junk);
  }
}

void TreeBuilder::memberJunk(P::MemberJunkContext *ctx) {
  auto error = diags.error(Diag::SyntaxMember, range(ctx->start),
                           "expected a parameter, a sub-layer or a function, found " +
                               describeToken(tokens, source, ctx->start->getTokenIndex()));
  if (ctx->start->getType() == P::LET)
    error.hint("statements stand in the body of a function");
}

ast::ParamDecl TreeBuilder::paramDecl(P::ParamDeclContext *ctx) {
  ast::ParamDecl param;
  param.name = name(ctx->IDENT());
  param.range = range(ctx);
  param.doc = doc(ctx);
  if (ctx->indices())
    param.indices = indices(ctx->indices());
  param.type = optionalType(ctx->type());
  std::vector<P::ExprContext *> exprs = ctx->expr();
  if (ctx->ASSIGN())
    param.init = expr(exprs.front());
  if (ctx->IF())
    param.condition = expr(exprs.back());
  if (!param.type && !param.init)
    diags
        .error(Diag::SyntaxParameterType, param.name.range,
               "parameter `" + param.name.text + "` has neither a type nor an initial value")
        .hint("write `param " + param.name.text + ": [D]`");
  return param;
}

ast::SubLayerDecl TreeBuilder::subLayer(P::SubLayerContext *ctx) {
  ast::SubLayerDecl sub;
  sub.name = name(ctx->IDENT(0));
  sub.range = range(ctx);
  sub.doc = doc(ctx);
  sub.count = expr(ctx->expr());
  if (ctx->FATARROW())
    sub.indexVar = name(ctx->IDENT(1));
  for (antlr4::tree::TerminalNode *part : ctx->qualified()->IDENT()) {
    ast::Name piece = name(part);
    if (!sub.callee) {
      sub.callee = make(ast::ExprKind::NameRef, piece.range, piece.text);
      continue;
    }
    SourceRange whole{tokens.file, sub.callee->range.begin, piece.range.end};
    ast::ExprPtr outer = make(ast::ExprKind::Member, whole, piece.text);
    outer->opRange = piece.range;
    outer->a = std::move(sub.callee);
    sub.callee = std::move(outer);
  }
  unsigned depth = 0;
  sub.args = arguments(ctx->args(), false, depth);
  return sub;
}

} // namespace seq::syntax
