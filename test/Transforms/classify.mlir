// RUN: %seq-opt -seq-classify %s | FileCheck %s
// A class for each state, in their order.

// Of vectors: not read; a delay; a diagonal one; a dense one; a maximum; a nonlinear one.
// CHECK-LABEL: func.func @vectors
// CHECK: seq.classes = [{class = "C0", {{[^}]*}}title = "no recurrence"},
// CHECK-SAME: {class = "C1", {{[^}]*}}title = "delay"},
// CHECK-SAME: {class = "C2", {{[^}]*}}factors = {{\[\[}}"decay", #loc{{[0-9]*}}], ["adds", #loc{{[0-9]*}}{{\]\]}}, title = "diagonal"},
// CHECK-SAME: {class = "C5", {{[^}]*}}factors = {{\[\[}}"from s3", #loc{{[0-9]*}}{{\]\]}}, title = "dense affine"},
// CHECK-SAME: {class = "C6", {{[^}]*}}detail = "(max, +)", {{[^}]*}}title = "another semiring"},
// CHECK-SAME: {class = "C7", {{[^}]*}}hint = "C2", {{[^}]*}}reads = "h", reason = "`tanh` of it", title = "nonlinear"}]
func.func @vectors(%x: tensor<?x?xf32>, %w: tensor<?x?xf32>, %i0: tensor<?xf32>) -> tensor<?xf32>
    attributes {seq.sizes = ["T", "D"]} {
  %T = seq.size "T"
  %D = seq.size "D"
  %y:7 = seq.scan (%t) in (%T) states (%s0 = %i0, %s1 = %i0, %s2 = %i0, %s3 = %i0, %s4 = %i0, %h = %i0)
      -> (tensor<?x?xf32>, tensor<?xf32>, tensor<?xf32>, tensor<?xf32>, tensor<?xf32>, tensor<?xf32>, tensor<?xf32>)
      attributes {stateNames = ["s0", "s1", "s2", "s3", "s4", "h"]} {
    %n0, %n1, %n2, %n3, %n4, %n5 = seq.map (%i) in (%D)
        -> (tensor<?xf32>, tensor<?xf32>, tensor<?xf32>, tensor<?xf32>, tensor<?xf32>, tensor<?xf32>) {
      %a = seq.read %x[%t, %i] : tensor<?x?xf32>
      %old1 = seq.read %s1[%i] : tensor<?xf32>
      %old2 = seq.read %s2[%i] : tensor<?xf32>
      %old4 = seq.read %s4[%i] : tensor<?xf32>
      %oldh = seq.read %h[%i] : tensor<?xf32>
      %v0 = arith.addf %a, %old1 : f32
      %p2 = arith.mulf %a, %old2 : f32
      %v2 = arith.addf %p2, %old1 : f32
      %v3 = seq.reduce [sum] (%k) in (%D) -> (f32) {
        %b = seq.read %w[%i, %k] : tensor<?x?xf32>
        %c = seq.read %s3[%k] : tensor<?xf32>
        %p = arith.mulf %b, %c : f32
        seq.yield %p : f32
      }
      %v4 = arith.maximumf %old4, %a : f32
      %th = seq.unary tanh %oldh : f32
      %v5 = arith.addf %th, %oldh : f32
      seq.yield %v0, %a, %v2, %v3, %v4, %v5 : f32, f32, f32, f32, f32, f32
    }
    seq.next (%n0, %n1, %n2, %n3, %n4, %n5) yield (%n2)
        : (tensor<?xf32>, tensor<?xf32>, tensor<?xf32>, tensor<?xf32>, tensor<?xf32>, tensor<?xf32>) yield (tensor<?xf32>)
  }
  return %y#1 : tensor<?xf32>
}

