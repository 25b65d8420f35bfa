// The pool: regions, barriers, several contexts at once, the host's own threads.
#include "../Core/FakeModel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cfenv>
#include <chrono>
#include <thread>

using namespace fake;

namespace {
std::vector<float> runRing(seq_ctx *ctx, int64_t steps, int64_t width) {
  seq_model *model = nullptr;
  EXPECT_EQ(seq_model_create(ctx, &plain, &model), SEQ_OK);
  array x({2, steps, width}), h({2, width});
  for (size_t i = 0; i < x.data.size(); i++)
    x.data[i] = float(i % 17) * 0.125f - 1;
  call_args a({&x.view}, {&h.view});
  EXPECT_EQ(seq_model_call(model, RING, &a.args), SEQ_OK) << seq_last_error(ctx);
  seq_model_destroy(model);
  return h.values();
}

std::vector<float> ringWith(int32_t threads, int64_t steps, int64_t width) {
  seq_ctx *ctx = seq_ctx_create(threads);
  std::vector<float> out = runRing(ctx, steps, width);
  seq_ctx_destroy(ctx);
  return out;
}
} // namespace

TEST(Pool, ResultsDoNotDependOnThreads) {
  std::vector<float> one = ringWith(1, 300, 13);
  for (int32_t threads : {2, 3, 4, 7})
    EXPECT_EQ(ringWith(threads, 300, 13), one) << threads;
}

TEST(Pool, ManyShortRegions) {
  session s(plain, 3);
  array x({1, 4}, {1, 2, 3, 4}), y({1, 4});
  for (int i = 0; i < 3000; i++)
    ASSERT_EQ(s.run(SCALE, {{&x.view, nullptr}, {&y.view}}), SEQ_OK);
  EXPECT_EQ(y.values(), (std::vector<float>{2, 4, 6, 8}));
}

TEST(Pool, WorkersWakeAfterSleep) {
  session s(plain, 3);
  array x({3, 1, 1}, {1, 2, 3}), y({3, 1, 1});
  for (int i = 0; i < 5; i++) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20)); // long past the spinning
    y.data.assign(y.data.size(), 0);
    ASSERT_EQ(s.run(SCALE, {{&x.view, nullptr}, {&y.view}}), SEQ_OK);
    EXPECT_EQ(y.values(), (std::vector<float>{2, 4, 6}));
  }
}

TEST(Pool, ContextsRunAtOnce) {
  std::vector<float> expected = ringWith(1, 100, 5);
  std::vector<std::thread> hosts;
  std::atomic<int> good{0};
  for (int i = 0; i < 4; i++)
    hosts.emplace_back([&] { good += ringWith(2, 100, 5) == expected; });
  for (std::thread &host : hosts)
    host.join();
  EXPECT_EQ(good, 4);
}

TEST(Pool, UnusedAndNullContexts) {
  seq_ctx_destroy(seq_ctx_create(4));
  seq_ctx_destroy(nullptr);
  seq_model_destroy(nullptr);
  EXPECT_STRNE(seq_last_error(nullptr), "");
}

TEST(Pool, HostThreads) {
  seq_ctx *ctx = seq_ctx_create(3);
  int used = 0;
  auto parallel = [](void *user, int32_t n, void (*body)(void *, int32_t), void *arg) {
    ++*static_cast<int *>(user);
    std::vector<std::thread> threads;
    for (int32_t tid = 1; tid < n; tid++)
      threads.emplace_back(body, arg, tid);
    body(arg, 0);
    for (std::thread &t : threads)
      t.join();
  };
  seq_ctx_set_parallel(ctx, parallel, &used);
  EXPECT_EQ(runRing(ctx, 50, 5), ringWith(1, 50, 5));
  EXPECT_EQ(used, 1); // no function of this model prepares
  seq_ctx_set_parallel(ctx, nullptr, nullptr);
  EXPECT_EQ(runRing(ctx, 50, 5), ringWith(1, 50, 5));
  seq_ctx_destroy(ctx);
}

namespace {
std::atomic<int> downward{0};
void countRounding(const seq_call *, int32_t, int32_t) {
  downward += std::fegetround() == FE_DOWNWARD;
}
} // namespace

TEST(Pool, ThreadsShareTheCallersRounding) {
  const seq_variant variant = {1, 0, nullptr, countRounding, nullptr, 0, nullptr};
  seq_function_desc fn = functions[SCALE];
  fn.variants = &variant;
  seq_model_desc desc = plain;
  desc.functions = &fn;
  desc.n_functions = 1;
  session s(desc, 3);
  array x({1, 1}), y({1, 1});
  downward = 0;
  std::fesetround(FE_DOWNWARD);
  EXPECT_EQ(s.run(0, {{&x.view, nullptr}, {&y.view}}), SEQ_OK);
  std::fesetround(FE_TONEAREST);
  EXPECT_EQ(downward, 3);
}

// Not a benchmark: a barrier must not collapse when threads outnumber cores.
TEST(Pool, BarrierDegradesGently) {
  auto start = std::chrono::steady_clock::now();
  ringWith(16, 2000, 16);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(60));
}
