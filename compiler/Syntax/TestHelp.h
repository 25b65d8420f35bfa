//===- TestHelp.h - Parsing from a test ---------------------------------------===//
#ifndef SEQC_SYNTAX_TESTHELP_H
#define SEQC_SYNTAX_TESTHELP_H

#include "compiler/Syntax/Syntax.h"

#include <gtest/gtest.h>

namespace seq::testing {

/// A text, its tree and its messages.
struct Parsed {
  explicit Parsed(std::string text)
      : file(sources.addFile("t.seq", std::move(text))), diags(sources) {
    tree = parseFile(file, diags);
  }
  std::string messages() const { return render(diags, sources, ErrorFormat::Text, false); }
  /// "3:16 E0104" of each error, joined by ", ".
  std::string places() const {
    std::string out;
    for (const Message &m : diags.messages()) {
      LineColumn at = sources.lineColumn(m.range.file, m.range.begin);
      out += (out.empty() ? "" : ", ") + std::to_string(at.line) + ":" + std::to_string(at.column) +
             " " + diagInfo(m.kind).code;
    }
    return out;
  }

  SourceManager sources;
  uint32_t file;
  DiagnosticEngine diags;
  std::unique_ptr<ast::File> tree;
};

/// The expression as text with all its parentheses: "(a + (b * c))".
inline std::string shape(const ast::Expr &e) {
  using ast::ExprKind;
  switch (e.kind) {
  case ExprKind::Unary:
    return "(" + e.text + " " + shape(*e.a) + ")";
  case ExprKind::Binary:
    return "(" + shape(*e.a) + " " + e.text + " " + shape(*e.b) + ")";
  case ExprKind::Ternary:
    return "(" + shape(*e.a) + " ? " + shape(*e.b) + " : " + shape(*e.c) + ")";
  case ExprKind::Member:
    return shape(*e.a) + "." + e.text;
  case ExprKind::Index: {
    std::string out = shape(*e.a) + "[";
    for (const ast::Subscript &s : e.subscripts)
      out += (s.lo ? shape(*s.lo) : "") + (s.isSlice ? ":" : "") + (s.hi ? shape(*s.hi) : "") + ";";
    return out + "]";
  }
  case ExprKind::Call:
  case ExprKind::Reduce:
  case ExprKind::List: {
    std::string out = e.kind == ExprKind::Call ? shape(*e.a) : e.text;
    for (const ast::IndexDecl &i : e.indices)
      out += "<" + i.name.text + (i.lo ? " in " + shape(*i.lo) + ".." + shape(*i.hi) : "") + ">";
    out += "(" + (e.kind == ExprKind::Reduce ? shape(*e.a) : "");
    if (e.kind == ExprKind::Reduce && e.b)
      out += " where " + shape(*e.b);
    for (const ast::Argument &a : e.args)
      out += (a.name ? a.name->text + "=" : "") + shape(*a.value) + ";";
    return out + ")";
  }
  case ExprKind::Scan:
    return "scan";
  case ExprKind::Block:
    return "block";
  default:
    return e.text;
  }
}

/// The shape of an expression that stands alone in a function, or the messages.
inline std::string shapeOf(const std::string &text) {
  Parsed parsed("fn f() {\n  return " + text + "\n}\n");
  if (!parsed.tree || parsed.diags.hasErrors())
    return parsed.places();
  return shape(*parsed.tree->functions.at(0)->body.stmts.at(0)->values.at(0));
}

} // namespace seq::testing

#endif
