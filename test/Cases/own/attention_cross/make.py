import os, sys
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from common import *

r = rng(642)
T, S, D, E, H, M = 75, 140, 8, 5, 3, 100
lengths = {"T": [75, 3, 0, 40, 1], "S": [140, 129, 64, 0, 1]}
B = 5
q, k, v, wide = gauss(r, B, T, D), gauss(r, B, S, D, scale=0.4), gauss(r, B, S, E), gauss(r, B, S, 2, E)
heads, hk, hv = gauss(r, B, H, D), gauss(r, B, S, H, D, scale=0.4), gauss(r, B, S, H, E)
memory = gauss(r, M, D, scale=0.5)
q = spoil(q, lengths["T"])
k, v, hk, hv, wide = (spoil(x, lengths["S"]) for x in (k, v, hk, hv, wide))


def attend(s, present, v):
    some = present.any(1, keepdims=True)
    m = np.where(present, s, -np.inf).max(1, keepdims=True, initial=-np.inf)
    e = np.where(present, np.exp(s - np.where(some, m, 0)), 0)
    return e @ v / np.where(some, e.sum(1, keepdims=True), 1)


def ref(q, k, v, heads, hk, hv, wide, memory):
    s, everywhere = q @ k.T, lambda x: np.ones(x.shape, bool)
    i, j = np.ogrid[:len(q), :len(k)]
    a = np.einsum("hd,jhd->hj", heads, hk)
    decoded = np.stack([attend(a[h:h + 1], everywhere(a[h:h + 1]), hv[:, h])[0] for h in range(H)])
    z = np.stack([attend(s, everywhere(s), wide[:, b]) for b in range(2)], 2)
    return (attend(s, everywhere(s), v), attend(s, (j <= 2 * i) & (2 * j >= i), v), decoded, decoded[:, 0],
            attend(q @ memory.T, np.ones((len(q), M), bool), memory), z)


given = {"q": q, "k": k, "v": v, "heads": heads, "hk": hk, "hv": hv, "wide": wide}
sizes = {"q": {0: lengths["T"]}, **{n: {0: lengths["S"]} for n in ("k", "v", "hk", "hv", "wide")}}
finish(__file__, {**given, "memory": memory}, batch(ref, {}, given, {"memory": memory}, sizes), entry="cross", rtol=3e-5,
       args=["lengths.T=" + ",".join(map(str, lengths["T"])), "lengths.S=" + ",".join(map(str, lengths["S"]))],
       note="two lengths of their own, each 0 once; an index that shares no keys")
