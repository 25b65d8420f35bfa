// RUN: %seq-opt -seq-tile-attention %s | FileCheck %s

// Causal, two heads that have keys of their own: blocks of rows of both, then full blocks of
// keys without a mask, then the others with one. The score that has a name is made in the tile.
// CHECK-LABEL: func.func @causal
// CHECK-SAME: %[[Q:.*]]: tensor<2x?x8xf32>, %[[K:.*]]: tensor<2x?x8xf32>, %[[V:.*]]: tensor<2x?x5xf32>
func.func @causal(%q: tensor<2x?x8xf32>, %k: tensor<2x?x8xf32>, %v: tensor<2x?x5xf32>) -> tensor<2x?x5xf32> attributes {seq.sizes = ["T"]} {
  %T = seq.size "T"
  %c2 = arith.constant 2 : index
  %c8 = arith.constant 8 : index
  %c5 = arith.constant 5 : index
  // CHECK-DAG: %[[T:.*]] = seq.size "T"
  // CHECK-DAG: %[[C2:.*]] = arith.constant 2 : index
  // CHECK-DAG: %[[C5:.*]] = arith.constant 5 : index
  // CHECK-NOT: tensor<2x?x?xf32>
  // CHECK: %[[BLOCKS:.*]] = seq.int_div div %{{.*}}, %{{.*}} : index
  // CHECK: %[[N:.*]] = arith.muli %[[BLOCKS]], %[[C2]]
  // CHECK: %[[TILES:.*]] = seq.scan (%[[B:.*]]) in (%[[N]]) states () -> (tensor<?x36x5xf32>) attributes {seq.tile} {
  // CHECK: %[[FIRST:.*]] = arith.muli %{{.*}}, %{{.*}}
  // CHECK: %[[HEIGHT:.*]] = arith.minsi
  %s = seq.map (%h, %i, %j) in (%c2, %T, %T) -> (tensor<2x?x?xf32>) {
    %x = seq.reduce [sum] (%d) in (%c8) -> (f32) {
      %a = seq.read %q[%h, %i, %d] : tensor<2x?x8xf32>
      %b = seq.read %k[%h, %j, %d] : tensor<2x?x8xf32>
      %m = arith.mulf %a, %b : f32
      seq.yield %m : f32
    }
    seq.yield %x : f32
  }
  // The lowest finite number, no weight, no sum.
  // CHECK: arith.constant -3.40282347E+38 : f32
  // CHECK: %[[FULL:.*]]:3 = seq.scan
  // CHECK-SAME: -> (tensor<?x5xf32>, tensor<?xf32>, tensor<?xf32>) attributes {seq.tile} {
  // CHECK: %[[S:.*]] = seq.map (%{{.*}}, %{{.*}}) in (%[[HEIGHT]], %[[C64:.*]]) -> (tensor<?x64xf32>) {
  // CHECK: seq.read %[[Q]]
  // CHECK: seq.read %[[K]]
  // CHECK-NOT: arith.select
  // CHECK: %[[TOP:.*]]:2 = seq.map (%{{.*}}) in (%[[HEIGHT]])
  // CHECK: seq.reduce [max] (%{{.*}}) in (%[[C64]])
  // CHECK: arith.maximumf
  // CHECK: seq.unary exp
  // CHECK: %[[P:.*]] = seq.map (%{{.*}}, %{{.*}}) in (%[[HEIGHT]], %[[C64]])
  // CHECK: seq.unary exp
  // CHECK: seq.map (%{{.*}}) in (%[[HEIGHT]])
  // CHECK: seq.reduce [sum]
  // CHECK: seq.map (%{{.*}}, %{{.*}}) in (%[[HEIGHT]], %[[C5]])
  // CHECK: seq.read %[[V]]
  // CHECK: seq.yield %{{.*}} : f32{{$}}
  // CHECK: seq.next(%{{.*}}, %[[TOP]]#0, %{{.*}})
  // The rest of the keys: absent points are −∞ and are not read.
  // CHECK: seq.scan (%{{.*}}) in (%{{.*}}) states (%{{.*}} = %[[FULL]]#0, %{{.*}} = %[[FULL]]#1, %{{.*}} = %[[FULL]]#2)
  // CHECK-SAME: attributes {seq.tile} {
  // CHECK: seq.map (%{{.*}}, %{{.*}}) in (%[[HEIGHT]], %[[WIDTH:.*]]) -> (tensor<?x?xf32>) {
  // CHECK: arith.constant 0xFF800000 : f32
  // CHECK: arith.select
  // CHECK: seq.reduce [sum] (%{{.*}}) in (%[[WIDTH]])
  // CHECK: seq.read %[[V]]
  // CHECK: seq.yield %{{.*}} : f32 when
  // CHECK: seq.next
  // A row is divided where it is inside and its range of keys is not empty.
  // CHECK: %[[TILE:.*]] = seq.map (%{{.*}}, %{{.*}}) in (%{{.*}}, %[[C5]]) -> (tensor<36x5xf32>)
  // CHECK: arith.divf
  // CHECK: arith.select
  // CHECK: seq.next() yield(%[[TILE]])
  // CHECK: seq.map (%[[H:.*]], %[[I:.*]], %[[E:.*]]) in (%[[C2]], %[[T]], %[[C5]])
  // CHECK: %[[HB:.*]] = arith.muli %[[H]], %[[BLOCKS]]
  // CHECK: %[[IB:.*]] = seq.int_div div %[[I]]
  // CHECK: %[[AT:.*]] = arith.addi %[[HB]], %[[IB]]
  // CHECK: %[[R:.*]] = seq.int_div mod %[[I]]
  // CHECK: seq.read %[[TILES]][%[[AT]], %[[R]], %[[E]]]
  %o = seq.attention (%h, %i, %e, %j) in (%c2, %T, %c5, %T) -> (tensor<2x?x5xf32>) {
    %x = seq.read %v[%h, %j, %e] : tensor<2x?x5xf32>
    %a = seq.read %s[%h, %i, %j] : tensor<2x?x?xf32>
    %p = arith.cmpi sle, %j, %i : index
    seq.yield %a, %x : f32, f32 when %p
  }
  return %o : tensor<2x?x5xf32>
}

