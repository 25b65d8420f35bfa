import os, sys
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from common import *

r = rng(902)
T, N, lengths = 70, 5, [70, 0, 1, 33]
z = spoil(gauss(r, 4, T), lengths)
F = (0.9 * np.eye(N) + gauss(r, N, N, scale=0.1)).astype(np.float32).astype(np.float64)
Q = (0.1 * np.eye(N)).astype(np.float32).astype(np.float64)
h, noise = gauss(r, N), np.array(0.5)


def ref(z, F, Q, h, r):
    x, P, score, xs = np.zeros(N), np.eye(N), 0.0, np.zeros((len(z), N))
    for t in range(len(z)):
        x, P = F @ x, F @ P @ F.T + Q
        s, e = h @ P @ h + r, z[t] - h @ x
        gain = P @ h / s
        x, P = x + gain * e, P - np.outer(gain, P @ h)
        score -= 0.5 * (np.log(2 * np.pi * s) + e * e / s)
        xs[t] = x
    return xs, P, np.array(score)


shared = {"F": F, "Q": Q, "h": h, "r": noise}
finish(__file__, {"z": z, **shared}, batch(ref, lengths, {"z": z}, shared), entry="kalman", lengths=lengths, stage=2,
       note="a covariance by a sum over two indices; states that divide by what they make; three states of three ranks")
