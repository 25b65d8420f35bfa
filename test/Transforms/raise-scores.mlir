// RUN: %seq-opt -seq-raise %s | FileCheck %s

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

// A logsumexp of scores is attention without values; one of numbers that are there is none.
// CHECK-LABEL: func.func @normaliser
// CHECK: %[[Z:.*]] = seq.attention (%[[I:.*]], %[[J:.*]]) in
// CHECK-SAME: attributes {normaliser}
// CHECK: %[[S:.*]] = seq.reduce [sum]
// CHECK: seq.yield %[[S]] : f32 when
// CHECK: seq.map
// CHECK: seq.read %[[Z]]
// CHECK: seq.map
// CHECK: seq.reduce [logsumexp]
func.func @normaliser(%q: tensor<?x4xf32>, %k: tensor<?x4xf32>, %x: tensor<?x?xf32>, %T: index) -> (tensor<?xf32>, tensor<?xf32>) {
  %c4 = arith.constant 4 : index
  %z = seq.map (%i) in (%T) -> (tensor<?xf32>) {
    %s = seq.reduce [logsumexp] (%j) in (%T) -> (f32) {
      %s = seq.reduce [sum] (%d) in (%c4) -> (f32) {
        %a = seq.read %q[%i, %d] : tensor<?x4xf32>
        %b = seq.read %k[%j, %d] : tensor<?x4xf32>
        %m = arith.mulf %a, %b : f32
        seq.yield %m : f32
      }
      %p = arith.cmpi sle, %j, %i : index
      seq.yield %s : f32 when %p
    }
    seq.yield %s : f32
  }
  %y = seq.map (%i) in (%T) -> (tensor<?xf32>) {
    %s = seq.reduce [logsumexp] (%j) in (%T) -> (f32) {
      %a = seq.read %x[%i, %j] : tensor<?x?xf32>
      seq.yield %a : f32
    }
    seq.yield %s : f32
  }
  return %z, %y : tensor<?xf32>, tensor<?xf32>
}
