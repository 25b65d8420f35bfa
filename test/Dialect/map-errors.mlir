// RUN: %seq-opt %s -split-input-file -verify-diagnostics

func.func @indices_and_extents(%T: index, %v: f32) {
  // expected-error @+1 {{constraint 1: one index argument for each extent, has 2 for 1}}
  %y = seq.map (%t, %c) in (%T) -> (tensor<?xf32>) {
    seq.yield %v : f32
  }
  return
}

// -----

func.func @index_type(%T: index, %v: f32) {
  // expected-error @+1 {{constraint 1: block arguments are of type index}}
  %y = "seq.map"(%T) ({
  ^bb0(%t: i32):
    "seq.yield"(%v) <{operandSegmentSizes = array<i32: 1, 0>}> : (f32) -> ()
  }) : (index) -> tensor<?xf32>
  return
}

// -----

func.func @presence(%T: index, %v: f32, %p: i1) {
  // expected-error @+1 {{constraint 2: the body yields one scalar for each result, without presence}}
  %y = seq.map (%t) in (%T) -> (tensor<?xf32>) {
    seq.yield %v : f32 when %p
  }
  return
}

// -----

func.func @yields(%T: index, %v: f32) {
  // expected-error @+1 {{constraint 2: the body yields one scalar for each result, without presence}}
  %y = seq.map (%t) in (%T) -> (tensor<?xf32>) {
    seq.yield %v, %v : f32, f32
  }
  return
}

// -----

func.func @rank(%T: index, %v: f32) {
  // expected-error @+1 {{constraint 3: 'tensor<?x?xf32>' is no result of 'f32' over 1 indices}}
  %y = seq.map (%t) in (%T) -> (tensor<?x?xf32>) {
    seq.yield %v : f32
  }
  return
}

// -----

func.func @element(%T: index, %v: f64) {
  // expected-error @+1 {{constraint 3: 'tensor<?xf32>' is no result of 'f64' over 1 indices}}
  %y = seq.map (%t) in (%T) -> (tensor<?xf32>) {
    seq.yield %v : f64
  }
  return
}

// -----

func.func @static_dimension(%v: f32) {
  %c4 = arith.constant 4 : index
  // expected-error @+1 {{constraint 3: dimension 5 where the extent is 4}}
  %y = seq.map (%t) in (%c4) -> (tensor<5xf32>) {
    seq.yield %v : f32
  }
  return
}

// -----

func.func @no_yield() {
  // expected-error @+1 {{constraint 2: the body ends in a seq.yield}}
  %y = seq.map () in () -> (tensor<f32>) {
    %c = arith.constant 0.0 : f32
  }
  return
}

// -----

func.func @other_end(%t: tensor<f32>) {
  // expected-error @+1 {{constraint 2: the body ends in a seq.yield}}
  %y = seq.map () in () -> (tensor<f32>) {
    seq.next (%t) yield (%t) : (tensor<f32>) yield (tensor<f32>)
  }
  return
}
