#!/usr/bin/env python3
"""Streams: cut anywhere, in any number of pieces, a sequence gives what it gives in one.

    run.py [--seqc PATH] [--jobs N] [--only TEXT] [--cases DIR] [--few] [-v]

programs/*.seq  each has comments
                `// run: ENTRY NAME=VALUE …`   with T for the number of steps: every way to cut
                                               6 steps, compiled and interpreted; then
                                               ragged batches, where B stands for `B,`
                `// no stream: CODE LINE:COL`  of the last `run`: the message and its place
cases           those of test/Cases whose programs stream: their expected results, cut at
                random places, and after each of the first steps; REFUSED below says which do
                not, and why

The last line is `N passed, M failed`.
"""
import argparse
import concurrent.futures
import importlib.util
import itertools
import json
import os
import random
import re
import subprocess
import sys
import tempfile

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
STEPS = 6
RAGGED = [6, 0, 3, 1]

# Cases that have no stream, with the code of the message.
REFUSED = {
    "own/attention_linear": "E0451",     # one of its domains has no end
    "own/attention_special": "E0452",    # an input over two times
    "own/attention_tiles": "E0451",      # one of its sums is not causal
    "own/conv_strided": "E0452",         # every second step: the results are T / 2
    "own/dynamic_programs": "E0451",     # the best path is read backwards
    "own/length_zero": "E0451",          # `reverse` among its results
    "own/qrnn": "E0451",                 # both directions
    "own/resets": "E0451",               # both directions
    "own/reverse_given": "E0451",
    "own/ternary_time": "E0451",         # a centred difference
    "real/bilstm_ragged": "E0451",
    "real/cumulative": "E0451",          # a maximum from the end
    "real/longformer_window": "E0451",   # a window to both sides
    "real/transformer_encoder": "E0451",
}


def compositions(n):
    """Every set of places inside of 1 … n − 1."""
    for k in range(n):
        yield from itertools.combinations(range(1, n), k)


