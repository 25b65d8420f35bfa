//===- Pipelines.h - The order of the stages -------------------------------------===//
//
// The only place that orders stages and passes:
//
//   checkProgram ─ astToSeq ─ transforms ─ cpu::lower or gpu::lower per target ─ codegen
//
// User errors go to the DiagnosticEngine. What goes wrong past the front end is an
// internal error: a stage and what MLIR or LLVM said, for a reproducer.
//
//===----------------------------------------------------------------------===//
#ifndef SEQC_PIPELINES_PIPELINES_H
#define SEQC_PIPELINES_PIPELINES_H

#include "compiler/Analysis/Time.h"
#include "compiler/Analysis/Work.h"
#include "compiler/Codegen/Codegen.h"
#include "compiler/Lowering/Gpu/Cost.h"
#include "compiler/Sema/Sema.h"

#include <functional>

namespace seq::pipeline {

struct InternalError {
  std::string stage, text;
  explicit operator bool() const { return !stage.empty(); }
};

struct Options {
  std::vector<lowering::Target> targets; ///< from the lowest level to the highest
  unsigned optLevel = 2;
  /// What `float` meant when the program was checked. The entry's types need not show it,
  /// so the cache of compiled code has to know.
  typed::Elem floatType = typed::Elem::F32;
  /// The form that scans or convolutions take where they can: "sequential", "scan", "chunked",
  /// "chunked:32", "two-level", "direct", "fft"; "": the cheapest, at sizes where they are known
  /// (`K=64,V=32`).
  std::string form, sizes;
  /// For which the cheapest form is sought: results differ between forms by rounding, so code
  /// gives the same ones however many there are when it runs. A GPU has no `threads`; 0 sequences
  /// are as many as its model supposes, and one on a CPU.
  int64_t threads = 1, batch = 0;
  bool tellForms = false;   ///< notes what other forms would cost, for explanations
  bool streams = false;     ///< the module holds a stream of the first function, where there is one
  bool entryPoints = false; ///< the C functions of the generated header too
  bool assemble = true;     ///< PTX of devices to machine code, where there is an assembler
  /// Called after each phase with its name and milliseconds.
  std::function<void(const char *, double)> onPhase;
  /// codegen::BuildOptions has it.
  std::function<void(llvm::Module &)> onDevice;
};

/// An MLIR context for everything that the compiler makes; what MLIR reports is kept in
/// `messages` and never printed.
class Context {
public:
  Context();
  ~Context();
  mlir::MLIRContext &mlir() { return *context; }
  const std::string &messages() const { return text; }

private:
  std::unique_ptr<mlir::MLIRContext> context;
  std::string text;
};

/// The seq dialect of the program's first `count` functions, as emitted: what the
/// interpreter runs. Null where there were user errors (in `diags`) or an internal one.
mlir::OwningOpRef<mlir::ModuleOp> toSeq(const typed::Program &program, size_t count,
                                        Context &context, DiagnosticEngine &diags,
                                        InternalError &error);

/// Adds the stream of the first function behind all others, and its step where that is
/// another for one of the targets; false with the reason where it has none.
bool addStream(mlir::ModuleOp module, const Options &options,
               std::optional<StreamRefusal> &refusal);

/// The first of the transforms alone: classes, and the form of each scan and convolution
/// (`seq.form`, `seq.refused`), for the last target.
bool deriveForms(mlir::ModuleOp module, const Options &options, Context &context,
                 InternalError &error);

/// How much the first function's results demand for one sequence, as formulas over its sizes:
/// scores at present points alone, functions over the indices that they depend on.
bool demandedWork(mlir::ModuleOp module, Context &context, analysis::Work &work,
                  InternalError &error);

/// What a call would take, by the model that forms are chosen by.
struct Estimate {
  double nanoseconds = 0;
  std::vector<gpu::KernelCost> kernels; ///< of a GPU
};
/// For the first function on the last target in the forms that `options` say, at these sizes; none
/// where it has ops that the CPU's model does not know (attention, convolution, softmax).
std::optional<Estimate> estimate(mlir::ModuleOp module, const Options &options,
                                 const analysis::Sizes &sizes, int64_t batch, Context &context,
                                 InternalError &error);

/// From `toSeq`'s module to code for each target, with the transforms for it: those of a library's
/// variants may have different forms. The module is not changed.
bool lower(mlir::ModuleOp module, const Options &options, Context &context,
           std::vector<codegen::Variant> &variants, InternalError &error);

/// The same to optimised LLVM IR with the descriptor.
bool compile(mlir::ModuleOp module, codegen::Descriptor &descriptor, const Options &options,
             Context &context, codegen::Code &code, InternalError &error);

/// An object file of compiled code.
bool emit(codegen::Code &code, const Options &options, codegen::Emit what, std::string &out,
          InternalError &error);

} // namespace seq::pipeline

#endif
