//===- Target.h - Names of targets --------------------------------------------===//
#ifndef SEQC_CODEGEN_TARGET_H
#define SEQC_CODEGEN_TARGET_H

#include "compiler/Lowering/Cpu/Cpu.h"

#include <optional>
#include <string>
#include <vector>

namespace seq::codegen {

/// What `--target` accepts, for help and messages.
const std::vector<std::string> &targetNames();

enum class TargetError { None, Unknown, NotSupported };
struct TargetChoice {
  cpu::Target target;
  TargetError error = TargetError::None;
};

/// `host` and `native` are the highest level of this CPU, under the level's name: code and
/// caches are the same on all CPUs of a level.
TargetChoice parseTarget(const std::string &name);

/// "x86-64-v3".
std::string targetName(const cpu::Target &target);

} // namespace seq::codegen

#endif
