// RUN: %seq-opt -seq-transpose %s | FileCheck %s

// Scores of queries and keys: the keys' axis goes last, in one copy for both maps.
// CHECK-LABEL: func.func @scores
// CHECK-SAME: %[[Q:.*]]: tensor<?x?xf32> {{.*}}, %[[K:.*]]: tensor<?x?xf32>
func.func @scores(%q: tensor<?x?xf32> {seq.shape = affine_map<()[s0, s1] -> (s0, s1)>},
                  %k: tensor<?x?xf32> {seq.shape = affine_map<()[s0, s1] -> (s0, s1)>})
    -> (tensor<?x?xf32>, tensor<?x?xf32>) attributes {seq.sizes = ["T", "D"]} {
  %T = seq.size "T"
  %D = seq.size "D"
  // CHECK: %[[T:.*]] = seq.size "T"
  // CHECK: %[[D:.*]] = seq.size "D"
  // CHECK: %[[C:.*]] = seq.map (%[[A:.*]], %[[B:.*]]) in ({{.*}}) -> (tensor<?x?xf32>) {
  // CHECK-NEXT: seq.read %[[K]][%[[B]], %[[A]]]
  // CHECK-NEXT: seq.yield
  // CHECK: seq.map (%[[I:.*]], %[[J:.*]]) in
  // CHECK-NEXT: seq.reduce [sum] (%[[N:.*]]) in
  // CHECK-NEXT: seq.read %[[Q]][%[[I]], %[[N]]]
  // CHECK-NEXT: seq.read %[[C]][%[[N]], %[[J]]]
  %s = seq.map (%i, %j) in (%T, %T) -> (tensor<?x?xf32>) {
    %r = seq.reduce [sum] (%d) in (%D) -> (f32) {
      %a = seq.read %q[%i, %d] : tensor<?x?xf32>
      %b = seq.read %k[%j, %d] : tensor<?x?xf32>
      %m = arith.mulf %a, %b : f32
      seq.yield %m : f32
    }
    seq.yield %r : f32
  }
  // CHECK: seq.map
  // CHECK-NEXT: seq.reduce [max]
  // CHECK-NEXT: seq.read %[[C]]
  %t = seq.map (%i, %j) in (%T, %T) -> (tensor<?x?xf32>) {
    %r = seq.reduce [max] (%d) in (%D) -> (f32) {
      %b = seq.read %k[%j, %d] : tensor<?x?xf32>
      seq.yield %b : f32
    }
    seq.yield %r : f32
  }
  return %s, %t : tensor<?x?xf32>, tensor<?x?xf32>
}

// Read in order already; read once for each element; a parameter; under a guard; a gather
// beside it.
// CHECK-LABEL: func.func @left_alone
// CHECK-COUNT-5: seq.map
// CHECK-NOT: seq.map
func.func @left_alone(%x: tensor<16x16xf32>, %w: tensor<16x16xf32> {seq.weight}, %i0: tensor<16xindex>)
    -> (tensor<16x16xf32>, tensor<16xf32>, tensor<16x16xf32>, tensor<16x16xf32>, tensor<16x16xf32>) {
  %n = arith.constant 16 : index
  %ordered = seq.map (%i, %j) in (%n, %n) -> (tensor<16x16xf32>) {
    %r = seq.reduce [sum] (%d) in (%n) -> (f32) {
      %a = seq.read %x[%d, %j] : tensor<16x16xf32>
      %b = seq.read %x[%i, %d] : tensor<16x16xf32>
      %m = arith.mulf %a, %b : f32
      seq.yield %m : f32
    }
    seq.yield %r : f32
  }
  %once = seq.map (%j) in (%n) -> (tensor<16xf32>) {
    %r = seq.reduce [sum] (%d) in (%n) -> (f32) {
      %a = seq.read %x[%j, %d] : tensor<16x16xf32>
      seq.yield %a : f32
    }
    seq.yield %r : f32
  }
  %parameter = seq.map (%i, %j) in (%n, %n) -> (tensor<16x16xf32>) {
    %r = seq.reduce [sum] (%d) in (%n) -> (f32) {
      %a = seq.read %w[%j, %d] : tensor<16x16xf32>
      seq.yield %a : f32
    }
    seq.yield %r : f32
  }
  %guarded = seq.map (%i, %j) in (%n, %n) -> (tensor<16x16xf32>) {
    %r = seq.reduce [sum] (%d) in (%n) -> (f32) {
      %g = arith.cmpi slt, %d, %i : index
      %a = seq.read %x[%j, %d] if %g : tensor<16x16xf32>
      seq.yield %a : f32
    }
    seq.yield %r : f32
  }
  %gathered = seq.map (%i, %j) in (%n, %n) -> (tensor<16x16xf32>) {
    %at = seq.read %i0[%j] : tensor<16xindex>
    %r = seq.reduce [sum] (%d) in (%n) -> (f32) {
      %a = seq.read %x[%j, %d] : tensor<16x16xf32>
      %b = seq.read %x[%at, %d] : tensor<16x16xf32>
      %m = arith.mulf %a, %b : f32
      seq.yield %m : f32
    }
    seq.yield %r : f32
  }
  return %ordered, %once, %parameter, %guarded, %gathered : tensor<16x16xf32>, tensor<16xf32>, tensor<16x16xf32>, tensor<16x16xf32>, tensor<16x16xf32>
}
