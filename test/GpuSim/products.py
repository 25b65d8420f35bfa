#!/usr/bin/env python3
"""Matrix products in the simulator, of every type and kind of instructions. Closes with counts.

    products.py --seqc build/bin/seqc [--jobs N]

Each function of products.seq, at sizes around those of tiles and at odd ones, is held to the
interpreter in f32, f64, bf16 and f16, with tf32x3 and with factors that are rounded, on sm_80; and in 16
bits on sm_90a. The matrix instructions that the simulator counts are those that the extents need, and no
fewer; on sm_90a they are those of warp groups, each of which does the work of many others. Those of boxes.seq
read their factors in boxes alone: a warp loads lengths, and nothing else.
"""
import argparse
import concurrent.futures
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
MODES = {"f32": [], "f64": ["--float", "f64"], "bf16": ["--float", "bf16"], "f16": ["--float", "f16"],
         "tf32x3": ["--matmul", "tf32x3"], "rounded": ["--matmul", "bf16"],
         "bf16 sm_90a": ["--float", "bf16", "--target=gpusim:sm_90a"],
         "f16 sm_90a": ["--float", "f16", "--target=gpusim:sm_90a"]}
NAMES = ["nt", "nn", "tt", "tn", "fused", "two", "chain"]
SIZES = [(17, 33, 65), (129, 8, 40), (130, 65, 129), (48, 64, 128), (0, 16, 16), (9, 1, 300)]


def up(n, by):
    return -(-n // by) * by


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--seqc", required=True)
    p.add_argument("--jobs", type=int, default=2)
    a = p.parse_args()

    def boxes(function, sizes, kind):
        label = f"{function} {' '.join(sizes)} {kind} in boxes"
        r = subprocess.run([os.path.abspath(a.seqc), "check", "boxes.seq", f"Boxes(72).{function}", "--json", *sizes,
                            "--float", kind, "--weights", "random:1", "--target=gpusim:sm_90a"], cwd=HERE,
                           capture_output=True, text=True)
        if r.returncode:
            return f"{label}: {' '.join((r.stdout[-300:] + r.stderr).split())[:300]}"
        kernels = [k for c in json.loads(r.stdout)["counts"] for k in c["kernels"] if "_product_" in k["name"]]
        loads, warps = (sum(k[of] for k in kernels) for of in ("global_loads", "threads"))
        warps //= 32
        copies = function != "mixed" and "batch=1" in sizes  # of several sequences, rows may lie anywhere
        if not kernels or (copies and loads > 8 * warps):
            return f"{label}: {len(kernels)} products, {loads} loads by {warps} warps"
        return None

    def one(job):
        name, sizes, mode = job
        if mode in ("box bf16", "box f16"):
            return boxes(name, sizes, mode.split()[1])
        target = [] if "sm_90a" in mode else ["--target=gpusim"]
        r = subprocess.run([os.path.abspath(a.seqc), "check", "products.seq", name, "--json", *target,
                            *sizes, *MODES[mode]], cwd=HERE, capture_output=True, text=True)
        label = f"{name} {' '.join(sizes)} {mode}"
        if r.returncode:
            return f"{label}: {' '.join((r.stdout[-300:] + r.stderr).split())[:300]}"
        if mode.split()[0] not in ("bf16", "f16") or name != "nt":
            return None
        t, k, n = (int(s[2:]) for s in sizes)
        if min(t, k, n) < 16:
            return None  # no matrix
        mma = sum(kernel["mma"] for c in json.loads(r.stdout)["counts"] for kernel in c["kernels"])
        least = up(t, 16) * up(n, 8) * up(k, 16) // (16 * 8 * 16)
        if "sm_90a" in mode:  # 64 rows and up to 128 columns at once, by four warps
            others, least = least, 4 * (up(t, 64) // 64) * (up(n, 128) // 128) * (up(k, 16) // 16)
            if mma >= others:
                return f"{label}: {mma} matrix instructions, as many as without warp groups"
        return None if mma >= least else f"{label}: {mma} matrix instructions, fewer than {least}"

    jobs = [(name, [f"T={t}", f"K={k}", f"N={n}"], mode) for name in NAMES for t, k, n in SIZES for mode in MODES
            if "sm_90a" not in mode or t * n > 1000]
    jobs += [("batched", [f"T={t}", "H=2", f"K={k}"], mode) for t, k in ((65, 24), (3, 100)) for mode in MODES]
    jobs += [(name, sizes, f"box {kind}") for name in ("forward", "across", "heads", "mixed") for kind in ("bf16", "f16")
             for sizes in (["T=264", "batch=1"], ["T=3,136,64", "batch=3"])]
    with concurrent.futures.ThreadPoolExecutor(a.jobs) as pool:
        wrong = [w for w in pool.map(one, jobs) if w]
    for w in wrong:
        print(f"FAIL {w}")
    print(f"{len(jobs) - len(wrong)} passed, {len(wrong)} failed")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
