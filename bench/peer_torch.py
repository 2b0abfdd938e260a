"""peer_torch.py THREADS: PyTorch for bench/run.py. `torch` is PyTorch's own function,
`torch_composed` the formula, `torch_compile` that through torch.compile. It also keeps the
reference that all others are compared with: the formula in float64."""

import sys
from types import SimpleNamespace

import numpy
import torch
import torch.nn.functional as F

import formulas
from peer import load_inputs, serve

torch.set_num_threads(int(sys.argv[1]))
torch.set_num_interop_threads(1)


def info_nce(x, y):
    s = F.normalize(x) @ F.normalize(y).T / 0.07
    return F.cross_entropy(s, torch.arange(len(s)))


def distillation(x, label, teacher):
    soft = F.kl_div(F.log_softmax(x / 4, 1), F.log_softmax(teacher / 4, 1), log_target=True,
                    reduction="batchmean")
    return 0.7 * 16 * soft + 0.3 * F.cross_entropy(x, label)


OWN = {
    "mse": F.mse_loss,
    "mae": F.l1_loss,
    "huber": F.huber_loss,
    "poisson_nll": F.poisson_nll_loss,
    "bce_logits": F.binary_cross_entropy_with_logits,
    "soft_margin": F.soft_margin_loss,
    "cross_entropy": F.cross_entropy,
    "label_smoothing": lambda x, label: F.cross_entropy(x, label, label_smoothing=0.1),
    "kl": lambda x, t: F.kl_div(F.log_softmax(x, 1), t, reduction="batchmean"),
    "distillation": distillation,
    "cosine": lambda x, y: (1 - F.cosine_similarity(x, y)).mean(),
    "triplet": F.triplet_margin_loss,
    "info_nce": info_nce,
}


def slope(f, x):
    x = x.detach().requires_grad_()
    return torch.autograd.grad(f(x), x, create_graph=True)[0]


def gru(x, *weights):
    """PyTorch's own layer of one direction: its last state."""
    start = x.new_zeros(1, len(x), weights[1].shape[1])
    return torch.gru(x, start, weights, True, 1, 0.0, True, False, True)[1][0]


EAGER = SimpleNamespace(
    abs=torch.abs, clip=torch.clamp, convolve=lambda x, w, b: F.conv2d(x, w, b, padding=1),
    diagonal=torch.diagonal, exp=torch.exp, gru=gru,
    largest_of_four=lambda x: F.max_pool2d(x, 2), linear=F.linear,
    log=torch.log, log_softmax=lambda x: F.log_softmax(x, 1), losses=OWN,
    logsumexp=lambda x: torch.logsumexp(x, 1), maximum=torch.maximum, minimum=torch.minimum,
    pick=lambda x, label: x.gather(1, label[:, None])[:, 0], relu=torch.relu,
    sigmoid=torch.sigmoid, slope=slope, softplus=F.softplus, sqrt=torch.sqrt, tanh=torch.tanh,
    where=torch.where)

# torch.compile takes no second backward pass, but a gradient that torch.func traces.
TRACED = SimpleNamespace(**{**vars(EAGER), "slope": lambda f, x: torch.func.grad(f)(x)})


def tensors(arrays, dtype):
    found = [torch.from_numpy(array) for array in arrays]
    return [t.to(dtype) if t.is_floating_point() else t for t in found]


class Loss:
    def __init__(self, function, inputs):
        self.function, self.rest = function, inputs[1:]
        self.x = inputs[0].requires_grad_()

    def step(self):
        loss = self.function(self.x, *self.rest)
        return loss, torch.autograd.grad(loss, self.x)[0]

    def check(self):
        return [t.detach().numpy() for t in self.step()]

    def repeat(self, times):
        for _ in range(times):
            self.step()


