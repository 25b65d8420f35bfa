//===- Generate.cpp - seqc generate ---------------------------------------------------------===//
//
// Text from a model over bytes: the prompt is one piece of its stream, each byte that is drawn
// from the last logits the next one. Bytes go out as they are made.
//
//===----------------------------------------------------------------------===//
#include "compiler/Tools/seqc/Output.h"
#include "compiler/Tools/seqc/Verbs.h"
#include "seq/random.h"

#include <algorithm>
#include <cmath>

namespace seq::tool {

namespace {
class Generator {
public:
  Generator(Session &session, Runner &runner) : session(session), runner(runner) {}
  ~Generator() { seq_state_destroy(state); }
  bool run();

private:
  bool findTokens();
  bool makeState(int64_t capacity);
  /// Runs a piece and leaves the logits of its last step.
  bool feed(const std::vector<int32_t> &piece);
  int32_t draw(int64_t number) const;
  bool refuse(int status) { return runner.refuse(Diag::RunRefused, status, session.entry().name); }
  bool noText(const std::string &what);

  Session &session;
  Runner &runner;
  const seq_function_desc *stream = nullptr;
  size_t tokens = 0; ///< the input that takes them
  seq_state *state = nullptr;
  std::vector<double> logits;
};
} // namespace

bool Generator::noText(const std::string &what) {
  session.diags.error(Diag::NoText, session.entry().range, what)
      .hint("such as `fn forward(tokens: i32[T]) -> [T, V]`, with V up to 256");
  return false;
}

/// The input and the result of a model over tokens: i32[T] to [T, V].
bool Generator::findTokens() {
  stream = &seq_model_descriptor(runner.get())->functions[1];
  std::vector<size_t> found, missing;
  for (int32_t i = 0; i < stream->n_inputs - stream->n_states; ++i) {
    const seq_tensor_desc &t = stream->inputs[i];
    bool steps = t.rank == 1 && t.dims[0].n == 1 && t.dims[0].ops[0].op == SEQ_DIM_SIZE &&
                 t.dims[0].ops[0].value == stream->time;
    if (session.inputs.arrays[size_t(i)])
      continue;
    if (steps && t.dtype == SEQ_I32)
      found.push_back(size_t(i));
    else if (!t.default_value)
      missing.push_back(size_t(i));
  }
  if (found.size() != 1)
    return noText("text needs one input of tokens, one integer for each step; here are " +
                  std::to_string(found.size()));
  for (size_t i : missing)
    session.diags.error(Diag::MissingInput, stream->inputs[i].name,
                        "input `" + std::string(stream->inputs[i].name) + "` is not given");
  if (!missing.empty())
    return false;
  tokens = found.front();
  const seq_tensor_desc &y = stream->outputs[0];
  if (y.rank != 2 || !seq_dtype_is_float(y.dtype))
    return noText("text needs logits, one for each token at each step, as the first result");
  return true;
}

bool Generator::makeState(int64_t capacity) {
  seq_state_options options = {};
  options.struct_size = sizeof options;
  options.batch = -1;
  options.capacity = capacity;
  int status = seq_state_create(runner.get(), &options, &state);
  return status == SEQ_OK || refuse(status);
}

bool Generator::feed(const std::vector<int32_t> &piece) {
  CallInputs &inputs = session.inputs;
  inputs.arrays[tokens] = Array(SEQ_I32, {int64_t(piece.size())});
  std::copy(piece.begin(), piece.end(), inputs.arrays[tokens].as<int32_t>());
  std::vector<Array> outputs;
  const seq_args *args = runner.argsOf(inputs, outputs);
  for (int32_t i = 0; args && i < stream->n_outputs - stream->n_states; ++i) {
    int64_t shape[SEQ_MAX_RANK];
    int32_t rank = 0;
    if (int status = seq_state_output_shape(state, args, i, shape, &rank); status != SEQ_OK)
      return refuse(status);
    outputs.emplace_back(stream->outputs[i].dtype, Shape(shape, shape + rank));
  }
  args = args ? runner.argsOf(inputs, outputs) : nullptr;
  if (!args)
    return false;
  if (int status = seq_state_call(state, args); status != SEQ_OK)
    return refuse(status);
  if (!runner.takeOutputs(outputs))
    return false;
  const Array &y = outputs.front();
  int64_t rows = y.shape()[0], width = y.shape()[1];
  if (width < 1 || width > 256)
    return noText("text is made of bytes, and this model has " + std::to_string(width) + " tokens");
  logits.clear();
  for (int64_t v = 0; v < width; ++v)
    logits.push_back(y.at((rows - 1) * width + v));
  if (std::any_of(logits.begin(), logits.end(), [](double x) { return std::isnan(x); })) {
    session.diags.error(Diag::RunRefused, session.entry().name, "gives a logit that is NaN");
    return false;
  }
  return true;
}

/// The most likely token, or one drawn from softmax(logits / temperature): number `number`
/// of the seed, whatever came before.
int32_t Generator::draw(int64_t number) const {
  auto top = std::max_element(logits.begin(), logits.end());
  double temperature = session.options.temperature;
  if (temperature == 0 || std::isinf(*top))
    return int32_t(top - logits.begin());
  uint64_t seed = session.options.seed;
  const uint32_t counter[4] = {uint32_t(number), uint32_t(number >> 32), 0x67656e65u, 0};
  const uint32_t key[2] = {uint32_t(seed), uint32_t(seed >> 32)};
  uint32_t bits[4];
  seq_philox4x32(counter, key, bits);
  double u = double((uint64_t(bits[0]) << 21) ^ (bits[1] >> 11)) * 0x1p-53, sum = 0;
  for (double y : logits)
    sum += std::exp((y - *top) / temperature);
  u *= sum;
  int32_t last = int32_t(top - logits.begin());
  for (size_t v = 0; v < logits.size(); ++v) {
    double p = std::exp((logits[v] - *top) / temperature);
    if (p > 0)
      last = int32_t(v);
    if ((u -= p) < 0)
      break;
  }
  return last;
}

bool Generator::run() {
  const CommandLine &o = session.options;
  std::vector<int32_t> piece;
  for (unsigned char c : o.prompt)
    piece.push_back(c);
  if (!findTokens() || !makeState(int64_t(piece.size()) + o.tokens) || (o.tokens && !feed(piece)))
    return false;
  for (int64_t i = 0; i < o.tokens; ++i) {
    int32_t token = draw(i);
    std::putchar(token);
    std::fflush(stdout);
    if (i + 1 < o.tokens && !feed({token}))
      return false;
  }
  return true;
}

int generateVerb(Session &session) {
  if (!session.setUp() || !session.checkProgram() || !session.loadInputs(/*makesOwn=*/true))
    return UserError;
  auto loaded = loadCompiled(session);
  if (!loaded)
    return UserError;
  Runner runner(session);
  if (!runner.create(*loaded->descriptor, threadsOf(session)) || !Generator(session, runner).run())
    return UserError;
  return Good;
}

} // namespace seq::tool
