//===- Builtins.h - Names that the language brings ----------------------------===//
#ifndef SEQC_SEMA_BUILTINS_H
#define SEQC_SEMA_BUILTINS_H

#include <string>
#include <vector>

namespace seq {

enum class Builtin {
  None,
  Constant,   ///< inf nan pi
  Math,       ///< elementwise, one argument
  MaxMin,     ///< max(a, b), also reductions
  Convert,    ///< f32(x) float(b) i32(x)
  Reduction,  ///< sum prod mean ...
  Normaliser, ///< softmax
  Cumulative, ///< cumsum cumprod cummax logcumsumexp
  Split,
  Concat,
  Stack,
  Flip,        ///< reverse and flip
  Identity,    ///< stop_gradient
  Unsupported, ///< of the language, not yet of this compiler
};

Builtin builtinOf(const std::string &name);
bool isReduction(const std::string &name); ///< may be written `name[i](…)` and binds
/// All names, for the nearest one.
const std::vector<std::string> &builtinNames();

} // namespace seq

#endif
