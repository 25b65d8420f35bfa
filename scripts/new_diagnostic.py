#!/usr/bin/env python3
"""Adds a kind of message with the next free code, and makes docs/ErrorIndex.md again.

    new_diagnostic.py Syntax|Sema|Tool NAME TITLE RULE [--after E0207]

The code follows that of --after, or the last one of the file.
"""
import argparse
import re
import sys

import error_index
import skeleton


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("area", choices=["Syntax", "Sema", "Tool"])
    p.add_argument("name")
    p.add_argument("title")
    p.add_argument("rule")
    p.add_argument("--after", help="a code: the new one is of its hundred")
    args = p.parse_args()
    kinds = error_index.kinds()
    if not re.fullmatch(r"[A-Z]\w+", args.name) or args.name in {k.name for k in kinds}:
        p.error("a name is in CamelCase, and new")
    file = f"compiler/Diagnostics/{args.area}.def"
    codes = [k.code for k in kinds if k.file == file]
    group = (args.after or codes[-1])[:3]
    last = max(c for c in codes if c.startswith(group))
    code = f"E{int(last[1:]) + 1:04}"
    line = f'SEQ_DIAG({args.name}, "{code}", "{args.title}", "{args.rule}")\n'
    after = next(l for l in skeleton.read(file).splitlines(True) if f'"{last}"' in l)
    text = skeleton.read(file).replace(after, after + line)
    with open(skeleton.path(file), "w", encoding="utf-8") as f:
        f.write(text)
    error_index.main()
    print(f"{file}: {code}; next: docs/Adding.md, steps 2 and 3")


if __name__ == "__main__":
    sys.exit(main())
