#!/usr/bin/env python3
"""What a convolution by transforms multiplies, against the formula. Closes with counts.

    transforms.py --seqc build/bin/seqc [-v]

The interpreter counts the multiplications of test/Forms' `causal`, 16 channels, in blocks of the
form `fft`. A step of a channel should take 4 R1 + 8 for the first stages, 12 R2 (1 + 2/R1) for the
second ones and 4 m (1 + 2/R1) for the products, where m = (M + 1) / 2 of M blocks are met: within
5 % of that, and so far less than the (T + 1) / 2 of the sum as it stands.
"""
import argparse
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.join(HERE, "..", "Forms", "convolutions.seq")
CHANNELS, R1, R2 = 16, 32, 8  # the radices that are chosen where the length is not known


def by_formula(steps):
    blocks = steps / (R1 * R2 / 2)
    redundant = 1 + 2 / R1
    return 4 * R1 + 8 + 12 * R2 * redundant + 4 * (blocks + 1) / 2 * redundant


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--seqc", required=True)
    p.add_argument("-v", action="store_true")
    args = p.parse_args()
    seqc = os.path.abspath(args.seqc)
    opt = os.path.join(os.path.dirname(seqc), "seq-opt")
    passed = failed = 0
    with tempfile.TemporaryDirectory() as folder:
        plain, derived = (os.path.join(folder, n) for n in ("plain.mlir", "fft.mlir"))
        subprocess.run([seqc, "compile", SOURCE, "causal", "--emit=seq", "-o", plain, "--quiet"], check=True)
        subprocess.run([opt, "-seq-raise", "-seq-fourier-conv=form=fft", plain, "-o", derived], check=True)
        for steps in (1024, 2048, 4096):
            sizes = ["--size", f"T={steps}", "--size", f"C={CHANNELS}"]
            r = subprocess.run([opt, "--seq-interpret", "--count", *sizes, derived], capture_output=True,
                               text=True, check=True)
            counted = float(re.search(r"^multiplies (\S+)", r.stdout, re.M).group(1)) / steps / CHANNELS
            good = abs(counted / by_formula(steps) - 1) < 0.05 and counted < (steps + 1) / 2
            passed += good
            failed += not good
            if args.v or not good:
                print(f"{'ok  ' if good else 'FAIL'} {steps} steps: {counted:.1f} multiplications of a "
                      f"channel's step, {by_formula(steps):.1f} by formula")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
