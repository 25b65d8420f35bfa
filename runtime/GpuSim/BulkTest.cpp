// Bulk copies and boxes of tensors: they land when they are waited for, and not before.
#include "SimForTest.h"

#include <numeric>

class Bulk : public SimTest {
protected:
  /// Fails in each order with all of these in its text.
  void fails(seq_simulated_fn body, int threads, std::vector<uint64_t> args,
             std::vector<std::string> parts) {
    inAllOrders([&] {
      EXPECT_EQ(launch(body, threads, 1, args, 8192), -1);
      expectError(parts);
    });
  }
};

static uint64_t *bar(int i = 0) {
  return shared<uint64_t>() + i;
}
static int32_t *data() {
  return shared<int32_t>() + 64;
}

enum Fault {
  kNone,
  kNoWait,
  kNoExpect,
  kTooLittle,
  kTooMuch,
  kNoInitFence,
  kNoReuseWait,
  kNoProxyFence,
  kNoStoreWait,
  kNoBarrier,
  kReadWaitOnly,
  kSourceWritten,
  kNoCommit,
};

// A block of 64 threads doubles x in pieces of 256 bytes, by loads and stores in bulk; the loads
// have two buffers.
template <int What> static void twice(const uint64_t *args) {
  int32_t *x = argument<int32_t>(args, 0), *y = argument<int32_t>(args, 1);
  if (tid() == 0) {
    seq_sim_mbarrier_init(bar(0), 1, HERE);
    seq_sim_mbarrier_init(bar(1), 1, HERE);
    if (What != kNoInitFence)
      seq_sim_fence_mbarriers();
  }
  barrier(HERE);
  auto load = [&](int step) {
    if (tid() != 0)
      return;
    int bytes = What == kTooLittle ? 240 : What == kTooMuch ? 272 : 256;
    if (What == kNoExpect)
      seq_sim_mbarrier_arrive(bar(step % 2), 1, 0, 0, HERE);
    else
      seq_sim_mbarrier_arrive(bar(step % 2), 1, bytes, 0, HERE);
    seq_sim_bulk_load(data() + 64 * (step % 2), x + 64 * step, 256, bar(step % 2), 0, HERE);
  };
  load(0);
  for (int step = 0; step < 4; step++) {
    if (step < 3)
      load(step + 1);
    if (What != kNoWait)
      seq_sim_mbarrier_wait(bar(step % 2), step / 2, 1, HERE);
    int32_t *out = data() + 128;
    if (tid() == 0 && What != kNoReuseWait)
      seq_sim_bulk_wait(0, 1);
    barrier(HERE);
    STORE(out[tid()], 2 * LOAD(data()[64 * (step % 2) + (tid() + 1) % 64]));
    if (What != kNoProxyFence)
      seq_sim_fence_proxy();
    if (What != kNoBarrier)
      barrier(HERE);
    if (tid() == 0) {
      seq_sim_bulk_store(y + 64 * step, out, 256, HERE);
      if (What != kNoCommit)
        seq_sim_bulk_commit();
      if (What == kSourceWritten)
        STORE(out[5], 1);
    }
  }
  if (tid() == 0 && What != kNoStoreWait)
    seq_sim_bulk_wait(0, What == kReadWaitOnly);
  if (tid() == 0)
    EXPECT_EQ(LOAD(y[63]), 2 * x[0]);
}

TEST_F(Bulk, LoadsAndStores) {
  std::vector<int32_t> x(256), y(256);
  std::iota(x.begin(), x.end(), 1);
  allow(x, "x");
  allow(y, "y");
  inAllOrders([&] {
    std::fill(y.begin(), y.end(), 0);
    ASSERT_EQ(launch(twice<kNone>, 64, 1, {to(x), to(y)}, 2048), 0) << error();
    for (int i = 0; i < 256; i++)
      ASSERT_EQ(y[i], 2 * x[i / 64 * 64 + (i + 1) % 64]);
  });
}

