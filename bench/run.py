"""Measures Gradus, beside PyTorch and JAX when they are there, and reports. Standard library only.

Each contender is a process of its own for each number of threads, asleep on its pipe unless it is
asked. A case (a row at one size) is prepared by all, then checked, then timed in rounds: in each
round every contender runs one short batch, so that whatever else the machine does meets all of them
alike. No time decides anything."""

import argparse
import json
import os
import selectors
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from math import inf
from pathlib import Path
from statistics import median

import report
import rows

HERE = Path(__file__).parent
THREADS = [t for t in (1, 2) if t <= os.cpu_count()]
PATIENCE = 600      # seconds for one answer; torch.compile may call the compiler several times
TOLERANCE = 1e-5
REST = 0.004        # seconds in which the threads of the one before go to sleep

PROCESS = {"gradus": "gradus", "c_loop": "gradus", "gradus_own": "own", "gradus_blis": "blis",
           "torch": "torch", "torch_composed": "torch", "torch_compile": "torch",
           "torch_fused": "torch", "jax": "jax"}

# How two threads wait for each other. Bound to a core each they cannot meet on one, where Linux puts
# them after a sleep; Gradus runs so. A process of PyTorch for each, of which the best one counts:
# where nothing else runs, threads that spin are faster, where cores are shared those that sleep soon.
BOUND = {"OMP_PROC_BIND": "true", "GOMP_SPINCOUNT": "100000"}
WAITS = {"torch": {}, "torch_sleepy": {"GOMP_SPINCOUNT": "1000"}, "torch_bound": BOUND}


class Failure(Exception):
    pass


class Process:
    """A contender's process, started when it is first asked, and again after it has died."""

    def __init__(self, command, environment, log):
        self.command, self.environment, self.log = command, environment, log
        self.process = None

    def start(self):
        self.process = subprocess.Popen(
            self.command, env=self.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=self.log)
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.process.stdout, selectors.EVENT_READ)

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.communicate()
            self.process = None

    def drop(self):
        """Frees what a peer holds."""
        if self.process:
            self.ask("drop")

    def ask(self, *words):
        """The words of the answer. One line is written and one read at a time, so that nothing
        waits in a buffer where the selector does not see it."""
        if not self.process:
            self.start()
        try:
            self.process.stdin.write((" ".join(map(str, words)) + "\n").encode())
            self.process.stdin.flush()
            ready = self.selector.select(PATIENCE)
            line = self.process.stdout.readline().decode() if ready else ""
        except BrokenPipeError:
            line = ""
        if not line:
            self.stop()
            raise Failure(f"its process ended, or was silent for {PATIENCE} s")
        status, *answer = line.split()
        if status != "ok":
            raise Failure(" ".join(answer))
        return answer


def environment(threads, **more):
    kept = {k: v for k, v in os.environ.items() if k not in (*BOUND, "GRADUS_GEMM")}
    return {**kept, "OMP_NUM_THREADS": str(threads), **more}


def processes(program, peers, log):
    """By name and number of threads."""
    def gradus(threads, **more):
        waits = BOUND if threads > 1 else {}
        return Process([program, str(threads)], environment(threads, **waits, **more), log)

    found = {}
    for t in THREADS:
        found["gradus", t] = gradus(t)
        found["own", t] = gradus(t, GRADUS_GEMM="own")
        found["blis", t] = gradus(t, GRADUS_GEMM="blis")
        if peers:
            peers = Path(peers).resolve()
            python = peers / "bin/python"
            for name, waits in WAITS.items() if t > 1 else [("torch", {})]:
                found[name, t] = Process(
                    [python, HERE / "peer_torch.py", str(t)],
                    environment(t, TORCHINDUCTOR_CACHE_DIR=f"{peers}/compiled", **waits), log)
            one = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
            found["jax", t] = Process(
                [python, HERE / "peer_jax.py"],
                environment(t, NPROC=str(t), JAX_PLATFORMS="cpu", XLA_FLAGS=one if t == 1 else ""),
                log)
    return found


