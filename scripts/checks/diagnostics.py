"""Every kind of message has a code of its own, a test that expects the code, and an entry in
docs/ErrorIndex.md, which is as scripts/error_index.py makes it."""
import collections
import sys

from checks import ROOT, read, tests

sys.path.insert(0, ROOT + "/scripts")
import error_index


def problems():
    kinds = error_index.kinds()
    for code, n in collections.Counter(k.code for k in kinds).items():
        if n > 1:
            yield f"{code} is given to {n} kinds"
    texts = "\n".join(tests().values())
    for k in kinds:
        if k.code not in texts and f"Diag::{k.name}" not in texts:
            yield f"{k.file}: {k.code} ({k.title}) has no test that expects it"
    if read("docs/ErrorIndex.md") != error_index.page():
        yield "docs/ErrorIndex.md is out of date: run scripts/error_index.py"
