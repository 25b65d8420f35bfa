"""What the new_*.py scripts share."""
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def path(*parts):
    return os.path.join(ROOT, *parts)


def camel(name):
    """`unroll-short` or `unroll_short` to `UnrollShort`."""
    return "".join(w.capitalize() for w in re.split(r"[-_]", name))


def read(file):
    with open(path(file), encoding="utf-8") as f:
        return f.read()


def write(file, text):
    """Writes a new file; an old one stays."""
    if os.path.exists(path(file)):
        sys.exit(f"{file} is there already")
    os.makedirs(os.path.dirname(path(file)), exist_ok=True)
    with open(path(file), "w", encoding="utf-8") as f:
        f.write(text)
    print(f"made {file}")


def insert_before(file, mark, text):
    """Inserts before the last place of `mark`."""
    old = read(file)
    at = old.rfind(mark)
    if at < 0:
        sys.exit(f"{file} has no `{mark.strip()}`")
    with open(path(file), "w", encoding="utf-8") as f:
        f.write(old[:at] + text + old[at:])
    print(f"changed {file}")
