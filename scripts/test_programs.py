"""The programs of examples/04-programs, compiled and interpreted, against its oracle.py.

Each at several lengths, and as a ragged batch whose padding holds NaN (or, in tokens, a number
outside of the table). Programs that are not lowered yet must say so, once, at their place.
"""
import importlib.util
import os
import re
import subprocess

import numpy as np

LENGTHS = [0, 1, 2, 7, 33, 65]
RAGGED = [65, 0, 7, 1]
TOLERANCE = 5e-5  # of the largest value: f32, and sums over 65 steps

# file, entry, the shapes of inputs with an axis T, those without, those of weights
LSTM = {"w_ih": (4 * 5, 3), "w_hh": (4 * 5, 5), "bias": (4 * 5,)}
SQUARE = {"w_ih": (4 * 6, 6), "w_hh": (4 * 6, 6), "bias": (4 * 6,)}
T = "T"
PROGRAMS = [
    ("ema", "ema", {"x": (T,)}, {"decay": ()}, {}),
    ("lstm", "LSTM", {"x": (T, 3)}, {}, LSTM),
    ("gla", "gla", {"q": (T, 3), "k": (T, 3), "v": (T, 5), "log_a": (T, 3)}, {}, {}),
    ("gla", "gla_heads", {"q": (T, 2, 3), "k": (T, 2, 3), "v": (T, 2, 5), "log_a": (T, 2, 3)}, {}, {}),
    ("gated_delta", "gated_delta", {"q": (T, 3), "k": (T, 3), "v": (T, 5), "log_a": (T,), "beta": (T,)}, {}, {}),
    ("forgetting_attention", "forgetting_attention", {"q": (T, 5), "k": (T, 5), "v": (T, 5), "log_f": (T,)}, {}, {}),
    ("convolutions", "causal_conv", {"x": (T, 3)}, {"w": (3, 4), "bias": (3,)}, {}),
    ("convolutions", "long_conv", {"u": (T, 3), "kernel": (T, 3)}, {}, {}),
    ("mlstm", "mlstm", {"q": (T, 3), "k": (T, 3), "v": (T, 5), "i": (T,), "f": (T,)}, {}, {}),
    ("mamba", "Mamba(32)", {"x": (T, 32)}, {}, {
        "in_proj.weight": (128, 32), "conv1d.weight": (64, 4), "conv1d.b": (64,), "x_proj.weight": (34, 64),
        "dt_proj.weight": (64, 2), "dt_proj.b": (64,), "out_proj.weight": (32, 64), "A_log": (64, 16), "D_skip": (64,)}),
    ("charlm", "CharLM(9, 6)", {"tokens": (T,)}, {}, {
        "embed.weight": (9, 6), "head.weight": (9, 6), "head.b": (9,),
        **{f"layers.{l}.{n}": s for l in range(2) for n, s in SQUARE.items()}}),
    ("bilstm", "BiLSTM", {"x": (T, 3)}, {}, {f"{d}.{n}": s for d in ("fwd", "bwd") for n, s in LSTM.items()}),
    ("log_z", "log_z", {"e": (T, 4)}, {"trans": (4, 4)}, {}),
]
# file, what is named at which line:column
NOT_YET = [
    ("tree", [("E0321", "2:55")]),
    ("ttt", [("E0501", "3:3"), ("E0501", "4:18")]),
]


class Programs:
    def __init__(self, seqc, folder, write_weights):
        self.seqc, self.folder, self.write_weights = seqc, folder, write_weights
        spec = importlib.util.spec_from_file_location("oracle", os.path.join(folder, "oracle.py"))
        self.oracle = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.oracle)

    def call(self, *argv):
        return subprocess.run([self.seqc, *argv], cwd=self.folder, capture_output=True, text=True,
                              env=dict(os.environ, NO_COLOR="1"))

    def problems(self, scratch):
        """A line for each thing that is wrong."""
        for at, program in enumerate(PROGRAMS):
            yield from self.one(program, np.random.default_rng(at), scratch)
        for name, places in NOT_YET:
            r = self.call("run", name + ".seq")
            found = re.findall(rf"^{name}\.seq:(\d+:\d+): error: .* \[(E\d+)\]$", r.stderr, re.M)
            if r.returncode != 1 or [(code, place) for place, code in found] != places:
                yield f"{name}: exit {r.returncode}: {r.stderr}"

    def one(self, program, random, scratch):
        name, entry, timed, shared, weights = program
        draw = lambda shape: random.standard_normal(shape).astype(np.float32)
        w = {n: draw(s) / np.float32(max(s[-1], 1) ** 0.5) for n, s in weights.items()}
        options = []
        if w:
            options = ["--weights", os.path.join(scratch, name + ".safetensors")]
            self.write_weights(options[1], w)
        fixed = {n: draw(s) for n, s in shared.items()}
        rows = lambda n, s, length: (random.integers(0, 9, length).astype(np.int32) if n == "tokens"
                                     else -np.abs(draw((length, *s[1:]))) if n.startswith("log_")
                                     else draw((length, *s[1:])))
        want = lambda given: np.asarray(self.expected(entry, {**given, **fixed}, w))
        for length in LENGTHS:
            given = {n: rows(n, s, length) for n, s in timed.items()}
            yield from self.compare(f"{name}: {entry} T={length}", name, entry, {**given, **fixed}, [], options,
                                    want(given), scratch)
        each = [{n: rows(n, s, length) for n, s in timed.items()} for length in RAGGED]
        padded = {n: np.stack([self.pad(one[n]) for one in each]) for n in timed}
        results = [want(one) for one in each]
        if results[0].ndim:
            results = [np.pad(y, [(0, RAGGED[0] - len(y))] + [(0, 0)] * (y.ndim - 1)) for y in results]
        lengths = "lengths=" + ",".join(map(str, RAGGED))
        yield from self.compare(f"{name}: {entry} ragged", name, entry, {**padded, **fixed}, [lengths], options,
                                np.stack(results), scratch)

    @staticmethod
    def pad(rows):
        filler = np.nan if rows.dtype == np.float32 else 1 << 30
        return np.pad(rows, [(0, RAGGED[0] - len(rows))] + [(0, 0)] * (rows.ndim - 1), constant_values=filler)

    def expected(self, entry, given, weights):
        exact = {n: a.astype(np.float64) if a.dtype == np.float32 else a for n, a in given.items()}
        w = [{n: a.astype(np.float64) for n, a in weights.items()}] if weights else []
        return getattr(self.oracle, entry.split("(")[0].lower())(*exact.values(), *w)

    def compare(self, label, name, entry, given, more, options, want, scratch):
        words = []
        for n, a in given.items():
            path = os.path.join(scratch, n + ".npy")
            np.save(path, a)
            words.append(f"{n}={path}")
        for mode in ([], ["--interpret"]):
            out = os.path.join(scratch, "out")
            r = self.call("run", name + ".seq", entry, *words, *more, *options, *mode, "--out", out)
            if r.returncode:
                yield f"{label} {mode}: exit {r.returncode}: {r.stderr}"
                continue
            got = np.load(os.path.join(out, "out.npy"))
            if got.shape != want.shape:
                yield f"{label} {mode}: shape {got.shape}, not {want.shape}"
            elif not np.abs(got - want).max(initial=0) <= TOLERANCE * np.abs(want).max(initial=0):
                yield f"{label} {mode}: differs by {np.abs(got - want).max()}"
