// Kernels with what sm_90 has: barriers in shared memory, bulk copies, tensor maps, products of
// warp groups. Faults are made by leaving a line out.
#include "compiler/Jit/SimulateForTest.h"

#include <cmath>
#include <cstring>
#include <numeric>

using namespace seq;

namespace {
class SimulateAsync : public SimulateTest {
protected:
  /// Whether the kernel fails to run, or what it writes is wrong; with what was said.
  using Run = std::function<int()>;

  /// Leaves out each line that ends in "; cut" in turn, and demands that each order tells of it.
  void cutEachLine(const std::string &text, Run run) {
    size_t cuts = 0;
    for (size_t at = text.find("; cut"); at != std::string::npos; at = text.find("; cut", at + 1)) {
      size_t begin = text.rfind('\n', at) + 1;
      std::string line = text.substr(begin, at - begin);
      SCOPED_TRACE("without" + line);
      load(text.substr(0, begin) + text.substr(at));
      inAllOrders([&] {
        EXPECT_EQ(run(), -1);
        EXPECT_NE(simError().find("kernel `k`"), std::string::npos) << simError();
      });
      ++cuts;
    }
    EXPECT_GE(cuts, 3u);
  }
};
} // namespace

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

//===----------------------------------------------------------------------===//
// A product of matrices
//===----------------------------------------------------------------------===//

static std::string list(int n, const std::string &prefix, int first = 0, const char *type = "") {
  std::string text;
  for (int i = 0; i < n; i++)
    text += (i ? "," : "") + std::string(type) + prefix + std::to_string(first + i);
  return text;
}

static std::string repeated(int n, const std::string &what) {
  std::string text;
  for (int i = 0; i < n; i++)
    text += (i ? "," : "") + what;
  return text;
}

/// %<to>0 to 31 = product of descriptors, added to %<from>0 to 31; the text that MLIR writes.
static std::string mma(const std::string &to, const std::string &from, const std::string &a,
                       const std::string &b, const char *type, const char *scale = "i32 1") {
  std::string results = "{" + repeated(32, "float") + "}";
  std::string text = "  %" + to + " = call " + results +
                     " asm sideeffect \"{\\0A.reg .pred p;\\0Asetp.ne.b32 p, $66, 0;\\0A"
                     "wgmma.mma_async.sync.aligned.m64n64k16.f32." +
                     type + "." + type + " {" + list(32, "$") +
                     "}, $64, $65, p, $67,  $68, $69,  $70;\\0A}\\0A\", \"" + repeated(32, "=f") +
                     "," + list(32, "") + ",l,l,n,n,n,n,n\"(" + list(32, "%" + from, 0, "float ") +
                     ", i64 %" + a + ", i64 %" + b + ", " + scale +
                     ", i32 1, i32 1, i32 0, i32 0)\n";
  for (int i = 0; i < 32; i++)
    text += "  %" + to + std::to_string(i) + " = extractvalue " + results + " %" + to + ", " +
            std::to_string(i) + "\n";
  return text;
}

static const char *const kProductHead = R"(
@bars = internal addrspace(3) global [4 x i64] poison, align 8
@tiles = internal addrspace(3) global [32768 x i8] poison, align 1024
@result = internal addrspace(3) global [4096 x float] poison, align 128
declare void @llvm.nvvm.mbarrier.init.shared(ptr addrspace(3), i32)
declare i64 @llvm.nvvm.mbarrier.arrive.scope.cta.space.cta(ptr addrspace(3), i32)
declare void @llvm.nvvm.fence.mbarrier_init.release.cluster()
declare void @llvm.nvvm.fence.proxy.async.shared_cta()
declare void @llvm.nvvm.wgmma.fence.sync.aligned()
declare void @llvm.nvvm.wgmma.commit_group.sync.aligned()
declare void @llvm.nvvm.wgmma.wait_group.sync.aligned(i64)
declare void @llvm.nvvm.cp.async.bulk.tensor.s2g.tile.2d(ptr addrspace(3), ptr, i32, i32, i64, i1)
declare void @llvm.nvvm.cp.async.bulk.commit.group()
declare void @llvm.nvvm.cp.async.bulk.wait.group(i32)
define ptx_kernel void @k(ptr %map.a, ptr %map.b, ptr %map.c, i32 %steps) "nvvm.maxntid"="128" {
entry:
  %t = call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  %first = icmp eq i32 %t, 0
  br i1 %first, label %start, label %started
start:
  %e0 = getelementptr i64, ptr addrspace(3) @bars, i32 2
  %e1 = getelementptr i64, ptr addrspace(3) @bars, i32 3
  %f1 = getelementptr i64, ptr addrspace(3) @bars, i32 1
  call void @llvm.nvvm.mbarrier.init.shared(ptr addrspace(3) @bars, i32 1) ; cut
  call void @llvm.nvvm.mbarrier.init.shared(ptr addrspace(3) %f1, i32 1)
  call void @llvm.nvvm.mbarrier.init.shared(ptr addrspace(3) %e0, i32 128)
  call void @llvm.nvvm.mbarrier.init.shared(ptr addrspace(3) %e1, i32 128)
  call void @llvm.nvvm.fence.mbarrier_init.release.cluster() ; cut
  br label %started
started:
  call void @llvm.nvvm.barrier.cta.sync.aligned.all(i32 0) ; cut
  br label %produce
produce:
  %step = phi i32 [ 0, %started ], [ %step.next, %consume ]
)";

