//===- Session.cpp - One run of the tool --------------------------------------------===//
#include "compiler/Tools/seqc/Session.h"

#include "compiler/Pipelines/Paths.h"
#include "compiler/Tools/seqc/Output.h"
#include "compiler/Tools/seqc/Reproducer.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Threading.h"

#include <algorithm>
#include <cstdio>
#include <set>
#include <unistd.h>

namespace seq::tool {

Session::~Session() {
  seq_safetensors_close(weights);
}

static bool useColor(Color color) {
  if (color != Color::Auto)
    return color == Color::Always;
  const char *no = std::getenv("NO_COLOR");
  return !(no && *no) && isatty(2);
}

int Session::finish(int good) {
  flushStdout(diags);
  std::string text = render(diags, sources, options.errorFormat, useColor(options.color));
  std::fwrite(text.data(), 1, text.size(), stderr);
  if (internal)
    return reportInternalError(*this);
  if (!diags.hasErrors())
    return good;
  for (const Message &m : diags.messages())
    if (m.severity == Severity::Error) {
      std::string code = diagInfo(m.kind).code;
      bool usage = code >= "E0801" && code <= "E0804";
      return usage || m.kind == Diag::UnknownTarget ? WrongUsage : UserError;
    }
  return UserError;
}

void Session::note(const std::string &text) {
  if (!options.quiet)
    std::fprintf(stderr, "note: %s\n", text.c_str());
}

DiagnosticEngine::Builder Session::error(Diag kind, const std::string &subject, std::string text) {
  if (text.rfind(subject, 0) == 0) {
    size_t at = subject.size();
    if (at < text.size() && text[at] == ':')
      ++at;
    if (at < text.size() && text[at] == ' ')
      text.erase(0, at + 1);
  }
  return diags.error(kind, subject, std::move(text));
}

//===----------------------------------------------------------------------===//
// Options
//===----------------------------------------------------------------------===//

static std::string inQuotes(const std::vector<std::string> &names) {
  std::string list;
  for (const std::string &n : names)
    list += (list.empty() ? "`" : ", `") + n + "`";
  return list;
}

bool Session::refuseTarget(const std::string &name, codegen::TargetError error) {
  switch (error) {
  case codegen::TargetError::OldChip:
    diags.error(Diag::NotOffered, name, "this chip is older than any that seqc makes code for")
        .hint("chips are " + inQuotes(codegen::chipNames()));
    break;
  case codegen::TargetError::UnknownChip:
    diags.error(Diag::UnknownTarget, name, "unknown chip")
        .hint("chips are " + inQuotes(codegen::chipNames()));
    break;
  default:
    diags.error(Diag::UnknownTarget, name, "unknown target")
        .hint("targets are " + inQuotes(codegen::targetNames()));
  }
  return false;
}

bool Session::setTargets() {
  std::vector<std::string> names = options.targets;
  const char *variable = std::getenv("SEQC_TARGET");
  if (names.empty())
    names = splitText(variable && *variable ? variable : "host", ',');
  for (const std::string &name : names) {
    if (name.empty()) {
      diags.error(Diag::OptionValue, options.targets.empty() ? "SEQC_TARGET" : "--target",
                  "has an empty name in its list");
      return false;
    }
    codegen::TargetChoice choice = codegen::parseTarget(name);
    if (choice.error == codegen::TargetError::NeedsDevice) {
      std::string chip, message;
      if (!codegen::presentChip(chip, message)) {
        diags.error(Diag::NoDevice, name, message)
            .hint("`--target=gpusim` runs the same kernels without a device");
        return false;
      }
      choice = codegen::parseTarget(chip);
    }
    if (choice.error != codegen::TargetError::None)
      return refuseTarget(name, choice.error);
    if (choice.target.isGpu())
      choice.target.products =
          codegen::productsNamed(options.matmul)
              .value_or(codegen::productsFor(*typed::floatNamed(options.floatType)));
    pipe.targets.push_back(choice.target);
  }
  auto same = [](const lowering::Target &a, const lowering::Target &b) {
    return codegen::targetName(a) == codegen::targetName(b);
  };
  std::sort(pipe.targets.begin(), pipe.targets.end(), codegen::targetLess);
  pipe.targets.erase(std::unique(pipe.targets.begin(), pipe.targets.end(), same),
                     pipe.targets.end());
  return true;
}

bool Session::setUp() {
  sema.floatType = *typed::floatNamed(options.floatType); // the command line takes no other
  pipe.floatType = sema.floatType;
  pipe.form = options.form;
  sema.includeDirs = options.includeDirs;
  sema.stdlibDir = pipeline::stdlibFolder();
  pipe.optLevel = options.optLevel;
  // A library runs on machines that are not known: no form is chosen for threads that are not
  // there.
  pipe.threads = options.threads.empty() ? 1 : options.threads.front();
  pipe.streams = wantsStream();
  if (options.timePhases)
    pipe.onPhase = [](const char *name, double ms) {
      std::fprintf(stderr, "%-10s %8.2f ms\n", name, ms);
    };
  return setTargets();
}

//===----------------------------------------------------------------------===//
// What is known before the program is checked
//===----------------------------------------------------------------------===//

/// `128,1k`: numbers where k is 1024 and m its square.
static bool parseSizes(const std::string &text, std::vector<int64_t> &out) {
  for (std::string part : splitText(text, ',')) {
    int64_t scale = 1, n;
    if (!part.empty() && (part.back() == 'k' || part.back() == 'm')) {
      scale = part.back() == 'k' ? 1024 : 1024 * 1024;
      part.pop_back();
    }
    if (!parseInteger(part, n) || n < 0 || n > (int64_t(1) << 40))
      return false;
    out.push_back(n * scale);
  }
  return true;
}

bool Session::readOneValue(const Given &given) {
  if (given.name == "lengths" || given.name.rfind("lengths.", 0) == 0) {
    inputs.lengths.push_back({given.name.size() > 8 ? given.name.substr(8) : "", {}});
    return parseLengths(given, inputs.lengths.back().values, diags);
  }
  std::vector<int64_t> sizes;
  bool isSize = options.verb != Run && options.verb != Compile && options.verb != Generate &&
                parseSizes(given.value, sizes);
  if (isSize) {
    known.sizes[given.name] = sizes.front();
    sizeLists[given.name] = sizes;
  }
  if (isSize && (sizes.size() > 1 || given.value.find_first_of("km") != std::string::npos))
    return true;
  Value v;
  if (!parseValue(given, v, diags))
    return false;
  known.inputs[given.name] = v.shape;
  values[given.name] = std::move(v);
  return true;
}

bool Session::readValues() {
  bool good = true;
  for (const Given &given : options.given)
    good &= readOneValue(given);
  return good;
}

bool Session::openWeights() {
  if (options.weights.empty() || options.weights.rfind("random:", 0) == 0)
    return true;
  seq_message message;
  if (seq_safetensors_open(options.weights.c_str(), &weights, &message) != SEQ_OK) {
    error(Diag::WeightsFile, options.weights, message.text);
    return false;
  }
  known.haveWeights = true;
  const seq_file_tensor *tensors = seq_safetensors_tensors(weights);
  for (int64_t i = 0; i < seq_safetensors_count(weights); ++i)
    known.weights[tensors[i].name].assign(tensors[i].shape, tensors[i].shape + tensors[i].rank);
  return true;
}

bool Session::checkProgram() {
  bool good = readValues();
  good &= openWeights();
  if (!good)
    return false;
  program = seq::checkProgram(options.file, options.entry, known, sema, diags);
  return program && !diags.hasErrors();
}

bool Session::printSyntax(std::string &out) {
  auto buffer = llvm::MemoryBuffer::getFile(options.file);
  if (!buffer) {
    diags.error(Diag::UnreadableFile, options.file,
                "cannot be read: " + buffer.getError().message());
    return false;
  }
  uint32_t id = sources.addFile(options.file, (*buffer)->getBuffer().str());
  auto file = parseFile(id, diags);
  if (file && !diags.hasErrors())
    out = printAst(*file);
  return !diags.hasErrors();
}

//===----------------------------------------------------------------------===//
// Inputs
//===----------------------------------------------------------------------===//

bool Session::reportUnknownInputs(bool makesOwn) {
  for (const typed::ParamInfo &p : entry().params)
    sizeLists.erase(p.var->name);
  std::vector<std::string> names, sizes;
  for (const typed::ParamInfo &p : entry().params)
    names.push_back(p.var->name);
  for (const SizeSymbol *s : entry().symbols)
    sizes.push_back(s->name);
  sizes.push_back("batch");
  bool good = true;
  std::set<std::string> given;
  for (auto &[name, value] : values)
    given.insert(name);
  for (auto &[name, list] : sizeLists) // `T=64,128` is no value
    given.insert(name);
  for (const std::string &name : given) {
    bool isSize = makesOwn && std::count(sizes.begin(), sizes.end(), name);
    if ((isSize && sizeLists.count(name)) || std::count(names.begin(), names.end(), name))
      continue;
    if (isSize) {
      diags.error(Diag::BadValue, name, "`" + values[name].text + "` is not a size")
          .hint("a size is a number from 0, such as 128 or 1k, or a list of them");
      good = false;
      continue;
    }
    auto e =
        diags.error(Diag::UnknownInput, name, "`" + entry().name + "` has no input `" + name + "`");
    if (std::string near = nearest(name, names); !near.empty())
      e.hint("did you mean `" + near + "`?");
    good = false;
  }
  return good;
}

bool Session::loadInputs(bool makesOwn) {
  bool good = reportUnknownInputs(makesOwn);
  for (const typed::ParamInfo &p : entry().params) {
    inputs.arrays.emplace_back();
    auto it = values.find(p.var->name);
    if (it == values.end()) {
      if (p.init || makesOwn)
        continue;
      diags
          .error(Diag::MissingInput, p.var->name,
                 "input `" + p.var->name + ": " + p.var->type.str() + "` is not given")
          .hint("give it as `" + p.var->name + "=...`");
      good = false;
      continue;
    }
    std::string rounded;
    good &= loadValue(it->second, codegen::dtypeOf(p.var->type.elem), inputs.arrays.back(), rounded,
                      diags);
    if (!rounded.empty())
      note(rounded);
  }
  expectInputs();
  return good;
}

/// The size of the first parameter's first axis; "": a constant.
std::string Session::timeSize() const {
  if (entry().params.empty() || entry().params.front().var->type.shape.empty())
    return "";
  for (const SizeSymbol *s : entry().symbols)
    if (!s->isStatic && entry().params.front().var->type.shape.front() == Size::symbol(s))
      return s->name;
  return "";
}

/// Few steps, or many: code is kept in a cache, and the time differs from call to call.
static int64_t nearestLength(int64_t steps) {
  for (auto [length, upTo] : {std::pair<int64_t, int64_t>{8, 32}, {128, 362}, {1024, 4096}})
    if (steps < upTo)
      return length;
  return 8192;
}

/// One sequence, a few, many.
static int64_t nearestBatch(int64_t sequences) {
  for (auto [batch, upTo] : {std::pair<int64_t, int64_t>{1, 3}, {8, 23}, {64, 182}})
    if (sequences < upTo)
      return batch;
  return 512;
}

void Session::expect(std::map<std::string, int64_t> sizes, int64_t batch, int threads) {
  if (auto time = sizes.find(timeSize()); time != sizes.end())
    time->second = nearestLength(time->second);
  pipe.sizes.clear();
  for (auto &[name, n] : sizes)
    pipe.sizes += (pipe.sizes.empty() ? "" : ",") + name + "=" + std::to_string(n);
  pipe.threads = threads;
  if (threads == 0)
    pipe.threads = std::max(1, llvm::get_physical_cores());
  if (!pipe.targets.empty() && pipe.targets.back().isGpu())
    pipe.batch = batch > 0 ? nearestBatch(batch) : 0;
  else // more sequences than threads are to the choice as many as these
    pipe.batch = std::clamp<int64_t>(batch, 1, pipe.threads);
}

/// What the command line says of sizes, by name or by an input's shape.
void Session::expectInputs() {
  std::map<std::string, int64_t> found;
  int64_t batch = 0; // not known
  for (auto &[name, list] : sizeLists)
    if (!list.empty())
      (name == "batch" ? batch : found[name]) = list.front();
  for (auto [p, array] : llvm::zip(entry().params, inputs.arrays)) {
    const auto &dims = p.var->type.shape;
    if (!array || array.shape().size() < dims.size())
      continue;
    size_t lead = array.shape().size() - dims.size();
    if (lead == 1)
      batch = array.shape()[0];
    for (const SizeSymbol *s : entry().symbols)
      for (size_t d = 0; d < dims.size() && !s->isStatic; ++d)
        if (dims[d] == Size::symbol(s))
          found[s->name] = array.shape()[lead + d];
  }
  // Forms differ by rounding, and the number of threads is to change no result: it counts where
  // time is spoken of alone.
  bool speaksOfTime = options.verb == Explain || options.verb == Bench;
  bool given = speaksOfTime && !options.threads.empty();
  // With a length comes one sequence where no more are spoken of.
  if (batch == 0 && !found.empty())
    batch = 1;
  expect(std::move(found), batch, given ? options.threads.front() : 0);
}

//===----------------------------------------------------------------------===//
// Stages
//===----------------------------------------------------------------------===//

pipeline::Context &Session::context() {
  if (!mlirContext)
    mlirContext = std::make_unique<pipeline::Context>();
  return *mlirContext;
}

bool Session::emitSeq() {
  if (module)
    return true;
  module = pipeline::toSeq(*program, 1, context(), diags, internal);
  std::optional<StreamRefusal> refusal;
  if (module && wantsStream() && !pipeline::addStream(*module, pipelineOptions(), refusal)) {
    reportNoStream(*refusal);
    module = {};
  }
  return bool(module);
}

void Session::reportNoStream(const StreamRefusal &refusal) {
  Diag kind = refusal.kind == StreamRefusal::LooksAhead ? Diag::LooksAhead : Diag::NoStream;
  mlir::FileLineColRange place;
  refusal.where->walk([&](mlir::Location l) {
    place = mlir::dyn_cast<mlir::FileLineColRange>(l);
    return place ? mlir::WalkResult::interrupt() : mlir::WalkResult::advance();
  });
  SourceRange range = entry().range;
  for (uint32_t id = 1; place && id <= sources.size(); ++id)
    if (sources.path(id) == place.getFilename().str())
      range = {id, sources.offset(id, {place.getStartLine(), place.getStartColumn()}),
               sources.offset(id, {place.getEndLine(), place.getEndColumn()})};
  auto e = diags.error(kind, range, refusal.text);
  if (!refusal.hint.empty())
    e.hint(refusal.hint);
}

mlir::func::FuncOp Session::entryFunction() {
  return *(*module).getOps<mlir::func::FuncOp>().begin();
}

std::unique_ptr<codegen::Descriptor> Session::describe() const {
  auto out = std::make_unique<codegen::Descriptor>(*program, 1);
  if (module)
    out->addModule(module.get());
  return out;
}

} // namespace seq::tool
