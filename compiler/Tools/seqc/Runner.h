//===- Runner.h - A bound model and its calls --------------------------------------===//
#ifndef SEQC_TOOLS_SEQC_RUNNER_H
#define SEQC_TOOLS_SEQC_RUNNER_H

#include "compiler/Tools/seqc/Session.h"
#include "runtime/GpuSim/Device.h"

#include <deque>

namespace seq::tool {

/// A context and a model of the runtime. Failures become messages of the session.
class Runner {
public:
  explicit Runner(Session &session) : session(session) {}
  ~Runner();
  Runner(const Runner &) = delete;

  /// Creates the model on the machine of the session's target, on the CPU with `threads` threads
  /// (0: the default), and binds the weights that the command line asks for.
  bool create(const seq_model_desc &desc, int threads);
  /// The same on the CPU, whatever the target is: for the interpreter.
  bool createHere(const seq_model_desc &desc);
  /// Runs the function on new outputs.
  bool call(CallInputs &inputs, std::vector<Array> &outputs);
  /// Runs it again on the same inputs and outputs; what `bench` times: on a device nothing is
  /// copied, and the call is waited for.
  bool repeat(CallInputs &inputs, std::vector<Array> &outputs);

  /// From now on a refused or failed call is kept in `message` and not reported.
  void keepMessages() { quiet = true; }
  const std::string &message() const { return kept; }
  /// Of the last call that failed: SEQ_ERR_DEVICE is a fault that the simulator found, say.
  int failure() const { return keptStatus; }

  int threads() const { return seq_ctx_threads(ctx); }
  seq_model *get() const { return model; }
  /// The simulator that kernels run on; null elsewhere.
  seq_sim *simulator() const { return seq_ctx_sim(ctx); }

  /// Reports what the runtime said; false.
  bool refuse(Diag kind, int status, const std::string &subject);
  /// seq_args of arrays, copied to the device where there is one; null: reported. They live until
  /// the next call.
  const seq_args *argsOf(CallInputs &inputs, std::vector<Array> &outputs) {
    return fillArgs(inputs, outputs) ? &args : nullptr;
  }
  /// After a call with such arguments: `outputs` from the device.
  bool takeOutputs(std::vector<Array> &outputs);
  bool makeOutputs(std::vector<Array> &outputs);

private:
  bool bind(const seq_model_desc &desc);
  bool bindRandom(const seq_model_desc &desc);
  void reportFailure(Diag kind, const seq_failure_info &failure);
  bool start(const seq_model_desc &desc, int32_t kind, int threads);
  bool fillArgs(CallInputs &inputs, std::vector<Array> &outputs);
  bool copyIn(const Array &from, DLTensor *&view);
  bool onDevice() const { return seq_ctx_kind(ctx) == SEQ_ON_CUDA; }

  Session &session;
  bool quiet = false;
  std::string kept;
  int keptStatus = SEQ_OK;
  seq_ctx *ctx = nullptr;
  seq_model *model = nullptr;
  seq_args args = {};
  std::vector<const DLTensor *> inputViews;
  std::vector<DLTensor *> outputViews;
  std::vector<seq_lengths> lengths;
  /// An array of the host's on the device.
  struct Copy {
    void *data = nullptr;
    int64_t bytes = 0;
    DLTensor view = {};
  };
  std::deque<Copy> copies; ///< inputs, then outputs; views point to them
  size_t copied = 0;
};

/// The parameters of `--weights random:SEED`: initial values where the program gives them,
/// else normal numbers. False: reported.
bool makeRandomWeights(Session &session, uint64_t seed, std::vector<Array> &out);

} // namespace seq::tool

#endif
