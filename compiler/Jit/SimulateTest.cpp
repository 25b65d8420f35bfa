// Kernels as text for NVPTX, compiled for this CPU and run by the simulator.
#include "compiler/Jit/SimulateForTest.h"

#include <cmath>
#include <cstring>

using namespace seq;

using Simulate = SimulateTest;

static const char *const kElementwise = R"(
define float @twice(float %x) {
  %y = fadd float %x, %x
  ret float %y
}
define ptx_kernel void @k(ptr addrspace(1) noalias readonly %x, ptr addrspace(1) %y, i32 %n) #0 {
  %t = call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  %nt = call i32 @llvm.nvvm.read.ptx.sreg.ntid.x()
  %b = call i32 @llvm.nvvm.read.ptx.sreg.ctaid.x()
  %first = mul i32 %b, %nt
  %i = add i32 %first, %t
  %in = icmp slt i32 %i, %n
  br i1 %in, label %body, label %end
body:
  %px = getelementptr float, ptr addrspace(1) %x, i32 %i
  %v = load float, ptr addrspace(1) %px, !dbg !7
  %w = call float @twice(float %v)
  %py = getelementptr float, ptr addrspace(1) %y, i32 %i
  store float %w, ptr addrspace(1) %py
  br label %end
end:
  ret void
}
attributes #0 = { nosync memory(argmem: readwrite) "target-cpu"="sm_90a" "target-features"="+ptx80" }
!llvm.dbg.cu = !{!0}
!llvm.module.flags = !{!2}
!0 = distinct !DICompileUnit(language: DW_LANG_C, file: !1, isOptimized: true, emissionKind: LineTablesOnly)
!1 = !DIFile(filename: "model.seq", directory: "")
!2 = !{i32 2, !"Debug Info Version", i32 3}
!3 = !DISubroutineType(types: !4)
!4 = !{}
!5 = distinct !DISubprogram(name: "k", file: !1, line: 1, type: !3, unit: !0)
!7 = !DILocation(line: 12, column: 7, scope: !5)
)";

TEST_F(Simulate, Elementwise) {
  std::string text = kElementwise;
  text.replace(text.find("#0 {"), 4, "#0 !dbg !5 {");
  for (unsigned level : {0u, 2u, 3u}) {
    SCOPED_TRACE(level);
    load(text, level);
    EXPECT_TRUE(synchronises.empty());
    std::vector<float> x(1000, 1.5f), y(1000);
    uint64_t px = allow(x, "x"), py = allow(y, "y");
    ASSERT_EQ(launch(128, 8, {px, py, 1000}), 0) << simError();
    EXPECT_EQ(y, std::vector<float>(1000, 3.f));
    EXPECT_EQ(launch(128, 8, {px, py, 1001}), -1);
    EXPECT_NE(simError().find("read of 4 bytes at model.seq:12:7 is out of bounds: at byte 4000 "
                              "of `x`"),
              std::string::npos)
        << simError();
    seq_sim_forget(sim);
  }
}

static std::string blockSum(bool synced) {
  std::string barrier = "  call void @llvm.nvvm.barrier.cta.sync.aligned.all(i32 0)\n";
  return R"(
@odd = internal addrspace(3) global [3 x i8] poison
@buffer = internal addrspace(3) global [128 x float] poison, align 16
define ptx_kernel void @k(ptr %x, ptr %y) {
entry:
  %t = call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  store atomic i8 1, ptr addrspace(3) getelementptr ([3 x i8], ptr addrspace(3) @odd, i32 0, i32 2) monotonic, align 1
  %px = getelementptr float, ptr %x, i32 %t
  %v = load float, ptr %px
  %mine = getelementptr [128 x float], ptr addrspace(3) @buffer, i32 0, i32 %t
  store float %v, ptr addrspace(3) %mine
)" + barrier +
         R"(
  br label %loop
loop:
  %half = phi i32 [ 64, %entry ], [ %next, %latch ]
  %low = icmp slt i32 %t, %half
  br i1 %low, label %add, label %latch
add:
  %j = add i32 %t, %half
  %other = getelementptr [128 x float], ptr addrspace(3) @buffer, i32 0, i32 %j
  %a = load float, ptr addrspace(3) %mine
  %b = load float, ptr addrspace(3) %other
  %c = fadd float %a, %b
  store float %c, ptr addrspace(3) %mine
  br label %latch
latch:
)" + (synced ? barrier : "") +
         R"(
  %next = lshr i32 %half, 1
  %more = icmp ne i32 %next, 0
  br i1 %more, label %loop, label %end