class Contender:
    def __init__(self, who, name, threads, process):
        self.who, self.name, self.threads, self.process = who, name, threads, process
        self.seconds, self.error, self.peak, self.steps = [], None, None, 1

    def attempt(self, action, *arguments):
        """Does it unless something has failed before; remembers why it fails."""
        if self.error is None:
            try:
                action(self, *arguments)
            except Failure as failure:
                self.error = str(failure)

    def prepare(self, case, folder):
        self.process.ask("prepare", self.who, case.row.name, folder, *case.size)

    def file(self):
        return f"{self.who}-{self.name}-{self.threads}"

    def compute(self):
        """Writes value and gradient; what is compiled is compiled now."""
        self.process.ask("check", self.who, self.file())

    def compare(self, folder, truth):
        value, gradient = map(float, truth.ask("compare", folder, self.file()))
        if not (value <= TOLERANCE and gradient <= TOLERANCE):
            raise Failure(f"wrong by {value:.1e} in the value, {gradient:.1e} in the gradient")

    def run(self, steps):
        return int(self.process.ask("run", self.who, steps)[0]) * 1e-9 / steps

    def calibrate(self, batch):
        """As many steps as take about `batch` seconds."""
        seconds = self.run(1)
        while seconds * self.steps < batch / 4 and self.steps < 1 << 20:
            self.steps *= 4
            seconds = self.run(self.steps)
        self.steps = max(1, round(batch / seconds))

    def time(self):
        time.sleep(REST)
        self.seconds.append(self.run(self.steps))

    def middle(self):
        return median(self.seconds) if self.error is None else inf

    def weigh(self):
        self.peak = int(self.process.ask("memory")[0])


def weighs_memory(case, contender):
    """Whether its peak memory is asked for: Gradus on one thread, each loss at its largest size."""
    return (contender.who == "gradus" and contender.threads == THREADS[0] and
            case.row.group in (rows.ELEMENTWISE, rows.VECTORS) and case.size == case.row.sizes[-1])


def contenders_of(case, found):
    for t in THREADS:
        for who in case.row.who:
            for name in WAITS if PROCESS[who] == "torch" else [PROCESS[who]]:
                if (name, t) in found:
                    yield Contender(who, name, t, found[name, t])


def prepare_all(case, contenders, folder):
    """The first contender writes the inputs of the others, whose processes then work side by
    side."""
    def get_ready(group):
        for c in group:
            c.attempt(Contender.prepare, case, folder)
            c.attempt(Contender.compute)

    groups = {}
    for c in contenders:
        groups.setdefault(c.process, []).append(c)
    first, *others = groups.values()
    get_ready(first)
    with ThreadPoolExecutor() as pool:
        list(pool.map(get_ready, others))


def check_all(case, contenders, folder, truth):
    contenders[0].attempt(lambda _: truth.ask("reference", case.row.name, folder))
    for c in contenders:
        c.attempt(Contender.compare, folder, truth)


def time_rounds(contenders, pace):
    start = time.monotonic()
    for i in range(pace.rounds):
        first = i % len(contenders)
        for c in contenders[first:] + contenders[:first]:
            c.attempt(Contender.time)
        if time.monotonic() - start > pace.patience and i >= 4:
            return


def measure(case, found, pace, checked):
    """One contender for each who and number of threads, the faster where there are two."""
    contenders = list(contenders_of(case, found))
    truth = found["torch", 1] if checked and case.row.name != "node_build" else None
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    folder = tempfile.mkdtemp(prefix="gradus-bench-", dir=memory) if checked else "-"
    try:
        prepare_all(case, contenders, folder)
        if truth:
            check_all(case, contenders, folder, truth)
        for c in contenders:
            c.attempt(Contender.calibrate, pace.batch)
        time_rounds(contenders, pace)
        for c in contenders:
            if weighs_memory(case, c):
                c.attempt(Contender.weigh)
        for process in {c.process for c in contenders if c.name not in ("gradus", "own", "blis")}:
            process.drop()
    finally:
        if checked:
            shutil.rmtree(folder)
    best = {}
    for c in sorted(contenders, key=Contender.middle):
        best.setdefault((c.who, c.threads), c)
    return [c for c in contenders if c in best.values()]


