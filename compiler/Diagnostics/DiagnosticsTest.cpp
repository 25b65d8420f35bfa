#include "compiler/Diagnostics/Diagnostics.h"
#include "compiler/Diagnostics/Utf8.h"

#include <gtest/gtest.h>
#include <set>

namespace seq {
namespace {

struct Fixture : ::testing::Test {
  SourceRange at(const std::string &text, const std::string &part) {
    uint32_t file = sources.addFile("m.seq", text);
    uint32_t begin = uint32_t(text.find(part));
    return {file, begin, begin + uint32_t(part.size())};
  }
  std::string text(bool color = false) { return render(diags, sources, ErrorFormat::Text, color); }
  std::string json() { return render(diags, sources, ErrorFormat::Json, false); }

  SourceManager sources;
  DiagnosticEngine diags{sources};
};
using Engine = Fixture;
using Rendering = Fixture;

TEST(Registry, CodesAreUnique) {
  std::set<std::string> codes;
  for (const DiagInfo &info : allDiags())
    EXPECT_TRUE(codes.insert(info.code).second) << info.code;
}

TEST(Sources, ColumnsCountCharacters) {
  SourceManager sources;
  uint32_t file = sources.addFile("m.seq", "\xEF\xBB\xBF"
                                           "a\r\nαβ c\n\xFFx");
  EXPECT_EQ(sources.lineColumn(file, 3).column, 1u);
  EXPECT_EQ(sources.lineColumn(file, 11).line, 2u);
  EXPECT_EQ(sources.lineColumn(file, 11).column, 4u);
  EXPECT_EQ(sources.lineColumn(file, 14).line, 3u);
  EXPECT_EQ(sources.lineColumn(file, 14).column, 2u);
  EXPECT_EQ(sources.lineColumn(0, 5).line, 0u);
  EXPECT_EQ(sources.text(SourceRange{file, 3, 4}), "a");
  EXPECT_EQ(sources.text(SourceRange{file, 100, 200}), "");
}

TEST_F(Rendering, Text) {
  SourceRange first = at("let a = 1\n  h' = decoy * h\n", "decoy");
  SourceRange second{first.file, 4, 5};
  diags.error(Diag::SyntaxTernary, first, "unknown name `decoy`")
      .hint("did you mean `decay`?")
      .note(second, "declared here");
  EXPECT_EQ(text(), "m.seq:2:8: error: unknown name `decoy` [E0123]\n"
                    "  h' = decoy * h\n"
                    "       ^~~~~\n"
                    "rule: a ternary is written `condition ? value : other`\n"
                    "hint: did you mean `decay`?\n"
                    "m.seq:1:5: note: declared here\n"
                    "let a = 1\n"
                    "    ^\n");
  EXPECT_NE(text(true).find("\033[1;31merror: \033[0m"), std::string::npos);
}

TEST_F(Rendering, WithoutAPlace) {
  diags.error(Diag::SyntaxUnexpected, "x.npy", "no such file");
  EXPECT_EQ(text(), "x.npy: error: no such file [E0120]\n");
}

TEST_F(Rendering, CaretsStandUnderWhatTheyMean) {
  diags.error(Diag::SyntaxUnexpected, at("\tα世\u202E= $", "$"), "seen");
  EXPECT_EQ(text(), "m.seq:1:7: error: seen [E0120]\n"
                    "    α世<U+202E>= $\n"
                    "                 ^\n");
}

TEST_F(Rendering, UnsafeCharactersAreNeverPrinted) {
  SourceRange place = at("a \x1B[31m\x80 b\r\n", "b");
  diags.error(Diag::SyntaxUnexpected, place, "name `\x1B[0m\u202E\n`").hint("\x07");
  EXPECT_EQ(text(), "m.seq:1:10: error: name `<U+001B>[0m<U+202E><U+000A>` [E0120]\n"
                    "a <U+001B>[31m<0x80> b\n"
                    "                     ^\n"
                    "hint: <U+0007>\n");
}

TEST_F(Rendering, LongLinesAreCut) {
  std::string line = std::string(5000, 'a') + "$" + std::string(5000, 'b');
  diags.error(Diag::SyntaxUnexpected, at(line, "$"), "seen");
  std::string out = text();
  EXPECT_LT(out.size(), 400u);
  std::string quoted = out.substr(out.find('\n') + 1);
  std::string caret = quoted.substr(quoted.find('\n') + 1);
  // The `…` is three bytes in one column.
  EXPECT_EQ(quoted.find('$') - 2, caret.find('^'));
}

TEST_F(Rendering, AMessageHasTwelveLinesAtMost) {
  SourceRange place = at("a b c", "b");
  auto error = diags.error(Diag::SyntaxTernary, place, "seen").hint("hint");
  for (int i = 0; i < 9; ++i)
    error.note(place, "note");
  std::string out = text();
  EXPECT_EQ(std::count(out.begin(), out.end(), '\n'), 12);
  EXPECT_NE(out.find("note: … and 7 more notes\n"), std::string::npos);
}

TEST_F(Rendering, PlacesAtTheEnd) {
  uint32_t file = sources.addFile("m.seq", "a\n");
  diags.error(Diag::SyntaxUnexpected, SourceRange{file, 2, 2}, "end");
  EXPECT_EQ(text(), "m.seq:2:1: error: end [E0120]\n\n^\n");
  uint32_t empty = sources.addFile("e.seq", "");
  diags.error(Diag::SyntaxUnexpected, SourceRange{empty, 0, 0}, "empty");
  EXPECT_NE(text().find("e.seq:1:1: error: empty"), std::string::npos);
}

TEST_F(Rendering, Json) {
  SourceRange place = at("α b\nc", "b");
  diags.error(Diag::SyntaxTernary, place, "a \"b\"\\\x01").hint("h").note(place, "n");
  EXPECT_EQ(json(),
            "[\n  {\"code\": \"E0123\", \"severity\": \"error\", \"file\": \"m.seq\", \"line\": 1, "
            "\"column\": 3, \"endColumn\": 4, \"message\": \"a \\\"b\\\"\\\\\\u0001\", "
            "\"rule\": \"a ternary is written `condition ? value : other`\", \"hint\": \"h\", "
            "\"notes\": [{\"file\": \"m.seq\", \"line\": 1, \"column\": 3, \"endColumn\": 4, "
            "\"message\": \"n\"}]}\n]\n");
}

TEST_F(Rendering, JsonOfNothing) {
  EXPECT_EQ(json(), "[\n]\n");
}

TEST_F(Engine, OrdersByPlaceAndDropsDuplicates) {
  SourceRange b = at("a b", "b");
  SourceRange a{b.file, 0, 1};
  diags.error(Diag::SyntaxUnexpected, b, "second");
  diags.error(Diag::SyntaxUnexpected, a, "first");
  diags.error(Diag::SyntaxUnexpected, b, "second").hint("lost");
  EXPECT_EQ(diags.errorCount(), 2u);
  EXPECT_LT(text().find("first"), text().find("second"));
  EXPECT_EQ(text().find("lost"), std::string::npos);
}

TEST_F(Engine, StopsAtTwenty) {
  uint32_t file = sources.addFile("m.seq", std::string(100, 'x'));
  for (uint32_t i = 0; i < 21; ++i)
    diags.error(Diag::SyntaxUnexpected, SourceRange{file, i, i + 1}, "seen").hint("h");
  EXPECT_TRUE(diags.full());
  EXPECT_EQ(diags.messages().size(), 20u);
  EXPECT_NE(text().find("… and 1 more error\n"), std::string::npos);
  EXPECT_NE(json().find("… and 1 more error\""), std::string::npos);
}

TEST_F(Engine, WarningsAreNoErrors) {
  diags.warning(Diag::SyntaxUnexpected, at("a", "a"), "careful");
  EXPECT_FALSE(diags.hasErrors());
  EXPECT_NE(text().find("m.seq:1:1: warning: careful"), std::string::npos);
}

TEST(Nearest, FindsSlips) {
  std::vector<std::string> names = {"decay", "sigmoid", "softmax", "x", "attention", "η"};
  EXPECT_EQ(nearest("decoy", names), "decay");
  EXPECT_EQ(nearest("atention", names), "attention");
  EXPECT_EQ(nearest("sigmiod", names), "sigmoid");
  EXPECT_EQ(nearest("Softmax", names), "softmax");
  EXPECT_EQ(nearest("q", names), "");
  EXPECT_EQ(nearest("unrelated", names), "");
  EXPECT_EQ(nearest("decay", {"decay"}), "");
}

TEST(Utf8, RejectsWhatIsNotUtf8) {
  for (std::string bad :
       {"\xC0\x80", "\xED\xA0\x80", "\xF5\x80\x80\x80", "\x80", "\xE2\x82", "\xC3("}) {
    size_t pos = 0;
    EXPECT_EQ(utf8::decode(bad, pos), utf8::kInvalid);
    EXPECT_EQ(pos, 1u);
  }
  size_t pos = 0;
  EXPECT_EQ(utf8::decode("\xF0\x9F\x98\x80", pos), U'\U0001F600');
  EXPECT_EQ(pos, 4u);
}
} // namespace
} // namespace seq
