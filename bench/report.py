"""Turns measurements into the text of bench/RESULTS.md."""

import os
import platform
import subprocess
from datetime import date
from math import exp, log, prod
from pathlib import Path
from statistics import median

import rows

TITLES = {"gradus": "Gradus", "torch": "torch", "torch_composed": "torch, composed",
          "torch_fused": "torch, fused Adam", "torch_compile": "torch.compile",
          "jax": "jax.jit", "c_loop": "C loop",
          "gradus_own": "own kernels", "gradus_blis": "BLIS", "limit": "limit"}

LARGE = 262144  # elements from which torch.compile is compared with


def table(head, body):
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *body]
    return "".join("| " + " | ".join(map(str, line)) + " |\n" for line in lines) + "\n"


def figures(x):
    """Three significant ones, without an exponent."""
    return f"{x:.0f}" if x >= 100 else f"{x:.3g}" if x >= 1 else f"{x:.2f}"


def extents(size):
    return " x ".join(f"{n:,}" for n in size)


class Results:
    def __init__(self, lines):
        self.lines = lines
        self.by_key = {(l["row"], tuple(l["size"]), l["threads"], l["who"]): l for l in lines
                       if "peak_bytes" not in l}
        self.cases = list(dict.fromkeys((l["row"], tuple(l["size"])) for l in lines))
        self.threads = sorted({l["threads"] for l in lines})
        self.groups = {row.name: row.group for row in (case.row for case in rows.cases())}

    def us(self, row, size, threads, who, which="median_us"):
        return self.by_key.get((row, size, threads, who), {}).get(which)

    def ratio(self, row, size, threads, who, which="median_us"):
        """How many times longer `who` takes than Gradus."""
        theirs, ours = (self.us(row, size, threads, w, which) for w in (who, "gradus"))
        return theirs / ours if theirs and ours else None

    def of_group(self, *groups):
        return [case for case in self.cases if self.groups[case[0]] in groups]


def cell(results, row, size, threads, who):
    """Median, minimum, ratio to Gradus (to the limit: the share of it that Gradus reaches)."""
    line = results.by_key.get((row, size, threads, who))
    if line is None:
        return ""
    if "error" in line:
        return "--"
    middle = figures(line["median_us"])
    if who == "limit":
        share = results.ratio(row, size, threads, who, "min_us")
        return f"{middle} ({share:.0%})" if share else middle
    ratio = results.ratio(row, size, threads, who)
    least = f"{middle} / {figures(line['min_us'])}"
    return least if who == "gradus" or ratio is None else f"{least} **{ratio:.2f}**"


def group_tables(results, group):
    cases = results.of_group(group)
    if not cases:
        return ""
    whos = [w for w in TITLES if any(l["who"] == w and (l["row"], tuple(l["size"])) in cases
                                     for l in results.by_key.values())]
    text = f"## {group}\n\n"
    for t in results.threads:
        head = [f"{t} thread{'s' * (t > 1)}", "size", *(TITLES[w] for w in whos)]
        text += table(head, [[row, extents(size), *(cell(results, row, size, t, w) for w in whos)]
                             for row, size in cases])
    return text


# ---- summary ----

def mean(ratios):
    return exp(sum(map(log, ratios)) / len(ratios))


def against(results, label, cases, threads, *whos):
    """One line: mean and worst ratio against the first of whos that a case has."""
    ratios, minima = [], []
    for row, size in cases:
        who = next((w for w in whos if results.ratio(row, size, threads, w)), None)
        if who:
            ratios.append((results.ratio(row, size, threads, who), row, size))
            minima.append(results.ratio(row, size, threads, who, "min_us"))
    if not ratios:
        return []
    worst, row, size = min(ratios)
    return [[label, threads, len(ratios), f"{mean([r[0] for r in ratios]):.2f}",
             f"{mean(minima):.2f}", f"{worst:.2f}", f"{row} {extents(size)}"]]