TEST_F(Bulk, EachFaultIsReported) {
  std::vector<int32_t> x(256), y(256);
  allow(x, "x");
  allow(y, "y");
  std::vector<uint64_t> args = {to(x), to(y)};
  fails(twice<kNoWait>, 64, args, {"where the asynchronous copy of thread 0", "has not landed"});
  fails(twice<kNoExpect>, 64, args, {"where the asynchronous copy of thread 0", "has not landed"});
  fails(twice<kTooMuch>, 64, args,
        {"waits for a barrier in shared memory (of byte 0; phase 0; 0 arrivals and 16 bytes"});
  fails(twice<kTooLittle>, 64, args, {"0 arrivals and -16 bytes are to come"});
  fails(twice<kNoInitFence>, 64, args,
        {"tells the barrier of byte 0", "a fence.mbarrier_init or fence.proxy.async has to come"});
  fails(twice<kNoProxyFence>, 64, args,
        {"touches byte", "wrote at k.seq:", "a fence.proxy.async has to come between"});
  fails(twice<kNoReuseWait>, 64, args, {"was still reading byte", "when thread"});
  fails(twice<kNoBarrier>, 64, args, {"shared memory"});
  fails(twice<kNoStoreWait>, 64, args, {"where the asynchronous copy of thread 0", "of `y`"});
  fails(twice<kReadWaitOnly>, 64, args, {"where the asynchronous copy of thread 0", "of `y`"});
  fails(twice<kSourceWritten>, 64, args,
        {"the asynchronous copy at k.seq:", "was still reading byte", "when thread 0 wrote there"});
  fails(twice<kNoCommit>, 64, args, {"the asynchronous copy"});
}

TEST_F(Bulk, EndsInFlight) {
  auto load = [](const uint64_t *args) {
    seq_sim_mbarrier_init(bar(), 1, HERE);
    seq_sim_fence_proxy();
    seq_sim_mbarrier_arrive(bar(), 1, 16, 0, HERE);
    seq_sim_bulk_load(data(), argument<void>(args, 0), 16, bar(), 0, HERE);
  };
  std::vector<int32_t> x(4), y(4, 7);
  allow(x, "x", false);
  allow(y, "y");
  fails(load, 1, {to(x)},
        {"block 0 ends while 1 asynchronous operations are on their way: the last one began at "
         "k.seq:"});
  auto store = [](const uint64_t *args) {
    STORE(data()[0], 1);
    STORE(data()[1], 2);
    STORE(data()[2], 3);
    STORE(data()[3], 4);
    seq_sim_fence_proxy();
    seq_sim_bulk_store(argument<void>(args, 0), data(), 16, HERE);
    seq_sim_bulk_commit();
    if (args[1])
      seq_sim_bulk_wait(0, 1);
  };
  fails(store, 1, {to(y), 0}, {"ends while 1 asynchronous operations"});
  // What has been read may land after the end.
  EXPECT_EQ(launch(store, 1, 1, {to(y), 1}, 8192), 0) << error();
  EXPECT_EQ(y, (std::vector<int32_t>{1, 2, 3, 4}));
}

// Each thread writes to global memory what the first one then loads in bulk.
template <bool Fences> static void writeAndLoad(const uint64_t *args) {
  int32_t *x = argument<int32_t>(args, 0);
  STORE(x[tid()], tid());
  if (tid() == 0)
    seq_sim_mbarrier_init(bar(), 1, HERE);
  if (Fences)
    seq_sim_fence_proxy();
  else
    seq_sim_fence_mbarriers();
  barrier(HERE);
  if (tid() == 0) {
    seq_sim_mbarrier_arrive(bar(), 1, 256, 0, HERE);
    seq_sim_bulk_load(data(), x, 256, bar(), 0, HERE);
  }
  seq_sim_mbarrier_wait(bar(), 0, 1, HERE);
  EXPECT_EQ(LOAD(data()[63 - tid()]), 63 - tid());
}

TEST_F(Bulk, WritesToGlobalMemoryAreFencedToo) {
  std::vector<int32_t> x(64);
  allow(x, "x");
  inAllOrders([&] { EXPECT_EQ(launch(writeAndLoad<true>, 64, 1, {to(x)}, 2048), 0) << error(); });
  fails(writeAndLoad<false>, 64, {to(x)},
        {"touches byte 0 of `x`", "a fence.proxy.async has to come between"});
}

