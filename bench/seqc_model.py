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


# Where a context runs: seq/abi.h.
ON_CPU, ON_CUDA, ON_GPUSIM = 0, 1, 2


class Options(ctypes.Structure):
    """seq_ctx_options."""
    _fields_ = [("struct_size", ctypes.c_uint32), ("flags", ctypes.c_uint32), ("kind", ctypes.c_int32),
                ("threads", ctypes.c_int32), ("device", ctypes.c_int32), ("chip", ctypes.c_int32),
                ("stream", ctypes.c_void_p)]


class CudaInfo(ctypes.Structure):
    """seq_cuda_info."""
    _fields_ = [("name", ctypes.c_char * 128), ("chip", ctypes.c_int32), ("multiprocessors", ctypes.c_int32),
                ("memory_bytes", ctypes.c_int64)]


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


def kind_of(target):
    if target.startswith("gpusim"):
        return ON_GPUSIM
    return ON_CUDA if target == "cuda" or target.startswith("sm_") else ON_CPU


class Model:
    """`entry` of `source`, as in 'LSTM(256, 256)', bound to `weights` ({name: array}), on the device of `target`."""

    def __init__(self, seqc, source, entry, weights, threads, target="host", options=()):
        base = "seq_" + entry.split("(")[0].lower()
        with tempfile.TemporaryDirectory(prefix="seqc-bench") as folder:
            library, file = os.path.join(folder, "model.so"), os.path.join(folder, "w.safetensors")
            subprocess.run([seqc, "compile", source, entry, "-o", library, "--header", library + ".h", "--quiet",
                            "--target", target, *options], check=True)
            write_safetensors(file, weights)
            self.library = ctypes.CDLL(library)
            self.load(base, file if weights else None, kind_of(target), threads)

    def load(self, base, file, kind, threads):
        self.library.seq_last_error.restype = ctypes.c_char_p
        self.library.seq_last_error.argtypes = [ctypes.c_void_p]
        self.context, self.model = ctypes.c_void_p(), ctypes.c_void_p()
        options, message = Options(ctypes.sizeof(Options), 0, kind, threads), ctypes.create_string_buffer(1024)
        if self.library.seq_ctx_create_with(ctypes.byref(options), ctypes.byref(self.context), message, 1024):
            raise RuntimeError(message.value.decode())
        self.check(getattr(self.library, base + "_create")(self.context, ctypes.byref(self.model)))
        if file:
            self.check(getattr(self.library, base + "_load")(self.model, file.encode()))
        self.function = getattr(self.library, base + "_forward")
        self.function.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int32]

    def check(self, status):
        if status:
            raise RuntimeError(self.library.seq_last_error(self.context).decode())

    def close(self):
        """Frees what the device holds of it; nothing of it may be used after."""
        for data in self.placed:
            self.library.seq_ctx_free(self.context, data)
        self.library.seq_model_destroy(self.model)
        self.library.seq_ctx_destroy(self.context)

    placed = ()

    def forward(self, x, shape, optional=4):
        """(call, out): call() runs `forward` on x, with its other inputs at their defaults."""
        out = np.empty(shape, np.float32)
        return self.caller([view(np.ascontiguousarray(x, np.float32))], view(out), optional), out

    def caller(self, tensors, result, optional):
        inputs = (ctypes.c_void_p * (len(tensors) + optional))(*map(ctypes.addressof, tensors))
        outputs = (ctypes.c_void_p * 1)(ctypes.addressof(result))
        keep = tensors, result

        def call():
            self.check(self.function(self.model, inputs, outputs, None, 0))
            return keep
        return call

    # -- where the arrays are the device's
    def place(self, array):
        """A view of the array's copy in the memory of the context's device."""
        self.library.seq_ctx_device.restype = DLDevice
        tensor, data = view(array), ctypes.c_void_p()
        self.check(self.library.seq_ctx_alloc(self.context, ctypes.c_int64(array.nbytes), ctypes.byref(data)))
        self.placed = [*self.placed, data]
        self.check(self.library.seq_ctx_copy_in(self.context, data, ctypes.c_void_p(array.ctypes.data),
                                                ctypes.c_int64(array.nbytes)))
        tensor.data, tensor.device = data.value, self.library.seq_ctx_device(self.context)
        return tensor

    def on_device(self, arrays, shape, optional=4):
        """(call, finish, read): call() puts a run into the context's stream, finish() waits for it."""
        result = self.place(np.zeros(shape, np.float32))
        call = self.caller([self.place(np.ascontiguousarray(a, np.float32)) for a in arrays], result, optional)

        def finish():
            self.check(self.library.seq_ctx_synchronize(self.context))

        def read():
            out = np.empty(shape, np.float32)
            self.check(self.library.seq_ctx_copy_out(self.context, ctypes.c_void_p(out.ctypes.data),
                                                     ctypes.c_void_p(result.data), ctypes.c_int64(out.nbytes)))
            return out
        return call, finish, read


def cuda_device(library):
    """(what the first CUDA device is and the driver's version, None) or (None, why there is none)."""
    info, count, driver, why = CudaInfo(), ctypes.c_int32(), ctypes.c_int32(), ctypes.create_string_buffer(1024)
    if library.seq_cuda_probe(ctypes.byref(info), 1, ctypes.byref(count), ctypes.byref(driver), why, 1024):
        return None, why.value.decode()
    return {"name": info.name.decode(), "chip": info.chip, "multiprocessors": info.multiprocessors,
            "memory_bytes": info.memory_bytes, "devices": count.value, "driver": driver.value}, None
