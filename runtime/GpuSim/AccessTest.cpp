// Bounds, alignment, what nobody wrote, races.
#include "SimForTest.h"

#include <cmath>

using Access = SimTest;

static void addOne(const uint64_t *args) {
  int64_t i = int64_t(bid()) * seq_sim_thread_count() + tid();
  float *x = argument<float>(args, 0), *y = argument<float>(args, 1);
  if (i < int64_t(args[2])) {
    float v = LOAD(x[i]);
    STORE(y[i], v + 1);
  }
}

TEST_F(Access, Elementwise) {
  std::vector<float> x(1000), y(1000);
  for (int i = 0; i < 1000; i++)
    x[i] = float(i);
  allow(x, "x", false);
  allow(y, "y");
  for (int flags : {0, int(SEQ_KERNEL_SYNCHRONISES)})
    inAllOrders([&] {
      std::fill(y.begin(), y.end(), 0.f);
      ASSERT_EQ(launch(addOne, 128, 8, {to(x), to(y), 1000}, 0, flags), 0) << error();
      for (int i = 0; i < 1000; i++)
        ASSERT_EQ(y[i], float(i + 1));
    });
}

TEST_F(Access, NoBlocksIsNothing) {
  EXPECT_EQ(launch(addOne, 128, 0, {}), 0);
}

TEST_F(Access, OutOfBoundsNamesTheRange) {
  std::vector<float> x(1000), y(1000);
  allow(x, "x", false);
  allow(y, "y");
  EXPECT_EQ(launch(addOne, 128, 8, {to(x), to(y), 1024}, 0, 0), -1);
  expectError({"kernel `k`, block 7, thread 104", "out of bounds", "at byte 4000 of `x`",
               "which has 4000", "k.seq:"});
  // The sim can be used again.
  EXPECT_EQ(launch(addOne, 128, 8, {to(x), to(y), 1000}, 0, 0), 0) << error();
}

TEST_F(Access, WriteToWhatIsOnlyRead) {
  std::vector<float> x(64), y(64);
  allow(x, "x", false);
  allow(y, "y", false);
  EXPECT_EQ(launch(addOne, 64, 1, {to(x), to(y), 64}), -1);
  expectError({"`y`, which is only to be read: at byte 0"});
  seq_sim_forget(sim);
  EXPECT_EQ(launch(addOne, 64, 1, {to(x), to(y), 64}), -1);
  expectError({"kernels may touch no global memory"});
}

TEST_F(Access, Misaligned) {
  std::vector<float> x(65), y(64);
  allow(x, "x");
  allow(y, "y");
  EXPECT_EQ(launch(addOne, 64, 1, {to(x) + 2, to(y), 64}), -1);
  expectError({"needs an address that is a multiple of 4"});
}

TEST_F(Access, UnwrittenSharedMemory) {
  std::vector<float> y(64);
  allow(y, "y");
  auto kernelBody = [](const uint64_t *args) {
    if (tid() != 5)
      STORE(shared()[tid()], 1.f);
    barrier(HERE);
    STORE(argument<float>(args, 0)[tid()], LOAD(shared()[tid()]));
  };
  EXPECT_EQ(launch(kernelBody, 64, 1, {to(y)}, 256), -1);
  expectError({"thread 5", "read of byte 20 of shared memory", "no thread of this block"});
  EXPECT_EQ(launch(kernelBody, 64, 1, {to(y)}, 128), -1);
  expectError({"thread 32", "at byte 128 of shared memory, of which the kernel has 128"});
}

TEST_F(Access, SharedMemoryIsPoisoned) {
  std::vector<float> y(1);
  auto kernelBody = [](const uint64_t *args) { argument<float>(args, 0)[0] = shared()[3]; };
  EXPECT_EQ(launch(kernelBody, 1, 1, {to(y)}, 64), 0);
  EXPECT_TRUE(std::isnan(y[0]));
}

// Each thread reads its neighbour's number; without a barrier that is a race.
template <bool Synced> static void neighbour(const uint64_t *args) {
  STORE(shared()[tid()], float(tid()));
  if (Synced)
    barrier(HERE);
  float v = LOAD(shared()[(tid() + 1) % seq_sim_thread_count()]);
  STORE(argument<float>(args, 0)[tid()], v);
}

