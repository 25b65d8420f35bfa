"""A cell that a user writes: an LSTM with peepholes, beside our own LSTM of the same size, ONNX
Runtime's operator (which has peepholes), jax.lax.scan and a loop in PyTorch."""
import numpy as np

import lstm
import recurrent
from recurrent import sigmoid

NAME, GATES = "peephole", 4
SHAPES = [s for s in recurrent.SHAPES if s.H == 512]


def gflop(shape):
    return recurrent.gflop(shape, GATES)


def recurrent_bytes(shape):
    return recurrent.recurrent_bytes(shape, GATES)


def data(shape):
    return recurrent.data(shape, GATES, {"bias": GATES * shape.H, "p_i": shape.H, "p_f": shape.H, "p_o": shape.H})


def reference(d):
    """[T, B, H] in float64."""
    w, u, b, p_i, p_f, p_o = (d[k].astype(np.float64) for k in ("w_ih", "w_hh", "bias", "p_i", "p_f", "p_o"))
    h = c = np.zeros((d["x"].shape[1], u.shape[1]))
    out = []
    for x in d["x"].astype(np.float64) @ w.T + b:
        i, f, g, o = np.split(x + h @ u.T, GATES, axis=-1)
        c = sigmoid(f + p_f * c) * c + sigmoid(i + p_i * c) * np.tanh(g)
        h = sigmoid(o + p_o * c) * np.tanh(c)
        out.append(h)
    return np.stack(out)


def torch_loop(torch, d):
    x, w, u, b, p_i, p_f, p_o = (torch.from_numpy(d[k]) for k in ("x", "w_ih", "w_hh", "bias", "p_i", "p_f", "p_o"))
    w, u, last = w.t().contiguous(), u.t().contiguous(), {}

    def call():
        h = c = torch.zeros(x.shape[1], x.shape[2])
        out = []
        for z in x @ w + b:
            i, f, g, o = (z + h @ u).chunk(GATES, -1)
            c = torch.sigmoid(f + p_f * c) * c + torch.sigmoid(i + p_i * c) * torch.tanh(g)
            h = torch.sigmoid(o + p_o * c) * torch.tanh(c)
            out.append(h)
        last["y"] = torch.stack(out)
    return call, lambda: last["y"].numpy()


def jax_function(jax):
    jnp = jax.numpy

    def function(x, w, u, b, p_i, p_f, p_o):
        def step(state, z):
            h, c = state
            i, f, g, o = jnp.split(z + h @ u, GATES, -1)
            c = jax.nn.sigmoid(f + p_f * c) * c + jax.nn.sigmoid(i + p_i * c) * jnp.tanh(g)
            h = jax.nn.sigmoid(o + p_o * c) * jnp.tanh(c)
            return (h, c), h
        zero = jnp.zeros((x.shape[1], u.shape[0]))
        return jax.lax.scan(step, (zero, zero), x @ w + b)[1]
    return function


def builders(d, context):
    weights = {k: v for k, v in d.items() if k != "x"}
    width = d["x"].shape[2]
    onnx = lambda: recurrent.onnx_model("LSTM", d, GATES, (0, 3, 1, 2), (d["bias"], np.zeros_like(d["bias"])),
                                        peepholes=np.concatenate([d["p_i"], d["p_o"], d["p_f"]]))
    every = {
        "seqc": lambda: context.compiled(recurrent.STDLIB, f"PeepholeLSTM({width}, {width})", weights, d["x"], width),
        "torch": lambda: torch_loop(context.module("torch"), d),
        "onnxruntime": lambda: context.onnx_runtime(onnx(), d["x"]),
        "jax": lambda: context.jax_scan(jax_function(context.module("jax")), d["x"], d["w_ih"].T, d["w_hh"].T,
                                        d["bias"], d["p_i"], d["p_f"], d["p_o"]),
    }
    return {name: build for name, build in every.items() if context.have(name)}


def companions(d, context):
    """Timed beside the others, and not compared with the reference: our LSTM of this size."""
    if not context.have("seqc"):
        return {}
    return {"seqc LSTM": lambda: lstm.builders({k: d[k] for k in ("x", "w_ih", "w_hh", "bias")}, context)["seqc"]()}
