// RUN: %seq-opt -seq-narrow %s | FileCheck %s

// What only rounding readers read is rounded where it is made, and the copy goes away.
// CHECK-LABEL: func.func @result
func.func @result(%x: tensor<?xf32>, %T: index) -> tensor<?xbf16> {
  // CHECK: %[[Y:.*]] = seq.map
  // CHECK: %[[E:.*]] = seq.unary exp
  // CHECK: %[[R:.*]] = arith.truncf %[[E]] : f32 to bf16
  // CHECK: seq.yield %[[R]] : bf16
  // CHECK-NOT: seq.map
  // CHECK: return %[[Y]]
  %y = seq.map (%t) in (%T) -> (tensor<?xf32>) {
    %v = seq.read %x[%t] : tensor<?xf32>
    %e = seq.unary exp %v : f32
    seq.yield %e : f32
  }
  %z = seq.map (%t) in (%T) -> (tensor<?xbf16>) {
    %v = seq.read %y[%t] : tensor<?xf32>
    %r = arith.truncf %v : f32 to bf16
    seq.yield %r : bf16
  }
  return %z : tensor<?xbf16>
}

// One reader that does not round needs all of the number.
// CHECK-LABEL: func.func @two_readers
func.func @two_readers(%x: tensor<?xf32>, %T: index) -> (tensor<?xbf16>, tensor<?xf32>) {
  // CHECK: seq.map {{.*}} -> (tensor<?xf32>)
  // CHECK: seq.map {{.*}} -> (tensor<?xbf16>)
  %y = seq.map (%t) in (%T) -> (tensor<?xf32>) {
    %v = seq.read %x[%t] : tensor<?xf32>
    %e = seq.unary exp %v : f32
    seq.yield %e : f32
  }
  %z = seq.map (%t) in (%T) -> (tensor<?xbf16>) {
    %v = seq.read %y[%t] : tensor<?xf32>
    %r = arith.truncf %v : f32 to bf16
    seq.yield %r : bf16
  }
  %w = seq.map (%t) in (%T) -> (tensor<?xf32>) {
    %v = seq.read %y[%t] : tensor<?xf32>
    %s = arith.addf %v, %v : f32
    seq.yield %s : f32
  }
  return %z, %w : tensor<?xbf16>, tensor<?xf32>
}

// What has been rounded is kept so, whoever reads it.
// CHECK-LABEL: func.func @rounded
func.func @rounded(%x: tensor<?xf32>, %T: index) -> tensor<?xf32> {
  // CHECK: %[[Y:.*]] = seq.map {{.*}} -> (tensor<?xf16>)
  // CHECK: %[[V:.*]] = seq.read %[[Y]][%{{.*}}] : tensor<?xf16>
  // CHECK: %[[W:.*]] = arith.extf %[[V]] : f16 to f32
  // CHECK: arith.addf %[[W]], %[[W]]
  %y = seq.map (%t) in (%T) -> (tensor<?xf32>) {
    %v = seq.read %x[%t] : tensor<?xf32>
    %r = arith.truncf %v : f32 to f16
    %w = arith.extf %r : f16 to f32
    seq.yield %w : f32
  }
  %z = seq.map (%t) in (%T) -> (tensor<?xf32>) {
    %v = seq.read %y[%t] : tensor<?xf32>
    %s = arith.addf %v, %v : f32
    seq.yield %s : f32
  }
  return %z : tensor<?xf32>
}

// A scan yields a rounded copy of what it keeps as a state.
// CHECK-LABEL: func.func @yields
func.func @yields(%x: tensor<?xf32>, %h0: tensor<4xf32>, %T: index) -> tensor<?x4xbf16> {
  // CHECK: %[[Y:.*]]:2 = seq.scan {{.*}} -> (tensor<?x4xbf16>, tensor<4xf32>)
  // CHECK: %[[H:.*]] = seq.map {{.*}} -> (tensor<4xf32>)
  // CHECK: %[[C:.*]] = seq.map {{.*}} -> (tensor<4xbf16>)
  // CHECK: seq.next(%[[H]]) yield(%[[C]])
  // CHECK-NOT: seq.map
  // CHECK: return %[[Y]]#0
  %four = arith.constant 4 : index
  %y:2 = seq.scan (%t) in (%T) states (%s = %h0) -> (tensor<?x4xf32>, tensor<4xf32>) {
    %h = seq.map (%k) in (%four) -> (tensor<4xf32>) {
      %a = seq.read %s[%k] : tensor<4xf32>
      %b = seq.read %x[%t] : tensor<?xf32>
      %c = arith.addf %a, %b : f32
      seq.yield %c : f32
    }
    seq.next(%h) yield(%h) : (tensor<4xf32>) yield(tensor<4xf32>)
  }
  %z = seq.map (%t, %k) in (%T, %four) -> (tensor<?x4xbf16>) {
    %v = seq.read %y#0[%t, %k] : tensor<?x4xf32>
    %r = arith.truncf %v : f32 to bf16
    seq.yield %r : bf16
  }
  return %z : tensor<?x4xbf16>
}
