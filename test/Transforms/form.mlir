// RUN: %seq-opt -seq-classify -seq-form=form=chunked -split-input-file %s | FileCheck %s --check-prefix=CHUNKED
// RUN: %seq-opt -seq-classify -seq-form=form=scan -split-input-file %s | FileCheck %s --check-prefix=BLOCKS
// RUN: %seq-opt -seq-classify -seq-form=form=two-level:8 -split-input-file %s | FileCheck %s --check-prefix=LEVELS

// S'[a, b] = 0.5 S[a, b] + k[t, a] v[t, b], read by q[t]: the state is read and written once in
// 16 steps, by products over the chunk and over the key.
// CHUNKED-LABEL: func.func @outer_products
// CHUNKED: %[[N:.*]] = seq.int_div div
// CHUNKED: seq.scan (%[[C:.*]]) in (%[[N]]) states (%[[S:.*]] = %{{.*}}) -> (tensor<?x16x3xf32>, tensor<4x3xf32>) attributes {
// CHUNKED-SAME: seq.form = "chunked", seq.part, seq.tile
// The cumulated decays, row by row.
// CHUNKED: seq.scan (%{{.*}}) in (%c16) states
// The state behind the chunk.
// CHUNKED: seq.read %[[S]]
// CHUNKED: seq.reduce [sum] (%{{.*}}) in (%c16)
// What is read: the state's part, then the chunk's own.
// CHUNKED: seq.reduce [sum] (%{{.*}}) in (%c4)
// CHUNKED: seq.read %[[S]]
// CHUNKED: seq.next

// In blocks: what each does to the state, from block to block, then the steps.
// BLOCKS-LABEL: func.func @outer_products
// BLOCKS: %[[P:.*]]:2 = seq.scan (%{{.*}}) in (%[[N:.*]]) states () -> (tensor<?xf32>, tensor<?x4x3xf32>)
// BLOCKS: seq.scan (%{{.*}}) in (%[[N]]) states (%{{.*}} = %{{.*}}) -> (tensor<?x4x3xf32>, tensor<4x3xf32>)
// BLOCKS: seq.read %[[P]]#1
// BLOCKS: seq.read %[[P]]#0
// BLOCKS: seq.scan (%{{.*}}) in (%[[N]]) states () -> (tensor<?x?x3xf32>)
// BLOCKS: seq.form = "scan"

// In blocks of whole chunks: a summary is made by chunks, with the cumulated decay and the state
// behind each, and so are the steps, whose time stays at the last one.
// LEVELS-LABEL: func.func @outer_products
// LEVELS: %[[P:.*]]:2 = seq.scan (%[[B:.*]]) in (%[[N:.*]]) states () -> (tensor<?xf32>, tensor<?x4x3xf32>)
// LEVELS: seq.scan (%{{.*}}) in (%{{.*}}) states (%{{.*}} = %{{.*}}, %{{.*}} = %{{.*}}) -> (tensor<f32>, tensor<4x3xf32>)
// LEVELS: seq.scan (%{{.*}}) in (%c8{{.*}}) states
// LEVELS: seq.scan (%{{.*}}) in (%[[N]]) states (%{{.*}} = %{{.*}}) -> (tensor<?x4x3xf32>, tensor<4x3xf32>)
// LEVELS: seq.scan (%{{.*}}) in (%[[N]]) states () -> (tensor<?x?x3xf32>)
// LEVELS: seq.scan (%{{.*}}) in (%{{.*}}) states (%{{.*}} = %{{.*}}) -> (tensor<?x8x3xf32>, tensor<4x3xf32>)
// LEVELS-SAME: seq.chunk = 8 : i64, {{.*}}seq.form = "two-level"
func.func @outer_products(%q: tensor<?x4xf32>, %k: tensor<?x4xf32>, %v: tensor<?x3xf32>)
    -> (tensor<?x3xf32>, tensor<4x3xf32>) attributes {seq.sizes = ["T"]} {
  %T = seq.size "T"
  %K = arith.constant 4 : index
  %V = arith.constant 3 : index
  %zero = seq.map (%a, %b) in (%K, %V) -> (tensor<4x3xf32>) {
    %c = arith.constant 0.0 : f32
    seq.yield %c : f32
  }
  %y:2 = seq.scan (%t) in (%T) states (%S = %zero) -> (tensor<?x3xf32>, tensor<4x3xf32>) attributes {stateNames = ["S"]} {
    %n = seq.map (%a, %b) in (%K, %V) -> (tensor<4x3xf32>) {
      %half = arith.constant 0.5 : f32
      %s = seq.read %S[%a, %b] : tensor<4x3xf32>
      %x = arith.mulf %half, %s : f32
      %ka = seq.read %k[%t, %a] : tensor<?x4xf32>
      %vb = seq.read %v[%t, %b] : tensor<?x3xf32>
      %p = arith.mulf %ka, %vb : f32
      %sum = arith.addf %x, %p : f32
      seq.yield %sum : f32
    }
    %o = seq.map (%b) in (%V) -> (tensor<3xf32>) {
      %r = seq.reduce [sum] (%a) in (%K) -> (f32) {
        %qa = seq.read %q[%t, %a] : tensor<?x4xf32>
        %s = seq.read %n[%a, %b] : tensor<4x3xf32>
        %p = arith.mulf %qa, %s : f32
        seq.yield %p : f32
      }
      seq.yield %r : f32
    }
    seq.next (%n) yield (%o) : (tensor<4x3xf32>) yield (tensor<3xf32>)
  }
  return %y#0, %y#1 : tensor<?x3xf32>, tensor<4x3xf32>
}

// -----

// A nonlinear state has no derived form; the scan says which and stays.
// CHUNKED-LABEL: func.func @squashed
// CHUNKED: seq.refused = {state = "h", why = "no state is a matrix that outer products update (C3, C4)"}
// BLOCKS-LABEL: func.func @squashed
// BLOCKS: seq.refused = {state = "h", why = "it is nonlinear"}
// LEVELS-LABEL: func.func @squashed
// LEVELS: seq.refused = {state = "h", why = "it is nonlinear"}
func.func @squashed(%h0: tensor<f32>) -> tensor<f32> attributes {seq.sizes = ["T"]} {
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
