// RUN: %seq-opt %s -split-input-file -verify-diagnostics

func.func @no_key(%v: f32) {
  // expected-error @+1 {{constraint 1: attention has at least the key's index}}
  %o = seq.attention () in () -> (tensor<f32>) {
    seq.yield %v, %v : f32, f32
  }
  return
}

// -----

func.func @indices_and_extents(%T: index, %v: f32) {
  // expected-error @+1 {{constraint 1: one index argument for each extent, has 1 for 2}}
  %o = seq.attention (%i) in (%T, %T) -> (tensor<?xf32>) {
    seq.yield %v, %v : f32, f32
  }
  return
}

// -----

func.func @no_value(%T: index, %v: f32) {
  // expected-error @+1 {{constraint 2: the body yields the score and one value for each result, 1 for 1}}
  %o = seq.attention (%j) in (%T) -> (tensor<f32>) {
    seq.yield %v : f32
  }
  return
}

// -----

func.func @integers(%T: index, %v: i32) {
  // expected-error @+1 {{constraint 3: yields 'i32', 'i32' where floats of one type are wanted}}
  %o = seq.attention (%j) in (%T) -> (tensor<i32>) {
    seq.yield %v, %v : i32, i32
  }
  return
}

// -----

func.func @two_types(%T: index, %v: f32, %w: f64) {
  // expected-error @+1 {{constraint 3: yields 'f32', 'f64' where floats of one type are wanted}}
  %o = seq.attention (%j) in (%T) -> (tensor<f64>) {
    seq.yield %v, %w : f32, f64
  }
  return
}

// -----

func.func @keeps_the_key(%T: index, %v: f32) {
  // expected-error @+1 {{constraint 4: 'tensor<?xf32>' is no result of 'f32' over 0 indices}}
  %o = seq.attention (%j) in (%T) -> (tensor<?xf32>) {
    seq.yield %v, %v : f32, f32
  }
  return
}

// -----

func.func @static_dimension(%T: index, %v: f32) {
  %c4 = arith.constant 4 : index
  // expected-error @+1 {{constraint 4: dimension 3 where the extent is 4}}
  %o = seq.attention (%i, %j) in (%c4, %T) -> (tensor<3xf32>) {
    seq.yield %v, %v : f32, f32
  }
  return
}

// -----

func.func @normaliser_with_a_value(%T: index, %v: f32) {
  // expected-error @+1 {{constraint 2: with `normaliser` the body yields the score alone}}
  %o = seq.attention (%j) in (%T) -> (tensor<f32>) attributes {normaliser} {
    seq.yield %v, %v : f32, f32
  }
  return
}
