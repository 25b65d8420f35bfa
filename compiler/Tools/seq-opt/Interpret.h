//===- Interpret.h - seq-opt --seq-interpret ---------------------------------------===//
#ifndef SEQC_TOOLS_SEQOPT_INTERPRET_H
#define SEQC_TOOLS_SEQOPT_INTERPRET_H

#include "mlir/IR/DialectRegistry.h"

namespace seq {

/// Whether the command line asks for the interpreter instead of passes.
bool wantsInterpreter(int argc, char **argv);

/// Runs every function without arguments of a file and prints what it returns. The exit
/// status is 0 where the file is valid, also where a function fails: that is printed.
int interpretMain(int argc, char **argv, mlir::DialectRegistry &registry);

} // namespace seq

#endif
