#!/usr/bin/env python3
"""Random steps, each held to the algebra of the classes that the compiler finds for it (laws.py).

    random_steps.py --seqc build/bin/seqc [--first SEED] [--count N]

What the compiler must never do is to call a step linear that is not; that it calls one nonlinear
which is not is no failure here, but of the table.
"""
import argparse
import concurrent.futures
import json
import os
import random
import subprocess
import sys
import tempfile

import laws
from run import Wanted


class Writer:
    """Texts of expressions over the states h, g: [3], S: [3, 3], c and inputs x, a, w, m."""

    def __init__(self, seed):
        self.r = random.Random(seed)
        self.lets, self.sums = [], 0

    def leaf(self, i):
        own = [f"h[{i}]", f"g[{i}]", f"S[{i}, 0]", f"S[1, {i}]", f"h[2 - {i}]", "c"]
        given = [f"x[t, {i}]", f"a[{i}]", f"w[{i}, 1]", "0.5", "2.0"]
        return self.r.choice(own + given + [f"{n}[{i}]" for n in self.lets] * 2)

    def known(self, i):
        return self.r.choice([f"x[t, {i}]", f"a[{i}]", "0.5", f"w[{i}, {i}]", "(-1.0)", f"tanh(x[t, {i}])"])

    def condition(self, i):
        return self.r.choice(["m[t]", f"{i} == 0", f"{i} < 2", "m[t] and t > 0", f"x[t, {i}] > 0.5", "t % 2 == 0"])

    def reduction(self, i, depth):
        self.sums += 1
        k = f"k{self.sums}"
        kind = self.r.choice(["sum"] * 6 + ["mean", "max", "logsumexp"])
        factor = self.r.choice([f"w[{i}, {k}] * ", f"a[{k}] * ", "", f"x[t, {k}] * a[{i}] * "])
        domain = self.r.choice([""] * 3 + [f" where {k} <= {i}", f" where {k} == {i}", f" where {k} < 2"])
        return f"{kind}[{k} in 0..3]({factor}{self.scalar(k, depth)}{domain})"

    def scalar(self, i, depth):
        if depth <= 0:
            return self.leaf(i)
        one = lambda: self.scalar(i, depth - 1)
        return self.r.choices([
            lambda: self.leaf(i), lambda: f"({one()} + {one()})", lambda: f"({one()} - {one()})",
            lambda: f"{self.known(i)} * {one()}", lambda: f"{one()} * {one()}",
            lambda: f"({one()} / (2.0 + {self.known(i)}))", lambda: self.reduction(i, depth - 1),
            lambda: f"{self.r.choice(['max', 'min'])}({one()}, {one()})",
            lambda: f"({self.condition(i)} ? {one()} : {one()})", lambda: f"tanh({one()})",
        ], [30, 20, 10, 12, 3, 3, 8, 6, 6, 2])[0]()

    def matrix(self):
        kept = ["S[i, j]", "S[i, j]", "a[i] * S[i, j]", "0.9 * S[i, j]", "S[j, i]", "x[t, i] * S[i, j]"]
        added = ["x[t, i] * a[j]", f"{self.scalar('i', 1)} * {self.known('j')}", "w[i, j]", "h[i] * a[j]", "0.0",
                 "x[t, i] * sum[z in 0..3](x[t, z] * S[z, j])", "x[t, i] * (a[j] - sum[z in 0..3](a[z] * S[z, j]))"]
        return f"{self.r.choice(kept)} + {self.r.choice(added)} - {self.r.choice(added)}"

    def program(self):
        body = []
        for n in range(self.r.randrange(3)):
            body.append(f"let y{n}[i in 0..3] = {self.scalar('i', 2)}")
            self.lets.append(f"y{n}")
        body.append(f"h'[i in 0..3] = {self.scalar('i', self.r.randrange(1, 4))}")
        delays = ["h[i]", "0.5 * g[i] + x[t, i]", "i > 0 ? g[i - 1] : x[t, i]", "i == 2 ? x[t, i] : g[i + 1]"]
        body.append(f"g'[i in 0..3] = {self.r.choice(delays + [self.scalar('i', 2)])}")
        body.append(f"S'[i in 0..3, j in 0..3] = {self.matrix()}")
        counts = ["0.9 * c + x[t, 0]", "max(c, x[t, 0])", "c + h[0]", "m[t] ? c : x[t, 1]", "sum[q](h[q])"]
        body.append(f"c' = {self.r.choice(counts)}")
        return ("fn f(x: [T, 3], a: [3], w: [3, 3], m: bool[T]) -> [T] {\n"
                "  scan t (h: [3] = 0.0, g: [3] = 0.0, S: [3, 3] = 0.0, c: float = 0.0) {\n    " +
                "\n    ".join(body) + "\n    yield c\n  }\n}\n")


def check(seqc, folder, seed):
    path = os.path.join(folder, f"{seed}.seq")
    with open(path, "w", encoding="utf-8") as f:
        f.write(Writer(seed).program())
    r = subprocess.run([seqc, "explain", path, "f", "--json", "--no-cache"], capture_output=True, text=True, timeout=120)
    if r.returncode:
        return [f"explain ends with {r.returncode}: {r.stderr.strip().splitlines()[:1]}"]
    states = json.loads(r.stdout)["scans"][0]["states"]
    found = laws.check(seqc, path, "f", [Wanted((s["name"], s["class"], s["detail"], "")) for s in states])
    return ["the step cannot be rewritten"] if found is None and any(s["class"] not in ("C0", "C7") for s in states) \
        else found or []


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--seqc", required=True)
    p.add_argument("--jobs", type=int, default=2)
    p.add_argument("--first", type=int, default=0)
    p.add_argument("--count", type=int, default=60)
    args = p.parse_args()
    seeds, failed = range(args.first, args.first + args.count), 0
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool, tempfile.TemporaryDirectory() as folder:
        for seed, bad in zip(seeds, pool.map(lambda s: check(os.path.abspath(args.seqc), folder, s), seeds)):
            failed += bool(bad)
            for b in bad:
                print(f"FAIL seed {seed}: {b}\n{Writer(seed).program()}", flush=True)
    print(f"{len(seeds) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
