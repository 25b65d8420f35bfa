//===- ExplainHtml.cpp - seqc explain --html ----------------------------------------------===//
//
// A picture of the plan, from inputs through what was hoisted and each scan to the results,
// beside the program's text; below, the sizes of states, products, weights and memory.
//
//===----------------------------------------------------------------------===//
#include "compiler/Tools/seqc/Explain.h"
#include "compiler/Tools/seqc/Html.h"

#include "llvm/ADT/STLExtras.h"

using namespace seq::lowering;

namespace seq::tool {

namespace {

std::string typeText(const std::string &elem, const std::vector<std::string> &shape) {
  return shape.empty() ? elem : elem + dimsText(shape);
}

std::string code(const std::string &text) {
  return "<code>" + escaped(text) + "</code>";
}

std::string codes(const std::vector<std::string> &names) {
  std::string s;
  for (const std::string &n : names)
    s += (s.empty() ? "" : ", ") + code(n);
  return s;
}

/// What stands between backquotes is code.
std::string prose(const std::string &text) {
  std::string s;
  bool inside = false;
  for (llvm::StringRef part : llvm::split(text, '`')) {
    s += inside ? code(part.str()) : escaped(part);
    inside = !inside;
  }
  return s;
}

class Page {
public:
  explicit Page(const Explanation &e) : e(e), facts(e.function.facts) { collectMarks(); }

  std::string run() {
    std::string head = headText(e), target = e.entry + " for " + e.target;
    std::string title = escaped(target);
    out = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>" +
          title + "</title>\n<style>" + kPageStyle + "</style>\n</head>\n<body>\n<h1>" + title +
          "</h1>\n<p class=\"soft\">" + escaped(head.substr(target.size() + 2)) + "</p>\n";
    out += "<div class=\"columns\">\n<div>\n";
    writePicture();
    writeTables();
    out += "</div>\n<div class=\"beside\">\n";
    writeSources();
    return out + "</div>\n</div>\n</body>\n</html>\n";
  }

private:
  //===--------------------------------------------------------------------===//
  // Marks
  //===--------------------------------------------------------------------===//

  void mark(mlir::Location place, const char *cls, const std::string &title,
            const std::string &id = "") {
    SourceRange range = rangeOf(e.sources, place);
    if (range.file && range.end > range.begin)
      marks.push_back({range, cls, title, id});
  }

  void collectMarks() {
    for (auto [n, scan] : llvm::enumerate(facts.scans)) {
      for (const StateFacts &s : scan.states)
        if (s.cls.place)
          mark(*s.cls.place, "demoted", s.name + " is " + s.cls.name + ": " + reasonText(s.cls),
               idOf(n, s));
      for (const HoistFacts &h : scan.hoisted)
        mark(h.place, "leaves", "hoisted out of the scan");
    }
  }

  static std::string idOf(size_t scan, const StateFacts &s) {
    return "why-" + std::to_string(scan) + "-" + s.name;
  }

  //===--------------------------------------------------------------------===//
  // The picture
  //===--------------------------------------------------------------------===//

  void heading(const char *text) { out += std::string("<h2>") + text + "</h2>\n"; }
  void down() { out += "<div class=\"down\"></div>\n"; }

  void box(const std::string &name, const std::string &small, const char *cls = "") {
    out += std::string("<div class=\"box ") + cls + "\">" + name +
           (small.empty() ? "" : "<small>" + small + "</small>") + "</div>\n";
  }

  void writePicture() {
    heading("Plan");
    out += "<div class=\"row\">\n";
    for (const Signature &s : e.inputs)
      box(code(s.name), escaped(s.type));
    writeParameters();
    out += "</div>\n";
    writeHoisted();
    for (auto [n, scan] : llvm::enumerate(facts.scans))
      if (!scan.tiles || scan.depth == 0) {
        down();
        writeScan(n, scan);
      }
    down();
    out += "<div class=\"row\">\n";
    for (const Signature &s : e.outputs)
      box(code(s.name), escaped(s.type) + madeOf(s.name));
    out += "</div>\n";
  }

