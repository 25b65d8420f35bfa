// RUN: %seq-opt %s | %seq-opt | FileCheck %s

// CHECK-LABEL: func.func @unary
func.func @unary(%x: f32, %y: f64) -> f32 {
  // CHECK: seq.unary sigmoid %{{.*}} : f32
  %a = seq.unary sigmoid %x : f32
  // CHECK: seq.unary gelu_tanh %{{.*}} : f64
  %b = seq.unary gelu_tanh %y : f64
  return %a : f32
}

// CHECK-LABEL: func.func @power
func.func @power(%x: f32, %n: index, %k: i32) -> f32 {
  // CHECK: seq.power %{{.*}}, %{{.*}} : f32, index
  %a = seq.power %x, %n : f32, index
  // CHECK: seq.power %{{.*}}, %{{.*}} : f32, f32
  %b = seq.power %x, %a : f32, f32
  // CHECK: seq.power %{{.*}}, %{{.*}} : i32, i32
  %c = seq.power %k, %k : i32, i32
  return %b : f32
}

// CHECK-LABEL: func.func @int_div
func.func @int_div(%a: i32, %i: index, %g: i1) -> i32 {
  // CHECK: seq.int_div div %{{.*}}, %{{.*}} if %{{.*}} {what = "a / a"} : i32
  %q = seq.int_div div %a, %a if %g {what = "a / a"} : i32
  // CHECK: seq.int_div mod %{{.*}}, %{{.*}} : index
  %r = seq.int_div mod %i, %i : index
  return %q : i32
}

// CHECK-LABEL: func.func @to_int
func.func @to_int(%x: f32, %y: f64, %g: i1) -> i32 {
  // CHECK: seq.to_int %{{.*}} if %{{.*}} {what = "i32(x)"} : f32
  %a = seq.to_int %x if %g {what = "i32(x)"} : f32
  // CHECK: seq.to_int %{{.*}} : f64
  %b = seq.to_int %y : f64
  return %b : i32
}

// CHECK-LABEL: func.func @size
func.func @size() -> index attributes {seq.sizes = ["T"]} {
  // CHECK: seq.size "T"
  %T = seq.size "T"
  return %T : index
}
