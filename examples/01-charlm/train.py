#!/usr/bin/env python3
"""Trains the character model of this folder and stores what its test compares with.

Training text: the POD documentation of Debian's package perl-modules (/usr/share/perl/5.*), each paragraph once.
Held-out text: text.txt, the article Locale/Maketext/TPJ13.pod of the same package, which is never trained on.

Writes weights.safetensors, expected_logits.npy and expected.json. Needs torch, numpy and safetensors.

    python3 train.py                 train (about 25 minutes on one core), then evaluate
    python3 train.py --steps 0       only evaluate the stored weights again
"""
import argparse, glob, hashlib, json, math, os, re, shutil, time

import numpy as np
import torch
from safetensors.numpy import load_file, save_file
from torch import nn
from torch.nn import functional as F

HERE = os.path.dirname(os.path.abspath(__file__))
HELD_OUT = "Locale/Maketext/TPJ13.pod"
# Watched during training, neither trained on nor reported as a result.
VALIDATION = ["Test/Tutorial.pod", "IO/Compress/FAQ.pod", "Net/libnetFAQ.pod"]
V, D = 256, 192


# ---- text
def pod(path):
    """The documentation of one file, without the code around it."""
    out, on = [], path.endswith(".pod")
    with open(path, "rb") as f:
        for line in f.read().split(b"\n"):
            if re.match(rb"=cut\b", line):
                on = False
            elif re.match(rb"=[a-zA-Z]", line):
                on = True
                out.append(line)
            elif on:
                out.append(line)
    return b"\n".join(out)


def perl_files():
    """Path inside Perl's library -> path on this machine, for the files of perl-modules (perl-doc adds others to pod/)."""
    roots = sorted({os.path.realpath(d) for d in glob.glob("/usr/share/perl/5.*")})
    assert roots, "no /usr/share/perl/5.*: install Debian's package perl-modules-5.x"
    root = roots[-1]
    found = glob.glob(root + "/**/*.pod", recursive=True) + glob.glob(root + "/**/*.pm", recursive=True)
    names = {os.path.relpath(f, root): f for f in sorted(found)}
    return {n: f for n, f in names.items() if not n.startswith("pod/") or n == "pod/perldiag.pod"}


def read_text():
    """(training documents, validation text, held-out text). A paragraph that occurs in many files counts once."""
    files = perl_files()
    text = os.path.join(HERE, "text.txt")
    if not os.path.exists(text):
        shutil.copyfile(files[HELD_OUT], text)
    with open(text, "rb") as f:
        held_out = f.read()
    docs, seen = [], set()
    for name, path in files.items():
        if name == HELD_OUT or name in VALIDATION:
            continue
        keep = []
        for p in re.split(rb"\n\s*\n", pod(path)):
            p = p.strip(b"\n")
            key = p.strip()
            if key and not (len(key) > 40 and key in seen):
                keep.append(p)
            seen.add(key)
        if keep:
            docs.append(b"\n\n".join(keep) + b"\n\n")
    validation = b"".join(pod(files[n]) for n in VALIDATION)
    shared = [p for p in re.split(rb"\n\s*\n", held_out) if len(p) > 120 and p.strip() in seen]
    assert not shared, f"held-out paragraphs in the training text: {shared}"
    return docs, validation, held_out


# ---- n-gram models of bytes
class Counts:
    """Sorted n-grams of one length, as integers in base 256, and what was counted for each."""

    def __init__(self, grams, counts):
        self.grams, self.counts = grams, counts
        self.context, start = np.unique(grams >> np.uint64(8), return_index=True)
        self.total = np.add.reduceat(counts, start)
        self.kinds = np.stack([np.add.reduceat((counts == k) if k < 3 else (counts >= 3), start, dtype=np.int64) for k in (1, 2, 3)])

    def of(self, gram):
        i = np.minimum(np.searchsorted(self.grams, gram), len(self.grams) - 1)
        return np.where(self.grams[i] == gram, self.counts[i], 0)

    def context_of(self, gram):
        """(total, [kinds counted once, twice, more]) of the context of each n-gram; zeros where it never occurred."""
        c = gram >> np.uint64(8)
        i = np.minimum(np.searchsorted(self.context, c), len(self.context) - 1)
        hit = self.context[i] == c
        return np.where(hit, self.total[i], 0), np.where(hit, self.kinds[:, i], 0)


