#!/usr/bin/env python3
"""Runs the suites of tests and closes with one line, `N passed, N failed`.

    run_tests.py --build build [--jobs N] [--sanitize | --tsan] [SUITE ...]

A suite is a function below that returns (passed, failed, skipped). Their own output goes
through as it comes; a suite that cannot run counts as one failure, with its reason.
"""
import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SANITIZER_ENV = {
    # LLVM's own libraries are not instrumented: containers that cross the border look overflowed.
    # LLVM gives threads a signal stack of its own, which the sanitizer would unmap as its own.
    "ASAN_OPTIONS": "detect_container_overflow=0:allocator_may_return_null=1:use_sigaltstack=0",
    "UBSAN_OPTIONS": "print_stacktrace=1",
}


class CannotRun(Exception):
    """A suite that has nothing to run: a tool or a file is missing."""


def stream(argv, env=None):
    """Runs a command, hands its output on and returns (exit code, output)."""
    p = subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         stdin=subprocess.DEVNULL, text=True, errors="replace",
                         env=dict(os.environ, **(env or {})))
    lines = []
    for line in p.stdout:
        lines.append(line)
        print(line, end="", flush=True)
    return p.wait(), "".join(lines)


def closing_counts(code, output):
    """The counts of a `N passed, N failed` line; a bad exit without a failure is one."""
    found = re.findall(r"^(\d+) passed, (\d+) failed(?:\W+(\d+) skipped\)?)?$", output, re.M)
    if not found:
        return 0, 1, 0
    passed, failed, skipped = (int(x or 0) for x in found[-1])
    return passed, failed or int(code != 0), skipped


class Suites:
    def __init__(self, args):
        self.args = args
        self.build = os.path.abspath(args.build)
        # A cache of its own, empty at the start: what was compiled before proves nothing.
        cache = os.path.join(self.build, "test-cache")
        shutil.rmtree(cache, ignore_errors=True)
        self.env = {"SEQC_CACHE_DIR": cache, **(SANITIZER_ENV if args.sanitize else {})}

    def tool(self, name):
        path = os.path.join(self.build, "bin", name)
        if not os.path.exists(path):
            raise CannotRun(f"no {name} in {self.args.build}/bin")
        return path

    def script(self, *argv, env=None):
        return closing_counts(*stream([sys.executable, *argv], {**self.env, **(env or {})}))

    def check(self):
        return self.script("scripts/check.py")

    def unit(self):
        code, output = stream(["ctest", "--test-dir", self.build, "-E", "^lit$", "--output-on-failure",
                               "-j", str(self.args.jobs), "--progress"], self.env)
        found = re.search(r"(\d+) tests? failed out of (\d+)", output)
        if not found:
            raise CannotRun("ctest found no tests")
        failed, total = map(int, found.groups())
        return total - failed, failed or int(code != 0), 0

    def lit(self):
        with tempfile.NamedTemporaryFile(suffix=".json") as report:
            lit = cmake_variable(self.build, "SEQ_LIT") or "/usr/lib/llvm-22/bin/lit"
            stream([sys.executable, lit, "-sv", "-j", str(self.args.jobs), "-o", report.name,
                    os.path.join(self.build, "test")], self.env)
            text = report.read()
        codes = [t["code"] for t in json.loads(text)["tests"]] if text else []
        if not codes:
            raise CannotRun("lit found no tests")
        passed = sum(c in ("PASS", "XFAIL") for c in codes)
        skipped = sum(c in ("UNSUPPORTED", "EXCLUDED", "SKIPPED") for c in codes)
        return passed, len(codes) - passed - skipped, skipped

    def cases(self):
        more = ["--no-limit", "--timeout", "120"] if self.args.sanitize else []
        passed, failed, _ = self.script("test/Cases/run.py", "--seqc", self.tool("seqc"),
                                        "--stage", "2", "--jobs", str(self.args.jobs), *more)
        return passed, failed, 0  # cases of later stages are not skipped tests

    def cuts(self):
        return self.script("test/Cuts/run.py", "--seqc", self.tool("seqc"), "--jobs", str(self.args.jobs))

    def programs(self):
        counts = [self.script("test/Fuzz/test_shrink.py"),
                  self.script("test/Fuzz/programs.py", "--seqc", self.tool("seqc"), "--count", "1000",
                              "--jobs", str(self.args.jobs), "--keep", os.path.join(self.build, "programs"))]
        return tuple(map(sum, zip(*counts)))

    def gpusim(self):
        """Kernels in the simulator: cases and random programs in every form, forms and streams at few
        lengths; faults that it has to find; what the assembler says of them."""
        seqc, jobs, sim = self.tool("seqc"), ["--jobs", str(self.args.jobs)], {"SEQC_TARGET": "gpusim"}
        more = ["--no-limit"] if self.args.sanitize else []
        counts = [self.script("test/Cases/run.py", "--seqc", seqc, "--stage", "2", "--set", kind, "--target", "gpusim",
                              "--forms", "--no-interpret", "--timeout", "60", *jobs, *more)[:2] + (0,)
                  for kind in ("own", "real")]
        counts += [self.script("test/Fuzz/programs.py", "--seqc", seqc, "--count", "60", "--seed", "5001", "--target",
                               "gpusim", "--keep", os.path.join(self.build, "programs"), *jobs),
                   self.script("test/Forms/run.py", "--seqc", seqc, "--few", env=sim),
                   self.script("test/Cuts/run.py", "--seqc", seqc, "--few", *jobs, env=sim),
                   self.script("test/Meaning/rounding.py", "--seqc", seqc, env=sim),
                   self.script("test/GpuSim/functions.py", "--seqc", seqc),
                   self.script("test/GpuSim/products.py", "--seqc", seqc, *jobs),
                   self.script("test/GpuSim/traffic.py", "--seqc", seqc),
                   self.script("test/GpuSim/mutants.py", "--mutate", self.tool("gpusim-mutate"), *jobs),
                   self.script("scripts/test_kernels.py", "--seqc", seqc, "--out",
                               os.path.join(self.build, "kernels.txt"), *jobs)]
        return tuple(map(sum, zip(*counts)))

    def classes(self):
        counts = [self.script(f"test/Classes/{name}.py", "--seqc", self.tool("seqc"), "--jobs",
                              str(self.args.jobs)) for name in ("run", "laws", "random_steps")]
        return tuple(map(sum, zip(*counts)))

    def forms(self):
        counts = [self.script(f"test/Forms/{name}.py", "--seqc", self.tool("seqc"))
                  for name in ("run", "million", "nonfinite")]
        return tuple(map(sum, zip(*counts)))

    def work(self):
        self.tool("seq-opt")
        counts = [self.script(f"test/Work/{name}.py", "--seqc", self.tool("seqc"))
                  for name in ("run", "workspace", "transforms")]
        return tuple(map(sum, zip(*counts)))

    def meaning(self):
        counts = [self.script(f"test/Meaning/{name}.py", "--seqc", self.tool("seqc"))
                  for name in ("run", "rounding")]
        return tuple(map(sum, zip(*counts)))

    def docs(self):
        return self.script("scripts/test_docs.py", "--seqc", self.tool("seqc"))

    def examples(self):
        return self.script("scripts/test_examples.py", "--build", self.build)

    def install(self):
        return self.script("scripts/test_install.py", "--build", self.build)


