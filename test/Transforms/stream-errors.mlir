// RUN: not %seq-opt -seq-stream -split-input-file %s 2>&1 | FileCheck %s

#T = affine_map<()[s0] -> (s0)>
func.func @ahead(%x: tensor<?xf32> {seq.name = "x", seq.shape = #T}) -> (tensor<?xf32> {seq.name = "y", seq.shape = #T}) attributes {seq.sizes = ["T"]} {
  %T = seq.size "T"
  %y = seq.map (%t) in (%T) -> (tensor<?xf32>) {
    %c1 = arith.constant 1 : index
    %i = arith.addi %t, %c1 : index
    %p = arith.cmpi slt, %i, %T : index
    // CHECK: stream-errors.mlir:[[# @LINE+1]]:10: error: looks ahead: this reads a step that may be later
    %v = seq.read %x[%i] if %p : tensor<?xf32>
    seq.yield %v : f32
  }
  return %y : tensor<?xf32>
}

// -----

#T = affine_map<()[s0] -> (s0)>
func.func @everywhere(%x: tensor<?xf32> {seq.name = "x", seq.shape = #T}) -> (tensor<?xf32> {seq.name = "y", seq.shape = #T}) attributes {seq.sizes = ["T"]} {
  %T = seq.size "T"
  %y = seq.map (%t) in (%T) -> (tensor<?xf32>) {
    // CHECK: error: looks ahead: this goes over the whole sequence at each step
    %s = seq.reduce [sum] (%j) in (%T) -> (f32) {
      %v = seq.read %x[%j] : tensor<?xf32>
      seq.yield %v : f32
    }
    seq.yield %s : f32
  }
  return %y : tensor<?xf32>
}

// -----

#D = affine_map<()[] -> (3)>
// CHECK: error: no stream: no input is a sequence
func.func @fixed(%x: tensor<3xf32> {seq.name = "x", seq.shape = #D}) -> (tensor<3xf32> {seq.name = "y", seq.shape = #D}) attributes {seq.sizes = []} {
  return %x : tensor<3xf32>
}

// -----

#T = affine_map<()[s0] -> (s0)>
#even = affine_map<()[s0] -> (s0, (s0 floordiv 2) * 2)>
// CHECK: stream-errors.mlir:7:9: error: no stream: `T == 2 * (T / 2)` is needed here, and a stream does not know how its sequence ends
func.func @even(%x: tensor<?xf32> {seq.name = "x", seq.shape = #T}) -> (tensor<?xf32> {seq.name = "y", seq.shape = #T}) attributes {seq.sizes = ["T"], seq.requires = [{equal, place = loc("stream-errors.mlir":7:9), sizes = #even, text = "T == 2 * (T / 2)", what = "x"}]} {
  %T = seq.size "T"
  %y = seq.map (%t) in (%T) -> (tensor<?xf32>) {
    %v = seq.read %x[%t] : tensor<?xf32>
    seq.yield %v : f32
  }
  return %y : tensor<?xf32>
}
