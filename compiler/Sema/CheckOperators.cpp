//===- CheckOperators.cpp - Operators, conversions, broadcasting --------------===//
#include "compiler/Sema/Checker.h"

#include <limits>

namespace seq {

using namespace typed;

namespace {
bool isInteger(Elem e) {
  return e == Elem::Int || e == Elem::I32;
}
bool isWhole(const Expr &e) {
  return (e.kind == ExprKind::IntConst || e.kind == ExprKind::SizeValue) &&
         e.type().elem == Elem::Int;
}
Size sizeOf(const Expr &e) {
  return e.kind == ExprKind::IntConst ? Size::constant(e.integer) : e.size;
}
} // namespace

/// Where a value comes from, for messages about two of them.
void Checker::noteOrigin(DiagnosticEngine::Builder &report, const Expr &value) {
  std::string text = source(value.range);
  SourceRange at = value.kind == ExprKind::VarRef ? value.var->range : value.range;
  report.note(at, (text == "this" ? text : "`" + text + "`") + " is " + value.type().str());
}

bool Checker::requireBool(const Expr &value) {
  if (value.type().elem == Elem::Bool)
    return true;
  auto report = diags().error(Diag::ConditionNotBool, value.range,
                              "a condition must be bool, this is " + value.type().str());
  report.hint("compare: `" + source(value.range) + " != 0`");
  return false;
}

//===- Conversions ------------------------------------------------------------===//

/// Made of literals alone: takes the float type of its context.
bool Checker::isLiteral(const Expr &value) const {
  switch (value.kind) {
  case ExprKind::FloatConst:
    return true;
  case ExprKind::Unary:
    return isLiteral(*value.a);
  case ExprKind::Binary:
    return (isLiteral(*value.a) || isInteger(value.a->type().elem)) &&
           (isLiteral(*value.b) || isWhole(*value.b));
  case ExprKind::Math:
    return isFloat(value.type().elem) &&
           std::all_of(value.args.begin(), value.args.end(),
                       [&](const ExprPtr &arg) { return isLiteral(*arg); });
  case ExprKind::Convert:
    return isWhole(*value.a);
  default:
    return false;
  }
}

void Checker::retypeLiteral(Expr &value, Elem elem) {
  if (!isFloat(value.type().elem))
    return;
  value.types[0].elem = elem;
  if (value.kind == ExprKind::Convert)
    return;
  for (Expr *part : {value.a.get(), value.b.get()})
    if (part)
      retypeLiteral(*part, elem);
  for (ExprPtr &arg : value.args)
    retypeLiteral(*arg, elem);
}

bool Checker::convertsTo(const Expr &value, Elem elem) const {
  Elem from = value.type().elem;
  if (from == elem)
    return true;
  if (isFloat(elem))
    return isInteger(from) || (isFloat(from) && isLiteral(value));
  return elem == Elem::I32 && from == Elem::Int;
}

ExprPtr Checker::convert(ExprPtr value, Elem elem) {
  if (value->type().elem == elem)
    return value;
  if (isFloat(elem) && isFloat(value->type().elem) && isLiteral(*value)) {
    retypeLiteral(*value, elem);
    return value;
  }
  if (value->kind == ExprKind::IntConst && isFloat(elem)) {
    ExprPtr out = make(ExprKind::FloatConst, value->range, {elem, {}});
    out->floating = double(value->integer);
    return out;
  }
  if (value->kind == ExprKind::IntConst && elem == Elem::I32) {
    if (value->integer < INT32_MIN || value->integer > INT32_MAX)
      return fail(Diag::NumberRange, value->range,
                  std::to_string(value->integer) + " does not fit i32");
    value->types[0].elem = elem;
    return value;
  }
  ExprPtr out = make(ExprKind::Convert, value->range, {elem, value->type().shape});
  out->a = std::move(value);
  return out;
}

bool Checker::coerceElem(ExprPtr &value, Elem elem, const std::string &what) {
  if (convertsTo(*value, elem)) {
    value = convert(std::move(value), elem);
    return value != nullptr;
  }
  auto report = diags().error(Diag::TypeMismatch, value->range,
                              what + " is " + elemName(elem) + ", this is " + value->type().str());
  if (elem == Elem::I32 && isFloat(value->type().elem))
    report.hint("`i32(x)` truncates");
  else if (isFloat(elem) && value->type().elem == Elem::Bool)
    report.hint("`float(b)` makes 0 and 1 of a bool");
  else if (isFloat(elem) && isFloat(value->type().elem))
    report.hint(std::string("`") + elemName(elem) + "(x)` converts");
  noteOrigin(report, *value);
  return false;
}

bool Checker::toFloat(ExprPtr &value, const std::string &what) {
  if (isFloat(value->type().elem))
    return true;
  return coerceElem(value, analyzer.options.floatType, what);
}

bool Checker::unify(ExprPtr &a, ExprPtr &b, SourceRange range, const std::string &what) {
  Elem x = a->type().elem, y = b->type().elem;
  if (x == y)
    return true;
  if (convertsTo(*a, y) && !(isLiteral(*b) && isFloat(x))) {
    a = convert(std::move(a), y);
    return a != nullptr;
  }
  if (convertsTo(*b, x)) {
    b = convert(std::move(b), x);
    return b != nullptr;
  }
  auto report = diags().error(Diag::TypeMismatch, range,
                              what + " has " + a->type().str() + " on one side and " +
                                  b->type().str() + " on the other");
  if (x == Elem::Bool || y == Elem::Bool)
    report.hint("`float(b)` makes 0 and 1 of a bool");
  else if (isFloat(x) && isFloat(y))
    report.hint(std::string("`") + (x == Elem::F64 || y == Elem::F64 ? "f64" : "f32") +
                "(x)` converts without loss");
  noteOrigin(report, *a);
  noteOrigin(report, *b);
  return false;
}

//===- Shapes -----------------------------------------------------------------===//

bool Checker::broadcastShapes(const Expr &a, const Expr &b, std::vector<Size> &shape,
                              SourceRange range) {
  const std::vector<Size> &x = a.type().shape, &y = b.type().shape;
  size_t rank = std::max(x.size(), y.size());
  shape.assign(rank, Size());
  for (size_t i = 1; i <= rank; ++i) { // from the trailing axis
    Size &to = shape[rank - i];
    if (i > x.size() || i > y.size()) {
      to = i > x.size() ? y[y.size() - i] : x[x.size() - i];
      continue;
    }
    const Size &p = x[x.size() - i], &q = y[y.size() - i];
    if (p.asConstant() == 1 || q.asConstant() == 1) {
      to = p.asConstant() == 1 ? q : p;
    } else if (sameSize(p, q, range)) {
      to = p;
    } else {
      auto report =
          diags().error(Diag::ShapeMismatch, range,
                        "axes of size `" + p.str() + "` and `" + q.str() + "` do not go together");
      noteOrigin(report, a);
      noteOrigin(report, b);
      return false;
    }
  }
  return true;
}

bool Checker::coerce(ExprPtr &value, const Type &type, bool spreadScalars, Diag kind,
                     const std::string &what) {
  const std::vector<Size> &have = value->type().shape;
  bool fits =
      have.size() == type.shape.size() || (spreadScalars && have.size() < type.shape.size());
  for (size_t i = 1; fits && i <= have.size(); ++i)
    fits = sameSize(have[have.size() - i], type.shape[type.shape.size() - i], value->range);
  if (!fits) {
    std::string text = what + " is " + type.str() + ", this is " + value->type().str();
    if (have.size() == type.shape.size())
      for (size_t i = 0; i < have.size(); ++i)
        if (!sameSize(have[i], type.shape[i], value->range)) {
          text += ": `" + type.shape[i].str() + "` and `" + have[i].str() + "` differ";
          break;
        }
    auto report = diags().error(kind, value->range, text);
    noteOrigin(report, *value);
    return false;
  }
  if (!coerceElem(value, type.elem, what))
    return false;
  if (value->type().shape.size() < type.shape.size()) {
    ExprPtr wide = make(ExprKind::Broadcast, value->range, type);
    wide->a = std::move(value);
    value = std::move(wide);
  }
  return true;
}

//===- Operators --------------------------------------------------------------===//

/// Literals and sizes are added up here, so that they stay sizes.
ExprPtr Checker::foldIntegers(const std::string &op, const Expr &a, const Expr &b,
                              SourceRange range, bool &failedHere) {
  failedHere = false;
  if (!isWhole(a) || !isWhole(b))
    return nullptr;
  Size x = sizeOf(a), y = sizeOf(b), result;
  if (op == "/" || op == "%") {
    if (y.withStatics().isZero()) {
      failedHere = true;
      return fail(Diag::DivisionByZero, range, "integer division by zero");
    }
    result = op == "/" ? Size::floorDiv(x, y) : Size::mod(x, y);
  } else if (op == "**") {
    std::optional<int64_t> n = y.withStatics().asConstant();
    if (!n || *n > 64)
      return nullptr;
    if (*n < 0) {
      failedHere = true;
      diags()
          .error(Diag::TypeMismatch, range, "the exponent of an integer is negative")
          .hint("make the base a float: `2.0`");
      return nullptr;
    }
    result = Size::constant(1);
    for (int64_t i = 0; i < *n; ++i)
      result = result * x;
  } else {
    result = op == "+" ? x + y : op == "-" ? x - y : x * y;
  }
  if (result.withStatics().hasOverflow()) {
    failedHere = true;
    return fail(Diag::SizeOverflow, range, "this is too large for an integer");
  }
  return sizeValue(std::move(result), range);
}

ExprPtr Checker::arithmetic(const std::string &op, ExprPtr a, ExprPtr b, SourceRange range) {
  bool failedHere;
  if (ExprPtr folded = foldIntegers(op, *a, *b, range, failedHere))
    return folded;
  if (failedHere)
    return nullptr;
  for (const ExprPtr *side : {&a, &b})
    if ((*side)->type().elem == Elem::Bool) {
      auto report = diags().error(Diag::TypeMismatch, (*side)->range,
                                  "`" + op + "` takes numbers, this is " + (*side)->type().str());
      report.hint("`float(b)` makes 0 and 1 of a bool");
      return nullptr;
    }
  if (!unify(a, b, range, "`" + op + "`"))
    return nullptr;
  bool isZero = b->kind == ExprKind::IntConst && b->integer == 0;
  if ((op == "/" || op == "%") && isInteger(b->type().elem) && isZero)
    return fail(Diag::DivisionByZero, range, "integer division by zero");
  ExprPtr result = make(ExprKind::Binary, range, {a->type().elem, {}});
  if (!broadcastShapes(*a, *b, result->types[0].shape, range))
    return nullptr;
  result->text = op;
  result->a = std::move(a);
  result->b = std::move(b);
  return result;
}

ExprPtr Checker::power(ExprPtr a, ExprPtr b, SourceRange range) {
  if (!isInteger(b->type().elem) || a->type().elem == Elem::Bool)
    return arithmetic("**", std::move(a), std::move(b), range);
  bool failedHere;
  if (ExprPtr folded = foldIntegers("**", *a, *b, range, failedHere))
    return folded;
  if (failedHere)
    return nullptr;
  if (isInteger(a->type().elem) && b->kind == ExprKind::IntConst && b->integer < 0)
    return fail(Diag::TypeMismatch, range, "the exponent of an integer is negative");
  ExprPtr result = make(ExprKind::Binary, range, {a->type().elem, {}});
  if (!broadcastShapes(*a, *b, result->types[0].shape, range))
    return nullptr;
  result->text = "**";
  result->a = std::move(a);
  result->b = convert(std::move(b), Elem::Int);
  return result;
}

/// `a op b` point by point, giving bools.
ExprPtr Checker::elementwiseBool(ExprKind kind, const std::string &op, ExprPtr a, ExprPtr b,
                                 SourceRange range) {
  ExprPtr result = make(kind, range, {Elem::Bool, {}});
  if (!broadcastShapes(*a, *b, result->types[0].shape, range))
    return nullptr;
  result->text = op;
  result->a = std::move(a);
  result->b = std::move(b);
  return result;
}

ExprPtr Checker::compareOp(const std::string &op, ExprPtr a, ExprPtr b, SourceRange range) {
  bool equality = op == "==" || op == "!=";
  bool bools = a->type().elem == Elem::Bool && b->type().elem == Elem::Bool;
  if (!equality && bools)
    return fail(Diag::TypeMismatch, range, "`" + op + "` compares numbers, these are bools");
  if (!unify(a, b, range, "`" + op + "`"))
    return nullptr;
  return elementwiseBool(ExprKind::Compare, op, std::move(a), std::move(b), range);
}

ExprPtr Checker::logical(const std::string &op, ExprPtr a, ExprPtr b, SourceRange range) {
  if (!requireBool(*a) || !requireBool(*b))
    return nullptr;
  return elementwiseBool(ExprKind::Binary, op, std::move(a), std::move(b), range);
}

ExprPtr Checker::select(ExprPtr c, ExprPtr a, ExprPtr b, SourceRange range) {
  if (!unify(a, b, range, "a ternary"))
    return nullptr;
  ExprPtr result = make(ExprKind::Select, range, {a->type().elem, {}});
  std::vector<Size> sides;
  if (!broadcastShapes(*a, *b, sides, range))
    return nullptr;
  result->types[0].shape = sides;
  std::vector<Size> whole;
  if (!broadcastShapes(*c, *result, whole, range))
    return nullptr;
  result->types[0].shape = std::move(whole);
  result->a = std::move(c);
  result->b = std::move(a);
  result->c = std::move(b);
  return result;
}

ExprPtr Checker::matmul(ExprPtr a, ExprPtr b, SourceRange range) {
  for (const ExprPtr *side : {&a, &b}) {
    size_t rank = (*side)->type().shape.size();
    if (rank < 1 || rank > 2) {
      auto report = diags().error(Diag::RankMismatch, (*side)->range,
                                  "`@` takes one or two axes, this is " + (*side)->type().str());
      if (rank > 2)
        report.hint("name the axes: `let y[…] = sum[k](…)`");
      return nullptr;
    }
    if ((*side)->type().elem == Elem::Bool)
      return fail(Diag::TypeMismatch, (*side)->range,
                  "`@` takes numbers, this is " + (*side)->type().str());
  }
  if (!unify(a, b, range, "`@`"))
    return nullptr;
  const std::vector<Size> &x = a->type().shape, &y = b->type().shape;
  if (!sameSize(x.back(), y[0], range)) {
    auto report = diags().error(Diag::ShapeMismatch, range,
                                "`@` sums over axes of size `" + x.back().str() + "` and `" +
                                    y[0].str() + "`");
    noteOrigin(report, *a);
    noteOrigin(report, *b);
    return nullptr;
  }
  ExprPtr result = make(ExprKind::MatMul, range, {a->type().elem, {}});
  if (x.size() == 2)
    result->types[0].shape.push_back(x[0]);
  if (y.size() == 2)
    result->types[0].shape.push_back(y[1]);
  result->a = std::move(a);
  result->b = std::move(b);
  return result;
}

} // namespace seq
