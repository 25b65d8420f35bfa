// RUN: %seq-opt -seq-classify -seq-form %s | FileCheck %s
// RUN: %seq-opt -seq-classify '-seq-form=tell=true' %s | FileCheck %s --check-prefix=TELL
// RUN: %seq-opt -seq-classify '-seq-form=threads=8' %s | FileCheck %s --check-prefix=TEAM
// RUN: %seq-opt -seq-classify '-seq-form=threads=8 batch=8' %s | FileCheck %s --check-prefix=BATCH

// Eight threads that have one sequence share its blocks; each with one of its own takes that.
// TEAM-LABEL: func.func @large
// TEAM: seq.form = "two-level"
// BATCH-LABEL: func.func @large
// BATCH: seq.form = "chunked"

// One decay and a large matrix: chunks of matrix products are cheaper.
// CHECK-LABEL: func.func @large
// CHECK: seq.chunk = 32 : i64{{.*}}seq.form = "chunked"
// TELL-LABEL: func.func @large
// TELL: seq.candidates = [{flops = "327680 * T",
// TELL-SAME: form = "sequential"
// TELL-SAME: form = "scan"
// TELL-SAME: chunk = 32 : i64{{.*}}form = "chunked"{{.*}}sizes = "T=1024"
func.func @large(%q: tensor<?x256xf32>, %v: tensor<?x256xf32>) -> tensor<?x256xf32> attributes {seq.sizes = ["T"]} {
  %T = seq.size "T"
  %K = arith.constant 256 : index
  %zero = arith.constant dense<0.0> : tensor<256x256xf32>
  %decay = arith.constant 0.9 : f32
  %o:2 = seq.scan (%t) in (%T) states (%S = %zero) -> (tensor<?x256xf32>, tensor<256x256xf32>) attributes {stateNames = ["S"]} {
    %n = seq.map (%a, %b) in (%K, %K) -> (tensor<256x256xf32>) {
      %s = seq.read %S[%a, %b] : tensor<256x256xf32>
      %d = arith.mulf %decay, %s : f32
      %k = seq.read %q[%t, %a] : tensor<?x256xf32>
      %x = seq.read %v[%t, %b] : tensor<?x256xf32>
      %p = arith.mulf %k, %x : f32
      %sum = arith.addf %d, %p : f32
      seq.yield %sum : f32
    }
    %y = seq.map (%b) in (%K) -> (tensor<256xf32>) {
      %r = seq.reduce [sum] (%a) in (%K) -> (f32) {
        %k = seq.read %q[%t, %a] : tensor<?x256xf32>
        %s = seq.read %n[%a, %b] : tensor<256x256xf32>
        %p = arith.mulf %k, %s : f32
        seq.yield %p : f32
      }
      seq.yield %r : f32
    }
    seq.next (%n) yield (%y) : (tensor<256x256xf32>) yield (tensor<256xf32>)
  }
  return %o#0 : tensor<?x256xf32>
}

// A small matrix stays in the first-level cache: step by step.
// CHECK-LABEL: func.func @small
// CHECK-NOT: seq.form
// CHECK: return
// TELL-LABEL: func.func @small
// TELL: seq.candidates
func.func @small(%q: tensor<?x16xf32>, %v: tensor<?x16xf32>) -> tensor<?x16xf32> attributes {seq.sizes = ["T"]} {
  %T = seq.size "T"
  %K = arith.constant 16 : index
  %zero = arith.constant dense<0.0> : tensor<16x16xf32>
  %decay = arith.constant 0.9 : f32
  %o:2 = seq.scan (%t) in (%T) states (%S = %zero) -> (tensor<?x16xf32>, tensor<16x16xf32>) attributes {stateNames = ["S"]} {
    %n = seq.map (%a, %b) in (%K, %K) -> (tensor<16x16xf32>) {
      %s = seq.read %S[%a, %b] : tensor<16x16xf32>
      %d = arith.mulf %decay, %s : f32
      %k = seq.read %q[%t, %a] : tensor<?x16xf32>
      %x = seq.read %v[%t, %b] : tensor<?x16xf32>
      %p = arith.mulf %k, %x : f32
      %sum = arith.addf %d, %p : f32
      seq.yield %sum : f32
    }
    %y = seq.map (%b) in (%K) -> (tensor<16xf32>) {
      %r = seq.reduce [sum] (%a) in (%K) -> (f32) {
        %k = seq.read %q[%t, %a] : tensor<?x16xf32>
        %s = seq.read %n[%a, %b] : tensor<16x16xf32>
        %p = arith.mulf %k, %s : f32
        seq.yield %p : f32
      }
      seq.yield %r : f32
    }
    seq.next (%n) yield (%y) : (tensor<16x16xf32>) yield (tensor<16xf32>)
  }
  return %o#0 : tensor<?x16xf32>
}
