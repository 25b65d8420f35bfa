// Kernels as text for NVPTX, compiled for this CPU and run by the simulator.
#include "compiler/Codegen/Simulate.h"
#include "compiler/Codegen/Codegen.h"
#include "compiler/Jit/Loader.h"
#include "runtime/GpuSim/Sim.h"

#include "llvm/AsmParser/Parser.h"
#include "llvm/IR/Verifier.h"
#include "llvm/Support/SourceMgr.h"

#include <gtest/gtest.h>

using namespace seq;

namespace {
const char *const kHostLayout = "e-m:e-p270:32:32-p271:32:32-p272:64:64-i64:64-i128:128-f80:128-"
                                "n8:16:32:64-S128";
const char *const kHead = R"(
target triple = "nvptx64-nvidia-cuda"
target datalayout = "e-p6:32:32-i64:64-i128:128-i256:256-v16:16-v32:32-n16:32:64"
declare i32 @llvm.nvvm.read.ptx.sreg.tid.x()
declare i32 @llvm.nvvm.read.ptx.sreg.ntid.x()
declare i32 @llvm.nvvm.read.ptx.sreg.ctaid.x()
declare void @llvm.nvvm.barrier.cta.sync.aligned.all(i32)
)";

class Simulate : public testing::Test {
protected:
  ~Simulate() override { seq_sim_destroy(sim); }

  /// Rewrites the text; false with `error`.
  bool rewrite(const std::string &text) {
    llvm::SMDiagnostic diagnostic;
    module = llvm::parseAssemblyString(kHead + text, diagnostic, context);
    if (!module) {
      ADD_FAILURE() << diagnostic.getLineNo() << ": " << diagnostic.getMessage().str();
      return false;
    }
    shared = codegen::sharedBytes(*module, "k");
    return codegen::simulate(*module, llvm::DataLayout(kHostLayout), synchronises, error);
  }

  /// Compiles the text, whose kernel is `k`.
  void load(const std::string &text, unsigned level = 2) {
    ASSERT_TRUE(rewrite(text)) << error;
    std::string object;
    ASSERT_TRUE(codegen::optimize(*module, level, error)) << error;
    ASSERT_TRUE(codegen::emit(*module, level, codegen::Emit::Object, object, error)) << error;
    loaded = jit::LoadedObject::load(std::move(object), "k", error);
    ASSERT_TRUE(loaded) << error;
  }

  int launch(int threads, int64_t blocks, std::vector<uint64_t> args) {
    auto *code = reinterpret_cast<seq_simulated_fn>(
        const_cast<seq_model_desc *>(loaded->descriptor)); // the address of `k`
    int flags = synchronises.contains("k") ? SEQ_KERNEL_SYNCHRONISES : 0;
    kernel = {"k", int32_t(args.size()), threads, int32_t(shared), flags, code};
    return seq_sim_launch(sim, &kernel, blocks, args.data());
  }
  template <class T> uint64_t allow(std::vector<T> &v, const char *what) {
    seq_sim_allow(sim, v.data(), int64_t(v.size() * sizeof(T)), 1, what);
    return uint64_t(v.data());
  }
  std::string simError() const { return seq_sim_error(sim); }

  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> module;
  llvm::StringSet<> synchronises;
  std::string error;
  int64_t shared = 0;
  std::unique_ptr<jit::LoadedObject> loaded;
  seq_sim *sim = seq_sim_create();
  seq_kernel kernel = {};
};
} // namespace

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
  for (unsigned level : {0u, 2u}) {
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