/// y = a b, both [64, 64 steps] in f16 or bf16, tiles of 64 in two halves of shared memory.
static std::string productText(const char *type) {
  std::string text = kProductHead;
  for (int i = 0; i < 32; i++)
    text += "  %c" + std::to_string(i) + " = phi float [ 0.0, %started ], [ %r" +
            std::to_string(i) + ", %consume ]\n";
  // Thread 0 loads step `step + 1`, and before the first one step 0 as well: the loop of loads.
  text += R"(
  %begins = icmp eq i32 %step, 0
  %load.first = select i1 %begins, i32 0, i32 1
  %load.begin = add i32 %step, %load.first
  %load.last = add i32 %step, 1
  br label %load
load:
  %at = phi i32 [ %load.begin, %produce ], [ %at.next, %loaded ]
  %in.time = icmp slt i32 %at, %steps
  %loads = and i1 %first, %in.time
  %half = and i32 %at, 1
  %full = getelementptr i64, ptr addrspace(3) @bars, i32 %half
  %empty = getelementptr i64, ptr addrspace(3) %full, i32 2
  %half.bytes = mul i32 %half, 16384
  %tile.a = getelementptr i8, ptr addrspace(3) @tiles, i32 %half.bytes
  %tile.b = getelementptr i8, ptr addrspace(3) %tile.a, i32 8192
  %tile.a.flat = addrspacecast ptr addrspace(3) %tile.a to ptr
  %tile.b.flat = addrspacecast ptr addrspace(3) %tile.b to ptr
  %tile.a7 = addrspacecast ptr %tile.a.flat to ptr addrspace(7)
  %tile.b7 = addrspacecast ptr %tile.b.flat to ptr addrspace(7)
  %used = icmp sge i32 %at, 2
  %must.wait = and i1 %loads, %used
  br i1 %must.wait, label %wait.empty, label %issue
wait.empty:
  %round = lshr i32 %at, 1
  %round.before = sub i32 %round, 1
  %empty.parity = and i32 %round.before, 1
  call void asm sideeffect "{\0A\09.reg .pred       P1; \0A\09LAB_WAIT: \0A\09mbarrier.try_wait.parity.shared.b64 P1, [$0], $1, $2; \0A\09@P1 bra.uni DONE; \0A\09bra.uni     LAB_WAIT; \0A\09DONE: \0A\09}", "r,r,r"(ptr addrspace(3) %empty, i32 %empty.parity, i32 10000000) ; cut
  br label %issue
issue:
  %k = mul i32 %at, 64
  call void asm sideeffect "@$2 mbarrier.arrive.expect_tx.shared.b64 _, [$0], $1;", "r,r,b"(ptr addrspace(3) %full, i32 16384, i1 %loads) ; cut
  call void asm sideeffect "@$5 cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes [$0], [$1, {$2,$3} ], [$4];", "l,l,r,r,r,b"(ptr addrspace(7) %tile.a7, ptr %map.a, i32 %k, i32 0, ptr addrspace(3) %full, i1 %loads) ; cut
  call void asm sideeffect "@$5 cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes [$0], [$1, {$2,$3} ], [$4];", "l,l,r,r,r,b"(ptr addrspace(7) %tile.b7, ptr %map.b, i32 %k, i32 0, ptr addrspace(3) %full, i1 %loads) ; cut
  br label %loaded
loaded:
  %at.next = add i32 %at, 1
  %load.more = icmp sle i32 %at.next, %load.last
  br i1 %load.more, label %load, label %consume
consume:
  %half.now = and i32 %step, 1
  %parity = lshr i32 %step, 1
  %parity.now = and i32 %parity, 1
  %full.now = getelementptr i64, ptr addrspace(3) @bars, i32 %half.now
  %empty.now = getelementptr i64, ptr addrspace(3) %full.now, i32 2
  call void asm sideeffect "{\0A\09.reg .pred       P1; \0A\09LAB_WAIT: \0A\09mbarrier.try_wait.parity.shared.b64 P1, [$0], $1, $2; \0A\09@P1 bra.uni DONE; \0A\09bra.uni     LAB_WAIT; \0A\09DONE: \0A\09}", "r,r,r"(ptr addrspace(3) %full.now, i32 %parity.now, i32 10000000) ; cut
  %tiles.int = ptrtoint ptr addrspace(3) @tiles to i64
  %tiles.low = and i64 %tiles.int, 262143
  %half64 = zext i32 %half.now to i64
  %half.off = mul i64 %half64, 16384
  %a.byte = add i64 %tiles.low, %half.off
  %a.at = lshr i64 %a.byte, 4
  %da0 = or i64 %a.at, 4611686293305360384
  %db0 = add i64 %da0, 512
)";
  for (int k = 1; k < 4; k++)
    for (const char *d : {"da", "db"})
      text += "  %" + std::string(d) + std::to_string(k) + " = add i64 %" + d + "0, " +
              std::to_string(2 * k) + "\n";
  text += "  call void @llvm.nvvm.wgmma.fence.sync.aligned() ; cut\n";
  text += mma("p", "c", "da0", "db0", type) + mma("q", "p", "da1", "db1", type) +
          mma("s", "q", "da2", "db2", type) + mma("r", "s", "da3", "db3", type);
  text += R"(
  call void @llvm.nvvm.wgmma.commit_group.sync.aligned() ; cut
  call void @llvm.nvvm.wgmma.wait_group.sync.aligned(i64 0) ; cut
  call void asm sideeffect "mbarrier.arrive.shared.b64 _, [$0];", "r"(ptr addrspace(3) %empty.now) ; cut
  %step.next = add i32 %step, 1
  %go.on = icmp slt i32 %step.next, %steps
  br i1 %go.on, label %produce, label %finish
