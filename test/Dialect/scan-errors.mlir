// RUN: %seq-opt %s -split-input-file -verify-diagnostics

func.func @block_arguments(%T: index, %h0: tensor<f32>) {
  // expected-error @+1 {{constraint 1: the block has the index, then one tensor for each state}}
  %y = "seq.scan"(%T, %h0) ({
  ^bb0(%t: index):
    "seq.next"(%h0) <{operandSegmentSizes = array<i32: 1, 0>}> : (tensor<f32>) -> ()
  }) : (index, tensor<f32>) -> tensor<f32>
  return
}

// -----

func.func @index_type(%T: index, %h0: tensor<f32>) {
  // expected-error @+1 {{constraint 1: the block has the index, then one tensor for each state}}
  %y = "seq.scan"(%T, %h0) ({
  ^bb0(%t: i32, %h: tensor<f32>):
    "seq.next"(%h) <{operandSegmentSizes = array<i32: 1, 0>}> : (tensor<f32>) -> ()
  }) : (index, tensor<f32>) -> tensor<f32>
  return
}

// -----

func.func @state_changes_type(%T: index, %h0: tensor<4xf32>, %g: tensor<?xf32>) {
  // expected-error @+1 {{constraint 2: a state of 'tensor<4xf32>' begins as 'tensor<4xf32>' and becomes 'tensor<?xf32>'}}
  %y:2 = seq.scan (%t) in (%T) states (%h = %h0) -> (tensor<?x4xf32>, tensor<4xf32>) {
    seq.next (%g) yield (%h) : (tensor<?xf32>) yield (tensor<4xf32>)
  }
  return
}

// -----

func.func @number_of_results(%T: index, %h0: tensor<4xf32>) {
  // expected-error @+1 {{constraint 3: 2 results for 2 yields and 1 states}}
  %y:2 = seq.scan (%t) in (%T) states (%h = %h0) -> (tensor<?x4xf32>, tensor<4xf32>) {
    seq.next (%h) yield (%h, %h) : (tensor<4xf32>) yield (tensor<4xf32>, tensor<4xf32>)
  }
  return
}

// -----

func.func @stacked_type(%T: index, %h0: tensor<4xf32>) {
  // expected-error @+1 {{constraint 3: 'tensor<4xf32>' stacked is no 'tensor<?x5xf32>'}}
  %y:2 = seq.scan (%t) in (%T) states (%h = %h0) -> (tensor<?x5xf32>, tensor<4xf32>) {
    seq.next (%h) yield (%h) : (tensor<4xf32>) yield (tensor<4xf32>)
  }
  return
}

// -----

func.func @final_state(%T: index, %h0: tensor<4xf32>) {
  // expected-error @+1 {{constraint 3: the final state of 'tensor<4xf32>' is 'tensor<?xf32>'}}
  %y = "seq.scan"(%T, %h0) ({
  ^bb0(%t: index, %h: tensor<4xf32>):
    "seq.next"(%h) <{operandSegmentSizes = array<i32: 1, 0>}> : (tensor<4xf32>) -> ()
  }) : (index, tensor<4xf32>) -> tensor<?xf32>
  return
}

// -----

func.func @next_gives_every_state(%T: index, %h0: tensor<4xf32>) {
  // expected-error @+1 {{constraint 4: seq.next gives every state, 1 of 2}}
  %y:3 = seq.scan (%t) in (%T) states (%h = %h0, %g = %h0) -> (tensor<?x4xf32>, tensor<4xf32>, tensor<4xf32>) {
    seq.next (%h) yield (%h) : (tensor<4xf32>) yield (tensor<4xf32>)
  }
  return
}

// -----

func.func @fewer_results_than_states(%T: index, %h0: tensor<4xf32>) {
  // expected-error @+1 {{fewer results than states}}
  %y = seq.scan (%t) in (%T) states (%h = %h0, %g = %h0) -> (tensor<4xf32>) {
    seq.next (%h, %g) yield (%h) : (tensor<4xf32>, tensor<4xf32>) yield (tensor<4xf32>)
  }
  return
}

// -----

func.func @no_next(%T: index, %h0: tensor<f32>) {
  // expected-error @+1 {{constraint 4: the body ends in a seq.next}}
  %y = seq.scan (%t) in (%T) states (%h = %h0) -> (tensor<f32>) {
    %c = arith.constant 0.0 : f32
  }
  return
}