def ratios_table(results):
    losses = [c for c in results.of_group(rows.ELEMENTWISE, rows.VECTORS)]
    small = [c for c in losses if rows.is_small(c[1])]
    large = [c for c in losses if not rows.is_small(c[1])]
    huge = [c for c in losses if prod(c[1]) >= LARGE]
    steps = results.of_group(rows.STEPS)
    body = []
    for t in results.threads:
        for label, cases in (("small losses", small), ("large losses", large)):
            body += against(results, f"{label}, PyTorch's own (else composed)", cases, t, "torch",
                            "torch_composed")
            body += against(results, f"{label}, composed in PyTorch", cases, t, "torch_composed")
            body += against(results, f"{label}, jax.jit", cases, t, "jax")
        body += against(results, f"losses from {LARGE:,}, torch.compile", huge, t, "torch_compile")
        for who in ("torch", "torch_fused", "torch_compile", "jax"):
            body += against(results, f"training steps, {TITLES[who]}", steps, t, who)
        body += against(results, "products, torch", results.of_group(rows.PRODUCTS), t, "torch")
    if not body:
        return ""
    return ("Times of a peer over times of Gradus: above 1, Gradus is faster.\n\n" +
            table(["against", "threads", "rows", "geometric mean", "of minima", "worst",
                   "where"], body))


def loops_table(results):
    body = []
    for row in rows.LOOPS:
        size = (rows.LARGEST,)
        for t in results.threads:
            ours, loop, limit = (results.us(row, size, t, w, "min_us")
                                 for w in ("gradus", "c_loop", "limit"))
            if ours and loop and limit:
                body.append([row, t, figures(ours), figures(loop), f"{loop / ours:.0%}",
                             f"{limit / ours:.0%}", f"{limit / loop:.0%}"])
    return table([f"{rows.LARGEST:,} elements, minima", "threads", "Gradus", "C loop",
                  "C loop over Gradus", "of the bandwidth, Gradus", "C loop"],
                 body) if body else ""


def products_table(results, flops):
    body = []
    for row, size in results.of_group(rows.PRODUCTS):
        line = [row, extents(size)]
        for t in results.threads:
            for who in ("gradus_own", "gradus_blis", "torch"):
                us = results.us(row, size, t, who, "min_us")
                rate = 2 * prod(size) / us * 1e-3 if us else None
                line.append(f"{rate:.0f} ({rate * 1e9 / flops[t]:.0%})" if us else "")
        body += [line] if any(line[2:]) else []
    head = [f"{who}, {t}" for t in results.threads for who in ("own", "BLIS", "torch")]
    title = "GFLOP/s by the minimum, and the share of the peak; threads behind the comma.\n\n"
    return title + table(["product", "m x n x k", *head], body) if body else ""


def quotient(results, label, above, below):
    """A line for the quotient of two (row, size, threads) of Gradus."""
    a, b = (results.us(*key, "gradus") for key in (above, below))
    return [[label, f"{a / b:.2f}"]] if a and b else []


def quotients_table(results):
    body = []
    for t in results.threads:
        body += quotient(results, f"W5 with over without penalty, {t} thread{'s' * (t > 1)}",
                         ("W5", (256,), t), ("W5_plain", (256,), t))
    scaled = [("W3", (128,)), ("W5", (256,))]
    scaled += [c for c in results.of_group(rows.ELEMENTWISE) if prod(c[1]) >= rows.LARGEST]
    for row, size in scaled:
        body += quotient(results, f"{row} {extents(size)}: one thread over two", (row, size, 1),
                         (row, size, 2))
    for name, label in (("node_build", "build a node"), ("node_eval", "build and compute a node")):
        us = results.us(name, (1000,), 1, "gradus")
        body += [[f"{label}, ns", figures(us)]] if us else []
    return table(["Gradus by itself", ""], body) if body else ""


def memory_table(results):
    """Peaks beyond inputs and gradient, in bytes and in arrays of the gradient's size."""
    body = []
    for line in results.lines:
        if "peak_bytes" in line:
            gradient = 4 * prod(line["size"])
            beyond = line["peak_bytes"] - gradient
            body.append([line["row"], extents(line["size"]), line["threads"], f"{beyond:,}",
                         f"{beyond / gradient:.2f}"])
    return table(["peak memory", "size", "threads", "bytes", "arrays"], body) if body else ""


