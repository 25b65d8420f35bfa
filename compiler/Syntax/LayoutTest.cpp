// Where statements end, and which brackets are supplied.
#include "compiler/Syntax/TestHelp.h"

namespace seq {
namespace {
using testing::Parsed;

size_t statements(const std::string &body) {
  Parsed parsed("fn f(x: [T]) {" + body + "}");
  EXPECT_EQ(parsed.messages(), "") << body;
  return parsed.tree ? parsed.tree->functions.at(0)->body.stmts.size() : 0;
}

TEST(Newlines, EndStatements) {
  EXPECT_EQ(statements("\n  let a = 1\n  let b = 2\n\n\n  a\n"), 3u);
  EXPECT_EQ(statements(" let a = 1; let b = 2;; a; "), 3u);
  EXPECT_EQ(statements(" a "), 1u);
  EXPECT_EQ(statements(""), 0u);
  EXPECT_EQ(statements("\n\n"), 0u);
  EXPECT_EQ(statements("\n  a\n  -b\n"), 2u);
}

TEST(Newlines, GoOnAfterOperatorsAndInBrackets) {
  EXPECT_EQ(statements("\n  let a =\n    1 +\n    2 *\n    3\n"), 1u);
  EXPECT_EQ(statements("\n  let a = (1\n    + 2\n    - 3)\n  a\n"), 2u);
  EXPECT_EQ(statements("\n  let a = x[\n    1\n  ]\n  a\n"), 2u);
  EXPECT_EQ(statements("\n  let a = b ?\n    c :\n    d\n"), 1u);
  EXPECT_EQ(statements("\n  let a = b and\n    not\n    c\n"), 1u);
  EXPECT_EQ(statements("\n  if a {\n    1\n  }\n  else {\n    2\n  }\n"), 1u);
  EXPECT_EQ(statements("\n  let a = 1 // one\n  // two\n  a // three\n"), 2u);
}

TEST(Newlines, CountAgainInABlockInsideBrackets) {
  EXPECT_EQ(statements("\n  f({\n    let a = 1\n    a\n  },\n  2)\n"), 1u);
}

TEST(Newlines, HeadsMayBreakInsideBrackets) {
  Parsed parsed("fn f(\n  x: [T],\n  y: [T],\n)\n-> [T] {\n  x\n}");
  EXPECT_EQ(parsed.messages(), "");
}

TEST(Text, AnyEndOfLineMarkAndEnd) {
  for (const char *text : {"fn f() {\r\n  let a = 1\r\n  a\r\n}\r\n",
                           "\xEF\xBB\xBF"
                           "fn f() { a }",
                           "fn f() { a }", "fn f() { a } // end", "\n\n  \t\nfn f() { a }\n\n"}) {
    Parsed parsed(text);
    EXPECT_EQ(parsed.messages(), "");
    ASSERT_TRUE(parsed.tree);
    EXPECT_EQ(parsed.tree->functions.size(), 1u);
  }
  for (const char *text : {"", "\n", "// nothing", "/// nothing\n\n//", "\xEF\xBB\xBF"}) {
    Parsed parsed(text);
    EXPECT_EQ(parsed.messages(), "");
    EXPECT_TRUE(parsed.tree);
  }
}

TEST(Docs, StandBeforeTheirDeclaration) {
  Parsed parsed("/// A.\n///\n///   B.\n\n// no doc\nfn f() { 1 } /// not a doc\nfn g() { 2 "
                "}\n//// no\nfn h() { 3 }");
  EXPECT_EQ(parsed.tree->functions[0]->doc, "A.\n\n  B.");
  EXPECT_EQ(parsed.tree->functions[1]->doc, "");
  EXPECT_EQ(parsed.tree->functions[2]->doc, "");
}

TEST(Brackets, OneSlipDoesNotSwallowTheRest) {
  Parsed parsed("fn f(x: [T]) {\n  let a = g(x[1\n  let b = 2 2\n  b\n}\nfn g() { 1 }\n");
  EXPECT_EQ(parsed.places(), "2:16 E0110, 2:16 E0110, 3:13 E0129");
  ASSERT_EQ(parsed.tree->functions.size(), 2u);
}

TEST(Brackets, AMissingBraceIsFoundAtTheNextDeclaration) {
  Parsed parsed("fn f(x: [T]) {\n  scan t (h = 0) {\n    yield h\n\nfn g() { 1 }\nlayer A() {\n  "
                "fn forward() {\n    x\n  fn b() { 2 }\n");
  EXPECT_EQ(parsed.places(), "5:1 E0110, 9:3 E0110, 10:1 E0110");
}
} // namespace
} // namespace seq
