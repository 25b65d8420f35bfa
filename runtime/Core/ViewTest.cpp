// DLPack views that the runtime must refuse, and those it must take.
#include "FakeModel.h"

#include <gtest/gtest.h>

using namespace fake;

namespace {
struct View : ::testing::Test {
  session s;
  array x{{2, 3}}, y{{2, 3}};
  std::string error() {
    EXPECT_NE(s.run(SCALE, {{&x.view, nullptr}, {&y.view}}), SEQ_OK);
    return s.error();
  }
  bool fine() { return s.run(SCALE, {{&x.view, nullptr}, {&y.view}}) == SEQ_OK; }
};
} // namespace

TEST_F(View, TypeIsNamed) {
  x.view.dtype = {kDLFloat, 64, 1};
  EXPECT_EQ(error(), "input `x` is f64, not f32");
  x.view.dtype = {kDLBfloat, 16, 1};
  EXPECT_EQ(error(), "input `x` is bf16, not f32");
  x.view.dtype = {kDLFloat, 32, 4};
  EXPECT_EQ(error(), "input `x` is f32 x 4, not f32");
  x.view.dtype = {kDLBool, 8, 1};
  EXPECT_EQ(error(), "input `x` is bool, not f32");
  x.view.dtype = {77, 8, 1};
  EXPECT_EQ(error(), "input `x` is type 77 of 8 bits, not f32");
}

TEST_F(View, DeviceIsChecked) {
  y.view.device.device_type = kDLCUDA;
  EXPECT_EQ(error(), "output `y` is on CUDA device 0, not on the CPU: copy it there, or call in a "
                     "context of that device");
}

TEST_F(View, StridesMustBeDense) {
  int64_t dense[] = {3, 1}, transposed[] = {1, 2}, broadcast[] = {0, 1};
  x.view.strides = dense;
  EXPECT_TRUE(fine());
  x.view.strides = transposed;
  EXPECT_EQ(error(), "input `x` is not dense and row major: copy it first");
  x.view.strides = broadcast;
  EXPECT_EQ(error(), "input `x` is not dense and row major: copy it first");
}

TEST_F(View, StridesOfAxesOfOneSayNothing) {
  int64_t odd[] = {77, 1};
  array a({1, 3}), b({1, 3});
  a.view.strides = odd;
  EXPECT_EQ(s.run(SCALE, {{&a.view, nullptr}, {&b.view}}), SEQ_OK) << s.error();
}

TEST_F(View, DataAndShapeMustBeThere) {
  x.view.data = nullptr;
  EXPECT_EQ(error(), "input `x` has no data");
  x.view.data = x.data.data();
  x.view.shape = nullptr;
  EXPECT_NE(error(), "");
  x.view.shape = x.shape.data();
  x.view.ndim = -1;
  EXPECT_NE(error(), "");
  x.view.ndim = 33;
  EXPECT_EQ(error(), "input `x` has 33 axes; at most 32 are possible");
}

TEST_F(View, NegativeAxes) {
  x.shape[0] = -2;
  EXPECT_EQ(error(), "input `x` has a negative axis or too many elements");
}

TEST_F(View, OffsetAndAlignment) {
  array wide({3, 3}, {0, 0, 0, 1, 2, 3, 4, 5, 6});
  x.view.data = wide.data.data();
  x.view.byte_offset = 12;
  ASSERT_TRUE(fine()) << s.error();
  EXPECT_EQ(y.values(), (std::vector<float>{2, 4, 6, 8, 10, 12}));
  x.view.byte_offset = 2;
  EXPECT_EQ(error(), "input `x` is not aligned to its 4-byte elements");
}
