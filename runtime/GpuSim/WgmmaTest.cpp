// Products of a warp group: every layout of operands, and what has to come before and after them.
#include "SimForTest.h"

#include <array>
#include <cmath>
#include <cstring>

class Wgmma : public SimTest {
protected:
  /// Fails in each order with all of these in its text.
  void fails(seq_simulated_fn body, std::vector<uint64_t> args, std::vector<std::string> parts) {
    inAllOrders([&] {
      EXPECT_EQ(launch(body, 128, 1, args, 1 << 16), -1);
      expectError(parts);
    });
  }
};

static constexpr int kRows = 64, kColumns = 64;

struct Layout {
  int swizzle; ///< bits: pieces of 16, 32, 64, 128 bytes
  bool transposed;
};

/// Where element `k` of row or column `i` lies, for operands of 64 rows and of depth 2 * 16 bytes:
/// dense, as tensor maps write boxes of the swizzle's width.
static int placeOf(Layout l, int width, int i, int k) {
  int span = 16 << l.swizzle, at;
  if (!l.transposed) {
    int byte = k * width; // 0 to 31
    at = l.swizzle == 0 ? byte / 16 * (kRows * 16) + i * 16 + byte % 16 : i * span + byte;
  } else {
    int byte = i * width; // 0 to 127
    at = byte / span * (16 * span) + k * span + byte % span;
  }
  return at ^ (at / 128 & ((1 << l.swizzle) - 1)) << 4;
}

static uint64_t descriptor(Layout l, const void *p) {
  uint64_t span = 16u << l.swizzle, first, second;
  if (!l.transposed) {
    first = kRows * 16; // without a swizzle, the next 16 bytes
    second = 8 * span;
  } else if (l.swizzle) {
    first = 16 * span;
    second = 8 * span;
  } else {
    first = 8 * span;
    second = 16 * span;
  }
  static const uint64_t codes[] = {0, 3, 2, 1};
  return (uint64_t(p) & 0x3FFFF) >> 4 | first / 16 << 16 | second / 16 << 32 |
         codes[l.swizzle] << 62;
}

/// Small numbers, exact in each type.
static float valueA(int row, int k) {
  return float((row * 7 + k * 3) % 13 - 6);
}
static float valueB(int column, int k) {
  return float((column * 5 + k * 11) % 9 - 4);
}

static uint32_t bitsOf(float v, int type) {
  uint32_t bits;
  std::memcpy(&bits, &v, 4);
  if (type == SEQ_SIM_TF32)
    return bits;
  if (type == SEQ_SIM_BF16)
    return bits >> 16;
  _Float16 h = _Float16(v);
  uint16_t half;
  std::memcpy(&half, &h, 2);
  return half;
}

static void put(uint8_t *p, uint32_t bits, int width) {
  seq_sim_access(p, width, SEQ_SIM_WRITE, HERE);
  std::memcpy(p, &bits, size_t(width));
}

/// Each thread of the group writes a part of both operands, at bytes 0 and 16384.
static void fill(Layout a, Layout b, int type) {
  int width = type == SEQ_SIM_TF32 ? 4 : 2, depth = 32 / width;
  for (int e = tid(); e < kRows * depth; e += 128) {
    int i = e / depth, k = e % depth;
    put(shared<uint8_t>() + placeOf(a, width, i, k), bitsOf(valueA(i, k), type), width);
    put(shared<uint8_t>() + 16384 + placeOf(b, width, i, k), bitsOf(valueB(i, k), type), width);
  }
}

static seq_sim_wgmma product(Layout a, Layout b, int type) {
  seq_sim_wgmma in = {};
  in.a = descriptor(a, shared());
  in.b = descriptor(b, shared<uint8_t>() + 16384);
  in.type = type;
  in.n = kColumns;
  in.scale_d = 1;
  in.transposed_a = a.transposed;
  in.transposed_b = b.transposed;
  return in;
}

static int rowOf(int i) {
  return tid() / 32 * 16 + tid() % 32 / 4 + 8 * (i / 2 % 2);
}
static int columnOf(int i) {
  return 8 * (i / 4) + 2 * (tid() % 4) + i % 2;
}

