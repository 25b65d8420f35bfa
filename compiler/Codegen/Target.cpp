//===- Target.cpp - Names of targets -------------------------------------------===//
#include "compiler/Codegen/Target.h"

#include "seq/runtime.h"

#include <tuple>

namespace seq::codegen {

const std::vector<std::string> &targetNames() {
  static const std::vector<std::string> names = {
      "host",  "native", "x86-64", "x86-64-v2", "x86-64-v3",   "x86-64-v4",
      "sm_80", "sm_90a", "cuda",   "gpusim",    "gpusim:sm_80"};
  return names;
}

namespace {
/// A chip, and the first version of PTX that knows it.
struct Chip {
  const char *name;
  int number, ptx;
};
} // namespace

/// Asynchronous copies and the matrix instructions of sm_80 are taken for granted.
constexpr int kFirstChip = 80;
/// LLVM gives up on a chip that it does not know, and on one with too old a PTX version.
static const Chip kChips[] = {{"sm_80", 80, 70},    {"sm_86", 86, 71},    {"sm_87", 87, 74},
                              {"sm_89", 89, 78},    {"sm_90", 90, 78},    {"sm_90a", 90, 80},
                              {"sm_100", 100, 86},  {"sm_100a", 100, 86}, {"sm_103", 103, 88},
                              {"sm_103a", 103, 88}, {"sm_120", 120, 87},  {"sm_120a", 120, 87},
                              {"sm_121", 121, 88},  {"sm_121a", 121, 88}};

std::vector<std::string> chipNames() {
  std::vector<std::string> names;
  for (const Chip &chip : kChips)
    names.emplace_back(chip.name);
  return names;
}

static lowering::Target levelTarget(int level) {
  lowering::Target t;
  t.level = level;
  t.cpu = level == 1 ? "x86-64" : "x86-64-v" + std::to_string(level);
  t.vectorBytes = level >= 4 ? 64 : level == 3 ? 32 : 16;
  t.vectorRegisters = level >= 4 ? 32 : 16;
  t.fma = level >= 3;
  if (level >= 4)
    t.features = "-prefer-256-bit"; // explicit 64-byte vectors stay whole
  return t;
}

static TargetChoice chipTarget(const std::string &name, lowering::Machine machine) {
  lowering::Target t;
  t.machine = machine;
  t.vectorBytes = 4;
  t.vectorRegisters = 32;
  t.fma = true;
  for (const Chip &chip : kChips)
    if (name == chip.name) {
      t.cpu = name;
      t.level = chip.number;
      t.features = "+ptx" + std::to_string(chip.ptx);
      return {t, TargetError::None};
    }
  bool old = name.size() > 3 && std::atoi(name.c_str() + 3) < kFirstChip &&
             name.find_first_not_of("0123456789", 3) == std::string::npos;
  return {{}, old ? TargetError::OldChip : TargetError::UnknownChip};
}

TargetChoice parseTarget(const std::string &name) {
  if (name == "host" || name == "native")
    return {levelTarget(seq_cpu_level()), TargetError::None};
  for (int level = 1; level <= 4; ++level)
    if (name == levelTarget(level).cpu)
      return {levelTarget(level), TargetError::None};
  if (name == "cuda")
    return {{}, TargetError::NeedsDevice};
  if (name.rfind("sm_", 0) == 0)
    return chipTarget(name, lowering::Machine::Cuda);
  if (name == "gpusim")
    return chipTarget("sm_80", lowering::Machine::GpuSim);
  if (name.rfind("gpusim:sm_", 0) == 0)
    return chipTarget(name.substr(7), lowering::Machine::GpuSim);
  return {{}, TargetError::Unknown};
}

std::optional<lowering::Products> productsNamed(const std::string &name) {
  using lowering::Products;
  for (Products p : {Products::Fma, Products::Tf32x3, Products::BF16, Products::F16})
    if (name == lowering::nameOf(p))
      return p;
  return std::nullopt;
}

lowering::Products productsFor(typed::Elem floatType) {
  return floatType == typed::Elem::BF16  ? lowering::Products::BF16
         : floatType == typed::Elem::F16 ? lowering::Products::F16
                                         : lowering::Products::Fma;
}

bool presentChip(std::string &chip, std::string &message) {
  seq_cuda_info device;
  char text[1024];
  int32_t count, driver;
  if (seq_cuda_probe(&device, 1, &count, &driver, text, sizeof text) != SEQ_OK) {
    message = text;
    return false;
  }
  // Code for sm_90a runs on no other chip, and on it is the fastest.
  chip = "sm_" + std::to_string(device.chip);
  if (parseTarget(chip + "a").error == TargetError::None)
    chip += "a";
  return true;
}

int kindOf(lowering::Machine machine) {
  switch (machine) {
  case lowering::Machine::Cpu:
    return SEQ_ON_CPU;
  case lowering::Machine::Cuda:
    return SEQ_ON_CUDA;
  case lowering::Machine::GpuSim:
    return SEQ_ON_GPUSIM;
  }
  return SEQ_ON_CPU;
}

std::string targetName(const lowering::Target &target) {
  return target.machine == lowering::Machine::GpuSim ? "gpusim:" + target.cpu : target.cpu;
}

std::string targetSuffix(const lowering::Target &target) {
  switch (target.machine) {
  case lowering::Machine::Cpu:
    return "_v" + std::to_string(target.level);
  case lowering::Machine::Cuda:
    return "_" + target.cpu;
  case lowering::Machine::GpuSim:
    return "_sim" + target.cpu.substr(2);
  }
  return "";
}

bool targetLess(const lowering::Target &a, const lowering::Target &b) {
  return std::tie(a.machine, a.level, a.cpu) < std::tie(b.machine, b.level, b.cpu);
}

} // namespace seq::codegen
