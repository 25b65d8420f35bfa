// Kernels with what sm_90 has: barriers in shared memory, bulk copies, clusters. Faults are made by
// leaving a line out.
#include "compiler/Jit/SimulateForTest.h"

#include <numeric>

using namespace seq;

using SimulateAsync = SimulateTest;

TEST_F(SimulateAsync, StoresTiles) {
  std::string text = R"(
@tile = internal addrspace(3) global [128 x i16] poison, align 16
declare void @llvm.nvvm.stmatrix.sync.aligned.m8n8.x2.trans.b16.p3(ptr addrspace(3), i32, i32)
define ptx_kernel void @k(ptr %y) {
  %t = call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  %row = and i32 %t, 15
  %e = mul i32 %row, 8
  %p = getelementptr i16, ptr addrspace(3) @tile, i32 %e
  %high = add i32 %t, 65536
  call void @llvm.nvvm.stmatrix.sync.aligned.m8n8.x2.trans.b16.p3(ptr addrspace(3) %p, i32 %t, i32 %high)
  call void @llvm.nvvm.barrier.cta.sync.aligned.all(i32 0)
  %e4 = mul i32 %t, 4
  %from = getelementptr i16, ptr addrspace(3) @tile, i32 %e4
  %v = load i64, ptr addrspace(3) %from
  %to = getelementptr i16, ptr %y, i32 %e4
  store i64 %v, ptr %to
  ret void
})";
  expectAssembles(text);
  load(text);
  std::vector<uint64_t> y(32);
  uint64_t py = allow(y, "y");
  ASSERT_EQ(launch(32, 1, {py}), 0) << simError();
  const auto *halves = reinterpret_cast<const uint16_t *>(y.data());
  for (int tile = 0; tile < 2; tile++)
    for (int row = 0; row < 8; row++)
      for (int column = 0; column < 8; column++)
        // Row r of the tile has element r % 2 of lanes r / 2, r / 2 + 4, …
        EXPECT_EQ(halves[64 * tile + 8 * row + column],
                  row % 2 ? (tile ? 1 : 0) : 4 * column + row / 2);
}

//===----------------------------------------------------------------------===//
// Barriers in shared memory and runs of bytes
//===----------------------------------------------------------------------===//

// 64 threads add 1 to 256 bytes of x: a load in bulk, a barrier that all of them arrive at, a
// store.
static const char *const kRun = R"(
@bars = internal addrspace(3) global [2 x i64] poison, align 8
@in = internal addrspace(3) global [64 x i32] poison, align 128
@out = internal addrspace(3) global [64 x i32] poison, align 128
declare void @llvm.nvvm.mbarrier.init.shared(ptr addrspace(3), i32)
declare void @llvm.nvvm.mbarrier.inval.shared(ptr addrspace(3))
declare i64 @llvm.nvvm.mbarrier.arrive.shared(ptr addrspace(3))
declare i64 @llvm.nvvm.mbarrier.arrive.expect.tx.scope.cta.space.cta(ptr addrspace(3), i32)
declare void @llvm.nvvm.mbarrier.expect.tx.scope.cta.space.cta(ptr addrspace(3), i32)
declare i1 @llvm.nvvm.mbarrier.test.wait.shared(ptr addrspace(3), i64)
declare i1 @llvm.nvvm.mbarrier.try.wait.parity.scope.cta.space.cta(ptr addrspace(3), i32)
declare void @llvm.nvvm.fence.mbarrier_init.release.cluster()
declare void @llvm.nvvm.fence.proxy.async.shared_cta()
declare void @llvm.nvvm.cp.async.bulk.global.to.shared.cluster(ptr addrspace(7), ptr addrspace(3), ptr addrspace(1), i32, i16, i64, i1, i1)
declare void @llvm.nvvm.cp.async.bulk.shared.cta.to.global(ptr addrspace(1), ptr addrspace(3), i32, i64, i1)
declare void @llvm.nvvm.cp.async.bulk.commit.group()
declare void @llvm.nvvm.cp.async.bulk.wait.group(i32)
define ptx_kernel void @k(ptr addrspace(1) %x, ptr addrspace(1) %y) {
entry:
  %t = call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  %first = icmp eq i32 %t, 0
  %b1 = getelementptr i64, ptr addrspace(3) @bars, i32 1
  br i1 %first, label %start, label %started
start:
  call void @llvm.nvvm.mbarrier.init.shared(ptr addrspace(3) @bars, i32 1)
  call void @llvm.nvvm.mbarrier.init.shared(ptr addrspace(3) %b1, i32 64)
  call void @llvm.nvvm.fence.mbarrier_init.release.cluster() ; cut
  %in7 = addrspacecast ptr addrspace(3) @in to ptr
  %in.cluster = addrspacecast ptr %in7 to ptr addrspace(7)
  call void @llvm.nvvm.mbarrier.expect.tx.scope.cta.space.cta(ptr addrspace(3) @bars, i32 256) ; cut
  %s0 = call i64 @llvm.nvvm.mbarrier.arrive.shared(ptr addrspace(3) @bars)
  call void @llvm.nvvm.cp.async.bulk.global.to.shared.cluster(ptr addrspace(7) %in.cluster, ptr addrspace(3) @bars, ptr addrspace(1) %x, i32 256, i16 0, i64 0, i1 false, i1 false) ; cut
  br label %started
started:
  call void @llvm.nvvm.barrier.cta.sync.aligned.all(i32 0) ; cut
  br label %wait
wait:
  %full = call i1 @llvm.nvvm.mbarrier.try.wait.parity.scope.cta.space.cta(ptr addrspace(3) @bars, i32 0)
  br i1 %full, label %work, label %wait
work:
  %from = getelementptr i32, ptr addrspace(3) @in, i32 %t
  %v = load i32, ptr addrspace(3) %from
  %w = add i32 %v, 1
  %to = getelementptr i32, ptr addrspace(3) @out, i32 %t
  store i32 %w, ptr addrspace(3) %to
  call void @llvm.nvvm.fence.proxy.async.shared_cta() ; cut
  %s1 = call i64 @llvm.nvvm.mbarrier.arrive.shared(ptr addrspace(3) %b1)
  br i1 %first, label %await, label %done
await:
  %all = call i1 @llvm.nvvm.mbarrier.test.wait.shared(ptr addrspace(3) %b1, i64 %s1)
  br i1 %all, label %write, label %await
write:
  call void @llvm.nvvm.cp.async.bulk.shared.cta.to.global(ptr addrspace(1) %y, ptr addrspace(3) @out, i32 256, i64 0, i1 false)
  call void @llvm.nvvm.cp.async.bulk.commit.group() ; cut
  call void @llvm.nvvm.cp.async.bulk.wait.group(i32 0) ; cut
  br label %done
done:
  ret void
})";

