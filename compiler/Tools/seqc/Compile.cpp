//===- Compile.cpp - seqc compile ------------------------------------------------------===//
#include "compiler/Codegen/Header.h"
#include "compiler/Codegen/Link.h"
#include "compiler/Tools/seqc/Output.h"
#include "compiler/Tools/seqc/Scans.h"
#include "compiler/Tools/seqc/Verbs.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/Support/raw_ostream.h"

#include <cstdio>
#include <filesystem>

namespace fs = std::filesystem;

namespace seq::tool {

namespace {

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
    std::string text;
    if (what == "ast")
      return session.printSyntax(text) && deliver(session, text);
    if (!makeModule())
      return false;
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
    if (suffix == ".ptx" || suffix == ".cubin")
      return deviceText(suffix == ".ptx", bytes) && writeFile(session, path, bytes);
    if (suffix == ".s" || suffix == ".ll")
      return emitText(suffix == ".s", bytes) && writeFile(session, path, bytes);
    if (!pipeline::emit(code, options(), codegen::Emit::Object, bytes, session.internal))
      return false;
    return suffix == ".o" ? writeFile(session, path, bytes) : writeLibrary(path, suffix, bytes);
  }

  bool writeHeader() {
    if (!module && !makeModule())
      return false;
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
    o.assemble = suffixOf(session.options.output) != ".ptx";
    return o;
  }

  bool makeModule() {
    module = pipeline::toSeq(*session.program, count, session.context(), session.diags,
                             session.internal);
    // The stages before are the program's own functions; what hosts call has the stream too.
    std::optional<StreamRefusal> none;
    bool stage = session.options.emit == "seq" || session.options.emit == "linalg";
    if (module && !stage) {
      pipeline::addStream(*module, options(), none);
      descriptor.addModule(*module);
    }
    return bool(module);
  }
  bool makeCode() {
    return pipeline::compile(*module, descriptor, options(), session.context(), code,
                             session.internal);
  }
  /// The code of the one device that is compiled for.
  bool deviceText(bool ptx, std::string &text) {
    const codegen::DeviceText &device = code.devices.front();
    text = ptx ? device.ptx : device.cubin;
    if (!text.empty())
      return true;
    session.diags.error(Diag::NotOffered, session.options.output, "no `ptxas` is found")
        .hint("set SEQC_CUDA_HOME to the folder of a CUDA toolkit, or write a .ptx");
    return false;
  }
  bool emitText(bool assembly, std::string &text) {
    if (assembly && options().targets.size() == 1 && !code.devices.empty())
      return deviceText(true, text);
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
    if (!pipeline::lower(*module, options(), session.context(), variants, session.internal))
      return false;
    for (codegen::Variant &v : variants) {
      text += print(*v.module);
      if (v.device)
        text += print(*v.device);
    }
    return true;
  }

  bool writeLibrary(const std::string &path, const std::string &suffix, const std::string &object) {
    bool shared = suffix == ".so";
    std::string name = fs::path(path).filename().string(), error, bytes;
    bool good = shared ? codegen::linkShared(object, name, codegen::entryPointNames(descriptor),
                                             bytes, error)
                       : codegen::makeArchive(object, bytes, error);
    if (!good) {
      session.internal = {"linking of `" + path + "`", error};
      return false;
    }
    return writeFile(session, path, bytes, shared ? 0777 : 0666);
  }

  Session &session;
  size_t count;
  codegen::Descriptor descriptor;
  codegen::Code code;
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

/// A file of device code holds that of one chip.
bool fitsTargets(Session &session) {
  std::string suffix = suffixOf(session.options.output);
  const auto &targets = session.pipelineOptions().targets;
  bool one = targets.size() == 1 && targets.front().machine == lowering::Machine::Cuda;
  if ((suffix != ".ptx" && suffix != ".cubin") || one)
    return true;
  session.diags.error(Diag::OptionValue, "-o", "is the code of one chip, which is not given")
      .hint("--target=sm_80");
  return false;
}

bool checkUsage(Session &session) {
  const CommandLine &o = session.options;
  static const char *const suffixes[] = {".so", ".a", ".o", ".s", ".ll", ".ptx", ".cubin"};
  if (o.output.empty() && o.emit.empty() && o.header.empty()) {
    session.diags.error(Diag::Usage, "compile", "nothing to write is given")
        .hint("-o FILE.so, --header FILE.h or --emit=seq");
    return false;
  }
  std::string header = suffixOf(o.header);
  if (!o.header.empty() && header != ".h" && header != ".hh" && header != ".hpp") {
    session.diags.error(Diag::OptionValue, "--header", "has the value `" + o.header + "`")
        .hint("it takes FILE.h; FILE.json is written beside it");
    return false;
  }
  if (!o.emit.empty() || o.output.empty())
    return true;
  for (const char *s : suffixes)
    if (suffixOf(o.output) == s)
      return fitsTargets(session);
  session.diags
      .error(Diag::OptionValue, "-o",
             "has the value `" + o.output + "`, whose suffix tells nothing")
      .hint("it is .so, .a, .o, .s, .ll, .ptx or .cubin");
  return false;
}

void reportWritten(const Session &session) {
  // A stage on stdout is data: nothing is put behind it.
  if (session.options.quiet || (!session.options.emit.empty() && session.options.output.empty()))
    return;
  auto size = [](const std::string &path) {
    std::error_code code;
    return std::to_string((fs::file_size(path, code) + 1023) / 1024) + " KiB";
  };
  const CommandLine &o = session.options;
  size_t variants = session.pipelineOptions().targets.size();
  if (!o.output.empty() && (o.emit == "ast" || o.emit == "seq")) // made before the variants
    std::printf("wrote %s (%s)\n", o.output.c_str(), size(o.output).c_str());
  else if (!o.output.empty())
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
  if (o.emit == "ast" && o.header.empty()) {
    std::string text;
    if (!session.printSyntax(text) || !Compiler::deliver(session, text))
      return UserError;
    reportWritten(session);
    return Good;
  }
  if (!session.checkProgram() || !formExists(session))
    return UserError;
  Compiler compiler(session);
  if (!o.emit.empty() && !compiler.emitStage(o.emit))
    return UserError;
  if (o.emit.empty() && !o.output.empty() && !compiler.writeOutput())
    return UserError;
  if (!o.header.empty() && !compiler.writeHeader())
    return UserError;
  reportWritten(session);
  return Good;
}

} // namespace seq::tool
