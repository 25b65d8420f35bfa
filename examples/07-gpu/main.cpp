// One library, one model, run on the CPU, in the GPU simulator, and on a CUDA device where there
// is one. Compares what they give.
//
//   everywhere [FOLDER]     writes weights, input and the results of the CPU to FOLDER, as .npy
#include "gated.h"
#include "seq/io.h"
#include "seq/random.h"
#include "seq/seq.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace {
constexpr std::int64_t kWidth = 64, kSteps = 150;
const std::vector<std::int64_t> kLengths = {kSteps, 7, 96};

// All of them compute in f32 what the program says, but in orders of their own: a sum over 64 is
// taken in vector lanes here and by the threads of a tile there, and each order rounds otherwise,
// by some 2^-24 of a term. The decays are below 1, so that the state forgets such errors as it
// forgets its inputs, and the norm of a head divides size and error alike.
constexpr float kTolerance = 1e-5f; // of the largest value

struct array {
  std::string name;
  std::vector<std::int64_t> shape;
  std::vector<float> data;
};

// Normal numbers, as large as leaves a sum over the last axis at unit size.
array make(std::string name, std::vector<std::int64_t> shape, std::uint64_t stream) {
  std::int64_t count = 1;
  for (std::int64_t n : shape)
    count *= n;
  array a{std::move(name), std::move(shape), std::vector<float>(static_cast<std::size_t>(count))};
  seq_random_normal_f32(7, stream, 0, a.data.data(), count);
  float size = a.shape.size() > 1 ? 1 / std::sqrt(static_cast<float>(a.shape.back())) : 1;
  for (float &value : a.data)
    value *= size;
  return a;
}

// One for each parameter of the library's model, in its order.
std::vector<array> make_weights(const seq_model_desc &desc) {
  std::vector<array> weights;
  for (std::int32_t i = 0; i < desc.n_params; i++) {
    std::vector<std::int64_t> shape; // of parameters all axes are constants
    for (std::int32_t axis = 0; axis < desc.params[i].rank; axis++)
      shape.push_back(desc.params[i].dims[axis].ops->value);
    weights.push_back(make(desc.params[i].name, shape, static_cast<std::uint64_t>(i) + 1));
  }
  return weights;
}

// The batch's results wherever `ctx` runs: on the CPU and in the simulator device_array is the
// host's memory, so this is the same text for all.
std::vector<float> run(const seq::context &ctx, const std::vector<array> &weights, const array &x) {
  seq::model model(ctx, seq_gatedlinear_desc);
  std::vector<seq::view> params; // always the host's: the runtime copies and packs them
  for (const array &w : weights)
    params.emplace_back(w.data, w.shape);
  model.bind(params);

  seq::device_array<float> in(ctx, x.shape, x.data.data()), out(ctx, x.shape);
  // On CUDA a call only puts work into the context's stream, so they may follow each other closely.
  for (int repeat = 0; repeat < 3; repeat++)
    model.call("forward", {in}, {out}, {{kLengths, ""}});
  ctx.synchronize(); // here what failed meanwhile would be told; copy_out alone would wait, too
  std::vector<float> y(x.data.size());
  out.copy_out(y.data());
  return y;
}

// The largest difference, as a share of the largest value; infinite where it is no number.
float difference(const std::vector<float> &a, const std::vector<float> &b) {
  float worst = 0, largest = 0;
  for (std::size_t i = 0; i < a.size(); i++) {
    float apart = std::fabs(a[i] - b[i]);
    worst = std::isfinite(apart) ? std::max(worst, apart) : INFINITY;
    largest = std::max(largest, std::fabs(b[i]));
  }
  return worst / largest;
}

// True where the results are the CPU's.
bool row(const std::string &where, const std::vector<float> &y, const std::vector<float> &cpu) {
  float apart = difference(y, cpu);
  bool good = apart <= kTolerance;
  std::printf("%-36s %-12.1e %s\n", where.c_str(), static_cast<double>(apart),
              good ? "ok" : "TOO MUCH");
  return good;
}

bool compare(const std::vector<array> &weights, const array &x, std::vector<float> &cpu) {
  std::printf("%-36s %s\n", "where", "differs from the CPU, of the largest value");
  cpu = run(seq::context(), weights, x);
  bool good = row("CPU, x86-64-v" + std::to_string(std::min(seq_cpu_level(), 3)), cpu, cpu);
  std::vector<float> simulated = run(seq::context::simulator(), weights, x);
  good &= row("simulator", simulated, cpu);

  seq_cuda_info device;
  std::int32_t count = 0, driver = 0;
  char why[512] = "";
  if (seq_cuda_probe(&device, 1, &count, &driver, why, sizeof why) != SEQ_OK) {
    std::printf("no CUDA device: %s\n", why);
    return good;
  }
  std::vector<float> y = run(seq::context::cuda(), weights, x);
  good &= row(std::string(device.name) + ", sm_" + std::to_string(device.chip), y, cpu);
  std::printf("device and simulator differ by %.1e\n",
              static_cast<double>(difference(y, simulated)));
  return good && difference(y, simulated) <= kTolerance;
}

void write(const std::string &folder, const array &a) {
  seq_message message;
  if (seq_npy_write((folder + "/" + a.name + ".npy").c_str(), SEQ_F32,
                    static_cast<std::int32_t>(a.shape.size()), a.shape.data(), a.data.data(),
                    &message))
    throw seq::error(SEQ_ERR_IO, message.text);
}
} // namespace

int main(int argc, char **argv) try {
  if (argc > 2)
    throw seq::error(SEQ_ERR_ARGUMENT, "usage: everywhere [FOLDER]");
  std::vector<array> weights = make_weights(seq_gatedlinear_desc);
  array x = make("x", {static_cast<std::int64_t>(kLengths.size()), kSteps, kWidth}, 0), y = x;
  y.name = "y";
  bool good = compare(weights, x, y.data);
  for (const array &a : weights)
    if (argc == 2)
      write(argv[1], a);
  for (const array *a : {&x, &y})
    if (argc == 2)
      write(argv[1], *a);
  return good ? 0 : 1;
} catch (const seq::error &e) {
  std::fprintf(stderr, "%s\n", e.what());
  return 1;
}
