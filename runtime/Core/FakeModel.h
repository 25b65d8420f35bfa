// A descriptor written by hand, as seqc would generate it, for the runtime's tests.
//
//   fn scale(x: [T, D], gain: float = 2) -> [T, D]               x * gain
//   fn mix(x: [T, D], w: [4 * H, D], h0: [H, D] = 0.5) -> [T - 2, H], []   shapes only
//   fn gather(w: [N], i: i32[T]) -> [T]                           w[i[t]], may fail
//   fn project(x: [T, 3]) -> [T, 2]                               with parameters w, bias
//   fn ring(x: [T, D]) -> [D]       h'[d] = x[t, d] + h[(d + 1) % D]: a barrier a step
//   fn pair(x: [T], y: [S], m: bool[T, S]) -> [T, S]              two sequence sizes
//   stream of sums: y[t, d] = h'[d] = h[d] + x[t, d], 0 in place of a NaN that fails;
//   it keeps every x
#ifndef SEQ_CORE_FAKE_MODEL_H
#define SEQ_CORE_FAKE_MODEL_H

#include "seq/io.h"
#include "seq/runtime.h"

#include <cstring>
#include <string>
#include <vector>

namespace fake {

inline const float *in(const seq_call *c, int i, int64_t b) {
  return static_cast<const float *>(c->inputs[i]) + b * c->input_strides[i];
}
inline float *out(const seq_call *c, int i) {
  return static_cast<float *>(c->outputs[i]);
}
inline int64_t length(const seq_call *c, int size, int64_t b) {
  return c->lengths[size * c->batch + b];
}

inline void scale(const seq_call *c, int32_t tid, int32_t n) {
  int64_t T = c->sizes[0], D = c->sizes[1];
  for (int64_t b = tid; b < c->batch; b += n)
    for (int64_t k = 0; k < length(c, 0, b) * D; k++)
      out(c, 0)[b * T * D + k] = in(c, 0, b)[k] * *in(c, 1, b);
}

inline void mix(const seq_call *c, int32_t tid, int32_t) {
  if (tid != 0)
    return;
  for (int64_t b = 0; b < c->batch; b++)
    out(c, 1)[b] = in(c, 2, b)[0] + in(c, 2, b)[c->sizes[2] * c->sizes[1] - 1];
}
inline int64_t mixWorkspace(const seq_call *c, int32_t n) {
  return c->sizes[0] * 8 + n;
}

inline void gather(const seq_call *c, int32_t tid, int32_t n) {
  int64_t N = c->sizes[0], T = c->sizes[1];
  for (int64_t b = 0; b < c->batch; b++)
    for (int64_t t = tid; t < length(c, 1, b); t += n) {
      const int32_t *i = static_cast<const int32_t *>(c->inputs[1]) + b * c->input_strides[1];
      bool inside = i[t] >= 0 && i[t] < N;
      if (!inside)
        seq_rt_fail(c, 0, b, i[t], N);
      out(c, 0)[b * T + t] = inside ? in(c, 0, b)[i[t]] : 0;
    }
}

// prepared: w [3, 2] transposed, then bias [2].
inline void projectPrepare(const seq_call *c, int32_t tid, int32_t n) {
  auto *w = static_cast<const float *>(c->params[0]);
  auto *bias = static_cast<const float *>(c->params[1]);
  auto *p = static_cast<float *>(c->prepared);
  for (int k = tid; k < 6; k += n)
    p[(k % 3) * 2 + k / 3] = w[k];
  seq_rt_barrier(c, tid);
  if (tid == 0)
    std::memcpy(p + 6, bias, 8);
}
inline void project(const seq_call *c, int32_t tid, int32_t n) {
  auto *p = static_cast<const float *>(c->prepared);
  for (int64_t b = 0; b < c->batch; b++)
    for (int64_t t = tid; t < length(c, 0, b); t += n)
      for (int o = 0; o < 2; o++) {
        const float *x = in(c, 0, b) + t * 3;
        out(c, 0)[(b * c->sizes[0] + t) * 2 + o] =
            p[6 + o] + x[0] * p[o] + x[1] * p[2 + o] + x[2] * p[4 + o];
      }
}

// Each thread owns some of D; two buffers in the workspace, one barrier a step.
inline void ring(const seq_call *c, int32_t tid, int32_t n) {
  int64_t T = c->sizes[0], D = c->sizes[1];
  auto *h = static_cast<float *>(c->workspace);
  for (int64_t b = 0; b < c->batch; b++) {
    for (int64_t d = tid; d < D; d += n)
      h[d] = 0;
    seq_rt_barrier(c, tid);
    for (int64_t t = 0; t < T; t++) {
      const float *from = h + (t % 2) * D;
      float *to = h + ((t + 1) % 2) * D;
      for (int64_t d = tid; d < D; d += n)
        to[d] = in(c, 0, b)[t * D + d] + 0.5f * from[(d + 1) % D];
      seq_rt_barrier(c, tid);
    }
    for (int64_t d = tid; d < D; d += n)
      out(c, 0)[b * D + d] = h[(T % 2) * D + d];
    seq_rt_barrier(c, tid);
  }
}
inline int64_t ringWorkspace(const seq_call *c, int32_t) {
  return c->sizes[1] * 8;
}

inline void pair(const seq_call *c, int32_t tid, int32_t) {
  int64_t T = c->sizes[0], S = c->sizes[1];
  for (int64_t b = 0; b < c->batch && tid == 0; b++)
    for (int64_t t = 0; t < length(c, 0, b); t++)
      for (int64_t s = 0; s < length(c, 1, b); s++)
        out(c, 0)[(b * T + t) * S + s] = in(c, 0, b)[t] + in(c, 1, b)[s];
}

// Outputs: y, then the states h and the steps so far.
inline void sums(const seq_call *c, int32_t tid, int32_t) {
  int64_t T = c->sizes[0], D = c->sizes[1], rows = T + c->sizes[2];
  for (int64_t b = 0; b < c->batch && tid == 0; b++) {
    int64_t start = length(c, 2, b);
    for (int64_t d = 0; d < D; d++) {
      float h = start == 0 ? 0 : in(c, 1, b)[d];
      for (int64_t t = 0; t < length(c, 0, b); t++) {
        float x = in(c, 0, b)[t * D + d];
        if (x != x)
          seq_rt_fail(c, 0, b, start + t, 0);
        h += x == x ? x : 0;
        out(c, 0)[(b * T + t) * D + d] = h;
        out(c, 2)[(b * rows + start + t) * D + d] = x;
      }
      out(c, 1)[b * D + d] = h;
    }
  }
}

// The same for one step, counted.
inline int stepped = 0, prepared = 0;
inline void sumsOnce(const seq_call *c, int32_t tid, int32_t n) {
  stepped += tid == 0;
  sums(c, tid, n);
}
inline void countPrepare(const seq_call *c, int32_t tid, int32_t) {
  if (tid == 0)
    *static_cast<int *>(c->prepared) = ++prepared;
}

inline const seq_dim_op op0[] = {{SEQ_DIM_SIZE, 0}}, op1[] = {{SEQ_DIM_SIZE, 1}},
                        op2[] = {{SEQ_DIM_SIZE, 2}}, op3[] = {{SEQ_DIM_CONST, 3}},
                        opTwo[] = {{SEQ_DIM_CONST, 2}}, opFour[] = {{SEQ_DIM_CONST, 4}},
                        op2D[] = {{SEQ_DIM_CONST, 2},
                                  {SEQ_DIM_SIZE, 1},
                                  {SEQ_DIM_CONST, 2},
                                  {SEQ_DIM_FLOORDIV, 0},
                                  {SEQ_DIM_MUL, 0}},
                        op4H[] = {{SEQ_DIM_CONST, 4}, {SEQ_DIM_SIZE, 2}, {SEQ_DIM_MUL, 0}},
                        opFar[] = {{SEQ_DIM_SIZE, 2}, {SEQ_DIM_SIZE, 0}, {SEQ_DIM_ADD, 0}},
                        opT2[] = {{SEQ_DIM_SIZE, 0}, {SEQ_DIM_CONST, 2}, {SEQ_DIM_SUB, 0}};
inline const seq_dim d01[] = {{op0, 1}, {op1, 1}}, d1[] = {{op1, 1}}, d0[] = {{op0, 1}},
                     dW[] = {{op4H, 3}, {op1, 1}}, dH[] = {{op2, 1}, {op1, 1}},
                     dT2H[] = {{opT2, 3}, {op2, 1}}, dT3[] = {{op0, 1}, {op3, 1}},
                     dT2[] = {{op0, 1}, {opTwo, 1}}, d23[] = {{opTwo, 1}, {op3, 1}},
                     d2[] = {{opTwo, 1}}, dFar[] = {{opFar, 3}, {op1, 1}};
inline const double two = 2, half = 0.5;

inline const seq_tensor_desc scaleIn[] = {{"x", SEQ_F32, 2, d01, "[T, D]", nullptr},
                                          {"gain", SEQ_F32, 0, nullptr, "[]", &two}},
                             scaleOut[] = {{"y", SEQ_F32, 2, d01, "[T, D]", nullptr}},
                             mixIn[] = {{"x", SEQ_F32, 2, d01, "[T, D]", nullptr},
                                        {"w", SEQ_F32, 2, dW, "[4 * H, D]", nullptr},
                                        {"h0", SEQ_F32, 2, dH, "[H, D]", &half}},
                             mixOut[] = {{"y", SEQ_F32, 2, dT2H, "[T - 2, H]", nullptr},
                                         {"z", SEQ_F32, 0, nullptr, "[]", nullptr}},
                             gatherIn[] = {{"w", SEQ_F32, 1, d0, "[N]", nullptr},
                                           {"i", SEQ_I32, 1, d1, "[T]", nullptr}},
                             gatherOut[] = {{"y", SEQ_F32, 1, d1, "[T]", nullptr}},
                             projectIn[] = {{"x", SEQ_F32, 2, dT3, "[T, 3]", nullptr}},
                             projectOut[] = {{"y", SEQ_F32, 2, dT2, "[T, 2]", nullptr}},
                             ringOut[] = {{"h", SEQ_F32, 1, d1, "[D]", nullptr}},
                             pairIn[] = {{"x", SEQ_F32, 1, d0, "[T]", nullptr},
                                         {"y", SEQ_F32, 1, d1, "[S]", nullptr},
                                         {"m", SEQ_BOOL, 2, d01, "[T, S]", nullptr}},
                             pairOut[] = {{"z", SEQ_F32, 2, d01, "[T, S]", nullptr}},
                             sumsIn[] = {{"x", SEQ_F32, 2, d01, "[T, D]", nullptr},
                                         {"h", SEQ_F32, 1, d1, "[D]", nullptr},
                                         {"x", SEQ_F32, 2, dFar, "[T.start + T, D]", nullptr}},
                             sumsOut[] = {{"y", SEQ_F32, 2, d01, "[T, D]", nullptr},
                                          {"h", SEQ_F32, 1, d1, "[D]", nullptr},
                                          {"x", SEQ_F32, 2, dFar, "[T.start + T, D]", nullptr}},
                             params[] = {{"layers.0.w", SEQ_F32, 2, d23, "[2, 3]", nullptr},
                                         {"layers.0.bias", SEQ_F32, 1, d2, "[2]", nullptr}};

inline const char *const TD[] = {"T", "D", "H"}, *const NT[] = {"N", "T"}, *const TS[] = {"T", "S"},
                         *const TDP[] = {"T", "D", "T.start"};
inline const int32_t seq100[] = {1, 0, 0}, seq01[] = {0, 1}, seq11[] = {1, 1};
inline const seq_place place[] = {{"model.seq", 2, 14, SEQ_FAIL_INDEX, "w[i[t]]"}};
inline const seq_variant scaleV[] = {{1, 0, nullptr, scale, nullptr, 0, nullptr}},
                         mixV[] = {{1, 0, nullptr, mix, mixWorkspace, 0, nullptr}},
                         gatherV[] = {{1, 0, nullptr, gather, nullptr, 0, nullptr}},
                         projectV[] = {{1, 0, projectPrepare, project, nullptr, 32, nullptr}},
                         ringV[] = {{1, 0, nullptr, ring, ringWorkspace, 0, nullptr}},
                         sumsV[] = {{1, 0, nullptr, sums, nullptr, 0, nullptr}},
                         pairV[] = {{1, 0, nullptr, pair, nullptr, 0, nullptr}};

enum { SCALE, MIX, GATHER, RING, PAIR, PROJECT };
inline const seq_function_desc functions[] = {
    {"scale", 2, 2, 1, 0, 1, 0, TD, seq100, scaleIn, scaleOut, nullptr, scaleV, 0, 0, 0, 0,
     nullptr},
    {"mix", 3, 3, 2, 0, 1, 0, TD, seq100, mixIn, mixOut, nullptr, mixV, 0, 0, 0, 0, nullptr},
    {"gather", 2, 2, 1, 1, 1, 0, NT, seq01, gatherIn, gatherOut, place, gatherV, 0, 0, 0, 0,
     nullptr},
    {"ring", 2, 1, 1, 0, 1, 0, TD, seq100, scaleIn, ringOut, nullptr, ringV, 0, 0, 0, 0, nullptr},
    {"pair", 2, 3, 1, 0, 1, 0, TS, seq11, pairIn, pairOut, nullptr, pairV, 0, 0, 0, 0, nullptr},
    {"project", 1, 1, 1, 0, 1, 0, TD, seq100, projectIn, projectOut, nullptr, projectV, 0, 0, 0, 0,
     nullptr}};
inline const seq_function_desc streamed[] = {
    {"scale", 2, 2, 1, 0, 1, 0, TD, seq100, scaleIn, scaleOut, nullptr, scaleV, 0, 0, 0, 0,
     nullptr},
    {"stream", 3, 3, 3, 1, 1, 1, TDP, seq100, sumsIn, sumsOut, place, sumsV, 2, 0, 0, 0, nullptr}};
// The stream with code for single steps, and what both prepare.
inline const seq_variant pieceV[] = {{1, 0, countPrepare, sums, nullptr, 8, nullptr}},
                         stepV[] = {{1, 0, countPrepare, sumsOnce, nullptr, 8, nullptr}};
inline const seq_function_desc stepping[] = {{"stream", 3, 3, 3, 1, 1, SEQ_STREAM_PIECE, TDP,
                                              seq100, sumsIn, sumsOut, place, pieceV, 2, 0, 0, 0,
                                              nullptr},
                                             {"step", 3, 3, 3, 1, 1, SEQ_STREAM_STEP, TDP, seq100,
                                              sumsIn, sumsOut, place, stepV, 2, 0, 0, 0, nullptr}};
inline const seq_model_desc steps = {SEQ_ABI_MAGIC, SEQ_ABI_VERSION, "Steps", 0, 2,
                                     nullptr,       stepping};
// scale for sequences that are no longer than 4, of an even width.
inline const seq_requirement needs[] = {
    {d0[0], {opFour, 1}, "T <= 4", {"model.seq", 3, 9, SEQ_FAIL_REQUIRED, "pos[t]"}, 0, 0},
    {d1[0], {op2D, 5}, "D == 2 * (D / 2)", {"model.seq", 4, 1, SEQ_FAIL_REQUIRED, "x[D]"}, 1, 0}};
inline const seq_function_desc tabled[] = {
    {"scale", 2, 2, 1, 0, 1, 0, TD, seq100, scaleIn, scaleOut, nullptr, scaleV, 0, 0, 2, 0, needs}};
inline const seq_model_desc requiring = {SEQ_ABI_MAGIC, SEQ_ABI_VERSION, "Tabled", 0, 1,
                                         nullptr,       tabled};
inline const seq_model_desc streaming = {SEQ_ABI_MAGIC, SEQ_ABI_VERSION, "Sums", 0, 2,
                                         nullptr,       streamed};
inline const seq_model_desc plain = {SEQ_ABI_MAGIC, SEQ_ABI_VERSION, "Plain", 0, 5,
                                     nullptr,       functions};
inline const seq_model_desc layer = {SEQ_ABI_MAGIC, SEQ_ABI_VERSION,    "Cell", 2, 1,
                                     params,        functions + PROJECT};

// A view that owns its numbers.
struct array {
  std::vector<float> data;
  std::vector<int64_t> shape;
  DLTensor view{};

