"""What the peer processes share: the conversation with bench/run.py, as bench/gradus_bench.c has
it, and the files of inputs and results."""

import os
import sys
import time
from pathlib import Path

import numpy


def load(folder, pattern):
    """Arrays of the files 0.npy, 1.npy, ... or p0.weight.npy, ..., in order."""
    number = lambda path: int(path.name.strip("p").partition(".")[0])
    return [numpy.load(path) for path in sorted(Path(folder).glob(pattern), key=number)]


def load_inputs(folder):
    """The inputs; the noise, or None; the initial layers, as pairs of weight and bias."""
    noise, params = load(folder, "7.npy"), load(folder, "p*.weight.npy")
    inputs = load(folder, "[0-6].npy")
    return inputs, noise[0] if noise else None, list(zip(params[::2], params[1::2]))


def save_results(folder, name, value, gradient):
    numpy.save(f"{folder}/{name}.value.npy", numpy.asarray(value))
    numpy.save(f"{folder}/{name}.gradient.npy", numpy.asarray(gradient))


def run(work, times):
    """An eighth more comes first, untimed. Nanoseconds of the rest, and of the processor."""
    work.repeat(times // 8 + 1)
    cpu, start = time.process_time_ns(), time.perf_counter_ns()
    work.repeat(times)
    return f"{time.perf_counter_ns() - start} {time.process_time_ns() - cpu}"


def serve(prepare, others={}):
    """prepare(who, row, folder) gives an object with check(), which returns values and gradient,
    and repeat(times); others are further commands."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer
    works, folders = {}, {}

    def obey(command, words):
        if command == "prepare":
            who, row, folders[who] = words[:3]
            works.pop(who, None)
            works[who] = prepare(who, row, folders[who])
        elif command == "check":
            who, name = words
            save_results(folders[who], name, *works[who].check())
        elif command == "run":
            return run(works[words[0]], int(words[1]))
        elif command == "drop":
            works.clear()
        else:
            return others[command](*words)
        return ""

    for line in sys.stdin:
        command, *words = line.split()
        try:
            answer = f"ok {obey(command, words)}"
        except Exception as error:  # whatever a peer fails with is a result to be shown
            reason = " ".join(str(error).split())[:160]
            answer = f"error {type(error).__name__}: {reason}"
        print(answer, file=answers, flush=True)
