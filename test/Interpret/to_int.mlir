// RUN: %seq-opt --seq-interpret %s | FileCheck %s

// CHECK-LABEL: @towards_zero
// CHECK-NEXT: i32[6] [1, -1, 0, 0, 2147483647, -2147483648]
func.func @towards_zero() -> tensor<6xi32> {
  %x = arith.constant dense<[1.9, -1.9, 0.5, -0.5, 2147483647.9, -2147483648.9]> : tensor<6xf64>
  %n = arith.constant 6 : index
  %y = seq.map (%i) in (%n) -> (tensor<6xi32>) {
    %v = seq.read %x[%i] : tensor<6xf64>
    %r = seq.to_int %v : f64
    seq.yield %r : i32
  }
  return %y : tensor<6xi32>
}

// CHECK-LABEL: @false_guard
// CHECK-NEXT: i32[3] [0, 7, 0]
func.func @false_guard() -> tensor<3xi32> {
  %x = arith.constant dense<[0x7FC00000, 7.0, 3.0e+9]> : tensor<3xf32>
  %n = arith.constant 3 : index
  %ten = arith.constant 10.0 : f32
  %y = seq.map (%i) in (%n) -> (tensor<3xi32>) {
    %v = seq.read %x[%i] : tensor<3xf32>
    %g = arith.cmpf olt, %v, %ten : f32
    %r = seq.to_int %v if %g {what = "i32(x[i])"} : f32
    seq.yield %r : i32
  }
  return %y : tensor<3xi32>
}

// CHECK-LABEL: @too_large
// CHECK-NEXT: failed: to_int.mlir:[[@LINE+6]]:10: `i32(x[i])`: no i32: 2147483648
func.func @too_large() -> tensor<2xi32> {
  %x = arith.constant dense<[0.0, 2147483648.0]> : tensor<2xf32>
  %n = arith.constant 2 : index
  %y = seq.map (%i) in (%n) -> (tensor<2xi32>) {
    %v = seq.read %x[%i] : tensor<2xf32>
    %r = seq.to_int %v {what = "i32(x[i])"} : f32
    seq.yield %r : i32
  }
  return %y : tensor<2xi32>
}

// CHECK-LABEL: @not_a_number
// CHECK-NEXT: failed: {{.*}}: `i32(x)`: no i32
func.func @not_a_number() -> i32 {
  %x = arith.constant 0x7FC00000 : f32
  %r = seq.to_int %x {what = "i32(x)"} : f32
  return %r : i32
}