end:
  %first = icmp eq i32 %t, 0
  br i1 %first, label %write, label %done
write:
  %sum = load float, ptr addrspace(3) @buffer
  store float %sum, ptr %y
  br label %done
done:
  ret void
}
)";
}

TEST_F(Simulate, BlockSum) {
  std::vector<float> x(128, 2), y(1);
  uint64_t px = allow(x, "x"), py = allow(y, "y");
  load(blockSum(true));
  EXPECT_TRUE(synchronises.contains("k"));
  EXPECT_EQ(shared, 16 + 512);
  ASSERT_EQ(launch(128, 1, {px, py}), 0) << simError();
  EXPECT_EQ(y[0], 256.f);
  load(blockSum(false));
  EXPECT_EQ(launch(128, 1, {px, py}), -1);
  EXPECT_NE(simError().find("shared memory"), std::string::npos) << simError();
}

TEST_F(Simulate, Shuffle) {
  load(R"(
declare {i32, i1} @llvm.nvvm.shfl.sync.up.i32p(i32, i32, i32, i32)
declare float @llvm.nvvm.shfl.sync.bfly.f32(i32, float, i32, i32)
declare i32 @llvm.nvvm.vote.ballot.sync(i32, i1)
declare i32 @llvm.nvvm.read.ptx.sreg.laneid()
define ptx_kernel void @k(ptr %x, ptr %y, ptr %z) {
  %t = call i32 @llvm.nvvm.read.ptx.sreg.laneid()
  %r = call {i32, i1} @llvm.nvvm.shfl.sync.up.i32p(i32 -1, i32 %t, i32 2, i32 0)
  %v = extractvalue {i32, i1} %r, 0
  %p = extractvalue {i32, i1} %r, 1
  %w = select i1 %p, i32 %v, i32 -1
  %px = getelementptr i32, ptr %x, i32 %t
  store i32 %w, ptr %px
  %f = sitofp i32 %t to float
  %g = call float @llvm.nvvm.shfl.sync.bfly.f32(i32 -1, float %f, i32 1, i32 31)
  %py = getelementptr float, ptr %y, i32 %t
  store float %g, ptr %py
  %odd = trunc i32 %t to i1
  %m = call i32 @llvm.nvvm.vote.ballot.sync(i32 -1, i1 %odd)
  %pz = getelementptr i32, ptr %z, i32 %t
  store i32 %m, ptr %pz
  ret void
})");
  EXPECT_TRUE(synchronises.contains("k"));
  std::vector<int> x(32), z(32);
  std::vector<float> y(32);
  uint64_t px = allow(x, "x"), py = allow(y, "y"), pz = allow(z, "z");
  ASSERT_EQ(launch(32, 1, {px, py, pz}), 0) << simError();
  for (int i = 0; i < 32; i++) {
    EXPECT_EQ(x[i], i < 2 ? -1 : i - 2);
    EXPECT_EQ(y[i], float(i ^ 1));
    EXPECT_EQ(z[i], int(0xAAAAAAAA));
  }
}

