// RUN: %seq-opt -seq-classify %s | FileCheck %s

// The next value is the state times an input, plus an input.
// CHECK-LABEL: func.func @diagonal
// CHECK: seq.classes = [{class = "C2", component = 0 : i64, title = "diagonal"}]
func.func @diagonal(%a: tensor<?xf32>, %h0: tensor<f32>) -> tensor<f32>
    attributes {seq.sizes = ["T"]} {
  %T = seq.size "T"
  %h = seq.scan (%t) in (%T) states (%s = %h0) -> (tensor<f32>) attributes {stateNames = ["h"]} {
    %n = seq.map () in () -> (tensor<f32>) {
      %x = seq.read %a[%t] : tensor<?xf32>
      %y = seq.read %s[] : tensor<f32>
      %z = arith.mulf %x, %y : f32
      seq.yield %z : f32
    }
    seq.next (%n) : (tensor<f32>)
  }
  return %h : tensor<f32>
}

// `tanh` of the state; were it free of the state, no recurrence would be left.
// CHECK-LABEL: func.func @nonlinear
// CHECK: class = "C7"
// CHECK-NOT: hint
// CHECK-SAME: reads = "h", reason = "`tanh` of it"
func.func @nonlinear(%a: tensor<?xf32>, %h0: tensor<f32>) -> tensor<f32>
    attributes {seq.sizes = ["T"]} {
  %T = seq.size "T"
  %h = seq.scan (%t) in (%T) states (%s = %h0) -> (tensor<f32>) attributes {stateNames = ["h"]} {
    %n = seq.map () in () -> (tensor<f32>) {
      %y = seq.read %s[] : tensor<f32>
      %z = seq.unary tanh %y : f32
      seq.yield %z : f32
    }
    seq.next (%n) : (tensor<f32>)
  }
  return %h : tensor<f32>
}
