"""PyTorch's device for the peers of gpu.py: arrays there and back, captured loops, peaks."""
import gc
import time

import numpy as np


class Torch:
    """Without CUDA everything is on the CPU: slow, but the peers can be held to the references."""

    def __init__(self):
        import torch
        torch.set_grad_enabled(False)
        self.t = torch
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.exact(True)

    def exact(self, yes):
        """Whether products of f32 are that, or of tf32."""
        self.t.backends.cuda.matmul.allow_tf32 = not yes
        self.t.backends.cudnn.allow_tf32 = not yes

    def put(self, array, dtype=None):
        """With `dtype` None, as f32."""
        return self.t.from_numpy(np.ascontiguousarray(array)).to(self.device, dtype or self.t.float32)

    def finish(self):
        if self.device == "cuda":
            self.t.cuda.synchronize()

    def release(self):
        """Gives back the memory of what is gone."""
        gc.collect()
        self.t.cuda.empty_cache()

    def peer(self, function, *arguments, exact=True, back=lambda y: y):
        """(call, read) of function(*arguments); `back` makes a result [B, T, ...]."""
        last = {}

        def call():
            self.exact(exact)
            last["y"] = function(*arguments)
        return call, lambda: back(last["y"]).float().cpu().numpy()

    def captured(self, function, *arguments, back=lambda y: y):
        """The same as a CUDA graph, so that a loop in Python costs nothing but its kernels."""
        if self.device != "cuda":
            raise RuntimeError("there are no CUDA graphs on the CPU")
        self.exact(True)
        side = self.t.cuda.Stream()
        side.wait_stream(self.t.cuda.current_stream())
        with self.t.cuda.stream(side):
            function(*arguments)
        self.t.cuda.current_stream().wait_stream(side)
        graph = self.t.cuda.CUDAGraph()
        with self.t.cuda.graph(graph):
            y = function(*arguments)
        return graph.replay, lambda: back(y).float().cpu().numpy()


def seconds(torch, call, least=0.3):
    """Of one call, the best of three times as many as take `least` seconds together."""
    call()
    torch.finish()
    n, best = 1, float("inf")
    for _ in range(3):
        while True:
            start = time.perf_counter()
            for _ in range(n):
                call()
            torch.finish()
            took = time.perf_counter() - start
            if took >= least / 3:
                break
            n *= 2
        best = min(best, took / n)
    return best


def peaks(torch, small=False):
    """GB/s of a copy (read and written), TFLOP/s of square products."""
    t, n = torch.t, 256 if small else 8192
    a = t.zeros(1 << (16 if small else 28), device=torch.device)
    b = t.empty_like(a)
    out = {"copy_gbyte_per_s": 2e-9 * a.nbytes / seconds(torch, lambda: b.copy_(a))}
    for name, dtype, exact in (("f32", t.float32, True), ("tf32", t.float32, False), ("bf16", t.bfloat16, True)):
        x, y = (t.randn(n, n, device=torch.device).to(dtype) for _ in range(2))
        torch.exact(exact)
        out[name + "_tflop_per_s"] = 2e-12 * n ** 3 / seconds(torch, lambda: x @ y)
    torch.exact(True)
    return out
