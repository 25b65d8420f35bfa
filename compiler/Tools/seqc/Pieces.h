//===- Pieces.h - A call as a stream, in pieces ------------------------------------------===//
#ifndef SEQC_TOOLS_SEQC_PIECES_H
#define SEQC_TOOLS_SEQC_PIECES_H

#include "compiler/Tools/seqc/Runner.h"

namespace seq::tool {

/// Runs the session's inputs as a stream whose pieces end where `--cut` says, the last at
/// the end, and puts the pieces' results together. The runner's model has forward and its
/// stream. False: reported.
bool runPieces(Session &session, Runner &runner, std::vector<Array> &outputs);

} // namespace seq::tool

#endif
