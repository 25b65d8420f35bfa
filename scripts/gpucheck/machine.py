"""What is there: device, driver, assembler, the peers of the bench."""
import ctypes
import importlib.metadata
import os
import platform
import shutil
import subprocess
import tempfile

import seqc_model

PEERS = ["torch", "triton", "flash-linear-attention", "mamba-ssm", "causal-conv1d", "accelerated-scan"]
PROGRAM = "fn probe(x: [T]) -> [T] {\n  let y[t] = x[t]\n  return y\n}\n"


def device(seqc):
    """As the runtime finds it: (what it is, None), or (None, why there is none)."""
    with tempfile.TemporaryDirectory(prefix="seqc-gpu-check") as folder:
        source, library = os.path.join(folder, "probe.seq"), os.path.join(folder, "probe.so")
        with open(source, "w") as f:
            f.write(PROGRAM)
        made = subprocess.run([seqc, "compile", source, "--target=host", "-o", library, "--quiet"], capture_output=True,
                              text=True)
        if made.returncode:
            return None, f"{seqc} cannot compile: {made.stderr.strip()[:300]}"
        return seqc_model.cuda_device(ctypes.CDLL(library))


def ptxas():
    """The assembler that seqc takes: (path, version), or (None, "")."""
    def inside(folder):
        path = os.path.join(folder, "bin", "ptxas")
        return path if os.access(path, os.X_OK) else None
    named = [os.environ[n] for n in ("SEQC_CUDA_HOME", "CUDA_HOME") if os.environ.get(n)]
    path = inside(named[0]) if named else inside("/usr/local/cuda") or shutil.which("ptxas")
    return (path, first_line([path, "--version"], "release")) if path else (None, "")


def first_line(argv, holding=""):
    try:
        text = subprocess.run(argv, capture_output=True, text=True, timeout=30).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return next((line.strip() for line in text.splitlines() if holding in line), "")


def packages():
    """{name: version, or None}."""
    out = {}
    for name in PEERS:
        try:
            out[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            out[name] = None
    return out


def describe(seqc):
    """All of it; `device` is None where there is none, and `why` says why."""
    found, why = device(seqc)
    path, version = ptxas()
    asked = "driver_version,clocks.max.sm,clocks.max.mem,power.limit,persistence_mode"
    return {"device": found, "why": why, "ptxas": path, "ptxas_version": version, "packages": packages(),
            "nvidia_smi": first_line(["nvidia-smi", "--query-gpu=" + asked, "--format=csv,noheader"]),
            "nvidia_smi_fields": asked, "cpus": len(os.sched_getaffinity(0)), "system": platform.platform(),
            "python": platform.python_version(), "seqc": first_line([seqc, "help"]) and seqc}


def simulated(chip, seqc):
    """The simulator's target for the code that a device of this chip runs: with the chip's own instructions
    (sm_90a) where seqc knows them, as `cuda` takes them."""
    with tempfile.TemporaryDirectory(prefix="seqc-gpu-check") as folder:
        source = os.path.join(folder, "probe.seq")
        with open(source, "w") as f:
            f.write(PROGRAM)
        own = f"gpusim:sm_{chip}a"
        known = subprocess.run([seqc, "compile", source, "--target", own, "-o", source + ".so", "--quiet"],
                               capture_output=True).returncode == 0
    return own if known else f"gpusim:sm_{chip}"