TEST_F(Access, BarrierOrdersSharedMemory) {
  std::vector<float> y(128);
  allow(y, "y");
  inAllOrders([&] {
    ASSERT_EQ(launch(neighbour<true>, 128, 3, {to(y)}, 512, SEQ_KERNEL_SYNCHRONISES), -1);
    // Three blocks write the same numbers of `y`.
    expectError({"of `y`", "races with the write by thread", "of block"});
    ASSERT_EQ(launch(neighbour<true>, 128, 1, {to(y)}, 512), 0) << error();
  });
}

TEST_F(Access, MissingBarrierIsCaughtInAllOrders) {
  std::vector<float> y(128);
  allow(y, "y");
  inAllOrders([&] {
    EXPECT_EQ(launch(neighbour<false>, 128, 1, {to(y)}, 512), -1);
    expectError({"shared memory"});
  });
}

// The barrier at the end of each step keeps the next write from overtaking a read.
template <bool Synced> static void steps(const uint64_t *args) {
  for (int step = 0; step < 3; step++) {
    STORE(shared()[tid()], float(step));
    barrier(HERE);
    LOAD(shared()[(tid() + 40) % 128]);
    if (Synced)
      barrier(HERE);
  }
}

TEST_F(Access, WriteAfterReadNeedsABarrier) {
  inAllOrders([&] {
    EXPECT_EQ(launch(steps<true>, 128, 1, {}, 512), 0) << error();
    EXPECT_EQ(launch(steps<false>, 128, 1, {}, 512), -1);
    expectError({"races with the", "nothing orders them"});
  });
}

TEST_F(Access, AtomicsDoNotRace) {
  std::vector<int> sum(1);
  allow(sum, "sum");
  auto kernelBody = [](const uint64_t *args) { ATOMIC_ADD(argument<int>(args, 0)[0], 1); };
  EXPECT_EQ(launch(kernelBody, 64, 5, {to(sum)}, 0, 0), 0) << error();
  EXPECT_EQ(sum[0], 320);
  auto mixed = [](const uint64_t *args) {
    if (tid() == 3)
      STORE(argument<int>(args, 0)[0], 1);
    else
      ATOMIC_ADD(argument<int>(args, 0)[0], 1);
  };
  EXPECT_EQ(launch(mixed, 64, 1, {to(sum)}, 0, 0), -1);
  expectError({"races"});
}

TEST_F(Access, BytesOfOneWordAreNoRace) {
  std::vector<uint8_t> y(64);
  allow(y, "y");
  auto kernelBody = [](const uint64_t *args) { STORE(argument<uint8_t>(args, 0)[tid()], 1); };
  EXPECT_EQ(launch(kernelBody, 64, 1, {to(y)}, 0, 0), 0) << error();
}

// A block hands its number to the next through a flag.
static void chain(const uint64_t *args) {
  float *x = argument<float>(args, 0);
  int *flag = argument<int>(args, 1);
  if (bid() > 0)
    for (;;) {
      seq_sim_yield(HERE);
      seq_sim_access(&flag[bid() - 1], 4,
                     SEQ_SIM_READ | SEQ_SIM_ATOMIC | SEQ_SIM_SPIN | SEQ_SIM_ACQUIRE, HERE);
      if (flag[bid() - 1])
        break;
    }
  STORE(x[bid()], bid() > 0 ? LOAD(x[bid() - 1]) + 1 : 0.f);
  ATOMIC_ADD(flag[bid()], 1);
}

TEST_F(Access, FlagsOrderBlocks) {
  std::vector<float> x(8);
  std::vector<int> flag(8);
  allow(x, "x");
  allow(flag, "flag");
  inAllOrders([&] {
    std::fill(flag.begin(), flag.end(), 0);
    ASSERT_EQ(launch(chain, 1, 8, {to(x), to(flag)}, 0, SEQ_KERNEL_COOPERATIVE), 0) << error();
    EXPECT_EQ(x[7], 7.f);
  });
}

// The same through a relaxed flag and fences.
template <bool Releases, bool Acquires, bool BlockOnly>
static void fencedChain(const uint64_t *args) {
  float *x = argument<float>(args, 0);
  int *flag = argument<int>(args, 1);
  if (bid() > 0) {
    for (;;) {
      seq_sim_yield(HERE);
      seq_sim_access(&flag[bid() - 1], 4, SEQ_SIM_READ | SEQ_SIM_ATOMIC | SEQ_SIM_SPIN, HERE);
      if (flag[bid() - 1])
        break;
    }
    if (Acquires)
      seq_sim_fence(0);
  }
  STORE(x[bid()], bid() > 0 ? LOAD(x[bid() - 1]) + 1 : 0.f);
  if (Releases)
    seq_sim_fence(BlockOnly);
  seq_sim_access(&flag[bid()], 4, SEQ_SIM_WRITE | SEQ_SIM_ATOMIC, HERE);
  flag[bid()] = 1;
}

