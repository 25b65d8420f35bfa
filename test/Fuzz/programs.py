#!/usr/bin/env python3
"""Random well-typed programs: each form of each is compared with the interpreter.

    programs.py --seqc build/bin/seqc [--count N] [--seed S] [--jobs N] [--keep DIR] [--target NAME]

A program is a chain of statements over an axis of time and static axes (names.py): elementwise
maps, reductions over domains, products, gathers and calls (statements.py), attention and
convolutions (sequences.py), scans over states of all classes (recurrences.py). It is compiled in
every form that it has and, where it has a stream, cut at random. The same seed makes the same
programs. The first that fail are shrunk (shrink.py) and written to DIR; the exit status is 1.
Those of kept/ failed once, and are checked again as the line `// check:` of each says.
"""
import argparse
import concurrent.futures
import glob
import os
import random
import re
import sys
import tempfile

sys.dont_write_bytecode = True
from checking import check
from names import Names
from recurrences import Recurrences
from sequences import Sequences
from shrink import smallest
from statements import Statements

HERE = os.path.dirname(os.path.abspath(__file__))
LENGTHS = [0, 1, 2, 7, 15, 16, 17, 31, 33]
LAST = [53, 65, 97]  # of the ragged batch too
MANY_BLOCKS = 530
SHRUNK = 3  # of the programs that fail; each takes minutes
LEVELS = ["-O0"] * 5 + ["-O2"]  # what LLVM makes of it takes most of the time
NO_STREAM = ("E0451", "E0452")


def targets():
    """The levels of x86-64 that this machine has."""
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        flags = set(re.search(r"^flags\s*:(.*)$", f.read(), re.M).group(1).split())
    have = [("x86-64-v2", "sse4_2"), ("x86-64-v3", "avx2"), ("x86-64-v4", "avx512vl")]
    return [name for name, flag in have if flag in flags]


TARGETS = targets()


class Program(Recurrences, Sequences, Statements, Names):
    def __init__(self, rng, causal=False, parent=None):
        super().__init__(rng, causal, parent)
        if parent:
            return
        for _ in range(rng.randint(1, 3)):
            self.input(rng.choice([("T",), ("T", "D"), ("T", "D"), ("T", "D", "E")]))
        for _ in range(rng.randint(0, 2)):
            self.input(rng.choice([("D",), ("D", "E"), ("E", "D"), ("D", "K"), ("K",)]))
        for _ in range(rng.randint(1, 3)):
            rng.choice([self.elementwise, self.elementwise, self.reduction, self.product,
                        self.attention, self.convolution, self.scan, self.scan, self.matrix_scan, self.heads,
                        self.cross, self.rearranged, self.gather, self.embedding, self.masked, self.mapped, self.nested,
                        self.over_static, self.whole, self.largest])()


def make(seed, target=None):
    """A program's text, and the arguments with which it is checked; a target that is given is a slow one."""
    rng = random.Random(seed)
    program = Program(rng, causal=rng.random() < 0.5)
    results = program.results()
    text = program.text(results if len(results) <= 5 else rng.sample(results, 5), rng.random() < 0.3)
    lengths = sorted(rng.sample(LENGTHS, 3)) + ([] if target else [rng.choice(LAST)])
    if rng.random() < 0.1 and not target and not re.search(r"[rsj] in 0\.\.T", text):  # nothing over pairs of rows
        lengths.insert(0, MANY_BLOCKS)
    args = ["--all-forms", "T=" + ",".join(map(str, lengths)), "--seed", str(rng.randint(1, 99)),
            "--target", target or rng.choice(TARGETS), "--threads", str(rng.randint(1, 3)), rng.choice(LEVELS)]
    if "S" in {a for axes in program.inputs.values() for a in axes}:
        args.append(f"S={rng.choice(LENGTHS)},{rng.choice(LENGTHS)}")
    if text.startswith("layer") or "\nlayer" in text:
        args += ["--weights", f"random:{rng.randint(1, 99)}"]
    args += rng.choices([[], ["--float", "f64"], ["--float", "bf16"], ["--float", "f16"]], [13, 4, 2, 1])[0]
    return text, args + (["--cuts"] if program.causal else [])


def one(seqc, seed, folder, target=None):
    """None, or how a program failed, its text, the arguments of the check, and what it said."""
    text, args = make(seed, target)
    how, report = check(seqc, text, args, folder)
    if how in NO_STREAM and "--cuts" in args:
        args.remove("--cuts")
        how, report = check(seqc, text, args, folder)
    return how and (f"seed{seed}", how, text, args, report)


def kept(seqc, path, folder):
    """The same of a program that failed once."""
    with open(path, encoding="utf-8") as f:
        text = f.read()
    args = re.search(r"^// check: (.*)$", text, re.M)[1].split()
    how, report = check(seqc, text, args, folder)
    return how and (os.path.basename(path), how, text, args, report)


def keep(seqc, failures, where, folder):
    """Shrinks the first few failures into files."""
    os.makedirs(where, exist_ok=True)
    for name, how, text, args, _ in [f for f in failures if f[0].startswith("seed")][:SHRUNK]:
        path = os.path.join(where, name + ".seq")
        with open(path, "w", encoding="utf-8") as f:
            f.write(smallest(seqc, text, args, folder, how))
        print(f"{path}: as small as it was found to fail", flush=True)


def main():
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--seqc", required=True)
    p.add_argument("--count", type=int, default=100)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--jobs", type=int, default=2)
    p.add_argument("--keep")
    p.add_argument("--target", help="of all programs, instead of the levels that this machine has")
    a = p.parse_args()
    seqc, failures = os.path.abspath(a.seqc), []
    with tempfile.TemporaryDirectory() as folder:
        with concurrent.futures.ThreadPoolExecutor(a.jobs) as pool:
            # Their lengths are long for a slow target.
            old = [] if a.target else sorted(glob.glob(os.path.join(HERE, "kept", "*.seq")))
            jobs = [pool.submit(kept, seqc, path, folder) for path in old]
            jobs += [pool.submit(one, seqc, s, folder, a.target) for s in range(a.seed, a.seed + a.count)]
            for job in jobs:
                if job.result():
                    failures.append(job.result())
                    name, how, text, args, report = failures[-1]
                    print(f"FAIL {name}: {how}\n// check: {' '.join(args)}\n{text}{report}", flush=True)
        if a.keep and failures:
            keep(seqc, failures, a.keep, folder)
    print(f"{len(jobs) - len(failures)} passed, {len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
