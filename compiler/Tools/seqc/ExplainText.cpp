//===- ExplainText.cpp - seqc explain, for people ----------------------------------------===//
#include "compiler/Tools/seqc/Explain.h"

#include "llvm/ADT/STLExtras.h"

#include <cstdio>

using namespace seq::lowering;

namespace seq::tool {

std::string dimsText(const std::vector<std::string> &shape) {
  std::string text = "[";
  for (const std::string &d : shape)
    text += (text.size() > 1 ? ", " : "") + d;
  return text + "]";
}

std::string kindOf(const MapFacts &map) {
  if (map.copy)
    return "copy";
  if (map.sums.empty())
    return "map";
  for (const SumFacts &sum : map.sums)
    if (!sum.product)
      return "reduction";
  return "product";
}

static int64_t constantPart(const TensorFacts &t, std::vector<std::string> &dynamic) {
  int64_t n = t.elemBytes;
  for (const std::string &d : t.shape)
    if (d.find_first_not_of("0123456789") == std::string::npos)
      n *= std::stoll(d);
    else
      dynamic.push_back(d.find(' ') == std::string::npos ? d : "(" + d + ")");
  return n;
}

/// Bytes of those tensors that each sequence, or each thread, has a copy of; empty: none.
static std::string termsOf(const FunctionFacts &facts, bool perThread) {
  // Tensors with the same dynamic sizes are one term.
  std::vector<std::pair<std::string, int64_t>> terms;
  for (const TensorFacts &t : facts.workspace) {
    if (t.perThread != perThread)
      continue;
    std::vector<std::string> dynamic;
    int64_t n = constantPart(t, dynamic);
    std::string key;
    for (const std::string &d : dynamic)
      key += (key.empty() ? "" : " * ") + d;
    auto same = std::find_if(terms.begin(), terms.end(), [&](auto &x) { return x.first == key; });
    if (same != terms.end())
      same->second += n;
    else
      terms.emplace_back(key, n);
  }
  std::string sum;
  for (auto &[key, n] : terms)
    sum += (sum.empty() ? "" : " + ") + std::to_string(n) + (key.empty() ? "" : " * " + key);
  if (terms.empty())
    return "";
  return (perThread ? "threads * " : "batch * ") + (terms.size() > 1 ? "(" + sum + ")" : sum);
}

std::string tensorFormula(const FunctionFacts &facts) {
  std::string sequences = termsOf(facts, false), threads = termsOf(facts, true);
  if (sequences.empty() && threads.empty())
    return "0";
  return sequences + (sequences.empty() || threads.empty() ? "" : " + ") + threads;
}

std::string reasonText(const ClassFacts &c) {
  if (c.reason.empty())
    return "";
  std::string text = c.reason;
  if (auto at = text.find(" it"); at != std::string::npos && at + 3 == text.size())
    text = text.substr(0, at + 1) + "`" + c.reads + "`";
  return text;
}

std::string hintText(const Explanation &e, const StateFacts &state) {
  if (state.cls.hint.empty() || !state.cls.place)
    return "";
  return "were `" + sourceText(e.sources, *state.cls.place) + "` free of `" + state.cls.reads +
         "` (reading the input only), and whatever else is nonlinear, `" + state.name +
         "` would be " + state.cls.hint;
}

/// A sum, a difference or a choice, outside of all brackets.
static bool bindsLoosely(const std::string &text) {
  int depth = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    depth += c == '(' || c == '[' ? 1 : c == ')' || c == ']' ? -1 : 0;
    bool sign = c == '+' || c == '?' || (c == '-' && i > 0);
    if (depth == 0 && sign)
      return true;
  }
  return false;
}

std::string factorText(const Explanation &e, const FactorFacts &factor) {
  std::string text;
  for (const FactorFacts::Part &part : factor.parts) {
    if (!part.place) {
      text += part.text;
      continue;
    }
    std::string source = subscriptedText(e.sources, *part.place);
    bool brackets = factor.parts.size() > 1 && bindsLoosely(source);
    text += source.empty() ? "..." : brackets ? "(" + source + ")" : source;
  }
  return text;
}

std::string axisText(const StateFacts &state, unsigned axis) {
  return axis < state.shape.size() ? state.shape[axis] : std::to_string(axis);
}

std::string formText(const ScanFacts &scan) {
  if (scan.form == "fft")
    return "by transforms of blocks of " + std::to_string(scan.chunk) + " steps (fft)";
  return scan.tiles ? "in tiles" : scan.parallel ? "parallel" : scan.form;
}

