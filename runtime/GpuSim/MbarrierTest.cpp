// Barriers in shared memory: what they order, and what is wrong with their use.
#include "SimForTest.h"

using Mbarrier = SimTest;

static uint64_t *bar(int i = 0) {
  return shared<uint64_t>() + i;
}

/// Thread 0 makes barriers for as many arrivals as they are told.
static void make(std::initializer_list<int> counts) {
  int i = 0;
  for (int n : counts) {
    if (tid() == 0)
      seq_sim_mbarrier_init(bar(i), n, HERE);
    i++;
  }
  barrier(HERE);
}

enum Fault {
  kNone,
  kNoFull,      // the consumer does not wait
  kNoEmpty,     // the producer does not wait
  kNoSync,      // a lane arrives for its warp, which it has not waited for
  kNoBarrier,   // after init
  kNoArrival,   // of the producer
  kTooMany,     // arrivals
  kOtherParity, // of the consumer's wait
};

// Warp 0 fills two buffers in turn, warp 1 empties them.
template <int What, bool Tries> static void produce(const uint64_t *args) {
  int lane = tid() % 32;
  auto wait = [](uint64_t *b, int parity) {
    while (!seq_sim_mbarrier_wait(b, parity, Tries, HERE))
      ;
  };
  auto arrive = [&](uint64_t *b) {
    if (What != kNoSync)
      seq_sim_warp_sync(UINT32_MAX, HERE);
    if (lane == 0)
      seq_sim_mbarrier_arrive(b, What == kTooMany ? 2 : 1, 0, 0, HERE);
  };
  if (What == kNoBarrier) {
    for (int i = 0; i < 4; i++)
      if (tid() == 32)
        seq_sim_mbarrier_init(bar(i), 1, HERE);
  } else {
    make({1, 1, 1, 1});
  }
  for (int step = 0; step < 4; step++) {
    float *buffer = shared() + 32 + 32 * (step % 2);
    uint64_t *full = bar(step % 2), *empty = bar(2 + step % 2);
    if (tid() < 32) {
      if (What != kNoEmpty && step >= 2)
        wait(empty, (step / 2 - 1) % 2);
      STORE(buffer[lane], float(step));
      if (What != kNoArrival)
        arrive(full);
    } else {
      if (What != kNoFull)
        wait(full, What == kOtherParity ? 1 - step / 2 % 2 : step / 2 % 2);
      STORE(argument<float>(args, 0)[step * 32 + lane], LOAD(buffer[(lane + 1) % 32]));
      arrive(empty);
    }
  }
}

TEST_F(Mbarrier, ProducerAndConsumer) {
  std::vector<float> y(128);
  allow(y, "y");
  for (auto body : {produce<kNone, true>, produce<kNone, false>})
    inAllOrders([&] {
      ASSERT_EQ(launch(body, 64, 1, {to(y)}, 512), 0) << error();
      for (int i = 0; i < 128; i++)
        ASSERT_EQ(y[i], float(i / 32));
    });
}

TEST_F(Mbarrier, EachFaultIsReported) {
  std::vector<float> y(128);
  allow(y, "y");
  auto fails = [&](seq_simulated_fn body, std::vector<std::string> parts) {
    inAllOrders([&] {
      EXPECT_EQ(launch(body, 64, 1, {to(y)}, 512), -1);
      expectError(parts);
    });
  };
  fails(produce<kNoFull, true>, {"of shared memory at k.seq:"});
  // Or the consumer misses two phases.
  fails(produce<kNoEmpty, true>, {"shared memory", "at k.seq:"});
  fails(produce<kNoSync, true>, {"of shared memory at k.seq:"});
  fails(produce<kNoBarrier, true>, {"at k.seq:", "of shared memory"});
  fails(produce<kNoArrival, true>,
        {"waits for a barrier in shared memory (of byte ",
         "; phase 0; 1 arrivals and 0 bytes are to come) at k.seq:", "none can go on"});
  fails(produce<kTooMany, true>, {"arrives 2 times at k.seq:", "waits for 1 arrivals more"});
  fails(produce<kOtherParity, true>, {"shared memory"});
}

TEST_F(Mbarrier, TokensAndCounts) {
  auto body = [](const uint64_t *args) {
    make({64});
    for (int round = 0; round < 3; round++) {
      STORE(argument<int>(args, 0)[tid()], round);
      uint64_t token = seq_sim_mbarrier_arrive(bar(), 1, 0, 0, HERE);
      EXPECT_GE(seq_sim_mbarrier_pending(token), 1);
      while (!seq_sim_mbarrier_wait_token(bar(), token, 1, HERE))
        ;
      EXPECT_EQ(LOAD(argument<int>(args, 0)[(tid() + 40) % 64]), round);
      barrier(HERE);
    }
    if (tid() == 0)
      seq_sim_mbarrier_inval(bar(), HERE);
  };
  std::vector<int> y(64);
  allow(y, "y");
  inAllOrders([&] { EXPECT_EQ(launch(body, 64, 1, {to(y)}, 16), 0) << error(); });
}

