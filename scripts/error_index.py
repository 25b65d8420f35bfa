#!/usr/bin/env python3
"""Makes docs/ErrorIndex.md from compiler/Diagnostics/*.def."""
import collections
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
Kind = collections.namedtuple("Kind", "name code title rule file section")
ENTRY = re.compile(r'SEQ_DIAG\((\w+),\s*"(\w+)",\s*"((?:[^"\\]|\\.)*)",\s*"((?:[^"\\]|\\.)*)"\)')
HEAD = """# Error index

Every message of `seqc` has a kind with a code that does not change. Made by
`scripts/error_index.py` from `compiler/Diagnostics/*.def`: do not edit.
"""


def unquote(text):
    return re.sub(r"\\(.)", r"\1", text)


def def_files():
    folder = os.path.join(ROOT, "compiler", "Diagnostics")
    with open(os.path.join(folder, "Diagnostics.def"), encoding="utf-8") as f:
        return re.findall(r'#include "(compiler/Diagnostics/\w+\.def)"', f.read())


def kinds():
    """All kinds, in the order of their codes; a comment line `// E02xx: names.` begins a section."""
    found = []
    for file in def_files():
        section = ""
        with open(os.path.join(ROOT, file), encoding="utf-8") as f:
            for line in f:
                if line.startswith("//"):
                    section = re.sub(r"^E\d\dxx: |: E0\d+–E0\d+", "", line[2:].strip()).rstrip(".")
                for name, code, title, rule in ENTRY.findall(line):
                    found.append(Kind(name, code, unquote(title), unquote(rule), file, section))
    return sorted(found, key=lambda k: k.code)


def page():
    out, section = [HEAD], None
    for k in kinds():
        if k.section != section:
            section = k.section
            out.append(f"\n## {section[0].upper()}{section[1:]}\n")
        out.append(f"\n### {k.code}: {k.title}\n")
        if k.rule:
            out.append(f"\nThe rule: {k.rule}.\n")
    return "".join(out)


def main():
    with open(os.path.join(ROOT, "docs", "ErrorIndex.md"), "w", encoding="utf-8") as f:
        f.write(page())


if __name__ == "__main__":
    sys.exit(main())
