// Programs of the language and the trees that they give.
#include "compiler/Syntax/TestHelp.h"

namespace seq {
namespace {
using testing::Parsed;
using testing::shapeOf;

const char *const kPrograms[] = {
    R"seq(/// Exponential moving average.
fn ema(x: [T], decay: float) -> [T] {
  scan t (h = 0.0) {
    h' = decay * h + (1 - decay) * x[t]
    yield h'
  }
}
)seq",
    R"seq(/// LSTM with the gate order i, f, g, o (PyTorch's).
layer LSTM(I, H) {
  param w_ih: [4 * H, I]
  param w_hh: [4 * H, H]
  param bias: [4 * H]

  fn forward(x: [T, I], h0: [H] = 0, c0: [H] = 0) -> [T, H] {
    scan t (h = h0, c = c0) {
      let i, f, g, o = split(w_ih @ x[t] + w_hh @ h + bias, 4)
      c' = sigmoid(f) * c + sigmoid(i) * tanh(g)
      h' = sigmoid(o) * tanh(c')
      yield h'
    }
  }
}
)seq",
    R"seq(/// Gated linear attention: one head.
fn gla(q: [T, K], k: [T, K], v: [T, V], log_a: [T, K]) -> [T, V] {
  scan t (S: [K, V] = 0) {
    S'[a, b] = exp(log_a[t, a]) * S[a, b] + k[t, a] * v[t, b]
    let o[b] = sum[a](q[t, a] * S'[a, b])
    yield o
  }
}

/// The gated delta rule: one head.
fn gated_delta(q: [T, K], k: [T, K], v: [T, V], log_a: [T], beta: [T]) -> [T, V] {
  scan t (S: [K, V] = 0) {
    let D[a, b] = exp(log_a[t]) * S[a, b]
    let old[b] = sum[a](k[t, a] * D[a, b])
    S'[a, b] = D[a, b] + beta[t] * k[t, a] * (v[t, b] - old[b])
    let o[b] = sum[a](q[t, a] * S'[a, b])
    yield o
  }
}
)seq",
    R"seq(fn heads(q: [T, H, K]) -> [T, H, V] {
  let o[h] = gla(q[:, h], k[:, h], v[:, h], log_a[:, h])     // o: [heads, T, V]
  let y[t, h, b] = o[h, t, b]
  return y
}
)seq",
    R"seq(/// Causal softmax attention with a forget gate (FoX): one head.
fn forgetting_attention(q: [T, D], k: [T, D], v: [T, D], log_f: [T]) -> [T, D] {
  let F = cumsum(log_f)
  let s[i, j] = sum[d](q[i, d] * k[j, d]) / sqrt(D) + F[i] - F[j]
  let p[i, j] = softmax[j](s[i, j] where j <= i)
  let o[i, d] = sum[j](p[i, j] * v[j, d])
  return o
}
)seq",
    R"seq(/// Depthwise causal convolution. Reads before the start are absent.
fn causal_conv(x: [T, C], w: [C, K], bias: [C]) -> [T, C] {
  let y[t, c] = sum[j](w[c, j] * x[t - (K - 1 - j), c]) + bias[c]
  return y
}

/// Long convolution; the same expression, a kernel as long as the sequence.
fn long_conv(u: [T, C], kernel: [T, C]) -> [T, C] {
  let y[t, c] = sum[s](kernel[s, c] * u[t - s, c] where s <= t)
  return y
}
)seq",
    R"seq(/// mLSTM with its stabiliser: one head.
