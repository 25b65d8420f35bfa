#!/usr/bin/env python3
"""Makes the skeleton of an op of the seq dialect: its definition and its lit tests.

    new_op.py NAME --summary TEXT [--file dialect/SeqOps.td]
"""
import argparse
import re
import sys

import skeleton

DEFINITION = """def Seq_{camel}Op : Seq_Op<"{name}", [Pure]> {{
  let summary = "{summary}";
  let description = [{{
    `result = …`

    Constraints:
    1. …

    ```mlir
    %y = seq.{name} %x : f32
    ```
  }}];
  let arguments = (ins Seq_Float:$x);
  let results = (outs Seq_Float:$result);
  let assemblyFormat = "$x attr-dict `:` type($x)";
  let hasVerifier = 1;
}}

"""
TEXT_TEST = """// RUN: %seq-opt %s | %seq-opt | FileCheck %s

// CHECK-LABEL: func.func @{name}
// CHECK-SAME: %[[X:.*]]: f32
func.func @{name}(%x: f32) -> f32 {{
  // CHECK: seq.{name} %[[X]] : f32
  %y = seq.{name} %x : f32
  return %y : f32
}}
"""
ERROR_TEST = """// RUN: %seq-opt -split-input-file -verify-diagnostics %s

func.func @constraint_1(%x: f32) -> f32 {{
  // expected-error @+1 {{{{constraint 1: }}}}
  %y = seq.{name} %x : f32
  return %y : f32
}}
"""


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("name")
    p.add_argument("--summary", required=True)
    p.add_argument("--file", default="dialect/SeqOps.td")
    args = p.parse_args()
    if not re.fullmatch(r"[a-z][a-z0-9_]*", args.name):
        p.error("a name is lower case with `_`")
    words = {"name": args.name, "camel": skeleton.camel(args.name), "summary": args.summary}
    skeleton.insert_before(args.file, "#endif", DEFINITION.format(**words))
    skeleton.write(f"test/Dialect/{args.name}.mlir", TEXT_TEST.format(**words))
    skeleton.write(f"test/Dialect/{args.name}-errors.mlir", ERROR_TEST.format(**words))
    print("next: docs/Adding.md, steps 2, 4 and 5")


if __name__ == "__main__":
    sys.exit(main())
