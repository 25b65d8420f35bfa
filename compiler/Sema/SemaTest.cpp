// Programs that check, and what Sema makes of them.
#include "compiler/Sema/TestSupport.h"

using namespace seq;

namespace {
bool has(const std::string &text, const std::string &part) {
  bool found = text.find(part) != std::string::npos;
  if (!found)
    ADD_FAILURE() << "`" << part << "` is not in:\n" << text;
  return found;
}

const char *const kEma = "fn ema(x: [T], decay: float) -> [T] {\n"
                         "  scan t (h = 0.0) {\n"
                         "    h' = decay * h + (1 - decay) * x[t]\n"
                         "    yield h'\n"
                         "  }\n"
                         "}\n";

const char *const kLstm = "layer LSTM(I, H) {\n"
                          "  param w_ih: [4 * H, I]\n"
                          "  param w_hh: [4 * H, H]\n"
                          "  param bias: [4 * H]\n"
                          "  fn forward(x: [T, I], h0: [H] = 0, c0: [H] = 0) -> [T, H] {\n"
                          "    scan t (h = h0, c = c0) {\n"
                          "      let i, f, g, o = split(w_ih @ x[t] + w_hh @ h + bias, 4)\n"
                          "      c' = sigmoid(f) * c + sigmoid(i) * tanh(g)\n"
                          "      h' = sigmoid(o) * tanh(c')\n"
                          "      yield h'\n"
                          "    }\n"
                          "  }\n"
                          "}\n";

std::string weightsOf(const Checked &c) {
  std::string out;
  if (c.program)
    for (const typed::EntryWeight &weight : c.program->weights) {
      out += weight.name + ":";
      for (int64_t n : weight.shape)
        out += " " + std::to_string(n);
      out += "\n";
    }
  return out;
}
} // namespace

//===- Types ------------------------------------------------------------------===//

TEST(Sema, ScanGivesWhatItYields) {
  EXPECT_EQ(resultsOf(kEma), "f32[T]");
  has(treeOf(kEma), "scan t in 0..T (h: f32 = 0.0)");
}

TEST(Sema, FloatIsAnOption) {
  Checked c;
  c.options.floatType = typed::Elem::F64;
  ASSERT_TRUE(c.check(kEma)) << c.messages();
  has(c.text(), "decay: f64");
  has(c.text(), "h: f64 = 0.0");
}

TEST(Sema, FloatsOfSixteenBits) {
  has(treeOf("fn f(x: bf16[T], y: bf16) -> bf16[T] {\n return 0.5 * x + y\n}\n"),
      "((0.5 * x) + y)");
  has(treeOf("fn f(x: bf16[T]) -> bf16[T] {\n return bf16(2 * x)\n}\n"), "bf16((2.0 * x))");
  has(treeOf("fn f(x: f16[T]) -> [T] {\n return f32(x)\n}\n"), "f32(x)");
  Checked c;
  c.options.floatType = typed::Elem::BF16;
  ASSERT_TRUE(c.check("fn f(x: [T]) -> [T] {\n return float(x)\n}\n")) << c.messages();
  has(c.text(), "x: bf16[T]"); // of this type already, which rounds nothing
  EXPECT_EQ(c.text().find("bf16(x)"), std::string::npos) << c.text();
}

TEST(Sema, LiteralsTakeTheTypeOfTheirContext) {
  has(treeOf("fn f(x: f64[T]) -> f64[T] {\n return 0.5 * x + 1\n}\n"), "((0.5 * x) + 1.0)");
  has(treeOf("fn f(i: i32[T]) -> i32[T] {\n return i * 2 + 1\n}\n"), "((i * 2) + 1)");
  has(treeOf("fn f(i: i32[T]) -> [T] {\n return i * 0.5\n}\n"), "(f32(i) * 0.5)");
}

TEST(Sema, SizesAreValues) {
  has(treeOf("fn f(x: [T, D]) -> [T, D] {\n return x / sqrt(D)\n}\n"), "sqrt(f32(|D|))");
  has(treeOf("fn f(x: [T]) -> [T] {\n let n = T / 2 * 2 + T % 2\n return x * n\n}\n"), "|T|");
}

