// RUN: %seq-opt %s | %seq-opt | FileCheck %s

// CHECK-LABEL: func.func @causal
func.func @causal(%s: tensor<?x?xf32>, %v: tensor<?x4xf32>, %T: index) -> tensor<?x4xf32> {
  %c4 = arith.constant 4 : index
  // CHECK: seq.attention (%[[I:.*]], %{{.*}}, %[[J:.*]]) in (%[[T:.*]], %{{.*}}, %[[T]]) -> (tensor<?x4xf32>) {
  %o = seq.attention (%i, %d, %j) in (%T, %c4, %T) -> (tensor<?x4xf32>) {
    %a = seq.read %s[%i, %j] : tensor<?x?xf32>
    %x = seq.read %v[%j, %d] : tensor<?x4xf32>
    // CHECK: %[[P:.*]] = arith.cmpi sle, %[[J]], %[[I]]
    %p = arith.cmpi sle, %j, %i : index
    // CHECK: seq.yield %{{.*}}, %{{.*}} : f32, f32 when %[[P]]
    seq.yield %a, %x : f32, f32 when %p
  }
  return %o : tensor<?x4xf32>
}

// One query, two values for a score, a reduction in the body.
// CHECK-LABEL: func.func @two_results
// CHECK: seq.attention (%{{.*}}) in (%{{.*}}) -> (tensor<f64>, tensor<f64>) {
// CHECK: seq.reduce [sum]
func.func @two_results(%k: tensor<?x?xf64>, %T: index, %D: index) -> (tensor<f64>, tensor<f64>) {
  %o:2 = seq.attention (%j) in (%T) -> (tensor<f64>, tensor<f64>) {
    %a = seq.reduce [sum] (%d) in (%D) -> (f64) {
      %x = seq.read %k[%j, %d] : tensor<?x?xf64>
      seq.yield %x : f64
    }
    %b = arith.addf %a, %a : f64
    seq.yield %a, %a, %b : f64, f64, f64
  }
  return %o#0, %o#1 : tensor<f64>, tensor<f64>
}

// The scores are the weights.
// CHECK-LABEL: func.func @linear
// CHECK: seq.attention (%{{.*}}) in (%{{.*}}) -> (tensor<f32>) attributes {linear} {
func.func @linear(%v: tensor<?xf32>, %T: index) -> tensor<f32> {
  %o = seq.attention (%j) in (%T) -> (tensor<f32>) attributes {linear} {
    %x = seq.read %v[%j] : tensor<?xf32>
    seq.yield %x, %x : f32, f32
  }
  return %o : tensor<f32>
}

// No values: what normalises the weights.
// CHECK-LABEL: func.func @normaliser
// CHECK: seq.attention (%{{.*}}) in (%{{.*}}) -> (tensor<f32>) attributes {normaliser} {
func.func @normaliser(%v: tensor<?xf32>, %T: index) -> tensor<f32> {
  %o = seq.attention (%j) in (%T) -> (tensor<f32>) attributes {normaliser} {
    %x = seq.read %v[%j] : tensor<?xf32>
    seq.yield %x : f32
  }
  return %o : tensor<f32>
}
