// Runs a model of windowed attention as a stream: a prompt in one piece, then a step at a time.
//
//   stream weights.safetensors x.npy y.npy     the first half of x is the prompt
#include "seq/io.h"
#include "seq/seq.hpp"
#include "window.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace {
constexpr std::int64_t kWidth = 16;

std::vector<float> read(const char *path) {
  seq_array a;
  seq_message message;
  if (seq_npy_read(path, SEQ_F32, &a, &message))
    throw seq::error(SEQ_ERR_IO, message.text);
  std::int64_t count = 1;
  for (std::int32_t axis = 0; axis < a.rank; axis++)
    count *= a.shape[axis];
  const float *data = static_cast<const float *>(a.data);
  std::vector<float> values(data, data + count);
  seq_array_free(&a);
  return values;
}

void run(char **argv) {
  seq::context ctx;
  seq::model model(ctx, seq_windowed_desc);
  model.bind_file(argv[1]);
  std::vector<float> x = read(argv[2]), y(x.size()), whole(x.size());
  auto steps = static_cast<std::int64_t>(x.size()) / kWidth, prompt = steps / 2;
  auto rows = [](std::vector<float> &v, std::int64_t first, std::int64_t n) {
    return seq::view(v.data() + first * kWidth, {n, kWidth});
  };

  // What the state holds is bounded by the window, however long the sequence becomes.
  seq::state state(model);
  std::printf("the state has %zu bytes\n", state.save().size());
  state.prefill({rows(x, 0, prompt)}, {rows(y, 0, prompt)});
  seq::state other = state.fork(); // goes on from the same prompt
  for (std::int64_t t = prompt; t < steps; t++)
    state.step({rows(x, t, 1)}, {rows(y, t, 1)});

  // The same as the whole sequence at once.
  model.call("forward", {rows(x, 0, steps)}, {rows(whole, 0, steps)});
  float worst = 0;
  for (std::size_t i = 0; i < y.size(); i++)
    worst = std::max(worst, std::fabs(y[i] - whole[i]));
  std::printf("%lld steps in a piece, %lld one by one: differs by %.1e\n",
              static_cast<long long>(prompt), static_cast<long long>(steps - prompt), worst);

  // The fork has not seen what came after the prompt.
  std::vector<float> again(static_cast<std::size_t>(kWidth));
  other.step({rows(x, prompt, 1)}, {rows(again, 0, 1)});
  bool same = std::equal(again.begin(), again.end(), y.begin() + prompt * kWidth);
  std::printf("the fork's next step is %s\n", same ? "the same" : "another");

  seq_message message;
  std::int64_t shape[] = {steps, kWidth};
  if (seq_npy_write(argv[3], SEQ_F32, 2, shape, y.data(), &message))
    throw seq::error(SEQ_ERR_IO, message.text);
}
} // namespace

int main(int argc, char **argv) try {
  if (argc != 4)
    throw seq::error(SEQ_ERR_ARGUMENT, "usage: stream weights.safetensors x.npy y.npy");
  run(argv);
  return 0;
} catch (const seq::error &e) {
  std::fprintf(stderr, "%s\n", e.what());
  return 1;
}
