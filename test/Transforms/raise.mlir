// RUN: %seq-opt -seq-raise %s | FileCheck %s

// Causal attention: score, value and presence in one op; the gate stays in the map.
// CHECK-LABEL: func.func @gated_attention
// CHECK-SAME: %[[S:.*]]: tensor<?x?xf32>, %[[V:.*]]: tensor<?x?xf32>, %[[G:.*]]: tensor<?x?xf32>, %[[T:.*]]: index, %[[D:.*]]: index
func.func @gated_attention(%s: tensor<?x?xf32>, %v: tensor<?x?xf32>, %g: tensor<?x?xf32>, %T: index, %D: index) -> tensor<?x?xf32> {
  // CHECK-NOT: seq.softmax
  // CHECK: %[[A:.*]] = seq.attention (%[[I:.*]], %[[C:.*]], %[[J:.*]]) in (%[[T]], %[[D]], %[[T]]) -> (tensor<?x?xf32>) {
  // CHECK-DAG: %[[X:.*]] = seq.read %[[V]][%[[J]], %[[C]]]
  // CHECK-DAG: %[[P:.*]] = arith.cmpi sle, %[[J]], %[[I]]
  // CHECK-DAG: %[[E:.*]] = seq.read %[[S]][%[[I]], %[[J]]]
  // CHECK: seq.yield %[[E]], %[[X]] : f32, f32 when %[[P]]
  %p = seq.softmax 1 (%i, %j) in (%T, %T) -> (tensor<?x?xf32>) {
    %e = seq.read %s[%i, %j] : tensor<?x?xf32>
    %c = arith.cmpi sle, %j, %i : index
    seq.yield %e : f32 when %c
  }
  // CHECK: seq.map (%[[MI:.*]], %[[MC:.*]]) in
  // CHECK-NEXT: seq.read %[[A]][%[[MI]], %[[MC]]]
  // CHECK-NEXT: seq.read %[[G]]
  // CHECK-NEXT: arith.mulf
  // CHECK-NEXT: seq.yield
  %o = seq.map (%i, %d) in (%T, %D) -> (tensor<?x?xf32>) {
    %sum = seq.reduce [sum] (%j) in (%T) -> (f32) {
      %w = seq.read %p[%i, %j] : tensor<?x?xf32>
      %x = seq.read %v[%j, %d] : tensor<?x?xf32>
      %m = arith.mulf %w, %x : f32
      %c = arith.cmpi sle, %j, %i : index
      seq.yield %m : f32 when %c
    }
    %gate = seq.read %g[%i, %d] : tensor<?x?xf32>
    %y = arith.mulf %sum, %gate : f32
    seq.yield %y : f32
  }
  return %o : tensor<?x?xf32>
}

// Two heads share a softmax's row; the weight is one of three factors, under a division.
// CHECK-LABEL: func.func @grouped
// CHECK: seq.attention (%[[H:.*]], %{{.*}}) in
// CHECK: arith.mulf
// CHECK: arith.divf
// CHECK-NOT: seq.softmax
func.func @grouped(%s: tensor<?x?xf32>, %v: tensor<?x?xf32>, %T: index, %H: index) -> tensor<?xf32> {
  %c2 = arith.constant 2 : index
  %two = arith.constant 2.0 : f32
  %p = seq.softmax 1 (%g, %j) in (%H, %T) -> (tensor<?x?xf32>) {
    %e = seq.read %s[%g, %j] : tensor<?x?xf32>
    seq.yield %e : f32
  }
  %o = seq.map (%h) in (%H) -> (tensor<?xf32>) {
    %g = seq.int_div div %h, %c2 : index
    %sum = seq.reduce [sum] (%j) in (%T) -> (f32) {
      %w = seq.read %p[%g, %j] : tensor<?x?xf32>
      %x = seq.read %v[%h, %j] : tensor<?x?xf32>
      %a = arith.mulf %w, %x : f32
      %b = arith.mulf %x, %a : f32
      %d = arith.divf %b, %two : f32
      seq.yield %d : f32
    }
    seq.yield %sum : f32
  }
  return %o : tensor<?xf32>
}

// The sum leaves points out that the weights were normalised over.
// CHECK-LABEL: func.func @own_domain
// CHECK: seq.softmax
// CHECK-NOT: seq.attention
func.func @own_domain(%s: tensor<?xf32>, %v: tensor<?xf32>, %T: index) -> tensor<f32> {
  %c3 = arith.constant 3 : index
  %p = seq.softmax 1 (%j) in (%T) -> (tensor<?xf32>) {
    %e = seq.read %s[%j] : tensor<?xf32>
    seq.yield %e : f32
  }
  %o = seq.map () in () -> (tensor<f32>) {
    %sum = seq.reduce [sum] (%j) in (%T) -> (f32) {
      %w = seq.read %p[%j] : tensor<?xf32>
      %x = seq.read %v[%j] : tensor<?xf32>
      %m = arith.mulf %w, %x : f32
      %c = arith.cmpi slt, %j, %c3 : index
      seq.yield %m : f32 when %c
    }
    seq.yield %sum : f32
  }
  return %o : tensor<f32>
}

