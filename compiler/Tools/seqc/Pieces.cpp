//===- Pieces.cpp - A call as a stream, in pieces -----------------------------------------===//
//
// A piece [a, b) takes from each input its steps a … b − 1 on the axis of the time, and gives
// them on that axis of each result. A result without one is that of the last piece: the
// value of the sequence so far. A sequence of a ragged batch that has ended rests: its
// pieces have length 0.
//
//===----------------------------------------------------------------------===//
#include "compiler/Tools/seqc/Pieces.h"

#include <algorithm>
#include <cstring>

namespace seq::tool {

namespace {
class Pieces {
public:
  Pieces(Session &session, Runner &runner, CallInputs &inputs)
      : session(session), runner(runner), given(inputs), desc(*seq_model_descriptor(runner.get())),
        forward(desc.functions[0]), stream(desc.functions[1]) {}
  ~Pieces() { seq_state_destroy(state); }
  bool run(const Cut &cut, std::vector<Array> &outputs);

private:
  bool findSizes(std::vector<Array> &outputs);
  bool makeState();
  bool runPiece(int64_t begin, int64_t end, std::vector<Array> &outputs);
  CallInputs cutInputs(int64_t begin, int64_t end);
  bool refuse(int status) { return runner.refuse(Diag::RunRefused, status, session.entry().name); }

