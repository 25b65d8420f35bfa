// RUN: %seq-opt --seq-interpret %s | FileCheck %s

// Σ_i max_j (10 i + j) over j < 3: 2 + 12, times t + 1.
// CHECK-LABEL: @reduction_in_a_reduction
// CHECK-NEXT: int[3] [14, 28, 42]
func.func @reduction_in_a_reduction() -> tensor<3xindex> {
  %c2 = arith.constant 2 : index
  %c3 = arith.constant 3 : index
  %c10 = arith.constant 10 : index
  %c1 = arith.constant 1 : index
  %r = seq.map (%t) in (%c3) -> (tensor<3xindex>) {
    %s = seq.reduce [sum] (%i) in (%c2) -> (index) {
      %m = seq.reduce [max] (%j) in (%c3) -> (index) {
        %a = arith.muli %i, %c10 : index
        %b = arith.addi %a, %j : index
        %u = arith.addi %t, %c1 : index
        %c = arith.muli %b, %u : index
        seq.yield %c : index
      }
      seq.yield %m : index
    }
    seq.yield %s : index
  }
  return %r : tensor<3xindex>
}

// y[c] = Σ_k w[c, k] x[k] and z[c] = Σ_k w[k, c] x[k], with w[i, j] = i - j, x[k] = k and
// 40 of each: the two ways in which a reduction runs. y = 780 c - 20540, z = -y.
// CHECK-LABEL: @along_and_across
// CHECK-NEXT: f32[40] [-20540, -19760, {{.*}}, 9100, 9880]
// CHECK-NEXT: f32[40] [20540, 19760, {{.*}}, -9100, -9880]
func.func @along_and_across() -> (tensor<40xf32>, tensor<40xf32>) {
  %n = arith.constant 40 : index
  %w = seq.map (%i, %j) in (%n, %n) -> (tensor<40x40xf32>) {
    %d = arith.subi %i, %j : index
    %k = arith.index_cast %d : index to i32
    %v = arith.sitofp %k : i32 to f32
    seq.yield %v : f32
  }
  %x = seq.map (%i) in (%n) -> (tensor<40xf32>) {
    %k = arith.index_cast %i : index to i32
    %v = arith.sitofp %k : i32 to f32
    seq.yield %v : f32
  }
  %y = seq.map (%c) in (%n) -> (tensor<40xf32>) {
    %s = seq.reduce [sum] (%k) in (%n) -> (f32) {
      %a = seq.read %w[%c, %k] : tensor<40x40xf32>
      %b = seq.read %x[%k] : tensor<40xf32>
      %p = arith.mulf %a, %b : f32
      seq.yield %p : f32
    }
    seq.yield %s : f32
  }
  %z = seq.map (%c) in (%n) -> (tensor<40xf32>) {
    %s = seq.reduce [sum] (%k) in (%n) -> (f32) {
      %a = seq.read %w[%k, %c] : tensor<40x40xf32>
      %b = seq.read %x[%k] : tensor<40xf32>
      %p = arith.mulf %a, %b : f32
      seq.yield %p : f32
    }
    seq.yield %s : f32
  }
  return %y, %z : tensor<40xf32>, tensor<40xf32>
}

// Longer than a block of lanes, presence by a value: Σ of the even numbers below 1000.
// CHECK-LABEL: @several_blocks
// CHECK-NEXT: i32[] 249500
// CHECK-NEXT: i32[] 998
func.func @several_blocks() -> (tensor<i32>, tensor<i32>) {
  %n = arith.constant 1000 : index
  %two = arith.constant 2 : i32
  %zero = arith.constant 0 : i32
  %r:2 = seq.map () in () -> (tensor<i32>, tensor<i32>) {
    %s:2 = seq.reduce [sum, argmax] (%k) in (%n) -> (i32, i32) {
      %v = arith.index_cast %k : index to i32
      %m = seq.int_div mod %v, %two : i32
      %p = arith.cmpi eq, %m, %zero : i32
      seq.yield %v, %v : i32, i32 when %p
    }
    seq.yield %s#0, %s#1 : i32, i32
  }
  return %r#0, %r#1 : tensor<i32>, tensor<i32>
}

// What does not depend on the point is the same at all of them: x[i] / Σ x.
// CHECK-LABEL: @shared_by_all_points
// CHECK-NEXT: f32[4] [0.125, 0.125, 0.25, 0.5]
func.func @shared_by_all_points() -> tensor<4xf32> {
  %x = arith.constant dense<[1.0, 1.0, 2.0, 4.0]> : tensor<4xf32>
  %c4 = arith.constant 4 : index
  %r = seq.map (%i) in (%c4) -> (tensor<4xf32>) {
    %s = seq.reduce [sum] (%k) in (%c4) -> (f32) {
      %v = seq.read %x[%k] : tensor<4xf32>
      seq.yield %v : f32
    }
    %v = seq.read %x[%i] : tensor<4xf32>
    %q = arith.divf %v, %s : f32
    seq.yield %q : f32
  }
  return %r : tensor<4xf32>
}
