//===- Sema.h - Syntax trees to a checked program ----------------------------===//
#ifndef SEQC_SEMA_SEMA_H
#define SEQC_SEMA_SEMA_H

#include "compiler/Sema/Typed.h"
#include "compiler/Syntax/Syntax.h"

#include <map>

namespace seq {

struct SemaOptions {
  typed::Elem floatType = typed::Elem::F32; ///< what `float` means: F32 or F64
  std::vector<std::string> includeDirs;     ///< -I; where `import std.x` is looked for too
  std::string stdlibDir;                    ///< may be empty
};

/// All files of a program: the root and what it imports, parsed once each.
class ModuleSet;

/// Numbers from which a layer's open sizes are solved: full weight names and input names
/// with their shapes. Inputs may have one leading batch axis more than declared.
struct KnownShapes {
  std::map<std::string, std::vector<int64_t>> weights;
  std::map<std::string, std::vector<int64_t>> inputs;
  std::map<std::string, int64_t> sizes; ///< `H=64` where a verb makes its own inputs
  bool haveWeights = false;             ///< a file was given
};

/// Parses `path` (and its imports), checks every declaration of it once with symbolic
/// sizes (functions and layers that nothing calls too), then instantiates the entry.
/// `entry` is the command line's text or empty: the last model, else layer, else fn.
/// Returns null where there were errors.
std::unique_ptr<typed::Program> checkProgram(const std::string &path, const std::string &entry,
                                             const KnownShapes &known, const SemaOptions &options,
                                             DiagnosticEngine &diags);

/// The same for a program given as text (JIT); `name` is used in messages.
std::unique_ptr<typed::Program> checkProgramText(const std::string &name, const std::string &text,
                                                 const std::string &entry, const KnownShapes &known,
                                                 const SemaOptions &options,
                                                 DiagnosticEngine &diags);

} // namespace seq

#endif
