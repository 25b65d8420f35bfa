import os, sys
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from common import *

r = rng(644)
T, S, H, D, E = 130, 150, 2, 6, 4
lengths = {"T": [130, 37, 0, 65], "S": [150, 64, 20, 129]}
B = 4
q, k, v = gauss(r, B, T, H, D), gauss(r, B, S, D), gauss(r, B, S, E)
f, keep, u = uniform(r, -0.1, 0.1, B, T), r.random((B, S)) < 0.5, gauss(r, B, T, E)
q, f, u = (spoil(x, lengths["T"]) for x in (q, f, u))
k, v = (spoil(x, lengths["S"]) for x in (k, v))


def ref(q, k, v, f, keep, u):
    n, m = len(q), len(k)
    i, j = np.ogrid[:n, :m]
    kept = np.stack([np.where(j <= i, q[:, h] @ k.T * (1 - 2.0 ** (-3 - h)) ** np.maximum(i - j, 0), 0) @ v for h in range(H)], 1)
    w = np.maximum(q[:, 0] @ k.T, 0)
    total = w.sum(1)
    direct = np.where(keep[None, :], sigmoid(q[:, 1] @ k.T) / (1 + j), 0) @ v
    i, j = np.ogrid[:n, :n]
    F = np.cumsum(f)
    gated = np.where((j >= i) & (j - i < 80), np.exp(F[:, None] - F[None, :]), 0) @ u
    apart = f[:, None] * (np.tanh(f[:, None] - f[None, :]) @ u)
    return kept, w @ v / (total[:, None] + 1), total, direct, gated, apart


given = {"q": q, "k": k, "v": v, "f": f, "keep": keep, "u": u}
sizes = {n: {0: lengths["S"] if n in ("k", "v", "keep") else lengths["T"]} for n in given}
finish(__file__, given, batch(ref, {}, given, sizes=sizes), entry="linear", rtol=3e-5,
       args=["lengths.T=" + ",".join(map(str, lengths["T"])), "lengths.S=" + ",".join(map(str, lengths["S"]))],
       note="weights that are scores: decay, relu, gates; tiles as for softmax")
