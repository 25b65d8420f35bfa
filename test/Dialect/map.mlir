// RUN: %seq-opt %s | %seq-opt | FileCheck %s

// CHECK-LABEL: func.func @two_results
// CHECK-SAME: (%[[X:.*]]: tensor<?x4xf32>, %[[T:.*]]: index)
func.func @two_results(%x: tensor<?x4xf32>, %T: index) -> (tensor<?x4xf32>, tensor<?x4xi1>) {
  %C = arith.constant 4 : index
  %zero = arith.constant 0.0 : f32
  // CHECK: %{{.*}}:2 = seq.map (%[[I:.*]], %[[J:.*]]) in (%[[T]], %{{.*}}) -> (tensor<?x4xf32>, tensor<?x4xi1>) {
  %y:2 = seq.map (%t, %c) in (%T, %C) -> (tensor<?x4xf32>, tensor<?x4xi1>) {
    // CHECK: %[[V:.*]] = seq.read %[[X]][%[[I]], %[[J]]] : tensor<?x4xf32>
    %v = seq.read %x[%t, %c] : tensor<?x4xf32>
    %p = arith.cmpf ogt, %v, %zero : f32
    // CHECK: seq.yield %[[V]], %{{.*}} : f32, i1
    seq.yield %v, %p : f32, i1
  }
  return %y#0, %y#1 : tensor<?x4xf32>, tensor<?x4xi1>
}

// CHECK-LABEL: func.func @no_indices
func.func @no_indices(%v: f32) -> tensor<f32> {
  // CHECK: seq.map () in () -> (tensor<f32>) {
  %y = seq.map () in () -> (tensor<f32>) {
    seq.yield %v : f32
  }
  return %y : tensor<f32>
}
