// Calls: batches, defaults, sizes, outputs, workspaces, failures.
#include "FakeModel.h"

#include <gtest/gtest.h>

#include <cstdlib>

using namespace fake;
using floats = std::vector<float>;

TEST(Call, OneSequenceUsesDefaults) {
  session s;
  array x({2, 3}, {1, 2, 3, 4, 5, 6}), y({2, 3});
  ASSERT_EQ(s.run(SCALE, {{&x.view, nullptr}, {&y.view}}), SEQ_OK) << s.error();
  EXPECT_EQ(y.values(), (floats{2, 4, 6, 8, 10, 12}));
}

TEST(Call, BatchSharesWhatHasTheDeclaredRank) {
  session s;
  array x({2, 1, 2}, {1, 2, 3, 4}), gain({}, {10}), y({2, 1, 2});
  ASSERT_EQ(s.run(SCALE, {{&x.view, &gain.view}, {&y.view}}), SEQ_OK) << s.error();
  EXPECT_EQ(y.values(), (floats{10, 20, 30, 40}));
}

TEST(Call, ScalarsMayCarryTheBatch) {
  session s;
  array x({1, 2}, {1, 2}), gain({3}, {1, 10, 100}), y({3, 1, 2});
  ASSERT_EQ(s.run(SCALE, {{&x.view, &gain.view}, {&y.view}}), SEQ_OK) << s.error();
  EXPECT_EQ(y.values(), (floats{1, 2, 10, 20, 100, 200}));
}

TEST(Call, EmptyBatchAndEmptySequenceAreFine) {
  session s;
  array x({0, 5, 2}), y({0, 5, 2}), x0({0, 2}), y0({0, 2});
  EXPECT_EQ(s.run(SCALE, {{&x.view, nullptr}, {&y.view}}), SEQ_OK) << s.error();
  EXPECT_EQ(s.run(SCALE, {{&x0.view, nullptr}, {&y0.view}}), SEQ_OK) << s.error();
}

TEST(Call, BatchesMustAgree) {
  session s;
  array x({2, 1, 2}), gain({3}), y({2, 1, 2});
  EXPECT_EQ(s.run(SCALE, {{&x.view, &gain.view}, {&y.view}}), SEQ_ERR_SHAPE);
  EXPECT_EQ(s.error(), "the batch is 2 from `x` but 3 from `gain`");
}

TEST(Call, RankIsNamed) {
  session s;
  array x({5}), y({5});
  EXPECT_EQ(s.run(SCALE, {{&x.view, nullptr}, {&y.view}}), SEQ_ERR_SHAPE);
  EXPECT_EQ(s.error(), "input `x` has 1 axis; [T, D] needs 2, or 3 with a batch");
}

TEST(Call, SizesAreSolvedAndChecked) {
  session s;
  array x({7, 3}), w({8, 3}), w4({8, 4}), w7({7, 3}), h({3, 3});
  int64_t sizes[3], batch;
  call_args good({&x.view, &w.view, nullptr}, {});
  ASSERT_EQ(seq_model_sizes(s.model, MIX, &good.args, sizes, &batch), SEQ_OK) << s.error();
  EXPECT_EQ(sizes[0], 7);
  EXPECT_EQ(sizes[1], 3);
  EXPECT_EQ(sizes[2], 2);
  EXPECT_EQ(batch, -1);
  EXPECT_EQ(s.run(MIX, {{&x.view, &w4.view, nullptr}, {}}), SEQ_ERR_SHAPE);
  EXPECT_EQ(s.error(), "size `D` is 3 from `x` axis 1 but 4 from `w` axis 1");
  EXPECT_EQ(s.run(MIX, {{&x.view, &w7.view, nullptr}, {}}), SEQ_ERR_SHAPE);
  EXPECT_EQ(s.error(), "`w` axis 0 is 7, and no size `H` makes it so in `[4 * H, D]`");
  EXPECT_EQ(s.run(MIX, {{&x.view, &w.view, &h.view}, {}}), SEQ_ERR_SHAPE);
  EXPECT_EQ(s.error(), "`w` axis 0 is 8, not 12 as in `[4 * H, D]` (`H` is 3 from `h0` axis 0)");
}

TEST(Call, OutputShapesAndWorkspaceAreQueries) {
  session s;
  array x({2, 7, 3}), w({8, 3});
  call_args a({&x.view, &w.view, nullptr}, {});
  int64_t shape[SEQ_MAX_RANK], bytes;
  int32_t rank;
  ASSERT_EQ(seq_model_output_shape(s.model, MIX, &a.args, 0, shape, &rank), SEQ_OK);
  EXPECT_EQ(std::vector<int64_t>(shape, shape + rank), (std::vector<int64_t>{2, 5, 2}));
  ASSERT_EQ(seq_model_output_shape(s.model, MIX, &a.args, 1, shape, &rank), SEQ_OK);
  EXPECT_EQ(std::vector<int64_t>(shape, shape + rank), (std::vector<int64_t>{2}));
  EXPECT_EQ(seq_model_output_shape(s.model, MIX, &a.args, 2, shape, &rank), SEQ_ERR_ARGUMENT);
  ASSERT_EQ(seq_model_workspace_size(s.model, MIX, &a.args, &bytes), SEQ_OK);
  EXPECT_EQ(bytes, 7 * 8 + 1);
}

