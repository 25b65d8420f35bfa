#include "compiler/Sema/Static.h"

#include <cerrno>
#include <cmath>
#include <cstdlib>

namespace seq {

StaticValue StaticValue::ofSize(Size size) {
  StaticValue v;
  v.size = std::move(size);
  return v;
}
StaticValue StaticValue::ofBool(bool value, bool known) {
  StaticValue v;
  v.kind = Bool;
  v.boolean = value;
  v.known = known;
  return v;
}
StaticValue StaticValue::ofFloat(double value, bool known) {
  StaticValue v;
  v.kind = Float;
  v.floating = value;
  v.known = known;
  return v;
}
const char *StaticValue::kindName() const {
  return kind == Integer ? "an integer" : kind == Bool ? "a bool" : "a float";
}

std::optional<int64_t> integerLiteral(const std::string &text) {
  std::string digits;
  for (char c : text)
    if (c != '_')
      digits += c;
  errno = 0;
  char *end = nullptr;
  bool hex = digits.size() > 2 && (digits[1] == 'x' || digits[1] == 'X');
  long long value = std::strtoll(digits.c_str(), &end, hex ? 16 : 10);
  if (errno == ERANGE || *end)
    return std::nullopt;
  return value;
}

std::optional<StaticValue> StaticEvaluator::fail(Diag kind, SourceRange range, std::string text) {
  if (diags)
    diags->error(kind, range, std::move(text));
  return std::nullopt;
}

std::optional<StaticValue> StaticEvaluator::checked(const ast::Expr &expr, Size size) {
  Size now = size.withStatics();
  if (now.hasOverflow())
    return fail(Diag::SizeOverflow, expr.range, "this size is too large");
  return StaticValue::ofSize(std::move(size));
}

std::optional<StaticValue> StaticEvaluator::number(const ast::Expr &expr) {
  if (expr.isFloat)
    return StaticValue::ofFloat(std::strtod(expr.text.c_str(), nullptr));
  if (std::optional<int64_t> value = integerLiteral(expr.text))
    return StaticValue::ofSize(Size::constant(*value));
  return fail(Diag::NumberRange, expr.range, "`" + expr.text + "` is too large for an integer");
}

std::optional<StaticValue> StaticEvaluator::name(const ast::Expr &expr) {
  if (const StaticValue *value = lookup(expr.text))
    return *value;
  if (expr.text == "inf")
    return StaticValue::ofFloat(HUGE_VAL);
  if (expr.text == "pi")
    return StaticValue::ofFloat(M_PI);
  if (expr.text == "nan")
    return StaticValue::ofFloat(std::nan(""));
  if (diags && unknown)
    return unknown(expr), std::nullopt;
  return fail(Diag::NotStatic, expr.range,
              "`" + expr.text + "` is no size or static value that is known here");
}

std::optional<StaticValue> StaticEvaluator::unary(const ast::Expr &expr) {
  std::optional<StaticValue> a = evaluate(*expr.a);
  if (!a)
    return std::nullopt;
  if (expr.text == "not" && a->kind == StaticValue::Bool)
    return StaticValue::ofBool(!a->boolean, a->known);
  if (expr.text == "-" && a->kind == StaticValue::Integer)
    return checked(expr, Size::constant(0) - a->size);
  if (expr.text == "-" && a->kind == StaticValue::Float)
    return StaticValue::ofFloat(-a->floating, a->known);
  return fail(Diag::TypeMismatch, expr.range,
              "`" + expr.text + "` does not apply to " + a->kindName());
}

std::optional<StaticValue> StaticEvaluator::power(const ast::Expr &expr, const Size &a,
                                                  const Size &b) {
  std::optional<int64_t> exponent = b.withStatics().asConstant();
  if (!exponent)
    return opaque ? std::optional(StaticValue::ofSize(opaque(expr)))
                  : fail(Diag::BadSize, expr.range, "the exponent of a size is not known");
  if (*exponent < 0)
    return fail(Diag::BadSize, expr.range, "the exponent of an integer is negative");
  Size product = Size::constant(1), base = a;
  if (a.withStatics().asConstant())
    base = a.withStatics();
  std::optional<int64_t> value = base.asConstant();
  if (value && (*value == 1 || *value == 0 || *value == -1))
    exponent = *exponent == 0 ? 0 : 2 - *exponent % 2;
  if (*exponent > 64)
    return fail(Diag::SizeOverflow, expr.range, "this size is too large");
  for (int64_t i = 0; i < *exponent; ++i)
    product = product * base;
  return checked(expr, product);
}

std::optional<StaticValue> StaticEvaluator::integers(const ast::Expr &expr, const Size &a,
                                                     const Size &b) {
  const std::string &op = expr.text;
  if (op == "+")
    return checked(expr, a + b);
  if (op == "-")
    return checked(expr, a - b);
  if (op == "*")
    return checked(expr, a * b);
  if (op == "**")
    return power(expr, a, b);
  if (op == "/" || op == "%") {
    if (b.withStatics().isZero())
      return fail(Diag::DivisionByZero, expr.range, "division by zero in a size");
    return checked(expr, op == "/" ? Size::floorDiv(a, b) : Size::mod(a, b));
  }
  Size difference = (a - b).withStatics();
  std::optional<int64_t> d = difference.asConstant();
  bool r = d && (op == "<"    ? *d < 0
                 : op == "<=" ? *d <= 0
                 : op == ">"  ? *d > 0
                 : op == ">=" ? *d >= 0
                 : op == "==" ? *d == 0
                              : *d != 0);
  if (op == "@" || op == "and" || op == "or")
    return fail(Diag::TypeMismatch, expr.range, "`" + op + "` does not apply to integers");
  std::vector<const SizeSymbol *> symbols;
  difference.collectSymbols(symbols);
  for (const SizeSymbol *symbol : symbols)
    if (!symbol->isStatic)
      return fail(Diag::NotStatic, expr.range,
                  "`" + symbol->name + "` is not known when compiling");
  return StaticValue::ofBool(r, d.has_value());
}

std::optional<StaticValue> StaticEvaluator::floats(const ast::Expr &expr, const StaticValue &a,
                                                   const StaticValue &b) {
  auto value = [](const StaticValue &v, double &out) {
    out = v.floating;
    if (v.kind == StaticValue::Float)
      return v.known;
    std::optional<int64_t> n = v.size.withStatics().asConstant();
    out = n ? double(*n) : 1;
    return n.has_value();
  };
  double x, y;
  bool knownX = value(a, x), knownY = value(b, y), known = knownX && knownY;
  const std::string &op = expr.text;
  if (op == "+")
    return StaticValue::ofFloat(x + y, known);
  if (op == "-")
    return StaticValue::ofFloat(x - y, known);
  if (op == "*")
    return StaticValue::ofFloat(x * y, known);
  if (op == "/")
    return StaticValue::ofFloat(x / y, known);
  if (op == "**")
    return StaticValue::ofFloat(std::pow(x, y), known);
  if (op == "<" || op == "<=" || op == ">" || op == ">=" || op == "==" || op == "!=")
    return StaticValue::ofBool(op == "<"    ? x < y
                               : op == "<=" ? x <= y
                               : op == ">"  ? x > y
                               : op == ">=" ? x >= y
                               : op == "==" ? x == y
                                            : x != y,
                               known);
  return fail(Diag::TypeMismatch, expr.range, "`" + op + "` does not apply to floats");
}

std::optional<StaticValue> StaticEvaluator::logical(const ast::Expr &expr) {
  std::optional<StaticValue> a = evaluate(*expr.a), b = evaluate(*expr.b);
  if (!a || !b)
    return std::nullopt;
  if (a->kind != StaticValue::Bool || b->kind != StaticValue::Bool)
    return fail(Diag::ConditionNotBool, expr.range,
                "`" + expr.text + "` takes bools, this has " +
                    (a->kind != StaticValue::Bool ? a : b)->kindName());
  bool isAnd = expr.text == "and";
  // One side may decide alone.
  if ((a->known && a->boolean != isAnd) || (b->known && b->boolean != isAnd))
    return StaticValue::ofBool(!isAnd);
  return StaticValue::ofBool(isAnd, a->known && b->known);
}

std::optional<StaticValue> StaticEvaluator::binary(const ast::Expr &expr) {
  if (expr.text == "and" || expr.text == "or")
    return logical(expr);
  std::optional<StaticValue> a = evaluate(*expr.a), b = evaluate(*expr.b);
  if (!a || !b)
    return std::nullopt;
  bool boolA = a->kind == StaticValue::Bool, boolB = b->kind == StaticValue::Bool;
  if (boolA && boolB && (expr.text == "==" || expr.text == "!="))
    return StaticValue::ofBool((a->boolean == b->boolean) == (expr.text == "=="),
                               a->known && b->known);
  if (boolA || boolB)
    return fail(Diag::TypeMismatch, expr.range, "`" + expr.text + "` does not apply to a bool");
  if (a->kind == StaticValue::Integer && b->kind == StaticValue::Integer)
    return integers(expr, a->size, b->size);
  return floats(expr, *a, *b);
}

std::optional<StaticValue> StaticEvaluator::ternary(const ast::Expr &expr) {
  std::optional<StaticValue> c = evaluate(*expr.a);
  if (!c)
    return std::nullopt;
  if (c->kind != StaticValue::Bool)
    return fail(Diag::ConditionNotBool, expr.a->range,
                std::string("a condition must be bool, this is ") + c->kindName());
  if (c->known)
    return evaluate(c->boolean ? *expr.b : *expr.c);
  std::optional<StaticValue> a = evaluate(*expr.b), b = evaluate(*expr.c);
  if (a && a->kind == StaticValue::Integer && opaque)
    return StaticValue::ofSize(opaque(expr));
  return a && b ? a : std::nullopt;
}

/// max and min of integers, sqrt of floats: what defaults use.
std::optional<StaticValue> StaticEvaluator::call(const ast::Expr &expr) {
  const std::string name = expr.a && expr.a->kind == ast::ExprKind::NameRef ? expr.a->text : "";
  std::vector<StaticValue> args;
  bool known = true;
  if ((name == "max" || name == "min") && expr.args.size() == 2) {
    for (const ast::Argument &arg : expr.args) {
      std::optional<StaticValue> value = evaluate(*arg.value);
      if (!value)
        return std::nullopt;
      known &= value->kind == StaticValue::Integer && value->size.withStatics().asConstant();
      args.push_back(*value);
    }
    if (known) {
      int64_t a = *args[0].size.withStatics().asConstant();
      int64_t b = *args[1].size.withStatics().asConstant();
      return StaticValue::ofSize(Size::constant((name == "max") == (a > b) ? a : b));
    }
    if (opaque)
      return StaticValue::ofSize(opaque(expr));
  }
  if (name == "sqrt" && expr.args.size() == 1)
    if (std::optional<StaticValue> value = evaluate(*expr.args[0].value)) {
      std::optional<int64_t> n = value->size.withStatics().asConstant();
      if (value->kind == StaticValue::Float)
        return StaticValue::ofFloat(std::sqrt(value->floating), value->known);
      if (value->kind == StaticValue::Integer)
        return StaticValue::ofFloat(std::sqrt(double(n.value_or(1))), n.has_value());
    }
  return fail(Diag::NotStatic, expr.range, "this is not known when compiling");
}

std::optional<StaticValue> StaticEvaluator::evaluate(const ast::Expr &expr) {
  switch (expr.kind) {
  case ast::ExprKind::Number:
    return number(expr);
  case ast::ExprKind::Bool:
    return StaticValue::ofBool(expr.text == "true");
  case ast::ExprKind::NameRef:
    return name(expr);
  case ast::ExprKind::Unary:
    return unary(expr);
  case ast::ExprKind::Binary:
    return binary(expr);
  case ast::ExprKind::Ternary:
    return ternary(expr);
  case ast::ExprKind::Call:
    return call(expr);
  default:
    return fail(Diag::NotStatic, expr.range, "this is not known when compiling");
  }
}

std::optional<Size> StaticEvaluator::size(const ast::Expr &expr) {
  std::optional<StaticValue> value = evaluate(expr);
  if (!value)
    return std::nullopt;
  if (value->kind != StaticValue::Integer) {
    fail(Diag::BadSize, expr.range,
         std::string("a size is an integer, this is ") + value->kindName());
    return std::nullopt;
  }
  return value->size;
}

} // namespace seq
