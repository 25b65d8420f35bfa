//===- Runner.h - A bound model and its calls --------------------------------------===//
#ifndef SEQC_TOOLS_SEQC_RUNNER_H
#define SEQC_TOOLS_SEQC_RUNNER_H

#include "compiler/Tools/seqc/Session.h"

namespace seq::tool {

/// A context and a model of the runtime. Failures become messages of the session.
class Runner {
public:
  explicit Runner(Session &session) : session(session) {}
  ~Runner();
  Runner(const Runner &) = delete;

  /// Creates the model on `threads` threads (0: the default) and binds the weights that
  /// the command line asks for.
  bool create(const seq_model_desc &desc, int threads);
  /// Runs the function on new outputs.
  bool call(CallInputs &inputs, std::vector<Array> &outputs);
  /// Runs it again on the same outputs; what `bench` times.
  bool repeat(CallInputs &inputs, std::vector<Array> &outputs);

  /// From now on a refused or failed call is kept in `message` and not reported.
  void keepMessages() { quiet = true; }
  const std::string &message() const { return kept; }

  int threads() const { return seq_ctx_threads(ctx); }
  seq_model *get() const { return model; }

  /// Reports what the runtime said; false.
  bool refuse(Diag kind, int status, const std::string &subject);
  /// seq_args of arrays; they live until the next call.
  const seq_args &argsOf(CallInputs &inputs, std::vector<Array> &outputs) {
    fillArgs(inputs, outputs);
    return args;
  }
  bool makeOutputs(std::vector<Array> &outputs);

private:
  bool bind(const seq_model_desc &desc);
  bool bindRandom(const seq_model_desc &desc);
  void reportFailure(Diag kind, const seq_failure_info &failure);
  void fillArgs(CallInputs &inputs, std::vector<Array> &outputs);

  Session &session;
  bool quiet = false;
  std::string kept;
  seq_ctx *ctx = nullptr;
  seq_model *model = nullptr;
  seq_args args = {};
  std::vector<const DLTensor *> inputViews;
  std::vector<DLTensor *> outputViews;
  std::vector<seq_lengths> lengths;
};

/// The parameters of `--weights random:SEED`: initial values where the program gives them,
/// else normal numbers. False: reported.
bool makeRandomWeights(Session &session, uint64_t seed, std::vector<Array> &out);

} // namespace seq::tool

#endif
