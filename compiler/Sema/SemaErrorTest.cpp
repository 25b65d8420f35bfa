// Each kind of error at its place.
#include "compiler/Sema/TestSupport.h"

#include <filesystem>
#include <fstream>

using namespace seq;

namespace {
/// Files in a folder of their own; checks the first.
/// The first file is the root. Those named `lib/…` are the standard library.
std::string codesOfFiles(const std::vector<std::pair<std::string, std::string>> &files) {
  namespace fs = std::filesystem;
  fs::path dir =
      fs::temp_directory_path() /
      (std::string("sema-") + testing::UnitTest::GetInstance()->current_test_info()->name());
  fs::create_directories(dir / "lib");
  for (const auto &[name, text] : files)
    std::ofstream(dir / name) << text;
  Checked c;
  c.options.stdlibDir = (dir / "lib").string();
  c.program = checkProgram((dir / files[0].first).string(), "", c.known, c.options, c.diags);
  fs::remove_all(dir);
  return c.program ? "good" : c.codes();
}

std::string inLayer(const std::string &members, const std::string &entry = "L(4)") {
  return codesOf("layer L(D) {\n" + members + "\n}\n", entry);
}
} // namespace

//===- E02xx ------------------------------------------------------------------===//

TEST(SemaErrors, UnknownNames) {
  EXPECT_EQ(codesInBody("  return z"), "E0201 2:10");
  EXPECT_EQ(codesInBody("  return foo(x)"), "E0201 2:10");
  EXPECT_EQ(codesInBody("  return h'"), "E0201 2:10");
  EXPECT_EQ(codesOf("fn f(x: [T]) -> [S] {\n  return x\n}\n"), "E0201 1:18");
  EXPECT_EQ(inLayer("  param w: [E]\n  fn forward(x: [T]) -> [T] {\n    return x\n  }"),
            "E0201 2:13");
}

TEST(SemaErrors, OneMistakeIsOneMessage) {
  EXPECT_EQ(codesInBody("  let z = nope\n  let q = z + z\n  return q * z"), "E0201 2:11");
}

TEST(SemaErrors, NamesDeclaredTwice) {
  EXPECT_EQ(codesInBody("  let z = x\n  let z = x\n  return z"), "E0202 3:7");
  EXPECT_EQ(codesOf("fn f(x: [T], x: [T]) -> [T] {\n  return x\n}\n"), "E0202 1:14");
  EXPECT_EQ(codesOf("fn f(x: [T]) -> [T] {\n  return x\n}\nfn f(x: [T]) -> [T] {\n  return x\n}\n"),
            "E0202 4:4");
  EXPECT_EQ(inLayer("  param w: [D]\n  param w: [D]"), "E0202 3:9");
}

TEST(SemaErrors, LetHidesNothing) {
  EXPECT_EQ(codesInBody("  let x = a\n  return x"), "E0203 2:7");
  EXPECT_EQ(codesInBody("  let T = a\n  return T"), "E0203 2:7");
  EXPECT_EQ(codesInBody("  let sum = a\n  return a"), "E0203 2:7");
  EXPECT_EQ(codesInBody("  let f = a\n  return a"), "E0203 2:7");
}

TEST(SemaErrors, Modules) {
  EXPECT_EQ(codesOf("import std.nothing\nfn f(x: [T]) -> [T] {\n  return x\n}\n"), "E0204 1:1");
  EXPECT_EQ(codesOf("import \"./nothing.seq\" as n\nfn f(x: [T]) -> [T] {\n  return x\n}\n"),
            "E0204 1:1");
}

TEST(SemaErrors, ImportedFiles) {
  std::string other =
      "fn g(x: [T]) -> [T] {\n  return x\n}\nfn _g(x: [T]) -> [T] {\n  return x\n}\n";
  std::string use = "import \"./o.seq\" as o\nfn f(x: [T]) -> [T] {\n  return o.";
  EXPECT_EQ(codesOfFiles({{"m.seq", use + "g(x)\n}\n"}, {"o.seq", other}}), "good");
  EXPECT_EQ(codesOfFiles({{"m.seq", use + "_g(x)\n}\n"}, {"o.seq", other}}), "E0206 3:10");
  EXPECT_EQ(codesOfFiles({{"m.seq", use + "h(x)\n}\n"}, {"o.seq", other}}), "E0208 3:10");
  EXPECT_EQ(
      codesOfFiles({{"m.seq", use + "g(x)\n}\n"}, {"o.seq", "import \"./m.seq\" as m\n" + other}}),
      "E0205 1:1");
  Checked c;
  EXPECT_EQ(checkProgram("/nowhere/m.seq", "", c.known, c.options, c.diags), nullptr);
  EXPECT_EQ(c.codes(), "E0209 0:0");
}

