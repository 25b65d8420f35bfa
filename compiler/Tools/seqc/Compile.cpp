//===- Compile.cpp - seqc compile ------------------------------------------------------===//
#include "compiler/Codegen/Header.h"
#include "compiler/Codegen/Link.h"
#include "compiler/Tools/seqc/Verbs.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/Support/raw_ostream.h"

#include <cstdio>
#include <cstring>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

namespace fs = std::filesystem;

namespace seq::tool {

namespace {

/// Writes a file whole or not at all. False: reported.
bool writeFile(Session &session, const std::string &path, llvm::StringRef bytes) {
  std::string temporary = path + ".XXXXXX";
  int fd = mkstemp(temporary.data());
  FILE *file = fd < 0 ? nullptr : fdopen(fd, "wb");
  bool good = file && std::fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size();
  good = fd >= 0 && fchmod(fd, 0644) == 0 && good;
  good = file && std::fclose(file) == 0 && good;
  if (good && std::rename(temporary.c_str(), path.c_str()) == 0)
    return true;
  std::string reason = std::strerror(errno);
  if (fd >= 0)
    unlink(temporary.c_str());
  session.diags.error(Diag::OutputFile, path, "cannot be written: " + reason);
  return false;
}

/// The folder exists and the path is no folder. False: reported.
bool canWrite(Session &session, const std::string &path) {
  std::error_code code;
  fs::path folder = fs::path(path).parent_path();
  if (!folder.empty() && !fs::is_directory(folder, code)) {
    session.diags.error(Diag::OutputFile, path,
                        "the folder `" + folder.string() + "` does not exist");
    return false;
  }
  if (!fs::is_directory(path, code))
    return true;
  session.diags.error(Diag::OutputFile, path, "is a folder");
  return false;
}

std::string suffixOf(const std::string &path) {
  return fs::path(path).extension().string();
}

class Compiler {
public:
  explicit Compiler(Session &session)
      : session(session), count(session.program->functions.size()),
        descriptor(*session.program, count) {}

  /// Prints a stage, or writes it to -o.
  bool emitStage(const std::string &what) {
    if (!makeModule())
      return false;
    std::string text;
    if (what == "seq")
      text = print(*module);
    else if (what == "linalg") {
      if (!printLowered(text))
        return false;
    } else if (!makeCode() || !emitText(what == "asm", text))
      return false;
    return deliver(session, text);
  }

  static bool deliver(Session &session, const std::string &text) {
    if (!session.options.output.empty())
      return writeFile(session, session.options.output, text);
    std::fwrite(text.data(), 1, text.size(), stdout);
    return true;
  }

  bool writeOutput() {
    const std::string &path = session.options.output;
    std::string suffix = suffixOf(path), bytes;
    if (!makeModule() || !makeCode())
      return false;
    if (suffix == ".s" || suffix == ".ll")
      return emitText(suffix == ".s", bytes) && writeFile(session, path, bytes);
    if (!pipeline::emit(code, options(), codegen::Emit::Object, bytes, session.internal))
      return false;
    return suffix == ".o" ? writeFile(session, path, bytes) : writeLibrary(path, suffix, bytes);
  }

  bool writeHeader() {
    fs::path header = session.options.header, json = header;
    json.replace_extension(".json");
    std::string text =
        codegen::headerText(*session.program, descriptor, header.filename().string());
    return writeFile(session, header.string(), text) &&
           writeFile(session, json.string(),
                     codegen::modelJson(*session.program, descriptor, options().targets));
  }

private:
  pipeline::Options options() const {
    pipeline::Options o = session.pipelineOptions();
    o.entryPoints = true;
    return o;
  }

  bool makeModule() {
    module = pipeline::toSeq(*session.program, count, session.context(), session.diags,
                             session.internal);
    return bool(module);
  }
  bool makeCode() {
    return pipeline::compile(*module, descriptor, options(), session.context(), code,
                             session.internal);
  }
  bool emitText(bool assembly, std::string &text) {
    if (assembly)
      return pipeline::emit(code, options(), codegen::Emit::Assembly, text, session.internal);
    llvm::raw_string_ostream stream(text);
    code.module->print(stream, nullptr);
    return true;
  }
  static std::string print(mlir::ModuleOp op) {
    std::string text;
    llvm::raw_string_ostream stream(text);
    op.print(stream);
    return text + "\n";
  }
  bool printLowered(std::string &text) {
    std::vector<codegen::Variant> variants;
    if (!pipeline::transform(*module, session.context(), session.internal) ||
        !pipeline::lower(*module, options(), session.context(), variants, session.internal))
      return false;
    for (codegen::Variant &v : variants)
      text += print(*v.module);
    return true;
  }

  bool writeLibrary(const std::string &path, const std::string &suffix, const std::string &object) {
    std::string error;
    bool good = suffix == ".so"
                    ? codegen::linkShared(object, path, codegen::entryPointNames(descriptor), error)
                    : codegen::writeStaticLibrary(object, path, error);
    if (!good)
      session.internal = {"linking of `" + path + "`", error};
    return good;
  }

  Session &session;
  size_t count;
  codegen::Descriptor descriptor;
  codegen::Code code;
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

bool checkUsage(Session &session) {
  const CommandLine &o = session.options;
  static const char *const suffixes[] = {".so", ".a", ".o", ".s", ".ll"};
  if (o.output.empty() && o.emit.empty() && o.header.empty()) {
    session.diags.error(Diag::Usage, "compile", "nothing to write is given")
        .hint("-o FILE.so, --header FILE.h or --emit=seq");
    return false;
  }
  if (!o.emit.empty() || o.output.empty())
    return true;
  for (const char *s : suffixes)
    if (suffixOf(o.output) == s)
      return true;
  session.diags
      .error(Diag::OptionValue, "-o",
             "has the value `" + o.output + "`, whose suffix tells nothing")
      .hint("it is .so, .a, .o, .s or .ll");
  return false;
}

void reportWritten(const Session &session) {
  if (session.options.quiet)
    return;
  auto size = [](const std::string &path) {
    std::error_code code;
    return std::to_string((fs::file_size(path, code) + 1023) / 1024) + " KiB";
  };
  const CommandLine &o = session.options;
  size_t variants = session.pipelineOptions().targets.size();
  if (!o.output.empty())
    std::printf("wrote %s (%s, %zu variant%s)\n", o.output.c_str(), size(o.output).c_str(),
                variants, variants == 1 ? "" : "s");
  if (!o.header.empty())
    std::printf("wrote %s, %s\n", o.header.c_str(),
                fs::path(o.header).replace_extension(".json").c_str());
}

} // namespace

int compileVerb(Session &session) {
  const CommandLine &o = session.options;
  if (!session.setUp() || !checkUsage(session))
    return UserError;
  if ((!o.output.empty() && !canWrite(session, o.output)) ||
      (!o.header.empty() && !canWrite(session, o.header)))
    return UserError;
  if (o.emit == "ast") {
    std::string text;
    return session.printSyntax(text) && Compiler::deliver(session, text) ? Good : UserError;
  }
  if (!session.checkProgram())
    return UserError;
  Compiler compiler(session);
  if (!o.emit.empty())
    return compiler.emitStage(o.emit) ? Good : UserError;
  if (!o.output.empty() && !compiler.writeOutput())
    return UserError;
  if (!o.header.empty() && !compiler.writeHeader())
    return UserError;
  reportWritten(session);
  return Good;
}

} // namespace seq::tool
