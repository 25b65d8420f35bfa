// Products of warp groups as MLIR writes them: each form of their text, and a product of matrices
// with tensor maps and barriers, which fails without any of its lines.
#include "compiler/Jit/SimulateForTest.h"

using namespace seq;

using SimulateProduct = SimulateTest;

//===----------------------------------------------------------------------===//
// The text of a product
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

namespace {
struct Mma {
  std::string to, from; ///< prefixes of the results and of what they are added to
  std::string shape;    ///< "n64k16.f32.f16.f16"
  int n;
  std::string a, b;            ///< a descriptor, or a prefix of four registers; a descriptor
  std::string scale = "i32 1"; ///< whether it adds
  std::vector<int> rest;       ///< signs, transpositions
  bool registers = false;
};
} // namespace

static std::string mma(const Mma &m) {
  int results = m.n / 2, next = 2 * results;
  auto operand = [&] { return "$" + std::to_string(next++); };
  std::string type = "{" + repeated(results, "float") + "}";
  std::string a = m.registers ? "{" + list(4, "$", next) + "}" : "$" + std::to_string(next);
  next += m.registers ? 4 : 1;
  std::string b = operand(), scale = operand(), rest, values;
  for (int v : m.rest) {
    rest += ", " + operand();
    values += ", i32 " + std::to_string(v);
  }
  std::string text =
      "  %" + m.to + " = call " + type + " asm sideeffect \"{\\0A.reg .pred p;\\0Asetp.ne.b32 p, " +
      scale + ", 0;\\0Awgmma.mma_async.sync.aligned.m64" + m.shape + " {" + list(results, "$") +
      "}, " + a + ", " + b + ", p" + rest + ";\\0A}\\0A\", \"" + repeated(results, "=f") + "," +
      list(results, "") + (m.registers ? ",r,r,r,r" : ",l") + ",l" + "," +
      (m.scale == "i32 1" ? "n," : "r,") + repeated(int(m.rest.size()), "n") + "\"(" +
      list(results, "%" + m.from, 0, "float ") + ", " +
      (m.registers ? list(4, "%" + m.a, 0, "i32 ") : "i64 %" + m.a) + ", i64 %" + m.b + ", " +
      m.scale + values + ")\n";
  for (int i = 0; i < results; i++)
    text += "  %" + m.to + std::to_string(i) + " = extractvalue " + type + " %" + m.to + ", " +
            std::to_string(i) + "\n";
  return text;
}

//===----------------------------------------------------------------------===//
// Forms
//===----------------------------------------------------------------------===//

// B is 1 everywhere; rows of A are their numbers, in registers, or 1 as well.
static std::string formText(const std::string &element, const std::string &name, Mma m) {
  bool wide = element == "float";
  std::string text = R"(
@ones = internal addrspace(3) global [512 x i32] poison, align 1024
declare void @llvm.nvvm.fence.proxy.async()
declare void @llvm.nvvm.wgmma.fence.sync.aligned()
declare void @llvm.nvvm.wgmma.commit_group.sync.aligned()
declare void @llvm.nvvm.wgmma.wait_group.sync.aligned(i64)
define ptx_kernel void @k(ptr %y, i32 %add) "nvvm.maxntid"="128" {
  %t = call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  %one.e = uitofp i32 1 to )" +
                     element + "\n";
  auto pack = [&](const std::string &to, const std::string &from) {
    if (wide)
      return "  %" + to + " = bitcast float %" + from + " to i32\n";
    std::string v = "<2 x " + element + ">";
    return "  %" + to + ".l = insertelement " + v + " poison, " + element + " %" + from +
           ", i32 0\n  %" + to + ".p = insertelement " + v + " %" + to + ".l, " + element + " %" +
           from + ", i32 1\n  %" + to + " = bitcast " + v + " %" + to + ".p to i32\n";
  };
  text += pack("one", "one.e");
  for (int i = 0; i < 4; i++)
    text += "  %i" + std::to_string(i) + " = add i32 %t, " + std::to_string(128 * i) + "\n  %p" +
            std::to_string(i) + " = getelementptr i32, ptr addrspace(3) @ones, i32 %i" +
            std::to_string(i) + "\n  store i32 %one, ptr addrspace(3) %p" + std::to_string(i) +
            "\n";
  text += R"(
  %warp = lshr i32 %t, 5
  %lane = and i32 %t, 31
  %g = lshr i32 %lane, 2
  %row.warp = mul i32 %warp, 16
  %row = add i32 %row.warp, %g
  %row8 = add i32 %row, 8
  %row.e = uitofp i32 %row to )" +
          element + "\n  %row8.e = uitofp i32 %row8 to " + element + "\n";
  text += pack("a0", "row.e") + pack("a1", "row8.e") + pack("a2", "row.e") + pack("a3", "row8.e");
  text += R"(
  call void @llvm.nvvm.fence.proxy.async() ; cut
  call void @llvm.nvvm.barrier.cta.sync.aligned.all(i32 0) ; cut
  %at = ptrtoint ptr addrspace(3) @ones to i64
  %low = and i64 %at, 262143
  %d = lshr i64 %low, 4
  %c0 = fadd float 0.0, 0.5
  %c1 = fadd float 0.0, 0.5
  %c2 = fadd float 0.0, 0.5
  %c3 = fadd float 0.0, 0.5
  call void @llvm.nvvm.wgmma.fence.sync.aligned() ; cut
)";
  m.to = "r", m.from = "c", m.shape = "n8" + name, m.n = 8, m.b = "d", m.scale = "i32 %add";
  m.a = m.registers ? "a" : "d";
  return text + mma(m) + R"(
  call void @llvm.nvvm.wgmma.commit_group.sync.aligned() ; cut
  call void @llvm.nvvm.wgmma.wait_group.sync.aligned(i64 0) ; cut
  %y2 = mul i32 %t, 2
  %q0 = getelementptr float, ptr %y, i32 %y2
  store float %r0, ptr %q0
  %q1 = getelementptr float, ptr %q0, i32 1
  store float %r3, ptr %q1
  ret void
})";
}

