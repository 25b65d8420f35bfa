//===- Text.h - A file's bytes as characters ---------------------------------===//
#ifndef SEQC_SYNTAX_TEXT_H
#define SEQC_SYNTAX_TEXT_H

#include "compiler/Diagnostics/Diagnostics.h"

namespace seq::syntax {

/// The code points of a file and where each begins, in bytes.
struct Text {
  uint32_t file = 0;
  std::u32string chars;
  std::vector<uint32_t> offsets; ///< of chars, and one for the end

  SourceRange range(size_t firstChar, size_t endChar) const {
    return {file, offsets[firstChar], offsets[endChar]};
  }
};

/// Decodes a file. Bytes that are no UTF-8, NULs and a size over kMaxFileBytes are
/// reported; then the result is false and the text is of no use.
bool decodeText(uint32_t file, DiagnosticEngine &diags, Text &text);

/// "`$`", "U+202E (right-to-left override)": a character in a message's words.
std::string describeCharacter(char32_t c);

} // namespace seq::syntax

#endif
