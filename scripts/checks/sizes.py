"""No source file has more than 800 lines, no lit file more than 200, no function more than 80;
README.md has at most 150."""
import re

from checks import files, read

LIMITS = [(("*.h", "*.hpp", "*.c", "*.cpp", "*.py", "*.td", "*.g4", "*.seq"), 800),
          (("test/*.mlir", "test/*.test"), 200), (("README.md",), 150)]
FUNCTION_LIMIT, FUNCTION_NOTE, FILE_NOTE = 80, 40, 400

# In clang-format's layout a definition ends its first part with `) … {` and closes with a brace
# in its own column.
HEAD = re.compile(r"^( {0,4})[\w:~<>\[\]&*].*\{$|^( {0,4})\S.*\)(?: const| noexcept| override)* \{$")
NO_FUNCTION = re.compile(r"^\s*:|^\s*(if|for|while|switch|else|do|try|catch|namespace|struct|class|enum|union|extern"
                         r"|public|private|return|case|default|\}|#|//|template <.*> (struct|class))\b|= \{$|^\s*\}")


def functions(text):
    """(first line, number of lines, head) of each function of a C or C++ text."""
    # Raw strings hold other languages.
    lines = re.sub(r'R"(\w*)\(.*?\)\1"', lambda m: "\n" * m.group().count("\n"), text, flags=re.S).split("\n")
    for i, line in enumerate(lines):
        head = HEAD.match(line)
        if not head or NO_FUNCTION.search(line) or "(" not in line + lines[i - 1]:
            continue
        indent = re.match(" *", line).group()
        for j in range(i + 1, len(lines)):
            if lines[j].startswith(indent + "}"):
                yield i + 1, j - i + 1, line.strip()
                break


def long_functions(limit):
    for path in files("*.h", "*.hpp", "*.c", "*.cpp"):
        for line, length, head in functions(read(path)):
            if length > limit:
                yield f"{path}:{line}: {length} lines in one function (limit {limit}): {head}"


def long_files(limit_of):
    for patterns, limit in LIMITS:
        for path in files(*patterns):
            n = read(path).count("\n")
            if n > limit_of(limit) and not path.startswith("test/Cases/"):
                yield f"{path}: {n} lines (limit {limit_of(limit)})"


def problems():
    yield from long_files(lambda limit: limit)
    yield from long_functions(FUNCTION_LIMIT)


def notes():
    yield from long_files(lambda limit: min(limit, FILE_NOTE))
    yield from long_functions(FUNCTION_NOTE)
