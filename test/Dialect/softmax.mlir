// RUN: %seq-opt %s | %seq-opt | FileCheck %s

// CHECK-LABEL: func.func @causal
func.func @causal(%x: tensor<?xf32>, %T: index) -> tensor<?x?xf32> {
  // CHECK: seq.softmax 1 (%[[I:.*]], %[[J:.*]]) in (%[[T:.*]], %[[T]]) -> (tensor<?x?xf32>) {
  %p = seq.softmax 1 (%i, %j) in (%T, %T) -> (tensor<?x?xf32>) {
    %s = seq.read %x[%j] : tensor<?xf32>
    // CHECK: %[[C:.*]] = arith.cmpi sle, %[[J]], %[[I]]
    %c = arith.cmpi sle, %j, %i : index
    // CHECK: seq.yield %{{.*}} : f32 when %[[C]]
    seq.yield %s : f32 when %c
  }
  return %p : tensor<?x?xf32>
}

// CHECK-LABEL: func.func @two_reduced
// CHECK: seq.softmax 2 (%{{.*}}, %{{.*}}, %{{.*}}) in
func.func @two_reduced(%s: f64, %T: index) -> tensor<?x?x?xf64> {
  %p = seq.softmax 2 (%i, %j, %k) in (%T, %T, %T) -> (tensor<?x?x?xf64>) {
    seq.yield %s : f64
  }
  return %p : tensor<?x?x?xf64>
}
