"""A .seq file, compiled to a shared library and called in this process through its C functions."""
import ctypes
import json
import os
import struct
import subprocess
import tempfile

import numpy as np


class DLDevice(ctypes.Structure):
    _fields_ = [("device_type", ctypes.c_int32), ("device_id", ctypes.c_int32)]


class DLDataType(ctypes.Structure):
    _fields_ = [("code", ctypes.c_uint8), ("bits", ctypes.c_uint8), ("lanes", ctypes.c_uint16)]


class DLTensor(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("device", DLDevice), ("ndim", ctypes.c_int32), ("dtype", DLDataType),
                ("shape", ctypes.POINTER(ctypes.c_int64)), ("strides", ctypes.POINTER(ctypes.c_int64)),
                ("byte_offset", ctypes.c_uint64)]


def view(array):
    """A DLTensor of a contiguous f32 array, which must outlive it."""
    shape = (ctypes.c_int64 * array.ndim)(*array.shape)
    tensor = DLTensor(array.ctypes.data, DLDevice(1, 0), array.ndim, DLDataType(2, 32, 1), shape, None, 0)
    tensor.keep = array, shape
    return tensor


def write_safetensors(path, arrays):
    header, at = {}, 0
    for name, a in arrays.items():
        header[name] = {"dtype": "F32", "shape": list(a.shape), "data_offsets": [at, at + a.nbytes]}
        at += a.nbytes
    text = json.dumps(header).encode()
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        for a in arrays.values():
            f.write(np.ascontiguousarray(a, np.float32).tobytes())


class Model:
    """`entry` of `source`, as in 'LSTM(256, 256)', bound to `weights` ({name: array})."""

    def __init__(self, seqc, source, entry, weights, threads):
        base = "seq_" + entry.split("(")[0].lower()
        with tempfile.TemporaryDirectory(prefix="seqc-bench") as folder:
            library, file = os.path.join(folder, "model.so"), os.path.join(folder, "w.safetensors")
            subprocess.run([seqc, "compile", source, entry, "-o", library, "--header", library + ".h", "--quiet"],
                           check=True)
            write_safetensors(file, weights)
            self.library = ctypes.CDLL(library)
            self.load(base, file, threads)

    def load(self, base, file, threads):
        lib = self.library
        lib.seq_ctx_create.restype = ctypes.c_void_p
        lib.seq_last_error.restype = ctypes.c_char_p
        lib.seq_last_error.argtypes = [ctypes.c_void_p]
        self.context = ctypes.c_void_p(lib.seq_ctx_create(threads))
        self.model = ctypes.c_void_p()
        self.check(getattr(lib, base + "_create")(self.context, ctypes.byref(self.model)))
        self.check(getattr(lib, base + "_load")(self.model, file.encode()))
        self.function = getattr(lib, base + "_forward")
        self.function.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int32]

    def check(self, status):
        if status:
            raise RuntimeError(self.library.seq_last_error(self.context).decode())

    def forward(self, x, shape, optional=4):
        """(call, out): call() runs `forward` on x, with its other inputs at their defaults."""
        tensor = view(np.ascontiguousarray(x, np.float32))
        out = np.empty(shape, np.float32)
        result = view(out)
        inputs = (ctypes.c_void_p * (1 + optional))(ctypes.addressof(tensor))
        outputs = (ctypes.c_void_p * 1)(ctypes.addressof(result))
        keep = tensor, result

        def call():
            self.check(self.function(self.model, inputs, outputs, None, 0))
            return keep
        return call, out