TEST_F(Simulate, OtherOperationsOfWarpsAndBlocks) {
  load(R"(
declare i32 @llvm.nvvm.redux.sync.umax(i32, i32)
declare {i32, i1} @llvm.nvvm.match.all.sync.i32p(i32, i32)
declare {i32, i1} @llvm.nvvm.elect.sync(i32)
declare i32 @llvm.nvvm.barrier.cta.red.popc.aligned.all(i32, i1)
declare i1 @llvm.nvvm.barrier.cta.red.and.aligned.count(i32, i32, i1)
declare void @llvm.nvvm.barrier.cta.arrive.aligned.count(i32, i32)
declare void @llvm.nvvm.barrier.cta.sync.aligned.count(i32, i32)
declare i32 @llvm.nvvm.read.ptx.sreg.lanemask.lt()
declare i32 @llvm.nvvm.read.ptx.sreg.warpid()
declare void @llvm.nvvm.membar.gl()
define ptx_kernel void @k(ptr %y) {
  %t = call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  %base = mul i32 %t, 6
  %p0 = getelementptr i32, ptr %y, i32 %base
  %a = call i32 @llvm.nvvm.redux.sync.umax(i32 %t, i32 -1)
  store i32 %a, ptr %p0
  %p1 = getelementptr i32, ptr %p0, i32 1
  %w = call i32 @llvm.nvvm.read.ptx.sreg.warpid()
  %m = call {i32, i1} @llvm.nvvm.match.all.sync.i32p(i32 -1, i32 %w)
  %ma = extractvalue {i32, i1} %m, 1
  %mb = zext i1 %ma to i32
  store i32 %mb, ptr %p1
  %p2 = getelementptr i32, ptr %p0, i32 2
  %e = call {i32, i1} @llvm.nvvm.elect.sync(i32 -1)
  %ea = extractvalue {i32, i1} %e, 1
  %eb = zext i1 %ea to i32
  store i32 %eb, ptr %p2
  %p3 = getelementptr i32, ptr %p0, i32 3
  %odd = trunc i32 %t to i1
  %c = call i32 @llvm.nvvm.barrier.cta.red.popc.aligned.all(i32 0, i1 %odd)
  store i32 %c, ptr %p3
  %p4 = getelementptr i32, ptr %p0, i32 4
  %d = call i1 @llvm.nvvm.barrier.cta.red.and.aligned.count(i32 1, i32 64, i1 %odd)
  %da = zext i1 %d to i32
  store i32 %da, ptr %p4
  %p5 = getelementptr i32, ptr %p0, i32 5
  %l = call i32 @llvm.nvvm.read.ptx.sreg.lanemask.lt()
  store i32 %l, ptr %p5
  call void @llvm.nvvm.membar.gl()
  %first = icmp eq i32 %w, 0
  br i1 %first, label %give, label %take
give:
  call void @llvm.nvvm.barrier.cta.arrive.aligned.count(i32 2, i32 64)
  ret void
take:
  call void @llvm.nvvm.barrier.cta.sync.aligned.count(i32 2, i32 64)
  ret void
})");
  std::vector<int> y(64 * 6);
  uint64_t py = allow(y, "y");
  ASSERT_EQ(launch(64, 1, {py}), 0) << simError();
  for (int t = 0; t < 64; t++) {
    EXPECT_EQ(y[6 * t], t / 32 * 32 + 31);
    EXPECT_EQ(y[6 * t + 1], 1);
    EXPECT_EQ(y[6 * t + 2], t % 32 == 0);
    EXPECT_EQ(y[6 * t + 3], 32);
    EXPECT_EQ(y[6 * t + 4], 0);
    EXPECT_EQ(unsigned(y[6 * t + 5]), (1u << t % 32) - 1);
  }
}

TEST_F(Simulate, AtomicsAndGlobals) {
  load(R"(
@table = internal addrspace(4) constant [4 x float] [float 1.0, float 2.0, float 3.0, float 4.0]
define ptx_kernel void @k(ptr %sum) {
  %t = call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  %i = and i32 %t, 3
  %p = getelementptr float, ptr addrspace(4) @table, i32 %i
  %v = load float, ptr addrspace(4) %p
  %old = atomicrmw fadd ptr %sum, float %v syncscope("device") monotonic
  ret void
})");
  EXPECT_TRUE(synchronises.empty());
  std::vector<float> sum(1);
  uint64_t p = allow(sum, "sum");
  ASSERT_EQ(launch(64, 2, {p}), 0) << simError();
  EXPECT_EQ(sum[0], 320.f);
}

// The last thread to come tells the first one, which waits.
TEST_F(Simulate, VolatileSpin) {
  load(R"(
define ptx_kernel void @k(ptr %count, ptr %y) {
entry:
  %t = call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  %old = atomicrmw add ptr %count, i32 1 seq_cst
  %first = icmp eq i32 %t, 0
  br i1 %first, label %spin, label %end
spin:
  %n = load volatile i32, ptr %count
  %all = icmp eq i32 %n, 64
  br i1 %all, label %write, label %spin
write:
  store i32 %n, ptr %y
  br label %end
end:
  ret void
})");
  EXPECT_TRUE(synchronises.contains("k"));
  std::vector<int> count(1), y(1);
  uint64_t pc = allow(count, "count"), py = allow(y, "y");
  ASSERT_EQ(launch(64, 1, {pc, py}), 0) << simError();
  EXPECT_EQ(y[0], 64);
  count[0] = 1;
  EXPECT_EQ(launch(64, 1, {pc, py}), -1);
  EXPECT_NE(simError().find("waits for a value in memory"), std::string::npos) << simError();
}