  array(std::vector<int64_t> s, std::vector<float> d) : data(std::move(d)), shape(std::move(s)) {
    int64_t n = 1;
    for (int64_t k : shape)
      n *= k;
    data.resize(static_cast<size_t>(n) + 1, -9); // one more: never null
    view = {data.data(),
            {kDLCPU, 0},
            static_cast<int32_t>(shape.size()),
            {kDLFloat, 32, 1},
            shape.data(),
            nullptr,
            0};
  }
  explicit array(std::vector<int64_t> s) : array(std::move(s), {}) {}
  array(const array &) = delete;
  std::vector<float> values() const { return {data.begin(), data.end() - 1}; }
};

// seq_args from lists of views.
struct call_args {
  std::vector<const DLTensor *> in;
  std::vector<DLTensor *> out;
  std::vector<seq_lengths> lengths;
  seq_args args{};

  call_args(std::vector<const DLTensor *> i, std::vector<DLTensor *> o,
            std::vector<seq_lengths> l = {})
      : in(std::move(i)), out(std::move(o)), lengths(std::move(l)) {
    args.struct_size = sizeof args;
    args.inputs = in.data();
    args.outputs = out.data();
    args.lengths = lengths.data();
    args.n_inputs = static_cast<int32_t>(in.size());
    args.n_outputs = static_cast<int32_t>(out.size());
    args.n_lengths = static_cast<int32_t>(lengths.size());
  }
};

// A context and a model, freed in order.
struct session {
  seq_ctx *ctx;
  seq_model *model = nullptr;
  int created;

  explicit session(const seq_model_desc &desc = plain, int32_t threads = 1)
      : ctx(seq_ctx_create(threads)), created(seq_model_create(ctx, &desc, &model)) {}
  ~session() {
    seq_model_destroy(model);
    seq_ctx_destroy(ctx);
  }
  session(const session &) = delete;
  int run(int32_t function, const call_args &a) { return seq_model_call(model, function, &a.args); }
  std::string error() const { return seq_last_error(ctx); }
};

} // namespace fake

#endif