// Of matrices: outer products; the same with a read along the key taken back; a read of both axes.
// CHECK-LABEL: func.func @matrices
// CHECK: seq.classes = [{class = "C3", {{[^}]*}}key_axis = 0 : i64, title = "outer products", value_axes = [1]},
// CHECK-SAME: {class = "C4", {{[^}]*}}detail = "rank 1", {{[^}]*}}title = "low-rank correction", value_axes = [1]},
// CHECK-SAME: {class = "C5", {{[^}]*}}title = "dense affine"}]
func.func @matrices(%k: tensor<?x?xf32>, %v: tensor<?x?xf32>, %i0: tensor<?x?xf32>) -> tensor<?x?xf32>
    attributes {seq.sizes = ["T", "D"]} {
  %T = seq.size "T"
  %D = seq.size "D"
  %y:3 = seq.scan (%t) in (%T) states (%p = %i0, %q = %i0, %r = %i0)
      -> (tensor<?x?xf32>, tensor<?x?xf32>, tensor<?x?xf32>) attributes {stateNames = ["p", "q", "r"]} {
    %old = seq.map (%b) in (%D) -> (tensor<?xf32>) {
      %z = seq.reduce [sum] (%a) in (%D) -> (f32) {
        %ka = seq.read %k[%t, %a] : tensor<?x?xf32>
        %qa = seq.read %q[%a, %b] : tensor<?x?xf32>
        %m = arith.mulf %ka, %qa : f32
        seq.yield %m : f32
      }
      seq.yield %z : f32
    }
    %n0, %n1, %n2 = seq.map (%a, %b) in (%D, %D) -> (tensor<?x?xf32>, tensor<?x?xf32>, tensor<?x?xf32>) {
      %ka = seq.read %k[%t, %a] : tensor<?x?xf32>
      %vb = seq.read %v[%t, %b] : tensor<?x?xf32>
      %pab = seq.read %p[%a, %b] : tensor<?x?xf32>
      %qab = seq.read %q[%a, %b] : tensor<?x?xf32>
      %ob = seq.read %old[%b] : tensor<?xf32>
      %rba = seq.read %r[%b, %a] : tensor<?x?xf32>
      %kv = arith.mulf %ka, %vb : f32
      %v0 = arith.addf %pab, %kv : f32
      %miss = arith.subf %vb, %ob : f32
      %km = arith.mulf %ka, %miss : f32
      %v1 = arith.addf %qab, %km : f32
      %v2 = arith.addf %rba, %kv : f32
      seq.yield %v0, %v1, %v2 : f32, f32, f32
    }
    seq.next (%n0, %n1, %n2) : (tensor<?x?xf32>, tensor<?x?xf32>, tensor<?x?xf32>)
  }
  return %y#0 : tensor<?x?xf32>
}

// Two that read each other share a component, and what makes one nonlinear demotes both.
// CHECK-LABEL: func.func @coupled
// CHECK: seq.classes = [{class = "C7", component = [[C:[0-9]+]] : i64, {{[^}]*}}reads = "b", reason = "`sin` of it"
// CHECK-SAME: {class = "C7", component = [[C]] : i64, {{[^}]*}}reads = "b", reason = "`sin` of it"
// CHECK-SAME: {class = "C2",
func.func @coupled(%x: tensor<?xf32>, %i0: tensor<f32>) -> tensor<f32> attributes {seq.sizes = ["T"]} {
  %T = seq.size "T"
  %y:3 = seq.scan (%t) in (%T) states (%a = %i0, %b = %i0, %c = %i0) -> (tensor<f32>, tensor<f32>, tensor<f32>)
      attributes {stateNames = ["a", "b", "c"]} {
    %n0, %n1, %n2 = seq.map () in () -> (tensor<f32>, tensor<f32>, tensor<f32>) {
      %xt = seq.read %x[%t] : tensor<?xf32>
      %oa = seq.read %a[] : tensor<f32>
      %ob = seq.read %b[] : tensor<f32>
      %oc = seq.read %c[] : tensor<f32>
      %v0 = seq.unary sin %ob : f32
      %v2 = arith.mulf %oa, %oc : f32
      seq.yield %v0, %oa, %v2 : f32, f32, f32
    }
    seq.next (%n0, %n1, %n2) : (tensor<f32>, tensor<f32>, tensor<f32>)
  }
  return %y#0 : tensor<f32>
}
