// RUN: %seq-opt --seq-interpret %s | FileCheck %s

// y[t] = 1 x[t] + 10 x[t − 1] + 100 x[t − 2], nothing before the start.
// CHECK-LABEL: @causal
// CHECK-NEXT{LITERAL}: f32[4] [1, 12, 123, 234]
func.func @causal() -> tensor<4xf32> {
  %w = arith.constant dense<[1.0, 10.0, 100.0]> : tensor<3xf32>
  %x = arith.constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>
  %c0 = arith.constant 0 : index
  %c3 = arith.constant 3 : index
  %c4 = arith.constant 4 : index
  %y = seq.conv 1 (%t, %k) in (%c4, %c3) -> (tensor<4xf32>) {
    %a = seq.read %w[%k] : tensor<3xf32>
    %e = arith.subi %t, %k : index
    %p = arith.cmpi sge, %e, %c0 : index
    %b = seq.read %x[%e] if %p : tensor<4xf32>
    seq.yield %a, %b : f32, f32 when %p
  }
  return %y : tensor<4xf32>
}

// Stride 2, two channels: y[t] = Σ_k Σ_c w[c] x[2 t + k, c].
// CHECK-LABEL: @strided
// CHECK-NEXT{LITERAL}: f64[2] [33, 77]
func.func @strided() -> tensor<2xf64> {
  %w = arith.constant dense<[1.0, 10.0]> : tensor<2xf64>
  %x = arith.constant dense<[[1.0, 1.0], [2.0, 2.0], [3.0, 3.0], [4.0, 4.0]]> : tensor<4x2xf64>
  %c2 = arith.constant 2 : index
  %y = seq.conv 2 (%t, %k, %c) in (%c2, %c2, %c2) -> (tensor<2xf64>) {
    %a = seq.read %w[%c] : tensor<2xf64>
    %s = arith.muli %t, %c2 : index
    %e = arith.addi %s, %k : index
    %b = seq.read %x[%e, %c] : tensor<4x2xf64>
    seq.yield %a, %b : f64, f64
  }
  return %y : tensor<2xf64>
}
