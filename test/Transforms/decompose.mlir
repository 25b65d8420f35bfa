// RUN: %seq-opt -seq-decompose %s | FileCheck %s

// Scores once, then their maximum and the sum of exponentials by row, then quotients.
// CHECK-LABEL: func.func @softmax_of_rows
// CHECK-SAME: %[[X:.*]]: tensor<?x?xf32>, %[[T:.*]]: index
func.func @softmax_of_rows(%x: tensor<?x?xf32>, %T: index) -> tensor<?x?xf32> {
  // CHECK-NOT: seq.softmax
  // CHECK: %[[S:.*]] = seq.map (%{{.*}}, %{{.*}}) in (%[[T]], %[[T]])
  // CHECK: %[[M:.*]] = seq.map (%[[I:.*]]) in (%[[T]]) -> (tensor<?xf32>)
  // CHECK-NEXT: seq.reduce [max] (%[[J:.*]]) in (%[[T]]) -> (f32)
  // CHECK-NEXT: seq.read %[[S]][%[[I]], %[[J]]]
  // CHECK: %[[Z:.*]] = seq.map (%{{.*}}) in (%[[T]]) -> (tensor<?xf32>)
  // CHECK-NEXT: seq.reduce [sum]
  // CHECK: seq.read %[[M]]
  // CHECK: seq.unary exp
  // CHECK: %[[P:.*]] = seq.map (%{{.*}}, %{{.*}}) in (%[[T]], %[[T]])
  // CHECK: %[[E:.*]] = seq.unary exp
  // CHECK: %[[D:.*]] = seq.read %[[Z]]
  // CHECK: %[[Q:.*]] = arith.divf %[[E]], %[[D]]
  // CHECK-NEXT: seq.yield %[[Q]] : f32
  // CHECK: return %[[P]]
  %p = seq.softmax 1 (%i, %j) in (%T, %T) -> (tensor<?x?xf32>) {
    %s = seq.read %x[%i, %j] : tensor<?x?xf32>
    seq.yield %s : f32
  }
  return %p : tensor<?x?xf32>
}

// The presence is kept beside the scores: both reductions skip absent points, which are 0.
// CHECK-LABEL: func.func @softmax_over_a_domain
func.func @softmax_over_a_domain(%x: tensor<?xf32>, %T: index) -> tensor<?x?xf32> {
  // CHECK: %[[S:.*]]:2 = seq.map {{.*}} -> (tensor<?x?xf32>, tensor<?x?xi1>)
  // CHECK: seq.reduce [max]
  // CHECK: %[[PM:.*]] = seq.read %[[S]]#1
  // CHECK-NEXT: seq.yield %{{.*}} : f32 when %[[PM]]
  // CHECK: seq.reduce [sum]
  // CHECK: %[[PS:.*]] = seq.read %[[S]]#1
  // CHECK-NEXT: seq.yield %{{.*}} : f32 when %[[PS]]
  // CHECK: %[[P:.*]] = seq.read %[[S]]#1
  // CHECK: arith.select %[[P]]
  %p = seq.softmax 1 (%i, %j) in (%T, %T) -> (tensor<?x?xf32>) {
    %s = seq.read %x[%j] : tensor<?xf32>
    %c = arith.cmpi sle, %j, %i : index
    seq.yield %s : f32 when %c
  }
  return %p : tensor<?x?xf32>
}

// An infinite maximum is left out of the subtraction: no NaN from equal infinities.
// CHECK-LABEL: func.func @logsumexp
func.func @logsumexp(%x: tensor<4xf32>) -> tensor<f32> {
  %K = arith.constant 4 : index
  // CHECK: %[[M:.*]] = seq.reduce [max]
  // CHECK: %[[A:.*]] = seq.unary abs %[[M]]
  // CHECK: %[[INF:.*]] = arith.cmpf oeq, %[[A]]
  // CHECK: %[[SHIFT:.*]] = arith.select %[[INF]], %{{.*}}, %[[M]]
  // CHECK: %[[Z:.*]] = seq.reduce [sum]
  // CHECK: arith.subf %{{.*}}, %[[SHIFT]]
  // CHECK-NEXT: seq.unary exp
  // CHECK: %[[L:.*]] = seq.unary log %[[Z]]
  // CHECK: arith.addf %[[L]], %[[SHIFT]]
  %y = seq.map () in () -> (tensor<f32>) {
    %l = seq.reduce [logsumexp] (%k) in (%K) -> (f32) {
      %v = seq.read %x[%k] : tensor<4xf32>
      seq.yield %v : f32
    }
    seq.yield %l : f32
  }
  return %y : tensor<f32>
}

// CHECK-LABEL: func.func @other_reductions_stay
func.func @other_reductions_stay(%x: tensor<4xf32>) -> tensor<f32> {
  %K = arith.constant 4 : index
  // CHECK: seq.reduce [mean]
  // CHECK-NOT: seq.unary
  %y = seq.map () in () -> (tensor<f32>) {
    %l = seq.reduce [mean] (%k) in (%K) -> (f32) {
      %v = seq.read %x[%k] : tensor<4xf32>
      seq.yield %v : f32
    }
    seq.yield %l : f32
  }
  return %y : tensor<f32>
}
