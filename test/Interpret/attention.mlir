// RUN: %seq-opt --seq-interpret %s | FileCheck %s

// Scores log 1 and log 3 of two keys, values 4 and 8: (4 + 3 · 8) / 4; and half of each column.
// CHECK-LABEL: @weights
// CHECK-NEXT{LITERAL}: f64[2,2] [[7, 0.25], [6, 0.5]]
func.func @weights() -> tensor<2x2xf64> {
  %s = arith.constant dense<[[0.0, 1.0986122886681098], [1000.0, 1000.0]]> : tensor<2x2xf64>
  %v = arith.constant dense<[[4.0, 1.0], [8.0, 0.0]]> : tensor<2x2xf64>
  %c2 = arith.constant 2 : index
  %o = seq.attention (%i, %d, %j) in (%c2, %c2, %c2) -> (tensor<2x2xf64>) {
    %a = seq.read %s[%i, %j] : tensor<2x2xf64>
    %x = seq.read %v[%j, %d] : tensor<2x2xf64>
    seq.yield %a, %x : f64, f64
  }
  return %o : tensor<2x2xf64>
}

// Row i sees the keys below i: row 0 none, and nothing of key 2, which is NaN.
// CHECK-LABEL: @absent_keys
// CHECK-NEXT{LITERAL}: f32[3] [0, 5, 6]
func.func @absent_keys() -> tensor<3xf32> {
  %s = arith.constant dense<[2.0, 2.0, 0x7FC00000]> : tensor<3xf32>
  %v = arith.constant dense<[5.0, 7.0, 0x7FC00000]> : tensor<3xf32>
  %c3 = arith.constant 3 : index
  %o = seq.attention (%i, %j) in (%c3, %c3) -> (tensor<3xf32>) {
    %a = seq.read %s[%j] : tensor<3xf32>
    %x = seq.read %v[%j] : tensor<3xf32>
    %p = arith.cmpi slt, %j, %i : index
    seq.yield %a, %x : f32, f32 when %p
  }
  return %o : tensor<3xf32>
}

// Twenty equal keys, more than a block of lanes holds; two values for a score.
// CHECK-LABEL: @two_results
// CHECK-NEXT: f32[] 9.5
// CHECK-NEXT: f32[] 19
func.func @two_results() -> (tensor<f32>, tensor<f32>) {
  %n = arith.constant 20 : index
  %s = arith.constant -100.0 : f32
  %o:2 = seq.attention (%j) in (%n) -> (tensor<f32>, tensor<f32>) {
    %k = arith.index_cast %j : index to i64
    %x = arith.sitofp %k : i64 to f32
    %y = arith.addf %x, %x : f32
    seq.yield %s, %x, %y : f32, f32, f32
  }
  return %o#0, %o#1 : tensor<f32>, tensor<f32>
}

// −∞ has no weight beside a number; +∞ and NaN leave NaN; no keys leave 0.
// CHECK-LABEL: @infinities
// CHECK-NEXT{LITERAL}: f32[4] [3, nan, nan, nan]
// CHECK-NEXT{LITERAL}: f32[4] [0, 0, 0, 0]
func.func @infinities() -> (tensor<4xf32>, tensor<4xf32>) {
  %s = arith.constant dense<[[0xFF800000, 0.0], [0x7F800000, 0.0], [0x7FC00000, 0.0], [0xFF800000, 0xFF800000]]> : tensor<4x2xf32>
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %c4 = arith.constant 4 : index
  %x = arith.constant 3.0 : f32
  %o = seq.attention (%i, %j) in (%c4, %c2) -> (tensor<4xf32>) {
    %a = seq.read %s[%i, %j] : tensor<4x2xf32>
    seq.yield %a, %x : f32, f32
  }
  %e = seq.attention (%i, %j) in (%c4, %c0) -> (tensor<4xf32>) {
    seq.yield %x, %x : f32, f32
  }
  return %o, %e : tensor<4xf32>, tensor<4xf32>
}

// Scores 0 … i as weights of values 2 and 3, where present; a NaN that is absent.
// CHECK-LABEL: @linear
// CHECK-NEXT{LITERAL}: f32[3] [0, 3, 3]
func.func @linear() -> tensor<3xf32> {
  %v = arith.constant dense<[2.0, 3.0, 0x7FC00000]> : tensor<3xf32>
  %c3 = arith.constant 3 : index
  %c2 = arith.constant 2 : index
  %o = seq.attention (%i, %j) in (%c3, %c3) -> (tensor<3xf32>) attributes {linear} {
    %k = arith.index_cast %j : index to i64
    %s = arith.sitofp %k : i64 to f32
    %x = seq.read %v[%j] : tensor<3xf32>
    %a = arith.cmpi sle, %j, %i : index
    %b = arith.cmpi slt, %j, %c2 : index
    %p = arith.andi %a, %b : i1
    seq.yield %s, %x : f32, f32 when %p
  }
  return %o : tensor<3xf32>
}
