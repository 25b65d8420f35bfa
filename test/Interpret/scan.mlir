// RUN: %seq-opt --seq-interpret %s | FileCheck %s

// h = 2 h + t from 1.
// CHECK-LABEL: @forward
// CHECK-NEXT: int[4] [2, 5, 12, 27]
// CHECK-NEXT: int[] 27
func.func @forward() -> (tensor<4xindex>, tensor<index>) {
  %h0 = arith.constant dense<1> : tensor<index>
  %c4 = arith.constant 4 : index
  %y:2 = seq.scan (%t) in (%c4) states (%h = %h0) -> (tensor<4xindex>, tensor<index>) {
    %n = seq.map () in () -> (tensor<index>) {
      %v = seq.read %h[] : tensor<index>
      %d = arith.addi %v, %v : index
      %s = arith.addi %d, %t : index
      seq.yield %s : index
    }
    seq.next (%n) yield (%n) : (tensor<index>) yield (tensor<index>)
  }
  return %y#0, %y#1 : tensor<4xindex>, tensor<index>
}

// The same from the end: t = 3, 2, 1, 0.
// CHECK-LABEL: @backward
// CHECK-NEXT: int[4] [50, 25, 12, 5]
// CHECK-NEXT: int[] 50
func.func @backward() -> (tensor<4xindex>, tensor<index>) {
  %h0 = arith.constant dense<1> : tensor<index>
  %c4 = arith.constant 4 : index
  %y:2 = seq.scan reverse (%t) in (%c4) states (%h = %h0) -> (tensor<4xindex>, tensor<index>) {
    %n = seq.map () in () -> (tensor<index>) {
      %v = seq.read %h[] : tensor<index>
      %d = arith.addi %v, %v : index
      %s = arith.addi %d, %t : index
      seq.yield %s : index
    }
    seq.next (%n) yield (%n) : (tensor<index>) yield (tensor<index>)
  }
  return %y#0, %y#1 : tensor<4xindex>, tensor<index>
}

// The states change places at every step, and yield what they were before it.
// CHECK-LABEL: @states_change_at_once
// CHECK-NEXT: i32[3] [1, 2, 1]
// CHECK-NEXT: i32[] 2
// CHECK-NEXT: i32[] 1
func.func @states_change_at_once() -> (tensor<3xi32>, tensor<i32>, tensor<i32>) {
  %a0 = arith.constant dense<1> : tensor<i32>
  %b0 = arith.constant dense<2> : tensor<i32>
  %c3 = arith.constant 3 : index
  %y:3 = seq.scan (%t) in (%c3) states (%a = %a0, %b = %b0) -> (tensor<3xi32>, tensor<i32>, tensor<i32>) {
    seq.next (%b, %a) yield (%a) : (tensor<i32>, tensor<i32>) yield (tensor<i32>)
  }
  return %y#0, %y#1, %y#2 : tensor<3xi32>, tensor<i32>, tensor<i32>
}

// Over no steps the states are the initial ones; the yield's shape is that of its body.
// CHECK-LABEL: @no_steps
// CHECK-NEXT: f32[0,2] []
// CHECK-NEXT: f32[2] [5, 6]
func.func @no_steps() -> (tensor<?x?xf32>, tensor<2xf32>) {
  %h0 = arith.constant dense<[5.0, 6.0]> : tensor<2xf32>
  %one = arith.constant dense<1> : tensor<index>
  %n = seq.read %one[] : tensor<index>
  %c2 = arith.addi %n, %n : index
  %minus = arith.subi %n, %c2 : index
  %y:2 = seq.scan (%t) in (%minus) states (%h = %h0) -> (tensor<?x?xf32>, tensor<2xf32>) {
    %z = seq.map (%i) in (%c2) -> (tensor<?xf32>) {
      %v = seq.read %h[%i] check "h[i]" : tensor<2xf32>
      seq.yield %v : f32
    }
    seq.next (%h) yield (%z) : (tensor<2xf32>) yield (tensor<?xf32>)
  }
  return %y#0, %y#1 : tensor<?x?xf32>, tensor<2xf32>
}

// Step t runs t + 1 inner steps, each adds 1: 1, 1 + 2, 1 + 2 + 3.
// CHECK-LABEL: @nested
// CHECK-NEXT: int[3] [1, 3, 6]
func.func @nested() -> tensor<3xindex> {
  %h0 = arith.constant dense<0> : tensor<index>
  %c3 = arith.constant 3 : index
  %c1 = arith.constant 1 : index
  %y:2 = seq.scan (%t) in (%c3) states (%h = %h0) -> (tensor<3xindex>, tensor<index>) {
    %n = arith.addi %t, %c1 : index
    %z:2 = seq.scan (%u) in (%n) states (%g = %h) -> (tensor<?xindex>, tensor<index>) {
      %p = seq.map () in () -> (tensor<index>) {
        %v = seq.read %g[] : tensor<index>
        %s = arith.addi %v, %c1 : index
        seq.yield %s : index
      }
      seq.next (%p) yield (%p) : (tensor<index>) yield (tensor<index>)
    }
    seq.next (%z#1) yield (%z#1) : (tensor<index>) yield (tensor<index>)
  }
  return %y#0 : tensor<3xindex>
}

// The step reads a sequence and a matrix from around it: h = h + x[t, :].
// CHECK-LABEL: @captures
// CHECK-NEXT{LITERAL}: f32[2,2] [[1, 2], [4, 6]]
func.func @captures() -> tensor<2x2xf32> {
  %x = arith.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %h0 = arith.constant dense<0.0> : tensor<2xf32>
  %c2 = arith.constant 2 : index
  %y:2 = seq.scan (%t) in (%c2) states (%h = %h0) -> (tensor<2x2xf32>, tensor<2xf32>) {
    %n = seq.map (%i) in (%c2) -> (tensor<2xf32>) {
      %v = seq.read %h[%i] : tensor<2xf32>
      %u = seq.read %x[%t, %i] : tensor<2x2xf32>
      %s = arith.addf %u, %v : f32
      seq.yield %s : f32
    }
    seq.next (%n) yield (%n) : (tensor<2xf32>) yield (tensor<2xf32>)
  }
  return %y#0 : tensor<2x2xf32>
}
