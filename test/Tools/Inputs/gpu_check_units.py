"""What gpu-check judges by: bits, tolerances, counts of suites, tables.

    gpu_check_units.py                     asserts
    gpu_check_units.py exits CODE SCRIPT   runs a script, which has to exit with CODE
"""
import argparse
import io
import os
import subprocess
import sys
import tempfile

import numpy as np

sys.dont_write_bytecode = True
ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
sys.path[:0] = [os.path.join(ROOT, "scripts"), os.path.join(ROOT, "bench")]
from gpucheck import bits, suites, tables


def test_bits():
    a = np.array([1, 2, np.nan, 0], np.float32)
    b = a.copy()
    b.view(np.uint32)[2] = 0xFFC00001  # NaN with another payload
    assert bits.other_bits(a, b) == 0
    b[3] = -0.0
    b[0] = np.nextafter(np.float32(1), np.float32(2))
    assert bits.other_bits(a, b) == 2
    b[1] = np.nan
    assert bits.other_bits(a, b) == 3
    assert bits.other_bits(a, a[:3]) and bits.other_bits(a, a.astype(np.float64))
    assert bits.other_bits(np.array([True]), np.array([True])) == 0


def test_judges():
    both = bits.Bits(argparse.Namespace(only=""), "gpusim")
    a = {"y.npy": np.array([1.0, 2.0], np.float32)}
    b = {"y.npy": np.array([1.0, 2.00001], np.float32)}
    assert both.same(a, a, 0) is None and both.close(a, b, 2e-5) is None
    assert "1 of 2 values differ" in both.same(a, b, 0)
    assert both.close(a, b, 1e-7) and both.close(a, {}, 1) and both.same(a, {}, 0)


def test_suites():
    log = io.StringIO()
    s = suites.Suites(argparse.Namespace(only="", jobs=1), log)
    with tempfile.TemporaryDirectory() as folder:
        script = os.path.join(folder, "s.py")

        def of(text, limit=60):
            with open(script, "w") as f:
                f.write(text)
            return s.script(limit, script)
        assert of("print('3 passed, 0 failed (1 skipped)')") == (3, 0, "")
        assert of("print('3 passed, 0 failed'); exit(1)") == (3, 1, "")
        passed, failed, note = of("print('Killed'); exit(9)")
        assert (passed, failed) == (0, 1) and "exit 9 without counts" in note
        passed, failed, note = of("import time; print('FAIL one', flush=True); time.sleep(600)", 3)
        assert (passed, failed) == (0, 2) and note == "took longer than 3 s"
    assert "3 passed" in log.getvalue()


def test_tables():
    def row(system, ms):
        return {"family": "lstm", "shape": "B1", "system": system, "gflop": 2.0, "bytes": 8_000_000, "median_ms": ms,
                "p25_ms": ms, "p75_ms": ms}
    peaks = {"copy_gbyte_per_s": 4000.0, "f32_tflop_per_s": 50.0}
    rows = [row("seqc", 0.1), row("seqc tf32x3", 0.08), row("cudnn", 0.2), row("cudnn f16", 0.01)]
    device = {"name": "A device", "chip": 90, "multiprocessors": 132, "memory_bytes": 80 << 30, "driver": 13020}
    report = {"dry_run": False, "passed": 4, "failed": 0, "skipped": 1, "machine": {
        "device": device, "ptxas": None, "ptxas_version": "", "cpus": 2, "packages": {"torch": "2.0", "fla": None}},
        "parts": [{"name": "bits", "passed": 4, "failed": 0, "skipped": False, "seconds": 1.0, "note": ""}],
        "bench": {"rows": rows, "peaks": peaks, "absent": {"lstm B1: jax": "no module"}, "unfinished": ["gru B1"]}}
    page = tables.text(report)
    # The fastest is in f16 and no peer of f32; the floor is 2 GFLOP at 50 TFLOP/s.
    assert "| B1 | 0.1 | 0.08 | 0.2 | 0.01 | cudnn | 2.50 | 0.50 |" in page, page
    for text in "A device, sm_90", "CUDA 13.2", "torch 2.0", "absent: lstm B1: jax", "no time was left for gru B1":
        assert text in page, text
    assert "fla" not in page


def main():
    if sys.argv[1:2] == ["exits"]:
        code = subprocess.run([sys.executable, *sys.argv[3:]]).returncode
        return int(code != int(sys.argv[2]))
    for test in test_bits, test_judges, test_suites, test_tables:
        test()
    return 0


if __name__ == "__main__":
    sys.exit(main())