// A copy is a request, and its sectors count once each.
TEST_F(Bulk, Counts) {
  std::vector<int32_t> x(256), y(256);
  allow(x, "x");
  allow(y, "y");
  seq_sim_set_counting(sim, 1);
  ASSERT_EQ(launch(twice<kNone>, 64, 1, {to(x), to(y)}, 2048), 0) << error();
  seq_sim_counts counts;
  ASSERT_EQ(seq_sim_counts_of(sim, &kernel, &counts), 0);
  EXPECT_EQ(counts.global_loads, 4 + 1); // and one of the check at its end
  EXPECT_EQ(counts.global_stores, 4);
  auto sectors = [](const std::vector<int32_t> &v) {
    return 4 * 8 + (uintptr_t(v.data()) % 32 ? 4 : 0);
  };
  EXPECT_EQ(counts.sectors_read, sectors(x) + 1);
  EXPECT_EQ(counts.sectors_written, sectors(y));
}

TEST_F(Bulk, WrongOnes) {
  std::vector<int32_t> x(64);
  allow(x, "x");
  auto begin = [](const uint64_t *args, int at, int bytes, int target) {
    seq_sim_mbarrier_init(bar(), 1, HERE);
    seq_sim_fence_proxy();
    seq_sim_bulk_load(data() + target, argument<int32_t>(args, 0) + at, bytes, bar(), 0, HERE);
  };
  static auto started = begin;
  auto odd = [](const uint64_t *args) { started(args, 1, 16, 0); };
  fails(odd, 1, {to(x)}, {"sizes and addresses are multiples of 16"});
  auto size = [](const uint64_t *args) { started(args, 0, 20, 0); };
  fails(size, 1, {to(x)}, {"of 20 bytes", "multiples of 16"});
  auto beyond = [](const uint64_t *args) { started(args, 60, 32, 0); };
  fails(beyond, 1, {to(x)}, {"out of bounds: at byte 240 of `x`, which has 256"});
  auto outside = [](const uint64_t *args) { started(args, 0, 16, 8192); };
  fails(outside, 1, {to(x)}, {"out of bounds", "of shared memory"});
  auto none = [](const uint64_t *args) {
    seq_sim_bulk_load(data(), argument<int32_t>(args, 0), 16, bar(), 0, HERE);
  };
  fails(none, 1, {to(x)}, {"there is no barrier at byte 0"});
}

//===----------------------------------------------------------------------===//
// Boxes
//===----------------------------------------------------------------------===//

static seq_sim_tensor matrix(std::vector<uint16_t> &v, uint64_t rows, uint64_t columns,
                             uint32_t boxRows, uint32_t boxColumns, int swizzle) {
  return {1, 2,       v.data(), {columns, rows}, {2 * columns}, {boxColumns, boxRows}, {1, 1},
          0, swizzle, 0};
}

// Copies a box to another place of the tensor's twin, and keeps shared memory in z.
static void moveBox(const uint64_t *args) {
  uint8_t *box = shared<uint8_t>() + 1024;
  int32_t bytes = int32_t(args[3]);
  int32_t from[5], to[5];
  for (int i = 0; i < 5; i++) {
    from[i] = int32_t(args[5 + i]);
    to[i] = int32_t(args[10 + i]);
  }
  int32_t rank = int32_t(args[4]);
  if (tid() == 0) {
    seq_sim_mbarrier_init(bar(), 1, HERE);
    seq_sim_fence_mbarriers();
    seq_sim_mbarrier_arrive(bar(), 1, bytes, 0, HERE);
    seq_sim_tensor_load(argument<void>(args, 0), box, bar(), rank, from, 0, HERE);
  }
  barrier(HERE);
  seq_sim_mbarrier_wait(bar(), 0, 1, HERE);
  for (int i = tid(); i < bytes; i += seq_sim_thread_count())
    STORE(argument<uint8_t>(args, 2)[i], LOAD(box[i]));
  if (tid() == 0) {
    seq_sim_tensor_store(argument<void>(args, 1), box, rank, to, HERE);
    seq_sim_bulk_commit();
    seq_sim_bulk_wait(0, 0);
  }
}

