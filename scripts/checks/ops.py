"""Every op of dialect/*.td has a summary, a description with an example, numbered constraints
where it has a verifier, and a lit test that uses it."""
import re

from checks import files, read, tests

DEFINITION = re.compile(r'^def (\w+) : Seq_Op<"(\w+)"(.*?)^}', re.M | re.S)


def definitions():
    for path in files("dialect/*.td"):
        for record, op, body in DEFINITION.findall(read(path)):
            yield path, op, body


def problems():
    used = "\n".join(text for path, text in tests().items() if path.endswith(".mlir"))
    count = 0
    for path, op, body in definitions():
        count += 1
        description = re.search(r"let description = \[\{(.*?)\}\];", body, re.S)
        if not re.search(r'let summary = "..', body):
            yield f"{path}: seq.{op} has no summary"
        if not description or "```mlir" not in description.group(1):
            yield f"{path}: seq.{op} has no description with an example"
        elif "hasVerifier = 1" in body and not re.search(r"Constraints:\s+1\. ", description.group(1)):
            yield f"{path}: seq.{op} has a verifier, and no numbered constraints"
        if not re.search(rf"\bseq\.{op}\b", used):
            yield f"{path}: seq.{op} stands in no lit test"
    if not count:
        yield "dialect/: no ops found"
