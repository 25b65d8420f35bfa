"""What a random program is made of: values with their axes, expressions over a point, its text.

A program has statements in order over an axis of time `T` and static axes. Values stay near
1, so that rounding does not grow, and conditions compare inputs alone, so that it cannot
change a branch. A causal program reads no row ahead of its own, so that it has a stream.
"""
import re

SIZES = [1, 2, 3, 4, 5, 7, 8, 16, 17, 24, 33]
AXES = "DEKN"


class Names:
    """`values` holds the axes of each float that statements may read, `last` of those that are
    results only, `inputs`, `bools` and `integers` of the function's arguments."""

    def __init__(self, rng, causal=False, parent=None):
        self.rng, self.causal, self.is_head = rng, causal, parent is not None
        self.values, self.last, self.inputs, self.bools, self.integers = {}, {}, {}, {}, {}
        self.statements = []
        self.functions = parent.functions if parent else []
        self.axes = parent.axes if parent else self.sizes()

    def sizes(self):
        axes = {a: self.rng.choice(SIZES) for a in AXES}
        return {**axes, "K": min(axes["K"], 5), "N": min(axes["N"], 3)}

    def input(self, axes):
        name = f"x{len(self.inputs)}"
        self.inputs[name] = self.values[name] = axes
        return name

    def bool_input(self):
        name = f"b{len(self.bools)}"
        self.bools[name] = ("T",)
        return name

    def integer_input(self):
        name = f"n{len(self.integers)}"
        self.integers[name] = ("T",)
        return name

    def table(self, axes):
        """An input that nothing else reads."""
        name = self.input(axes)
        del self.values[name]
        return name

    def fresh(self, axes, text, *others, keep=True):
        """Adds a statement for a new name, `@`, and for what else it makes as (suffix, axes).
        What is not kept is a result and read by no statement."""
        name = f"v{len(self.statements)}"
        made = [name] + [name + s for s, _ in others]
        self.statements.append((made, text.replace("@", name)))
        into = self.values if keep else self.last
        into[name] = axes
        for suffix, a in others:
            (self.last if self.causal and "T" not in a else into)[name + suffix] = a
        return name

    def some(self, wanted=lambda axes: True, of=None):
        names = [n for n, a in (self.values if of is None else of).items() if wanted(a)]
        return self.rng.choice(names) if names else None

    def need(self, *axes):
        """A value with one of these tuples of axes: one that there is, or a new input."""
        found = self.some(lambda a: a in axes)
        few = len(self.inputs) < 8
        return found if found and not (few and self.rng.random() < 0.2) else self.input(self.rng.choice(axes))

    def number(self):
        return f"{self.rng.choice([-1, 1]) * self.rng.uniform(0.2, 0.9):.2f}"

    # --- expressions over a point; `index` names the index of each axis ---------------------

    def read(self, axes, index):
        """A value whose axes are all among `axes`, read at the point."""
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
            kind = self.rng.randint(0, 3)
            if kind == 0 and name and name in self.values:
                at = ", ".join(index[x] for x in self.inputs[name])
                parts.append(f"{name}[{at}] > {self.number()}")
            elif kind == 1:
                parts.append(f"{self.rng.choice(list(index.values()))} % {self.rng.randint(2, 4)} "
                             f"{self.rng.choice(['==', '!=', '<'])} 1")
            elif kind == 2 and "T" in index:
                parts.append(f"{self.some(of=self.bools) or self.bool_input()}[{index['T']}]")
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
        kind = r.randint(0, 9)
        if kind <= 1:
            return f"{self.number()} * ({sub()} {r.choice('+-')} {sub()})"
        if kind == 2:
            return f"{sub()} * {r.choice(['sigmoid', 'tanh', 'cos', 'sin'])}({sub()})"
        if kind == 3:
            return f"{r.choice(['tanh', 'sigmoid', 'silu', 'gelu', 'erf', 'sin', 'relu'])}({sub()})"
        if kind == 4 and index:
            return f"({self.condition(index)} ? {sub()} : {sub()})"
        if kind == 5:
            return f"{r.choice(['min', 'max'])}({sub()}, {sub()})"
        if kind == 6:
            return f"exp(-abs({sub()}))"
        if kind == 7:
            return f"{sub()} / (1.5 + {r.choice(['sigmoid', 'abs'])}({sub()}))"
        if kind == 8:
            f = r.choice(["log1p(abs({}))", "expm1(-abs({}))", "rsqrt(1.0 + abs({}))", "0.3 * log_sigmoid({})",
                          "tanh({}) ** 2", "sigmoid({}) ** 3", "gelu_tanh({})"])
            return f.format(sub())
        return f"softplus({sub()}) - {r.choice(['log', 'sqrt'])}(0.5 + abs({sub()}))"

    @staticmethod
    def names_of(axes):
        return {a: a.lower() for a in axes}

    @staticmethod
    def ranges(axes, index):
        """`t in 0..T, d in 0..D`."""
        return ", ".join(f"{index[a]} in 0..{a}" for a in axes)

    # --- text ------------------------------------------------------------------------------

    def results(self):
        known = {**self.values, **self.last}
        return [(n, known[n]) for names, _ in self.statements for n in names if n in known]

    def function(self, name, results, layer=False):
        """A function of those results, or a layer whose parameters are what has no time.
        `%%` stands for a product of matrices."""
        def show(axes):
            return "[" + ", ".join(axes) + "]" if axes else "float"

        params = {n: a for n, a in self.inputs.items() if layer and a and not set(a) & {"T", "S"}}
        args = [f"{n}: {show(a)}" for n, a in self.inputs.items() if n not in params]
        args += [f"{n}: bool{show(a)}" for n, a in self.bools.items()]
        args += [f"{n}: i32{show(a)}" for n, a in self.integers.items()]
        text = (f"fn {'forward' if layer else name}({', '.join(args)}) -> {', '.join(show(a) for _, a in results)} {{\n"
                + "\n".join("  " + t for _, t in self.statements)
                + f"\n  return {', '.join(n for n, _ in results)}\n}}\n")
        if layer:
            text = "".join(f"param {n}: {show(a)}\n" for n, a in params.items()) + text
            text = f"layer {name}() {{\n" + re.sub("^(?=.)", "  ", text, flags=re.M) + "}\n"
        sizes = {a: str(n) for a, n in self.axes.items()}
        return re.sub(rf"\b([{AXES}])\b", lambda m: sizes[m.group(1)], text).replace("%%", "@")

    def text(self, results, layer=False):
        return "".join(self.functions) + self.function("f", results, layer)
