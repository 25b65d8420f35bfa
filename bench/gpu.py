#!/usr/bin/env python3
"""Layers on a GPU: seqc beside cuDNN, PyTorch and the kernels that people use.

    gpu.py --seqc PATH [--target cuda] [--families lstm,gru,...] [--rounds N] [--seconds S] [--budget S]
           [--small] [--no-peers] [--json FILE]

Of each family and shape, all contestants run the same numbers, in f32 unless their name ends in
another type, each with the layout it likes best. They are held to NumPy in float64 on the first
steps of two sequences, and to each other on all; then they run in turns, round after round, a
round as many calls as fit, waited for at its end. What cannot be imported, built or believed is
`absent`, with the reason. FILE is written anew after each shape, so that what is there stays
when something ends the process; past the budget no new shape is begun. --small: tiny shapes, and
PyTorch's CPU where it has no CUDA; with --target=gpusim that tries all this out without a device.

Not run on hardware yet. Held to their references so far: seqc in the simulator, and those peers
that PyTorch has on a CPU too.
"""
import argparse
import json
import os
import sys
import time

import numpy as np

sys.dont_write_bytecode = True
import gpu_device
import gpu_recurrent
import gpu_sequence
import gru
import harness
import lstm
import seqc_model

FAMILIES = {f.NAME: f for f in (
    gpu_recurrent.Layer(lstm), gpu_recurrent.Layer(gru), gpu_recurrent.Blocks(), gpu_recurrent.Scan(),
    gpu_recurrent.Gated(), gpu_recurrent.Delta(), gpu_recurrent.Selective(), gpu_sequence.Attention(),
    gpu_sequence.Window(), gpu_sequence.ShortConvolution(), gpu_sequence.LongConvolution())}
LESS = ("tf32", "bf16", "f16")  # at the end of a name; `tf32x3` is as good as f32
STEPS, SEQUENCES = 48, 2        # what the float64 reference is asked for; every family is causal


def tolerance(name):
    """Of the largest value. f32 sums of a thousand terms over a thousand steps stay below 1e-4."""
    return 4e-2 if name.endswith(LESS) else 2e-4


def prefix(d):
    inputs = [a[:SEQUENCES, :STEPS] for a in d["inputs"]]
    return {"inputs": inputs, "weights": d["weights"]}


def error(got, want):
    worst = np.abs(got.astype(np.float64) - want).max() / np.abs(want).max()
    return float(worst) if np.isfinite(worst) else float("inf")


class Bench:
    def __init__(self, args):
        self.args, self.result = args, {"rows": [], "absent": {}, "peaks": {}, "versions": {}, "unfinished": []}
        self.end = time.monotonic() + args.budget
        try:
            if args.no_peers:
                raise RuntimeError("no peers are asked for")
            self.torch = gpu_device.Torch()
            if self.torch.device != "cuda" and not args.small:
                raise RuntimeError("it sees no CUDA device")
        except Exception as e:  # it may fail in any way it likes
            self.torch, self.result["absent"]["torch"] = None, f"{type(e).__name__}: {e}"[:300]

    def run(self):
        if self.torch:
            self.result["versions"] = {"torch": self.torch.t.__version__, "cuda": self.torch.t.version.cuda,
                                       "cudnn": self.torch.t.backends.cudnn.version()}
            self.result["peaks"] = gpu_device.peaks(self.torch, self.args.small)
        for name in self.args.families.split(","):
            family = FAMILIES[name]
            for shape in [family.SMALL] if self.args.small else family.SHAPES:
                label = f"{name} {text(shape)}"
                if time.monotonic() > self.end:
                    self.result["unfinished"].append(label)
                else:
                    self.shape(family, shape, label)
                self.write()
        return self.result

    def write(self):
        if self.args.json:
            with open(self.args.json + ".part", "w") as f:
                json.dump(self.result, f, indent=1)
            os.replace(self.args.json + ".part", self.args.json)

    def shape(self, family, shape, label):
        d = family.data(shape)
        want, models, players = family.reference(prefix(d)), [], []
        first = None  # the whole result of the first that is right where the reference is
        builders = {name: lambda name=name: self.ours(family, shape, d, name, want, models) for name in family.OURS}
        for name, build in {**builders, **self.peers(family, d)}.items():
            try:
                call, finish, read = build()
                call()
                finish()
                got = read()
                for part, right in (got[:SEQUENCES, :STEPS], want), (got, got if first is None else first):
                    if error(part, right) > tolerance(name):
                        raise ValueError(f"wrong by {error(part, right):.1e} of the largest value")
                first = got if first is None else first
                players.append(harness.Contestant(name, call, finish))
            except Exception as e:  # a peer may refuse in any way it likes
                self.result["absent"][f"{label}: {name}"] = f"{type(e).__name__}: {e}"[:300]
        try:
            figures = harness.measure(players, self.args.rounds, self.args.seconds)
        except Exception as e:  # a fault that came with no call before
            self.result["absent"][f"{label}: seqc or a peer, while timed"] = f"{type(e).__name__}: {e}"[:300]
            figures = {}
        moved = (sum(a.nbytes for a in (*d["inputs"], *d["weights"].values()))
                 + 4 * int(np.prod(want.shape[2:])) * shape.B * shape.T)
        for name, row in figures.items():
            self.result["rows"].append({"family": family.NAME, "shape": text(shape), "system": name,
                                        "gflop": float(family.gflop(shape)), "bytes": int(moved), **row})
        print(f"{label}, ms: " + "  ".join(f"{n} {f['median_ms']:.3g}" for n, f in figures.items()), flush=True)
        for model in models:
            model.close()
        if self.torch:
            players.clear()
            self.torch.release()

    def ours(self, family, shape, d, name, want, models):
        options = ("--matmul", "tf32x3") if name.endswith("tf32x3") else ()
        model = seqc_model.Model(self.args.seqc, family.SOURCE, family.entry(shape), d["weights"], 1, self.args.target,
                                 options)
        models.append(model)
        return model.on_device(d["inputs"], (shape.B, shape.T, *want.shape[2:]))

    def peers(self, family, d):
        if not self.torch:
            return {}
        with_finish = lambda build: (lambda: (lambda call, read: (call, self.torch.finish, read))(*build()))
        return {name: with_finish(build) for name, build in family.peers(self.torch, d).items()}


def text(shape):
    return " ".join(f"{axis}{n}" for axis, n in shape._asdict().items() if n)


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--seqc", required=True)
    p.add_argument("--target", default="cuda")
    p.add_argument("--families", default=",".join(FAMILIES))
    p.add_argument("--rounds", type=int, default=7)
    p.add_argument("--seconds", type=float, default=0.1, help="of each contestant in each round")
    p.add_argument("--budget", type=float, default=240)
    p.add_argument("--small", action="store_true")
    p.add_argument("--no-peers", action="store_true")
    p.add_argument("--json")
    args = p.parse_args()
    args.seqc = os.path.abspath(args.seqc)
    result = Bench(args).run()
    ours = [r for r in result["rows"] if r["system"].startswith("seqc")]
    failed = [k for k in result["absent"] if k.split(": ")[-1].startswith("seqc")]
    for name in failed:
        print(f"FAIL {name}: {result['absent'][name]}")
    print(f"{len(ours)} passed, {len(failed)} failed")
    return 1 if failed or not ours else 0


if __name__ == "__main__":
    sys.exit(main())