TEST(SemaErrors, Prelude) {
  std::string scale = "layer Scale(D, N = 1) {\n  param s: [D]\n  param n: [N - 1]\n"
                      "  fn forward(x: [D]) -> [D] {\n    return s * x\n  }\n}\n"
                      "layer _Own(D) {\n  param s: [D]\n}\n"
                      "fn twice(x: [D]) -> [D] {\n  return 2 * x\n}\n";
  std::string list = "import \"./a.seq\" as a\n";
  auto uses = [&](const std::string &text) {
    return codesOfFiles({{"m.seq", text}, {"lib/prelude.seq", list}, {"lib/a.seq", scale}});
  };
  auto layer = [&](const std::string &sub, const std::string &call = "l(x)") {
    return "layer L(D = 3) {\n  l: " + sub + "\n  fn forward(x: [T, D]) -> [T, D] {\n    return " +
           call + "\n  }\n}\n";
  };
  EXPECT_EQ(uses(layer("Scale(D)")), "good");
  EXPECT_EQ(uses(layer("Scale(D)", "twice(l(x))")), "good");
  EXPECT_EQ(uses(layer("Scale(D)", "Scale(x)")), "E0210 4:12");
  EXPECT_EQ(uses(layer("_Own(D)")), "E0201 2:6");
  // What is wrong in a use is wrong there, whatever it breaks in the library.
  EXPECT_EQ(uses(layer("Scale(D, 0)")), "E0311 2:3");
  EXPECT_EQ(uses(layer("Scale(2 * D)")), "E0303 4:14");
  // Everything that a file declares hides the prelude, and nothing in it is hidden.
  std::string own = "fn twice(x: [D], n: float) -> [D] {\n  return n * x\n}\n";
  EXPECT_EQ(uses(layer("Scale(D)", "twice(l(x), 3)") + own), "good");
  EXPECT_EQ(uses(layer("twice(D)") + own), "E0210 2:6");
  EXPECT_EQ(uses("import \"./lib/a.seq\" as Scale\n" + layer("Scale(D)")), "E0210 3:6");
  EXPECT_EQ(uses("fn f(x: [T]) -> [T] {\n  let twice = x\n  return twice\n}\n"), "good");
  // It is read where such a name stands, and not before.
  std::string none = "fn f(x: [T]) -> [T] {\n  return x\n}\n";
  EXPECT_EQ(codesOfFiles({{"m.seq", none}, {"lib/prelude.seq", "this is no file"}}), "good");
  EXPECT_EQ(codesOfFiles({{"m.seq", layer("Scale(D)")}}), "E0201 2:6");
}

TEST(SemaErrors, LayersAreBounded) {
  std::string text = "layer A0(D) {\n  fn forward(x: [D]) -> [D] {\n    return x\n  }\n}\n";
  for (int i = 1; i < 70; ++i)
    text += "layer A" + std::to_string(i) + "(D) {\n  a: A" + std::to_string(i - 1) + "(D)\n}\n";
  EXPECT_EQ(codesOf(text, "A69(2)").substr(0, 5), "E0323");
  EXPECT_EQ(codesOf("layer A(D) {\n  param w: [D]\n}\nlayer B(N) {\n  a: [N] A(1)\n  fn forward(x: "
                    "[T]) -> [T] {\n    return x\n  }\n}\n",
                    "B(1000000)"),
            "E0323 5:7");
}

