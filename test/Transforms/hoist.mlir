// RUN: %seq-opt -seq-hoist %s | FileCheck %s

// sum[k](w[j, k] * x[t, k]) + h[j]: the product leaves the scan as one map over all steps.
// CHECK-LABEL: func.func @input_projection
// CHECK-SAME: %[[X:.*]]: tensor<?x4xf32>, %[[W:.*]]: tensor<4x4xf32>, %[[H0:.*]]: tensor<4xf32>, %[[T:.*]]: index
func.func @input_projection(%x: tensor<?x4xf32>, %w: tensor<4x4xf32>, %h0: tensor<4xf32>, %T: index) -> tensor<?x4xf32> {
  %C = arith.constant 4 : index
  // CHECK: %[[P:.*]] = seq.map (%[[I:.*]], %[[J:.*]]) in (%[[T]], %{{.*}}) -> (tensor<?x4xf32>)
  // CHECK-NEXT: seq.reduce [sum] (%[[K:.*]]) in
  // CHECK-NEXT: seq.read %[[W]][%[[J]], %[[K]]]
  // CHECK-NEXT: seq.read %[[X]][%[[I]], %[[K]]]
  // CHECK: seq.scan (%[[S:.*]]) in (%[[T]])
  // CHECK-NOT: seq.reduce
  // CHECK: seq.read %[[P]][%[[S]], %{{.*}}]
  // CHECK: seq.next
  %y:2 = seq.scan (%t) in (%T) states (%h = %h0) -> (tensor<?x4xf32>, tensor<4xf32>) {
    %n = seq.map (%j) in (%C) -> (tensor<4xf32>) {
      %z = seq.reduce [sum] (%k) in (%C) -> (f32) {
        %u = seq.read %w[%j, %k] : tensor<4x4xf32>
        %v = seq.read %x[%t, %k] : tensor<?x4xf32>
        %p = arith.mulf %u, %v : f32
        seq.yield %p : f32
      }
      %old = seq.read %h[%j] : tensor<4xf32>
      %new = arith.addf %z, %old : f32
      seq.yield %new : f32
    }
    seq.next (%n) yield (%n) : (tensor<4xf32>) yield (tensor<4xf32>)
  }
  return %y#0 : tensor<?x4xf32>
}

// CHECK-LABEL: func.func @recurrent_product_stays
func.func @recurrent_product_stays(%w: tensor<4x4xf32>, %h0: tensor<4xf32>, %T: index) -> tensor<?x4xf32> {
  %C = arith.constant 4 : index
  // CHECK-NOT: seq.map
  // CHECK: seq.scan
  // CHECK: seq.reduce [sum]
  %y:2 = seq.scan (%t) in (%T) states (%h = %h0) -> (tensor<?x4xf32>, tensor<4xf32>) {
    %n = seq.map (%j) in (%C) -> (tensor<4xf32>) {
      %z = seq.reduce [sum] (%k) in (%C) -> (f32) {
        %u = seq.read %w[%j, %k] : tensor<4x4xf32>
        %v = seq.read %h[%k] : tensor<4xf32>
        %p = arith.mulf %u, %v : f32
        seq.yield %p : f32
      }
      seq.yield %z : f32
    }
    seq.next (%n) yield (%n) : (tensor<4xf32>) yield (tensor<4xf32>)
  }
  return %y#0 : tensor<?x4xf32>
}

// Neither a state nor the index: computed once.
// CHECK-LABEL: func.func @constant_over_steps
func.func @constant_over_steps(%a: tensor<4xf32>, %h0: tensor<4xf32>, %T: index) -> tensor<?x4xf32> {
  %C = arith.constant 4 : index
  // CHECK: %[[E:.*]] = seq.map (%[[J:.*]]) in
  // CHECK: seq.unary exp
  // CHECK: seq.scan
  // CHECK-NOT: seq.unary
  // CHECK: seq.read %[[E]]
  // CHECK: seq.next
  %y:2 = seq.scan (%t) in (%T) states (%h = %h0) -> (tensor<?x4xf32>, tensor<4xf32>) {
    %e = seq.map (%j) in (%C) -> (tensor<4xf32>) {
      %v = seq.read %a[%j] : tensor<4xf32>
      %x = seq.unary exp %v : f32
      seq.yield %x : f32
    }
    %n = seq.map (%j) in (%C) -> (tensor<4xf32>) {
      %d = seq.read %e[%j] : tensor<4xf32>
      %v = seq.read %h[%j] : tensor<4xf32>
      %p = arith.mulf %d, %v : f32
      seq.yield %p : f32
    }
    seq.next (%n) yield (%n) : (tensor<4xf32>) yield (tensor<4xf32>)
  }
  return %y#0 : tensor<?x4xf32>
}

// Elementwise work stays: nothing of the size of time by state is written.
// CHECK-LABEL: func.func @elementwise_stays
func.func @elementwise_stays(%x: tensor<?x4xf32>, %h0: tensor<4xf32>, %T: index) -> tensor<?x4xf32> {
  %C = arith.constant 4 : index
  // CHECK-NOT: seq.map
  // CHECK: seq.scan
  // CHECK: seq.unary exp
  %y:2 = seq.scan (%t) in (%T) states (%h = %h0) -> (tensor<?x4xf32>, tensor<4xf32>) {
    %n = seq.map (%j) in (%C) -> (tensor<4xf32>) {
      %v = seq.read %x[%t, %j] : tensor<?x4xf32>
      %d = seq.unary exp %v : f32
      %old = seq.read %h[%j] : tensor<4xf32>
      %new = arith.mulf %d, %old : f32
      seq.yield %new : f32
    }
    seq.next (%n) yield (%n) : (tensor<4xf32>) yield (tensor<4xf32>)
  }
  return %y#0 : tensor<?x4xf32>
}
