#!/usr/bin/env python3
"""Holds the steps of the table to the algebra of their classes, in numbers.

    laws.py --seqc build/bin/seqc [TEXT ...]

A step is rewritten so that it takes the old states and gives the new ones, and is run by the
reference interpreter in f64 on a batch of old states. In them one component's states differ:

    affine (C2 to C5)   f(a s + (1 − a) r) = a f(s) + (1 − a) f(r)
    C2, C3              an element of the old state changes that of the new one alone
    C4                  elements with its own indices on all axes but the key's
    C6                  the first, with weights of the semiring: f(s ⊕ (b + r)) = f(s) ⊕ (b + f(r)), b under 0 for max
    C1                  after 40 steps nothing is left of it

The classes are those of the comments, so this knows nothing of how the compiler finds them. A
step that is not of the plain layout, or has states that are no floats, is left out.
"""
import argparse
import concurrent.futures
import json
import os
import re
import subprocess
import sys
import tempfile

import numpy as np

from run import steps

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from brackets import split_at_commas

STEP = r"^fn {}\((?P<params>[^{{]*?)\) -> [^{{]*\{{\n(?P<before>(?:  let [^\n]*\n)*)  scan(?P<reverse> reverse)? " \
       r"(?P<axis>[^(]*)\((?P<states>.*?)\)(?P<reset>(?: reset [^{{]*)?) \{{\n(?P<body>.*?)^  \}}\n\}}"
SIZE, PAIRS = 3, 8


def split(text):
    """At commas outside of brackets, without empty parts."""
    return [part for part in split_at_commas(text) if part]


class Step:
    """One state a parameter `was_NAME`; the result is the states after."""

    def __init__(self, path, name):
        with open(path, encoding="utf-8") as f:
            self.text = f.read()
        self.found = re.search(STEP.format(name), self.text, re.M | re.S)
        self.shapes = {}  # of states

    def rewritten(self):
        """The program, or None where the step is of another layout."""
        if not self.found or "scan" in self.found["body"]:
            return None
        g = self.found
        self.params = dict(p.split(": ", 1) for p in split(g["params"].replace("\n", " ")))
        states = []
        for s in split(g["states"]):
            name, init = s.split(" = ", 1)
            name, _, kind = name.partition(": ")
            if not kind:
                kind = self.params.get(init, "float" if re.fullmatch(r"-?\d+\.\d*|-?\d*e\d+|-1e30", init) else None)
            if kind is None or kind.startswith(("i32", "bool")):
                return None
            states.append((name, kind))
        self.states = states
        body = re.sub(r"^ *yield .*\n", "", g["body"], flags=re.M)
        body = re.sub(r"\byield [^\n]*", "", body)
        params = ", ".join([f"{n}: {t}" for n, t in self.params.items()] + [f"was_{n}: {t}" for n, t in states])
        inits = ", ".join(f"{n} = was_{n}" for n, _ in states)
        results = ", ".join(f"{n}: {t}" for n, t in states).replace("float", "f64")
        return self.text + (f"\nfn law({params}) -> {results} {{\n{g['before']}"
                            f"  scan{g['reverse'] or ''} {g['axis']}({inits}){g['reset']} {{\n{body}  }}\n}}\n")

    def shape(self, kind, length):
        dims = re.search(r"\[(.*)\]", kind)
        names = {n: SIZE for n in re.findall(r"[A-Za-z]\w*", dims[1])} if dims else {}
        names["T"] = names["S"] = length
        return [int(eval(d, {}, names)) for d in split(dims[1])] if dims else []

    def inputs(self, rng, length):
        out = {}
        for name, kind in self.params.items():
            shape = self.shape(kind, length)
            if kind.startswith("i32"):
                out[name] = rng.integers(0, 3, shape).astype(np.int32)
            elif kind.startswith("bool"):
                out[name] = rng.random(shape) < 0.5
            else:
                out[name] = rng.uniform(0.2, 0.9, shape)
        return out


def run(seqc, program, inputs, results):
    with tempfile.TemporaryDirectory(prefix="laws.") as folder:
        with open(os.path.join(folder, "law.seq"), "w", encoding="utf-8") as f:
            f.write(program)
        args = []
        for name, value in inputs.items():
            np.save(os.path.join(folder, f"{name}.npy"), value)
            args.append(f"{name}={name}.npy")
        r = subprocess.run([seqc, "run", "law.seq", "law", *args, "--interpret", "--float", "f64", "--out", "out",
                            "--no-cache"], cwd=folder, capture_output=True, text=True, timeout=120)
        if r.returncode:
            raise RuntimeError(r.stderr.strip().splitlines()[:2])
        names = ["out"] if len(results) == 1 else [f"out.{k}" for k in range(len(results))]
        return {n: np.load(os.path.join(folder, "out", f + ".npy")) for n, f in zip(results, names)}