TEST(Sema, BroadcastsFromTheTrailingAxis) {
  EXPECT_EQ(resultsOf("fn f(x: [T, D], w: [D]) {\n return x * w\n}\n"), "f32[T, D]");
  EXPECT_EQ(resultsOf("fn f(x: [T, D], w: [T, 1]) {\n return x * w\n}\n"), "f32[T, D]");
}

TEST(Sema, MatrixProducts) {
  EXPECT_EQ(resultsOf("fn f(a: [M, K], b: [K, N]) {\n return a @ b\n}\n"), "f32[M, N]");
  EXPECT_EQ(resultsOf("fn f(a: [K], b: [K, N]) {\n return a @ b\n}\n"), "f32[N]");
  EXPECT_EQ(resultsOf("fn f(a: [M, K], b: [K]) {\n return a @ b\n}\n"), "f32[M]");
  EXPECT_EQ(resultsOf("fn f(a: [K], b: [K]) {\n return a @ b\n}\n"), "f32");
}

TEST(Sema, SplitsConcatsStacks) {
  EXPECT_EQ(resultsOf("fn f(x: [T, 4 * D]) {\n let a, _, b, c = split(x, 4)\n"
                      " return concat(a, b), stack(a, c), concat(a, b, axis = 0)\n}\n"),
            "f32[T, 2 * D], f32[T, D, 2], f32[2 * T, D]");
  EXPECT_EQ(resultsOf("fn f(x: [T, R + 2 * N], y: [R], z: [N]) {\n"
                      " let a, b, c = split(x, [R, N, N])\n return a, c\n}\n"),
            "f32[T, R], f32[T, N]");
}

TEST(Sema, CumulativesRunAlongTheFirstAxis) {
  has(treeOf("fn f(x: [T, C]) {\n return cumsum(x, exclusive = true), cummax(x, axis = 1), "
             "reverse(x), flip(x)\n}\n"),
      "return cumsum0 exclusive(x), cummax1(x), reverse0(x), reverse1(x)");
}

TEST(Sema, ReductionsKeepTheirBodysAxes) {
  EXPECT_EQ(
      resultsOf(
          "fn f(x: [T, D]) {\n return sum[t](x[t]), argmax[t](x[t, 0]), any[t](x[t, 0] > 0)\n}\n"),
      "f32[D], i32, bool");
}

TEST(Sema, AnUndeclaredResultIsWhatTheBodyGives) {
  EXPECT_EQ(resultsOf("fn f(x: [T, C]) -> [_, C] {\n return x[1:T]\n}\n"), "f32[T - 1, C]");
  EXPECT_EQ(resultsOf("fn f(x: [T]) {\n return T\n}\n"), "i32");
}

TEST(Sema, BlocksAreValues) {
  EXPECT_EQ(resultsOf("fn f(x: [T]) -> [T] {\n let y = { let a = x + 1; a * a }\n return y\n}\n"),
            "f32[T]");
}

//===- Indices ----------------------------------------------------------------===//

TEST(Sema, IndicesRunOverTheAxesTheySubscript) {
  has(treeOf("fn f(x: [T, D]) -> [D, T] {\n let y[d, t] = x[t, d]\n return y\n}\n"),
      "let y[d in 0..D, t in 0..T]: f32[D, T]");
}

TEST(Sema, IndexPlusTermsGivesTheAxisWhereNothingBareDoes) {
  has(treeOf("fn f(x: [T], w: [K]) -> [T] {\n let y[t] = sum[j](w[j] * x[t - j])\n return y\n}\n"),
      "let y[t in 0..T]: f32[T] = sum[j in 0..K]((w[j] * x[(t - j) absent]))");
}

TEST(Sema, TheDeclaredResultGivesARange) {
  has(treeOf("fn f(x: [T]) -> [T] {\n let y[i] = sum[j](x[j] where j < i)\n return y\n}\n"),
      "let y[i in 0..T]");
}

