//===- Explain.h - What seqc explain tells --------------------------------------------===//
#ifndef SEQC_TOOLS_SEQC_EXPLAIN_H
#define SEQC_TOOLS_SEQC_EXPLAIN_H

#include "compiler/Analysis/Work.h"
#include "compiler/Diagnostics/Diagnostics.h"
#include "compiler/Lowering/Common/Lowering.h"
#include "compiler/Lowering/Gpu/Cost.h"
#include "compiler/Tools/seqc/ExplainFlow.h"
#include "compiler/Tools/seqc/Floor.h"
#include "compiler/Tools/seqc/Kernels.h"

namespace seq::tool {

/// A parameter, a result or a weight.
struct Signature {
  std::string name, type;
};

/// What a call of these sizes could take at best on this machine, and what it may take.
struct FloorFacts {
  Peaks peaks;
  Demand demand;
  double seconds = 0;
  std::optional<double> estimate;       ///< seconds
  std::vector<gpu::KernelCost> kernels; ///< of a GPU: of which that is the sum
};

/// How a step of the function's stream runs.
struct StreamStep {
  lowering::StepFacts facts;
  std::vector<lowering::Kernel> kernels; ///< one in several versions, or one for each op
};

struct Explanation {
  explicit Explanation(const SourceManager &sources) : sources(sources) {}
  const SourceManager &sources;
  std::string entry, target;
  unsigned vectorBytes = 16;
  lowering::Function function;
  std::string sizes;     ///< "T=8, batch=2": what numbers are for
  analysis::Work work;   ///< of one sequence
  analysis::Sizes known; ///< empty: some size is not given
  int64_t batch = 1;
  int64_t threads = 1;             ///< of a CPU: for which forms were chosen
  std::string asked;               ///< the form that was asked for, or ""
  int64_t workspaceBytes = -1;     ///< -1: some size is not given
  std::optional<FloorFacts> floor; ///< where all sizes are given
  std::vector<Signature> inputs, weights, outputs;
  std::vector<Flow> flow;
  bool gpu = false;
  std::string chip;                                ///< of a GPU: whose figures estimates are of
  int64_t supposed = 0;                            ///< and the sequences of a call for forms
  std::vector<lowering::Kernel> kernels;           ///< of a GPU
  std::optional<std::vector<KernelCounts>> counts; ///< of one call in the simulator
  std::optional<StreamStep> step;                  ///< of a GPU, where it has a stream
};

std::string explainText(const Explanation &e);
std::string explainJson(const Explanation &e);
/// A page that stands alone.
std::string explainHtml(const Explanation &e);

/// "one kernel, `step_0_step_sm_80`: a block a sequence …"
std::string stepText(const Explanation &e);

/// `file:line:column`; "" where there is none.
std::string placeText(mlir::Location loc);
/// The line that a place is in, and the expression itself, cut where it is long.
std::string lineText(const SourceManager &sources, mlir::Location loc);
std::string sourceText(const SourceManager &sources, mlir::Location loc);
/// Of file 0 where there is none.
SourceRange rangeOf(const SourceManager &sources, mlir::Location loc);
/// The expression with the subscript that follows it.
std::string subscriptedText(const SourceManager &sources, mlir::Location loc);
/// Where an expression ends, as `file:line:column` one after its last character.
std::string endText(mlir::Location loc);

/// C7: "`tanh` of it, `h`"; else "".
std::string reasonText(const lowering::ClassFacts &c);
/// C7: what would make a better class of it; "" where nothing simple would.
std::string hintText(const Explanation &e, const lowering::StateFacts &state);

/// A factor in the words of the program: "exp(log_a[t, a])".
std::string factorText(const Explanation &e, const lowering::FactorFacts &factor);
/// The size of a state's axis, or its number where that has no short name.
std::string axisText(const lowering::StateFacts &state, unsigned axis);
/// "sequential".
std::string formText(const lowering::ScanFacts &scan);
/// "chunked, 16 steps".
std::string candidateText(const lowering::FormFacts &form);
/// Why a scan has its form: "the cheapest of 3, by estimate"; "" where nothing was to choose.
std::string whyText(const Explanation &e, const lowering::ScanFacts &scan);
/// "4096", "4.19e+07".
std::string amountText(double n);
/// "ema for x86-64-v3, vectors of 32 bytes".
std::string headText(const Explanation &e);
/// Of a GPU: who runs it, "a thread a point"; "" for a CPU.
std::string runsText(const lowering::MapFacts &map);
std::string runsText(const lowering::ScanFacts &scan);
/// "3 launches, 6 blocks of 128 threads, 12 barriers": what is not 0.
std::string countsText(const KernelCounts &kernel);
/// "2 threads".
std::string threadsText(int64_t threads);
/// "2.3 ms: 100 operations at 112 GFLOP/s, …" and "estimated: 3 ms, of which the floor is 77 %".
std::string floorText(const Explanation &e);
/// "latency, 1.2 MB read, …": of a kernel's estimate.
std::string costText(const gpu::KernelCost &kernel);
std::string estimateText(const FloorFacts &floor);
/// "2.3 ms".
std::string timeText(double nanoseconds);

/// `[T, 4 * H]`.
std::string dimsText(const std::vector<std::string> &shape);
/// "product", "reduction" or "map".
std::string kindOf(const lowering::MapFacts &map);
/// `batch * (T * 2048 + 1024)`: bytes of all tensors, without their rounding.
std::string tensorFormula(const lowering::FunctionFacts &facts);

} // namespace seq::tool

#endif
