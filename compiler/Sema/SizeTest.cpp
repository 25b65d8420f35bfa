#include "compiler/Sema/Size.h"

#include <gtest/gtest.h>

using namespace seq;

namespace {
class SizeTest : public ::testing::Test {
protected:
  SizeTest() {
    unsigned id = 0;
    for (SizeSymbol *symbol : {&t, &h, &d, &n})
      symbol->id = id++;
    t.name = "T";
    h.name = "H";
    d.name = "D";
    n.name = "N";
  }
  Size c(int64_t value) { return Size::constant(value); }
  SizeSymbol t, h, d, n;
  Size T = Size::symbol(&t), H = Size::symbol(&h), D = Size::symbol(&d), N = Size::symbol(&n);
};
} // namespace

TEST_F(SizeTest, SumsAndProductsHaveOneForm) {
  EXPECT_EQ(H + D, D + H);
  EXPECT_EQ((H + D) * (H - D), H * H - D * D);
  EXPECT_EQ(c(2) * H + c(2) * H, c(4) * H);
  EXPECT_TRUE((H - H).isZero());
  EXPECT_NE(H, D);
  EXPECT_NE(H, c(4));
}

TEST_F(SizeTest, DivisionsTakeOutWhatDividesExactly) {
  EXPECT_EQ(Size::floorDiv(c(4) * H, c(4)), H);
  EXPECT_EQ(Size::floorDiv(c(4) * H, H), c(4));
  EXPECT_EQ(Size::floorDiv(H * D, H), D);
  EXPECT_EQ(Size::floorDiv(c(4) * H + c(3), c(4)), H);
  EXPECT_EQ(Size::floorDiv(c(2) * T + c(6), c(4)), Size::floorDiv(T + c(3), c(2)));
  EXPECT_EQ(Size::floorDiv(Size::floorDiv(T, c(2)), c(3)), Size::floorDiv(T, c(6)));
  EXPECT_EQ(Size::floorDiv(T + c(2), c(2)), Size::floorDiv(T, c(2)) + c(1));
  EXPECT_EQ(Size::floorDiv(c(7), c(2)), c(3));
  EXPECT_EQ(Size::floorDiv(c(-7), c(2)), c(-4));
}

TEST_F(SizeTest, HalvesTwiceIsNotTheWhole) {
  Size half = Size::floorDiv(T, c(2));
  EXPECT_EQ(c(2) * half, half * c(2));
  EXPECT_NE(half * c(2), T);
  EXPECT_EQ(half * c(2) + Size::mod(T, c(2)), T);
}

TEST_F(SizeTest, RemaindersAreFloored) {
  EXPECT_EQ(Size::mod(c(7), c(4)), c(3));
  EXPECT_EQ(Size::mod(c(-7), c(4)), c(1));
  EXPECT_TRUE(Size::mod(c(4) * H, c(2)).isZero());
}

TEST_F(SizeTest, OverflowIsKept) {
  Size big = c(INT64_MAX);
  EXPECT_TRUE((big + c(1)).hasOverflow());
  EXPECT_TRUE((big * c(2) - big).hasOverflow());
  EXPECT_TRUE(Size::floorDiv(H, c(0)).hasOverflow());
  EXPECT_TRUE(Size::mod(H, Size()).hasOverflow());
  EXPECT_FALSE((big * c(2)).evaluate().has_value());
}

TEST_F(SizeTest, Evaluates) {
  auto values = [&](const SizeSymbol *s) -> std::optional<int64_t> {
    if (s == &t)
      return 7;
    return std::nullopt;
  };
  EXPECT_EQ(Size::floorDiv(T, c(2)).evaluate(values), 3);
  EXPECT_EQ((c(2) * T - c(1)).evaluate(values), 13);
  EXPECT_EQ((T + H).evaluate(values), std::nullopt);
  d.isStatic = true;
  d.value = 0;
  EXPECT_EQ(Size::floorDiv(T, D).evaluate(values), std::nullopt);
  EXPECT_TRUE(Size::floorDiv(T, D).withStatics().hasOverflow());
}

TEST_F(SizeTest, Substitutes) {
  auto by = [&](const SizeSymbol *s) -> std::optional<Size> {
    return s == &h ? std::optional(c(2) * D) : std::nullopt;
  };
  EXPECT_EQ((c(4) * H).substitute(by), c(8) * D);
  EXPECT_EQ(Size::floorDiv(H, c(2)).substitute(by), D);
}

TEST_F(SizeTest, PrintsAsWritten) {
  EXPECT_EQ((c(4) * H).str(), "4 * H");
  EXPECT_EQ(Size::floorDiv(T, c(2)).str(), "T / 2");
  EXPECT_EQ((c(2) * Size::floorDiv(T, c(2))).str(), "2 * (T / 2)");
  EXPECT_EQ((T - c(1)).str(), "T - 1");
  EXPECT_EQ((c(0) - T).str(), "-T");
  EXPECT_EQ(Size().str(), "0");
  EXPECT_EQ(Size::floorDiv(T + c(1), c(2)).str(), "(T + 1) / 2");
}
