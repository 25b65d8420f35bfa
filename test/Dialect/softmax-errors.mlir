// RUN: %seq-opt %s -split-input-file -verify-diagnostics

func.func @indices_and_extents(%T: index, %v: f32) {
  // expected-error @+1 {{constraint 1: one index argument for each extent, has 1 for 2}}
  %p = seq.softmax 1 (%i) in (%T, %T) -> (tensor<?x?xf32>) {
    seq.yield %v : f32
  }
  return
}

// -----

func.func @none_reduced(%T: index, %v: f32) {
  // expected-error @+1 {{constraint 2: normalises over 0 of 1 indices}}
  %p = seq.softmax 0 (%i) in (%T) -> (tensor<?xf32>) {
    seq.yield %v : f32
  }
  return
}

// -----

func.func @too_many_reduced(%T: index, %v: f32) {
  // expected-error @+1 {{constraint 2: normalises over 2 of 1 indices}}
  %p = seq.softmax 2 (%i) in (%T) -> (tensor<?xf32>) {
    seq.yield %v : f32
  }
  return
}

// -----

func.func @integer_scores(%T: index, %v: i32) {
  // expected-error @+1 {{constraint 3: the body yields one float}}
  %p = seq.softmax 1 (%i) in (%T) -> (tensor<?xi32>) {
    seq.yield %v : i32
  }
  return
}

// -----

func.func @result(%T: index, %v: f32) {
  // expected-error @+1 {{constraint 4: 'tensor<?xf64>' is no result of 'f32' over 1 indices}}
  %p = seq.softmax 1 (%i) in (%T) -> (tensor<?xf64>) {
    seq.yield %v : f32
  }
  return
}

// -----

func.func @static_dimension(%v: f32) {
  %c4 = arith.constant 4 : index
  // expected-error @+1 {{constraint 4: dimension 3 where the extent is 4}}
  %p = seq.softmax 1 (%i) in (%c4) -> (tensor<3xf32>) {
    seq.yield %v : f32
  }
  return
}

// -----

func.func @no_yield(%n: index) {
  // expected-error @+1 {{constraint 3: the body ends in a seq.yield}}
  %y = seq.softmax 1 (%i) in (%n) -> (tensor<?xf32>) {
    %c = arith.constant 0.0 : f32
  }
  return
}