TEST_F(SimulateAsync, RunsOfBytes) {
  std::string text = kRun;
  expectAssembles(text);
  load(text);
  EXPECT_TRUE(synchronises.contains("k"));
  std::vector<int32_t> x(64), y(64);
  std::iota(x.begin(), x.end(), 5);
  // Aligned to 16, as all that malloc gives.
  uint64_t px = allow(x, "x"), py = allow(y, "y");
  auto run = [&] {
    std::fill(y.begin(), y.end(), 0);
    return launch(64, 1, {px, py});
  };
  inAllOrders([&] {
    ASSERT_EQ(run(), 0) << simError();
    for (int i = 0; i < 64; i++)
      EXPECT_EQ(y[i], i + 6);
  });
  cutEachLine(text, run);
}

//===----------------------------------------------------------------------===//
// Fences
//===----------------------------------------------------------------------===//

// Block 0 hands a number to block 1, which waits for a flag.
static const char *const kHandOver = R"(
declare void @llvm.nvvm.membar.gl()
define ptx_kernel void @k(ptr %flag, ptr %data, ptr %y) {
entry:
  %b = call i32 @llvm.nvvm.read.ptx.sreg.ctaid.x()
  %gives = icmp eq i32 %b, 0
  br i1 %gives, label %give, label %take
give:
  store i32 7, ptr %data
  fence syncscope("device") release ; cut
  store atomic i32 1, ptr %flag syncscope("device") monotonic, align 4 ; cut
  ret void
take:
  %seen = load atomic i32, ptr %flag syncscope("device") monotonic, align 4
  %there = icmp eq i32 %seen, 1
  br i1 %there, label %use, label %take
use:
  call void @llvm.nvvm.membar.gl() ; cut
  %v = load i32, ptr %data
  store i32 %v, ptr %y
  ret void
})";

TEST_F(SimulateAsync, HandsOverBetweenBlocks) {
  std::vector<int32_t> flag(1), data(1), y(1);
  uint64_t pf = allow(flag, "flag"), pd = allow(data, "data"), py = allow(y, "y");
  auto run = [&] {
    flag[0] = y[0] = 0;
    return launch(1, 2, {pf, pd, py}, SEQ_KERNEL_COOPERATIVE);
  };
  std::string text = kHandOver;
  auto replaced = [](std::string in, const std::string &from, const std::string &to) {
    in.replace(in.find(from), from.size(), to);
    return in;
  };
  expectAssembles(text);
  load(text);
  inAllOrders([&] {
    ASSERT_EQ(run(), 0) << simError();
    EXPECT_EQ(y[0], 7);
  });
  cutEachLine(text, run);
  load(replaced(text, "fence syncscope(\"device\")", "fence syncscope(\"block\")"));
  EXPECT_EQ(run(), -1);
  EXPECT_NE(simError().find("of `data`"), std::string::npos) << simError();
  // A release says the same as a fence before the store.
  std::string fenced = replaced(text, "monotonic, align 4 ; cut", "release, align 4");
  load(replaced(fenced, "fence syncscope(\"device\") release ; cut", ""));
  EXPECT_EQ(run(), 0) << simError();
}

