// RUN: %seq-opt --seq-interpret %s | FileCheck %s

// CHECK-LABEL: @transposed
// CHECK-NEXT{LITERAL}: f32[3,2] [[1, 4], [2, 5], [3, 6]]
func.func @transposed() -> tensor<3x2xf32> {
  %x = arith.constant dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32>
  %c2 = arith.constant 2 : index
  %c3 = arith.constant 3 : index
  %y = seq.map (%i, %j) in (%c3, %c2) -> (tensor<3x2xf32>) {
    %v = seq.read %x[%j, %i] : tensor<2x3xf32>
    seq.yield %v : f32
  }
  return %y : tensor<3x2xf32>
}

// The left neighbour, 0 where there is none: nothing outside is read.
// CHECK-LABEL: @guarded_by_index
// CHECK-NEXT: f32[4] [0, 1, 2, 3]
func.func @guarded_by_index() -> tensor<4xf32> {
  %x = arith.constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>
  %c4 = arith.constant 4 : index
  %c1 = arith.constant 1 : index
  %c0 = arith.constant 0 : index
  %y = seq.map (%i) in (%c4) -> (tensor<4xf32>) {
    %g = arith.cmpi sgt, %i, %c0 : index
    %k = arith.subi %i, %c1 : index
    %v = seq.read %x[%k] if %g : tensor<4xf32>
    seq.yield %v : f32
  }
  return %y : tensor<4xf32>
}

// CHECK-LABEL: @false_guard_reads_nothing
// CHECK-NEXT: i32[2] [0, 0]
func.func @false_guard_reads_nothing() -> tensor<2xi32> {
  %x = arith.constant dense<[7]> : tensor<1xi32>
  %far = arith.constant 1000000000000 : index
  %no = arith.constant false
  %c2 = arith.constant 2 : index
  %y = seq.map (%i) in (%c2) -> (tensor<2xi32>) {
    %v = seq.read %x[%far] if %no check "x[far]" : tensor<1xi32>
    seq.yield %v : i32
  }
  return %y : tensor<2xi32>
}

// CHECK-LABEL: @gather
// CHECK-NEXT: f32[4] [30, 10, 0, 20]
func.func @gather() -> tensor<4xf32> {
  %w = arith.constant dense<[10.0, 20.0, 30.0]> : tensor<3xf32>
  %idx = arith.constant dense<[2, 0, 9, 1]> : tensor<4xi32>
  %c4 = arith.constant 4 : index
  %nine = arith.constant 9 : i32
  %y = seq.map (%i) in (%c4) -> (tensor<4xf32>) {
    %k = seq.read %idx[%i] : tensor<4xi32>
    %g = arith.cmpi ne, %k, %nine : i32
    %j = arith.index_cast %k : i32 to index
    %v = seq.read %w[%j] if %g check "w[idx[i]]" : tensor<3xf32>
    seq.yield %v : f32
  }
  return %y : tensor<4xf32>
}

// CHECK-LABEL: @checked_gather_fails
// CHECK-NEXT: failed: read.mlir:[[@LINE+9]]:10: `w[idx[i]]`: index 9 of 3
func.func @checked_gather_fails() -> tensor<4xf32> {
  %w = arith.constant dense<[10.0, 20.0, 30.0]> : tensor<3xf32>
  %idx = arith.constant dense<[2, 0, 9, -1]> : tensor<4xi32>
  %c4 = arith.constant 4 : index
  %y = seq.map (%i) in (%c4) -> (tensor<4xf32>) {
    %k = seq.read %idx[%i] : tensor<4xi32>
    %j = arith.index_cast %k : i32 to index
    // The place is that of the op.
    %v = seq.read %w[%j] check "w[idx[i]]" : tensor<3xf32>
    seq.yield %v : f32
  }
  return %y : tensor<4xf32>
}

// CHECK-LABEL: @negative_index_fails
// CHECK-NEXT: failed: {{.*}}: `x[i - 1]`: index -1 of 4
func.func @negative_index_fails() -> tensor<4xf32> {
  %x = arith.constant dense<1.0> : tensor<4xf32>
  %c4 = arith.constant 4 : index
  %c1 = arith.constant 1 : index
  %y = seq.map (%i) in (%c4) -> (tensor<4xf32>) {
    %k = arith.subi %i, %c1 : index
    %v = seq.read %x[%k] check "x[i - 1]" : tensor<4xf32>
    seq.yield %v : f32
  }
  return %y : tensor<4xf32>
}

// Of two places that fail the first in the text is reported, whichever point it is at.
// CHECK-LABEL: @first_place
// CHECK-NEXT: failed: {{.*}}: `x[i + 1]`: index 4 of 4
func.func @first_place() -> tensor<4xf32> {
  %x = arith.constant dense<1.0> : tensor<4xf32>
  %c4 = arith.constant 4 : index
  %c1 = arith.constant 1 : index
  %y = seq.map (%i) in (%c4) -> (tensor<4xf32>) {
    %k = arith.addi %i, %c1 : index
    %v = seq.read %x[%k] check "x[i + 1]" : tensor<4xf32>
    %j = arith.subi %i, %c1 : index
    %u = seq.read %x[%j] check "x[i - 1]" : tensor<4xf32>
    %s = arith.addf %u, %v : f32
    seq.yield %s : f32
  }
  return %y : tensor<4xf32>
}

// CHECK-LABEL: @no_axes
// CHECK-NEXT: i32[] -7
func.func @no_axes() -> i32 {
  %x = arith.constant dense<-7> : tensor<i32>
  %v = seq.read %x[] : tensor<i32>
  return %v : i32
}
