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
  // CHECK: %[[D:.*]] = seq.read %[[Z]]
  // CHECK: %[[E:.*]] = seq.unary exp
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

// The weights over the row's index and the key's, their sum, then sums for each column; a
// row without keys has no weight and is 0.
// CHECK-LABEL: func.func @attention
// CHECK-SAME: %[[S:.*]]: tensor<?x?xf32>, %[[V:.*]]: tensor<?x4xf32>, %[[T:.*]]: index
func.func @attention(%s: tensor<?x?xf32>, %v: tensor<?x4xf32>, %T: index) -> tensor<?x4xf32> {
  %c4 = arith.constant 4 : index
  // CHECK-NOT: seq.attention
  // CHECK: seq.reduce [max]
  // CHECK: %[[P:.*]] = seq.map (%{{.*}}, %{{.*}}) in (%[[T]], %[[T]]) -> (tensor<?x?xf32>) {
  // CHECK: seq.unary exp
  // CHECK: arith.select
  // CHECK: %[[Z:.*]] = seq.map (%{{.*}}) in (%[[T]]) -> (tensor<?xf32>) {
  // CHECK-NEXT: seq.reduce [sum]
  // CHECK-NEXT: seq.read %[[P]]
  // CHECK: %[[O:.*]] = seq.map (%[[I:.*]], %[[D:.*]]) in (%[[T]], %{{.*}}) -> (tensor<?x4xf32>) {
  // CHECK-NEXT: seq.reduce [sum] (%[[J:.*]]) in (%[[T]])
  // CHECK-DAG: seq.read %[[V]][%[[J]], %[[D]]]
  // CHECK-DAG: %[[C:.*]] = arith.cmpi sle, %[[J]], %[[I]]
  // CHECK-DAG: seq.read %[[P]][%[[I]], %[[J]]]
  // CHECK: seq.yield %{{.*}} : f32 when %[[C]]
  // CHECK: %[[TOTAL:.*]] = seq.read %[[Z]][%[[I]]]
  // CHECK: %[[NONE:.*]] = arith.cmpf oeq, %[[TOTAL]]
  // CHECK: %[[MEAN:.*]] = arith.divf %{{.*}}, %[[TOTAL]]
  // CHECK: arith.select %[[NONE]], %{{.*}}, %[[MEAN]]
  // CHECK: return %[[O]]
  %o = seq.attention (%i, %d, %j) in (%T, %c4, %T) -> (tensor<?x4xf32>) {
    %a = seq.read %s[%i, %j] : tensor<?x?xf32>
    %x = seq.read %v[%j, %d] : tensor<?x4xf32>
    %p = arith.cmpi sle, %j, %i : index
    seq.yield %a, %x : f32, f32 when %p
  }
  return %o : tensor<?x4xf32>
}

// Score and presence are the key's index and an argument: one row of weights, two results.
// CHECK-LABEL: func.func @attention_of_one_row
// CHECK-NOT: seq.attention
// CHECK: seq.reduce [sum]
// CHECK: seq.reduce [sum]
func.func @attention_of_one_row(%p: tensor<?xi1>, %s: f32, %T: index) -> (tensor<f32>, tensor<f32>) {
  %o:2 = seq.attention (%j) in (%T) -> (tensor<f32>, tensor<f32>) {
    %present = seq.read %p[%j] : tensor<?xi1>
    %k = arith.index_cast %j : index to i64
    %x = arith.sitofp %k : i64 to f32
    %y = arith.addf %x, %x : f32
    seq.yield %s, %x, %y : f32, f32, f32 when %present
  }
  return %o#0, %o#1 : tensor<f32>, tensor<f32>
}

// CHECK-LABEL: func.func @conv
// CHECK-SAME: %[[W:.*]]: tensor<3xf32>, %[[X:.*]]: tensor<?xf32>, %[[T:.*]]: index
func.func @conv(%w: tensor<3xf32>, %x: tensor<?xf32>, %T: index) -> tensor<?xf32> {
  %c0 = arith.constant 0 : index
  %c3 = arith.constant 3 : index
  // CHECK-NOT: seq.conv
  // CHECK: seq.map (%[[I:.*]]) in (%[[T]]) -> (tensor<?xf32>) {
  // CHECK-NEXT: seq.reduce [sum] (%[[K:.*]]) in
  // CHECK: %[[E:.*]] = arith.subi %[[I]], %[[K]]
  // CHECK: seq.read %[[X]][%[[E]]]
  // CHECK: arith.mulf
  // CHECK-NEXT: seq.yield %{{.*}} : f32 when
  %y = seq.conv 1 (%t, %k) in (%T, %c3) -> (tensor<?xf32>) {
    %a = seq.read %w[%k] : tensor<3xf32>
    %e = arith.subi %t, %k : index
    %p = arith.cmpi sge, %e, %c0 : index
    %b = seq.read %x[%e] if %p : tensor<?xf32>
    seq.yield %a, %b : f32, f32 when %p
  }
  return %y : tensor<?xf32>
}

// Linear attention: weights, 0 at absent points, and their sums. Nothing is divided.
// CHECK-LABEL: func.func @linear_attention
// CHECK: %[[W:.*]] = seq.map
// CHECK: arith.select
// CHECK: seq.map
// CHECK: seq.reduce [sum]
// CHECK: seq.read %[[W]]
// CHECK: arith.mulf
// CHECK-NOT: arith.divf
// CHECK: return
func.func @linear_attention(%s: tensor<?x?xf32>, %v: tensor<?xf32>, %T: index) -> tensor<?xf32> {
  %o = seq.attention (%i, %j) in (%T, %T) -> (tensor<?xf32>) attributes {linear} {
    %a = seq.read %s[%i, %j] : tensor<?x?xf32>
    %x = seq.read %v[%j] : tensor<?xf32>
    %p = arith.cmpi sle, %j, %i : index
    seq.yield %a, %x : f32, f32 when %p
  }
  return %o : tensor<?xf32>
}
