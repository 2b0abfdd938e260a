"""python3 tools/references [FAMILY...]: writes tests/primitives/references/FAMILY.safetensors, the
float64 values that the rows of tests/primitives/FAMILY.def should have, from what FAMILY.py says the
functions are: PyTorch, SciPy, mpmath or NumPy."""

import importlib
import json
import pathlib
import struct
import sys

import numpy as np
import torch

import table

HERE = pathlib.Path(__file__).parent
TABLES = HERE.parent.parent / "tests" / "primitives"


def functions_of(family):
    module = importlib.import_module(family)
    return {name: value for name, value in vars(module).items() if not name.startswith("__")}


def as_array(value):
    if isinstance(value, torch.Tensor):
        value = value.detach().numpy()
    value = np.asarray(value)
    whole = value.dtype.kind in "iu"
    return np.ascontiguousarray(value, "<i8" if whole else "<f8").reshape(value.shape)


def write(path, entries):
    header, data = {}, b""
    for text, value in entries.items():
        header[text] = {
            "dtype": "I64" if value.dtype.kind == "i" else "F64",
            "shape": list(value.shape),
            "data_offsets": [len(data), len(data) + value.nbytes],
        }
        data += value.tobytes()
    encoded = json.dumps(header, separators=(",", ":")).encode()
    encoded += b" " * (-len(encoded) % 8)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(struct.pack("<Q", len(encoded)) + encoded + data)


def main(families):
    torch.set_default_dtype(torch.float64)
    for family in families or sorted(path.stem for path in TABLES.glob("*.def")):
        functions = functions_of(family)
        wrap = functions.get("wrap", torch.from_numpy)
        entries = {}
        for _, _, text, call, inputs in table.rows(TABLES / f"{family}.def"):
            try:
                with np.errstate(all="ignore"):
                    entries[text] = as_array(table.evaluate(call, inputs, functions, wrap))
            except Exception as error:
                raise SystemExit(f"{family}: {text}: {error!r}")
        write(TABLES / "references" / f"{family}.safetensors", entries)
        print(f"{family}: {len(entries)} values")


main(sys.argv[1:])
