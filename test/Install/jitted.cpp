// Compiles ema.seq in this process and calls it; prints its outputs. Then a program that is
// wrong: its message comes as a value.
#include <seq/jit.h>

#include <cstdio>
#include <vector>

int main(int, char **argv) {
  auto program = seq::jit::load(argv[1]);
  if (!program) {
    std::fprintf(stderr, "%s", program.error().c_str());
    return 1;
  }
  seq::context ctx(1);
  seq::model model(ctx, program.descriptor());
  std::vector<float> x = {1, 2, 3, 4}, decay = {0.5f}, y(4);
  model.call("forward", {seq::view(x, {4}), seq::view(decay, {})}, {seq::view(y, {4})});
  for (float v : y)
    std::printf("%g ", v);
  std::printf("\n");
  auto wrong = seq::jit::load_text("wrong.seq", "fn f(x: [T]) -> [T] {\n  return z\n}\n");
  return wrong || wrong.error().find("wrong.seq:2:10: error: unknown name `z`") != 0;
}