TEST(Call, DefaultsWithAxesAreFilled) {
  session s;
  array x({3, 3}), w({8, 3}), y({1, 2}), z({});
  ASSERT_EQ(s.run(MIX, {{&x.view, &w.view, nullptr}, {&y.view, &z.view}}), SEQ_OK) << s.error();
  EXPECT_EQ(z.values(), floats{1});
}

TEST(Call, NegativeOutputSizesAreErrors) {
  session s;
  array x({1, 3}), w({8, 3}), y({1, 2}), z({});
  EXPECT_EQ(s.run(MIX, {{&x.view, &w.view, nullptr}, {&y.view, &z.view}}), SEQ_ERR_SHAPE);
  EXPECT_EQ(s.error(), "`y` axis 0 would be -1: its shape is `[T - 2, H]`");
}

TEST(Call, HugeShapesDoNotOverflow) {
  session s;
  float one = 1;
  int64_t big = INT64_C(1) << 62;
  int64_t shape[] = {big, 4}, empty[] = {0, big, big};
  DLTensor x = {&one, {kDLCPU, 0}, 2, {kDLFloat, 32, 1}, shape, nullptr, 0};
  array y({1, 1});
  EXPECT_EQ(s.run(SCALE, {{&x, nullptr}, {&y.view}}), SEQ_ERR_SHAPE);
  x.shape = empty;
  x.ndim = 3;
  EXPECT_EQ(s.run(SCALE, {{&x, nullptr}, {&y.view}}), SEQ_ERR_SHAPE);
}

TEST(Call, CountsOfArgumentsAreChecked) {
  session s;
  array x({1, 2}), y({1, 2});
  EXPECT_EQ(s.run(SCALE, {{&x.view}, {&y.view}}), SEQ_ERR_ARGUMENT);
  EXPECT_EQ(s.error(), "`scale` takes 2 inputs, not 1");
  EXPECT_EQ(s.run(SCALE, {{&x.view, nullptr}, {}}), SEQ_ERR_ARGUMENT);
  EXPECT_EQ(s.error(), "`scale` gives 1 output, not 0");
  EXPECT_EQ(s.run(SCALE, {{nullptr, nullptr}, {&y.view}}), SEQ_ERR_ARGUMENT);
  EXPECT_EQ(s.error(), "input `x` of `scale` is missing");
  EXPECT_EQ(s.run(99, {{}, {}}), SEQ_ERR_ARGUMENT);
  seq_args zero{};
  EXPECT_EQ(seq_model_call(s.model, SCALE, &zero), SEQ_ERR_ARGUMENT);
  EXPECT_EQ(seq_model_call(s.model, SCALE, nullptr), SEQ_ERR_ARGUMENT);
  EXPECT_EQ(seq_model_call(nullptr, SCALE, &zero), SEQ_ERR_ARGUMENT);
}

TEST(Call, OutputShapeIsNamed) {
  session s;
  array x({2, 3, 2}), y({3, 2});
  EXPECT_EQ(s.run(SCALE, {{&x.view, nullptr}, {&y.view}}), SEQ_ERR_SHAPE);
  EXPECT_EQ(s.error(), "output `y` is [3, 2], not [2, 3, 2]");
}

TEST(Call, WorkspaceOfTheCaller) {
  session s;
  array x({4, 8}), h({8});
  alignas(64) char memory[128];
  call_args a({&x.view}, {&h.view});
  a.args.workspace = memory;
  a.args.workspace_bytes = 64;
  EXPECT_EQ(s.run(RING, a), SEQ_OK) << s.error();
  a.args.workspace_bytes = 63;
  EXPECT_EQ(s.run(RING, a), SEQ_ERR_ARGUMENT);
  EXPECT_EQ(s.error(), "the workspace has 63 bytes, `ring` needs 64");
  a.args.workspace = memory + 4;
  a.args.workspace_bytes = 64;
  EXPECT_EQ(s.run(RING, a), SEQ_ERR_ARGUMENT);
}

namespace {
DLTensor integers(int32_t *data, int64_t *shape, int32_t ndim) {
  return {data, {kDLCPU, 0}, ndim, {kDLInt, 32, 1}, shape, nullptr, 0};
}
} // namespace

