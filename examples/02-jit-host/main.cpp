// Compiles model.seq inside this process and runs it on a batch of two ragged sequences.
#include <seq/jit.h>

#include <cstdio>
#include <cstdlib>
#include <exception>

int main(int argc, char **argv) {
  auto program = seq::jit::load(argc > 1 ? argv[1] : "model.seq");
  if (!program) {
    std::fputs(program.error().c_str(), stderr);
    return EXIT_FAILURE;
  }

  // Two sequences of three channels, padded to four steps; the second has two of its own.
  const std::int64_t batch = 2, steps = 4, channels = 3;
  std::vector<float> x(batch * steps * channels), decay = {0.5f};
  for (std::size_t i = 0; i < x.size(); ++i)
    x[i] = float(i % 7);
  std::vector<float> trend(x.size()), rest(x.size());

  try {
    seq::context context;
    seq::model model(context, program.descriptor());
    model.call(
        "forward", {seq::view(x, {batch, steps, channels}), seq::view(decay, {})},
        {seq::view(trend, {batch, steps, channels}), seq::view(rest, {batch, steps, channels})},
        {{{4, 2}, "T"}});
  } catch (const std::exception &e) {
    std::fprintf(stderr, "%s\n", e.what());
    return EXIT_FAILURE;
  }

  for (std::int64_t b = 0; b < batch; ++b)
    for (std::int64_t t = 0; t < steps; ++t) {
      const float *row = &trend[std::size_t((b * steps + t) * channels)];
      std::printf("sequence %d step %d: %6.3f %6.3f %6.3f\n", int(b), int(t), row[0], row[1],
                  row[2]);
    }
  return EXIT_SUCCESS;
}
