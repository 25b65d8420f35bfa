import os, sys
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from common import *

r = rng(641)
T, H, G, D, E, R = 150, 4, 2, 8, 4, 90
lengths = [150, 0, 1, 36, 37, 64, 65]
B = len(lengths)
q, k, v = gauss(r, B, T, H, D), gauss(r, B, T, G, D), gauss(r, B, T, G, E)
log_f, keep = -uniform(r, 0, 0.2, B, T), r.random((B, T)) < 0.4
keep[:, :3] = False
rel = gauss(r, R)
q, k, v, log_f = (spoil(x, lengths) for x in (q, k, v, log_f))


def attend(s, present, v):
    s = np.where(present, s, -np.inf)
    some = present.any(1, keepdims=True)
    e = np.where(present, np.exp(s - np.where(some, s.max(1, keepdims=True, initial=-np.inf), 0)), 0)
    return np.where(some, e, 0) / np.where(some, e.sum(1, keepdims=True), 1) @ v


def ref(q, k, v, log_f, keep, rel):
    n = len(q)
    i, j = np.ogrid[:n, :n]
    s = np.stack([q[:, h] @ k[:, h // 2].T / math.sqrt(D) for h in range(H)])
    alibi = np.stack([attend(s[h] - (i - j) / 2.0 ** (h + 2), j <= i, v[:, h // 2]) for h in range(H)], 1)
    window = np.stack([attend(5 * np.tanh(s[h] / 5), (j <= i) & (i - j < 70), v[:, h // 2]) for h in range(H)], 1)
    F = np.cumsum(log_f)
    forget = attend(s[0] + F[None, :] - F[:, None], j >= i, v[:, 0])
    blocks = attend(s[1], i // 48 == j // 48, v[:, 0])
    strided = attend(s[1], (j <= i) & ((i - j) % 5 == 0), v[:, 1])
    masked = attend(s[2], keep[None, :] & (j < i), v[:, 1])
    near = (j <= i) & (i - j < R)
    table = attend(s[3] + rel[np.where(near, i - j, 0)], near, v[:, 0])
    gated = sigmoid(q[:, 0, :1]) * attend(s[0], np.ones((n, n), bool), log_f[:, None] * v[:, 0])
    return alibi, window, forget, blocks, strided, masked, table, gated


given = {"q": q, "k": k, "v": v, "log_f": log_f, "keep": keep}
finish(__file__, {**given, "rel": rel}, batch(ref, lengths, given, {"rel": rel}), lengths=lengths, entry="domains", rtol=3e-5,
       note="a tile is 36 rows by 64 keys: lengths around both, windows across them, rows without keys")
