//===- Static.h - Values that are known when compiling ------------------------===//
#ifndef SEQC_SEMA_STATIC_H
#define SEQC_SEMA_STATIC_H

#include "compiler/Sema/Size.h"
#include "compiler/Syntax/AST.h"

#include <map>
#include <unordered_map>

namespace seq {

struct StaticValue {
  enum Kind { Integer, Bool, Float } kind = Integer;
  Size size; ///< Integer
  bool boolean = false;
  double floating = 0;
  bool known = true; ///< Bool, Float: false in a check without numbers

  static StaticValue ofSize(Size size);
  static StaticValue ofBool(bool value, bool known = true);
  static StaticValue ofFloat(double value, bool known = true);
  const char *kindName() const;
};

/// Evaluates sizes, static conditions and defaults. Without an engine it is quiet.
class StaticEvaluator {
public:
  using Lookup = std::function<const StaticValue *(const std::string &)>;
  StaticEvaluator(Lookup lookup, DiagnosticEngine *diags)
      : lookup(std::move(lookup)), diags(diags) {}

  /// Null where it is no static expression (reported where there is an engine).
  std::optional<StaticValue> evaluate(const ast::Expr &expr);
  /// An integer value as a size.
  std::optional<Size> size(const ast::Expr &expr);
  /// What stands for an integer that cannot be expressed, such as `2 ** l` without numbers.
  std::function<Size(const ast::Expr &)> opaque;
  /// Reports a name that `lookup` does not know.
  std::function<void(const ast::Expr &)> unknown;

private:
  std::optional<StaticValue> fail(Diag kind, SourceRange range, std::string text);
  std::optional<StaticValue> number(const ast::Expr &expr);
  std::optional<StaticValue> name(const ast::Expr &expr);
  std::optional<StaticValue> unary(const ast::Expr &expr);
  std::optional<StaticValue> binary(const ast::Expr &expr);
  std::optional<StaticValue> logical(const ast::Expr &expr);
  std::optional<StaticValue> integers(const ast::Expr &expr, const Size &a, const Size &b);
  std::optional<StaticValue> floats(const ast::Expr &expr, const StaticValue &a,
                                    const StaticValue &b);
  std::optional<StaticValue> power(const ast::Expr &expr, const Size &a, const Size &b);
  std::optional<StaticValue> ternary(const ast::Expr &expr);
  std::optional<StaticValue> call(const ast::Expr &expr);
  std::optional<StaticValue> checked(const ast::Expr &expr, Size size);

  Lookup lookup;
  DiagnosticEngine *diags;
};

/// An integer literal's value; nullopt: past int64.
std::optional<int64_t> integerLiteral(const std::string &text);

} // namespace seq

#endif
