// RUN: %seq-opt -seq-fourier-conv=form=fft -split-input-file %s | FileCheck %s
// RUN: %seq-opt -seq-fourier-conv -split-input-file %s | FileCheck %s --check-prefix=CHEAPER

// A kernel as long as the sequence, 32 x 8 points: transforms where the sequence is long enough,
// the sums themselves where it is not or where a result is not finite.
#TC = affine_map<()[s0, s1] -> (s0, s1)>

// CHECK-LABEL: func.func @long
// CHECK: seq.scan (%[[TILE:.*]]) in (%{{.*}}) states () -> (tensor<?x?x16x8x?xf32>) attributes {
// CHECK-SAME: seq.chunk = 128 : i64, seq.form = "fft", seq.tile
// CHECK: %[[ZERO:.*]] = seq.map
// CHECK: %[[Y:.*]] = seq.scan (%{{.*}}) in (%{{.*}}) states (%{{.*}} = %[[ZERO]]) -> {{.*}} {seq.once, seq.tile}
// The input in blocks, then two stages over a block and the one before it.
// CHECK: %[[X:.*]] = seq.map {{.*}} {seq.copy}
// CHECK: %[[F:.*]]:2 = seq.map (%{{.*}}) in (%{{.*}}, %c17{{.*}}, %c8{{.*}}, %{{.*}})
// CHECK: seq.reduce [sum, sum] (%{{.*}}, %{{.*}}) in (%c2, %c16{{.*}})
// CHECK: seq.read %[[X]]
// CHECK: seq.map (%{{.*}}) in (%c17{{.*}}, %c8{{.*}}, %{{.*}}, %{{.*}})
// CHECK: seq.read %[[F]]#0
// The kernel.
// CHECK: seq.map {{.*}} {seq.copy}
// Is any result no number, or infinite?
// CHECK: seq.read %[[Y]]
// CHECK: arith.cmpf uno
// CHECK: seq.scan (%{{.*}}) in (%{{.*}}) states (%{{.*}} = %[[Y]]) -> {{.*}} {seq.once, seq.tile}
// CHEAPER-LABEL: func.func @long
// CHEAPER: seq.form = "fft"
func.func @long(%u: tensor<?x?xf32> {seq.shape = #TC}, %k: tensor<?x?xf32> {seq.shape = #TC}) -> tensor<?x?xf32>
    attributes {seq.sizes = ["T", "C"]} {
  %T = seq.size "T"
  %C = seq.size "C"
  %y = seq.conv 1 (%t, %c, %s) in (%T, %C, %T) -> (tensor<?x?xf32>) {
    %w = seq.read %k[%s, %c] : tensor<?x?xf32>
    %e = arith.subi %t, %s : index
    %p = arith.cmpi sle, %s, %t : index
    %x = seq.read %u[%e, %c] if %p : tensor<?x?xf32>
    seq.yield %w, %x : f32, f32 when %p
  }
  return %y : tensor<?x?xf32>
}

// -----

// A known length: no form beside the transforms but for what is not finite.
// CHECK-LABEL: func.func @known
// CHECK: seq.form = "fft"
// CHECK-COUNT-1: seq.once
// CHECK-NOT: seq.once
// CHEAPER-LABEL: func.func @known
// CHEAPER: seq.conv
// CHEAPER: seq.form = "direct"
func.func @known(%u: tensor<200x16xf32>, %k: tensor<200x16xf32>) -> tensor<200x16xf32> {
  %T = arith.constant 200 : index
  %C = arith.constant 16 : index
  %y = seq.conv 1 (%t, %c, %s) in (%T, %C, %T) -> (tensor<200x16xf32>) {
    %w = seq.read %k[%s, %c] : tensor<200x16xf32>
    %e = arith.subi %t, %s : index
    %p = arith.cmpi sle, %s, %t : index
    %x = seq.read %u[%e, %c] if %p : tensor<200x16xf32>
    seq.yield %w, %x : f32, f32 when %p
  }
  return %y : tensor<200x16xf32>
}

// -----

// What has no such form keeps its own, with the reason.
// CHECK-LABEL: func.func @dynamic
// CHECK: seq.conv
// CHECK: seq.refused = {why = "its kernel changes with the step"}
func.func @dynamic(%u: tensor<?xf32>, %k: tensor<?x?xf32>) -> tensor<?xf32> attributes {seq.sizes = ["T"]} {
  %T = seq.size "T"
  %y = seq.conv 1 (%t, %s) in (%T, %T) -> (tensor<?xf32>) {
    %w = seq.read %k[%t, %s] : tensor<?x?xf32>
    %e = arith.subi %t, %s : index
    %p = arith.cmpi sle, %s, %t : index
    %x = seq.read %u[%e] if %p : tensor<?xf32>
    seq.yield %w, %x : f32, f32 when %p
  }
  return %y : tensor<?xf32>
}

// -----

// CHECK-LABEL: func.func @strided
// CHECK: seq.refused = {why = "it does not read its input at `t - s` or `t + s` in one axis"}
func.func @strided(%u: tensor<?xf32>, %k: tensor<?xf32>) -> tensor<?xf32> attributes {seq.sizes = ["T"]} {
  %T = seq.size "T"
  %c2 = arith.constant 2 : index
  %y = seq.conv 1 (%t, %s) in (%T, %T) -> (tensor<?xf32>) {
    %w = seq.read %k[%s] : tensor<?xf32>
    %d = arith.muli %s, %c2 : index
    %e = arith.subi %t, %d : index
    %p = arith.cmpi sle, %d, %t : index
    %x = seq.read %u[%e] if %p : tensor<?xf32>
    seq.yield %w, %x : f32, f32 when %p
  }
  return %y : tensor<?xf32>
}

// -----

// A condition on the step alone is none that the transforms could take.
// CHECK-LABEL: func.func @some_steps
// CHECK: seq.refused = {why = "a condition on the step is no bound of the place that is read"}
func.func @some_steps(%u: tensor<?xf32>, %k: tensor<?xf32>) -> tensor<?xf32> attributes {seq.sizes = ["T"]} {
  %T = seq.size "T"
  %c5 = arith.constant 5 : index
  %y = seq.conv 1 (%t, %s) in (%T, %T) -> (tensor<?xf32>) {
    %w = seq.read %k[%s] : tensor<?xf32>
    %e = arith.subi %t, %s : index
    %a = arith.cmpi sle, %s, %t : index
    %b = arith.cmpi sle, %t, %c5 : index
    %p = arith.andi %a, %b : i1
    %x = seq.read %u[%e] if %a : tensor<?xf32>
    seq.yield %w, %x : f32, f32 when %p
  }
  return %y : tensor<?xf32>
}
