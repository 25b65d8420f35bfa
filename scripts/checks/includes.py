"""Includes go up the pipeline, never down: a stage includes dialect/, Diagnostics/, Analysis/ and
the header of the stage before it; Pipelines/ orders the stages; Reference/ is for tools and tests;
the runtime knows nothing of the compiler."""
import re

from checks import files, read

# Folder: what it may include besides itself. Everything of the compiler may include BASE.
BASE = {"dialect", "compiler/Diagnostics", "compiler/Analysis"}
MAY = {
    "dialect": set(),
    "compiler/Diagnostics": set(),
    "compiler/Analysis": set(),
    "compiler/Syntax": set(),
    "compiler/Sema": {"compiler/Syntax"},
    "compiler/AstToSeq": {"compiler/Sema", "compiler/Syntax"},  # typed trees hold AST nodes
    "compiler/Transforms": set(),
    "compiler/Lowering": {"compiler/Transforms"},
    # The descriptor is made of the typed program: names, types and sizes as the user wrote them.
    "compiler/Codegen": {"compiler/Lowering", "compiler/Sema", "compiler/Syntax"},
    "compiler/Reference": set(),
    "compiler/Pipelines": {"compiler/Syntax", "compiler/Sema", "compiler/AstToSeq", "compiler/Transforms",
                           "compiler/Lowering", "compiler/Codegen"},
    "compiler/Jit": {"compiler/Syntax", "compiler/Sema", "compiler/Lowering", "compiler/Codegen", "compiler/Pipelines"},
    "runtime": set(),
}
# What compiler and runtime agree on; the operations of simulated kernels are part of it.
SHARED = {"runtime/include/seq/abi.h", "runtime/GpuSim/Ops.h", "runtime/GpuSim/Sim.h", "runtime/GpuSim/Symbols.h"}
ANYTHING = ("compiler/Tools", "test", "examples", "bench")


def folder(path):
    parts = path.split("/")
    return "/".join(parts[:2]) if parts[0] == "compiler" else parts[0]


def problems():
    for path in files("*.h", "*.hpp", "*.c", "*.cpp"):
        here = folder(path)
        if here.startswith(ANYTHING):
            continue
        if here not in MAY:
            yield f"{path}: {here} has no place in scripts/checks/includes.py"
            continue
        allowed = MAY[here] | {here} | (BASE if here.startswith("compiler") else set())
        if path.endswith("Test.cpp"):
            allowed |= {"compiler/Reference", "test"}
        for target in re.findall(r'^\s*#\s*include "((?:compiler|dialect|runtime)/[^"]+)"', read(path), re.M):
            if folder(target) not in allowed and target not in SHARED:
                yield f"{path} includes {target}: {here} may not"
