#!/usr/bin/env python3
"""Installs a build into a folder of its own and uses it from there, as an outside project does.
Closes with counts.

    test_install.py --build build
"""
import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PROJECT = os.path.join(ROOT, "test", "Install")
EMA = "0.5 1.25 2.125 3.0625"  # of 1 2 3 4 with decay 1/2
LIBRARIES = r"linux-vdso|libc\.so|libm\.so|libpthread\.so|libdl\.so|ld-linux"


class Problem(Exception):
    pass


def run(*argv, env=None):
    p = subprocess.run(argv, capture_output=True, text=True, env=dict(os.environ, **(env or {})))
    if p.returncode:
        raise Problem(f"{' '.join(argv)}: exit {p.returncode}\n{p.stdout[-3000:]}{p.stderr[-3000:]}")
    return p.stdout


def expect(output):
    if output.split() != EMA.split():
        raise Problem(f"gives {output!r}, not {EMA!r}")


class Install:
    """Each check is a method that raises Problem; they run in this order."""

    def __init__(self, build, folder):
        self.build, self.folder = build, folder
        self.tree, self.outside = os.path.join(folder, "tree"), os.path.join(folder, "outside")
        self.seqc = os.path.join(self.tree, "bin", "seqc")

    def installs(self):
        run("cmake", "--install", self.build, "--prefix", self.tree)

    def is_complete(self):
        for file in ("bin/seqc", "lib/libseqrt.a", "include/seq/runtime.h", "include/seq/jit.h",
                     "share/seqc/stdlib/recurrent.seq", "lib/cmake/seqc/seqcConfig.cmake", "lib/pkgconfig/seqrt.pc"):
            if not os.path.exists(os.path.join(self.tree, file)):
                raise Problem(f"no {file}")

    def tool_finds_its_library(self):
        """The installed tool, moved elsewhere, finds the standard library beside it."""
        moved = os.path.join(self.folder, "moved")
        shutil.copytree(self.tree, moved)
        run(os.path.join(moved, "bin", "seqc"), "run", os.path.join(PROJECT, "library.seq"), "Twice(D=3)",
            "x=random:1:[4,3]", "--weights", "random:1", "--no-cache")

    def project_builds(self):
        run("cmake", "-S", PROJECT, "-B", self.outside, f"-DCMAKE_PREFIX_PATH={self.tree}", "-DCMAKE_BUILD_TYPE=Release")
        run("cmake", "--build", self.outside)

    def linked_program_runs(self):
        expect(run(os.path.join(self.outside, "linked")))

    def linked_program_needs_libc_alone(self):
        extra = [l for l in run("ldd", os.path.join(self.outside, "linked")).splitlines() if not re.search(LIBRARIES, l)]
        if extra:
            raise Problem(f"needs {extra}")

    def calls_allocate_nothing(self):
        run(os.path.join(self.outside, "allocations"))

    def objects_need_the_runtime_alone(self):
        """Generated code has nobody to ask for memory."""
        for name in ("attention", "lstm"):
            archive = os.path.join(self.outside, f"lib{name}.a")
            # The first member is the model, the others are the runtime.
            model = run("nm", "-u", archive).split("\n\n")[0]
            needs = re.findall(r" U (\w+)", model)
            extra = [s for s in needs if not re.fullmatch(r"seq_\w+|mem(cpy|move|set)", s)]
            if extra or "seq_model_call" not in needs:
                raise Problem(f"{name} needs {extra}, of {needs}")

    def jitted_program_runs(self):
        argv = [os.path.join(self.outside, "jitted"), os.path.join(PROJECT, "ema.seq")]
        cache = {"SEQC_CACHE_DIR": os.path.join(self.folder, "cache")}
        expect(run(*argv, env=cache))
        expect(run(*argv, env=cache))  # from the cache

    def shared_library_needs_libc_alone(self):
        library = os.path.join(self.folder, "libema.so")
        run(self.seqc, "compile", os.path.join(PROJECT, "ema.seq"), "-o", library)
        extra = [l for l in run("ldd", library).splitlines() if not re.search(LIBRARIES, l)]
        if extra:
            raise Problem(f"needs {extra}")

    def pkg_config_names_the_runtime(self):
        with open(os.path.join(self.tree, "lib/pkgconfig/seqrt.pc")) as f:
            text = f.read()
        if "-lseqrt" not in text or self.tree in text:
            raise Problem(text)


def checks():
    return [v for v in vars(Install).values() if callable(v) and not v.__name__.startswith("_")]


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--build", default=os.path.join(ROOT, "build"))
    args = p.parse_args()
    passed = failed = 0
    with tempfile.TemporaryDirectory(prefix="seqc-install") as folder:
        install = Install(os.path.abspath(args.build), folder)
        for check in checks():
            try:
                check(install)
                passed += 1
            except (Problem, OSError) as e:
                failed += 1
                print(f"FAIL {check.__name__}: {e}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