// A of ones and twos times B of ones, through cp.async, ldmatrix and mma.
TEST_F(Simulate, MatrixProduct) {
  load(R"(
@tile = internal addrspace(3) global [256 x half] poison, align 16
declare void @llvm.nvvm.cp.async.cg.shared.global.16(ptr addrspace(3), ptr addrspace(1))
declare void @llvm.nvvm.cp.async.commit.group()
declare void @llvm.nvvm.cp.async.wait.group(i32)
declare void @llvm.nvvm.bar.warp.sync(i32)
declare {i32, i32, i32, i32} @llvm.nvvm.ldmatrix.sync.aligned.m8n8.x4.b16.p3(ptr addrspace(3))
declare {float, float, float, float} @llvm.nvvm.mma.m16n8k16.row.col.f32.f32(<2 x half>,
  <2 x half>, <2 x half>, <2 x half>, <2 x half>, <2 x half>, float, float, float, float)
define ptx_kernel void @k(ptr addrspace(1) %a, ptr %y) {
  %t = call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  %e = mul i32 %t, 8
  %from = getelementptr half, ptr addrspace(1) %a, i32 %e
  %to = getelementptr half, ptr addrspace(3) @tile, i32 %e
  call void @llvm.nvvm.cp.async.cg.shared.global.16(ptr addrspace(3) %to, ptr addrspace(1) %from)
  call void @llvm.nvvm.cp.async.commit.group()
  call void @llvm.nvvm.cp.async.wait.group(i32 0)
  call void @llvm.nvvm.bar.warp.sync(i32 -1)
  %row = and i32 %t, 15
  %half = lshr i32 %t, 4
  %r2 = mul i32 %row, 2
  %chunk = add i32 %r2, %half
  %c8 = mul i32 %chunk, 8
  %p = getelementptr half, ptr addrspace(3) @tile, i32 %c8
  %f = call {i32, i32, i32, i32} @llvm.nvvm.ldmatrix.sync.aligned.m8n8.x4.b16.p3(ptr addrspace(3) %p)
  %f0 = extractvalue {i32, i32, i32, i32} %f, 0
  %f1 = extractvalue {i32, i32, i32, i32} %f, 1
  %f2 = extractvalue {i32, i32, i32, i32} %f, 2
  %f3 = extractvalue {i32, i32, i32, i32} %f, 3
  %a0 = bitcast i32 %f0 to <2 x half>
  %a1 = bitcast i32 %f1 to <2 x half>
  %a2 = bitcast i32 %f2 to <2 x half>
  %a3 = bitcast i32 %f3 to <2 x half>
  %d = call {float, float, float, float} @llvm.nvvm.mma.m16n8k16.row.col.f32.f32(<2 x half> %a0,
    <2 x half> %a1, <2 x half> %a2, <2 x half> %a3, <2 x half> <half 1.0, half 1.0>,
    <2 x half> <half 1.0, half 1.0>, float 0.5, float 0.5, float 0.5, float 0.5)
  %d0 = extractvalue {float, float, float, float} %d, 0
  %d2 = extractvalue {float, float, float, float} %d, 2
  %y2 = mul i32 %t, 2
  %py = getelementptr float, ptr %y, i32 %y2
  store float %d0, ptr %py
  %py1 = getelementptr float, ptr %py, i32 1
  store float %d2, ptr %py1
  ret void
})");
  // Row i of A is all i: sums are 16 i + 0.5.
  std::vector<uint16_t> a(256);
  const uint16_t halves[16] = {0x0000, 0x3C00, 0x4000, 0x4200, 0x4400, 0x4500, 0x4600, 0x4700,
                               0x4800, 0x4880, 0x4900, 0x4980, 0x4A00, 0x4A80, 0x4B00, 0x4B80};
  for (int i = 0; i < 256; i++)
    a[i] = halves[i / 16];
  std::vector<float> y(64);
  uint64_t pa = allow(a, "a"), py = allow(y, "y");
  ASSERT_EQ(launch(32, 1, {pa, py}), 0) << simError();
  for (int lane = 0; lane < 32; lane++) {
    EXPECT_EQ(y[2 * lane], 16.f * (lane / 4) + 0.5f);
    EXPECT_EQ(y[2 * lane + 1], 16.f * (lane / 4 + 8) + 0.5f);
  }
}

