//===- Jit.cpp - The compiler inside a host program ------------------------------===//
#include "seq/jit.h"

#include "compiler/Codegen/Target.h"
#include "compiler/Jit/Cache.h"
#include "compiler/Jit/Loader.h"
#include "compiler/Pipelines/Paths.h"
#include "seq/io.h"

#include <pthread.h>

namespace seq::jit {

struct loader {
  const options &opts;
  std::string name;
  const std::string *text; ///< null: `name` is a path
  program result;

  SourceManager sources;
  DiagnosticEngine diags{sources};
  pipeline::Options pipe;
  SemaOptions sema;
  KnownShapes known;

  loader(const options &opts, std::string name, const std::string *text)
      : opts(opts), name(std::move(name)), text(text) {}

  bool refuse(const std::string &subject, const std::string &what) {
    diags.error(Diag::OptionValue, subject, what);
    return false;
  }

  bool setUp() {
    auto choice = codegen::parseTarget(opts.target);
    if (choice.error == codegen::TargetError::NeedsDevice) {
      std::string chip, message;
      if (!codegen::presentChip(chip, message)) {
        diags.error(Diag::NoDevice, opts.target, message);
        return false;
      }
      choice = codegen::parseTarget(chip);
    }
    if (choice.error != codegen::TargetError::None)
      return refuse("target", "`" + opts.target + "` is not a target");
    auto floatType = typed::floatNamed(opts.float_type);
    if (!floatType)
      return refuse("float_type", "`" + opts.float_type + "` is none of f32, f64, bf16, f16");
    if (opts.opt_level < 0 || opts.opt_level > 3)
      return refuse("opt_level", "is not 0 to 3");
    if (choice.target.isGpu())
      choice.target.products = codegen::productsFor(*floatType);
    pipe.targets.push_back(choice.target);
    pipe.optLevel = unsigned(opts.opt_level);
    pipe.streams = opts.streams;
    sema.floatType = *floatType;
    pipe.floatType = sema.floatType;
    sema.includeDirs = opts.include_dirs;
    sema.stdlibDir = pipeline::stdlibFolder();
    for (auto &[input, shape] : opts.input_shapes)
      known.inputs[input] = shape;
    return opts.weights.empty() || readWeights();
  }

  bool readWeights() {
    seq_safetensors *file;
    seq_message message;
    if (seq_safetensors_open(opts.weights.c_str(), &file, &message) != SEQ_OK) {
      diags.error(Diag::WeightsFile, opts.weights, message.text);
      return false;
    }
    known.haveWeights = true;
    const seq_file_tensor *t = seq_safetensors_tensors(file);
    for (int64_t i = 0; i < seq_safetensors_count(file); ++i)
      known.weights[t[i].name].assign(t[i].shape, t[i].shape + t[i].rank);
    seq_safetensors_close(file);
    return true;
  }

  bool compile() {
    auto checked = text ? checkProgramText(name, *text, opts.entry, known, sema, diags)
                        : checkProgram(name, opts.entry, known, sema, diags);
    if (!checked || diags.hasErrors())
      return false;
    std::unique_ptr<pipeline::Context> context;
    auto getContext = [&]() -> pipeline::Context & {
      if (!context)
        context = std::make_unique<pipeline::Context>();
      return *context;
    };
    pipeline::InternalError error;
    std::string object, message;
    size_t count = checked->functions.size();
    bool good = compileCached(
        *checked, count, sources, pipe, opts.cache ? cacheFolder() : "",
        [&] {
          auto module = pipeline::toSeq(*checked, count, getContext(), diags, error);
          std::optional<StreamRefusal> none;
          if (module && pipe.streams)
            pipeline::addStream(*module, pipe, none);
          return module;
        },
        getContext, object, error);
    if (!good)
      return internal(error);
    std::shared_ptr<LoadedObject> code = LoadedObject::load(
        std::move(object), codegen::descriptorSymbol(checked->entryName), message);
    if (!code)
      return internal({"loading of compiled code", message});
    result.descriptor_ = code->descriptor;
    result.code_ = std::move(code);
    return true;
  }

  bool internal(const pipeline::InternalError &error) {
    if (error)
      result.error_ = "seqc: internal error in " + error.stage + "\n";
    return false;
  }

  void run() {
    if (!setUp() || !compile())
      result.error_ += render(diags, sources, ErrorFormat::Text, /*color=*/false);
  }

  /// Programs may nest deeper than a host's threads have stack for.
  program runOnLargeStack() {
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, size_t(256) << 20);
    auto body = [](void *p) -> void * {
      static_cast<loader *>(p)->run();
      return nullptr;
    };
    if (pthread_create(&thread, &attributes, body, this) == 0)
      pthread_join(thread, nullptr);
    else
      run();
    pthread_attr_destroy(&attributes);
    return std::move(result);
  }
};

program load(const std::string &path, const options &opts) {
  return loader(opts, path, nullptr).runOnLargeStack();
}

program load_text(const std::string &name, const std::string &text, const options &opts) {
  return loader(opts, name, &text).runOnLargeStack();
}

} // namespace seq::jit
