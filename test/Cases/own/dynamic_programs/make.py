import os, sys
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from common import *

r = rng(901)
T, V, S, L, lengths = 23, 6, 9, 4, [23, 1, 8, 17]
labels = np.array([2, 2, 5, 1], np.int32)
x = spoil(gauss(r, 4, T, V), lengths)
tr, y = gauss(r, V, V), gauss(r, S, V)


def lse(v):
    m = np.max(v)
    return m + np.log(np.sum(np.exp(v - m))) if np.isfinite(m) else m


def ref(x, labels, tr, y):
    n = len(x)
    log_p = x - np.array([lse(row) for row in x])[:, None]
    ext = np.zeros(2 * L + 1, int)
    ext[1::2] = labels
    a = np.full(2 * L + 1, -np.inf)
    a[:2] = log_p[0, ext[:2]]
    for t in range(1, n):
        new = a.copy()
        for s in range(2 * L + 1):
            skip = s >= 2 and ext[s] and ext[s] != ext[s - 2]
            new[s] = log_p[t, ext[s]] + lse(a[max(0, s - 2 if skip else s - 1):s + 1])
        a = new
    score, back = x[0], np.zeros((n, V), int)
    for t in range(1, n):
        through = score[:, None] + tr
        back[t], score = through.argmax(0), through.max(0) + x[t]
    path = [int(score.argmax())]
    for t in reversed(range(1, n)):
        path.insert(0, back[t, path[0]])
    grid = np.full((n + 1, S + 1), np.inf)
    grid[0, 0] = 0
    for i in range(n):
        for j in range(S):
            cost = np.sqrt(np.sum((x[i] - y[j]) ** 2))
            grid[i + 1, j + 1] = cost + min(grid[i, j + 1], grid[i + 1, j], grid[i, j])
    return np.array(-lse(a[-2:])), np.array(score.max()), np.array(path, np.int32), np.array(grid[n, S])


shared = {"labels": labels, "tr": tr, "y": y}
finish(__file__, {"x": x, **shared}, batch(ref, lengths, {"x": x}, shared), entry="all", lengths=lengths, stage=2,
       note="log, max-plus and min-plus recurrences; a path walked back by a gather; a scan in a scan over another axis; infinities that must stay away")
