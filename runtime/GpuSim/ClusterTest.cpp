// Clusters: their barrier, each other's shared memory, copies to several blocks.
#include "SimForTest.h"

#include <numeric>

static constexpr int kThreads = 64;

class Cluster : public SimTest {
protected:
  int launchClusters(seq_simulated_fn body, int blocks, int cluster, std::vector<uint64_t> args) {
    return launch(body, kThreads, blocks, args, 4096,
                  SEQ_KERNEL_SYNCHRONISES | SEQ_KERNEL_CLUSTER * cluster);
  }
  void fails(seq_simulated_fn body, std::vector<uint64_t> args, std::vector<std::string> parts) {
    inAllOrders([&] {
      EXPECT_EQ(launchClusters(body, 4, 2, args), -1);
      expectError(parts);
    });
  }
};

enum Fault {
  kNone,
  kNoFirst, // barrier before reading the other block's memory
  kNoLast,  // barrier before the end
  kRelaxed, // arrival
  kBetween, // the write comes after the arrival
  kNoArrival,
  kNoWait,
};

// Each block gives its next one's number plus the thread's.
template <int What> static void exchange(const uint64_t *args) {
  int rank = seq_sim_cluster_index(), n = seq_sim_cluster_count();
  EXPECT_EQ(rank, bid() % n);
  int *mine = shared<int>() + tid();
  if (What != kBetween)
    STORE(*mine, bid() + 100 * tid());
  if (What != kNoFirst) {
    if (What != kNoArrival)
      seq_sim_cluster_arrive(What == kRelaxed, HERE);
    if (What == kBetween)
      STORE(*mine, bid() + 100 * tid());
    if (What != kNoWait)
      seq_sim_cluster_wait(HERE);
  }
  int *other = static_cast<int *>(seq_sim_map(mine, (rank + 1) % n, HERE));
  EXPECT_EQ(seq_sim_rank_of(other, HERE), (rank + 1) % n);
  STORE(argument<int>(args, 0)[kThreads * bid() + tid()], LOAD(*other));
  if (What != kNoLast) {
    seq_sim_cluster_arrive(0, HERE);
    seq_sim_cluster_wait(HERE);
  }
}

TEST_F(Cluster, Exchange) {
  std::vector<int> y(8 * kThreads);
  allow(y, "y");
  for (int cluster : {1, 2, 4, 8})
    inAllOrders([&] {
      std::fill(y.begin(), y.end(), 0);
      ASSERT_EQ(launchClusters(exchange<kNone>, 8, cluster, {to(y)}), 0) << error();
      for (int i = 0; i < 8 * kThreads; i++) {
        int b = i / kThreads, first = b / cluster * cluster;
        ASSERT_EQ(y[i], first + (b - first + 1) % cluster + 100 * (i % kThreads));
      }
    });
}

TEST_F(Cluster, EachFaultIsReported) {
  std::vector<int> y(4 * kThreads);
  allow(y, "y");
  fails(exchange<kNoFirst>, {to(y)}, {"of shared memory"});
  fails(exchange<kNoLast>, {to(y)}, {"of shared memory of block"});
  fails(exchange<kRelaxed>, {to(y)}, {"races with the write by thread"});
  fails(exchange<kBetween>, {to(y)}, {"of shared memory of block"});
  fails(exchange<kNoArrival>, {to(y)},
        {"waits for the barrier of its cluster at k.seq:", "where it has not arrived"});
  fails(exchange<kNoWait>, {to(y)}, {"of block"});
}

// An arrival at the other block's barrier hands on what was written there.
template <bool Synced> static void push(const uint64_t *args) {
  auto *bar = shared<uint64_t>();
  if (tid() == 0)
    seq_sim_mbarrier_init(bar, Synced ? kThreads : 1, HERE);
  seq_sim_cluster_arrive(0, HERE);
  seq_sim_cluster_wait(HERE);
  int other = 1 - seq_sim_cluster_index();
  auto *there = static_cast<int *>(seq_sim_map(shared<int>() + 16 + tid(), other, HERE));
  STORE(*there, bid() + tid());
  auto *far = seq_sim_map(bar, other, HERE);
  // Without an arrival of each thread, the last one's says nothing of the others.
  if (Synced || tid() == 5)
    seq_sim_mbarrier_arrive(far, 1, 0, 0, HERE);
  seq_sim_mbarrier_wait(bar, 0, 1, HERE);
  STORE(argument<int>(args, 0)[kThreads * bid() + tid()], LOAD(shared<int>()[16 + tid()]));
  seq_sim_cluster_arrive(0, HERE);
  seq_sim_cluster_wait(HERE);
}

