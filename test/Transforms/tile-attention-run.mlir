// The same numbers with tiles and without: what the pass makes is interpreted too.
// RUN: %seq-opt --seq-interpret %s | FileCheck %s
// RUN: %seq-opt -seq-tile-attention %s | %seq-opt --seq-interpret - | FileCheck %s
// RUN: %seq-opt -seq-tile-attention -seq-decompose -seq-split-invariant -seq-hoist -seq-fuse -seq-transpose %s | %seq-opt --seq-interpret - | FileCheck %s
// RUN: %seq-opt -seq-tile-attention %s | FileCheck %s --check-prefix=TILED
// TILED-NOT: seq.attention

// Equal scores over 140 keys, row i of 75 sees i − 69 … i: means of j and of 2 j.
// CHECK-LABEL: @window
// CHECK-NEXT: f32[75] [0, 0.5, 1, 1.5, 2, {{.*}}, 34, 34.5, 35.5, 36.5, 37.5, 38.5, 39.5]
// CHECK-NEXT: f32[75] [0, 1, 2, 3, 4, {{.*}}, 68, 69, 71, 73, 75, 77, 79]
func.func @window() -> (tensor<75xf32>, tensor<75xf32>) {
  %n = arith.constant 75 : index
  %keys = arith.constant 140 : index
  %w = arith.constant 70 : index
  %s = arith.constant -100.0 : f32
  %o:2 = seq.attention (%i, %j) in (%n, %keys) -> (tensor<75xf32>, tensor<75xf32>) {
    %k = arith.index_cast %j : index to i64
    %x = arith.sitofp %k : i64 to f32
    %y = arith.addf %x, %x : f32
    %c = arith.cmpi sle, %j, %i : index
    %d = arith.subi %i, %j : index
    %e = arith.cmpi slt, %d, %w : index
    %p = arith.andi %c, %e : i1
    seq.yield %s, %x, %y : f32, f32, f32 when %p
  }
  return %o#0, %o#1 : tensor<75xf32>, tensor<75xf32>
}

// Blocks of 32 by quotients, and rows that see nothing: those from 60 on begin behind the keys.
// CHECK-LABEL: @blocks
// CHECK-NEXT: f64[70] [15.5, {{.*}}, 15.5, 47.5, {{.*}}, 47.5, 64, 64, 64, 64, 64, 64]
// CHECK-NEXT: f64[3] [0, 0, 0]
func.func @blocks() -> (tensor<70xf64>, tensor<3xf64>) {
  %n = arith.constant 70 : index
  %keys = arith.constant 65 : index
  %c3 = arith.constant 3 : index
  %c32 = arith.constant 32 : index
  %c100 = arith.constant 100 : index
  %s = arith.constant 7.0 : f64
  %o = seq.attention (%i, %j) in (%n, %keys) -> (tensor<70xf64>) {
    %k = arith.index_cast %j : index to i64
    %x = arith.sitofp %k : i64 to f64
    %a = seq.int_div div %i, %c32 : index
    %b = seq.int_div div %j, %c32 : index
    %p = arith.cmpi eq, %a, %b : index
    seq.yield %s, %x : f64, f64 when %p
  }
  %z = seq.attention (%i, %j) in (%c3, %keys) -> (tensor<3xf64>) {
    %a = arith.addi %i, %c100 : index
    %p = arith.cmpi sge, %j, %a : index
    seq.yield %s, %s : f64, f64 when %p
  }
  return %o, %z : tensor<70xf64>, tensor<3xf64>
}

// Scores 1000 − j, apart by more than exp holds; −∞ everywhere but at key 99; −∞ everywhere.
// CHECK-LABEL: @extremes
// CHECK-NEXT: f32[4] [0.5819767, 99, nan, nan]
func.func @extremes() -> tensor<4xf32> {
  %n = arith.constant 4 : index
  %keys = arith.constant 100 : index
  %last = arith.constant 99 : index
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %low = arith.constant 0xFF800000 : f32
  %high = arith.constant 0x7F800000 : f32
  %top = arith.constant 1000.0 : f32
  %o = seq.attention (%i, %j) in (%n, %keys) -> (tensor<4xf32>) {
    %k = arith.index_cast %j : index to i64
    %x = arith.sitofp %k : i64 to f32
    %s0 = arith.subf %top, %x : f32
    %l = arith.cmpi eq, %j, %last : index
    %s1 = arith.select %l, %top, %low : f32
    %s3 = arith.select %l, %high, %low : f32
    %i0 = arith.cmpi eq, %i, %c0 : index
    %i1 = arith.cmpi eq, %i, %c1 : index
    %i2 = arith.cmpi eq, %i, %c2 : index
    %a = arith.select %i2, %low, %s3 : f32
    %b = arith.select %i1, %s1, %a : f32
    %s = arith.select %i0, %s0, %b : f32
    seq.yield %s, %x : f32, f32
  }
  return %o : tensor<4xf32>
}

