// The same calls on each kind of device: CUDA with the fake driver, and the simulator.
#include "../Gpu/FakeDriverForTest.h"
#include "FakeDevice.h"
#include "FileForTest.h"
#include "seq/seq.hpp"

#include <gtest/gtest.h>

#include <cmath>

using namespace fake;
using floats = std::vector<float>;
using reals = fake::device_array<float>;
using integers = fake::device_array<int32_t>;

namespace {
struct Device : ::testing::TestWithParam<int32_t> {
  fake_cuda::fresh driver;
  Device() {
    for (const seq_kernel &k : kernels)
      driver.add(k);
  }
};
std::string name(const ::testing::TestParamInfo<int32_t> &info) {
  return info.param == SEQ_ON_CUDA ? "Cuda" : "Simulator";
}
} // namespace
INSTANTIATE_TEST_SUITE_P(Kinds, Device, ::testing::Values(SEQ_ON_CUDA, SEQ_ON_GPUSIM), name);

TEST_P(Device, CallsWithDefaultsAndBatches) {
  device_session s(GetParam(), devicePlain);
  ASSERT_EQ(s.created, SEQ_OK) << s.error();
  EXPECT_EQ(seq_ctx_kind(s.ctx), GetParam());
  reals x(s.ctx, {2, 1, 2}, {1, 2, 3, 4}), gain(s.ctx, {2}, {10, 100}), y(s.ctx, {2, 1, 2});
  ASSERT_EQ(s.run(D_SCALE, {{&x.view, nullptr}, {&y.view}}), SEQ_OK) << s.error();
  EXPECT_EQ(y.values(), (floats{2, 4, 6, 8}));
  ASSERT_EQ(s.run(D_SCALE, {{&x.view, &gain.view}, {&y.view}}), SEQ_OK) << s.error();
  EXPECT_EQ(y.values(), (floats{10, 20, 300, 400}));
}

TEST_P(Device, RaggedBatches) {
  device_session s(GetParam(), devicePlain);
  reals x(s.ctx, {3, 2, 1}, {1, 2, 3, 4, 5, 6}), y(s.ctx, {3, 2, 1});
  // The lengths change from call to call, and the host's are gone at once.
  for (int64_t turn = 0; turn < 20; turn++) {
    std::vector<int64_t> own = {turn % 3, (turn + 1) % 3, 1};
    call_args a({&x.view, nullptr}, {&y.view}, {{nullptr, own.data(), 3}});
    ASSERT_EQ(s.run(D_SCALE, a), SEQ_OK) << s.error();
    std::vector<int64_t> kept = own;
    own.assign(3, 77);
    if (turn % 7 == 0) {
      floats want(6);
      for (size_t b = 0; b < 3; b++)
        for (size_t t = 0; t < size_t(kept[b]); t++)
          want[b * 2 + t] = 2 * float(b * 2 + t + 1);
      EXPECT_EQ(y.values(), want) << turn;
    }
  }
}

TEST_P(Device, Workspaces) {
  device_session s(GetParam(), devicePlain);
  fake::session cpu(plain);
  reals x(s.ctx, {3, 2}, {1, 2, 3, 4, 5, 6}), h(s.ctx, {2});
  array hx({3, 2}, {1, 2, 3, 4, 5, 6}), hh({2});
  ASSERT_EQ(cpu.run(RING, {{&hx.view}, {&hh.view}}), SEQ_OK);
  ASSERT_EQ(s.run(D_RING, {{&x.view}, {&h.view}}), SEQ_OK) << s.error();
  EXPECT_EQ(h.values(), hh.values());
  void *own = nullptr;
  ASSERT_EQ(seq_ctx_alloc(s.ctx, 64, &own), SEQ_OK);
  call_args a({&x.view}, {&h.view});
  a.args.workspace = own;
  a.args.workspace_bytes = 64;
  EXPECT_EQ(s.run(D_RING, a), SEQ_OK) << s.error();
  EXPECT_EQ(h.values(), hh.values());
  a.args.workspace_bytes = 15;
  EXPECT_EQ(s.run(D_RING, a), SEQ_ERR_ARGUMENT);
  seq_ctx_free(s.ctx, own);
}

