// Asynchronous copies: they land when they are waited for, and not before.
#include "SimForTest.h"

#include <cmath>

using Copy = SimTest;

// Each thread copies 4 floats in two steps of a pipeline, and reads its neighbour's.
template <bool Waits, bool Meets> static void pipeline(const uint64_t *args) {
  float *x = argument<float>(args, 0), *y = argument<float>(args, 1);
  int n = seq_sim_thread_count();
  for (int step = 0; step < 2; step++) {
    seq_sim_copy(shared() + 4 * (step * n + tid()), x + 4 * (step * n + tid()), 16, 16, HERE);
    seq_sim_copy_commit();
  }
  for (int step = 0; step < 2; step++) {
    if (Waits)
      seq_sim_copy_wait(1 - step);
    if (Meets)
      barrier(HERE);
    STORE(y[step * n + tid()], LOAD(shared()[4 * (step * n + (tid() + 1) % n)]));
  }
}

TEST_F(Copy, Pipeline) {
  std::vector<float> x(512), y(128);
  for (int i = 0; i < 512; i++)
    x[i] = float(i);
  allow(x, "x", false);
  allow(y, "y");
  inAllOrders([&] {
    ASSERT_EQ(launch(pipeline<true, true>, 64, 1, {to(x), to(y)}, 2048), 0) << error();
    for (int i = 0; i < 128; i++)
      ASSERT_EQ(y[i], float(4 * (i / 64 * 64 + (i + 1) % 64)));
    EXPECT_EQ(launch(pipeline<false, true>, 64, 1, {to(x), to(y)}, 2048), -1);
    expectError({"read of byte", "where the asynchronous copy of thread", "has not landed"});
    EXPECT_EQ(launch(pipeline<true, false>, 64, 1, {to(x), to(y)}, 2048), -1);
    expectError({"shared memory"});
  });
}

TEST_F(Copy, TheTargetIsPoisonUntilThen) {
  auto body = [](const uint64_t *args) {
    seq_sim_copy(shared(), argument<float>(args, 0), 16, 8, HERE);
    argument<float>(args, 1)[0] = shared()[1];
    seq_sim_copy_wait(-1);
    argument<float>(args, 1)[1] = shared()[1];
    argument<float>(args, 1)[2] = shared()[2]; // past the source: zeros
  };
  alignas(16) static float x[4] = {1, 2, 3, 4};
  std::vector<float> y(3);
  seq_sim_allow(sim, x, sizeof x, 0, "x");
  ASSERT_EQ(launch(body, 1, 1, {uint64_t(x), to(y)}, 16), 0) << error();
  EXPECT_TRUE(std::isnan(y[0]));
  EXPECT_EQ(y[1], 2.f);
  EXPECT_EQ(y[2], 0.f);
}

TEST_F(Copy, EndsInFlight) {
  auto body = [](const uint64_t *args) {
    seq_sim_copy(shared(), argument<float>(args, 0), 4, 4, HERE);
    seq_sim_copy_commit();
  };
  std::vector<float> x(1);
  allow(x, "x");
  EXPECT_EQ(launch(body, 1, 1, {to(x)}, 16), -1);
  expectError({"ends while 1 asynchronous copies are on their way: the last one began at k.seq:"});
}

TEST_F(Copy, WrongOnes) {
  std::vector<float> x(8);
  allow(x, "x");
  auto global = [](const uint64_t *args) {
    seq_sim_copy(argument<float>(args, 0), argument<float>(args, 0) + 4, 4, 4, HERE);
  };
  EXPECT_EQ(launch(global, 1, 1, {to(x)}, 16), -1);
  expectError({"to what is not shared memory"});
  auto beyond = [](const uint64_t *args) {
    seq_sim_copy(shared(), argument<float>(args, 0) + 8, 4, 4, HERE);
  };
  EXPECT_EQ(launch(beyond, 1, 1, {to(x)}, 16), -1);
  expectError({"at byte 32 of `x`, which has 32"});
  auto odd = [](const uint64_t *args) {
    seq_sim_copy(shared() + 1, argument<float>(args, 0), 16, 0, HERE);
  };
  EXPECT_EQ(launch(odd, 1, 1, {to(x)}, 64), -1);
  expectError({"a multiple of 16"});
}