// Presence by data: no block is known to be full, so one scan has a mask in all; whether a row
// has any key is a state.
// CHECK-LABEL: func.func @masked
// CHECK: seq.scan {{.*}} states () ->
// CHECK: seq.scan {{.*}} -> (tensor<?xf32>, tensor<?xf32>, tensor<?xf32>, tensor<?xi1>) attributes {seq.tile}
// CHECK: seq.reduce [any]
// CHECK-NOT: seq.scan
// CHECK: return
func.func @masked(%s: tensor<?x?xf32>, %v: tensor<?xf32>, %keep: tensor<?xi1>) -> tensor<?xf32> attributes {seq.sizes = ["T"]} {
  %T = seq.size "T"
  %o = seq.attention (%i, %j) in (%T, %T) -> (tensor<?xf32>) {
    %x = seq.read %v[%j] : tensor<?xf32>
    %a = seq.read %s[%i, %j] : tensor<?x?xf32>
    %k = seq.read %keep[%j] : tensor<?xi1>
    %c = arith.cmpi sle, %j, %i : index
    %p = arith.andi %k, %c : i1
    seq.yield %a, %x : f32, f32 when %p
  }
  return %o : tensor<?xf32>
}

// One query for each head: the keys are not shared, a block has one row.
// CHECK-LABEL: func.func @decode
// CHECK: seq.scan {{.*}} states () -> (tensor<4x1x8xf32>)
func.func @decode(%q: tensor<4x8xf32>, %k: tensor<?x4x8xf32>, %v: tensor<?x4x8xf32>) -> tensor<4x8xf32> attributes {seq.sizes = ["S"]} {
  %S = seq.size "S"
  %c4 = arith.constant 4 : index
  %c8 = arith.constant 8 : index
  %o = seq.attention (%h, %e, %j) in (%c4, %c8, %S) -> (tensor<4x8xf32>) {
    %a = seq.reduce [sum] (%d) in (%c8) -> (f32) {
      %x = seq.read %q[%h, %d] : tensor<4x8xf32>
      %y = seq.read %k[%j, %h, %d] : tensor<?x4x8xf32>
      %m = arith.mulf %x, %y : f32
      seq.yield %m : f32
    }
    %x = seq.read %v[%j, %h, %e] : tensor<?x4x8xf32>
    seq.yield %a, %x : f32, f32
  }
  return %o : tensor<4x8xf32>
}

// Few keys, and attention of a step: left to be taken apart.
// CHECK-LABEL: func.func @small
// CHECK: seq.attention
func.func @small(%s: tensor<?x64xf32>, %v: tensor<64xf32>) -> tensor<?xf32> attributes {seq.sizes = ["T"]} {
  %T = seq.size "T"
  %c64 = arith.constant 64 : index
  %o = seq.attention (%i, %j) in (%T, %c64) -> (tensor<?xf32>) {
    %x = seq.read %v[%j] : tensor<64xf32>
    %a = seq.read %s[%i, %j] : tensor<?x64xf32>
    seq.yield %a, %x : f32, f32
  }
  return %o : tensor<?xf32>
}

// CHECK-LABEL: func.func @in_step
// CHECK: seq.attention
func.func @in_step(%v: tensor<?xf32>, %h0: tensor<f32>) -> tensor<f32> attributes {seq.sizes = ["T"]} {
  %T = seq.size "T"
  %h = seq.scan (%t) in (%T) states (%s = %h0) -> (tensor<f32>) {
    %o = seq.attention (%j) in (%T) -> (tensor<f32>) {
      %x = seq.read %v[%j] : tensor<?xf32>
      %a = seq.read %s[] : tensor<f32>
      seq.yield %a, %x : f32, f32
    }
    seq.next (%o) : (tensor<f32>)
  }
  return %h : tensor<f32>
}

// A score that may fail is kept: it fails at absent points too.
// CHECK-LABEL: func.func @checked
// CHECK: seq.read %{{.*}} check "x[k]"
// CHECK: seq.scan
func.func @checked(%x: tensor<?xf32>, %at: tensor<?xindex>, %v: tensor<?xf32>) -> tensor<?xf32> attributes {seq.sizes = ["T"]} {
  %T = seq.size "T"
  %s = seq.map (%i, %j) in (%T, %T) -> (tensor<?x?xf32>) {
    %k = seq.read %at[%j] : tensor<?xindex>
    %a = seq.read %x[%k] check "x[k]" : tensor<?xf32>
    seq.yield %a : f32
  }
  %o = seq.attention (%i, %j) in (%T, %T) -> (tensor<?xf32>) {
    %y = seq.read %v[%j] : tensor<?xf32>
    %a = seq.read %s[%i, %j] : tensor<?x?xf32>
    %p = arith.cmpi sle, %j, %i : index
    seq.yield %a, %y : f32, f32 when %p
  }
  return %o : tensor<?xf32>
}
