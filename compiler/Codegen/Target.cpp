//===- Target.cpp - Names of targets -------------------------------------------===//
#include "compiler/Codegen/Target.h"

#include "seq/runtime.h"

namespace seq::codegen {

const std::vector<std::string> &targetNames() {
  static const std::vector<std::string> names = {"host",      "native",    "x86-64",
                                                 "x86-64-v2", "x86-64-v3", "x86-64-v4"};
  return names;
}

static cpu::Target levelTarget(int level) {
  cpu::Target t;
  t.level = level;
  t.cpu = level == 1 ? "x86-64" : "x86-64-v" + std::to_string(level);
  t.vectorBytes = level >= 4 ? 64 : level == 3 ? 32 : 16;
  t.vectorRegisters = level >= 4 ? 32 : 16;
  t.fma = level >= 3;
  if (level >= 4)
    t.features = "-prefer-256-bit"; // explicit 64-byte vectors stay whole
  return t;
}

static bool isGpuName(const std::string &name) {
  return name == "cuda" || name == "gpu" || name.rfind("sm_", 0) == 0 || name.rfind("gfx", 0) == 0;
}

TargetChoice parseTarget(const std::string &name) {
  if (name == "host" || name == "native")
    return {levelTarget(seq_cpu_level()), TargetError::None};
  for (int level = 1; level <= 4; ++level)
    if (name == levelTarget(level).cpu)
      return {levelTarget(level), TargetError::None};
  return {{}, isGpuName(name) ? TargetError::NotSupported : TargetError::Unknown};
}

std::string targetName(const cpu::Target &target) {
  return target.cpu;
}

} // namespace seq::codegen
