"""The machine, and the least time that the work takes on it."""
import json
import os
import shutil
import subprocess
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))


def measure():
    """What floor.c prints; {} without a compiler."""
    compiler = shutil.which("clang-22") or shutil.which("cc")
    if not compiler:
        return {}
    with tempfile.TemporaryDirectory(prefix="seqc-bench") as folder:
        program = os.path.join(folder, "floor")
        made = subprocess.run([compiler, "-O3", "-ffp-contract=fast", "-march=native", "-mprefer-vector-width=512",
                               os.path.join(HERE, "floor.c"), "-o", program])
        return json.loads(subprocess.run([program], capture_output=True, check=True).stdout) if made.returncode == 0 else {}


def machine():
    fields = {}
    with open("/proc/cpuinfo") as f:
        for line in f:
            key, _, value = line.partition(":")
            fields.setdefault(key.strip(), value.strip())
    return {"cpu": fields.get("model name", ""), "cpus": len(os.sched_getaffinity(0)), "load": round(os.getloadavg()[0], 1)}


def milliseconds(row, floor):
    """FLOPs at the fma rate, or the recurrent weights once a step from the level that holds
    them: the larger. None where it was not measured."""
    if not floor:
        return None
    flops = row["gflop"] / floor["fma_gflop_per_s"]
    sizes = {int(k): v for k, v in floor["read_gbyte_per_s"].items()}
    weights = row["recurrent_bytes"] / row["T"] / row["threads"]
    holds = min((s for s in sizes if s >= weights), default=max(sizes))
    return 1e3 * max(flops, row["recurrent_bytes"] * 1e-9 / sizes[holds]) / row["threads"]
