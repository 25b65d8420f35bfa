#!/usr/bin/env python3
"""What a call keeps in memory grows with the sequence like the sequence. Closes with counts.

    workspace.py --seqc build/bin/seqc [--only TEXT] [-v]

`seqc explain` tells the workspace of a call as a formula over its sizes. For the programs of
examples/ and of test/Cases, in every form that their scans have:

  linear   over sequences of n, 2 n and 4 n steps the formula has no part that grows with n²
  slim     where a state is a matrix, a step adds less than that matrix: at sizes eight times
           those of the case, so that vectors are smaller than matrices
  true     the compiled code, asked for sizes, says what the formula says, but for rounding

EXCEPTIONS says which are not, and why; one that is no longer one is a failure.
"""
import argparse
import concurrent.futures
import glob
import json
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LENGTHS = {"T", "S", "L", "M"}  # what programs call the lengths of their sequences
STEPS = 64 * 36 * 10            # whole tiles of attention, blocks and chunks
ENTRIES = {"03-c-host/model.seq": "Cell(8, 8)", "04-programs/bilstm.seq": "BiLSTM(8, 8)",
           "04-programs/lstm.seq": "LSTM(8, 8)", "04-programs/mamba.seq": "Mamba(16)", "05-own-cell/model.seq": "Memory(8)",
           "06-window/model.seq": "Windowed(16, 4, 2, 8, 12)", "07-gpu/model.seq": "GatedLinear(16, 2, 8, 8)"}
NOT_LOWERED = ("04-programs/tree.seq", "04-programs/ttt.seq")
# A label and what it is not, with the reason.
EXCEPTIONS = {
    ("own/attention_bool_mask", "linear"): "its weights are read by a sum and by a maximum: they are kept",
    ("own/dynamic_programs", "linear"): "the cost of a pair of rows is read in the step of a scan: it is kept",
    ("own/extreme_decays", "slim"): "its matrix is D x 2, no wider than the two results",
    ("real/rg_lru_griffin", "slim"): "its state has an axis of heads and one of channels: a vector, and as wide as all others",
}


def explain(seqc, file, words):
    r = subprocess.run([seqc, "explain", os.path.basename(file), *words, "--json"], capture_output=True, text=True,
                       cwd=os.path.dirname(file))
    if r.returncode:
        raise RuntimeError(f"{' '.join(words)}: exit {r.returncode}: {' '.join(r.stderr.split())[:200]}")
    return json.loads(r.stdout)


def value(formula, sizes):
    """A formula in numbers; sizes are divided as the language divides them."""
    return eval(formula.replace("/", "//"), {"__builtins__": {"min": min, "max": max}}, sizes)


def programs():
    """(label, file, functions to explain: words of the command line)."""
    for file in sorted(glob.glob(os.path.join(ROOT, "examples", "*", "*.seq"))):
        label = os.path.relpath(file, os.path.join(ROOT, "examples"))
        if label in NOT_LOWERED:
            continue
        with open(file, encoding="utf-8") as f:
            functions = re.findall(r"^fn (\w+)", f.read(), re.M)
        entry = ENTRIES.get(label)
        for words in [[entry]] if entry else [[name] for name in functions] or [[]]:
            yield " ".join([label, *words]), file, words
    for file in sorted(glob.glob(os.path.join(ROOT, "test", "Cases", "*", "*", "case.json"))):
        with open(file, encoding="utf-8") as f:
            case = json.load(f)
        if "entry" not in case and "inputs" not in case:
            continue
        words = [case["entry"]] if case.get("entry") else []
        words += ["--weights", case["weights"]] if case.get("weights") else []
        folder = os.path.dirname(file)
        yield os.path.relpath(folder, os.path.join(ROOT, "test", "Cases")), os.path.join(folder, "model.seq"), words


