// RUN: %seq-opt --seq-interpret %s | FileCheck %s

// CHECK-LABEL: @from_indices
// CHECK-NEXT{LITERAL}: int[2,3] [[0, 1, 2], [10, 11, 12]]
func.func @from_indices() -> tensor<2x3xindex> {
  %c2 = arith.constant 2 : index
  %c3 = arith.constant 3 : index
  %c10 = arith.constant 10 : index
  %y = seq.map (%i, %j) in (%c2, %c3) -> (tensor<2x3xindex>) {
    %a = arith.muli %i, %c10 : index
    %b = arith.addi %a, %j : index
    seq.yield %b : index
  }
  return %y : tensor<2x3xindex>
}

// CHECK-LABEL: @two_results
// CHECK-NEXT: i32[3] [0, 2, 4]
// CHECK-NEXT: bool[3] [false, false, true]
func.func @two_results() -> (tensor<3xi32>, tensor<3xi1>) {
  %c3 = arith.constant 3 : index
  %y:2 = seq.map (%i) in (%c3) -> (tensor<3xi32>, tensor<3xi1>) {
    %k = arith.index_cast %i : index to i32
    %d = arith.addi %k, %k : i32
    %three = arith.constant 3 : i32
    %p = arith.cmpi sgt, %d, %three : i32
    seq.yield %d, %p : i32, i1
  }
  return %y#0, %y#1 : tensor<3xi32>, tensor<3xi1>
}

// CHECK-LABEL: @no_indices
// CHECK-NEXT: f32[] 0.5
func.func @no_indices() -> tensor<f32> {
  %h = arith.constant 0.5 : f32
  %y = seq.map () in () -> (tensor<f32>) {
    seq.yield %h : f32
  }
  return %y : tensor<f32>
}

// CHECK-LABEL: @negative_extent_is_none
// CHECK-NEXT{LITERAL}: f32[2,0] [[], []]
func.func @negative_extent_is_none() -> tensor<2x?xf32> {
  %c2 = arith.constant 2 : index
  %minus = arith.constant -3 : index
  %n = arith.addi %minus, %c2 : index
  %h = arith.constant 0.5 : f32
  %y = seq.map (%i, %j) in (%c2, %n) -> (tensor<2x?xf32>) {
    seq.yield %h : f32
  }
  return %y : tensor<2x?xf32>
}

// More points than a block has, in rows that share blocks, read back transposed: the
// numbers 0 … 2099 in another order.
// CHECK-LABEL: @many_short_rows
// CHECK-NEXT: int[] 2203950
// CHECK-NEXT: int[] 2099
// CHECK-NEXT: int[] 701
func.func @many_short_rows() -> (tensor<index>, tensor<index>, index) {
  %c3 = arith.constant 3 : index
  %c2 = arith.constant 2 : index
  %c233 = arith.constant 233 : index
  %n = arith.constant 700 : index
  %y = seq.map (%i, %j) in (%n, %c3) -> (tensor<700x3xindex>) {
    %a = arith.muli %i, %c3 : index
    %b = arith.addi %a, %j : index
    seq.yield %b : index
  }
  %z = seq.map (%j, %i) in (%c3, %n) -> (tensor<3x700xindex>) {
    %v = seq.read %y[%i, %j] : tensor<700x3xindex>
    seq.yield %v : index
  }
  %s:2 = seq.map () in () -> (tensor<index>, tensor<index>) {
    %r:2 = seq.reduce [sum, max] (%j, %i) in (%c3, %n) -> (index, index) {
      %v = seq.read %z[%j, %i] : tensor<3x700xindex>
      seq.yield %v, %v : index, index
    }
    seq.yield %r#0, %r#1 : index, index
  }
  %one = seq.read %z[%c2, %c233] : tensor<3x700xindex>
  return %s#0, %s#1, %one : tensor<index>, tensor<index>, index
}