std::string candidateText(const FormFacts &form) {
  return form.form +
         (form.chunk ? ", " + std::to_string(form.chunk) + " steps to a chunk" : std::string());
}

std::string whyText(const Explanation &e, const ScanFacts &scan) {
  auto possible = llvm::count_if(scan.candidates, [](auto &c) { return c.refused.empty(); });
  if (scan.candidates.empty())
    return "";
  if (possible == 1)
    return "it can have no other";
  if (!e.asked.empty())
    return "it was asked for";
  std::string best = scan.form == "sequential" ? "no other is a tenth cheaper" : "the cheapest";
  if (!e.gpu)
    return best + " on " + threadsText(e.threads) + ", by estimate";
  return best + " for " + std::to_string(e.supposed) +
         (e.supposed == 1 ? " sequence" : " sequences") + " on " + e.chip + ", by estimate";
}

std::string headText(const Explanation &e) {
  std::string text = e.entry + " for " + e.target;
  if (!e.gpu)
    return text + ", vectors of " + std::to_string(e.vectorBytes) + " bytes";
  size_t n = e.kernels.size();
  return text + ", in " + std::to_string(n) + (n == 1 ? " kernel" : " kernels");
}

static std::string tileText(const MapFacts &map) {
  std::string text = "a tile of " + std::to_string(map.tileRows) + " x " +
                     std::to_string(map.tileColumns) + " a block, ";
  if (map.instructions.empty())
    text += std::to_string(map.rows) + " x " + std::to_string(map.width) + " of it a thread";
  else
    text += "by " + map.instructions;
  if (map.copiedFactors)
    text += ", " + std::to_string(map.copiedFactors) +
            (map.copiedFactors == 1 ? " factor" : " factors") + " copied by the device";
  return map.boxedFactors ? text + ", " + std::to_string(map.boxedFactors) + " in boxes" : text;
}

std::string runsText(const MapFacts &map) {
  if (map.runs == "tile")
    return tileText(map);
  if (map.runs == "column")
    return "a thread a column, in registers";
  return map.runs.empty() ? "" : "a " + map.runs + " a point";
}

std::string runsText(const ScanFacts &scan) {
  if (scan.runs == "columns")
    return "a thread runs all steps of a column, with its states in registers";
  if (scan.runs == "block")
    return "a block a sequence: its threads share each step and meet after each map";
  if (scan.runs == "group")
    return "a block a sequence, or several where sequences are few: their threads share each step "
           "and meet after each map";
  return scan.runs == "loop" ? "blocks take steps in turn, and share each among their threads" : "";
}

std::string stepText(const Explanation &e) {
  const StepFacts &f = e.step->facts;
  std::string each = f.ops == 1 ? "one kernel, for its one op" : "a kernel for each op";
  std::string one = timeText(std::min(f.block, f.group)), several = timeText(f.kernels),
              by = ", by estimate for " + std::to_string(e.supposed) +
                   (e.supposed == 1 ? " sequence" : " sequences") + " on " + e.chip;
  if (f.ops == 1)
    return each + ": " + several + by;
  if (f.runs.empty())
    return each + ": " + several + ", and " + one + " in one" + by;
  std::string blocks = f.runs == "group" ? ", or several where sequences are few" : "";
  return "one kernel, a block a sequence" + blocks + ": " + one + ", and " + several +
         " with one for each op" + by;
}

std::string countsText(const KernelCounts &kernel) {
  const seq_sim_counts &c = kernel.counts;
  std::string text = std::to_string(c.launches) + (c.launches == 1 ? " launch, " : " launches, ") +
                     std::to_string(c.blocks) + (c.blocks == 1 ? " block of " : " blocks of ") +
                     std::to_string(kernel.threads) + " threads";
  forEachCount(c, [&](llvm::StringRef name, int64_t n) {
    if (n == 0 || name == "launches" || name == "blocks" || name == "threads")
      return;
    std::string words = name.str();
    std::replace(words.begin(), words.end(), '_', ' ');
    text += ", " + std::to_string(n) + " " + words;
  });
  return text;
}

std::string threadsText(int64_t threads) {
  return threads == 1 ? "one thread" : std::to_string(threads) + " threads";
}

std::string amountText(double n) {
  char text[32];
  std::snprintf(text, sizeof text, n < 1e6 ? "%.0f" : "%.3g", n);
  return text;
}

