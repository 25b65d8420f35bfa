//===- Solve.h - The sizes of an entry ----------------------------------------===//
#ifndef SEQC_SEMA_SOLVE_H
#define SEQC_SEMA_SOLVE_H

#include "compiler/Sema/Layers.h"

namespace seq {

/// What the command line names: a function, or a function of a layer with arguments.
struct EntryChoice {
  const Module *module = nullptr;
  const ast::FnDecl *function = nullptr; ///< of the layer, where there is one; may be null then
  const ast::LayerDecl *layer = nullptr;
  const std::vector<ast::Argument> *args = nullptr; ///< may be null
};

/// One value for each parameter of the entry's layer: as given, solved from the shapes of
/// weights and inputs, or the default. Null after an error.
std::optional<std::vector<StaticValue>> solveEntry(Analyzer &analyzer, const EntryChoice &entry,
                                                   const KnownShapes &known);

} // namespace seq

#endif
