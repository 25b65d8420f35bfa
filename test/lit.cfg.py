"""The lit suites of seqc. A test says `RUN: %seq-opt %s | FileCheck %s`.

Substitutions: %seqc, %seq-opt the tools of the build, %stdlib and %examples the folders, %python
the interpreter that runs this.
Features: seqc, seq-opt where that tool is built; links where libraries that seqc makes link
alone: those of a sanitized build need the sanitizer of a host.
"""
import os
import sys

import lit.formats

config.name = "seqc"
config.test_format = lit.formats.ShTest(execute_external=False)
config.test_source_root = os.path.dirname(os.path.abspath(__file__))
config.suffixes = [".mlir", ".seq", ".test"]
config.excludes = ["Cases", "Classes", "Cuts", "Forms", "Fuzz", "GpuSim", "Inputs", "Meaning", "Work"]

bin_dir = os.path.join(config.seq_build_dir, "bin")
path = [bin_dir, config.llvm_tools_dir, config.environment.get("PATH", "")]
config.environment["PATH"] = os.pathsep.join(path)
for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "HOME"):
    if name in os.environ:
        config.environment[name] = os.environ[name]

if not config.seq_sanitized:
    config.available_features.add("links")

for tool in ("seq-opt", "seqc"):
    binary = os.path.join(bin_dir, tool)
    if os.path.exists(binary):
        config.available_features.add(tool)
    # A whole word: %seqc is not the start of another name.
    config.substitutions.append((r"%" + tool + r"\b", binary))
config.substitutions.append((r"%python\b", sys.executable))
config.substitutions.append((r"%stdlib\b", os.path.join(config.seq_source_dir, "stdlib")))
config.substitutions.append((r"%examples\b", os.path.join(config.seq_source_dir, "examples")))
