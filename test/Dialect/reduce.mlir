// RUN: %seq-opt %s | %seq-opt | FileCheck %s

// CHECK-LABEL: func.func @presence_and_kinds
func.func @presence_and_kinds(%x: tensor<?xf32>, %T: index, %K: index) -> tensor<?xi32> {
  %y:3 = seq.map (%t) in (%T) -> (tensor<?xf32>, tensor<?xf32>, tensor<?xi32>) {
    // CHECK: %[[R:.*]]:3 = seq.reduce [sum, max, argmax] (%[[K:.*]]) in (%{{.*}}) -> (f32, f32, i32) attributes {what = "argmax[k](x[k])"} {
    %s:3 = seq.reduce [sum, max, argmax] (%k) in (%K) -> (f32, f32, i32) attributes {what = "argmax[k](x[k])"} {
      %v = seq.read %x[%k] : tensor<?xf32>
      %p = arith.cmpi slt, %k, %t : index
      // CHECK: seq.yield %[[V:.*]], %[[V]], %[[V]] : f32, f32, f32 when %{{.*}}
      seq.yield %v, %v, %v : f32, f32, f32 when %p
    }
    seq.yield %s#0, %s#1, %s#2 : f32, f32, i32
  }
  return %y#2 : tensor<?xi32>
}

// CHECK-LABEL: func.func @nested
func.func @nested(%x: tensor<?x?xi1>, %K: index) -> tensor<i1> {
  %y = seq.map () in () -> (tensor<i1>) {
    // CHECK: seq.reduce [any] (%[[I:.*]]) in
    %s = seq.reduce [any] (%i) in (%K) -> (i1) {
      // CHECK: seq.reduce [all] (%[[J:.*]]) in
      %a = seq.reduce [all] (%j) in (%K) -> (i1) {
        // CHECK: seq.read %{{.*}}[%[[I]], %[[J]]]
        %v = seq.read %x[%i, %j] : tensor<?x?xi1>
        seq.yield %v : i1
      }
      seq.yield %a : i1
    }
    seq.yield %s : i1
  }
  return %y : tensor<i1>
}

// CHECK-LABEL: func.func @every_kind
// CHECK: seq.reduce [prod, min, mean, logsumexp, argmin] (%{{.*}}, %{{.*}}) in
func.func @every_kind(%v: f32, %K: index) -> tensor<f32> {
  %y = seq.map () in () -> (tensor<f32>) {
    %s:5 = seq.reduce [prod, min, mean, logsumexp, argmin] (%i, %j) in (%K, %K) -> (f32, f32, f32, f32, i32) {
      seq.yield %v, %v, %v, %v, %v : f32, f32, f32, f32, f32
    }
    seq.yield %s#0 : f32
  }
  return %y : tensor<f32>
}
