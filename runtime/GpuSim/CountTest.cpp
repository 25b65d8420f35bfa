// Counters: requests, sectors, conflicts of banks.
#include "SimForTest.h"

class Count : public SimTest {
protected:
  Count() { seq_sim_set_counting(sim, 1); }
  seq_sim_counts counts() const {
    seq_sim_counts c = {};
    EXPECT_EQ(seq_sim_counts_of(sim, &kernel, &c), 0);
    return c;
  }
};

// Reads at a stride, writes side by side.
static void strided(const uint64_t *args) {
  int i = bid() * seq_sim_thread_count() + tid();
  float v = LOAD(argument<float>(args, 0)[int64_t(args[2]) * i]);
  STORE(argument<float>(args, 1)[i], v);
}

TEST_F(Count, Sectors) {
  std::vector<float> x(128 * 32 + 8), y(128 + 8);
  // Sectors begin at multiples of 32 bytes.
  uint64_t px = (to(x) + 31) & ~uint64_t(31), py = (to(y) + 31) & ~uint64_t(31);
  allow(x, "x");
  allow(y, "y");
  for (int flags : {0, int(SEQ_KERNEL_SYNCHRONISES)}) {
    seq_sim_set_counting(sim, 0);
    seq_sim_set_counting(sim, 1);
    ASSERT_EQ(launch(strided, 64, 2, {px, py, 1}, 0, flags), 0) << error();
    EXPECT_EQ(counts().launches, 1);
    EXPECT_EQ(counts().blocks, 2);
    EXPECT_EQ(counts().threads, 128);
    EXPECT_EQ(counts().global_loads, 4);
    EXPECT_EQ(counts().global_stores, 4);
    EXPECT_EQ(counts().sectors_read, 4 * 4);
    EXPECT_EQ(counts().sectors_written, 4 * 4);
    ASSERT_EQ(launch(strided, 64, 2, {px, py, 32}, 0, flags), 0) << error();
    EXPECT_EQ(counts().launches, 2);
    EXPECT_EQ(counts().sectors_read, 4 * 4 + 4 * 32);
  }
}

TEST_F(Count, OneAddressIsOneSector) {
  auto body = [](const uint64_t *args) {
    for (int i = 0; i < 3; i++)
      LOAD(argument<float>(args, 0)[i]);
  };
  std::vector<float> x(16);
  allow(x, "x");
  ASSERT_EQ(launch(body, 96, 1, {(to(x) + 31) & ~uint64_t(31)}, 0, 0), 0) << error();
  EXPECT_EQ(counts().global_loads, 9);
  EXPECT_EQ(counts().sectors_read, 9);
}

template <int Stride> static void columns(const uint64_t *) {
  STORE(shared()[Stride * tid()], 1.f);
}

TEST_F(Count, BankConflicts) {
  ASSERT_EQ(launch(columns<1>, 32, 1, {}, 8192), 0) << error();
  EXPECT_EQ(counts().shared_requests, 1);
  EXPECT_EQ(counts().bank_conflicts, 0);
  ASSERT_EQ(launch(columns<33>, 32, 1, {}, 8192), 0) << error();
  EXPECT_EQ(counts().bank_conflicts, 0);
  ASSERT_EQ(launch(columns<2>, 32, 1, {}, 8192), 0) << error();
  EXPECT_EQ(counts().bank_conflicts, 1);
  ASSERT_EQ(launch(columns<32>, 32, 1, {}, 8192), 0) << error();
  EXPECT_EQ(counts().bank_conflicts, 1 + 31);
}

TEST_F(Count, WideRequestsNeedMorePasses) {
  struct Four {
    float x[4];
  };
  auto body = [](const uint64_t *) { STORE(shared<Four>()[tid()], Four{}); };
  ASSERT_EQ(launch(body, 32, 1, {}, 512), 0) << error();
  EXPECT_EQ(counts().shared_requests, 1);
  EXPECT_EQ(counts().bank_conflicts, 0);
}

TEST_F(Count, Operations) {
  auto body = [](const uint64_t *args) {
    barrier(HERE);
    for (int i = 0; i < 2; i++)
      seq_sim_shuffle(SEQ_SIM_BFLY, 0xFFFFFFFF, 0, 1, 31, HERE);
    seq_sim_fragments in = {};
    float d[4];
    seq_sim_mma(d, &in, SEQ_SIM_F16, HERE);
    ATOMIC_ADD(argument<int>(args, 0)[0], 1);
    barrier(HERE);
  };
  std::vector<int> x(1);
  allow(x, "x");
  ASSERT_EQ(launch(body, 64, 3, {to(x)}), 0) << error();
  EXPECT_EQ(counts().barriers, 6);
  EXPECT_EQ(counts().shuffles, 12);
  EXPECT_EQ(counts().mma, 6);
  EXPECT_EQ(counts().atomics, 6);
}

TEST_F(Count, NotSwitchedOn) {
  seq_sim_set_counting(sim, 0);
  ASSERT_EQ(launch(columns<1>, 32, 1, {}, 128), 0) << error();
  seq_sim_counts c;
  EXPECT_EQ(seq_sim_counts_of(sim, &kernel, &c), -1);
}
