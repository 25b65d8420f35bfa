//===- Bench.cpp - seqc bench ---------------------------------------------------------===//
//
// All rows (shapes × batches × threads) are set up first and then timed in turns, so that
// what disturbs the machine disturbs all of them alike.
//
//===----------------------------------------------------------------------===//
#include "compiler/Codegen/Target.h"
#include "compiler/Tools/seqc/Floor.h"
#include "compiler/Tools/seqc/OwnInputs.h"
#include "compiler/Tools/seqc/Progress.h"
#include "compiler/Tools/seqc/Report.h"
#include "compiler/Tools/seqc/Scans.h"
#include "compiler/Tools/seqc/Verbs.h"

#include <algorithm>
#include <chrono>
#include <cstdio>

namespace seq::tool {

namespace {
using Clock = std::chrono::steady_clock;

struct Row {
  OwnShape shape;
  std::string text; ///< "T=128 batch=16"
  int threads = 0;
  std::string form;
  CallInputs inputs;
  std::vector<Array> outputs;
  std::unique_ptr<Runner> runner;
  std::vector<double> times; ///< seconds
  Demand demand;
  double tokens = 0, floor = 0;

  double quantile(double q) const { return times[size_t(q * double(times.size() - 1))]; }
};

class Timing {
public:
  explicit Timing(Session &session) : session(session) {}

  bool prepare() {
    if (!session.emitSeq() || !sizesAgree(session) || !makeRows() ||
        !pipeline::demandedWork(session.seqModule(), session.context(), work, session.internal))
      return false;
    for (Row &row : rows)
      if (!prepareRow(row))
        return false;
    return true;
  }

  bool time() {
    auto end =
        Clock::now() + std::chrono::duration<double>(session.options.seconds * double(rows.size()));
    Progress progress(session.options.quiet);
    do {
      progress.tell("run " + std::to_string(rows.front().times.size() + 1) + " of each row");
      for (Row &row : rows) {
        auto start = Clock::now();
        if (!row.runner->repeat(row.inputs, row.outputs))
          return false;
        row.times.push_back(std::chrono::duration<double>(Clock::now() - start).count());
      }
    } while (Clock::now() < end || rows.front().times.size() < 3);
    for (Row &row : rows)
      std::sort(row.times.begin(), row.times.end());
    return true;
  }

  void report() {
    std::map<int, Peaks> peaks;
    for (Row &row : rows) {
      int n = row.runner->threads();
      const lowering::Target &target = session.pipelineOptions().targets.back();
      if (!peaks.count(n))
        peaks[n] = target.machine == lowering::Machine::Cuda ? publishedPeaks(target)
                                                             : measurePeaks(n, target.level);
      row.floor = floorOf(row.demand, peaks[n]);
    }
    session.options.json ? printJson() : printTable(peaks);
  }

private:
  /// The product of all lists of sizes, batches and threads.
  bool makeRows() {
    std::vector<int> threads = session.options.threads;
    if (threads.empty())
      threads.push_back(0);
    for (const OwnShape &shape : shapesOf(session, 128, 64))
      for (int n : threads) {
        rows.emplace_back();
        rows.back().shape = shape;
        rows.back().threads = n;
      }
    return true;
  }

  bool prepareRow(Row &row) {
    if (!makeInputs(session, row.shape, session.options.seed, row.inputs)) {
      if (!session.diags.hasErrors())
        session.diags.error(Diag::InputShape, session.entry().name, "these sizes have no shapes");
      return false;
    }
    row.runner = std::make_unique<Runner>(session);
    const jit::LoadedObject *loaded = compiled(row);
    if (!loaded || !row.runner->create(*loaded->descriptor, row.threads) ||
        !row.runner->call(row.inputs, row.outputs))
      return false;
    describe(row);
    return row.runner->repeat(row.inputs, row.outputs);
  }

  /// The code with the forms that are best for the row's sizes and threads.
  const jit::LoadedObject *compiled(Row &row) {
    session.expect(row.shape.sizes, row.shape.batch, row.threads);
    const pipeline::Options &o = session.pipelineOptions();
    auto &[object, form] =
        code[o.sizes + " " + std::to_string(o.threads) + " " + std::to_string(o.batch)];
    if (!object) {
      FormReport taken;
      if (!takenForm(session, session.options.form, taken))
        return nullptr;
      form = taken.form;
      object = loadCompiled(session);
    }
    row.form = form;
    return object.get();
  }

