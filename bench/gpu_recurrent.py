"""Recurrences for gpu.py: layers that cuDNN has, blocks of an LSTM that it has not, and linear ones.

A family has SHAPES, and SMALL for trying it out; `data(shape)` gives {"inputs": in the entry's order,
[B, T, ...]; "weights": {...}}; `reference(d)` the results in float64; `peers(torch, d)` builders of
(call, read). Names of peers with products or arrays in less than f32 end in that type.
"""
import collections
import os

import numpy as np

import recurrent
from recurrent import sigmoid

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "gpu.seq")
Shape = collections.namedtuple("Shape", "B T H K V", defaults=(0, 0))
MATMUL = ("seqc", "seqc tf32x3")  # what has products is timed with --matmul=tf32x3 too


def normal(r, *shape, scale=1.0):
    return r.standard_normal(shape, dtype=np.float32) * np.float32(scale)


def f64(d):
    return [a.astype(np.float64) for a in d["inputs"]], {n: a.astype(np.float64) for n, a in d["weights"].items()}


class Layer:
    """torch.nn.LSTM and GRU, whose device code is cuDNN's."""
    SHAPES = [Shape(16, 1024, 768), Shape(1, 1024, 512)]
    SMALL = Shape(2, 5, 8)
    SOURCE, OURS = recurrent.STDLIB, MATMUL

    def __init__(self, module):
        self.module, self.NAME, self.cell = module, module.NAME, module.NAME.upper()

    def entry(self, s):
        return f"{self.cell}({s.H}, {s.H})"

    def data(self, s):
        d = self.module.data(recurrent.Shape(s.T, s.B, s.H))  # [T, B, H], as cuDNN has it
        x = d.pop("x")
        return {"inputs": [np.ascontiguousarray(x.transpose(1, 0, 2))], "weights": d}

    def reference(self, d):
        x = d["inputs"][0].transpose(1, 0, 2)
        return self.module.reference({"x": x, **d["weights"]}).transpose(1, 0, 2)

    def gflop(self, s):
        return self.module.gflop(recurrent.Shape(s.T, s.B, s.H))

    def peers(self, torch, d):
        w, width = d["weights"], d["inputs"][0].shape[2]
        bias = (w["bias"], np.zeros_like(w["bias"])) if "bias" in w else (w["b_ih"], w["b_hh"])
        values = {"weight_ih_l0": w["w_ih"], "weight_hh_l0": w["w_hh"], "bias_ih_l0": bias[0], "bias_hh_l0": bias[1]}

        def layer(dtype, exact):
            made = getattr(torch.t.nn, self.cell)(width, width).eval().to(torch.device, dtype)
            for name, value in values.items():
                getattr(made, name).copy_(torch.put(value, dtype))
            made.flatten_parameters()
            x = torch.put(d["inputs"][0].transpose(1, 0, 2), dtype)
            return torch.peer(lambda x: made(x)[0], x, exact=exact, back=lambda y: y.transpose(0, 1))
        t = torch.t
        return {"cudnn": lambda: layer(t.float32, True), "cudnn tf32": lambda: layer(t.float32, False),
                "cudnn f16": lambda: layer(t.float16, True)}


class Blocks:
    """A block-diagonal LSTM: H blocks of K."""
    NAME, SOURCE, OURS = "blocks", SOURCE, MATMUL
    SHAPES = [Shape(16, 1024, 12, 64), Shape(16, 1024, 3, 256)]
    SMALL = Shape(2, 5, 3, 8)

    def entry(self, s):
        return f"Blocks({s.H}, {s.K})"

    def data(self, s):
        r = np.random.default_rng(s.K)
        return {"inputs": [normal(r, s.B, s.T, 4, s.H, s.K)],
                "weights": {"w": normal(r, 4, s.H, s.K, s.K, scale=s.K ** -.5)}}

    def reference(self, d):
        (x,), w = f64(d)
        s = c = np.zeros_like(x[:, 0, 0])
        out = []
        for t in range(x.shape[1]):
            z = x[:, t] + np.einsum("ghpq,bhq->bghp", w["w"], s)
            c = sigmoid(z[:, 1]) * c + sigmoid(z[:, 0]) * np.tanh(z[:, 2])
            s = sigmoid(z[:, 3]) * np.tanh(c)
            out.append(s)
        return np.stack(out, 1)

    def gflop(self, s):
        return 2e-9 * s.B * s.T * 4 * s.H * s.K * s.K

    def peers(self, torch, d):
        t, put = torch.t, torch.put
        _, _, _, heads, wide = d["inputs"][0].shape
        x = put(d["inputs"][0].transpose(1, 3, 0, 2, 4))  # [T, heads, B, 4, wide]
        w = put(d["weights"]["w"].transpose(1, 3, 0, 2).reshape(heads, wide, 4 * wide))

        def loop(x, w):
            s, c, out = t.zeros_like(x[0, :, :, 0]), t.zeros_like(x[0, :, :, 0]), []
            for step in x:
                i, f, g, o = (step + t.bmm(s, w).view(*step.shape)).unbind(2)
                c = f.sigmoid() * c + i.sigmoid() * g.tanh()
                s = o.sigmoid() * c.tanh()
                out.append(s)
            return t.stack(out)
        back = lambda y: y.permute(2, 0, 1, 3)
        return {"torch loop": lambda: torch.peer(loop, x, w, back=back),
                "torch loop, graph": lambda: torch.captured(loop, x, w, back=back)}


