//===- TreeBuilder.h - From the grammar's tree to the syntax tree ------------===//
#ifndef SEQC_SYNTAX_TREEBUILDER_H
#define SEQC_SYNTAX_TREEBUILDER_H

#include "compiler/Syntax/AST.h"
#include "compiler/Syntax/Tokens.h"

#include "SeqParser.h"

namespace seq::syntax {

/// An expression while it is built.
struct Built {
  ast::ExprPtr expr;
  unsigned depth = 1;    ///< of its tree
  bool inParens = false; ///< written in parentheses: nothing around it binds into it
};

/// Builds declarations (BuildDecl.cpp), statements (BuildStmt.cpp) and expressions
/// (BuildExpr.cpp). Contexts with a syntax error in them are left out.
class TreeBuilder {
public:
  TreeBuilder(const TokenList &tokens, DiagnosticEngine &diags)
      : tokens(tokens), diags(diags), source(diags.sourceManager().text(tokens.file)) {}

  std::unique_ptr<ast::File> file(SeqParser::FileContext *ctx);
  ast::ExprPtr entry(SeqParser::EntryContext *ctx);

private:
  // Declarations.
  void decl(SeqParser::DeclContext *ctx, ast::File &file);
  void import(SeqParser::ImportDeclContext *ctx, ast::File &file);
  std::unique_ptr<ast::FnDecl> function(SeqParser::FnDeclContext *ctx);
  std::vector<ast::Param> params(SeqParser::ParamsContext *ctx);
  std::vector<ast::ResultDecl> results(SeqParser::ResultsContext *ctx);
  ast::TypeExpr type(SeqParser::TypeContext *ctx);
  std::optional<ast::TypeExpr> optionalType(SeqParser::TypeContext *ctx);
  std::unique_ptr<ast::LayerDecl> layer(SeqParser::LayerDeclContext *ctx);
  void member(SeqParser::MemberContext *ctx, ast::LayerDecl &layer);
  ast::ParamDecl paramDecl(SeqParser::ParamDeclContext *ctx);
  ast::SubLayerDecl subLayer(SeqParser::SubLayerContext *ctx);
  void fileJunk(SeqParser::FileJunkContext *ctx);
  void memberJunk(SeqParser::MemberJunkContext *ctx);

  // Statements.
  ast::Block block(SeqParser::BlockContext *ctx);
  ast::StmtPtr stmt(SeqParser::StmtContext *ctx);
  void let(SeqParser::LetStmtContext *ctx, ast::Stmt &stmt);
  void localFunction(SeqParser::TargetContext *target, ast::Stmt &stmt);
  void value(SeqParser::ValueStmtContext *ctx, ast::Stmt &stmt);
  void forLoop(SeqParser::ForStmtContext *ctx, ast::Stmt &stmt);
  void ifElse(SeqParser::IfStmtContext *ctx, size_t first, ast::Stmt &stmt);
  ast::Target target(SeqParser::TargetContext *ctx);
  std::optional<ast::Target> assigned(SeqParser::ExprContext *ctx);
  std::vector<ast::IndexDecl> indices(SeqParser::IndicesContext *ctx);
  ast::IndexDecl index(ast::Name name, SeqParser::RangeContext *range);
  std::optional<ast::IndexDecl> indexOf(SeqParser::SubscriptContext *ctx, const char *what);
  void lineJunk(SeqParser::LineJunkContext *ctx);

  // Expressions.
  ast::ExprPtr expr(SeqParser::ExprContext *ctx) { return ctx ? build(ctx).expr : nullptr; }
  Built build(SeqParser::ExprContext *ctx);
  Built primary(SeqParser::ExprContext *ctx);
  Built apply(SeqParser::ExprContext *ctx, Built left);
  Built member(SeqParser::Member_Context *ctx, Built left);
  Built subscripted(SeqParser::Index_Context *ctx, Built left);
  Built call(SeqParser::CallContext *ctx, Built left);
  Built binary(SeqParser::ExprContext *ctx, antlr4::Token *op, SeqParser::ExprContext *right,
               Built left);
  Built unary(SeqParser::UnaryContext *ctx);
  Built ternary(SeqParser::TernaryContext *ctx, Built left);
  Built reduce(SeqParser::Index_Context *index, SeqParser::CallContext *call, Built name);
  Built scan(SeqParser::ScanContext *ctx);
  Built list(SeqParser::ListContext *ctx);
  ast::Subscript subscript(SeqParser::SubscriptContext *ctx, unsigned &depth);
  std::vector<ast::Argument> arguments(SeqParser::ArgsContext *ctx, bool mayFilter,
                                       unsigned &depth);
  void checkComparison(const Built &left, const ast::Expr &right, SourceRange op);
  void checkNot(const Built &operand, std::string_view op);
  void checkDepth(Built &built, SourceRange at);

  // Places and words.
  SourceRange range(antlr4::Token *token) const {
    return tokens.info[token->getTokenIndex()].range;
  }
  SourceRange range(antlr4::tree::TerminalNode *node) const { return range(node->getSymbol()); }
  SourceRange range(antlr4::ParserRuleContext *ctx) const;
  std::string_view text(SourceRange range) const {
    return source.substr(range.begin, range.end - range.begin);
  }
  ast::Name name(antlr4::tree::TerminalNode *node) const;
  std::string doc(antlr4::ParserRuleContext *ctx) const;
  std::string stringValue(antlr4::tree::TerminalNode *node) const;
  bool isTainted(antlr4::ParserRuleContext *ctx) const;
  ast::ExprPtr make(ast::ExprKind kind, SourceRange range, std::string text = "") const;

  const TokenList &tokens;
  DiagnosticEngine &diags;
  std::string_view source;
};

} // namespace seq::syntax

#endif
