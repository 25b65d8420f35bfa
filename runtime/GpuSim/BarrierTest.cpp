// Barriers of a block, named ones, of the grid; threads that wait for ever; refused launches.
#include "SimForTest.h"

using Barrier = SimTest;

static void blockSum(const uint64_t *args) {
  float *x = argument<float>(args, 0), *y = argument<float>(args, 1);
  int n = seq_sim_thread_count();
  STORE(shared()[tid()], LOAD(x[bid() * n + tid()]));
  barrier(HERE);
  for (int half = n / 2; half > 0; half /= 2) {
    if (tid() < half)
      STORE(shared()[tid()], LOAD(shared()[tid()]) + LOAD(shared()[tid() + half]));
    barrier(HERE);
  }
  if (tid() == 0)
    STORE(y[bid()], LOAD(shared()[0]));
}

TEST_F(Barrier, BlockSum) {
  std::vector<float> x(1024, 1.f), y(4);
  allow(x, "x", false);
  allow(y, "y");
  inAllOrders([&] {
    y.assign(4, 0);
    ASSERT_EQ(launch(blockSum, 256, 4, {to(x), to(y)}, 1024), 0) << error();
    EXPECT_EQ(y, std::vector<float>(4, 256.f));
  });
}

TEST_F(Barrier, OthersHaveEnded) {
  auto body = [](const uint64_t *) {
    if (tid() < 64)
      barrier(HERE);
  };
  EXPECT_EQ(launch(body, 128, 2, {}), -1);
  expectError({"kernel `k`, block 0, thread 0: waits for a barrier at k.seq:",
               "64 of 128 threads have not ended"});
}

TEST_F(Barrier, InADivergentBranch) {
  auto body = [](const uint64_t *) {
    if (tid() % 2)
      barrier(HERE);
    else
      barrier(HERE);
  };
  EXPECT_EQ(launch(body, 64, 1, {}), -1);
  expectError({"comes to a barrier at k.seq:", "of its warp waits for one at k.seq:"});
}

TEST_F(Barrier, ADifferentOneEach) {
  auto body = [](const uint64_t *) { seq_sim_barrier(tid() / 32, 0, 1, HERE); };
  EXPECT_EQ(launch(body, 64, 1, {}), -1);
  expectError({"waits for a barrier", "none can go on"});
}

TEST_F(Barrier, CountsThatDiffer) {
  auto body = [](const uint64_t *) { seq_sim_barrier(1, tid() < 32 ? 64 : 96, 1, HERE); };
  EXPECT_EQ(launch(body, 96, 1, {}), -1);
  expectError({"as one for 96 threads, where others wait for 64"});
  auto odd = [](const uint64_t *) { seq_sim_barrier(1, 40, 1, HERE); };
  EXPECT_EQ(launch(odd, 96, 1, {}), -1);
  expectError({"whole warps"});
}

// Warp 0 fills two buffers in turn, warp 1 empties them.
template <bool Waits> static void produce(const uint64_t *args) {
  int lane = tid() % 32;
  for (int step = 0; step < 4; step++) {
    float *buffer = shared() + 32 * (step % 2);
    int full = 1 + step % 2, empty = 3 + step % 2;
    if (tid() < 32) {
      if (Waits && step >= 2)
        seq_sim_barrier(empty, 64, 1, HERE);
      STORE(buffer[lane], float(step));
      seq_sim_barrier_arrive(full, 64, 1, HERE);
    } else {
      seq_sim_barrier(full, 64, 1, HERE);
      STORE(argument<float>(args, 0)[step * 32 + lane], LOAD(buffer[(lane + 1) % 32]));
      if (Waits && step < 2)
        seq_sim_barrier_arrive(empty, 64, 1, HERE);
    }
  }
}

TEST_F(Barrier, ProducerAndConsumer) {
  std::vector<float> y(128);
  allow(y, "y");
  inAllOrders([&] {
    ASSERT_EQ(launch(produce<true>, 64, 1, {to(y)}, 256), 0) << error();
    for (int i = 0; i < 128; i++)
      ASSERT_EQ(y[i], float(i / 32));
  });
  EXPECT_EQ(launch(produce<false>, 64, 1, {to(y)}, 256), -1);
  expectError({"shared memory"});
}

TEST_F(Barrier, CountsPredicates) {
  std::vector<int> y(64);
  allow(y, "y");
  auto body = [](const uint64_t *args) {
    STORE(argument<int>(args, 0)[tid()], seq_sim_barrier_count(0, 0, 1, tid() % 4 == 0, HERE));
  };
  EXPECT_EQ(launch(body, 64, 1, {to(y)}), 0) << error();
  EXPECT_EQ(y, std::vector<int>(64, 16));
}

template <bool Synced> static void ring(const uint64_t *args) {
  int *x = argument<int>(args, 0), n = seq_sim_block_count();
  if (tid() == 0)
    STORE(x[bid()], bid());
  if (Synced)
    seq_sim_grid_barrier(HERE);
  if (tid() == 1)
    STORE(x[n + bid()], LOAD(x[(bid() + 1) % n]));
}

TEST_F(Barrier, OfTheGrid) {
  std::vector<int> x(16);
  allow(x, "x");
  inAllOrders([&] {
    ASSERT_EQ(launch(ring<true>, 32, 8, {to(x)}, 0, SEQ_KERNEL_COOPERATIVE), 0) << error();
    for (int i = 0; i < 8; i++)
      ASSERT_EQ(x[8 + i], (i + 1) % 8);
    ASSERT_EQ(launch(ring<false>, 32, 8, {to(x)}, 0, SEQ_KERNEL_COOPERATIVE), -1);
    expectError({"of block", "races"});
  });
  EXPECT_EQ(launch(ring<true>, 32, 8, {to(x)}), -1);
  expectError({"not a cooperative one"});
}

TEST_F(Barrier, NotMarked) {
  auto body = [](const uint64_t *) { barrier(HERE); };
  EXPECT_EQ(launch(body, 32, 1, {}, 0, 0), -1);
  expectError({"not marked as one whose threads wait"});
}

TEST_F(Barrier, LaunchesThatCannotBe) {
  auto body = [](const uint64_t *) {};
  EXPECT_EQ(launch(body, 2048, 1, {}), -1);
  expectError({"1 to 1024 threads, not 2048"});
  EXPECT_EQ(launch(body, 32, 1, {}, 1 << 18), -1);
  expectError({"bytes of shared memory"});
  EXPECT_EQ(launch(body, 1024, 1000, {}, 0, SEQ_KERNEL_COOPERATIVE), -1);
  expectError({"cannot run at once"});
  EXPECT_EQ(launch(nullptr, 32, 1, {}), -1);
  expectError({"not for the simulator"});
}

TEST_F(Barrier, Traps) {
  auto body = [](const uint64_t *) { seq_sim_trap(HERE); };
  EXPECT_EQ(launch(body, 32, 1, {}), -1);
  expectError({"block 0, thread 0: traps at k.seq:"});
}
