// Matrix products against plain ones, and the loads of their tiles.
#include "SimForTest.h"

#include <cmath>
#include <cstring>

using Matrix = SimTest;

namespace {
uint32_t bitsOf(float f) {
  uint32_t bits;
  std::memcpy(&bits, &f, 4);
  return bits;
}

uint32_t encode(int type, float f) {
  if (type == SEQ_SIM_TF32)
    return bitsOf(f);
  if (type == SEQ_SIM_BF16)
    return bitsOf(f) >> 16;
  _Float16 h = _Float16(f);
  uint16_t bits;
  std::memcpy(&bits, &h, 2);
  return bits;
}

// Numbers that all three types hold.
float a(int row, int k) {
  return float((row * 5 + k * 3) % 17 - 8) * 0.25f;
}
float b(int k, int n) {
  return float((k * 7 + n * 2) % 13 - 6) * 0.5f;
}
float c(int row, int n) {
  return float(row - n);
}

uint32_t pairOf(int type, float low, float high) {
  return encode(type, low) | encode(type, high) << 16;
}

seq_sim_fragments fragmentsOf(int type, int lane) {
  int g = lane / 4, t = lane % 4;
  seq_sim_fragments f = {};
  for (int i = 0; i < 4; i++) {
    int row = g + 8 * (i % 2), k = type == SEQ_SIM_TF32 ? t + 4 * (i / 2) : 2 * t + 8 * (i / 2);
    f.a[i] =
        type == SEQ_SIM_TF32 ? encode(type, a(row, k)) : pairOf(type, a(row, k), a(row, k + 1));
  }
  for (int i = 0; i < 2; i++) {
    int k = type == SEQ_SIM_TF32 ? t + 4 * i : 2 * t + 8 * i;
    f.b[i] = type == SEQ_SIM_TF32 ? encode(type, b(k, g)) : pairOf(type, b(k, g), b(k + 1, g));
  }
  for (int i = 0; i < 4; i++)
    f.c[i] = c(g + 8 * (i / 2), 2 * t + i % 2);
  return f;
}

void multiply(const uint64_t *args) {
  int type = int(args[1]), lane = tid(), g = lane / 4, t = lane % 4;
  seq_sim_fragments in = fragmentsOf(type, lane);
  float d[4];
  seq_sim_mma(d, &in, type, HERE);
  for (int i = 0; i < 4; i++)
    STORE(argument<float>(args, 0)[(g + 8 * (i / 2)) * 8 + 2 * t + i % 2], d[i]);
}
} // namespace

TEST_F(Matrix, ProductsOfAllTypes) {
  std::vector<float> d(128);
  allow(d, "d");
  for (int type : {SEQ_SIM_F16, SEQ_SIM_BF16, SEQ_SIM_TF32}) {
    SCOPED_TRACE(type);
    ASSERT_EQ(launch(multiply, 32, 1, {to(d), uint64_t(type)}), 0) << error();
    for (int row = 0; row < 16; row++)
      for (int n = 0; n < 8; n++) {
        float sum = c(row, n);
        for (int k = 0; k < (type == SEQ_SIM_TF32 ? 8 : 16); k++)
          sum += a(row, k) * b(k, n);
        ASSERT_EQ(d[row * 8 + n], sum) << row << ", " << n;
      }
  }
}

TEST_F(Matrix, SpecialHalves) {
  // A row of infinities, subnormal numbers and a NaN times a one.
  auto body = [](const uint64_t *args) {
    static const uint16_t rows[16] = {0x7C00, 0xFC00, 0x7E00, 0x0001, 0x8001, 0x03FF,
                                      0x0400, 0x7BFF, 0x8000, 0x3C01, 0,      0,
                                      0,      0,      0,      0};
    seq_sim_fragments in = {};
    if (tid() % 4 == 0) {
      in.a[0] = rows[tid() / 4];
      in.a[1] = rows[tid() / 4 + 8];
      in.b[0] = 0x3C00;
    }
    float d[4];
    seq_sim_mma(d, &in, SEQ_SIM_F16, HERE);
    if (tid() % 4 == 0) {
      STORE(argument<float>(args, 0)[tid() / 4], d[0]);
      STORE(argument<float>(args, 0)[tid() / 4 + 8], d[2]);
    }
  };
  std::vector<float> d(16);
  allow(d, "d");
  ASSERT_EQ(launch(body, 32, 1, {to(d)}), 0) << error();
  EXPECT_EQ(d[0], INFINITY);
  EXPECT_EQ(d[1], -INFINITY);
  EXPECT_TRUE(std::isnan(d[2]));
  EXPECT_EQ(d[3], 0x1p-24f);
  EXPECT_EQ(d[4], -0x1p-24f);
  EXPECT_EQ(d[5], 0x3FFp-24f);
  EXPECT_EQ(d[6], 0x1p-14f);
  EXPECT_EQ(d[7], 65504.f);
  EXPECT_EQ(d[9], 1 + 0x1p-10f);
}

