// The C++ wrapper.
#include "FakeModel.h"
#include "seq/seq.hpp"

#include <gtest/gtest.h>

using floats = std::vector<float>;

TEST(Wrapper, BindsAndCalls) {
  seq::context ctx(2);
  seq::model model(ctx, fake::layer);
  floats w = {1, 2, 3, 4, 5, 6}, bias = {10, 20}, x = {1, 1, 1, 1, 0, 0}, y(4);
  model.bind({seq::view(w, {2, 3}), seq::view(bias, {2})});
  model.call("project", {seq::view(x, {2, 3})}, {seq::view(y, {2, 2})});
  EXPECT_EQ(y, (floats{16, 35, 11, 24}));
}

TEST(Wrapper, ThrowsTheMessage) {
  seq::context ctx(1);
  seq::model model(ctx, fake::plain);
  floats x(4), y(4);
  try {
    model.call("scale", {seq::view(x, {4}), {}}, {seq::view(y, {4})});
    FAIL();
  } catch (const seq::error &e) {
    EXPECT_EQ(e.status(), SEQ_ERR_SHAPE);
    EXPECT_STREQ(e.what(), "input `x` has 1 axis; [T, D] needs 2, or 3 with a batch");
  }
  EXPECT_THROW(model.function("nowhere"), seq::error);
  EXPECT_THROW(seq::view(x, {2, 3}), seq::error);
  EXPECT_THROW(seq::view(x, {0, 3}), seq::error);
  EXPECT_THROW(seq::view(x, {-1, 4}), seq::error);
  EXPECT_THROW((seq::view(x, {INT64_C(1) << 62, 4, 4})), seq::error);
}

TEST(Wrapper, QueriesAndLengths) {
  seq::context ctx(1);
  seq::model model(ctx, fake::plain);
  floats x = {1, 2, 3, 4}, y(4, 9);
  std::vector<seq::view> in = {seq::view(x, {2, 2, 1}), seq::view()};
  EXPECT_EQ(model.output_shape("scale", 0, in), (std::vector<std::int64_t>{2, 2, 1}));
  EXPECT_EQ(model.workspace_size("scale", in), 0);
  model.call("scale", in, {seq::view(y, {2, 2, 1})}, {{{1, 2}, ""}});
  EXPECT_EQ(y, (floats{2, 0, 6, 8}));
  EXPECT_FALSE(ctx.failure());
}

TEST(Wrapper, States) {
  seq::context ctx(1);
  seq::model model(ctx, fake::streaming);
  EXPECT_THROW(seq::state(model, {2, 4, {}}), seq::error);
  seq::state two(model, {2, 4, {{"D", 1}}});
  floats x = {1, 10}, y(2);
  two.step({seq::view(x, {2, 1, 1})}, {seq::view(y, {2, 1, 1})});
  std::vector<char> saved = two.save();
  seq::state fork = two.fork();
  fork.reorder({1, 1});
  fork.step({seq::view(x, {2, 1, 1})}, {seq::view(y, {2, 1, 1})}, {{{1, 0}, ""}});
  EXPECT_EQ(y, (floats{11, 0}));
  EXPECT_EQ(fork.positions()[0], 2);
  EXPECT_EQ(fork.positions()[1], 1);
  two.reset(0);
  two.step({seq::view(x, {2, 1, 1})}, {seq::view(y, {2, 1, 1})});
  EXPECT_EQ(y, (floats{1, 20}));
  two.restore(saved);
  two.prefill({seq::view(x, {2, 1, 1})}, {seq::view(y, {2, 1, 1})});
  EXPECT_EQ(y, (floats{2, 20}));
}

TEST(Wrapper, ArraysOfTheDevice) {
  seq::context ctx(1);
  seq::model model(ctx, fake::plain);
  floats x = {1, 2, 3, 4}, y(4);
  seq::device_array<float> in(ctx, {2, 2}, x.data()), out(ctx, {2, 2});
  seq::device_array<float> moved = std::move(in);
  model.call("scale", {moved, {}}, {out});
  out.copy_out(y.data());
  EXPECT_EQ(y, (floats{2, 4, 6, 8}));
  EXPECT_EQ(ctx.kind(), SEQ_ON_CPU);
  EXPECT_THROW((seq::device_array<float>(ctx, {INT64_C(1) << 62, 4})), seq::error);
}
