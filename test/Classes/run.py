#!/usr/bin/env python3
"""The table of classes: steps, and the class of each of their states.

    run.py --seqc build/bin/seqc [TEXT ...]     steps whose name holds one of the texts

A function of a file here is a step; the comment right before it has a line for each state:

    // S: C4 rank 2
    // h: C7 tanh; hint C2
    // c: C7 sigmoid; hint none

The text after the class is part of the detail or the reason that `seqc explain --json` gives;
`hint C2` is the class that it says the state would have, `at TEXT` the source that it blames.
A step counts once. Names that the program does not give (of states of the compiler's own) are left.
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

HERE = os.path.dirname(os.path.abspath(__file__))
ENTRY = re.compile(r"^((?:// [^\n]*\n)+)(?:fn|layer) (\w+)", re.M)
STATE = re.compile(r"// (\w+): (C\d)\b([^;\n]*)((?:; (?:hint|at) [^;\n]+)*)$", re.M)


class Wanted:
    def __init__(self, line):
        self.name, self.cls, self.text, more = line
        self.text = self.text.strip()
        more = dict(m.strip().split(" ", 1) for m in more.split(";") if m.strip())
        self.hint, self.source = more.get("hint"), more.get("at")

    def problem(self, have, source_at):
        if have["class"] != self.cls:
            return f"`{self.name}` is {have['class']}, not {self.cls} ({have['reason'] or have['detail']})"
        if self.text not in (have["detail"] or have["reason"]):
            return f"`{self.name}`: no `{self.text}` in `{have['detail'] or have['reason']}`"
        if self.hint and self.hint != (hint_of(have) or "none"):
            return f"`{self.name}`: the hint is {hint_of(have) or 'none'}, not {self.hint}"
        if self.source and not source_at(have["place"]).startswith(self.source):
            return f"`{self.name}`: blamed is `{source_at(have['place'])}`, not `{self.source}`"
        return None


def hint_of(state):
    found = re.search(r"would be (C\d)$", state["hint"])
    return found and found.group(1)


def steps():
    for path in sorted(glob.glob(os.path.join(HERE, "*.seq"))):
        with open(path, encoding="utf-8") as f:
            text = f.read()
        for comment, name in ENTRY.findall(text):
            if wanted := [Wanted(m) for m in STATE.findall(comment)]:
                yield path, name, wanted


def source_at(place):
    path, line, column = place.rsplit(":", 2)
    with open(path, "rb") as f:
        return f.read().split(b"\n")[int(line) - 1][int(column) - 1:].decode()


def problems(seqc, path, name, wanted):
    try:
        r = subprocess.run([seqc, "explain", path, name, "--json", "--no-cache"], capture_output=True,
                           text=True, timeout=120)
    except subprocess.TimeoutExpired:
        return ["explain takes longer than two minutes"]
    if r.returncode:
        return [f"explain ends with {r.returncode}: {r.stderr.strip().splitlines()[:1]}"]
    states = [s for scan in json.loads(r.stdout)["scans"] for s in scan["states"] if s["name"] and s["class"]]
    out = [f"state `{s['name']}` ({s['class']}) is in no line of the comment"
           for s in states if s["name"] not in {w.name for w in wanted}]
    for w in wanted:
        have = [s for s in states if s["name"] == w.name]
        out += [f"no state `{w.name}`"] if not have else []
        out += [p for s in have if (p := w.problem(s, source_at))]
    return out


def long_steps(folder):
    """Steps of many lines, whose analysis has to stay as quick as they are long."""
    n = 400
    chain = "".join(f"    let y{i} = y{i - 1} * a + x[t]\n" for i in range(1, n))
    doubled = "".join(f"    let y{i} = y{i - 1} + y{i - 1}\n" for i in range(1, n))
    outer = "".join(f"    let y{i}[p, q] = y{i - 1}[p, q] * (x[t, p] + a[q])\n" for i in range(1, n))
    sums = "".join(f"    let y{i} = u @ y{i - 1} + x[t]\n" for i in range(1, n))
    states = range(100)
    many = ", ".join(f"h{k}: [D] = 0" for k in states)
    linked = "".join(f"    h{k}' = a * h{k} + {f'h{k - 1}' + chr(39) if k else 'x[t]'}\n" for k in states)
    ring = linked.replace("+ x[t]\n", "+ tanh(h99)\n", 1)
    head = "fn f(x: [T, D], a: [D], u: [D, D]) -> [T, D] {\n  scan t "
    steps = {
        "affine": (f"(h: [D] = 0) {{\n    let y0 = h * a\n{chain}    h' = y{n - 1}\n    yield h'", "h: C2"),
        "known": (f"(h: [D] = 0) {{\n    let y0 = x[t]\n{chain}    h' = a * h + y{n - 1}\n    yield h'", "h: C2"),
        "doubled": (f"(h: [D] = 0) {{\n    let y0 = h\n{doubled}    h' = y{n - 1}\n    yield h'", "h: C2"),
        "outer": (f"(h: [D, D] = 0) {{\n    let y0 = h\n{outer}    h' = y{n - 1}\n    yield h'[0]", "h: C2"),
        "sums": (f"(h: [D] = 0) {{\n    let y0 = h\n{sums}    h' = y{n - 1}\n    yield h'", "h: C7 very many parts"),
        "added": ("(h: [D] = 0) {\n    h' = a * h + " + " + ".join(["a * x[t]"] * n) + "\n    yield h'", "h: C2"),
        "read": ("(h: [D] = 0) {\n    h' = x[t] + " + " + ".join(["a * h"] * n) + "\n    yield h'", "h: C2"),
        "states": (f"({many}) {{\n{linked}    yield h99'", *(f"h{k}: C2" for k in states)),
        "ring": (f"({many}) {{\n{ring}    yield h99'", *(f"h{k}: C7 tanh" for k in states)),
    }
    for name, (step, *lines) in steps.items():
        path = os.path.join(folder, name + ".seq")
        with open(path, "w", encoding="utf-8") as f:
            f.write(head + step + "\n  }\n}\n")
        yield path, "f", [Wanted(m) for line in lines for m in STATE.findall("// " + line)]


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--seqc", required=True)
    p.add_argument("--jobs", type=int, default=2)
    p.add_argument("only", nargs="*")
    args = p.parse_args()
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool, tempfile.TemporaryDirectory() as folder:
        todo = [*steps(), *long_steps(folder)]
        todo = [s for s in todo if not args.only or any(o in s[0] + s[1] for o in args.only)]
        for (path, name, _), found in zip(todo, pool.map(lambda s: problems(args.seqc, *s), todo)):
            failed += bool(found)
            for f in found:
                print(f"FAIL {os.path.basename(path)} {name}: {f}", flush=True)
    print(f"{len(todo) - failed} passed, {failed} failed")
    return 1 if failed or not todo else 0


if __name__ == "__main__":
    sys.exit(main())
