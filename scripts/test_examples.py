#!/usr/bin/env python3
"""Builds the examples against an installed tree, runs them, and compares what they give with the
interpreter. Closes with counts.

    test_examples.py --build build

A folder of examples/ has a function here, named after it.
"""
import argparse
import json
import os
import re
import struct
import subprocess
import sys
import tempfile

import numpy as np

sys.dont_write_bytecode = True
from test_programs import Programs

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class Problem(Exception):
    pass


def run(*argv, env=None):
    p = subprocess.run(argv, capture_output=True, text=True, errors="replace", env=dict(os.environ, **(env or {})))
    if p.returncode:
        raise Problem(f"{' '.join(argv)}: exit {p.returncode}\n{p.stdout[-3000:]}{p.stderr[-3000:]}")
    return p.stdout


class Examples:
    def __init__(self, build, folder):
        self.build, self.folder, self.tree = build, folder, os.path.join(folder, "tree")
        self.seqc = os.path.join(build, "bin", "seqc")
        run("cmake", "--install", build, "--prefix", self.tree)

    def source(self, name):
        return os.path.join(ROOT, "examples", name)

    def at(self, name):
        return os.path.join(self.folder, name)

    def project(self, name):
        """Builds an example's CMake project; its folder of programs."""
        out = self.at(name)
        run("cmake", "-S", self.source(name), "-B", out, f"-DCMAKE_PREFIX_PATH={self.tree}", "-DCMAKE_BUILD_TYPE=Release")
        run("cmake", "--build", out)
        return out

    def interpreted(self, name, *words):
        """The outputs of the interpreter for the example's model."""
        out = self.at("interpreted-" + name)
        run(self.seqc, "run", os.path.join(self.source(name), "model.seq"), *words, "--interpret", "--out", out)
        return [np.load(os.path.join(out, f)) for f in sorted(os.listdir(out))]

    def charlm_01(self):
        print(run(os.path.join(self.source("01-charlm"), "run.sh"), env={"SEQC_BUILD": self.build}))

    def jit_host_02(self):
        name = "02-jit-host"
        program = os.path.join(self.project(name), "jit_host")
        text = run(program, os.path.join(self.source(name), "model.seq"), env={"SEQC_CACHE_DIR": self.at("cache")})
        rows = [list(map(float, re.findall(r"-?\d+\.\d+", line))) for line in text.splitlines()]
        np.save(self.at("x.npy"), (np.arange(24) % 7).astype(np.float32).reshape(2, 4, 3))
        trend, _ = self.interpreted(name, f"x={self.at('x.npy')}", "decay=0.5", "lengths=4,2")
        close(np.array(rows).reshape(trend.shape), trend, 6e-4)  # it prints three digits

    def c_host_03(self):
        name = "03-c-host"
        r = np.random.default_rng(1)
        weights = {n: r.standard_normal(s).astype(np.float32) for n, s in (("w", (8, 3)), ("u", (8, 4)), ("bias", (8,)))}
        write_safetensors(self.at("w.safetensors"), weights)
        np.save(self.at("x3.npy"), r.standard_normal((9, 3)).astype(np.float32))
        run(os.path.join(self.project(name), "host"), *map(self.at, ("w.safetensors", "x3.npy", "y.npy", "h.npy")))
        y, h = self.interpreted(name, "Cell(3, 4)", f"x={self.at('x3.npy')}", "--weights", self.at("w.safetensors"))
        close(np.load(self.at("y.npy")), y, 1e-5)
        close(np.load(self.at("h.npy")), h, 1e-5)


    def programs_04(self):
        scratch = self.at("programs")
        os.mkdir(scratch)
        found = list(Programs(self.seqc, self.source("04-programs"), write_safetensors).problems(scratch))
        if found:
            raise Problem("\n".join(found))

    def own_cell_05(self):
        model = os.path.join(self.source("05-own-cell"), "model.seq")

        def state(entry):
            scan, = json.loads(run(self.seqc, "explain", model, entry, "--json"))["scans"]
            return scan["states"][0]

        memory, watchful = state("Memory(32)"), state("Watchful(32)")
        if (memory["class"], memory["detail"], memory["hint"]) != ("C4", "rank 1", ""):
            raise Problem(f"Memory: {memory}")
        if watchful["class"] != "C7" or "sigmoid(w_rate @ seen)" not in watchful["hint"]:
            raise Problem(f"Watchful: {watchful}")
        checked = json.loads(run(self.seqc, "check", model, "Memory(32)", "--all-forms", "--json",
                                 "--weights", "random:1"))
        if not checked["ok"] or [o["form"] for o in checked["outputs"]] != ["sequential", "scan", "chunked",
                                                                        "two-level"]:
            raise Problem(f"Memory: {checked}")
        p = subprocess.run([self.seqc, "check", model, "Watchful(32)", "--form", "chunked", "--weights",
                            "random:1"], capture_output=True, text=True)
        if p.returncode != 1 or "model.seq:32:5: error: state `M` has no form `chunked`" not in p.stderr:
            raise Problem(f"Watchful: exit {p.returncode}\n{p.stderr}")

    def window_06(self):
        name, entry = "06-window", "Windowed(16, 4, 2, 8, 12)"
        r = np.random.default_rng(2)
        shapes = {"w_q": (4, 8, 16), "w_k": (2, 8, 16), "w_v": (2, 8, 16), "w_out": (16, 4, 8)}
        weights = {n: (r.standard_normal(s) / 4).astype(np.float32) for n, s in shapes.items()}
        write_safetensors(self.at("w6.safetensors"), weights)
        np.save(self.at("x6.npy"), r.standard_normal((41, 16)).astype(np.float32))
        text = run(os.path.join(self.project(name), "stream"), *map(self.at, ("w6.safetensors", "x6.npy", "y6.npy")))
        y, = self.interpreted(name, entry, f"x={self.at('x6.npy')}", "--weights", self.at("w6.safetensors"))
        close(np.load(self.at("y6.npy")), y, 1e-5)
        if "the fork's next step is the same" not in text:
            raise Problem(text)
        kept = int(re.search(r"the state has (\d+) bytes", text).group(1))
        if not 2 * 11 * 2 * 8 * 4 <= kept < 2 * 11 * 2 * 8 * 4 + 100:  # two tensors of W - 1 rows, and a header
            raise Problem(text)

    def gpu_07(self):
        name, folder = "07-gpu", self.at("gpu-arrays")
        os.mkdir(folder)
        text = run(os.path.join(self.project(name), "everywhere"), folder)
        arrays = {f[:-4]: np.load(os.path.join(folder, f)) for f in os.listdir(folder)}
        x, y = arrays.pop("x"), arrays.pop("y")
        np.save(self.at("x7.npy"), x)
        write_safetensors(self.at("w7.safetensors"), arrays)
        want, = self.interpreted(name, "GatedLinear(64, 4, 16, 32)", f"x={self.at('x7.npy')}", "lengths=150,7,96",
                                 "--weights", self.at("w7.safetensors"))
        close(y, want, 1e-5 * np.abs(want).max())
        # What differs too much is the program's own failure; a device has a row, or a reason.
        if len(re.findall(r" ok$", text, re.M)) + text.count("no CUDA device: ") != 3:
            raise Problem(text)


