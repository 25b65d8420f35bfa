//===- EmitSize.cpp - Sizes, in the entry block -----------------------------------===//
//
// Every size is written in the sizes of the entry: those of a callee are replaced by the
// caller's expressions when its frame is made, static ones by their values. Equal sizes
// are one SSA value, computed at the start of the function, so that extents never depend
// on the body of a scan.
//
//===----------------------------------------------------------------------===//
#include "compiler/AstToSeq/Emitter.h"

using namespace mlir;

namespace seq::emit {

Size Emitter::resolve(const Size &size) const {
  return size
      .substitute([&](const SizeSymbol *symbol) -> std::optional<Size> {
        auto it = frame->sizes.find(symbol);
        if (it != frame->sizes.end())
          return it->second;
        return std::nullopt;
      })
      .withStatics();
}

Value Emitter::size(const Size &unresolved) {
  Size size = resolve(unresolved);
  std::string key = size.str();
  if (Value cached = sizeCache.lookup(key))
    return cached;
  OpBuilder::InsertionGuard guard(b);
  auto here = [&] {
    lastSize ? b.setInsertionPointAfter(lastSize) : b.setInsertionPointToStart(entry);
  };
  Value result;
  auto append = [&](Value value) {
    result = value;
    lastSize = value.getDefiningOp();
  };
  here();
  Location unknown = b.getUnknownLoc();
  if (std::optional<int64_t> value = size.asConstant()) {
    append(arith::ConstantIndexOp::create(b, unknown, *value));
  } else {
    for (const Size::Term &term : size.sum()) {
      Value value = sizeOfTerm(term);
      here();
      if (result)
        append(arith::AddIOp::create(b, unknown, result, value));
      else
        result = value;
    }
  }
  sizeCache[key] = result;
  return result;
}

/// coefficient * atoms, at the end of the sizes.
Value Emitter::sizeOfTerm(const Size::Term &term) {
  Value result;
  auto multiply = [&](Value by) {
    if (!result) {
      result = by;
      return;
    }
    b.setInsertionPointAfter(lastSize);
    result = arith::MulIOp::create(b, b.getUnknownLoc(), result, by);
    lastSize = result.getDefiningOp();
  };
  if (term.coefficient != 1 || term.atoms.empty())
    multiply(size(Size::constant(term.coefficient)));
  for (const Size::Atom &atom : term.atoms)
    multiply(sizeOfAtom(atom));
  return result;
}

Value Emitter::sizeOfAtom(const Size::Atom &atom) {
  Location unknown = b.getUnknownLoc();
  bool symbol = atom.kind == Size::Atom::Symbol;
  std::string key = "@" + (symbol ? atom.symbol->name
                                  : Size(*atom.a).str() + "|" + atom.b->str() +
                                        (atom.kind == Size::Atom::Mod ? "%" : "/"));
  if (Value cached = sizeCache.lookup(key))
    return cached;
  Value lhs = symbol ? Value() : size(*atom.a), rhs = symbol ? Value() : size(*atom.b);
  lastSize ? b.setInsertionPointAfter(lastSize) : b.setInsertionPointToStart(entry);
  Value result;
  if (symbol)
    result = SizeOp::create(b, unknown, b.getIndexType(), atom.symbol->name);
  else
    result = IntDivOp::create(b, unknown, lhs.getType(),
                              atom.kind == Size::Atom::Mod ? DivKind::mod : DivKind::div, lhs, rhs,
                              Value(), StringAttr());
  lastSize = result.getDefiningOp();
  sizeCache[key] = result;
  return result;
}

Value Emitter::extent(const Var &index) {
  return size(index.hi - index.lo);
}

Value Emitter::lowerBound(const Var &index) {
  return resolve(index.lo).isZero() ? Value() : size(index.lo);
}

SmallVector<Value> Emitter::sizesOf(const typed::Type &type) {
  SmallVector<Value> out;
  for (const Size &s : type.shape)
    out.push_back(size(s));
  return out;
}

bool Emitter::isNonzeroConstant(const Expr &expr) const {
  if (expr.kind == typed::ExprKind::IntConst)
    return expr.integer != 0;
  if (expr.kind == typed::ExprKind::Convert)
    return isNonzeroConstant(*expr.a) && !typed::isFloat(expr.a->type().elem);
  if (expr.kind != typed::ExprKind::SizeValue)
    return false;
  std::optional<int64_t> value = resolve(expr.size).asConstant();
  return value && *value != 0;
}

} // namespace seq::emit
