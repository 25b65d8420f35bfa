// RUN: %seq-opt --seq-interpret %s | FileCheck %s

// CHECK-LABEL: @every_kind
// CHECK-NEXT: f32[] 6
// CHECK-NEXT: f32[] -24
// CHECK-NEXT: f32[] 4
// CHECK-NEXT: f32[] -1
// CHECK-NEXT: f32[] 1.5
// CHECK-NEXT: f32[] 4.412078
// CHECK-NEXT: i32[] 2
// CHECK-NEXT: i32[] 0
func.func @every_kind() -> (tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<i32>, tensor<i32>) {
  %x = arith.constant dense<[-1.0, 2.0, 4.0, 1.0]> : tensor<4xf32>
  %y = arith.constant dense<[-1.0, 2.0, 4.0, 3.0]> : tensor<4xf32>
  %c4 = arith.constant 4 : index
  %r:8 = seq.map () in () -> (tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<i32>, tensor<i32>) {
    %s:8 = seq.reduce [sum, prod, max, min, mean, logsumexp, argmax, argmin] (%k) in (%c4) -> (f32, f32, f32, f32, f32, f32, i32, i32) {
      %v = seq.read %x[%k] : tensor<4xf32>
      %u = seq.read %y[%k] : tensor<4xf32>
      seq.yield %v, %u, %v, %v, %v, %u, %v, %v : f32, f32, f32, f32, f32, f32, f32, f32
    }
    seq.yield %s#0, %s#1, %s#2, %s#3, %s#4, %s#5, %s#6, %s#7 : f32, f32, f32, f32, f32, f32, i32, i32
  }
  return %r#0, %r#1, %r#2, %r#3, %r#4, %r#5, %r#6, %r#7 : tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<i32>, tensor<i32>
}

// CHECK-LABEL: @logic
// CHECK-NEXT: bool[3] [false, true, true]
// CHECK-NEXT: bool[3] [false, false, true]
func.func @logic() -> (tensor<3xi1>, tensor<3xi1>) {
  %x = arith.constant dense<[[false, false], [false, true], [true, true]]> : tensor<3x2xi1>
  %c2 = arith.constant 2 : index
  %c3 = arith.constant 3 : index
  %r:2 = seq.map (%i) in (%c3) -> (tensor<3xi1>, tensor<3xi1>) {
    %s:2 = seq.reduce [any, all] (%k) in (%c2) -> (i1, i1) {
      %v = seq.read %x[%i, %k] : tensor<3x2xi1>
      seq.yield %v, %v : i1, i1
    }
    seq.yield %s#0, %s#1 : i1, i1
  }
  return %r#0, %r#1 : tensor<3xi1>, tensor<3xi1>
}

// CHECK-LABEL: @integers_wrap
// CHECK-NEXT: i32[] -2147483648
// CHECK-NEXT: i32[] -2
// CHECK-NEXT: i32[] 2147483647
// CHECK-NEXT: i32[] 1
// CHECK-NEXT: i32[] 0
// CHECK-NEXT: i32[] 1
func.func @integers_wrap() -> (tensor<i32>, tensor<i32>, tensor<i32>, tensor<i32>, tensor<i32>, tensor<i32>) {
  %x = arith.constant dense<[2147483647, 1]> : tensor<2xi32>
  %y = arith.constant dense<[2147483647, 2]> : tensor<2xi32>
  %c2 = arith.constant 2 : index
  %r:6 = seq.map () in () -> (tensor<i32>, tensor<i32>, tensor<i32>, tensor<i32>, tensor<i32>, tensor<i32>) {
    %s:6 = seq.reduce [sum, prod, max, min, argmax, argmin] (%k) in (%c2) -> (i32, i32, i32, i32, i32, i32) {
      %v = seq.read %x[%k] : tensor<2xi32>
      %u = seq.read %y[%k] : tensor<2xi32>
      seq.yield %v, %u, %v, %v, %v, %v : i32, i32, i32, i32, i32, i32
    }
    seq.yield %s#0, %s#1, %s#2, %s#3, %s#4, %s#5 : i32, i32, i32, i32, i32, i32
  }
  return %r#0, %r#1, %r#2, %r#3, %r#4, %r#5 : tensor<i32>, tensor<i32>, tensor<i32>, tensor<i32>, tensor<i32>, tensor<i32>
}

// Row-major numbers of the places: the first 9 is at [0, 2], the first 1 at [1, 1].
// CHECK-LABEL: @first_place_of_two_indices
// CHECK-NEXT: i32[] 2
// CHECK-NEXT: i32[] 4
func.func @first_place_of_two_indices() -> (tensor<i32>, tensor<i32>) {
  %x = arith.constant dense<[[3.0, 2.0, 9.0], [9.0, 1.0, 1.0]]> : tensor<2x3xf64>
  %c2 = arith.constant 2 : index
  %c3 = arith.constant 3 : index
  %r:2 = seq.map () in () -> (tensor<i32>, tensor<i32>) {
    %s:2 = seq.reduce [argmax, argmin] (%i, %j) in (%c2, %c3) -> (i32, i32) {
      %v = seq.read %x[%i, %j] : tensor<2x3xf64>
      seq.yield %v, %v : f64, f64
    }
    seq.yield %s#0, %s#1 : i32, i32
  }
  return %r#0, %r#1 : tensor<i32>, tensor<i32>
}

// Sums of f32 are exact up to one rounding: 2^24 + 1 + 1 in f32 additions would be 2^24.
// CHECK-LABEL: @rounded_once
// CHECK-NEXT: f32[] 16777218
func.func @rounded_once() -> tensor<f32> {
  %x = arith.constant dense<[16777216.0, 1.0, 1.0]> : tensor<3xf32>
  %c3 = arith.constant 3 : index
  %r = seq.map () in () -> (tensor<f32>) {
    %s = seq.reduce [sum] (%k) in (%c3) -> (f32) {
      %v = seq.read %x[%k] : tensor<3xf32>
      seq.yield %v : f32
    }
    seq.yield %s : f32
  }
  return %r : tensor<f32>
}