// args: y, swizzle and transposition of A and B, type, whether A is in registers, negations.
static void multiply(const uint64_t *args) {
  Layout a = {int(args[1]), bool(args[2])}, b = {int(args[3]), bool(args[4])};
  int type = int(args[5]);
  fill(a, b, type);
  seq_sim_fence_proxy();
  barrier(HERE);
  seq_sim_wgmma in = product(a, b, type);
  in.negates_a = int(args[7]) & 1;
  in.negates_b = int(args[7]) >> 1;
  in.a_in_registers = int(args[6]);
  for (int r = 0; r < 4 && in.a_in_registers; r++) {
    int row = rowOf(2 * (r % 2)), k = r / 2 * (type == SEQ_SIM_TF32 ? 4 : 8);
    k += type == SEQ_SIM_TF32 ? tid() % 4 : 2 * (tid() % 4);
    in.a_registers[r] = bitsOf(valueA(row, k), type);
    if (type != SEQ_SIM_TF32)
      in.a_registers[r] |= bitsOf(valueA(row, k + 1), type) << 16;
  }
  float d[kColumns / 2];
  for (float &v : d)
    v = 0.5f;
  seq_sim_wgmma_fence(HERE);
  seq_sim_wgmma_begin(d, &in, HERE);
  seq_sim_wgmma_begin(d, &in, HERE); // to its own result
  seq_sim_wgmma_commit(HERE);
  EXPECT_TRUE(std::isnan(d[0]));
  seq_sim_wgmma_wait(0, HERE);
  for (int i = 0; i < kColumns / 2; i++)
    STORE(argument<float>(args, 0)[kColumns * rowOf(i) + columnOf(i)],
          seq_sim_accumulator(d[i], HERE));
}

TEST_F(Wgmma, EveryLayout) {
  std::vector<float> y(kRows * kColumns);
  allow(y, "y");
  auto check = [&](Layout a, Layout b, int type, bool registers, int negated) {
    SCOPED_TRACE(testing::Message() << a.swizzle << a.transposed << ' ' << b.swizzle << b.transposed
                                    << ' ' << type << registers << negated);
    ASSERT_EQ(launch(multiply, 128, 1,
                     {to(y), uint64_t(a.swizzle), a.transposed, uint64_t(b.swizzle), b.transposed,
                      uint64_t(type), registers, uint64_t(negated)},
                     1 << 16),
              0)
        << error();
    int depth = type == SEQ_SIM_TF32 ? 8 : 16;
    float sign = negated == 1 || negated == 2 ? -1 : 1;
    for (int row = 0; row < kRows; row++)
      for (int column = 0; column < kColumns; column++) {
        float sum = 0;
        for (int k = 0; k < depth; k++)
          sum += valueA(row, k) * valueB(column, k);
        ASSERT_EQ(y[kColumns * row + column], 0.5f + 2 * sign * sum) << row << ' ' << column;
      }
  };
  for (int swizzle = 0; swizzle < 4; swizzle++)
    for (int type : {SEQ_SIM_F16, SEQ_SIM_BF16})
      for (bool transposed : {false, true}) {
        check({swizzle, transposed}, {swizzle, false}, type, false, 0);
        check({swizzle, false}, {swizzle, transposed}, type, false, 1);
        check({3 - swizzle, transposed}, {swizzle, transposed}, type, false, 2);
        check({swizzle, false}, {swizzle, transposed}, type, true, 3);
      }
  for (int swizzle = 1; swizzle < 4; swizzle++)
    for (bool registers : {false, true})
      check({swizzle, false}, {4 - swizzle, false}, SEQ_SIM_TF32, registers, 0);
  check({0, false}, {0, false}, SEQ_SIM_TF32, false, 0);
}

//===----------------------------------------------------------------------===//
// What has to come before and after
//===----------------------------------------------------------------------===//

enum Fault {
  kNone,
  kNoWait,
  kWaitForLess,
  kNoProxyFence,
  kNoBarrier,
  kNoFence,
  kNoSecondFence,
  kWrittenInFlight,
  kNoCommit,
  kNoLastWait,
  kOtherOperand,
  kOneWarpLess,
};

// Two rounds: operands, two groups of products, results; then the operands are written again.
template <int What> static void rounds(const uint64_t *args) {
  Layout l = {3, false};
  float d[kColumns / 2] = {}, sum = 0;
  for (int round = 0; round < 2; round++) {
    fill(l, l, SEQ_SIM_F16);
    if (What != kNoProxyFence)
      seq_sim_fence_proxy();
    if (What != kNoBarrier)
      barrier(HERE);
    seq_sim_wgmma in = product(l, l, SEQ_SIM_F16);
    if (What == kOtherOperand && tid() == 70)
      in.b += 64;
    if (What != kNoFence && !(What == kNoSecondFence && round == 1))
      seq_sim_wgmma_fence(HERE);
    if (What != kOneWarpLess || tid() >= 32)
      seq_sim_wgmma_begin(d, &in, HERE);
    seq_sim_wgmma_commit(HERE);
    if (What != kOneWarpLess || tid() >= 32)
      seq_sim_wgmma_begin(d, &in, HERE);
    if (What != kNoCommit)
      seq_sim_wgmma_commit(HERE);
    if (What == kWrittenInFlight)
      put(shared<uint8_t>() + 2 * tid(), 0, 2);
    if (What != kNoWait && !(What == kNoLastWait && round == 1))
      seq_sim_wgmma_wait(What == kWaitForLess ? 1 : 0, HERE);
    if (What == kNoLastWait && round == 1)
      return;
    for (float &v : d) {
      v = seq_sim_accumulator(v, HERE);
      sum += v;
      v = 2;
    }
    barrier(HERE);
  }
  STORE(argument<float>(args, 0)[tid()], sum);
}