TEST_P(Device, FailuresNameThePlace) {
  device_session s(GetParam(), devicePlain);
  reals w(s.ctx, {5}, {1, 2, 3, 4, 5}), y(s.ctx, {3, 2});
  integers bad(s.ctx, {3, 2}, {0, 1, 0, 9, 8, 7}), good(s.ctx, {3, 2}, {0, 1, 0, 4, 3, 2});
  EXPECT_EQ(s.run(D_GATHER, {{&w.view, &bad.view}, {&y.view}}), SEQ_ERR_RUN);
  EXPECT_EQ(s.error(), "model.seq:2:14: error: index 9 is outside of an axis of 5 in `w[i[t]]` "
                       "(sequence 1 of the batch)");
  seq_failure_info info;
  EXPECT_EQ(seq_ctx_failure(s.ctx, &info), 1);
  ASSERT_EQ(s.run(D_GATHER, {{&w.view, &good.view}, {&y.view}}), SEQ_OK) << s.error();
  EXPECT_EQ(y.values(), (floats{1, 2, 1, 5, 4, 3}));
  EXPECT_EQ(seq_ctx_failure(s.ctx, &info), 0);
}

TEST_P(Device, ParametersComeFromTheHost) {
  device_session s(GetParam(), deviceLayer);
  ASSERT_EQ(s.created, SEQ_OK) << s.error();
  reals x(s.ctx, {2, 3}, {1, 1, 1, 1, 0, 0}), y(s.ctx, {2, 2});
  EXPECT_EQ(s.run(0, {{&x.view}, {&y.view}}), SEQ_ERR_ARGUMENT);
  EXPECT_EQ(s.error(), "the parameters of `Cell` are not bound");
  {
    array w({2, 3}, {1, 2, 3, 4, 5, 6}), bias({2}, {10, 20});
    const DLTensor *views[] = {&w.view, &bias.view};
    ASSERT_EQ(seq_model_bind(s.model, views, 2), SEQ_OK) << s.error();
  }
  ASSERT_EQ(s.run(0, {{&x.view}, {&y.view}}), SEQ_OK) << s.error();
  EXPECT_EQ(y.values(), (floats{16, 35, 11, 24}));
  files::temporary file(
      ".safetensors",
      files::safetensors(R"({"layers.0.w":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},)"
                         R"("layers.0.bias":{"dtype":"F32","shape":[2],"data_offsets":[24,32]}})",
                         files::raw(floats{6, 5, 4, 3, 2, 1, -10, -20})));
  ASSERT_EQ(seq_model_bind_file(s.model, file.path.c_str(), 0), SEQ_OK) << s.error();
  ASSERT_EQ(s.run(0, {{&x.view}, {&y.view}}), SEQ_OK) << s.error();
  EXPECT_EQ(y.values(), (floats{5, -14, -4, -17}));
}

namespace {
struct device_stream {
  device_session s;
  seq_state *state = nullptr;
  int created;
  device_stream(int32_t kind, int64_t batch, int64_t capacity = 10) : s(kind, deviceSums) {
    int64_t D = 2;
    seq_lengths d{"D", &D, 1};
    seq_state_options o{sizeof o, 0, batch, capacity, &d, 1, 0};
    created = seq_state_create(s.model, &o, &state);
  }
  ~device_stream() { seq_state_destroy(state); }
  device_stream(const device_stream &) = delete;
  int run(seq_state *of, std::vector<int64_t> shape, floats x, floats *y) {
    reals in(s.ctx, shape, x), out(s.ctx, shape);
    call_args a({&in.view}, {&out.view});
    int status = seq_state_call(of, &a.args);
    *y = out.values();
    return status;
  }
};
} // namespace

TEST_P(Device, StatesGoOn) {
  device_stream one(GetParam(), -1, 3);
  ASSERT_EQ(one.created, SEQ_OK) << one.s.error();
  floats y;
  ASSERT_EQ(one.run(one.state, {2, 2}, {1, 2, 3, 4}, &y), SEQ_OK) << one.s.error();
  EXPECT_EQ(y, (floats{1, 2, 4, 6}));
  EXPECT_EQ(one.run(one.state, {1, 2}, {5, NAN}, &y), SEQ_ERR_RUN);
  EXPECT_EQ(*seq_state_positions(one.state), 2);
  ASSERT_EQ(one.run(one.state, {1, 2}, {10, 20}, &y), SEQ_OK) << one.s.error();
  EXPECT_EQ(y, (floats{14, 26}));
  EXPECT_EQ(one.run(one.state, {1, 2}, {10, 20}, &y), SEQ_ERR_CAPACITY);
  ASSERT_EQ(seq_state_reset(one.state, -1), SEQ_OK);
  ASSERT_EQ(one.run(one.state, {1, 2}, {10, 20}, &y), SEQ_OK);
  EXPECT_EQ(y, (floats{10, 20}));
}

