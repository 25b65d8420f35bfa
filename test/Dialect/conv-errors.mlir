// RUN: %seq-opt %s -split-input-file -verify-diagnostics

func.func @indices_and_extents(%T: index, %v: f32) {
  // expected-error @+1 {{constraint 1: one index argument for each extent, has 1 for 2}}
  %y = seq.conv 1 (%t) in (%T, %T) -> (tensor<?xf32>) {
    seq.yield %v, %v : f32, f32
  }
  return
}

// -----

func.func @none_reduced(%T: index, %v: f32) {
  // expected-error @+1 {{constraint 2: sums over 0 of 1 indices}}
  %y = seq.conv 0 (%t) in (%T) -> (tensor<?xf32>) {
    seq.yield %v, %v : f32, f32
  }
  return
}

// -----

func.func @no_input(%T: index, %v: f32) {
  // expected-error @+1 {{constraint 3: the body yields kernel and input, not 1 values}}
  %y = seq.conv 1 (%t, %k) in (%T, %T) -> (tensor<?xf32>) {
    seq.yield %v : f32
  }
  return
}

// -----

func.func @integers(%T: index, %v: i32) {
  // expected-error @+1 {{constraint 3: yields 'i32', 'i32' where floats of one type are wanted}}
  %y = seq.conv 1 (%t, %k) in (%T, %T) -> (tensor<?xi32>) {
    seq.yield %v, %v : i32, i32
  }
  return
}

// -----

func.func @input_from_outside(%T: index, %v: f32) {
  // expected-error @+1 {{constraint 4: the input is no unchecked read of the body}}
  %y = seq.conv 1 (%t, %k) in (%T, %T) -> (tensor<?xf32>) {
    seq.yield %v, %v : f32, f32
  }
  return
}

// -----

func.func @checked_input(%T: index, %x: tensor<?xf32>, %v: f32) {
  // expected-error @+1 {{constraint 4: the input is no unchecked read of the body}}
  %y = seq.conv 1 (%t, %k) in (%T, %T) -> (tensor<?xf32>) {
    %e = arith.subi %t, %k : index
    %b = seq.read %x[%e] check "x[t - k]" : tensor<?xf32>
    seq.yield %v, %b : f32, f32
  }
  return
}

// -----

func.func @not_affine(%T: index, %x: tensor<?xf32>, %v: f32) {
  // expected-error @+1 {{constraint 4: the input is read at a place that is not affine}}
  %y = seq.conv 1 (%t, %k) in (%T, %T) -> (tensor<?xf32>) {
    %e = arith.muli %t, %k : index
    %b = seq.read %x[%e] : tensor<?xf32>
    seq.yield %v, %b : f32, f32
  }
  return
}

// -----

func.func @no_window(%T: index, %x: tensor<?x?xf32>, %v: f32) {
  // expected-error @+1 {{constraint 4: no axis of the input moves with a leading and a reduced index}}
  %y = seq.conv 1 (%t, %k) in (%T, %T) -> (tensor<?xf32>) {
    %b = seq.read %x[%t, %k] : tensor<?x?xf32>
    seq.yield %v, %b : f32, f32
  }
  return
}

// -----

func.func @result(%T: index, %x: tensor<?xf32>, %v: f32) {
  // expected-error @+1 {{constraint 5: 'tensor<?x?xf32>' is no result of 'f32' over 1 indices}}
  %y = seq.conv 1 (%t, %k) in (%T, %T) -> (tensor<?x?xf32>) {
    %e = arith.subi %t, %k : index
    %b = seq.read %x[%e] : tensor<?xf32>
    seq.yield %v, %b : f32, f32
  }
  return
}

// -----

func.func @own_operand(%T: index, %x: tensor<?xf32>, %v: f32) {
  // expected-error @+1 {{constraint 4: the input is read at a place that is not affine}}
  %y = seq.conv 1 (%t, %k) in (%T, %T) -> (tensor<?xf32>) {
    %e = arith.addi %e, %k : index
    %b = seq.read %x[%e] : tensor<?xf32>
    seq.yield %v, %b : f32, f32
  }
  return
}
