#!/usr/bin/env python3
"""Convolutions by transforms of inputs that are infinite or no numbers. Closes with counts.

    nonfinite.py --seqc build/bin/seqc [-v]

A transform spreads what one step holds over its block, so a NaN would reach results that do not
depend on it. Each case is the sum as NumPy makes it, term by term in f64: the same places are NaN, the
same infinite, and the others within 2e-5 of the largest value. So are padding and lengths.
"""
import argparse
import os
import subprocess
import sys
import tempfile

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
TOLERANCE = 2e-5
CHANNELS = 21  # more than one tile, and the second not full


def convolve(u, k):
    """y[t, c] = Σ_s k[s, c] u[t − s, c]."""
    y = np.zeros_like(u)
    for s in range(min(len(u), len(k))):
        y[s:] += k[s] * u[:len(u) - s]
    return y


def cases(steps):
    r = np.random.default_rng(3)

    def changed(a, place, value):
        a = a.copy()
        a[place] = value
        return a

    u, k = r.standard_normal((2, steps, CHANNELS))
    yield "numbers", u, k, None
    yield "a NaN in the input", changed(u, (200, 3), np.nan), k, None
    yield "an infinity in the input", changed(u, (steps - 50, 20), np.inf), k, None
    yield "an infinity in the kernel", u, changed(k, (100, 7), -np.inf), None
    yield "a NaN at the first step", changed(u, (0, 0), np.nan), k, None
    yield "sums that overflow", changed(u, (10, 4), 3e38), k, None
    lengths = np.array([steps, steps // 2 + 3, 129, 0], np.int32)
    u, k = r.standard_normal((2, 4, steps, CHANNELS))
    for b, n in enumerate(lengths):
        u[b, n:] = k[b, n:] = np.nan
    yield "NaN behind the lengths", u, k, lengths


def expected(u, k, lengths):
    u, k = np.float64(np.float32(u)), np.float64(np.float32(k))
    with np.errstate(all="ignore"):
        if lengths is None:
            y = convolve(u, k)
        else:
            y = np.zeros_like(u)
            for b, n in enumerate(lengths):
                y[b, :n] = convolve(u[b, :n], k[b, :n])
        y[np.abs(y) > np.finfo(np.float32).max] *= np.inf
    return y


def compare(got, want):
    """What is wrong; None if nothing is."""
    for what, here in (("NaN", np.isnan), ("infinite", np.isinf)):
        if not (here(got) == here(want)).all():
            return f"{here(got).sum()} results are {what}, not {here(want).sum()}"
    finite = np.isfinite(want)
    if not (got[~finite & ~np.isnan(want)] == want[~finite & ~np.isnan(want)]).all():
        return "an infinity has the wrong sign"
    error = np.abs(got[finite] - want[finite]).max() / np.abs(want[finite]).max()
    return f"off by {error} of the largest value" if not error <= TOLERANCE else None


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--seqc", required=True)
    p.add_argument("-v", action="store_true")
    args = p.parse_args()
    passed = failed = 0
    for steps in (300, 1100):
        for name, u, k, lengths in cases(steps):
            with tempfile.TemporaryDirectory() as folder:
                for file, array in (("u", u), ("k", k)):
                    np.save(os.path.join(folder, file), array.astype(np.float32))
                words = ["u=u.npy", "k=k.npy"]
                if lengths is not None:
                    np.save(os.path.join(folder, "n"), lengths)
                    words.append("lengths=n.npy")
                r = subprocess.run([os.path.abspath(args.seqc), "run", os.path.join(HERE, "convolutions.seq"),
                                    "causal", *words, "--form", "fft", "--out", ".", "--quiet"],
                                   cwd=folder, capture_output=True, text=True)
                got = None if r.returncode else np.load(os.path.join(folder, "out.npy"))
            wrong = r.stderr if got is None else compare(got, expected(u, k, lengths))
            failed += wrong is not None
            passed += wrong is None
            if wrong or args.v:
                print(f"{'FAIL' if wrong else 'ok  '} {name}, {steps} steps{': ' + wrong if wrong else ''}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
