// RUN: %seq-opt -seq-fuse %s | FileCheck %s

// Rule 1: a cheap map is evaluated where it is read.
// CHECK-LABEL: func.func @cheap_map
func.func @cheap_map(%x: tensor<?xf32>, %T: index) -> tensor<?xf32> {
  // CHECK: seq.map
  // CHECK: arith.addf
  // CHECK: arith.mulf
  // CHECK-NOT: seq.map
  // CHECK: return
  %a = seq.map (%t) in (%T) -> (tensor<?xf32>) {
    %v = seq.read %x[%t] : tensor<?xf32>
    %s = arith.addf %v, %v : f32
    seq.yield %s : f32
  }
  %b = seq.map (%t) in (%T) -> (tensor<?xf32>) {
    %v = seq.read %a[%t] : tensor<?xf32>
    %s = arith.mulf %v, %v : f32
    seq.yield %s : f32
  }
  return %b : tensor<?xf32>
}

// A guarded read of a map guards the reads inside it, and is 0 where the guard is false.
// CHECK-LABEL: func.func @guarded_read
func.func @guarded_read(%x: tensor<?xf32>, %T: index) -> tensor<?xf32> {
  %one = arith.constant 1 : index
  // CHECK: %[[G:.*]] = arith.cmpi sge
  // CHECK: seq.read %{{.*}}[%{{.*}}] if %[[G]]
  // CHECK: arith.select %[[G]]
  // CHECK-NOT: seq.map
  // CHECK: return
  %a = seq.map (%t) in (%T) -> (tensor<?xf32>) {
    %v = seq.read %x[%t] : tensor<?xf32>
    %s = arith.addf %v, %v : f32
    seq.yield %s : f32
  }
  %b = seq.map (%t) in (%T) -> (tensor<?xf32>) {
    %g = arith.cmpi sge, %t, %one : index
    %p = arith.subi %t, %one : index
    %v = seq.read %a[%p] if %g : tensor<?xf32>
    seq.yield %v : f32
  }
  return %b : tensor<?xf32>
}

// Rule 2: two maps over one range, of which the second reads the first at its own point.
// CHECK-LABEL: func.func @siblings
func.func @siblings(%x: tensor<?xf32>, %T: index) -> (tensor<?xf32>, tensor<?xf32>) {
  // CHECK: %[[M:.*]]:2 = seq.map
  // CHECK: %[[E:.*]] = seq.unary exp
  // CHECK-NOT: seq.map
  // CHECK: arith.mulf %[[E]], %[[E]]
  // CHECK: return
  %a = seq.map (%t) in (%T) -> (tensor<?xf32>) {
    %v = seq.read %x[%t] : tensor<?xf32>
    %s = seq.unary exp %v : f32
    seq.yield %s : f32
  }
  %b = seq.map (%t) in (%T) -> (tensor<?xf32>) {
    %v = seq.read %a[%t] : tensor<?xf32>
    %s = arith.mulf %v, %v : f32
    seq.yield %s : f32
  }
  return %a, %b : tensor<?xf32>, tensor<?xf32>
}

// Rule 3: the sums of a split move to where its parts meet, each computed once.
// CHECK-LABEL: func.func @halves_of_a_product
func.func @halves_of_a_product(%w: tensor<8x4xf32>, %x: tensor<4xf32>) -> tensor<4xf32> {
  %four = arith.constant 4 : index
  %eight = arith.constant 8 : index
  // CHECK: seq.map (%{{.*}}) in (%{{.*}}) -> (tensor<4xf32>)
  // CHECK: seq.reduce [sum]
  // CHECK: seq.reduce [sum]
  // CHECK-NOT: seq.map
  // CHECK: return
  %g = seq.map (%n) in (%eight) -> (tensor<8xf32>) {
    %z = seq.reduce [sum] (%k) in (%four) -> (f32) {
      %u = seq.read %w[%n, %k] : tensor<8x4xf32>
      %v = seq.read %x[%k] : tensor<4xf32>
      %p = arith.mulf %u, %v : f32
      seq.yield %p : f32
    }
    seq.yield %z : f32
  }
  %y = seq.map (%j) in (%four) -> (tensor<4xf32>) {
    %i = seq.read %g[%j] : tensor<8xf32>
    %m = arith.addi %j, %four : index
    %o = seq.read %g[%m] : tensor<8xf32>
    %p = arith.mulf %i, %o : f32
    seq.yield %p : f32
  }
  return %y : tensor<4xf32>
}

// What a map yields for nobody is not yielded, nor computed.
// CHECK-LABEL: func.func @unused_result
func.func @unused_result(%x: tensor<4xf32>) -> tensor<4xf32> {
  %c4 = arith.constant 4 : index
  // CHECK: %[[M:.*]] = seq.map (%{{.*}}) in (%{{.*}}) -> (tensor<4xf32>) {
  // CHECK-NEXT: seq.read
  // CHECK-NEXT: arith.addf
  // CHECK-NEXT: seq.yield %{{.*}} : f32
  // CHECK: return %[[M]]
  %m:3 = seq.map (%i) in (%c4) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
    %v = seq.read %x[%i] : tensor<4xf32>
    %a = seq.unary exp %v : f32
    %b = arith.addf %v, %v : f32
    seq.yield %a, %b, %v : f32, f32, f32
  }
  return %m#1 : tensor<4xf32>
}