fn mlstm(q: [T, K], k: [T, K], v: [T, V], i: [T], f: [T]) -> [T, V] {
  scan t (C: [K, V] = 0, n: [K] = 0, m = 0.0) {
    let lf = log_sigmoid(f[t])
    m' = max(lf + m, i[t])
    let fd = exp(lf + m - m')
    let id = exp(i[t] - m')
    C'[a, b] = fd * C[a, b] + id * k[t, a] * v[t, b]
    n'[a] = fd * n[a] + id * k[t, a]
    let num[b] = sum[a](q[t, a] * C'[a, b])
    let den = max(abs(sum[a](q[t, a] * n'[a])), exp(-m'))
    let h[b] = num[b] / den
    yield h
  }
}
)seq",
    R"seq(/// Mamba block.
layer Mamba(D, N = 16, E = 2 * D, R = D / 16, K = 4) {
  in_proj:  Linear(D, 2 * E, bias = false)
  conv1d:   CausalConv(E, K)
  x_proj:   Linear(E, R + 2 * N, bias = false)
  dt_proj:  Linear(R, E)
  out_proj: Linear(E, D, bias = false)
  param A_log: [E, N]
  param D_skip: [E]

  fn forward(x: [T, D]) -> [T, D] {
    let u0, z = split(in_proj(x), 2)
    let u = silu(conv1d(u0))
    let dt0, B, C = split(x_proj(u), [R, N, N])
    let dt = softplus(dt_proj(dt0))
    let A[e, n] = -exp(A_log[e, n])
    let y = scan t (h: [E, N] = 0) {
      h'[e, n] = exp(dt[t, e] * A[e, n]) * h[e, n] + dt[t, e] * B[t, n] * u[t, e]
      let r[e] = sum[n](h'[e, n] * C[t, n])
      yield r
    }
    return out_proj((y + D_skip * u) * silu(z))
  }
}
)seq",
    R"seq(/// A character model: what `seqc generate` runs.
model CharLM(V = 256, D = 512, L = 2) {
  embed:  Embedding(V, D)
  layers: [L] LSTM(D, D)
  head:   Linear(D, V)

  fn forward(tokens: i32[T]) -> [T, V] {
    let x = embed(tokens)
    for l in layers { x = x + l(x) }
    return head(x)
  }
}
)seq",
    R"seq(/// Bidirectional: two scans, one of them reversed; ragged lengths need nothing.
layer BiLSTM(I, H) {
  fwd: LSTM(I, H)
  bwd: LSTM(I, H)
  fn forward(x: [T, I]) -> [T, 2 * H] {
    return concat(fwd(x), reverse(bwd(reverse(x))))
  }
}

/// Linear-chain CRF: log-partition and best path. Other semirings are the same construct.
fn log_z(e: [T, N], trans: [N, N]) -> float {
  let _, a = scan t (α: [N] = 0) {
    α'[j] = e[t, j] + (t == 0 ? 0.0 : logsumexp[i](α[i] + trans[i, j]))
    yield α'
  }
  return logsumexp[j](a[j])
}

/// Binary tree LSTM over nodes in topological order: a scan may read what it has already yielded.
fn tree(x: [N, D], left: i32[N], right: i32[N], cell: TreeCell) -> [N, H], [N, H] {
  scan n () as (hs, cs) {
    let hl = left[n] < 0 ? 0.0 : hs[left[n]]
    let hr = right[n] < 0 ? 0.0 : hs[right[n]]
    let cl = left[n] < 0 ? 0.0 : cs[left[n]]
    let cr = right[n] < 0 ? 0.0 : cs[right[n]]
    yield cell(x[n], hl, hr, cl, cr)
  }
}

/// Test-time training: a gradient inside the program.
fn ttt_step(W: [K, V], k: [K], v: [V], η: float) -> [K, V] {
  let loss(M: [K, V]) = { let e[b] = sum[a](k[a] * M[a, b]) - v[b]; 0.5 * sum[b](e[b] * e[b]) }
  return W - η * grad(loss)(W)
}
)seq",
};

class LanguagePrograms : public ::testing::TestWithParam<const char *> {};

TEST_P(LanguagePrograms, Parse) {
  Parsed parsed(GetParam());
  EXPECT_EQ(parsed.messages(), "");
  ASSERT_TRUE(parsed.tree);
  EXPECT_FALSE(printAst(*parsed.tree).empty());
}
INSTANTIATE_TEST_SUITE_P(All, LanguagePrograms, ::testing::ValuesIn(kPrograms));