// Weights 1 … of 140 keys over a window, without softmax: sums of j + 1.
// CHECK-LABEL: @linear
// CHECK-NEXT: f32[75] [1, 3, 6, 10, {{.*}}, 2485, 2555, 2625, 2695, 2765, 2835]
func.func @linear() -> tensor<75xf32> {
  %n = arith.constant 75 : index
  %keys = arith.constant 140 : index
  %w = arith.constant 70 : index
  %one = arith.constant 1.0 : f32
  %o = seq.attention (%i, %j) in (%n, %keys) -> (tensor<75xf32>) attributes {linear} {
    %k = arith.index_cast %j : index to i64
    %x = arith.sitofp %k : i64 to f32
    %s = arith.addf %x, %one : f32
    %c = arith.cmpi sle, %j, %i : index
    %d = arith.subi %i, %j : index
    %e = arith.cmpi slt, %d, %w : index
    %p = arith.andi %c, %e : i1
    seq.yield %s, %one : f32, f32 when %p
  }
  return %o : tensor<75xf32>
}

// What normalises the weights: log n of n equal scores, -inf of none; 1000 and what is far below it;
// infinite ones, also at a row of its own.
// CHECK-LABEL: @normaliser
// CHECK-NEXT: f32[70] [0, 0.69314{{.*}}, 1.09861{{.*}}, {{.*}}, 4.24849{{.*}}]
// CHECK-NEXT: f32[3] [-inf, -inf, -inf]
// CHECK-NEXT: f32[4] [1000.458{{.*}}, 1000, -inf, inf]
func.func @normaliser() -> (tensor<70xf32>, tensor<3xf32>, tensor<4xf32>) {
  %n = arith.constant 70 : index
  %c4 = arith.constant 4 : index
  %keys = arith.constant 100 : index
  %last = arith.constant 99 : index
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c3 = arith.constant 3 : index
  %low = arith.constant 0xFF800000 : f32
  %high = arith.constant 0x7F800000 : f32
  %top = arith.constant 1000.0 : f32
  %zero = arith.constant 0.0 : f32
  %o = seq.attention (%i, %j) in (%n, %keys) -> (tensor<70xf32>) attributes {normaliser} {
    %p = arith.cmpi sle, %j, %i : index
    seq.yield %zero : f32 when %p
  }
  %none = seq.attention (%i, %j) in (%c3, %keys) -> (tensor<3xf32>) attributes {normaliser} {
    %a = arith.addi %i, %keys : index
    %p = arith.cmpi sge, %j, %a : index
    seq.yield %zero : f32 when %p
  }
  %e = seq.attention (%i, %j) in (%c4, %keys) -> (tensor<4xf32>) attributes {normaliser} {
    %k = arith.index_cast %j : index to i64
    %x = arith.sitofp %k : i64 to f32
    %s0 = arith.subf %top, %x : f32
    %l = arith.cmpi eq, %j, %last : index
    %s1 = arith.select %l, %top, %low : f32
    %s3 = arith.select %l, %high, %zero : f32
    %i0 = arith.cmpi eq, %i, %c0 : index
    %i1 = arith.cmpi eq, %i, %c1 : index
    %i2 = arith.cmpi eq, %i, %c2 : index
    %a = arith.select %i2, %low, %s3 : f32
    %b = arith.select %i1, %s1, %a : f32
    %s = arith.select %i0, %s0, %b : f32
    seq.yield %s : f32
  }
  return %o, %none, %e : tensor<70xf32>, tensor<3xf32>, tensor<4xf32>
}
