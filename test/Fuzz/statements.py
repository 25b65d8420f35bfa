"""Statements without a recurrence of their own: maps, reductions, gathers, calls."""


class Statements:
    def some_axes(self):
        return self.rng.choice([("T",), ("T", "D"), ("T", "D"), ("T", "E"), ("D",), ("D", "T"),
                                ("T", "D", "E"), ("E", "T", "D"), ("T", "N")])

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
        bounded = over == "T" and "T" in axes
        where = ""
        if self.rng.random() < 0.6 or self.causal and bounded:
            where = f" where {self.domain(axes, index, over, inner)}"
        if kind == "prod":
            body = f"1.0 + 0.1 * tanh({body})"
        scale = "0.05 * " if kind == "sum" else ""
        value = f"{scale}{kind}[r in 0..{over}]({body}{where})"
        if kind in ("max", "min", "logsumexp"):  # of nothing infinite
            value = f"tanh({value})"
        # The mean of nothing is NaN, which would spread: a result only. So is what a causal
        # program says of all steps.
        keep = kind != "mean" and not (self.causal and over == "T" and not bounded)
        self.fresh(axes, f"let @[{self.ranges(axes, index)}] = {value}", keep=keep)

    def domain(self, axes, index, over, inner):
        if over == "T" and "T" in axes:
            t, k = index["T"], self.rng.randint(1, 6)
            causal = [f"r <= {t}", f"r < {t}", f"r <= {t} and {t} - r < {k}", f"{t} - r == {k}",
                      f"r <= {t} and ({t} - r) % {k} == 0"]
            return self.rng.choice(causal + ([] if self.causal else [
                f"r >= {t}", f"r != {t}", f"r <= {t} + {k} and r >= {t} - {k}"]))
        return self.condition(inner)

    def product(self):
        w = self.need(("D", "E"), ("E", "D"))
        o, i = self.values[w]
        x = self.need(("T", i), (i,))
        if self.values[x] == (i,):
            return self.fresh((o,), f"let @ = 0.2 * ({w} %% {x})")
        if self.rng.random() < 0.5:
            return self.fresh(("T", o), f"let @[t] = 0.2 * ({w} %% {x}[t])")
        self.fresh(("T", o), f"let @[t, b] = 0.2 * sum[c]({w}[b, c] * {x}[t, c])")

    def gather(self):
        """Reads at places that a tensor of integers holds; some are outside, under a guard."""
        x = self.some(lambda a: len(a) >= 1 and a[-1] in "DE" and len(set(a)) == len(a)) or self.input(("T", "D"))
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

    def whole(self):
        """Arrays without indices: broadcasts, choices by element, new values of a name, loops."""
        x = self.need(("T", "D"))
        y = self.need(("T", "D"), ("D",), ())
        given = self.some(lambda a: a == ("T", "D"), self.inputs)
        forms = [f"tanh({x}) * {y} + {self.number()}", f"0.5 * ({x} - {y}) / (2.0 + abs({y}))", f"min({x}, {y})"]
        if given in self.values:
            forms.append(f"{given} > {self.number()} ? {x} : 0.5 * {y}")
        lines = [f"let @ = {self.rng.choice(forms)}"]
        if self.rng.random() < 0.3:
            lines.append(f"@ = 0.5 * @ + 0.3 * sin({self.rng.choice([x, '@'])})")
        if self.rng.random() < 0.3:
            lines.append(f"for s in 0..{self.rng.randint(1, 3)} {{ @ = 0.5 * @ + 0.1 * (s + 1) * {x} }}")
        if self.rng.random() < 0.3:
            lines.append(f"let @l, @r = split(concat(@, {x}), 2)")
            return self.fresh(("T", "D"), "\n  ".join(lines), ("l", ("T", "D")), ("r", ("T", "D")))
        self.fresh(("T", "D"), "\n  ".join(lines))

    def largest(self):
        """Rows of a table, by where an input is largest."""
        x, w = self.table(("T", "D")), self.need(("D", "E"))
        kind = self.rng.choice(["argmax", "argmin"])
        self.fresh(("T", "E"), f"let @i[t in 0..T] = {kind}[d in 0..D]({x}[t, d])\n"
                               f"  let @[t in 0..T, e in 0..E] = {w}[@i[t], e]")

    def embedding(self):
        """Rows of a table, by a sequence of integers."""
        w = self.need(("D", "E"), ("D", "K"), ("E", "D"))
        v, d = self.values[w]
        n = self.some(of=self.integers) or self.integer_input()
        self.fresh(("T", d), f"let @i[t in 0..T] = {n}[t] % {v}\n"
                             f"  let @[t in 0..T, {d.lower()} in 0..{d}] = {w}[@i[t], {d.lower()}]")

    def over_static(self):
        """A scan over an axis that is no time."""
        axes = self.rng.choice([("D",), ("D", "E")])
        rest = axes[1:]
        at = ", ".join(["d"] + [a.lower() for a in rest])
        x = self.need(axes)
        state = f"[{', '.join(a.lower() for a in rest)}]" if rest else ""
        dims = ": [" + ", ".join(rest) + "]" if rest else ""
        f = self.rng.choice(["0.7 * {h} + 0.3 * {x}", "tanh({h} + {x})", "max({h} - 0.2, {x})"])
        self.fresh(axes, f"let @, @_h = scan {self.rng.choice(['', 'reverse '])}d in 0..D (h{dims} = 0.0) {{\n"
                         f"    h'{state} = {f.format(h='h' + state, x=f'{x}[{at}]')}\n    yield h'\n  }}", ("_h", rest))

    def masked(self):
        """A domain by a tensor of truth values."""
        x = self.some(lambda a: a == ("T", "D"), self.inputs) or self.input(("T", "D"))
        v = self.need(("T", "D"))
        kind = self.rng.choice(["tanh(max", "tanh(logsumexp", "0.1 * (sum"])
        more = self.rng.choice([" and j <= i", " and i - j < 3 and j <= i"]
                               + ([] if self.causal else [""]))
        self.fresh(("T", "D"),
                   f"let @m[t in 0..T] = any[d in 0..D]({x}[t, d] > {self.number()})\n"
                   f"  let @[i in 0..T, d in 0..D] = "
                   f"{kind}[j in 0..T]({v}[j, d] where @m[j]{more}))")

    def mapped(self):
        """A call of a function of one sequence for each index of another axis."""
        x, w = self.need(("T", "D")), self.need(("D",))
        name = f"g{len(self.functions)}"
        reverse = "" if self.causal else self.rng.choice(["", "reverse "])
        step = self.rng.choice(["a * h + x[t]", "tanh(a * h - x[t])", "max(h - 0.1, a * x[t])"])
        self.functions.append(f"fn {name}(x: [T], a: float) -> [T], float {{\n"
                              f"  let y, h = scan {reverse}t (h = {self.number()}) {{\n"
                              f"    h' = 0.5 * ({step})\n    yield h' - h\n  }}\n"
                              f"  return y, h\n}}\n")
        self.fresh(("D", "T"), f"let @x[d in 0..D, t in 0..T] = {x}[t, d]\n"
                   f"  let @, @_h = {name}(@x, sigmoid({w}))", ("_h", ("D",)))

    def heads(self):
        """A random program of one head, called for each: by an index, or over a leading axis."""
        head = type(self)(self.rng, self.causal, self)
        for axes in self.rng.sample([("T", "D"), ("T", "E"), ("T",), ("D",), ("D", "E")], 2):
            head.input(axes)
        head.input(("T", "D"))
        self.rng.choice([head.scan, head.matrix_scan, head.attention, head.convolution])()
        made = [(n, a) for n, a in head.results() if a[:1] == ("T",) and n in head.values]
        if not made:
            return self.elementwise()
        result = self.rng.choice(made)
        name = f"g{len(self.functions)}"
        self.functions.append(head.function(name, [result]))
        lead = self.rng.random() < 0.5
        lines, args = [], []
        for k, axes in enumerate(list(head.inputs.values()) + list(head.bools.values()) + list(head.integers.values())):
            if k >= len(head.inputs) + len(head.bools):
                args.append(self.some(of=self.integers) or self.integer_input())
            elif k >= len(head.inputs):
                args.append(self.some(of=self.bools) or self.bool_input())
            elif k and self.rng.random() < 0.4:
                args.append(self.need(axes))
            elif lead and len(set(axes)) < len(axes):
                args.append(self.need(("N",) + axes))
            elif lead:
                index = self.names_of(("N",) + axes)
                lines.append(f"let @_{k}[{self.ranges(('N',) + axes, index)}] = "
                             f"{self.read(('N',) + axes, index)}")
                args.append(f"@_{k}")
            else:
                first = axes[0] if axes[0] == "T" else None
                value = self.need((axes[0], "N") + axes[1:] if first else ("N",) + axes)
                args.append(f"{value}[:, n]" if first else f"{value}[n]")
        call = f"{name}({', '.join(args)})"
        lines.append(f"let @ = {call}" if lead else f"let @[n in 0..N] = {call}")
        self.fresh(("N",) + result[1], "\n  ".join(lines))

    def nested(self):
        """A scan in a scan's step."""
        x = self.need(("T", "D"))
        inner = self.rng.choice(["reverse d in 0..D", "d in 0..D", "r in 0..T"])
        if "T" in inner and not self.causal:
            return self.nested_in_time(x)
        inner = inner.replace("r in 0..T", "d in 0..D")
        init = self.rng.choice(["h", "0.1", "0.5 * h"])
        decay = self.rng.choice(["0.7", "0.9"])
        self.fresh(("T",), f"let @, @_h = scan t in 0..T (h = {self.number()}) {{\n"
                           f"    let y, a = scan {inner} (a = {init}) {{\n"
                           f"      a' = {decay} * a + 0.2 * sin({x}[t, d])\n"
                           f"      yield a' * a\n    }}\n"
                           f"    h' = tanh(0.5 * h + 0.3 * a + 0.05 * sum[d in 0..D](y[d]))\n"
                           f"    yield h'\n  }}", ("_h", ()))

    def nested_in_time(self, x):
        """Over the steps so far, once more at each."""
        self.fresh(("T",), f"let @, @_h = scan t in 0..T (h = {self.number()}) {{\n"
                           f"    let b = scan r in 0..T (a = 0.0) {{\n"
                           f"      a' = r <= t ? 0.8 * a + 0.2 * {x}[r, 0] : a\n    }}\n"
                           f"    h' = tanh(0.5 * h + 0.3 * b)\n    yield h'\n  }}", ("_h", ()))

    def rearranged(self):
        x = self.some(lambda a: a[:1] == ("T",) and len(a) <= 2) or self.input(("T", "E"))
        a = self.values[x]
        forms = [f"0.2 * cumsum({x})", f"tanh(cummax({x}))", f"tanh(logcumsumexp({x}))",
                 f"0.2 * cumsum({x}, exclusive = true)"]
        if not self.causal:
            forms += [f"reverse({x})", f"0.2 * cumsum({x}, reverse = true)"]
        if len(a) == 2:
            forms.append(f"concat({x}[:, 1:], {x}[:, :1])")
            forms.append(f"flip({x})")
        self.fresh(a, f"let @ = {self.rng.choice(forms)}")
