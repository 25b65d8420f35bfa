//===- Code.h - Building scf + arith + LLVM code ------------------------------===//
//
// A thin builder for what a lowering emits: i64 arithmetic that folds, loops with
// carried values, loads and stores of scalars and native vectors. `seq`'s index type is
// i64 here. A "value" is a scalar or a one-dimensional vector; elementwise helpers work
// on both.
//
//===----------------------------------------------------------------------===//
#ifndef SEQC_LOWERING_COMMON_CODE_H
#define SEQC_LOWERING_COMMON_CODE_H

#include "compiler/Lowering/Common/Lowering.h"
#include "dialect/Seq.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace seq::lowering {

using mlir::Type;
using mlir::Value;
using mlir::ValueRange;
using Values = llvm::SmallVector<Value, 4>;

class Code {
public:
  Code(mlir::Location loc, mlir::OpBuilder &builder, const Target &target);

  mlir::ImplicitLocOpBuilder b;
  const Target &target;
  Type i1, i8, i16, i32, i64, f32, f64, ptr;

  //===--- i64 ---------------------------------------------------------------===//
  Value i(int64_t v);
  Value add(Value a, Value c);
  Value sub(Value a, Value c);
  Value mul(Value a, Value c);
  Value ceilDiv(Value a, int64_t c);
  Value floorDiv(Value a, Value c);
  Value min(Value a, Value c);
  Value max(Value a, Value c);
  Value cmp(mlir::arith::CmpIPredicate p, Value a, Value c);
  static std::optional<int64_t> constant(Value v);

  //===--- scalars and vectors --------------------------------------------------===//
  static bool isVector(Type t) { return llvm::isa<mlir::VectorType>(t); }
  static Type element(Type t);
  /// `like`'s shape with elements of `e`.
  static Type shaped(Type e, Type like);
  static unsigned lanes(Type t);
  Type vec(Type e, unsigned n) { return mlir::VectorType::get({(int64_t)n}, e); }
  /// A constant of `type` (splat for vectors).
  Value f(double v, Type type);
  Value ci(int64_t v, Type type);
  Value splat(Value scalar, unsigned n);
  Value extract(Value vector, Value lane);
  Value iota(unsigned n); ///< <0, 1, …> of i64
  Value fma(Value a, Value x, Value y);
  Value bitcast(Value v, Type type);
  Value select(Value c, Value a, Value d);
  template <class Op> Value bin(Value a, Value c) { return b.createOrFold<Op>(a, c); }
  Value fadd(Value a, Value c) { return mlir::arith::AddFOp::create(b, a, c); }
  Value fsub(Value a, Value c) { return mlir::arith::SubFOp::create(b, a, c); }
  Value fmul(Value a, Value c) { return mlir::arith::MulFOp::create(b, a, c); }
  Value fdiv(Value a, Value c) { return mlir::arith::DivFOp::create(b, a, c); }
  Value fcmp(mlir::arith::CmpFPredicate p, Value a, Value c) {
    return mlir::arith::CmpFOp::create(b, p, a, c);
  }
  template <class Op> Value unary(Value a) { return Op::create(b, a.getType(), a); }

  //===--- memory ------------------------------------------------------------------===//
  /// Type in registers: index is i64, 16-bit floats are their bits until they are widened, since
  /// LLVM has library calls for much of what they may meet on a CPU.
  Type value(Type e) { return e.isIndex() ? i64 : isShort(e) ? i16 : e; }
  /// Type in memory: booleans are bytes.
  Type memory(Type e) { return e.isInteger(1) ? i8 : value(e); }
  Value zero(Type e); ///< in registers
  static int64_t bytes(Type e);
  Value at(Value base, Type e, Value offset); ///< base + offset elements; offset may be a vector
  Value load(Value p, Type e, int64_t align = 0);
  Value loadVector(Value p, Type e, unsigned n, Value mask = {});
  Value gather(Value ptrs, Type e, Value mask);
  void store(Value v, Value p);
  void storeVector(Value v, Value p, Value mask = {});
  void scatter(Value v, Value ptrs, Value mask);
  Value field(Value structPtr, int64_t byteOffset, Type type);

  //===--- control ------------------------------------------------------------------===//
  using LoopBody = llvm::function_ref<void(Value iv)>;
  using CarryBody = llvm::function_ref<Values(Value iv, ValueRange carried)>;
  void loop(Value lo, Value hi, Value step, LoopBody body);
  Values loop(Value lo, Value hi, Value step, ValueRange init, CarryBody body);
  void when(Value cond, llvm::function_ref<void()> then, llvm::function_ref<void()> otherwise = {});
  Values choose(Value cond, mlir::TypeRange types, llvm::function_ref<Values()> then,
                llvm::function_ref<Values()> otherwise);
  Value call(llvm::StringRef name, Type result, ValueRange args);

  mlir::ModuleOp module;
};

/// seq.unary for a scalar or vector of f32 or f64; see Math.cpp.
Value emitUnary(Code &c, int kind, Value x);
/// base ** exponent for floats, as C's pow.
Value emitPow(Code &c, Value base, Value exponent);
/// C's fmod.
Value emitRemainder(Code &c, Value x, Value y);
Value emitExp(Code &c, Value x);
/// The bits of `element`, bf16 or f16, to f32; f32 or f64 to these bits; see Math16.cpp.
Value emitWiden(Code &c, Value bits, Type element);
Value emitNarrow(Code &c, Value x, Type element);
Value emitLog(Code &c, Value x);

} // namespace seq::lowering

#endif