TEST(Sema, AStaticTableMayBeLonger) {
  std::string tree = treeOf("layer L(M, D) {\n  param table: [M, D]\n"
                            "  fn forward(x: [T, D]) -> [T, D] {\n"
                            "    let y[t, d] = x[t, d] + table[t, d]\n    return y\n  }\n}\n",
                            "L(8, 3)");
  has(tree, "let y[t in 0..T, d in 0..D]");
  has(tree, "require T <= M");
}

TEST(Sema, FewerIndicesLeaveTheRest) {
  EXPECT_EQ(
      resultsOf(
          "fn f(q: [H, T, P]) {\n let y[h] = q[h] * 2\n return y, q[:, 0:1], q[:, :, P / 2:]\n}\n"),
      "f32[H, T, P], f32[H, 1, P], f32[H, T, P - P / 2]");
}

TEST(Sema, HalvesNeedAnEvenSize) {
  std::string tree = treeOf("fn rope(x: [T, P]) -> [T, P] {\n let a = x[:, 0:P / 2]\n"
                            " let b = x[:, P / 2:P]\n return concat(a + b, b - a)\n}\n");
  has(tree, "require P / 2 == P - P / 2");
}

TEST(Sema, ANormaliserStaysOpen) {
  std::string tree = treeOf("fn f(s: [T, T], v: [T, D]) -> [T, D] {\n"
                            " let o[i, d] = sum[j](softmax[j](s[i, j] where j <= i) * v[j, d])\n"
                            " return o\n}\n");
  has(tree, "sum[j in 0..T]((softmax[j in 0..T](s[i, j] where (j <= i)) * v[j, d]))");
}

TEST(Sema, AnIndexHidesAnotherNameInItsStatement) {
  EXPECT_EQ(resultsOf("fn f(i: [T], t: float) -> [T] {\n let y[t] = i[t]\n return y * t\n}\n"),
            "f32[T]");
}

//===- Reads ------------------------------------------------------------------===//

TEST(Sema, GuardsKeepReadsInside) {
  std::string tree = treeOf("fn f(x: [T]) -> [T] {\n"
                            " let a[t] = t > 0 ? x[t - 1] : 0.0\n"
                            " let b[t] = t + 1 < T ? x[t + 1] : 0.0\n"
                            " let c[t] = t == 0 or t == T - 1 ? 0.0 : x[t - 1] + x[t + 1]\n"
                            " let d[t] = not (t >= 2 and t < T) ? 0.0 : x[t - 2]\n"
                            " let e[t] = sum[s in 0..T](x[t - s] where s <= t)\n"
                            " return a + b + c + d + e\n}\n");
  for (const char *read :
       {"x[(t - 1) guarded]", "x[(t + 1) guarded]", "x[(t - 2) guarded]", "x[(t - s) guarded]"})
    has(tree, read);
}

TEST(Sema, AffineScalarsAreSeenThrough) {
  has(treeOf("fn f(x: [T]) -> [T] {\n scan t (h = 0.0) {\n let p = t - 1\n"
             " h' = p >= 0 ? x[p] : x[t]\n yield h'\n }\n}\n"),
      "x[p guarded]");
}

TEST(Sema, GroupedHeadsAreProvenWithNumbers) {
  has(treeOf("layer L(G, R) {\n param k: [G]\n fn forward(x: [T]) -> [T, G * R] {\n"
             " let y[t, h in 0..G * R] = x[t] * k[h / R]\n return y\n }\n}\n",
             "L(2, 3)"),
      "%k[(h / |R|)]");
}

TEST(Sema, GathersAreChecked) {
  has(treeOf(
          "fn f(w: [V], i: i32[T], n: i32) -> [T] {\n let y[t] = w[i[t]] + w[n]\n return y\n}\n"),
      "(w[i[t] checked] + w[n checked])");
}

TEST(Sema, AnUnknownGuardLeavesTheCheckToTheRun) {
  has(treeOf(
          "fn f(x: [T], b: bool[T]) -> [T] {\n let y[t] = b[t] ? x[t - 1] : 0.0\n return y\n}\n"),
      "x[(t - 1) checked]");
}

