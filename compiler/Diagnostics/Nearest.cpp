#include "compiler/Diagnostics/Diagnostics.h"
#include "compiler/Diagnostics/Utf8.h"

#include <algorithm>

namespace seq {

namespace {
std::u32string codePoints(std::string_view text) {
  std::u32string out;
  for (size_t pos = 0; pos < text.size();)
    out += utf8::decode(text, pos);
  return out;
}

char32_t lower(char32_t c) {
  return c >= 'A' && c <= 'Z' ? c + 32 : c;
}

/// Damerau–Levenshtein distance (adjacent swaps count once); letter case counts
/// only where nothing else differs.
unsigned distance(const std::u32string &a, const std::u32string &b) {
  std::vector<unsigned> before, last(b.size() + 1), row(b.size() + 1);
  for (unsigned j = 0; j <= b.size(); ++j)
    last[j] = j;
  for (unsigned i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (unsigned j = 1; j <= b.size(); ++j) {
      unsigned differs = lower(a[i - 1]) != lower(b[j - 1]);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + differs});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before = last;
    std::swap(last, row);
  }
  return last[b.size()] == 0 && a != b ? 1 : last[b.size()];
}
} // namespace

std::string nearest(std::string_view name, const std::vector<std::string> &candidates) {
  constexpr size_t kLongestName = 256;
  std::u32string wanted = codePoints(name);
  unsigned best = unsigned(wanted.size() + 1) / 3 + 1;
  std::string found;
  if (wanted.size() > kLongestName)
    return found;
  for (const std::string &candidate : candidates) {
    std::u32string given = codePoints(candidate);
    size_t gap =
        given.size() > wanted.size() ? given.size() - wanted.size() : wanted.size() - given.size();
    if (gap >= best || candidate == name)
      continue;
    unsigned d = distance(wanted, given);
    // Names that share no letter are no misspelling of each other.
    if (d < best && d < std::max(wanted.size(), given.size())) {
      best = d;
      found = candidate;
    }
  }
  return found;
}

} // namespace seq
