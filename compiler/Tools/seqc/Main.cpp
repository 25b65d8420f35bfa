//===- Main.cpp - seqc --------------------------------------------------------------===//
#include "compiler/Tools/seqc/Tool.h"

#include <cstdio>
#include <unistd.h>

int main(int argc, char **argv) {
  int code = seq::tool::runOnLargeStack(argc, argv);
  std::fflush(stdout);
  _exit(code); // nothing to tear down: the process ends
}