  void writeParameters() {
    if (e.weights.empty())
      return;
    std::string all, count = std::to_string(e.weights.size());
    for (const Signature &s : e.weights)
      all += "<br>" + code(s.name) + " " + escaped(s.type);
    box("<details><summary>" + count + (e.weights.size() == 1 ? " parameter" : " parameters") +
            "</summary><small>" + all.substr(4) + "</small></details>",
        "");
  }

  void writeHoisted() {
    std::vector<const HoistFacts *> all;
    for (const ScanFacts &scan : facts.scans)
      for (const HoistFacts &h : scan.hoisted)
        if (h.map)
          all.push_back(&h);
    if (all.empty())
      return;
    down();
    out += "<div class=\"row\">\n";
    for (const HoistFacts *h : all)
      box(code(sourceText(e.sources, h->place)),
          std::string("hoisted: one ") +
              (kindOf(*h->map) == "product" ? "matrix product" : escaped(kindOf(*h->map))) + ", " +
              escaped(typeText(h->map->elem, h->map->shape)),
          "hoisted");
    out += "</div>\n";
  }

  /// The `nth` of that name: a function that is called twice has its scans twice.
  const Flow *flowNamed(const std::string &name, bool isScan, size_t nth = 0) const {
    for (const Flow &f : e.flow)
      if (f.isScan == isScan && f.name == name && nth-- == 0)
        return &f;
    return nullptr;
  }

  /// How many scans before the `n`th stand at the same place.
  size_t namesakes(size_t n) const {
    std::string place = placeText(facts.scans[n].place);
    auto same = [&](const ScanFacts &s) { return placeText(s.place) == place; };
    return std::count_if(facts.scans.begin(), facts.scans.begin() + n, same);
  }

  /// "; from the scan at 9:5" of a result.
  std::string madeOf(const std::string &result) const {
    const Flow *f = flowNamed(result, false);
    std::string text;
    for (const std::string &place : f ? f->scans : std::vector<std::string>())
      text += (text.empty() ? "; from the scan at " : ", ") + escaped(shortPlace(place));
    return text;
  }

  std::string shortPlace(const std::string &place) const {
    std::string own = e.sources.path(1) + ":";
    return place.rfind(own, 0) == 0 ? place.substr(own.size()) : place;
  }

  void writeScan(size_t n, const ScanFacts &scan) {
    std::string place = placeText(scan.place);
    out += std::string("<section class=\"scan") + (scan.depth ? " inner" : "") + "\">\n<div>" +
           code(lineText(e.sources, scan.place)) + " <span class=\"soft\">" +
           escaped(shortPlace(place)) + "</span></div>\n<p class=\"soft\">" + formText(scan) +
           " over " + escaped(scan.extent) + (scan.reverse ? ", from the end" : "") +
           (scan.depth ? ", for each step around it" : "") +
           (scan.runs.empty() ? "" : "; " + escaped(runsText(scan))) + "</p>\n";
    if (const Flow *f = flowNamed(place, true, namesakes(n))) {
      std::string reads = codes(f->arguments);
      for (const std::string &other : f->scans)
        reads += (reads.empty() ? "" : ", ") + ("the scan at " + escaped(shortPlace(other)));
      if (!reads.empty())
        out += "<p>reads " + reads + "</p>\n";
    }
    writeGraph(n, scan);
    for (const StateFacts &s : scan.states)
      writeState(n, s);
    writeForms(scan);
    out += "</section>\n";
  }

  void writeForms(const ScanFacts &scan) {
    std::string why = whyText(e, scan);
    if (why.empty())
      return;
    std::vector<std::vector<std::string>> rows;
    for (const FormFacts &c : scan.candidates)
      if (c.refused.empty())
        rows.push_back({escaped(candidateText(c)), timeText(c.nanoseconds), amountText(c.flopsAt)});
      else
        rows.push_back({escaped(c.form), "", "not, " + code(c.state) + ": " + prose(c.refused)});
    out += "<details><summary>form " + code(scan.form) + ": " + escaped(why) + "</summary>\n";
    table({"form", "estimate", "operations"}, {false, true, false}, rows);
    out += "</details>\n";
  }

