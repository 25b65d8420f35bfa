#!/usr/bin/env python3
"""Random well-typed programs: each is compiled and compared with the interpreter.

    programs.py --seqc build/bin/seqc [--count N] [--seed S] [--jobs N] [--keep DIR]

A program is a chain of statements over an axis of time `T` and static axes: elementwise
maps with guarded shifts, reductions over domains, products, attention, convolutions,
scans with random steps and resets, slices and reversals. Values stay near 1, so that rounding does
not grow, and conditions compare inputs alone, so that it cannot change a branch. The same
seed makes the same programs. A program that fails is cut down to the statements that one
of its results needs and written to DIR; the exit status is 1.
"""
import argparse
import concurrent.futures
import os
import random
import re
import subprocess
import sys
import tempfile

SIZES = [1, 2, 3, 4, 5, 7, 8, 16, 17, 24, 33]


def targets():
    """The levels of x86-64 that this machine has."""
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        flags = set(re.search(r"^flags\s*:(.*)$", f.read(), re.M).group(1).split())
    have = [("x86-64-v2", "sse4_2"), ("x86-64-v3", "avx2"), ("x86-64-v4", "avx512vl")]
    return [name for name, flag in have if flag in flags]


TARGETS = targets()


class Program:
    """Statements in order; `values` holds the axes of each name that exists so far."""

    def __init__(self, rng):
        self.rng = rng
        self.values, self.last, self.inputs = {}, {}, {}
        self.statements, self.functions = [], []
        self.axes = {a: rng.choice(SIZES) for a in "DEK"}
        self.axes["K"] = min(self.axes["K"], 5)
        for k in range(rng.randint(1, 3)):
            self.give_input(f"x{k}", rng.choice([("T",), ("T", "D"), ("T", "D"),
                                                 ("T", "D", "E")]))
        for k in range(rng.randint(1, 3)):
            self.give_input(f"w{k}", rng.choice([("D",), ("D", "E"), ("E", "D"), ("D", "K"),
                                                 ("K",)]))
        for _ in range(rng.randint(2, 6)):
            rng.choice([self.elementwise, self.elementwise, self.reduction, self.product,
                        self.attention, self.convolution, self.scan, self.scan, self.rearranged,
                        self.gather, self.masked, self.mapped, self.nested])()

    def give_input(self, name, axes):
        self.inputs[name] = self.values[name] = axes

    def fresh(self, axes, text, *others):
        """Adds a statement for a new name, and for what else it makes as (suffix, axes)."""
        name = f"v{len(self.statements)}"
        made = [name] + [name + s for s, _ in others]
        self.statements.append((made, text.replace("@", name)))
        self.values[name] = axes
        for suffix, a in others:
            self.values[name + suffix] = a
        return name

    def some(self, wanted=lambda axes: True, of=None):
        names = [n for n, a in (of or self.values).items() if wanted(a)]
        return self.rng.choice(names) if names else None

    def number(self):
        return f"{self.rng.choice([-1, 1]) * self.rng.uniform(0.2, 0.9):.2f}"

    # --- expressions over a point ------------------------------------------------------

    def read(self, axes, index):
        """A value whose axes are all among `axes`, read at the point; `index` names indices."""
        name = self.some(lambda a: set(a) <= set(axes))
        if not name:
            return self.number()
        a = self.values[name]
        at = [index[x] for x in a]
        if "T" in a and self.rng.random() < 0.2:
            k, t = self.rng.randint(1, 3), index["T"]
            at[a.index("T")] = f"{t} - {k}"
            return f"({t} >= {k} ? {name}[{', '.join(at)}] : {self.number()})"
        return f"{name}[{', '.join(at)}]" if at else name

    def condition(self, index):
        """Over inputs and indices only."""
        parts = []
        for _ in range(self.rng.randint(1, 2)):
            name = self.some(lambda a: set(a) <= set(index), self.inputs)
            kind = self.rng.randint(0, 2)
            if kind == 0 and name:
                at = ", ".join(index[x] for x in self.inputs[name])
                parts.append(f"{name}[{at}] > {self.number()}")
            elif kind == 1:
                parts.append(f"{self.rng.choice(list(index.values()))} % {self.rng.randint(2, 4)} "
                             f"{self.rng.choice(['==', '!=', '<'])} 1")
            else:
                parts.append(f"{self.rng.choice(list(index.values()))} "
                             f"{self.rng.choice(['<', '>=', '!='])} {self.rng.randint(0, 6)}")
        return self.rng.choice([" and ", " or "]).join(parts)

    def point(self, axes, index, depth=0, extra=()):
        """A bounded float expression; `extra` are further scalars that it may use."""
        r = self.rng

        def sub():
            return self.point(axes, index, depth + 1, extra)

        if depth >= 3 or r.random() < 0.25:
            return r.choice(list(extra)) if extra and r.random() < 0.5 else self.read(axes, index)
        kind = r.randint(0, 8)
        if kind <= 1:
            return f"{self.number()} * ({sub()} {r.choice('+-')} {sub()})"
        if kind == 2:
            return f"{sub()} * {r.choice(['sigmoid', 'tanh', 'cos', 'sin'])}({sub()})"
        if kind == 3:
            return f"{r.choice(['tanh', 'sigmoid', 'silu', 'gelu', 'erf', 'sin', 'relu'])}({sub()})"
        if kind == 4:
            return f"({self.condition(index)} ? {sub()} : {sub()})"
        if kind == 5:
            return f"{r.choice(['min', 'max'])}({sub()}, {sub()})"
        if kind == 6:
            return f"exp(-abs({sub()}))"
        if kind == 7:
            return f"{sub()} / (1.5 + {r.choice(['sigmoid', 'abs'])}({sub()}))"
        return f"softplus({sub()}) - {r.choice(['log', 'sqrt'])}(0.5 + abs({sub()}))"

    def some_axes(self):
        return self.rng.choice([("T",), ("T", "D"), ("T", "D"), ("T", "E"), ("D",), ("D", "T"),
                                ("T", "D", "E"), ("E", "T", "D")])

    @staticmethod
    def names_of(axes):
        return {a: a.lower() for a in axes}

    @staticmethod
    def ranges(axes, index):
        """`t in 0..T, d in 0..D`."""
        return ", ".join(f"{index[a]} in 0..{a}" for a in axes)

    # --- statements -----------------------------------------------------------------------

    def elementwise(self):
        axes = self.some_axes()
        index = self.names_of(axes)
        self.fresh(axes, f"let @[{self.ranges(axes, index)}] = {self.point(axes, index)}")

    def reduction(self):
        axes = self.some_axes()
        over = self.rng.choice([a for a in "TDEK" if a not in axes[1:]])
        index = self.names_of(axes)
        inner = dict(index)
        inner[over] = "r"
        kind = self.rng.choice(["sum", "mean", "max", "min", "logsumexp", "prod"])
        body = self.point(tuple(inner), inner)
        where = f" where {self.domain(axes, index, over, inner)}" if self.rng.random() < 0.6 else ""
        if kind == "prod":
            body = f"1.0 + 0.1 * tanh({body})"
        scale = "0.05 * " if kind == "sum" else ""
        value = f"{scale}{kind}[r in 0..{over}]({body}{where})"
        if kind in ("max", "min", "logsumexp"):  # of nothing infinite
            value = f"tanh({value})"
        name = self.fresh(axes, f"let @[{self.ranges(axes, index)}] = {value}")
        if kind == "mean":  # of nothing NaN, which would spread: a result only
            self.last[name] = self.values.pop(name)

    def domain(self, axes, index, over, inner):
        if over == "T" and "T" in axes:
            t, k = index["T"], self.rng.randint(1, 6)
            return self.rng.choice([f"r <= {t}", f"r < {t}", f"r <= {t} and {t} - r < {k}",
                                    f"r >= {t}", f"r != {t}", f"r <= {t} + {k} and r >= {t} - {k}",
                                    f"r <= {t} and ({t} - r) % {k} == 0", f"{t} - r == {k}"])
        return self.condition(inner)

    def product(self):
        w = self.some(lambda a: a in (("D", "E"), ("E", "D")))
        if not w:
            return self.elementwise()
        o, i = self.values[w]
        x = self.some(lambda a: a == ("T", i)) or self.some(lambda a: a == (i,))
        if not x:
            return self.elementwise()
        if self.values[x] == (i,):
            return self.fresh((o,), f"let @ = 0.2 * ({w} %% {x})")
        form = self.rng.choice([f"{w} @ {x}[t]", f"sum[c]({w}[b, c] * {x}[t, c])"])
        if "@" in form:
            return self.fresh(("T", o), f"let @[t] = 0.2 * ({w} %% {x}[t])")
        self.fresh(("T", o), f"let @[t, b] = 0.2 * {form}")

    def attention(self):
        q, v = (self.some(lambda a: a in (("T", "D"), ("T", "E"))) for _ in range(2))
        k = self.some(lambda a: q and a == self.values[q])
        if not q:
            return self.elementwise()
        index = {"T": "i"}
        score = f"sum[c]({q}[i, c] * {k}[j, c])"
        bias = self.some(lambda a: a == ("T",))
        if bias and self.rng.random() < 0.5:
            score += f" + {bias}[i] - {bias}[j]"
        if self.rng.random() < 0.3:
            score = f"2.0 * tanh({score})"
        where = ""
        if self.rng.random() < 0.8:
            where = " where " + self.key_domain()
        d = self.values[v][1]
        out = f"sum[j](@p[i, j] * {v}[j, d])"
        if self.rng.random() < 0.3:
            out = f"sigmoid({q}[i, 0]) * {out}"
        if self.rng.random() < 0.2:  # the weights meet two values, or are read besides
            out += self.rng.choice([f" + 0.5 * sum[j](@p[i, j] * {q}[i, 0] * {v}[j, 0])",
                                    " + 0.1 * sum[j](@p[i, j] * @p[i, j])"])
        lines = [f"let @p[i in 0..T, j in 0..T] = softmax[j]({score}{where})",
                 f"let @[i in 0..T, d in 0..{d}] = {out}"]
        if self.rng.random() < 0.3:  # scores that are weights themselves
            f = self.rng.choice(["tanh", "sigmoid", "sin"])
            lines = [f"let @p[i in 0..T, j in 0..T] = {f}({score})",
                     f"let @[i in 0..T, d in 0..{d}] = 0.05 * sum[j](@p[i, j] * {v}[j, d]{where})"]
            if self.rng.random() < 0.5:
                lines = [lines[1].replace("@p[i, j]", f"{f}({score})")]
            return self.fresh(("T", d), "\n  ".join(lines))
        if self.rng.random() < 0.3:  # a score with a name
            lines.insert(0, f"let @s[i in 0..T, j in 0..T] = {score}")
            lines[1] = f"let @p[i in 0..T, j in 0..T] = softmax[j](@s[i, j]{where})"
        self.fresh(("T", d), "\n  ".join(lines))

    def key_domain(self):
        """Of keys j for rows i: bounds, blocks, steps, data, and what only masks."""
        r, k = self.rng, self.rng.randint(1, 40)
        text = re.sub(r"\br\b", "j", self.domain(("T",), {"T": "i"}, "T", {}))
        if r.random() < 0.4:
            text = r.choice([f"i / {k} == j / {k}", f"j / {k} <= i / {k}", f"i / {k} - j / {k} < 2",
                             f"2 * j <= i + {k}", f"j <= 2 * i and j >= i / 2", f"j - i < {k}",
                             f"j % {k} == 0 or i - j < 3 and j <= i", f"j + {k} <= i",
                             f"{k} <= j"])
        x = self.some(lambda a: a == ("T",), self.inputs)
        if x and r.random() < 0.3:
            text = f"{r.choice([f'({text})', 'j <= i'])} and {x}[j] > {self.number()}"
        return text

    def convolution(self):
        x = self.some(lambda a: a in (("T", "D"), ("T",)))
        if not x:
            return self.elementwise()
        d = ", d" if self.values[x] == ("T", "D") else ""
        w = self.some(lambda a: a == (("D", "K") if d else ("K",)))
        w = w or self.some(lambda a: a == ("K",))
        if not w:
            return self.elementwise()
        at = "d, k" if self.values[w] == ("D", "K") else "k"
        place = self.rng.choice(["t - k", "t - (K - 1 - k)", "t - 2 * k", "t + k", "t + k - 1",
                                 "2 * t - k"])
        head = "t in 0..T" + (", d in 0..D" if d else "")
        bias = self.rng.choice(["", f" + {self.number()}"])
        self.fresh(self.values[x], f"let @[{head}] = "
                   f"0.3 * sum[k in 0..K]({w}[{at}] * {x}[{place}{d}]){bias}")

    def scan(self):
        r = self.rng
        shape = r.choice([(), ("D",), ("D",), ("E",), ("D", "E")])
        index = self.names_of(shape)
        at = "[" + ", ".join(index[a] for a in shape) + "]" if shape else ""
        dims = ": [" + ", ".join(shape) + "]" if shape else ""
        states = ["h", "g"][:r.randint(1, 2)]
        point = {"T": "t", **index}
        lines = []
        for s in states:
            scalars = [f"{x}{at}" for x in states]
            body = self.point(("T",) + shape, point, 1, scalars)
            if len(shape) == 1 and r.random() < 0.4:
                a = shape[0]
                w = self.some(lambda x: x == (a, a))
                weight = f"{w}[{index[a]}, c]" if w else self.number()
                body += (f" + {0.3 / self.axes[a]:.3f} * "
                         f"sum[c in 0..{a}]({states[0]}[c] * {weight})")
            form = r.randint(0, 3)
            if form == 0:
                body = f"tanh({body})"
            elif form == 1:
                body = f"sigmoid({self.read(('T',) + shape, point)}) * {s}{at} + 0.3 * tanh({body})"
            elif form == 2:
                body = f"max({s}{at} - 0.1, tanh(0.3 * ({body})))"
            else:
                body = f"0.9 * {s}{at} + 0.1 * sin({body})"
            lines.append(f"    {s}'{at} = {body}")
        out = r.choice([f"{states[0]}'", states[-1], f"{states[0]}' * {states[-1]}"])
        reverse = r.choice(["", "", "reverse "])
        init = ", ".join(f"{s}{dims} = {r.choice([self.number(), '0.0'])}" for s in states)
        others = [("_" + s, shape) for s in states]
        names = ", ".join(["@"] + ["@" + o for o, _ in others])
        reset = f" reset {self.condition({'T': 't'})}" if r.random() < 0.3 else ""
        self.fresh(("T",) + shape, f"let {names} = scan {reverse}t in 0..T ({init}){reset} {{\n"
                   + "\n".join(lines) + f"\n    yield {out}\n  }}", *others)

    def gather(self):
        """Reads at places that a tensor of integers holds; some are outside, under a guard."""
        x = self.some(lambda a: len(a) >= 1 and a[-1] in "DE")
        if not x:
            return self.elementwise()
        axes, n = self.values[x], self.axes[self.values[x][-1]]
        index = self.names_of(axes)
        last = axes[-1]
        place = f"@i[{index[last]}]"
        rest = "".join(index[a] + ", " for a in axes[:-1])
        k = self.rng.randint(0, 3)
        if self.rng.random() < 0.5:
            start = f"({index[last]} * {self.rng.randint(1, 5)} + {k}) % {n}"
            value = f"{x}[{rest}{place}]"
        else:
            start = f"{index[last]} * 2 - {k}"
            value = f"({place} >= 0 and {place} < {n} ? {x}[{rest}{place}] : {self.number()})"
        self.fresh(axes, f"let @i[{index[last]} in 0..{last}] = {start}\n"
                         f"  let @[{self.ranges(axes, index)}] = {value}")

    def masked(self):
        """A domain by a tensor of truth values."""
        x = self.some(lambda a: a == ("T", "D"), self.inputs)
        v = self.some(lambda a: a == ("T", "D"))
        if not x:
            return self.elementwise()
        kind = self.rng.choice(["tanh(max", "tanh(logsumexp", "0.1 * (sum"])
        more = self.rng.choice(["", " and j <= i", " and i - j < 3 and j <= i"])
        self.fresh(("T", "D"),
                   f"let @m[t in 0..T] = any[d in 0..D]({x}[t, d] > {self.number()})\n"
                   f"  let @[i in 0..T, d in 0..D] = "
                   f"{kind}[j in 0..T]({v}[j, d] where @m[j]{more}))")

    def mapped(self):
        """A call of a function of one sequence for each index of another axis."""
        x = self.some(lambda a: a == ("T", "D"))
        w = self.some(lambda a: a == ("D",))
        if not x or not w:
            return self.elementwise()
        name = f"g{len(self.functions)}"
        reverse = self.rng.choice(["", "reverse "])
        step = self.rng.choice(["a * h + x[t]", "tanh(a * h - x[t])", "max(h - 0.1, a * x[t])"])
        self.functions.append(f"fn {name}(x: [T], a: float) -> [T], float {{\n"
                              f"  let y, h = scan {reverse}t (h = {self.number()}) {{\n"
                              f"    h' = 0.5 * ({step})\n    yield h' - h\n  }}\n"
                              f"  return y, h\n}}\n")
        self.fresh(("D", "T"), f"let @x[d in 0..D, t in 0..T] = {x}[t, d]\n"
                   f"  let @, @_h = {name}(@x, sigmoid({w}))", ("_h", ("D",)))

    def nested(self):
        """A scan in a scan's step: over a static axis, or over the steps so far."""
        x = self.some(lambda a: a == ("T", "D"))
        if not x:
            return self.elementwise()
        inner = self.rng.choice(["reverse d in 0..D", "d in 0..D"])
        init = self.rng.choice(["h", "0.1", "0.5 * h"])
        decay = self.rng.choice(["0.7", "0.9"])
        self.fresh(("T",), f"let @, @_h = scan t in 0..T (h = {self.number()}) {{\n"
                           f"    let y, a = scan {inner} (a = {init}) {{\n"
                           f"      a' = {decay} * a + 0.2 * sin({x}[t, d])\n"
                           f"      yield a' * a\n    }}\n"
                           f"    h' = tanh(0.5 * h + 0.3 * a + 0.05 * sum[d in 0..D](y[d]))\n"
                           f"    yield h'\n  }}", ("_h", ()))

    def rearranged(self):
        x = self.some(lambda a: a[:1] == ("T",) and len(a) <= 2)
        if not x:
            return self.elementwise()
        a = self.values[x]
        forms = [f"reverse({x})", f"0.2 * cumsum({x})"]
        if len(a) == 2:
            forms.append(f"concat({x}[:, 1:], {x}[:, :1])")
            forms.append(f"flip({x})")
        self.fresh(a, f"let @ = {self.rng.choice(forms)}")

    # --- text ------------------------------------------------------------------------------

    def results(self):
        known = {**self.values, **self.last}
        return [(n, known[n]) for names, _ in self.statements for n in names]

    def text(self, results, statements=None):
        """A function of those results, of all statements or of some."""
        sizes = {a: str(n) for a, n in self.axes.items()}

        def show(axes):
            return "[" + ", ".join(sizes.get(a, a) for a in axes) + "]" if axes else "float"

        args = ", ".join(f"{n}: {show(a)}" for n, a in self.inputs.items())
        types = ", ".join(show(a) for _, a in results)
        body = "\n".join("  " + t for _, t in (statements or self.statements))
        body = re.sub(r"\b([DEK])\b", lambda m: sizes[m.group(1)], body).replace("%%", "@")
        names = ", ".join(n for n, _ in results)
        return ("".join(self.functions)
                + f"fn f({args}) -> {types} {{\n{body}\n  return {names}\n}}\n")

    def needed(self, result):
        """The statements that lead to one result."""
        want, kept = {result}, []
        for names, text in reversed(self.statements):
            if want & set(names):
                kept.insert(0, (names, text))
                want |= set(re.findall(r"\b[vxw]\d+\w*\b", text))
        return kept