def failures(results):
    found = [f"- {l['row']} {extents(l['size'])}, {l['threads']} thread{'s' * (l['threads'] > 1)}, "
             f"{TITLES[l['who']]}: {l['error']}\n" for l in results.lines
             if "error" in l and "no such function" not in l["error"]]
    without = sorted({l["row"] for l in results.lines if "no such function" in l.get("error", "")})
    text = "".join(found)
    if without:
        text += f"- PyTorch has no function of its own for {', '.join(without)}.\n"
    return f"## Not measured (-- in the tables)\n\n{text}\n" if text else ""


# ---- the machine ----

def cpu():
    facts = {}
    if os.path.exists("/proc/cpuinfo"):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            name, _, value = line.partition(":")
            facts.setdefault(name.strip(), value.strip())
    flags = facts.get("flags", "").split()
    told = [f for f in ("avx2", "fma", "avx512f", "avx512_bf16") if f in flags]
    which = f"family {facts['cpu family']}, model {facts['model']}" if "cpu family" in facts else ""
    return ", ".join(filter(None, [facts.get("model name", platform.processor()), which,
                                   " ".join(told), f"{os.cpu_count()} cores"]))


def commit():
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def versions(peers):
    found = [p.name.split("-")[:2] for name in ("torch", "jax", "jaxlib", "numpy")
             for p in Path(peers).glob(f"lib/python*/site-packages/{name}-*.dist-info")]
    return ", ".join(f"{name} {version.removesuffix('.dist')}" for name, version in found)


def head(options, limits):
    facts = [("CPU", cpu()), ("system", f"{platform.system()} {platform.release()}"),
             ("compiler", options.compiler), ("commit", commit()), ("date", date.today())]
    if options.peers:
        facts.insert(3, ("peers", f"{versions(options.peers)}, Python {platform.python_version()}"))
    for t, flops in sorted(limits.flops.items()):
        facts.append((f"peak, {t} thread{'s' * (t > 1)}", f"{flops * 1e-9:.0f} GFLOP/s (fma, f32)"))
    for (t, moved), bandwidth in sorted(limits.bandwidth.items()):
        if moved == 12 * rows.LARGEST:
            facts.append((f"bandwidth, {t} thread{'s' * (t > 1)}",
                          f"{bandwidth * 1e-9:.0f} GB/s over {moved / 1e6:.0f} MB"))
    return "# Measurements\n\nWritten by `make bench`.\n\n" + table(
        ["what", "with"], [[a, b] for a, b in facts])


METHOD = """Times are microseconds: median / minimum of the rounds of one interleaved run. The limit
is what the machine needs at least, the larger of the bytes that must move over the bandwidth
measured for that many bytes, and of the operations over the measured peak; in parentheses the share
of it that Gradus reaches, by its minimum. Losses: value and gradient by the prediction, f32. Steps:
forward, backward, Adam; products: values.

"""

PEERS_METHOD = """In bold, the median over that of Gradus: above 1, Gradus is faster. Before they
are timed, all values agree with the formula in float64 to 1e-5, all gradients to 1e-5 of their
largest element. PyTorch eager with its default Adam and with the fused one, compiled with the latter;
on two threads with the best of its default, GOMP_SPINCOUNT=1000, and threads bound to cores, which
Gradus has; JAX with donated buffers. What is compiled is compiled for the shape, untimed.

"""


def text(lines, options, limits):
    results = Results(lines)
    groups = (rows.ELEMENTWISE, rows.VECTORS, rows.STEPS, rows.PRODUCTS, rows.NODES)
    summary = (ratios_table(results) + quotients_table(results) + loops_table(results) +
               products_table(results, limits.flops) + memory_table(results))
    return (head(options, limits) + METHOD + (PEERS_METHOD if options.peers else "") +
            "".join(group_tables(results, g) for g in groups) +
            (f"## Summary\n\n{summary}" if summary else "") + failures(results)).rstrip() + "\n"
