// Each kind of syntax error: its place, its code and the words that matter.
#include "compiler/Syntax/TestHelp.h"

namespace seq {
namespace {
using testing::Parsed;

struct Case {
  const char *name, *text, *places, *words;
};

void PrintTo(const Case &c, std::ostream *out) {
  *out << c.name;
}

/// A statement in a function, on line 2 behind two spaces.
#define BODY(STMT) "fn f(x: [T]) {\n  " STMT "\n}\n"
/// A member of a layer, likewise.
#define MEMBER(TEXT) "layer A(D) {\n  " TEXT "\n}\n"

const Case kCases[] = {
    // Characters.
    {"dollar", BODY("x $ y"), "2:5 E0104", "unknown character `$`"},
    {"hash", "# title\n\nfn f() { 1 }", "1:1 E0104", "comments begin with `//`"},
    {"ampersands", BODY("x && y"), "2:5 E0104", "write `and`"},
    {"minusSign", BODY("x \u2212 y"), "2:5 E0104", "write `-`"},
    {"afterGreek", BODY("αβ $ y"), "2:6 E0104", "unknown character"},
    {"afterTab", BODY("\tx $"), "2:6 E0104", "unknown character"},
    {"zeroWidth", BODY("x\u200By"), "2:4 E0104", "zero-width space"},
    {"bidi", BODY("x \u202E y"), "2:5 E0103",
     "U+202E (a right-to-left override) outside a comment"},
    {"bidiInString", "test \"a\u202E\" { 1 }", "1:8 E0103", "outside a comment"},
    {"control", BODY("x \x01 y"), "2:5 E0102", "the control character U+0001"},
    {"loneReturn", BODY("x \r y"), "2:5 E0102", "U+000D"},
    {"latin1", BODY("x\xE9"), "2:4 E0101", "the byte 0xE9"},
    {"utf16",
     "\xFF\xFE"
     "f",
     "1:1 E0101, 1:2 E0101", "looks like UTF-16"},
    {"string", BODY("\"abc"), "2:3 E0105", "no closing `\"`"},
    {"hex", BODY("0x1F"), "2:3 E0106", "`0x1F` is no number"},
    {"product", BODY("2x"), "2:3 E0106", "`2 * x`"},
    {"exponent", BODY("1e"), "2:3 E0106", "digits follow the `e`"},
    // Brackets.
    {"unterminatedBlock", "fn f() {\n  scan t () {\n    x\n  ", "4:3 E0110",
     "expected `}` to close the block opened at line 2, found the end of the file"},
    {"unclosedParen", BODY("f(x"), "3:1 E0110", "expected `)` to close the `(` opened at 2:4"},
    {"mixedBrackets", BODY("f(x]"), "2:6 E0110", "found `]`"},
    {"strayParen", BODY("x)"), "2:4 E0111", "`)` closes nothing"},
    {"strayBrace", "fn f() { 1 }\n}\n", "2:1 E0111", "`}` closes nothing"},
    {"semicolonInParen", BODY("f(x; y"), "2:6 E0110", "found `;`"},
    // Declarations.
    {"functionName", "fn (x: [T]) { x }", "1:4 E0122", "the function's name after `fn`"},
    {"keywordAsName", "fn let() { 1 }", "1:4 E0122", "`let` is a keyword"},
    {"functionParams", "fn f { 1 }", "1:6 E0120", "expected `(` and the parameters of `f`"},
    {"parameterColon", "fn f(x [T]) { x }", "1:8 E0121",
     "expected `:` before the type of parameter `x`, found `[`"},
    {"parameterNoType", "fn f(x) { x }", "1:7 E0121", "parameter `x`"},
    {"parameterComma", "fn f(x: [T] y: [T]) { x }", "1:13 E0120", "between parameters"},
    {"parameterKeyword", "fn f(in: [T]) { 1 }", "1:6 E0122", "a parameter's name"},
    {"emptyType", "fn f(x: []) { x }", "1:10 E0134", "a scalar's type has no brackets"},
    {"noType", "fn f(x: ) { x }", "1:9 E0134", "expected a type"},
    {"resultType", "fn f() -> { 1 }", "1:11 E0134", "result's type after `->`"},
    {"resultColon", "fn f() : [T] { 1 }", "1:8 E0120", "follows `->`"},
    {"braceOnNextLine", "fn f()\n{\n  1\n}\n", "1:7 E0120", "on the line of its declaration"},
    {"layerName", "layer {\n}", "1:7 E0122", "the layer's name"},
    {"sizeName", "layer A(D, 3) { }", "1:12 E0122", "the name of a size"},
    {"layerBody", "layer A(D)\n", "1:11 E0120", "body of `A`"},
    {"testTitle", "test { 1 }", "1:6 E0120", "the test's name in quotes"},
    {"importNothing", "import\n", "1:7 E0136", "module's name"},
    {"importRest", "import a b\n", "1:10 E0136", "end of the import"},
    {"importStem", "import \"3d.seq\"\n", "1:8 E0136", "add `as`"},
    {"def", "def f(x):\n  return x\n", "1:1 E0126", "`fn name"},
    {"misspelt", "modle A() { }", "1:1 E0126", "did you mean `model`?"},
    {"prose", "Dear reader,\nthis is prose.\n", "1:1 E0126", "expected a declaration"},
    {"renameInFile", "rename { a }", "1:1 E0135", "not supported"},
    // Members.
    {"renameInLayer", MEMBER("rename { a }"), "2:10 E0135", "not supported"},
    {"letInLayer", MEMBER("let x = 1"), "2:3 E0127", "body of a function"},
    {"forgottenParam", MEMBER("w: [3]"), "2:9 E0122", "`param w: [D]`"},
    {"subLayerColon", MEMBER("fwd LSTM(3)"), "2:7 E0127", "expected `:` and a layer after `fwd`"},
    {"subLayerSizes", MEMBER("fwd: LSTM"), "2:12 E0120", "`Layer()`"},
    {"paramName", MEMBER("param 3"), "2:9 E0122", "after `param`"},
    {"paramType", MEMBER("param w"), "2:9 E0121", "neither a type nor"},
    {"paramIndex", MEMBER("param w[3] = 1"), "2:11 E0131", "the name of an index"},
    // Statements.
    {"letNoValue", BODY("let y x"), "2:9 E0120", "expected `=` and a value for `y`, found `x`"},
    {"letNoName", BODY("let = 2"), "2:7 E0122", "a name after `let`"},
    {"letAtEnd", BODY("let y ="), "2:10 E0120", "a value after `=`, found the end of the line"},
    {"letTwoValues", BODY("let a, b = 1, 2"), "2:15 E0129", "takes one value"},
    {"twoStatements", BODY("x x"), "2:5 E0129", "the end of the statement, found `x`"},
    {"returnNothing", BODY("return"), "2:9 E0120", "a value after `return`"},
    {"assignCall", BODY("f(x) = 2"), "2:3 E0130", "cannot be assigned to"},
    {"assignIndex", BODY("x[0] = 2"), "2:5 E0131", "name of an index"},
    {"plusAssign", BODY("x += 1"), "2:6 E0120", "write `x = x + …`"},
    {"leadingPlus", BODY("let y = x\n    + 2"), "3:5 E0125", "a statement cannot begin with `+`"},
    {"leadingAnd", BODY("let y = x\n    and 2"), "3:5 E0125", "end it with `and`"},
    {"leadingQuestion", BODY("let y = x\n    ? 1\n    : 2"), "3:5 E0125, 4:5 E0128", "`?`"},
    {"elseAlone", BODY("else { 3 }"), "2:3 E0128", "without an `if`"},
    {"nestedFunction", BODY("  fn g() { 2 }"), "2:5 E0128", "`let f(x: [D]) = …`"},
    {"forIn", BODY("for l of x { 2 }"), "2:9 E0120", "expected `in` after `for l`"},
    {"forBody", BODY("for l in x"), "2:13 E0120", "body of the loop"},
    {"ifAssign", BODY("if x = 2 { 1 }"), "2:8 E0120", "`==` compares"},
    {"elseBody", BODY("if x { 2 } else 3"), "2:19 E0120", "after `else`"},
    // Scans.
    {"scanIndex", BODY("scan (h = 0) { 1 }"), "2:8 E0122", "the index of the scan"},
    {"scanStates", BODY("scan t { 1 }"), "2:10 E0120", "the states of the scan"},
    {"scanInit", BODY("scan t (h) { 1 }"), "2:12 E0120", "initial value of state `h`"},
    {"scanBody", BODY("scan t (h = 0)"), "2:17 E0120", "the steps of the scan"},
    {"scanRange", BODY("scan t in 0 (h = 0) { 1 }"), "2:15 E0120", "expected `..`"},
    {"scanAs", BODY("scan t () as hs { 1 }"), "2:16 E0120", "`as (hs, cs)`"},
    {"scanTwoResets", BODY("scan t () reset a reset b { 1 }"), "2:21 E0120", "one `reset`"},
    // Expressions.
    {"ternary", BODY("x > 0 ? x"), "2:12 E0123", "expected `:` and the other value of the ternary"},
    {"chained", BODY("a < b < c"), "2:9 E0124", "write `a < b and b < c`"},
    {"notOperand", BODY("a + not b"), "2:7 E0133", "put it in parentheses"},
    {"twoOperators", BODY("a + * b"), "2:7 E0120", "a value after `+`, found `*`"},
    {"unaryPlus", BODY("+ b"), "2:3 E0125", "`+`"},
    {"pointFirst", BODY("a + .5"), "2:7 E0120", "both sides"},
    {"pointLast", BODY("1. + a"), "2:6 E0122", "both sides"},
    {"arguments", BODY("f(x y)"), "2:7 E0120", "between arguments"},
    {"subscripts", BODY("x[1 2]"), "2:7 E0120", "expected an operator, `,` or `]`"},
    {"parens", BODY("(x 1)"), "2:6 E0120", "expected an operator or `)`"},
    {"reduceNothing", BODY("sum[j]()"), "2:9 E0132", "parentheses of `sum`"},
    {"reduceIndex", BODY("sum[j + 1](x)"), "2:7 E0131", "brackets of `sum`"},
    {"whereInCall", BODY("f(x where y)"), "2:7 E0132", "`where` outside a reduction"},
    {"rangeInIndex", BODY("x[j in 0..2]"), "2:5 E0138", "a slice is written"},
    {"doubleSlice", BODY("x[a:b:c]"), "2:8 E0120", "found `:`"},
    {"lineOfTheMissingComma", BODY("f(a,\n    b\n    c)"), "3:6 E0120",
     "found the end of the line"},
};

class SyntaxErrors : public ::testing::TestWithParam<Case> {};

TEST_P(SyntaxErrors, SayWhatAndWhere) {
  Parsed parsed(GetParam().text);
  std::string messages = parsed.messages();
  EXPECT_EQ(parsed.places(), GetParam().places) << messages;
  EXPECT_NE(messages.find(GetParam().words), std::string::npos) << messages;
  for (const char *stock : {"mismatched", "extraneous", "viable", "ANTLR", "antlr", "<EOF>"})
    EXPECT_EQ(messages.find(stock), std::string::npos) << messages;
}
INSTANTIATE_TEST_SUITE_P(All, SyntaxErrors, ::testing::ValuesIn(kCases),
                         [](const auto &info) { return std::string(info.param.name); });

TEST(SyntaxErrors, SeveralInOneFile) {
  Parsed parsed(
      "fn f(x [T]) { x }\nfn g(x: [T]) {\n  let a = \n  let b = 1 1\n  b\n}\nlayer A() {\n"
      "  w: [3]\n  param v: [3]\n}\nfn h() { 1 }\n");
  EXPECT_EQ(parsed.places(), "1:8 E0121, 3:10 E0120, 8:9 E0122") << parsed.messages();
  ASSERT_EQ(parsed.tree->functions.size(), 2u);
  EXPECT_EQ(parsed.tree->layers[0]->params.size(), 1u);
}

TEST(SyntaxErrors, EveryKindHasATest) {
  for (const DiagInfo &info : allDiags()) {
    std::string code = info.code;
    // Size and depth are tested in HostileTest.
    if (code < "E0100" || code > "E0199" || code == "E0107" || code == "E0112" || code == "E0113" ||
        code == "E0137")
      continue;
    bool found = false;
    for (const Case &c : kCases)
      found |= std::string(c.places).find(code) != std::string::npos;
    EXPECT_TRUE(found) << info.name << " " << code;
  }
}
} // namespace
} // namespace seq
