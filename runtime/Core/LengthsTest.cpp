// Ragged batches: which size lengths are of, what is checked, what is zero.
#include "FakeModel.h"

#include <gtest/gtest.h>

#include <limits>

using namespace fake;
using floats = std::vector<float>;

TEST(Lengths, OutputsAreZeroPastEachLength) {
  session s;
  float nan = std::numeric_limits<float>::quiet_NaN();
  array x({3, 2, 1}, {1, 2, 3, nan, nan, nan}), y({3, 2, 1}, {9, 9, 9, 9, 9, 9});
  int64_t n[] = {2, 1, 0};
  ASSERT_EQ(s.run(SCALE, {{&x.view, nullptr}, {&y.view}, {{nullptr, n, 3}}}), SEQ_OK) << s.error();
  EXPECT_EQ(y.values(), (floats{2, 4, 6, 0, 0, 0}));
}

TEST(Lengths, FullLengthsAreTheSameAsNone) {
  session s;
  array x({2, 2, 1}, {1, 2, 3, 4}), y({2, 2, 1});
  int64_t n[] = {2, 2};
  ASSERT_EQ(s.run(SCALE, {{&x.view, nullptr}, {&y.view}, {{"T", n, 2}}}), SEQ_OK) << s.error();
  EXPECT_EQ(y.values(), (floats{2, 4, 6, 8}));
}

TEST(Lengths, AreChecked) {
  session s;
  array x({2, 5, 1}), one({5, 1}), y({2, 5, 1}), y1({5, 1});
  int64_t three[] = {5, 4, 3}, high[] = {5, 6}, low[] = {-1, 5};
  auto run = [&](seq_lengths l) {
    EXPECT_NE(s.run(SCALE, {{&x.view, nullptr}, {&y.view}, {l}}), SEQ_OK);
    return s.error();
  };
  EXPECT_EQ(run({nullptr, three, 3}), "lengths has 3 entries, the batch has 2");
  EXPECT_EQ(run({"T", three, 1}), "lengths.T has 1 entry, the batch has 2");
  EXPECT_EQ(run({nullptr, high, 2}), "lengths[1] is 6, above the padded size `T` of 5");
  EXPECT_EQ(run({nullptr, low, 2}), "lengths[0] is -1, below 0");
  EXPECT_EQ(run({"Q", low, 2}), "lengths.Q: `scale` has no dynamic size `Q`");
  EXPECT_EQ(run({nullptr, nullptr, 2}), "lengths has no values");
  EXPECT_EQ(s.run(SCALE, {{&one.view, nullptr}, {&y1.view}, {{nullptr, three, 1}}}), SEQ_ERR_SHAPE);
  EXPECT_EQ(s.error(), "lengths without a batch: no input has a batch axis");
  EXPECT_EQ(s.run(SCALE, {{&x.view, nullptr}, {&y.view}, {{"T", three, 2}, {nullptr, three, 2}}}),
            SEQ_ERR_ARGUMENT);
  EXPECT_EQ(s.error(), "the lengths of `T` are given twice");
}

TEST(Lengths, PlainGoesToTheFirstSequenceSize) {
  // gather's first input is w: [N], no sequence: plain lengths are of T.
  session s;
  array w({2}, {5, 6}), y({2, 2});
  int32_t index[] = {0, 1, 1, 99};
  int64_t shape[] = {2, 2}, n[] = {2, 1};
  DLTensor i = {index, {kDLCPU, 0}, 2, {kDLInt, 32, 1}, shape, nullptr, 0};
  ASSERT_EQ(s.run(GATHER, {{&w.view, &i}, {&y.view}, {{nullptr, n, 2}}}), SEQ_OK) << s.error();
  EXPECT_EQ(y.values(), (floats{5, 6, 6, 0}));
}

TEST(Lengths, EachNamedSizeHasItsOwn) {
  session s;
  array x({2, 2}, {1, 2, 3, 4}), z({2, 2, 2});
  array y({2}, {10, 20});
  uint8_t mask[] = {1, 1, 1, 1};
  int64_t shape[] = {2, 2}, t[] = {1, 2}, u[] = {2, 1};
  DLTensor m = {mask, {kDLCPU, 0}, 2, {kDLBool, 8, 1}, shape, nullptr, 0};
  ASSERT_EQ(s.run(PAIR, {{&x.view, &y.view, &m}, {&z.view}, {{nullptr, t, 2}, {"S", u, 2}}}),
            SEQ_OK)
      << s.error();
  EXPECT_EQ(z.values(), (floats{11, 21, 0, 0, 13, 0, 14, 0}));
}

TEST(Lengths, ShapesMadeFromLengthsStayInBounds) {
  session s;
  array x({2, 7, 3}), w({8, 3}), y({2, 5, 2}), z({2});
  int64_t fine[] = {7, 2}, bad[] = {7, 1};
  EXPECT_EQ(s.run(MIX, {{&x.view, &w.view, nullptr}, {&y.view, &z.view}, {{nullptr, fine, 2}}}),
            SEQ_OK)
      << s.error();
  EXPECT_EQ(s.run(MIX, {{&x.view, &w.view, nullptr}, {&y.view, &z.view}, {{nullptr, bad, 2}}}),
            SEQ_ERR_SHAPE);
  EXPECT_EQ(s.error(), "`y` axis 0 would be -1 in sequence 1, outside of 0 to 5: its shape is "
                       "`[T - 2, H]`");
}

TEST(Lengths, BatchOfAnySizeAfterAnother) {
  session s;
  for (int64_t b : {1, 100, 3, 1000}) {
    array x({b, 2, 1}), y({b, 2, 1});
    std::vector<int64_t> n(static_cast<size_t>(b), 1);
    ASSERT_EQ(s.run(SCALE, {{&x.view, nullptr}, {&y.view}, {{nullptr, n.data(), b}}}), SEQ_OK);
  }
}
