//===- Html.cpp - Pages that stand alone -------------------------------------------------===//
//
// A page has no script and asks for nothing: it opens from a mail as from a build folder.
// Marks of a source may overlap (`sigmoid(o)` inside of what was hoisted), which elements may
// not. So the text is cut where a mark begins or ends and at each line, and a piece has the
// classes of all marks that cover it.
//
//===----------------------------------------------------------------------===//
#include "compiler/Tools/seqc/Html.h"

#include "llvm/Support/JSON.h"

#include <algorithm>
#include <set>

namespace seq::tool {

std::string escaped(std::string_view text) {
  std::string valid(text), out;
  if (!llvm::json::isUTF8(valid))
    valid = llvm::json::fixUTF8(valid);
  for (char c : valid)
    switch (c) {
    case '&':
      out += "&amp;";
      break;
    case '<':
      out += "&lt;";
      break;
    case '>':
      out += "&gt;";
      break;
    case '"':
      out += "&quot;";
      break;
    case '\'':
      out += "&#39;";
      break;
    default:
      bool control = (unsigned char)c < 0x20 && c != '\t' && c != '\n';
      if (c != '\r')
        out += control || c == 0x7F ? "\xEF\xBF\xBD" : std::string(1, c);
    }
  return out;
}

namespace {
class SourceWriter {
public:
  SourceWriter(std::string_view text, std::vector<Mark> &marks, uint32_t begin, uint32_t end)
      : text(text.substr(0, end)), marks(marks), begin(begin) {}

  std::string run() {
    std::set<uint32_t> cuts{begin, uint32_t(text.size())};
    for (const Mark &m : marks)
      for (uint32_t at : {m.range.begin, m.range.end})
        if (at > begin && at < text.size())
          cuts.insert(at);
    for (size_t i = begin; i < text.size(); ++i)
      if (text[i] == '\n')
        cuts.insert({uint32_t(i), uint32_t(i + 1)});
    auto before = std::count(text.begin(), text.begin() + begin, '\n');
    out = "<pre class=\"source\" style=\"counter-reset: line " + std::to_string(before) +
          "\"><code><span class=\"l\">";
    for (auto a = cuts.begin(), b = std::next(a); b != cuts.end(); ++a, ++b)
      piece(*a, *b);
    return out + "</span></code></pre>\n";
  }

private:
  void piece(uint32_t begin, uint32_t end) {
    if (text[begin] == '\n') {
      // A last newline begins no line.
      out += begin + 1 == text.size() ? "\n" : "\n</span><span class=\"l\">";
      return;
    }
    std::string classes, titles;
    for (const Mark &m : marks) {
      if (m.range.begin > begin || m.range.end < end)
        continue;
      if ((" " + classes + " ").find(" " + m.cls + " ") == std::string::npos)
        classes += (classes.empty() ? "" : " ") + m.cls;
      if (titles.find(m.title) == std::string::npos)
        titles += (titles.empty() ? "" : "\n") + m.title;
      if (m.range.begin == begin && !m.id.empty())
        out += "<span class=\"here\" id=\"" + escaped(m.id) + "\"></span>";
    }
    std::string content = escaped(text.substr(begin, end - begin));
    out += classes.empty() ? content
                           : "<mark class=\"" + escaped(classes) + "\" title=\"" + escaped(titles) +
                                 "\">" + content + "</mark>";
  }

