//===- Runner.cpp - A bound model and its calls --------------------------------------===//
#include "compiler/Tools/seqc/Runner.h"

#include "llvm/ADT/STLExtras.h"

#include <cstring>

namespace seq::tool {

Runner::~Runner() {
  seq_model_destroy(model);
  for (Copy &copy : copies)
    seq_ctx_free(ctx, copy.data);
  if (ctx)
    seq_ctx_destroy(ctx);
}

/// Reports the context's message, or where the program failed.
bool Runner::refuse(Diag kind, int status, const std::string &subject) {
  kept = seq_last_error(ctx);
  keptStatus = status;
  if (quiet)
    return false;
  seq_failure_info failure;
  bool ofProgram = status == SEQ_ERR_RUN || status == SEQ_ERR_SHAPE;
  if (ofProgram && seq_ctx_failure(ctx, &failure)) {
    reportFailure(status == SEQ_ERR_RUN ? Diag::RunFailed : kind, failure);
    return false;
  }
  const std::string &text = kept;
  Diag by = status == SEQ_ERR_MEMORY   ? Diag::NoMemory
            : status == SEQ_ERR_DEVICE ? Diag::NoDevice
                                       : kind;
  session.error(by, subject, text);
  return false;
}

/// The range of `what` at a line and column of a file, as far as it can be found.
static SourceRange findRange(const SourceManager &sources, const seq_failure_info &f) {
  for (uint32_t id = 1; id <= sources.size(); ++id) {
    if (sources.path(id) != f.file)
      continue;
    std::string_view text = sources.text(id);
    size_t at = 0;
    for (int32_t line = 1; line < f.line && at != std::string_view::npos; ++line) {
      at = text.find('\n', at);
      at = at == std::string_view::npos ? at : at + 1;
    }
    if (at == std::string_view::npos)
      return {};
    for (int32_t column = 1; column < f.column && at < text.size(); ++column)
      do
        ++at;
      while (at < text.size() && (text[at] & 0xC0) == 0x80);
    bool found = text.substr(at, std::strlen(f.what)) == f.what;
    return {id, uint32_t(at), uint32_t(at + (found ? std::strlen(f.what) : 1))};
  }
  return {};
}

void Runner::reportFailure(Diag kind, const seq_failure_info &f) {
  char text[640];
  seq_failure_text(&f, text, sizeof text);
  std::string message = text;
  if (f.batched)
    message += ", in sequence " + std::to_string(f.seq);
  SourceRange range = findRange(session.sources, f);
  if (range.valid())
    session.diags.error(kind, range, message);
  else
    session.diags.error(
        kind, std::string(f.file) + ":" + std::to_string(f.line) + ":" + std::to_string(f.column),
        message);
}

//===----------------------------------------------------------------------===//
// Models and weights
//===----------------------------------------------------------------------===//

bool Runner::create(const seq_model_desc &desc, int threads) {
  return start(desc, codegen::kindOf(session.pipelineOptions().targets.back().machine), threads);
}

bool Runner::createHere(const seq_model_desc &desc) {
  return start(desc, SEQ_ON_CPU, 1);
}

bool Runner::start(const seq_model_desc &desc, int32_t kind, int threads) {
  seq_ctx_options options = {};
  options.struct_size = sizeof options;
  options.kind = kind;
  options.threads = threads;
  char message[1024] = "";
  int made = seq_ctx_create_with(&options, &ctx, message, sizeof message);
  if (made != SEQ_OK) {
    ctx = nullptr;
    auto error = session.diags.error(made == SEQ_ERR_MEMORY ? Diag::NoMemory : Diag::NoDevice,
                                     desc.name, message);
    if (kind == SEQ_ON_CUDA)
      error.hint("`--target=gpusim` runs the same kernels without a device");
    return false;
  }
  int status = seq_model_create(ctx, &desc, &model);
  if (status != SEQ_OK)
    return refuse(Diag::RunRefused, status, desc.name);
  // A file for an entry without parameters holds too much, as any other file may.
  const std::string &weights = session.options.weights;
  bool haveFile = !weights.empty() && weights.rfind("random:", 0) != 0;
  return (desc.n_params == 0 && !haveFile) || bind(desc);
}

bool Runner::bindRandom(const seq_model_desc &desc) {
  std::vector<Array> arrays;
  if (!makeRandomWeights(session, session.options.weightsSeed, arrays))
    return false;
  std::vector<const DLTensor *> views;
  for (Array &a : arrays)
    views.push_back(a.view());
  int status = seq_model_bind(model, views.data(), int32_t(views.size()));
  return status == SEQ_OK || refuse(Diag::WeightsMismatch, status, session.options.weights);
}

bool Runner::bind(const seq_model_desc &desc) {
  const std::string &path = session.options.weights;
  if (path.empty()) {
    session.diags.error(Diag::WeightsMissing, desc.name,
                        "the entry has " + std::to_string(desc.n_params) +
                            " parameters, such as `" + desc.params[0].name + "`, and no weights");
    return false;
  }
  if (path.rfind("random:", 0) == 0)
    return bindRandom(desc);
  int status = seq_model_bind_file(model, path.c_str(), session.options.ignoreExtra);
  if (status != SEQ_OK)
    return refuse(status == SEQ_ERR_IO ? Diag::WeightsFile : Diag::WeightsMismatch, status, path);
  if (*seq_last_note(ctx))
    session.note(seq_last_note(ctx));
  return true;
}

//===----------------------------------------------------------------------===//
// Calls
//===----------------------------------------------------------------------===//

/// `view`, which is the host's, becomes one of the device with the same elements.
bool Runner::copyIn(const Array &from, DLTensor *&view) {
  if (copied == copies.size())
    copies.emplace_back();
  Copy &copy = copies[copied++];
  int64_t bytes = from.byteCount();
  if (bytes > copy.bytes || !copy.data) {
    seq_ctx_free(ctx, copy.data);
    copy.data = nullptr;
    if (int status = seq_ctx_alloc(ctx, bytes, &copy.data); status != SEQ_OK)
      return refuse(Diag::NoMemory, status, session.entry().name);
    copy.bytes = bytes;
  }
  copy.view = *view;
  copy.view.data = copy.data;
  copy.view.device = seq_ctx_device(ctx);
  view = &copy.view;
  int status = seq_ctx_copy_in(ctx, copy.data, from.data(), bytes);
  return status == SEQ_OK || refuse(Diag::NoDevice, status, session.entry().name);
}

bool Runner::fillArgs(CallInputs &inputs, std::vector<Array> &outputs) {
  inputViews.clear();
  outputViews.clear();
  lengths.clear();
  copied = 0;
  for (Array &a : inputs.arrays) {
    DLTensor *view = a ? a.view() : nullptr;
    if (view && onDevice() && !copyIn(a, view))
      return false;
    inputViews.push_back(view);
  }
  for (Array &a : outputs) {
    DLTensor *view = a.view();
    if (onDevice() && !copyIn(a, view))
      return false;
    outputViews.push_back(view);
  }
  for (const Lengths &l : inputs.lengths)
    lengths.push_back(
        {l.size.empty() ? nullptr : l.size.c_str(), l.values.data(), int64_t(l.values.size())});
  args = {};
  args.struct_size = sizeof args;
  args.inputs = inputViews.data();
  args.outputs = outputViews.data();
  args.lengths = lengths.data();
  args.n_inputs = int32_t(inputViews.size());
  args.n_outputs = int32_t(outputViews.size());
  args.n_lengths = int32_t(lengths.size());
  return true;
}

bool Runner::takeOutputs(std::vector<Array> &outputs) {
  for (auto [i, a] : llvm::enumerate(outputs)) {
    if (!onDevice())
      return true;
    int status = seq_ctx_copy_out(ctx, a.data(), outputViews[i]->data, a.byteCount());
    if (status != SEQ_OK)
      return refuse(Diag::NoDevice, status, session.entry().name);
  }
  return true;
}

bool Runner::makeOutputs(std::vector<Array> &outputs) {
  const seq_function_desc &f = seq_model_descriptor(model)->functions[0];
  outputs.clear();
  for (int32_t i = 0; i < f.n_outputs; ++i) {
    int64_t shape[SEQ_MAX_RANK];
    int32_t rank = 0;
    int status = seq_model_output_shape(model, 0, &args, i, shape, &rank);
    if (status != SEQ_OK)
      return refuse(Diag::InputShape, status, session.entry().name);
    outputs.emplace_back(f.outputs[i].dtype, Shape(shape, shape + rank));
    if (!outputs.back()) {
      session.diags.error(Diag::NoMemory, f.outputs[i].name,
                          "there is no memory for " + shapeText(Shape(shape, shape + rank)));
      return false;
    }
  }
  return true;
}

bool Runner::call(CallInputs &inputs, std::vector<Array> &outputs) {
  outputs.clear();
  return fillArgs(inputs, outputs) && makeOutputs(outputs) && fillArgs(inputs, outputs) &&
         repeat(inputs, outputs) && takeOutputs(outputs);
}

bool Runner::repeat(CallInputs &inputs, std::vector<Array> &outputs) {
  if (!onDevice() && !fillArgs(inputs, outputs))
    return false;
  int status = seq_model_call(model, 0, &args);
  if (status == SEQ_OK && onDevice())
    status = seq_ctx_synchronize(ctx);
  return status == SEQ_OK || refuse(Diag::InputShape, status, session.entry().name);
}

} // namespace seq::tool
