#include "compiler/Diagnostics/Utf8.h"

#include <cstdint>
#include <cstdio>

namespace seq::utf8 {

namespace {
unsigned sequenceLength(unsigned char lead) {
  if (lead < 0x80)
    return 1;
  if (lead >= 0xC2 && lead <= 0xDF)
    return 2;
  if (lead >= 0xE0 && lead <= 0xEF)
    return 3;
  if (lead >= 0xF0 && lead <= 0xF4)
    return 4;
  return 0;
}

bool isWellFormed(char32_t c, unsigned length) {
  if (length == 3)
    return c >= 0x800 && !(c >= 0xD800 && c <= 0xDFFF);
  return length != 4 || (c >= 0x10000 && c <= 0x10FFFF);
}
} // namespace

char32_t decode(std::string_view text, size_t &pos) {
  unsigned char lead = text[pos];
  unsigned length = sequenceLength(lead);
  if (length == 1) {
    ++pos;
    return lead;
  }
  if (length == 0 || pos + length > text.size()) {
    ++pos;
    return kInvalid;
  }
  char32_t c = lead & (0xFF >> (length + 1));
  for (unsigned i = 1; i < length; ++i) {
    unsigned char next = text[pos + i];
    if ((next & 0xC0) != 0x80) {
      ++pos;
      return kInvalid;
    }
    c = (c << 6) | (next & 0x3F);
  }
  bool good = isWellFormed(c, length);
  pos += good ? length : 1;
  return good ? c : kInvalid;
}

void append(std::string &out, char32_t c) {
  if (c < 0x80) {
    out += char(c);
  } else if (c < 0x800) {
    out += char(0xC0 | (c >> 6));
    out += char(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    out += char(0xE0 | (c >> 12));
    out += char(0x80 | ((c >> 6) & 0x3F));
    out += char(0x80 | (c & 0x3F));
  } else {
    out += char(0xF0 | (c >> 18));
    out += char(0x80 | ((c >> 12) & 0x3F));
    out += char(0x80 | ((c >> 6) & 0x3F));
    out += char(0x80 | (c & 0x3F));
  }
}

bool isBidiControl(char32_t c) {
  return c == 0x061C || c == 0x200E || c == 0x200F || (c >= 0x202A && c <= 0x202E) ||
         (c >= 0x2066 && c <= 0x2069);
}

bool isUnsafe(char32_t c) {
  if (c < 0x20 || (c >= 0x7F && c <= 0x9F) || isBidiControl(c))
    return true;
  return c == 0xAD || (c >= 0x200B && c <= 0x200D) || c == 0x2028 || c == 0x2029 ||
         (c >= 0x2060 && c <= 0x2064) || c == 0xFEFF || (c >= 0xFFF9 && c <= 0xFFFB) ||
         (c >= 0xE0000 && c <= 0xE0FFF);
}

unsigned width(char32_t c) {
  if ((c >= 0x300 && c <= 0x36F) || (c >= 0x1AB0 && c <= 0x1AFF) || (c >= 0x20D0 && c <= 0x20FF) ||
      (c >= 0xFE00 && c <= 0xFE0F))
    return 0;
  bool wide = (c >= 0x1100 && c <= 0x115F) || (c >= 0x2E80 && c <= 0xA4CF) ||
              (c >= 0xAC00 && c <= 0xD7A3) || (c >= 0xF900 && c <= 0xFAFF) ||
              (c >= 0xFE30 && c <= 0xFE6F) || (c >= 0xFF00 && c <= 0xFF60) ||
              (c >= 0xFFE0 && c <= 0xFFE6) || (c >= 0x1F300 && c <= 0x1FAFF) ||
              (c >= 0x20000 && c <= 0x3FFFD);
  return wide ? 2 : 1;
}

std::string safe(std::string_view text) {
  std::string out;
  for (size_t pos = 0; pos < text.size();) {
    size_t start = pos;
    char32_t c = decode(text, pos);
    char buffer[16];
    if (c == kInvalid) {
      snprintf(buffer, sizeof buffer, "<0x%02X>", unsigned((unsigned char)text[start]));
      out += buffer;
    } else if (isUnsafe(c)) {
      snprintf(buffer, sizeof buffer, "<U+%04X>", unsigned(c));
      out += buffer;
    } else {
      out.append(text.substr(start, pos - start));
    }
  }
  return out;
}

} // namespace seq::utf8
