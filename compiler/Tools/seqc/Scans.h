//===- Scans.h - The forms of a program's scans and convolutions
//---------------------------------------===//
#ifndef SEQC_TOOLS_SEQC_SCANS_H
#define SEQC_TOOLS_SEQC_SCANS_H

#include "compiler/Tools/seqc/Session.h"

namespace seq::tool {

/// What came of a form that was asked for, for one scan or convolution of the entry.
struct FormReport {
  std::string place;
  bool taken = false;
  std::string form;  ///< taken: its name
  int64_t chunk = 0; ///< steps of a chunk, of one that has them
  /// Not taken: the state that is in the way, or the convolution; and why.
  std::string what = "the convolution", why;
};

/// What `form` would make of each scan and convolution; "" is the choice of the cost model. False:
/// reported.
bool tryForm(Session &session, llvm::StringRef form, std::vector<FormReport> &out);
/// The derived form that the entry's scans have with `form`, the first one's where they differ;
/// "sequential" where none has one (convolutions are direct). False: reported.
bool takenForm(Session &session, llvm::StringRef form, FormReport &out);
/// The form of `--form` is a name of one, and something takes it. False: reported.
bool formExists(Session &session);

} // namespace seq::tool

#endif
