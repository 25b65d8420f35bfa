#!/usr/bin/env python3
"""The functions of kernels, which link no library, beside NumPy's in extended precision.

    functions.py --seqc build/bin/seqc [-v]

In f32 and f64, over the whole range of the type: infinities and NaN where they belong, and no result
further away than so many units in its last place. Closes with counts.
"""
import argparse
import math
import os
import subprocess
import sys
import tempfile

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
NAMES = "exp log tanh erf sin cos expm1 log1p softplus power sigmoid".split()
# Units in the last place, f32 and f64.
ALLOWED = {"f32": dict.fromkeys(NAMES, 4), "f64": dict.fromkeys(NAMES, 4) | {"erf": 8}}


def inputs(kind):
    r = np.random.default_rng(1)
    high, most = (300, 700) if kind == "f64" else (37, 87)
    special = [0.0, -0.0, np.inf, -np.inf, np.nan, 1, -1, 0.35, -0.35, 0.4, 6.5]
    special += [709.78, 710, -745.1, -745.2, 1e-310] if kind == "f64" else [88.72, 88.8, -87.33]
    x = np.concatenate([r.standard_normal(8000), r.uniform(-most, most, 6000), r.uniform(-40, 40, 6000),
                        10.0 ** r.uniform(-high, high, 3000) * r.choice([-1, 1], 3000), special])
    return x.astype(np.float64 if kind == "f64" else np.float32)


def wanted(x):
    """By name, in extended precision from the rounded inputs."""
    exponent = np.longdouble(x.dtype.type(1.7))
    x = x.astype(np.longdouble)
    erf = np.array([math.erf(float(v)) for v in x])
    return {"exp": np.exp(x), "log": np.log(abs(x)), "tanh": np.tanh(x), "erf": erf, "sin": np.sin(x),
            "cos": np.cos(x), "expm1": np.expm1(x), "log1p": np.log1p(abs(x)),
            "softplus": np.log1p(np.exp(-abs(x))) + np.maximum(x, 0), "power": abs(x) ** exponent,
            "sigmoid": 1 / (1 + np.exp(-x))}


def judge(name, kind, x, got, want):
    """What is wrong, or None; and the largest distance in units."""
    with np.errstate(all="ignore"):
        want = want.astype(got.dtype)
    sure = np.ones(len(x), bool)
    if name in ("sin", "cos"):  # pi in three parts, or in two of f64, reaches so far
        sure = ~(abs(x) >= (1e9 if kind == "f64" else 1e5))
    if kind == "f32":  # denormal results are 0
        sure &= ~(abs(want) < np.finfo(np.float32).tiny)
    x, got, want = x[sure], got[sure], want[sure]
    off = (np.isnan(got) != np.isnan(want)) | (np.isinf(got) != np.isinf(want)) | (np.isinf(got) & (got != want))
    if off.any():
        return f"at {x[off][0]!r}: {got[off][0]!r}, not {want[off][0]!r}", math.inf
    fine = np.isfinite(got) & np.isfinite(want)
    units = abs(got[fine].astype(np.longdouble) - want[fine]) / np.spacing(abs(want[fine]))
    k = int(units.argmax())
    if units[k] > ALLOWED[kind][name]:
        return f"{float(units[k])} units at {x[fine][k]!r}: {got[fine][k]!r}, not {want[fine][k]!r}", units[k]
    return None, units[k]


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--seqc", required=True)
    p.add_argument("-v", action="store_true", help="the largest distance of each function")
    args = p.parse_args()
    passed = failed = 0
    for kind in ("f32", "f64"):
        x = inputs(kind)
        with tempfile.TemporaryDirectory() as folder, np.errstate(all="ignore"):
            np.save(os.path.join(folder, "x.npy"), x)
            r = subprocess.run([os.path.abspath(args.seqc), "run", os.path.join(HERE, "functions.seq"), "every",
                                "x=x.npy", "--float", kind, "--target=gpusim", "--out", "out", "--quiet"],
                               cwd=folder, capture_output=True, text=True)
            want = wanted(x)
            for i, name in enumerate(NAMES):
                file = os.path.join(folder, "out", f"out.{i}.npy")
                if r.returncode or not os.path.exists(file):
                    wrong, units = f"exit {r.returncode}: {' '.join(r.stderr.split())[:250]}", math.inf
                else:
                    wrong, units = judge(name, kind, x, np.load(file), want[name])
                failed += wrong is not None
                passed += wrong is None
                if wrong:
                    print(f"FAIL {name} {kind}: {wrong}")
                elif args.v:
                    print(f"ok   {name} {kind}: {float(units):.1f} units")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