def cmake_variable(build, name):
    with open(os.path.join(build, "CMakeCache.txt")) as f:
        found = re.search(rf"^{name}:\w+=(.*)$", f.read(), re.M)
    return found and found.group(1)


ALL = ["check", "unit", "lit", "cases", "classes", "cuts", "programs", "forms", "gpusim", "work", "meaning",
       "docs", "examples", "install"]
NOT_SANITIZED = {"check", "examples", "install"}  # outside programs link no sanitizer


def chosen(args):
    for name in args.suites:
        if name not in ALL:
            sys.exit(f"run_tests.py: no suite `{name}`; there are {', '.join(ALL)}")
    return args.suites or [s for s in ALL if not (args.sanitize and s in NOT_SANITIZED)]


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--build", default="build")
    p.add_argument("--jobs", type=int, default=2)
    p.add_argument("--sanitize", action="store_true")
    p.add_argument("--tsan", action="store_true")
    p.add_argument("suites", nargs="*")
    args = p.parse_args()
    suites, rows = Suites(args), []
    for name in chosen(args):
        print(f"== {name}", flush=True)
        start = time.monotonic()
        try:
            counts = getattr(suites, name)()
        except (CannotRun, OSError) as e:
            print(f"FAIL {name}: {e}", flush=True)
            counts = 0, 1, 0
        rows.append((name, *counts, time.monotonic() - start))
    print()
    for name, passed, failed, skipped, seconds in rows:
        print(f"{name:9} {passed:5} passed {failed:4} failed {skipped:4} skipped {seconds:7.1f} s")
    passed, failed, skipped = (sum(r[i] for r in rows) for i in (1, 2, 3))
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
