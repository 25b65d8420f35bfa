//===- Modules.h - The files of a program -------------------------------------===//
#ifndef SEQC_SEMA_MODULES_H
#define SEQC_SEMA_MODULES_H

#include "compiler/Sema/Sema.h"

#include <unordered_map>

namespace seq {

/// A parsed file with its declarations by name.
struct Module {
  std::string path; ///< as messages show it
  std::unique_ptr<ast::File> file;
  std::unordered_map<std::string, const ast::FnDecl *> functions;
  std::unordered_map<std::string, const ast::LayerDecl *> layers;
  std::unordered_map<std::string, const Module *> imports; ///< by alias; null: failed
  bool loading = false;
  bool inLibrary = false; ///< of the standard library: right by itself
};

class ModuleSet {
public:
  ModuleSet(const SemaOptions &options, DiagnosticEngine &diags) : options(options), diags(diags) {}

  /// The root: read from `path`, or given as text. Null where nothing could be parsed.
  const Module *loadRoot(const std::string &path);
  const Module *loadText(const std::string &name, const std::string &text);
  const std::vector<std::unique_ptr<Module>> &all() const { return modules; }
  /// What every file sees without an import: the modules that the library's `prelude.seq`
  /// imports, in its order. They are read when this is asked for the first time.
  const std::vector<const Module *> &prelude();

private:
  Module *parse(const std::string &path, std::string text);
  const Module *import(Module &from, const ast::ImportDecl &decl);
  void importAll(Module &module);
  void declare(Module &module);
  std::string find(const Module &from, const ast::ImportDecl &decl) const;
  void reportUnknown(const Module &from, const ast::ImportDecl &decl);
  void reportCycle(const Module &back, const ast::ImportDecl &decl);

  const SemaOptions &options;
  DiagnosticEngine &diags;
  std::vector<std::unique_ptr<Module>> modules;
  std::unordered_map<std::string, Module *> byFile;  ///< by canonical path
  std::vector<Module *> stack;                       ///< being loaded
  std::optional<std::vector<const Module *>> opened; ///< the prelude, once it is wanted
};

} // namespace seq

#endif