class Tensor : public Bulk {
protected:
  struct alignas(64) Map {
    uint8_t bytes[128];
  };
  void encode(Map &map, const seq_sim_tensor &t) {
    ASSERT_EQ(seq_sim_tensormap_encode(sim, &map, &t), 0) << error();
    seq_sim_allow(sim, &map, sizeof map, 0, "map");
  }
  std::vector<uint64_t> arguments(int rank, std::vector<int> from, std::vector<int> at, int bytes) {
    std::vector<uint64_t> args = {uint64_t(&in), uint64_t(&out), to(z), uint64_t(bytes),
                                  uint64_t(rank)};
    from.resize(5);
    at.resize(5);
    for (int v : from)
      args.push_back(uint64_t(int64_t(v)));
    for (int v : at)
      args.push_back(uint64_t(int64_t(v)));
    return args;
  }
  Map in, out;
  std::vector<uint16_t> z = std::vector<uint16_t>(4096);
};

TEST_F(Tensor, BoxesOfAMatrix) {
  std::vector<uint16_t> x(40 * 128), y(40 * 128);
  std::iota(x.begin(), x.end(), 1);
  allow(x, "x", false);
  allow(y, "y");
  allow(z, "z");
  for (int swizzle = 0; swizzle < 4; swizzle++) {
    SCOPED_TRACE(swizzle);
    uint32_t columns = 8u << swizzle, rows = 16;
    encode(in, matrix(x, 40, 128, rows, columns, swizzle));
    encode(out, matrix(y, 40, 128, rows, columns, swizzle));
    int bytes = int(2 * rows * columns);
    // Row 30 on: the last six are outside; column -8 on: one piece is, too.
    for (auto [row, column] : {std::pair{3, 16}, std::pair{30, 72}, std::pair{2, -8}}) {
      std::fill(y.begin(), y.end(), 0);
      ASSERT_EQ(launch(moveBox, 32, 1, arguments(2, {column, row}, {column, row}, bytes), 8192), 0)
          << error();
      for (int r = 0; r < 40; r++)
        for (int c = 0; c < 128; c++) {
          bool inside = r >= row && r < row + int(rows) && c >= column && c < column + int(columns);
          ASSERT_EQ(y[128 * r + c], inside ? x[128 * r + c] : 0) << r << " " << c;
        }
      for (int r = 0; r < int(rows); r++)
        for (int c = 0; c < int(columns); c++) {
          int at = 2 * int(columns) * r + 2 * c;
          int chunk = at / 16 ^ (at / 128 & ((1 << swizzle) - 1));
          bool inside = r + row < 40 && c + column >= 0 && c + column < 128;
          ASSERT_EQ(z[chunk * 8 + c % 8], inside ? x[128 * (r + row) + c + column] : 0);
        }
    }
  }
}

TEST_F(Tensor, BoxesOfUpToFiveAxes) {
  std::vector<uint16_t> x(6 * 5 * 4 * 3 * 16), y(x.size());
  std::iota(x.begin(), x.end(), 1);
  allow(x, "x", false);
  allow(y, "y");
  allow(z, "z");
  uint64_t sizes[5] = {16, 3, 4, 5, 6};
  for (uint32_t rank = 1; rank <= 5; rank++) {
    SCOPED_TRACE(rank);
    seq_sim_tensor t = {1, rank, x.data(), {}, {}, {8, 2, 3, 2, 2}, {1, 1, 1, 1, 1}, 0, 0, 0};
    uint64_t stride = 2;
    int bytes = 2;
    for (uint32_t i = 0; i < rank; i++) {
      t.sizes[i] = sizes[i];
      if (i > 0)
        t.strides[i - 1] = stride;
      stride *= sizes[i];
      bytes *= int(t.box[i]);
    }
    encode(in, t);
    t.base = y.data();
    encode(out, t);
    std::fill(y.begin(), y.end(), 0);
    std::vector<int> start = {8, 1, 2, 3, 4};
    ASSERT_EQ(launch(moveBox, 32, 1, arguments(int(rank), start, start, bytes), 8192), 0)
        << error();
    uint64_t n = 1;
    for (uint32_t i = 0; i < rank; i++)
      n *= sizes[i];
    for (uint64_t e = 0; e < n; e++) {
      bool inside = true;
      for (uint64_t i = 0, rest = e; i < rank; rest /= sizes[i++]) {
        int at = int(rest % sizes[i]);
        inside &= at >= start[i] && at < start[i] + int(t.box[i]);
      }
      ASSERT_EQ(y[e], inside ? x[e] : 0) << e;
    }
  }
}

