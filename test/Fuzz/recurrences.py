"""Scans: several states of random families in one step, each written in one of several spellings.

What a step is in the compiler's classes follows from the families: delays (C1), diagonals (C2),
sums of outer products (C3), delta rules and other low ranks (C4), dense and coupled ones (C5),
maxima (C6), anything (C7). A state may read those before it, new or old. No step expands:
decays are at most 1 in magnitude, corrections are contractions, and what may still drift,
a sum with decay 1 or a maximum of sums, is squashed where others read it.
"""


class Recurrences:
    def scan(self):
        step = Step(self)
        for _ in range(self.rng.choice([1, 1, 2, 3])):
            step.family()
        step.finish()

    def matrix_scan(self):
        """One that chunks are made for: matrices that are read out, and what goes with them."""
        step = Step(self)
        step.private = True
        for _ in range(self.rng.choice([1, 1, 2, 3])):
            self.rng.choice([step.outer, step.delta, step.delta, step.low_rank, step.stabilised])()
            if self.rng.random() < 0.2:
                self.rng.choice([step.diagonal, step.tropical, step.nonlinear, step.delay])()
        step.finish()


class Step:
    def __init__(self, program):
        self.p, self.r = program, program.rng
        self.inits, self.lines = [], []
        self.states = {}  # name -> axes
        self.loose, self.integers = set(), set()
        # Matrices that are only read out, so that chunks are a form of the scan.
        self.private, self.matrices = self.r.random() < 0.6, set()

    # --- words ---------------------------------------------------------------------------

    @staticmethod
    def at(name, axes):
        return f"{name}[{', '.join(a.lower() for a in axes)}]" if axes else name

    @staticmethod
    def index(axes):
        return {"T": "t", **{a: a.lower() for a in axes}}

    def read(self, axes):
        return self.p.read(("T",) + axes, self.index(axes))

    def vector(self, *axes):
        """A value with exactly those axes behind the time, read at the step."""
        name = self.p.need(("T",) + axes)
        return f"{name}[{', '.join(['t'] + [a.lower() for a in axes])}]"

    def others(self, axes):
        """States before, old and new, as scalars at the point."""
        found = []
        for s, a in self.states.items():
            if s in self.matrices:
                continue
            for form in (s, s + "'"):
                if set(a) <= set(axes) and len(set(a)) == len(a):
                    text = self.at(form, a)
                    loose = s in self.loose or s in self.integers
                    found.append(f"tanh(0.1 * {text})" if loose else text)
        return found

    def drive(self, axes, size=0.3, extra=()):
        extra = [*self.others(axes), *extra]
        return f"{size} * ({self.p.point(('T',) + axes, self.index(axes), 2, extra)})"

    def gate(self, axes, most=1.0):
        """A decay that depends on some of the axes, at most `most` in magnitude."""
        axes = tuple(a for a in axes if self.r.random() < 0.7)
        inner = self.p.point(("T",) + axes, self.index(axes), 3, self.others(axes))
        kind = self.r.randint(0, 8 if most < 1 else 9)
        return [f"{most * 0.9:.3g}", f"{most * 0.99:.3g}", f"{most} * sigmoid({inner})",
                f"{most} * exp(-softplus({inner}))", f"{most} * exp(-abs({inner}))",
                f"(-{most * 0.8:.3g})", f"{most} * tanh({inner})", f"{most} * sigmoid({inner} + 2)",
                f"({self.p.condition(self.index(axes))} ? 0.0 : {most * 0.95:.3g})", "1.0"][kind]

    def state(self, axes, init=None, integer=False):
        name = f"s{len(self.states)}"
        r = self.r.random()
        if init is None:
            init = self.p.number() if r < 0.25 else "0.0"
            if axes and r > 0.8:
                init = self.p.need(axes) if all(a in "DEKN" for a in axes) else init
        shape = ": i32" if integer else ": [" + ", ".join(axes) + "]" if axes else ""
        self.inits.append(f"{name}{shape} = {init}")
        return name

    def done(self, name, axes):
        self.states[name] = axes

    def matrix(self, axes, init=None):
        name = self.state(axes, init)
        if self.private:
            self.matrices.add(name)
        return name

    def let(self, name, axes, value):
        """A statement of the step, and the text that reads what it names at the point."""
        ranges = self.p.ranges(axes, self.index(axes))
        self.lines.append(f"let {name}{f'[{ranges}]' if axes else ''} = {value}")
        return self.at(name, axes)

    def assign(self, s, axes, value):
        ranges = self.p.ranges(axes, self.index(axes))
        if self.r.random() < 0.5:
            ranges = ", ".join(a.lower() for a in axes)
        if self.r.random() < 0.1:
            index = {"T": "t"} if s in self.matrices else self.index(axes)
            value = f"{self.p.condition(index)} ? {self.at(s, axes)} : {value}"
        head = f"{s}'[{ranges}]" if axes else f"{s}'"
        self.lines.append(f"{head} = {value}")
        self.done(s, axes)

    # --- families --------------------------------------------------------------------------

    def family(self):
        self.r.choice([self.delay, self.taps, self.diagonal, self.diagonal, self.outer, self.outer,
                       self.delta, self.delta, self.low_rank, self.vector_rank, self.dense,
                       self.rotation, self.tropical, self.tropical_dense, self.nonlinear,
                       self.nonlinear, self.stabilised, self.count, self.matrix_product, self.lookback])()

    def vector_axes(self):
        heads = [] if self.p.is_head else [("N", "D"), ("N", "D", "E")]
        return self.r.choice([(), ("D",), ("D",), ("E",), ("D", "E")] + heads)

    def matrix_axes(self):
        heads = [] if self.p.is_head else [("N", "D", "E")]
        return self.r.choice([("D", "E"), ("E", "D"), ("D", "E"), ("K", "D"), ("D", "K")] + heads)

    def delay(self):
        axes = self.vector_axes()
        s = self.state(axes)
        self.assign(s, axes, self.p.point(("T",) + axes, self.index(axes), 2, self.others(axes)))

    def taps(self):
        a = self.r.choice("DK")
        s, i = self.state((a,)), a.lower()
        k = self.r.randint(1, 2)
        first = self.p.point(("T",), {"T": "t"}, 2, self.others(()))
        up = self.r.random() < 0.7
        self.assign(s, (a,), f"{i} < {k} ? {first} : {s}[{i} - {k}]" if up else
                    f"{i} + {k} >= {a} ? {first} : {s}[{i} + {k}]")

    def diagonal(self):
        axes = self.vector_axes()
        s = self.state(axes)
        gate = self.gate(axes)
        here = self.at(s, axes)
        if gate == "1.0":
            self.loose.add(s)
        spelling = self.r.randint(0, 2)
        if spelling == 0 and gate != "1.0":
            g = self.let(f"{s}_g", axes, gate)
            self.assign(s, axes, f"{g} * {here} + (1 - abs({g})) * {self.drive(axes)}")
        elif spelling == 1:
            self.assign(s, axes, f"{self.drive(axes)} + {here} * {gate}")
        else:
            self.assign(s, axes, f"{gate} * ({here} - {self.drive(axes)})")

    def outer(self):
        axes = self.matrix_axes()
        s, lead, a, b = self.matrix(axes), axes[:-2], axes[-2], axes[-1]
        gate = self.gate(lead + ((a,) if self.r.random() < 0.5 else ()) + ((b,) if self.r.random() < 0.15 else ()))
        if gate == "1.0":
            self.loose.add(s)
        terms = [f"{gate} * {self.at(s, axes)}"]
        for _ in range(self.r.choice([1, 1, 1, 2, 3])):
            terms.append(f"0.3 * {self.vector(*lead, a)} * {self.vector(*lead, b)}")
        self.r.shuffle(terms)
        self.assign(s, axes, " + ".join(terms))

    def delta(self):
        """Ranks 1 to 3 with unit keys, decays before or after."""
        axes = self.matrix_axes()
        s, lead, a, b = self.matrix(axes), axes[:-2], axes[-2], axes[-1]
        gate, before = self.gate(lead + ((a,) if self.r.random() < 0.5 else ())), self.r.random() < 0.5
        if gate == "1.0":
            self.loose.add(s)
        now = self.at(s, axes)
        if before:
            now = self.let(f"{s}_d", axes, f"{gate} * {now}")
        for i in range(self.r.choice([1, 1, 2, 3])):
            key = self.vector(*lead, a)
            n = self.let(f"{s}_n{i}", lead, f"rsqrt(sum[{a.lower()} in 0..{a}]({key} * {key}) + 0.1)")
            k = self.let(f"{s}_k{i}", lead + (a,), f"{n} * {key}")
            if self.r.random() < 0.5:
                miss = self.let(f"{s}_m{i}", lead + (b,), f"{self.vector(*lead, b)} - "
                                f"sum[{a.lower()} in 0..{a}]({k} * {now})")
            else:
                old = self.let(f"{s}_m{i}", lead + (b,), f"sum[{a.lower()} in 0..{a}]({k} * {now})")
                miss = f"({self.vector(*lead, b)} - {old})"
            beta = self.r.choice(["0.7", f"sigmoid({self.read(lead)})"])
            now = self.let(f"{s}_S{i}", axes, f"{now} + {beta} * {k} * {miss}")
        self.assign(s, axes, now if before else f"{gate} * {now}")

    def low_rank(self):
        """A correction with other vectors to read and to write, or as a matrix I − β k kᵀ."""
        axes = self.r.choice([("D", "E"), ("E", "D")])
        s, (a, b) = self.matrix(axes), axes
        i, n = a.lower(), self.p.axes[a]
        if self.r.random() < 0.4:
            k = self.vector(a)
            other = k.replace(f", {i}]", ", z]")
            self.lines.append(f"let {s}_P[{i} in 0..{a}, z in 0..{a}] = ({i} == z ? 0.9 : 0.0) - "
                              f"{0.3 / max(n, 1):.3f} * tanh({k}) * tanh({other})")
            push = self.let(f"{s}_w", axes, f"0.3 * {k} * {self.vector(b)}")
            product = f"sum[z in 0..{a}]({s}_P[{i}, z] * {s}[z, {b.lower()}])"
            return self.assign(s, axes, f"{product} + {push}")
        terms = [f"{self.gate((a,) if self.r.random() < 0.5 else (), 0.6)} * {self.at(s, axes)}"]
        for _ in range(self.r.randint(1, 2)):
            read = self.vector(a).replace(f", {i}]", ", z]")
            terms.append(f"tanh({self.vector(a)}) * sum[z in 0..{a}]({0.15 / max(n, 1):.4f} * tanh({read}) * {s}[z, {b.lower()}])")
        if self.r.random() < 0.7:
            terms.append(f"0.3 * {self.vector(a)} * {self.vector(b)}")
        self.assign(s, axes, " + ".join(terms))

    def vector_rank(self):
        a = self.r.choice("DE")
        s, i, n = self.state((a,)), a.lower(), self.p.axes[a]
        read = self.vector(a).replace(f", {i}]", ", z]")
        self.assign(s, (a,), f"{self.gate((a,), 0.6)} * {s}[{i}] + tanh({self.vector(a)}) * "
                    f"sum[z in 0..{a}]({0.3 / max(n, 1):.4f} * sin({read}) * {s}[z]) + {self.drive((a,))}")

    def dense(self):
        a = self.r.choice("DEK")
        s, i, n = self.state((a,)), a.lower(), self.p.axes[a]
        weight = f"{self.p.need((a, a))}[{i}, z]"
        if self.r.random() < 0.3:
            weight = f"{self.p.need(('T', a, a))}[t, {i}, z]"
        domain = self.r.choice(["", "", f" where z <= {i}", f" where z != {i}"])
        self.assign(s, (a,), f"{self.gate((), 0.4)} * {s}[{i}] + {self.drive((a,))} + "
                    f"{0.5 / max(n, 1):.4f} * sum[z in 0..{a}](sin({weight}) * {s}[z]{domain})")

    def matrix_product(self):
        """A matrix state times a matrix, from the left or the right."""
        a, b = axes = self.r.choice([("D", "K"), ("K", "D"), ("K", "K")])
        i, j = ("k", "l") if a == b else (a.lower(), b.lower())
        s, n = self.state(axes), self.p.axes[a if self.r.random() < 0.5 else b]
        left = n == self.p.axes[a]
        m = a if left else b
        w = self.p.need((m, m))
        n = self.p.axes[m]
        read = f"sin({w}[{i}, z]) * {s}[z, {j}]" if left else f"{s}[{i}, z] * sin({w}[z, {j}])"
        x = self.p.need(("T", a)) if self.r.random() < 0.5 else self.p.need(("T", a, b))
        drive = f"{x}[t, {i}]" if self.values_axes(x) == ("T", a) else f"{x}[t, {i}, {j}]"
        self.lines.append(f"{s}'[{i} in 0..{a}, {j} in 0..{b}] = {0.8 / max(n, 1):.4f} * sum[z in 0..{m}]({read}) + 0.3 * {drive}")
        self.done(s, axes)

    def values_axes(self, name):
        return self.p.values[name]

    def rotation(self):
        axes = self.r.choice([("D",), ("E",), ()])
        re, angle = self.state(axes), self.read(axes)
        self.states[re] = axes  # names the next one
        im = self.state(axes)
        del self.states[re]
        g = self.let(f"{re}_g", axes, f"0.9 * sigmoid({self.read(axes)})")
        here, there = self.at(re, axes), self.at(im, axes)
        x = self.drive(axes)
        ranges = ", ".join(a.lower() for a in axes)
        head = f"[{ranges}]" if axes else ""
        late = self.r.random() < 0.3  # the second reads the first's new value
        self.lines.append(f"{re}'{head} = {g} * (cos({angle}) * {here} - sin({angle}) * {there}) + {x}")
        first = self.at(re + "'", axes) if late else here
        self.lines.append(f"{im}'{head} = {g} * (sin({angle}) * {first} + {0.5 if late else 1.0} * cos({angle}) * {there})")
        self.done(re, axes)
        self.done(im, axes)

    def tropical(self):
        axes = self.vector_axes()
        s = self.state(axes, self.r.choice([None, "-inf", "-1e30"]) if self.r.random() < 0.5 else None)
        here, inner = self.at(s, axes), self.read(axes)
        value = self.p.point(("T",) + axes, self.index(axes), 2, self.others(axes))
        kind = self.r.randint(0, 3)
        if kind == 3:
            self.inits[-1] = self.inits[-1].replace("= -inf", "= inf")
            self.assign(s, axes, f"min({here} + softplus({inner}), {value})")
        else:
            self.assign(s, axes, [f"max({here} - 0.1, {value})", f"max({here}, {value})",
                                  f"max({here} - softplus({inner}), {value})"][kind])
        self.loose.add(s)

    def tropical_dense(self):
        a = self.r.choice("DEK")
        s, j = self.state((a,)), a.lower()
        w = self.p.need((a, a))
        kind = self.r.choice(["max", "min", "logsumexp"])
        less = f" - {0.9 * len(str(self.p.axes[a])):.1f}" if kind == "logsumexp" else ""
        domain = self.r.choice(["", "", f" where z <= {j}", f" where z != {j} - 1"])
        self.assign(s, (a,), f"{self.drive((a,))} + {kind}[z in 0..{a}]({s}[z] + {w}[z, {j}]{domain}){less}")
        self.loose.add(s)

    def count(self):
        s = self.state((), "0", integer=True)
        self.lines.append(f"{s}' = {self.p.condition({'T': 't'})} ? 0 : {s} + 1")
        self.integers.add(s)
        self.done(s, ())

    def lookback(self):
        """A state that is driven by a sum over the steps so far."""
        axes = self.r.choice([(), ("D",)])
        s, x = self.state(axes), self.p.need(("T",) + axes)
        k = self.r.randint(1, 20)
        domain = self.r.choice(["r <= t", f"r <= t and t - r < {k}", "r < t", f"r <= t and r % {k} == 0"])
        at = ", ".join(["r"] + [a.lower() for a in axes])
        self.assign(s, axes, f"{self.gate(axes, 0.9)} * {self.at(s, axes)} + 0.1 * sum[r in 0..T]({x}[{at}] where {domain})")

    def stabilised(self):
        """A matrix state behind a running maximum, with its normaliser."""
        axes = self.r.choice([("D", "E"), ("E", "D"), ("K", "D")])
        a, b = axes
        m = self.state((), "0.0")
        self.states[m] = ()
        f, i = self.read(()), self.read(())
        lf = self.let(f"{m}_f", (), f"log_sigmoid({f})")
        self.lines.append(f"{m}' = max({lf} + {m}, {i})")
        fd = self.let(f"{m}_d", (), f"exp({lf} + {m} - {m}')")
        di = self.let(f"{m}_i", (), f"exp({i} - {m}')")
        self.loose.add(m)
        key, value = self.vector(a), self.vector(b)
        C = self.matrix(axes, "0.0")
        self.assign(C, axes, f"{fd} * {self.at(C, axes)} + {di} * 0.3 * {key} * {value}")
        n = self.state((a,), "0.0")
        self.assign(n, (a,), f"{fd} * {self.at(n, (a,))} + {di} * 0.3 * {key}")
        self.loose |= {C, n}

    def nonlinear(self):
        axes = self.r.choice([(), ("D",), ("D",), ("E",), ("D", "E")])
        s = self.state(axes)
        here = self.at(s, axes)
        body = self.p.point(("T",) + axes, self.index(axes), 1, self.others(axes) + [here])
        if len(axes) == 1 and self.r.random() < 0.5:
            a = axes[0]
            w = self.p.some(lambda x: x == (a, a))
            weight = f"{w}[{a.lower()}, z]" if w else self.p.number()
            body += f" + {0.3 / max(self.p.axes[a], 1):.3f} * sum[z in 0..{a}]({s}[z] * {weight})"
        form = self.r.randint(0, 3)
        self.assign(s, axes, [
            f"tanh(0.5 * ({body}))", f"0.9 * sigmoid({self.read(axes)}) * {here} + 0.1 * tanh({body})",
            f"max({here} - 0.1, tanh(0.3 * ({body})))", f"0.9 * {here} + 0.1 * sin({body})"][form])

    # --- the whole -----------------------------------------------------------------------------

    def output(self, number):
        """A yielded value: its text and its axes."""
        s = self.r.choice(list(self.states))
        axes = self.states[s]
        form = self.r.choice([s + "'", s + "'", s])
        if len(axes) >= 2 and s not in self.integers and (s in self.matrices or self.r.random() < 0.7):
            *lead, a, b = axes
            if self.r.random() < 0.2:
                a, b = b, a
            q = self.p.need(("T", *lead, a))
            if not lead and self.r.random() < 0.4 and len(set(axes)) == 2:
                text = f"{q}[t] %% {form}" if axes == (a, b) else f"{form} %% {q}[t]"
                out, rest = f"0.2 * ({text})", (b,)
            else:
                at = ", ".join(x.lower() for x in axes)
                if axes[-1] == axes[-2]:
                    return self.named(number, f"0.2 * sum[k in 0..K, l in 0..K]({form}[k, l])", (), s)
                q_at = ", ".join(["t"] + [x.lower() for x in (*lead, a)])
                out = f"0.2 * sum[{a.lower()} in 0..{a}]({q}[{q_at}] * {form}[{at}])"
                return self.named(number, out, (*lead, b), s)
            if s in self.loose:
                out = f"tanh({out})"
            if self.r.random() < 0.5:
                return out, rest
            self.lines.append(f"let o{number} = {out}")
            return f"o{number}", rest
        if s in self.integers:
            return self.named(number, f"0.1 * {form}", (), s, True)
        if s not in self.loose and self.r.random() < 0.5:
            return form, axes
        here = self.at(form, axes) if len(set(axes)) == len(axes) else None
        if here is None:
            return self.named(number, f"0.2 * sum[k in 0..K, l in 0..K]({form}[k, l])", (), s)
        more = self.r.choice(["", "", f" - {self.at(s, axes)}", f" * {self.read(axes)}", f" + {self.drive(axes)}"])
        return self.named(number, here + more, axes, s)

    def named(self, number, value, axes, s, loose=False):
        if s in self.loose or loose:
            value = f"tanh(0.1 * ({value}))"
        self.let(f"o{number}", axes, value)
        return f"o{number}", axes

    def finish(self):
        p, r = self.p, self.r
        outs = [self.output(k) for k in range(r.choice([1, 1, 2]))]
        reverse = "" if p.causal else r.choice(["", "", "reverse "])
        reset = f" reset {p.condition({'T': 't'})}" if r.random() < 0.25 else ""
        names, made = ["@"], []
        for k, (_, axes) in enumerate(outs[1:]):
            names.append(f"@_y{k}")
            made.append((f"_y{k}", ("T",) + axes))
        finals = [(f"_{s}", a) for s, a in self.states.items()]
        if r.random() < 0.7:
            for s, (suffix, axes) in zip(self.states, finals):
                wanted = s not in self.integers and r.random() < 0.8
                names.append("@" + suffix if wanted else "_")
                if wanted:
                    made.append((suffix, axes))
        name = p.fresh(("T",) + outs[0][1],
                       f"let {', '.join(names)} = scan {reverse}t in 0..T ({', '.join(self.inits)}){reset} {{\n"
                       + "".join(f"    {line}\n" for line in self.lines)
                       + f"    yield {', '.join(o for o, _ in outs)}\n  }}", *made)
        for suffix, _ in made:  # what drifts, and sizes that meet in one name
            if suffix[1:] in self.loose and name + suffix in p.values:
                p.last[name + suffix] = p.values.pop(name + suffix)
