// The fake model compiled for devices: each forward launches one kernel of one thread, which
// gets the call's arrays as arguments and does what the CPU's code does.
#ifndef SEQ_CORE_FAKE_DEVICE_H
#define SEQ_CORE_FAKE_DEVICE_H

#include "FakeModel.h"

namespace fake {

// seq_failure of the runtime, which seq_rt_fail writes.
struct host_failure {
  bool lock, set;
  int32_t place;
  int64_t seq, value, bound;
};

// Arguments: batch; sizes; lengths; inputs, strides; outputs; params; prepared; workspace;
// failure.
template <int S, int I, int O, int P> constexpr int arguments = 1 + S + 1 + 2 * I + O + P + 3;

template <typename T> T *pointer(uint64_t argument) {
  return reinterpret_cast<T *>(argument);
}
inline uint64_t argument(const void *p) {
  return reinterpret_cast<uint64_t>(p);
}

// On the device: the call as the CPU's code takes it.
template <seq_region_fn F, int S, int I, int O, int P> void kernel(const uint64_t *args) {
  int64_t sizes[S + 1], strides[I + 1];
  const void *inputs[I + 1], *params[P + 1];
  void *outputs[O + 1];
  host_failure failure{};
  alignas(64) int32_t alone[64] = {1}; // the number of threads that meet at a barrier
  seq_call call{};
  call.struct_size = sizeof call;
  call.batch = static_cast<int64_t>(*args++);
  for (int i = 0; i < S; i++)
    sizes[i] = static_cast<int64_t>(*args++);
  call.lengths = pointer<const int64_t>(*args++);
  for (int i = 0; i < I; i++) {
    inputs[i] = pointer<const void>(*args++);
    strides[i] = static_cast<int64_t>(*args++);
  }
  for (int i = 0; i < O; i++)
    outputs[i] = pointer<void>(*args++);
  for (int i = 0; i < P; i++)
    params[i] = pointer<const void>(*args++);
  call.prepared = pointer<void>(*args++);
  call.workspace = pointer<void>(*args++);
  auto *record = pointer<seq_device_failure>(*args++);
  call.sizes = sizes;
  call.inputs = inputs;
  call.input_strides = strides;
  call.outputs = outputs;
  call.params = params;
  call.pool = alone;
  call.failure = &failure;
  F(&call, 0, 1);
  if (failure.set)
    *record = {0, 1, failure.place, failure.seq, failure.value, failure.bound};
}

// On the host: launches kernel number K.
template <int K, int S, int I, int O, int P> void launch(const seq_call *c, int32_t, int32_t) {
  std::vector<uint64_t> args = {static_cast<uint64_t>(c->batch)};
  for (int i = 0; i < S; i++)
    args.push_back(static_cast<uint64_t>(c->sizes[i]));
  args.push_back(argument(c->lengths));
  for (int i = 0; i < I; i++) {
    args.push_back(argument(c->inputs[i]));
    args.push_back(static_cast<uint64_t>(c->input_strides[i]));
  }
  for (int i = 0; i < O; i++)
    args.push_back(argument(c->outputs[i]));
  for (int i = 0; i < P; i++)
    args.push_back(argument(c->params[i]));
  args.push_back(argument(c->prepared));
  args.push_back(argument(c->workspace));
  args.push_back(argument(c->failure));
  seq_rt_launch(c, K, 1, args.data());
}

enum { K_SCALE, K_GATHER, K_RING, K_PROJECT_PREPARE, K_PROJECT, K_SUMS, K_COUNT };
inline const seq_kernel kernels[] = {
    {"scale", arguments<2, 2, 1, 0>, 1, 0, 0, kernel<scale, 2, 2, 1, 0>},
    {"gather", arguments<2, 2, 1, 0>, 1, 0, 0, kernel<gather, 2, 2, 1, 0>},
    {"ring", arguments<2, 1, 1, 0>, 1, 0, 0, kernel<ring, 2, 1, 1, 0>},
    {"project_prepare", arguments<0, 0, 0, 2>, 1, 0, 0, kernel<projectPrepare, 0, 0, 0, 2>},
    {"project", arguments<1, 1, 1, 0>, 1, 0, 0, kernel<project, 1, 1, 1, 0>},
    {"sums", arguments<3, 3, 3, 0>, 1, 0, 0, kernel<sums, 3, 3, 3, 0>}};

inline const seq_device_code sm80 = {"sm_80", "ptx of 80", 10, 1, K_COUNT, kernels},
                             simulated = {"sm_80", nullptr, 0, 0, K_COUNT, kernels};

// A variant of each kind of device.
struct variants {
  seq_variant of[2];
  variants(seq_region_fn prepare, seq_region_fn forward, seq_workspace_fn workspace,
           int64_t prepared)
      : of{{80, SEQ_ON_CUDA, prepare, forward, workspace, prepared, &sm80},
           {80, SEQ_ON_GPUSIM, prepare, forward, workspace, prepared, &simulated}} {}
};
inline const variants onScale(nullptr, launch<K_SCALE, 2, 2, 1, 0>, nullptr, 0),
    onGather(nullptr, launch<K_GATHER, 2, 2, 1, 0>, nullptr, 0),
    onRing(nullptr, launch<K_RING, 2, 1, 1, 0>, ringWorkspace, 0),
    onProject(launch<K_PROJECT_PREPARE, 0, 0, 0, 2>, launch<K_PROJECT, 1, 1, 1, 0>, nullptr, 32),
    onSums(nullptr, launch<K_SUMS, 3, 3, 3, 0>, nullptr, 0);

inline seq_function_desc compiled(const seq_function_desc &fn, const variants &v) {
  seq_function_desc out = fn;
  out.variants = v.of;
  out.n_variants = 2;
  return out;
}

enum { D_SCALE, D_GATHER, D_RING };
inline const seq_function_desc onDevice[] = {compiled(functions[SCALE], onScale),
                                             compiled(functions[GATHER], onGather),
                                             compiled(functions[RING], onRing)},
                               layerOnDevice[] = {compiled(functions[PROJECT], onProject)},
                               streamOnDevice[] = {compiled(streamed[1], onSums)};
inline const seq_model_desc devicePlain = {SEQ_ABI_MAGIC, SEQ_ABI_VERSION, "Plain", 0, 3,
                                           nullptr,       onDevice},
                            deviceLayer = {SEQ_ABI_MAGIC, SEQ_ABI_VERSION, "Cell", 2, 1,
                                           params,        layerOnDevice},
                            deviceSums = {SEQ_ABI_MAGIC, SEQ_ABI_VERSION, "Sums", 0, 1,
                                          nullptr,       streamOnDevice};

inline seq_ctx_options options_for(int32_t kind) {
  seq_ctx_options o{};
  o.struct_size = sizeof o;
  o.kind = kind;
  return o;
}

// A context of a kind of device, and a model.
struct device_session {
  seq_ctx *ctx = nullptr;
  seq_model *model = nullptr;
  char message[1024] = "";
  int made, created = -1;

