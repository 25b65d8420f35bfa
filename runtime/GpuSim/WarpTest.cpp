// Operations of a warp.
#include "SimForTest.h"

using Warp = SimTest;

static const uint32_t kAll = 0xFFFFFFFF;

// An inclusive scan by shuffles, then the totals of warps over shared memory.
static void scan(const uint64_t *args) {
  int *x = argument<int>(args, 0), v = LOAD(x[tid()]), lane = tid() % 32;
  for (int d = 1; d < 32; d *= 2) {
    uint64_t got = seq_sim_shuffle(SEQ_SIM_UP, kAll, uint32_t(v), d, 0, HERE);
    v += got >> 32 ? int(got) : 0;
    EXPECT_EQ(got >> 32, uint64_t(lane >= d));
  }
  if (lane == 31)
    STORE(shared<int>()[tid() / 32], v);
  barrier(HERE);
  for (int w = 0; w < tid() / 32; w++)
    v += LOAD(shared<int>()[w]);
  STORE(x[tid()], v);
}

TEST_F(Warp, Scan) {
  std::vector<int> x(256);
  allow(x, "x");
  inAllOrders([&] {
    x.assign(256, 1);
    ASSERT_EQ(launch(scan, 256, 1, {to(x)}, 32), 0) << error();
    for (int i = 0; i < 256; i++)
      ASSERT_EQ(x[i], i + 1);
  });
}

TEST_F(Warp, Shuffles) {
  std::vector<int> y(32 * 4);
  allow(y, "y");
  auto body = [](const uint64_t *args) {
    int *out = argument<int>(args, 0) + 4 * tid();
    uint32_t v = uint32_t(tid());
    STORE(out[0], int(seq_sim_shuffle(SEQ_SIM_IDX, kAll, v, 5, 31, HERE)));
    STORE(out[1], int(seq_sim_shuffle(SEQ_SIM_DOWN, kAll, v, 3, 31, HERE)));
    STORE(out[2], int(seq_sim_shuffle(SEQ_SIM_BFLY, kAll, v, 16, 31, HERE)));
    // Segments of 8 lanes.
    STORE(out[3], int(seq_sim_shuffle(SEQ_SIM_IDX, kAll, v, 2, 0x181F, HERE)));
  };
  ASSERT_EQ(launch(body, 32, 1, {to(y)}), 0) << error();
  for (int i = 0; i < 32; i++) {
    EXPECT_EQ(y[4 * i], 5);
    EXPECT_EQ(y[4 * i + 1], i + 3 < 32 ? i + 3 : i);
    EXPECT_EQ(y[4 * i + 2], i ^ 16);
    EXPECT_EQ(y[4 * i + 3], i / 8 * 8 + 2);
  }
}

TEST_F(Warp, VotesMatchesReductions) {
  auto body = [](const uint64_t *) {
    int i = tid();
    EXPECT_EQ(seq_sim_active_mask(), kAll);
    EXPECT_EQ(seq_sim_vote(SEQ_SIM_BALLOT, kAll, i < 4, HERE), 15u);
    EXPECT_EQ(seq_sim_vote(SEQ_SIM_ANY, kAll, i == 9, HERE), 1u);
    EXPECT_EQ(seq_sim_vote(SEQ_SIM_ALL, kAll, i == 9, HERE), 0u);
    EXPECT_EQ(seq_sim_vote(SEQ_SIM_UNI, kAll, 0, HERE), 1u);
    EXPECT_EQ(seq_sim_match(kAll, uint64_t(i / 16), HERE), i < 16 ? 0xFFFFu : 0xFFFF0000u);
    EXPECT_EQ(seq_sim_redux(SEQ_SIM_ADD, kAll, uint32_t(i), HERE), 496u);
    EXPECT_EQ(int(seq_sim_redux(SEQ_SIM_MIN, kAll, uint32_t(i - 7), HERE)), -7);
    EXPECT_EQ(seq_sim_redux(SEQ_SIM_UMAX, kAll, uint32_t(i), HERE), 31u);
    EXPECT_EQ(seq_sim_redux(SEQ_SIM_XOR, kAll, 1u << i, HERE), kAll);
    // Halves of the warp by themselves.
    uint32_t half = i < 16 ? 0xFFFFu : 0xFFFF0000u;
    EXPECT_EQ(seq_sim_redux(SEQ_SIM_ADD, half, 1, HERE), 16u);
  };
  inAllOrders([&] { ASSERT_EQ(launch(body, 32, 1, {}), 0) << error(); });
}

template <int Mode> static void exchange(const uint64_t *) {
  STORE(shared()[tid()], 1.f);
  if (Mode == 1)
    seq_sim_warp_sync(kAll, HERE);
  if (Mode == 2)
    seq_sim_warp_sync(tid() % 32 < 16 ? 0xFFFFu : 0xFFFF0000u, HERE);
  LOAD(shared()[tid() ^ 3]);
  if (Mode == 3)
    seq_sim_warp_sync(kAll, HERE);
}

TEST_F(Warp, SyncOrdersMemoryOfTheWarp) {
  inAllOrders([&] {
    EXPECT_EQ(launch(exchange<1>, 64, 1, {}, 256), 0) << error();
    EXPECT_EQ(launch(exchange<2>, 64, 1, {}, 256), 0) << error();
    EXPECT_EQ(launch(exchange<3>, 64, 1, {}, 256), -1);
    expectError({"shared memory"});
  });
}

TEST_F(Warp, MasksThatCannotBe) {
  auto other = [](const uint64_t *) { seq_sim_warp_sync(1, HERE); };
  EXPECT_EQ(launch(other, 32, 1, {}), -1);
  expectError({"thread 1", "its own lane 1 is not"});
  auto full = [](const uint64_t *) { seq_sim_warp_sync(kAll, HERE); };
  EXPECT_EQ(launch(full, 48, 1, {}), -1);
  expectError({"thread 32", "the block has 48 threads"});
}

TEST_F(Warp, LanesThatDoNotMeet) {
  auto differ = [](const uint64_t *) {
    if (tid() < 8)
      seq_sim_vote(SEQ_SIM_ALL, kAll, 1, HERE);
    else
      seq_sim_warp_sync(kAll, HERE);
  };
  EXPECT_EQ(launch(differ, 32, 1, {}), -1);
  expectError({"waits for a vote at k.seq:"});
  auto missing = [](const uint64_t *) {
    if (tid() < 8)
      seq_sim_vote(SEQ_SIM_ALL, kAll, 1, HERE);
  };
  EXPECT_EQ(launch(missing, 32, 1, {}), -1);
  expectError({"thread 0: waits for a vote at k.seq:", "8 of 32 threads"});
}
