// RUN: %seq-opt --seq-interpret --size T=3 --size S=2 %s | FileCheck %s
// RUN: %seq-opt --seq-interpret --size T=3 %s | FileCheck %s --check-prefix=MISSING

// CHECK-LABEL: @sizes
// CHECK-NEXT{LITERAL}: int[3,2] [[0, 1], [2, 3], [4, 5]]
// MISSING: failed: the size `S` is not given
func.func @sizes() -> tensor<?x?xindex> attributes {seq.sizes = ["S", "T"]} {
  %T = seq.size "T"
  %S = seq.size "S"
  %y = seq.map (%t, %s) in (%T, %S) -> (tensor<?x?xindex>) {
    %a = arith.muli %t, %S : index
    %b = arith.addi %a, %s : index
    seq.yield %b : index
  }
  return %y : tensor<?x?xindex>
}
