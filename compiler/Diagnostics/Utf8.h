//===- Utf8.h - Code points of UTF-8 text -----------------------------------===//
#ifndef SEQC_DIAGNOSTICS_UTF8_H
#define SEQC_DIAGNOSTICS_UTF8_H

#include <cstddef>
#include <string>
#include <string_view>

namespace seq::utf8 {

constexpr char32_t kInvalid = 0xFFFFFFFF;

/// The code point at `pos`, which moves past it. Overlong forms, surrogates and
/// stray bytes give kInvalid and move by one byte. `pos` is inside the text.
char32_t decode(std::string_view text, size_t &pos);
void append(std::string &out, char32_t c);

/// Characters that change the order in which a line is shown.
bool isBidiControl(char32_t c);
/// Characters that are never shown as they are: controls, bidi controls, invisible
/// format characters, line separators.
bool isUnsafe(char32_t c);
/// Columns of a terminal that the character takes: 0, 1 or 2.
unsigned width(char32_t c);
/// The text with each unsafe character and invalid byte as `<U+202E>` or `<0xFF>`.
std::string safe(std::string_view text);

} // namespace seq::utf8

#endif
