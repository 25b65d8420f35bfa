//===- CheckBuiltins.cpp - Calls of built-in functions ------------------------===//
#include "compiler/Sema/Checker.h"

namespace seq {

using namespace typed;

ExprPtr Checker::callBuiltin(const ast::Expr &expr, Builtin kind) {
  const std::string &name = expr.a->text;
  switch (kind) {
  case Builtin::Math:
    return callMath(expr);
  case Builtin::MaxMin:
    return callMaxMin(expr);
  case Builtin::Convert:
    return callConvert(expr);
  case Builtin::Cumulative:
    return callCumulative(expr);
  case Builtin::Split:
    return callSplit(expr);
  case Builtin::Concat:
    return callConcat(expr);
  case Builtin::Stack:
    return callStack(expr);
  case Builtin::Flip:
    return callFlip(expr);
  case Builtin::Identity: {
    std::vector<const ast::Expr *> args;
    std::map<std::string, const ast::Expr *> named;
    if (!builtinArguments(expr, 1, 1, args, {}, named))
      return nullptr;
    return checkOne(*args[0]);
  }
  case Builtin::Unsupported:
    return fail(Diag::NotYetSupported, expr.a->range, "`" + name + "` is not supported yet");
  case Builtin::Reduction:
  case Builtin::Normaliser:
    diags()
        .error(Diag::BadArgument, expr.range, "`" + name + "` names no index")
        .hint("`" + name + "[i](x[i])`");
    return nullptr;
  case Builtin::Constant:
  case Builtin::None:
    break;
  }
  return fail(Diag::WrongKindOfName, expr.a->range, "`" + name + "` is no function");
}

bool Checker::builtinArguments(const ast::Expr &expr, size_t least, size_t most,
                               std::vector<const ast::Expr *> &positional,
                               std::initializer_list<const char *> keywords,
                               std::map<std::string, const ast::Expr *> &named) {
  const std::string &name = expr.a->text;
  for (const ast::Argument &arg : expr.args) {
    if (!arg.name) {
      positional.push_back(arg.value.get());
      continue;
    }
    bool known = std::any_of(keywords.begin(), keywords.end(),
                             [&](const char *keyword) { return arg.name->text == keyword; });
    if (!known || !named.emplace(arg.name->text, arg.value.get()).second) {
      diags().error(Diag::BadArgument, arg.name->range,
                    known ? "`" + arg.name->text + "` is given twice"
                          : "`" + name + "` has no parameter `" + arg.name->text + "`");
      return false;
    }
  }
  if (positional.size() >= least && positional.size() <= most)
    return true;
  std::string wants = least == most      ? std::to_string(least)
                      : most == SIZE_MAX ? "at least " + std::to_string(least)
                                         : std::to_string(least) + " or " + std::to_string(most);
  diags().error(Diag::BadArgument, expr.range,
                "`" + name + "` takes " + wants + (wants == "1" ? " value" : " values") +
                    ", this has " + std::to_string(positional.size()));
  return false;
}

std::optional<unsigned> Checker::axisOf(const std::map<std::string, const ast::Expr *> &named,
                                        unsigned rank, unsigned otherwise, SourceRange range) {
  auto it = named.find("axis");
  if (it == named.end())
    return otherwise;
  std::optional<Size> size = evaluator(false).size(*it->second);
  std::optional<int64_t> axis = size ? size->withStatics().asConstant() : std::nullopt;
  if (!size)
    return std::nullopt;
  if (axis && *axis < 0)
    *axis += rank;
  if (!axis || *axis < 0 || *axis >= int64_t(rank)) {
    diags().error(Diag::RankMismatch, it->second->range,
                  "there is no axis " + source(it->second->range) + " of " + std::to_string(rank));
    return std::nullopt;
  }
  return unsigned(*axis);
}

ExprPtr Checker::callMath(const ast::Expr &expr) {
  std::vector<const ast::Expr *> args;
  std::map<std::string, const ast::Expr *> named;
  const std::string &name = expr.a->text;
  if (!builtinArguments(expr, 1, 1, args, {}, named))
    return nullptr;
  ExprPtr value = checkOne(*args[0]);
  if (!value)
    return nullptr;
  bool keepsIntegers = name == "abs" || name == "sign" || name == "relu" || name == "floor";
  bool isInteger = value->type().elem == Elem::Int || value->type().elem == Elem::I32;
  if (!(keepsIntegers && isInteger) && !toFloat(value, "the argument of `" + name + "`"))
    return nullptr;
  if (isInteger && name == "floor")
    return value;
  ExprPtr result = make(ExprKind::Math, expr.range, value->type());
  result->text = name;
  result->args.push_back(std::move(value));
  return result;
}

ExprPtr Checker::callMaxMin(const ast::Expr &expr) {
  std::vector<const ast::Expr *> args;
  std::map<std::string, const ast::Expr *> named;
  const std::string &name = expr.a->text;
  if (expr.args.size() == 1) {
    diags()
        .error(Diag::BadArgument, expr.range, "`" + name + "` in parentheses takes two values")
        .hint("over an axis: `" + name + "[i](x[i])`");
    return nullptr;
  }
  if (!builtinArguments(expr, 2, SIZE_MAX, args, {}, named))
    return nullptr;
  ExprPtr result = checkOne(*args[0]);
  for (size_t i = 1; i < args.size() && result; ++i) {
    ExprPtr other = checkOne(*args[i]);
    if (!other)
      return nullptr;
    if (result->type().elem == Elem::Bool || other->type().elem == Elem::Bool)
      return fail(Diag::TypeMismatch, expr.range, "`" + name + "` takes numbers");
    if (!unify(result, other, expr.range, "`" + name + "`"))
      return nullptr;
    ExprPtr both = make(ExprKind::Math, expr.range, {result->type().elem, {}});
    if (!broadcastShapes(*result, *other, both->types[0].shape, expr.range))
      return nullptr;
    both->text = name;
    both->args.push_back(std::move(result));
    both->args.push_back(std::move(other));
    result = std::move(both);
  }
  return result;
}

ExprPtr Checker::callConvert(const ast::Expr &expr) {
  std::vector<const ast::Expr *> args;
  std::map<std::string, const ast::Expr *> named;
  if (!builtinArguments(expr, 1, 1, args, {}, named))
    return nullptr;
  ExprPtr value = checkOne(*args[0]);
  if (!value)
    return nullptr;
  const std::string &name = expr.a->text;
  Elem elem = name == "i32" ? Elem::I32 : floatNamed(name).value_or(analyzer.options.floatType);
  if (name != elemName(elem) || !isShort(elem))
    return convert(std::move(value), elem);
  // Who names 16 bits asks for the rounding, which the type alone does not.
  if (isFloat(value->type().elem) && isLiteral(*value))
    retypeLiteral(*value, elem);
  ExprPtr out = make(ExprKind::Convert, expr.range, {elem, value->type().shape});
  out->text = "round";
  out->a = std::move(value);
  return out;
}

ExprPtr Checker::callCumulative(const ast::Expr &expr) {
  std::vector<const ast::Expr *> args;
  std::map<std::string, const ast::Expr *> named;
  const std::string &name = expr.a->text;
  if (!builtinArguments(expr, 1, 1, args, {"axis", "reverse", "exclusive"}, named))
    return nullptr;
  ExprPtr value = checkOne(*args[0]);
  if (!value)
    return nullptr;
  if (value->type().shape.empty())
    return fail(Diag::RankMismatch, value->range,
                "`" + name + "` runs along an axis, this is a scalar");
  if (value->type().elem == Elem::Bool)
    return fail(Diag::TypeMismatch, value->range,
                "`" + name + "` takes numbers, this is " + value->type().str());
  if (name == "logcumsumexp" && !toFloat(value, "the argument of `logcumsumexp`"))
    return nullptr;
  if (value->type().elem == Elem::Int)
    value = convert(std::move(value), Elem::I32);
  std::optional<unsigned> axis = axisOf(named, unsigned(value->type().shape.size()), 0, expr.range);
  if (!axis)
    return nullptr;
  ExprPtr result = make(ExprKind::Cumulative, expr.range, value->type());
  for (auto [keyword, flag] :
       {std::pair("reverse", &result->reverse), std::pair("exclusive", &result->exclusive)}) {
    auto it = named.find(keyword);
    if (it == named.end())
      continue;
    std::optional<StaticValue> condition = staticCondition(*it->second);
    if (!condition)
      return fail(Diag::NotStatic, it->second->range,
                  std::string("`") + keyword + "` is `true` or `false`");
    *flag = condition->boolean;
  }
  result->text = name;
  result->axis = *axis;
  result->a = std::move(value);
  return result;
}

ExprPtr Checker::callFlip(const ast::Expr &expr) {
  std::vector<const ast::Expr *> args;
  std::map<std::string, const ast::Expr *> named;
  if (!builtinArguments(expr, 1, 1, args, {"axis"}, named))
    return nullptr;
  ExprPtr value = checkOne(*args[0]);
  if (!value)
    return nullptr;
  unsigned rank = unsigned(value->type().shape.size());
  if (rank == 0)
    return fail(Diag::RankMismatch, value->range,
                "`" + expr.a->text + "` turns an axis round, this is a scalar");
  std::optional<unsigned> axis =
      axisOf(named, rank, expr.a->text == "flip" ? rank - 1 : 0, expr.range);
  if (!axis)
    return nullptr;
  ExprPtr result = make(ExprKind::Reverse, expr.range, value->type());
  result->axis = *axis;
  result->a = std::move(value);
  return result;
}

/// The arrays that `concat` and `stack` join.
bool Checker::checkParts(const std::vector<const ast::Expr *> &args, std::vector<ExprPtr> &parts) {
  for (const ast::Expr *arg : args) {
    ExprPtr value = checkOne(*arg);
    if (value && value->type().elem == Elem::Int) // arrays hold i32
      value = convert(std::move(value), Elem::I32);
    if (!value)
      return false;
    parts.push_back(std::move(value));
  }
  return true;
}

ExprPtr Checker::callConcat(const ast::Expr &expr) {
  std::vector<const ast::Expr *> args;
  std::map<std::string, const ast::Expr *> named;
  if (!builtinArguments(expr, 1, SIZE_MAX, args, {"axis"}, named))
    return nullptr;
  ExprPtr result = make(ExprKind::Concat, expr.range, {});
  if (!checkParts(args, result->args))
    return nullptr;
  unsigned rank = unsigned(result->args[0]->type().shape.size());
  if (rank == 0) {
    diags()
        .error(Diag::RankMismatch, args[0]->range, "`concat` joins axes, this is a scalar")
        .hint("`stack` makes an axis of scalars");
    return nullptr;
  }
  std::optional<unsigned> axis = axisOf(named, rank, rank - 1, expr.range);
  if (!axis)
    return nullptr;
  result->axis = *axis;
  Size total = result->args[0]->type().shape[*axis];
  for (size_t i = 1; i < result->args.size(); ++i) {
    if (!unify(result->args[0], result->args[i], expr.range, "`concat`"))
      return nullptr;
    const std::vector<Size> &x = result->args[0]->type().shape, &y = result->args[i]->type().shape;
    bool fits = x.size() == y.size();
    for (size_t k = 0; fits && k < x.size(); ++k)
      fits = k == *axis || sameSize(x[k], y[k], expr.range);
    if (!fits) {
      auto report = diags().error(Diag::ShapeMismatch, expr.range,
                                  "`concat` joins " + result->args[0]->type().str() + " and " +
                                      result->args[i]->type().str() +
                                      ", which differ beside axis " + std::to_string(*axis));
      noteOrigin(report, *result->args[0]);
      noteOrigin(report, *result->args[i]);
      return nullptr;
    }
    total = total + y[*axis];
  }
  for (ExprPtr &arg : result->args) // the first may have become a float late
    if (!unify(result->args[0], arg, expr.range, "`concat`"))
      return nullptr;
  result->types[0] = result->args[0]->type();
  result->types[0].shape[*axis] = total;
  return result;
}

ExprPtr Checker::callStack(const ast::Expr &expr) {
  std::vector<const ast::Expr *> args;
  std::map<std::string, const ast::Expr *> named;
  if (!builtinArguments(expr, 1, SIZE_MAX, args, {"axis"}, named))
    return nullptr;
  ExprPtr result = make(ExprKind::Stack, expr.range, {});
  if (!checkParts(args, result->args))
    return nullptr;
  for (int turn = 0; turn < 2; ++turn)
    for (size_t i = 1; i < result->args.size(); ++i)
      if (!unify(result->args[0], result->args[i], expr.range, "`stack`"))
        return nullptr;
  const std::vector<Size> &shape = result->args[0]->type().shape;
  for (size_t i = 1; i < result->args.size(); ++i)
    if (!sameShape(shape, result->args[i]->type().shape, expr.range)) {
      auto report = diags().error(Diag::ShapeMismatch, expr.range,
                                  "`stack` joins " + result->args[0]->type().str() + " and " +
                                      result->args[i]->type().str());
      noteOrigin(report, *result->args[0]);
      noteOrigin(report, *result->args[i]);
      return nullptr;
    }
  unsigned rank = unsigned(shape.size()) + 1;
  std::optional<unsigned> axis = axisOf(named, rank, rank - 1, expr.range);
  if (!axis)
    return nullptr;
  result->axis = *axis;
  result->types[0] = result->args[0]->type();
  result->types[0].shape.insert(result->types[0].shape.begin() + *axis,
                                Size::constant(int64_t(result->args.size())));
  return result;
}

//===- split ------------------------------------------------------------------===//

ExprPtr Checker::sliceOf(ExprPtr value, unsigned axis, Size lo, Size hi, SourceRange range) {
  ExprPtr read = make(ExprKind::Read, range, value->type());
  read->types[0].shape[axis] = hi - lo;
  for (unsigned i = 0; i < value->type().shape.size(); ++i) {
    typed::Subscript subscript;
    subscript.isSlice = true;
    subscript.range = range;
    subscript.hi = value->type().shape[i];
    if (i == axis) {
      subscript.lo = lo;
      subscript.hi = hi;
    }
    read->subscripts.push_back(std::move(subscript));
  }
  read->a = std::move(value);
  return read;
}

/// The sizes of the parts: of `split(x, 4)` or `split(x, [a, b])`.
std::optional<std::vector<Size>> Checker::splitParts(const ast::Expr &expr, const Size &whole) {
  constexpr int64_t kMostParts = 10000;
  std::vector<Size> parts;
  Size total;
  if (expr.kind == ast::ExprKind::List) {
    for (const ast::Argument &item : expr.args) {
      std::optional<Size> size = dimension(*item.value);
      if (!size)
        return std::nullopt;
      total = total + *size;
      parts.push_back(std::move(*size));
    }
    if (sameSize(total, whole, expr.range))
      return parts;
    diags().error(Diag::UnevenSplit, expr.range,
                  "the parts have size `" + total.str() + "` together, the axis `" + whole.str() +
                      "`");
    return std::nullopt;
  }
  std::optional<Size> size = dimension(expr);
  std::optional<int64_t> count = size ? size->withStatics().asConstant() : std::nullopt;
  if (!size)
    return std::nullopt;
  if (!count || *count < 1 || *count > kMostParts) {
    diags().error(Diag::NotStatic, expr.range,
                  count ? "`split` makes from 1 to 10,000 parts, this is " + std::to_string(*count)
                        : "the number of parts is not known when compiling");
    return std::nullopt;
  }
  Size part = Size::floorDiv(whole, Size::constant(*count));
  if (!sameSize(part * Size::constant(*count), whole, expr.range)) {
    std::string value = whole.str();
    if (std::optional<int64_t> number = whole.withStatics().asConstant())
      if (value != std::to_string(*number))
        value += "` = `" + std::to_string(*number);
    diags().error(Diag::UnevenSplit, expr.range,
                  "an axis of size `" + value + "` does not split into " + std::to_string(*count) +
                      " equal parts");
    return std::nullopt;
  }
  return std::vector<Size>(size_t(*count), part);
}

ExprPtr Checker::callSplit(const ast::Expr &expr) {
  std::vector<const ast::Expr *> args;
  std::map<std::string, const ast::Expr *> named;
  if (!builtinArguments(expr, 2, 2, args, {"axis"}, named))
    return nullptr;
  ExprPtr value = checkOne(*args[0]);
  if (!value)
    return nullptr;
  unsigned rank = unsigned(value->type().shape.size());
  if (rank == 0)
    return fail(Diag::RankMismatch, value->range, "`split` parts an axis, this is a scalar");
  std::optional<unsigned> axis = axisOf(named, rank, rank - 1, expr.range);
  if (!axis)
    return nullptr;
  std::optional<std::vector<Size>> parts = splitParts(*args[1], value->type().shape[*axis]);
  if (!parts)
    return nullptr;
  ExprPtr block = make(ExprKind::Block, expr.range, {});
  block->types.clear();
  Var *var = value->kind == ExprKind::VarRef ? value->var : nullptr;
  if (!var) {
    var = newVar(VarKind::Let, "_split", value->type(), value->range);
    Stmts *saved = out;
    out = &block->stmts;
    emitLet({var}, std::move(value), expr.range);
    out = saved;
  }
  Size at;
  for (const Size &part : *parts) {
    ExprPtr slice = sliceOf(refer(var, expr.range), *axis, at, at + part, expr.range);
    slice->types[0].shape[*axis] = part;
    block->types.push_back(slice->type());
    block->args.push_back(std::move(slice));
    at = at + part;
  }
  return block;
}

} // namespace seq