TEST(SemaErrors, Recursion) {
  EXPECT_EQ(codesOf("fn f(x: [T]) -> [T] {\n  return f(x)\n}\n"), "E0207 2:10");
  Checked c;
  EXPECT_FALSE(c.check(
      "fn f(x: [T]) -> [T] {\n  return g(x)\n}\nfn g(x: [T]) -> [T] {\n  return f(x)\n}\n"));
  EXPECT_NE(c.messages().find("`f` -> `g` -> `f`"), std::string::npos) << c.messages();
  EXPECT_EQ(codesOf("layer A(D) {\n  b: B(D)\n}\nlayer B(D) {\n  a: A(D)\n}\n", "A(1)"),
            "E0207 5:3");
}

TEST(SemaErrors, KindsOfNames) {
  EXPECT_EQ(codesInBody("  return x(a)"), "E0210 2:10");
  EXPECT_EQ(codesInBody("  return f"), "E0210 2:10");
  EXPECT_EQ(codesInBody("  return exp"), "E0210 2:10");
  EXPECT_EQ(codesInBody("  return x.weight"), "E0208 2:12");
}

TEST(SemaErrors, AbsentParameters) {
  EXPECT_EQ(codesOf("layer L(D, bias = false) {\n  param b: [D] if bias\n  fn forward(x: [D]) -> "
                    "[D] {\n    return x + b\n  }\n}\n",
                    "L(3)"),
            "E0211 4:16");
}

TEST(SemaErrors, Entries) {
  const char *text = "layer L(D) {\n  fn forward(x: [D]) -> [D] {\n    return x\n  }\n}\n";
  EXPECT_EQ(codesOf(text, "K"), "E0212 0:0");
  EXPECT_EQ(codesOf(text, "L(3).back"), "E0212 0:0");
  EXPECT_EQ(codesOf(text, "L(3, 4)"), "E0213 1:6");
  EXPECT_EQ(codesOf(text, "L(E = 4)"), "E0213 1:3");
  EXPECT_EQ(codesOf(text, "L"), "E0214 1:9");
  EXPECT_EQ(codesOf(text, "L(true)"), "E0301 1:3");
}

//===- E03xx ------------------------------------------------------------------===//

TEST(SemaErrors, Types) {
  EXPECT_EQ(codesInBody("  return a + b"), "E0301 2:14");
  EXPECT_EQ(codesInBody("  return -b"), "E0301 2:10");
  EXPECT_EQ(codesInBody("  return exp(b)"), "E0301 2:14");
  EXPECT_EQ(codesInBody("  return sum[t](b[t])"), "E0301 2:17");
  EXPECT_EQ(codesOf("fn f(x: f32[T], y: f64[T]) -> f32[T] {\n  return x + y\n}\n"), "E0301 2:10");
  EXPECT_EQ(codesOf("fn f(x: i32[T]) -> i32[T] {\n  return x * 0.5\n}\n"), "E0301 2:10");
}

TEST(SemaErrors, Conditions) {
  EXPECT_EQ(codesInBody("  return x ? x : 0.0"), "E0302 2:10");
  EXPECT_EQ(codesInBody("  return a > 0 and n ? a : 0.0"), "E0302 2:20");
  EXPECT_EQ(codesInBody("  return sum[t](a[t] where a[t])"), "E0302 2:28");
}

TEST(SemaErrors, Shapes) {
  EXPECT_EQ(codesInBody("  return x + y"), "E0303 2:10");
  EXPECT_EQ(codesInBody("  return x @ y"), "E0303 2:10");
  EXPECT_EQ(codesInBody("  return concat(x, y, axis = 0)"), "E0303 2:10");
  EXPECT_EQ(codesInBody("  return stack(x, y)"), "E0303 2:10");
  EXPECT_EQ(codesOf("fn g(x: [T]) {\n  return x[0:2 * (T / 2)] + x[0:T / 2 * 2 - 1]\n}\n"),
            "E0303 2:10");
}

TEST(SemaErrors, Ranks) {
  EXPECT_EQ(codesInBody("  return n @ x"), "E0304 2:10");
  EXPECT_EQ(codesInBody("  return cumsum(n)"), "E0304 2:17");
  EXPECT_EQ(codesInBody("  return cumsum(x, axis = 2)"), "E0304 2:27");
  EXPECT_EQ(
      codesOf(
          "fn g(x: [T, D]) -> [T, D] {\n  return x\n}\nfn f(x: [T]) -> [T] {\n  return g(x)\n}\n"),
      "E0304 5:12");
}

