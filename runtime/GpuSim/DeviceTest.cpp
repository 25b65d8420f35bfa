// Contexts that simulate: kernels may touch the call's arrays alone, under the names that the
// program has for them, and what is wrong with a kernel is the call's message.
#include "Device.h"
#include "../Core/FakeDevice.h"
#include "SimForTest.h"

#include <cstdlib>

namespace {
// scale with 32 threads a block, written to be got wrong: `mode` says how.
enum {
  FINE,
  PAST_THE_INPUT,
  INTO_THE_INPUT,
  BEFORE_THE_OUTPUT,
  PAST_THE_LENGTHS,
  ELSEWHERE,
  HALF_MET
};
int mode = FINE;
float elsewhere = 0;

void body(const uint64_t *args) {
  auto *x = argument<float>(args, 0), *y = argument<float>(args, 1);
  auto *lengths = argument<int64_t>(args, 2);
  auto *gain = argument<float>(args, 3);
  auto n = int64_t(args[4]);
  auto *count = argument<int64_t>(args, 5);
  int64_t i = int64_t(bid()) * seq_sim_thread_count() + tid();
  if (i >= n)
    return;
  int64_t from = mode == PAST_THE_INPUT ? i + 1 : i;
  float value = mode == ELSEWHERE ? LOAD(elsewhere) : LOAD(x[from]);
  int64_t steps = LOAD(lengths[mode == PAST_THE_LENGTHS ? 2 : 0]);
  if (mode == INTO_THE_INPUT)
    STORE(x[i], value);
  if (mode == HALF_MET)
    STORE(*count, int64_t(1));
  if (steps > 0)
    STORE(y[mode == BEFORE_THE_OUTPUT ? i - 1 : i], value * LOAD(gain[0]) + float(LOAD(*count)));
}

void forward(const seq_call *c, int32_t tid, int32_t nthreads) {
  EXPECT_EQ(tid, 0);
  EXPECT_EQ(nthreads, 8);
  int64_t n = c->sizes[0] * c->sizes[1];
  const uint64_t args[] = {fake::argument(c->inputs[0]), fake::argument(c->outputs[0]),
                           fake::argument(c->lengths), fake::argument(c->inputs[1]), uint64_t(n),
                           // of the last group
                           fake::argument(c->counts) + 7 * SEQ_COUNT_BYTES};
  seq_rt_launch(c, 0, (n + 31) / 32, args);
}

struct Simulated : ::testing::Test {
  seq_kernel kernel = {"body", 6, 32, 0, 0, body};
  seq_device_code code = {"sm_80", nullptr, 0, 0, 1, &kernel};
  fake::variants variants{nullptr, forward, nullptr, 0};
  seq_function_desc fn = fake::functions[fake::SCALE];
  seq_model_desc desc = fake::devicePlain;

  Simulated() {
    mode = FINE;
    for (seq_variant &v : variants.of)
      v.code = &code;
    fn.variants = variants.of;
    fn.n_variants = 2;
    desc.functions = &fn;
    desc.n_functions = 1;
  }
  // The message of a call on [40, 1], "" if it was good.
  std::string run(int how) {
    fake::device_session s(SEQ_ON_GPUSIM, desc);
    fake::array x({40, 1}, std::vector<float>(40, 3)), y({40, 1});
    mode = how;
    int status = s.run(0, {{&x.view, nullptr}, {&y.view}});
    if (status == SEQ_OK) {
      EXPECT_EQ(y.values(), std::vector<float>(40, 6));
    }
    EXPECT_EQ(status, how == FINE ? SEQ_OK : SEQ_ERR_DEVICE) << s.error();
    return status ? s.error() : "";
  }
};
} // namespace

TEST_F(Simulated, FaultsAreTheCallsMessage) {
  EXPECT_EQ(run(FINE), "");
  const struct {
    int how;
    const char *part;
  } cases[] = {{PAST_THE_INPUT, "at byte 160 of `x`, which has 160"},
               {INTO_THE_INPUT, "to `x`, which is only to be read: at byte 0"},
               {BEFORE_THE_OUTPUT, "at byte -4 of `y`, which has 160"},
               {PAST_THE_LENGTHS, "at byte 16 of `lengths`, which has 16"},
               {ELSEWHERE, "is out of bounds"}};
  for (const auto &c : cases) {
    std::string text = run(c.how);
    EXPECT_EQ(text.find("`scale`: kernel `body`, block "), 0u) << text;
    EXPECT_NE(text.find(c.part), std::string::npos) << text;
  }
}

TEST_F(Simulated, ACallMayNotTouchAnothersArrays) {
  fake::device_session s(SEQ_ON_GPUSIM, desc);
  fake::array x({40, 1}, std::vector<float>(40, 3)), y({40, 1}), small({1, 1}), z({1, 1});
  ASSERT_EQ(s.run(0, {{&x.view, nullptr}, {&y.view}}), SEQ_OK) << s.error();
  mode = PAST_THE_INPUT; // what lies behind `small` may be `x`, and is not this call's
  EXPECT_EQ(s.run(0, {{&small.view, nullptr}, {&z.view}}), SEQ_ERR_DEVICE);
  mode = FINE;
  EXPECT_EQ(s.run(0, {{&small.view, nullptr}, {&z.view}}), SEQ_OK) << s.error();
}

TEST_F(Simulated, CountsAreClearAfterAFault) {
  fake::device_session s(SEQ_ON_GPUSIM, desc);
  fake::array x({40, 1}, std::vector<float>(40, 3)), y({40, 1});
  mode = HALF_MET; // every thread writes the same count
  EXPECT_EQ(s.run(0, {{&x.view, nullptr}, {&y.view}}), SEQ_ERR_DEVICE);
  EXPECT_NE(s.error().find("`counts of blocks`"), std::string::npos) << s.error();
  mode = FINE;
  EXPECT_EQ(s.run(0, {{&x.view, nullptr}, {&y.view}}), SEQ_OK) << s.error();
  EXPECT_EQ(y.values(), std::vector<float>(40, 6));
}

TEST_F(Simulated, CodeOfAnotherKind) {
  kernel.simulated = nullptr;
  fake::device_session s(SEQ_ON_GPUSIM, desc);
  fake::array x({1, 1}), y({1, 1});
  EXPECT_EQ(s.run(0, {{&x.view, nullptr}, {&y.view}}), SEQ_ERR_MODEL);
  EXPECT_EQ(s.error(), "`scale`: kernel `body` was not compiled for the simulator");
}

TEST_F(Simulated, TheSimulatorIsThereForTools) {
  fake::device_session s(SEQ_ON_GPUSIM, desc);
  fake::session cpu;
  EXPECT_EQ(seq_ctx_sim(cpu.ctx), nullptr);
  seq_sim *sim = seq_ctx_sim(s.ctx);
  ASSERT_NE(sim, nullptr);
  seq_sim_set_counting(sim, 1);
  fake::array x({40, 1}), y({40, 1});
  for (int order : {SEQ_SIM_FORWARD, SEQ_SIM_REVERSE, SEQ_SIM_RANDOM}) {
    seq_sim_set_order(sim, order, 3);
    ASSERT_EQ(s.run(0, {{&x.view, nullptr}, {&y.view}}), SEQ_OK) << s.error();
  }
  seq_sim_counts counts{};
  ASSERT_EQ(seq_sim_counts_of(sim, &kernel, &counts), 0);
  EXPECT_EQ(counts.launches, 3);
  EXPECT_EQ(counts.blocks, 6);
}
