//===- Target.h - Names of targets --------------------------------------------===//
#ifndef SEQC_CODEGEN_TARGET_H
#define SEQC_CODEGEN_TARGET_H

#include "compiler/Lowering/Common/Lowering.h"
#include "compiler/Sema/Typed.h"

#include <optional>
#include <string>
#include <vector>

namespace seq::codegen {

/// What `--target` accepts, for help and messages: "sm_80" stands for all chips.
const std::vector<std::string> &targetNames();

/// The chips of NVIDIA that code can be made for, the oldest first: "sm_80", "sm_90a".
std::vector<std::string> chipNames();

enum class TargetError {
  None,
  Unknown,
  OldChip,     ///< a chip older than the first that code is made for
  UnknownChip, ///< sm_… that this compiler does not know
  NeedsDevice  ///< `cuda`: the chip of the device that is present, which the caller looks up
};
struct TargetChoice {
  lowering::Target target;
  TargetError error = TargetError::None;
};

/// `host` and `native` are the highest level of this CPU, under the level's name: code and
/// caches are the same on all CPUs of a level. `gpusim` is `gpusim:sm_80`.
TargetChoice parseTarget(const std::string &name);

/// What `--matmul` means by a name.
std::optional<lowering::Products> productsNamed(const std::string &name);
/// Where nothing is said: programs whose `float` has 16 bits round factors to it.
lowering::Products productsFor(typed::Elem floatType);

/// The chip of the device that is present, as parseTarget takes it; false with a message.
bool presentChip(std::string &chip, std::string &message);

/// SEQ_ON_… of seq/abi.h.
int kindOf(lowering::Machine machine);

/// "x86-64-v3", "sm_90a", "gpusim:sm_80".
std::string targetName(const lowering::Target &target);

/// What the symbols of a variant's code end in: "_v3", "_sm_90a", "_sim_80".
std::string targetSuffix(const lowering::Target &target);

/// Orders targets: CPUs by level, then chips, then simulators.
bool targetLess(const lowering::Target &a, const lowering::Target &b);

} // namespace seq::codegen

#endif