TEST(SemaErrors, Indices) {
  EXPECT_EQ(codesInBody("  let z[t] = a[t, t]\n  return z"), "E0305 2:14");
  EXPECT_EQ(codesInBody("  let z[t] = n[t]\n  return z"), "E0305 2:14");
  EXPECT_EQ(codesInBody("  return w[i]"), "E0306 2:12");
  EXPECT_EQ(codesInBody("  let z[t] = w[a[t]]\n  return z"), "E0306 2:16");
  EXPECT_EQ(codesInBody("  return x[-1:]"), "E0306 2:12");
  EXPECT_EQ(codesInBody("  return x[n:]"), "E0306 2:12");
  EXPECT_EQ(codesInBody("  let z[t] = a[t] + sum[q](1.0)\n  return z"), "E0308 2:25");
  EXPECT_EQ(codesInBody("  let z[t] = sum[d](x[t, d] * y[t, d])\n  return z"), "E0309 2:18");
  EXPECT_EQ(codesInBody("  return sum[t](softmax[j](a[t]))"), "E0310 2:25");
  EXPECT_EQ(codesInBody("  let z[t, t] = a[t]\n  return z"), "E0202 2:12");
  // An index of what is in error is no error of its own.
  EXPECT_EQ(codesInBody("  let p = foo(x)\n  let z[t] = p[t] - sum[i](p[i])\n  return z"),
            "E0201 2:11");
}

TEST(SemaErrors, ReadsOutside) {
  EXPECT_EQ(codesInBody("  let z[t] = a[t - 1]\n  return z"), "E0307 2:14");
  EXPECT_EQ(codesInBody("  let z[t] = a[t + 1]\n  return z"), "E0307 2:14");
  EXPECT_EQ(codesInBody("  let z[t] = sum[j](w[j]) * a[t - 1]\n  return z"), "E0307 2:29");
  EXPECT_EQ(codesInBody("  let z[t] = t > 0 ? a[t - 2] : a[t]\n  return z"), "E0307 2:22");
  EXPECT_EQ(codesInBody("  let z[t] = t > 0 or t < 5 ? a[t - 1] : a[t]\n  return z"), "E0307 2:31");
  EXPECT_EQ(codesOf("fn f(x: [3]) -> float {\n  return x[3]\n}\n"), "E0307 2:10");
  EXPECT_EQ(codesOf("fn f(x: [3]) -> [2] {\n  return x[2:4]\n}\n"), "E0307 2:12");
  EXPECT_EQ(codesInBody("  scan t (h = 0.0) {\n    h' = a[t] + a[t + 1]\n    yield h'\n  }"),
            "E0307 3:17");
}

TEST(SemaErrors, TheMessageSaysWhere) {
  Checked c;
  EXPECT_FALSE(
      c.check("fn f(x: [T, D]) -> [T, D] {\n  let y[t, d] = x[t - 1, d]\n  return y\n}\n"));
  EXPECT_NE(c.messages().find("`x[t - 1, d]` reads outside of its axis where `t` is `0`"),
            std::string::npos)
      << c.messages();
}

TEST(SemaErrors, Sizes) {
  EXPECT_EQ(inLayer("  param w: [D - 5]\n  fn forward(x: [T]) -> [T] {\n    return x\n  }"),
            "E0311 2:13");
  EXPECT_EQ(inLayer("  param w: [0.5]\n  fn forward(x: [T]) -> [T] {\n    return x\n  }"),
            "E0311 2:13");
  EXPECT_EQ(inLayer("  param w: [D / (D - 4)]\n  fn forward(x: [T]) -> [T] {\n    return x\n  }"),
            "E0312 2:13");
  EXPECT_EQ(inLayer("  param w: [D * D]\n  fn forward(x: [T]) -> [T] {\n    return x\n  }",
                    "L(4294967296)"),
            "E0313 2:13");
  EXPECT_EQ(inLayer("  param w: [D, D]\n  fn forward(x: [T]) -> [T] {\n    return x\n  }",
                    "L(4294967296)"),
            "E0313 2:3");
  EXPECT_EQ(codesInBody("  return a * (T / 0)"), "E0312 2:14");
  EXPECT_EQ(codesInBody("  return a * (5 % 0)"), "E0312 2:14");
}

