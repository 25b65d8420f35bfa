// RUN: %seq-opt %s | %seq-opt | FileCheck %s

// CHECK-LABEL: func.func @causal
func.func @causal(%w: tensor<3xf32>, %x: tensor<?xf32>, %T: index) -> tensor<?xf32> {
  %c0 = arith.constant 0 : index
  %c3 = arith.constant 3 : index
  // CHECK: seq.conv 1 (%[[T:.*]], %[[K:.*]]) in (%{{.*}}, %{{.*}}) -> (tensor<?xf32>) {
  %y = seq.conv 1 (%t, %k) in (%T, %c3) -> (tensor<?xf32>) {
    %a = seq.read %w[%k] : tensor<3xf32>
    // CHECK: %[[E:.*]] = arith.subi %[[T]], %[[K]]
    %e = arith.subi %t, %k : index
    %p = arith.cmpi sge, %e, %c0 : index
    // CHECK: %[[X:.*]] = seq.read %{{.*}}[%[[E]]]
    %b = seq.read %x[%e] if %p : tensor<?xf32>
    // CHECK: seq.yield %{{.*}}, %[[X]] : f32, f32 when
    seq.yield %a, %b : f32, f32 when %p
  }
  return %y : tensor<?xf32>
}

// Strided and dilated over two axes, with a kernel of each step.
// CHECK-LABEL: func.func @dynamic
// CHECK: seq.conv 2 (%{{.*}}, %{{.*}}, %{{.*}}) in
func.func @dynamic(%w: tensor<?x?xf64>, %x: tensor<?x?xf64>, %T: index, %K: index, %C: index) -> tensor<?xf64> {
  %c2 = arith.constant 2 : index
  %y = seq.conv 2 (%t, %k, %c) in (%T, %K, %C) -> (tensor<?xf64>) {
    %a = seq.read %w[%t, %k] : tensor<?x?xf64>
    %s = arith.muli %t, %c2 : index
    %d = arith.muli %c2, %k : index
    %e = arith.addi %s, %d : index
    %b = seq.read %x[%e, %c] : tensor<?x?xf64>
    seq.yield %a, %b : f64, f64
  }
  return %y : tensor<?xf64>
}