TEST(Expressions, Precedence) {
  EXPECT_EQ(shapeOf("a + b * c - d"), "((a + (b * c)) - d)");
  EXPECT_EQ(shapeOf("a * b / c % d @ e"), "((((a * b) / c) % d) @ e)");
  EXPECT_EQ(shapeOf("-a ** b"), "(- (a ** b))");
  EXPECT_EQ(shapeOf("a ** -b"), "(a ** (- b))");
  EXPECT_EQ(shapeOf("a ** b ** c"), "(a ** (b ** c))");
  EXPECT_EQ(shapeOf("2 ** -x ** y * z"), "((2 ** (- (x ** y))) * z)");
  EXPECT_EQ(shapeOf("-a * b"), "((- a) * b)");
  EXPECT_EQ(shapeOf("-a[t].b"), "(- a[t;].b)");
  EXPECT_EQ(shapeOf("not a == b and c or d"), "(((not (a == b)) and c) or d)");
  EXPECT_EQ(shapeOf("a or not b and c"), "(a or ((not b) and c))");
  EXPECT_EQ(shapeOf("a + 1 < b * 2"), "((a + 1) < (b * 2))");
  EXPECT_EQ(shapeOf("a ? b : c ? d : e"), "(a ? b : (c ? d : e))");
  EXPECT_EQ(shapeOf("a ? b ? c : d : e"), "(a ? (b ? c : d) : e)");
  EXPECT_EQ(shapeOf("a or b ? c : d or e"), "((a or b) ? c : (d or e))");
  EXPECT_EQ(shapeOf("(a < b) == c"), "((a < b) == c)");
  EXPECT_EQ(shapeOf("a + (not b)"), "(a + (not b))");
}

TEST(Expressions, Numbers) {
  EXPECT_EQ(shapeOf("1 + 1.5 + 1e-5 + 1e999999999999 + 0.5E+3"),
            "((((1 + 1.5) + 1e-5) + 1e999999999999) + 0.5E+3)");
  Parsed parsed("fn f() { return 1, 1.0, 1e5 }");
  const auto &values = parsed.tree->functions[0]->body.stmts[0]->values;
  EXPECT_FALSE(values[0]->isFloat);
  EXPECT_TRUE(values[1]->isFloat);
  EXPECT_TRUE(values[2]->isFloat);
}

TEST(Expressions, Reductions) {
  EXPECT_EQ(shapeOf("sum[h, p](x[h, p] where h <= p)"), "sum<h><p>(x[h;p;] where (h <= p))");
  EXPECT_EQ(shapeOf("sum[j in 0..K / 2](x)"), "sum<j in 0..(K / 2)>(x)");
  EXPECT_EQ(shapeOf("max[j](x) + max(a, b)"), "(max<j>(x) + max(a;b;))");
  EXPECT_EQ(shapeOf("sum[j]"), "sum[j;]");
  EXPECT_EQ(shapeOf("layers[i](x)"), "layers[i;](x;)");
  EXPECT_EQ(shapeOf("(sum)[i](x)"), "sum[i;](x;)");
  EXPECT_EQ(shapeOf("softmax[j](s)[i]"), "softmax<j>(s)[i;]");
  EXPECT_EQ(shapeOf("a.sum[i](x)"), "a.sum[i;](x;)");
}

TEST(Expressions, CallsListsAndSlices) {
  EXPECT_EQ(shapeOf("split(x, [R, N, N], axis = 1)"), "split(x;(R;N;N;);axis=1;)");
  EXPECT_EQ(shapeOf("x[:, a:b, 1:, :2, i]"), "x[:;a:b;1:;:2;i;]");
  EXPECT_EQ(shapeOf("x[c ? a : b : d]"), "x[(c ? a : b):d;]");
  EXPECT_EQ(shapeOf("embed.weight[v, d] + l.name(x) + grad(loss)(W)"),
            "((embed.weight[v;d;] + l.name(x;)) + grad(loss;)(W;))");
  EXPECT_EQ(shapeOf("f(\n  a,\n  b +\n    c,\n)"), "f(a;(b + c);)");
}

