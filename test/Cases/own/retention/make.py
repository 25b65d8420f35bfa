import os, sys
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from common import *

r = rng(903)
H, T, D, P = 3, 41, 6, 7
q, k, v = gauss(r, H, T, D), gauss(r, H, T, D), gauss(r, H, T, P)
gamma = (1 - 2.0 ** (-5.0 - np.arange(H))).astype(np.float32).astype(np.float64)


def rotate(x):
    n = np.arange(len(x))[:, None] * 10000.0 ** (-2 * np.arange(D // 2) / D)
    z = (x[:, 0::2] + 1j * x[:, 1::2]) * np.exp(1j * n)
    return np.stack([z.real, z.imag], -1).reshape(len(x), D)


out = np.zeros((H, T, P))
for h in range(H):
    n = np.arange(T)
    decay = np.where(n[:, None] >= n[None], gamma[h] ** np.maximum(n[:, None] - n[None], 0), 0)
    o = (rotate(q[h]) @ rotate(k[h]).T * decay) @ v[h]
    o = o - o.mean(1, keepdims=True)
    out[h] = o / np.sqrt((o ** 2).mean(1, keepdims=True) + 1e-5)
finish(__file__, {"q": q, "k": k, "v": v, "gamma": gamma}, [out], entry="retention", stage=2,
       note="a head's function mapped over heads; the oracle is the parallel form")
