//===- Interpreted.h - The interpreter behind the runtime's interface --------------===//
//
// A descriptor whose one variant calls the reference interpreter. So both kinds of models
// have their inputs, lengths, weights and failures handled by the same runtime.
//
//===----------------------------------------------------------------------===//
#ifndef SEQC_TOOLS_SEQC_INTERPRETED_H
#define SEQC_TOOLS_SEQC_INTERPRETED_H

#include "compiler/Codegen/Descriptor.h"
#include "compiler/Reference/Reference.h"

namespace seq::tool {

class Interpreted {
public:
  /// `descriptor` describes the one function of `module`, or that and its stream and its step.
  Interpreted(mlir::ModuleOp module, std::unique_ptr<codegen::Descriptor> descriptor, bool f64);

  const seq_model_desc &model() const { return descriptor->model(); }

  /// The model that is created or bound next on this thread is this one's.
  void makeCurrent();

  /// The results of the last call as the interpreter gave them (f64 where that was asked
  /// for), each with a leading axis over the batch.
  const std::vector<reference::Tensor> &results() const { return last; }

private:
  static void prepare(const seq_call *call, int32_t tid, int32_t threads);
  template <size_t Function>
  static void forward(const seq_call *call, int32_t tid, int32_t threads);
  void readWeights(const seq_call *call);
  void run(size_t function, const seq_call *call);
  void readInputs(const seq_function_desc &f, const seq_call *call, reference::Batch &batch,
                  std::vector<reference::Tensor> &tensors);
  void readSizes(const seq_function_desc &f, const seq_call *call, reference::Batch &batch);
  void writeOutputs(const seq_function_desc &f, const seq_call *call);
  void fail(size_t function, const seq_call *call, const reference::Failure &failure);

  std::vector<mlir::func::FuncOp> funcs;
  std::unique_ptr<codegen::Descriptor> descriptor;
  reference::Options options;
  std::vector<reference::Tensor> weights, last;
};

} // namespace seq::tool

#endif