TEST_F(Wgmma, Rounds) {
  std::vector<float> y(128), first;
  allow(y, "y");
  inAllOrders([&] {
    ASSERT_EQ(launch(rounds<kNone>, 128, 1, {to(y)}, 1 << 16), 0) << error();
    first = first.empty() ? y : first;
    EXPECT_EQ(y, first);
    EXPECT_FALSE(std::isnan(y[5]));
  });
}

TEST_F(Wgmma, EachFaultIsReported) {
  std::vector<float> y(128);
  allow(y, "y");
  std::vector<uint64_t> args = {to(y)};
  fails(rounds<kNoWait>, args, {"of a product that is on its way: wgmma.wait_group has to come"});
  fails(rounds<kWaitForLess>, args, {"of a product that is on its way"});
  fails(rounds<kNoCommit>, args, {"of a product that is on its way"});
  fails(rounds<kNoProxyFence>, args,
        {"the product at k.seq:", "wrote at k.seq:", "a fence.proxy.async has to come between"});
  fails(rounds<kNoBarrier>, args, {"shared memory"});
  fails(rounds<kNoFence>, args, {"since the last wgmma.fence: one has to come between"});
  fails(rounds<kNoSecondFence>, args, {"since the last wgmma.fence: one has to come between"});
  fails(rounds<kWrittenInFlight>, args, {"the product at k.seq:", "was still reading byte"});
  fails(rounds<kNoLastWait>, args, {"ends while 2 products are on their way"});
  fails(rounds<kOtherOperand>, args, {"has other operands for lane"});
  fails(rounds<kOneWarpLess>, args, {"warp 1 has not begun the same products"});
}

TEST_F(Wgmma, WrongOnes) {
  auto few = [](const uint64_t *) {
    seq_sim_wgmma in = {};
    in.n = 8;
    float d[4] = {};
    seq_sim_wgmma_fence(HERE);
    seq_sim_wgmma_begin(d, &in, HERE);
  };
  EXPECT_EQ(launch(few, 64, 1, {}, 1024), -1);
  expectError({"a warp group has 128 threads, and the block only 64"});
  fails(few, {}, {"no thread of this block has written there"});
  auto shape = [](const uint64_t *) {
    seq_sim_wgmma in = {};
    in.n = 12;
    float d[6] = {};
    seq_sim_wgmma_begin(d, &in, HERE);
  };
  fails(shape, {}, {"has 12 columns: multiples of 8 up to 256"});
  auto inside = [](const uint64_t *) {
    seq_sim_wgmma in = product({3, false}, {3, false}, SEQ_SIM_F16);
    in.b += 8; // 128 bytes
    float d[kColumns / 2] = {};
    seq_sim_wgmma_fence(HERE);
    seq_sim_wgmma_begin(d, &in, HERE);
  };
  fails(inside, {}, {"inside of a swizzle's pattern", "at multiples of 1024"});
  auto beyond = [](const uint64_t *) {
    seq_sim_wgmma in = product({3, false}, {3, false}, SEQ_SIM_F16);
    in.b = descriptor({3, false}, shared<uint8_t>() + 65536);
    float d[kColumns / 2] = {};
    seq_sim_wgmma_fence(HERE);
    seq_sim_wgmma_begin(d, &in, HERE);
  };
  fails(beyond, {}, {"out of bounds: at byte 65536 of shared memory"});
}

//===----------------------------------------------------------------------===//
// A producer and a consumer
//===----------------------------------------------------------------------===//

static constexpr int kStages = 2, kSteps = 6, kStageBytes = 2 * kRows * 32;

enum Pipeline {
  kGood,
  kWaitsForAll, ///< each product at once, so nothing is on its way in the next step
  kNoEmptyWait,
  kNoFullWait,
  kEarlyRelease, ///< of the stage that a product still reads
  kOneReleases,  ///< a warp for all four
};

