#!/usr/bin/env python3
"""Kernels with a fault each: the simulator has to find it. Closes with counts.

    mutants.py --mutate build/bin/gpusim-mutate [--jobs N] [--only TEXT] [--table] [-v]

Each program beside this file is compiled, and again with every fault that the tool knows (its
Mutate.cpp lists them), and runs on the sizes of its line `// mutants:` in three orders of threads. A
fault that leaves undefined what a GPU does (a barrier, a wait, a lane's mask, a fence, an atomic access)
must be reported by the simulator, or not end; others may also make a result another one. What is neither stands in
HARMLESS, with its number and the reason, and nothing else does.
"""
import argparse
import concurrent.futures
import glob
import json
import os
import re
import subprocess
import sys
from collections import Counter

HERE = os.path.dirname(os.path.abspath(__file__))
KINDS = ["barrier removed", "all barriers removed", "warp sync removed", "mask halved", "wait removed", "fence removed",
         "arrival removed", "made plain", "guard removed",
         "one too far"]
UNDEFINED = KINDS[:8]

# Program: {(kernel, kind): (how many, why a GPU gives the same)}
OWN = "each thread reads what it wrote itself, or another barrier stands between the same accesses"
NEAR = "no point lies just past the end at these sizes, or what is read there meets a factor of 0"
INSIDE = "what is read besides is inside of the array, and meets a factor of 0 or is not stored"
PLACE = "what is stored is no point that is read, so nothing waits for it"
LAST = "the barrier after a tile's steps keeps the next tile's factors out, and each block has one tile"
HOLDS = "all sequences have as many steps here, or a lane does again what another one did"
ACQUIRES = "the load before it acquires, and the barrier after it hands that on to the block"
MET = "a block that waits has changed the count itself, so that it is never what it was"
HARMLESS = {
    "across": {("map", "warp sync removed"): (1, PLACE)},
    "attention": {("loop", "guard removed"): (38, INSIDE), ("loop", "one too far"): (45, NEAR),
                  ("loop", "barrier removed"): (14, OWN)},
    "groups Groups(200)": {("product", "one too far"): (45, NEAR), ("product", "barrier removed"): (1, LAST)},
    "loop": {("scan", "one too far"): (6, NEAR), ("scan", "barrier removed"): (9, OWN),
             ("map", "one too far"): (2, NEAR)},
    "nested": {("scan", "barrier removed"): (5, OWN), ("scan", "one too far"): (2, NEAR),
               ("map", "warp sync removed"): (1, PLACE)},
    "scan Cell(320)": {("scan", "fence removed"): (4, ACQUIRES), ("scan", "warp sync removed"): (4, PLACE),
                       ("scan", "guard removed"): (6, HOLDS), ("scan", "one too far"): (10, f"{NEAR}; {MET}")},
    "step Deep(6,2)": {("step", "warp sync removed"): (1, PLACE), ("step", "guard removed"): (1, INSIDE)},
    "product": {("product", "guard removed"): (3, INSIDE), ("product", "one too far"): (3, NEAR),
                ("product", "barrier removed"): (1, LAST)},
    "short Short(40)": {("product", "one too far"): (106, NEAR), ("product", "barrier removed"): (2, LAST)},
}


def runs(only):
    """(name, file, arguments) of every line `// mutants:`."""
    for path in sorted(glob.glob(os.path.join(HERE, "*.seq"))):
        with open(path, encoding="utf-8") as f:
            text = f.read()
        for line in re.findall(r"^// mutants: (.*)$", text, re.M):
            args = line.split()
            name = os.path.basename(path)[:-4] + (" " + args[0] if "=" not in args[0] else "")
            if only in name:
                yield name, path, args + (["--weights", "random:1"] if "\nlayer" in text else [])


def run(tool, path, args):
    """(the faults, or what went wrong)."""
    r = subprocess.run([os.path.abspath(tool), os.path.basename(path), *args], cwd=HERE, capture_output=True,
                       text=True, stdin=subprocess.DEVNULL)
    if r.returncode:
        return None, f"exit {r.returncode}: {' '.join(r.stderr.split())[:300]}"
    return [json.loads(line) for line in r.stdout.splitlines()], None


def kernel(name):
    """`scan` of `f_3_scan_sim_80`."""
    return re.sub(r"^.*?_(?:prepare_)?\d+_", "", re.sub(r"_sim_\d+a?$", "", name))


def caught(fault):
    if fault["kind"] in UNDEFINED:
        return fault["outcome"] in ("reported", "hangs")
    return fault["outcome"] in ("reported", "differs", "order", "hangs")


def judge(program, faults):
    """(how many are as expected, what is not)."""
    left = Counter((kernel(f["kernel"]), f["kind"]) for f in faults if not caught(f))
    listed = {key: count for key, (count, _) in HARMLESS.get(program, {}).items()}
    wrong = [f"{n} of `{k}` in `{name}` not found, {listed.get((name, k), 0)} listed as harmless"
             for (name, k), n in left.items() if n != listed.get((name, k), 0)]
    wrong += [f"`{k}` in `{name}` is listed as harmless, and every one is found"
              for name, k in listed if (name, k) not in left]
    for f in faults:
        if not caught(f) and f["outcome"] not in ("equal", "unreached"):
            wrong.append(f"`{f['kind']}` in `{kernel(f['kernel'])}` at {f['place']}: {f['outcome']} {f['message']}")
    return len(faults) - sum(left.values()) + sum(min(n, listed.get(k, 0)) for k, n in left.items()), wrong


def table(results):
    print("| program | fault | made | reported | another result, or no end | harmless or not reached |\n|---|---|---|---|---|---|")
    for program, faults in results:
        for kind in KINDS:
            of = [f for f in faults if f["kind"] == kind]
            if of:
                found = Counter(f["outcome"] for f in of)
                print(f"| {program} | {kind} | {len(of)} | {found['reported']} | {found['differs'] + found['order'] + found['hangs']} "
                      f"| {found['equal']} |")


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--mutate", required=True)
    p.add_argument("--jobs", type=int, default=2)
    p.add_argument("--only", default="")
    p.add_argument("--table", action="store_true", help="what was found of each kind, as a table of docs/GpuSim.md")
    p.add_argument("-v", action="store_true", help="a line for each fault")
    a = p.parse_args()
    todo = list(runs(a.only))
    passed, failed, results = 0, 0, []
    with concurrent.futures.ThreadPoolExecutor(a.jobs) as pool:
        for (program, *_), (faults, error) in zip(todo, pool.map(lambda x: run(a.mutate, *x[1:]), todo)):
            good, wrong = judge(program, faults) if faults else (0, [error or "there is no fault to make"])
            passed, failed = passed + good, failed + len(wrong)
            results.append((program, faults or []))
            for line in wrong:
                print(f"FAIL {program}: {line}", flush=True)
            for f in (faults or []) if a.v else []:
                print(f"{program}: {f['kind']} in `{kernel(f['kernel'])}` at {f['place']}: {f['outcome']} {f['message']}")
    if a.table:
        table(results)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
