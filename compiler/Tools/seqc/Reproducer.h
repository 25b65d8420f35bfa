//===- Reproducer.h - What is left of an internal error --------------------------===//
#ifndef SEQC_TOOLS_SEQC_REPRODUCER_H
#define SEQC_TOOLS_SEQC_REPRODUCER_H

namespace seq::tool {

class Session;

/// Writes a file with the command line, the stage and the sources, and tells its path on
/// stderr. Returns InternalFailure.
int reportInternalError(Session &session);

/// From now on a signal that ends the process does the same, as far as it can, and exits
/// with InternalFailure.
void installCrashHandler(Session &session);

} // namespace seq::tool

#endif
