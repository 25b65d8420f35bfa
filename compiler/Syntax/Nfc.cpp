//===- Nfc.cpp - Unicode's normalisation form C ------------------------------===//
//
// The standard algorithm: decompose, order marks by combining class, compose. Tables
// come from the Unicode data; Hangul syllables are computed.
//
//===----------------------------------------------------------------------===//
#include "compiler/Syntax/Nfc.h"

#include "compiler/Diagnostics/Utf8.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <unordered_map>

namespace seq::syntax {

namespace {
struct Decomposition {
  char32_t whole, first, second;
  bool composes;
};
struct ClassRange {
  char32_t first, last;
  uint8_t value;
};

#include "compiler/Syntax/NfcTables.inc"

constexpr char32_t kSBase = 0xAC00, kLBase = 0x1100, kVBase = 0x1161, kTBase = 0x11A7;
constexpr unsigned kLCount = 19, kVCount = 21, kTCount = 28, kNCount = kVCount * kTCount;

uint8_t combiningClass(char32_t c) {
  auto range = std::lower_bound(std::begin(kClasses), std::end(kClasses), c,
                                [](const ClassRange &r, char32_t c) { return r.last < c; });
  return range != std::end(kClasses) && range->first <= c ? range->value : 0;
}

void decompose(char32_t c, std::u32string &out) {
  if (c >= kSBase && c < kSBase + kLCount * kNCount) {
    unsigned s = c - kSBase;
    out += kLBase + s / kNCount;
    out += kVBase + s % kNCount / kTCount;
    if (s % kTCount)
      out += kTBase + s % kTCount;
    return;
  }
  auto entry = std::lower_bound(std::begin(kDecompositions), std::end(kDecompositions), c,
                                [](const Decomposition &d, char32_t c) { return d.whole < c; });
  if (entry == std::end(kDecompositions) || entry->whole != c) {
    out += c;
    return;
  }
  decompose(entry->first, out); // at most a few levels, by the data
  if (entry->second)
    decompose(entry->second, out);
}

/// Each run of marks in the order of their classes; runs are short, and equal classes
/// keep their order.
void orderMarks(std::u32string &text) {
  for (size_t i = 1; i < text.size(); ++i)
    for (size_t j = i; j > 0; --j) {
      uint8_t mine = combiningClass(text[j]);
      if (mine == 0 || combiningClass(text[j - 1]) <= mine)
        break;
      std::swap(text[j], text[j - 1]);
    }
}

/// The composite of two characters, or 0.
char32_t composePair(char32_t a, char32_t b) {
  static const auto pairs = [] {
    std::unordered_map<uint64_t, char32_t> map;
    for (const Decomposition &d : kDecompositions)
      if (d.composes)
        map.emplace(uint64_t(d.first) << 32 | d.second, d.whole);
    return map;
  }();
  if (a >= kLBase && a < kLBase + kLCount && b >= kVBase && b < kVBase + kVCount)
    return kSBase + ((a - kLBase) * kVCount + (b - kVBase)) * kTCount;
  if (a >= kSBase && a < kSBase + kLCount * kNCount && (a - kSBase) % kTCount == 0 && b > kTBase &&
      b < kTBase + kTCount)
    return a + (b - kTBase);
  auto found = pairs.find(uint64_t(a) << 32 | b);
  return found == pairs.end() ? 0 : found->second;
}

void compose(std::u32string &text) {
  std::u32string out;
  size_t starter = SIZE_MAX;
  for (char32_t c : text) {
    uint8_t last = out.empty() || starter == out.size() - 1 ? 0 : combiningClass(out.back());
    uint8_t mine = combiningClass(c);
    bool adjacent = starter != SIZE_MAX && starter + 1 == out.size();
    if (starter != SIZE_MAX && (adjacent || (last != 0 && last < mine)))
      if (char32_t whole = composePair(out[starter], c)) {
        out[starter] = whole;
        continue;
      }
    if (mine == 0)
      starter = out.size();
    out += c;
  }
  text = out;
}
} // namespace

std::string toNfc(std::string_view text) {
  if (std::all_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x80; }))
    return std::string(text);
  std::u32string chars;
  for (size_t pos = 0; pos < text.size();)
    decompose(utf8::decode(text, pos), chars);
  orderMarks(chars);
  compose(chars);
  std::string out;
  for (char32_t c : chars)
    utf8::append(out, c);
  return out;
}

} // namespace seq::syntax
