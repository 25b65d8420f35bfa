//===- Verbs.h - What the verbs do --------------------------------------------------===//
#ifndef SEQC_TOOLS_SEQC_VERBS_H
#define SEQC_TOOLS_SEQC_VERBS_H

#include "compiler/Jit/Loader.h"
#include "compiler/Tools/seqc/Interpreted.h"
#include "compiler/Tools/seqc/Runner.h"

namespace seq::tool {

/// Each takes a session with its command line and returns the exit code; messages are
/// printed by the caller.
int runVerb(Session &session);
int compileVerb(Session &session);
int checkVerb(Session &session);
int benchVerb(Session &session);
int explainVerb(Session &session);
int generateVerb(Session &session);

/// The entry's first function compiled into this process, or taken from the cache.
std::unique_ptr<jit::LoadedObject> loadCompiled(Session &session);
/// The same behind the interpreter.
std::unique_ptr<Interpreted> makeInterpreted(Session &session, bool f64);

/// Calls the interpreter on the inputs; with f64 the results are f64.
bool interpretOnce(Session &session, Interpreted &interpreted, Runner &runner, CallInputs &inputs,
                   bool f64, std::vector<Array> &outputs);

int threadsOf(const Session &session);

} // namespace seq::tool

#endif
