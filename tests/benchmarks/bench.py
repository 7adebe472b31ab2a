"""Prints what checking costs: CPU per family of a corpus against herd7's figures, start-up, growth.

    python tests/benchmarks/bench.py [--family F]... [--only families|start|growth]... [--engine E] [--corpus DIR]

Times are CPU seconds, user and system, of whole processes, start-up included.  Machines differ: figures that are
compared with herd7's are divided by what one fixed piece of work takes here (``calibrate.py`` beside the corpus).
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from growth import Case, cases

ROOT = Path(__file__).resolve().parent.parent.parent
SHARED = ROOT.parent / "shared"
TIME_LIMIT = 60.0  # seconds a growth test may take
MEMORY_LIMIT = 1024  # MiB a growth test may take
START_LIMIT = 0.15  # CPU seconds for one small file from the shell
FAMILY_LIMIT = 1800.0  # seconds after which a family is given up

# herd7's CPU per test in units of the calibration, and the fraction of it that is asked of us.
HERD7 = {
    "lkmm": (3.54, 1 / 40),
    "x86": (0.366, 1 / 10),
    "aarch64": (2.26, 1 / 25),
    "riscv": (1.03, None),
    "power": (0.389, None),
}

SMALL = """X86 SB
{ x=0; y=0; }
 P0          | P1          ;
 MOV [x],$1  | MOV [y],$1  ;
 MOV EAX,[y] | MOV EAX,[x] ;
exists (0:EAX=0 /\\ 1:EAX=0)
"""


@dataclass(frozen=True, slots=True)
class Measured:
    """One finished process."""

    output: str
    errors: str
    status: int
    cpu: float
    wall: float
    memory: float  # peak resident size, MiB


def measure(arguments: list[str], time_limit: float) -> Measured:
    """Runs ``membar-check`` in a process of its own, killed after ``time_limit`` seconds."""
    command = [sys.executable, "-m", "membar_check", *arguments]
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        start = time.monotonic()
        actions = [(os.POSIX_SPAWN_DUP2, out.fileno(), 1), (os.POSIX_SPAWN_DUP2, err.fileno(), 2)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed package has its bytecode
        process = os.posix_spawn(sys.executable, command, environment, file_actions=actions)
        previous = signal.signal(signal.SIGALRM, lambda *_: os.kill(process, signal.SIGKILL))
        signal.setitimer(signal.ITIMER_REAL, time_limit)
        try:
            _, status, usage = os.wait4(process, 0)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, previous)
        wall = time.monotonic() - start
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode("utf-8", errors="replace"))
    code = os.waitstatus_to_exitcode(status)
    return Measured(texts[0], texts[1], code, usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024)


def calibration(shared: Path) -> float | None:
    """CPU seconds of the fixed piece of work; None without the file that defines it."""
    path = shared / "tools" / "calibrate.py"
    spec = spec_from_file_location("calibrate", path) if path.is_file() else None
    if spec is None or spec.loader is None:
        return None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return float(module.measure())


def bench_families(corpus: Path, wanted: list[str], engine: str, shared: Path) -> None:
    """All tests of a family that herd7 finished, in one process, all states."""
    if not corpus.is_dir():
        print("families: not measured, there is no corpus beside this checkout")
        return
    print("family          tests    CPU s  ms/test calibration herd7 / ours  asked")
    for name, (theirs, fraction) in HERD7.items():
        folder = corpus / name
        if (wanted and name not in wanted) or not (folder / "expected.jsonl").is_file():
            continue
        rows = [json.loads(line) for line in (folder / "expected.jsonl").read_text("utf-8").splitlines()]
        files = [str(folder / row["file"]) for row in rows if "herd7" not in row]
        before = calibration(shared)
        result = measure(["run", "--format", "herd", "--engine", engine, "-q", *files], FAMILY_LIMIT)
        after = calibration(shared)
        unit = None if before is None or after is None else (before + after) / 2
        answered = result.output.count("\nObservation ")
        if answered < 0.9 * len(files):
            print(f"{name:14} {len(files):6} only {answered} answered: {result.errors.strip()[-100:]!r}")
            continue
        each = result.cpu / len(files)
        line = f"{name:14} {len(files):6} {result.cpu:8.2f} {each * 1000:8.2f} "
        if unit is not None:
            line += f"{unit:11.4f} {theirs / (each / unit):12.1f} "
        print(line + (f"{1 / fraction:6.0f}" if fraction else "     -"), flush=True)


def bench_start(folder: Path) -> None:
    """One small file from the shell, after a first run that may fill caches."""
    path = folder / "SB.litmus"
    path.write_text(SMALL, encoding="utf-8")
    runs = [measure(["run", str(path)], TIME_LIMIT) for _ in range(6)]
    best = min(run.cpu for run in runs[1:])
    print(f"one small file: {best:.3f} s of CPU (first run {runs[0].cpu:.3f}), at most {START_LIMIT} asked")


def bench_growth(folder: Path, engine: str) -> None:
    print(f"{'growth test':40} {'CPU s':>8} {'wall s':>8} {'MiB':>7}  answer")
    for case in cases():
        path = folder / "growth.litmus"
        path.write_text(case.text, encoding="utf-8")
        result = measure(
            ["run", str(path), "--format", "json", "--engine", engine, "--model", "lkmm", *case.options], TIME_LIMIT
        )
        print(
            f"{case.name:40} {result.cpu:8.2f} {result.wall:8.2f} {result.memory:7.0f}  {_answer(case, result)}",
            flush=True,
        )


def _answer(case: Case, result: Measured) -> str:
    if result.wall >= TIME_LIMIT:
        return f"NONE after {TIME_LIMIT:g} s"
    try:
        (found,) = json.loads(result.output)["results"]
    except ValueError:
        return f"NONE: {result.errors.strip()[-120:]!r}"
    if "error" in found:
        return f"NONE: {found['error']['message'][:100]}"
    observation = found["observation"] or ("reachable" if found["reached"] else "unreachable")
    states = None if found["states"] is None else len(found["states"])
    problems = []
    if observation != case.observation:
        problems.append(f"WRONG, must be {case.observation}")
    if case.states is not None and states != case.states:
        problems.append(f"WRONG, must have {case.states} states")
    if result.memory > MEMORY_LIMIT:
        problems.append(f"more than {MEMORY_LIMIT} MiB")
    text = observation if states is None else f"{observation}, {states} states"
    return f"{text} ({found['engine']}) {'; '.join(problems)}".rstrip()


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Measure what checking costs.")
    parser.add_argument("--family", action="append", default=[], help="only this family; may be repeated")
    parser.add_argument("--only", action="append", choices=("families", "start", "growth"), default=[])
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--corpus", type=Path, default=SHARED / "corpus")
    parsed = parser.parse_args(arguments)
    parts = parsed.only or ["start", "families", "growth"]
    unit = calibration(SHARED)
    print("calibration: not there" if unit is None else f"calibration: {unit:.4f} s of CPU")
    with tempfile.TemporaryDirectory() as folder:
        if "start" in parts:
            bench_start(Path(folder))
        if "families" in parts:
            bench_families(parsed.corpus, parsed.family, parsed.engine, SHARED)
        if "growth" in parts:
            bench_growth(Path(folder), parsed.engine)
    return 0


if __name__ == "__main__":
    sys.exit(main())
