// RUN: %seq-opt -seq-split-invariant %s | FileCheck %s

// S'[a, b] = σ(g[a]) S[a, b]: the function does not use b.
// CHECK-LABEL: func.func @gate
// CHECK-SAME: %[[G:.*]]: tensor<8xf32>, %[[S:.*]]: tensor<8x4xf32>
func.func @gate(%g: tensor<8xf32>, %s: tensor<8x4xf32>) -> tensor<8x4xf32> {
  %A = arith.constant 8 : index
  %B = arith.constant 4 : index
  // CHECK: %[[D:.*]] = seq.map (%[[I:.*]]) in
  // CHECK-NEXT: seq.read %[[G]][%[[I]]]
  // CHECK-NEXT: seq.unary sigmoid
  // CHECK: seq.map (%[[J:.*]], %{{.*}}) in
  // CHECK-NOT: seq.unary
  // CHECK: seq.read %[[D]][%[[J]]]
  %y = seq.map (%a, %b) in (%A, %B) -> (tensor<8x4xf32>) {
    %x = seq.read %g[%a] : tensor<8xf32>
    %d = seq.unary sigmoid %x : f32
    %v = seq.read %s[%a, %b] : tensor<8x4xf32>
    %p = arith.mulf %d, %v : f32
    seq.yield %p : f32
  }
  return %y : tensor<8x4xf32>
}

// The largest expression moves, with its product; a product of two parts of other indices stays.
// CHECK-LABEL: func.func @largest
func.func @largest(%f: tensor<8xf32>, %g: tensor<4xf32>) -> tensor<8x4xf32> {
  %A = arith.constant 8 : index
  %B = arith.constant 4 : index
  // CHECK: seq.map (%{{.*}}) in
  // CHECK: seq.unary exp
  // CHECK-NEXT: arith.mulf
  // CHECK-NEXT: seq.yield
  // CHECK: seq.map (%{{.*}}) in
  // CHECK: seq.unary exp
  // CHECK-NEXT: seq.yield
  // CHECK: seq.map (%{{.*}}, %{{.*}}) in
  // CHECK-NEXT: %[[X:.*]] = seq.read
  // CHECK-NEXT: %[[Y:.*]] = seq.read
  // CHECK-NEXT: arith.mulf %[[X]], %[[Y]]
  %y = seq.map (%a, %b) in (%A, %B) -> (tensor<8x4xf32>) {
    %x = seq.read %f[%a] : tensor<8xf32>
    %e = seq.unary exp %x : f32
    %m = arith.mulf %e, %x : f32
    %z = seq.read %g[%b] : tensor<4xf32>
    %h = seq.unary exp %z : f32
    %p = arith.mulf %m, %h : f32
    seq.yield %p : f32
  }
  return %y : tensor<8x4xf32>
}

// In the body of a reduction: over (t, k), not over (t, o, k).
// CHECK-LABEL: func.func @operand
// CHECK-SAME: %[[X:.*]]: tensor<?x8xf32>
func.func @operand(%x: tensor<?x8xf32>, %w: tensor<4x8xf32>, %T: index) -> tensor<?x4xf32> {
  %O = arith.constant 4 : index
  %K = arith.constant 8 : index
  // CHECK: %[[U:.*]] = seq.map (%[[I:.*]], %[[J:.*]]) in (%{{.*}}, %{{.*}}) -> (tensor<?x8xf32>)
  // CHECK-NEXT: seq.read %[[X]][%[[I]], %[[J]]]
  // CHECK-NEXT: seq.unary silu
  // CHECK: seq.reduce [sum]
  // CHECK-NOT: seq.unary
  // CHECK: return
  %y = seq.map (%t, %o) in (%T, %O) -> (tensor<?x4xf32>) {
    %s = seq.reduce [sum] (%k) in (%K) -> (f32) {
      %v = seq.read %x[%t, %k] : tensor<?x8xf32>
      %u = seq.unary silu %v : f32
      %m = seq.read %w[%o, %k] : tensor<4x8xf32>
      %p = arith.mulf %u, %m : f32
      seq.yield %p : f32
    }
    seq.yield %s : f32
  }
  return %y : tensor<?x4xf32>
}

