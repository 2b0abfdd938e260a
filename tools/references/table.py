"""The rows of tests/primitives/*.def, which are calls in Python too: their inputs and their values.

A table is parsed, not run: CASE and AT rows give (text, call, inputs). The inputs repeat
tests/primitives/certify.c to the last bit."""

import ast
import math
import re

import numpy as np

MASK = (1 << 64) - 1


def noise(i):
    """Numbers of high entropy in [-2, 2), exact in f32; `noise` of tests/common/check.h."""
    x = (i + 1) * 0x9E3779B97F4A7C15 & MASK
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 & MASK
    x = (x ^ x >> 27) * 0x94D049BB133111EB & MASK
    return (x >> 40) / 2.0**22 - 2


def _array(shape, element, dtype=np.float64):
    return np.array([element(i) for i in range(math.prod(shape))], dtype).reshape(shape)


def _uniform(k, i):
    return (noise(1000003 * (k + 1) + i) + 2) / 4


def _matrices(symmetric):
    def of(*shape):
        n = shape[-1]

        def element(k, i):
            matrix, row, column = i // (n * n), i // n % n, i % n
            if symmetric and column > row:
                row, column = column, row
            u = noise(1000003 * (k + 1) + (matrix * n + row) * n + column)
            return 1.5 + u / 4 if row == column else float(np.float32(0.45 / n * u))

        return lambda k: _array(shape, lambda i: element(k, i))

    return of


def _floats(low, high, *shape):
    return lambda k: _array(shape, lambda i: float(np.float32(low + (high - low) * _uniform(k, i))))


def _integers(low, high, *shape):
    return lambda k: _array(shape, lambda i: low + math.floor((high - low) * _uniform(k, i)), np.int64)


# An input of the table: a function of its place among the inputs.
INPUTS = {
    "F": _floats,
    "SCALAR": _floats,
    "I": _integers,
    "V": lambda *numbers: lambda k: np.array(numbers, np.float64),
    "VI": lambda *numbers: lambda k: np.array(numbers, np.int64),
    "SPD": _matrices(True),
    "DOMINANT": _matrices(False),
}

# What calls and inputs may say beside functions and numbers.
WORDS = {
    "true": True,
    "false": False,
    "INFINITY": math.inf,
    "NAN": math.nan,
    "GR_ALL_AXES": None,
    "GR_SCALAR": (),
    "GR_AXES": lambda *axes: axes,
    "GR_SHAPE": lambda *extents: extents,
    "GR_F32": np.float32,
    "GR_F64": np.float64,
    "GR_I64": np.int64,
}


def rows(path):
    """(kind, name, text, call, inputs) of every row that has a reference value."""
    with open(path) as file:
        source = re.sub(r"/\*.*?\*/", lambda m: re.sub(r"[^\n]", " ", m.group()), file.read(), flags=re.S)
    for statement in ast.parse(source).body:
        row = statement.value
        kind, name = row.func.id, row.args[0].id
        if kind not in ("CASE", "AT"):
            continue
        call = row.args[2 if kind == "CASE" else 1]
        inputs = row.args[3 if kind == "CASE" else 2 :]
        pieces = [ast.get_source_segment(source, node) for node in (call, *inputs)]
        text = re.sub(r"\s", "", pieces[0] + "|" + ",".join(pieces[1:]))
        yield kind, name, text, call, inputs


def evaluate(call, inputs, functions, wrap):
    """The call's value, with `functions` under the names it uses and inputs given by `wrap`."""

    def run(node, names):
        return eval(compile(ast.Expression(node), "table", "eval"), names)

    made = [None if isinstance(node, ast.Name) else run(node, {**WORDS, **INPUTS}) for node in inputs]
    bound = {name: wrap(make(k)) for k, (name, make) in enumerate(zip("xyzw", made)) if make}
    return run(call, {**WORDS, **functions, **bound})
