import os, sys
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from common import *

r = rng(643)
T, D, E = 150, 4, 3
bias, k, v, keep = gauss(r, T, T), gauss(r, T, D), gauss(r, T, E), r.random(T) < 0.5
low = np.tril(np.ones((T, T), bool))
bias[~low] = np.nan                   # absent
bias[5, :] = -np.inf                  # all that is present is −∞
bias[70, :] = -np.inf
bias[71, :] = -np.inf                 # but for one key, in another tile
bias[71, 2] = 0.5
bias[72, 1] = np.inf
bias[73, 69] = np.nan
bias[90, :80] = -np.inf
bias[100] *= 1e30                     # far apart
bias[101] = -3e38
keep[:3] = False
keep[40] = True
v[149] = np.nan                       # seen by the last row alone
k[140] = np.nan                       # rows before it do not see it
v[120, 0] = np.inf
bias[130, 120] = -np.inf              # 0 · ∞


def attend(s, present, v):
    out = np.zeros((len(s), v.shape[1]))
    for i in range(len(s)):
        js = np.flatnonzero(present[i])
        if len(js):
            e = np.exp(s[i, js] - np.max(s[i, js]))
            out[i] = e @ v[js] / e.sum() if np.isfinite(e.sum()) else np.nan
    return out


def ref(bias, k, v, keep):
    i, j = np.ogrid[:T, :T]
    keys = attend(k @ k.T, j < i, v)
    return attend(bias, j <= i, v), attend(bias, keep[None, :] & (j <= i), v), keys, keys[:, 0]


finish(__file__, {"bias": bias, "k": k, "v": v, "keep": keep}, ref(bias, k, v, keep), entry="special", rtol=3e-5,
       note="a maximum of ±∞ or NaN makes its row NaN, and no other; absent keys are not read")
