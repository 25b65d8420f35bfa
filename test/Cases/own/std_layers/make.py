import os, sys
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from common import *

r = rng(160)
V, D, H, K, T, lengths = 11, 4, 6, 3, 9, [9, 0, 5, 1]
w = {"embed.weight": gauss(r, V, D), "conv.weight": gauss(r, D, K, scale=0.6), "conv.b": gauss(r, D, scale=0.3), "plain.weight": gauss(r, D, 2),
     "mix.weight": gauss(r, D, D, scale=0.7), "head.weight": gauss(r, V, D), "head.b": gauss(r, V)}
for name, i, h in (("lstm", D, H), ("peep", H, H)):
    w[name + ".w_ih"], w[name + ".w_hh"], w[name + ".bias"] = gauss(r, 4 * h, i, scale=0.6), gauss(r, 4 * h, h, scale=0.5), gauss(r, 4 * h, scale=0.4)
for p in "ifo":
    w["peep.p_" + p] = gauss(r, H, scale=0.7)
w["gru.w_ih"], w["gru.w_hh"] = gauss(r, 3 * D, H), gauss(r, 3 * D, D, scale=0.6)
w["gru.b_ih"], w["gru.b_hh"] = gauss(r, 3 * D, scale=0.4), gauss(r, 3 * D, scale=0.4)
tokens = r.integers(0, V, (4, T)).astype(np.int32)
for b, n in enumerate(lengths):
    tokens[b, n:] = 99  # no token: the padding is not looked up


def conv(x, weight, bias):
    y = np.tile(bias, (len(x), 1)).astype(np.float64)
    k = weight.shape[1]
    for t in range(len(x)):
        for j in range(k):
            if t - (k - 1 - j) >= 0:
                y[t] += weight[:, j] * x[t - (k - 1 - j)]
    return y


def lstm(x, name, p_i=0, p_f=0, p_o=0):
    h = c = np.zeros(H)
    y = np.zeros((len(x), H))
    for t in range(len(x)):
        i, f, g, o = np.split(w[name + ".w_ih"] @ x[t] + w[name + ".w_hh"] @ h + w[name + ".bias"], 4)
        c = sigmoid(f + p_f * c) * c + sigmoid(i + p_i * c) * np.tanh(g)
        h = sigmoid(o + p_o * c) * np.tanh(c)
        y[t] = h
    return y


def gru(x):
    h, y = np.zeros(D), np.zeros((len(x), D))
    for t in range(len(x)):
        xr, xz, xn = np.split(w["gru.w_ih"] @ x[t] + w["gru.b_ih"], 3)
        hr, hz, hn = np.split(w["gru.w_hh"] @ h + w["gru.b_hh"], 3)
        z = sigmoid(xz + hz)
        h = (1 - z) * np.tanh(xn + sigmoid(xr + hr) * hn) + z * h
        y[t] = h
    return y


def ref(tokens):
    x = conv(conv(w["embed.weight"][tokens], w["conv.weight"], w["conv.b"]), w["plain.weight"], np.zeros(D))
    x = gru(lstm(lstm(x, "lstm"), "peep", w["peep.p_i"], w["peep.p_f"], w["peep.p_o"]))
    return x @ w["mix.weight"].T @ w["head.weight"].T + w["head.b"]


finish(__file__, {"tokens": tokens}, batch(ref, lengths, {"tokens": tokens}), w, lengths=lengths,
       note="std.layers and std.recurrent; V, D, H from the weights; padding holds no token")
