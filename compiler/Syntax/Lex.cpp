#include "compiler/Diagnostics/Utf8.h"
#include "compiler/Syntax/Tokens.h"

#include "SeqLexer.h"

#include <algorithm>

namespace seq::syntax {

namespace {
struct CharRange {
  char32_t first, last;
};

#include "compiler/Syntax/LetterTables.inc"

template <size_t N> bool isIn(const CharRange (&ranges)[N], char32_t c) {
  auto range = std::lower_bound(std::begin(ranges), std::end(ranges), c,
                                [](const CharRange &r, char32_t c) { return r.last < c; });
  return range != std::end(ranges) && range->first <= c;
}

/// What the lexer sees for a character: ANTLR caches its steps for ASCII alone, so others
/// are shown as a class of characters: letters, marks and digits, or none of these.
char32_t shownAs(char32_t c) {
  constexpr char32_t kLetter = 1, kMark = 2, kOther = 3;
  if (c >= 0x80)
    return isIn(kLetters, c) ? kLetter : isIn(kMarksAndDigits, c) ? kMark : kOther;
  return c == kLetter || c == kMark ? kOther : c;
}

class TextStream : public antlr4::ANTLRInputStream {
public:
  explicit TextStream(const Text &text) {
    _data.reserve(text.chars.size());
    for (char32_t c : text.chars)
      _data += shownAs(c);
  }
};

std::string hintForCharacter(char32_t c) {
  switch (c) {
  case '#':
    return "comments begin with `//`";
  case '&':
    return "write `and`";
  case '|':
    return "write `or`";
  case '!':
    return "write `not`";
  case '^':
    return "a power is written `**`";
  case '\'':
    return "a prime follows a name: `h'`; strings stand between `\"`";
  case 0x2212:
  case 0x2013:
    return "write `-`";
  case 0x00D7:
  case 0x00B7:
  case 0x22C5:
    return "write `*`";
  case 0x2019:
  case 0x2032:
    return "write the prime as `'`";
  case 0x201C:
  case 0x201D:
    return "strings stand between `\"`";
  case 0x00A0:
    return "write a space";
  default:
    return "";
  }
}

void reportCharacter(char32_t c, SourceRange at, DiagnosticEngine &diags) {
  if (utf8::isBidiControl(c)) {
    diags.error(Diag::SyntaxBidi, at, describeCharacter(c) + " outside a comment");
    return;
  }
  if (c < 0x20 || (c >= 0x7F && c <= 0x9F)) {
    diags.error(Diag::SyntaxControlCharacter, at, "the control character " + describeCharacter(c));
    return;
  }
  auto error = diags.error(Diag::SyntaxCharacter, at, "unknown character " + describeCharacter(c));
  if (std::string hint = hintForCharacter(c); !hint.empty())
    error.hint(hint);
}

void reportNumber(std::string_view number, SourceRange at, DiagnosticEngine &diags) {
  auto error =
      diags.error(Diag::SyntaxNumber, at, "`" + std::string(number) + "` is no number and no name");
  size_t digits = number.find_first_not_of("0123456789.");
  std::string rest(number.substr(digits));
  if (rest == "e" || rest == "E")
    error.hint("digits follow the `e` of an exponent");
  else if (rest[0] != '_' && number.substr(0, 2) != "0x")
    error.hint("a product is written `" + std::string(number.substr(0, digits)) + " * " + rest +
               "`");
}

/// Strings hold what may be shown as it is.
void checkString(const Text &text, size_t first, size_t end, DiagnosticEngine &diags) {
  for (size_t i = first; i < end; ++i)
    if (utf8::isUnsafe(text.chars[i]))
      reportCharacter(text.chars[i], text.range(i, i + 1), diags);
}

class Lexer {
public:
  Lexer(const Text &text, DiagnosticEngine &diags) : text(text), diags(diags) {}

  void check(size_t type, size_t first, size_t end) {
    SourceRange at = text.range(first, end);
    if (type == SeqLexer::BAD && !continuesBad(first))
      reportCharacter(text.chars[first], at, diags);
    else if (type == SeqLexer::BAD_NUMBER)
      reportNumber(diags.sourceManager().text(at), at, diags);
    else if (type == SeqLexer::BAD_STRING)
      diags.error(Diag::SyntaxString, text.range(first, first + 1),
                  "the string that begins here has no closing `\"`");
    else if (type == SeqLexer::STRING)
      checkString(text, first, end, diags);
    if (type == SeqLexer::BAD)
      afterBad = end;
  }

private:
  /// A run of one character is one error.
  bool continuesBad(size_t first) const {
    return first != 0 && first == afterBad && text.chars[first] == text.chars[first - 1];
  }

  const Text &text;
  DiagnosticEngine &diags;
  size_t afterBad = 0;
};
} // namespace

bool lex(const Text &text, DiagnosticEngine &diags, std::vector<RawToken> &tokens) {
  TextStream stream(text);
  SeqLexer lexer(&stream);
  lexer.removeErrorListeners();
  Lexer checker(text, diags);
  while (true) {
    std::unique_ptr<antlr4::Token> token = lexer.nextToken();
    if (token->getType() == antlr4::Token::EOF)
      return true;
    size_t first = token->getStartIndex(), end = token->getStopIndex() + 1;
    if (tokens.size() == kMaxTokens) {
      diags.error(Diag::SyntaxFileTooLarge, text.range(first, end),
                  "the file has more than " + std::to_string(kMaxTokens) + " words and signs");
      return false;
    }
    checker.check(token->getType(), first, end);
    tokens.push_back({token->getType(), text.range(first, end)});
  }
}

} // namespace seq::syntax
