// RUN: %seq-opt --seq-interpret %s | FileCheck %s

// Expected values: SciPy in f64, rounded to f32. One line for each function, in order.

// CHECK-LABEL: @exponentials
// CHECK-NEXT: f32[8] [1, 2.7182817, 0.60653067, 1, inf, 0, inf, nan]
// CHECK-NEXT: f32[8] [0, 1.7182819, -0.39346933, 1e-10, inf, -1, inf, nan]
// CHECK-NEXT: f32[8] [-inf, 0, nan, -23.02585, 4.6051702, nan, inf, nan]
// CHECK-NEXT: f32[8] [0, 0.6931472, -0.6931472, 1e-10, 4.6151204, nan, inf, nan]
func.func @exponentials() -> (tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>) {
  %x = arith.constant dense<[0.0, 1.0, -0.5, 1.0e-10, 100.0, 0xFF800000, 0x7F800000, 0x7FC00000]> : tensor<8xf32>
  %n = arith.constant 8 : index
  %y:4 = seq.map (%i) in (%n) -> (tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>) {
    %v = seq.read %x[%i] : tensor<8xf32>
    %r0 = seq.unary exp %v : f32
    %r1 = seq.unary expm1 %v : f32
    %r2 = seq.unary log %v : f32
    %r3 = seq.unary log1p %v : f32
    seq.yield %r0, %r1, %r2, %r3 : f32, f32, f32, f32
  }
  return %y#0, %y#1, %y#2, %y#3 : tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>
}

// CHECK-LABEL: @roots
// CHECK-NEXT: f32[6] [2, 0.5, 0, nan, inf, nan]
// CHECK-NEXT: f32[6] [0.5, 2, inf, nan, 0, nan]
func.func @roots() -> (tensor<6xf32>, tensor<6xf32>) {
  %x = arith.constant dense<[4.0, 0.25, 0.0, -1.0, 0x7F800000, 0x7FC00000]> : tensor<6xf32>
  %n = arith.constant 6 : index
  %y:2 = seq.map (%i) in (%n) -> (tensor<6xf32>, tensor<6xf32>) {
    %v = seq.read %x[%i] : tensor<6xf32>
    %r0 = seq.unary sqrt %v : f32
    %r1 = seq.unary rsqrt %v : f32
    seq.yield %r0, %r1 : f32, f32
  }
  return %y#0, %y#1 : tensor<6xf32>, tensor<6xf32>
}

// CHECK-LABEL: @signs
// CHECK-NEXT: f32[7] [1.5, 1.5, 0, 0, inf, inf, nan]
// CHECK-NEXT: f32[7] [1, -1, 0, 0, 1, -1, nan]
// CHECK-NEXT: f32[7] [1, -2, 0, -0, inf, -inf, nan]
// CHECK-NEXT: f32[7] [1.5, 0, 0, 0, inf, 0, nan]
func.func @signs() -> (tensor<7xf32>, tensor<7xf32>, tensor<7xf32>, tensor<7xf32>) {
  %x = arith.constant dense<[1.5, -1.5, 0.0, -0.0, 0x7F800000, 0xFF800000, 0x7FC00000]> : tensor<7xf32>
  %n = arith.constant 7 : index
  %y:4 = seq.map (%i) in (%n) -> (tensor<7xf32>, tensor<7xf32>, tensor<7xf32>, tensor<7xf32>) {
    %v = seq.read %x[%i] : tensor<7xf32>
    %r0 = seq.unary abs %v : f32
    %r1 = seq.unary sign %v : f32
    %r2 = seq.unary floor %v : f32
    %r3 = seq.unary relu %v : f32
    seq.yield %r0, %r1, %r2, %r3 : f32, f32, f32, f32
  }
  return %y#0, %y#1, %y#2, %y#3 : tensor<7xf32>, tensor<7xf32>, tensor<7xf32>, tensor<7xf32>
}

// CHECK-LABEL: @waves
// CHECK-NEXT: f32[4] [0, 0.84147096, 0.0357488, nan]
// CHECK-NEXT: f32[4] [1, 0.5403023, -0.9993608, nan]
func.func @waves() -> (tensor<4xf32>, tensor<4xf32>) {
  %x = arith.constant dense<[0.0, 1.0, 100000.0, 0x7F800000]> : tensor<4xf32>
  %n = arith.constant 4 : index
  %y:2 = seq.map (%i) in (%n) -> (tensor<4xf32>, tensor<4xf32>) {
    %v = seq.read %x[%i] : tensor<4xf32>
    %r0 = seq.unary sin %v : f32
    %r1 = seq.unary cos %v : f32
    seq.yield %r0, %r1 : f32, f32
  }
  return %y#0, %y#1 : tensor<4xf32>, tensor<4xf32>
}

// CHECK-LABEL: @squashing
// CHECK-NEXT: f32[8] [0, 0.7615942, -0.7615942, 1, -1, 1, -1, nan]
// CHECK-NEXT: f32[8] [0.5, 0.7310586, 0.26894143, 1, 3.8e-44, 1, 0, nan]
// CHECK-NEXT: f32[8] [-0.6931472, -0.3132617, -1.3132616, -3.8e-44, -100, -0, -inf, nan]
// CHECK-NEXT: f32[8] [0.6931472, 1.3132616, 0.3132617, 100, 3.8e-44, inf, 0, nan]
// CHECK-NEXT: f32[8] [0, 0.8427008, -0.8427008, 1, -1, 1, -1, nan]
func.func @squashing() -> (tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>) {
  %x = arith.constant dense<[0.0, 1.0, -1.0, 100.0, -100.0, 0x7F800000, 0xFF800000, 0x7FC00000]> : tensor<8xf32>
  %n = arith.constant 8 : index
  %y:5 = seq.map (%i) in (%n) -> (tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>) {
    %v = seq.read %x[%i] : tensor<8xf32>
    %r0 = seq.unary tanh %v : f32
    %r1 = seq.unary sigmoid %v : f32
    %r2 = seq.unary log_sigmoid %v : f32
    %r3 = seq.unary softplus %v : f32
    %r4 = seq.unary erf %v : f32
    seq.yield %r0, %r1, %r2, %r3, %r4 : f32, f32, f32, f32, f32
  }
  return %y#0, %y#1, %y#2, %y#3, %y#4 : tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>
}

// CHECK-LABEL: @gates
// CHECK-NEXT: f32[8] [0, 0.7310586, -0.26894143, -0.033464253, 50, -0, 3e+38, nan]
// CHECK-NEXT: f32[8] [0, 0.8413448, -0.15865526, -1.4332578e-06, 50, -0, 3e+38, nan]
// CHECK-NEXT: f32[8] [0, 0.841192, -0.15880801, -2.2917962e-07, 50, -0, 3e+38, nan]
func.func @gates() -> (tensor<8xf32>, tensor<8xf32>, tensor<8xf32>) {
  %x = arith.constant dense<[0.0, 1.0, -1.0, -5.0, 50.0, -200.0, 3.0e+38, 0x7FC00000]> : tensor<8xf32>
  %n = arith.constant 8 : index
  %y:3 = seq.map (%i) in (%n) -> (tensor<8xf32>, tensor<8xf32>, tensor<8xf32>) {
    %v = seq.read %x[%i] : tensor<8xf32>
    %r0 = seq.unary silu %v : f32
    %r1 = seq.unary gelu %v : f32
    %r2 = seq.unary gelu_tanh %v : f32
    seq.yield %r0, %r1, %r2 : f32, f32, f32
  }
  return %y#0, %y#1, %y#2 : tensor<8xf32>, tensor<8xf32>, tensor<8xf32>
}
