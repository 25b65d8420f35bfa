#!/usr/bin/env python3
"""Writes the fuzzers' seeds: make_seeds.py DIR makes DIR/npy and DIR/safetensors.

  cmake -B build -DSEQC_FUZZ=ON -DSEQC_RUNTIME_ONLY=ON -DCMAKE_C_COMPILER=clang-22 ...
  runtime/Fuzz/make_seeds.py /tmp/seeds
  build/bin/seqNpyFuzz -max_total_time=60 -dict=runtime/Fuzz/npy.dict /tmp/seeds/npy
  build/bin/seqSafetensorsFuzz -max_total_time=60 -dict=runtime/Fuzz/safetensors.dict /tmp/seeds/safetensors
"""
import json
import os
import struct
import sys


def npy(descr, shape, data, fortran=False, version=1):
    text = f"{{'descr': {descr!r}, 'fortran_order': {fortran}, 'shape': {shape}, }}\n".encode()
    length = struct.pack("<H" if version == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes([version, 0]) + length + text + data


def safetensors(header, data):
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def tensor(dtype, shape, begin, end):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


six = struct.pack("<6f", *range(6))
# The first byte of an npy seed picks the type that is asked for.
SEEDS = {
    "npy": [
        b"\0" + npy("<f4", (2, 3), six),
        b"\1" + npy(">f4", (6,), six, version=2),
        b"\0" + npy("<f2", (3, 2, 2), six, fortran=True),
        b"\2" + npy("<i8", (3,), struct.pack("<3q", 1, -2, 3), version=3),
        b"\3" + npy("|b1", (), b"\1"),
        b"\4" + npy("|u1", (0, 4), b""),
    ],
    "safetensors": [
        safetensors({"a": tensor("F32", [2, 3], 0, 24)}, six),
        safetensors({"__metadata__": {"k\n": "v"}, "b": tensor("BF16", [4], 8, 16),
                     "a\u00e9": tensor("F64", [], 0, 8)}, six[:16]),
        safetensors({"e": tensor("F16", [0], 0, 0), "i": tensor("I64", [1], 0, 8)}, six[:8]),
        safetensors({}, b""),
    ],
}

for name, seeds in SEEDS.items():
    folder = os.path.join(sys.argv[1], name)
    os.makedirs(folder, exist_ok=True)
    for i, seed in enumerate(seeds):
        with open(os.path.join(folder, f"seed{i}"), "wb") as file:
            file.write(seed)
