//===- Progress.cpp - A line that tells how far long work is --------------------------===//
#include "compiler/Tools/seqc/Progress.h"

#include <cstdio>
#include <unistd.h>

namespace seq::tool {

Progress::Progress(bool quiet) : on(!quiet && isatty(2)) {}

Progress::~Progress() {
  if (shown)
    std::fputs("\r\033[K", stderr);
}

void Progress::tell(const std::string &text) {
  if (!on || Clock::now() < next)
    return;
  std::fprintf(stderr, "\r\033[K%s", text.c_str());
  std::fflush(stderr);
  shown = true;
  next = Clock::now() + std::chrono::milliseconds(200);
}

} // namespace seq::tool