//===----------------------------------------------------------------------===//
// Clusters
//===----------------------------------------------------------------------===//

// Each block gets what the other one of its cluster wrote, and tells its barrier that it has.
static const char *const kExchange = R"(
@bar = internal addrspace(3) global i64 poison, align 8
@data = internal addrspace(3) global [64 x i32] poison, align 16
declare i32 @llvm.nvvm.read.ptx.sreg.cluster.ctarank()
declare i32 @llvm.nvvm.read.ptx.sreg.cluster.nctarank()
declare i32 @llvm.nvvm.read.ptx.sreg.clusterid.x()
declare i32 @llvm.nvvm.read.ptx.sreg.cluster.nctaid.y()
declare ptr addrspace(7) @llvm.nvvm.mapa.shared.cluster(ptr addrspace(3), i32)
declare void @llvm.nvvm.barrier.cluster.arrive.aligned()
declare void @llvm.nvvm.barrier.cluster.wait.aligned()
declare void @llvm.nvvm.mbarrier.init.shared(ptr addrspace(3), i32)
declare void @llvm.nvvm.mbarrier.arrive.scope.cluster.space.cluster(ptr addrspace(7), i32)
declare i1 @llvm.nvvm.mbarrier.try.wait.parity.scope.cluster.space.cta(ptr addrspace(3), i32)
define ptx_kernel void @k(ptr %y) {
entry:
  %t = call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  %rank = call i32 @llvm.nvvm.read.ptx.sreg.cluster.ctarank()
  %blocks = call i32 @llvm.nvvm.read.ptx.sreg.cluster.nctarank()
  %rows = call i32 @llvm.nvvm.read.ptx.sreg.cluster.nctaid.y()
  %first = icmp eq i32 %t, 0
  br i1 %first, label %start, label %started
start:
  call void @llvm.nvvm.mbarrier.init.shared(ptr addrspace(3) @bar, i32 64) ; cut
  br label %started
started:
  %mine = getelementptr i32, ptr addrspace(3) @data, i32 %t
  %id = call i32 @llvm.nvvm.read.ptx.sreg.clusterid.x()
  %id10 = mul i32 %id, 1000
  %rank100 = mul i32 %rank, 100
  %sum = add i32 %id10, %rank100
  %value = add i32 %sum, %t
  store i32 %value, ptr addrspace(3) %mine ; cut
  call void @llvm.nvvm.barrier.cluster.arrive.aligned() ; cut
  call void @llvm.nvvm.barrier.cluster.wait.aligned() ; cut
  %last = sub i32 %blocks, %rows
  %other = sub i32 %last, %rank
  %far = call ptr addrspace(7) @llvm.nvvm.mapa.shared.cluster(ptr addrspace(3) %mine, i32 %other)
  %got = load i32, ptr addrspace(7) %far
  %far.bar = call ptr addrspace(7) @llvm.nvvm.mapa.shared.cluster(ptr addrspace(3) @bar, i32 %other)
  call void @llvm.nvvm.mbarrier.arrive.scope.cluster.space.cluster(ptr addrspace(7) %far.bar, i32 1) ; cut
  br label %wait
wait:
  %all = call i1 @llvm.nvvm.mbarrier.try.wait.parity.scope.cluster.space.cta(ptr addrspace(3) @bar, i32 0)
  br i1 %all, label %write, label %wait
write:
  store i32 -1, ptr addrspace(3) %mine
  %b = call i32 @llvm.nvvm.read.ptx.sreg.ctaid.x()
  %row = mul i32 %b, 64
  %i = add i32 %row, %t
  %p = getelementptr i32, ptr %y, i32 %i
  store i32 %got, ptr %p
  ret void
})";

TEST_F(SimulateAsync, ExchangeInACluster) {
  expectAssembles(kExchange);
  load(kExchange);
  std::vector<int32_t> y(4 * 64);
  uint64_t py = allow(y, "y");
  auto run = [&] { return launch(64, 4, {py}, 2 * SEQ_KERNEL_CLUSTER); };
  inAllOrders([&] {
    ASSERT_EQ(run(), 0) << simError();
    for (int i = 0; i < 256; i++)
      ASSERT_EQ(y[i], i / 128 * 1000 + (1 - i / 64 % 2) * 100 + i % 64);
  });
  cutEachLine(kExchange, run);
}