  device_session(const seq_ctx_options &o, const seq_model_desc &desc)
      : made(seq_ctx_create_with(&o, &ctx, message, sizeof message)) {
    if (ctx)
      created = seq_model_create(ctx, &desc, &model);
  }
  device_session(int32_t kind, const seq_model_desc &desc)
      : device_session(options_for(kind), desc) {}
  ~device_session() {
    seq_model_destroy(model);
    seq_ctx_destroy(ctx);
  }
  device_session(const device_session &) = delete;
  int run(int32_t function, const call_args &a) { return seq_model_call(model, function, &a.args); }
  std::string error() const { return ctx ? seq_last_error(ctx) : message; }
};

// An array in the context's memory.
template <typename T> struct device_array {
  seq_ctx *ctx;
  std::vector<int64_t> shape;
  void *data = nullptr;
  int64_t count = 1;
  DLTensor view{};

  device_array(seq_ctx *c, std::vector<int64_t> s, const std::vector<T> &values = {})
      : ctx(c), shape(std::move(s)) {
    for (int64_t n : shape)
      count *= n;
    std::vector<T> all = values;
    all.resize(static_cast<size_t>(count), T(-9));
    if (seq_ctx_alloc(ctx, bytes(), &data) == SEQ_OK)
      seq_ctx_copy_in(ctx, data, all.data(), bytes());
    bool real = T(0.5) != T(0);
    view = {data,
            seq_ctx_device(ctx),
            static_cast<int32_t>(shape.size()),
            {static_cast<uint8_t>(real ? kDLFloat : kDLInt), 32, 1},
            shape.data(),
            nullptr,
            0};
  }
  ~device_array() { seq_ctx_free(ctx, data); }
  device_array(const device_array &) = delete;
  int64_t bytes() const { return count * static_cast<int64_t>(sizeof(T)); }
  std::vector<T> values() const {
    std::vector<T> out(static_cast<size_t>(count));
    seq_ctx_copy_out(ctx, out.data(), data, bytes());
    return out;
  }
};

} // namespace fake

#endif