def grams(text, n):
    x = np.frombuffer(text, np.uint8).astype(np.uint64)
    g = np.zeros(len(x) - n + 1, np.uint64)
    for k in range(n):
        g = (g << np.uint64(8)) | x[k:len(x) - n + 1 + k]
    return g


class NGram:
    """Interpolated n-gram model: modified Kneser-Ney or Witten-Bell, down to the uniform distribution over 256 bytes."""

    def __init__(self, text, order, smoothing):
        self.order, self.smoothing = order, smoothing
        self.levels, self.discount = [], []
        for n in range(1, order + 1):
            if smoothing == "kneser-ney" and n < order:   # how many different bytes come before the n-gram
                g, c = np.unique(np.unique(grams(text, n + 1)) & np.uint64(256 ** n - 1), return_counts=True)
            else:
                g, c = np.unique(grams(text, n), return_counts=True)
            self.levels.append(Counts(g, c.astype(np.int64)))
            n1, n2, n3, n4 = (max(1, int((c == k).sum())) for k in (1, 2, 3, 4))
            y = n1 / (n1 + 2 * n2)
            self.discount.append(np.array([1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3]).clip(0))

    def probability(self, gram, p, n):
        """Level n, given the probability p of the shorter context."""
        level, d = self.levels[n - 1], self.discount[n - 1]
        c = level.of(gram)
        total, kinds = level.context_of(gram)
        if self.smoothing == "kneser-ney":
            c = np.maximum(c - np.where(c > 0, d[np.clip(c, 1, 3) - 1], 0), 0)
            rest, whole = d @ kinds, total
        else:
            rest = kinds.sum(0)
            whole = total + rest
        return np.where(total > 0, (c + rest * p) / np.maximum(whole, 1), p)

    def bits(self, text):
        """Bits of every byte but the first; the first ones have the context that there is."""
        x = np.frombuffer(text, np.uint8)
        p = np.full(len(x), 1 / 256)
        for n in range(1, self.order + 1):
            p[n - 1:] = self.probability(grams(text, n), p[n - 1:], n)
        return -np.log2(p[1:])

    def check(self, text):
        """The probabilities of the 256 bytes after a context have the sum 1."""
        rng = np.random.default_rng(0)
        for i in rng.integers(0, len(text) - self.order, 50):
            context = text[i:i + self.order - 1]
            p = np.full(256, 1 / 256)
            for n in range(1, self.order + 1):
                g = np.array([int.from_bytes(context[len(context) - n + 1:] + bytes([b]), "big") for b in range(256)], np.uint64)
                p = self.probability(g, p, n)
            assert abs(p.sum() - 1) < 1e-9, p.sum()


