//===- ErrorStrategy.h - What the grammar expected, in words -----------------===//
#ifndef SEQC_SYNTAX_ERRORSTRATEGY_H
#define SEQC_SYNTAX_ERRORSTRATEGY_H

#include "compiler/Syntax/Tokens.h"

namespace seq::syntax {

/// Stops a declaration, member or statement at its first error and goes on behind it.
/// An error inside leaves through the rules around it, as an exception, up to one of
/// those three; its context is then marked (`exception`) and its tree is not built.
class ErrorStrategy : public antlr4::ANTLRErrorStrategy {
public:
  ErrorStrategy(const TokenList &tokens, DiagnosticEngine &diags) : tokens(tokens), diags(diags) {}

  void reset(antlr4::Parser *parser) override { reported = false; }
  antlr4::Token *recoverInline(antlr4::Parser *parser) override;
  void recover(antlr4::Parser *parser, std::exception_ptr error) override;
  void sync(antlr4::Parser *parser) override {}
  bool inErrorRecoveryMode(antlr4::Parser *parser) override { return reported; }
  void reportMatch(antlr4::Parser *parser) override {}
  void reportError(antlr4::Parser *parser, const antlr4::RecognitionException &error) override;

private:
  void report(antlr4::Parser *parser, antlr4::Token *found);

  const TokenList &tokens;
  DiagnosticEngine &diags;
  bool reported = false; ///< the error on its way out has been
  bool stopped = false;  ///< there were so many that the rest is not looked at
};

/// "`)`", "the end of the line", "a string": a token in words.
std::string describeToken(const TokenList &tokens, std::string_view source, size_t index);

} // namespace seq::syntax

#endif