  void describe(Row &row) {
    double batch = row.shape.batch < 0 ? 1 : double(row.shape.batch);
    auto sequences = sequenceSizes(session);
    row.tokens = sequences.empty() ? batch : batch * double(row.shape.sizes[sequences.front()]);
    for (auto &[name, value] : row.shape.sizes)
      row.text += (row.text.empty() ? "" : " ") + name + "=" + std::to_string(value);
    if (row.shape.batch >= 0)
      row.text +=
          (row.text.empty() ? "" : " ") + std::string("batch=") + std::to_string(row.shape.batch);
    row.demand = {batch * work.flops().at(row.shape.sizes), weightBytes(session)};
    for (const Array &a : row.inputs.arrays)
      row.demand.bytes += double(a.byteCount());
    for (const Array &a : row.outputs)
      row.demand.bytes += double(a.byteCount());
  }

  void printJson() {
    std::printf("[\n");
    for (size_t i = 0; i < rows.size(); ++i) {
      const Row &r = rows[i];
      double median = r.quantile(0.5);
      std::printf("  {\"entry\": %s, \"target\": %s, \"threads\": %d, \"float\": \"%s\", "
                  "\"shape\": %s, \"form\": \"%s\", \"p25_ms\": %s, \"median_ms\": %s, "
                  "\"p75_ms\": %s, \"tokens_per_s\": %s, \"gbyte_per_s\": %s, "
                  "\"gflop_per_s\": %s, \"floor_fraction\": %s}%s\n",
                  jsonText(session.program->entryName).c_str(), jsonText(targetText()).c_str(),
                  r.runner->threads(), session.options.floatType.c_str(), jsonText(r.text).c_str(),
                  r.form.c_str(), jsonNumber(r.quantile(0.25) * 1e3).c_str(),
                  jsonNumber(median * 1e3).c_str(), jsonNumber(r.quantile(0.75) * 1e3).c_str(),
                  jsonNumber(r.tokens / median).c_str(),
                  jsonNumber(r.demand.bytes / median / 1e9).c_str(),
                  jsonNumber(r.demand.flops / median / 1e9).c_str(),
                  jsonNumber(r.floor / median).c_str(), i + 1 < rows.size() ? "," : "");
    }
    std::printf("]\n");
  }

  void printTable(const std::map<int, Peaks> &peaks) {
    size_t width = 5;
    for (const Row &r : rows)
      width = std::max(width, r.text.size());
    std::printf("%s, %s, %s\n", session.program->entryName.c_str(), targetText().c_str(),
                session.options.floatType.c_str());
    bool published = session.pipelineOptions().targets.back().machine == lowering::Machine::Cuda;
    for (auto &[n, p] : peaks)
      std::printf("floor of %d thread%s: %.1f GFLOP/s, %.1f GB/s, %s\n", n, n == 1 ? "" : "s",
                  p.flops / 1e9, p.bytes / 1e9, published ? "published" : "measured");
    std::printf(
        "| %-*s | threads | form       |   p25 ms | median ms |   p75 ms |     tok/s |   GB/s "
        "| GFLOP/s | of floor |\n",
        int(width), "shape");
    for (const Row &r : rows) {
      double median = r.quantile(0.5);
      std::printf(
          "| %-*s | %7d | %-10s | %8.4g | %9.4g | %8.4g | %9.3g | %6.3g | %7.4g | %7.1f%% |\n",
          int(width), r.text.c_str(), r.runner->threads(), r.form.c_str(), r.quantile(0.25) * 1e3,
          median * 1e3, r.quantile(0.75) * 1e3, r.tokens / median, r.demand.bytes / median / 1e9,
          r.demand.flops / median / 1e9, 100 * r.floor / median);
    }
  }

  std::string targetText() const {
    return codegen::targetName(session.pipelineOptions().targets.back());
  }

  Session &session;
  /// By what it is compiled for: the code, and the form of its scans.
  std::map<std::string, std::pair<std::unique_ptr<jit::LoadedObject>, std::string>> code;
  analysis::Work work; ///< of one sequence
  std::vector<Row> rows;
};
} // namespace

int benchVerb(Session &session) {
  if (session.options.weights.empty())
    session.options.weights = "random:0";
  if (!session.setUp() || !session.checkProgram() || !session.loadInputs(true) ||
      !formExists(session))
    return UserError;
  Timing timing(session);
  if (!timing.prepare() || !timing.time())
    return UserError;
  timing.report();
  return Good;
}

} // namespace seq::tool
