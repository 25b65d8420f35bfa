// RUN: %seq-opt --seq-interpret %s | FileCheck %s

// No machine has such an array, and none is asked for it.
// CHECK-LABEL: @absurd_size
// CHECK-NEXT: failed: failures.mlir:[[@LINE+4]]:8: `array`: size 4398046511104, wanted 1099511627776
func.func @absurd_size() -> tensor<?xf32> {
  %n = arith.constant 1099511627776 : index
  %v = arith.constant 1.0 : f32
  %y = seq.map (%i) in (%n) -> (tensor<?xf32>) {
    seq.yield %v : f32
  }
  return %y : tensor<?xf32>
}

// CHECK-LABEL: @product_overflows
// CHECK-NEXT: failed: {{.*}} size 9223372036854775807
func.func @product_overflows() -> tensor<?x?xf32> {
  %n = arith.constant 9223372036854775807 : index
  %v = arith.constant 1.0 : f32
  %y = seq.map (%i, %j) in (%n, %n) -> (tensor<?x?xf32>) {
    seq.yield %v : f32
  }
  return %y : tensor<?x?xf32>
}

// CHECK-LABEL: @extent_against_type
// CHECK-NEXT: failed: {{.*}} size 3, wanted 4
func.func @extent_against_type() -> tensor<4xf32> {
  %x = arith.constant dense<3> : tensor<index>
  %n = seq.read %x[] : tensor<index>
  %v = arith.constant 1.0 : f32
  %y = seq.map (%i) in (%n) -> (tensor<4xf32>) {
    seq.yield %v : f32
  }
  return %y : tensor<4xf32>
}

// An op of the step fails where it stands, at the first step that it fails.
// CHECK-LABEL: @in_a_scan
// CHECK-NEXT: failed: failures.mlir:[[@LINE+8]]:12: `x[t]`: index 2 of 2
func.func @in_a_scan() -> tensor<i32> {
  %x = arith.constant dense<[1, 2]> : tensor<2xi32>
  %h0 = arith.constant dense<0> : tensor<i32>
  %c4 = arith.constant 4 : index
  %y:2 = seq.scan (%t) in (%c4) states (%h = %h0) -> (tensor<4xi32>, tensor<i32>) {
    %n = seq.map () in () -> (tensor<i32>) {
      // One read a step.
      %v = seq.read %x[%t] check "x[t]" : tensor<2xi32>
      seq.yield %v : i32
    }
    seq.next (%n) yield (%n) : (tensor<i32>) yield (tensor<i32>)
  }
  return %y#1 : tensor<i32>
}

// The place is the first one in a file, whatever the location is made of.
// CHECK-LABEL: @fused_location
// CHECK-NEXT: failed: model.seq:4:7: `a / b`: division by zero
func.func @fused_location() -> i32 {
  %zero = arith.constant 0 : i32
  %q = seq.int_div div %zero, %zero {what = "a / b"} : i32 loc(fused[unknown, callsite("f"("model.seq":4:7) at "model.seq":9:1)])
  return %q : i32
}

// What the interpreter does not know is said.
// CHECK-LABEL: @unknown_op
// CHECK-NEXT: failed: failures.mlir:[[@LINE+3]]:8: the interpreter does not know `arith.shli`
func.func @unknown_op() -> i32 {
  %one = arith.constant 1 : i32
  %y = arith.shli %one, %one : i32
  return %y : i32
}
