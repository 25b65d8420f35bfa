"""A virtual environment with the peers, from PyPI. What cannot be had stays absent."""
import os
import subprocess
import sys

# System: what pip installs for it. OpenVINO and ONNX Runtime read ONNX models.
SYSTEMS = {
    "torch": ["torch"],
    "onnxruntime": ["onnxruntime", "onnx"],
    "openvino": ["openvino", "onnx"],
    "jax": ["jax"],
    "scipy": ["scipy"],
}


def prepare(folder, systems):
    """Makes the environment and installs `systems`, each by itself; returns its Python."""
    python = os.path.join(folder, "bin", "python")
    if not os.path.exists(python) and not create(folder):
        return sys.executable
    for name in ["numpy", *systems]:
        packages = SYSTEMS.get(name, [name])
        if missing(python, packages):
            print(f"installing {' '.join(packages)} into {folder}", file=sys.stderr, flush=True)
            subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *packages])
    return python


def create(folder):
    made = subprocess.run([sys.executable, "-m", "venv", folder])
    if made.returncode:
        print("no virtual environment (Debian: python3-venv): all peers are absent", file=sys.stderr)
    return made.returncode == 0


def missing(python, packages):
    code = f"import importlib.util as u, sys; sys.exit(any(u.find_spec(p) is None for p in {packages!r}))"
    return subprocess.run([python, "-c", code], capture_output=True).returncode != 0
