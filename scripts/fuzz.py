#!/usr/bin/env python3
"""Runs every libFuzzer target of a build for a while, from the seeds that lie beside it.

    fuzz.py --build build-fuzz [--seconds 60]

A target is bin/*Fuzz. Seeds: what runtime/Fuzz/make_seeds.py makes, and for the front end all
.seq files of the project. What crashes is kept in BUILD/fuzz/NAME. Closes with counts.
"""
import argparse
import glob
import os
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def seeds_of(name, folder):
    """Fills `folder` with seeds of the target called `name`."""
    os.makedirs(folder, exist_ok=True)
    maker = os.path.join(ROOT, "runtime", "Fuzz", "make_seeds.py")
    kind = name.lower().replace("seq", "", 1).replace("fuzz", "")
    if kind in ("npy", "safetensors"):
        made = os.path.join(os.path.dirname(folder), "made")
        subprocess.run([sys.executable, maker, made], check=True)
        source = glob.glob(os.path.join(made, kind, "*"))
    else:
        source = [f for f in glob.glob(os.path.join(ROOT, "**", "*.seq"), recursive=True) if "/build" not in f]
    for i, file in enumerate(source):
        shutil.copy(file, os.path.join(folder, f"{i:04}"))


def dictionary(name):
    for file in glob.glob(os.path.join(ROOT, "**", "*.dict"), recursive=True):
        if os.path.basename(file)[:-5].lower() in name.lower():
            return [f"-dict={file}"]
    return []


def run(target, build, seconds):
    name = os.path.basename(target)
    work = os.path.join(build, "fuzz", name)
    seeds = os.path.join(work, "seeds")
    seeds_of(name, seeds)
    argv = [target, seeds, f"-max_total_time={seconds}", f"-artifact_prefix={work}/", "-timeout=10",
            "-rss_limit_mb=2048", "-print_final_stats=1", *dictionary(name)]
    p = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    tail = p.stdout.splitlines()[-12 if p.returncode == 0 else -60:]
    print("\n".join(tail))
    print(f"{'ok  ' if p.returncode == 0 else 'FAIL'} {name}", flush=True)
    return p.returncode == 0


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--build", default="build-fuzz")
    p.add_argument("--seconds", type=int, default=60)
    args = p.parse_args()
    targets = sorted(glob.glob(os.path.join(os.path.abspath(args.build), "bin", "*Fuzz")))
    results = [run(t, args.build, args.seconds) for t in targets]
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed")
    return 0 if results and all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
