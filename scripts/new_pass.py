#!/usr/bin/env python3
"""Makes the skeleton of a pass over the seq dialect: declaration, source, lit test.

    new_pass.py NAME --summary TEXT        NAME without `seq-`, as in unroll-short
"""
import argparse
import re
import sys

import skeleton

DECLARATION = """def Seq{camel} : Pass<"seq-{name}", "::mlir::func::FuncOp"> {{
  let summary = "{summary}";
  let description = [{{
    …

    Precondition: none. Refuses nothing.
  }}];
}}

"""
SOURCE = """//===- {camel}.cpp - {summary} -===//
//
//   before                       after
//
// Method. What was tried and rejected. Measured effect.
//
//===----------------------------------------------------------------------===//
#include "compiler/Transforms/Rewrite.h"
#include "compiler/Transforms/Transforms.h"

namespace seq {{
#define GEN_PASS_DEF_SEQ{upper}
#include "compiler/Transforms/Passes.h.inc"
}} // namespace seq

using namespace mlir;
using namespace seq;

namespace {{
struct {camel} : seq::impl::Seq{camel}Base<{camel}> {{
  void runOnOperation() override {{}}
}};
}} // namespace
"""
TEST = """// RUN: %seq-opt -seq-{name} %s | FileCheck %s

// CHECK-LABEL: func.func @
"""


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("name")
    p.add_argument("--summary", required=True)
    args = p.parse_args()
    if not re.fullmatch(r"[a-z][a-z0-9-]*", args.name) or args.name.startswith("seq-"):
        p.error("a name is lower case with `-`, without `seq-`")
    camel = skeleton.camel(args.name)
    words = {"name": args.name, "camel": camel, "upper": camel.upper(), "summary": args.summary}
    skeleton.insert_before("compiler/Transforms/Passes.td", "#endif", DECLARATION.format(**words))
    skeleton.insert_before("compiler/Transforms/CMakeLists.txt", " Decompose.cpp", f" {camel}.cpp")
    skeleton.write(f"compiler/Transforms/{camel}.cpp", SOURCE.format(**words))
    skeleton.write(f"test/Transforms/{args.name}.mlir", TEST.format(**words))
    print("next: docs/Adding.md, steps 2 to 5")


if __name__ == "__main__":
    sys.exit(main())
