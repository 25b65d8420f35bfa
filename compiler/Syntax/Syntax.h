//===- Syntax.h - Text to syntax tree ---------------------------------------===//
#ifndef SEQC_SYNTAX_SYNTAX_H
#define SEQC_SYNTAX_SYNTAX_H

#include "compiler/Syntax/AST.h"

namespace seq {

/// Brackets, blocks and operators may nest this deep; deeper is an error.
constexpr unsigned kMaxNesting = 200;
/// A flat chain of one operator (`a + b + …`) may have this many terms.
constexpr unsigned kMaxChain = 2000;
/// A file may hold this many bytes of text.
constexpr size_t kMaxFileBytes = 16u << 20;

/// Parses file `id` of the SourceManager. Errors go to `diags`; the tree of what
/// could be understood is returned even then, or null where nothing could be.
std::unique_ptr<ast::File> parseFile(uint32_t id, DiagnosticEngine &diags);

/// Parses `LSTM(64, 128)` or `LSTM(64, 128).name` as the command line's ENTRY.
ast::ExprPtr parseEntry(uint32_t id, DiagnosticEngine &diags);

/// Prints the tree as indented text (`--emit=ast`).
std::string printAst(const ast::File &file);

} // namespace seq

#endif