TEST_F(Access, FencesOrderBlocks) {
  std::vector<float> x(8);
  std::vector<int> flag(8);
  allow(x, "x");
  allow(flag, "flag");
  auto run = [&](seq_simulated_fn body) {
    std::fill(flag.begin(), flag.end(), 0);
    return launch(body, 1, 8, {to(x), to(flag)}, 0, SEQ_KERNEL_COOPERATIVE);
  };
  inAllOrders([&] {
    ASSERT_EQ(run(fencedChain<true, true, false>), 0) << error();
    EXPECT_EQ(x[7], 7.f);
    for (auto body : {fencedChain<false, true, false>, fencedChain<true, false, false>,
                      fencedChain<true, true, true>}) {
      EXPECT_EQ(run(body), -1);
      expectError({"of `x` at k.seq:", "races with the write by thread 0 of block"});
    }
  });
}

// A counter that three threads of a block raise hands on what each of them did before.
template <bool Fenced> static void count(const uint64_t *args) {
  int *x = argument<int>(args, 0), *n = shared<int>();
  auto raise = [&] {
    seq_sim_access(n, 4, SEQ_SIM_READ | SEQ_SIM_WRITE | SEQ_SIM_ATOMIC, HERE);
    return (*n)++;
  };
  if (tid() == 0)
    STORE(*n, 0);
  barrier(HERE);
  STORE(x[tid()], tid());
  if (Fenced)
    seq_sim_fence(1);
  if (raise() == 2) {
    seq_sim_fence(1);
    EXPECT_EQ(LOAD(x[0]) + LOAD(x[1]) + LOAD(x[2]), 3);
  }
}

TEST_F(Access, CountersHandOnFromAll) {
  std::vector<int> x(3);
  allow(x, "x");
  inAllOrders([&] {
    EXPECT_EQ(launch(count<true>, 3, 1, {to(x)}, 16), 0) << error();
    EXPECT_EQ(launch(count<false>, 3, 1, {to(x)}, 16), -1);
    expectError({"races with the write by thread"});
  });
}

TEST_F(Access, PlainLoopsThatWaitEnd) {
  auto body = [](const uint64_t *args) {
    int *x = argument<int>(args, 0);
    const seq_sim_site *here = HERE;
    if (tid() == 0)
      do
        seq_sim_access(x, 4, SEQ_SIM_READ, here);
      while (*static_cast<volatile int *>(x) == 0);
    else
      STORE(*x, 1);
  };
  std::vector<int> x(1);
  allow(x, "x");
  EXPECT_EQ(launch(body, 2, 1, {to(x)}), -1);
  expectError({"read of the same place at k.seq:", "needs an atomic or volatile access"});
}

static int deep(int n, volatile char *before) {
  volatile char frame[1000];
  frame[n % 1000] = before ? before[n % 7] : 1;
  return n == 0 ? frame[0] : deep(n - 1, frame) + frame[n % 1000];
}

TEST_F(Access, ExhaustedStacksEndTheLaunch) {
  auto body = [](const uint64_t *args) {
    argument<int>(args, 0)[tid()] = tid() == 3 ? deep(int(args[1]), nullptr) : 0;
  };
  std::vector<int> x(32);
  for (int flags : {0, int(SEQ_KERNEL_SYNCHRONISES)}) {
    EXPECT_EQ(launch(body, 32, 1, {to(x), 1000}, 0, flags), -1);
    expectError({"block 0, thread 3: needs more than the 64 KB of its stack"});
    EXPECT_EQ(launch(body, 32, 1, {to(x), 20}, 0, flags), 0) << error();
  }
}

TEST_F(Access, SpinForNobodyEnds) {
  std::vector<float> x(8);
  std::vector<int> flag(8);
  allow(x, "x");
  allow(flag, "flag");
  seq_sim_set_order(sim, SEQ_SIM_REVERSE, 0);
  EXPECT_EQ(launch(chain, 1, 8, {to(x), to(flag)}), -1);
  expectError({"block 7, thread 0: waits for a value in memory at k.seq:"});
  EXPECT_EQ(launch(chain, 1, 8, {to(x), to(flag)}, 0, 0), -1);
  expectError({"is not marked"});
}