// Bytes that a thread completes by itself; with too few the phase does not end.
template <int Bytes> static void completeBytes(const uint64_t *) {
  make({1});
  if (tid() == 0) {
    seq_sim_mbarrier_expect(bar(), 40, HERE);
    seq_sim_mbarrier_arrive(bar(), 1, 24, 0, HERE);
  } else if (tid() == 32) {
    seq_sim_mbarrier_complete(bar(), Bytes, HERE);
  }
  seq_sim_mbarrier_wait(bar(), 0, 1, HERE);
}

TEST_F(Mbarrier, CompletesBytes) {
  inAllOrders([&] {
    EXPECT_EQ(launch(completeBytes<64>, 64, 1, {}, 16), 0) << error();
    EXPECT_EQ(launch(completeBytes<48>, 64, 1, {}, 16), -1);
    expectError({"0 arrivals and 16 bytes are to come"});
  });
  auto many = [](const uint64_t *) {
    make({1});
    seq_sim_mbarrier_expect(bar(), 1 << 20, HERE);
  };
  EXPECT_EQ(launch(many, 1, 1, {}, 16), -1);
  expectError({"expects 1048576 bytes more", "a barrier counts up to 1048575"});
}

// Those that drop out are not counted any more.
TEST_F(Mbarrier, Drops) {
  auto body = [](const uint64_t *) {
    make({64});
    if (tid() >= 32) {
      seq_sim_mbarrier_arrive(bar(), 1, 0, 1, HERE);
      return;
    }
    for (int round = 0; round < 2; round++) {
      seq_sim_mbarrier_arrive(bar(), 1, 0, 0, HERE);
      seq_sim_mbarrier_wait(bar(), round, 1, HERE);
    }
  };
  inAllOrders([&] { EXPECT_EQ(launch(body, 64, 1, {}, 16), 0) << error(); });
}

TEST_F(Mbarrier, WrongUse) {
  auto none = [](const uint64_t *) { seq_sim_mbarrier_arrive(bar(1), 1, 0, 0, HERE); };
  EXPECT_EQ(launch(none, 32, 1, {}, 64), -1);
  expectError({"there is no barrier at byte 8 of shared memory"});
  auto twice = [](const uint64_t *) { seq_sim_mbarrier_init(bar(), 1, HERE); };
  EXPECT_EQ(launch(twice, 32, 1, {}, 64), -1);
  expectError({"where there is one, initialised at k.seq:"});
  auto zero = [](const uint64_t *) { seq_sim_mbarrier_init(bar(), 0, HERE); };
  EXPECT_EQ(launch(zero, 1, 1, {}, 64), -1);
  expectError({"for 0 arrivals: it takes 1 to 1048575"});
  auto over = [](const uint64_t *) {
    make({32});
    STORE(shared()[0], 1.f);
    barrier(HERE);
    seq_sim_mbarrier_arrive(bar(), 1, 0, 0, HERE);
  };
  EXPECT_EQ(launch(over, 1, 1, {}, 64), -1);
  expectError({"has been written over"});
  auto odd = [](const uint64_t *) { seq_sim_mbarrier_init(shared() + 1, 1, HERE); };
  EXPECT_EQ(launch(odd, 1, 1, {}, 64), -1);
  expectError({"a multiple of 8"});
  auto global = [](const uint64_t *args) {
    seq_sim_mbarrier_init(argument<void>(args, 0), 1, HERE);
  };
  std::vector<uint64_t> y(1);
  EXPECT_EQ(launch(global, 1, 1, {to(y)}, 64), -1);
  expectError({"is not in shared memory"});
  auto awaited = [](const uint64_t *) {
    make({1});
    if (tid() == 1) // which comes last to the barrier, so that it goes on first
      seq_sim_mbarrier_wait(bar(), 0, 1, HERE);
    else
      seq_sim_mbarrier_inval(bar(), HERE);
  };
  EXPECT_EQ(launch(awaited, 2, 1, {}, 64), -1);
  expectError({"for which 1 threads wait"});
  auto gone = [](const uint64_t *) {
    make({1});
    if (tid() == 0)
      seq_sim_mbarrier_inval(bar(), HERE);
    barrier(HERE);
    seq_sim_mbarrier_arrive(bar(), 1, 0, 0, HERE);
  };
  EXPECT_EQ(launch(gone, 2, 1, {}, 64), -1);
  expectError({"or is no longer valid"});
}

TEST_F(Mbarrier, EachBlockHasItsOwn) {
  auto body = [](const uint64_t *) {
    make({32});
    seq_sim_mbarrier_arrive(bar(), 1, 0, 0, HERE);
    seq_sim_mbarrier_wait(bar(), 0, 1, HERE);
  };
  EXPECT_EQ(launch(body, 32, 5, {}, 16), 0) << error();
}
