//===- CheckExpr.cpp - Expressions --------------------------------------------===//
#include "compiler/Sema/Checker.h"

#include <cmath>
#include <cstdlib>

namespace seq {

using namespace typed;

ExprPtr Checker::check(const ast::Expr &expr) {
  if (diags().full())
    return nullptr;
  switch (expr.kind) {
  case ast::ExprKind::Number:
    return checkNumber(expr);
  case ast::ExprKind::Bool:
    return literalOf(StaticValue::ofBool(expr.text == "true"), expr.range);
  case ast::ExprKind::String:
    return fail(Diag::TypeMismatch, expr.range, "a string is not a value of a program");
  case ast::ExprKind::NameRef:
    return checkName(expr);
  case ast::ExprKind::Member:
    return checkMember(expr);
  case ast::ExprKind::Unary:
    return checkUnary(expr);
  case ast::ExprKind::Binary:
    return checkBinary(expr);
  case ast::ExprKind::Ternary:
    return checkTernary(expr);
  case ast::ExprKind::Index:
    return checkIndex(expr);
  case ast::ExprKind::Call:
  case ast::ExprKind::Grad:
    return checkCall(expr);
  case ast::ExprKind::Reduce:
    return checkReduce(expr);
  case ast::ExprKind::List:
    return fail(Diag::TypeMismatch, expr.range,
                "a list in brackets stands only in `split(x, [a, b])`; `stack` makes an array");
  case ast::ExprKind::Scan:
    return checkScan(expr);
  case ast::ExprKind::Block:
    return checkBlock(expr);
  }
  return nullptr;
}

/// A scan that yields nothing means its final states; they are put first.
ExprPtr Checker::onlyOne(ExprPtr value) {
  if (!value)
    return nullptr;
  size_t count = value->types.size();
  if (value->kind == ExprKind::Scan && !value->scan->yields.empty())
    count = value->scan->yields.size();
  if (count == 1)
    return value;
  diags()
      .error(Diag::ValueCount, value->range,
             "one value is wanted here, this gives " + std::to_string(count))
      .hint("name them: `let a, b = …`");
  return nullptr;
}

ExprPtr Checker::checkOne(const ast::Expr &expr) {
  return onlyOne(check(expr));
}

ExprPtr Checker::checkNumber(const ast::Expr &expr) {
  if (!expr.isFloat) {
    if (std::optional<int64_t> value = integerLiteral(expr.text))
      return intConst(*value, expr.range);
    return fail(Diag::NumberRange, expr.range,
                "`" + source(expr.range) + "` is too large for an integer");
  }
  ExprPtr out = make(ExprKind::FloatConst, expr.range, {analyzer.options.floatType, {}});
  out->floating = std::strtod(expr.text.c_str(), nullptr);
  if (std::isinf(out->floating)) {
    diags()
        .error(Diag::NumberRange, expr.range,
               "`" + source(expr.range) + "` is too large for a float")
        .hint("`inf` is a literal");
    return nullptr;
  }
  return out;
}

ExprPtr Checker::checkUnary(const ast::Expr &expr) {
  ExprPtr a = checkOne(*expr.a);
  if (!a)
    return nullptr;
  if (expr.text == "not") {
    if (!requireBool(*a))
      return nullptr;
  } else {
    if (a->type().elem == Elem::Bool)
      return fail(Diag::TypeMismatch, expr.range, "`-` takes numbers, this is " + a->type().str());
    if (a->kind == ExprKind::FloatConst) {
      a->floating = -a->floating;
      a->range = expr.range;
      return a;
    }
    if (a->kind == ExprKind::IntConst && a->integer != INT64_MIN)
      return intConst(-a->integer, expr.range);
    if (a->kind == ExprKind::SizeValue)
      return sizeValue(Size() - a->size, expr.range);
  }
  ExprPtr out = make(ExprKind::Unary, expr.range, a->type());
  out->text = expr.text;
  out->a = std::move(a);
  return out;
}

ExprPtr Checker::checkBinary(const ast::Expr &expr) {
  ExprPtr a = checkOne(*expr.a), b = checkOne(*expr.b);
  if (!a || !b)
    return nullptr;
  const std::string &op = expr.text;
  if (op == "@")
    return matmul(std::move(a), std::move(b), expr.range);
  if (op == "and" || op == "or")
    return logical(op, std::move(a), std::move(b), expr.range);
  if (op == "<" || op == "<=" || op == ">" || op == ">=" || op == "==" || op == "!=")
    return compareOp(op, std::move(a), std::move(b), expr.range);
  if (op == "**")
    return power(std::move(a), std::move(b), expr.range);
  return arithmetic(op, std::move(a), std::move(b), expr.range);
}

/// A static condition without numbers: both sides are checked, the first is the value.
ExprPtr Checker::checkUndecided(const ast::Expr &expr) {
  ExprPtr a = check(*expr.b), b = check(*expr.c);
  return a && b ? std::move(a) : nullptr;
}

ExprPtr Checker::checkTernary(const ast::Expr &expr) {
  if (std::optional<StaticValue> decided = staticCondition(*expr.a)) {
    if (!decided->known)
      return checkUndecided(expr);
    return check(decided->boolean ? *expr.b : *expr.c);
  }
  ExprPtr c = checkOne(*expr.a);
  if (!c || !requireBool(*c))
    return nullptr;
  facts.pushGuard(*c, true);
  ExprPtr a = checkOne(*expr.b);
  facts.popGuard();
  facts.pushGuard(*c, false);
  ExprPtr b = checkOne(*expr.c);
  facts.popGuard();
  if (!a || !b)
    return nullptr;
  return select(std::move(c), std::move(a), std::move(b), expr.range);
}

/// `{ let …; value }`.
ExprPtr Checker::checkBlock(const ast::Expr &expr) {
  ExprPtr block = make(ExprKind::Block, expr.range, {});
  block->types.clear();
  auto savedValues = std::move(bodyValues);
  bool savedHas = hasValues, savedFailed = valuesFailed, savedLevel = atFunctionLevel;
  Stmts *savedOut = out;
  bodyValues.clear();
  hasValues = valuesFailed = false;
  atFunctionLevel = false;
  out = &block->stmts;
  ++scanDepth; // what is outside does not change inside
  scopes.emplace_back();
  checkStatements(expr.block->stmts, true);
  scopes.pop_back();
  --scanDepth;
  out = savedOut;
  std::swap(bodyValues, savedValues); // savedValues: the block's
  bool has = hasValues, bad = valuesFailed;
  hasValues = savedHas;
  valuesFailed = savedFailed;
  atFunctionLevel = savedLevel;
  if (bad)
    return nullptr;
  if (!has)
    return fail(Diag::NoValue, expr.range, "this block gives no value");
  if (block->stmts.empty() && savedValues.size() == 1)
    return std::move(savedValues[0]);
  for (ExprPtr &value : savedValues) {
    block->types.push_back(value->type());
    block->args.push_back(std::move(value));
  }
  return block;
}

} // namespace seq