// The weights are a result as well.
// CHECK-LABEL: func.func @weights_are_used
// CHECK: seq.softmax
// CHECK-NOT: seq.attention
func.func @weights_are_used(%s: tensor<?xf32>, %v: tensor<?xf32>, %T: index) -> (tensor<f32>, tensor<?xf32>) {
  %p = seq.softmax 1 (%j) in (%T) -> (tensor<?xf32>) {
    %e = seq.read %s[%j] : tensor<?xf32>
    seq.yield %e : f32
  }
  %o = seq.map () in () -> (tensor<f32>) {
    %sum = seq.reduce [sum] (%j) in (%T) -> (f32) {
      %w = seq.read %p[%j] : tensor<?xf32>
      %x = seq.read %v[%j] : tensor<?xf32>
      %m = arith.mulf %w, %x : f32
      seq.yield %m : f32
    }
    seq.yield %sum : f32
  }
  return %o, %p : tensor<f32>, tensor<?xf32>
}

// Weights of another position than the sum's: no attention, and no window either.
// CHECK-LABEL: func.func @shifted_weights
// CHECK: seq.softmax
// CHECK-NOT: seq.attention
func.func @shifted_weights(%s: tensor<?xf32>, %v: tensor<?xf32>, %T: index) -> tensor<f32> {
  %c1 = arith.constant 1 : index
  %p = seq.softmax 1 (%j) in (%T) -> (tensor<?xf32>) {
    %e = seq.read %s[%j] : tensor<?xf32>
    seq.yield %e : f32
  }
  %o = seq.map () in () -> (tensor<f32>) {
    %sum = seq.reduce [sum] (%j) in (%T) -> (f32) {
      %k = arith.subi %j, %c1 : index
      %c = arith.cmpi sge, %j, %c1 : index
      %w = seq.read %p[%k] if %c : tensor<?xf32>
      %x = seq.read %v[%j] : tensor<?xf32>
      %m = arith.mulf %w, %x : f32
      seq.yield %m : f32 when %c
    }
    seq.yield %sum : f32
  }
  return %o : tensor<f32>
}

// A causal depthwise convolution; the bias stays in the map.
// CHECK-LABEL: func.func @causal_conv
// CHECK-SAME: %[[W:.*]]: tensor<?x3xf32>, %[[X:.*]]: tensor<?x?xf32>, %[[B:.*]]: tensor<?xf32>, %[[T:.*]]: index, %[[C:.*]]: index
func.func @causal_conv(%w: tensor<?x3xf32>, %x: tensor<?x?xf32>, %b: tensor<?xf32>, %T: index, %C: index) -> tensor<?x?xf32> {
  %c0 = arith.constant 0 : index
  %c3 = arith.constant 3 : index
  // CHECK: %[[Y:.*]] = seq.conv 1 (%[[I:.*]], %[[J:.*]], %[[K:.*]]) in (%[[T]], %[[C]], %{{.*}}) -> (tensor<?x?xf32>) {
  // CHECK-DAG: %[[KERNEL:.*]] = seq.read %[[W]][%[[J]], %[[K]]]
  // CHECK-DAG: %[[E:.*]] = arith.subi %[[I]], %[[K]]
  // CHECK-DAG: %[[P:.*]] = arith.cmpi sge, %[[E]]
  // CHECK: %[[IN:.*]] = seq.read %[[X]][%[[E]], %[[J]]] if %[[P]]
  // CHECK: seq.yield %[[KERNEL]], %[[IN]] : f32, f32 when %[[P]]
  // CHECK: seq.map
  // CHECK-NEXT: seq.read %[[Y]]
  // CHECK-NEXT: seq.read %[[B]]
  // CHECK-NEXT: arith.addf
  %y = seq.map (%t, %c) in (%T, %C) -> (tensor<?x?xf32>) {
    %s = seq.reduce [sum] (%k) in (%c3) -> (f32) {
      %e = arith.subi %t, %k : index
      %p = arith.cmpi sge, %e, %c0 : index
      %a = seq.read %w[%c, %k] : tensor<?x3xf32>
      %v = seq.read %x[%e, %c] if %p : tensor<?x?xf32>
      %m = arith.mulf %a, %v : f32
      seq.yield %m : f32 when %p
    }
    %bias = seq.read %b[%c] : tensor<?xf32>
    %z = arith.addf %s, %bias : f32
    seq.yield %z : f32
  }
  return %y : tensor<?x?xf32>
}

// A matrix product has no window, and a place by a gather is not affine.
// CHECK-LABEL: func.func @no_window
// CHECK-NOT: seq.conv
func.func @no_window(%w: tensor<?x?xf32>, %x: tensor<?x?xf32>, %idx: tensor<?xindex>, %T: index, %C: index) -> (tensor<?x?xf32>, tensor<?xf32>) {
  %y = seq.map (%t, %c) in (%T, %C) -> (tensor<?x?xf32>) {
    %s = seq.reduce [sum] (%k) in (%C) -> (f32) {
      %a = seq.read %w[%c, %k] : tensor<?x?xf32>
      %v = seq.read %x[%t, %k] : tensor<?x?xf32>
      %m = arith.mulf %a, %v : f32
      seq.yield %m : f32
    }
    seq.yield %s : f32
  }
  %z = seq.map (%t) in (%T) -> (tensor<?xf32>) {
    %s = seq.reduce [sum] (%k) in (%C) -> (f32) {
      %i = seq.read %idx[%k] : tensor<?xindex>
      %e = arith.addi %t, %i : index
      %a = seq.read %w[%k, %k] : tensor<?x?xf32>
      %v = seq.read %x[%e, %k] : tensor<?x?xf32>
      %m = arith.mulf %a, %v : f32
      seq.yield %m : f32
    }
    seq.yield %s : f32
  }
  return %y, %z : tensor<?x?xf32>, tensor<?xf32>
}
