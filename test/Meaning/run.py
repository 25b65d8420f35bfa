#!/usr/bin/env python3
"""Small programs with what they mean. Closes with counts.

    run.py --seqc build/bin/seqc [--wide] [--only TEXT] [FILE.seq ...]

Each `//! NAME {INPUTS} -> RESULTS` in a file beside this one calls the function NAME of that
file. INPUTS are JSON, `"x": …` floats, `"k:i32": …` and `"ok:bool": …` others, `"lengths": …` as
it stands; RESULTS are arrays of JSON, or `error TEXT`, a failure of the call whose
message holds the text.
Floats have the precision of the run; `"ok:bytes"` are the bytes of bools. A shape that JSON cannot
say is `{"zeros": [0, 3]}`.

Every call runs compiled and interpreted, in f32 and f64; with --wide for v2, v3 and v4, on
one thread and on two.
"""
import argparse
import concurrent.futures
import glob
import json
import os
import re
import subprocess
import sys
import tempfile

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
CALL = re.compile(r"^//! (\w+) (\{.*\}) -> (.*)$", re.M)
MODES = [["--threads", "1"], ["--interpret"], ["--float", "f64", "--threads", "2"],
         ["--float", "f64", "--interpret"]]
WIDE = [["--target", f"x86-64-v{v}", "--threads", t, "--float", f]
        for v in (2, 3, 4) for t in "12" for f in ("f32", "f64")]
TYPES = {"i32": np.int32, "bool": np.bool_, "bytes": np.uint8}


def array(value, kind):
    if isinstance(value, dict):
        return np.zeros(value["zeros"], kind)
    made = np.array(value, kind)
    return made.view(np.bool_) if kind is np.uint8 else made


def wrong(got, want):
    """None, or how a result differs."""
    if got.shape != want.shape:
        return f"shape {got.shape}, not {want.shape}"
    if got.dtype.kind != "f":
        return None if np.array_equal(got, want) else f"{got.tolist()}, not {want.tolist()}"
    close = 1e-5 if got.dtype == np.float32 else 1e-9
    same = np.isclose(got, want, rtol=close, atol=close, equal_nan=True)
    return None if same.all() else f"{got.tolist()}, not {want.tolist()}"


class Calls:
    def __init__(self, seqc, modes):
        self.seqc, self.modes = os.path.abspath(seqc), modes

    def one(self, job):
        """A line for each mode in which the call does not mean what it says."""
        path, line, entry, inputs, expected = job
        problems = []
        with tempfile.TemporaryDirectory(prefix="seqc-meaning.") as folder:
            for mode in self.modes:
                problem = self.run(path, entry, json.loads(inputs), expected, mode, folder)
                if problem:
                    problems.append(f"{os.path.basename(path)}:{line}: {entry} {' '.join(mode)}: {problem}")
                    if "exit" in problem:  # most likely of every mode
                        break
        return problems

    def run(self, path, entry, inputs, expected, mode, folder):
        floats = np.float64 if "f64" in mode else np.float32
        words = []
        for name, value in inputs.items():
            if name == "lengths":
                words.append(f"lengths={value}")
                continue
            name, _, kind = name.partition(":")
            file = os.path.join(folder, name + ".npy")
            np.save(file, array(value, TYPES.get(kind, floats)))
            words.append(f"{name}={file}")
        out = os.path.join(folder, "out")
        r = subprocess.run([self.seqc, "run", path, entry, *words, *mode, "--quiet", "--out", out],
                           capture_output=True, text=True, errors="replace", timeout=120,
                           env=dict(os.environ, NO_COLOR="1"))
        if expected.startswith("error "):
            if r.returncode != 1 or expected[6:] not in r.stderr or path not in r.stderr:
                return f"exit {r.returncode}, {r.stderr.strip() or 'no message'}"
            return None
        if r.returncode:
            return f"exit {r.returncode}, {r.stderr.strip()}"
        wants = json.loads(f"[{expected}]")
        files = sorted(glob.glob(os.path.join(out, "*.npy")))
        if len(files) != len(wants):
            return f"{len(files)} results, not {len(wants)}"
        for file, want in zip(files, wants):
            got = np.load(file)
            os.remove(file)
            problem = wrong(got, array(want, got.dtype))
            if problem:
                return f"{os.path.basename(file)[:-4]}: {problem}"
        return None


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--seqc", required=True)
    p.add_argument("--wide", action="store_true")
    p.add_argument("--only", default="", help="functions whose name holds this text")
    p.add_argument("--jobs", type=int, default=2)
    p.add_argument("files", nargs="*")
    args = p.parse_args()
    jobs = []
    for path in args.files or sorted(glob.glob(os.path.join(HERE, "*.seq"))):
        with open(path, encoding="utf-8") as f:
            text = f.read()
        for found in CALL.finditer(text):
            line = text.count("\n", 0, found.start()) + 1
            if args.only in found[1]:
                jobs.append((os.path.abspath(path), line, *found.groups()))
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        for problems in pool.map(Calls(args.seqc, MODES + WIDE * args.wide).one, jobs):
            failed += bool(problems)
            for problem in problems:
                print("FAIL", problem, flush=True)
    print(f"{len(jobs) - failed} passed, {failed} failed")
    return 1 if failed or not jobs else 0


if __name__ == "__main__":
    sys.exit(main())