class Limits:
    """What the machine can do, the most that was seen the first few times: bytes a second by
    threads and number of bytes, float operations a second by threads."""

    def __init__(self, found, times):
        self.found, self.times = found, times
        self.bandwidth, self.flops, self.asked = {}, {}, Counter()

    def ask(self, known, key, *question):
        self.asked[key, question] += 1
        if self.asked[key, question] <= self.times:
            threads = key if known is self.flops else key[0]
            seen = float(self.found["gradus", threads].ask(*question)[0])
            known[key] = max(seen, known.get(key, 0))

    def measure(self, case):
        moved, operations = case.row.least(case.size)
        for t in THREADS:
            if moved:
                self.ask(self.bandwidth, (t, moved), "bandwidth", moved)
            if operations:
                self.ask(self.flops, t, "flops")

    def seconds(self, case, threads):
        moved, operations = case.row.least(case.size)
        by_flops = operations / self.flops[threads] if operations else 0
        return max(moved / self.bandwidth[threads, moved], by_flops) if moved else None


def line(case, who, threads, **more):
    """A line of bench/results.jsonl."""
    return {"row": case.row.name, "size": list(case.size), "threads": threads, "who": who, **more}


def times(seconds):
    return {"median_us": median(seconds) * 1e6, "min_us": min(seconds) * 1e6}


def lines_of(case, contenders, limits):
    for c in contenders:
        result = times(c.seconds) if c.error is None else {"error": c.error}
        yield line(case, c.who, c.threads, **result)
        if c.peak is not None:
            yield line(case, c.who, c.threads, peak_bytes=c.peak)
    for t in THREADS:
        least = limits.seconds(case, t)
        if least:
            yield line(case, "limit", t, **times([least]))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("program", help="gradus-bench")
    parser.add_argument("--peers", help="the Python environment of the peers; none: Gradus alone")
    parser.add_argument("--only", help="one row, or those whose names start so; writes no file")
    parser.add_argument("--compiler", default="unknown", help="to be named in the report")
    # A batch takes about `batch` seconds; a case ends after `rounds`, or after five and `patience`
    # seconds; limits are measured `times` times.
    parser.set_defaults(batch=0.012, rounds=11, patience=8, times=10)
    options = parser.parse_args()
    if not options.peers:
        vars(options).update(batch=0.002, rounds=5, patience=0, times=1)
    return options


def run(cases, found, limits, options):
    """Contenders of each case."""
    measured, start = [], time.monotonic()
    for i, case in enumerate(cases):
        if sys.stderr.isatty():
            print(f"\r\033[K{i + 1}/{len(cases)} {case.row.name} {case.size}", end="",
                  file=sys.stderr, flush=True)
        measured.append((case, measure(case, found, options, bool(options.peers))))
        limits.measure(case)
    minutes = (time.monotonic() - start) / 60
    clear = "\r\033[K" if sys.stderr.isatty() else ""
    print(f"{clear}{len(cases)} cases in {minutes:.1f} minutes", file=sys.stderr)
    return measured


def main():
    options = arguments()
    cases = rows.cases(options.only)
    if not cases:
        sys.exit(f"bench: no row is called {options.only}")
    log = open(f"{options.peers}/log", "w") if options.peers else subprocess.DEVNULL
    found = processes(options.program, options.peers, log)
    limits = Limits(found, options.times)
    try:
        measured = run(cases, found, limits, options)
    finally:
        for process in found.values():
            process.stop()

    lines = [l for case, contenders in measured for l in lines_of(case, contenders, limits)]
    text = report.text(lines, options, limits)
    print(text, end="")
    if options.peers and not options.only:
        (HERE / "RESULTS.md").write_text(text)
        (HERE / "results.jsonl").write_text("".join(json.dumps(l) + "\n" for l in lines))
    ours = [l for l in lines if PROCESS.get(l["who"]) in ("gradus", "own", "blis")]
    return any("error" in l for l in ours)


sys.exit(main())
