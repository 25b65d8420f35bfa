//===- ExplainJson.cpp - seqc explain --json ----------------------------------------------===//
#include "compiler/Tools/seqc/Explain.h"
#include "compiler/Tools/seqc/Report.h"

#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

using namespace seq::lowering;

namespace seq::tool {

namespace {
using llvm::json::OStream;

/// Text that came out of files may be no UTF-8.
std::string clean(const std::string &s) {
  return llvm::json::isUTF8(s) ? s : llvm::json::fixUTF8(s);
}

class Writer {
public:
  Writer(const Explanation &e, OStream &j) : e(e), j(j), facts(e.function.facts) {}

  void run() {
    j.object([&] {
      text("entry", e.entry);
      text("target", e.target);
      if (e.gpu)
        j.attribute("vector_bytes", nullptr);
      else
        j.attribute("vector_bytes", e.vectorBytes);
      if (e.gpu)
        j.attribute("threads", nullptr);
      else
        j.attribute("threads", e.threads);
      if (e.gpu) {
        text("chip", e.chip);
        j.attribute("supposed_batch", e.supposed);
      }
      j.attributeArray("scans", [&] {
        for (const ScanFacts &scan : facts.scans)
          j.object([&] { writeScan(scan); });
      });
      maps("maps", facts.maps);
      j.attributeArray("packed", [&] { writePacks(); });
      strings("copied", facts.copied);
      j.attribute("prepared_bytes", e.function.preparedBytes);
      j.attributeObject("work", [&] { writeWork(); });
      if (e.floor)
        j.attributeObject("floor", [&] { writeFloor(*e.floor); });
      else
        j.attribute("floor", nullptr);
      j.attributeObject("workspace", [&] { writeWorkspace(); });
      if (e.gpu)
        j.attributeArray("kernels", [&] { writeKernels(e.kernels); });
      if (e.step)
        j.attributeObject("step", [&] { writeStep(*e.step); });
      if (e.counts)
        j.attributeObject("counts", [&] { writeCounts(*e.counts); });
    });
  }

private:
  void text(llvm::StringRef key, const std::string &value) { j.attribute(key, clean(value)); }

  /// Of a GPU: which kernel it is part of, and who runs it there.
  template <class T> void runs(const T &facts) {
    if (!e.gpu)
      return;
    text("kernel", facts.kernel);
    text("runs", facts.runs);
  }

  /// Of a stream.
  void writeStep(const StreamStep &step) {
    const StepFacts &f = step.facts;
    j.attribute("ops", f.ops);
    text("runs", f.runs);
    for (auto [name, ns] :
         {std::pair("kernels_ms", f.kernels), {"block_ms", f.block}, {"group_ms", f.group}})
      j.attribute(name, ns / 1e6);
    j.attributeArray("kernels", [&] { writeKernels(step.kernels); });
  }

  void writeKernels(const std::vector<Kernel> &kernels) {
    for (const Kernel &k : kernels)
      j.object([&] {
        text("name", k.name);
        j.attribute("block_threads", k.threads);
        j.attribute("shared_bytes", k.sharedBytes);
      });
  }

  void writeCounts(const std::vector<KernelCounts> &counts) {
    auto all = [&](const seq_sim_counts &c) {
      forEachCount(c, [&](const char *name, int64_t n) { j.attribute(name, n); });
    };
    text("sizes", e.sizes);
    j.attributeArray("kernels", [&] {
      for (const KernelCounts &k : counts)
        j.object([&] {
          text("name", k.name);
          j.attribute("block_threads", k.threads);
          all(k.counts);
        });
    });
    j.attributeObject("sums", [&] { all(sumOf(counts)); });
  }

  void strings(llvm::StringRef key, const std::vector<std::string> &values) {
    j.attributeArray(key, [&] {
      for (const std::string &v : values)
        j.value(clean(v));
    });
  }

  void place(mlir::Location loc) {
    text("place", placeText(loc));
    text("source", sourceText(e.sources, loc));
  }

