// RUN: %seq-opt --seq-interpret %s | FileCheck %s

// CHECK-LABEL: @integers
// CHECK-NEXT: i32[] -2147483648
// CHECK-NEXT: i32[] 2147483647
// CHECK-NEXT: i32[] -2
// CHECK-NEXT: i32[] -2147483648
// CHECK-NEXT: i32[] 2147483647
func.func @integers() -> (i32, i32, i32, i32, i32) {
  %max = arith.constant 2147483647 : i32
  %min = arith.constant -2147483648 : i32
  %one = arith.constant 1 : i32
  %a = arith.addi %max, %one : i32
  %b = arith.subi %min, %one : i32
  %c = arith.muli %max, %a : i32
  %two = arith.addi %one, %one : i32
  %d = arith.muli %max, %two : i32
  %e = arith.minsi %max, %min : i32
  %f = arith.maxsi %max, %min : i32
  return %a, %b, %d, %e, %f : i32, i32, i32, i32, i32
}

// CHECK-LABEL: @divisions
// CHECK-NEXT: i32[] -3
// CHECK-NEXT: i32[] -1
// CHECK-NEXT: i32[] -4
// CHECK-NEXT: i32[] -3
// CHECK-NEXT: i32[] 0
func.func @divisions() -> (i32, i32, i32, i32, i32) {
  %a = arith.constant -7 : i32
  %b = arith.constant 2 : i32
  %zero = arith.constant 0 : i32
  %q = arith.divsi %a, %b : i32
  %r = arith.remsi %a, %b : i32
  %f = arith.floordivsi %a, %b : i32
  %c = arith.ceildivsi %a, %b : i32
  %z = arith.divsi %a, %zero : i32
  return %q, %r, %f, %c, %z : i32, i32, i32, i32, i32
}

// CHECK-LABEL: @floats_round_to_f32
// CHECK-NEXT: f32[] 16777216
// CHECK-NEXT: f32[] 0.33333334
// CHECK-NEXT: f32[] -1
// CHECK-NEXT: f32[] inf
func.func @floats_round_to_f32() -> (f32, f32, f32, f32) {
  %big = arith.constant 16777216.0 : f32
  %one = arith.constant 1.0 : f32
  %three = arith.constant 3.0 : f32
  %huge = arith.constant 3.0e+38 : f32
  %a = arith.addf %big, %one : f32
  %b = arith.divf %one, %three : f32
  %n = arith.negf %big : f32
  %c = arith.remf %n, %three : f32
  %d = arith.mulf %huge, %three : f32
  return %a, %b, %c, %d : f32, f32, f32, f32
}

// CHECK-LABEL: @maximum_and_minimum
// CHECK-NEXT: f32[] nan
// CHECK-NEXT: f32[] nan
// CHECK-NEXT: f32[] 0
// CHECK-NEXT: f32[] -0
func.func @maximum_and_minimum() -> (f32, f32, f32, f32) {
  %nan = arith.constant 0x7FC00000 : f32
  %one = arith.constant 1.0 : f32
  %zero = arith.constant 0.0 : f32
  %minus = arith.constant -0.0 : f32
  %a = arith.maximumf %one, %nan : f32
  %b = arith.minimumf %nan, %one : f32
  %c = arith.maximumf %minus, %zero : f32
  %d = arith.minimumf %zero, %minus : f32
  return %a, %b, %c, %d : f32, f32, f32, f32
}

// Compared with NaN, 1 and 2.
// CHECK-LABEL: @float_comparisons
// CHECK-NEXT: bool[3] [false, true, false]
// CHECK-NEXT: bool[3] [false, false, true]
// CHECK-NEXT: bool[3] [false, true, true]
// CHECK-NEXT: bool[3] [true, false, true]
// CHECK-NEXT: bool[3] [false, true, true]
// CHECK-NEXT: bool[3] [true, false, false]
// CHECK-NEXT: bool[3] [true, false, true]
func.func @float_comparisons() -> (tensor<3xi1>, tensor<3xi1>, tensor<3xi1>, tensor<3xi1>, tensor<3xi1>, tensor<3xi1>, tensor<3xi1>) {
  %x = arith.constant dense<[0x7FC00000, 1.0, 2.0]> : tensor<3xf32>
  %one = arith.constant 1.0 : f32
  %n = arith.constant 3 : index
  %y:7 = seq.map (%i) in (%n) -> (tensor<3xi1>, tensor<3xi1>, tensor<3xi1>, tensor<3xi1>, tensor<3xi1>, tensor<3xi1>, tensor<3xi1>) {
    %v = seq.read %x[%i] : tensor<3xf32>
    %a = arith.cmpf oeq, %v, %one : f32
    %b = arith.cmpf ogt, %v, %one : f32
    %c = arith.cmpf oge, %v, %one : f32
    %d = arith.cmpf une, %v, %one : f32
    %e = arith.cmpf ord, %v, %one : f32
    %f = arith.cmpf uno, %v, %one : f32
    %g = arith.cmpf ugt, %v, %one : f32
    seq.yield %a, %b, %c, %d, %e, %f, %g : i1, i1, i1, i1, i1, i1, i1
  }
  return %y#0, %y#1, %y#2, %y#3, %y#4, %y#5, %y#6 : tensor<3xi1>, tensor<3xi1>, tensor<3xi1>, tensor<3xi1>, tensor<3xi1>, tensor<3xi1>, tensor<3xi1>
}

