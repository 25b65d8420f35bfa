"""The checks of scripts/check.py, and what they share."""
import os
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def files(*patterns):
    """Tracked files, and new ones that are not ignored, by git's patterns; sorted."""
    out = subprocess.run(["git", "ls-files", "-coz", "--exclude-standard", "--", *patterns], cwd=ROOT,
                         capture_output=True, text=True, check=True).stdout
    return sorted(f for f in set(out.split("\0")) if f and os.path.exists(os.path.join(ROOT, f)))


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8", errors="replace") as f:
        return f.read()


def tests():
    """The texts of all tests: lit files, unit tests, cases of bad input."""
    paths = files("test/*.mlir", "test/*.seq", "test/*.test", "test/*.py", "*Test.cpp", "test/Cases/hostile/*/case.json")
    return {p: read(p) for p in paths}
