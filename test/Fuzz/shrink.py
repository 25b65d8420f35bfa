#!/usr/bin/env python3
"""Makes a program that fails smaller, as long as it fails in the same way.

    shrink.py --seqc build/bin/seqc FILE.seq [ARGUMENT OF CHECK ...]

Text goes in and text comes out: what can be left away or be replaced by a part of itself is
tried, largest first, until nothing more can be. Candidates that are no programs are harmless:
they fail in another way. In order of what they save: results, statements with their braces,
states with what reads them, yields, functions and arguments that nobody names; then each
expression becomes one of its operands, or a number; then sizes; then the arguments of the check.

    let o[d] = tanh(0.3 * x[t, d]) + h[d]      h[d],  tanh(0.3 * x[t, d]),  x[t, d],  0.5, …
"""
import argparse
import os
import re
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from brackets import split_at_commas
from checking import check

TOKEN = re.compile(r"\s*(\d+\.\d+(?:e-?\d+)?|\d+(?:e-?\d+)?|[^\W\d]\w*'*|\*\*|==|!=|<=|>=|\.\.|[^\s\w])")
BINARY = [{"or"}, {"and"}, {"<", "<=", ">", ">=", "==", "!="}, {"+", "-"}, {"*", "/", "%", "@"}, {"**"}]


class Node:
    """A part of an expression: where it stands in its text, and its operands."""

    def __init__(self, start, end, operands=(), atom=True):
        self.start, self.end, self.operands, self.atom = start, end, list(operands), atom

    def all(self):
        yield self
        for o in self.operands:
            yield from o.all()


class Expressions:
    """A list of expressions between commas; what it does not understand is a ValueError."""

    def __init__(self, text):
        self.tokens = [(m[1], m.start(1), m.end(1)) for m in TOKEN.finditer(text)] + [("", len(text), len(text))]
        self.i = 0

    def peek(self):
        return self.tokens[self.i][0]

    def take(self, wanted=None):
        token = self.tokens[self.i]
        if wanted is not None and token[0] != wanted or not token[0]:
            raise ValueError(f"{token[0]!r} where {wanted!r} was expected")
        self.i += 1
        return token

    def list(self, end):
        nodes = []
        while self.peek() != end:
            nodes.append(self.item())
            if self.peek() != end:
                self.take(",")
        return nodes

    def item(self):
        """An expression, a slice, a named argument, an index with its range, or a body with a domain."""
        nodes = [] if self.peek() in ":" else [self.ternary()]
        while self.peek() in (":", "in", "..", "=", "where"):
            self.take()
            if self.peek() not in (",", "]", ")"):
                nodes.append(self.ternary())
        if len(nodes) == 1:
            return nodes[0]
        return Node(nodes[0].start, nodes[-1].end, nodes, False) if nodes else Node(0, 0)

    def ternary(self):
        first = self.binary(0)
        if self.peek() != "?":
            return first
        self.take()
        yes = self.ternary()
        self.take(":")
        no = self.ternary()
        return Node(first.start, no.end, [yes, no, first], False)

    def binary(self, level):
        if level == len(BINARY):
            return self.unary()
        left = self.binary(level + 1)
        while self.peek() in BINARY[level] and self.peek():
            self.take()
            right = self.binary(level + 1)
            left = Node(left.start, right.end, [left, right], False)
        return left

    def unary(self):
        if self.peek() in ("-", "not"):
            start = self.take()[1]
            inner = self.unary()
            return Node(start, inner.end, [inner], False)
        return self.postfix()

    def postfix(self):
        token, start, end = self.take()
        if token == "(":
            inner = self.list(")")
            end = self.take(")")[2]
            node = Node(start, end, inner)
        elif re.match(r"[\w]", token):
            node = Node(start, end)
        else:
            raise ValueError(token)
        while self.peek() in ("[", "("):
            close = "]" if self.take()[0] == "[" else ")"
            inner = self.list(close)
            node = Node(start, self.take(close)[2], node.operands + inner)
        return node


