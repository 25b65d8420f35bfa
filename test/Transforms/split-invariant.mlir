// RUN: %seq-opt -seq-split-invariant %s | FileCheck %s

// y[t, c] = x[t, c] / sum[d](x[t, d]): the sum does not use c.
// CHECK-LABEL: func.func @sum_by_row
// CHECK-SAME: %[[X:.*]]: tensor<?x4xf32>, %[[T:.*]]: index
func.func @sum_by_row(%x: tensor<?x4xf32>, %T: index) -> tensor<?x4xf32> {
  %C = arith.constant 4 : index
  // CHECK: %[[Z:.*]] = seq.map (%[[I:.*]]) in (%[[T]]) -> (tensor<?xf32>)
  // CHECK-NEXT: seq.reduce [sum] (%[[D:.*]]) in
  // CHECK-NEXT: seq.read %[[X]][%[[I]], %[[D]]]
  // CHECK: seq.map (%[[U:.*]], %[[C:.*]]) in (%[[T]], %{{.*}}) -> (tensor<?x4xf32>)
  // CHECK-NOT: seq.reduce
  // CHECK: seq.read %[[Z]][%[[U]]] : tensor<?xf32>
  %y = seq.map (%t, %c) in (%T, %C) -> (tensor<?x4xf32>) {
    %v = seq.read %x[%t, %c] : tensor<?x4xf32>
    %z = seq.reduce [sum] (%d) in (%C) -> (f32) {
      %w = seq.read %x[%t, %d] : tensor<?x4xf32>
      seq.yield %w : f32
    }
    %q = arith.divf %v, %z : f32
    seq.yield %q : f32
  }
  return %y : tensor<?x4xf32>
}

// Scalars of the map's body that the reduction reads go with it.
// CHECK-LABEL: func.func @takes_what_it_needs
func.func @takes_what_it_needs(%x: tensor<?x4xf32>, %s: tensor<?xf32>, %T: index) -> tensor<?x4xf32> {
  %C = arith.constant 4 : index
  // CHECK: seq.map (%[[I:.*]]) in
  // CHECK-NEXT: %[[S:.*]] = seq.read %{{.*}}[%[[I]]] : tensor<?xf32>
  // CHECK: seq.reduce [sum]
  // CHECK: arith.mulf %{{.*}}, %[[S]]
  %y = seq.map (%t, %c) in (%T, %C) -> (tensor<?x4xf32>) {
    %scale = seq.read %s[%t] : tensor<?xf32>
    %z = seq.reduce [sum] (%d) in (%C) -> (f32) {
      %w = seq.read %x[%t, %d] : tensor<?x4xf32>
      %p = arith.mulf %w, %scale : f32
      seq.yield %p : f32
    }
    seq.yield %z : f32
  }
  return %y : tensor<?x4xf32>
}

// CHECK-LABEL: func.func @uses_every_index
func.func @uses_every_index(%x: tensor<?x4xf32>, %w: tensor<4x4xf32>, %T: index) -> tensor<?x4xf32> {
  %C = arith.constant 4 : index
  // CHECK: seq.map (%{{.*}}, %{{.*}}) in
  // CHECK-NEXT: seq.reduce [sum]
  // CHECK: return
  %y = seq.map (%t, %c) in (%T, %C) -> (tensor<?x4xf32>) {
    %z = seq.reduce [sum] (%d) in (%C) -> (f32) {
      %v = seq.read %x[%t, %d] : tensor<?x4xf32>
      %u = seq.read %w[%c, %d] : tensor<4x4xf32>
      %p = arith.mulf %v, %u : f32
      seq.yield %p : f32
    }
    seq.yield %z : f32
  }
  return %y : tensor<?x4xf32>
}

// What may fail is due where the map has a point: over no rows nothing is read for them.
// CHECK-LABEL: func.func @fails_only_for_points
// CHECK-SAME: %[[X:.*]]: tensor<?xf32>, %[[I:.*]]: tensor<?xi32>, %[[T:[a-z0-9]*]]: index
func.func @fails_only_for_points(%x: tensor<?xf32>, %i: tensor<?xi32>, %T: index, %N: index) -> tensor<?xf32> {
  // CHECK: %[[SOME:.*]] = arith.cmpi sgt, %[[T]], %{{.*}} : index
  // CHECK: seq.read %[[X]][%{{.*}}] if %[[SOME]] check "x[i[n]]"
  %y = seq.map (%t) in (%T) -> (tensor<?xf32>) {
    %z = seq.reduce [sum] (%n) in (%N) -> (f32) {
      %k = seq.read %i[%n] : tensor<?xi32>
      %at = arith.index_cast %k : i32 to index
      %v = seq.read %x[%at] check "x[i[n]]" : tensor<?xf32>
      seq.yield %v : f32
    }
    seq.yield %z : f32
  }
  return %y : tensor<?xf32>
}

// So with a choice of nothing.
// CHECK-LABEL: func.func @chooses_only_for_points
func.func @chooses_only_for_points(%x: tensor<?xf32>, %T: index, %N: index) -> tensor<?xi32> {
  // CHECK: %[[SOME:.*]] = arith.cmpi sgt
  // CHECK: seq.reduce [argmax] (%{{.*}}) in (%{{.*}}) if %[[SOME]] -> (i32)
  %y = seq.map (%t) in (%T) -> (tensor<?xi32>) {
    %z = seq.reduce [argmax] (%n) in (%N) -> (i32) attributes {what = "argmax"} {
      %v = seq.read %x[%n] : tensor<?xf32>
      seq.yield %v : f32
    }
    seq.yield %z : i32
  }
  return %y : tensor<?xi32>
}

// And with a read that is inside only because there is a point: x[t, 0] of no columns is outside.
// CHECK-LABEL: func.func @reads_only_for_points
// CHECK-SAME: %[[X:.*]]: tensor<?x?xf32>, %[[T:[a-z0-9]*]]: index, %[[S:[a-z0-9]*]]: index
func.func @reads_only_for_points(%x: tensor<?x?xf32>, %T: index, %S: index) -> tensor<?x?xf32> {
  %c0 = arith.constant 0 : index
  // CHECK: %[[SOME:.*]] = arith.cmpi sgt, %[[S]], %{{.*}} : index
  // CHECK: seq.read %[[X]][%{{.*}}, %{{.*}}] if %[[SOME]]
  %y = seq.map (%t, %s) in (%T, %S) -> (tensor<?x?xf32>) {
    %v = seq.read %x[%t, %c0] : tensor<?x?xf32>
    %e = seq.unary exp %v : f32
    %w = seq.read %x[%t, %s] : tensor<?x?xf32>
    %p = arith.mulf %e, %w : f32
    seq.yield %p : f32
  }
  return %y : tensor<?x?xf32>
}
