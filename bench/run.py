#!/usr/bin/env python3
"""Recurrent layers compiled by seqc beside the systems that people use now.

    run.py [--seqc PATH] [--venv DIR] [--families lstm,gru,peephole,longconv,shortconv] [--threads 1,2] [--shapes TEXT]
           [--systems seqc,torch,...] [--rounds N] [--seconds S] [--json FILE]

Prints a table for each family and writes all figures to FILE. Contestants of one shape are
checked against NumPy in float64 and then run in turns, round after round, in one process
(worker.py); each thread count has a process of its own. Peers come from PyPI, into DIR: one
that cannot be installed or imported is `absent`.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import floor
import report
import venv_setup

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)


def arguments():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--seqc", default=os.path.join(ROOT, "build/bin/seqc"))
    p.add_argument("--venv", default=os.path.join(ROOT, "build/bench-venv"))
    p.add_argument("--families", default="lstm,gru,peephole,longconv,shortconv")
    p.add_argument("--threads", default="1,2")
    p.add_argument("--shapes", default="", help="only shapes whose name holds this text, as in `B1 H512`")
    p.add_argument("--systems", default="seqc," + ",".join(venv_setup.SYSTEMS))
    p.add_argument("--rounds", type=int, default=9)
    p.add_argument("--seconds", type=float, default=0.2, help="of each contestant in each round")
    p.add_argument("--json", default=os.path.join(ROOT, "build/bench.json"))
    return p.parse_args()


def work(args, python, threads, found):
    """Measures all families in a process with `threads` threads; returns its rows."""
    env = dict(os.environ, OMP_NUM_THREADS=str(threads), MKL_NUM_THREADS=str(threads),
               OPENBLAS_NUM_THREADS=str(threads), JAX_PLATFORMS="cpu", TF_CPP_MIN_LOG_LEVEL="3")
    with tempfile.NamedTemporaryFile(suffix=".json") as out:
        subprocess.run([python, os.path.join(HERE, "worker.py"), "--seqc", os.path.abspath(args.seqc),
                        "--threads", str(threads), "--families", args.families, "--shapes", args.shapes,
                        "--systems", ",".join(found), "--rounds", str(args.rounds),
                        "--seconds", str(args.seconds), "--json", out.name], env=env, check=True)
        return json.load(open(out.name))


def main():
    args = arguments()
    wanted = args.systems.split(",")
    python = venv_setup.prepare(args.venv, [s for s in wanted if s != "seqc"])
    result = {"machine": floor.machine(), "floor": floor.measure(), "rows": [], "absent": {}}
    for threads in map(int, args.threads.split(",")):
        part = work(args, python, threads, wanted)
        result["rows"] += part["rows"]
        result["absent"].update(part["absent"])
        result["versions"] = part["versions"]
    print(report.text(result))
    with open(args.json, "w") as f:
        json.dump(result, f, indent=1)
    print(f"wrote {os.path.relpath(args.json)}")


if __name__ == "__main__":
    main()