def replacements(text):
    """The expressions of `text` with one part less, those that save most first."""
    try:
        parser = Expressions(text)
        roots = parser.list("")
    except ValueError:
        return
    nodes = sorted((n for r in roots for n in r.all()), key=lambda n: n.start - n.end)
    for n in nodes:
        old = text[n.start:n.end]
        parts = sorted({text[m.start:m.end] if m.atom else f"({text[m.start:m.end]})"
                        for o in n.operands for m in o.all()} | {"0.5", "0", "1.0"}, key=lambda p: (len(p), p))
        for new in parts:
            if len(new) < len(old):
                yield text[:n.start] + new + text[n.end:]


def blocks(lines):
    """(first, last + 1) of each statement; one with braces ends where these do."""
    for i, line in enumerate(lines):
        if line.strip() in ("", "}") or line.startswith(("fn ", "//")) and not line.endswith("{"):
            continue
        end, depth = i + 1, line.count("{") - line.count("}")
        while depth > 0 and end < len(lines):
            depth += lines[end].count("{") - lines[end].count("}")
            end += 1
        yield i, end


def without(parts, k):
    return parts[:k] + parts[k + 1:]


def fewer_results(text):
    head = re.search(r"^ *fn (?:f|forward)\((.*)\) -> (.*) \{$", text, re.M)
    tail = text.rfind("  return ")
    if not head or tail < head.end():
        return
    types, names = split_at_commas(head[2]), split_at_commas(text[tail + 9:text.index("\n", tail)])
    tries = [[k] for k in range(len(names))] + [[j for j in range(len(names)) if j != k] for k in range(len(names))]
    for keep in tries if len(names) == len(types) > 1 else []:
        yield (text[:head.start(2)] + ", ".join(types[k] for k in keep) + text[head.end(2):tail] + "  return "
               + ", ".join(names[k] for k in keep) + text[text.index("\n", tail):])


def fewer_statements(text):
    lines = text.split("\n")
    for first, last in sorted(blocks(lines), key=lambda b: b[0] - b[1]):
        yield "\n".join(lines[:first] + lines[last:])


def fewer_states(text):
    """A scan without one of its states or yields."""
    for scan in re.finditer(r"^( *)let (.*) = scan ([^(]*)\((.*)\)(.*)\{\n(.*?)\n\1\}", text, re.M | re.S):
        indent, names, over, inits, reset, body = scan.groups()
        names, inits = split_at_commas(names), split_at_commas(inits)
        yields = re.search(r"^( *)yield (.*)$", body, re.M)
        if not yields:
            continue
        outs = split_at_commas(yields[2])

        def made(names, inits, outs, body):
            body = body.replace(yields[0], f"{yields[1]}yield {', '.join(outs)}")
            new = f"{indent}let {', '.join(names)} = scan {over}({', '.join(inits)}){reset}{{\n{body}\n{indent}}}"
            return text[:scan.start()] + new + text[scan.end():]

        for k, init in enumerate(inits):
            name = re.match(r"\w+", init)[0]
            lines = [x for x in body.split("\n") if not re.match(rf"\s*{name}'(\[[^\]]*\])? =", x)]
            reads = rf"\b{name}\b'?(\[[^\[\]]*\])?"
            left = re.sub(reads, "0.5", "\n".join(lines))
            fewer = [re.sub(rf"^{name}'?$", "0.5", o) for o in outs]
            left = left.replace(f"yield {', '.join(re.sub(reads, '0.5', o) for o in outs)}", yields[0].strip())
            kept = without(names, len(outs) + k) if len(names) > len(outs) else names
            if len(inits) > 1:
                yield made(kept, without(inits, k), fewer, left)
        for k in range(len(outs)):
            if len(outs) > 1 and k < len(names):
                yield made(without(names, k), inits, without(outs, k), body)
        if len(names) > len(outs):
            yield made(names[:len(outs)], inits, outs, body)
        if reset.strip():
            yield text[:scan.start(5)] + " " + text[scan.end(5):]
        if "reverse" in over:
            yield text[:scan.start(3)] + over.replace("reverse ", "") + text[scan.end(3):]


