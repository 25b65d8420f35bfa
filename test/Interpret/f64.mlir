// RUN: %seq-opt --seq-interpret %s | FileCheck %s
// RUN: %seq-opt --seq-interpret --f64 %s | FileCheck %s --check-prefix=F64

// With every float as f64 nothing is rounded to f32, and results are f64.
// CHECK-LABEL: @third
// CHECK-NEXT: f32[2] [0.33333334, 0.33333334]
// CHECK-NEXT: f32[] 1.3333334
// F64-LABEL: @third
// F64-NEXT: f64[2] [0.3333333333333333, 0.3333333333333333]
// F64-NEXT: f64[] 1.3333333333333333
func.func @third() -> (tensor<2xf32>, f32) {
  %x = arith.constant dense<[1.0, 1.0]> : tensor<2xf32>
  %n = arith.constant 2 : index
  %c0 = arith.constant 0 : index
  %three = arith.constant 3.0 : f32
  %one = arith.constant 1.0 : f64
  %y = seq.map (%i) in (%n) -> (tensor<2xf32>) {
    %v = seq.read %x[%i] : tensor<2xf32>
    %q = arith.divf %v, %three : f32
    seq.yield %q : f32
  }
  %first = seq.read %y[%c0] : tensor<2xf32>
  %wide = arith.extf %first : f32 to f64
  %s = arith.addf %wide, %one : f64
  %r = arith.truncf %s : f64 to f32
  return %y, %r : tensor<2xf32>, f32
}
