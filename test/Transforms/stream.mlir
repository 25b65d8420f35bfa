// RUN: %seq-opt -seq-stream %s | FileCheck %s

// CHECK: #[[$SIDES:.*]] = affine_map<()[s0, s1] -> (s0 + s1, 16)>

// A scan: its state comes in, but at the first step, and goes out.
// CHECK-LABEL: func.func @ema_stream
// CHECK-SAME: %[[X:.*]]: tensor<?xf32> {seq.name = "x", seq.shape = #{{.*}}}, %[[H:.*]]: tensor<f32> {seq.name = "h", seq.shape = #{{.*}}, seq.state})
// CHECK-SAME: attributes {seq.position = "T.start", seq.sizes = ["T", "T.start"]}
// CHECK: %[[T:.*]] = seq.size "T"
// CHECK: %[[START:.*]] = seq.size "T.start"
// CHECK: seq.map () in ()
// CHECK: %[[INIT:.*]] = seq.map () in () -> (tensor<f32>) {
// CHECK-NEXT: arith.constant 0 : index
// CHECK: arith.cmpi eq, %[[START]]
// CHECK: arith.select
// CHECK: %[[Y:.*]]:2 = seq.scan (%[[I:.*]]) in (%[[T]]) states (%{{.*}} = %[[INIT]])
// CHECK: seq.read %[[X]][%[[I]]]
// CHECK: return %[[Y]]#0, %[[Y]]#1
#T = affine_map<()[s0] -> (s0)>
#none = affine_map<()[s0] -> ()>
func.func @ema(%x: tensor<?xf32> {seq.name = "x", seq.shape = #T}) -> (tensor<?xf32> {seq.name = "y", seq.shape = #T}) attributes {seq.sizes = ["T"]} {
  %T = seq.size "T"
  %h0 = seq.map () in () -> (tensor<f32>) {
    %z = arith.constant 0.0 : f32
    seq.yield %z : f32
  }
  %y, %hT = seq.scan (%t) in (%T) states (%h = %h0) -> (tensor<?xf32>, tensor<f32>) attributes {stateNames = ["h"]} {
    %n = seq.map () in () -> (tensor<f32>) {
      %a = seq.read %h[] : tensor<f32>
      %b = seq.read %x[%t] : tensor<?xf32>
      %c = arith.addf %a, %b : f32
      seq.yield %c : f32
    }
    seq.next (%n) yield (%n) : (tensor<f32>) yield (tensor<f32>)
  }
  return %y : tensor<?xf32>
}

// Two rows back: they are kept, and the place drops out of the index.
// CHECK-LABEL: func.func @back_stream
// CHECK-SAME: %[[X:.*]]: tensor<?xf32> {{.*}}, %[[K:.*]]: tensor<2xf32> {{{.*}}seq.state})
// CHECK: %[[JOINED:.*]] = seq.map
// CHECK: %[[LAST:.*]] = seq.map {{.*}} -> (tensor<2xf32>)
// CHECK: seq.map (%[[I:.*]]) in
// CHECK: seq.read %[[JOINED]][%[[I]]] if
// CHECK: return %{{.*}}, %[[LAST]]
func.func @back(%x: tensor<?xf32> {seq.name = "x", seq.shape = #T}) -> (tensor<?xf32> {seq.name = "y", seq.shape = #T}) attributes {seq.sizes = ["T"]} {
  %T = seq.size "T"
  %y = seq.map (%t) in (%T) -> (tensor<?xf32>) {
    %c2 = arith.constant 2 : index
    %p = arith.cmpi sge, %t, %c2 : index
    %i = arith.subi %t, %c2 : index
    %v = seq.read %x[%i] if %p : tensor<?xf32>
    seq.yield %v : f32
  }
  return %y : tensor<?xf32>
}

// A sum without a window: every row is kept, and it runs over all steps so far.
// CHECK-LABEL: func.func @sums_stream
// CHECK-SAME: %[[X:.*]]: tensor<?xf32> {{.*}}, %[[K:.*]]: tensor<?xf32> {{{.*}}seq.state})
// CHECK: %[[ALL:.*]] = arith.addi
// CHECK: %[[JOINED:.*]] = seq.map
// CHECK: seq.reduce [sum] (%[[J:.*]]) in (%[[ALL]])
// CHECK: seq.read %[[JOINED]][%[[J]]]
// CHECK: return %{{.*}}, %[[JOINED]]
// For pieces of one step there is a function more.
// CHECK-LABEL: func.func @sums_step
// CHECK-SAME: %{{.*}}: tensor<1xf32> {{.*}}, %{{.*}}: tensor<?xf32> {{{.*}}seq.state}
// CHECK-SAME: seq.step
// CHECK-NOT: seq.size "T"
// CHECK: %[[ONE:.*]] = arith.constant 1 : index
// CHECK: seq.map (%{{.*}}) in (%[[ONE]])
func.func @sums(%x: tensor<?xf32> {seq.name = "x", seq.shape = #T}) -> (tensor<?xf32> {seq.name = "y", seq.shape = #T}) attributes {seq.sizes = ["T"]} {
  %T = seq.size "T"
  %y = seq.map (%t) in (%T) -> (tensor<?xf32>) {
    %s = seq.reduce [sum] (%j) in (%T) -> (f32) {
      %v = seq.read %x[%j] : tensor<?xf32>
      %p = arith.cmpi sle, %j, %t : index
      seq.yield %v : f32 when %p
    }
    seq.yield %s : f32
  }
  return %y : tensor<?xf32>
}

// What is required of the sequence's length is required of the steps so far.
#tT = affine_map<()[s0] -> (s0)>
#sides = affine_map<()[s0] -> (s0, 16)>
// CHECK-LABEL: func.func @table_stream
// CHECK-SAME: seq.requires = [{place = {{.*}}, sizes = #[[$SIDES]], text = "T <= 16", what = "x[t]"}]
func.func @table(%x: tensor<?xf32> {seq.name = "x", seq.shape = #tT}) -> (tensor<?xf32> {seq.name = "y", seq.shape = #tT}) attributes {seq.sizes = ["T"], seq.requires = [{place = loc("a.seq":1:2), sizes = #sides, text = "T <= 16", what = "x[t]"}]} {
  %T = seq.size "T"
  %y = seq.map (%t) in (%T) -> (tensor<?xf32>) {
    %v = seq.read %x[%t] : tensor<?xf32>
    seq.yield %v : f32
  }
  return %y : tensor<?xf32>
}