class Scan:
    """Of first order, with given decays: H channels."""
    NAME, SOURCE, OURS = "scan", SOURCE, ("seqc",)
    SHAPES = [Shape(8, 1024, 1536), Shape(8, 8192, 1536)]
    SMALL = Shape(2, 32, 8)

    def entry(self, s):
        return f"Scan({s.H})"

    def data(self, s):
        r = np.random.default_rng(s.T)
        decay = sigmoid(normal(r, s.B, s.T, s.H) + 3).astype(np.float32)
        return {"inputs": [decay, normal(r, s.B, s.T, s.H)], "weights": {}}

    def reference(self, d):
        (a, x), _ = f64(d)
        h, out = np.zeros_like(x[:, 0]), []
        for t in range(x.shape[1]):
            h = a[:, t] * h + x[:, t]
            out.append(h)
        return np.stack(out, 1)

    def gflop(self, s):
        return 2e-9 * s.B * s.T * s.H

    def peers(self, torch, d):
        def accelerated():
            from accelerated_scan.warp import scan  # channels first
            a, x = (torch.put(v.transpose(0, 2, 1)) for v in d["inputs"])
            return torch.peer(scan, a, x, back=lambda y: y.transpose(1, 2))

        def associative():
            from torch._higher_order_ops.associative_scan import associative_scan
            both = torch.t.compile(lambda a, x: associative_scan(
                lambda l, r: (l[0] * r[0], r[0] * l[1] + r[1]), (a, x), 1, combine_mode="pointwise")[1])
            return torch.peer(both, *map(torch.put, d["inputs"]))
        return {"accelerated_scan": accelerated, "torch associative_scan": associative}


class Gated:
    """Gated linear attention: H heads with a state of K by V."""
    NAME, SOURCE, OURS = "gla", SOURCE, MATMUL
    SHAPES = [Shape(4, 4096, 16, 128, 128), Shape(1, 2048, 8, 128, 128)]
    SMALL = Shape(2, 5, 2, 16, 16)

    def entry(self, s):
        return f"GLA({s.H}, {s.K}, {s.V})"

    def data(self, s):
        r = np.random.default_rng(s.T)
        q, k = (normal(r, s.B, s.T, s.H, s.K, scale=s.K ** -.5) for _ in range(2))
        decay = np.log(sigmoid(normal(r, s.B, s.T, s.H, s.K) + 3)).astype(np.float32)
        return {"inputs": [q, k, normal(r, s.B, s.T, s.H, s.V), decay], "weights": {}}

    def reference(self, d):
        (q, k, v, log_a), _ = f64(d)
        state, out = np.zeros((*q.shape[:1], *q.shape[2:], v.shape[3])), []
        for t in range(q.shape[1]):
            state = np.exp(log_a[:, t])[..., None] * state + k[:, t, :, :, None] * v[:, t, :, None]
            out.append(np.einsum("bha,bhac->bhc", q[:, t], state))
        return np.stack(out, 1)

    def gflop(self, s):
        """Step by step: decay and write, and the read."""
        return 5e-9 * s.B * s.T * s.H * s.K * s.V

    def peers(self, torch, d):
        def of(name, dtype):
            import fla.ops.gla as module
            q, k, v = (torch.put(a, dtype) for a in d["inputs"][:3])
            g = torch.put(d["inputs"][3])
            return torch.peer(lambda: getattr(module, name)(q, k, v, g, scale=1.0)[0])
        # Triton's products of f32 are of tf32 unless one asks.
        return {"fla chunk tf32": lambda: of("chunk_gla", None), "fla chunk bf16": lambda: of("chunk_gla", torch.t.bfloat16),
                "fla recurrent": lambda: of("fused_recurrent_gla", None)}