TEST(SemaErrors, Calls) {
  std::string g =
      "fn g(x: [T], s: float = 1) -> [T] {\n  return x * s\n}\nfn f(x: [T, D], y: [S]) {\n";
  EXPECT_EQ(codesOf(g + "  return g()\n}\n"), "E0314 5:10");
  EXPECT_EQ(codesOf(g + "  return g(y, 1, 2)\n}\n"), "E0314 5:18");
  EXPECT_EQ(codesOf(g + "  return g(y, q = 2)\n}\n"), "E0314 5:15");
  EXPECT_EQ(codesOf(g + "  return g(y, x = y)\n}\n"), "E0314 5:19");
  EXPECT_EQ(codesOf(g + "  return g(s = 2, y)\n}\n"), "E0314 5:19");
  EXPECT_EQ(codesOf(g + "  return g(x, y)\n}\n"), "E0317 5:10");
  EXPECT_EQ(codesInBody("  return max(a)"), "E0314 2:10");
  EXPECT_EQ(codesInBody("  return sum(a)"), "E0314 2:10");
  EXPECT_EQ(codesInBody("  return exp(a, a)"), "E0314 2:10");
}

TEST(SemaErrors, ArgumentShapes) {
  EXPECT_EQ(codesOf("fn g(x: [T, D], y: [T, D]) -> [T] {\n  return x[:, 0] + y[:, 0]\n}\n"
                    "fn f(x: [T, D], y: [T, E]) {\n  return g(x, y)\n}\n"),
            "E0303 5:15");
}

TEST(SemaErrors, Results) {
  EXPECT_EQ(codesOf("fn f(x: [T, D]) -> [D, T] {\n  return x\n}\n"), "E0315 2:10");
  EXPECT_EQ(codesOf("fn f(x: [T, D]) -> [T] {\n  return x\n}\n"), "E0315 2:10");
  EXPECT_EQ(codesOf("fn f(x: [T]) -> [T], [T] {\n  return x\n}\n"), "E0315 2:3");
}

TEST(SemaErrors, Splits) {
  EXPECT_EQ(codesOf("fn f(x: [8]) {\n  let a, b, c = split(x, 3)\n  return a\n}\n"), "E0316 2:26");
  EXPECT_EQ(codesInBody("  let p, q = split(x, [D, D])\n  return p"), "E0316 2:23");
  EXPECT_EQ(codesInBody("  let p, q, r = split(x, 2)\n  return p"), "E0318 2:17");
}

TEST(SemaErrors, Values) {
  EXPECT_EQ(codesInBody("  let p, q = x\n  return p"), "E0318 2:14");
  EXPECT_EQ(codesInBody("  return 99999999999999999999"), "E0319 2:10");
  EXPECT_EQ(codesInBody("  return i + 3000000000"), "E0319 2:14");
  EXPECT_EQ(codesOf("fn f(x: int32[T]) -> [T] {\n  return x\n}\n"), "E0321 1:9");
  EXPECT_EQ(codesInBody("  let p = split(x, n)\n  return p"), "E0322 2:20");
}

//===- E04xx ------------------------------------------------------------------===//

TEST(SemaErrors, States) {
  EXPECT_EQ(codesInBody("  scan t (h = 0.0) {\n    h' = a[t]\n    h' = h\n    yield h'\n  }"),
            "E0401 4:5");
  EXPECT_EQ(codesInBody("  scan t (h = 0.0) {\n    h' = a[t] + h'\n    yield h'\n  }"),
            "E0402 3:17");
  EXPECT_EQ(codesInBody("  scan t (h = 0.0, g = 0.0) {\n    h' = a[t]\n    yield h'\n  }"),
            "E0403 2:20");
  EXPECT_EQ(codesInBody("  scan t (h = 0.0) {\n    g' = a[t]\n    h' = h\n    yield h'\n  }"),
            "E0404 3:5");
  EXPECT_EQ(codesInBody("  scan t (h: [D] = 0) {\n    h' = y[t]\n    yield h'\n  }"), "E0303 3:10");
  EXPECT_EQ(codesInBody("  scan t (h = 0) {\n    h' = h + a[t]\n    yield h'\n  }"), "E0301 3:10");
}

