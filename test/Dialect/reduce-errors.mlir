// RUN: %seq-opt %s -split-input-file -verify-diagnostics

func.func @no_index(%v: f32) {
  %y = seq.map () in () -> (tensor<f32>) {
    // expected-error @+1 {{constraint 1: a reduction has at least one index}}
    %s = seq.reduce [sum] () in () -> (f32) {
      seq.yield %v : f32
    }
    seq.yield %s : f32
  }
  return
}

// -----

func.func @indices_and_extents(%K: index, %v: f32) {
  %y = seq.map () in () -> (tensor<f32>) {
    // expected-error @+1 {{constraint 1: one index argument for each extent, has 1 for 2}}
    %s = seq.reduce [sum] (%i) in (%K, %K) -> (f32) {
      seq.yield %v : f32
    }
    seq.yield %s : f32
  }
  return
}

// -----

func.func @scalars_and_kinds(%K: index, %v: f32) {
  %y = seq.map () in () -> (tensor<f32>) {
    // expected-error @+1 {{constraint 2: one scalar and one result for each kind}}
    %s:2 = seq.reduce [sum, max] (%i) in (%K) -> (f32, f32) {
      seq.yield %v : f32
    }
    seq.yield %s#0 : f32
  }
  return
}

// -----

func.func @result_type(%K: index, %v: f32) {
  %y = seq.map () in () -> (tensor<f64>) {
    // expected-error @+1 {{constraint 3: sum of 'f32' gives 'f64'}}
    %s = seq.reduce [sum] (%i) in (%K) -> (f64) {
      seq.yield %v : f32
    }
    seq.yield %s : f64
  }
  return
}

// -----

func.func @place_is_i32(%K: index, %v: f32) {
  %y = seq.map () in () -> (tensor<f32>) {
    // expected-error @+1 {{constraint 3: argmax of 'f32' gives 'f32'}}
    %s = seq.reduce [argmax] (%i) in (%K) -> (f32) {
      seq.yield %v : f32
    }
    seq.yield %s : f32
  }
  return
}

// -----

func.func @any_of_floats(%K: index, %v: f32) {
  %y = seq.map () in () -> (tensor<f32>) {
    // expected-error @+1 {{constraint 3: any of 'f32' gives 'f32'}}
    %s = seq.reduce [any] (%i) in (%K) -> (f32) {
      seq.yield %v : f32
    }
    seq.yield %s : f32
  }
  return
}

// -----

func.func @mean_of_integers(%K: index, %v: i32) {
  %y = seq.map () in () -> (tensor<i32>) {
    // expected-error @+1 {{constraint 3: mean is of floats}}
    %s = seq.reduce [mean] (%i) in (%K) -> (i32) {
      seq.yield %v : i32
    }
    seq.yield %s : i32
  }
  return
}

// -----

func.func @parent(%K: index, %v: f32) {
  // expected-error @+1 {{constraint 4: a reduction stands in the body of an op over indices}}
  %s = seq.reduce [sum] (%i) in (%K) -> (f32) {
    seq.yield %v : f32
  }
  return
}

// -----

func.func @unknown_kind(%K: index, %v: f32) {
  // expected-error @+1 {{unknown kind of reduction 'median'}}
  %s = seq.reduce [median] (%i) in (%K) -> (f32) {
    seq.yield %v : f32
  }
  return
}

// -----

func.func @no_yield(%n: index) {
  // expected-error @+1 {{constraint 2: the body ends in a seq.yield}}
  %y = seq.reduce [sum] (%i) in (%n) -> (f32) {
    %c = arith.constant 0.0 : f32
  }
  return
}
