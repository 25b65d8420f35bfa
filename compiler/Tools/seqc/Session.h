//===- Session.h - One run of the tool ---------------------------------------------===//
//
// What all verbs share: the command line, messages, the checked program, its inputs.
// Each step reports what is wrong and returns false; `exitCode` tells what then.
//
//===----------------------------------------------------------------------===//
#ifndef SEQC_TOOLS_SEQC_SESSION_H
#define SEQC_TOOLS_SEQC_SESSION_H

#include "compiler/Codegen/Target.h"
#include "compiler/Pipelines/Pipelines.h"
#include "compiler/Tools/seqc/Values.h"
#include "seq/io.h"
#include "seq/runtime.h"

#include <map>

namespace seq::tool {

/// `lengths`, `lengths.S`.
struct Lengths {
  std::string size; ///< "" for plain `lengths`
  std::vector<int64_t> values;
};

/// The arguments of one call: an empty Array is an input that is left away.
struct CallInputs {
  std::vector<Array> arrays;
  std::vector<Lengths> lengths;
};

class Session {
public:
  Session() : diags(sources) {}
  ~Session();
  Session(const Session &) = delete;

  CommandLine options;
  std::vector<std::string> argv; ///< for reproducers
  SourceManager sources;
  DiagnosticEngine diags;
  pipeline::InternalError internal;
  std::unique_ptr<typed::Program> program;
  CallInputs inputs;

  /// Prints the messages; the exit code, `good` where there are no errors.
  int finish(int good = Good);

  /// Targets, -I and so on become pipeline options. False: wrong usage.
  bool setUp();
  /// Values of inputs and shapes of weights are read, then the program is checked.
  bool checkProgram();
  /// The file's syntax tree as text (`--emit=ast`).
  bool printSyntax(std::string &out);
  /// Inputs of the entry's first function from the values given. `makesOwn`: sizes may be
  /// given by name, and inputs may be missing.
  bool loadInputs(bool makesOwn);
  /// The seq dialect of the first function, as emitted, and of its stream where the command
  /// line asks for one. False: reported.
  bool emitSeq();
  bool wantsStream() const { return options.cut || options.cuts || options.verb == Generate; }
  mlir::ModuleOp seqModule() { return *module; }
  mlir::func::FuncOp entryFunction();
  pipeline::Context &context();

  const typed::FunctionInstance &entry() const { return *program->functions.front(); }
  const pipeline::Options &pipelineOptions() const { return pipe; }
  /// Compiles from now on in this form; "": the cheapest.
  void setForm(const std::string &form) { pipe.form = form; }
  /// Forms are chosen from now on for calls of so many sequences of these sizes; 0 threads: as
  /// many as the machine has cores.
  void expect(std::map<std::string, int64_t> sizes, int64_t batch, int threads);
  std::unique_ptr<codegen::Descriptor> describe() const;
  seq_safetensors *weightsFile() const { return weights; }
  /// Sizes given by name where a verb makes its own inputs: `T=128,1k`.
  const std::map<std::string, std::vector<int64_t>> &givenSizes() const { return sizeLists; }
  void note(const std::string &text);
  /// An error whose text, from the runtime, may begin with its subject already.
  DiagnosticEngine::Builder error(Diag kind, const std::string &subject, std::string text);

private:
  bool setTargets();
  bool refuseTarget(const std::string &name, codegen::TargetError error);
  bool readValues();
  std::string timeSize() const;
  void expectInputs();
  bool readOneValue(const Given &given);
  bool openWeights();
  bool reportUnknownInputs(bool makesOwn);
  void reportNoStream(const StreamRefusal &refusal);

  pipeline::Options pipe;
  SemaOptions sema;
  KnownShapes known;
  std::map<std::string, Value> values;
  std::map<std::string, std::vector<int64_t>> sizeLists;
  seq_safetensors *weights = nullptr;
  std::unique_ptr<pipeline::Context> mlirContext;
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

} // namespace seq::tool

#endif
