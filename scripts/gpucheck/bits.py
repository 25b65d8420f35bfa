"""The device against the simulator, bit for bit.

PTX defines what kernels of fused products and sums give, and what exp and the like are is the
compiler's own text, so a device and the simulator have no room to differ, but in the payload of
NaN. Tensor cores add in an order that is not laid down: with --matmul=tf32x3 results are held
together by a tolerance.
"""
import concurrent.futures
import importlib.util
import json
import os
import subprocess
import tempfile
import time

import numpy as np

from gpucheck.suites import ROOT

CASES = os.path.join(ROOT, "test", "Cases")
TOLERANCE = 2e-5  # of the largest value, for tensor cores
# Larger than the cases: several blocks to a sequence, long columns, tiles of products and of attention.
RECURRENT, BENCH, CONVOLUTIONS = "stdlib/recurrent.seq", "bench/gpu.seq", "bench/convolutions.seq"
PROGRAMS = [
    (RECURRENT, "LSTM(256, 256)", ["x=random:1:[2,9,256]"]),
    (RECURRENT, "GRU(192, 192)", ["x=random:2:[3,9,192]", "lengths=9,0,4"]),
    (BENCH, "Blocks(3, 64)", ["x=random:3:[2,9,4,3,64]"]),
    (BENCH, "Scan(300)", ["a=random:4:[2,200,300]", "x=random:5:[2,200,300]"]),
    (BENCH, "GLA(2, 64, 64)", [f"{n}=random:6:[2,33,2,64]" for n in ("q", "k", "v", "log_a")]),
    (BENCH, "Selective(96, 16)", ["u=random:7:[2,40,96]", "delta=random:8:[2,40,96]", "B=random:9:[2,40,16]",
                                  "C=random:1:[2,40,16]"]),
    (BENCH, "Attention(2, 64)", [f"{n}=random:2:[150,2,64]" for n in "qkv"]),
    (BENCH, "Window(2, 32, 20)", [f"{n}=random:3:[2,90,2,32]" for n in "qkv"]),
    (CONVOLUTIONS, "ShortConv(70)", ["x=random:4:[2,60,70]"]),
    (CONVOLUTIONS, "LongConv(40, 100)", ["x=random:5:[2,100,40]"]),
]


def programs(only):
    """(label, folder, arguments of `seqc run`, tolerance for tensor cores)."""
    for file, entry, inputs in PROGRAMS:
        label = f"{file} {entry}"
        if only in label:
            yield label, ROOT, [file, entry, *inputs, "--weights", "random:1"], TOLERANCE
    for kind in "own", "real":
        for name in sorted(os.listdir(os.path.join(CASES, kind))):
            folder = os.path.join(CASES, kind, name)
            if only in f"{kind}/{name}" and os.path.exists(os.path.join(folder, "case.json")):
                yield f"{kind}/{name}", folder, *case(folder)


def case(folder):
    with open(os.path.join(folder, "case.json"), encoding="utf-8") as f:
        c = json.load(f)
    argv = ["model.seq"] + ([c["entry"]] if c.get("entry") else [])
    argv += [f"{name}={value}" for name, value in c["inputs"].items()]
    argv += [f"lengths={c['lengths']}"] if c.get("lengths") is not None else []
    argv += ["--weights", c["weights"]] if c.get("weights") else []
    return argv + (c.get("args") or []), c.get("rtol_of_max", TOLERANCE)


def results(seqc, folder, argv, target):
    """({file: array}, None), or (None, what went wrong)."""
    with tempfile.TemporaryDirectory(prefix="seqc-bits") as out:
        try:
            p = subprocess.run([seqc, "run", *argv, "--target", target, "--out", out, "--quiet"], cwd=folder, timeout=120,
                               capture_output=True, text=True, env=dict(os.environ, NO_COLOR="1"))
        except subprocess.TimeoutExpired:
            return None, f"{target} takes longer than 120 s"
        if p.returncode:
            return None, f"{target}: exit {p.returncode}: {p.stderr.strip()[:300]}"
        return {f: np.load(os.path.join(out, f)) for f in sorted(os.listdir(out))}, None


def other_bits(a, b):
    """How many elements differ, the payload of NaN aside."""
    if a.shape != b.shape or a.dtype != b.dtype:
        return max(a.size, b.size, 1)
    raw = [np.ascontiguousarray(v).reshape(-1).view(f"u{v.dtype.itemsize}") for v in (a, b)]
    apart = raw[0] != raw[1]
    if a.dtype.kind == "f":
        apart &= ~(np.isnan(a.reshape(-1)) & np.isnan(b.reshape(-1)))
    return int(apart.sum())


def cases_compare():
    """The comparison of test/Cases."""
    spec = importlib.util.spec_from_file_location("cases", os.path.join(CASES, "run.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.compare


class Bits:
    def __init__(self, args, simulator):
        self.args, self.simulator, self.compare = args, simulator, cases_compare()

    def exact(self, limit):
        """(passed, failed, how many values were compared)."""
        return self.every(limit, [], self.same)

    def tensor_cores(self, limit):
        return self.every(limit, ["--matmul", "tf32x3"], self.close)

    def every(self, limit, more, judge):
        """Each run has a limit of its own, so that one that hangs is one failure; past `limit` none begins."""
        jobs, end = list(programs(self.args.only)), time.monotonic() + limit

        def one(job):
            label, folder, argv, tolerance = job
            if time.monotonic() > end:
                return None
            found = []
            for target in self.args.target, self.simulator:
                got, wrong = results(self.args.seqc, folder, argv + more, target)
                if wrong:
                    return label, wrong, 0
                found.append(got)
            values = sum(a.size for a in found[0].values())
            return label, judge(*found, tolerance), values
        with concurrent.futures.ThreadPoolExecutor(self.args.jobs) as pool:
            done = [d for d in pool.map(one, jobs) if d]
        for label, wrong, _ in done:
            if wrong:
                print(f"  FAIL {label}: {wrong}", flush=True)
        failed = sum(1 for _, wrong, _ in done if wrong)
        note = f"{sum(n for *_, n in done)} values in {len(done)} programs"
        left = len(jobs) - len(done)
        return len(done) - failed, failed, note + (f"; no time was left for {left} more" if left else "")

    def same(self, device, simulator, _):
        if device.keys() != simulator.keys():
            return f"results {sorted(device)} and {sorted(simulator)}"
        for name, a in device.items():
            if n := other_bits(a, simulator[name]):
                return f"{name}: {n} of {a.size} values differ from the simulator's"
        return None

    def close(self, device, simulator, tolerance):
        if device.keys() != simulator.keys():
            return f"results {sorted(device)} and {sorted(simulator)}"
        for name, a in device.items():
            if wrong := self.compare(a, simulator[name], tolerance):
                return f"{name}: {wrong}"
        return None
