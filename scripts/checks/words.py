"""Text that must not be committed: paths of one machine, marks of unfinished work without what
they wait for (`TODO(what): …` has it), merge markers, carriage returns, tabs in C and C++."""
import re

from checks import files, read

PATTERNS = [
    (re.compile(r"(?<![\w.])/(?:home|root|work|Users)/\w"), "a path of one machine"),
    (re.compile(r"\b(?:FIXME|XXX|HACK)\b"), "a mark of unfinished work"),
    (re.compile(r"\bTODO\b(?!\()"), "a TODO that does not say what it waits for"),
    (re.compile(r"^(?:<{7}|>{7}) ", re.M), "a merge marker"),
]
SOURCES = ("*.h", "*.hpp", "*.c", "*.cpp", "*.py", "*.sh", "*.td", "*.g4", "*.seq", "*.md", "*.txt", "*.cmake",
           "*.mlir", "*.def", "dev", ".ci/run")
# Words of its own rules; data; bad input.
EXEMPT = re.compile(r"^(scripts/checks/words\.py|examples/.*\.txt|test/Cases/hostile/.*)$")


def problems():
    for path in files(*SOURCES):
        if EXEMPT.match(path):
            continue
        text = read(path)
        for pattern, what in PATTERNS:
            for found in pattern.finditer(text):
                yield f"{path}:{text.count(chr(10), 0, found.start()) + 1}: {what}: {found.group().strip()}"
        if re.search(r"\.(h|hpp|c|cpp)$", path) and "\t" in text:
            yield f"{path}: a tab"
