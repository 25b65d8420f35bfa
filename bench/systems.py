"""The systems: how each is loaded with a number of threads, and how it runs a model.

A builder returns (call, read): `call()` computes once, `read()` gives the result of the last
call as NumPy's [T, B, H].
"""
import os

import numpy as np

import seqc_model


class Available:
    def __init__(self):
        self.modules, self.absent, self.versions = {}, {}, {}


def load(names, threads):
    """Imports what there is, held to `threads` threads."""
    out = Available()
    for name in names:
        try:
            out.modules[name] = LOADERS[name](threads)
            out.versions[name] = getattr(out.modules[name], "__version__", "")
        except Exception as e:
            out.absent[name] = f"{type(e).__name__}: {e}"[:300]
    return out


def load_jax(threads):
    # Its pool has as many threads as there are CPUs when it starts.
    cpus = os.sched_getaffinity(0)
    os.sched_setaffinity(0, set(sorted(cpus)[:threads]))
    try:
        import jax
        jax.numpy.ones(4).block_until_ready()
    finally:
        os.sched_setaffinity(0, cpus)
    return jax


def load_torch(threads):
    import torch
    torch.set_num_threads(threads)
    torch.set_grad_enabled(False)
    return torch


def load_scipy(threads):
    import scipy.fft
    return scipy


def load_onnxruntime(threads):
    import onnx  # noqa: F401, models are made with it
    import onnxruntime
    onnxruntime.set_default_logger_severity(3)
    return onnxruntime


def load_openvino(threads):
    import onnx  # noqa: F401
    import openvino
    return openvino


# JAX first: what starts threads before it would keep the whole machine for them.
LOADERS = {"jax": load_jax, "torch": load_torch, "onnxruntime": load_onnxruntime, "openvino": load_openvino,
           "scipy": load_scipy, "seqc": lambda threads: seqc_model}


class Context:
    """What a family builds its contestants with."""

    def __init__(self, available, seqc, threads):
        self.available, self.seqc, self.threads = available, seqc, threads

    def have(self, name):
        return name in self.available.modules

    def module(self, name):
        return self.available.modules[name]

    def compiled(self, source, entry, weights, x, result):
        """seqc: x as [B, T, I], or [T, I] where B is 1 (then no batch axis at all)."""
        model = seqc_model.Model(self.seqc, source, entry, weights, self.threads)
        steps, batch, _ = x.shape
        inputs = x[:, 0] if batch == 1 else x.transpose(1, 0, 2)
        shape = (steps, result) if batch == 1 else (batch, steps, result)
        call, out = model.forward(inputs, shape)
        return call, lambda: out[:, None] if batch == 1 else out.transpose(1, 0, 2)

    def onnx_runtime(self, model, x):
        ort = self.module("onnxruntime")
        options = ort.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        last = {}

        def call():
            last["y"] = session.run(None, {"x": x})[0]
        return call, lambda: last["y"].reshape(x.shape[0], x.shape[1], -1)

    def open_vino(self, model, x):
        core = self.module("openvino").Core()
        config = {"INFERENCE_NUM_THREADS": self.threads, "NUM_STREAMS": 1, "INFERENCE_PRECISION_HINT": "f32"}
        request = core.compile_model(core.read_model(model), "CPU", config).create_infer_request()

        def call():
            request.infer({"x": x}, share_inputs=True)
        return call, lambda: request.get_output_tensor(0).data.reshape(x.shape[0], x.shape[1], -1).copy()

    def jax_scan(self, function, *arrays):
        jax = self.module("jax")
        args = [jax.numpy.asarray(a) for a in arrays]
        compiled = jax.jit(function).lower(*args).compile()
        last = {}

        def call():
            last["y"] = compiled(*args).block_until_ready()
        return call, lambda: np.asarray(last["y"])
