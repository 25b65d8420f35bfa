// RUN: %seq-opt %s | %seq-opt | FileCheck %s

// CHECK-LABEL: func.func @reads
// CHECK-SAME: (%[[X:.*]]: tensor<?x4xf32>, %[[I:.*]]: index, %[[G:.*]]: i1)
func.func @reads(%x: tensor<?x4xf32>, %i: index, %g: i1) -> f32 {
  // CHECK: seq.read %[[X]][%[[I]], %[[I]]] : tensor<?x4xf32>
  %a = seq.read %x[%i, %i] : tensor<?x4xf32>
  // CHECK: seq.read %[[X]][%[[I]], %[[I]]] if %[[G]] : tensor<?x4xf32>
  %b = seq.read %x[%i, %i] if %g : tensor<?x4xf32>
  // CHECK: seq.read %[[X]][%[[I]], %[[I]]] check "x[i, i]" : tensor<?x4xf32>
  %c = seq.read %x[%i, %i] check "x[i, i]" : tensor<?x4xf32>
  // CHECK: seq.read %[[X]][%[[I]], %[[I]]] if %[[G]] check "x[i, i]" : tensor<?x4xf32>
  %d = seq.read %x[%i, %i] if %g check "x[i, i]" : tensor<?x4xf32>
  return %d : f32
}

// CHECK-LABEL: func.func @no_axes
func.func @no_axes(%x: tensor<i32>) -> i32 {
  // CHECK: seq.read %{{.*}}[] : tensor<i32>
  %a = seq.read %x[] : tensor<i32>
  return %a : i32
}
