"""C and C++ sources are as clang-format 22 leaves them (`./dev fmt`)."""
import shutil
import subprocess

from checks import ROOT, files


def problems():
    tool = shutil.which("clang-format-22")
    if not tool:
        yield "clang-format-22 is not installed"
        return
    sources = files("*.h", "*.hpp", "*.c", "*.cpp")
    out = subprocess.run([tool, "--dry-run", "-ferror-limit=1", *sources], cwd=ROOT, capture_output=True, text=True).stderr
    seen = sorted({line.split(":")[0] for line in out.splitlines() if "[-Wclang-format-violations]" in line})
    for path in seen:
        yield f"{path} is not formatted: run ./dev fmt"
