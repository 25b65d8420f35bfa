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

/// The largest errors of `got` against `want` (f32 or f64).
struct Comparison {
  double absolute = 0, relative = 0; ///< of finite values; relative: of the largest value
  double units = 0;                  ///< error in units of the tolerance; infinite where a
                                     ///< NaN, an infinity or an integer differs
  double tolerance = 0;
};
/// The tolerance is 2e-5 (f64: 1e-12) of the largest expected value, at least 1e-6 (1e-13).
Comparison compareArrays(const Array &got, const Array &want);

std::string shortNumber(double v);
std::string jsonText(const std::string &s);
std::string jsonNumber(double v);

} // namespace seq::tool

#endif