std::string timeText(double nanoseconds) {
  const char *units[] = {"ns", "us", "ms", "s"};
  size_t unit = 0;
  for (; nanoseconds >= 1000 && unit < 3; ++unit)
    nanoseconds /= 1000;
  char text[32];
  std::snprintf(text, sizeof text, "%.3g %s", nanoseconds, units[unit]);
  return text;
}

std::string floorText(const Explanation &e) {
  const FloorFacts &f = *e.floor;
  char text[200];
  std::string whose =
      e.gpu ? "published of " + e.chip : "measured here on " + threadsText(e.threads);
  std::snprintf(text, sizeof text, "%s: %s operations at %.3g GFLOP/s, %s bytes at %.3g GB/s, %s",
                timeText(f.seconds * 1e9).c_str(), amountText(f.demand.flops).c_str(),
                f.peaks.flops / 1e9, amountText(f.demand.bytes).c_str(), f.peaks.bytes / 1e9,
                whose.c_str());
  return text;
}

std::string costText(const gpu::KernelCost &k) {
  return timeText(k.nanoseconds) + " for " + k.bound + ", " + amountText(k.blocks) + " blocks of " +
         amountText(k.threads) + " threads, " + amountText(k.operations) + " operations, " +
         amountText(k.bytesRead) + " bytes read and " + amountText(k.bytesWritten) + " written, " +
         amountText(k.memoryBytes) + " of memory";
}

std::string estimateText(const FloorFacts &f) {
  if (!f.estimate)
    return "no estimate: the cost model has no attention, convolution or softmax";
  char text[100];
  std::snprintf(text, sizeof text, "estimated: %s, of which the floor is %.2g%%",
                timeText(*f.estimate * 1e9).c_str(),
                *f.estimate > 0 ? 100 * f.seconds / *f.estimate : 100);
  return text;
}

namespace {

std::string typeText(const std::string &elem, const std::vector<std::string> &shape) {
  return shape.empty() ? elem : elem + dimsText(shape);
}

std::string bytesText(int64_t n) {
  if (n < 4096)
    return std::to_string(n) + " bytes";
  return std::to_string((n + 512) / 1024) + " KiB";
}

class Writer {
public:
  explicit Writer(const Explanation &e) : e(e), facts(e.function.facts) {}

  std::string run() {
    out = headText(e) + "\n";
    if (llvm::all_of(facts.scans, [](const ScanFacts &scan) { return scan.tiles; }))
      out += "there is no recurrence: all runs as maps, reductions and products\n";
    for (const ScanFacts &scan : facts.scans)
      writeScan(scan);
    writeOutside();
    writeWeights();
    writeWork();
    writeWorkspace();
    writeKernels();
    return out;
  }

private:
  std::string quoted(mlir::Location loc) const {
    std::string text = sourceText(e.sources, loc), place = shortPlace(loc);
    return "`" + text + "`" + (place.empty() ? "" : " (" + place + ")");
  }

  /// Without the file where that is the entry's own.
  std::string shortPlace(mlir::Location loc) const {
    std::string place = placeText(loc), own = e.sources.path(1) + ":";
    return place.rfind(own, 0) == 0 ? place.substr(own.size()) : place;
  }

  static std::string list(const std::vector<std::string> &names) {
    std::string text;
    for (const std::string &n : names)
      text += (text.empty() ? "`" : ", `") + n + "`";
    return text;
  }

  static std::string what(const MapFacts &map) {
    std::string kind = kindOf(map);
    return kind == "product" ? "matrix product" : kind;
  }

  static std::string sumText(const SumFacts &sum) {
    std::string over;
    for (const std::string &d : sum.over)
      over += (over.empty() ? "" : " x ") + d;
    return (sum.count > 1 ? std::to_string(sum.count) + " sums over " : sum.kind + " over ") + over;
  }

  void line(const std::string &text) { out += "  " + text + "\n"; }

  /// What is computed in tiles is one line, and one for each kind of product in a tile.
  void writeTiles(const ScanFacts &scan) {
    if (scan.depth == 0) {
      out += placeText(scan.place) + ": " + lineText(e.sources, scan.place) + "\n";
      bool fft = scan.form == "fft";
      line(formText(scan) + ", " + scan.extent + (fft ? " tiles of channels" : " blocks of rows") +
           (e.gpu ? " that blocks take in turn" : " that threads take in turn") + kernel(scan));
      writeForms(scan);
    }
    for (const MapFacts &map : scan.maps)
      for (const SumFacts &sum : map.sums)
        if (sum.product)
          line("in a tile " + quoted(sum.place) + ": product " + typeText(map.elem, map.shape) +
               ", " + sumText(sum) + who(map));
  }

