// RUN: %seq-opt --seq-interpret %s | FileCheck %s

// An index exponent means products, a negative one the reciprocal of the product.
// CHECK-LABEL: @integer_exponents
// CHECK-NEXT: f32[4] [1, -8, 0.25, -0.125]
// CHECK-NEXT: f32[4] [1, 0, inf, inf]
func.func @integer_exponents() -> (tensor<4xf32>, tensor<4xf32>) {
  %n = arith.constant dense<[0, 3, -2, -3]> : tensor<4xindex>
  %c4 = arith.constant 4 : index
  %x = arith.constant -2.0 : f32
  %zero = arith.constant 0.0 : f32
  %y:2 = seq.map (%i) in (%c4) -> (tensor<4xf32>, tensor<4xf32>) {
    %e = seq.read %n[%i] : tensor<4xindex>
    %p = seq.power %x, %e : f32, index
    %q = seq.power %zero, %e : f32, index
    seq.yield %p, %q : f32, f32
  }
  return %y#0, %y#1 : tensor<4xf32>, tensor<4xf32>
}

// 0 ** 0 is 1, a negative base has a NaN but at integers, as C's pow.
// CHECK-LABEL: @float_exponents
// CHECK-NEXT: f64[5] [1, 1.4142135623730951, 0.5, nan, -8]
func.func @float_exponents() -> tensor<5xf64> {
  %x = arith.constant dense<[0.0, 2.0, 4.0, -2.0, -2.0]> : tensor<5xf64>
  %n = arith.constant dense<[0.0, 0.5, -0.5, 0.5, 3.0]> : tensor<5xf64>
  %c5 = arith.constant 5 : index
  %y = seq.map (%i) in (%c5) -> (tensor<5xf64>) {
    %b = seq.read %x[%i] : tensor<5xf64>
    %e = seq.read %n[%i] : tensor<5xf64>
    %p = seq.power %b, %e : f64, f64
    seq.yield %p : f64
  }
  return %y : tensor<5xf64>
}

// 3 ** 21 wraps; negative exponents give 1, ±1 or 0.
// CHECK-LABEL: @integer_bases
// CHECK-NEXT: i32[7] [-81, 1870418611, 1, -1, 1, 0, 0]
func.func @integer_bases() -> tensor<7xi32> {
  %x = arith.constant dense<[3, 3, 1, -1, -1, 2, 0]> : tensor<7xi32>
  %n = arith.constant dense<[4, 21, -5, -3, -2, -1, -1]> : tensor<7xindex>
  %c7 = arith.constant 7 : index
  %zero = arith.constant 0 : index
  %minus = arith.constant -1 : i32
  %one = arith.constant 1 : i32
  %y = seq.map (%i) in (%c7) -> (tensor<7xi32>) {
    %b = seq.read %x[%i] : tensor<7xi32>
    %e = seq.read %n[%i] : tensor<7xindex>
    %p = seq.power %b, %e : i32, index
    %first = arith.cmpi eq, %i, %zero : index
    %sign = arith.select %first, %minus, %one : i32
    %s = arith.muli %p, %sign : i32
    seq.yield %s : i32
  }
  return %y : tensor<7xi32>
}
