#include "compiler/Sema/Modules.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace seq {

namespace fs = std::filesystem;

namespace {
/// The file's text, or why there is none.
std::optional<std::string> readFile(const std::string &path, std::string &why) {
  std::error_code error;
  fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) {
    why = "no such file";
    return std::nullopt;
  }
  if (fs::is_directory(status)) {
    why = "this is a directory";
    return std::nullopt;
  }
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    why = "cannot be read";
    return std::nullopt;
  }
  std::string text;
  char buffer[1 << 16];
  while (in.read(buffer, sizeof buffer) || in.gcount()) {
    text.append(buffer, size_t(in.gcount()));
    if (text.size() > kMaxFileBytes) {
      why = "a program's file holds at most " + std::to_string(kMaxFileBytes >> 20) + " MiB";
      return std::nullopt;
    }
  }
  return text;
}

std::string canonical(const std::string &path) {
  std::error_code error;
  fs::path result = fs::weakly_canonical(path, error);
  return error ? path : result.string();
}

constexpr const char *kPrelude = "prelude.seq";
} // namespace

const Module *ModuleSet::loadRoot(const std::string &path) {
  std::string why;
  std::optional<std::string> text = readFile(path, why);
  if (!text) {
    diags.error(Diag::UnreadableFile, path, why);
    return nullptr;
  }
  return loadText(path, *text);
}

const Module *ModuleSet::loadText(const std::string &name, const std::string &text) {
  Module *module = parse(name, text);
  if (module) {
    byFile[canonical(name)] = module;
    importAll(*module);
  }
  return module;
}

Module *ModuleSet::parse(const std::string &path, std::string text) {
  uint32_t id = diags.sourceManager().addFile(path, std::move(text));
  auto module = std::make_unique<Module>();
  module->path = path;
  module->inLibrary = !options.stdlibDir.empty() && fs::path(canonical(path)).parent_path() ==
                                                        fs::path(canonical(options.stdlibDir));
  module->file = parseFile(id, diags);
  if (!module->file)
    return nullptr;
  modules.push_back(std::move(module));
  declare(*modules.back());
  return modules.back().get();
}

void ModuleSet::declare(Module &module) {
  std::unordered_map<std::string, SourceRange> seen;
  auto once = [&](const ast::Name &name) {
    auto [it, fresh] = seen.emplace(name.text, name.range);
    if (!fresh)
      diags.error(Diag::DuplicateName, name.range, "`" + name.text + "` is declared twice")
          .note(it->second, "`" + name.text + "` was declared here first");
    return fresh;
  };
  for (const ast::ImportDecl &decl : module.file->imports)
    if (!decl.alias.text.empty())
      once(decl.alias);
  for (auto [isLayer, index] : module.file->order) {
    if (isLayer) {
      const ast::LayerDecl &layer = *module.file->layers[index];
      if (once(layer.name))
        module.layers[layer.name.text] = &layer;
    } else {
      const ast::FnDecl &fn = *module.file->functions[index];
      if (once(fn.name))
        module.functions[fn.name.text] = &fn;
    }
  }
}

void ModuleSet::importAll(Module &module) {
  module.loading = true;
  stack.push_back(&module);
  for (const ast::ImportDecl &decl : module.file->imports)
    module.imports[decl.alias.text] = import(module, decl);
  stack.pop_back();
  module.loading = false;
}

/// The file that an import means, or "".
std::string ModuleSet::find(const Module &from, const ast::ImportDecl &decl) const {
  fs::path beside = fs::path(from.path).parent_path();
  if (decl.isFile)
    return (beside / decl.path).lexically_normal().string();
  std::string relative = decl.path, inLibrary;
  if (relative.rfind("std.", 0) == 0)
    inLibrary = relative.substr(4);
  std::replace(relative.begin(), relative.end(), '.', '/');
  std::replace(inLibrary.begin(), inLibrary.end(), '.', '/');
  std::vector<fs::path> candidates{beside / (relative + ".seq")};
  for (const std::string &dir : options.includeDirs) {
    candidates.push_back(fs::path(dir) / (relative + ".seq"));
    if (!inLibrary.empty())
      candidates.push_back(fs::path(dir) / (inLibrary + ".seq"));
  }
  if (!inLibrary.empty() && !options.stdlibDir.empty())
    candidates.push_back(fs::path(options.stdlibDir) / (inLibrary + ".seq"));
  for (const fs::path &candidate : candidates)
    if (fs::exists(candidate))
      return candidate.lexically_normal().string();
  return "";
}

void ModuleSet::reportUnknown(const Module &from, const ast::ImportDecl &decl) {
  std::vector<std::string> known;
  std::error_code error;
  std::vector<fs::path> dirs(options.includeDirs.begin(), options.includeDirs.end());
  if (!options.stdlibDir.empty())
    dirs.push_back(options.stdlibDir);
  for (const fs::path &dir : dirs)
    for (fs::directory_iterator it(dir, error), end; !error && it != end; it.increment(error))
      if (it->path().extension() == ".seq")
        known.push_back("std." + it->path().stem().string());
  auto report = diags.error(Diag::UnknownModule, decl.range, "unknown module `" + decl.path + "`");
  std::string near = nearest(decl.path, known);
  if (!near.empty())
    report.hint("did you mean `" + near + "`?");
}

void ModuleSet::reportCycle(const Module &back, const ast::ImportDecl &decl) {
  std::string cycle;
  for (auto it = std::find(stack.begin(), stack.end(), &back); it != stack.end(); ++it)
    cycle += (*it)->path + " -> ";
  diags.error(Diag::ImportCycle, decl.range, "modules import each other: " + cycle + back.path)
      .hint("move what both need into a third file");
}

const std::vector<const Module *> &ModuleSet::prelude() {
  if (opened)
    return *opened;
  opened.emplace();
  if (options.stdlibDir.empty())
    return *opened;
  std::string path = (fs::path(options.stdlibDir) / kPrelude).string(), why;
  auto it = byFile.find(canonical(path));
  Module *list = it == byFile.end() ? nullptr : it->second;
  if (!list)
    if (std::optional<std::string> text = readFile(path, why))
      if ((list = parse(path, std::move(*text))))
        importAll(*list);
  if (list)
    for (const ast::ImportDecl &decl : list->file->imports)
      if (const Module *module = list->imports[decl.alias.text])
        opened->push_back(module);
  return *opened;
}

const Module *ModuleSet::import(Module &from, const ast::ImportDecl &decl) {
  std::string path = find(from, decl);
  std::string why = "no such file";
  std::optional<std::string> text;
  if (!path.empty()) {
    if (auto it = byFile.find(canonical(path)); it != byFile.end()) {
      if (it->second && it->second->loading)
        return reportCycle(*it->second, decl), nullptr;
      return it->second;
    }
    text = readFile(path, why);
  }
  if (!text) {
    if (decl.isFile)
      diags.error(Diag::UnknownModule, decl.range, "cannot import `" + decl.path + "`: " + why);
    else
      reportUnknown(from, decl);
    return nullptr;
  }
  Module *module = parse(path, std::move(*text));
  byFile[canonical(path)] = module;
  if (module)
    importAll(*module);
  return module;
}

} // namespace seq