// No tensor is read that is as large as the weights by (t, j) would be: they stay.
// CHECK-LABEL: func.func @by_distance
func.func @by_distance(%g: tensor<?xf32>, %x: tensor<?x4xf32>, %T: index) -> tensor<?x4xf32> {
  %C = arith.constant 4 : index
  // CHECK: seq.reduce [sum]
  // CHECK: seq.unary exp
  %y = seq.map (%t, %c) in (%T, %C) -> (tensor<?x4xf32>) {
    %s = seq.reduce [sum] (%j) in (%T) -> (f32) {
      %gt = seq.read %g[%t] : tensor<?xf32>
      %gj = seq.read %g[%j] : tensor<?xf32>
      %d = arith.subf %gt, %gj : f32
      %e = seq.unary exp %d : f32
      %v = seq.read %x[%j, %c] : tensor<?x4xf32>
      %p = arith.mulf %e, %v : f32
      seq.yield %p : f32
    }
    seq.yield %s : f32
  }
  return %y : tensor<?x4xf32>
}

// What is cheap, or would be as often, stays.
// CHECK-LABEL: func.func @stays
func.func @stays(%g: tensor<8xf32>, %s: tensor<8x1xf32>) -> (tensor<8x1xf32>, tensor<8x4xf32>) {
  %A = arith.constant 8 : index
  %B = arith.constant 4 : index
  %C = arith.constant 1 : index
  // CHECK: seq.map (%{{.*}}, %{{.*}}) in
  // CHECK: seq.map (%{{.*}}, %{{.*}}) in
  // CHECK-NOT: seq.map
  // CHECK: return
  %y = seq.map (%a, %b) in (%A, %C) -> (tensor<8x1xf32>) {
    %x = seq.read %g[%a] : tensor<8xf32>
    %d = seq.unary exp %x : f32
    seq.yield %d : f32
  }
  %z = seq.map (%a, %b) in (%A, %B) -> (tensor<8x4xf32>) {
    %x = seq.read %g[%a] : tensor<8xf32>
    %d = seq.unary relu %x : f32
    %m = arith.mulf %d, %x : f32
    seq.yield %m : f32
  }
  return %y, %z : tensor<8x1xf32>, tensor<8x4xf32>
}

// What is the same in each step moves before the scan.
// CHECK-LABEL: func.func @every_step
// CHECK-SAME: %{{[a-z0-9]*}}: tensor<?xf32>, %[[W:[a-z0-9]*]]: tensor<4xf32>
func.func @every_step(%x: tensor<?xf32>, %w: tensor<4xf32>, %h0: tensor<4xf32>, %T: index) -> tensor<4xf32> {
  // CHECK: %[[E:.*]] = seq.map (%[[I:.*]]) in
  // CHECK-NEXT: seq.read %[[W]][%[[I]]]
  // CHECK-NEXT: seq.unary exp
  // CHECK: seq.scan (%{{.*}}) in (%{{.*}})
  // CHECK: seq.map (%[[N:.*]]) in
  // CHECK: seq.read %[[E]][%[[N]]]
  // CHECK: seq.unary tanh
  %h = seq.scan (%t) in (%T) states (%s = %h0) -> (tensor<4xf32>) {
    %N = arith.constant 4 : index
    %next = seq.map (%n) in (%N) -> (tensor<4xf32>) {
      %v = seq.read %w[%n] : tensor<4xf32>
      %e = seq.unary exp %v : f32
      %o = seq.read %s[%n] : tensor<4xf32>
      %xt = seq.read %x[%t] : tensor<?xf32>
      %p = arith.mulf %e, %o : f32
      %a = arith.addf %p, %xt : f32
      %y = seq.unary tanh %a : f32
      seq.yield %y : f32
    }
    seq.next (%next) : (tensor<4xf32>)
  }
  return %h : tensor<4xf32>
}
