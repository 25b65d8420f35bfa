//===- Report.h - What running verbs print and write --------------------------------===//
#ifndef SEQC_TOOLS_SEQC_REPORT_H
#define SEQC_TOOLS_SEQC_REPORT_H

#include "compiler/Tools/seqc/Session.h"

#include <limits>

namespace seq::tool {

/// What a report tells of an array; NaN where it has no elements.
struct Summary {
  double low = std::numeric_limits<double>::quiet_NaN(), high = low, mean = 0;
  int64_t nans = 0;
};
Summary summarize(const Array &array);

/// `y  f32[1024,64]  min -2.91 max 3.07 mean 0.004`.
std::string summaryLine(const std::string &name, const Array &array);
std::string resultName(const Session &session, size_t i);

/// Where `--out` writes: checked and made before the program runs. False: reported.
bool prepareFolder(Session &session);
/// `DIR/out.npy`, or `DIR/out.0.npy` and so on.
bool writeResults(Session &session, const std::vector<Array> &outputs);

/// How close results have to be: within `share` of an output's largest expected value, at least
/// `least`. One of 16 bits may also be the neighbour of what is expected.
struct Tolerance {
  double share, least;
  /// For results of one type. `rounding`: what numbers that are rounded to 16 bits on the way may
  /// be off by, as a share: two that hardly differ may part by half a unit in the last place.
  static Tolerance of(int dtype, double rounding);
};
/// What `rounding` is in the session's program.
double roundingOf(Session &session);

/// The largest errors of `got` against `want`.
struct Comparison {
  double absolute = 0, relative = 0; ///< of finite values; relative: of the largest value
  double units = 0;                  ///< error in units of the tolerance; infinite where a
                                     ///< NaN, an infinity or an integer differs
};
Comparison compareArrays(const Array &got, const Array &want, double rounding);

std::string shortNumber(double v);
std::string jsonText(const std::string &s);
std::string jsonNumber(double v);

} // namespace seq::tool

#endif