finish:
  %warp = lshr i32 %t, 5
  %lane = and i32 %t, 31
  %g = lshr i32 %lane, 2
  %row.warp = mul i32 %warp, 16
  %row = add i32 %row.warp, %g
  %quarter = and i32 %lane, 3
  %column = mul i32 %quarter, 2
  %row.at = mul i32 %row, 64
  %base = add i32 %row.at, %column
)";
  for (int i = 0; i < 32; i++) {
    std::string n = std::to_string(i);
    text += "  %o" + n + " = add i32 %base, " +
            std::to_string(512 * (i / 2 % 2) + 8 * (i / 4) + i % 2) + "\n  %w" + n +
            " = getelementptr float, ptr addrspace(3) @result, i32 %o" + n + "\n  store float %r" +
            n + ", ptr addrspace(3) %w" + n + "\n";
  }
  return text + R"(
  call void @llvm.nvvm.fence.proxy.async.shared_cta() ; cut
  call void @llvm.nvvm.barrier.cta.sync.aligned.all(i32 0) ; cut
  br i1 %first, label %write, label %done
write:
  call void @llvm.nvvm.cp.async.bulk.tensor.s2g.tile.2d(ptr addrspace(3) @result, ptr %map.c, i32 0, i32 0, i64 0, i1 false)
  call void @llvm.nvvm.cp.async.bulk.commit.group() ; cut
  call void @llvm.nvvm.cp.async.bulk.wait.group(i32 0) ; cut
  br label %done
done:
  ret void
})";
}

TEST_F(SimulateAsync, ProductOfMatrices) {
  constexpr int kSteps = 5, kDepth = 64 * kSteps;
  std::string text = productText("f16");
  expectAssembles(text);
  load(text);
  std::vector<_Float16> a(64 * kDepth), b(64 * kDepth);
  std::vector<float> c(64 * 64);
  for (int i = 0; i < 64 * kDepth; i++) {
    a[i] = _Float16((i * 7 + i / kDepth) % 11 - 5);
    b[i] = _Float16((i * 5 + i / kDepth * 3) % 7 - 3);
  }
  allow(a, "a");
  allow(b, "b");
  allow(c, "c");
  struct alignas(64) {
    uint8_t a[128], b[128], c[128];
  } maps;
  auto encode = [&](void *map, int type, void *p, uint64_t columns, uint64_t width, int swizzle) {
    seq_sim_tensor t = {type,     2,      p, {columns, 64}, {columns * width},
                        {64, 64}, {1, 1}, 0, swizzle,       0};
    ASSERT_EQ(seq_sim_tensormap_encode(sim, map, &t), 0) << simError();
  };
  encode(maps.a, 6, a.data(), kDepth, 2, 3);
  encode(maps.b, 6, b.data(), kDepth, 2, 3);
  encode(maps.c, 7, c.data(), 64, 4, 0);
  seq_sim_allow(sim, &maps, sizeof maps, 0, "maps");
  std::vector<float> expected(64 * 64);
  for (int i = 0; i < 64; i++)
    for (int j = 0; j < 64; j++)
      for (int k = 0; k < kDepth; k++)
        expected[64 * i + j] += float(a[kDepth * i + k]) * float(b[kDepth * j + k]);
  auto run = [&] {
    std::fill(c.begin(), c.end(), 0.f);
    return launch(128, 1, {uint64_t(maps.a), uint64_t(maps.b), uint64_t(maps.c), kSteps});
  };
  inAllOrders([&] {
    ASSERT_EQ(run(), 0) << simError();
    EXPECT_EQ(c, expected);
  });
  cutEachLine(text, run);
}
