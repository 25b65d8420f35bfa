//===- Progress.h - A line that tells how far long work is ---------------------------===//
#ifndef SEQC_TOOLS_SEQC_PROGRESS_H
#define SEQC_TOOLS_SEQC_PROGRESS_H

#include <chrono>
#include <string>

namespace seq::tool {

/// On a terminal, after a second, `tell` writes its text over the last one on stderr; the
/// line is gone at the end.
class Progress {
public:
  explicit Progress(bool quiet);
  ~Progress();
  void tell(const std::string &text);

private:
  using Clock = std::chrono::steady_clock;
  bool on, shown = false;
  Clock::time_point next = Clock::now() + std::chrono::seconds(1);
};

} // namespace seq::tool

#endif
