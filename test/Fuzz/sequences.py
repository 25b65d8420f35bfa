"""Statements over pairs of rows: attention and convolutions."""
import re


class Sequences:
    def attention(self):
        r = self.rng
        q, v = self.need(("T", "D"), ("T", "E")), self.need(("T", "D"), ("T", "E"))
        k = self.need(self.values[q])
        where = ""
        if r.random() < 0.8 or self.causal:
            where = " where " + self.key_domain()
        d = self.values[v][1]
        score, score_lines = self.score(q, k)
        lines = [f"let @p[i in 0..T, j in 0..T] = softmax[j]({score}{where})",
                 f"let @[i in 0..T, d in 0..{d}] = {self.weighted(q, v)}"]
        kind = r.random()
        if kind < 0.2:  # scores that are weights themselves
            return self.weights_of_scores(score, score_lines, v, d, where)
        if kind < 0.3:
            return self.fresh(("T",), "\n  ".join(score_lines + [
                f"let @[i in 0..T] = tanh(0.3 * {r.choice(['logsumexp', 'max'])}[j in 0..T]({score}{where}))"]))
        if kind < 0.5:  # a score with a name
            lines.insert(0, f"let @s[i in 0..T, j in 0..T] = {score}")
            lines[1] = f"let @p[i in 0..T, j in 0..T] = softmax[j](@s[i, j]{where})"
        self.fresh(("T", d), "\n  ".join(score_lines + lines))

    def cross(self):
        """Rows of T that look at rows of another sequence."""
        r = self.rng
        q, d = self.need(("T", "D")), "D"
        k, v = (self.need(("S", "D")) for _ in range(2))
        where = r.choice(["", " where j <= i", " where j % 3 != 1", f" where j < {r.randint(0, 9)}", " where i / 4 == j / 4"])
        kind = r.randint(0, 2)
        if kind == 0:
            return self.fresh(("T", d), f"let @[i in 0..T, d in 0..D] = "
                              f"0.1 * sum[j in 0..S](sigmoid(sum[c]({q}[i, c] * {k}[j, c])) * {v}[j, d]{where})")
        if kind == 1:
            return self.fresh(("T", d), f"let @[i in 0..T, d in 0..D] = tanh(max[j in 0..S]({q}[i, d] + {k}[j, d]{where}))")
        self.fresh(("T", d), f"let @p[i in 0..T, j in 0..S] = softmax[j](sum[c]({q}[i, c] * {k}[j, c]){where})\n"
                             f"  let @[i in 0..T, d in 0..D] = sum[j](@p[i, j] * {v}[j, d])")

    def score(self, q, k):
        """An expression over i and j, and the statements that it rests on."""
        r = self.rng
        text, lines = f"sum[c]({q}[i, c] * {k}[j, c])", []
        more = r.random()
        if more < 0.2:
            bias = self.need(("T",))
            text += f" + {bias}[i] - {bias}[j]"
        elif more < 0.3:  # a forget gate
            lines.append(f"let @f = cumsum(log_sigmoid({self.need(('T',))}))")
            text += " + @f[i] - @f[j]"
        elif more < 0.4:  # a table by distance
            text += f" + (i >= j ? {self.table(('T',))}[i - j] : 0.0)"
        elif more < 0.5:
            text += f" - 0.1 * {r.choice(['abs(i - j)', 'float(i - j)'])}"
        if r.random() < 0.25:
            text = f"2.0 * tanh({text})"
        return text, lines

    def weighted(self, q, v):
        r = self.rng
        out = f"sum[j](@p[i, j] * {v}[j, d])"
        if r.random() < 0.3:
            out = f"sigmoid({q}[i, 0]) * {out}"
        if r.random() < 0.2:  # the weights meet two values, or are read besides
            out += r.choice([f" + 0.5 * sum[j](@p[i, j] * {q}[i, 0] * {v}[j, 0])",
                             " + 0.1 * sum[j](@p[i, j] * @p[i, j])",
                             " + 0.1 * max[j](@p[i, j])"])
        return out

    def weights_of_scores(self, score, lines, v, d, where):
        f = self.rng.choice(["tanh", "sigmoid", "sin"])
        weight = f"@p[i, j]" if self.rng.random() < 0.5 else f"{f}({score})"
        if weight == "@p[i, j]":
            lines = lines + [f"let @p[i in 0..T, j in 0..T] = {f}({score})"]
        self.fresh(("T", d), "\n  ".join(lines + [
            f"let @[i in 0..T, d in 0..{d}] = 0.05 * sum[j]({weight} * {v}[j, d]{where})"]))

    def key_domain(self):
        """Of keys j for rows i: bounds, blocks, steps, data, and what only masks."""
        r, k = self.rng, self.rng.randint(1, 40)
        text = re.sub(r"\br\b", "j", self.domain(("T",), {"T": "i"}, "T", {}))
        if r.random() < 0.4:
            causal = [f"j <= i and i / {k} == j / {k}", f"j <= i and i / {k} - j / {k} < 2",
                      f"j % {k} == 0 and j <= i or i - j < 3 and j <= i", f"j + {k} <= i",
                      f"j <= i and j >= i / 2", f"{k} <= j and j <= i"]
            text = r.choice(causal + ([] if self.causal else [
                f"i / {k} == j / {k}", f"j / {k} <= i / {k}", f"2 * j <= i + {k}",
                f"j <= 2 * i and j >= i / 2", f"j - i < {k}",
                f"j % {k} == 0 or i - j < 3 and j <= i", f"{k} <= j"]))
        x = self.some(lambda a: a == ("T",), self.inputs)
        if r.random() < 0.3:
            data = f"{x}[j] > {self.number()}" if x and x in self.values and r.random() < 0.5 else \
                f"{self.some(of=self.bools) or self.bool_input()}[j]"
            text = f"{r.choice([f'({text})', 'j <= i'])} and {data}"
        return text

    def convolution(self):
        r = self.rng
        kind = r.choice([self.depthwise, self.depthwise, self.channels, self.per_step, self.long,
                         self.strided])
        if kind == self.strided and self.causal:
            kind = self.depthwise
        kind()

    def place(self):
        causal = ["t - k", "t - (K - 1 - k)", "t - 2 * k", "t - 3 * k - 1"]
        return self.rng.choice(causal + ([] if self.causal else ["t + k", "t + k - 1", "2 * t - k"]))

    def bias(self):
        return self.rng.choice(["", f" + {self.number()}"])

    def depthwise(self):
        x = self.need(("T", "D"), ("T",))
        d = ", d" if self.values[x] == ("T", "D") else ""
        w = self.need(("D", "K"), ("K",)) if d else self.need(("K",))
        at = "d, k" if self.values[w] == ("D", "K") else "k"
        head = "t in 0..T" + (", d in 0..D" if d else "")
        self.fresh(self.values[x], f"let @[{head}] = "
                   f"0.3 * sum[k in 0..K]({w}[{at}] * {x}[{self.place()}{d}]){self.bias()}")

    def channels(self):
        """All channels into all, or group by group."""
        x, w = self.need(("T", "D")), self.need(("E", "D", "K"))
        where = self.rng.choice(["", "", " where c / 2 == e / 2", " where c <= e"])
        self.fresh(("T", "E"), f"let @[t in 0..T, e in 0..E] = 0.1 * sum[c in 0..D, k in 0..K]("
                   f"{w}[e, c, k] * {x}[{self.place()}, c]{where}){self.bias()}")

    def per_step(self):
        """A kernel of its own for each step."""
        x, w = self.need(("T", "D")), self.need(("T", "K"))
        self.fresh(("T", "D"), f"let @[t in 0..T, d in 0..D] = 0.3 * sum[k in 0..K]("
                   f"{w}[t, k] * {x}[{self.place()}, d]){self.bias()}")

    def long(self):
        """A kernel as long as the sequence."""
        x = self.need(("T", "D"))
        channel = self.rng.random() < 0.5
        w = self.table(("T", "D") if channel else ("T",))
        at = "s, d" if channel else "s"
        self.fresh(("T", "D"), f"let @[t in 0..T, d in 0..D] = 0.1 * sum[s in 0..T]("
                   f"{w}[{at}] * {x}[t - s, d] where s <= t){self.bias()}")

    def strided(self):
        x, w = self.need(("T", "D")), self.need(("D", "K"), ("K",))
        at = "d, k" if self.values[w] == ("D", "K") else "k"
        k = self.rng.randint(2, 3)
        self.fresh((f"T / {k}", "D"), f"let @[t in 0..T / {k}, d in 0..D] = 0.3 * sum[k in 0..K]("
                   f"{w}[{at}] * {x}[{k} * t + {self.rng.choice(['k', 'k - 1', '2 * k'])}, d])"
                   f"{self.bias()}", keep=False)
