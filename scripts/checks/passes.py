"""Every pass of compiler/**/Passes.td has a summary, a description that says its precondition and
when it refuses, and test/Transforms/NAME.mlir that runs it, NAME without `seq-`."""
import os
import re

from checks import ROOT, files, read

DEFINITION = re.compile(r'^def (\w+) : Pass<"seq-([\w-]+)"(.*?)^}', re.M | re.S)


def problems():
    count = 0
    for path in files("compiler/**/Passes.td"):
        for record, name, body in DEFINITION.findall(read(path)):
            count += 1
            if "let summary" not in body:
                yield f"{path}: seq-{name} has no summary"
            if not re.search(r"let description = \[\{.*Precondition:", body, re.S):
                yield f"{path}: seq-{name} has no description with its precondition"
            test = f"test/Transforms/{name}.mlir"
            if not os.path.exists(os.path.join(ROOT, test)):
                yield f"{test} is missing"
            elif f"-seq-{name}" not in read(test) and f"(seq-{name})" not in read(test):
                yield f"{test} does not run seq-{name}"
    if not count:
        yield "no passes found"
