// The compiler inside a host program: from a .seq file to a model that runs. C++17.
//
//   auto program = seq::jit::load("model.seq");
//   if (!program) { std::cerr << program.error(); return 1; }
//   seq::context ctx;
//   seq::model model(ctx, program.descriptor());
//   model.bind_file("weights.safetensors");
//   model.call("forward", {seq::view(x, {5, 3})}, {seq::view(y, {5, 4})});
//
// Its stream, where it has one:
//
//   seq::state state(model, {.capacity = 2048});
//   state.prefill({seq::view(x, {5, 3})}, {seq::view(y, {5, 4})});
//   state.step({seq::view(x1, {1, 3})}, {seq::view(y1, {1, 4})});
//
// Compiled code is kept on disk between runs as the tool's is: see SEQC_CACHE_DIR.
#ifndef SEQ_JIT_H
#define SEQ_JIT_H

#include "seq/seq.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace seq::jit {

struct options {
  std::string entry;   // as on the command line; "": the file's last model, layer or fn
  std::string weights; // a safetensors file from which open sizes are found
  std::map<std::string, std::vector<std::int64_t>> input_shapes; // likewise, by name
  std::string float_type = "f32";                                // "f64", "bf16", "f16"
  std::string target = "host"; // as --target: "gpusim", "cuda" too; the context then runs there
  std::vector<std::string> include_dirs;
  int opt_level = 2;
  bool cache = true;
  bool streams = true; // prefill and step too (seq::state), where the program has them
};

// A compiled program, or why there is none. Copies share the code, which lives as long as
// the last of them; models must not outlive it.
class program {
public:
  explicit operator bool() const noexcept { return descriptor_ != nullptr; }

  // The compiler's messages, as the tool prints them.
  const std::string &error() const noexcept { return error_; }

  const seq_model_desc &descriptor() const noexcept { return *descriptor_; }

private:
  friend struct loader;
  std::shared_ptr<void> code_;
  const seq_model_desc *descriptor_ = nullptr;
  std::string error_;
};

program load(const std::string &path, const options &opts = {});

// The same for a program given as text; `name` is used in messages.
program load_text(const std::string &name, const std::string &text, const options &opts = {});

} // namespace seq::jit

#endif