  Session &session;
  Runner &runner;
  CallInputs &given;
  const seq_model_desc &desc;
  const seq_function_desc &forward, &stream;
  std::vector<int64_t> sizes;
  int64_t batch = -1, steps = 0;
  seq_state *state = nullptr;
};

/// The axis of a tensor that is the time, -1 where it has none.
int timeAxis(const seq_tensor_desc &tensor, int32_t time) {
  for (int32_t k = 0; k < tensor.rank; ++k)
    if (tensor.dims[k].n == 1 && tensor.dims[k].ops[0].op == SEQ_DIM_SIZE &&
        tensor.dims[k].ops[0].value == time)
      return k;
  return -1;
}

/// Whether lengths without a name are the time's: the runtime takes the first input's first
/// axis, or the first size that leads an input.
bool plainIsTime(const seq_function_desc &forward, int32_t time) {
  if (forward.n_inputs && forward.inputs[0].rank && forward.inputs[0].dims[0].n == 1 &&
      forward.inputs[0].dims[0].ops[0].op == SEQ_DIM_SIZE)
    return forward.inputs[0].dims[0].ops[0].value == time;
  for (int32_t i = 0; i < forward.n_sizes; ++i)
    if (forward.size_is_sequence[i])
      return i == time;
  return false;
}

/// Copies `count` steps of `axis`, from `at` of `from` to `to` of `into`.
void copySteps(const Array &from, int64_t at, Array &into, int64_t to, int64_t count, int axis) {
  int64_t outer = 1, inner = 1, unit = from.count() ? from.byteCount() / from.count() : 0;
  for (int k = 0; k < axis; ++k)
    outer *= from.shape()[k];
  for (size_t k = size_t(axis) + 1; k < from.shape().size(); ++k)
    inner *= from.shape()[k];
  inner *= unit;
  for (int64_t o = 0; o < outer && inner * count; ++o)
    std::memcpy(into.as<char>() + (o * into.shape()[axis] + to) * inner,
                from.as<char>() + (o * from.shape()[axis] + at) * inner, size_t(inner * count));
}
} // namespace

bool Pieces::findSizes(std::vector<Array> &outputs) {
  const seq_args *args = runner.argsOf(given, outputs);
  if (!args)
    return false;
  sizes.resize(size_t(forward.n_sizes) + 1);
  int status = seq_model_sizes(runner.get(), 0, args, sizes.data(), &batch);
  if (status != SEQ_OK)
    return runner.refuse(Diag::InputShape, status, session.entry().name);
  steps = sizes[size_t(stream.time)];
  return runner.makeOutputs(outputs);
}

bool Pieces::makeState() {
  std::vector<seq_lengths> others;
  for (int32_t i = 0; i < forward.n_sizes; ++i)
    if (i != stream.time)
      others.push_back({forward.size_names[i], &sizes[size_t(i)], 1});
  seq_state_options options = {};
  options.struct_size = sizeof options;
  options.batch = batch;
  options.capacity = steps;
  options.sizes = others.data();
  options.n_sizes = int32_t(others.size());
  int status = seq_state_create(runner.get(), &options, &state);
  return status == SEQ_OK || refuse(status);
}

CallInputs Pieces::cutInputs(int64_t begin, int64_t end) {
  CallInputs out;
  for (int32_t i = 0; i < forward.n_inputs; ++i) {
    const Array &whole = given.arrays[size_t(i)];
    int axis = timeAxis(stream.inputs[i], stream.time);
    Shape shape = whole.shape();
    if (whole && axis >= 0) {
      axis += int(shape.size()) - stream.inputs[i].rank;
      shape[size_t(axis)] = end - begin;
    }
    out.arrays.push_back(whole ? Array(whole.dtype(), shape) : Array());
    if (whole && axis >= 0)
      copySteps(whole, begin, out.arrays.back(), 0, end - begin, axis);
    else if (whole && whole.byteCount())
      std::memcpy(out.arrays.back().data(), whole.data(), size_t(whole.byteCount()));
  }
  for (Lengths lengths : given.lengths) {
    bool ofTime = lengths.size.empty() ? plainIsTime(forward, stream.time)
                                       : lengths.size == stream.size_names[stream.time];
    for (int64_t &n : lengths.values)
      n = ofTime ? std::clamp<int64_t>(n - begin, 0, end - begin) : n;
    out.lengths.push_back(std::move(lengths));
  }
  return out;
}

bool Pieces::runPiece(int64_t begin, int64_t end, std::vector<Array> &outputs) {
  CallInputs inputs = cutInputs(begin, end);
  std::vector<Array> piece;
  for (int32_t i = 0; i < forward.n_outputs; ++i) {
    int axis = timeAxis(stream.outputs[i], stream.time);
    Shape shape = outputs[size_t(i)].shape();
    if (axis >= 0)
      shape[size_t(axis) + shape.size() - size_t(stream.outputs[i].rank)] = end - begin;
    piece.emplace_back(outputs[size_t(i)].dtype(), shape);
  }
  const seq_args *args = runner.argsOf(inputs, piece);
  if (!args)
    return false;
  if (int status = seq_state_call(state, args); status != SEQ_OK)
    return refuse(status);
  if (!runner.takeOutputs(piece))
    return false;
  for (int32_t i = 0; i < forward.n_outputs; ++i) {
    int axis = timeAxis(stream.outputs[i], stream.time);
    Array &whole = outputs[size_t(i)];
    if (axis >= 0)
      copySteps(piece[size_t(i)], 0, whole, begin, end - begin,
                axis + int(whole.shape().size()) - stream.outputs[i].rank);
    else
      whole = std::move(piece[size_t(i)]);
  }
  return true;
}

bool Pieces::run(const Cut &cut, std::vector<Array> &outputs) {
  if (!findSizes(outputs) || !makeState())
    return false;
  std::vector<int64_t> ends = cut(steps);
  if (!ends.empty() && ends.back() > steps) {
    session.diags
        .error(Diag::OptionValue, "--cut",
               "ends a piece at " + std::to_string(ends.back()) + ", and the sequence has " +
                   std::to_string(steps) + " steps")
        .hint("a last piece goes to the end by itself");
    return false;
  }
  if (ends.empty() || ends.back() < steps)
    ends.push_back(steps);
  int64_t begin = 0;
  for (int64_t end : ends) {
    if (!runPiece(begin, end, outputs))
      return false;
    begin = end;
  }
  return true;
}

bool runPieces(Session &session, Runner &runner, CallInputs &inputs, const Cut &cut,
               std::vector<Array> &outputs) {
  return Pieces(session, runner, inputs).run(cut, outputs);
}

} // namespace seq::tool