def check(seqc, text, rng_seed, folder):
    rng = random.Random(rng_seed)
    path = os.path.join(folder, f"p{rng_seed}.seq")
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    argv = [seqc, "check", path, "f", "--quiet", "--no-cache", "--seed", str(rng.randint(1, 99)),
            "--target", rng.choice(TARGETS), "--threads", str(rng.randint(1, 2))]
    try:
        p = subprocess.run(argv, capture_output=True, text=True, timeout=300)
        return p.returncode, " ".join(argv) + "\n" + p.stdout + p.stderr
    except subprocess.TimeoutExpired:
        return -1, " ".join(argv) + "\ntimed out"


def one(seqc, seed, keep, folder):
    program = Program(random.Random(seed))
    results = program.results()
    chosen = results if len(results) <= 5 else random.Random(seed).sample(results, 5)
    text = program.text(chosen)
    code, report = check(seqc, text, seed, folder)
    if code == 0:
        return None
    for r in chosen:
        smaller = program.text([r], program.needed(r[0]))
        c, rep = check(seqc, smaller, seed, folder)
        if c != 0:
            text, report = smaller, rep
            break
    if keep:
        os.makedirs(keep, exist_ok=True)
        with open(os.path.join(keep, f"{seed}.seq"), "w", encoding="utf-8") as f:
            f.write(text)
    return f"seed {seed}\n{text}{report}"


def main():
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--seqc", required=True)
    p.add_argument("--count", type=int, default=100)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--jobs", type=int, default=2)
    p.add_argument("--keep")
    a = p.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory() as folder, \
            concurrent.futures.ThreadPoolExecutor(a.jobs) as pool:
        seeds = range(a.seed, a.seed + a.count)
        for report in pool.map(lambda s: one(os.path.abspath(a.seqc), s, a.keep, folder), seeds):
            if report:
                failed += 1
                print(report, flush=True)
    print(f"{a.count - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
