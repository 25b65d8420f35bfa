"""A depthwise convolution with a kernel as long as the sequence, which is a parameter. Peers
transform the whole sequence, with the kernel's spectrum prepared and channels in order."""
import os

import numpy as np

import recurrent

NAME = "longconv"
SHAPES = [recurrent.Shape(t, 1, 256) for t in (1024, 4096, 16384)]
SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "convolutions.seq")


def gflop(shape):
    """Two real transforms of 2 T points and the products of the spectra, for each channel."""
    points = 2 * shape.T
    return 1e-9 * shape.H * (2 * 2.5 * points * np.log2(points) + 6 * points / 2)


def recurrent_bytes(shape):
    return 0


def data(shape):
    r = np.random.default_rng(shape.T)
    decay = np.exp(-np.arange(shape.T) / (shape.T / 8))[:, None]
    return {"x": r.standard_normal(shape, dtype=np.float32),
            "kernel": (decay * r.standard_normal((shape.T, shape.H))).astype(np.float32)}


def reference(d):
    x, k = d["x"][:, 0].astype(np.float64), d["kernel"].astype(np.float64)
    n = 2 * len(x)
    return np.fft.irfft(np.fft.rfft(x, n, axis=0) * np.fft.rfft(k, n, axis=0), n, axis=0)[:len(x), None]


def transforms(rfft, irfft, x, kernel, last):
    """x and kernel: [C, T] of some library."""
    steps = x.shape[1]
    spectrum = rfft(kernel, 2 * steps)

    def call():
        last["y"] = irfft(rfft(x, 2 * steps) * spectrum, 2 * steps)[:, :steps]
    return call, lambda: np.asarray(last["y"]).T[:, None]


def scipy(d, context):
    fft = context.module("scipy").fft
    x, kernel = (np.ascontiguousarray(a.T) for a in (d["x"][:, 0], d["kernel"]))
    workers = context.threads
    return transforms(lambda a, n: fft.rfft(a, n, workers=workers), lambda a, n: fft.irfft(a, n, workers=workers),
                      x, kernel, {})


def torch(d, context):
    t = context.module("torch")
    x, kernel = (t.from_numpy(np.ascontiguousarray(a.T)) for a in (d["x"][:, 0], d["kernel"]))
    return transforms(t.fft.rfft, t.fft.irfft, x, kernel, {})


def jax(d, context):
    jnp = context.module("jax").numpy
    steps = d["x"].shape[0]
    spectrum = np.fft.rfft(d["kernel"].T, 2 * steps).astype(np.complex64)

    def function(x, spectrum):
        return jnp.fft.irfft(jnp.fft.rfft(x, 2 * steps) * spectrum, 2 * steps)[:, :steps]
    call, read = context.jax_scan(function, np.ascontiguousarray(d["x"][:, 0].T), spectrum)
    return call, lambda: read().T[:, None]


def builders(d, context):
    steps, _, channels = d["x"].shape
    every = {
        "seqc": lambda: context.compiled(SOURCE, f"LongConv({channels}, {steps})", {"kernel": d["kernel"]}, d["x"],
                                         channels),
        "torch": lambda: torch(d, context), "scipy": lambda: scipy(d, context), "jax": lambda: jax(d, context),
    }
    return {name: build for name, build in every.items() if context.have(name)}
