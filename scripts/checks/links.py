"""Links between the project's pages lead somewhere."""
import os
import re

from checks import ROOT, files, read


def problems():
    for path in files("*.md"):
        text = re.sub(r"```.*?```|`[^`\n]*`", "", read(path), flags=re.S)
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
            if re.match(r"\w+:", target):
                continue
            if not os.path.exists(os.path.join(ROOT, os.path.dirname(path), target)):
                yield f"{path}: no file {target}"