TEST(Sema, ANumberIntoADynamicAxisIsChecked) {
  has(treeOf("fn f(x: [T, D]) -> [T] {\n return x[:, 0]\n}\n"), "x[0:T, 0 checked]");
}

//===- Scans ------------------------------------------------------------------===//

TEST(Sema, AScanGivesYieldsThenFinalStates) {
  EXPECT_EQ(resultsOf("fn f(x: [T, D]) {\n"
                      " let y, z, a, _ = scan t (h: [D] = 0, n = 0.0) {\n"
                      "  h' = h + x[t]\n  n' = n + 1\n  yield h', n'\n }\n"
                      " return y, z, a\n}\n"),
            "f32[T, D], f32[T], f32[D]");
}

TEST(Sema, AScanWithoutYieldsMeansItsStates) {
  EXPECT_EQ(resultsOf("fn f(x: [T]) -> float {\n scan t (h = 0.0) {\n  h' = h + x[t]\n }\n}\n"),
            "f32");
}

TEST(Sema, FinalStatesMayBeResults) {
  EXPECT_EQ(resultsOf("fn f(x: [T]) -> [T], float {\n scan reverse t (h = 0.0) {\n"
                      "  h' = h + x[t]\n  yield h\n }\n}\n"),
            "f32[T], f32");
}

TEST(Sema, StatesByIndexTakeTheirAxes) {
  has(treeOf("fn f(x: [T], K: float) -> [T] {\n scan t (S: [3, 2] = 0) {\n"
             "  S'[a, b] = S[a, b] + x[t] * a + b\n  yield S'[0, 0]\n }\n}\n"),
      "let S'[a in 0..3, b in 0..2]");
}

//===- Calls ------------------------------------------------------------------===//

TEST(Sema, CallsMapOverLeadingAxes) {
  std::string tree = treeOf("fn one(x: [D], s: float) -> [D] {\n return x * s\n}\n"
                            "fn f(x: [T, G, D], s: [T, G]) -> [T, G, D] {\n"
                            " return one(x, s) + one(x, 2)\n}\n");
  has(tree, "one(x, s) mapped [T, G]");
}

TEST(Sema, SizesOfACallAreSolved) {
  EXPECT_EQ(resultsOf("fn g(x: [4 * H], y: [H + K]) -> [H, K] {\n let o[h in 0..H, k in 0..K] = "
                      "x[h] + y[k]\n return o\n}\n"
                      "fn f(x: [8 * D], y: [2 * D + 3]) {\n return g(x, y)\n}\n"),
            "f32[2 * D, 3]");
}

TEST(Sema, DefaultsAndKeywords) {
  has(treeOf("fn g(x: [T], a: float = 2, b: float = 3) -> [T] {\n return a * x + b\n}\n"
             "fn f(x: [T]) -> [T] {\n return g(b = 1, x = x)\n}\n"),
      "g(x, default, 1.0)");
}

TEST(Sema, DeclarationsStandInAnyOrder) {
  EXPECT_EQ(
      resultsOf("fn f(x: [T]) -> [T] {\n return g(x)\n}\nfn g(x: [T]) -> [T] {\n return x\n}\n",
                "f"),
      "f32[T]");
}

//===- Layers -----------------------------------------------------------------===//

TEST(Sema, WeightsHaveHierarchicalNames) {
  Checked c;
  ASSERT_TRUE(c.check(std::string(kLstm) +
                      "model M(D = 4, L = 2) {\n  layers: [L] LSTM(D, 2 * D / 2)\n  param b: [D]\n"
                      "  fn forward(x: [T, D]) -> [T, D] {\n"
                      "    for l in layers { x = x + l(x) }\n    return x + b\n  }\n}\n"))
      << c.messages();
  EXPECT_EQ(weightsOf(c), "layers.0.w_ih: 16 4\nlayers.0.w_hh: 16 4\nlayers.0.bias: 16\n"
                          "layers.1.w_ih: 16 4\nlayers.1.w_hh: 16 4\nlayers.1.bias: 16\nb: 4\n");
  has(c.text(), "layers.1.forward(x, default, default)");
}

