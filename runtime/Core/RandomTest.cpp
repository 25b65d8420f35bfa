// Known answers of Philox, and moments and stability of what is made from it.
#include "seq/random.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace {
std::vector<uint32_t> philox(std::vector<uint32_t> c, std::vector<uint32_t> k) {
  std::vector<uint32_t> out(4);
  seq_philox4x32(c.data(), k.data(), out.data());
  return out;
}
} // namespace

TEST(Random, PhiloxKnownAnswers) { // from the authors' Random123 distribution
  EXPECT_EQ(philox({0, 0, 0, 0}, {0, 0}),
            (std::vector<uint32_t>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  uint32_t f = 0xffffffff;
  EXPECT_EQ(philox({f, f, f, f}, {f, f}),
            (std::vector<uint32_t>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (std::vector<uint32_t>{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Random, NormalMoments) {
  const int64_t n = 400000;
  std::vector<double> x(n);
  seq_random_normal_f64(1, 0, 0, x.data(), n);
  double m1 = 0, m2 = 0, m3 = 0, m4 = 0;
  for (double v : x) {
    m1 += v / n, m2 += v * v / n, m3 += v * v * v / n, m4 += v * v * v * v / n;
    ASSERT_LT(std::fabs(v), 9);
  }
  EXPECT_NEAR(m1, 0, 0.006);
  EXPECT_NEAR(m2, 1, 0.01);
  EXPECT_NEAR(m3, 0, 0.02);
  EXPECT_NEAR(m4, 3, 0.06);
}

TEST(Random, NormalIsBoxMullerOfPhilox) {
  double pair[2];
  for (uint32_t block = 0; block < 20000; block++) {
    auto w = philox({block, 0, 3, 0}, {7, 0});
    double u = std::ldexp(double(((uint64_t(w[1]) << 32 | w[0]) >> 11) + 1), -53);
    double v = std::ldexp(double((uint64_t(w[3]) << 32 | w[2]) >> 11), -53);
    seq_random_normal_f64(7, 3, 2 * uint64_t(block), pair, 2);
    double r = std::sqrt(-2 * std::log(u)), a = 6.283185307179586 * v;
    ASSERT_NEAR(pair[0], r * std::cos(a), 5e-15);
    ASSERT_NEAR(pair[1], r * std::sin(a), 5e-15);
  }
}

TEST(Random, NormalBitsAreFixed) {
  // These numbers are quoted in reports and files: they must never change.
  double x[4];
  seq_random_normal_f64(0, 0, 0, x, 4);
  EXPECT_EQ(x[0], -0x1.973628c131c04p-2);
  EXPECT_EQ(x[1], -0x1.3dd84ff91e709p-2);
  EXPECT_EQ(x[2], 0x1.63083c830bea5p+0);
  EXPECT_EQ(x[3], 0x1.511d43e0f2703p-2);
}

TEST(Random, AnyPartCanBeMadeAlone) {
  std::vector<float> all(101), part(7);
  std::vector<double> wide(101);
  seq_random_normal_f32(5, 9, 0, all.data(), 101);
  seq_random_normal_f64(5, 9, 0, wide.data(), 101);
  for (uint64_t start = 0; start < 90; start++) {
    seq_random_normal_f32(5, 9, start, part.data(), 7);
    for (size_t i = 0; i < 7; i++)
      ASSERT_EQ(part[i], all[start + i]);
    ASSERT_EQ(all[start], float(wide[start]));
  }
}

TEST(Random, SeedsAndStreamsDiffer) {
  float a, b, c;
  seq_random_normal_f32(1, 0, 0, &a, 1);
  seq_random_normal_f32(2, 0, 0, &b, 1);
  seq_random_normal_f32(1, 1, 0, &c, 1);
  EXPECT_NE(a, b);
  EXPECT_NE(a, c);
  EXPECT_NE(b, c);
}

TEST(Random, BelowIsUniformAndInside) {
  std::vector<int32_t> x(70000);
  int64_t count[7] = {};
  seq_random_below(3, 0, 0, 7, x.data(), 70000);
  for (int32_t v : x) {
    ASSERT_TRUE(v >= 0 && v < 7);
    count[v]++;
  }
  for (int64_t c : count)
    EXPECT_NEAR(double(c), 10000, 500);
  seq_random_below(3, 0, 0, 1, x.data(), 10);
  EXPECT_EQ(x[3], 0);
  seq_random_below(3, 0, 0, INT32_MAX, x.data(), 70000);
  for (int32_t v : x)
    ASSERT_GE(v, 0);
}

TEST(Random, CoinsAreFair) {
  std::vector<uint8_t> x(100000);
  seq_random_coin(11, 0, 0, x.data(), 100000);
  int64_t ones = 0;
  for (uint8_t v : x) {
    ASSERT_LE(v, 1);
    ones += v;
  }
  EXPECT_NEAR(double(ones), 50000, 1000);
}
