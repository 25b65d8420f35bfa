//===- SimulateMaths.cpp - Arithmetic of a GPU on a CPU -----------------------------===//
//
// Approximate instructions become exact ones, and `ftz` is ignored: results differ from a GPU's
// in the last bits. Floats of 16 bits are kept as bits and computed as f32, so that code needs
// neither instructions that old CPUs lack nor a compiler's library.
//
//===----------------------------------------------------------------------===//
#include "compiler/Codegen/SimulateOps.h"

#include "llvm/ADT/StringSwitch.h"
#include "llvm/IR/InstrTypes.h"
#include "llvm/IR/Intrinsics.h"

using namespace llvm;

namespace seq::codegen {

//===----------------------------------------------------------------------===//
// Floats of 16 bits, and vectors of them
//===----------------------------------------------------------------------===//

static bool isHalf(Type *type) {
  return type->getScalarType()->isHalfTy() || type->getScalarType()->isBFloatTy();
}

/// `type` with another element.
static Type *withElement(Type *type, Type *element) {
  auto *vector = dyn_cast<VectorType>(type);
  return vector ? VectorType::get(element, vector->getElementCount()) : element;
}

static Value *extendHalf(IRBuilderBase &b, Value *v) {
  Type *i32 = withElement(v->getType(), b.getInt32Ty());
  Type *f32 = withElement(v->getType(), b.getFloatTy());
  auto bits = [&](uint32_t n) { return ConstantInt::get(i32, n); };
  Value *u = b.CreateBitCast(v, withElement(v->getType(), b.getInt16Ty()));
  u = b.CreateZExt(u, i32);
  if (v->getType()->getScalarType()->isBFloatTy())
    return b.CreateBitCast(b.CreateShl(u, 16), f32);
  Value *sign = b.CreateShl(b.CreateAnd(u, bits(0x8000)), 16);
  Value *size = b.CreateShl(b.CreateAnd(u, bits(0x7FFF)), 13);
  // The exponents differ by 112, and the product is exact for subnormal numbers as well.
  Value *scaled = b.CreateFMul(b.CreateBitCast(size, f32), ConstantFP::get(f32, 0x1p112));
  Value *isSpecial = b.CreateICmpUGE(size, bits(0x7C00u << 13));
  Value *special = b.CreateOr(size, bits(0x7F800000));
  Value *result = b.CreateSelect(isSpecial, special, b.CreateBitCast(scaled, i32));
  return b.CreateBitCast(b.CreateOr(result, sign), f32);
}

/// To the nearest, ties to even. Takes f32.
Value *roundToHalf(IRBuilderBase &b, Value *v, Type *to) {
  Type *i32 = withElement(to, b.getInt32Ty()), *f32 = withElement(to, b.getFloatTy());
  Type *i16 = withElement(to, b.getInt16Ty());
  auto bits = [&](uint32_t n) { return ConstantInt::get(i32, n); };
  Value *u = b.CreateBitCast(v, i32);
  Value *sign = b.CreateAnd(u, bits(0x80000000)), *size = b.CreateAnd(u, bits(0x7FFFFFFF));
  Value *isNan = b.CreateICmpUGT(size, bits(0x7F800000));
  if (to->getScalarType()->isBFloatTy()) {
    Value *odd = b.CreateAnd(b.CreateLShr(u, 16), bits(1));
    Value *rounded = b.CreateLShr(b.CreateAdd(b.CreateAdd(u, bits(0x7FFF)), odd), 16);
    Value *result = b.CreateSelect(isNan, bits(0x7FC0), rounded);
    return b.CreateBitCast(b.CreateTrunc(result, i16), to);
  }
  Value *odd = b.CreateAnd(b.CreateLShr(size, 13), bits(1));
  Value *normal = b.CreateLShr(b.CreateAdd(b.CreateAdd(size, bits(0xC8000FFF)), odd), 13);
  // The last bit of a number near 1/2 is that of a subnormal one.
  Value *sum = b.CreateFAdd(b.CreateBitCast(size, f32), ConstantFP::get(f32, 0.5));
  Value *small = b.CreateSub(b.CreateBitCast(sum, i32), bits(0x3F000000));
  Value *large = b.CreateSelect(isNan, bits(0x7E00), bits(0x7C00));
  Value *result = b.CreateSelect(b.CreateICmpULT(size, bits(0x38800000)), small, normal);
  result = b.CreateSelect(b.CreateICmpUGE(size, bits(0x47800000)), large, result);
  result = b.CreateOr(result, b.CreateLShr(sign, 16));
  return b.CreateBitCast(b.CreateTrunc(result, i16), to);
}

Value *convertHalf(IRBuilderBase &b, CastInst &cast) {
  Value *v = cast.getOperand(0);
  Type *to = cast.getType();
  auto op = cast.getOpcode();
  if (op == Instruction::BitCast)
    return nullptr;
  if (isHalf(v->getType())) {
    Value *f32 = extendHalf(b, v);
    return op == Instruction::FPExt ? b.CreateFPExt(f32, to) : b.CreateCast(op, f32, to);
  }
  if (!isHalf(to))
    return nullptr;
  Type *f32 = withElement(to, b.getFloatTy());
  Value *number = op == Instruction::FPTrunc ? b.CreateFPTrunc(v, f32) : b.CreateCast(op, v, f32);
  return roundToHalf(b, number, to);
}

/// Stores and choices on bits: for numbers of bf16 LLVM calls a library on a CPU.
static Value *onBits(IRBuilderBase &b, Instruction &inst) {
  auto bits = [&](Value *v) {
    return b.CreateBitCast(v, withElement(v->getType(), b.getInt16Ty()));
  };
  if (auto *store = dyn_cast<StoreInst>(&inst);
      store && isHalf(store->getValueOperand()->getType()))
    store->setOperand(0, bits(store->getValueOperand()));
  auto *select = dyn_cast<SelectInst>(&inst);
  if (!select || !isHalf(select->getType()))
    return nullptr;
  Value *chosen = b.CreateSelect(select->getCondition(), bits(select->getTrueValue()),
                                 bits(select->getFalseValue()));
  return b.CreateBitCast(chosen, select->getType());
}

Value *computeHalf(IRBuilderBase &b, Instruction &inst) {
  if (isa<StoreInst, SelectInst>(inst))
    return onBits(b, inst);
  if (inst.getNumOperands() == 0 || !isHalf(inst.getOperand(0)->getType()))
    return nullptr;
  Value *x = inst.getOperand(0);
  if (auto *compare = dyn_cast<FCmpInst>(&inst))
    return b.CreateFCmp(compare->getPredicate(), extendHalf(b, x),
                        extendHalf(b, compare->getOperand(1)));
  if (auto *binary = dyn_cast<BinaryOperator>(&inst)) {
    Value *y = extendHalf(b, binary->getOperand(1));
    return roundToHalf(b, b.CreateBinOp(binary->getOpcode(), extendHalf(b, x), y), inst.getType());
  }
  if (inst.getOpcode() == Instruction::FNeg)
    return roundToHalf(b, b.CreateFNeg(extendHalf(b, x)), inst.getType());
  return nullptr;
}

//===----------------------------------------------------------------------===//
// Instructions by name
//===----------------------------------------------------------------------===//

/// Those that LLVM has as well.
static Intrinsic::ID genericOf(StringRef name) {
  return StringSwitch<Intrinsic::ID>(name)
      .Cases({"ex2.approx", "exp2"}, Intrinsic::exp2)
      .Cases({"lg2.approx", "log2"}, Intrinsic::log2)
      .Case("sin.approx", Intrinsic::sin)
      .Case("cos.approx", Intrinsic::cos)
      .Cases({"sqrt.approx", "sqrt.rn", "sqrt"}, Intrinsic::sqrt)
      .Cases({"fabs", "abs"}, Intrinsic::fabs)
      .Case("floor", Intrinsic::floor)
      .Case("ceil", Intrinsic::ceil)
      .Case("trunc", Intrinsic::trunc)
      .Case("round", Intrinsic::round)
      .Cases({"rint", "roundeven"}, Intrinsic::roundeven)
      .Cases({"fma.rn", "fma"}, Intrinsic::fma)
      .Cases({"fmin", "min"}, Intrinsic::minnum)
      .Cases({"fmax", "max"}, Intrinsic::maxnum)
      .Cases({"fmin.nan", "min.nan"}, Intrinsic::minimum)
      .Cases({"fmax.nan", "max.nan"}, Intrinsic::maximum)
      .Default(Intrinsic::not_intrinsic);
}

static Value *arithmetic(IRBuilderBase &b, StringRef name, ArrayRef<Value *> args, Type *type) {
  auto one = [&] { return ConstantFP::get(type, 1.0); };
  if (name == "rcp.approx" || name == "rcp.rn")
    return b.CreateFDiv(one(), args[0]);
  if (name == "rsqrt.approx" || name == "rsqrt")
    return b.CreateFDiv(one(), b.CreateUnaryIntrinsic(Intrinsic::sqrt, args[0]));
  if (name == "add.rn")
    return b.CreateFAdd(args[0], args[1]);
  if (name == "mul.rn")
    return b.CreateFMul(args[0], args[1]);
  if (name == "div.rn" || name == "div.approx" || name == "div.full")
    return b.CreateFDiv(args[0], args[1]);
  if (name == "neg")
    return b.CreateFNeg(args[0]);
  if (name == "saturate") {
    Value *least = b.CreateBinaryIntrinsic(Intrinsic::maxnum, args[0], ConstantFP::get(type, 0.0));
    return b.CreateBinaryIntrinsic(Intrinsic::minnum, least, one());
  }
  return nullptr;
}

/// `f`, which is the f64 `exact` rounded to the nearest f32, as rounded towards minus infinity
/// (`rm`), plus infinity (`rp`) or zero (`rz`): one number further where it went the wrong way.
static Value *redirect(IRBuilderBase &b, Value *f, Value *exact, StringRef mode) {
  Value *wide = b.CreateFPExt(f, b.getDoubleTy()), *zero = ConstantFP::get(b.getDoubleTy(), 0.0);
  Value *isAbove = b.CreateFCmpOGT(wide, exact), *isBelow = b.CreateFCmpOLT(wide, exact);
  Value *isNegative = b.CreateFCmpOLT(exact, zero);
  Value *down = b.CreateOr(mode == "rm" ? b.getTrue() : b.getFalse(),
                           mode == "rz" ? b.CreateNot(isNegative) : b.getFalse());
  Value *wrong = b.CreateSelect(down, isAbove, isBelow);
  // Away from zero is the next number of bits.
  Value *grows = b.CreateICmpEQ(down, isNegative);
  Value *bits = b.CreateBitCast(f, b.getInt32Ty());
  Value *step = b.CreateSelect(grows, b.getInt32(1), b.getInt32(-1));
  Value *moved = b.CreateBitCast(b.CreateAdd(bits, step), b.getFloatTy());
  return b.CreateSelect(wrong, moved, f);
}

/// Operations of f32 with a rounding of their own, by way of f64, where their results are exact
/// or nearly so.
static Value *directed(IRBuilderBase &b, StringRef name, ArrayRef<Value *> args, Type *type) {
  auto [op, mode] = name.rsplit('.');
  if ((mode != "rm" && mode != "rp" && mode != "rz") || !type->isFloatTy())
    return nullptr;
  std::vector<Value *> x;
  for (Value *arg : args)
    x.push_back(arg->getType()->isFloatTy() ? b.CreateFPExt(arg, b.getDoubleTy()) : arg);
  Value *exact = nullptr;
  if (op == "add")
    exact = b.CreateFAdd(x[0], x[1]);
  else if (op == "mul")
    exact = b.CreateFMul(x[0], x[1]);
  else if (op == "fma")
    exact = b.CreateFAdd(b.CreateFMul(x[0], x[1]), x[2]);
  else if (op == "div")
    exact = b.CreateFDiv(x[0], x[1]);
  else if (op == "rcp")
    exact = b.CreateFDiv(ConstantFP::get(b.getDoubleTy(), 1.0), x[0]);
  else if (op == "sqrt")
    exact = b.CreateUnaryIntrinsic(Intrinsic::sqrt, x[0]);
  else if (op == "d2f")
    exact = x[0];
  return exact ? redirect(b, b.CreateFPTrunc(exact, type), exact, mode) : nullptr;
}

/// Integers: to floats, halves of products and of f64.
static Value *integers(IRBuilderBase &b, StringRef name, ArrayRef<Value *> args, Type *type) {
  if (type->isFloatingPointTy() && args[0]->getType()->isIntegerTy() && name.ends_with(".rn"))
    return name.starts_with("u") ? b.CreateUIToFP(args[0], type) : b.CreateSIToFP(args[0], type);
  if (name == "d2f.rn")
    return b.CreateFPTrunc(args[0], type);
  if (name == "d2i.lo" || name == "d2i.hi") {
    Value *bits = b.CreateBitCast(args[0], b.getInt64Ty());
    return b.CreateTrunc(b.CreateLShr(bits, name == "d2i.hi" ? 32 : 0), type);
  }
  if (name == "lohi.i2d") {
    Value *high = b.CreateShl(b.CreateZExt(args[1], b.getInt64Ty()), 32);
    return b.CreateBitCast(b.CreateOr(high, b.CreateZExt(args[0], b.getInt64Ty())), type);
  }
  if (!name.starts_with("mulhi."))
    return nullptr;
  unsigned width = type->getIntegerBitWidth();
  bool isUnsigned = name.contains(".u");
  Type *wide = b.getIntNTy(2 * width);
  auto widen = [&](Value *v) { return b.CreateIntCast(v, wide, !isUnsigned); };
  return b.CreateTrunc(b.CreateLShr(b.CreateMul(widen(args[0]), widen(args[1])), width), type);
}

/// "f2i.rn" and its like: rounded, then converted; out of range gives the nearest number.
static Value *convert(IRBuilderBase &b, StringRef name, ArrayRef<Value *> args, Type *type) {
  bool isUnsigned = name.starts_with("f2u") || name.starts_with("d2u");
  bool fromFloat = name.starts_with("f2") || name.starts_with("d2");
  if (!fromFloat || !type->isIntegerTy() || !args[0]->getType()->isFloatingPointTy())
    return nullptr;
  auto rounding = StringSwitch<Intrinsic::ID>(name.drop_front(name.find('.')))
                      .Case(".rn", Intrinsic::roundeven)
                      .Case(".rz", Intrinsic::trunc)
                      .Case(".rm", Intrinsic::floor)
                      .Case(".rp", Intrinsic::ceil)
                      .Default(Intrinsic::not_intrinsic);
  if (rounding == Intrinsic::not_intrinsic)
    return nullptr;
  Value *rounded = b.CreateUnaryIntrinsic(rounding, args[0]);
  auto id = isUnsigned ? Intrinsic::fptoui_sat : Intrinsic::fptosi_sat;
  return b.CreateIntrinsic(id, {type, rounded->getType()}, {rounded});
}

/// f32 to shorter floats. Of a pair, the first operand is the upper half.
static Value *shorten(IRBuilderBase &b, StringRef name, ArrayRef<Value *> args, Type *type) {
  if (name == "f2bf16.rn" || name == "f2f16.rn")
    return roundToHalf(b, args[0], type);
  if (name == "ff2bf16x2.rn" || name == "ff2f16x2.rn") {
    Value *pair = PoisonValue::get(VectorType::get(b.getFloatTy(), 2, false));
    pair = b.CreateInsertElement(b.CreateInsertElement(pair, args[1], uint64_t(0)), args[0], 1);
    return roundToHalf(b, pair, type);
  }
  if (name != "f2tf32.rna" && name != "f2tf32.rn")
    return nullptr;
  // 13 bits go; `rna` rounds halves away from zero, which adding to the size does.
  Value *u = b.CreateBitCast(args[0], b.getInt32Ty());
  Value *odd = b.CreateAnd(b.CreateLShr(u, 13), 1);
  Value *half = name.ends_with("rna") ? static_cast<Value *>(b.getInt32(0x1000))
                                      : b.CreateAdd(odd, b.getInt32(0xFFF));
  Value *rounded = b.CreateAnd(b.CreateAdd(u, half), b.getInt32(~0x1FFFu));
  Value *isSpecial =
      b.CreateICmpUGE(b.CreateAnd(u, b.getInt32(0x7FFFFFFF)), b.getInt32(0x7F800000));
  return b.CreateSelect(isSpecial, u, rounded);
}

/// tanh as libm's: LLVM's own intrinsic becomes that call as well.
static Value *hyperbolic(IRBuilderBase &b, StringRef name, ArrayRef<Value *> args, Type *type) {
  if (name != "tanh.approx")
    return nullptr;
  return b.CreateUnaryIntrinsic(Intrinsic::tanh, args[0]);
}

static std::string withoutSuffix(StringRef name) {
  std::string text = name.str();
  for (StringRef part : {".ftz", ".f32", ".f64", ".f", ".d"})
    for (size_t at; (at = text.find(part.str())) != std::string::npos;) {
      size_t end = at + part.size();
      if (end < text.size() && text[end] != '.')
        break;
      text.erase(at, part.size());
    }
  return text;
}

Value *mathsOf(IRBuilderBase &b, StringRef name, ArrayRef<Value *> args, Type *type) {
  std::string plain = withoutSuffix(name);
  if (args.empty())
    return nullptr;
  if (Intrinsic::ID id = genericOf(plain); id != Intrinsic::not_intrinsic)
    return type == args[0]->getType() && !isHalf(type) ? b.CreateIntrinsic(id, {type}, args)
                                                       : nullptr;
  for (auto family : {arithmetic, directed, convert, integers, shorten, hyperbolic})
    if (Value *v = family(b, plain, args, type))
      return v;
  return nullptr;
}

} // namespace seq::codegen
