#!/usr/bin/env python3
"""What kernels move, counted in the simulator, beside what they have to. Closes with counts.

    traffic.py --seqc build/bin/seqc [-v]

A kernel's requests to global memory, in sectors of 32 bytes, are within 10 % of a formula: each input once
and each result once for a kernel that is made of streams; for a product the tiles of both factors once
for each tile of the result. No cache is counted: what a formula says twice is read twice.
"""
import argparse
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def tiles(n, side=64):
    return -(-n // side)


# Function, sizes, bytes read, bytes written, kernels.
KNOWN = [
    ("map", {"T": 256, "D": 96}, lambda s: 8 * s["T"] * s["D"], lambda s: 4 * s["T"] * s["D"], 1),
    # The initial state is a map of its own.
    ("columns", {"T": 256, "D": 128}, lambda s: 8 * s["T"] * s["D"], lambda s: 4 * s["T"] * s["D"], 2),
    # The mean reads all, and the rest reads it again, with a sector of means for each warp.
    ("norm", {"T": 128, "D": 512}, lambda s: 9 * s["T"] * s["D"], lambda s: 4 * s["T"] * s["D"], 2),
    ("product", {"T": 128, "K": 256, "N": 128},
     lambda s: 4 * s["K"] * (s["T"] * tiles(s["N"]) + s["N"] * tiles(s["T"])), lambda s: 4 * s["T"] * s["N"], 1),
    ("turned", {"T": 192, "K": 128, "N": 128},
     lambda s: 4 * s["K"] * (s["T"] * tiles(s["N"]) + s["N"] * tiles(s["T"])), lambda s: 4 * s["T"] * s["N"], 1),
]


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--seqc", required=True)
    p.add_argument("-v", action="store_true")
    args = p.parse_args()
    failed = 0
    for name, sizes, read, written, kernels in KNOWN:
        r = subprocess.run([os.path.abspath(args.seqc), "check", os.path.join(HERE, "traffic.seq"), name, "--json",
                            "--target=gpusim", *(f"{n}={v}" for n, v in sizes.items())],
                           capture_output=True, text=True)
        try:
            counts = json.loads(r.stdout)["counts"][0]
        except (ValueError, LookupError):
            failed += 1
            print(f"FAIL {name}: exit {r.returncode}: {' '.join(r.stderr.split())[:250]}")
            continue
        sums = counts["sums"]
        got = 32 * sums["sectors_read"], 32 * sums["sectors_written"]
        want = read(sizes), written(sizes)
        off = [abs(g - w) / w for g, w in zip(got, want)]
        bad = max(off) > 0.1 or len(counts["kernels"]) != kernels
        failed += bad
        if bad or args.v:
            print(f"{'FAIL' if bad else 'ok  '} {name}: {got[0]} bytes read, {want[0]} by the formula; {got[1]} written, "
                  f"{want[1]}; {len(counts['kernels'])} kernels of {kernels}")
    print(f"{len(KNOWN) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
