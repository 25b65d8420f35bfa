//===- SeqDialect.cpp - Registration ------------------------------------------===//
#include "dialect/Seq.h"

#include "dialect/SeqDialect.cpp.inc"
#include "dialect/SeqEnums.cpp.inc"

void seq::SeqDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "dialect/SeqOps.cpp.inc"
      >();
}