class Delta(Gated):
    """The gated delta rule."""
    NAME = "delta"
    SHAPES = [Shape(4, 2048, 16, 128, 128)]

    def entry(self, s):
        return f"Delta({s.H}, {s.K}, {s.V})"

    def data(self, s):
        r = np.random.default_rng(s.T)
        q, k = (normal(r, s.B, s.T, s.H, s.K) for _ in range(2))
        k /= np.linalg.norm(k, axis=-1, keepdims=True)
        decay = np.log(sigmoid(normal(r, s.B, s.T, s.H) + 3)).astype(np.float32)
        return {"inputs": [q * np.float32(s.K ** -.5), k, normal(r, s.B, s.T, s.H, s.V), decay,
                           sigmoid(normal(r, s.B, s.T, s.H)).astype(np.float32)], "weights": {}}

    def reference(self, d):
        (q, k, v, log_a, beta), _ = f64(d)
        state, out = np.zeros((*q.shape[:1], *q.shape[2:], v.shape[3])), []
        for t in range(q.shape[1]):
            state = np.exp(log_a[:, t])[..., None, None] * state
            write = beta[:, t, :, None] * (v[:, t] - np.einsum("bha,bhac->bhc", k[:, t], state))
            state = state + k[:, t, :, :, None] * write[:, :, None]
            out.append(np.einsum("bha,bhac->bhc", q[:, t], state))
        return np.stack(out, 1)

    def gflop(self, s):
        return 7e-9 * s.B * s.T * s.H * s.K * s.V

    def peers(self, torch, d):
        def of(name, dtype):
            import fla.ops.gated_delta_rule as module
            q, k, v, beta = (torch.put(d["inputs"][i], dtype) for i in (0, 1, 2, 4))
            g = torch.put(d["inputs"][3])
            return torch.peer(lambda: getattr(module, name)(q, k, v, g=g, beta=beta, scale=1.0)[0])
        return {"fla chunk bf16": lambda: of("chunk_gated_delta_rule", torch.t.bfloat16),
                "fla recurrent": lambda: of("fused_recurrent_gated_delta_rule", None)}


class Selective:
    """The recurrence of a selective layer: H channels of K states."""
    NAME, SOURCE, OURS = "selective", SOURCE, ("seqc",)
    SHAPES = [Shape(8, 2048, 1536, 16)]
    SMALL = Shape(2, 5, 8, 4)

    def entry(self, s):
        return f"Selective({s.H}, {s.K})"

    def data(self, s):
        r = np.random.default_rng(s.T)
        delta = np.log1p(np.exp(normal(r, s.B, s.T, s.H) - 3)).astype(np.float32)
        rates = -np.tile(np.arange(1, s.K + 1, dtype=np.float32), (s.H, 1))
        return {"inputs": [normal(r, s.B, s.T, s.H), delta, normal(r, s.B, s.T, s.K), normal(r, s.B, s.T, s.K)],
                "weights": {"A": rates}}

    def reference(self, d):
        (u, delta, b, c), w = f64(d)
        h, out = np.zeros((*u[:, 0].shape, b.shape[2])), []
        for t in range(u.shape[1]):
            h = np.exp(delta[:, t, :, None] * w["A"]) * h + (delta[:, t] * u[:, t])[..., None] * b[:, t, None]
            out.append((h * c[:, t, None]).sum(-1))
        return np.stack(out, 1)

    def gflop(self, s):
        return 6e-9 * s.B * s.T * s.H * s.K

    def peers(self, torch, d):
        def of(name):
            import mamba_ssm.ops.selective_scan_interface as module  # channels first
            u, delta, b, c = (torch.put(a.transpose(0, 2, 1)) for a in d["inputs"])
            rates = torch.put(d["weights"]["A"])
            return torch.peer(lambda: getattr(module, name)(u, delta, rates, b, c), back=lambda y: y.transpose(1, 2))
        return {"mamba_ssm": lambda: of("selective_scan_fn")}
