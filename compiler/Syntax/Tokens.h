//===- Tokens.h - The words of a file as the grammar reads them --------------===//
#ifndef SEQC_SYNTAX_TOKENS_H
#define SEQC_SYNTAX_TOKENS_H

#include "compiler/Syntax/Text.h"

#include "antlr4-runtime.h"

#include <unordered_map>
#include <unordered_set>

namespace seq::syntax {

/// What stands where a statement ends.
enum class EndKind : uint8_t { None, Line, Semicolon, Brace, File };

struct TokenInfo {
  SourceRange range;
  uint32_t segment = 0; ///< tokens between two ENDs share it
  EndKind end = EndKind::None;
};

struct TokenList {
  uint32_t file = 0;
  std::vector<std::unique_ptr<antlr4::Token>> tokens; ///< moved into the parser
  std::vector<TokenInfo> info;                        ///< by token index
  std::unordered_map<size_t, std::string> docs;       ///< `///` text before a token
  std::unordered_set<uint32_t> tainted;               ///< segments with an error already
  bool usable = true; ///< false after errors that forbid parsing (depth, size)
};

/// A token as the lexer made it; `type` is one of SeqLexer's.
struct RawToken {
  size_t type;
  SourceRange range;
};

constexpr size_t kMaxTokens = 1'000'000;

/// Splits a text into words. Unknown characters, broken strings and numbers are
/// reported and stay in the list; false where there are too many words.
bool lex(const Text &text, DiagnosticEngine &diags, std::vector<RawToken> &tokens);

/// Applies the newline rule, balances brackets and measures nesting (Layout.cpp).
TokenList layOut(const Text &text, const std::vector<RawToken> &raw, DiagnosticEngine &diags);

} // namespace seq::syntax

#endif
