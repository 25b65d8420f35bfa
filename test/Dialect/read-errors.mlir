// RUN: %seq-opt %s -split-input-file -verify-diagnostics

func.func @one_index_for_each_axis(%x: tensor<?x4xf32>, %i: index) {
  // expected-error @+1 {{constraint 1: 1 indices for 'tensor<?x4xf32>'}}
  %a = seq.read %x[%i] : tensor<?x4xf32>
  return
}

// -----

// Constraint 2, in the words of its trait.
func.func @element_type(%x: tensor<?xf32>, %i: index) {
  // expected-error @+1 {{the result has the tensor's element type}}
  %a = "seq.read"(%x, %i) <{operandSegmentSizes = array<i32: 1, 1, 0>}> : (tensor<?xf32>, index) -> f64
  return
}