// Warp 4 loads tiles of two boxes in turn, one of its lanes alone; the warp group adds up their
// products, and gives a stage back when the product after it has begun. A lane arrives for its
// warp, for waits for products are waits of the warp.
template <int What> static void pipelined(const uint64_t *args) {
  auto *full = shared<uint64_t>(), *empty = full + kStages;
  auto *tiles = shared<uint8_t>() + 1024;
  if (tid() == 0) {
    for (int i = 0; i < kStages; i++) {
      seq_sim_mbarrier_init(full + i, 1, HERE);
      seq_sim_mbarrier_init(empty + i, What == kOneReleases ? 1 : 4, HERE);
    }
    seq_sim_fence_mbarriers();
  }
  barrier(HERE);
  if (tid() >= 128) {
    for (int step = 0; step < kSteps && tid() == 128; step++) {
      int stage = step % kStages, round = step / kStages;
      if (round > 0 && What != kNoEmptyWait)
        seq_sim_mbarrier_wait(empty + stage, (round - 1) % 2, 1, HERE);
      seq_sim_mbarrier_arrive(full + stage, 1, kStageBytes, 0, HERE);
      int32_t at[2] = {16 * step, 0};
      for (int i = 0; i < 2; i++)
        seq_sim_tensor_load(argument<void>(args, i),
                            tiles + kStageBytes * stage + kStageBytes / 2 * i, full + stage, 2, at,
                            0, HERE);
    }
    return;
  }
  float d[kColumns / 2] = {};
  for (int step = 0; step < kSteps; step++) {
    int stage = step % kStages;
    if (What != kNoFullWait)
      seq_sim_mbarrier_wait(full + stage, step / kStages % 2, 1, HERE);
    seq_sim_wgmma in = product({1, false}, {1, false}, SEQ_SIM_F16);
    in.a = descriptor({1, false}, tiles + kStageBytes * stage);
    in.b = descriptor({1, false}, tiles + kStageBytes * stage + kStageBytes / 2);
    seq_sim_wgmma_fence(HERE);
    seq_sim_wgmma_begin(d, &in, HERE);
    seq_sim_wgmma_commit(HERE);
    seq_sim_wgmma_wait(What == kWaitsForAll ? 0 : 1, HERE);
    int give = What == kEarlyRelease || What == kWaitsForAll ? step : step - 1;
    if (give >= 0 && tid() % 32 == 0 && (What != kOneReleases || tid() == 0))
      seq_sim_mbarrier_arrive(empty + give % kStages, 1, 0, 0, HERE);
  }
  seq_sim_wgmma_wait(0, HERE);
  for (int i = 0; i < kColumns / 2; i++)
    STORE(argument<float>(args, 2)[kColumns * rowOf(i) + columnOf(i)],
          seq_sim_accumulator(d[i], HERE));
}

TEST_F(Wgmma, ProducerAndConsumer) {
  std::vector<_Float16> a(kRows * 16 * kSteps), b(a.size());
  for (size_t i = 0; i < a.size(); i++) {
    a[i] = _Float16(float(int(i * 7 + i / 96) % 11 - 5));
    b[i] = _Float16(float(int(i * 5 + i / 96 * 3) % 7 - 3));
  }
  std::vector<float> y(kRows * kColumns), expected(y.size());
  allow(a, "a", false);
  allow(b, "b", false);
  allow(y, "y");
  int depth = 16 * kSteps;
  for (int i = 0; i < kRows * kColumns; i++)
    for (int k = 0; k < depth; k++)
      expected[size_t(i)] +=
          float(a[size_t(i / kColumns * depth + k)]) * float(b[size_t(i % kColumns * depth + k)]);
  struct alignas(64) {
    uint8_t a[128], b[128];
  } maps;
  auto encode = [&](void *map, void *p) {
    seq_sim_tensor t = {
        6, 2, p, {uint64_t(depth), kRows}, {uint64_t(2 * depth)}, {16, kRows}, {1, 1}, 0, 1, 0};
    ASSERT_EQ(seq_sim_tensormap_encode(sim, map, &t), 0) << error();
  };
  encode(maps.a, a.data());
  encode(maps.b, b.data());
  seq_sim_allow(sim, &maps, sizeof maps, 0, "maps");
  std::vector<uint64_t> args = {uint64_t(maps.a), uint64_t(maps.b), to(y)};
  inAllOrders([&] {
    for (auto body : {pipelined<kGood>, pipelined<kWaitsForAll>}) {
      std::fill(y.begin(), y.end(), 0.f);
      ASSERT_EQ(launch(body, 160, 1, args, 1 << 16), 0) << error();
      EXPECT_EQ(y, expected);
    }
    for (auto body : {pipelined<kNoEmptyWait>, pipelined<kNoFullWait>, pipelined<kEarlyRelease>,
                      pipelined<kOneReleases>}) {
      EXPECT_EQ(launch(body, 160, 1, args, 1 << 16), -1);
      expectError({"shared memory"});
    }
  });
}
