//===- Explain.cpp - seqc explain ---------------------------------------------------------===//
#include "compiler/Tools/seqc/Report.h"
#include "compiler/Tools/seqc/Scans.h"
#include "compiler/Tools/seqc/Verbs.h"
#include "dialect/Seq.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <cstdio>

using namespace mlir;

namespace seq::tool {

namespace {
/// The innermost place of a file in a location.
std::string placeOf(Location loc) {
  if (auto file = dyn_cast<FileLineColLoc>(loc))
    return file.getFilename().str() + ":" + std::to_string(file.getLine()) + ":" +
           std::to_string(file.getColumn());
  if (auto named = dyn_cast<NameLoc>(loc))
    return placeOf(named.getChildLoc());
  if (auto call = dyn_cast<CallSiteLoc>(loc))
    return placeOf(call.getCallee());
  if (auto fused = dyn_cast<FusedLoc>(loc))
    for (Location l : fused.getLocations())
      if (std::string place = placeOf(l); !place.empty())
        return place;
  return "";
}

ScanReport describe(ScanOp scan) {
  ScanReport report;
  report.place = placeOf(scan.getLoc());
  report.axis = scan.getAxisName().value_or("").str();
  for (size_t i = 0; i < scan.getInits().size(); ++i) {
    StateReport state;
    if (auto names = scan.getStateNames())
      state.name = cast<StringAttr>((*names)[i]).str();
    state.reason = "no other form is derived yet";
    report.states.push_back(state);
  }
  return report;
}

} // namespace

std::vector<ScanReport> describeScans(ModuleOp module) {
  std::vector<ScanReport> scans;
  module.walk<WalkOrder::PreOrder>([&](ScanOp scan) { scans.push_back(describe(scan)); });
  return scans;
}

namespace {
void printText(const std::vector<ScanReport> &scans) {
  if (scans.empty())
    std::printf("there is no recurrence: all runs as maps and reductions\n");
  for (const ScanReport &scan : scans)
    for (const StateReport &state : scan.states)
      std::printf("%s: `%s` runs %s over `%s`: %s\n", scan.place.c_str(), state.name.c_str(),
                  state.form.c_str(), scan.axis.c_str(), state.reason.c_str());
}

void printJson(const std::vector<ScanReport> &scans) {
  std::printf("{\"scans\": [");
  for (size_t i = 0; i < scans.size(); ++i) {
    std::printf("%s\n  {\"place\": %s, \"axis\": %s, \"states\": [", i ? "," : "",
                jsonText(scans[i].place).c_str(), jsonText(scans[i].axis).c_str());
    for (size_t k = 0; k < scans[i].states.size(); ++k) {
      const StateReport &s = scans[i].states[k];
      std::printf("%s\n    {\"name\": %s, \"class\": null, \"form\": %s, \"reason\": %s, "
                  "\"place\": %s, \"hint\": \"\"}",
                  k ? "," : "", jsonText(s.name).c_str(), jsonText(s.form).c_str(),
                  jsonText(s.reason).c_str(), jsonText(scans[i].place).c_str());
    }
    std::printf("], \"hoisted\": [], \"chunk\": null}");
  }
  std::printf("%s]}\n", scans.empty() ? "" : "\n");
}
} // namespace

int explainVerb(Session &session) {
  if (!session.setUp() || !session.checkProgram() || !session.loadInputs(true) ||
      !session.emitSeq())
    return UserError;
  std::vector<ScanReport> scans = describeScans(session.seqModule());
  session.options.json ? printJson(scans) : printText(scans);
  return Good;
}

} // namespace seq::tool
