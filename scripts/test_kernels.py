#!/usr/bin/env python3
"""Every kernel of the acceptance cases, and of test/GpuSim/products.seq in 16 bits, through NVIDIA's
assembler: none may spill registers.

    test_kernels.py --seqc build/bin/seqc [--out build/kernels.txt] [--chips sm_80,sm_90a] [--jobs N]

What each kernel uses goes to --out as a table. `ptxas` is that of SEQC_CUDA_HOME, CUDA_HOME,
/usr/local/cuda or PATH; without one the kernels are skipped. SPILLS lists what may spill, and how
many bytes at most. Closes with `N passed, M failed (K skipped)`, counted in kernels.
"""
import argparse
import concurrent.futures
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# Case, what the kernel is, chip: bytes of spill stores of one such kernel.
# Two products of steps a token, in blocks of chunks whose sizes are known at the call: eight factors at once.
SPILLS = {("own/householder", "loop", "sm_80"): 44, ("own/householder", "loop", "sm_90a"): 20,
          ("own/mlstm_extreme", "loop", "sm_90a"): 8}
USED = re.compile(r"Compiling entry function '(\w+)' for '\w+'.*?(\d+) bytes stack frame, (\d+) bytes spill stores, "
                  r"(\d+) bytes spill loads.*?Used (\d+) registers(.*?)$", re.S | re.M)


def find_ptxas():
    for variable in "SEQC_CUDA_HOME", "CUDA_HOME":
        if os.environ.get(variable):
            path = os.path.join(os.environ[variable], "bin", "ptxas")
            return path if os.access(path, os.X_OK) else None
    usual = "/usr/local/cuda/bin/ptxas"
    return usual if os.access(usual, os.X_OK) else shutil.which("ptxas")


def products():
    """(case, folder, arguments) of each function of products.seq."""
    folder = os.path.join(ROOT, "test", "GpuSim")
    with open(os.path.join(folder, "products.seq"), encoding="utf-8") as f:
        names = re.findall(r"^fn (\w+)", f.read(), re.M)
    return [(f"products/{name} {kind}", folder, ["products.seq", name, "--float", kind])
            for name in names for kind in ("bf16", "f16")]


def arguments(folder):
    with open(os.path.join(folder, "case.json"), encoding="utf-8") as f:
        case = json.load(f)
    argv = ["model.seq"] + ([case["entry"]] if case.get("entry") else [])
    argv += [f"{n}={v}" for n, v in case["inputs"].items()]
    return argv + (["--weights", case["weights"]] if case.get("weights") else []) + (case.get("args") or [])


def kernels(seqc, ptxas, case, folder, argv, chip):
    """Rows (case, kernel, chip, registers, shared, stack, spill stores, spill loads), or what went wrong."""
    with tempfile.TemporaryDirectory(prefix="seqc-kernels.") as tmp:
        ptx = os.path.join(tmp, "model.ptx")
        r = subprocess.run([seqc, "compile", *argv, f"--target={chip}", "-o", ptx], cwd=folder,
                           capture_output=True, text=True)
        if r.returncode:
            return [], f"{case} {chip}: exit {r.returncode}: {' '.join(r.stderr.split())[:300]}"
        r = subprocess.run([ptxas, "-v", "-O3", f"-arch={chip}", ptx, "-o", os.path.join(tmp, "model.cubin")],
                           capture_output=True, text=True)
        if r.returncode:
            return [], f"{case} {chip}: ptxas: {' '.join((r.stdout + r.stderr).split())[:300]}"
        with open(ptx, encoding="utf-8") as f:
            count = len(re.findall(r"^\.visible \.entry", f.read(), re.M))
    rows = []
    for name, stack, stores, loads, registers, rest in USED.findall(r.stdout + r.stderr):
        shared = re.search(r"(\d+) bytes smem", rest)
        rows.append((case, name, chip, int(registers), int(shared[1]) if shared else 0, int(stack), int(stores),
                     int(loads)))
    return rows, None if len(rows) == count else f"{case} {chip}: ptxas tells of {len(rows)} of {count} kernels"


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--seqc", required=True)
    p.add_argument("--out")
    p.add_argument("--chips", default="sm_80,sm_90a")
    p.add_argument("--jobs", type=int, default=2)
    a = p.parse_args()
    folders = sorted(os.path.dirname(f) for kind in ("own", "real")
                     for f in glob.glob(os.path.join(ROOT, "test", "Cases", kind, "*", "case.json")))
    ptxas = find_ptxas()
    if not ptxas:
        print("note: no ptxas is found: no kernel is assembled")
        print(f"0 passed, 0 failed ({len(folders)} skipped)")
        return 0
    cases = [("/".join(folder.split("/")[-2:]), folder, arguments(folder)) for folder in folders] + products()
    jobs = [(*case, chip) for case in cases for chip in a.chips.split(",")]
    rows, failed = [], 0
    with concurrent.futures.ThreadPoolExecutor(a.jobs) as pool:
        for found, wrong in pool.map(lambda j: kernels(os.path.abspath(a.seqc), ptxas, *j), jobs):
            rows += found
            if wrong:
                failed += 1
                print(f"FAIL {wrong}", flush=True)
    spilling = 0
    for case, name, chip, _, _, _, stores, _ in rows:
        allowed = SPILLS.get((case, re.sub(r"^.*?_\d+_", "", name).split("_")[0], chip), 0)
        if stores > allowed:
            spilling += 1
            print(f"FAIL {case} {chip}: `{name}` spills {stores} bytes, {allowed} are allowed")
    if a.out:
        with open(a.out, "w", encoding="utf-8") as f:
            f.write(f"{'case':34} {'kernel':52} {'chip':7} registers shared  stack stores  loads\n")
            for case, name, chip, *numbers in sorted(rows):
                f.write(f"{case:34} {name:52} {chip:7} {numbers[0]:9} " + " ".join(f"{n:6}" for n in numbers[1:]) + "\n")
        print(f"{len(rows)} kernels: {a.out}")
    failed += spilling
    print(f"{len(rows) - spilling} passed, {failed} failed")
    return 1 if failed or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
