#!/usr/bin/env python3
"""Recurrences and convolutions in every form that is derived from them. Closes with counts.

    run.py --seqc build/bin/seqc [--wide] [--few] [--only TEXT] [-v]

A line `// forms: scan chunked two-level` stands before each function or layer of the .seq files beside this
one: the derived forms that it has, besides `sequential`. `seqc check --all-forms` compares each
of them with the interpreter, at lengths around the ends of chunks and blocks and in a ragged
batch; the forms that it tells must be those. Each function counts once in f32, and where
it runs in chunks or by transforms once in f64, and once with chunks of 8 and of 32 steps; --wide: in both, for v2, v3 and v4
and for one and two threads; --few: each once, at two lengths and small widths (for a target that is slow, such as that of SEQC_TARGET=gpusim).
"""
import argparse
import concurrent.futures
import glob
import json
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
FUNCTION = re.compile(r"^// forms:(.*)\n(?:fn|layer) (\w+)", re.M)


def sequences(file, name):
    """The sizes `T` and `S` that the function has."""
    return [size for size in sizes(file, name) if size in "TS"]


def sizes(file, name):
    """Those of one letter in the types of its inputs."""
    with open(file, encoding="utf-8") as f:
        head = re.search(rf"^(?:fn|layer) {name}\b.*?-> ", f.read(), re.M | re.S)[0]
    found = dict.fromkeys(re.findall(r"[\[ ]([A-Z])(?=[,\]])", head))
    return [size for size in found if not re.search(rf"\b{size}: int", head)]


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--seqc", required=True)
    p.add_argument("--wide", action="store_true")
    p.add_argument("--few", action="store_true")
    p.add_argument("--only", default="")
    p.add_argument("-v", action="store_true", help="the worst error of each form too")
    args = p.parse_args()
    modes = [["--float", "f32", "--threads", "2"], ["--float", "f64", "--threads", "1"]]
    if args.wide:
        modes = [["--float", f, "--threads", t, "--target", f"x86-64-v{v}"]
                 for f in ("f32", "f64") for t in "12" for v in (2, 3, 4)]
    jobs = []
    for file in sorted(glob.glob(os.path.join(HERE, "*.seq"))):
        with open(file, encoding="utf-8") as f:
            for forms, name in FUNCTION.findall(f.read()):
                if args.few and not sequences(file, name):
                    continue
                # Sums of products are where f64 tells an error from rounding.
                wide = args.wide or (not args.few and ("chunked" in forms or "fft" in forms))
                use = modes if wide else modes[:1]
                jobs += [(file, name, forms.split(), m) for m in use if args.only in name]
                # Whatever the cost model takes for a chunk, the others are right too.
                if "chunked" in forms and args.only in name and not args.few:
                    jobs += [(file, name, [f"{form}:{n}"], ["--form", f"{form}:{n}", "--threads", "3"])
                             for form in ("chunked", "two-level") if form in forms for n in (8, 32)]

    def one(job):
        file, name, forms, mode = job
        label = f"{os.path.basename(file)}:{name} {' '.join(mode)}"
        few = [f"{s}={'0,17' if s in 'TS' else 9}" for s in sizes(file, name)] if args.few else []
        every = [] if "--form" in mode else ["--all-forms"]
        r = subprocess.run([os.path.abspath(args.seqc), "check", file, name, "--weights", "random:1", "--json",
                            *few, *every, *mode], capture_output=True, text=True)
        try:
            report = json.loads(r.stdout)
        except ValueError:
            return label, f"exit {r.returncode}: {' '.join(r.stderr.split())[:250]}", {}
        worst = {}
        for o in report["outputs"]:
            worst[o["form"]] = max(worst.get(o["form"], 0),
                                   float("inf") if o["units"] is None else o["units"])
        if set(worst) - {"sequential"} != set(forms):
            return label, f"has the forms {sorted(worst)}, not {forms}", worst
        return label, None if report["ok"] else f"off: {worst} {report['mismatch']}", worst

    failed = 0
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for label, wrong, worst in pool.map(one, jobs):
            failed += wrong is not None
            if wrong:
                print(f"FAIL {label}: {wrong}")
            elif args.v:
                print(f"ok   {label}: {worst}")
    print(f"{len(jobs) - failed} passed, {failed} failed")
    return 1 if failed or not jobs else 0


if __name__ == "__main__":
    sys.exit(main())