TEST_P(Device, StatesAreSavedForkedAndReordered) {
  device_stream two(GetParam(), 2);
  floats y, x = {1, 2, 30, 40}, zero = {0, 0, 0, 0};
  ASSERT_EQ(two.run(two.state, {2, 1, 2}, x, &y), SEQ_OK) << two.s.error();
  std::vector<char> bytes(size_t(seq_state_bytes(two.state)));
  ASSERT_EQ(seq_state_save(two.state, bytes.data(), int64_t(bytes.size())), SEQ_OK);
  seq_state *fork = nullptr;
  ASSERT_EQ(seq_state_fork(two.state, &fork), SEQ_OK) << two.s.error();
  ASSERT_EQ(two.run(two.state, {2, 1, 2}, x, &y), SEQ_OK);
  EXPECT_EQ(y, (floats{2, 4, 60, 80}));
  const int64_t both[] = {1, 1};
  ASSERT_EQ(seq_state_reorder(fork, both, 2), SEQ_OK) << two.s.error();
  ASSERT_EQ(two.run(fork, {2, 1, 2}, zero, &y), SEQ_OK);
  EXPECT_EQ(y, (floats{30, 40, 30, 40}));
  seq_state_destroy(fork);
  ASSERT_EQ(seq_state_restore(two.state, bytes.data(), int64_t(bytes.size())), SEQ_OK);
  ASSERT_EQ(two.run(two.state, {2, 1, 2}, zero, &y), SEQ_OK);
  EXPECT_EQ(y, (floats{1, 2, 30, 40}));
}

// What the growing array holds of each sequence after an order.
TEST_P(Device, AnOrderMovesWhatGrows) {
  device_stream three(GetParam(), 3, 2);
  floats y;
  ASSERT_EQ(three.run(three.state, {3, 1, 2}, {1, 2, 3, 4, 5, 6}, &y), SEQ_OK);
  const int64_t order[] = {2, 0, 1}, same[] = {0, 1, 2};
  ASSERT_EQ(seq_state_reorder(three.state, order, 3), SEQ_OK) << three.s.error();
  ASSERT_EQ(seq_state_reorder(three.state, same, 3), SEQ_OK);
  std::vector<char> bytes(size_t(seq_state_bytes(three.state)));
  ASSERT_EQ(seq_state_save(three.state, bytes.data(), int64_t(bytes.size())), SEQ_OK);
  floats kept(18); // h [3, 2], then x [3, 2, 2]
  std::memcpy(kept.data(), bytes.data() + bytes.size() - 72, 72);
  EXPECT_EQ(kept, (floats{5, 6, 1, 2, 3, 4, 5, 6, 0, 0, 1, 2, 0, 0, 3, 4, 0, 0}));
}

TEST_P(Device, LibrariesWithoutCodeForIt) {
  device_session s(GetParam(), plain);
  EXPECT_EQ(s.created, SEQ_ERR_MODEL);
  EXPECT_EQ(s.error(),
            GetParam() == SEQ_ON_CUDA
                ? "`scale` was compiled for x86-64-v1; this device is sm_90: compile it with "
                  "--target=sm_90"
                : "`scale` was compiled for x86-64-v1; this context simulates a GPU: compile it "
                  "with --target=gpusim");
  fake::session cpu(devicePlain);
  EXPECT_EQ(cpu.created, SEQ_ERR_MODEL);
  EXPECT_NE(cpu.error().find("was compiled for sm_80, the simulator (sm_80); this CPU is x86-64-v"),
            std::string::npos)
      << cpu.error();
}

TEST_P(Device, Wrapper) {
  seq::context ctx(options_for(GetParam()));
  seq::model model(ctx, deviceLayer);
  floats w = {1, 2, 3, 4, 5, 6}, bias = {10, 20}, x = {1, 1, 1, 1, 0, 0}, y(4);
  model.bind({seq::view(w, {2, 3}), seq::view(bias, {2})});
  seq::device_array<float> in(ctx, {2, 3}, x.data()), out(ctx, {2, 2});
  model.call("project", {in}, {out});
  ctx.synchronize();
  out.copy_out(y.data());
  EXPECT_EQ(y, (floats{16, 35, 11, 24}));
  EXPECT_EQ(out.size(), 4);
  EXPECT_EQ(ctx.kind(), GetParam());
  EXPECT_THROW(seq::device_array<float>(ctx, {-1}), seq::error);
}

