//===- Output.h - Files and streams that the tool writes ------------------------------===//
#ifndef SEQC_TOOLS_SEQC_OUTPUT_H
#define SEQC_TOOLS_SEQC_OUTPUT_H

#include "compiler/Tools/seqc/Session.h"

namespace seq::tool {

/// Writes a file whole or not at all, with the permissions that `mode` and the umask leave.
/// What a link leads to, a device or a pipe is written to in its place and never replaced
/// (`-o /dev/stdout`). False: reported.
bool writeFile(Session &session, const std::string &path, const std::string &bytes,
               unsigned mode = 0666);

/// The folder exists and the path is no folder. False: reported.
bool canWrite(Session &session, const std::string &path);

/// Everything printed so far is written. False: reported.
bool flushStdout(DiagnosticEngine &diags);

/// A standard stream that the caller closed must not become the first file that is opened.
void occupyStandardStreams();

} // namespace seq::tool

#endif
