//===- CommandLine.h - Verbs and options -------------------------------------===//
#ifndef SEQC_TOOLS_SEQC_COMMANDLINE_H
#define SEQC_TOOLS_SEQC_COMMANDLINE_H

#include "compiler/Diagnostics/Diagnostics.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace seq::tool {

/// Exit codes.
enum Exit { Good = 0, UserError = 1, WrongUsage = 2, CheckFailed = 3, InternalFailure = 70 };

enum Verb : unsigned {
  Compile = 1,
  Run = 2,
  Check = 4,
  Bench = 8,
  Explain = 16,
  Help = 32,
  Version = 64,
  Generate = 128,
  Reporting = Check | Bench | Explain,
  Running = Run | Check | Bench | Generate,
  Every = Compile | Run | Check | Bench | Explain | Generate,
};

/// NAME=VALUE as written.
struct Given {
  std::string name, value;
};

enum class Color { Auto, Always, Never };

struct CommandLine {
  Verb verb = Help;
  std::string topic; ///< `seqc help VERB`, `seqc VERB --help`
  std::string file, entry;
  std::vector<Given> given;

  // Common.
  std::string weights;
  uint64_t weightsSeed = 0; ///< of `random:SEED`
  bool ignoreExtra = false;
  std::string floatType = "f32";
  std::vector<std::string> targets;
  std::vector<int> threads; ///< empty: the runtime's choice
  unsigned optLevel = 2;
  bool quiet = false, json = false, cache = true, timePhases = false;
  Color color = Color::Auto;
  ErrorFormat errorFormat = ErrorFormat::Text;
  std::vector<std::string> includeDirs;

  // Of single verbs.
  std::string output;       // compile, explain
  std::string header, emit; // compile
  bool html = false;        // explain
  std::string outDir;       // run
  bool check = false, interpret = false;
  bool referenceF64 = false;
  std::optional<std::vector<int64_t>> cut; // run: where pieces of a stream end
  bool cuts = false;                       // check: cut at random too
  int trials = 1;
  uint64_t seed = 0;
  std::string form;
  std::string matmul; ///< how f32 products are made on a GPU; empty: as `float` has it
  bool allForms = false;
  double seconds = 0.5;      // bench
  std::string prompt = "\n"; // generate
  int64_t tokens = 256;
  double temperature = 1;
};

/// Reads the arguments after the program's name. False where they are wrong: reported,
/// and the exit code is WrongUsage.
bool parseCommandLine(const std::vector<std::string> &args, CommandLine &out,
                      DiagnosticEngine &diags);

/// `seqc help`, or of one verb.
std::string helpText(const std::string &topic);

/// A whole text as a number; false where it is none or out of range.
bool parseInteger(const std::string &text, int64_t &out);
bool parseDouble(const std::string &text, double &out);
std::vector<std::string> splitText(const std::string &text, char separator);

} // namespace seq::tool

#endif
