#!/usr/bin/env python3
"""Runs the programs in the project's pages. Closes with counts.

    test_docs.py --seqc build/bin/seqc [PAGE ...]

A block ```seq [file=NAME] ARGUMENTS is run with `seqc run`, compiled and interpreted, and the two
must agree; ```seq error CODE [ARGUMENTS] must fail with that code; ```seq alone must check. In a block
```console, a line `$ seqc ...` is run in the folder of the page's named files, and the lines
that follow are its output, where `…` stands for anything.
"""
import argparse
import os
import re
import shlex
import subprocess
import sys
import tempfile

import numpy as np

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PAGES = ["README.md", "docs/Language.md", "docs/Derivation.md"]
BLOCK = re.compile(r"^```(seq|console)([^\n]*)\n(.*?)^```$", re.M | re.S)


class Pages:
    def __init__(self, seqc):
        self.seqc = os.path.abspath(seqc)
        self.passed = self.failed = 0

    def report(self, where, problem):
        if problem:
            self.failed += 1
            print(f"FAIL {where}: {problem}")
        else:
            self.passed += 1

    def call(self, folder, *argv):
        return subprocess.run([self.seqc, *argv], cwd=folder, capture_output=True, text=True, timeout=300,
                              env=dict(os.environ, NO_COLOR="1"))

    def page(self, page):
        with open(os.path.join(ROOT, page), encoding="utf-8") as f:
            text = f.read()
        with tempfile.TemporaryDirectory(prefix="seqc-docs") as folder:
            for found in BLOCK.finditer(text):
                kind, info, body = found.groups()
                where = f"{page}:{text.count(chr(10), 0, found.start()) + 1}"
                run = self.console if kind == "console" else self.program
                self.report(where, run(folder, info.strip(), body))

    def program(self, folder, info, body):
        """None, or what is wrong."""
        words = shlex.split(info)
        name = "block.seq"
        if words and words[0].startswith("file="):
            name = words.pop(0)[5:]
        with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
            f.write(body)
        if words and words[0] == "error":
            return self.must_fail(folder, name, words[1], words[2:])
        return self.must_agree(folder, name, words) if words else None

    def must_fail(self, folder, name, code, words):
        r = self.call(folder, "run", name, *words)
        return None if r.returncode == 1 and f"[{code}]" in r.stderr else f"exit {r.returncode}, not {code}: {r.stderr}"

    def must_agree(self, folder, name, words):
        results = []
        for mode in ([], ["--interpret"]):
            out = os.path.join(folder, "out")
            r = self.call(folder, "run", name, *words, *mode, "--out", out)
            if r.returncode:
                return f"exit {r.returncode}: {r.stderr}"
            results.append({f: np.load(os.path.join(out, f)) for f in sorted(os.listdir(out))})
        compiled, interpreted = results
        for f in interpreted:
            if not np.allclose(compiled[f], interpreted[f], rtol=1e-4, atol=1e-5, equal_nan=True):
                return f"{f} differs: compiled {compiled[f]}, interpreted {interpreted[f]}"
        return None

    def console(self, folder, info, body):
        for part in re.split(r"^\$ ", body, flags=re.M)[1:]:
            command, _, want = part.partition("\n")
            words = shlex.split(command)
            if words[0] != "seqc":
                continue
            r = self.call(folder, *words[1:])
            pattern = ".*?".join(re.escape(piece) for piece in re.sub(r" +", " ", want.strip()).split("…"))
            got = re.sub(r" +", " ", (r.stdout + r.stderr).strip())
            if not re.fullmatch(pattern, got, re.S):
                return f"`{command}` gives\n{r.stdout}{r.stderr}"
        return None


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--seqc", default=os.path.join(ROOT, "build/bin/seqc"))
    p.add_argument("pages", nargs="*", default=PAGES)
    args = p.parse_args()
    pages = Pages(args.seqc)
    for page in args.pages:
        pages.page(page)
    print(f"{pages.passed} passed, {pages.failed} failed")
    return 1 if pages.failed or not pages.passed else 0


if __name__ == "__main__":
    sys.exit(main())