// CHECK-LABEL: @integer_comparisons
// CHECK-NEXT: bool[] true
// CHECK-NEXT: bool[] false
// CHECK-NEXT: bool[] true
func.func @integer_comparisons() -> (i1, i1, i1) {
  %a = arith.constant -1 : i32
  %b = arith.constant 1 : i32
  %yes = arith.constant true
  %no = arith.constant false
  %s = arith.cmpi slt, %a, %b : i32
  %u = arith.cmpi ult, %a, %b : i32
  %l = arith.cmpi slt, %yes, %no : i1
  return %s, %u, %l : i1, i1, i1
}

// CHECK-LABEL: @logic_and_select
// CHECK-NEXT: i32[4] [1, 0, 0, 0]
// CHECK-NEXT: i32[4] [6, 7, 8, 9]
// CHECK-NEXT: i32[4] [1, 0, 3, 2]
func.func @logic_and_select() -> (tensor<4xi32>, tensor<4xi32>, tensor<4xi32>) {
  %n = arith.constant 4 : index
  %c6 = arith.constant 6 : index
  %one = arith.constant 1 : i32
  %three = arith.constant 3 : i32
  %zero = arith.constant 0 : i32
  %yes = arith.constant true
  %y:3 = seq.map (%i) in (%n) -> (tensor<4xi32>, tensor<4xi32>, tensor<4xi32>) {
    %v = arith.index_cast %i : index to i32
    %p = arith.cmpi sge, %v, %one : i32
    %q = arith.cmpi sge, %v, %three : i32
    %o = arith.ori %p, %q : i1
    %m = arith.andi %p, %o : i1
    %x = arith.xori %m, %yes : i1
    %s = arith.select %x, %one, %zero : i32
    %j = arith.addi %i, %c6 : index
    %k = arith.select %yes, %j, %i : index
    %r = arith.index_cast %k : index to i32
    %w = arith.xori %v, %one : i32
    seq.yield %s, %r, %w : i32, i32, i32
  }
  return %y#0, %y#1, %y#2 : tensor<4xi32>, tensor<4xi32>, tensor<4xi32>
}

// CHECK-LABEL: @conversions
// CHECK-NEXT: f32[] -1
// CHECK-NEXT: f32[] 1
// CHECK-NEXT: f32[] 16777216
// CHECK-NEXT: f32[] 0.1
// CHECK-NEXT: f64[] 0.10000000149011612
// CHECK-NEXT: i32[] 1
// CHECK-NEXT: i32[] -1
// CHECK-NEXT: int[] 4294967295
// CHECK-NEXT: int[] -1
func.func @conversions() -> (f32, f32, f32, f32, f64, i32, i32, index, index) {
  %yes = arith.constant true
  %a = arith.sitofp %yes : i1 to f32
  %b = arith.uitofp %yes : i1 to f32
  %big = arith.constant 16777217 : i32
  %c = arith.sitofp %big : i32 to f32
  %tenth = arith.constant 0.1 : f64
  %d = arith.truncf %tenth : f64 to f32
  %e = arith.extf %d : f32 to f64
  %f = arith.extui %yes : i1 to i32
  %g = arith.extsi %yes : i1 to i32
  %h = arith.index_castui %g : i32 to index
  %i = arith.index_cast %g : i32 to index
  return %a, %b, %c, %d, %e, %f, %g, %h, %i : f32, f32, f32, f32, f64, i32, i32, index, index
}
