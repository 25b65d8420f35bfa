#!/usr/bin/env python3
"""What `./dev check` does: holds the sources against the project's rules of order.

Each check is a module of scripts/checks with a docstring that states its rule, `problems()`
that yields one line for each breach, and optionally `notes()` for what is only worth a look.
Closes with `N passed, N failed`, counted in checks.
"""
import argparse
import sys

sys.dont_write_bytecode = True
from checks import diagnostics, formatting, includes, links, ops, passes, sizes, words

CHECKS = [ops, passes, diagnostics, sizes, includes, links, words, formatting]


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("checks", nargs="*", help="of: " + " ".join(name(c) for c in CHECKS))
    p.add_argument("-v", action="store_true", help="notes too: what is not a breach, but worth a look")
    args = p.parse_args()
    failed = passed = 0
    for check in CHECKS:
        if args.checks and name(check) not in args.checks:
            continue
        found = list(check.problems())
        for line in found:
            print(f"{name(check)}: {line}")
        for line in check.notes() if args.v and hasattr(check, "notes") else []:
            print(f"{name(check)}: note: {line}")
        passed, failed = passed + (not found), failed + bool(found)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


def name(check):
    return check.__name__.split(".")[-1]


if __name__ == "__main__":
    sys.exit(main())
