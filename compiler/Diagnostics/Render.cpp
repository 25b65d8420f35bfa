//===- Render.cpp - Messages as text and as JSON -----------------------------===//
//
// Text: the place and what was seen, the line with a caret, the rule, the hint, then
// notes. A quoted line is cut around its caret to kLineWidth columns; what a terminal
// would not show as one column (tabs, controls, bidi marks, wide letters) is replaced
// or measured, so that the caret stands under its character.
//
//===----------------------------------------------------------------------===//
#include "compiler/Diagnostics/Diagnostics.h"
#include "compiler/Diagnostics/Utf8.h"

#include <algorithm>
#include <cstdio>
#include <tuple>

namespace seq {

namespace {
constexpr unsigned kLineWidth = 100, kTabWidth = 4;
constexpr size_t kMaxNotes = 2; // of three lines each: twelve lines a message

/// A quoted line's character as it is shown.
struct Cell {
  std::string shown;
  unsigned width;
};

struct Quote {
  std::vector<Cell> cells;
  size_t first = 0, last = 0; ///< underlined cells, half open
};

Cell cellOf(std::string_view text, size_t &pos, unsigned column) {
  size_t start = pos;
  char32_t c = utf8::decode(text, pos);
  if (c == '\t') {
    unsigned n = kTabWidth - column % kTabWidth;
    return {std::string(n, ' '), n};
  }
  std::string shown = utf8::safe(text.substr(start, pos - start));
  if (c == utf8::kInvalid || utf8::isUnsafe(c))
    return {shown, unsigned(shown.size())};
  return {shown, utf8::width(c)};
}

/// The part of the range's first line around the caret, in bytes: long lines are not
/// decoded whole.
Quote quoteLine(std::string_view text, SourceRange range) {
  constexpr size_t kAround = 4 * kLineWidth;
  size_t begin = std::min<size_t>(range.begin, text.size());
  size_t lineStart = begin == 0 ? 0 : text.rfind('\n', begin - 1) + 1; // npos + 1 is 0
  size_t lineEnd = std::min(text.find('\n', begin), text.size());
  if (lineEnd > lineStart && text[lineEnd - 1] == '\r')
    --lineEnd;
  begin = std::min(begin, lineEnd);
  size_t end = std::clamp<size_t>(range.end, begin, lineEnd);
  size_t pos = lineStart;
  if (pos == 0 && text.substr(0, 3) == "\xEF\xBB\xBF")
    pos = std::min<size_t>(3, lineEnd);
  if (begin > pos + kAround)
    for (pos = begin - kAround; pos < begin && (text[pos] & 0xC0) == 0x80;)
      ++pos;
  lineEnd = std::min(lineEnd, begin + kAround);
  Quote quote;
  unsigned column = 0;
  while (pos < lineEnd) {
    quote.first += pos < begin;
    quote.last += pos < end;
    quote.cells.push_back(cellOf(text, pos, column));
    column += quote.cells.back().width;
  }
  return quote;
}

unsigned widthOf(const Quote &quote, size_t from, size_t to) {
  unsigned sum = 0;
  for (size_t i = from; i < std::min(to, quote.cells.size()); ++i)
    sum += quote.cells[i].width;
  return sum;
}

/// Cuts a long line to a window around the underlined part.
void cut(Quote &quote) {
  if (widthOf(quote, 0, quote.cells.size()) <= kLineWidth)
    return;
  size_t from = quote.first;
  for (unsigned room = 0; from > 0 && room < kLineWidth / 2; --from)
    room += quote.cells[from - 1].width;
  size_t to = from;
  for (unsigned room = 0; to < quote.cells.size() && room < kLineWidth; ++to)
    room += quote.cells[to].width;
  std::vector<Cell> kept(quote.cells.begin() + from, quote.cells.begin() + to);
  if (to < quote.cells.size())
    kept.push_back({"…", 1});
  quote.first -= from;
  quote.last = std::min(quote.last, to) - from;
  if (from > 0) {
    kept.insert(kept.begin(), {"…", 1});
    ++quote.first;
    ++quote.last;
  }
  quote.cells = std::move(kept);
}

/// Writes with or without colours.
struct Painter {
  std::string &out;
  bool color;
  void paint(const char *code, std::string_view text) {
    if (color)
      out.append("\033[").append(code).append("m");
    out.append(text);
    if (color)
      out += "\033[0m";
  }
};

void renderQuote(Painter painter, const SourceManager &sources, SourceRange range) {
  Quote quote = quoteLine(sources.text(range.file), range);
  cut(quote);
  std::string line, under(widthOf(quote, 0, quote.first), ' ');
  for (const Cell &cell : quote.cells)
    line += cell.shown;
  line.erase(line.find_last_not_of(' ') + 1);
  unsigned marked = std::max(1u, widthOf(quote, quote.first, quote.last));
  painter.out += line + "\n" + under;
  painter.paint("1;32", "^" + std::string(marked - 1, '~'));
  painter.out += '\n';
}

std::string placeOf(const SourceManager &sources, SourceRange range, const std::string &subject) {
  if (!range.valid())
    return utf8::safe(subject);
  LineColumn at = sources.lineColumn(range.file, range.begin);
  return utf8::safe(sources.path(range.file)) + ":" + std::to_string(at.line) + ":" +
         std::to_string(at.column);
}

const char *severityName(Severity severity) {
  switch (severity) {
  case Severity::Error:
    return "error";
  case Severity::Warning:
    return "warning";
  case Severity::Note:
    return "note";
  }
  return "";
}

void renderHead(Painter painter, const std::string &place, Severity severity,
                const std::string &text, const char *code) {
  static const char *const colors[] = {"1;31", "1;35", "1;36"};
  if (!place.empty())
    painter.paint("1", place + ": ");
  painter.paint(colors[int(severity)], std::string(severityName(severity)) + ": ");
  painter.paint("1", utf8::safe(text));
  if (*code)
    painter.out += std::string(" [") + code + "]";
  painter.out += '\n';
}

void renderNotes(Painter painter, const SourceManager &sources, const Message &message) {
  size_t shown = std::min(message.notes.size(), kMaxNotes);
  for (size_t i = 0; i < shown; ++i) {
    const Note &note = message.notes[i];
    renderHead(painter, placeOf(sources, note.range, ""), Severity::Note, note.message, "");
    if (note.range.valid())
      renderQuote(painter, sources, note.range);
  }
  if (size_t more = message.notes.size() - shown)
    painter.out += "note: … and " + std::to_string(more) + " more notes\n";
}

void renderText(Painter painter, const SourceManager &sources, const Message &message) {
  const DiagInfo &info = diagInfo(message.kind);
  renderHead(painter, placeOf(sources, message.range, message.subject), message.severity,
             message.text, info.code);
  if (message.range.valid())
    renderQuote(painter, sources, message.range);
  if (*info.rule)
    painter.out += std::string("rule: ") + info.rule + "\n";
  if (!message.hint.empty())
    painter.out += "hint: " + utf8::safe(message.hint) + "\n";
  renderNotes(painter, sources, message);
}

void jsonString(std::string &out, std::string_view text) {
  out += '"';
  for (size_t pos = 0; pos < text.size();) {
    size_t start = pos;
    char32_t c = utf8::decode(text, pos);
    char buffer[16];
    if (c == '"' || c == '\\') {
      out += '\\';
      out += char(c);
    } else if (c == utf8::kInvalid) {
      out += "\\ufffd";
    } else if (c < 0x10000 && utf8::isUnsafe(c)) {
      snprintf(buffer, sizeof buffer, "\\u%04x", unsigned(c));
      out += buffer;
    } else {
      out.append(text.substr(start, pos - start));
    }
  }
  out += '"';
}

void jsonField(std::string &out, const char *name, std::string_view value) {
  jsonString(out, name);
  out += ": ";
  jsonString(out, value);
}

/// `"file": …, "line": …, "column": …, "endColumn": …`; a range of several lines ends
/// with its first one.
void jsonPlace(std::string &out, const SourceManager &sources, SourceRange range,
               const std::string &subject) {
  LineColumn at = sources.lineColumn(range.file, range.begin);
  std::string_view shown = sources.text(range);
  shown = shown.substr(0, shown.find_first_of("\r\n"));
  LineColumn end = sources.lineColumn(range.file, range.begin + uint32_t(shown.size()));
  jsonField(out, "file", range.valid() ? sources.path(range.file) : subject);
  out += ", \"line\": " + std::to_string(at.line) + ", \"column\": " + std::to_string(at.column) +
         ", \"endColumn\": " + std::to_string(end.column) + ", ";
}

void renderJson(std::string &out, const SourceManager &sources, const Message &message) {
  const DiagInfo &info = diagInfo(message.kind);
  out += '{';
  jsonField(out, "code", info.code);
  out += ", ";
  jsonField(out, "severity", severityName(message.severity));
  out += ", ";
  jsonPlace(out, sources, message.range, message.subject);
  jsonField(out, "message", message.text);
  out += ", ";
  jsonField(out, "rule", info.rule);
  out += ", ";
  jsonField(out, "hint", message.hint);
  out += ", \"notes\": [";
  for (const Note &note : message.notes) {
    out += &note == message.notes.data() ? "{" : ", {";
    jsonPlace(out, sources, note.range, "");
    jsonField(out, "message", note.message);
    out += '}';
  }
  out += "]}";
}

/// By place within a file; messages without a place stay first, in their order.
std::vector<const Message *> sorted(const DiagnosticEngine &engine) {
  std::vector<const Message *> list;
  for (const Message &message : engine.messages())
    list.push_back(&message);
  auto key = [](const Message *m) { return std::tuple(m->range.file, m->range.begin, m); };
  std::sort(list.begin(), list.end(),
            [&](const Message *a, const Message *b) { return key(a) < key(b); });
  return list;
}

/// "… and 3 more errors", or "" where every error is shown.
std::string moreErrors(const DiagnosticEngine &engine) {
  size_t shown = 0;
  for (const Message &message : engine.messages())
    shown += message.severity == Severity::Error;
  size_t more = engine.errorCount() - shown;
  if (more == 0)
    return "";
  return "… and " + std::to_string(more) + (more == 1 ? " more error" : " more errors");
}
} // namespace

std::string render(const DiagnosticEngine &engine, const SourceManager &sources, ErrorFormat format,
                   bool color) {
  std::string out, more = moreErrors(engine);
  if (format == ErrorFormat::Text) {
    for (const Message *message : sorted(engine))
      renderText({out, color}, sources, *message);
    return more.empty() ? out : out + more + "\n";
  }
  out = "[";
  for (const Message *message : sorted(engine)) {
    out += out.size() == 1 ? "\n  " : ",\n  ";
    renderJson(out, sources, *message);
  }
  if (!more.empty()) {
    out += ",\n  {\"code\": \"\", \"severity\": \"note\", \"file\": \"\", \"line\": 0, "
           "\"column\": 0, \"endColumn\": 0, ";
    jsonField(out, "message", more);
    out += ", \"rule\": \"\", \"hint\": \"\", \"notes\": []}";
  }
  return out + "\n]\n";
}

} // namespace seq