def close(got, want, tolerance):
    worst = np.abs(got - want).max()
    if not worst <= tolerance:
        raise Problem(f"differs from the interpreter by {worst}")


def write_safetensors(path, arrays):
    header, at = {}, 0
    for name, a in arrays.items():
        header[name] = {"dtype": "F32", "shape": list(a.shape), "data_offsets": [at, at + a.nbytes]}
        at += a.nbytes
    text = json.dumps(header).encode()
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        for a in arrays.values():
            f.write(a.tobytes())


def function_of(folder):
    """`02-jit-host` to `jit_host_02`."""
    number, _, name = folder.partition("-")
    return name.replace("-", "_") + "_" + number


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--build", default=os.path.join(ROOT, "build"))
    args = p.parse_args()
    passed = failed = 0
    with tempfile.TemporaryDirectory(prefix="seqc-examples") as folder:
        examples = Examples(os.path.abspath(args.build), folder)
        for name in sorted(os.listdir(os.path.join(ROOT, "examples"))):
            if not re.match(r"\d\d-", name):
                continue
            try:
                test = getattr(examples, function_of(name), None)
                if not test:
                    raise Problem("has no test in scripts/test_examples.py")
                test()
                passed += 1
                print(f"ok   examples/{name}", flush=True)
            except (Problem, OSError, ValueError) as e:
                failed += 1
                print(f"FAIL examples/{name}: {e}", flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
