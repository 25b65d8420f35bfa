//===- Values.h - NAME=VALUE ------------------------------------------------------===//
#ifndef SEQC_TOOLS_SEQC_VALUES_H
#define SEQC_TOOLS_SEQC_VALUES_H

#include "compiler/Tools/seqc/Array.h"
#include "compiler/Tools/seqc/CommandLine.h"

namespace seq::tool {

/// A value whose shape is known, before it is known what type it is to have.
struct Value {
  enum Kind { File, Number, Bool, Random, Zeros, Bytes } kind = Number;
  std::string name, text; ///< as given
  Shape shape;
  double number = 0;
  bool isInteger = false;
  int64_t integer = 0;
  uint64_t seed = 0;
  int64_t bound = 0; ///< of random integers; 0: not given
  std::string bytes; ///< of text: and string:
};

/// Reads the text of a value, of a file only the header. False: reported.
bool parseValue(const Given &given, Value &out, DiagnosticEngine &diags);

/// The elements as `dtype`, by the rules for inputs. False: reported. `note` is set where
/// numbers were rounded.
bool loadValue(const Value &value, int dtype, Array &out, std::string &note,
               DiagnosticEngine &diags);

/// `lengths=5,3,7` or an .npy file. False: reported.
bool parseLengths(const Given &given, std::vector<int64_t> &out, DiagnosticEngine &diags);

} // namespace seq::tool

#endif
