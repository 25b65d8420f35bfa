//===- Tool.h - From arguments to an exit code ---------------------------------------===//
#ifndef SEQC_TOOLS_SEQC_TOOL_H
#define SEQC_TOOLS_SEQC_TOOL_H

namespace seq::tool {

/// All of seqc, on a thread with a large stack.
int runOnLargeStack(int argc, char **argv);

} // namespace seq::tool

#endif
