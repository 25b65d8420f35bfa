//===- gpusim-mutate.cpp - Faults in kernels, one at a time ----------------------------===//
//
//   gpusim-mutate FILE.seq [ENTRY] [NAME=VALUE ...] [options of seqc check]
//
// Compiles the program for the simulator, again with each fault of Mutate.h, and runs each on the
// same random inputs of every size given in three orders of threads. One line of JSON a fault tells
// what came of it:
//
//   reported  the simulator found it, in the order `order`
//   differs   a result is another one
//   order     results depend on the order of threads
//   equal     nothing
//   unreached nothing: no thread comes there
//   hangs     it does not end: a loop that waits for a plain access, say
//
// With `--cuts` the program runs as a stream, in pieces of one step, and faults are those of the
// step's kernels.
//
// Each runs in a process of its own. For test/GpuSim/mutants.py.
//
//===----------------------------------------------------------------------===//
#include "compiler/Jit/Loader.h"
#include "compiler/Tools/gpusim-mutate/Mutate.h"
#include "compiler/Tools/seqc/OwnInputs.h"
#include "compiler/Tools/seqc/Pieces.h"
#include "compiler/Tools/seqc/Report.h"
#include "compiler/Tools/seqc/Runner.h"

#include <cstdio>
#include <cstring>
#include <sys/wait.h>
#include <unistd.h>

using namespace seq;
using namespace seq::tool;

namespace {
constexpr unsigned kSeconds = 30;
constexpr int kOrders[] = {SEQ_SIM_FORWARD, SEQ_SIM_REVERSE, SEQ_SIM_RANDOM};
constexpr const char *kOrderNames[] = {"forward", "reverse", "random"};

struct Run {
  bool good = false;
  int order = 0; ///< in which it failed
  std::string message;
  std::vector<std::vector<Array>> outputs[3]; ///< by order, then by size
};

class Mutator {
public:
  explicit Mutator(Session &session) : session(session), options(session.pipelineOptions()) {}

  bool prepare() {
    if (session.options.targets.empty())
      session.options.targets = {"gpusim"};
    if (!session.setUp() || !session.checkProgram() || !session.loadInputs(true) ||
        !session.emitSeq())
      return false;
    for (const OwnShape &shape : shapesOf(session, 65, 6))
      if (!makeInputs(session, shape, 1, inputs.emplace_back()))
        return false;
    options = session.pipelineOptions();
    options.onDevice = [this](llvm::Module &module) { faults = mutate::faultsOf(module); };
    return run(sound) && sound.good;
  }

  size_t count() const { return faults.size(); }
  /// Whether the fault is in what runs.
  bool isWanted(size_t number) const {
    return !session.options.cuts || llvm::StringRef(faults[number].kernel).starts_with("step_");
  }

  std::string tryFault(size_t number) {
    options.onDevice = [=](llvm::Module &module) { mutate::makeFault(module, number); };
    Run r;
    if (!run(r))
      return line(number, "broken", "", session.internal.text);
    if (!r.good)
      return line(number, "reported", kOrderNames[r.order], r.message);
    for (int order = 0; order < 3; ++order)
      for (auto [got, first] : llvm::zip(r.outputs[order], r.outputs[0]))
        if (!llvm::equal(got, first, same))
          return line(number, "order", kOrderNames[order], "");
    // Other code may round otherwise.
    auto alike = [](const Array &a, const Array &b) { return compareArrays(a, b, 0).units <= 1; };
    for (auto [got, want] : llvm::zip(r.outputs[0], sound.outputs[0]))
      if (!llvm::equal(got, want, alike))
        return line(number, "differs", "", "");
    options.onDevice = [=](llvm::Module &module) { mutate::makeProbe(module, number); };
    Run probe;
    if (!run(probe))
      return line(number, "broken", "", session.internal.text);
    return line(number, probe.good ? "unreached" : "equal", "", "");
  }

  std::string line(size_t number, const std::string &outcome, const std::string &order,
                   const std::string &message) const {
    const mutate::Fault &f = faults[number];
    return "{\"kernel\": " + jsonText(f.kernel) + ", \"kind\": " + jsonText(f.kind) +
           ", \"place\": " + jsonText(f.place) + ", \"outcome\": " + jsonText(outcome) +
           ", \"order\": " + jsonText(order) + ", \"message\": " + jsonText(message) + "}\n";
  }

private:
  static bool same(const Array &a, const Array &b) {
    return a.byteCount() == 0 || std::memcmp(a.data(), b.data(), size_t(a.byteCount())) == 0;
  }

  std::shared_ptr<jit::LoadedObject> compile() {
    codegen::Descriptor descriptor(*session.program, 1);
    mlir::OwningOpRef<mlir::ModuleOp> module(session.seqModule().clone());
    descriptor.addModule(*module);
    codegen::Code code;
    std::string object;
    if (!pipeline::compile(*module, descriptor, options, session.context(), code,
                           session.internal) ||
        !pipeline::emit(code, options, codegen::Emit::Object, object, session.internal))
      return nullptr;
    std::shared_ptr<jit::LoadedObject> loaded = jit::LoadedObject::load(
        std::move(object), codegen::descriptorSymbol(session.program->entryName),
        session.internal.text);
    return loaded;
  }

  bool call(Runner &runner, CallInputs &in, std::vector<Array> &out) {
    auto everywhere = [](int64_t steps) {
      std::vector<int64_t> at;
      for (int64_t step = 1; step < steps; ++step)
        at.push_back(step);
      return at;
    };
    return session.options.cuts ? runPieces(session, runner, in, everywhere, out)
                                : runner.call(in, out);
  }

  /// False where it cannot be compiled.
  bool run(Run &out) {
    auto loaded = compile();
    if (!loaded)
      return false;
    Runner runner(session);
    runner.keepMessages();
    out.good = runner.create(*loaded->descriptor, 1);
    out.message = out.good ? "" : runner.message();
    for (int order : kOrders) {
      if (!out.good)
        break;
      seq_sim_set_order(runner.simulator(), order, 1);
      out.order = order;
      for (CallInputs &in : inputs)
        out.good = out.good && call(runner, in, out.outputs[order].emplace_back());
      out.message = out.good ? "" : runner.message();
    }
    return true;
  }

  Session &session;
  pipeline::Options options;
  std::vector<CallInputs> inputs;
  std::vector<mutate::Fault> faults;
  Run sound;
};

/// In a process of its own.
bool tell(Mutator &mutator, size_t number) {
  std::fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    alarm(kSeconds);
    std::string line = mutator.tryFault(number);
    std::fputs(line.c_str(), stdout);
    std::fflush(stdout);
    _exit(0);
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child)
    return false;
  if (WIFSIGNALED(status))
    std::fputs(mutator
                   .line(number, WTERMSIG(status) == SIGALRM ? "hangs" : "crashes", "",
                         strsignal(WTERMSIG(status)))
                   .c_str(),
               stdout);
  return true;
}
} // namespace

int main(int argc, char **argv) {
  Session session;
  session.argv.assign(argv + 1, argv + argc);
  session.argv.insert(session.argv.begin(), "check");
  if (!parseCommandLine(session.argv, session.options, session.diags))
    return session.finish(WrongUsage);
  Mutator mutator(session);
  if (!mutator.prepare()) {
    std::fprintf(stderr, "the program does not run without a fault\n");
    return session.finish(UserError);
  }
  for (size_t k = 0; k < mutator.count(); ++k)
    if (mutator.isWanted(k) && !tell(mutator, k))
      return UserError;
  std::fflush(stdout);
  _exit(0);
}
