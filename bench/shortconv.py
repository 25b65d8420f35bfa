"""The short depthwise convolution of a selective layer, with bias and silu, beside PyTorch's conv1d,
ONNX Runtime's Conv and shifted products in JAX."""
import numpy as np

import longconv
import recurrent
from recurrent import sigmoid

NAME, TAPS = "shortconv", 4
SHAPES = [recurrent.Shape(t, 1, 1536) for t in (128, 4096)]


def gflop(shape):
    return 2e-9 * TAPS * shape.T * shape.H


def recurrent_bytes(shape):
    """Input and result, once."""
    return 2 * 4 * shape.T * shape.H


def data(shape):
    r = np.random.default_rng(shape.T)
    return {"x": r.standard_normal(shape, dtype=np.float32),
            "kernel": r.standard_normal((shape.H, TAPS), dtype=np.float32) / 2,
            "bias": r.standard_normal(shape.H, dtype=np.float32)}


def reference(d):
    x, k = d["x"].astype(np.float64), d["kernel"].astype(np.float64)
    z = np.zeros_like(x) + d["bias"]
    for j in range(TAPS):
        shift = TAPS - 1 - j
        z[shift:] += k[:, j] * x[:len(x) - shift]
    return z * sigmoid(z)


def torch(d, context):
    """Channels first, as it wants them."""
    t = context.module("torch")
    x = t.from_numpy(np.ascontiguousarray(d["x"].transpose(1, 2, 0)))
    kernel, bias, last = t.from_numpy(d["kernel"][:, None]), t.from_numpy(d["bias"]), {}
    steps, channels = x.shape[2], x.shape[1]

    def call():
        y = t.nn.functional.conv1d(x, kernel, bias, padding=TAPS - 1, groups=channels)[..., :steps]
        last["y"] = t.nn.functional.silu(y)
    return call, lambda: last["y"].numpy().transpose(2, 0, 1)


def jax(d, context):
    module = context.module("jax")
    jnp, steps = module.numpy, d["x"].shape[0]

    def function(x, kernel, bias):
        x = jnp.pad(x, ((TAPS - 1, 0), (0, 0)))
        return module.nn.silu(sum(kernel[:, j] * x[j:j + steps] for j in range(TAPS)) + bias)
    call, read = context.jax_scan(function, d["x"][:, 0], d["kernel"], d["bias"])
    return call, lambda: read()[:, None]


def onnx_model(d):
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    steps, _, channels = d["x"].shape
    nodes = [helper.make_node("Conv", ["x", "k", "b"], ["z"], group=channels, pads=[TAPS - 1, 0]),
             helper.make_node("Sigmoid", ["z"], ["s"]), helper.make_node("Mul", ["z", "s"], ["y"])]
    info = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, channels, steps])
    graph = helper.make_graph(nodes, "conv", [info("x")], [info("y")],
                              [numpy_helper.from_array(d["kernel"][:, None], "k"), numpy_helper.from_array(d["bias"], "b")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 9
    onnx.checker.check_model(model)
    return model.SerializeToString()


def onnx_runtime(d, context):
    x = np.ascontiguousarray(d["x"].transpose(1, 2, 0))
    call, read = context.onnx_runtime(onnx_model(d), x)
    return call, lambda: read().reshape(x.shape).transpose(2, 0, 1)


def builders(d, context):
    channels = d["x"].shape[2]
    every = {
        "seqc": lambda: context.compiled(longconv.SOURCE, f"ShortConv({channels})",
                                         {"kernel": d["kernel"], "bias": d["bias"]}, d["x"], channels),
        "torch": lambda: torch(d, context), "onnxruntime": lambda: onnx_runtime(d, context),
        "jax": lambda: jax(d, context),
    }
    return {name: build for name, build in every.items() if context.have(name)}
