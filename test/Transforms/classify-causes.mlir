// RUN: %seq-opt -seq-classify %s | FileCheck %s
// Each kind of op that makes a state nonlinear is named in words.

// CHECK-LABEL: func.func @floats
// CHECK: reason = "`exp` of it"
// CHECK-SAME: reason = "a product of two values that read it"
// CHECK-SAME: reason = "a division by it"
// CHECK-SAME: reason = "a remainder of it"
// CHECK-SAME: reason = "a power of it"
// CHECK-SAME: reason = "a `max` of what is not the state plus a term"
// CHECK-SAME: reason = "a `min` of what is not the state plus a term"
// CHECK-SAME: reason = "a comparison with it"
// CHECK-SAME: reason = "a sum of it with a `max`, `min` or `logsumexp` that reads it"
// CHECK-SAME: reason = "a factor on a `max`, `min` or `logsumexp` that reads it"
func.func @floats(%x: tensor<?xf32>, %i: tensor<f32>) -> tensor<f32> attributes {seq.sizes = ["T"]} {
  %T = seq.size "T"
  %y:10 = seq.scan (%t) in (%T) states (%a = %i, %b = %i, %c = %i, %d = %i, %e = %i, %f = %i, %g = %i, %h = %i, %j = %i, %k = %i)
      -> (tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>)
      attributes {stateNames = ["a", "b", "c", "d", "e", "f", "g", "h", "j", "k"]} {
    %n:10 = seq.map () in () -> (tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>) {
      %xt = seq.read %x[%t] : tensor<?xf32>
      %oa = seq.read %a[] : tensor<f32>
      %ob = seq.read %b[] : tensor<f32>
      %oc = seq.read %c[] : tensor<f32>
      %od = seq.read %d[] : tensor<f32>
      %oe = seq.read %e[] : tensor<f32>
      %of = seq.read %f[] : tensor<f32>
      %og = seq.read %g[] : tensor<f32>
      %oh = seq.read %h[] : tensor<f32>
      %oj = seq.read %j[] : tensor<f32>
      %ok = seq.read %k[] : tensor<f32>
      %v0 = seq.unary exp %oa : f32
      %v1 = arith.mulf %ob, %ob : f32
      %v2 = arith.divf %xt, %oc : f32
      %v3 = arith.remf %od, %xt : f32
      %v4 = seq.power %oe, %xt : f32, f32
      %sf = arith.mulf %of, %xt : f32
      %v5 = arith.maximumf %sf, %xt : f32
      %sg = arith.negf %og : f32
      %v6 = arith.minimumf %sg, %xt : f32
      %p = arith.cmpf ogt, %oh, %xt : f32
      %v7 = arith.select %p, %oh, %xt : f32
      %mj = arith.maximumf %oj, %xt : f32
      %v8 = arith.addf %mj, %oj : f32
      %mk = arith.maximumf %ok, %xt : f32
      %v9 = arith.mulf %mk, %xt : f32
      seq.yield %v0, %v1, %v2, %v3, %v4, %v5, %v6, %v7, %v8, %v9 : f32, f32, f32, f32, f32, f32, f32, f32, f32, f32
    }
    seq.next (%n#0, %n#1, %n#2, %n#3, %n#4, %n#5, %n#6, %n#7, %n#8, %n#9)
        : (tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>)
  }
  return %y#0 : tensor<f32>
}

// CHECK-LABEL: func.func @vectors
// CHECK: reason = "`prod` over it"
// CHECK-SAME: reason = "`softmax` of it"
// CHECK-SAME: reads = "c", reason = "a scan inside the step that reads it"
func.func @vectors(%x: tensor<?x?xf32>, %i: tensor<?xf32>) -> tensor<?xf32> attributes {seq.sizes = ["T", "D"]} {
  %T = seq.size "T"
  %D = seq.size "D"
  %y:3 = seq.scan (%t) in (%T) states (%a = %i, %b = %i, %c = %i) -> (tensor<?xf32>, tensor<?xf32>, tensor<?xf32>)
      attributes {stateNames = ["a", "b", "c"]} {
    %n0 = seq.map (%p) in (%D) -> (tensor<?xf32>) {
      %v = seq.reduce [prod] (%k) in (%D) -> (f32) {
        %o = seq.read %a[%k] : tensor<?xf32>
        seq.yield %o : f32
      }
      seq.yield %v : f32
    }
    %n1 = seq.softmax 1 (%k) in (%D) -> (tensor<?xf32>) {
      %o = seq.read %b[%k] : tensor<?xf32>
      seq.yield %o : f32
    }
    %n2 = seq.scan (%q) in (%D) states (%s = %c) -> (tensor<?xf32>) {
      %m = seq.map (%p) in (%D) -> (tensor<?xf32>) {
        %o = seq.read %s[%p] : tensor<?xf32>
        seq.yield %o : f32
      }
      seq.next (%m) : (tensor<?xf32>)
    }
    seq.next (%n0, %n1, %n2) : (tensor<?xf32>, tensor<?xf32>, tensor<?xf32>)
  }
  return %y#0 : tensor<?xf32>
}

// CHECK-LABEL: func.func @integers
// CHECK: reason = "a whole-number division of it"
// CHECK-SAME: reason = "a remainder of it"
// CHECK-SAME: reason = "an index made of it"
func.func @integers(%x: tensor<?xi32>, %i: tensor<i32>) -> tensor<i32> attributes {seq.sizes = ["T"]} {
  %T = seq.size "T"
  %y:3 = seq.scan (%t) in (%T) states (%a = %i, %b = %i, %c = %i) -> (tensor<i32>, tensor<i32>, tensor<i32>)
      attributes {stateNames = ["a", "b", "c"]} {
    %n0, %n1, %n2 = seq.map () in () -> (tensor<i32>, tensor<i32>, tensor<i32>) {
      %two = arith.constant 2 : i32
      %oa = seq.read %a[] : tensor<i32>
      %ob = seq.read %b[] : tensor<i32>
      %oc = seq.read %c[] : tensor<i32>
      %v0 = seq.int_div div %oa, %two : i32
      %v1 = seq.int_div mod %ob, %two : i32
      %at = arith.index_cast %oc : i32 to index
      %v2 = seq.read %x[%at] : tensor<?xi32>
      seq.yield %v0, %v1, %v2 : i32, i32, i32
    }
    seq.next (%n0, %n1, %n2) : (tensor<i32>, tensor<i32>, tensor<i32>)
  }
  return %y#0 : tensor<i32>
}
