// Compiles ema.seq in this process and calls it; prints its outputs. Then as a stream, from a
// copy of its state too. Then a program that is
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
  std::vector<float> first = {1, 2}, second = {3, 4}, z(2), again(2);
  seq::state state(model);
  state.prefill({seq::view(first, {2}), seq::view(decay, {})}, {seq::view(z, {2})});
  seq::state fork = state.fork(), restored(model);
  restored.restore(state.save());
  for (seq::state *s : {&state, &fork, &restored}) {
    s->prefill({seq::view(second, {2}), seq::view(decay, {})}, {seq::view(again, {2})});
    if (z[1] != y[1] || again[0] != y[2] || again[1] != y[3] || *s->positions() != 4)
      return 1;
  }
  auto wrong = seq::jit::load_text("wrong.seq", "fn f(x: [T]) -> [T] {\n  return z\n}\n");
  return wrong || wrong.error().find("wrong.seq:2:10: error: unknown name `z`") != 0;
}