TEST(Expressions, RangesCoverTheirText) {
  Parsed parsed("fn f() { return (a + b) * sum[j](x[j]) }");
  const ast::Expr &e = *parsed.tree->functions[0]->body.stmts[0]->values[0];
  EXPECT_EQ(parsed.sources.text(e.range), "(a + b) * sum[j](x[j])");
  EXPECT_EQ(parsed.sources.text(e.a->range), "(a + b)");
  EXPECT_EQ(parsed.sources.text(e.b->range), "sum[j](x[j])");
  EXPECT_EQ(parsed.sources.text(e.opRange), "*");
}

TEST(Scans, HeadsInEveryForm) {
  Parsed parsed(R"(fn f(x: [T]) {
  let a = scan reverse t in 0..N / 2 (h: [D] = 0, m = 0.0) reset s[t] { h' = h; yield h' }
  let b = scan n () as (hs, cs) { yield x[n], hs[n] }
  let c = scan t in 0..g(N) (h = g(0)) { h' = h }
  let reverse = as + reset
  return concat(scan t (h = 0) { yield h' }, reverse(x))
})");
  EXPECT_EQ(parsed.messages(), "");
  const auto &stmts = parsed.tree->functions[0]->body.stmts;
  const ast::ScanExpr &a = *stmts[0]->values[0]->scan;
  EXPECT_TRUE(a.reverse);
  EXPECT_EQ(a.axis.name.text, "t");
  EXPECT_EQ(testing::shape(*a.axis.hi), "(N / 2)");
  ASSERT_EQ(a.states.size(), 2u);
  EXPECT_TRUE(a.states[0].type && !a.states[1].type);
  EXPECT_EQ(testing::shape(*a.reset), "s[t;]");
  EXPECT_EQ(a.body.stmts[0]->kind, ast::StmtKind::Assign);
  EXPECT_EQ(a.body.stmts[0]->targets[0].name.text, "h'");
  const ast::ScanExpr &b = *stmts[1]->values[0]->scan;
  EXPECT_EQ(b.states.size(), 0u);
  EXPECT_EQ(b.as.size(), 2u);
  EXPECT_EQ(b.body.stmts[0]->values.size(), 2u);
  EXPECT_EQ(testing::shape(*stmts[2]->values[0]->scan->axis.hi), "g(N;)");
}

TEST(Statements, Kinds) {
  Parsed parsed(R"(fn f(x: [T]) {
  let y[t in 0..T / 2, c], _, z: [T] = g(x)
  S'[a in 0..N, b] = 1
  x = 2
  for l in layers { x = l(x); yield x }
  for s in 0..S - 1 { x = s }
  if D > 2 { 1 } else if D == 3 { 2 }
  else { 3 }
  let loss(M: [K, V]) = { let e = 2; e }
  let twice(M: [K]) -> [K] = 2 * M
  x, y
})");
  EXPECT_EQ(parsed.messages(), "");
  const auto &s = parsed.tree->functions[0]->body.stmts;
  ASSERT_EQ(s.size(), 9u);
  EXPECT_EQ(s[0]->targets.size(), 3u);
  EXPECT_TRUE(s[0]->targets[0].hasIndices && s[0]->targets[0].indices[0].hi);
  EXPECT_TRUE(s[0]->targets[2].type);
  EXPECT_TRUE(s[1]->targets[0].indices[0].hi);
  EXPECT_FALSE(s[3]->hi);
  EXPECT_TRUE(s[4]->hi);
  EXPECT_TRUE(s[5]->hasElse);
  EXPECT_EQ(s[5]->elseBody.stmts[0]->kind, ast::StmtKind::If);
  EXPECT_TRUE(s[5]->elseBody.stmts[0]->hasElse);
  EXPECT_EQ(s[6]->function->body.stmts.size(), 2u);
  EXPECT_EQ(s[7]->function->results.size(), 1u);
  EXPECT_EQ(s[8]->kind, ast::StmtKind::Value);
  EXPECT_EQ(s[8]->values.size(), 2u);
}

TEST(Declarations, Layers) {
  Parsed parsed(R"(import std.attention
import "./cells.seq" as model

/// One.
/// Two.
model A(D, N = 16, cell: TreeCell, eps: float = 1e-6) {
  param b: [O] if bias
  /// The decay.
  param A_log[e, n] = log(n + 1)
  param w[e in 0..E]: [E] = 1.0 if N > 2
  layers: [L] l => Block(C, 2 ** l)
  cell0: model.Cell(D, bias = false)
  param: Linear(D)
  fn forward(x: f32[T], layer: [T] = 0) -> y: [_, D], hT: float { layer }
}
test "a \"b\"" { 1 }
fn last() { 2 }
)");
  EXPECT_EQ(parsed.messages(), "");
  const ast::File &file = *parsed.tree;
  ASSERT_EQ(file.imports.size(), 2u);
  EXPECT_EQ(file.imports[0].alias.text, "attention");
  EXPECT_EQ(file.imports[1].alias.text, "model");
  const ast::LayerDecl &a = *file.layers[0];
  EXPECT_TRUE(a.isModel);
  EXPECT_EQ(a.doc, "One.\nTwo.");
  EXPECT_EQ(a.sizes.size(), 4u);
  ASSERT_EQ(a.params.size(), 3u);
  EXPECT_TRUE(a.params[0].condition);
  EXPECT_EQ(a.params[1].doc, "The decay.");
  EXPECT_TRUE(!a.params[1].type && a.params[1].init);
  EXPECT_TRUE(a.params[2].type && a.params[2].init && a.params[2].condition);
  ASSERT_EQ(a.subLayers.size(), 3u);
  EXPECT_EQ(a.subLayers[0].indexVar->text, "l");
  EXPECT_EQ(testing::shape(*a.subLayers[1].callee), "model.Cell");
  EXPECT_EQ(a.subLayers[2].name.text, "param");
  EXPECT_EQ(a.functions[0]->results[1].name->text, "hT");
  EXPECT_EQ(file.tests[0].title, "a \"b\"");
  EXPECT_EQ(file.order.back(), (std::pair<bool, unsigned>{false, 0u}));
}

TEST(Names, UnicodeAndPrimes) {
  Parsed parsed("fn f(α: [T]) { let Δ' = α; let e\xCC\x81 = 1; \xC3\xA9 }");
  EXPECT_EQ(parsed.messages(), "");
  const auto &s = parsed.tree->functions[0]->body.stmts;
  EXPECT_EQ(s[0]->targets[0].name.text, "Δ'");
  EXPECT_EQ(s[1]->targets[0].name.text, s[2]->values[0]->text);
}

ast::ExprPtr entryOf(const std::string &text, std::string &places) {
  SourceManager sources;
  DiagnosticEngine diags(sources);
  auto entry = parseEntry(sources.addFile("ENTRY", text), diags);
  places = diags.hasErrors() ? diagInfo(diags.messages()[0].kind).code : "";
  return entry;
}

TEST(Entries, NamesSizesAndFunctions) {
  std::string error;
  EXPECT_EQ(testing::shape(*entryOf("Mamba(D = 64, N = 8)", error)), "Mamba(D=64;N=8;)");
  EXPECT_EQ(testing::shape(*entryOf("LSTM(64, 128).name", error)), "LSTM(64;128;).name");
  EXPECT_EQ(testing::shape(*entryOf("ema", error)), "ema");
  for (const char *bad : {"", "1 + 2", "LSTM(64", "a b", "LSTM(64).a.b", "f(x)(y)", "[a]"}) {
    EXPECT_FALSE(entryOf(bad, error)) << bad;
    EXPECT_NE(error, "") << bad;
  }
}
} // namespace
} // namespace seq
