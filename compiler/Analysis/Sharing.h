//===- Sharing.h - Whether threads share the steps of a scan --------------------------------===//
#ifndef SEQC_ANALYSIS_SHARING_H
#define SEQC_ANALYSIS_SHARING_H

#include "dialect/Seq.h"

namespace seq::analysis {

/// Whether a team should share each step of one sequence, where sequences are fewer than threads.
/// A barrier follows each map of the step that `counts`.
bool worthSharing(ScanOp scan, llvm::function_ref<bool(MapOp)> counts);

/// Nanoseconds that a barrier costs, with what is fetched of the other threads' results.
constexpr double kBarrierTime = 500;

} // namespace seq::analysis

#endif
