//===- TestSupport.h - Checking text in tests ---------------------------------===//
#ifndef SEQC_SEMA_TESTSUPPORT_H
#define SEQC_SEMA_TESTSUPPORT_H

#include "compiler/Sema/Sema.h"

#include <gtest/gtest.h>

namespace seq {

struct Checked {
  SourceManager sources;
  DiagnosticEngine diags{sources};
  std::unique_ptr<typed::Program> program;
  SemaOptions options;
  KnownShapes known;

  /// Checks `text` as `m.seq`.
  bool check(const std::string &text, const std::string &entry = "") {
    program = checkProgramText("m.seq", text, entry, known, options, diags);
    return program != nullptr;
  }
  std::string messages() { return render(diags, sources, ErrorFormat::Text, false); }
  std::string text() { return program ? typed::printTyped(*program) : messages(); }
  /// "E0201 3:10" for each error.
  std::string codes() {
    std::string out;
    for (const Message &message : diags.messages()) {
      LineColumn at = sources.lineColumn(message.range.file, message.range.begin);
      out += (out.empty() ? "" : ", ") + std::string(diagInfo(message.kind).code) + " " +
             std::to_string(at.line) + ":" + std::to_string(at.column);
    }
    return out;
  }
};

/// The type of the entry's results, or what went wrong.
inline std::string resultsOf(const std::string &text, const std::string &entry = "") {
  Checked c;
  if (!c.check(text, entry))
    return c.messages();
  std::string out;
  for (const typed::ResultInfo &result : c.program->functions[0]->results)
    out += (out.empty() ? "" : ", ") + result.type.str();
  return out;
}

inline std::string treeOf(const std::string &text, const std::string &entry = "") {
  Checked c;
  c.check(text, entry);
  return c.text();
}

inline std::string codesOf(const std::string &text, const std::string &entry = "") {
  Checked c;
  bool good = c.check(text, entry);
  return good ? "good" : c.codes();
}

/// Inside `fn f(x: [T, D], y: [T, E], a: [T], n: i32, b: bool[T], w: [K], i: i32[T])`.
inline std::string codesInBody(const std::string &body) {
  return codesOf("fn f(x: [T, D], y: [T, E], a: [T], n: i32, b: bool[T], w: [K], i: i32[T]) {\n" +
                 body + "\n}\n");
}

} // namespace seq

#endif