  static std::string chip(const ClassFacts &c) {
    return c.name.empty() ? ""
                          : "<span class=\"cls " + escaped(c.name) + "\">" + escaped(c.name) + " " +
                                escaped(c.title) + "</span>";
  }

  void entry(const char *term, const std::string &text) {
    if (!text.empty())
      out += std::string("<dt>") + term + "</dt><dd>" + text + "</dd>\n";
  }

  void writeState(size_t scan, const StateFacts &s) {
    out +=
        "<div class=\"state\"><b>" + code(s.name) + "</b> <span class=\"soft mono\">" +
        escaped(typeText(s.elem, s.shape)) + "</span> " + chip(s.cls) +
        (s.cls.detail.empty() ? "" : " <span class=\"soft\">" + escaped(s.cls.detail) + "</span>") +
        "\n<dl>\n";
    for (const FactorFacts &f : s.cls.factors)
      entry(escaped(f.role).c_str(), code(factorText(e, f)));
    if (s.cls.key >= 0) {
      std::string each;
      for (unsigned v : s.cls.values)
        each += (each.empty() ? " for each of " : " x ") + escaped(axisText(s, v));
      entry("contracts", escaped(axisText(s, s.cls.key)) + each);
    }
    if (s.cls.place)
      entry("because", prose(reasonText(s.cls)) + " in <a href=\"#" + escaped(idOf(scan, s)) +
                           "\">" + code(sourceText(e.sources, *s.cls.place)) + "</a>");
    entry("hint", prose(hintText(e, s)));
    std::string needs;
    for (const NeedFacts &need : s.needs)
      needs += (needs.empty() ? "" : ", ") + code(need.state) + " in " +
               code(sourceText(e.sources, need.place));
    entry("waits for", needs);
    out += "</dl></div>\n";
  }

  //===--------------------------------------------------------------------===//
  // Which states a state waits for
  //===--------------------------------------------------------------------===//

  /// An arc from one box to another: below where it goes on, above where it goes back.
  static std::string arc(int from, int to, const std::string &head) {
    auto x = [](int k) { return 60 + 120 * k; };
    auto at = [](int px, int py) { return std::to_string(px) + " " + std::to_string(py); };
    std::string d;
    if (from == to) {
      d = "M" + at(x(to) - 16, 60) + " C" + at(x(to) - 26, 32) + ", " + at(x(to) + 26, 32) + ", " +
          at(x(to) + 16, 58);
    } else {
      int side = from < to ? 1 : -1, edge = from < to ? 96 : 60;
      int depth = edge + side * (14 + 10 * std::abs(to - from));
      d = "M" + at(x(from) + side * 24, edge) + " Q" + at((x(from) + x(to)) / 2, depth) + ", " +
          at(x(to) - side * 24, edge + side * 2);
    }
    return "<path d=\"" + d + "\" marker-end=\"url(#" + head + ")\"/>\n";
  }

