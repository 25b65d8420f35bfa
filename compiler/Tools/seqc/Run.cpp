//===- Run.cpp - seqc run --------------------------------------------------------------===//
#include "compiler/Jit/Cache.h"
#include "compiler/Tools/seqc/Pieces.h"
#include "compiler/Tools/seqc/Report.h"
#include "compiler/Tools/seqc/Scans.h"
#include "compiler/Tools/seqc/Verbs.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <chrono>
#include <cstring>

namespace seq::tool {

using Clock = std::chrono::steady_clock;

static double since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

int threadsOf(const Session &session) {
  return session.options.threads.empty() ? 0 : session.options.threads.front();
}

std::unique_ptr<jit::LoadedObject> loadCompiled(Session &session) {
  std::string object, error;
  std::string folder = session.options.cache ? jit::cacheFolder() : "";
  bool good = jit::compileCached(
      *session.program, 1, session.sources, session.pipelineOptions(), folder,
      [&] {
        return session.emitSeq() ? mlir::OwningOpRef<mlir::ModuleOp>(session.seqModule().clone())
                                 : mlir::OwningOpRef<mlir::ModuleOp>();
      },
      [&]() -> pipeline::Context & { return session.context(); }, object, session.internal);
  if (!good)
    return nullptr;
  auto loaded = jit::LoadedObject::load(
      std::move(object), codegen::descriptorSymbol(session.program->entryName), error);
  if (!loaded)
    session.internal = {"loading of compiled code", error};
  return loaded;
}

std::unique_ptr<Interpreted> makeInterpreted(Session &session, bool f64) {
  if (!session.emitSeq())
    return nullptr;
  return std::make_unique<Interpreted>(session.seqModule(), session.describe(), f64);
}

bool interpretOnce(Session &session, Interpreted &interpreted, Runner &runner, CallInputs &inputs,
                   bool f64, std::vector<Array> &outputs) {
  if (!runner.call(inputs, outputs))
    return false;
  for (size_t i = 0; f64 && i < outputs.size(); ++i) {
    const reference::Tensor &t = interpreted.results()[i];
    if (outputs[i].dtype() == SEQ_F64 || t.elem != reference::Elem::F64)
      continue;
    Array wide(SEQ_F64, outputs[i].shape());
    if (wide && wide.byteCount() == int64_t(t.bytes.size()) && wide.count())
      std::memcpy(wide.data(), t.bytes.data(), t.bytes.size());
    outputs[i] = std::move(wide);
  }
  return true;
}

/// Pieces that end where `--cut` says.
static bool runCut(Session &session, Runner &runner, std::vector<Array> &outputs) {
  auto cut = [&](int64_t) { return *session.options.cut; };
  return runPieces(session, runner, session.inputs, cut, outputs);
}

static bool runInterpreted(Session &session, bool cut, std::vector<Array> &outputs) {
  bool f64 = session.options.referenceF64;
  auto interpreted = makeInterpreted(session, f64);
  if (!interpreted)
    return false;
  interpreted->makeCurrent();
  Runner runner(session);
  if (!runner.createHere(interpreted->model()))
    return false;
  return cut ? runCut(session, runner, outputs)
             : interpretOnce(session, *interpreted, runner, session.inputs, f64, outputs);
}

static bool runCompiled(Session &session, std::vector<Array> &outputs) {
  auto start = Clock::now();
  auto loaded = loadCompiled(session);
  if (!loaded)
    return false;
  double compile = since(start);
  Runner runner(session);
  if (!runner.create(*loaded->descriptor, threadsOf(session)))
    return false;
  start = Clock::now();
  bool cut = session.options.cut.has_value();
  if (!(cut ? runCut(session, runner, outputs) : runner.call(session.inputs, outputs)))
    return false;
  if (session.options.timePhases)
    std::fprintf(stderr, "compile %.1f ms, run %.3f ms\n", compile, since(start));
  return true;
}

/// One result's line; `check` where it was compared.
static void printResult(const Session &session, size_t i, const Array &got, const Comparison *check,
                        bool last) {
  std::string name = resultName(session, i);
  bool ok = check && check->units <= 1;
  if (!session.options.json) {
    std::printf("%s", summaryLine(name, got).c_str());
    if (check)
      std::printf("     check: max |err| %s against the interpreter  %s",
                  shortNumber(check->absolute).c_str(), ok ? "ok" : "WRONG");
    std::printf("\n");
    return;
  }
  std::string shape;
  for (int64_t n : got.shape())
    shape += (shape.empty() ? "" : ", ") + std::to_string(n);
  Summary s = summarize(got);
  std::printf("  {\"name\": %s, \"type\": \"%s\", \"shape\": [%s], \"min\": %s, \"max\": %s, "
              "\"mean\": %s, \"nans\": %lld",
              jsonText(name).c_str(), seq_dtype_name(got.dtype()), shape.c_str(),
              jsonNumber(s.low).c_str(), jsonNumber(s.high).c_str(), jsonNumber(s.mean).c_str(),
              (long long)s.nans);
  if (check)
    std::printf(", \"absolute\": %s, \"units\": %s, \"ok\": %s",
                jsonNumber(check->absolute).c_str(), jsonNumber(check->units).c_str(),
                ok ? "true" : "false");
  std::printf("}%s\n", last ? "" : ",");
}

int runVerb(Session &session) {
  if (!session.setUp() || !prepareFolder(session) || !session.checkProgram() ||
      !session.loadInputs(false) || !formExists(session))
    return UserError;
  std::vector<Array> outputs, reference;
  bool interpret = session.options.interpret;
  if (!(interpret ? runInterpreted(session, session.options.cut.has_value(), outputs)
                  : runCompiled(session, outputs)))
    return UserError;
  // The whole sequence at once is what pieces are held to.
  bool check = session.options.check && (!interpret || session.options.cut);
  if (check && !runInterpreted(session, false, reference))
    return UserError;
  if (!writeResults(session, outputs))
    return UserError;
  int code = Good;
  if (session.options.json)
    std::printf("[\n");
  for (size_t i = 0; i < outputs.size(); ++i) {
    Comparison c;
    if (check)
      c = compareArrays(outputs[i], reference[i], roundingOf(session));
    if (check && !(c.units <= 1))
      code = CheckFailed;
    if (!session.options.quiet || session.options.json)
      printResult(session, i, outputs[i], check ? &c : nullptr, i + 1 == outputs.size());
  }
  if (session.options.json)
    std::printf("]\n");
  return code;
}

} // namespace seq::tool