namespace {
void wrong(const seq_call *call, int32_t, int32_t) {
  seq_rt_launch(call, 0, 0, nullptr); // no blocks: nothing
  seq_rt_launch(call, K_COUNT, 1, nullptr);
  seq_rt_launch(call, K_SCALE, 1, nullptr); // not tried
}
} // namespace

TEST_P(Device, LaunchesOfKernelsThatAreNot) {
  const variants bad(nullptr, wrong, nullptr, 0);
  seq_function_desc fn = compiled(functions[SCALE], bad);
  seq_model_desc desc = devicePlain;
  desc.functions = &fn;
  desc.n_functions = 1;
  device_session s(GetParam(), desc);
  reals x(s.ctx, {1, 2}), y(s.ctx, {1, 2});
  EXPECT_EQ(s.run(0, {{&x.view, nullptr}, {&y.view}}), SEQ_ERR_MODEL);
  EXPECT_EQ(s.error(), "`scale` launches kernel 6 of 6");
}

TEST_P(Device, Copies) {
  device_session s(GetParam(), devicePlain);
  void *p = nullptr;
  EXPECT_EQ(seq_ctx_alloc(s.ctx, -1, &p), SEQ_ERR_MEMORY);
  ASSERT_EQ(seq_ctx_alloc(s.ctx, 0, &p), SEQ_OK);
  EXPECT_NE(p, nullptr);
  EXPECT_EQ(seq_ctx_copy_in(s.ctx, p, nullptr, 0), SEQ_OK);
  EXPECT_EQ(seq_ctx_copy_in(s.ctx, p, nullptr, 8), SEQ_ERR_ARGUMENT);
  EXPECT_EQ(seq_ctx_copy_out(s.ctx, nullptr, p, 8), SEQ_ERR_ARGUMENT);
  seq_ctx_free(s.ctx, p);
  seq_ctx_free(s.ctx, nullptr);
  for (int64_t bytes : {INT64_C(4), INT64_C(65537), INT64_C(524288), INT64_C(800000)}) {
    std::vector<float> all(size_t(bytes) / 4);
    for (size_t i = 0; i < all.size(); i++)
      all[i] = float(i % 1000);
    reals a(s.ctx, {int64_t(all.size())}, all);
    EXPECT_EQ(a.values(), all) << bytes;
  }
}

TEST(Contexts, OptionsAreChecked) {
  seq_ctx *ctx = nullptr;
  char message[200];
  seq_ctx_options o = options_for(7);
  EXPECT_EQ(seq_ctx_create_with(&o, &ctx, message, sizeof message), SEQ_ERR_ARGUMENT);
  EXPECT_STREQ(message, "7 is no kind of device");
  o = options_for(SEQ_ON_CPU);
  o.flags = 1;
  EXPECT_EQ(seq_ctx_create_with(&o, &ctx, nullptr, 0), SEQ_ERR_ARGUMENT);
  o = options_for(SEQ_ON_GPUSIM);
  o.chip = -1;
  EXPECT_EQ(seq_ctx_create_with(&o, &ctx, message, sizeof message), SEQ_ERR_ARGUMENT);
  EXPECT_EQ(seq_ctx_create_with(nullptr, &ctx, nullptr, 0), SEQ_ERR_ARGUMENT);
  EXPECT_EQ(ctx, nullptr);
  o = options_for(SEQ_ON_CPU);
  o.threads = 3;
  ASSERT_EQ(seq_ctx_create_with(&o, &ctx, message, sizeof message), SEQ_OK);
  EXPECT_EQ(seq_ctx_threads(ctx), 3);
  EXPECT_EQ(seq_ctx_chip(ctx), 0);
  EXPECT_EQ(seq_ctx_synchronize(ctx), SEQ_OK);
  seq_ctx_destroy(ctx);
}

TEST(Contexts, SimulatedChipsAreALimit) {
  seq_ctx_options o = options_for(SEQ_ON_GPUSIM);
  o.chip = 75;
  device_session old(o, devicePlain);
  EXPECT_EQ(old.created, SEQ_ERR_MODEL);
  EXPECT_EQ(old.error(), "`scale` was compiled for sm_80, the simulator (sm_80); this context "
                         "simulates a GPU up to sm_75: compile it with --target=gpusim");
  o.chip = 80;
  device_session fine(o, devicePlain);
  EXPECT_EQ(fine.created, SEQ_OK) << fine.error();
  EXPECT_EQ(seq_ctx_chip(fine.ctx), 80);
}