class Cuts:
    def __init__(self, args):
        self.args = args
        self.seqc = os.path.abspath(args.seqc)
        self.passed, self.failures = 0, []
        spec = importlib.util.spec_from_file_location("cases", os.path.join(args.cases, "run.py"))
        self.cases = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.cases)

    def seqc_run(self, folder, *argv):
        return subprocess.run([self.seqc, "run", *argv], cwd=folder, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, env=dict(os.environ, NO_COLOR="1"))

    def report(self, label, problem):
        if problem:
            self.failures.append(label)
            print(f"FAIL {label}: {problem}", flush=True)
        else:
            self.passed += 1
            if self.args.verbose:
                print(f"ok   {label}", flush=True)

    # -- programs
    def program(self, path):
        name = os.path.basename(path)
        with open(path) as f:
            lines = re.findall(r"^// (run|no stream): (.*)$", f.read(), re.M)
        for at, (kind, text) in enumerate(lines):
            refused = lines[at + 1][1] if at + 1 < len(lines) and lines[at + 1][0] == "no stream" else None
            if kind == "run" and refused:
                self.refusal(f"{name} {text.split()[0]}", name, text.split(), refused)
            elif kind == "run":
                self.every_cut(name, text.split())

    def arguments(self, text, steps, batch=None):
        """The words with `T` for the steps and `B,` for a batch, inside of brackets."""
        def shape(found):
            axes = [a for a in found[1].split(",") if a != "B" or batch]
            return "[" + ",".join({"B": str(batch), "T": str(steps)}.get(a, a) for a in axes) + "]"
        return [re.sub(r"\[([^\]]*)\]", shape, w) for w in text]

    def first_wrong(self, name, words, cuts, *mode):
        """None, or the first cut that goes wrong, with what was said."""
        for cut in cuts:
            got = self.seqc_run(os.path.join(HERE, "programs"), name, *words, "--check", "--cut", cut, *mode)
            if got.returncode:
                return f"cut at {cut}: exit {got.returncode}: {got.stdout[:300]}{got.stderr[:300]}"
        return None

    def every_cut(self, name, text):
        words = self.arguments(text, STEPS)
        cuts = [",".join(map(str, c)) or str(STEPS) for c in compositions(STEPS)]
        if self.args.few:
            cuts = cuts[::7]
        cuts += ["0,2,2,5", f"3,{STEPS},{STEPS}"]  # pieces without steps
        for mode in [[]] if self.args.few else [["--interpret"], []]:
            self.report(f"{name} {words[0]} {' '.join(mode)}", self.first_wrong(name, words, cuts, *mode))
        self.report(f"{name} {words[0]} no steps", self.first_wrong(name, self.arguments(text, 0), ["0"]))
        if any("[B" in w for w in text):
            words = self.arguments(text, max(RAGGED), len(RAGGED)) + ["lengths.T=" + ",".join(map(str, RAGGED))]
            cuts = ["1", "2,4", "3,5", "1,2,3,4,5"]
            self.report(f"{name} {words[0]} ragged", self.first_wrong(name, words, cuts))

    def refusal(self, label, name, words, wanted):
        code, place = wanted.split()
        got = self.seqc_run(os.path.join(HERE, "programs"), name, *self.arguments(words, STEPS), "--cut", "3")
        fine = got.returncode == 1 and f"{name}:{place}: error:" in got.stderr and f"[{code}]" in got.stderr
        fine = fine and "\nhint:" in got.stderr and "\nrule:" in got.stderr and "^" in got.stderr
        self.report(label + " (no stream)", None if fine else f"exit {got.returncode}: {got.stderr[:400]}")

    # -- cases
    def case(self, kind, name):
        folder = os.path.join(self.args.cases, kind, name)
        with open(os.path.join(folder, "case.json")) as f:
            case = json.load(f)
        argv = ["model.seq"] + ([case["entry"]] if case.get("entry") else [])
        argv += [f"{n}={v}" for n, v in case["inputs"].items()]
        argv += [f"lengths={case['lengths']}"] if case.get("lengths") is not None else []
        argv += ["--weights", case["weights"]] if case.get("weights") else []
        argv += case.get("args") or []
        label = f"{kind}/{name}"
        first = self.seqc_run(folder, *argv, "--cut", "0")
        code = re.search(r"\[(E\d+)\]", first.stderr)
        if label in REFUSED or (first.returncode and code and code[1] in ("E0451", "E0452")):
            same = first.returncode and code and REFUSED.get(label) == code[1]
            return self.report(label + " (no stream)", not same and f"exit {first.returncode}, {code and code[1]}: {first.stderr[:300]}")
        if first.returncode:
            return self.report(label, f"exit {first.returncode}: {first.stderr[:300]}")
        rng = random.Random(name)
        steps = self.steps(folder, argv)

        def anywhere():
            count = rng.randint(1, 5)
            return ",".join(map(str, sorted(rng.randint(0, steps) for _ in range(count))))
        first = ",".join(map(str, range(1, min(steps, 4)))) or "0"  # steps by themselves
        cuts = [(anywhere(), []), (first, [])]
        if not self.args.few:
            cuts += [(anywhere(), [])] + ([(anywhere(), ["--interpret"])] if steps <= 200 else [])
        for cut, mode in cuts:
            self.report(f"{label} cut {cut} {' '.join(mode)}", self.compare(folder, case, [*argv, "--cut", cut, *mode]))

    def steps(self, folder, argv):
        """The number of steps: the largest cut that is none too many."""
        text = self.seqc_run(folder, *argv, "--cut", "1000000").stderr
        return int(re.search(r"has (\d+) steps", text)[1])

    def compare(self, folder, case, argv):
        with tempfile.TemporaryDirectory(prefix="seqc-cut.") as out:
            got = self.seqc_run(folder, *argv, "--out", out)
            if got.returncode:
                return f"exit {got.returncode}: {got.stderr[:300]}"
            for name in case["outputs"]:
                wrong = self.cases.compare(np.load(os.path.join(out, name)), np.load(os.path.join(folder, name)),
                                           case.get("rtol_of_max", 2e-5))
                if wrong:
                    return f"{name} {wrong}"
        return None

    def run(self):
        jobs = [(self.program, (os.path.join(HERE, "programs", p),)) for p in sorted(os.listdir(os.path.join(HERE, "programs")))
                if p.endswith(".seq")]
        for kind in "own", "real":
            jobs += [(self.case, (kind, name)) for name in sorted(os.listdir(os.path.join(self.args.cases, kind)))
                     if os.path.exists(os.path.join(self.args.cases, kind, name, "case.json"))]
        jobs = [(f, a) for f, a in jobs if not self.args.only or self.args.only in "/".join(a)]
        with concurrent.futures.ThreadPoolExecutor(self.args.jobs) as pool:
            for done in [pool.submit(f, *a) for f, a in jobs]:
                done.result()
        print(f"{self.passed} passed, {len(self.failures)} failed")
        return 1 if self.failures or not self.passed else 0


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--seqc", default="build/bin/seqc")
    p.add_argument("--jobs", type=int, default=2)
    p.add_argument("--only")
    p.add_argument("--cases", default=os.path.join(HERE, "..", "Cases"))
    p.add_argument("--few", action="store_true", help="fewer cuts, none interpreted: for a target that is slow")
    p.add_argument("-v", "--verbose", action="store_true")
    return Cuts(p.parse_args()).run()


if __name__ == "__main__":
    sys.exit(main())
