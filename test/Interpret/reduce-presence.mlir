// RUN: %seq-opt --seq-interpret %s | FileCheck %s

// Row t folds x[0] … x[t - 1]: row 0 has nothing.
// CHECK-LABEL: @present_points
// CHECK-NEXT: f32[4] [0, 3, 1, 6]
// CHECK-NEXT: f32[4] [1, 3, -6, -30]
// CHECK-NEXT: f32[4] [-inf, 3, 3, 5]
// CHECK-NEXT: f32[4] [inf, 3, -2, -2]
// CHECK-NEXT: f32[4] [nan, 3, 0.5, 2]
// CHECK-NEXT: f32[4] [-inf, 3, 3.0067153, 5.127731]
func.func @present_points() -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
  %x = arith.constant dense<[3.0, -2.0, 5.0]> : tensor<3xf32>
  %c4 = arith.constant 4 : index
  %c3 = arith.constant 3 : index
  %r:6 = seq.map (%t) in (%c4) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
    %s:6 = seq.reduce [sum, prod, max, min, mean, logsumexp] (%k) in (%c3) -> (f32, f32, f32, f32, f32, f32) {
      %v = seq.read %x[%k] : tensor<3xf32>
      %p = arith.cmpi slt, %k, %t : index
      seq.yield %v, %v, %v, %v, %v, %v : f32, f32, f32, f32, f32, f32 when %p
    }
    seq.yield %s#0, %s#1, %s#2, %s#3, %s#4, %s#5 : f32, f32, f32, f32, f32, f32
  }
  return %r#0, %r#1, %r#2, %r#3, %r#4, %r#5 : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
}

// The same with an extent that depends on the point, and integers.
// CHECK-LABEL: @extent_of_the_point
// CHECK-NEXT: i32[3] [0, 7, 12]
// CHECK-NEXT: i32[3] [1, 7, 35]
// CHECK-NEXT: i32[3] [-2147483648, 7, 7]
// CHECK-NEXT: i32[3] [2147483647, 7, 5]
func.func @extent_of_the_point() -> (tensor<3xi32>, tensor<3xi32>, tensor<3xi32>, tensor<3xi32>) {
  %x = arith.constant dense<[7, 5]> : tensor<2xi32>
  %c3 = arith.constant 3 : index
  %r:4 = seq.map (%t) in (%c3) -> (tensor<3xi32>, tensor<3xi32>, tensor<3xi32>, tensor<3xi32>) {
    %s:4 = seq.reduce [sum, prod, max, min] (%k) in (%t) -> (i32, i32, i32, i32) {
      %v = seq.read %x[%k] : tensor<2xi32>
      seq.yield %v, %v, %v, %v : i32, i32, i32, i32
    }
    seq.yield %s#0, %s#1, %s#2, %s#3 : i32, i32, i32, i32
  }
  return %r#0, %r#1, %r#2, %r#3 : tensor<3xi32>, tensor<3xi32>, tensor<3xi32>, tensor<3xi32>
}

// CHECK-LABEL: @logic_over_nothing
// CHECK-NEXT: bool[] false
// CHECK-NEXT: bool[] true
func.func @logic_over_nothing() -> (tensor<i1>, tensor<i1>) {
  %c0 = arith.constant 0 : index
  %yes = arith.constant true
  %no = arith.constant false
  %r:2 = seq.map () in () -> (tensor<i1>, tensor<i1>) {
    %s:2 = seq.reduce [any, all] (%k) in (%c0) -> (i1, i1) {
      seq.yield %yes, %no : i1, i1
    }
    seq.yield %s#0, %s#1 : i1, i1
  }
  return %r#0, %r#1 : tensor<i1>, tensor<i1>
}

// CHECK-LABEL: @place_of_nothing
// CHECK-NEXT: failed: reduce-presence.mlir:[[@LINE+5]]:10: `argmax[k](v)`: nothing to choose from
func.func @place_of_nothing() -> tensor<3xi32> {
  %c3 = arith.constant 3 : index
  %v = arith.constant 1.0 : f32
  %r = seq.map (%t) in (%c3) -> (tensor<3xi32>) {
    %s = seq.reduce [argmax] (%k) in (%t) -> (i32) attributes {what = "argmax[k](v)"} {
      seq.yield %v : f32
    }
    seq.yield %s : i32
  }
  return %r : tensor<3xi32>
}

// An absent point does not count, not even as the first one or a NaN.
// CHECK-LABEL: @absent_nan
// CHECK-NEXT: f32[] 3
// CHECK-NEXT: i32[] 2
func.func @absent_nan() -> (tensor<f32>, tensor<i32>) {
  %x = arith.constant dense<[0x7FC00000, 1.0, 2.0]> : tensor<3xf32>
  %c3 = arith.constant 3 : index
  %c0 = arith.constant 0 : index
  %r:2 = seq.map () in () -> (tensor<f32>, tensor<i32>) {
    %s:2 = seq.reduce [sum, argmax] (%k) in (%c3) -> (f32, i32) {
      %v = seq.read %x[%k] : tensor<3xf32>
      %p = arith.cmpi ne, %k, %c0 : index
      seq.yield %v, %v : f32, f32 when %p
    }
    seq.yield %s#0, %s#1 : f32, i32
  }
  return %r#0, %r#1 : tensor<f32>, tensor<i32>
}

// CHECK-LABEL: @present_nan
// CHECK-NEXT: f32[] nan
// CHECK-NEXT: f32[] nan
// CHECK-NEXT: f32[] nan
// CHECK-NEXT: i32[] 1
func.func @present_nan() -> (tensor<f32>, tensor<f32>, tensor<f32>, tensor<i32>) {
  %x = arith.constant dense<[5.0, 0x7FC00000, 7.0]> : tensor<3xf32>
  %c3 = arith.constant 3 : index
  %r:4 = seq.map () in () -> (tensor<f32>, tensor<f32>, tensor<f32>, tensor<i32>) {
    %s:4 = seq.reduce [max, min, logsumexp, argmax] (%k) in (%c3) -> (f32, f32, f32, i32) {
      %v = seq.read %x[%k] : tensor<3xf32>
      seq.yield %v, %v, %v, %v : f32, f32, f32, f32
    }
    seq.yield %s#0, %s#1, %s#2, %s#3 : f32, f32, f32, i32
  }
  return %r#0, %r#1, %r#2, %r#3 : tensor<f32>, tensor<f32>, tensor<f32>, tensor<i32>
}
