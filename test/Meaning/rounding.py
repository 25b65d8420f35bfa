#!/usr/bin/env python3
"""Conversions to bf16 and f16 at every place where rounding changes. Closes with counts.

    rounding.py --seqc build/bin/seqc

All numbers of 16 bits, what lies half-way between two of them, and the floats beside these, from
f32 and f64, on each level of CPUs (or SEQC_TARGET) and by the interpreter; held to exact
arithmetic in f64.
"""
import argparse
import os
import subprocess
import sys
import tempfile

import numpy as np

PROGRAM = """fn rounded(x: [T]) -> f32[T], f32[T] {
  return f32(bf16(x)), f32(f16(x))
}
"""
# Significant bits, the exponents of the least and the largest normal number.
TYPES = {"bf16": (8, -126, 127), "f16": (11, -14, 15)}


def rounded(x, digits, least, most):
    """`x`, of f64, to nearest with ties to even, as f32."""
    _, exponent = np.frexp(x)
    unit = np.maximum(exponent - 1, least) - (digits - 1)
    y = np.ldexp(np.rint(np.ldexp(x, -unit)), unit)
    y = np.where(np.abs(y) >= 2.0 ** (most + 1), np.copysign(np.inf, x), y)
    return np.where(np.isfinite(x), y, x).astype(np.float32)


def beside(x):
    bits = x.view(np.int32 if x.dtype == np.float32 else np.int64)
    return np.concatenate([bits - 1, bits, bits + 1]).view(x.dtype)


def places(kind):
    bits = np.arange(1 << 16, dtype=np.uint32)
    brain = (bits << 16).view(np.float32)
    half = bits.astype(np.uint16).view(np.float16).astype(np.float32)
    out = []
    for each in (brain, half):
        finite = np.unique(each[np.isfinite(each)]).astype(np.float64)
        middle = (finite[1:] + finite[:-1]) / 2
        out += [beside(each.astype(kind)), beside(middle.astype(kind))]
    edges = [65519.996, 65520, 1e30, 3.3961775292304957e38, 3.4028234e38]
    return np.concatenate(out + [beside(np.array(edges, kind))])


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--seqc", required=True)
    seqc = os.path.abspath(p.parse_args().seqc)
    target = os.environ.get("SEQC_TARGET")
    modes = [[f"--target={t}"] for t in ([target] if target else ["x86-64-v2", "x86-64-v3", "host"])]
    if not target:
        modes.append(["--interpret"])
    passed = failed = 0
    np.seterr(all="ignore")
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "r.seq"), "w", encoding="utf-8") as f:
            f.write(PROGRAM)
        for name, kind in (("f32", np.float32), ("f64", np.float64)):
            x = places(kind)
            np.save(os.path.join(folder, "x.npy"), x)
            for mode in modes:
                subprocess.run([seqc, "run", "r.seq", "x=x.npy", "--float", name, "--quiet", "--out", ".",
                                *mode], cwd=folder, check=True)
                for k, (to, parameters) in enumerate(TYPES.items()):
                    got = np.load(os.path.join(folder, f"out.{k}.npy"))
                    want = rounded(x.astype(np.float64), *parameters)
                    same = (got.view(np.int32) == want.view(np.int32)) | (np.isnan(got) & np.isnan(want))
                    passed += same.all()
                    if not same.all():
                        failed += 1
                        at = np.argmin(same)
                        print(f"FAIL {name} to {to} {mode[0]}: {x[at]!r} became {got[at]!r}, not {want[at]!r}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
