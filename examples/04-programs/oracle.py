"""What the programs of this folder compute, in NumPy float64, from the mathematics of each."""
import numpy as np


def sigmoid(x):
    return np.exp(-np.logaddexp(0, -x))


def silu(x):
    return x * sigmoid(x)


def logsumexp(x, axis):
    top = x.max(axis, keepdims=True)
    return (top + np.log(np.exp(x - top).sum(axis, keepdims=True))).squeeze(axis)


def stacked(rows, *shape):
    """Rows over time, of the given shape where there are none."""
    return np.stack(rows) if rows else np.zeros((0, *shape))


def ema(x, decay):
    h, out = 0.0, []
    for row in x:
        h = decay * h + (1 - decay) * row
        out.append(h)
    return stacked(out)


def lstm(x, w, prefix=""):
    w_ih, w_hh, bias = (w[prefix + n] for n in ("w_ih", "w_hh", "bias"))
    h = c = np.zeros(w_hh.shape[1])
    out = []
    for row in x:
        i, f, g, o = np.split(w_ih @ row + w_hh @ h + bias, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        out.append(h)
    return stacked(out, len(h))


def gla(q, k, v, log_a):
    S, out = np.zeros((q.shape[1], v.shape[1])), []
    for t in range(len(q)):
        S = np.exp(log_a[t])[:, None] * S + np.outer(k[t], v[t])
        out.append(q[t] @ S)
    return stacked(out, v.shape[1])


def gla_heads(q, k, v, log_a):
    return np.stack([gla(q[:, h], k[:, h], v[:, h], log_a[:, h]) for h in range(q.shape[1])], 1)


def gated_delta(q, k, v, log_a, beta):
    S, out = np.zeros((q.shape[1], v.shape[1])), []
    for t in range(len(q)):
        S = np.exp(log_a[t]) * S
        S = S + beta[t] * np.outer(k[t], v[t] - k[t] @ S)
        out.append(q[t] @ S)
    return stacked(out, v.shape[1])


def forgetting_attention(q, k, v, log_f):
    F, out = np.cumsum(log_f), []
    for i in range(len(q)):
        s = k[: i + 1] @ q[i] / np.sqrt(q.shape[1]) + F[i] - F[: i + 1]
        p = np.exp(s - s.max())
        out.append(p @ v[: i + 1] / p.sum())
    return stacked(out, v.shape[1])


def causal_conv(x, w, bias):
    K = w.shape[1]
    past = np.concatenate([np.zeros((K - 1, x.shape[1])), x])
    return stacked([(past[t : t + K].T * w).sum(1) + bias for t in range(len(x))], x.shape[1])


def long_conv(u, kernel):
    return stacked([(kernel[: t + 1] * u[t::-1]).sum(0) for t in range(len(u))], u.shape[1])


def mlstm(q, k, v, i, f):
    C, n, m, out = np.zeros((q.shape[1], v.shape[1])), np.zeros(q.shape[1]), 0.0, []
    for t in range(len(q)):
        lf = -np.logaddexp(0, -f[t])
        new = max(lf + m, i[t])
        fd, a = np.exp(lf + m - new), np.exp(i[t] - new)
        C, n, m = fd * C + a * np.outer(k[t], v[t]), fd * n + a * k[t], new
        out.append(q[t] @ C / max(abs(q[t] @ n), np.exp(-m)))
    return stacked(out, v.shape[1])


def mamba(x, w):
    u, z = np.split(x @ w["in_proj.weight"].T, 2, axis=1)
    u = silu(causal_conv(u, w["conv1d.weight"], w["conv1d.b"]))
    N = w["A_log"].shape[1]
    mixed = u @ w["x_proj.weight"].T
    R = mixed.shape[1] - 2 * N
    B, C = mixed[:, R : R + N], mixed[:, R + N :]
    dt = np.logaddexp(0, mixed[:, :R] @ w["dt_proj.weight"].T + w["dt_proj.b"])
    A = -np.exp(w["A_log"])
    h, y = np.zeros_like(A), []
    for t in range(len(x)):
        h = np.exp(dt[t][:, None] * A) * h + np.outer(dt[t] * u[t], B[t])
        y.append(h @ C[t])
    y = stacked(y, len(A))
    return ((y + w["D_skip"] * u) * silu(z)) @ w["out_proj.weight"].T


def charlm(tokens, w):
    x = w["embed.weight"][tokens]
    for layer in range(2):
        x = x + lstm(x, w, f"layers.{layer}.")
    return x @ w["head.weight"].T + w["head.b"]


def bilstm(x, w):
    return np.concatenate([lstm(x, w, "fwd."), lstm(x[::-1], w, "bwd.")[::-1]], 1)


def log_z(e, trans):
    a = np.zeros(e.shape[1])
    for t in range(len(e)):
        a = e[t] + (0 if t == 0 else logsumexp(a[:, None] + trans, 0))
    return logsumexp(a, 0)
