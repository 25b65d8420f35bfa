// RUN: %seq-opt -seq-round-factors=to=f16 %s | FileCheck %s

// Both factors of a matrix product; what has the type already stays.
// CHECK-LABEL: func.func @product
func.func @product(%x: tensor<?x?xf32>, %w: tensor<?x?xf16>, %T: index, %D: index, %E: index) -> tensor<?x?xf32> {
  // CHECK: %[[A:.*]] = seq.read %{{.*}} : tensor<?x?xf32>
  // CHECK: %[[B:.*]] = arith.extf %{{.*}} : f16 to f32
  // CHECK: %[[R:.*]] = arith.truncf %[[A]] : f32 to f16
  // CHECK: %[[W:.*]] = arith.extf %[[R]] : f16 to f32
  // CHECK: arith.mulf %[[W]], %[[B]]
  %y = seq.map (%t, %e) in (%T, %E) -> (tensor<?x?xf32>) {
    %s = seq.reduce [sum] (%d) in (%D) -> (f32) {
      %a = seq.read %x[%t, %d] : tensor<?x?xf32>
      %v = seq.read %w[%d, %e] : tensor<?x?xf16>
      %b = arith.extf %v : f16 to f32
      %p = arith.mulf %a, %b : f32
      seq.yield %p : f32
    }
    seq.yield %s : f32
  }
  return %y : tensor<?x?xf32>
}

// A matrix by a vector is none, nor are a few columns.
// CHECK-LABEL: func.func @others
// CHECK-NOT: arith.truncf
// CHECK: return
func.func @others(%x: tensor<?x?xf32>, %w: tensor<?xf32>, %u: tensor<4x?xf32>, %T: index, %D: index) -> (tensor<?xf32>, tensor<?x4xf32>) {
  %four = arith.constant 4 : index
  %y = seq.map (%t) in (%T) -> (tensor<?xf32>) {
    %s = seq.reduce [sum] (%d) in (%D) -> (f32) {
      %a = seq.read %x[%t, %d] : tensor<?x?xf32>
      %b = seq.read %w[%d] : tensor<?xf32>
      %p = arith.mulf %a, %b : f32
      seq.yield %p : f32
    }
    seq.yield %s : f32
  }
  %z = seq.map (%t, %e) in (%T, %four) -> (tensor<?x4xf32>) {
    %s = seq.reduce [sum] (%d) in (%D) -> (f32) {
      %a = seq.read %x[%t, %d] : tensor<?x?xf32>
      %b = seq.read %u[%e, %d] : tensor<4x?xf32>
      %p = arith.mulf %a, %b : f32
      seq.yield %p : f32
    }
    seq.yield %s : f32
  }
  return %y, %z : tensor<?xf32>, tensor<?x4xf32>
}