  void writeScan(const ScanFacts &scan) {
    text("place", placeText(scan.place));
    text("source", lineText(e.sources, scan.place));
    text("axis", scan.axis);
    text("size", scan.extent);
    text("direction", scan.reverse ? "reverse" : "forward");
    j.attribute("depth", scan.depth);
    j.attribute("threads_share_step", scan.shared);
    j.attribute("parallel", scan.parallel);
    j.attribute("tiles", scan.tiles);
    runs(scan);
    j.attributeArray("states", [&] {
      for (const StateFacts &state : scan.states)
        j.object([&] { writeState(scan, state); });
    });
    j.attributeArray("hoisted", [&] {
      for (const HoistFacts &h : scan.hoisted)
        j.object([&] { writeHoisted(h); });
    });
    maps("step", scan.maps);
    if (scan.chunk)
      j.attribute("chunk", scan.chunk);
    else
      j.attribute("chunk", nullptr);
    text("why", whyText(e, scan));
    j.attributeArray("candidates", [&] {
      for (const FormFacts &c : scan.candidates)
        j.object([&] { writeCandidate(c); });
    });
  }

  void writeCandidate(const FormFacts &c) {
    text("form", c.form);
    if (c.chunk)
      j.attribute("chunk", c.chunk);
    else
      j.attribute("chunk", nullptr);
    text("state", c.state);
    text("refused", c.refused);
    if (c.refused.empty())
      j.attribute("estimated_ms", c.nanoseconds / 1e6);
    else
      j.attribute("estimated_ms", nullptr);
    text("sizes", c.sizes);
    text("operations", c.flops);
    text("stored_bytes", c.stored);
    j.attribute("operations_at", c.flopsAt);
    j.attribute("stored_bytes_at", c.storedAt);
  }

  void writeWork() {
    const analysis::Work &w = e.work;
    auto formulas = [&](auto put) {
      w.operations.forEach([&](const char *name, const analysis::Formula &f) { put(name, f); });
      put("operations", w.flops());
      put("argument_bytes", w.arguments);
      put("result_bytes", w.results);
    };
    formulas([&](const char *name, const analysis::Formula &f) { text(name, f.str()); });
    j.attribute("at_most", w.atMost);
    if (e.workspaceBytes < 0)
      return j.attribute("numbers", nullptr);
    j.attributeObject("numbers", [&] {
      formulas([&](const char *name, const analysis::Formula &f) {
        j.attribute(name, f.at(e.known) * double(e.batch));
      });
    });
  }

  void writeFloor(const FloorFacts &f) {
    j.attribute("ms", f.seconds * 1e3);
    j.attribute("operations", f.demand.flops);
    j.attribute("bytes", f.demand.bytes);
    j.attribute("peak_gflop_per_s", f.peaks.flops / 1e9);
    j.attribute("peak_gbyte_per_s", f.peaks.bytes / 1e9);
    if (f.estimate) {
      j.attribute("estimated_ms", *f.estimate * 1e3);
      j.attribute("floor_fraction", *f.estimate > 0 ? f.seconds / *f.estimate : 1);
    } else {
      j.attribute("estimated_ms", nullptr);
      j.attribute("floor_fraction", nullptr);
    }
    if (e.gpu)
      j.attributeArray("kernels", [&] {
        for (const gpu::KernelCost &k : f.kernels)
          j.object([&] { writeCost(k); });
      });
  }

  void writeCost(const gpu::KernelCost &k) {
    text("kind", k.what);
    j.attribute("blocks", k.blocks);
    j.attribute("block_threads", k.threads);
    j.attribute("operations", k.operations);
    j.attribute("bytes_read", k.bytesRead);
    j.attribute("bytes_written", k.bytesWritten);
    j.attribute("memory_bytes", k.memoryBytes);
    j.attribute("estimated_ms", k.nanoseconds / 1e6);
    text("bound", k.bound);
  }