TEST(Sema, StaticConditionsKeepOneSide) {
  const char *text = "layer Dense(I, O, bias = true) {\n  param w: [O, I]\n  param b: [O] if bias\n"
                     "  fn forward(x: [I]) -> [O] {\n    return bias ? w @ x + b : w @ x\n  }\n}\n"
                     "layer Other(I, O, bias = true) {\n  param w: [O, I]\n  param b: [O] if bias\n"
                     "  fn forward(x: [I]) -> [O] {\n    if bias { return w @ x + b } else { "
                     "return w @ x }\n  }\n}\n";
  has(treeOf(text, "Dense(2, 3, bias = false)"), "return (%w @ x)");
  has(treeOf(text, "Dense(2, 3)"), "return ((%w @ x) + %b)");
  has(treeOf(text, "Other(2, 3)"), "return ((%w @ x) + %b)");
}

TEST(Sema, MembersOfAnArrayMayDiffer) {
  Checked c;
  ASSERT_TRUE(c.check("layer B(C, R) {\n  param w: [C, R]\n  fn forward(x: [T, C]) -> [T, C] {\n"
                      "    let y[t, c] = sum[j](w[c, j] * x[t - R * j, c])\n    return y\n  }\n}\n"
                      "model M(C) {\n  layers: [3] l => B(C, 2 ** l)\n"
                      "  fn forward(x: [T, C]) -> [T, C] {\n    for l in layers { x = l(x) }\n    "
                      "return x\n  }\n}\n",
                      "M(5)"))
      << c.messages();
  EXPECT_EQ(weightsOf(c), "layers.0.w: 5 1\nlayers.1.w: 5 2\nlayers.2.w: 5 4\n");
}

TEST(Sema, ALoopStacksWhatItYields) {
  std::string text = std::string(kLstm) +
                     "model M(D, L) {\n  layers: [L] LSTM(D, D)\n"
                     "  fn forward(x: [T, D]) -> [T, D], [L, T, D] {\n    let u = x\n"
                     "    let every = { for l in layers { let y = l(x); yield y } }\n"
                     "    return u, every\n  }\n}\n";
  EXPECT_EQ(resultsOf(text, "M(3, 2)"), "f32[T, D], f32[L, T, D]");
}

TEST(Sema, LoopsOverNumbersAreUnrolled) {
  has(treeOf("layer L(S) {\n  param w: [S]\n  fn forward(x: [T]) -> [T] {\n"
             "    for s in 0..S { x = x + w[s] }\n    return x\n  }\n}\n",
             "L(2)"),
      "let x: f32[T] = (x + %w[1])");
}

TEST(Sema, ParametersOfSubLayersMayBeRead) {
  has(treeOf("layer E(V, D) {\n  param weight: [V, D]\n  fn forward(i: i32[T]) -> [T, D] {\n"
             "    let y[t, d] = weight[i[t], d]\n    return y\n  }\n}\n"
             "model M(V, D) {\n  embed: E(V, D)\n  fn forward(i: i32[T]) -> [T, V] {\n"
             "    let x = embed(i)\n    let y[t, v] = sum[d](embed.weight[v, d] * x[t, d])\n    "
             "return y\n  }\n}\n",
             "M(7, 3)"),
      "sum[d in 0..D]((%embed.weight[v, d] * x[t, d]))");
}

TEST(Sema, InitialValues) {
  Checked c;
  ASSERT_TRUE(
      c.check("layer L(E, N) {\n  param A[e, n]: [E, N] = log(n + 1)\n  param g: [E] = 1\n"
              "  param s = 0.5\n  param r[e in 0..E] = e\n"
              "  fn forward(x: [T]) -> [T] {\n    return x * s * A[0, 0] * g[0] * r[0]\n  }\n}\n",
              "L(2, 3)"))
      << c.messages();
  EXPECT_EQ(weightsOf(c), "A: 2 3\ng: 2\ns:\nr: 2\n");
  EXPECT_EQ(typed::printExpr(*c.program->layer->weights[0].init), "log(f32((n + 1)))");
}