# ---- the model
class CharLM(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.head = nn.Embedding(V, D), nn.Linear(D, V)
        self.lower, self.upper = nn.LSTM(D, D), nn.LSTM(D, D)
        self.drop = nn.Dropout(0.1)
        nn.init.normal_(self.embed.weight, std=0.5)
        for l in (self.lower, self.upper):
            nn.init.orthogonal_(l.weight_hh_l0.data[:D])
            for b in (l.bias_ih_l0, l.bias_hh_l0):
                nn.init.zeros_(b)
            nn.init.ones_(l.bias_ih_l0.data[D:2 * D])   # gates remember at first

    def forward(self, tokens, states=(None, None)):
        x = self.embed(tokens)
        y, s0 = self.lower(self.drop(x), states[0])
        x = x + y
        y, s1 = self.upper(self.drop(x), states[1])
        return self.head(self.drop(x + y)), (s0, s1)

    def tensors(self):
        """The parameters under model.seq's names, rounded to 16 bits."""
        w = {"embed.weight": self.embed.weight, "head.weight": self.head.weight, "head.bias": self.head.bias}
        for n, l in (("lower", self.lower), ("upper", self.upper)):
            w |= {n + ".w_ih": l.weight_ih_l0, n + ".w_hh": l.weight_hh_l0, n + ".bias": l.bias_ih_l0 + l.bias_hh_l0}
        return {k: np.ascontiguousarray(v.detach().numpy(), np.float16) for k, v in w.items()}

    @staticmethod
    def stored(path):
        """The weights as they are stored, in float64."""
        w, m = {k: torch.from_numpy(v).double() for k, v in load_file(path).items()}, CharLM().double()
        state = {k: w[k] for k in ("embed.weight", "head.weight", "head.bias")}
        for n in ("lower", "upper"):
            state |= {n + ".weight_ih_l0": w[n + ".w_ih"], n + ".weight_hh_l0": w[n + ".w_hh"],
                      n + ".bias_ih_l0": w[n + ".bias"], n + ".bias_hh_l0": torch.zeros(4 * D, dtype=torch.float64)}
        m.load_state_dict(state)
        return m.eval()


def bits(model, text):
    """(bits of every byte but the first, the logits at every byte)"""
    model.eval()
    x = torch.from_numpy(np.frombuffer(text, np.uint8).astype(np.int64))
    with torch.no_grad():
        y = model(x[:, None])[0][:, 0]
        return F.cross_entropy(y[:-1], x[1:], reduction="none").numpy() / math.log(2), y.numpy()


def train(docs, validation, steps, seed, streams=32, length=64, rate=4e-3):
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    model = CharLM()
    adam = torch.optim.Adam(model.parameters(), lr=rate, betas=(0.9, 0.99))
    step, start, mean = 0, time.time(), None
    while step < steps:
        # An epoch: the documents in a new order, cut into streams that are read side by side.
        text = np.frombuffer(b"".join(docs[i] for i in rng.permutation(len(docs))), np.uint8).astype(np.int64)
        text = torch.from_numpy(text[:len(text) // streams * streams].reshape(streams, -1).T.copy())
        states = (None, None)
        for t in range(0, len(text) - length - 1, length):
            if step == steps:
                break
            for g in adam.param_groups:
                g["lr"] = rate * min(1, (step + 1) / 200) * (0.01 + 0.99 * (0.5 + 0.5 * math.cos(math.pi * step / steps)))
            model.train()
            y, states = model(text[t:t + length], states)
            loss = F.cross_entropy(y.reshape(-1, V), text[t + 1:t + length + 1].reshape(-1))
            adam.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            adam.step()
            fresh = torch.from_numpy((rng.random(streams) >= 0.02).astype(np.float32))[None, :, None]
            states = tuple((h.detach() * fresh, c.detach() * fresh) for h, c in states)   # now and then a stream starts anew
            mean = loss.item() if mean is None else 0.995 * mean + 0.005 * loss.item()
            step += 1
            if step % 1000 == 0 or step == steps:
                print(f"step {step}: training {mean / math.log(2):.3f}, validation {bits(model, validation)[0].mean():.3f} bits per character, "
                      f"{time.time() - start:.0f} s", flush=True)
    return model


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--steps", type=int, default=16000)
    a.add_argument("--seed", type=int, default=1)
    a.add_argument("--threads", type=int, default=1)
    a = a.parse_args()
    torch.set_num_threads(a.threads)
    docs, validation, held_out = read_text()
    corpus = b"".join(docs)
    print(f"training text {len(corpus)} bytes, held-out text {len(held_out)} bytes")

    out = {"text": "text.txt", "text_bytes": len(held_out), "text_sha256": hashlib.sha256(held_out).hexdigest(),
           "training_bytes": len(corpus), "training_sha256": hashlib.sha256(corpus).hexdigest()}
    old = os.path.join(HERE, "expected.json")
    if a.steps:
        out["training"] = {"steps": a.steps, "seed": a.seed, "torch": torch.__version__, "numpy": np.__version__}
    else:
        with open(old) as f:
            out["training"] = json.load(f)["training"]

    ngram = {}
    for smoothing in ("kneser-ney", "witten-bell"):
        for order in range(3, 9):
            m = NGram(corpus, order, smoothing)
            m.check(held_out)
            ngram.setdefault(smoothing, {})[str(order)] = round(float(m.bits(held_out).mean()), 4)
        print(smoothing, ngram[smoothing])

    weights = os.path.join(HERE, "weights.safetensors")
    if a.steps:
        save_file(train(docs, validation, a.steps, a.seed).tensors(), weights)
        os.chmod(weights, 0o644)
    b, logits = bits(CharLM.stored(weights), held_out)
    np.save(os.path.join(HERE, "expected_logits.npy"), logits[:256].astype(np.float32))
    out["bits_per_character"] = {"lstm": round(float(b.mean()), 6), "5-gram": min(s["5"] for s in ngram.values())}
    out["n-grams"] = ngram
    print(out["bits_per_character"])
    with open(old, "w") as f:
        json.dump(out, f, indent=2)
        f.write("\n")


if __name__ == "__main__":
    main()
