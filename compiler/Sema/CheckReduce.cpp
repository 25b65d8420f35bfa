//===- CheckReduce.cpp - Reductions and normalisers ---------------------------===//
#include "compiler/Sema/Checker.h"

namespace seq {

using namespace typed;

/// The `where` and the body, with the indices of `out` in scope.
bool Checker::checkReduceBody(const ast::Expr &expr, Expr &result) {
  IndexScope scope(*this, result.indices);
  Absorber absorber{&result, {}};
  absorber.indices.assign(result.indices.begin(), result.indices.end());
  absorbers.push_back(std::move(absorber));
  bool good = true;
  if (expr.b) {
    result.b = checkOne(*expr.b);
    good = result.b && requireBool(*result.b);
    if (good && !result.b->type().shape.empty()) {
      diags()
          .error(Diag::RankMismatch, result.b->range,
                 "a `where` holds or not at each point, this is " + result.b->type().str())
          .hint("index it");
      good = false;
    }
    if (good)
      facts.pushGuard(*result.b, true);
  }
  if (expr.a && (good || !expr.b))
    result.a = checkOne(*expr.a);
  if (expr.b && good)
    facts.popGuard();
  absorbers.pop_back();
  return good && result.a;
}

/// The type of a reduction's result.
bool Checker::finishReduce(Expr &result, const std::string &name) {
  ExprPtr &body = result.a;
  Elem elem = body->type().elem;
  if (name == "any" || name == "all") {
    if (!requireBool(*body))
      return false;
  } else if (elem == Elem::Bool) {
    diags()
        .error(Diag::TypeMismatch, body->range,
               "`" + name + "` takes numbers, this is " + body->type().str())
        .hint(name == "sum" ? "`sum[i](i32(b))` counts; `any`, `all` join bools"
                            : "`float(b)` makes 0 and 1 of a bool");
    return false;
  }
  bool wantsFloat = name == "mean" || name == "logsumexp" || name == "softmax";
  if (wantsFloat && !toFloat(body, "the value of `" + name + "`"))
    return false;
  result.types[0] = body->type();
  if (name == "argmax" || name == "argmin") {
    if (result.indices.size() != 1) {
      diags().error(Diag::ValueCount, result.range, "`" + name + "` takes one index");
      return false;
    }
    result.types[0].elem = Elem::I32;
  }
  return true;
}

ExprPtr Checker::checkReduce(const ast::Expr &expr) {
  if (builtinOf(expr.text) == Builtin::Normaliser)
    return checkNormaliser(expr);
  if (!isReduction(expr.text)) {
    auto report =
        diags().error(Diag::UnknownName, expr.range, "`" + expr.text + "` is no reduction");
    std::vector<std::string> known{"sum",    "prod",      "max", "min", "mean",   "argmax",
                                   "argmin", "logsumexp", "any", "all", "softmax"};
    std::string near = nearest(expr.text, known);
    if (!near.empty())
      report.hint("did you mean `" + near + "`?");
    return nullptr;
  }
  if (!expr.a)
    return fail(Diag::BadArgument, expr.range, "`" + expr.text + "` has nothing to reduce");
  if (expr.args.size() > 1)
    return fail(Diag::BadArgument, expr.args[1].value->range,
                "`" + expr.text + "` with indices takes one value");
  ExprPtr result = make(ExprKind::Reduce, expr.range, {});
  result->text = expr.text;
  std::vector<IndexSpec> specs;
  for (const ast::IndexDecl &index : expr.indices)
    specs.push_back({&index, std::nullopt, {}, ""});
  if (!findRanges(specs, {expr.a.get(), expr.b.get()}, nullptr, {}, result->indices) ||
      !checkReduceBody(expr, *result) || !finishReduce(*result, expr.text))
    return nullptr;
  return result;
}

/// softmax: its index is one of what encloses it, and stays open.
ExprPtr Checker::checkNormaliser(const ast::Expr &expr) {
  if (!expr.a)
    return fail(Diag::BadArgument, expr.range, "`softmax` has nothing to normalise");
  ExprPtr result = make(ExprKind::Softmax, expr.range, {});
  result->text = expr.text;
  for (const ast::IndexDecl &index : expr.indices) {
    Binding *binding = find(index.name.text);
    bool open = binding && binding->kind == Binding::Value && binding->var->kind == VarKind::Index;
    if (!open) {
      diags()
          .error(Diag::OpenIndex, index.name.range,
                 "nothing around this `" + expr.text + "` binds its index `" + index.name.text +
                     "`")
          .hint("name it: `let a[" + index.name.text + "] = " + expr.text + "[" + index.name.text +
                "](…)`");
      return nullptr;
    }
    Var *outer = binding->var;
    Var *inner = newVar(VarKind::Index, index.name.text, outer->type, index.name.range);
    inner->lo = outer->lo;
    inner->hi = outer->hi;
    result->outer.push_back(outer);
    result->indices.push_back(inner);
  }
  if (!checkReduceBody(expr, *result) || !finishReduce(*result, expr.text))
    return nullptr;
  return result;
}

} // namespace seq