  std::string_view text;
  std::vector<Mark> &marks;
  uint32_t begin;
  std::string out;
};
} // namespace

/// Files of up to so many lines are shown whole, of longer ones this many around what matters.
static constexpr long kWholeLines = 100, kAround = 10;

std::string sourceHtml(const SourceManager &sources, uint32_t file, std::vector<Mark> marks,
                       SourceRange shown) {
  std::erase_if(marks, [&](const Mark &m) { return m.range.file != file; });
  std::string_view text = sources.text(file);
  size_t begin = 0, end = text.size();
  if (std::count(text.begin(), text.end(), '\n') > kWholeLines && shown.end > shown.begin) {
    begin = std::min<size_t>(shown.begin, end);
    end = std::min<size_t>(shown.end, end);
    for (long n = 0; n <= kAround; ++n) {
      begin = begin == 0 ? 0 : text.rfind('\n', begin - 1) + 1; // npos + 1 is 0
      begin -= begin > 0 && n < kAround;
      end = std::min(text.find('\n', end), text.size() - 1) + 1;
    }
  }
  return SourceWriter(text, marks, begin, end).run();
}

const char *const kPageStyle = R"css(
:root { color-scheme: light dark; --bg: #fdfdfc; --fg: #1c1e21; --soft: #5c636b; --line: #d8dbdf;
  --box: #f3f4f6; --c0: #6b7280; --c1: #0e7490; --c2: #15803d; --c3: #3f6212; --c4: #1d4ed8;
  --c5: #7e22ce; --c6: #b45309; --c7: #b91c1c; --hoist: #0f766e; }
@media (prefers-color-scheme: dark) {
  :root { --bg: #15171a; --fg: #e6e8ea; --soft: #9aa2ab; --line: #363b42; --box: #1e2126;
    --c0: #9ca3af; --c1: #38bdd8; --c2: #4ade80; --c3: #a3d65c; --c4: #7aa8ff; --c5: #c79bff;
    --c6: #fbbf24; --c7: #ff8080; --hoist: #5eead4; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 90rem; background: var(--bg); color: var(--fg);
  font: 15px/1.45 system-ui, sans-serif; }
h1 { font-size: 1.35rem; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.05rem; margin: 1.6rem 0 .5rem; }
code, pre, .mono { font: 13px/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
code { overflow-wrap: anywhere; }
p { margin: .3rem 0; }
.soft { color: var(--soft); }
.columns { display: grid; grid-template-columns: minmax(0, 1fr); gap: 0 2rem; }
@media (min-width: 1000px) {
  .columns { grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); }
  .beside { position: sticky; top: 0; align-self: start; max-height: 100vh; overflow: auto; } }
.row { display: flex; flex-wrap: wrap; gap: .5rem; }
.box { border: 1px solid var(--line); border-radius: 6px; background: var(--box);
  padding: .35rem .6rem; min-width: 0; max-width: 100%; overflow-wrap: anywhere; }
.box small { display: block; color: var(--soft); }
.hoisted { border-left: 4px solid var(--hoist); }
.down { height: 26px; width: 2px; margin: 2px 0 8px 1.6rem; background: var(--line);
  position: relative; }
.down::after { content: ""; position: absolute; left: -4px; bottom: -4px; border: 5px solid transparent;
  border-top-color: var(--line); border-bottom: 0; }
.scan { border: 1px solid var(--line); border-radius: 8px; padding: .6rem .8rem .8rem; }
.scan .inner { margin-left: 1rem; }
.state { border-top: 1px solid var(--line); margin-top: .6rem; padding-top: .5rem; }
.state dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .1rem .8rem;
  margin: .3rem 0 0; }
.state dt { color: var(--soft); }
.state dd { margin: 0; overflow-wrap: anywhere; }
.cls { display: inline-block; border: 1px solid currentColor; border-radius: 4px; padding: 0 .35rem;
  font-weight: 600; font-size: 12px; white-space: nowrap; }
.C0 { color: var(--c0); } .C1 { color: var(--c1); } .C2 { color: var(--c2); } .C3 { color: var(--c3); }
.C4 { color: var(--c4); } .C5 { color: var(--c5); } .C6 { color: var(--c6); } .C7 { color: var(--c7); }
svg { display: block; max-width: 100%; height: auto; margin-top: .4rem; }
svg text { font: 13px ui-monospace, Menlo, Consolas, monospace; fill: currentColor; text-anchor: middle; }
svg rect { fill: color-mix(in srgb, currentColor 10%, var(--bg)); stroke: currentColor; stroke-width: 1.5; }
svg path { fill: none; stroke: var(--soft); stroke-width: 1.5; }
svg marker path { fill: var(--soft); stroke: none; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
th { text-align: left; font-weight: 600; color: var(--soft); }
th, td { border-bottom: 1px solid var(--line); padding: .25rem .7rem .25rem 0; vertical-align: top; }
td.n, th.n { text-align: right; white-space: nowrap; }
td code { overflow-wrap: normal; }
summary { cursor: pointer; }
pre.source { border: 1px solid var(--line); border-radius: 6px; background: var(--box); margin: 0;
  padding: .5rem 0; overflow-x: auto; tab-size: 2; }
pre.source code { display: block; width: max-content; min-width: 100%; overflow-wrap: normal; }
.l::before { counter-increment: line; content: counter(line); display: inline-block; width: 3.2em;
  padding-right: 1em; text-align: right; color: var(--soft); user-select: none; }
mark { background: none; color: inherit; border-radius: 2px; }
mark.demoted { background: color-mix(in srgb, var(--c7) 22%, transparent);
  border-bottom: 2px solid var(--c7); }
mark.leaves { border-bottom: 2px dotted var(--hoist); }
.here:target + mark { outline: 2px solid var(--c7); outline-offset: 2px; }
a { color: inherit; }
)css";

} // namespace seq::tool
