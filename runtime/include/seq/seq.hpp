// A C++17 wrapper over runtime.h: owners instead of pairs of create and destroy,
// exceptions instead of status codes. Header only.
//
//   seq::context ctx;
//   seq::model model(ctx, desc);
//   model.bind_file("w.safetensors");
//   std::vector<float> x(5 * 3), y(5 * 4);
//   model.call("forward", {seq::view(x, {5, 3})}, {seq::view(y, {5, 4})});
#ifndef SEQ_SEQ_HPP
#define SEQ_SEQ_HPP

#include "seq/runtime.h"

#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace seq {

// What a call of the runtime that failed throws; what() is the runtime's message.
class error : public std::runtime_error {
public:
  error(int status, const std::string &message) : std::runtime_error(message), status_(status) {}
  int status() const noexcept { return status_; } // a seq_status

private:
  int status_;
};

namespace detail {
template <typename To, typename From> To bits_as(From from) {
  static_assert(sizeof(To) == sizeof(From), "as many bits");
  To to;
  std::memcpy(&to, &from, sizeof to);
  return to;
}
} // namespace detail

// A float in 16 bits: a type of storage, with the layout of the bits alone. Conversion from float
// rounds to nearest, ties to even; beyond the range lies infinity.
struct bf16 {
  std::uint16_t bits = 0;
  bf16() = default;
  explicit bf16(float value) {
    std::uint32_t u = detail::bits_as<std::uint32_t>(value);
    bool nan = value != value;
    bits = static_cast<std::uint16_t>((nan ? u | 0x400000u : u + 0x7FFFu + (u >> 16 & 1)) >> 16);
  }
  explicit operator float() const {
    return detail::bits_as<float>(static_cast<std::uint32_t>(bits) << 16);
  }
};
struct f16 {
  std::uint16_t bits = 0;
  f16() = default;
  explicit f16(float value) {
    std::uint32_t u = detail::bits_as<std::uint32_t>(value), size = u & 0x7FFFFFFFu, out;
    if (size >= 0x47800000u) // 2^16 and more, and NaN
      out = size > 0x7F800000u ? 0x7E00u : 0x7C00u;
    else if (size < 0x38800000u) // subnormal: the sum with 1/2 has its unit in the last place
      out = detail::bits_as<std::uint32_t>(detail::bits_as<float>(size) + 0.5f) - 0x3F000000u;
    else
      out = (size - (112u << 23) + 0xFFFu + (size >> 13 & 1)) >> 13;
    bits = static_cast<std::uint16_t>(out | (u >> 16 & 0x8000u));
  }
  explicit operator float() const {
    std::uint32_t size = (bits & 0x7FFFu) << 13, sign = (bits & 0x8000u) << 16;
    // The exponents differ by 112, which one product mends, of subnormal numbers too.
    float scaled = detail::bits_as<float>(size) * 0x1p112f;
    std::uint32_t u =
        size >= 0x0F800000u ? size | 0x7F800000u : detail::bits_as<std::uint32_t>(scaled);
    return detail::bits_as<float>(u | sign);
  }
};

// DLPack's description of float, double, std::int32_t, bool, bf16 or f16.
template <typename T> constexpr DLDataType data_type() {
  using U = std::remove_cv_t<T>;
  if constexpr (std::is_same_v<U, float>)
    return {kDLFloat, 32, 1};
  else if constexpr (std::is_same_v<U, double>)
    return {kDLFloat, 64, 1};
  else if constexpr (std::is_same_v<U, std::int32_t>)
    return {kDLInt, 32, 1};
  else if constexpr (std::is_same_v<U, bf16>)
    return {kDLBfloat, 16, 1};
  else if constexpr (std::is_same_v<U, f16>)
    return {kDLFloat, 16, 1};
  else {
    static_assert(std::is_same_v<U, bool>, "float, double, std::int32_t, bool, bf16 or f16");
    return {kDLBool, 8, 1};
  }
}

// A dense view of memory that someone else owns. A default-made view stands for an input
// that is left away.
class view {
public:
  view() = default;

  // `shape` is in elements, row major.
  template <typename T>
  view(T *data, std::vector<std::int64_t> shape, DLDevice device = {kDLCPU, 0})
      : shape_(std::move(shape)), present_(true) {
    tensor_.data = const_cast<void *>(static_cast<const void *>(data));
    tensor_.device = device;
    tensor_.dtype = data_type<T>();
  }