  /// Of a GPU: "; a thread a point".
  std::string who(const MapFacts &map) const {
    std::string text = runsText(map);
    return text.empty() ? "" : "; " + text;
  }
  template <class T> std::string kernel(const T &facts) const {
    return e.gpu && !facts.kernel.empty() ? ", in kernel `" + facts.kernel + "`" : "";
  }

  void writeScan(const ScanFacts &scan) {
    if (scan.tiles)
      return writeTiles(scan);
    out += placeText(scan.place) + ": " + lineText(e.sources, scan.place) + "\n";
    line(formText(scan) + " over " + scan.extent + (scan.reverse ? ", from the end" : "") +
         (scan.depth ? ", for each step around it" : "") +
         (scan.shared && !e.gpu ? "; threads share a step where sequences are fewer" : ""));
    if (std::string runs = runsText(scan); !runs.empty())
      line(runs + kernel(scan));
    for (const StateFacts &state : scan.states)
      writeState(state);
    for (const HoistFacts &h : scan.hoisted)
      writeHoisted(h);
    for (const MapFacts &map : scan.maps)
      for (const SumFacts &sum : map.sums)
        line("in the step " + quoted(sum.place) + ": " + (sum.product ? "product" : "reduction") +
             " " + typeText(map.elem, map.shape) + ", " + sumText(sum) +
             (sum.states.empty() ? "; reads no state" : "; reads " + list(sum.states)) + who(map));
    writeForms(scan);
  }

  /// In brackets where it is no number, and can be read at a glance.
  static std::string formula(const std::string &text) {
    bool number = text.find_first_not_of("0123456789") == std::string::npos;
    return number || text.size() > 90 ? "" : " (" + text + ")";
  }

  void writeForms(const ScanFacts &scan) {
    if (std::string why = whyText(e, scan); !why.empty())
      line("form `" + scan.form + "`: " + why);
    for (const FormFacts &c : scan.candidates)
      if (c.refused.empty())
        line("  " + candidateText(c) + ": about " + timeText(c.nanoseconds) + ", " +
             amountText(c.flopsAt) + " operations" + formula(c.flops) +
             (c.stored.empty()
                  ? ""
                  : ", " + amountText(c.storedAt) + " bytes made" + formula(c.stored)) +
             (c.sizes.empty() ? "" : ", for " + c.sizes));
      else
        line("  " + c.form + ": not, state `" + c.state + "`: " + c.refused);
  }

  void writeState(const StateFacts &state) {
    std::string text = "state `" + state.name + "` " + typeText(state.elem, state.shape);
    if (state.bytes)
      text += ", " + bytesText(*state.bytes) + " a sequence";
    text += state.inPlace ? ", updated in place" : ", two copies in turn";
    line(text);
    const ClassFacts &c = state.cls;
    if (!c.name.empty())
      line("  " + c.name + ", " + c.title + (c.detail.empty() ? "" : ", " + c.detail) +
           (c.place ? ": " + reasonText(c) + " in " + quoted(*c.place) : ""));
    if (std::string hint = hintText(e, state); !hint.empty())
      line("  " + hint);
    writeFactors(state);
    if (state.needs.empty())
      return line("  its next value needs no state");
    text = "";
    for (const NeedFacts &need : state.needs)
      text += (text.empty() ? "`" : ", `") + need.state + "` in " + quoted(need.place);
    line("  its next value needs " + text);
  }

  void writeFactors(const StateFacts &state) {
    const ClassFacts &c = state.cls;
    std::string text;
    for (const FactorFacts &f : c.factors)
      text += (text.empty() ? "" : ", ") + f.role + " `" + factorText(e, f) + "`";
    if (c.key >= 0) {
      text += "; contracts " + axisText(state, c.key);
      for (unsigned v : c.values)
        text += (v == c.values[0] ? " for each of " : " x ") + axisText(state, v);
    }
    if (!text.empty())
      line("  " + text);
  }

  void writeHoisted(const HoistFacts &h) {
    std::string text = "hoisted " + quoted(h.place);
    if (h.map) {
      text += ": one " + what(*h.map) + (h.map->prepared ? " when weights are bound, " : ", ") +
              typeText(h.map->elem, h.map->shape);
      for (const SumFacts &sum : h.map->sums)
        if (placeText(sum.place) == placeText(h.place))
          return line(text + ", " + sumText(sum));
    }
    line(text);
  }