TEST_F(Tensor, EverySecondElement) {
  std::vector<uint16_t> x(64 * 32), y(64 * 32);
  std::iota(x.begin(), x.end(), 1);
  allow(x, "x", false);
  allow(y, "y");
  allow(z, "z");
  seq_sim_tensor t = matrix(x, 64, 32, 8, 32, 0);
  t.steps[0] = t.steps[1] = 2;
  encode(in, t);
  encode(out, matrix(y, 64, 32, 4, 16, 0));
  ASSERT_EQ(launch(moveBox, 32, 1, arguments(2, {0, 4}, {0, 0}, 4 * 32), 8192), 0) << error();
  for (int r = 0; r < 4; r++)
    for (int c = 0; c < 16; c++)
      ASSERT_EQ(y[32 * r + c], x[32 * (4 + 2 * r) + 2 * c]);
}

TEST_F(Tensor, WrongCopies) {
  std::vector<uint16_t> x(64 * 64);
  allow(x, "x");
  allow(z, "z");
  encode(in, matrix(x, 64, 64, 8, 8, 0));
  encode(out, matrix(x, 64, 64, 8, 8, 0));
  auto shifted = [](const uint64_t *args) {
    int32_t at[2] = {0, 0};
    seq_sim_tensor_load(argument<void>(args, 0), shared() + 4, bar(), 2, at, 0, HERE);
  };
  fails(shifted, 1, {uint64_t(&in)}, {"multiples of 128"});
  auto rank = [](const uint64_t *args) {
    int32_t at[3] = {0, 0, 0};
    seq_sim_tensor_load(argument<void>(args, 0), data(), bar(), 3, at, 0, HERE);
  };
  fails(rank, 1, {uint64_t(&in)}, {"a box of 3 axes", "by a tensor map of 2"});
  alignas(64) static const uint8_t nothing[128] = {};
  seq_sim_allow(sim, nothing, sizeof nothing, 0, "nothing");
  fails(rank, 1, {uint64_t(nothing)}, {"no tensor map"});
  seq_sim_forget(sim);
  fails(rank, 1, {uint64_t(&in)}, {"may touch no global memory"});
}

TEST_F(Tensor, WrongMaps) {
  std::vector<uint16_t> x(64 * 64 + 8);
  auto refused = [&](auto change, const char *part) {
    seq_sim_tensor t = matrix(x, 64, 64, 8, 64, 3);
    change(t);
    EXPECT_EQ(seq_sim_tensormap_encode(sim, &in, &t), -1);
    expectError({part});
  };
  refused([](auto &t) { t.base = static_cast<uint16_t *>(t.base) + 1; }, "multiples of 64 and 16");
  refused([](auto &t) { t.rank = 6; }, "6 axes of type 1");
  refused([](auto &t) { t.type = 13; }, "types 0 to 12");
  refused([](auto &t) { t.swizzle = 4; }, "swizzles 0 to 3");
  refused([](auto &t) { t.fill = 1; }, "filled with zeros");
  refused([](auto &t) { t.strides[0] = 130; }, "the stride of axis 1 is 130 bytes");
  refused([](auto &t) { t.box[1] = 257; }, "axis 1 of the box has 257");
  refused([](auto &t) { t.sizes[1] = 0; }, "axis 1 has 0 elements");
  refused([](auto &t) { t.box[0] = 4; }, "a row of the box has 8 bytes");
  refused([](auto &t) { t.box[0] = 32; }, "the swizzle is of 128");
}