class Training:
    def __init__(self, function, inputs, noise, weights, draw, fused):
        self.function, self.inputs, self.noise, self.draw = function, inputs, noise, draw
        self.layers = [tuple(p.clone().requires_grad_() for p in layer) for layer in weights]
        self.params = [p for layer in self.layers for p in layer]
        self.adam = torch.optim.Adam(self.params, lr=formulas.CHECKED_LR, fused=fused)

    def backward(self, noise):
        self.adam.zero_grad(set_to_none=True)
        loss = self.function(self.layers, self.inputs, noise)
        loss.backward()
        return loss

    def check(self):
        losses, gradient = [], None
        for _ in range(formulas.CHECKED_STEPS):
            losses.append(self.backward(self.noise).item())
            if gradient is None:
                gradient = torch.cat([p.grad.reshape(-1) for p in self.params]).numpy()
            self.adam.step()
        self.adam.param_groups[0]["lr"] = formulas.TIMED_LR
        return losses, gradient

    def repeat(self, times):
        for _ in range(times):
            self.backward(self.noise if self.noise is None else self.draw(self.noise))
            self.adam.step()


class Forward:
    """An operation without gradient."""

    def __init__(self, function, inputs):
        self.function, self.inputs = function, inputs

    def check(self):
        return 0.0, self.function(*self.inputs).numpy()

    def repeat(self, times):
        for _ in range(times):
            self.function(*self.inputs)


def additions(x):
    for _ in range(1000):
        x = x + 0.5
    return x


FORWARD = {
    "gemm": torch.matmul,
    "gemm_nt": lambda a, b: a @ b.T,
    "gemm_tn": lambda a, b: a.T @ b,
    "node_eval": additions,
}


def loss_function(who, row):
    formula = formulas.LOSSES[row]
    if who == "torch" and row != "chain100":
        if row not in OWN:
            raise LookupError("PyTorch has no such function")
        return OWN[row]
    composed = lambda *inputs: formula(EAGER, *inputs)
    return torch.compile(composed, dynamic=False) if who == "torch_compile" else composed


def step_function(who, row):
    formula = formulas.STEPS[row]
    if who == "torch_compile":
        return torch.compile(lambda *args: formula(TRACED, *args), dynamic=False)
    return lambda *args: formula(EAGER, *args)


def prepare(who, row, folder, dtype=torch.float32):
    inputs, noise, weights = load_inputs(folder)
    inputs = tensors(inputs, dtype)
    if row in FORWARD:
        return Forward(FORWARD[row], inputs)
    torch._dynamo.reset()
    if row in formulas.LOSSES:
        return Loss(loss_function(who, row), inputs)
    noise = None if noise is None else tensors([noise], dtype)[0]
    draw = torch.rand_like if row in formulas.UNIFORM_NOISE else torch.randn_like
    weights = [tensors(layer, dtype) for layer in weights]
    fused = None if who == "torch" else True  # None: what PyTorch does unasked
    return Training(step_function(who, row), inputs, noise, weights, draw, fused)


# ---- the reference ----

truth = {}


def reference(row, folder):
    truth.clear()
    work = prepare("torch_composed", row, folder, torch.float64)
    truth["value"], truth["gradient"] = work.check()
    return ""


def distance(found, wanted, scale):
    """The largest |found - wanted| / scale; infinite for what is not comparable or not a number."""
    found, wanted = numpy.ravel(found).astype(float), numpy.ravel(wanted)
    if found.shape != wanted.shape:
        return numpy.inf
    worst = (numpy.abs(found - wanted) / scale).max()
    return worst if worst < numpy.inf else numpy.inf


def compare(folder, name):
    """Relative error of the values; error of the gradient by its largest element."""
    value = numpy.ravel(truth["value"])
    path = f"{folder}/{name}.value.npy"
    gradient = numpy.load(f"{folder}/{name}.gradient.npy")
    in_value = distance(numpy.load(path), value, numpy.abs(value)) if value.any() else 0
    return f"{in_value} {distance(gradient, truth['gradient'], numpy.abs(truth['gradient']).max())}"


serve(prepare, {"reference": reference, "compare": compare})
