"""What the recurrent families share: shapes, seeded data, ONNX graphs."""
import collections
import os

import numpy as np

STDLIB = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "stdlib", "recurrent.seq")


class Shape(collections.namedtuple("Shape", "T B H")):
    def __str__(self):
        return f"T{self.T} B{self.B} H{self.H}"


SHAPES = [Shape(128, b, h) for b in (1, 16) for h in (256, 512, 1024)]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def data(shape, gates, vectors):
    """x [T, B, H], w_ih and w_hh [gates · H, H], and vectors {name: size}; all f32."""
    r = np.random.default_rng(shape.H * 100 + shape.B)
    scale = 1 / np.sqrt(shape.H)
    uniform = lambda *s: r.uniform(-scale, scale, s).astype(np.float32)
    out = {"x": r.standard_normal(shape, dtype=np.float32)}
    for name in ("w_ih", "w_hh"):
        out[name] = uniform(gates * shape.H, shape.H)
    for name, size in vectors.items():
        out[name] = uniform(size)
    return out


def gflop(shape, gates):
    """Both products; the elementwise work is left out, as everywhere in the field."""
    return 2e-9 * shape.T * shape.B * gates * shape.H * 2 * shape.H


def recurrent_bytes(shape, gates):
    """The recurrent weights, read once a step."""
    return 4 * gates * shape.H * shape.H * shape.T


def reordered(w, gates, order):
    """Blocks of rows in another order: ONNX has the gates of an LSTM as i, o, f, c."""
    parts = np.split(w, gates)
    return np.concatenate([parts[i] for i in order])


def onnx_model(op, d, gates, order, biases, peepholes=None, **attributes):
    """A model of one recurrent op over x, as bytes. `biases` are (input, recurrent)."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    steps, batch, width = d["x"].shape
    constants = {"W": reordered(d["w_ih"], gates, order)[None], "R": reordered(d["w_hh"], gates, order)[None],
                 "B": np.concatenate([reordered(b, gates, order) for b in biases])[None]}
    inputs = ["x", "W", "R", "B"]
    if peepholes is not None:
        constants["P"] = peepholes[None]
        inputs += ["", "", "", "P"]
    node = helper.make_node(op, inputs, ["y"], hidden_size=width, **attributes)
    info = lambda name, shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
    graph = helper.make_graph([node], op, [info("x", [steps, batch, width])], [info("y", [steps, 1, batch, width])],
                              [numpy_helper.from_array(np.ascontiguousarray(v), k) for k, v in constants.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 9
    onnx.checker.check_model(model)
    return model.SerializeToString()
