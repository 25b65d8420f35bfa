//===- Loader.cpp - Objects into this process ------------------------------------------===//
//
// LLVM's JITLink without the rest of the JIT: the objects are finished, so neither a
// target nor a compiler is set up, and loading from the cache takes well under a
// millisecond.
//
//===----------------------------------------------------------------------===//
#include "compiler/Jit/Loader.h"
#include "runtime/GpuSim/Symbols.h"

#include "llvm/ExecutionEngine/JITLink/JITLinkMemoryManager.h"
#include "llvm/ExecutionEngine/Orc/AbsoluteSymbols.h"
#include "llvm/ExecutionEngine/Orc/Core.h"
#include "llvm/ExecutionEngine/Orc/ExecutionUtils.h"
#include "llvm/ExecutionEngine/Orc/ObjectLinkingLayer.h"
#include "llvm/ExecutionEngine/Orc/SelfExecutorProcessControl.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Process.h"

#include <cmath>
#include <cstring>

using namespace llvm;
using namespace llvm::orc;

namespace seq::jit {

namespace {
class OrcObject : public LoadedObject {
public:
  explicit OrcObject(std::unique_ptr<ExecutorProcessControl> process)
      : session(std::move(process)),
        layer(session, std::make_unique<jitlink::InProcessMemoryManager>(
                           sys::Process::getPageSizeEstimate())) {
    session.setErrorReporter([this](Error e) { messages += toString(std::move(e)) + "\n"; });
  }
  ~OrcObject() override { consumeError(session.endSession()); }

  Error add(std::string object) {
    JITDylib &dylib = session.createBareJITDylib("model");
    if (auto e = dylib.define(absoluteSymbols(runtimeSymbols())))
      return e;
    return layer.add(dylib, MemoryBuffer::getMemBufferCopy(object, "model.o"));
  }

  Expected<void *> find(const std::string &symbol) {
    auto found = session.lookup({session.getJITDylibByName("model")}, session.intern(symbol));
    if (!found)
      return found.takeError();
    return found->getAddress().toPtr<void *>();
  }

  std::string messages;

private:
  template <class F> static ExecutorSymbolDef address(F *f) {
    return {ExecutorAddr::fromPtr(f), JITSymbolFlags::Exported};
  }

  /// All that generated code may call.
  SymbolMap runtimeSymbols() {
    SymbolMap map;
    auto add = [&](const char *name, auto *f) { map[session.intern(name)] = address(f); };
    add("seq_rt_barrier", &seq_rt_barrier);
    add("seq_rt_fail", &seq_rt_fail);
    add("seq_rt_launch", &seq_rt_launch);
    add("seq_rt_tensor_map", &seq_rt_tensor_map);
    add("seq_rt_order", &seq_rt_order);
    add("memcpy", static_cast<void *(*)(void *, const void *, size_t)>(&std::memcpy));
    add("memmove", static_cast<void *(*)(void *, const void *, size_t)>(&std::memmove));
    add("memset", static_cast<void *(*)(void *, int, size_t)>(&std::memset));
#define ADD(name) add(#name, &name);
    SEQ_SIM_SYMBOLS(ADD)
#undef ADD
    addMaths(map);
    return map;
  }
  void addMaths(SymbolMap &map) {
    using F32 = float (*)(float);
    using F64 = double (*)(double);
    struct {
      const char *name;
      F64 f;
    } doubles[] = {{"exp", std::exp},     {"log", std::log},   {"expm1", std::expm1},
                   {"log1p", std::log1p}, {"tanh", std::tanh}, {"erf", std::erf},
                   {"sin", std::sin},     {"cos", std::cos},   {"floor", std::floor},
                   {"exp2", std::exp2},   {"log2", std::log2}, {"roundeven", ::roundeven},
                   {"trunc", std::trunc}, {"ceil", std::ceil}, {"sqrt", std::sqrt},
                   {"round", std::round}};
    struct {
      const char *name;
      F32 f;
    } floats[] = {{"expf", ::expf},     {"logf", ::logf},   {"expm1f", ::expm1f},
                  {"log1pf", ::log1pf}, {"tanhf", ::tanhf}, {"erff", ::erff},
                  {"sinf", ::sinf},     {"cosf", ::cosf},   {"floorf", ::floorf},
                  {"exp2f", ::exp2f},   {"log2f", ::log2f}, {"roundevenf", ::roundevenf},
                  {"truncf", ::truncf}, {"ceilf", ::ceilf}, {"sqrtf", ::sqrtf},
                  {"roundf", ::roundf}};
    for (auto &d : doubles)
      map[session.intern(d.name)] = address(d.f);
    for (auto &f : floats)
      map[session.intern(f.name)] = address(f.f);
    map[session.intern("pow")] = address(static_cast<double (*)(double, double)>(&::pow));
    map[session.intern("powf")] = address(&::powf);
    map[session.intern("fma")] = address(static_cast<double (*)(double, double, double)>(&::fma));
    map[session.intern("fmaf")] = address(&::fmaf);
    map[session.intern("fmod")] = address(static_cast<double (*)(double, double)>(&::fmod));
    map[session.intern("fmodf")] = address(&::fmodf);
  }

  ExecutionSession session;
  ObjectLinkingLayer layer;
};
} // namespace

std::unique_ptr<LoadedObject> LoadedObject::load(std::string object, const std::string &symbol,
                                                 std::string &error) {
  auto process = SelfExecutorProcessControl::Create();
  if (!process) {
    error = toString(process.takeError());
    return nullptr;
  }
  auto loaded = std::make_unique<OrcObject>(std::move(*process));
  if (auto e = loaded->add(std::move(object))) {
    error = toString(std::move(e));
    return nullptr;
  }
  auto address = loaded->find(symbol);
  if (!address) {
    error = toString(address.takeError()) + loaded->messages;
    return nullptr;
  }
  loaded->descriptor = static_cast<const seq_model_desc *>(*address);
  return loaded;
}

} // namespace seq::jit
