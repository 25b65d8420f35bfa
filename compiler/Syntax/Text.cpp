#include "compiler/Syntax/Text.h"

#include "compiler/Diagnostics/Utf8.h"
#include "compiler/Syntax/Syntax.h"

#include <cstdio>

namespace seq::syntax {

namespace {
bool looksLikeUtf16(std::string_view bytes) {
  return bytes.substr(0, 2) == "\xFF\xFE" || bytes.substr(0, 2) == "\xFE\xFF";
}

void reportByte(DiagnosticEngine &diags, SourceRange at, std::string_view bytes) {
  char text[80];
  snprintf(text, sizeof text, "the byte 0x%02X is not part of any UTF-8 character",
           unsigned((unsigned char)bytes[at.begin]));
  auto error = diags.error(Diag::SyntaxEncoding, at, text);
  if (looksLikeUtf16(bytes))
    error.hint("the file looks like UTF-16: save it as UTF-8");
  else
    error.hint("save the file as UTF-8");
}

const char *characterName(char32_t c) {
  switch (c) {
  case 0x00A0:
    return "a no-break space";
  case 0x00AD:
    return "a soft hyphen";
  case 0x200B:
    return "a zero-width space";
  case 0x200C:
  case 0x200D:
    return "a zero-width joiner";
  case 0x200E:
  case 0x200F:
  case 0x061C:
    return "a direction mark";
  case 0x2028:
  case 0x2029:
    return "a line separator";
  case 0x202E:
    return "a right-to-left override";
  case 0xFEFF:
    return "a byte-order mark";
  default:
    return utf8::isBidiControl(c) ? "a direction control" : nullptr;
  }
}
} // namespace

std::string describeCharacter(char32_t c) {
  char code[16];
  snprintf(code, sizeof code, "U+%04X", unsigned(c));
  if (c == '`')
    return "U+0060 (a backtick)";
  if (const char *name = characterName(c))
    return std::string(code) + " (" + name + ")";
  if (utf8::isUnsafe(c))
    return code;
  std::string shown = "`";
  utf8::append(shown, c);
  return c < 0x80 ? shown + "`" : shown + "` (" + code + ")";
}

bool decodeText(uint32_t file, DiagnosticEngine &diags, Text &text) {
  std::string_view bytes = diags.sourceManager().text(file);
  text.file = file;
  if (bytes.size() > kMaxFileBytes) {
    diags.error(Diag::SyntaxFileTooLarge, SourceRange{file, 0, 0},
                "the file has " + std::to_string(bytes.size()) + " bytes");
    return false;
  }
  text.chars.reserve(bytes.size());
  text.offsets.reserve(bytes.size() + 1);
  bool good = true;
  size_t pos = bytes.substr(0, 3) == "\xEF\xBB\xBF" ? 3 : 0;
  while (pos < bytes.size() && !diags.full()) {
    uint32_t start = uint32_t(pos);
    char32_t c = utf8::decode(bytes, pos);
    if (c == utf8::kInvalid)
      reportByte(diags, {file, start, uint32_t(pos)}, bytes);
    else if (c == 0)
      diags.error(Diag::SyntaxControlCharacter, SourceRange{file, start, uint32_t(pos)},
                  "a NUL byte in the text");
    good &= c != utf8::kInvalid && c != 0;
    text.chars += c;
    text.offsets.push_back(start);
  }
  text.offsets.push_back(uint32_t(bytes.size()));
  return good;
}

} // namespace seq::syntax
