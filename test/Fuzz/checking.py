"""`seqc check` of a program's text, and in which way it failed."""
import os
import re
import subprocess
import tempfile


def check(seqc, text, args, folder, timeout=300):
    """(how it failed, or None; the command and what it said)."""
    with tempfile.NamedTemporaryFile("w", suffix=".seq", dir=folder, encoding="utf-8") as f:
        f.write(text)
        f.flush()
        argv = [seqc, "check", f.name, "f", "--quiet", "--no-cache", *args]
        try:
            p = subprocess.run(argv, capture_output=True, text=True, timeout=timeout,
                               env=dict(os.environ, TMPDIR=folder))  # where reproducers go
        except subprocess.TimeoutExpired:
            return "timeout", " ".join(argv) + "\ntimed out"
    return failure(p.returncode, p.stdout + p.stderr), " ".join(argv) + "\n" + p.stdout + p.stderr


def failure(code, output):
    """Two failures are alike where this is the same."""
    if code == 0:
        return None
    if code == 3:
        return "mismatch" if "fails alone" in output else "wrong"
    found = re.findall(r"\[(E\d+)\]", output)
    if code in (1, 2) and found:
        return found[0]
    internal = re.search(r"internal error.*?: (.*)", output)
    return f"exit {code}" + (f": {internal[1][:60]}" if internal else "")