TEST_F(Simulate, Maths) {
  load(R"(
declare float @llvm.nvvm.ex2.approx.ftz.f32(float)
declare float @llvm.nvvm.rsqrt.approx.ftz.f(float)
declare float @llvm.nvvm.fma.rn.f(float, float, float)
declare i32 @llvm.nvvm.f2i.rn(float)
declare float @llvm.nvvm.fma.rm.f(float, float, float)
declare float @llvm.nvvm.add.rp.f(float, float)
declare float @llvm.nvvm.add.rz.f(float, float)
declare float @llvm.nvvm.mul.rm.f(float, float)
declare i32 @llvm.nvvm.mulhi.i(i32, i32)
declare float @__nv_tanhf(float)
declare float @__nv_roundf(float)
define ptx_kernel void @k(float %x, ptr %y) {
  %a = call float @llvm.nvvm.ex2.approx.ftz.f32(float %x)
  store float %a, ptr %y
  %p1 = getelementptr float, ptr %y, i32 1
  %b = call float @llvm.nvvm.rsqrt.approx.ftz.f(float %x)
  store float %b, ptr %p1
  %p2 = getelementptr float, ptr %y, i32 2
  %c = call float @llvm.nvvm.fma.rn.f(float %x, float %x, float 1.0)
  store float %c, ptr %p2
  %p3 = getelementptr float, ptr %y, i32 3
  %d = call i32 @llvm.nvvm.f2i.rn(float 2.5)
  %df = sitofp i32 %d to float
  store float %df, ptr %p3
  %p4 = getelementptr float, ptr %y, i32 4
  %e = call float @__nv_tanhf(float %x)
  store float %e, ptr %p4
  %p5 = getelementptr float, ptr %y, i32 5
  %f = call float asm "ex2.approx.ftz.f32 $0, $1;", "=f,f"(float %x)
  store float %f, ptr %p5
  %p6 = getelementptr float, ptr %y, i32 6
  %g = call float asm "tanh.approx.f32 $0, $1;", "=f,f"(float %x)
  store float %g, ptr %p6
  %p7 = getelementptr float, ptr %y, i32 7
  %h = call float @llvm.nvvm.fma.rm.f(float %x, float 1.0, float 0x3EE0000000000000)
  store float %h, ptr %p7
  %p8 = getelementptr float, ptr %y, i32 8
  %h2 = call float @llvm.nvvm.add.rp.f(float %x, float 0x3E10000000000000)
  store float %h2, ptr %p8
  %p9 = getelementptr float, ptr %y, i32 9
  %h3 = call float @llvm.nvvm.add.rz.f(float -4.0, float 0x3E10000000000000)
  store float %h3, ptr %p9
  %p10 = getelementptr float, ptr %y, i32 10
  %h4 = call float @llvm.nvvm.mul.rm.f(float 0x3FB99999A0000000, float 0xBFB99999A0000000)
  store float %h4, ptr %p10
  %p11 = getelementptr float, ptr %y, i32 11
  %h5 = call i32 @llvm.nvvm.mulhi.i(i32 -3, i32 1073741824)
  %h6 = sitofp i32 %h5 to float
  store float %h6, ptr %p11
  %p12 = getelementptr float, ptr %y, i32 12
  %h7 = fmul float %x, 0.625
  %h8 = call float @__nv_roundf(float %h7)
  store float %h8, ptr %p12
  ret void
})");
  std::vector<float> y(13);
  uint64_t py = allow(y, "y");
  float x = 4;
  uint32_t bits;
  std::memcpy(&bits, &x, 4);
  ASSERT_EQ(launch(1, 1, {bits, py}), 0) << simError();
  double exact = -double(0.1f) * double(0.1f);
  float below = float(exact) > exact ? std::nextafter(float(exact), -1.f) : float(exact);
  float up = std::nextafter(4.f, 5.f), down = std::nextafter(4.f, 3.f);
  EXPECT_EQ(y, (std::vector<float>{16, 0.5f, 17, 2, std::tanh(4.f), 16, std::tanh(4.f),
                                   4 + 0x1p-17f, up, -down, below, -1, 3}));
}

