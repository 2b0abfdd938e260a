"""What is measured: rows, their sizes, and the least that the machine must do for each."""

from collections import namedtuple
from math import prod

# least(size) gives (bytes that must move, float operations).
Row = namedtuple("Row", "group name sizes least who")
Case = namedtuple("Case", "row size")

ELEMENTWISE, VECTORS, STEPS, PRODUCTS, NODES = (
    "Losses of single elements", "Losses of classes and features", "Training steps",
    "Matrix products", "Small operations")

LOSS_PEERS = ("gradus", "torch", "torch_composed", "torch_compile", "jax")
CHAIN_PEERS = ("gradus", "torch", "torch_compile", "jax")
STEP_PEERS = ("gradus", "torch", "torch_fused", "torch_compile", "jax")  # with Adam
PRODUCT_PEERS = ("gradus", "gradus_own", "gradus_blis", "torch")

LOOPS = ("mse", "mae", "huber", "hinge")  # those with a plain C loop beside them
LARGEST = 4194304                         # elements


def arrays(count, labels=False):
    """Bytes of float arrays of the row's size, read or written once, and of its labels."""
    return lambda size: (4 * count * prod(size) + 8 * labels * size[0], 0)


def info_nce(size):
    """Similarities, and their gradient times the other view."""
    return 12 * prod(size), 4 * size[0] ** 2 * size[1]


def training(layers, inputs, passes):
    """Adam reads and writes value and two moments. `passes` counts products of each layer's size
    by sample; the first number is for the first layer, which needs no gradient of its input."""
    weights = sum(i * o for i, o in layers)
    first = layers[0][0] * layers[0][1]

    def least(size):
        products = passes[0] * first + passes[1] * (weights - first)
        return 24 * weights + 4 * inputs * size[0], 2 * size[0] * products

    return least


def network(weights, inputs, first, rest):
    """The same, from weights and inputs in all, products a sample of the first layer and the
    others."""
    return lambda size: (24 * weights + 4 * inputs * size[0], 2 * size[0] * (2 * first + 3 * rest))


def product(size):
    m, n, k = size
    return 4 * (m * k + k * n + m * n), 2 * m * n * k


def nothing(size):
    return 0, 0


CRITIC = [(2, 512), (512, 512), (512, 512), (512, 1)]
PPO = [(4, 64), (64, 64), (64, 2), (4, 64), (64, 64), (64, 1)]
VAE = [(784, 400), (400, 20), (400, 20), (20, 400), (400, 784)]
SKINNY = [(m, n, k) for s in (1, 2, 10) for m, n, k in ((s, 512, 256), (256, s, 512))]


def elementwise():
    sizes = [(64,), (4096,), (262144,), (LARGEST,)]
    for name in ("mse", "mae", "huber", "log_cosh", "charbonnier", "quantile", "poisson_nll",
                 "bce_logits", "soft_margin", "hinge", "focal", "dice", "tversky"):
        loop = ("c_loop",) if name in LOOPS else ()
        yield Row(ELEMENTWISE, name, sizes, arrays(3), LOSS_PEERS + loop)


def vectors():
    classes = [(64, 10), (512, 10), (512, 1000), (4096, 1000)]
    features = [(64, 128), (512, 128), (4096, 128)]
    for name, count, labels in (("cross_entropy", 2, 1), ("label_smoothing", 2, 1), ("kl", 3, 0),
                                ("distillation", 3, 1)):
        yield Row(VECTORS, name, classes, arrays(count, labels), LOSS_PEERS)
    yield Row(VECTORS, "cosine", features, arrays(3), LOSS_PEERS)
    yield Row(VECTORS, "triplet", features, arrays(4), LOSS_PEERS)
    yield Row(VECTORS, "info_nce", [(64, 128), (512, 128), (2048, 128)], info_nce, LOSS_PEERS)


def steps():
    # Products a sample: forward, gradient of weights, gradient of inputs.
    for name, batch, layers, inputs, passes in (
            ("W1", 64, [(2, 16), (16, 16), (16, 1)], 3, (2, 3)),
            ("W2", 64, [(784, 64), (64, 10)], 786, (2, 3)),
            ("W3", 128, VAE, 784, (2, 3)),
            ("W4", 128, PPO, 9, (3, 3)),
            # real and fake, 2 or 3 each; between them: to the slope and its derivative, 4
            ("W5", 256, CRITIC, 4, (2 * 2 + 4, 2 * 3 + 4)),
            ("W5_plain", 256, CRITIC, 4, (2 * 2, 2 * 3))):
        yield Row(STEPS, name, [(batch,)], training(layers, inputs, passes), STEP_PEERS)
    yield Row(STEPS, "W6", [(64,)], network(9098, 785, 784 * 72, 196 * 1152 + 7840), STEP_PEERS)
    yield Row(STEPS, "W7", [(32, 50)], network(14273, 401, 50 * 8 * 192, 50 * 64 * 192 + 64),
              STEP_PEERS)


def products():
    squares = [(n, n, n) for n in (16, 32, 64, 128, 256, 512, 1024, 2048)]
    yield Row(PRODUCTS, "gemm", squares + SKINNY, product, PRODUCT_PEERS)
    for name in ("gemm_nt", "gemm_tn"):
        yield Row(PRODUCTS, name, [(64,) * 3, (512,) * 3] + SKINNY, product, PRODUCT_PEERS)


def nodes():
    yield Row(NODES, "chain100", [(16,)], nothing, CHAIN_PEERS)
    yield Row(NODES, "node_build", [(1000,)], nothing, ("gradus",))
    yield Row(NODES, "node_eval", [(1000,)], nothing, ("gradus", "torch"))


def cases(only=None):
    """All cases; those of one row, or of the rows whose names start so, with `only`."""
    rows = [row for group in (elementwise, vectors, steps, products, nodes) for row in group()]
    exact = [row for row in rows if row.name == only]
    chosen = exact or [row for row in rows if row.name.startswith(only or "")]
    return [Case(row, size) for row in chosen for size in row.sizes]


def is_small(size):
    return prod(size) <= 8192