TEST_F(Cluster, Pushes) {
  std::vector<int> y(4 * kThreads);
  allow(y, "y");
  inAllOrders([&] {
    ASSERT_EQ(launchClusters(push<true>, 4, 2, {to(y)}), 0) << error();
    for (int i = 0; i < 4 * kThreads; i++)
      ASSERT_EQ(y[i], (i / kThreads ^ 1) + i % kThreads);
  });
  fails(push<false>, {to(y)}, {"of shared memory"});
}

// Block 0 loads for all of its cluster; each has a barrier of its own for it.
template <bool Expects> static void multicast(const uint64_t *args) {
  auto *bar = shared<uint64_t>();
  auto *data = shared<int>() + 64;
  int n = seq_sim_cluster_count();
  if (tid() == 0) {
    seq_sim_mbarrier_init(bar, 1, HERE);
    seq_sim_fence_mbarriers();
    if (Expects || seq_sim_cluster_index() == 0)
      seq_sim_mbarrier_arrive(bar, 1, 4 * kThreads, 0, HERE);
  }
  seq_sim_cluster_arrive(0, HERE);
  seq_sim_cluster_wait(HERE);
  if (seq_sim_cluster_index() == 0 && tid() == 0)
    seq_sim_bulk_load(data, argument<int>(args, 0), 4 * kThreads, bar, (1 << n) - 1, HERE);
  seq_sim_mbarrier_wait(bar, 0, 1, HERE);
  STORE(argument<int>(args, 1)[kThreads * bid() + tid()], LOAD(data[tid()]));
}

TEST_F(Cluster, Multicast) {
  std::vector<int> x(kThreads), y(4 * kThreads);
  std::iota(x.begin(), x.end(), 7);
  allow(x, "x", false);
  allow(y, "y");
  for (int cluster : {2, 4})
    inAllOrders([&] {
      std::fill(y.begin(), y.end(), 0);
      ASSERT_EQ(launchClusters(multicast<true>, 4, cluster, {to(x), to(y)}), 0) << error();
      for (int i = 0; i < 4 * kThreads; i++)
        ASSERT_EQ(y[i], 7 + i % kThreads);
    });
  fails(multicast<false>, {to(x), to(y)},
        {"waits for a barrier in shared memory (of byte 0; phase 0; 1 arrivals and 0 bytes"});
}

TEST_F(Cluster, WrongUse) {
  auto beyond = [](const uint64_t *) { seq_sim_map(shared(), 2, HERE); };
  fails(beyond, {}, {"to block 2 of its cluster, which has 2"});
  auto twice = [](const uint64_t *) {
    seq_sim_cluster_arrive(0, HERE);
    seq_sim_cluster_arrive(0, HERE);
  };
  fails(twice, {}, {"arrives again at the barrier of its cluster"});
  auto outside = [](const uint64_t *args) {
    seq_sim_bulk_load(shared(), argument<int>(args, 0), 16, shared(), 4, HERE);
  };
  std::vector<int> x(4);
  allow(x, "x");
  fails(outside, {to(x)}, {"of mask 0x4, but the cluster has 2"});
  auto none = [](const uint64_t *) {};
  EXPECT_EQ(launchClusters(none, 3, 2, {}), -1);
  expectError({"3 blocks in clusters of 2", "whole ones only"});
  EXPECT_EQ(launchClusters(none, 34, 17, {}), -1);
  expectError({"a cluster has 1 to 16"});
}

// Those that have ended are not waited for.
TEST_F(Cluster, SomeEnd) {
  auto body = [](const uint64_t *) {
    if (tid() % 3 == 0)
      return;
    seq_sim_cluster_arrive(0, HERE);
    seq_sim_cluster_wait(HERE);
  };
  inAllOrders([&] { EXPECT_EQ(launchClusters(body, 4, 2, {}), 0) << error(); });
}
