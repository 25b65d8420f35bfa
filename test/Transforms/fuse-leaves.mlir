// RUN: %seq-opt -seq-fuse %s | FileCheck %s

// A reduction that is read at overlapping points is never repeated.
// CHECK-LABEL: func.func @overlapping_reads
func.func @overlapping_reads(%x: tensor<8x4xf32>) -> tensor<7xf32> {
  %one = arith.constant 1 : index
  %four = arith.constant 4 : index
  %seven = arith.constant 7 : index
  %eight = arith.constant 8 : index
  // CHECK: %[[S:.*]] = seq.map
  // CHECK: seq.reduce [sum]
  // CHECK: seq.map
  // CHECK-NOT: seq.reduce
  // CHECK: return
  %s = seq.map (%n) in (%eight) -> (tensor<8xf32>) {
    %z = seq.reduce [sum] (%k) in (%four) -> (f32) {
      %v = seq.read %x[%n, %k] : tensor<8x4xf32>
      seq.yield %v : f32
    }
    seq.yield %z : f32
  }
  %y = seq.map (%j) in (%seven) -> (tensor<7xf32>) {
    %a = seq.read %s[%j] : tensor<8xf32>
    %m = arith.addi %j, %one : index
    %b = seq.read %s[%m] : tensor<8xf32>
    %p = arith.subf %b, %a : f32
    seq.yield %p : f32
  }
  return %y : tensor<7xf32>
}

// Nor is a costly function that two reads want.
// CHECK-LABEL: func.func @costly_twice
func.func @costly_twice(%x: tensor<?xf32>, %T: index) -> tensor<?xf32> {
  %zero = arith.constant 0 : index
  // CHECK: seq.unary exp
  // CHECK: seq.map
  // CHECK-NOT: seq.unary
  // CHECK: return
  %e = seq.map (%t) in (%T) -> (tensor<?xf32>) {
    %v = seq.read %x[%t] : tensor<?xf32>
    %s = seq.unary exp %v : f32
    seq.yield %s : f32
  }
  %y = seq.map (%t) in (%T) -> (tensor<?xf32>) {
    %a = seq.read %e[%t] : tensor<?xf32>
    %b = seq.read %e[%zero] : tensor<?xf32>
    %p = arith.divf %a, %b : f32
    seq.yield %p : f32
  }
  return %y : tensor<?xf32>
}

// Rule 2 needs the own point: a read of a neighbour keeps two maps apart.
// CHECK-LABEL: func.func @neighbour
func.func @neighbour(%x: tensor<?xf32>, %T: index) -> (tensor<?xf32>, tensor<?xf32>) {
  %one = arith.constant 1 : index
  // CHECK: seq.map {{.*}} -> (tensor<?xf32>)
  // CHECK: seq.map {{.*}} -> (tensor<?xf32>)
  // CHECK: return
  %a = seq.map (%t) in (%T) -> (tensor<?xf32>) {
    %v = seq.read %x[%t] : tensor<?xf32>
    %s = seq.unary exp %v : f32
    seq.yield %s : f32
  }
  %b = seq.map (%t) in (%T) -> (tensor<?xf32>) {
    %g = arith.cmpi sge, %t, %one : index
    %p = arith.subi %t, %one : index
    %v = seq.read %a[%p] if %g : tensor<?xf32>
    seq.yield %v : f32
  }
  return %a, %b : tensor<?xf32>, tensor<?xf32>
}
