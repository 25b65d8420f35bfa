// RUN: %seq-opt -seq-tile-attention %s | FileCheck %s

// Scores and biases that have a name are made in the tiles; values, which all rows of a block
// share, are made before them, once.
// CHECK-LABEL: func.func @projected
// CHECK: %[[V:.*]] = seq.map
// CHECK: seq.reduce [sum]
// CHECK: seq.scan
// CHECK: seq.unary tanh
// CHECK: seq.read %[[V]]
func.func @projected(%x: tensor<?x8xf32>, %w: tensor<4x8xf32>, %b: tensor<?xf32>) -> tensor<?x4xf32> attributes {seq.sizes = ["T"]} {
  %T = seq.size "T"
  %c4 = arith.constant 4 : index
  %c8 = arith.constant 8 : index
  %v = seq.map (%j, %p) in (%T, %c4) -> (tensor<?x4xf32>) {
    %s = seq.reduce [sum] (%d) in (%c8) -> (f32) {
      %a = seq.read %x[%j, %d] : tensor<?x8xf32>
      %c = seq.read %w[%p, %d] : tensor<4x8xf32>
      %m = arith.mulf %a, %c : f32
      seq.yield %m : f32
    }
    seq.yield %s : f32
  }
  %s = seq.map (%i, %j) in (%T, %T) -> (tensor<?x?xf32>) {
    %a = seq.read %b[%i] : tensor<?xf32>
    %c = seq.read %b[%j] : tensor<?xf32>
    %d = arith.subf %a, %c : f32
    %t = seq.unary tanh %d : f32
    seq.yield %t : f32
  }
  %o = seq.attention (%i, %p, %j) in (%T, %c4, %T) -> (tensor<?x4xf32>) {
    %score = seq.read %s[%i, %j] : tensor<?x?xf32>
    %value = seq.read %v[%j, %p] : tensor<?x4xf32>
    seq.yield %score, %value : f32, f32
  }
  return %o : tensor<?x4xf32>
}
