//===- Scans.h - The forms of a program's states ---------------------------------------===//
#ifndef SEQC_TOOLS_SEQC_SCANS_H
#define SEQC_TOOLS_SEQC_SCANS_H

#include "compiler/Tools/seqc/Session.h"

namespace seq::tool {

struct StateReport {
  std::string name, form = "sequential";
};
struct ScanReport {
  std::string place;
  std::vector<StateReport> states;
};

/// The scans of the entry's first function, outer ones first.
std::vector<ScanReport> describeScans(mlir::ModuleOp module);

} // namespace seq::tool

#endif