TEST_F(SimulateProduct, EachForm) {
  std::vector<float> y(256);
  uint64_t py = allow(y, "y");
  auto check = [&](const char *element, const char *name, std::vector<int> rest, bool registers) {
    SCOPED_TRACE(std::string(name) + (registers ? " registers" : ""));
    Mma m;
    m.rest = std::move(rest);
    m.registers = registers;
    std::string text = formText(element, name, m);
    expectAssembles(text);
    load(text);
    int depth = std::string(element) == "float" ? 8 : 16, sign = m.rest[0] * m.rest[1];
    for (uint64_t adds : {0, 1}) {
      ASSERT_EQ(launch(128, 1, {py, adds}), 0) << simError();
      for (int i = 0; i < 256; i++) {
        int row = i / 64 * 16 + i / 8 % 8 + i % 2 * 8;
        ASSERT_EQ(y[i], float(sign * depth * (registers ? row : 1)) + (adds ? 0.5f : 0)) << i;
      }
    }
    cutEachLine(text, [&] { return launch(128, 1, {py, 1}); });
  };
  check("half", "k16.f32.f16.f16", {1, -1, 0, 0}, false);
  check("half", "k16.f32.f16.f16", {-1, 1, 1}, true);
  check("bfloat", "k16.f32.bf16.bf16", {-1, -1, 1, 1}, false);
  check("bfloat", "k16.f32.bf16.bf16", {1, 1, 0}, true);
  check("float", "k8.f32.tf32.tf32", {1, 1}, false);
  check("float", "k8.f32.tf32.tf32", {-1, 1}, true);
}

TEST_F(SimulateProduct, TextsThatAreNotKnown) {
  Mma m;
  m.rest = {1, 1, 0, 0};
  auto refused = [&](const std::string &from, const std::string &to) {
    std::string text = formText("half", "k16.f32.f16.f16", m);
    ASSERT_NE(text.find(from), std::string::npos);
    text.replace(text.find(from), from.size(), to);
    EXPECT_FALSE(rewrite(text));
    EXPECT_NE(error.find("the simulator does not know the inline assembly"), std::string::npos)
        << error;
  };
  refused(".f32.f16.f16 {", ".f16.f16.f16 {");
  refused("setp.ne.b32", "setp.eq.b32");
  refused("{$0,$1,$2,$3}", "{$0,$1,$3,$2}");
  refused("i32 1, i32 1, i32 0, i32 0)", "i32 1, i32 2, i32 0, i32 0)");
  refused(", p, ", ", q, ");
}

//===----------------------------------------------------------------------===//
// A product of matrices
//===----------------------------------------------------------------------===//

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

// Thread 0 loads step `step + 1`, and before the first one step 0 as well: the loop of loads.
static const char *const kProductLoads = R"(
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

// Then the results of the lane go to shared memory, and from there to the tensor.
static const char *const kProductWait = R"(
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

static const char *const kProductWrite = R"(
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

/// c = a b^T, both [64, 64 steps] in f16, tiles of 64 in two halves of shared memory.
static std::string productText() {
  auto number = [](int i) { return std::to_string(i); };
  std::string text = kProductHead;
  for (int i = 0; i < 32; i++)
    text +=
        "  %c" + number(i) + " = phi float [ 0.0, %started ], [ %r" + number(i) + ", %consume ]\n";
  text += kProductLoads;
  for (int k = 1; k < 4; k++)
    for (std::string d : {"da", "db"})
      text += "  %" + d + number(k) + " = add i64 %" + d + "0, " + number(2 * k) + "\n";
  text += "  call void @llvm.nvvm.wgmma.fence.sync.aligned() ; cut\n";
  const char *names = "cpqsr";
  for (int k = 0; k < 4; k++)
    text += mma({std::string(1, names[k + 1]),
                 std::string(1, names[k]),
                 "n64k16.f32.f16.f16",
                 64,
                 "da" + number(k),
                 "db" + number(k),
                 "i32 1",
                 {1, 1, 0, 0}});
  text += kProductWait;
  for (int i = 0; i < 32; i++) {
    int at = 512 * (i / 2 % 2) + 8 * (i / 4) + i % 2;
    text += "  %o" + number(i) + " = add i32 %base, " + number(at) + "\n  %w" + number(i) +
            " = getelementptr float, ptr addrspace(3) @result, i32 %o" + number(i) +
            "\n  store float %r" + number(i) + ", ptr addrspace(3) %w" + number(i) + "\n";
  }
  return text + kProductWrite;
}

TEST_F(SimulateProduct, ProductOfMatrices) {
  constexpr int kSteps = 5, kDepth = 64 * kSteps;
  std::string text = productText();
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