  // Throws if the shape has not as many elements as the vector.
  template <typename T>
  view(std::vector<T> &data, std::vector<std::int64_t> shape)
      : view(data.data(), checked(std::move(shape), data.size())) {}
  template <typename T>
  view(const std::vector<T> &data, std::vector<std::int64_t> shape)
      : view(data.data(), checked(std::move(shape), data.size())) {}

  const std::vector<std::int64_t> &shape() const noexcept { return shape_; }

  // Null for an input that is left away; valid as long as this view stays where it is.
  DLTensor *get() const noexcept {
    if (!present_)
      return nullptr;
    tensor_.ndim = static_cast<std::int32_t>(shape_.size());
    tensor_.shape = const_cast<std::int64_t *>(shape_.data());
    return &tensor_;
  }

private:
  static std::vector<std::int64_t> checked(std::vector<std::int64_t> shape, std::size_t size) {
    std::uint64_t left = size;
    bool fits = true, empty = false;
    for (std::int64_t n : shape) {
      fits &= n >= 0;
      empty |= n == 0;
    }
    // Divides instead of multiplying: no product can overflow.
    for (std::int64_t n : shape) {
      if (!fits || empty)
        break;
      fits = left % static_cast<std::uint64_t>(n) == 0;
      left /= static_cast<std::uint64_t>(n);
    }
    if (!fits || (empty ? size != 0 : left != 1))
      throw error(SEQ_ERR_SHAPE,
                  "a shape does not fit its vector of " + std::to_string(size) + " elements");
    return shape;
  }

  std::vector<std::int64_t> shape_;
  mutable DLTensor tensor_{}; // points to shape_, which moves with this object
  bool present_ = false;
};

// Each sequence's own value of a size; an empty name is the plain form.
struct lengths {
  std::vector<std::int64_t> values;
  std::string size;
};

// Threads and messages. Move only.
class context {
public:
  // 0 threads: from the environment, else the physical cores.
  explicit context(std::int32_t threads = 0) : ctx_(seq_ctx_create(threads)) {
    if (!ctx_)
      throw error(SEQ_ERR_MEMORY, "no memory for a context");
  }

  // `options.struct_size` need not be set.
  explicit context(seq_ctx_options options) {
    char message[1024] = "";
    seq_ctx *made = nullptr;
    options.struct_size = sizeof options;
    int status = seq_ctx_create_with(&options, &made, message, sizeof message);
    if (status != SEQ_OK)
      throw error(status, message);
    ctx_.reset(made);
  }

  // On a CUDA device, in the host's stream (a CUstream) or one of the context's own.
  static context cuda(std::int32_t device = 0, void *stream = nullptr) {
    seq_ctx_options options{};
    options.kind = SEQ_ON_CUDA;
    options.device = device;
    options.stream = stream;
    return context(options);
  }

  // In the GPU simulator, with code for chips up to this one; 0: any.
  static context simulator(std::int32_t chip = 0) {
    seq_ctx_options options{};
    options.kind = SEQ_ON_GPUSIM;
    options.chip = chip;
    return context(options);
  }

  seq_ctx *get() const noexcept { return ctx_.get(); }
  std::int32_t threads() const noexcept { return seq_ctx_threads(ctx_.get()); }
  std::string note() const { return seq_last_note(ctx_.get()); }
  std::int32_t kind() const noexcept { return seq_ctx_kind(ctx_.get()); }
  std::int32_t chip() const noexcept { return seq_ctx_chip(ctx_.get()); }

  // Waits until all calls have run.
  void synchronize() const { check(seq_ctx_synchronize(ctx_.get())); }

  // Where the last call failed, if it did so in the program.
  std::optional<seq_failure_info> failure() const {
    seq_failure_info info;
    return seq_ctx_failure(ctx_.get(), &info) ? std::optional(info) : std::nullopt;
  }

  void check(int status) const {
    if (status != SEQ_OK)
      throw error(status, seq_last_error(ctx_.get()));
  }

private:
  struct destroy {
    void operator()(seq_ctx *ctx) const noexcept { seq_ctx_destroy(ctx); }
  };
  std::unique_ptr<seq_ctx, destroy> ctx_;
};