def components(seqc, path, name):
    """Lists of states: those of a circle have the same members (`seqc explain` tells the needs)."""
    r = subprocess.run([seqc, "explain", path, name, "--json", "--no-cache"], capture_output=True, text=True, timeout=120)
    states = json.loads(r.stdout)["scans"][0]["states"]
    reach = {s["name"]: {n["state"] for n in s["needs"]} for s in states}
    for _ in states:
        for n in reach:
            reach[n] = reach[n].union(*(reach.get(m, set()) for m in reach[n]))
    return {n: [m for m in reach if m == n or (m in reach[n] and n in reach[m])] for n in reach}, \
           {s["name"]: s.get("key_axis") for s in states}


def check(seqc, path, name, wanted):
    """None where the step is left out, else a list of what does not hold."""
    step = Step(path, name)
    program = step.rewritten()
    classes = {w.name: w.cls for w in wanted}
    text = {w.name: w.text for w in wanted}
    reset = program and step.found["reset"]  # to the old state: a delay then keeps it
    if program is None or (reset and "C1" in classes.values()) or all(c in ("C0", "C7") for c in classes.values()):
        return None
    circles, keys = components(seqc, path, name)
    rng = np.random.default_rng(7)
    inputs = step.inputs(rng, 2)  # two steps: some begin in a way of their own
    base = {n: rng.uniform(0.2, 0.9, step.shape(t, 2)) for n, t in step.states}
    bad = []
    for state, cls in classes.items():
        if cls in ("C0", "C7"):
            continue
        circle = circles[state]
        if cls == "C1":
            bad += forgets(seqc, step, program, base, circle)
            continue
        low, high = (-0.5, 2.5) if cls == "C6" else (0.2, 0.9)
        rows = [{n: rng.uniform(low, high, np.shape(base[n])) for n in circle} for _ in range(2 * PAIRS)]
        w = 0.3
        if cls == "C6":
            mixed = {"(max, +)": lambda a, b: np.maximum(a, b - 0.1),
                     "(min, +)": lambda a, b: np.minimum(a, b + 0.1),
                     "(logsumexp, +)": lambda a, b: np.logaddexp(a + np.log(w), b + np.log(1 - w))}[text[state]]
        else:
            mixed = lambda a, b: w * a + (1 - w) * b
        rows += [{n: mixed(rows[k][n], rows[k + PAIRS][n]) for n in circle} for k in range(PAIRS)]
        single = cls in ("C2", "C3", "C4")
        size = int(np.prod(np.shape(base[state]), dtype=int))
        for k in range(size if single else 0):
            flat = rows[0][state].copy().reshape(-1)
            flat[k] += 1
            rows.append({state: flat.reshape(np.shape(base[state]))})
        new = run(seqc, program, inputs | batch(base, rows), [n for n, _ in step.states])[state]
        if not np.isfinite(new).all():
            bad.append(f"`{state}`: not finite")
        off = np.abs(new[2 * PAIRS:3 * PAIRS] - mixed(new[:PAIRS], new[PAIRS:2 * PAIRS])).max()
        if not off < 1e-9:
            bad.append(f"`{state}` ({cls}) does not mix: off by {off:.2g}")
        for k in range(size if single else 0):
            changed = np.argwhere(np.abs(new[3 * PAIRS + k] - new[0]) > 1e-9)
            at = np.unravel_index(k, np.shape(base[state]))
            key = keys[state] if cls == "C4" else None
            if any(c[d] != at[d] for c in changed for d in range(len(at)) if d != key):
                bad.append(f"`{state}` ({cls}): an element changes others")
                break
    return bad


def batch(base, rows):
    """Old states, of which each row replaces some."""
    rows = [{**base, **(rows[0] if k >= 3 * PAIRS else {}), **r} for k, r in enumerate(rows)]
    return {f"was_{n}": np.stack([r[n] for r in rows]) for n in base}


def forgets(seqc, step, program, base, circle):
    rng = np.random.default_rng(8)
    inputs = step.inputs(rng, 40)
    rows = [{n: rng.uniform(0.2, 0.9, np.shape(base[n])) for n in circle} for _ in range(2)]
    new = run(seqc, program, inputs | batch(base, rows), [n for n, _ in step.states])
    return [f"`{n}` (C1) remembers" for n in circle if not np.array_equal(new[n][0], new[n][1])]


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--seqc", required=True)
    p.add_argument("--jobs", type=int, default=2)
    p.add_argument("only", nargs="*")
    args = p.parse_args()
    seqc = os.path.abspath(args.seqc)
    todo = [s for s in steps() if not args.only or any(o in s[0] + s[1] for o in args.only)]

    def one(s):
        try:
            return check(seqc, *s)
        except Exception as e:  # a step that cannot run is a failure of this test
            return [f"{type(e).__name__}: {e}"]

    passed = failed = left = 0
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        for (path, name, _), bad in zip(todo, pool.map(one, todo)):
            left += bad is None
            passed += bad == []
            failed += bool(bad)
            for b in bad or []:
                print(f"FAIL {os.path.basename(path)} {name}: {b}", flush=True)
    print(f"{left} left out")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
