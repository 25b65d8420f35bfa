// RUN: %seq-opt --seq-interpret %s | FileCheck %s

// CHECK-LABEL: @signs
// CHECK-NEXT: i32[6] [2, -3, -3, 2, -2147483648, 0]
// CHECK-NEXT: i32[6] [1, 2, -2, -1, 0, 0]
func.func @signs() -> (tensor<6xi32>, tensor<6xi32>) {
  %a = arith.constant dense<[7, -7, 7, -7, -2147483648, 0]> : tensor<6xi32>
  %b = arith.constant dense<[3, 3, -3, -3, -1, 5]> : tensor<6xi32>
  %n = arith.constant 6 : index
  %y:2 = seq.map (%i) in (%n) -> (tensor<6xi32>, tensor<6xi32>) {
    %u = seq.read %a[%i] : tensor<6xi32>
    %v = seq.read %b[%i] : tensor<6xi32>
    %q = seq.int_div div %u, %v : i32
    %r = seq.int_div mod %u, %v : i32
    seq.yield %q, %r : i32, i32
  }
  return %y#0, %y#1 : tensor<6xi32>, tensor<6xi32>
}

// CHECK-LABEL: @indices
// CHECK-NEXT: int[5] [-2, -1, -1, 0, 0]
func.func @indices() -> tensor<5xindex> {
  %n = arith.constant 5 : index
  %c2 = arith.constant 2 : index
  %c3 = arith.constant 3 : index
  %y = seq.map (%i) in (%n) -> (tensor<5xindex>) {
    %u = arith.subi %i, %c3 : index
    %q = seq.int_div div %u, %c2 : index
    seq.yield %q : index
  }
  return %y : tensor<5xindex>
}

// CHECK-LABEL: @zero_under_a_false_guard
// CHECK-NEXT: i32[3] [0, 8, 4]
func.func @zero_under_a_false_guard() -> tensor<3xi32> {
  %n = arith.constant 3 : index
  %eight = arith.constant 8 : i32
  %zero = arith.constant 0 : i32
  %y = seq.map (%i) in (%n) -> (tensor<3xi32>) {
    %v = arith.index_cast %i : index to i32
    %g = arith.cmpi ne, %v, %zero : i32
    %q = seq.int_div div %eight, %v if %g {what = "8 / v"} : i32
    seq.yield %q : i32
  }
  return %y : tensor<3xi32>
}

// CHECK-LABEL: @zero_fails
// CHECK-NEXT: failed: int_div.mlir:[[@LINE+6]]:10: `8 % v`: division by zero
func.func @zero_fails() -> tensor<3xi32> {
  %n = arith.constant 3 : index
  %eight = arith.constant 8 : i32
  %y = seq.map (%i) in (%n) -> (tensor<3xi32>) {
    %v = arith.index_cast %i : index to i32
    %q = seq.int_div mod %eight, %v {what = "8 % v"} : i32
    seq.yield %q : i32
  }
  return %y : tensor<3xi32>
}
