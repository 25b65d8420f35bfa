//===- Explain.cpp - seqc explain ---------------------------------------------------------===//
//
// The program is transformed and lowered for the highest target, and what the lowering
// noted of its decisions is told: nothing here is worked out a second time.
//
//===----------------------------------------------------------------------===//
#include "compiler/Tools/seqc/Explain.h"

#include "compiler/Codegen/Target.h"
#include "compiler/Tools/seqc/Output.h"
#include "compiler/Tools/seqc/OwnInputs.h"
#include "compiler/Tools/seqc/Runner.h"
#include "compiler/Tools/seqc/Scans.h"
#include "compiler/Tools/seqc/Verbs.h"
#include "dialect/Seq.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <cstdio>

using namespace mlir;

namespace seq::tool {

//===----------------------------------------------------------------------===//
// Places
//===----------------------------------------------------------------------===//

/// The first place of a file in a location.
static FileLineColRange fileOf(Location loc) {
  FileLineColRange found;
  loc->walk([&](Location l) {
    found = dyn_cast<FileLineColRange>(l);
    return found ? WalkResult::interrupt() : WalkResult::advance();
  });
  return found;
}

std::string placeText(Location loc) {
  FileLineColRange file = fileOf(loc);
  return file ? file.getFilename().str() + ":" + std::to_string(file.getStartLine()) + ":" +
                    std::to_string(file.getStartColumn())
              : "";
}

std::string endText(Location loc) {
  FileLineColRange file = fileOf(loc);
  return file ? file.getFilename().str() + ":" + std::to_string(file.getEndLine()) + ":" +
                    std::to_string(file.getEndColumn())
              : "";
}

static uint32_t fileId(const SourceManager &sources, StringRef path) {
  for (uint32_t id = 1; id <= sources.size(); ++id)
    if (sources.path(id) == path)
      return id;
  return 0;
}

std::string lineText(const SourceManager &sources, Location loc) {
  FileLineColRange file = fileOf(loc);
  if (!file)
    return "";
  uint32_t id = fileId(sources, file.getFilename());
  uint32_t begin = sources.offset(id, {file.getStartLine(), 1});
  StringRef line = StringRef(sources.text(id).data(), sources.text(id).size());
  return line.drop_front(begin).split('\n').first.trim().str();
}

SourceRange rangeOf(const SourceManager &sources, Location loc) {
  SourceRange range;
  FileLineColRange file = fileOf(loc);
  if (!file)
    return range;
  range.file = fileId(sources, file.getFilename());
  range.begin = sources.offset(range.file, {file.getStartLine(), file.getStartColumn()});
  range.end = sources.offset(range.file, {file.getEndLine(), file.getEndColumn()});
  return range;
}

/// On one line, cut where it is long.
static std::string shortened(std::string_view source) {
  constexpr size_t limit = 60;
  std::string text;
  for (char c : source) {
    bool blank = c == ' ' || c == '\n' || c == '\t' || c == '\r';
    if (!blank)
      text += c;
    else if (!text.empty() && text.back() != ' ')
      text += ' ';
  }
  if (text.size() <= limit)
    return text;
  size_t cut = limit;
  while (cut > 0 && (text[cut] & 0xC0) == 0x80) // not inside of a character
    --cut;
  return text.substr(0, cut) + "...";
}

std::string sourceText(const SourceManager &sources, Location loc) {
  SourceRange range = rangeOf(sources, loc);
  return range.file ? shortened(sources.text(range)) : "";
}

std::string subscriptedText(const SourceManager &sources, Location loc) {
  SourceRange range = rangeOf(sources, loc);
  if (!range.file)
    return "";
  std::string_view all = sources.text(range.file);
  if (range.end < all.size() && all[range.end] == '[') {
    int depth = 0;
    size_t end = range.end;
    do
      depth += all[end] == '[' ? 1 : all[end] == ']' ? -1 : 0;
    while (++end < all.size() && depth > 0);
    range.end = end;
  }
  return shortened(sources.text(range));
}

//===----------------------------------------------------------------------===//
// Memory for given sizes
//===----------------------------------------------------------------------===//

/// The value of every dynamic size and the batch, where names and arrays give them all.
static bool knownShape(const Session &session, OwnShape &shape) {
  const auto &params = session.entry().params;
  for (auto &[name, values] : session.givenSizes())
    (name == "batch" ? shape.batch : shape.sizes[name]) = values.front();
  for (size_t i = 0; i < params.size(); ++i) {
    const Array &a = session.inputs.arrays[i];
    const auto &dims = params[i].var->type.shape;
    if (!a)
      continue;
    size_t extra = a.shape().size() - std::min(a.shape().size(), dims.size());
    if (extra == 1)
      shape.batch = a.shape()[0];
    for (size_t d = 0; d < dims.size() && extra + d < a.shape().size(); ++d)
      for (const SizeSymbol *s : session.entry().symbols)
        if (dims[d] == Size::symbol(s))
          shape.sizes[s->name] = a.shape()[extra + d];
  }
  for (const SizeSymbol *s : session.entry().symbols)
    if (!s->isStatic && !shape.sizes.count(s->name))
      return false;
  return true;
}

/// Counts what kernels do in one call on random inputs, with random weights where none are given.
static bool askCounts(Session &session, const OwnShape &shape, const seq_model_desc &desc,
                      Explanation &out) {
  if (session.pipelineOptions().targets.back().machine != lowering::Machine::GpuSim)
    return true;
  if (session.options.weights.empty())
    session.options.weights = "random:0";
  Runner runner(session);
  CallInputs inputs;
  std::vector<Array> outputs;
  if (!runner.create(desc, 1))
    return false;
  if (!makeInputs(session, shape, 0, inputs))
    return !session.diags.hasErrors();
  runner.keepMessages();
  seq_sim_set_counting(runner.simulator(), 1);
  if (runner.call(inputs, outputs))
    out.counts = kernelCounts(runner.simulator(), desc);
  else
    session.note("kernels are not counted: " + runner.message());
  return true;
}

/// Asks the compiled function, as the runtime does before a call.
static bool askWorkspace(Session &session, Explanation &out) {
  OwnShape shape;
  if (!knownShape(session, shape))
    return true;
  auto loaded = loadCompiled(session);
  if (!loaded)
    return false;
  const seq_function_desc &f = loaded->descriptor->functions[0];
  std::vector<int64_t> sizes;
  for (int32_t i = 0; i < f.n_sizes; ++i)
    sizes.push_back(shape.sizes[f.size_names[i]]);
  seq_call call = {};
  call.struct_size = sizeof call;
  call.batch = std::max<int64_t>(shape.batch, 1);
  call.sizes = sizes.data();
  out.known = {shape.sizes.begin(), shape.sizes.end()};
  out.batch = call.batch;
  out.workspaceBytes = f.variants[f.n_variants - 1].workspace(&call, 1);
  out.sizes = sizesText(shape);
  return askCounts(session, shape, *loaded->descriptor, out);
}

//===----------------------------------------------------------------------===//
// The verb
//===----------------------------------------------------------------------===//

/// What the entry takes and gives, and how that hangs together in the program as it is.
static void describeEntry(Session &session, Explanation &out) {
  for (const typed::ParamInfo &p : session.entry().params)
    out.inputs.push_back({p.var->name, p.var->type.str()});
  for (const typed::EntryWeight &w : session.program->weights)
    out.weights.push_back({w.name, typed::elemName(w.elem) + shapeText(w.shape)});
  for (const typed::ResultInfo &r : session.entry().results)
    out.outputs.push_back({r.name, r.type.str()});
  out.flow = flowOf(session.entryFunction());
}

/// For the sizes of `askWorkspace`.
static bool askFloor(Session &session, Explanation &out) {
  if (out.workspaceBytes < 0)
    return true;
  FloorFacts f;
  double weights = weightBytes(session);
  f.demand.flops = out.work.flops().at(out.known) * double(out.batch);
  // Parameters are arguments of the function; a batch reads them once.
  double all = (out.work.arguments + out.work.results).at(out.known);
  f.demand.bytes = (all - weights) * double(out.batch) + weights;
  const pipeline::Options &options = session.pipelineOptions();
  auto estimate = pipeline::estimate(session.seqModule(), options, out.known, out.batch,
                                     session.context(), session.internal);
  if (session.internal)
    return false;
  if (estimate) {
    f.estimate = estimate->nanoseconds / 1e9;
    f.kernels = std::move(estimate->kernels);
  }
  f.peaks = out.gpu ? publishedPeaks(options.targets.back())
                    : measurePeaks(int(options.threads), options.targets.back().level);
  f.seconds = floorOf(f.demand, f.peaks);
  out.floor = f;
  return true;
}

/// The step of the function's stream, as it is compiled beside the function.
static bool askStep(Session &session, const pipeline::Options &options, Explanation &out) {
  OwningOpRef<ModuleOp> module(session.seqModule().clone());
  std::optional<StreamRefusal> none;
  if (!out.gpu || !pipeline::addStream(*module, options, none))
    return true;
  auto functions = llvm::to_vector(module->getOps<func::FuncOp>());
  for (func::FuncOp func : llvm::drop_end(functions))
    func.erase();
  std::vector<codegen::Variant> variants;
  if (!pipeline::lower(*module, options, session.context(), variants, session.internal))
    return false;
  out.step = {*variants.front().functions.front().facts.step, variants.front().kernels};
  return true;
}

int explainVerb(Session &session) {
  if (session.options.html && session.options.json) {
    session.diags.error(Diag::Usage, "--html", "and `--json` are two forms of one report");
    return WrongUsage;
  }
  const std::string &path = session.options.output;
  if ((!path.empty() && !canWrite(session, path)) || !session.setUp() || !session.checkProgram() ||
      !session.loadInputs(true) || !formExists(session) || !session.emitSeq())
    return UserError;
  pipeline::Options options = session.pipelineOptions();
  options.targets = {options.targets.back()};
  options.tellForms = true;
  std::vector<codegen::Variant> variants;
  if (!pipeline::lower(session.seqModule(), options, session.context(), variants, session.internal))
    return UserError;
  const lowering::Target &target = options.targets.front();
  Explanation e(session.sources);
  e.entry = session.program->entryName;
  if (session.entry().name != e.entry)
    e.entry += "." + session.entry().name;
  e.target = codegen::targetName(target);
  e.vectorBytes = target.vectorBytes;
  e.gpu = target.isGpu();
  e.kernels = variants.front().kernels;
  e.function = std::move(variants.front().functions.front());
  // What a form is made of is not the program's.
  llvm::erase_if(e.function.facts.scans, [](const lowering::ScanFacts &s) { return s.derived; });
  e.asked = session.options.form;
  e.threads = options.threads;
  if (e.gpu) {
    e.chip = gpu::chipOf(target.level).product;
    e.supposed = options.batch > 0 ? options.batch : gpu::kNominalBatch;
  }
  describeEntry(session, e);
  if (!pipeline::demandedWork(session.seqModule(), session.context(), e.work, session.internal))
    return UserError;
  if (!askWorkspace(session, e) || !askFloor(session, e) || !askStep(session, options, e))
    return UserError;
  std::string text = session.options.html   ? explainHtml(e)
                     : session.options.json ? explainJson(e)
                                            : explainText(e);
  if (!path.empty()) {
    if (!writeFile(session, path, text))
      return UserError;
    if (!session.options.quiet)
      std::printf("wrote %s (%zu bytes)\n", path.c_str(), text.size());
    return Good;
  }
  std::fwrite(text.data(), 1, text.size(), stdout);
  return Good;
}

} // namespace seq::tool
