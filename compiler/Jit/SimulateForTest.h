// What the tests of simulated kernels share: kernels as text for NVPTX, compiled for this CPU.
#ifndef SEQC_JIT_SIMULATEFORTEST_H
#define SEQC_JIT_SIMULATEFORTEST_H

#include "compiler/Codegen/Codegen.h"
#include "compiler/Codegen/Device.h"
#include "compiler/Codegen/Simulate.h"
#include "compiler/Codegen/Target.h"
#include "compiler/Jit/Loader.h"
#include "runtime/GpuSim/Sim.h"

#include "llvm/AsmParser/Parser.h"
#include "llvm/IR/Verifier.h"
#include "llvm/Support/SourceMgr.h"

#include <gtest/gtest.h>

namespace seq {

inline const char *const kHostLayout =
    "e-m:e-p270:32:32-p271:32:32-p272:64:64-i64:64-i128:128-f80:128-"
    "n8:16:32:64-S128";
inline const char *const kHead = R"(
target triple = "nvptx64-nvidia-cuda"
target datalayout = "e-p6:32:32-i64:64-i128:128-i256:256-v16:16-v32:32-n16:32:64"
declare i32 @llvm.nvvm.read.ptx.sreg.tid.x()
declare i32 @llvm.nvvm.read.ptx.sreg.ntid.x()
declare i32 @llvm.nvvm.read.ptx.sreg.ctaid.x()
declare void @llvm.nvvm.barrier.cta.sync.aligned.all(i32)
)";

class SimulateTest : public testing::Test {
protected:
  ~SimulateTest() override { seq_sim_destroy(sim); }

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

  /// NVIDIA's assembler takes the text for sm_90a, where there is one.
  void expectAssembles(const std::string &text) {
    std::string ptxas = codegen::findPtxas(), ptx, cubin, log;
    lowering::Target target = codegen::parseTarget("sm_90a").target;
    target.features = "+ptx90";
    if (ptxas.empty())
      return;
    llvm::SMDiagnostic diagnostic;
    auto device = llvm::parseAssemblyString(kHead + text, diagnostic, context);
    ASSERT_TRUE(device) << diagnostic.getMessage().str();
    ASSERT_TRUE(codegen::emitPtx(*device, target, ptx, error)) << error;
    EXPECT_TRUE(codegen::assemblePtx(ptxas, ptx, "sm_90a", cubin, log, error)) << error << ptx;
  }

  int launch(int threads, int64_t blocks, std::vector<uint64_t> args, int flags = 0) {
    auto *code = reinterpret_cast<seq_simulated_fn>(
        const_cast<seq_model_desc *>(loaded->descriptor)); // the address of `k`
    flags |= synchronises.contains("k") ? SEQ_KERNEL_SYNCHRONISES : 0;
    kernel = {"k", int32_t(args.size()), threads, int32_t(shared), flags, code};
    return seq_sim_launch(sim, &kernel, blocks, args.data());
  }
  template <class T> uint64_t allow(std::vector<T> &v, const char *what) {
    seq_sim_allow(sim, v.data(), int64_t(v.size() * sizeof(T)), 1, what);
    return uint64_t(v.data());
  }
  /// Runs `body` in each order.
  template <class F> void inAllOrders(F body) {
    for (int order : {SEQ_SIM_FORWARD, SEQ_SIM_REVERSE, SEQ_SIM_RANDOM}) {
      SCOPED_TRACE(order);
      seq_sim_set_order(sim, order, 7);
      body();
    }
  }
  /// Leaves out each line that ends in "; cut" in turn, and demands that in each order the launch
  /// fails, with a text.
  template <class F> void cutEachLine(const std::string &text, F run) {
    size_t cuts = 0;
    for (size_t at = text.find("; cut"); at != std::string::npos; at = text.find("; cut", at + 1)) {
      size_t begin = text.rfind('\n', at) + 1;
      SCOPED_TRACE("without" + text.substr(begin, at - begin));
      load(text.substr(0, begin) + text.substr(at));
      inAllOrders([&] {
        EXPECT_EQ(run(), -1);
        EXPECT_NE(simError().find("kernel `k`"), std::string::npos) << simError();
      });
      ++cuts;
    }
    EXPECT_GE(cuts, 3u);
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

} // namespace seq

#endif
