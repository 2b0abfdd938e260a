"""The losses and training steps as formulas, the same for PyTorch and JAX: m holds the functions of
either, m.losses the losses that a step calls (PyTorch: its own, where it has them)."""

from math import log

EPS = 1e-5  # of dice and tversky


def huber(m, x, y):
    r = x - y
    return m.where(m.abs(r) <= 1, 0.5 * r * r, m.abs(r) - 0.5).mean()


def log_cosh(m, x, y):
    r = x - y
    return (r + m.softplus(-2 * r) - log(2)).mean()


def quantile(m, x, y):
    e = y - x
    return m.maximum(0.9 * e, -0.1 * e).mean()


def focal(m, x, y):
    p = m.sigmoid(x)
    miss = (1 - y) * p + y * (1 - p)
    weight = 0.25 * y + 0.75 * (1 - y)
    return (weight * miss * miss * (m.softplus(x) - x * y)).mean()


def dice(m, x, y):
    both = (x * y).sum()
    return 1 - (2 * both + EPS) / (x.sum() + y.sum() + EPS)


def tversky(m, x, y):
    both = (x * y).sum()
    wrong, missed = (x * (1 - y)).sum(), ((1 - x) * y).sum()
    return 1 - (both + EPS) / (both + 0.3 * wrong + 0.7 * missed + EPS)


def cross_entropy(m, x, label):
    return (m.logsumexp(x) - m.pick(x, label)).mean()


def label_smoothing(m, x, label):
    log_p = m.log_softmax(x)
    return -(0.9 * m.pick(log_p, label) + 0.1 * log_p.mean(axis=1)).mean()


def kl(m, x, t):
    return (t * (m.log(t) - m.log_softmax(x))).sum(axis=1).mean()


def distillation(m, x, label, teacher):
    log_t, log_s = m.log_softmax(teacher / 4), m.log_softmax(x / 4)
    soft = (m.exp(log_t) * (log_t - log_s)).sum(axis=1).mean()
    return 0.7 * 16 * soft + 0.3 * cross_entropy(m, x, label)


def norm(m, x):
    return m.sqrt((x * x).sum(axis=1))


def cosine(m, x, y):
    return (1 - (x * y).sum(axis=1) / (norm(m, x) * norm(m, y))).mean()


def triplet(m, x, y, z):
    return m.relu(norm(m, x - y + 1e-6) - norm(m, x - z + 1e-6) + 1).mean()


def info_nce(m, x, y):
    a, b = x / norm(m, x)[:, None], y / norm(m, y)[:, None]
    s = a @ b.T / 0.07
    return (m.logsumexp(s) - m.diagonal(s)).mean()


def chain100(m, x, y):
    for _ in range(25):
        x = m.tanh(x * 0.9 + 0.1) * y
    return x.sum()


LOSSES = {
    "mse": lambda m, x, y: ((x - y) * (x - y)).mean(),
    "mae": lambda m, x, y: m.abs(x - y).mean(),
    "huber": huber,
    "log_cosh": log_cosh,
    "charbonnier": lambda m, x, y: m.sqrt((x - y) * (x - y) + 1e-6).mean(),
    "quantile": quantile,
    "poisson_nll": lambda m, x, y: (m.exp(x) - y * x).mean(),
    "bce_logits": lambda m, x, y: (m.softplus(x) - x * y).mean(),
    "soft_margin": lambda m, x, y: m.softplus(-y * x).mean(),
    "hinge": lambda m, x, y: m.relu(1 - y * x).mean(),
    "focal": focal,
    "dice": dice,
    "tversky": tversky,
    "cross_entropy": cross_entropy,
    "label_smoothing": label_smoothing,
    "kl": kl,
    "distillation": distillation,
    "cosine": cosine,
    "triplet": triplet,
    "info_nce": info_nce,
    "chain100": chain100,
}


# ---- training steps: layers are (weight, bias), inputs as gradus-bench writes them ----


def network(m, layers, between, x):
    for layer in layers[:-1]:
        x = between(m.linear(x, *layer))
    return m.linear(x, *layers[-1])


def mlp(m, layers, inputs, noise):
    x, y = inputs
    return m.losses["mse"](network(m, layers, m.tanh, x), y)


def classifier(m, layers, inputs, noise):
    x, label = inputs
    return m.losses["cross_entropy"](network(m, layers, m.relu, x), label)


def vae(m, layers, inputs, noise):
    (x,) = inputs
    hidden = m.relu(m.linear(x, *layers[0]))
    mean, logvar = m.linear(hidden, *layers[1]), m.linear(hidden, *layers[2])
    z = mean + m.exp(0.5 * logvar) * noise
    logits = network(m, layers[3:], m.relu, z)
    divergence = 0.5 * (m.exp(logvar) + mean * mean - 1 - logvar).sum(axis=1).mean()
    return x.shape[1] * m.losses["bce_logits"](logits, x) + divergence


def ppo(m, layers, inputs, noise):
    observation, action, log_old, advantage, target = inputs
    log_p = m.log_softmax(network(m, layers[:3], m.tanh, observation))
    ratio = m.exp(m.pick(log_p, action) - log_old)
    gain = m.minimum(ratio * advantage, m.clip(ratio, 0.8, 1.2) * advantage)
    entropy = -(m.exp(log_p) * log_p).sum(axis=1)
    value = network(m, layers[3:], m.tanh, observation)[:, 0]
    return 0.5 * m.losses["mse"](value, target) - (gain + 0.01 * entropy).mean()


def critic(m, layers, inputs, noise):
    real, fake = inputs
    return (network(m, layers, m.relu, fake).mean() - network(m, layers, m.relu, real).mean())


def penalised(m, layers, inputs, noise):
    real, fake = inputs
    slope = m.slope(lambda x: network(m, layers, m.relu, x).sum(), fake + noise * (real - fake))
    return critic(m, layers, inputs, noise) + 0.1 * ((norm(m, slope) - 1) ** 2).mean()


def digits(m, layers, inputs, noise):
    x, label = inputs
    for layer in layers[:2]:
        x = m.largest_of_four(m.relu(m.convolve(x, *layer)))
    return m.losses["cross_entropy"](m.linear(x.reshape(len(x), -1), *layers[2]), label)


def gru(m, layers, inputs, noise):
    """The layer's four tensors are two pairs here."""
    x, y = inputs
    last = m.gru(x, *layers[0], *layers[1])
    return m.losses["mse"](m.linear(last, *layers[2]), y)


STEPS = {"W1": mlp, "W2": classifier, "W3": vae, "W4": ppo, "W5": penalised, "W5_plain": critic,
         "W6": digits, "W7": gru}
UNIFORM_NOISE = {"W5"}  # others draw normal numbers

CHECKED_STEPS, CHECKED_LR, TIMED_LR = 3, 1e-3, 1e-6  # as in bench/steps.c
BETA1, BETA2, ADAM_EPS = 0.9, 0.999, 1e-8
