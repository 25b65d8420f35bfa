// RUN: %seq-opt -seq-stream %s | FileCheck %s

// The only step of a scan stands in its place: what it reads of its state is what the state was, and
// what it yields is a row.
// CHECK-LABEL: func.func @sums_step
// CHECK-SAME: %[[X:.*]]: tensor<1xf32> {{.*}}, %[[PAST:.*]]: tensor<?xf32> {{.*}}, %[[H:.*]]: tensor<f32>
// CHECK: seq.read %[[PAST]][
// CHECK: %[[S:.*]] = seq.map (%{{.*}}) in (%{{.*}}) -> (tensor<?xf32>) {
// CHECK-NEXT: arith.addi
// CHECK-NEXT: seq.reduce [sum]
// CHECK: %[[H0:.*]] = seq.map () in () -> (tensor<f32>) {
// CHECK-NEXT: arith.constant 0.0
// CHECK: %[[BEFORE:.*]] = seq.map () in () -> (tensor<f32>) {
// CHECK: seq.read %[[H0]][]
// CHECK: seq.read %[[H]][]
// CHECK: %[[FIRST:.*]] = arith.constant 0 : index
// CHECK-NEXT: %[[AFTER:.*]] = seq.map () in () -> (tensor<f32>) {
// CHECK: seq.read %[[BEFORE]][]
// CHECK: seq.read %[[S]][%[[FIRST]]]
// CHECK-NOT: seq.scan
// CHECK: %[[ROW:.*]] = seq.map (%{{.*}}) in (%{{.*}}) -> (tensor<?xf32>) {
// CHECK-NEXT: %[[V:.*]] = seq.read %[[BEFORE]][]
// CHECK-NEXT: seq.yield %[[V]]
// CHECK: return %[[ROW]], %{{.*}}, %[[AFTER]]
#T = affine_map<()[s0] -> (s0)>
func.func @sums(%x: tensor<?xf32> {seq.name = "x", seq.shape = #T}) -> (tensor<?xf32> {seq.name = "y", seq.shape = #T}) attributes {seq.sizes = ["T"]} {
  %T = seq.size "T"
  %s = seq.map (%t) in (%T) -> (tensor<?xf32>) {
    %sum = seq.reduce [sum] (%j) in (%T) -> (f32) {
      %past = arith.cmpi sle, %j, %t : index
      %a = seq.read %x[%t] : tensor<?xf32>
      %b = seq.read %x[%j] : tensor<?xf32>
      %c = arith.mulf %a, %b : f32
      seq.yield %c : f32 when %past
    }
    seq.yield %sum : f32
  }
  %h0 = seq.map () in () -> (tensor<f32>) {
    %z = arith.constant 0.0 : f32
    seq.yield %z : f32
  }
  %y, %hT = seq.scan (%t) in (%T) states (%h = %h0) -> (tensor<?xf32>, tensor<f32>) attributes {stateNames = ["h"]} {
    %n = seq.map () in () -> (tensor<f32>) {
      %a = seq.read %h[] : tensor<f32>
      %b = seq.read %s[%t] : tensor<?xf32>
      %c = arith.addf %a, %b : f32
      seq.yield %c : f32
    }
    seq.next (%n) yield (%h) : (tensor<f32>) yield (tensor<f32>)
  }
  return %y : tensor<?xf32>
}
