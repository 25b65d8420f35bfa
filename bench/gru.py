"""GRU layers (reset after the product): stdlib's beside torch.nn.GRU, the ONNX operator, and
jax.lax.scan."""
import numpy as np

import recurrent
from recurrent import sigmoid

NAME, GATES = "gru", 3
SHAPES = recurrent.SHAPES


def gflop(shape):
    return recurrent.gflop(shape, GATES)


def recurrent_bytes(shape):
    return recurrent.recurrent_bytes(shape, GATES)


def data(shape):
    return recurrent.data(shape, GATES, {"b_ih": GATES * shape.H, "b_hh": GATES * shape.H})


def reference(d):
    """[T, B, H] in float64."""
    w, u, b, bh = (d[k].astype(np.float64) for k in ("w_ih", "w_hh", "b_ih", "b_hh"))
    h = np.zeros((d["x"].shape[1], u.shape[1]))
    out = []
    for x in d["x"].astype(np.float64) @ w.T + b:
        xr, xz, xn = np.split(x, GATES, axis=-1)
        hr, hz, hn = np.split(h @ u.T + bh, GATES, axis=-1)
        z = sigmoid(xz + hz)
        h = (1 - z) * np.tanh(xn + sigmoid(xr + hr) * hn) + z * h
        out.append(h)
    return np.stack(out)


def torch_layer(torch, d):
    width = d["x"].shape[2]
    layer = torch.nn.GRU(width, width).eval()
    for name, value in (("weight_ih_l0", d["w_ih"]), ("weight_hh_l0", d["w_hh"]), ("bias_ih_l0", d["b_ih"]),
                        ("bias_hh_l0", d["b_hh"])):
        getattr(layer, name).copy_(torch.from_numpy(value))
    x, last = torch.from_numpy(d["x"]), {}

    def call():
        last["y"] = layer(x)[0]
    return call, lambda: last["y"].numpy()


def jax_function(jax):
    jnp = jax.numpy

    def function(x, w, u, b, bh):
        def step(h, z):
            xr, xz, xn = jnp.split(z, GATES, -1)
            hr, hz, hn = jnp.split(h @ u + bh, GATES, -1)
            update = jax.nn.sigmoid(xz + hz)
            h = (1 - update) * jnp.tanh(xn + jax.nn.sigmoid(xr + hr) * hn) + update * h
            return h, h
        return jax.lax.scan(step, jnp.zeros((x.shape[1], u.shape[0])), x @ w + b)[1]
    return function


def builders(d, context):
    weights = {k: d[k] for k in ("w_ih", "w_hh", "b_ih", "b_hh")}
    width = d["x"].shape[2]
    onnx = lambda: recurrent.onnx_model("GRU", d, GATES, (1, 0, 2), (d["b_ih"], d["b_hh"]), linear_before_reset=1)
    every = {
        "seqc": lambda: context.compiled(recurrent.STDLIB, f"GRU({width}, {width})", weights, d["x"], width),
        "torch": lambda: torch_layer(context.module("torch"), d),
        "onnxruntime": lambda: context.onnx_runtime(onnx(), d["x"]),
        "openvino": lambda: context.open_vino(onnx(), d["x"]),
        "jax": lambda: context.jax_scan(jax_function(context.module("jax")), d["x"], d["w_ih"].T, d["w_hh"].T,
                                        d["b_ih"], d["b_hh"]),
    }
    return {name: build for name, build in every.items() if context.have(name)}
