"""Attention and convolutions for gpu.py. What a family is: see gpu_recurrent.py."""
import os

import numpy as np

from gpu_recurrent import MATMUL, SOURCE, Shape, f64, normal, sigmoid

CONVOLUTIONS = os.path.join(os.path.dirname(SOURCE), "convolutions.seq")


class Attention:
    """Causal, H heads of K."""
    NAME, SOURCE, OURS = "attention", SOURCE, MATMUL
    SHAPES = [Shape(4, 1024, 16, 64), Shape(4, 4096, 16, 64)]
    SMALL = Shape(2, 40, 2, 16)
    window = None

    def entry(self, s):
        return f"Attention({s.H}, {s.K})"

    def data(self, s):
        r = np.random.default_rng(s.T)
        return {"inputs": [normal(r, s.B, s.T, s.H, s.K) for _ in range(3)], "weights": {}}

    def seen(self, steps):
        apart = np.arange(steps)[:, None] - np.arange(steps)
        return (apart >= 0) & (apart < (self.window or steps))

    def reference(self, d):
        (q, k, v), _ = f64(d)
        scores = np.einsum("bihp,bjhp->bhij", q, k) / np.sqrt(q.shape[3])
        scores = np.where(self.seen(q.shape[1]), scores, -np.inf)
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        return np.einsum("bhij,bjhp->bihp", weights / weights.sum(-1, keepdims=True), v)

    def gflop(self, s):
        pairs = sum(min(t + 1, self.window or s.T) for t in range(s.T))
        return 4e-9 * s.B * s.H * s.K * pairs

    def inputs(self, torch, d, dtype):
        return [torch.put(a.transpose(0, 2, 1, 3), dtype) for a in d["inputs"]]

    def peers(self, torch, d):
        def sdpa(dtype, exact=True):
            attend = torch.t.nn.functional.scaled_dot_product_attention
            return torch.peer(lambda q, k, v: attend(q, k, v, is_causal=True), *self.inputs(torch, d, dtype),
                              exact=exact, back=lambda y: y.transpose(1, 2))
        return {"sdpa": lambda: sdpa(None), "sdpa tf32": lambda: sdpa(None, False),
                "sdpa bf16": lambda: sdpa(torch.t.bfloat16)}


class Window(Attention):
    """Causal, the last 256 steps."""
    NAME, window = "window", 256
    SHAPES = [Shape(4, 4096, 16, 64)]
    SMALL = Shape(1, 270, 1, 16)

    def entry(self, s):
        return f"Window({s.H}, {s.K}, {self.window})"

    def peers(self, torch, d):
        def flex(dtype, exact=True):
            from torch.nn.attention import flex_attention as module
            steps, back = d["inputs"][0].shape[1], lambda y: y.transpose(1, 2)
            mask = module.create_block_mask(lambda b, h, i, j: (j <= i) & (i - j < self.window), None, None, steps,
                                            steps, device=torch.device)
            attend = torch.t.compile(module.flex_attention)
            return torch.peer(lambda q, k, v: attend(q, k, v, block_mask=mask), *self.inputs(torch, d, dtype),
                              exact=exact, back=back)

        def masked():
            mask = torch.t.from_numpy(self.seen(d["inputs"][0].shape[1])).to(torch.device)
            attend = torch.t.nn.functional.scaled_dot_product_attention
            return torch.peer(lambda q, k, v: attend(q, k, v, attn_mask=mask), *self.inputs(torch, d, None),
                              back=lambda y: y.transpose(1, 2))
        return {"flex": lambda: flex(None), "flex tf32": lambda: flex(None, False),
                "flex bf16": lambda: flex(torch.t.bfloat16), "sdpa, mask": masked}


class ShortConvolution:
    """Depthwise over H channels, four points, with bias and silu."""
    NAME, SOURCE, OURS = "shortconv", CONVOLUTIONS, ("seqc",)
    SHAPES = [Shape(8, 4096, 1536)]
    SMALL = Shape(2, 9, 8)

    def entry(self, s):
        return f"ShortConv({s.H})"

    def data(self, s):
        r = np.random.default_rng(s.T)
        return {"inputs": [normal(r, s.B, s.T, s.H)],
                "weights": {"kernel": normal(r, s.H, 4, scale=.5), "bias": normal(r, s.H)}}

    def reference(self, d):
        (x,), w = f64(d)
        z, steps = np.zeros_like(x) + w["bias"], x.shape[1]
        for j in range(4):
            z[:, 3 - j:] += w["kernel"][:, j] * x[:, :steps - (3 - j)]
        return z * sigmoid(z)

    def gflop(self, s):
        return 8e-9 * s.B * s.T * s.H

    def peers(self, torch, d):
        t, steps, channels = torch.t, *d["inputs"][0].shape[1:]
        kernel, bias = torch.put(d["weights"]["kernel"]), torch.put(d["weights"]["bias"])
        first = lambda: torch.put(d["inputs"][0].transpose(0, 2, 1))
        back = lambda y: y.transpose(1, 2)

        def kernels():
            from causal_conv1d import causal_conv1d_fn
            return torch.peer(lambda x: causal_conv1d_fn(x, kernel, bias, activation="silu"), first(), back=back)

        def conv1d(x):
            y = t.nn.functional.conv1d(x, kernel[:, None], bias, padding=3, groups=channels)
            return t.nn.functional.silu(y[..., :steps])

        def shifts(x):
            x = t.nn.functional.pad(x, (0, 0, 3, 0))
            return t.nn.functional.silu(sum(kernel[:, j] * x[:, j:j + steps] for j in range(4)) + bias)
        return {"causal_conv1d": kernels, "torch conv1d": lambda: torch.peer(conv1d, first(), back=back),
                "torch compiled": lambda: torch.peer(t.compile(shifts), torch.put(d["inputs"][0]))}


class LongConvolution:
    """Depthwise over H channels, with a kernel of as many points as there are steps, K."""
    NAME, SOURCE, OURS = "longconv", CONVOLUTIONS, ("seqc",)
    SHAPES = [Shape(8, 4096, 768, 4096)]
    SMALL = Shape(2, 40, 8, 40)

    def entry(self, s):
        return f"LongConv({s.H}, {s.K})"

    def data(self, s):
        r = np.random.default_rng(s.T)
        return {"inputs": [normal(r, s.B, s.T, s.H)], "weights": {"kernel": normal(r, s.K, s.H, scale=s.K ** -.5)}}

    def reference(self, d):
        (x,), w = f64(d)
        steps = x.shape[1]
        out = np.zeros_like(x)
        for j in range(steps):
            out[:, j:] += w["kernel"][j] * x[:, :steps - j]
        return out

    def gflop(self, s):
        """Three transforms of 2 T points, by the usual count of 2.5 n log2 n for real ones."""
        points = 2 * s.T
        return 1e-9 * s.B * s.H * 2 * 2.5 * points * np.log2(points)

    def peers(self, torch, d):
        t, steps = torch.t, d["inputs"][0].shape[1]
        transformed = t.fft.rfft(torch.put(d["weights"]["kernel"].T), n=2 * steps)

        def fft(x):
            return t.fft.irfft(t.fft.rfft(x, n=2 * steps) * transformed, n=2 * steps)[..., :steps]
        return {"torch fft": lambda: torch.peer(fft, torch.put(d["inputs"][0].transpose(0, 2, 1)),
                                                back=lambda y: y.transpose(1, 2))}
