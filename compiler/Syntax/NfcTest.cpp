#include "compiler/Syntax/Nfc.h"

#include <gtest/gtest.h>

namespace seq::syntax {
namespace {

TEST(Nfc, Composes) {
  EXPECT_EQ(toNfc("abc'"), "abc'");
  EXPECT_EQ(toNfc("e\u0301"), "\u00E9");
  EXPECT_EQ(toNfc("\u03B1\u0301"), "\u03AC");
  EXPECT_EQ(toNfc("\u2126"), "\u03A9"); // the ohm sign is omega
  EXPECT_EQ(toNfc("\u212B"), "\u00C5");
  EXPECT_EQ(toNfc("s\u0323\u0307"), "\u1E69");
  EXPECT_EQ(toNfc("s\u0307\u0323"), "\u1E69"); // marks in either order
  EXPECT_EQ(toNfc("q\u0307\u0323"), "q\u0323\u0307");
  EXPECT_EQ(toNfc("\u1112\u1161\u11AB"), "\uD55C");
  EXPECT_EQ(toNfc("\u0958"), "\u0915\u093C"); // excluded from composition
  EXPECT_EQ(toNfc("\u1FEE"), "\u0385");
}

TEST(Nfc, IsIdempotent) {
  for (const char *text : {"\u1E9B\u0323", "\u0344", "a\u0300\u0301\u0302", "\uAC00\u11A8"})
    EXPECT_EQ(toNfc(toNfc(text)), toNfc(text));
}
} // namespace
} // namespace seq::syntax