TEST(Sema, TheEntryIsTheLastModelElseLayerElseFunction) {
  Checked a, b, c;
  std::string layer = "layer A(D = 1) {\n  fn forward(x: [D]) -> [D] {\n    return x\n  }\n}\n";
  std::string model = "model M {\n  fn forward(x: [T]) -> [T] {\n    return x\n  }\n  fn other(x: "
                      "[T]) -> [T] {\n    return x\n  }\n}\n";
  ASSERT_TRUE(a.check(kEma + layer + model + kLstm)) << a.messages();
  EXPECT_EQ(a.program->entryName, "M");
  ASSERT_TRUE(b.check(kEma + layer)) << b.messages();
  EXPECT_EQ(b.program->entryName, "A");
  ASSERT_TRUE(c.check(model, "M.other")) << c.messages();
  EXPECT_EQ(c.program->functions[0]->name, "other");
  EXPECT_EQ(c.program->functions[1]->name, "forward");
}

//===- Solving ----------------------------------------------------------------===//

TEST(Sema, SizesComeFromWeightsAndInputs) {
  Checked c;
  c.known.haveWeights = true;
  c.known.weights = {
      {"layers.0.w_ih", {32, 8}}, {"layers.1.w_ih", {32, 8}}, {"layers.2.w_hh", {32, 8}}};
  c.known.inputs = {{"x", {2, 5, 8}}};
  ASSERT_TRUE(c.check(std::string(kLstm) + "model M(D, L = 1) {\n  layers: [L] LSTM(D, D)\n"
                                           "  fn forward(x: [T, D]) -> [T, D] {\n    for l in "
                                           "layers { x = l(x) }\n    return x\n  }\n}\n"))
      << c.messages();
  EXPECT_EQ(c.program->layer->symbols[0]->value, 8);
  EXPECT_EQ(c.program->layer->symbols[1]->value, 3);
}

TEST(Sema, DefaultsFillWhatStaysOpen) {
  Checked c;
  c.known.inputs = {{"x", {5, 32}}};
  ASSERT_TRUE(c.check(
      "layer M(D, E = 2 * D, R = D / 16) {\n  param w: [E, D]\n  param v: [R]\n"
      "  fn forward(x: [T, D]) -> [T, E] {\n    let y[t] = w @ x[t]\n    return y\n  }\n}\n"))
      << c.messages();
  EXPECT_EQ(c.program->weights[0].shape, (std::vector<int64_t>{64, 32}));
  EXPECT_EQ(c.program->weights[1].shape, (std::vector<int64_t>{2}));
}

TEST(Sema, ConflictsNameBothSources) {
  Checked c;
  c.known.weights = {{"w", {6, 4}}};
  c.known.inputs = {{"x", {5, 3}}};
  EXPECT_FALSE(c.check("layer M(D) {\n  param w: [2 * D, D]\n  fn forward(x: [T, D]) -> [T, D] {\n "
                       "   return x\n  }\n}\n"));
  std::string text = c.messages();
  EXPECT_EQ(c.codes(), "E0215 1:9");
  has(text, "weight `w`");
  has(text, "3");
  has(text, "4");
}

TEST(Sema, OpenSizesAreNamed) {
  Checked c;
  EXPECT_FALSE(c.check(kLstm, "LSTM(3)"));
  has(c.messages(), "the size `H` of `LSTM` stays open");
  EXPECT_EQ(c.codes(), "E0214 1:15");
}

TEST(Sema, LongFunctionsAreFast) {
  std::string text = "fn f(x: [T]) -> [T] {\n  let a0 = x\n";
  for (int i = 1; i < 20000; ++i)
    text += "  let a" + std::to_string(i) + " = a" + std::to_string(i - 1) + " + 1\n";
  EXPECT_EQ(resultsOf(text + "  return a19999\n}\n"), "f32[T]");
}