// An array in the memory of the context's device, the host's on the CPU. Move only; the context
// must outlive it and stay where it is.
template <typename T> class device_array {
public:
  // `shape` is in elements, row major. The elements are whatever the memory holds.
  device_array(const context &ctx, std::vector<std::int64_t> shape)
      : ctx_(&ctx), shape_(std::move(shape)) {
    std::int64_t n = sizeof(T);
    for (std::int64_t axis : shape_)
      if (axis < 0 || __builtin_mul_overflow(n, axis, &n))
        throw error(SEQ_ERR_SHAPE, "a shape has a negative axis or too many elements");
    bytes_ = n;
    void *data = nullptr;
    ctx.check(seq_ctx_alloc(ctx.get(), bytes_, &data));
    data_ = std::unique_ptr<void, destroy>(data, destroy{ctx.get()});
  }
  device_array(const context &ctx, std::vector<std::int64_t> shape, const T *host)
      : device_array(ctx, std::move(shape)) {
    copy_in(host);
  }

  T *data() const noexcept { return static_cast<T *>(data_.get()); }
  std::int64_t size() const noexcept { return bytes_ / static_cast<std::int64_t>(sizeof(T)); }
  const std::vector<std::int64_t> &shape() const noexcept { return shape_; }
  seq::view view() const { return {data(), shape_, seq_ctx_device(ctx_->get())}; }
  operator seq::view() const { return view(); }

  // All elements, from and to the host; copy_out waits for the calls before it.
  void copy_in(const T *host) { ctx_->check(seq_ctx_copy_in(ctx_->get(), data(), host, bytes_)); }
  void copy_out(T *host) const { ctx_->check(seq_ctx_copy_out(ctx_->get(), host, data(), bytes_)); }

private:
  struct destroy {
    seq_ctx *ctx = nullptr;
    void operator()(void *p) const noexcept { seq_ctx_free(ctx, p); }
  };
  const context *ctx_;
  std::vector<std::int64_t> shape_;
  std::int64_t bytes_ = 0;
  std::unique_ptr<void, destroy> data_;
};

// A bound model. The context must outlive it and stay where it is.
class model {
public:
  model(const context &ctx, const seq_model_desc &desc) : ctx_(&ctx) {
    seq_model *made = nullptr;
    ctx.check(seq_model_create(ctx.get(), &desc, &made));
    model_.reset(made);
  }

  seq_model *get() const noexcept { return model_.get(); }

  void bind(const std::vector<view> &params) {
    std::vector<DLTensor *> tensors = pointers(params);
    ctx_->check(seq_model_bind(model_.get(), tensors.data(), count(tensors)));
  }

  void bind_file(const std::string &path, bool ignore_extra = false) {
    ctx_->check(seq_model_bind_file(model_.get(), path.c_str(), ignore_extra));
  }

  // The number of a function; throws if there is none of this name.
  std::int32_t function(const std::string &name) const {
    std::int32_t number = seq_model_function(model_.get(), name.c_str());
    if (number < 0)
      throw error(SEQ_ERR_ARGUMENT, "the model has no function `" + name + "`");
    return number;
  }

  void call(const std::string &name, const std::vector<view> &inputs,
            const std::vector<view> &outputs, const std::vector<lengths> &own = {}) {
    arguments args(inputs, outputs, own);
    ctx_->check(seq_model_call(model_.get(), function(name), &args.args));
  }

  std::vector<std::int64_t> output_shape(const std::string &name, std::int32_t output,
                                         const std::vector<view> &inputs,
                                         const std::vector<lengths> &own = {}) {
    arguments args(inputs, {}, own);
    std::int64_t shape[SEQ_MAX_RANK];
    std::int32_t rank = 0;
    ctx_->check(
        seq_model_output_shape(model_.get(), function(name), &args.args, output, shape, &rank));
    return {shape, shape + rank};
  }

  std::int64_t workspace_size(const std::string &name, const std::vector<view> &inputs,
                              const std::vector<lengths> &own = {}) {
    arguments args(inputs, {}, own);
    std::int64_t bytes = 0;
    ctx_->check(seq_model_workspace_size(model_.get(), function(name), &args.args, &bytes));
    return bytes;
  }

private:
  static std::vector<DLTensor *> pointers(const std::vector<view> &views) {
    std::vector<DLTensor *> out;
    for (const view &v : views)
      out.push_back(v.get());
    return out;
  }