  void writeGraph(size_t number, const ScanFacts &scan) {
    constexpr size_t limit = 8;
    int n = int(scan.states.size());
    if (n < 2 || scan.states.size() > limit)
      return;
    int width = 120 * n;
    std::string head = "head-" + std::to_string(number);
    out += "<svg viewBox=\"0 24 " + std::to_string(width) + " 116\" width=\"" +
           std::to_string(width) +
           "\" role=\"img\" aria-label=\"which states a state waits for\">\n"
           "<defs><marker id=\"" +
           head +
           "\" viewBox=\"0 0 8 8\" refX=\"6\" refY=\"4\" markerWidth=\"7\" "
           "markerHeight=\"7\" orient=\"auto\"><path d=\"M0 0 L8 4 L0 8 z\"/></marker></defs>\n";
    for (int to = 0; to < n; ++to)
      for (const NeedFacts &need : scan.states[to].needs)
        for (int from = 0; from < n; ++from)
          if (scan.states[from].name == need.state)
            out += arc(from, to, head);
    for (int k = 0; k < n; ++k) {
      const StateFacts &s = scan.states[k];
      std::string label = shortLabel(s.name) + (s.cls.name.empty() ? "" : " " + s.cls.name);
      out += "<g class=\"" + escaped(s.cls.name) + "\"><rect x=\"" + std::to_string(12 + 120 * k) +
             "\" y=\"62\" width=\"96\" height=\"32\" rx=\"6\"/><text x=\"" +
             std::to_string(60 + 120 * k) + "\" y=\"83\">" + escaped(label) + "</text></g>\n";
    }
    out += "</svg>\n";
  }

  static std::string shortLabel(const std::string &name) {
    size_t cut = 8;
    while (cut > 0 && cut < name.size() && (name[cut] & 0xC0) == 0x80)
      --cut;
    return name.size() <= cut ? name : name.substr(0, cut) + "~";
  }

  //===--------------------------------------------------------------------===//
  // Tables
  //===--------------------------------------------------------------------===//

  void table(const std::vector<const char *> &heads, const std::vector<bool> &numeric,
             const std::vector<std::vector<std::string>> &rows) {
    auto cell = [&](const char *tag, size_t k, const std::string &text) {
      out +=
          std::string("<") + tag + (numeric[k] ? " class=\"n\">" : ">") + text + "</" + tag + ">";
    };
    out += "<div class=\"scroll\"><table>\n<tr>";
    for (auto [k, h] : llvm::enumerate(heads))
      cell("th", k, h);
    out += "</tr>\n";
    for (const auto &row : rows) {
      out += "<tr>";
      for (auto [k, text] : llvm::enumerate(row))
        cell("td", k, text);
      out += "</tr>\n";
    }
    out += "</table></div>\n";
  }

  void writeTables() {
    std::vector<std::vector<std::string>> states, products, packs;
    for (const ScanFacts &scan : facts.scans) {
      for (const StateFacts &s : scan.states)
        if (!s.name.empty())
          states.push_back({code(s.name), chip(s.cls), code(typeText(s.elem, s.shape)),
                            s.bytes ? std::to_string(*s.bytes) : "",
                            s.inPlace ? "in place" : "two copies in turn"});
      for (const MapFacts &map : scan.maps)
        if (!scan.tiles || kindOf(map) == "product")
          addMap(map, scan.tiles ? "in a tile" : "in each step", products, packs);
    }
    for (const MapFacts &map : facts.maps)
      addMap(map, map.prepared ? "when weights are bound" : "once a call", products, packs);
    if (!states.empty()) {
      heading("States");
      table({"state", "class", "type", "bytes", "updated"}, {false, false, false, true, false},
            states);
    }
    if (!products.empty()) {
      heading("Products, reductions and maps");
      table({"expression", "kind", "type", "over", "when"}, {false, false, false, false, false},
            products);
    }
    if (!packs.empty()) {
      heading("Weights, packed");
      table({"weights", "for", "panels", "columns", "bytes"}, {false, false, true, true, true},
            packs);
    }
    writeKernels();
    writeMemory();
  }

  /// Of a GPU.
  void writeKernels() {
    if (!e.gpu)
      return;
    std::vector<std::vector<std::string>> rows;
    for (const Kernel &k : e.kernels)
      rows.push_back({code(k.name), std::to_string(k.threads), std::to_string(k.sharedBytes)});
    heading("Kernels");
    table({"kernel", "threads of a block", "bytes of shared memory"}, {false, true, true}, rows);
    if (e.step) {
      rows.clear();
      for (const Kernel &k : e.step->kernels)
        rows.push_back({code(k.name), std::to_string(k.threads), std::to_string(k.sharedBytes)});
      heading("A step of its stream");
      out += "<p>" + escaped(stepText(e)) + "</p>\n";
      table({"kernel", "threads of a block", "bytes of shared memory"}, {false, true, true}, rows);
    }
    if (!e.counts)
      return;
    rows.clear();
    for (const KernelCounts &k : *e.counts)
      rows.push_back({code(k.name), escaped(countsText(k))});
    heading("Counted in one call in the simulator");
    table({"kernel", "counts"}, {false, false}, rows);
  }

