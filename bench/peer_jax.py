"""peer_jax.py: JAX for bench/run.py, which sets the number of threads in the environment. One
compiled function a step, with donated weights and moments in training."""

from functools import partial
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy

import formulas
from peer import load_inputs, serve

jax.config.update("jax_enable_x64", False)

def convolve(x, w, b):
    y = jax.lax.conv_general_dilated(x, w, (1, 1), "SAME")
    return y + b[:, None, None]


def largest_of_four(x):
    return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")


def gru(x, w_in, w_state, b_in, b_state):
    gates = x @ w_in.T + b_in

    def step(h, now):
        r, z, n = jnp.split(now, 3, axis=1)
        own_r, own_z, own_n = jnp.split(h @ w_state.T + b_state, 3, axis=1)
        r, z = jax.nn.sigmoid(r + own_r), jax.nn.sigmoid(z + own_z)
        return (1 - z) * jnp.tanh(n + r * own_n) + z * h, None

    start = jnp.zeros((len(x), w_state.shape[1]), x.dtype)
    return jax.lax.scan(step, start, gates.transpose(1, 0, 2))[0]


M = SimpleNamespace(
    abs=jnp.abs, clip=jnp.clip, convolve=convolve, diagonal=jnp.diagonal,
    exp=jnp.exp, gru=gru, largest_of_four=largest_of_four,
    linear=lambda x, w, b: x @ w.T + b, log=jnp.log,
    log_softmax=lambda x: jax.nn.log_softmax(x, axis=1),
    logsumexp=lambda x: jax.nn.logsumexp(x, axis=1), maximum=jnp.maximum, minimum=jnp.minimum,
    pick=lambda x, label: jnp.take_along_axis(x, label[:, None], axis=1)[:, 0], relu=jax.nn.relu,
    sigmoid=jax.nn.sigmoid, slope=lambda f, x: jax.grad(f)(x), softplus=jax.nn.softplus,
    sqrt=jnp.sqrt, tanh=jnp.tanh, where=jnp.where)
M.losses = {name: partial(formula, M) for name, formula in formulas.LOSSES.items()}


class Loss:
    def __init__(self, function, inputs):
        self.step, self.inputs = jax.jit(jax.value_and_grad(function)), inputs

    def check(self):
        return self.step(*self.inputs)

    def repeat(self, times):
        for _ in range(times):
            jax.block_until_ready(self.step(*self.inputs))


def adam(layers, gradient, state, lr):
    first, second, t = state
    t = t + 1
    mix = lambda beta, new: lambda old, g: beta * old + (1 - beta) * new(g)
    first = jax.tree.map(mix(formulas.BETA1, lambda g: g), first, gradient)
    second = jax.tree.map(mix(formulas.BETA2, jnp.square), second, gradient)
    part1, part2 = (-jnp.expm1(t * numpy.log(b)) for b in (formulas.BETA1, formulas.BETA2))
    move = lambda p, m, v: p - lr * (m / part1) / (jnp.sqrt(v / part2) + formulas.ADAM_EPS)
    return jax.tree.map(move, layers, first, second), (first, second, t)


class Training:
    def __init__(self, function, inputs, noise, layers, draw):
        zeros = jax.tree.map(jnp.zeros_like, layers)
        self.layers, self.inputs, self.noise = layers, inputs, noise
        self.state = (zeros, jax.tree.map(jnp.zeros_like, layers), jnp.float32(0))
        self.key = jax.random.key(1)

        def given(layers, state, inputs, noise, lr):
            loss, gradient = jax.value_and_grad(function)(layers, inputs, noise)
            return *adam(layers, gradient, state, lr), loss

        def drawn(layers, state, key, inputs):
            noise = None
            if self.noise is not None:
                key, now = jax.random.split(key)
                noise = draw(now, self.noise.shape)
            layers, state, loss = given(layers, state, inputs, noise, formulas.TIMED_LR)
            return layers, state, key, loss

        self.gradient = jax.jit(jax.grad(function))
        self.given, self.drawn = jax.jit(given), jax.jit(drawn, donate_argnums=(0, 1, 2))

    def check(self):
        gradient = self.gradient(self.layers, self.inputs, self.noise)
        losses = []
        for _ in range(formulas.CHECKED_STEPS):
            self.layers, self.state, loss = self.given(self.layers, self.state, self.inputs,
                                                       self.noise, formulas.CHECKED_LR)
            losses.append(float(loss))
        return losses, jnp.concatenate([g.ravel() for g in jax.tree.leaves(gradient)])

    def repeat(self, times):
        for _ in range(times):
            self.layers, self.state, self.key, _ = self.drawn(self.layers, self.state, self.key,
                                                              self.inputs)
        jax.block_until_ready(self.layers)


def device(array):
    return jnp.asarray(array.astype(numpy.int32) if array.dtype == numpy.int64 else array)


def prepare(who, row, folder):
    jax.clear_caches()
    inputs, noise, weights = load_inputs(folder)
    inputs = [device(array) for array in inputs]
    if row in formulas.LOSSES:
        # Inputs that the formula does not take are there for other rows.
        return Loss(M.losses[row], inputs)
    draw = jax.random.uniform if row in formulas.UNIFORM_NOISE else jax.random.normal
    layers = [tuple(device(p) for p in layer) for layer in weights]
    noise = None if noise is None else device(noise)
    return Training(partial(formulas.STEPS[row], M), inputs, noise, layers, draw)


serve(prepare)
