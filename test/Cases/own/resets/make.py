import os, sys
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from common import *

r = rng(2207)
B, T, H, K, V, lengths = 4, 70, 3, 5, 4, [70, 33, 1, 0]
q, k = (gauss(r, B, T, H, K, scale=0.5) for _ in range(2))
v, a = gauss(r, B, T, H, V), uniform(r, 0.6, 1, B, T, H)
ids = np.cumsum(r.random((B, T)) < 0.1, axis=1).astype(np.int32)
mark = r.random((B, H, T)) < 0.2
S0 = gauss(r, H, K, V)
q, k, v, a = (spoil(x, lengths) for x in (q, k, v, a))


def ref(q, k, v, a, id, mark, S0):
    n = len(q)
    o, back, f, inner = np.zeros((H, n, V)), np.zeros(n), np.zeros((H, n)), np.zeros(n)
    for t in range(n):
        first = max(s for s in range(t + 1) if s == 0 or id[s] != id[s - 1])
        last = min(s for s in range(t, n) if s == n - 1 or id[s] != id[s + 1])
        for h in range(H):
            S = np.prod(a[first:t + 1, h]) * S0[h]
            for s in range(first, t + 1):
                S = S + np.prod(a[s + 1:t + 1, h]) * np.outer(k[s, h], v[s, h])
            o[h, t] = q[t, h] @ S
            marks = [s for s in range(t + 1) if s % 2 == 0 and mark[h, s]] or [0]
            f[h, t] = np.prod(a[marks[-1]:t + 1, h])
        back[t] = v[t:last + 1, 0, 0].sum() * (100 + last - t)
        c = inner[t - 1] if t else 0.0
        marks = [h for h in range(H) if mark[h, t]]
        w = c  # a reset gives the outer state's value again, as that is the initial one
        for h in range(marks[-1] if marks else 0, H):
            w = 0.5 * w + a[t, h]
        inner[t] = w
    return o, back, f, inner


given = {"q": q, "k": k, "v": v, "a": a, "id": ids, "mark": mark}
cut = {"q": {0: lengths}, "k": {0: lengths}, "v": {0: lengths}, "a": {0: lengths}, "id": {0: lengths}, "mark": {1: lengths}}
finish(__file__, {**given, "S0": S0}, batch(ref, lengths, given, {"S0": S0}, sizes=cut), lengths=lengths, entry="resets", rtol=3e-5,
       note="stretches in one row; a reset gives the initial value, whatever it is")