  void writeOutside() {
    if (llvm::all_of(facts.maps, [](const MapFacts &m) { return m.prepared; }))
      return;
    out += "outside of scans:\n";
    for (const MapFacts &map : facts.maps)
      if (!map.prepared)
        line(mapText(map));
  }

  std::string mapText(const MapFacts &map) const {
    std::string text = what(map) + " " + typeText(map.elem, map.shape) + " " + quoted(map.place);
    for (const SumFacts &sum : map.sums)
      text += "; " + sumText(sum) + (sum.product ? " of products" : "");
    return text + who(map) + kernel(map);
  }

  void writePacks(const MapFacts &map) {
    for (const PackFacts &p : map.packs) {
      std::string names;
      for (const std::string &w : p.weights)
        names += (names.empty() ? "" : ", ") +
                 (w.empty() ? std::string("a tensor made of weights") : "`" + w + "`");
      std::string rows = p.slots > 1 ? std::to_string(p.slots) + " rows side by side, " : "";
      line(names + " packed for " + quoted(p.place) + ": " + rows + std::to_string(p.tiles) +
           " panel" + (p.tiles == 1 ? "" : "s") + " of " + std::to_string(p.unit * p.width) +
           " columns, " + bytesText(p.bytes));
    }
  }

  void writeWeights() {
    if (e.function.preparedBytes == 0)
      return;
    out += "kept from when weights are bound, " + bytesText(e.function.preparedBytes) + ":\n";
    for (const ScanFacts &scan : facts.scans)
      for (const MapFacts &map : scan.maps)
        writePacks(map);
    for (const MapFacts &map : facts.maps)
      writePacks(map);
    for (const MapFacts &map : facts.maps)
      if (map.prepared)
        line(mapText(map));
    if (!facts.copied.empty())
      line(list(facts.copied) + " as " + (facts.copied.size() == 1 ? "it is" : "they are"));
  }

  void writeWork() {
    analysis::Formula flops = e.work.flops(), bytes = e.work.arguments + e.work.results;
    std::string most = e.work.atMost ? "at most " : "";
    out += "work of a sequence: " + most + flops.str() + " operations, a function counting " +
           std::to_string(int(analysis::kFunctionOperations)) + "; " + bytes.str() +
           " bytes in and out\n";
    if (e.workspaceBytes >= 0)
      out += "  " + most + amountText(flops.at(e.known) * double(e.batch)) + " operations, " +
             amountText(bytes.at(e.known) * double(e.batch)) + " bytes" +
             (e.sizes.empty() ? "" : " for " + e.sizes) + "\n";
    if (e.floor) {
      out += "floor of a call: " + floorText(e) + "\n";
      line(estimateText(*e.floor));
      for (const gpu::KernelCost &k : e.floor->kernels)
        line("  " + k.what + ": " + costText(k));
    }
  }

  void writeWorkspace() {
    out += "workspace: " + tensorFormula(facts) + " bytes in " +
           std::to_string(facts.workspace.size()) + " tensor" +
           (facts.workspace.size() == 1 ? "" : "s") + ", each rounded up";
    if (e.workspaceBytes >= 0)
      out += "; " + bytesText(e.workspaceBytes) + (e.sizes.empty() ? "" : " for " + e.sizes);
    out += "\n";
  }

  void writeKernels() {
    if (!e.gpu)
      return;
    if (e.step) {
      out += "a step of its stream: " + stepText(e) + "\n";
      for (const Kernel &k : e.step->kernels)
        line("`" + k.name + "`");
    }
    out += "kernels:\n";
    for (const Kernel &k : e.kernels)
      line("`" + k.name + "`: blocks of " + std::to_string(k.threads) + " threads" +
           (k.sharedBytes ? ", " + bytesText(k.sharedBytes) + " of shared memory" : ""));
    if (!e.counts)
      return;
    out +=
        "counted in one call in the simulator" + (e.sizes.empty() ? "" : " for " + e.sizes) + ":\n";
    for (const KernelCounts &k : *e.counts)
      line("`" + k.name + "`: " + countsText(k));
  }

  const Explanation &e;
  const FunctionFacts &facts;
  std::string out;
};

} // namespace

std::string explainText(const Explanation &e) {
  return Writer(e).run();
}

} // namespace seq::tool
