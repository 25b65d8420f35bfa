//===- Cache.cpp - Compiled objects on disk -----------------------------------------===//
//
// An entry is a file KEY.o: the object, then its hash, so that what was cut short or
// changed is seen and ignored. Files appear by rename, so readers see whole ones.
//
//===----------------------------------------------------------------------===//
#include "compiler/Jit/Cache.h"

#include "compiler/Codegen/Target.h"
#include "compiler/Pipelines/Paths.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/SHA256.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <unistd.h>

namespace fs = std::filesystem;

namespace seq::jit {

constexpr uint64_t kMaxBytes = 512u << 20;

std::string cacheFolder() {
  auto variable = [](const char *name) {
    const char *v = std::getenv(name);
    return std::string(v ? v : "");
  };
  if (variable("SEQC_CACHE") == "0")
    return "";
  if (std::string dir = variable("SEQC_CACHE_DIR"); !dir.empty())
    return dir;
  if (std::string dir = variable("XDG_CACHE_HOME"); !dir.empty())
    return dir + "/seqc";
  std::string home = variable("HOME");
  return home.empty() ? "" : home + "/.cache/seqc";
}

static std::string hash(llvm::ArrayRef<std::string> parts) {
  llvm::SHA256 sha;
  for (const std::string &p : parts) {
    sha.update(std::to_string(p.size()) + ":");
    sha.update(p);
  }
  return llvm::toHex(sha.final(), /*LowerCase=*/true);
}

std::string cacheKey(const SourceManager &sources, const typed::Program &program, size_t functions,
                     const pipeline::Options &options) {
  std::vector<std::string> parts = {pipeline::buildId(),
                                    std::to_string(SEQ_ABI_VERSION),
                                    program.entryName,
                                    program.functions.front()->name,
                                    std::to_string(functions),
                                    std::to_string(options.optLevel),
                                    options.form,
                                    options.sizes,
                                    std::to_string(options.threads),
                                    std::to_string(options.batch),
                                    options.streams ? "streams" : "",
                                    typed::elemName(options.floatType)};
  for (uint32_t id = 1; id <= sources.size(); ++id) {
    parts.push_back(sources.path(id));
    parts.emplace_back(sources.text(id));
  }
  for (const lowering::Target &t : options.targets)
    parts.push_back(codegen::targetName(t) + t.features + std::to_string(t.vectorBytes) +
                    lowering::nameOf(t.products));
  for (const auto &layer : program.layerStore)
    for (const SizeSymbol *s : layer->symbols)
      parts.push_back(s->name + "=" + std::to_string(s->value.value_or(-1)));
  for (const typed::EntryWeight &w : program.weights) {
    parts.push_back(w.name + typed::elemName(w.elem));
    for (int64_t n : w.shape)
      parts.push_back(std::to_string(n));
  }
  for (const typed::ParamInfo &p : program.functions.front()->params)
    parts.push_back(p.var->name + ":" + p.var->type.str());
  for (const typed::ResultInfo &r : program.functions.front()->results)
    parts.push_back(r.name + ":" + r.type.str());
  return hash(parts);
}

std::optional<std::string> readCache(const std::string &folder, const std::string &key) {
  // Read, not mapped: another process may cut the file short meanwhile.
  auto file = llvm::MemoryBuffer::getFile(folder + "/" + key + ".o", /*IsText=*/false,
                                          /*RequiresNullTerminator=*/false, /*IsVolatile=*/true);
  if (!file)
    return std::nullopt;
  std::string bytes = (*file)->getBuffer().str();
  if (bytes.size() < 64)
    return std::nullopt;
  std::string sum = bytes.substr(bytes.size() - 64);
  bytes.resize(bytes.size() - 64);
  if (hash(bytes) != sum)
    return std::nullopt;
  return bytes;
}

static void prune(const std::string &folder) {
  struct Entry {
    fs::file_time_type time;
    uint64_t size;
    fs::path path;
  };
  std::vector<Entry> entries;
  std::error_code code;
  uint64_t total = 0;
  for (const auto &e : fs::directory_iterator(folder, code)) {
    if (e.path().extension() != ".o")
      continue;
    uint64_t size = e.file_size(code);
    entries.push_back({e.last_write_time(code), size, e.path()});
    total += size;
  }
  auto older = [](const Entry &a, const Entry &b) { return a.time < b.time; };
  std::sort(entries.begin(), entries.end(), older);
  for (const Entry &e : entries) {
    if (total <= kMaxBytes)
      return;
    fs::remove(e.path, code);
    total -= e.size;
  }
}

void writeCache(const std::string &folder, const std::string &key, const std::string &object) {
  std::error_code code;
  fs::create_directories(folder, code);
  std::string temporary = folder + "/" + key + ".XXXXXX";
  int fd = mkstemp(temporary.data());
  if (fd < 0)
    return;
  close(fd);
  std::ofstream file(temporary, std::ios::binary);
  file << object << hash(object);
  file.close();
  if (file)
    fs::rename(temporary, folder + "/" + key + ".o", code);
  if (!file || code)
    fs::remove(temporary, code);
  prune(folder);
}

bool compileCached(const typed::Program &program, size_t functions, const SourceManager &sources,
                   const pipeline::Options &options, const std::string &folder,
                   llvm::function_ref<mlir::OwningOpRef<mlir::ModuleOp>()> seqModule,
                   llvm::function_ref<pipeline::Context &()> context, std::string &object,
                   pipeline::InternalError &error) {
  std::string key = folder.empty() ? "" : cacheKey(sources, program, functions, options);
  if (!folder.empty())
    if (auto found = readCache(folder, key)) {
      object = std::move(*found);
      return true;
    }
  mlir::OwningOpRef<mlir::ModuleOp> module = seqModule();
  if (!module)
    return false;
  codegen::Descriptor descriptor(program, functions);
  descriptor.addModule(*module);
  codegen::Code code;
  if (!pipeline::compile(*module, descriptor, options, context(), code, error) ||
      !pipeline::emit(code, options, codegen::Emit::Object, object, error))
    return false;
  if (!folder.empty())
    writeCache(folder, key, object);
  return true;
}

} // namespace seq::jit
