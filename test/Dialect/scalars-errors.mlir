// RUN: %seq-opt %s -split-input-file -verify-diagnostics

func.func @exponent(%x: f32, %k: i32) {
  // expected-error @+1 {{constraint 1: the exponent is 'i32' where the base is 'f32'}}
  %a = seq.power %x, %k : f32, i32
  return
}

// -----

func.func @base_and_result(%x: f32, %n: index) {
  // expected-error @+1 {{failed to verify that all of {base, result} have same type}}
  %a = "seq.power"(%x, %n) : (f32, index) -> f64
  return
}

// -----

func.func @unary_of_integers(%k: i32) {
  // expected-error @+1 {{operand #0 must be a float of seq}}
  %a = seq.unary exp %k : i32
  return
}

// -----

func.func @unknown_function(%x: f32) {
  // expected-error @+1 {{one of the following enum values for attribute 'kind' [exp, log, expm1}}
  %a = seq.unary cosh %x : f32
  return
}

// -----

func.func @operands_of_one_type(%a: i32, %i: index) {
  // expected-error @+1 {{failed to verify that all of {lhs, rhs, result} have same type}}
  %q = "seq.int_div"(%a, %i) <{kind = 0 : i32}> : (i32, index) -> i32
  return
}

// -----

func.func @yield_outside(%v: f32) {
  // expected-error @+1 {{expects parent op to be one of 'seq.map, seq.reduce, seq.softmax, seq.attention, seq.conv'}}
  seq.yield %v : f32
}

// -----

func.func @next_outside(%v: tensor<f32>) {
  // expected-error @+1 {{expects parent op 'seq.scan'}}
  seq.next (%v) yield (%v) : (tensor<f32>) yield (tensor<f32>)
}

// -----

func.func @division_of_floats(%a: f32) -> f32 {
  // expected-error @+1 {{operand #0 must be an integer of seq}}
  %q = "seq.int_div"(%a, %a) <{kind = 0 : i32}> : (f32, f32) -> f32
  return %q : f32
}

// -----

func.func @another_size() -> index attributes {seq.sizes = ["T"]} {
  // expected-error @+1 {{constraint 1: `S` is no size of the function}}
  %s = seq.size "S"
  return %s : index
}

// -----

func.func @no_sizes() -> index {
  // expected-error @+1 {{constraint 1: `T` is no size of the function}}
  %t = seq.size "T"
  return %t : index
}

// -----

func.func @hostile_sizes() -> index attributes {seq.sizes = 3 : i32} {
  // expected-error @+1 {{constraint 1: `T` is no size of the function}}
  %t = seq.size "T"
  return %t : index
}
