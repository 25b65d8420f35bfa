#include "compiler/Sema/Builtins.h"

#include <unordered_map>

namespace seq {

namespace {
const std::unordered_map<std::string, Builtin> &table() {
  static const std::unordered_map<std::string, Builtin> names = [] {
    std::unordered_map<std::string, Builtin> all;
    auto put = [&](Builtin kind, std::initializer_list<const char *> list) {
      for (const char *name : list)
        all.emplace(name, kind);
    };
    put(Builtin::Constant, {"inf", "nan", "pi"});
    put(Builtin::Math, {"exp",  "log",         "expm1", "log1p",     "sqrt",     "rsqrt",   "abs",
                        "sign", "floor",       "sin",   "cos",       "tanh",     "sigmoid", "relu",
                        "silu", "log_sigmoid", "gelu",  "gelu_tanh", "softplus", "erf"});
    put(Builtin::MaxMin, {"max", "min"});
    put(Builtin::Convert, {"f32", "f64", "bf16", "f16", "float", "i32"});
    put(Builtin::Reduction, {"sum", "prod", "mean", "argmax", "argmin", "logsumexp", "any", "all"});
    put(Builtin::Normaliser, {"softmax"});
    put(Builtin::Cumulative, {"cumsum", "cumprod", "cummax", "logcumsumexp"});
    put(Builtin::Split, {"split"});
    put(Builtin::Concat, {"concat"});
    put(Builtin::Stack, {"stack"});
    put(Builtin::Flip, {"reverse", "flip"});
    put(Builtin::Identity, {"stop_gradient"});
    put(Builtin::Unsupported,
        {"topk", "sort", "one_hot", "scatter_add", "rfft", "irfft", "fft", "ifft", "expm", "solve",
         "inverse", "dropout", "normal", "grad", "real", "imag", "conj", "polar"});
    return all;
  }();
  return names;
}
} // namespace

Builtin builtinOf(const std::string &name) {
  auto it = table().find(name);
  return it == table().end() ? Builtin::None : it->second;
}

bool isReduction(const std::string &name) {
  Builtin kind = builtinOf(name);
  return kind == Builtin::Reduction || kind == Builtin::MaxMin;
}

const std::vector<std::string> &builtinNames() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const auto &[name, kind] : table())
      all.push_back(name);
    return all;
  }();
  return names;
}

} // namespace seq
