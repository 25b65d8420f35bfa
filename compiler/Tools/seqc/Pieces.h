//===- Pieces.h - A call as a stream, in pieces ------------------------------------------===//
#ifndef SEQC_TOOLS_SEQC_PIECES_H
#define SEQC_TOOLS_SEQC_PIECES_H

#include "compiler/Tools/seqc/Runner.h"

#include <functional>

namespace seq::tool {

/// Where pieces of a sequence end, in order; the last goes to the end.
using Cut = std::function<std::vector<int64_t>(int64_t steps)>;

/// Runs the inputs as a stream, in pieces, and puts the pieces' results together. The runner's
/// model has forward and its stream. False: reported, or kept by the runner.
bool runPieces(Session &session, Runner &runner, CallInputs &inputs, const Cut &cut,
               std::vector<Array> &outputs);

} // namespace seq::tool

#endif