class Workspace:
    def __init__(self, seqc):
        self.seqc = os.path.abspath(seqc)

    def forms(self, file, words):
        """What `explain` says in each form that is one."""
        yield "sequential", explain(self.seqc, file, words + ["--form", "sequential"])
        for form in ("scan", "chunked", "two-level"):
            try:
                yield form, explain(self.seqc, file, words + ["--form", form])
            except RuntimeError as e:
                if "[E0811]" not in str(e) and "has no form" not in str(e) and "no state that could" not in str(e):
                    raise

    def sizes(self, report, steps):
        text = json.dumps(report["workspace"]["formula"]) + json.dumps([s["shape"] for s in self.states(report)])
        names = set(re.findall(r"[^\W\d]\w*", text)) - {"min", "max", "batch", "threads"}
        return {**{n: steps if n in LENGTHS else 64 for n in names | LENGTHS}, "batch": 1, "threads": 1}

    def states(self, report):
        return [s for scan in report["scans"] if not scan["tiles"] for s in scan["states"]]

    def matrix(self, report, sizes):
        """The bytes of the states that have two axes or more."""
        total = 0
        for s in self.states(report):
            if len(s["shape"]) >= 2:
                n = 4
                for extent in s["shape"]:
                    n *= value(str(extent), sizes)
                total += n
        return total

    def at(self, report, steps):
        return value(report["workspace"]["formula"], self.sizes(report, steps))

    def is_linear(self, report):
        w = [self.at(report, STEPS * n) for n in (1, 2, 4)]
        return w[2] - w[1] == 2 * (w[1] - w[0])

    def is_slim(self, file, words, form, report):
        if not self.matrix(report, self.sizes(report, STEPS)):
            return True
        if words and "(" in words[0]:
            larger = re.sub(r"\b\d+\b", lambda m: str(8 * int(m[0])), words[0])
            report = explain(self.seqc, file, [larger, "--form", form])
        step = (self.at(report, 2 * STEPS) - self.at(report, STEPS)) / STEPS
        return step < self.matrix(report, self.sizes(report, STEPS))

    def is_true(self, file, words, form, report):
        module = subprocess.run([self.seqc, "compile", os.path.basename(file), *words,
                                 "--emit=seq"], capture_output=True, text=True, cwd=os.path.dirname(file)).stdout
        names = re.findall(r'"(\w+)"', re.search(r"seq\.sizes = \[(.*?)\]", module)[1])
        sizes = {n: 288 if n in LENGTHS else 64 for n in names}
        got = explain(self.seqc, file, words + ["--form", form, "-O0", "batch=1"] + [f"{n}={v}" for n, v in sizes.items()])
        told = value(got["workspace"]["formula"], {**sizes, "batch": 1, "threads": 1})
        return 0 <= got["workspace"]["bytes"] - told <= 128 * (1 + got["workspace"]["tensors"])

    def check(self, program):
        """(form, what is not so) of a program, or what went wrong."""
        label, file, words = program
        found = []
        try:
            for form, report in self.forms(file, words):
                for what, so in (("linear", self.is_linear(report)), ("slim", self.is_slim(file, words, form, report)),
                                 ("true", self.is_true(file, words, form, report))):
                    found.append((f"{label} [{form}] {what}", so, report["workspace"]["formula"]))
        except (RuntimeError, SyntaxError, NameError, TypeError) as e:
            found.append((f"{label}: {e}", None, ""))
        return found


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--seqc", required=True)
    p.add_argument("--only", default="")
    p.add_argument("-v", action="store_true", help="the formulas too")
    args = p.parse_args()
    workspace, passed, failed, excused = Workspace(args.seqc), 0, 0, set()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for found in pool.map(workspace.check, [x for x in programs() if args.only in x[0]]):
            for label, so, formula in found:
                key = next((k for k in EXCEPTIONS if label.startswith(k[0]) and label.endswith(k[1])), None)
                expected = key is None
                if not so:
                    excused.add(key)
                good = so is not None and (so or not expected)
                passed, failed = passed + good, failed + (not good)
                if not good or args.v:
                    print(f"{'ok  ' if good else 'FAIL'} {label}: {formula}", flush=True)
    for key in EXCEPTIONS:
        if not args.only and key not in excused:
            failed += 1
            print(f"FAIL {' '.join(key)} is an exception no longer ({EXCEPTIONS[key]})")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