TEST(Call, FailureNamesThePlace) {
  session s;
  array w({5}), y({3});
  int32_t index[] = {0, 7, -1};
  int64_t shape[] = {3};
  DLTensor i = integers(index, shape, 1);
  seq_failure_info info;
  EXPECT_EQ(s.run(GATHER, {{&w.view, &i}, {&y.view}}), SEQ_ERR_RUN);
  EXPECT_EQ(s.error(), "model.seq:2:14: error: index -1 is outside of an axis of 5 in `w[i[t]]`");
  ASSERT_EQ(seq_ctx_failure(s.ctx, &info), 1);
  EXPECT_EQ(info.value, -1);
  EXPECT_EQ(info.bound, 5);
  EXPECT_EQ(info.line, 2);
  index[1] = index[2] = 4;
  EXPECT_EQ(s.run(GATHER, {{&w.view, &i}, {&y.view}}), SEQ_OK);
  EXPECT_EQ(seq_ctx_failure(s.ctx, &info), 0);
}

TEST(Call, FailureOfTheFirstSequence) {
  for (int32_t threads : {1, 3}) {
    session s(plain, threads);
    array w({5}), y({3, 2});
    int32_t index[] = {0, 1, 0, 9, 8, 7};
    int64_t shape[] = {3, 2};
    DLTensor i = integers(index, shape, 2);
    EXPECT_EQ(s.run(GATHER, {{&w.view, &i}, {&y.view}}), SEQ_ERR_RUN);
    EXPECT_EQ(s.error(), "model.seq:2:14: error: index 9 is outside of an axis of 5 in `w[i[t]]` "
                         "(sequence 1 of the batch)");
  }
}

TEST(Call, RequirementsOfSizes) {
  session s(requiring);
  seq_failure_info info;
  array x({5, 2}), y({5, 2}), odd({2, 3}), yOdd({2, 3});
  EXPECT_EQ(s.run(0, {{&x.view, nullptr}, {&y.view}}), SEQ_ERR_SHAPE);
  EXPECT_EQ(s.error(), "model.seq:3:9: error: `pos[t]` needs `T <= 4`, here 5 and 4");
  ASSERT_EQ(seq_ctx_failure(s.ctx, &info), 1);
  EXPECT_STREQ(info.rule, "T <= 4");
  EXPECT_EQ(info.kind, SEQ_FAIL_REQUIRED);
  EXPECT_EQ(s.run(0, {{&odd.view, nullptr}, {&yOdd.view}}), SEQ_ERR_SHAPE);
  EXPECT_EQ(s.error(), "model.seq:4:1: error: `x[D]` needs `D == 2 * (D / 2)`, here 3 and 2");

  // Each sequence has its own sizes; padding is of no account.
  array xs({3, 6, 2}), ys({3, 6, 2});
  const int64_t fine[] = {4, 0, 4}, late[] = {1, 4, 5};
  EXPECT_EQ(s.run(0, {{&xs.view, nullptr}, {&ys.view}, {{nullptr, fine, 3}}}), SEQ_OK);
  EXPECT_EQ(s.run(0, {{&xs.view, nullptr}, {&ys.view}, {{nullptr, late, 3}}}), SEQ_ERR_SHAPE);
  EXPECT_EQ(s.error(), "model.seq:3:9: error: `pos[t]` needs `T <= 4`, here 5 and 4 (sequence 2 of "
                       "the batch)");
}

TEST(Call, FailureTexts) {
  char text[200];
  seq_failure_info f{};
  f.what = "a / b";
  f.kind = SEQ_FAIL_DIV_ZERO;
  EXPECT_EQ(seq_failure_text(&f, text, sizeof text), 27);
  EXPECT_STREQ(text, "division by zero in `a / b`");
  for (int32_t kind :
       {int32_t(SEQ_FAIL_CONVERT), int32_t(SEQ_FAIL_EMPTY), int32_t(SEQ_FAIL_SIZE), 99}) {
    f.kind = kind;
    EXPECT_GT(seq_failure_text(&f, text, sizeof text), 10);
  }
}

TEST(Call, OrderIsLongestFirstThenByNumber) {
  for (int64_t n = 0; n < 70; n++) {
    std::vector<int64_t> extents, order(static_cast<size_t>(n));
    for (int64_t k = 0; k < n; k++)
      extents.push_back(k * 7919 % 11);
    seq_call call{};
    call.batch = n;
    seq_rt_order(&call, extents.data(), order.data());
    for (size_t k = 1; k < order.size(); k++) {
      int64_t a = order[k - 1], b = order[k];
      EXPECT_TRUE(extents[a] > extents[b] || (extents[a] == extents[b] && a < b));
    }
  }
}

TEST(Call, ThreadsComeFromTheEnvironment) {
  setenv("SEQC_NUM_THREADS", "3", 1);
  seq_ctx *ctx = seq_ctx_create(0);
  EXPECT_EQ(seq_ctx_threads(ctx), 3);
  seq_ctx_destroy(ctx);
  unsetenv("SEQC_NUM_THREADS");
  setenv("OMP_NUM_THREADS", "2,4", 1);
  ctx = seq_ctx_create(0);
  EXPECT_EQ(seq_ctx_threads(ctx), 2);
  seq_ctx_destroy(ctx);
  unsetenv("OMP_NUM_THREADS");
  ctx = seq_ctx_create(0);
  EXPECT_GE(seq_ctx_threads(ctx), 1);
  seq_ctx_destroy(ctx);
}
