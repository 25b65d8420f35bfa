// RUN: %seq-opt %s | %seq-opt | FileCheck %s

// CHECK-LABEL: func.func @two_states
// CHECK-SAME: %[[T:.*]]: index, %[[H0:.*]]: tensor<4xf32>, %[[N0:.*]]: tensor<i32>
func.func @two_states(%T: index, %h0: tensor<4xf32>, %n0: tensor<i32>) -> tensor<?x4xf32> {
  // CHECK: seq.scan (%{{.*}}) in (%[[T]]) states (%[[H:.*]] = %[[H0]], %[[N:.*]] = %[[N0]]) -> (tensor<?x4xf32>, tensor<4xf32>, tensor<i32>) attributes {stateNames = ["h", "n"]} {
  %y:3 = seq.scan (%t) in (%T) states (%h = %h0, %n = %n0) -> (tensor<?x4xf32>, tensor<4xf32>, tensor<i32>) attributes {stateNames = ["h", "n"]} {
    // CHECK: seq.next(%[[H]], %[[N]]) yield(%[[H]]) : (tensor<4xf32>, tensor<i32>) yield(tensor<4xf32>)
    seq.next (%h, %n) yield (%h) : (tensor<4xf32>, tensor<i32>) yield (tensor<4xf32>)
  }
  return %y#0 : tensor<?x4xf32>
}

// CHECK-LABEL: func.func @reverse_and_nested
func.func @reverse_and_nested(%T: index, %h0: tensor<f32>) -> tensor<?x?xf32> {
  // CHECK: seq.scan reverse (%{{.*}}) in
  %y:2 = seq.scan reverse (%t) in (%T) states (%h = %h0) -> (tensor<?x?xf32>, tensor<f32>) {
    // CHECK: seq.scan (%{{.*}}) in
    %z:2 = seq.scan (%u) in (%t) states (%g = %h) -> (tensor<?xf32>, tensor<f32>) {
      seq.next (%g) yield (%g) : (tensor<f32>) yield (tensor<f32>)
    }
    seq.next (%z#1) yield (%z#0) : (tensor<f32>) yield (tensor<?xf32>)
  }
  return %y#0 : tensor<?x?xf32>
}

// CHECK-LABEL: func.func @without_yields
func.func @without_yields(%T: index, %h0: tensor<f32>) -> tensor<f32> {
  %y = seq.scan (%t) in (%T) states (%h = %h0) -> (tensor<f32>) {
    // CHECK: seq.next(%{{.*}}) : (tensor<f32>)
    seq.next (%h) : (tensor<f32>)
  }
  return %y : tensor<f32>
}

// CHECK-LABEL: func.func @without_states
func.func @without_states(%T: index, %v: tensor<f32>) -> tensor<?xf32> {
  %y = seq.scan (%t) in (%T) states () -> (tensor<?xf32>) {
    // CHECK: seq.next() yield(%{{.*}}) : () yield(tensor<f32>)
    seq.next () yield (%v) : () yield (tensor<f32>)
  }
  return %y : tensor<?xf32>
}
