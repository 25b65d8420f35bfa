// RUN: %seq-opt --seq-interpret %s | FileCheck %s

// exp(log 1), exp(log 3): a quarter and three; large scores do not overflow.
// CHECK-LABEL: @rows
// CHECK-NEXT{LITERAL}: f64[2,2] [[0.25, 0.75], [0.5, 0.5]]
func.func @rows() -> tensor<2x2xf64> {
  %x = arith.constant dense<[[0.0, 1.0986122886681098], [1000.0, 1000.0]]> : tensor<2x2xf64>
  %c2 = arith.constant 2 : index
  %p = seq.softmax 1 (%i, %j) in (%c2, %c2) -> (tensor<2x2xf64>) {
    %s = seq.read %x[%i, %j] : tensor<2x2xf64>
    seq.yield %s : f64
  }
  return %p : tensor<2x2xf64>
}

// Row i sees the points below i: row 0 none.
// CHECK-LABEL: @absent_points
// CHECK-NEXT{LITERAL}: f32[3,3] [[0, 0, 0], [1, 0, 0], [0.5, 0.5, 0]]
func.func @absent_points() -> tensor<3x3xf32> {
  %x = arith.constant dense<[2.0, 2.0, 0x7FC00000]> : tensor<3xf32>
  %c3 = arith.constant 3 : index
  %p = seq.softmax 1 (%i, %j) in (%c3, %c3) -> (tensor<3x3xf32>) {
    %s = seq.read %x[%j] : tensor<3xf32>
    %c = arith.cmpi slt, %j, %i : index
    seq.yield %s : f32 when %c
  }
  return %p : tensor<3x3xf32>
}

// CHECK-LABEL: @two_reduced
// CHECK-NEXT{LITERAL}: f32[1,2,2] [[[0.25, 0.25], [0.25, 0.25]]]
func.func @two_reduced() -> tensor<1x2x2xf32> {
  %c2 = arith.constant 2 : index
  %c1 = arith.constant 1 : index
  %s = arith.constant -100.0 : f32
  %p = seq.softmax 2 (%b, %i, %j) in (%c1, %c2, %c2) -> (tensor<1x2x2xf32>) {
    seq.yield %s : f32
  }
  return %p : tensor<1x2x2xf32>
}

// CHECK-LABEL: @infinities
// CHECK-NEXT{LITERAL}: f32[3,2] [[0, 1], [nan, nan], [nan, nan]]
func.func @infinities() -> tensor<3x2xf32> {
  %x = arith.constant dense<[[0xFF800000, 3.0], [0xFF800000, 0xFF800000], [0x7FC00000, 1.0]]> : tensor<3x2xf32>
  %c2 = arith.constant 2 : index
  %c3 = arith.constant 3 : index
  %p = seq.softmax 1 (%i, %j) in (%c3, %c2) -> (tensor<3x2xf32>) {
    %s = seq.read %x[%i, %j] : tensor<3x2xf32>
    seq.yield %s : f32
  }
  return %p : tensor<3x2xf32>
}

// Scores of a reduction: attention over 20 equal keys.
// CHECK-LABEL: @scores_of_a_reduction
// CHECK-NEXT: f32[20] [0.05, 0.05,
func.func @scores_of_a_reduction() -> tensor<20xf32> {
  %n = arith.constant 20 : index
  %v = arith.constant 0.5 : f32
  %p = seq.softmax 1 (%j) in (%n) -> (tensor<20xf32>) {
    %s = seq.reduce [sum] (%d) in (%n) -> (f32) {
      seq.yield %v : f32
    }
    seq.yield %s : f32
  }
  return %p : tensor<20xf32>
}
