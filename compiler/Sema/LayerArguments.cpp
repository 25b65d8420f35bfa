//===- LayerArguments.cpp - Values of a layer's parameters --------------------===//
#include "compiler/Sema/Layers.h"

#include <set>

namespace seq {

using namespace typed;

namespace {
StaticValue::Kind kindOfExpr(const ast::Expr &expr) {
  switch (expr.kind) {
  case ast::ExprKind::Bool:
    return StaticValue::Bool;
  case ast::ExprKind::Number:
    return expr.isFloat ? StaticValue::Float : StaticValue::Integer;
  case ast::ExprKind::NameRef:
    return expr.text == "inf" || expr.text == "pi" || expr.text == "nan" ? StaticValue::Float
                                                                         : StaticValue::Integer;
  case ast::ExprKind::Call:
    return expr.a && expr.a->text == "sqrt" ? StaticValue::Float : StaticValue::Integer;
  case ast::ExprKind::Ternary:
    return kindOfExpr(*expr.b);
  case ast::ExprKind::Unary:
    return expr.text == "not" ? StaticValue::Bool : kindOfExpr(*expr.a);
  case ast::ExprKind::Binary: {
    static const std::set<std::string> conditions{"and", "or", "<", "<=", ">", ">=", "==", "!="};
    if (conditions.count(expr.text))
      return StaticValue::Bool;
    bool isFloat =
        kindOfExpr(*expr.a) == StaticValue::Float || kindOfExpr(*expr.b) == StaticValue::Float;
    return isFloat ? StaticValue::Float : StaticValue::Integer;
  }
  default:
    return StaticValue::Integer;
  }
}
} // namespace

StaticValue::Kind Analyzer::kindOf(const ast::SizeParam &param) {
  if (param.type) {
    if (param.type->element == "bool")
      return StaticValue::Bool;
    if (param.type->element == "i32" || param.type->element == "int")
      return StaticValue::Integer;
    return StaticValue::Float;
  }
  return param.init ? kindOfExpr(*param.init) : StaticValue::Integer;
}

/// To the kind that the parameter has: an integer becomes a float.
bool adapt(StaticValue &value, StaticValue::Kind kind) {
  if (value.kind == kind)
    return true;
  if (kind != StaticValue::Float || value.kind != StaticValue::Integer)
    return false;
  std::optional<int64_t> number = value.size.withStatics().asConstant();
  value = StaticValue::ofFloat(number ? double(*number) : 1, number.has_value());
  return true;
}

std::optional<Analyzer::Bound> Analyzer::bindArguments(const ast::LayerDecl &decl,
                                                       const std::vector<ast::Argument> &args,
                                                       SourceRange at,
                                                       const StaticEvaluator::Lookup &outer,
                                                       bool open, DiagnosticEngine *reports) {
  size_t count = decl.sizes.size();
  Bound bound;
  bound.values.resize(count);
  bound.given.resize(count);
  const std::string &layer = decl.name.text;
  auto fail = [&](Diag kind, SourceRange range, const std::string &text) {
    if (reports)
      reports->error(kind, range, text).note(decl.name.range, "`" + layer + "` is declared here");
    return std::nullopt;
  };
  auto opaque = [this](const ast::Expr &expr) { return opaqueSize(expr); };
  size_t next = 0;
  bool named = false;
  for (const ast::Argument &arg : args) {
    size_t slot = next;
    if (arg.name) {
      named = true;
      for (slot = 0; slot < count && decl.sizes[slot].name.text != arg.name->text;)
        ++slot;
      if (slot == count) {
        std::vector<std::string> names;
        for (const ast::SizeParam &param : decl.sizes)
          names.push_back(param.name.text);
        if (!reports)
          return std::nullopt;
        auto report = reports->error(Diag::EntrySizes, arg.name->range,
                                     "`" + layer + "` has no parameter `" + arg.name->text + "`");
        std::string near = nearest(arg.name->text, names);
        if (!near.empty())
          report.hint("did you mean `" + near + "`?");
        return std::nullopt;
      }
    } else if (named) {
      return fail(Diag::EntrySizes, arg.value->range,
                  "a value without a name stands after one with a name");
    } else if (next++ >= count) {
      return fail(Diag::EntrySizes, arg.value->range,
                  "`" + layer + "` takes " + std::to_string(count) +
                      (count == 1 ? " size" : " sizes") + ", this has more");
    }
    if (bound.given[slot])
      return fail(Diag::EntrySizes, arg.value->range,
                  "`" + decl.sizes[slot].name.text + "` is given twice");
    StaticEvaluator evaluator(outer, reports);
    evaluator.opaque = opaque;
    std::optional<StaticValue> value = evaluator.evaluate(*arg.value);
    if (!value)
      return std::nullopt;
    StaticValue::Kind kind = kindOf(decl.sizes[slot]);
    if (!adapt(*value, kind)) {
      StaticValue want;
      want.kind = kind;
      return fail(Diag::TypeMismatch, arg.value->range,
                  "`" + decl.sizes[slot].name.text + "` of `" + layer + "` is " + want.kindName() +
                      ", this is " + value->kindName());
    }
    bound.given[slot] = true;
    bound.values[slot] = std::move(*value);
  }
  for (size_t slot = 0; slot < count && !open; ++slot) {
    if (bound.given[slot])
      continue;
    const ast::SizeParam &param = decl.sizes[slot];
    if (!param.init)
      return fail(Diag::EntrySizes, at, "`" + layer + "` needs `" + param.name.text + "`");
    StaticEvaluator evaluator(
        [&](const std::string &name) -> const StaticValue * {
          for (size_t i = 0; i < slot; ++i)
            if (decl.sizes[i].name.text == name && bound.values[i])
              return &*bound.values[i];
          return nullptr;
        },
        reports);
    evaluator.opaque = opaque;
    bound.values[slot] = evaluator.evaluate(*param.init);
    if (!bound.values[slot] || !adapt(*bound.values[slot], kindOf(param)))
      return std::nullopt;
  }
  return bound;
}

} // namespace seq