// All halves to f32 and back; f32 in between round to the nearest.
TEST_F(Simulate, HalfPrecision) {
  load(R"(
define ptx_kernel void @k(ptr %h, ptr %f, ptr %b) {
  %t = call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  %nt = call i32 @llvm.nvvm.read.ptx.sreg.ntid.x()
  %bl = call i32 @llvm.nvvm.read.ptx.sreg.ctaid.x()
  %first = mul i32 %bl, %nt
  %i = add i32 %first, %t
  %ph = getelementptr half, ptr %h, i32 %i
  %v = load half, ptr %ph
  %w = fpext half %v to float
  %pf = getelementptr float, ptr %f, i32 %i
  store float %w, ptr %pf
  %more = fmul float %w, 1.000244140625
  %u = fptrunc float %more to half
  store half %u, ptr %ph
  %pb = getelementptr bfloat, ptr %b, i32 %i
  %x = fptrunc float %w to bfloat
  %z = fadd bfloat %x, %x
  store bfloat %z, ptr %pb
  ret void
})");
  std::vector<uint16_t> h(65536), b(65536);
  std::vector<float> f(65536);
  for (int i = 0; i < 65536; i++)
    h[i] = uint16_t(i);
  uint64_t ph = allow(h, "h"), pf = allow(f, "f"), pb = allow(b, "b");
  ASSERT_EQ(launch(256, 256, {ph, pf, pb}), 0) << simError();
  for (int i = 0; i < 65536; i++) {
    _Float16 v;
    uint16_t bits = uint16_t(i);
    std::memcpy(&v, &bits, 2);
    if (v != v)
      continue;
    ASSERT_EQ(f[i], float(v)) << i;
    _Float16 more = _Float16(float(v) * 1.000244140625f);
    std::memcpy(&bits, &more, 2);
    ASSERT_EQ(h[i], bits) << i;
    uint32_t twice = uint32_t(b[i]) << 16;
    float got;
    std::memcpy(&got, &twice, 4);
    if (std::isfinite(float(v)))
      ASSERT_NEAR(got, 2 * float(v), std::abs(float(v)) / 64) << i;
  }
}

TEST_F(Simulate, NamesWhatItDoesNotKnow) {
  EXPECT_FALSE(rewrite(R"(
declare i64 @llvm.nvvm.mbarrier.arrive.relaxed.scope.cta.space.cta(ptr addrspace(3), i32)
define ptx_kernel void @k(ptr addrspace(3) %p) {
  %s = call i64 @llvm.nvvm.mbarrier.arrive.relaxed.scope.cta.space.cta(ptr addrspace(3) %p, i32 1)
  ret void
})"));
  EXPECT_NE(error.find("`llvm.nvvm.mbarrier.arrive.relaxed.scope.cta.space.cta`"),
            std::string::npos)
      << error;
  EXPECT_FALSE(rewrite(R"(
define ptx_kernel void @k() {
  call void asm sideeffect "setmaxnreg.inc.sync.aligned.u32 240;", ""()
  ret void
})"));
  EXPECT_NE(error.find("inline assembly `setmaxnreg.inc"), std::string::npos) << error;
  EXPECT_FALSE(rewrite("define ptx_kernel void @k(<4 x float> %v) {\n ret void\n}"));
  EXPECT_NE(error.find("an argument of the kernel k"), std::string::npos) << error;
}

TEST_F(Simulate, KernelsThatShareNothingHaveTheirOwnLayout) {
  const char *text = R"(
@a = internal addrspace(3) global [10 x i32] poison
@b = internal addrspace(3) global [20 x i32] poison
@rest = external addrspace(3) global [0 x i8], align 1024
define internal void @helper() {
  store i32 1, ptr addrspace(3) @b
  ret void
}
define ptx_kernel void @other() {
  store i32 1, ptr addrspace(3) @a
  store i8 1, ptr addrspace(3) @rest
  ret void
}
define ptx_kernel void @k(ptr %p) {
  call void @helper()
  %a = addrspacecast ptr addrspace(3) @b to ptr
  store ptr %a, ptr %p
  ret void
})";
  load(text);
  EXPECT_EQ(shared, 80);
  std::vector<uint64_t> p(1);
  uint64_t pp = allow(p, "p");
  ASSERT_EQ(launch(1, 1, {pp}), 0) << simError();
  EXPECT_EQ(p[0] % (1 << 18), 0u);
}
