"""Measures families in one process, with one number of threads. Started by run.py."""
import argparse
import json
import sys

sys.dont_write_bytecode = True
import gru
import harness
import longconv
import lstm
import peephole
import shortconv
import systems

FAMILIES = {"lstm": lstm, "gru": gru, "peephole": peephole, "longconv": longconv, "shortconv": shortconv}
TOLERANCE = 1e-4  # of the largest value; f32 sums of 1024 terms over 128 steps stay far below


def contestants(family, shape, available, seqc, threads, absent):
    """Those that can be built and give the right numbers; why not goes to `absent`."""
    import numpy as np

    data = family.data(shape)
    want = family.reference(data)
    context, found = systems.Context(available, seqc, threads), []
    for name, build in family.builders(data, context).items():
        key = f"{family.NAME} {shape} {name}"
        try:
            call, read = build()
            call()
            error = float(np.abs(read() - want).max() / np.abs(want).max())
        except Exception as e:  # a peer may refuse in any way it likes
            absent[key] = f"{type(e).__name__}: {e}"[:300]
            continue
        if error > TOLERANCE:
            absent[key] = f"wrong by {error:.1e} of the largest value"
            continue
        found.append(harness.Contestant(name, call))
    if hasattr(family, "companions") and any(c.name == "seqc" for c in found):
        for name, build in family.companions(data, context).items():
            found.append(harness.Contestant(name, build()[0]))
    return found


def run(args):
    available = systems.load(args.systems.split(","), args.threads)
    rows, absent = [], dict(available.absent)
    for name in args.families.split(","):
        family = FAMILIES[name]
        for shape in family.SHAPES:
            if args.shapes not in str(shape):
                continue
            players = contestants(family, shape, available, args.seqc, args.threads, absent)
            figures = harness.measure(players, args.rounds, args.seconds)
            for system, row in figures.items():
                rows.append({"family": name, "shape": str(shape), "T": shape.T, "B": shape.B, "H": shape.H,
                             "threads": args.threads, "system": system, "float": "f32",
                             "gflop": family.gflop(shape), "recurrent_bytes": family.recurrent_bytes(shape), **row})
            best = "  ".join(f"{s} {f['p25_ms']:.3g}" for s, f in figures.items())
            print(f"{name} {shape}, {args.threads} threads, ms: {best}", file=sys.stderr, flush=True)
    return {"rows": rows, "absent": absent, "versions": available.versions}


def main():
    p = argparse.ArgumentParser()
    for option in ("--seqc", "--families", "--shapes", "--systems", "--json"):
        p.add_argument(option)
    p.add_argument("--threads", type=int)
    p.add_argument("--rounds", type=int)
    p.add_argument("--seconds", type=float)
    args = p.parse_args()
    with open(args.json, "w") as f:
        json.dump(run(args), f)


if __name__ == "__main__":
    main()
