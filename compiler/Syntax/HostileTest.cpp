// Texts that try to exhaust the parser: bounded time and depth, and a place for each error.
#include "compiler/Syntax/TestHelp.h"

namespace seq {
namespace {
using testing::Parsed;

std::string times(size_t n, const std::string &text) {
  std::string out;
  out.reserve(n * text.size());
  for (size_t i = 0; i < n; ++i)
    out += text;
  return out;
}
std::string body(const std::string &expr) {
  return "fn f(x: [T]) {\n  return " + expr + "\n}\n";
}

TEST(Depth, EveryKindOfNestingIsBounded) {
  constexpr size_t n = 20000;
  for (const std::string &expr :
       {times(n, "(") + "x" + times(n, ")"), times(n, "x[") + "1" + times(n, "]"),
        times(n, "f(") + "x" + times(n, ")"), times(n, "not ") + "x", times(n, "- ") + "x",
        "x" + times(n, " ** 1"), times(n, "a ? b : ") + "c",
        times(n, "a ? ") + "c" + times(n, " : b"), times(n, "{ ") + "x" + times(n, " }"),
        times(n, "[") + times(n, "]"), times(n, "(- not - ") + "x" + times(n, ")"),
        times(n, "scan t () { ") + times(n, "}"),
        times(n, "sum[j](x where ") + "x" + times(n, ")")}) {
    Parsed parsed(body(expr));
    EXPECT_FALSE(parsed.tree);
    ASSERT_EQ(parsed.diags.errorCount(), 1u) << parsed.messages().substr(0, 2000);
    EXPECT_EQ(parsed.diags.messages()[0].kind, Diag::SyntaxTooDeep);
  }
  Parsed chain("fn f() {\n" + times(n, "if a { 1 } else ") + "{ 2 }\n}\n");
  EXPECT_EQ(chain.diags.messages()[0].kind, Diag::SyntaxTooDeep);
}

TEST(Depth, UnclosedBracketsAreBounded) {
  for (const char *open : {"(", "[", "{", "f(", "scan t (h = "}) {
    Parsed parsed(body(times(20000, open)));
    EXPECT_TRUE(parsed.diags.hasErrors());
  }
  Parsed closers(body(times(20000, ")")));
  EXPECT_TRUE(closers.diags.full());
}

TEST(Depth, WhatIsAllowedIsDeep) {
  constexpr size_t n = kMaxNesting - 2; // the function's block is one
  for (const std::string &expr :
       {times(n, "(") + "x" + times(n, ")"), times(n, "-") + "x", "x" + times(n, " ** 1"),
        times(n, "a ? b : ") + "c", times(n, "sum[j](x + ") + "x" + times(n, ")")}) {
    Parsed parsed(body(expr));
    EXPECT_EQ(parsed.messages().substr(0, 500), "");
    EXPECT_FALSE(printAst(*parsed.tree).empty());
  }
}

TEST(Depth, UnaryOperatorsInAFlatSumDoNotAddUp) {
  Parsed parsed(body("-x" + times(500, " + -x ** 2 * -1") + " > 0" + times(500, " and not x")));
  EXPECT_EQ(parsed.messages().substr(0, 500), "");
}

TEST(Length, FlatSums) {
  EXPECT_EQ(Parsed(body("x" + times(kMaxChain - 1, " + x"))).messages().substr(0, 500), "");
  Parsed parsed(body("x" + times(50000, " + x")));
  EXPECT_EQ(parsed.places(), "2:8008 E0113");
  Parsed members(body("x" + times(50000, ".a")));
  EXPECT_EQ(members.diags.messages()[0].kind, Diag::SyntaxTooLong);
}

TEST(Length, NestedChainsShareOneBound) {
  std::string inner = "x";
  for (int i = 0; i < 5; ++i)
    inner = "(" + inner + times(1000, " + x") + ")";
  EXPECT_EQ(Parsed(body(inner)).diags.messages().at(0).kind, Diag::SyntaxTooLong);
}

TEST(Length, LongFilesParse) {
  std::string lets = "fn f(x: [T]) {\n  let a0 = x\n";
  for (int i = 1; i < 20000; ++i)
    lets += "  let a" + std::to_string(i) + " = a" + std::to_string(i - 1) + " + 1\n";
  Parsed parsed(lets + "  return x\n}\n");
  EXPECT_EQ(parsed.messages(), "");
  EXPECT_EQ(parsed.tree->functions[0]->body.stmts.size(), 20001u);
  Parsed comments(times(100000, "// a line of it\n") + "fn f() { 1 1 }\n");
  EXPECT_EQ(comments.places(), "100001:12 E0129");
}

TEST(Length, SizeIsBounded) {
  Parsed bytes(std::string(kMaxFileBytes + 1, ' '));
  EXPECT_EQ(bytes.places(), "1:1 E0107");
  Parsed words(body(times(1100000, "x ")));
  EXPECT_EQ(words.diags.messages().at(0).kind, Diag::SyntaxFileTooLarge);
  std::string wide = "let " + std::string(100000, 'a');
  EXPECT_EQ(Parsed(wide).places(), "1:1 E0126");
}

TEST(Errors, AreCounted) {
  std::string text = "fn f() {\n";
  for (int i = 0; i < 100; ++i)
    text += "  let = 1\n";
  Parsed parsed(text + "}\n");
  EXPECT_EQ(parsed.diags.errorCount(), 100u);
  EXPECT_EQ(parsed.diags.messages().size(), 20u);
  EXPECT_NE(parsed.messages().find("… and 80 more errors\n"), std::string::npos);
}

TEST(Bytes, AnyBytesAreAnsweredByATreeOrAnError) {
  uint64_t state = 1;
  auto next = [&] {
    return state = state * 6364136223846793005u + 1442695040888963407u, state >> 33;
  };
  const char *const words[] = {
      "fn ",    "f",       "(",      ")",     "[",      "]",     "{",       "}",       "\n",
      ";",      "let ",    "=",      "x",     "1",      "+",     "- ",      "scan t ", ":",
      ",",      "?",       "..",     "in ",   "where ", "sum",   "if ",     "else ",   "for ",
      "yield ", "layer A", "param ", "\"s\"", "'",      "$",     "/// d\n", "**",      "reset ",
      "as ",    "not ",    "\r\n",   "=>",    "->",     "test ", "import ", "."};
  for (int round = 0; round < 3000; ++round) {
    std::string text = round % 2 ? "fn f(x: [T]) {\n" : "";
    for (size_t i = 0, n = next() % 40; i < n; ++i)
      text += round % 10 == 0 ? std::string(1, char(next())) : words[next() % std::size(words)];
    Parsed parsed(text);
    EXPECT_TRUE(parsed.tree || parsed.diags.hasErrors()) << text;
    if (parsed.tree)
      printAst(*parsed.tree);
    std::string messages = parsed.messages();
    EXPECT_EQ(messages.find("cannot be parsed"), std::string::npos) << text;
    EXPECT_EQ(messages.find("something else"), std::string::npos) << text << messages;
  }
}
} // namespace
} // namespace seq
