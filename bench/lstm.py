"""LSTM layers: stdlib's beside torch.nn.LSTM, the ONNX operator, and jax.lax.scan."""
import numpy as np

import recurrent
from recurrent import sigmoid

NAME, GATES = "lstm", 4
SHAPES = recurrent.SHAPES


def gflop(shape):
    return recurrent.gflop(shape, GATES)


def recurrent_bytes(shape):
    return recurrent.recurrent_bytes(shape, GATES)


def data(shape):
    return recurrent.data(shape, GATES, {"bias": GATES * shape.H})


def reference(d):
    """[T, B, H] in float64."""
    w, u, b = (d[k].astype(np.float64) for k in ("w_ih", "w_hh", "bias"))
    h = c = np.zeros((d["x"].shape[1], u.shape[1]))
    out = []
    for x in d["x"].astype(np.float64) @ w.T + b:
        i, f, g, o = np.split(x + h @ u.T, GATES, axis=-1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        out.append(h)
    return np.stack(out)


def torch_layer(torch, d):
    width = d["x"].shape[2]
    layer = torch.nn.LSTM(width, width).eval()
    for name, value in (("weight_ih_l0", d["w_ih"]), ("weight_hh_l0", d["w_hh"]), ("bias_ih_l0", d["bias"]),
                        ("bias_hh_l0", np.zeros_like(d["bias"]))):
        getattr(layer, name).copy_(torch.from_numpy(value))
    x, last = torch.from_numpy(d["x"]), {}

    def call():
        last["y"] = layer(x)[0]
    return call, lambda: last["y"].numpy()


def jax_function(jax):
    jnp = jax.numpy

    def function(x, w, u, b):
        def step(state, z):
            h, c = state
            i, f, g, o = jnp.split(z + h @ u, GATES, -1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            h = jax.nn.sigmoid(o) * jnp.tanh(c)
            return (h, c), h
        zero = jnp.zeros((x.shape[1], u.shape[0]))
        return jax.lax.scan(step, (zero, zero), x @ w + b)[1]
    return function


def builders(d, context):
    weights = {k: d[k] for k in ("w_ih", "w_hh", "bias")}
    width = d["x"].shape[2]
    onnx = lambda: recurrent.onnx_model("LSTM", d, GATES, (0, 3, 1, 2), (d["bias"], np.zeros_like(d["bias"])))
    every = {
        "seqc": lambda: context.compiled(recurrent.STDLIB, f"LSTM({width}, {width})", weights, d["x"], width),
        "torch": lambda: torch_layer(context.module("torch"), d),
        "onnxruntime": lambda: context.onnx_runtime(onnx(), d["x"]),
        "openvino": lambda: context.open_vino(onnx(), d["x"]),
        "jax": lambda: context.jax_scan(jax_function(context.module("jax")), d["x"], d["w_ih"].T, d["w_hh"].T, d["bias"]),
    }
    return {name: build for name, build in every.items() if context.have(name)}
