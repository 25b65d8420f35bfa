#!/usr/bin/env python3
"""A million steps of each class, in each form, against the same step in f64. Closes with counts.

    million.py --seqc build/bin/seqc [--steps N] [-v]

The steps are those of million/steps.seq; here they are written once more, one number after the
other in Python's floats. TOLERANCE says how far f32 may be from that, in parts of a result's
largest value: what is forgotten at a rate holds its rounding near that of one step, and what is
never forgotten gathers it, like a random walk of a million halves of a last place. (A million
equal increments are no random walk: between two powers of 2 all are rounded to the same side, in
any f32 program.) The number of threads changes no bit.
"""
import argparse
import concurrent.futures
import math
import os
import subprocess
import sys
import tempfile

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
THREADS = "123"
FORMS = {"decay": "sequential scan", "total": "sequential scan", "gated_delta": "sequential scan chunked two-level",
         "best": "sequential scan", "lstm": "sequential"}
TOLERANCE = {"decay": 2e-5, "total": 1e-4, "gated_delta": 2e-5, "best": 2e-5, "lstm": 2e-5}


def inputs(steps):
    r = np.random.default_rng(1)

    def normal(*shape, scale=1.0):
        return (scale * r.standard_normal(shape)).astype(np.float32)

    k = r.standard_normal((steps, 2))
    k = (k / np.linalg.norm(k, axis=1, keepdims=True)).astype(np.float32)
    weights = {"w": normal(4), "u": normal(4), "b": normal(4, scale=0.3)}
    return {"decay": {"x": normal(steps), "a": np.array([0.9, 0.999, 0.99999], np.float32)},
            "total": {"x": np.abs(normal(steps, scale=1e-3))},
            "gated_delta": {"q": normal(steps, 2), "k": k, "v": normal(steps, 2), "g": np.abs(normal(steps, scale=1e-3)),
                            "beta": r.uniform(0, 1, steps).astype(np.float32)},
            "best": {"e": normal(steps, 2), "w": np.abs(normal(2, 2, scale=0.02))},
            "lstm": {"x": normal(steps), **weights}}


def decay(x, a):
    y, h = [], [0.0] * 3
    for v in x:
        h = [c * s + (1 - c) * v for c, s in zip(a, h)]
        y.append(h)
    return [y]


def total(x):
    y, h = [], 0.0
    for v in x:
        h += v
        y.append(h)
    return [y]


def gated_delta(q, k, v, g, beta):
    y, a, b, c, d = [], 0.0, 0.0, 0.0, 0.0  # S = [[a, b], [c, d]]
    for (q0, q1), (k0, k1), (v0, v1), gate, rate in zip(q, k, v, g, beta):
        f = math.exp(-gate)
        a, b, c, d = f * a, f * b, f * c, f * d
        e0, e1 = rate * (v0 - k0 * a - k1 * c), rate * (v1 - k0 * b - k1 * d)
        a, b, c, d = a + k0 * e0, b + k0 * e1, c + k1 * e0, d + k1 * e1
        y.append((q0 * a + q1 * c, q0 * b + q1 * d))
    return [y, [[a, b], [c, d]]]


def best(e, w):
    y, m, n = [], 0.0, 0.0
    (w00, w01), (w10, w11) = w
    for e0, e1 in e:
        m, n = max(e0, m - w00, n - w10), max(e1, m - w01, n - w11)
        y.append((m, n))
    return [y]


def lstm(x, w, u, b):
    y, h, c, exp, tanh = [], 0.0, 0.0, math.exp, math.tanh
    (wi, wf, wg, wo), (ui, uf, ug, uo), (bi, bf, bg, bo) = w, u, b
    for v in x:
        i, f = 1 / (1 + exp(-(wi * v + ui * h + bi))), 1 / (1 + exp(-(wf * v + uf * h + bf)))
        g, o = tanh(wg * v + ug * h + bg), 1 / (1 + exp(-(wo * v + uo * h + bo)))
        c = f * c + i * g
        h = o * tanh(c)
        y.append(h)
    return [y]


def oracle(name, given):
    return [np.array(r) for r in globals()[name](**{k: v.tolist() for k, v in given.items()})]


class Million:
    def __init__(self, seqc, folder, steps):
        self.seqc, self.folder, self.inputs = os.path.abspath(seqc), folder, inputs(steps)
        for name, given in self.inputs.items():
            for key, value in given.items():
                np.save(os.path.join(folder, f"{name}-{key}.npy"), value)

    def compiled(self, name, form, threads):
        out = os.path.join(self.folder, f"{name}-{form}-{threads}")
        argv = [self.seqc, "run", os.path.join(HERE, "million", "steps.seq"), name, "--quiet", "--form", form, "--out", out,
                "--threads", threads] + [f"{k}={self.folder}/{name}-{k}.npy" for k in self.inputs[name]]
        r = subprocess.run(argv, capture_output=True, text=True)
        if r.returncode:
            raise RuntimeError(f"exit {r.returncode}: {r.stderr[:300]}")
        return [np.load(os.path.join(out, f)) for f in sorted(os.listdir(out))]

    def check(self, name, form, want):
        """(the largest error over the tolerance, or what else is wrong)."""
        first = self.compiled(name, form, THREADS[0])
        for threads in THREADS[1:]:
            if any(not np.array_equal(a, b) for a, b in zip(first, self.compiled(name, form, threads))):
                return 0, f"{threads} threads give other bits than one"
        if any(a.shape != w.shape for a, w in zip(first, want)) or len(first) != len(want):
            return 0, "other shapes"
        error = max(np.abs(a - w).max() / np.abs(w).max() for a, w in zip(first, want))
        return error, None if error <= TOLERANCE[name] else f"off by {error:.2g} of the largest value, not {TOLERANCE[name]:.2g}"


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--seqc", required=True)
    p.add_argument("--steps", type=int, default=1000000)
    p.add_argument("-v", action="store_true", help="the error of each form too")
    args = p.parse_args()
    failed = count = 0
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ProcessPoolExecutor(2) as pool:
        million = Million(args.seqc, folder, args.steps)
        wants = {name: pool.submit(oracle, name, given) for name, given in million.inputs.items()}
        for name, forms in FORMS.items():
            want = wants[name].result()
            for form in forms.split():
                try:
                    error, wrong = million.check(name, form, want)
                except RuntimeError as e:
                    error, wrong = 0, str(e)
                count += 1
                failed += wrong is not None
                if wrong or args.v:
                    print(f"{'FAIL' if wrong else 'ok  '} {name} {form}: {wrong or f'{error:.2g}'}", flush=True)
    print(f"{count - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