  void writeState(const ScanFacts &scan, const StateFacts &state) {
    text("name", state.name);
    text("class", state.cls.name);
    text("title", state.cls.title);
    text("detail", state.cls.detail);
    text("form", formText(scan));
    text("reason", reasonText(state.cls));
    text("place", placeText(state.cls.place.value_or(scan.place)));
    text("hint", hintText(e, state));
    text("end", state.cls.place ? endText(*state.cls.place) : "");
    j.attributeArray("factors", [&] {
      for (const FactorFacts &f : state.cls.factors)
        j.object([&] {
          text("role", f.role);
          text("text", factorText(e, f));
        });
    });
    if (state.cls.key >= 0) {
      j.attribute("key_axis", state.cls.key);
      j.attributeArray("value_axes", [&] {
        for (unsigned v : state.cls.values)
          j.value(v);
      });
    }
    text("type", state.elem);
    strings("shape", state.shape);
    if (state.bytes)
      j.attribute("bytes", *state.bytes);
    else
      j.attribute("bytes", nullptr);
    j.attribute("in_place", state.inPlace);
    j.attributeArray("needs", [&] {
      for (const NeedFacts &need : state.needs)
        j.object([&] {
          text("state", need.state);
          place(need.place);
        });
    });
  }

  void writeHoisted(const HoistFacts &h) {
    place(h.place);
    if (h.map)
      writeMap(*h.map);
    else
      j.attribute("kind", nullptr);
  }

  /// Without the place: a hoisted expression has its own.
  void writeMap(const MapFacts &map) {
    text("kind", kindOf(map));
    text("type", map.elem);
    strings("shape", map.shape);
    text("when", map.prepared ? "bind" : "call");
    j.attributeArray("sums", [&] {
      for (const SumFacts &sum : map.sums)
        j.object([&] {
          place(sum.place);
          text("kind", sum.kind);
          j.attribute("count", sum.count);
          j.attribute("product", sum.product);
          strings("over", sum.over);
          strings("states", sum.states);
        });
    });
  }

  void maps(llvm::StringRef key, const std::vector<MapFacts> &list) {
    j.attributeArray(key, [&] {
      for (const MapFacts &map : list)
        j.object([&] {
          place(map.place);
          writeMap(map);
          j.attribute("vector_lanes", map.width);
          j.attribute("register_rows", map.rows);
          runs(map);
          if (map.tileRows) {
            j.attribute("instructions", map.instructions.empty() ? "fma" : map.instructions);
            j.attribute("copied_factors", map.copiedFactors);
            j.attribute("boxed_factors", map.boxedFactors);
            j.attribute("tile_rows", map.tileRows);
            j.attribute("tile_columns", map.tileColumns);
          }
        });
    });
  }

  void writePacks() {
    for (const ScanFacts &scan : facts.scans)
      for (const MapFacts &map : scan.maps)
        packsOf(map);
    for (const MapFacts &map : facts.maps)
      packsOf(map);
  }

  void packsOf(const MapFacts &map) {
    for (const PackFacts &p : map.packs)
      j.object([&] {
        strings("weights", p.weights);
        place(p.place);
        j.attribute("rows_side_by_side", p.slots);
        j.attribute("panels", p.tiles);
        j.attribute("panel_columns", p.unit * p.width);
        j.attribute("bytes", p.bytes);
      });
  }

  void writeWorkspace() {
    text("formula", tensorFormula(facts));
    j.attribute("tensors", int64_t(facts.workspace.size()));
    if (e.workspaceBytes >= 0)
      j.attribute("bytes", e.workspaceBytes);
    else
      j.attribute("bytes", nullptr);
    text("sizes", e.sizes);
  }

  const Explanation &e;
  OStream &j;
  const FunctionFacts &facts;
};
} // namespace

std::string explainJson(const Explanation &e) {
  std::string out;
  llvm::raw_string_ostream stream(out);
  OStream j(stream, 2);
  Writer(e, j).run();
  return out + "\n";
}

} // namespace seq::tool