  template <typename T> static std::int32_t count(const std::vector<T> &v) {
    return static_cast<std::int32_t>(v.size());
  }

  // seq_args and the arrays that it points to.
  struct arguments {
    arguments(const std::vector<view> &in, const std::vector<view> &out,
              const std::vector<lengths> &own)
        : inputs(pointers(in)), outputs(pointers(out)) {
      for (const lengths &l : own)
        entries.push_back({l.size.empty() ? nullptr : l.size.c_str(), l.values.data(),
                           static_cast<std::int64_t>(l.values.size())});
      args.struct_size = sizeof args;
      args.inputs = inputs.data();
      args.outputs = outputs.data();
      args.lengths = entries.data();
      args.n_inputs = count(inputs);
      args.n_outputs = count(outputs);
      args.n_lengths = count(entries);
    }
    arguments(const arguments &) = delete;

    std::vector<DLTensor *> inputs, outputs;
    std::vector<seq_lengths> entries;
    seq_args args{};
  };

  struct destroy {
    void operator()(seq_model *m) const noexcept { seq_model_destroy(m); }
  };
  friend class state;
  const context *ctx_;
  std::unique_ptr<seq_model, destroy> model_;
};

// What a state is made for: see seq_state_options.
struct state_options {
  std::int64_t batch = -1; // -1: one sequence, without a batch axis
  std::int64_t capacity = 0;
  std::vector<std::pair<std::string, std::int64_t>> sizes;
};

// What a model keeps between pieces of its sequences. Move only; the model must outlive it
// and stay where it is.
class state {
public:
  explicit state(const model &of, const state_options &options = {}) : ctx_(of.ctx_) {
    std::vector<seq_lengths> sizes;
    for (const auto &size : options.sizes)
      sizes.push_back({size.first.c_str(), &size.second, 1});
    seq_state_options o{};
    o.struct_size = sizeof o;
    o.batch = options.batch;
    o.capacity = options.capacity;
    o.sizes = sizes.data();
    o.n_sizes = model::count(sizes);
    seq_state *made = nullptr;
    ctx_->check(seq_state_create(of.get(), &o, &made));
    state_.reset(made);
  }

  seq_state *get() const noexcept { return state_.get(); }

  // Any number of steps; `own` gives each sequence's own number of them.
  void prefill(const std::vector<view> &inputs, const std::vector<view> &outputs,
               const std::vector<lengths> &own = {}) {
    model::arguments args(inputs, outputs, own);
    ctx_->check(seq_state_call(state_.get(), &args.args));
  }

  // One step of each sequence.
  void step(const std::vector<view> &inputs, const std::vector<view> &outputs,
            const std::vector<lengths> &own = {}) {
    model::arguments args(inputs, outputs, own);
    ctx_->check(seq_state_step(state_.get(), &args.args));
  }

  // The steps that each sequence has had; one entry without a batch.
  const std::int64_t *positions() const noexcept { return seq_state_positions(state_.get()); }

  void reset(std::int64_t sequence = -1) { ctx_->check(seq_state_reset(state_.get(), sequence)); }

  std::vector<char> save() const {
    std::vector<char> bytes(static_cast<std::size_t>(seq_state_bytes(state_.get())));
    ctx_->check(
        seq_state_save(state_.get(), bytes.data(), static_cast<std::int64_t>(bytes.size())));
    return bytes;
  }

  void restore(const std::vector<char> &bytes) {
    ctx_->check(
        seq_state_restore(state_.get(), bytes.data(), static_cast<std::int64_t>(bytes.size())));
  }

  // A second state that goes on from here.
  state fork() const {
    seq_state *made = nullptr;
    ctx_->check(seq_state_fork(state_.get(), &made));
    return state(ctx_, made);
  }

  // Sequence i becomes what from[i] was.
  void reorder(const std::vector<std::int64_t> &from) {
    ctx_->check(
        seq_state_reorder(state_.get(), from.data(), static_cast<std::int64_t>(from.size())));
  }

private:
  state(const context *ctx, seq_state *made) : ctx_(ctx), state_(made) {}
  struct destroy {
    void operator()(seq_state *s) const noexcept { seq_state_destroy(s); }
  };
  const context *ctx_;
  std::unique_ptr<seq_state, destroy> state_;
};

} // namespace seq

#endif
