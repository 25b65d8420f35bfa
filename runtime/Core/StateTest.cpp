// States of streams: pieces, failures, capacity, copies.
#include "FakeModel.h"

#include <gtest/gtest.h>

#include <cmath>

namespace {
using fake::array;
using fake::call_args;

struct stream {
  fake::session s;
  seq_state *state = nullptr;
  int created;

  explicit stream(int64_t batch, int64_t capacity = 10,
                  const seq_model_desc &desc = fake::streaming)
      : s(desc), created(make(batch, capacity, &state)) {}
  ~stream() { seq_state_destroy(state); }
  stream(const stream &) = delete;

  int make(int64_t batch, int64_t capacity, seq_state **out, bool sizes = true) {
    int64_t D = 2;
    seq_lengths d{"D", &D, 1};
    seq_state_options o{sizeof o, 0, batch, capacity, &d, sizes ? 1 : 0, 0};
    return seq_state_create(s.model, &o, out);
  }
  int run(const array &x, array &y, std::vector<int64_t> lengths = {}, bool step = false) {
    std::vector<seq_lengths> own;
    if (!lengths.empty())
      own.push_back({nullptr, lengths.data(), static_cast<int64_t>(lengths.size())});
    call_args a({&x.view}, {&y.view}, own);
    return step ? seq_state_step(state, &a.args) : seq_state_call(state, &a.args);
  }
};

TEST(State, PiecesGoOn) {
  stream one(-1);
  ASSERT_EQ(one.created, SEQ_OK) << one.s.error();
  EXPECT_TRUE(seq_state_has_capacity(one.state));
  array x({2, 2}, {1, 2, 3, 4}), y({2, 2}), x1({1, 2}, {10, 20}), y1({1, 2});
  ASSERT_EQ(one.run(x, y), SEQ_OK) << one.s.error();
  EXPECT_EQ(y.values(), (std::vector<float>{1, 2, 4, 6}));
  ASSERT_EQ(one.run(x1, y1, {}, true), SEQ_OK) << one.s.error();
  EXPECT_EQ(y1.values(), (std::vector<float>{14, 26}));
  EXPECT_EQ(*seq_state_positions(one.state), 3);
  ASSERT_EQ(seq_state_reset(one.state, -1), SEQ_OK);
  ASSERT_EQ(one.run(x1, y1), SEQ_OK);
  EXPECT_EQ(y1.values(), (std::vector<float>{10, 20}));
}

TEST(State, OneStepOfEachHasCodeOfItsOwn) {
  fake::stepped = fake::prepared = 0;
  stream two(2, 10, fake::steps);
  ASSERT_EQ(two.created, SEQ_OK) << two.s.error();
  EXPECT_EQ(fake::prepared, 1); // by the first function, for both
  array x({2, 2, 2}, {1, 1, 2, 2, 3, 3, 4, 4}), y({2, 2, 2}), x1({2, 1, 2}, {1, 1, 1, 1}),
      y1({2, 1, 2});
  ASSERT_EQ(two.run(x, y), SEQ_OK) << two.s.error();
  EXPECT_EQ(fake::stepped, 0);
  ASSERT_EQ(two.run(x1, y1, {}, true), SEQ_OK) << two.s.error();
  EXPECT_EQ(fake::stepped, 1);
  EXPECT_EQ(y1.values(), (std::vector<float>{4, 4, 8, 8}));
  ASSERT_EQ(two.run(x1, y1), SEQ_OK) << two.s.error(); // a piece of one step
  EXPECT_EQ(fake::stepped, 2);
  ASSERT_EQ(two.run(x1, y1, {1, 0}, true), SEQ_OK) << two.s.error(); // one rests
  EXPECT_EQ(fake::stepped, 2);
  EXPECT_EQ(y1.values(), (std::vector<float>{6, 6, 0, 0}));
}

TEST(State, SequencesStandApart) {
  stream two(2);
  array x({2, 2, 2}, {1, 1, 2, 2, 3, 3, 4, 4}), y({2, 2, 2});
  ASSERT_EQ(two.run(x, y, {2, 0}), SEQ_OK) << two.s.error();
  EXPECT_EQ(seq_state_positions(two.state)[0], 2);
  EXPECT_EQ(seq_state_positions(two.state)[1], 0);
  ASSERT_EQ(two.run(x, y, {1, 2}), SEQ_OK) << two.s.error();
  EXPECT_EQ(y.values(), (std::vector<float>{4, 4, 0, 0, 3, 3, 7, 7}));
  ASSERT_EQ(seq_state_reset(two.state, 0), SEQ_OK);
  ASSERT_EQ(two.run(x, y, {1, 1}), SEQ_OK);
  EXPECT_EQ(y.values(), (std::vector<float>{1, 1, 0, 0, 10, 10, 0, 0}));
  EXPECT_EQ(seq_state_reset(two.state, 2), SEQ_ERR_ARGUMENT);
}

TEST(State, AFailedCallLeavesIt) {
  stream one(-1);
  array x({1, 2}, {1, 2}), bad({1, 2}, {5, NAN}), y({1, 2});
  ASSERT_EQ(one.run(x, y), SEQ_OK);
  EXPECT_EQ(one.run(bad, y), SEQ_ERR_RUN);
  EXPECT_EQ(*seq_state_positions(one.state), 1);
  ASSERT_EQ(one.run(x, y), SEQ_OK);
  EXPECT_EQ(y.values(), (std::vector<float>{2, 4}));
}

TEST(State, Capacity) {
  stream one(-1, 3);
  array x({2, 2}), y({2, 2}), x1({1, 2}), y1({1, 2}), x4({4, 2}), y4({4, 2});
  EXPECT_EQ(one.run(x4, y4), SEQ_ERR_CAPACITY);
  EXPECT_EQ(one.s.error(), "a piece of 4 steps is longer than the state's capacity of 3");
  ASSERT_EQ(one.run(x, y), SEQ_OK);
  EXPECT_EQ(one.run(x, y), SEQ_ERR_CAPACITY);
  EXPECT_EQ(one.s.error(), "sequence 0 would have 4 steps, and the state has a capacity of 3");
  EXPECT_EQ(one.run(x1, y1), SEQ_OK);
  EXPECT_EQ(one.run(x1, y1), SEQ_ERR_CAPACITY);
}

TEST(State, SaveAndRestore) {
  stream one(-1), other(-1), larger(-1, 11);
  array x({1, 2}, {1, 2}), y({1, 2});
  ASSERT_EQ(one.run(x, y), SEQ_OK);
  std::vector<char> bytes(static_cast<size_t>(seq_state_bytes(one.state)));
  auto size = static_cast<int64_t>(bytes.size());
  EXPECT_EQ(seq_state_save(one.state, bytes.data(), size - 1), SEQ_ERR_ARGUMENT);
  ASSERT_EQ(seq_state_save(one.state, bytes.data(), size), SEQ_OK);
  ASSERT_EQ(seq_state_restore(other.state, bytes.data(), size), SEQ_OK) << other.s.error();
  ASSERT_EQ(other.run(x, y), SEQ_OK);
  EXPECT_EQ(y.values(), (std::vector<float>{2, 4}));
  EXPECT_EQ(seq_state_restore(larger.state, bytes.data(), size), SEQ_ERR_ARGUMENT);
  EXPECT_EQ(seq_state_restore(other.state, bytes.data(), size - 1), SEQ_ERR_ARGUMENT);
  EXPECT_EQ(seq_state_restore(other.state, bytes.data(), 3), SEQ_ERR_ARGUMENT);
  int64_t beyond = 11; // the place of the first sequence, behind the header
  std::memcpy(bytes.data() + 32, &beyond, 8);
  EXPECT_EQ(seq_state_restore(other.state, bytes.data(), size), SEQ_ERR_ARGUMENT);
  bytes[0] ^= 1;
  EXPECT_EQ(seq_state_restore(other.state, bytes.data(), size), SEQ_ERR_ARGUMENT);
}

TEST(State, ForkAndReorder) {
  stream two(2);
  array x({2, 1, 2}, {1, 2, 30, 40}), y({2, 1, 2}), z({2, 1, 2}, {0, 0, 0, 0});
  ASSERT_EQ(two.run(x, y), SEQ_OK);
  seq_state *fork = nullptr;
  ASSERT_EQ(seq_state_fork(two.state, &fork), SEQ_OK);
  ASSERT_EQ(two.run(x, y), SEQ_OK);
  const int64_t both[] = {1, 1}, wrong[] = {0, 2};
  EXPECT_EQ(seq_state_reorder(fork, wrong, 2), SEQ_ERR_ARGUMENT);
  EXPECT_EQ(seq_state_reorder(fork, both, 1), SEQ_ERR_ARGUMENT);
  ASSERT_EQ(seq_state_reorder(fork, both, 2), SEQ_OK);
  std::swap(two.state, fork);
  ASSERT_EQ(two.run(z, y), SEQ_OK);
  EXPECT_EQ(y.values(), (std::vector<float>{30, 40, 30, 40}));
  std::swap(two.state, fork);
  ASSERT_EQ(two.run(z, y), SEQ_OK);
  EXPECT_EQ(y.values(), (std::vector<float>{2, 4, 60, 80}));
  seq_state_destroy(fork);
}

TEST(State, Refusals) {
  stream one(-1), two(2);
  seq_state *none = nullptr;
  EXPECT_EQ(one.make(-1, 4, &none, /*sizes=*/false), SEQ_ERR_ARGUMENT);
  EXPECT_EQ(one.s.error(), "the state `h` is `[D]`: seq_state_options.sizes must give `D`");
  EXPECT_EQ(one.make(-2, 4, &none), SEQ_ERR_ARGUMENT);
  fake::session plain(fake::plain);
  seq_state_options o{sizeof o, 0, 1, 1, nullptr, 0, 0};
  EXPECT_EQ(seq_state_create(plain.model, &o, &none), SEQ_ERR_MODEL);
  EXPECT_EQ(plain.error(), "`Plain` has no stream");
  EXPECT_EQ(none, nullptr);
  array x({2, 2}), y({2, 2}), b({2, 1, 2}), c({2, 1, 2});
  EXPECT_EQ(one.run(x, y, {}, /*step=*/true), SEQ_ERR_SHAPE);
  EXPECT_EQ(one.s.error(), "a step has 1 for `T`, this has 2");
  EXPECT_EQ(two.run(x, y), SEQ_ERR_SHAPE);
  EXPECT_EQ(one.run(b, c), SEQ_ERR_SHAPE);
  int64_t shape[SEQ_MAX_RANK], bytes;
  int32_t rank = 0;
  call_args piece({&x.view}, {&y.view});
  EXPECT_EQ(seq_state_call(nullptr, &piece.args), SEQ_ERR_ARGUMENT);
  EXPECT_EQ(seq_state_output_shape(nullptr, &piece.args, 0, shape, &rank), SEQ_ERR_ARGUMENT);
  EXPECT_EQ(seq_state_workspace_size(nullptr, &piece.args, &bytes), SEQ_ERR_ARGUMENT);
  call_args direct({&x.view, nullptr, nullptr}, {&y.view, nullptr, nullptr});
  EXPECT_EQ(one.s.run(1, direct), SEQ_ERR_ARGUMENT);
  EXPECT_EQ(one.s.error(), "the stream of `Sums` is called with a state");
  call_args few({}, {&y.view});
  EXPECT_EQ(seq_state_call(one.state, &few.args), SEQ_ERR_ARGUMENT);
  call_args query({&x.view}, {});
  EXPECT_EQ(seq_state_output_shape(one.state, &query.args, 0, shape, &rank), SEQ_OK);
  EXPECT_EQ(rank, 2);
  EXPECT_EQ(shape[0], 2);
  EXPECT_EQ(seq_state_output_shape(one.state, &query.args, 1, shape, &rank), SEQ_ERR_ARGUMENT);
}
} // namespace