  void addMap(const MapFacts &map, const std::string &when,
              std::vector<std::vector<std::string>> &products,
              std::vector<std::vector<std::string>> &packs) {
    std::string over;
    for (const SumFacts &s : map.sums)
      for (const std::string &d : s.over)
        over += (over.empty() ? "" : ", ") + code(d);
    std::string runs = runsText(map);
    mlir::Location place = map.sums.empty() ? map.place : map.sums.front().place;
    products.push_back({code(sourceText(e.sources, place)), escaped(kindOf(map)),
                        code(typeText(map.elem, map.shape)), over,
                        when + (runs.empty() ? "" : ", " + escaped(runs))});
    for (const PackFacts &p : map.packs)
      packs.push_back({codes(p.weights), code(sourceText(e.sources, p.place)),
                       std::to_string(p.tiles), std::to_string(p.unit * p.width),
                       std::to_string(p.bytes)});
  }

  void writeMemory() {
    heading("Memory");
    std::vector<std::vector<std::string>> rows{
        {"workspace of a call", code(tensorFormula(facts)) + " in " +
                                    std::to_string(facts.workspace.size()) +
                                    (facts.workspace.size() == 1 ? " tensor" : " tensors")}};
    if (e.workspaceBytes >= 0)
      rows.push_back({"for " + escaped(e.sizes.empty() ? "these inputs" : e.sizes),
                      std::to_string(e.workspaceBytes)});
    rows.push_back({"kept from when weights are bound", std::to_string(e.function.preparedBytes)});
    table({"what", "bytes"}, {false, false}, rows);
    if (!e.floor)
      return;
    heading("Time");
    out += "<p>floor of a call: " + escaped(floorText(e)) + "<br>" +
           escaped(estimateText(*e.floor)) + "</p>\n";
    rows.clear();
    for (const gpu::KernelCost &k : e.floor->kernels)
      rows.push_back({escaped(k.what), escaped(costText(k))});
    if (!rows.empty())
      table({"kernel", "estimate"}, {false, false}, rows);
  }

  //===--------------------------------------------------------------------===//
  // Sources
  //===--------------------------------------------------------------------===//

  void writeSources() {
    heading("Program");
    out += "<p class=\"soft\"><mark class=\"demoted\">made a state nonlinear</mark> &nbsp; "
           "<mark class=\"leaves\">hoisted out of a scan</mark></p>\n";
    for (uint32_t file = 1; file <= e.sources.size(); ++file) {
      bool marked = llvm::any_of(marks, [&](const Mark &m) { return m.range.file == file; });
      if (file > 1 && !marked)
        continue;
      out += "<p class=\"mono soft\">" + escaped(e.sources.path(file)) + "</p>\n" +
             sourceHtml(e.sources, file, marks, concerned(file));
    }
  }

  /// From the first scan or mark in the file to the last.
  SourceRange concerned(uint32_t file) const {
    SourceRange all;
    auto add = [&](SourceRange r) {
      if (r.file != file)
        return;
      all.begin = all.file ? std::min(all.begin, r.begin) : r.begin;
      all.end = std::max(all.end, r.end);
      all.file = file;
    };
    for (const Mark &m : marks)
      add(m.range);
    for (const ScanFacts &scan : facts.scans)
      add(rangeOf(e.sources, scan.place));
    return all;
  }

  const Explanation &e;
  const FunctionFacts &facts;
  std::vector<Mark> marks;
  std::string out;
};

} // namespace

std::string explainHtml(const Explanation &e) {
  return Page(e).run();
}

} // namespace seq::tool
