#include "Json.h"

static void skip_space(seq_json *j) {
  while (j->at < j->end && (*j->at == ' ' || *j->at == '\n' || *j->at == '\t' || *j->at == '\r'))
    j->at++;
}

bool seq_json_take(seq_json *j, char c) {
  skip_space(j);
  if (j->at == j->end || *j->at != c)
    return false;
  j->at++;
  return true;
}

bool seq_json_done(seq_json *j) {
  skip_space(j);
  return j->at == j->end;
}

bool seq_json_number(seq_json *j, int64_t *value) {
  skip_space(j);
  const char *start = j->at;
  int64_t n = 0;
  for (; j->at < j->end && *j->at >= '0' && *j->at <= '9'; j->at++)
    if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, *j->at - '0', &n))
      return false;
  if (j->at == start || (*start == '0' && j->at - start > 1))
    return false;
  if (j->at < j->end && (*j->at == '.' || *j->at == 'e' || *j->at == 'E'))
    return false;
  *value = n;
  return true;
}

/* Four hexadecimal digits, or -1. */
static int32_t hex4(seq_json *j) {
  int32_t value = 0;
  if (j->end - j->at < 4)
    return -1;
  for (int i = 0; i < 4; i++) {
    char c = *j->at++;
    int digit = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : -1;
    if (digit < 0)
      return -1;
    value = value * 16 + digit;
  }
  return value;
}

static void put_utf8(seq_json *j, int32_t c) {
  if (c < 0x80) {
    *j->arena++ = (char)c;
    return;
  }
  if (c < 0x800) {
    *j->arena++ = (char)(0xC0 | c >> 6);
  } else {
    if (c < 0x10000) {
      *j->arena++ = (char)(0xE0 | c >> 12);
    } else {
      *j->arena++ = (char)(0xF0 | c >> 18);
      *j->arena++ = (char)(0x80 | (c >> 12 & 0x3F));
    }
    *j->arena++ = (char)(0x80 | (c >> 6 & 0x3F));
  }
  *j->arena++ = (char)(0x80 | (c & 0x3F));
}

/* After "\u": one code point, perhaps as two surrogates. */
static bool take_unicode(seq_json *j) {
  int32_t c = hex4(j);
  if (c >= 0xD800 && c < 0xDC00) {
    if (j->end - j->at < 6 || j->at[0] != '\\' || j->at[1] != 'u')
      return false;
    j->at += 2;
    int32_t low = hex4(j);
    if (low < 0xDC00 || low > 0xDFFF)
      return false;
    c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
  }
  if (c <= 0 || (c >= 0xDC00 && c < 0xE000))
    return false;
  put_utf8(j, c);
  return true;
}

/* After a backslash. */
static bool take_escape(seq_json *j) {
  static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
  if (j->at == j->end)
    return false;
  char c = *j->at++;
  if (c == 'u')
    return take_unicode(j);
  for (int i = 0; from[i]; i++)
    if (c == from[i]) {
      *j->arena++ = to[i];
      return true;
    }
  return false;
}

/* One character that is not an escape, as UTF-8 without overlong forms and surrogates. */
static bool take_plain(seq_json *j) {
  unsigned char c = (unsigned char)*j->at;
  int more = c < 0x80                ? 0
             : c >= 0xC2 && c < 0xE0 ? 1
             : c >= 0xE0 && c < 0xF0 ? 2
             : c >= 0xF0 && c < 0xF5 ? 3
                                     : -1;
  if (c < 0x20 || more < 0 || j->end - j->at <= more)
    return false;
  unsigned char next = more > 0 ? (unsigned char)j->at[1] : 0;
  if ((c == 0xE0 && next < 0xA0) || (c == 0xED && next > 0x9F) || (c == 0xF0 && next < 0x90) ||
      (c == 0xF4 && next > 0x8F))
    return false;
  for (int i = 1; i <= more; i++)
    if (((unsigned char)j->at[i] & 0xC0) != 0x80)
      return false;
  for (int i = 0; i <= more; i++)
    *j->arena++ = *j->at++;
  return true;
}

const char *seq_json_string(seq_json *j) {
  if (!seq_json_take(j, '"'))
    return 0;
  const char *text = j->arena;
  while (j->at < j->end && *j->at != '"') {
    bool good = *j->at == '\\' ? (j->at++, take_escape(j)) : take_plain(j);
    if (!good)
      return 0;
  }
  if (j->at == j->end)
    return 0;
  j->at++;
  *j->arena++ = 0;
  return text;
}
