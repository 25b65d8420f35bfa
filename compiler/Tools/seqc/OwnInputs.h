//===- OwnInputs.h - Inputs that check and bench make ---------------------------------===//
#ifndef SEQC_TOOLS_SEQC_OWNINPUTS_H
#define SEQC_TOOLS_SEQC_OWNINPUTS_H

#include "compiler/Tools/seqc/Session.h"

namespace seq::tool {

/// Sizes and batch of inputs that a verb makes itself.
struct OwnShape {
  std::map<std::string, int64_t> sizes; ///< of every dynamic size of the entry
  int64_t batch = -1;                   ///< -1: none
  std::vector<Lengths> lengths;
};

/// A value for every dynamic size: as given on the command line, by name or by an input's
/// shape; else sizes of sequences are `length`, others `other`.
OwnShape shapeOf(const Session &session, int64_t length, int64_t other);

/// Those of every combination of the sizes that are given by name as lists, `batch` among them.
std::vector<OwnShape> shapesOf(const Session &session, int64_t length, int64_t other);

/// `T=8, batch=2`.
std::string sizesText(const OwnShape &shape);

/// False where a size is given by name and differently by an input's shape: reported.
bool sizesAgree(Session &session);

/// The dynamic sizes that lead an input.
std::vector<std::string> sequenceSizes(const Session &session);

/// Random inputs of that shape; inputs and lengths given on the command line stay as they are.
/// Floats are normal with deviation 0.5, integers 0 to 3. False: reported.
bool makeInputs(Session &session, const OwnShape &shape, uint64_t seed, CallInputs &out);

/// The same inputs, each float moved to one of its neighbours.
CallInputs moveLastBits(const CallInputs &inputs);

} // namespace seq::tool

#endif
