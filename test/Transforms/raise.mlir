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

// Scores are weights: a decay meets them, and two sums use them.
// CHECK-LABEL: func.func @scores
// CHECK: %[[W:.*]] = seq.map
// CHECK: seq.reduce [sum]
// CHECK: seq.attention (%[[I:.*]], %[[J:.*]]) in
// CHECK-SAME: attributes {linear}
// CHECK: seq.read %[[W]][%[[I]], %[[J]]]
// CHECK: arith.constant 1.000000e+00
// CHECK: seq.attention (%[[I2:.*]], %[[C:.*]], %[[J2:.*]]) in
// CHECK-SAME: attributes {linear}
// CHECK-DAG: %[[A:.*]] = seq.read %[[W]][%[[I2]], %[[J2]]]
// CHECK-DAG: %[[F:.*]] = seq.read %{{.*}}[%[[I2]]]
// CHECK-DAG: %[[X:.*]] = seq.read %{{.*}}[%[[J2]], %[[C]]]
// CHECK: %[[AF:.*]] = arith.mulf %[[A]], %[[F]]
// CHECK: seq.yield %[[AF]], %[[X]] : f32, f32 when
func.func @scores(%q: tensor<?x4xf32>, %k: tensor<?x4xf32>, %v: tensor<?x8xf32>, %f: tensor<?xf32>, %T: index) -> (tensor<?xf32>, tensor<?x8xf32>) {
  %c4 = arith.constant 4 : index
  %c8 = arith.constant 8 : index
  %w = seq.map (%i, %j) in (%T, %T) -> (tensor<?x?xf32>) {
    %s = seq.reduce [sum] (%d) in (%c4) -> (f32) {
      %a = seq.read %q[%i, %d] : tensor<?x4xf32>
      %b = seq.read %k[%j, %d] : tensor<?x4xf32>
      %m = arith.mulf %a, %b : f32
      seq.yield %m : f32
    }
    seq.yield %s : f32
  }
  %z = seq.map (%i) in (%T) -> (tensor<?xf32>) {
    %s = seq.reduce [sum] (%j) in (%T) -> (f32) {
      %a = seq.read %w[%i, %j] : tensor<?x?xf32>
      seq.yield %a : f32
    }
    seq.yield %s : f32
  }
  %o = seq.map (%i, %c) in (%T, %c8) -> (tensor<?x8xf32>) {
    %s = seq.reduce [sum] (%j) in (%T) -> (f32) {
      %a = seq.read %w[%i, %j] : tensor<?x?xf32>
      %x = seq.read %v[%j, %c] : tensor<?x8xf32>
      %g = seq.read %f[%i] : tensor<?xf32>
      %m = arith.mulf %a, %x : f32
      %n = arith.mulf %m, %g : f32
      %p = arith.cmpi sle, %j, %i : index
      seq.yield %n : f32 when %p
    }
    seq.yield %s : f32
  }
  return %z, %o : tensor<?xf32>, tensor<?x8xf32>
}

// A matrix that is given, a function of one, a convolution whose kernel is made: as they are.
// CHECK-LABEL: func.func @no_scores
// CHECK-NOT: seq.attention
// CHECK: return
func.func @no_scores(%m: tensor<?x?xf32>, %x: tensor<?x8xf32>, %a: tensor<8xf32>, %T: index) -> (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>) {
  %c8 = arith.constant 8 : index
  %c0 = arith.constant 0 : index
  %e = seq.map (%i, %j) in (%T, %T) -> (tensor<?x?xf32>) {
    %y = seq.read %m[%i, %j] : tensor<?x?xf32>
    %z = seq.unary exp %y : f32
    seq.yield %z : f32
  }
  %k = seq.map (%s, %c) in (%T, %c8) -> (tensor<?x8xf32>) {
    %y = seq.read %a[%c] : tensor<8xf32>
    %n = arith.index_cast %s : index to i64
    %f = arith.sitofp %n : i64 to f32
    %p = arith.mulf %y, %f : f32
    %z = seq.unary exp %p : f32
    seq.yield %z : f32
  }
  %o:3 = seq.map (%t, %c) in (%T, %c8) -> (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>) {
    %s0 = seq.reduce [sum] (%j) in (%T) -> (f32) {
      %w = seq.read %m[%t, %j] : tensor<?x?xf32>
      %y = seq.read %x[%j, %c] : tensor<?x8xf32>
      %n = arith.mulf %w, %y : f32
      seq.yield %n : f32
    }
    %s1 = seq.reduce [sum] (%j) in (%T) -> (f32) {
      %w = seq.read %e[%t, %j] : tensor<?x?xf32>
      %y = seq.read %x[%j, %c] : tensor<?x8xf32>
      %n = arith.mulf %w, %y : f32
      seq.yield %n : f32
    }
    %s2 = seq.reduce [sum] (%s) in (%T) -> (f32) {
      %w = seq.read %k[%s, %c] : tensor<?x8xf32>
      %at = arith.subi %t, %s : index
      %p = arith.cmpi sge, %at, %c0 : index
      %y = seq.read %x[%at, %c] if %p : tensor<?x8xf32>
      %n = arith.mulf %w, %y : f32
      seq.yield %n : f32 when %p
    }
    seq.yield %s0, %s1, %s2 : f32, f32, f32
  }
  return %o#0, %o#1, %o#2 : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>
}
