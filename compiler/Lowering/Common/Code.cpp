//===- Code.cpp - Building scf + arith + LLVM code ----------------------------===//
#include "compiler/Lowering/Common/Code.h"

#include "dialect/Seq.h"

using namespace mlir;
namespace seq::lowering {

Code::Code(Location loc, OpBuilder &builder, const Target &target)
    : b(loc, builder), target(target) {
  i1 = b.getI1Type();
  i8 = b.getIntegerType(8);
  i16 = b.getIntegerType(16);
  i32 = b.getI32Type();
  i64 = b.getI64Type();
  f32 = b.getF32Type();
  f64 = b.getF64Type();
  ptr = LLVM::LLVMPointerType::get(b.getContext());
}

//===----------------------------------------------------------------------===//
// i64
//===----------------------------------------------------------------------===//

std::optional<int64_t> Code::constant(Value v) {
  return constantOf(v);
}

Value Code::i(int64_t v) {
  return arith::ConstantOp::create(b, b.getI64IntegerAttr(v));
}
Value Code::add(Value a, Value c) {
  if (constant(a) == 0)
    return c;
  return constant(c) == 0 ? a : b.createOrFold<arith::AddIOp>(a, c);
}
Value Code::sub(Value a, Value c) {
  return constant(c) == 0 ? a : b.createOrFold<arith::SubIOp>(a, c);
}
Value Code::mul(Value a, Value c) {
  if (constant(a) == 1)
    return c;
  if (constant(c) == 1)
    return a;
  return b.createOrFold<arith::MulIOp>(a, c);
}
Value Code::floorDiv(Value a, Value c) {
  auto x = constant(a), y = constant(c);
  if (x && y && *y > 0)
    return i(*x >= 0 ? *x / *y : -((-*x + *y - 1) / *y));
  if (y == 1)
    return a;
  // q = a / c rounded to zero, less one where the remainder has the other sign.
  Value q = arith::DivSIOp::create(b, a, c);
  Value r = arith::SubIOp::create(b, a, arith::MulIOp::create(b, q, c));
  Value zero = ci(0, a.getType());
  Value ne = arith::CmpIOp::create(b, arith::CmpIPredicate::ne, r, zero);
  Value sign =
      arith::CmpIOp::create(b, arith::CmpIPredicate::slt, arith::XOrIOp::create(b, r, c), zero);
  Value fix = arith::AndIOp::create(b, ne, sign);
  return select(fix, arith::SubIOp::create(b, q, ci(1, a.getType())), q);
}
Value Code::ceilDiv(Value a, int64_t c) {
  if (auto x = constant(a))
    return i((*x + c - 1) / c);
  return c == 1 ? a : Value(b.createOrFold<arith::DivSIOp>(add(a, i(c - 1)), i(c)));
}
Value Code::min(Value a, Value c) {
  return b.createOrFold<arith::MinSIOp>(a, c);
}
Value Code::max(Value a, Value c) {
  return b.createOrFold<arith::MaxSIOp>(a, c);
}
Value Code::cmp(arith::CmpIPredicate p, Value a, Value c) {
  return b.createOrFold<arith::CmpIOp>(p, a, c);
}

//===----------------------------------------------------------------------===//
// Scalars and vectors
//===----------------------------------------------------------------------===//

Type Code::element(Type t) {
  auto v = dyn_cast<VectorType>(t);
  return v ? v.getElementType() : t;
}
Type Code::shaped(Type e, Type like) {
  auto v = dyn_cast<VectorType>(like);
  return v ? VectorType::get(v.getShape(), e) : e;
}
unsigned Code::lanes(Type t) {
  auto v = dyn_cast<VectorType>(t);
  return v ? v.getNumElements() : 1;
}
Value Code::f(double v, Type type) {
  TypedAttr a = b.getFloatAttr(element(type), v);
  if (auto vt = dyn_cast<VectorType>(type))
    a = DenseElementsAttr::get(vt, cast<Attribute>(a));
  return arith::ConstantOp::create(b, a);
}
Value Code::ci(int64_t v, Type type) {
  Type e = element(type);
  TypedAttr a = b.getIntegerAttr(e, v);
  if (auto vt = dyn_cast<VectorType>(type))
    a = DenseElementsAttr::get(vt, cast<Attribute>(a));
  return arith::ConstantOp::create(b, a);
}
Value Code::splat(Value scalar, unsigned n) {
  if (isVector(scalar.getType()))
    return scalar;
  Type t = vec(scalar.getType(), n);
  if (auto c = scalar.getDefiningOp<arith::ConstantOp>())
    return arith::ConstantOp::create(b, cast<TypedAttr>(Attribute(DenseElementsAttr::get(
                                            cast<VectorType>(t), Attribute(c.getValue())))));
  Value poison = LLVM::PoisonOp::create(b, t);
  Value one = LLVM::InsertElementOp::create(b, poison, scalar, i(0));
  return LLVM::ShuffleVectorOp::create(b, one, poison, SmallVector<int32_t>(n, 0));
}
Value Code::extract(Value vector, Value lane) {
  return LLVM::ExtractElementOp::create(b, vector, lane);
}
Value Code::iota(unsigned n) {
  SmallVector<int64_t> v(n);
  for (unsigned k = 0; k < n; ++k)
    v[k] = k;
  auto t = cast<VectorType>(vec(i64, n));
  return arith::ConstantOp::create(b, cast<TypedAttr>(Attribute(DenseIntElementsAttr::get(t, v))));
}
Value Code::fma(Value a, Value x, Value y) {
  if (target.fma)
    return LLVM::FMAOp::create(b, a, x, y);
  return fadd(fmul(a, x), y);
}
Value Code::bitcast(Value v, Type type) {
  return arith::BitcastOp::create(b, type, v);
}
Value Code::select(Value c, Value a, Value d) {
  if (isVector(c.getType()) && !isVector(a.getType()))
    a = splat(a, lanes(c.getType()));
  if (isVector(a.getType()) && !isVector(d.getType()))
    d = splat(d, lanes(a.getType()));
  if (isVector(d.getType()) && !isVector(a.getType()))
    a = splat(a, lanes(d.getType()));
  return b.createOrFold<arith::SelectOp>(c, a, d);
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

int64_t Code::bytes(Type e) {
  if (e.isInteger(1))
    return 1;
  if (e.isIndex())
    return 8;
  return e.getIntOrFloatBitWidth() / 8;
}

Value Code::zero(Type e) {
  Type t = value(e);
  return isa<FloatType>(t) ? f(0, t) : ci(0, t);
}

Value Code::at(Value base, Type e, Value offset) {
  if (constant(offset) == 0)
    return base;
  Type result = ptr;
  if (isVector(offset.getType()))
    result = VectorType::get({(int64_t)lanes(offset.getType())}, ptr);
  return LLVM::GEPOp::create(b, result, memory(e), base, ValueRange(offset));
}

/// Bytes from memory to i1.
static Value toBool(Code &c, Value v) {
  return arith::CmpIOp::create(c.b, arith::CmpIPredicate::ne, v, c.ci(0, v.getType()));
}
static Value fromBool(Code &c, Value v) {
  return arith::ExtUIOp::create(c.b, Code::shaped(c.i8, v.getType()), v);
}

Value Code::load(Value p, Type e, int64_t align) {
  Value v = LLVM::LoadOp::create(b, memory(e), p, align);
  return e.isInteger(1) ? toBool(*this, v) : v;
}
Value Code::loadVector(Value p, Type e, unsigned n, Value mask) {
  Type t = vec(memory(e), n);
  Value v;
  if (mask) {
    Value zero = isa<FloatType>(memory(e)) ? f(0, t) : ci(0, t);
    v = LLVM::MaskedLoadOp::create(b, t, p, mask, zero, (uint32_t)bytes(e));
  } else {
    v = LLVM::LoadOp::create(b, t, p, (unsigned)bytes(e));
  }
  return e.isInteger(1) ? toBool(*this, v) : v;
}
Value Code::gather(Value ptrs, Type e, Value mask) {
  unsigned n = lanes(ptrs.getType());
  Type t = vec(memory(e), n);
  Value zero = isa<FloatType>(memory(e)) ? f(0, t) : ci(0, t);
  if (!mask)
    mask = ci(1, vec(i1, n));
  Value v = LLVM::masked_gather::create(b, t, ptrs, mask, ValueRange(zero), (uint32_t)bytes(e));
  return e.isInteger(1) ? toBool(*this, v) : v;
}
void Code::store(Value v, Value p) {
  if (v.getType().isInteger(1))
    v = fromBool(*this, v);
  LLVM::StoreOp::create(b, v, p);
}
/// `v`, of which LLVM does not know how it was made. It would join a truncation to 16 bits with a
/// masked store, and with AVX-512 makes of one lane of that a store of 32 bits.
static Value hidden(Code &c, Value v) {
  auto dialect = LLVM::AsmDialectAttr::get(c.b.getContext(), LLVM::AsmDialect::AD_ATT);
  return LLVM::InlineAsmOp::create(c.b, TypeRange(v.getType()), ValueRange(v), "", "=v,0",
                                   /*has_side_effects=*/false, /*is_align_stack=*/false,
                                   LLVM::TailCallKind::None, dialect, ArrayAttr())
      .getResult(0);
}

void Code::storeVector(Value v, Value p, Value mask) {
  if (element(v.getType()).isInteger(1))
    v = fromBool(*this, v);
  if (mask && element(v.getType()) == i16 && target.level >= 4)
    v = hidden(*this, v);
  unsigned align = bytes(element(v.getType()));
  if (mask)
    LLVM::MaskedStoreOp::create(b, v, p, mask, (uint32_t)align);
  else
    LLVM::StoreOp::create(b, v, p, align);
}
void Code::scatter(Value v, Value ptrs, Value mask) {
  if (element(v.getType()).isInteger(1))
    v = fromBool(*this, v);
  if (!mask)
    mask = ci(1, vec(i1, lanes(ptrs.getType())));
  LLVM::masked_scatter::create(b, v, ptrs, mask, (uint32_t)bytes(element(v.getType())));
}
Value Code::field(Value structPtr, int64_t byteOffset, Type type) {
  Value p = at(structPtr, i8, i(byteOffset));
  return LLVM::LoadOp::create(b, type, p, 0u, false, false, /*isInvariant=*/true);
}

//===----------------------------------------------------------------------===//
// Control
//===----------------------------------------------------------------------===//

void Code::loop(Value lo, Value hi, Value step, LoopBody body) {
  auto l = constant(lo), h = constant(hi), s = constant(step);
  if (l && h && s && *h <= *l)
    return;
  if (l && h && s && *h - *l <= *s)
    return body(lo);
  auto op = scf::ForOp::create(b, lo, hi, step);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(op.getBody()->getTerminator());
  body(op.getInductionVar());
}
Values Code::loop(Value lo, Value hi, Value step, ValueRange init, CarryBody body) {
  auto op = scf::ForOp::create(b, lo, hi, step, init);
  OpBuilder::InsertionGuard guard(b);
  Block *block = op.getBody();
  if (!block->empty() && init.empty())
    b.setInsertionPoint(block->getTerminator());
  else
    b.setInsertionPointToEnd(block);
  Values out = body(op.getInductionVar(), op.getRegionIterArgs());
  if (!init.empty())
    scf::YieldOp::create(b, out);
  return Values(op.getResults());
}
void Code::when(Value cond, llvm::function_ref<void()> then, llvm::function_ref<void()> otherwise) {
  if (auto c = constant(cond)) {
    if (*c)
      then();
    else if (otherwise)
      otherwise();
    return;
  }
  auto op = scf::IfOp::create(b, cond, static_cast<bool>(otherwise));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(op.thenBlock()->getTerminator());
  then();
  if (otherwise) {
    b.setInsertionPoint(op.elseBlock()->getTerminator());
    otherwise();
  }
}
Values Code::choose(Value cond, TypeRange types, llvm::function_ref<Values()> then,
                    llvm::function_ref<Values()> otherwise) {
  if (auto c = constant(cond))
    return *c ? then() : otherwise();
  auto op = scf::IfOp::create(b, types, cond, true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(op.thenBlock());
  scf::YieldOp::create(b, then());
  b.setInsertionPointToStart(op.elseBlock());
  scf::YieldOp::create(b, otherwise());
  return Values(op.getResults());
}
Value Code::call(StringRef name, Type result, ValueRange args) {
  if (!module.lookupSymbol(name)) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(module.getBody());
    Type r = result ? result : Type(LLVM::LLVMVoidType::get(b.getContext()));
    LLVM::LLVMFuncOp::create(b, name,
                             LLVM::LLVMFunctionType::get(r, llvm::to_vector(args.getTypes())));
  }
  SmallVector<Type> results;
  if (result)
    results.push_back(result);
  auto op = LLVM::CallOp::create(b, results, name, args);
  return result ? op.getResult() : Value();
}

} // namespace seq::lowering