def fewer_arguments(text):
    head = re.search(r"^ *fn (?:f|forward)\((.*)\) -> ", text, re.M)
    args = split_at_commas(head[1]) if head else []
    for k, a in enumerate(args):
        if len(re.findall(rf"\b{a.split(':')[0]}\b", text)) == 1 and len(args) > 1:
            yield text[:head.start(1)] + ", ".join(without(args, k)) + text[head.end(1):]


def smaller_expressions(text):
    lines = text.split("\n")
    for i in sorted(range(len(lines)), key=lambda i: -len(lines[i])):
        found = re.match(r"( *(?:let )?[^=]*?[^=!<>] = )(?!scan\b)(.*)$|( *yield )(.*)$|(.* reset )(.*)( \{)$", lines[i])
        if not found or lines[i].startswith(("fn", "//")):
            continue
        head, body, tail = [g for g in (*found.groups(), "") if g is not None][:3]
        for new in replacements(body):
            yield "\n".join(lines[:i] + [head + new + tail] + lines[i + 1:])


def smaller_numbers(text):
    """One integer, at all its places at once."""
    body = "\n".join(x for x in text.split("\n") if not x.startswith("//"))
    for n in sorted(set(map(int, re.findall(r"(?<![\w.'])\d+(?![\w.])", body))), reverse=True):
        for less in sorted({0, 1, 2, 3, n // 2, n - 1}):
            if 0 <= less < n:
                yield re.sub(rf"(?<![\w.']){n}(?![\w.])", str(less), text)


PASSES = [fewer_results, fewer_statements, fewer_states, fewer_arguments, smaller_numbers, smaller_expressions]


def shrink(text, fails, tries=2000):
    """The smallest text that was found to fail, in at most so many tries."""
    changed = True
    while changed:
        changed = False
        for candidates in PASSES:
            again = True
            while again:
                again = False
                for new in candidates(text):
                    if tries <= 0:
                        return text
                    tries -= 1
                    if new != text and fails(new):
                        text, again, changed = new, True, True
                        break
    return text


def shrink_arguments(args, fails):
    """Words of a command line that are not needed, and values of lists."""
    k = 0
    while k < len(args):
        step = 2 if k + 1 < len(args) and args[k].startswith("--") and not args[k + 1].startswith("--") else 1
        fewer = args[:k] + args[k + step:]
        if fails(fewer):
            args = fewer
            continue
        name, _, values = args[k].partition("=")
        for v in values.split(",") if "," in values else []:
            one = args[:k] + [f"{name}={v}"] + args[k + 1:]
            if fails(one):
                args = one
                break
        k += step
    return args


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--seqc", required=True)
    p.add_argument("--tries", type=int, default=2000)
    p.add_argument("file")
    a, args = p.parse_known_args()
    with open(a.file, encoding="utf-8") as f:
        text = f.read()
    with tempfile.TemporaryDirectory() as folder:
        how, report = check(os.path.abspath(a.seqc), text, args, folder)
        if how is None:
            sys.exit("it does not fail")
        print(smallest(os.path.abspath(a.seqc), text, args, folder, how, a.tries), end="")


def smallest(seqc, text, args, folder, how, tries=2000):
    """A program that fails in the same way, with the arguments of its check in a first line."""
    text = re.sub(r"^// check: .*\n", "", text)
    args = shrink_arguments(args, lambda a: check(seqc, text, a, folder, 60)[0] == how)
    text = shrink(text, lambda t: check(seqc, t, args, folder, 60)[0] == how, tries)
    args = shrink_arguments(args, lambda a: check(seqc, text, a, folder, 60)[0] == how)
    return f"// check: {' '.join(args)}\n{text}"


if __name__ == "__main__":
    main()
