// Elements of arrays, those of 16 bits above all.
#include "seq/io.h"
#include "seq/seq.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

namespace {

/// A type of 16 bits: significant bits, exponents of the least and the largest normal number.
struct Short {
  int32_t dtype;
  int digits, least, most;
};
constexpr Short kShorts[] = {{SEQ_BF16, 8, -126, 127}, {SEQ_F16, 11, -14, 15}};

/// To nearest, ties to even, by arithmetic in f64.
double rounded(double x, const Short &to) {
  if (!std::isfinite(x) || x == 0)
    return x;
  int unit = std::max(std::ilogb(x), to.least) - (to.digits - 1);
  double y = std::ldexp(std::nearbyint(std::ldexp(x, -unit)), unit);
  return std::fabs(y) >= std::ldexp(1.0, to.most + 1) ? std::copysign(INFINITY, y) : y;
}

bool same(double a, double b) {
  return (std::isnan(a) && std::isnan(b)) || (a == b && std::signbit(a) == std::signbit(b));
}

double get(uint16_t bits, const Short &of) {
  return seq_element_get(&bits, of.dtype, 0);
}
double through(double x, const Short &by) {
  uint16_t bits;
  seq_element_set(&bits, by.dtype, 0, x);
  return get(bits, by);
}

} // namespace

TEST(Convert, EveryShortFloatStaysItself) {
  for (const Short &s : kShorts)
    for (uint32_t bits = 0; bits < 0x10000; ++bits) {
      double x = get(uint16_t(bits), s);
      ASSERT_TRUE(same(through(x, s), x)) << seq_dtype_name(s.dtype) << " " << bits;
      ASSERT_TRUE(same(rounded(x, s), x)) << seq_dtype_name(s.dtype) << " " << bits;
    }
}

TEST(Convert, RoundsOnceAndToEven) {
  for (const Short &s : kShorts)
    for (uint32_t bits = 0; bits < 0x7FFF; ++bits) {
      double x = get(uint16_t(bits), s), next = get(uint16_t(bits + 1), s);
      if (!std::isfinite(x) || std::isnan(next))
        continue;
      double middle = std::isinf(next)
                          ? std::ldexp(1.0, s.most + 1) - (x - get(uint16_t(bits - 1), s)) / 2
                          : (x + next) / 2;
      for (double y : {middle, std::nextafter(middle, 0), std::nextafter(middle, INFINITY)})
        for (double z : {y, -y})
          ASSERT_TRUE(same(through(z, s), rounded(z, s))) << seq_dtype_name(s.dtype) << " " << z;
    }
}

TEST(Convert, TheHeaderRoundsTheSame) {
  for (const Short &s : kShorts)
    for (uint32_t high = 0; high < 0x10000; ++high)
      for (uint32_t low : {0u, 1u, 0x7FFFu, 0x8000u, 0x8001u, 0x1000u, 0x0FFFu, 0x1001u}) {
        uint32_t bits = high << 16 | low;
        float x;
        std::memcpy(&x, &bits, 4);
        double y = s.dtype == SEQ_BF16 ? double(float(seq::bf16(x))) : double(float(seq::f16(x)));
        ASSERT_TRUE(same(y, through(x, s))) << seq_dtype_name(s.dtype) << " " << bits;
      }
  EXPECT_EQ(sizeof(seq::bf16), 2u);
  EXPECT_EQ(sizeof(seq::f16), 2u);
}

TEST(Convert, TypesHaveSizesNamesAndViews) {
  EXPECT_EQ(seq_dtype_size(SEQ_BF16), 2);
  EXPECT_EQ(seq_dtype_size(SEQ_F16), 2);
  EXPECT_STREQ(seq_dtype_name(SEQ_BF16), "bf16");
  EXPECT_STREQ(seq_dtype_name(SEQ_F16), "f16");
  EXPECT_TRUE(seq_dtype_is_float(SEQ_F16) && !seq_dtype_is_float(SEQ_I32));
  DLDataType brain = seq_data_type(SEQ_BF16), half = seq::data_type<seq::f16>();
  EXPECT_EQ(brain.code, kDLBfloat);
  EXPECT_EQ(brain.bits, 16);
  EXPECT_EQ(half.code, kDLFloat);
  EXPECT_EQ(half.bits, 16);
}

TEST(Convert, FilesBecomeShortFloats) {
  const float values[] = {1.00390625f, 70000.0f, -0.0f};
  const int64_t shape[] = {3};
  seq_file_tensor file = {};
  file.elem = SEQ_ELEM_F32, file.rank = 1, file.shape = shape, file.count = 3;
  file.data = values, file.bytes = sizeof values;
  uint16_t out[3];
  int32_t notes = 0;
  seq_message message;
  ASSERT_EQ(seq_convert(&file, SEQ_BF16, 0, out, &notes, "x", &message), SEQ_OK);
  EXPECT_EQ(notes, SEQ_NOTE_ROUNDED);
  EXPECT_EQ(out[0], 0x3F80); // a tie, to even
  ASSERT_EQ(seq_convert(&file, SEQ_F16, 0, out, &notes, "x", &message), SEQ_OK);
  EXPECT_EQ(out[1], 0x7C00); // beyond the range
  EXPECT_EQ(out[2], 0x8000);
  // Bits of the same type are as they are; others of 16 bits are rounded.
  const uint16_t brain[] = {0x3F81, 0x7FC1, 0x0001};
  file.elem = SEQ_ELEM_BF16, file.data = brain, file.bytes = sizeof brain;
  notes = 0;
  ASSERT_EQ(seq_convert(&file, SEQ_BF16, SEQ_CONVERT_WEIGHTS, out, &notes, "x", &message), SEQ_OK);
  EXPECT_EQ(std::memcmp(out, brain, sizeof brain), 0);
  EXPECT_EQ(notes, 0);
  ASSERT_EQ(seq_convert(&file, SEQ_F16, SEQ_CONVERT_WEIGHTS, out, &notes, "x", &message), SEQ_OK);
  EXPECT_EQ(notes, SEQ_NOTE_ROUNDED);
  EXPECT_EQ(out[2], 0);
}

TEST(Convert, IntegersHaveToFit) {
  const int32_t values[] = {256, 257};
  const int64_t shape[] = {2};
  seq_file_tensor file = {};
  file.elem = SEQ_ELEM_I32, file.rank = 1, file.shape = shape, file.count = 2;
  file.data = values, file.bytes = sizeof values;
  uint16_t out[2];
  seq_message message;
  EXPECT_EQ(seq_convert(&file, SEQ_BF16, 0, out, nullptr, "x.npy", &message), SEQ_ERR_ARGUMENT);
  EXPECT_STREQ(message.text, "x.npy: element 1 is 257, which bf16 cannot hold");
  EXPECT_EQ(seq_convert(&file, SEQ_F16, 0, out, nullptr, "x.npy", &message), SEQ_OK);
  EXPECT_EQ(out[1], 0x5C04);
}