// Tile i holds 256 i + 16 row + column.
template <int Count, bool Transposed> static void loadTiles(const uint64_t *args) {
  int lane = tid();
  if (lane < 8 * Count)
    for (int column = 0; column < 8; column++)
      STORE(shared<uint16_t>()[8 * lane + column],
            uint16_t(256 * (lane / 8) + 16 * (lane % 8) + column));
  barrier(HERE);
  uint32_t got[4] = {};
  seq_sim_ldmatrix(got, shared<uint16_t>() + 8 * (lane % (8 * Count)), Count, Transposed, HERE);
  for (int i = 0; i < Count; i++)
    STORE(argument<uint32_t>(args, 0)[32 * i + lane], got[i]);
}

static uint32_t expectedTile(int tile, int lane, bool transposed) {
  int g = lane / 4, t = 2 * (lane % 4);
  auto at = [&](int row, int column) { return uint32_t(256 * tile + 16 * row + column); };
  return transposed ? at(t, g) | at(t + 1, g) << 16 : at(g, t) | at(g, t + 1) << 16;
}

TEST_F(Matrix, LoadsTiles) {
  std::vector<uint32_t> y(128);
  allow(y, "y");
  auto check = [&](seq_simulated_fn body, int count, bool transposed) {
    ASSERT_EQ(launch(body, 32, 1, {to(y)}, 512), 0) << error();
    for (int i = 0; i < 32 * count; i++)
      ASSERT_EQ(y[i], expectedTile(i / 32, i % 32, transposed)) << i;
  };
  check(loadTiles<1, false>, 1, false);
  check(loadTiles<2, false>, 2, false);
  check(loadTiles<4, false>, 4, false);
  check(loadTiles<1, true>, 1, true);
  check(loadTiles<4, true>, 4, true);
}

// What ldmatrix loads, stmatrix stores at the same place.
template <int Count, bool Transposed> static void storeTiles(const uint64_t *args) {
  int lane = tid();
  uint32_t values[4];
  for (int i = 0; i < Count; i++)
    values[i] = expectedTile(i, lane, Transposed);
  seq_sim_stmatrix(shared<uint16_t>() + 8 * (lane % (8 * Count)), values, Count, Transposed, HERE);
  barrier(HERE);
  if (lane < 8 * Count)
    for (int column = 0; column < 8; column++)
      STORE(argument<uint16_t>(args, 0)[8 * lane + column],
            LOAD(shared<uint16_t>()[8 * lane + column]));
}

TEST_F(Matrix, StoresTiles) {
  std::vector<uint16_t> y(256);
  allow(y, "y");
  auto check = [&](seq_simulated_fn body, int count) {
    ASSERT_EQ(launch(body, 32, 1, {to(y)}, 512), 0) << error();
    for (int i = 0; i < 64 * count; i++)
      ASSERT_EQ(y[i], 256 * (i / 64) + 16 * (i / 8 % 8) + i % 8) << i;
  };
  inAllOrders([&] {
    check(storeTiles<1, false>, 1);
    check(storeTiles<2, true>, 2);
    check(storeTiles<4, false>, 4);
    check(storeTiles<4, true>, 4);
  });
}

TEST_F(Matrix, RowsAreAlignedAndShared) {
  auto odd = [](const uint64_t *) {
    uint32_t got[4];
    seq_sim_ldmatrix(got, shared<uint16_t>() + 4, 1, 0, HERE);
  };
  EXPECT_EQ(launch(odd, 32, 1, {}, 512), -1);
  expectError({"a multiple of 16"});
  auto global = [](const uint64_t *args) {
    uint32_t got[4];
    seq_sim_ldmatrix(got, argument<void>(args, 0), 1, 0, HERE);
  };
  std::vector<uint32_t> y(128);
  EXPECT_EQ(launch(global, 32, 1, {to(y)}, 512), -1);
  expectError({"not in shared memory"});
}