TEST(SemaErrors, ReturnsAndYields) {
  EXPECT_EQ(codesInBody("  scan t (h = 0.0) {\n    h' = a[t]\n    return h'\n  }"), "E0405 4:5");
  EXPECT_EQ(codesInBody("  return a\n  let z = a"), "E0406 3:3");
  EXPECT_EQ(codesInBody("  yield a"), "E0407 2:3");
  EXPECT_EQ(codesInBody("  scan t (h = 0.0) {\n    h' = a[t]\n    yield h\n    yield h'\n  }"),
            "E0408 5:5");
  EXPECT_EQ(codesInBody("  let z = a"), "E0411 1:4");
  EXPECT_EQ(codesInBody("  a + 1\n  return a"), "E0413 2:3");
}

TEST(SemaErrors, Assignments) {
  EXPECT_EQ(codesInBody("  let z = a\n  let y2 = scan t (h = 0.0) {\n    z = a\n    h' = h + "
                        "a[t]\n    yield h'\n  }\n  return y2"),
            "E0409 4:5");
  EXPECT_EQ(codesInBody("  T = 3\n  return a"), "E0201 2:3");
  EXPECT_EQ(codesInBody("  x = a\n  return x"), "E0303 2:7");
  EXPECT_EQ(codesInBody("  scan t (h = 0.0) {\n    h = a[t]\n    h' = h\n    yield h'\n  }"),
            "E0410 3:5");
}

TEST(SemaErrors, Reset) {
  auto reset = [](const std::string &head) {
    return codesInBody("  scan t (" + head + " {\n    h' = h + a[t]\n    yield h'\n  }");
  };
  EXPECT_EQ(reset("h = 0.0) reset a[t] > 1"), "good");
  EXPECT_EQ(reset("h = 0.0) reset a[t]"), "E0302 2:26");
  EXPECT_EQ(reset("h = 0.0) reset a > 1"), "E0414 2:26");
  EXPECT_EQ(reset("h = 0.0) reset h > 1"), "E0414 2:26");
  EXPECT_EQ(reset("h = 0.0) reset h' > 1"), "E0402 2:26");
  EXPECT_EQ(reset("h = 0.0) reset sum[k in 0..3](k * h) > 1"), "E0414 2:45");
  EXPECT_EQ(reset("h = 0.0) reset a[t - 1] > 1"), "E0307 2:26");
  EXPECT_EQ(codesInBody("  scan t () reset a[t] > 1 {\n    yield a[t]\n  }"), "E0414 2:19");
}

TEST(SemaErrors, LoopsAndConditions) {
  EXPECT_EQ(codesInBody("  for s in x { a = a + 1 }\n  return a"), "E0412 2:12");
  EXPECT_EQ(codesInBody("  for s in 0..T { a = a + 1 }\n  return a"), "E0322 2:15");
  EXPECT_EQ(codesInBody("  if n > 0 { a = a + 1 }\n  return a"), "E0322 2:6");
}

//===- E05xx ------------------------------------------------------------------===//

TEST(SemaErrors, FloatsDoNotMix) {
  EXPECT_EQ(codesOf("fn f(x: bf16[T], y: f16[T]) -> f16[T] {\n  return x + y\n}\n"), "E0301 2:10");
  EXPECT_EQ(codesOf("fn f(x: bf16[T]) -> f32[T] {\n  return x\n}\n"), "E0301 2:10");
}

TEST(SemaErrors, NotYet) {
  EXPECT_EQ(codesInBody("  return fft(a)"), "E0501 2:10");
  EXPECT_EQ(codesInBody("  return topk(a, 3)"), "E0501 2:10");
  EXPECT_EQ(codesOf("fn f(x: c64[T]) -> [T] {\n  return x\n}\n"), "E0501 1:9");
  EXPECT_EQ(codesInBody("  scan t () as (hs) {\n    yield a[t]\n  }"), "E0501 2:17");
  EXPECT_EQ(codesInBody("  let g(M: [T]) = sum[t](M[t])\n  return grad(g)(a)"),
            "E0501 2:3, E0501 3:10");
}
