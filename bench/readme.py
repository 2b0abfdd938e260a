"""Writes the measurements in README.md, between its two marks, from bench/results.jsonl: readme.py"""

import json
import sys
from pathlib import Path

import report
import rows

HERE = Path(__file__).parent
BEGIN, END = "<!-- measured -->\n", "<!-- end of measured -->\n"
LABELS = {"W1": "MLP 2-16-16-1, batch 64", "W2": "MLP 784-64-10, batch 64",
          "W3": "VAE 784-400-20, batch 128", "W4": "PPO, two nets 4-64-64, minibatch 128",
          "W5": "WGAN-GP critic 512 x 3, batch 256, double backward",
          "W6": "CNN 8 and 16 channels 3 x 3, batch 64", "W7": "GRU 8-64, 50 steps, batch 32"}
PEERS = ("torch", "torch_compile", "jax")


def mean_ratio(results, cases, *whos):
    """Geometric mean against the first of whos that a case has."""
    ratios = [next(filter(None, (results.ratio(*case, 1, who) for who in whos)), None)
              for case in cases]
    ratios = [r for r in ratios if r]
    return f"{report.mean(ratios):.1f}" if ratios else ""


def overview(results):
    losses = results.of_group(rows.ELEMENTWISE, rows.VECTORS)
    kinds = (("small", rows.is_small), ("large", lambda size: not rows.is_small(size)))
    body = []
    for name, fits in kinds:
        cases = [c for c in losses if fits(c[1])]
        body.append([f"{len(cases)} losses with gradient, {name}", "",
                     mean_ratio(results, cases, "torch", "torch_composed"),
                     *(mean_ratio(results, cases, who) for who in PEERS[1:])])
    for row, size in results.of_group(rows.STEPS):
        if row in LABELS:
            ratios = (results.ratio(row, size, 1, who) for who in PEERS)
            body.append([f"step of {LABELS[row]}", f"{report.figures(results.us(row, size, 1, 'gradus'))} us",
                         *(f"{r:.1f}" if r else "" for r in ratios)])
    return report.table(["times of Gradus, one thread", "", "PyTorch", "torch.compile", "JAX jit"], body)


def main():
    lines = [json.loads(l) for l in (HERE / "results.jsonl").read_text().splitlines()]
    readme = HERE.parent / "README.md"
    before, mark, rest = readme.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not mark or not end:
        sys.exit(f"readme.py: README.md has no marks {BEGIN.strip()} and {END.strip()}")
    readme.write_text(before + BEGIN + overview(report.Results(lines)).rstrip() + "\n" + END + after)


if __name__ == "__main__":
    main()
