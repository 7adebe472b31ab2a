"""Compares the checker's answers with recorded answers of herd7, family by family, and prints every difference.

    python tests/corpus/compare.py [--family F]... [--limit N] [--model M] [--engine E] [--jobs N] [--corpus DIR]

A corpus is a folder with one folder a family; a family has ``expected.jsonl``, one test a line: ``file`` (the key: test
names repeat), ``verdict``, ``states``, ``positive``, ``negative``, ``flags``, ``observation``, ``hash``, ``condition``.
Lines with ``herd7`` have no answer to compare with; those tests only have to finish.

Exit status 0: no difference, or there is no corpus; 1: differences; 2: bad usage.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from membar_check.diagnostics import Inconclusive, InputError, MembarError
from membar_check.engine.api import CheckOptions, check_file
from membar_check.expectations import flags_of
from membar_check.report.herd_log import state_line
from membar_check.verdict import Verdict

ROOT = Path(__file__).resolve().parent.parent.parent
CORPUS = ROOT.parent / "shared" / "corpus"
TIME_LIMIT = 60  # seconds a test


@dataclass(frozen=True, slots=True)
class Family:
    """``model`` None: the default of the tests' dialect; ``variants`` those with which the answers were made."""

    model: str | None = None
    variants: tuple[str, ...] = ()


FAMILIES = {
    "lkmm": Family("lkmm"),
    "x86": Family(),
    "aarch64": Family(),
    "aarch64-mixed": Family(variants=("mixed",)),
    "riscv": Family(),
    "power": Family(),
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """One test: ``kind`` "same", "finished" (nothing recorded to compare with), "differs", "time-out", "error";
    ``detail`` what differs or went wrong; ``secondary`` whether hash and condition text are the recorded ones."""

    file: str
    kind: str
    detail: str = ""
    secondary: tuple[tuple[str, bool], ...] = ()


@dataclass(slots=True)
class Report:
    family: str
    outcomes: list[Outcome] = field(default_factory=list)
    cpu: float = 0.0

    def totals(self) -> str:
        kinds = Counter(outcome.kind for outcome in self.outcomes)
        compared = sum(kinds[kind] for kind in ("same", "differs", "time-out", "error"))
        share = 100 * kinds["same"] / compared if compared else 100.0
        parts = [f"{self.family}: {kinds['same']} of {compared} the same ({share:.2f}%)"]
        parts += [f"{count} {kind}" for kind, count in sorted(kinds.items()) if kind not in ("same", "finished")]
        if kinds["finished"]:
            parts.append(f"{kinds['finished']} finished where herd7 did not")
        for name in ("hash", "condition"):
            values = [dict(outcome.secondary)[name] for outcome in self.outcomes if name in dict(outcome.secondary)]
            parts.append(f"{name} {sum(values)}/{len(values)}")
        parts.append(f"{self.cpu:.2f} s of CPU")
        return ", ".join(parts)


class _Late(BaseException):
    """The time limit of one test has passed."""


def limited(seconds: int, work: Callable[[], Verdict]) -> Verdict:
    """The result of ``work``.  Raises _Late after so many seconds."""

    def ring(number: int, frame: FrameType | None) -> None:
        raise _Late

    signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        return work()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def compare(row: dict[str, Any], verdict: Verdict) -> Outcome:
    """The first thing that differs between a recorded answer and ours."""
    found = {
        "verdict": verdict.word,
        "states": [state_line(state) for state in verdict.states or ()],
        "observation": verdict.observation.value,
        "positive": verdict.positive,
        "negative": verdict.negative,
        "flags": list(flags_of(verdict)),
    }
    secondary = tuple(
        (name, row[name] == value)
        for name, value in (("hash", verdict.hash), ("condition", verdict.condition_text))
        if row.get(name)
    )
    details = []
    for name, value in found.items():
        if name == "flags":
            value, wanted = sorted(value), sorted(row.get("flags", []))
        elif name in row:
            wanted = row[name]
        else:
            continue
        if value == wanted:
            continue
        if name == "states":
            details.append(_state_difference(value, wanted))
        elif name not in ("positive", "negative") or row["positive"] is not None:
            details.append(f"{name} {value}, herd7 {wanted}")
    return Outcome(row["file"], "differs" if details else "same", "; ".join(details), secondary)


def _state_difference(ours: list[str], theirs: list[str]) -> str:
    extra = [state for state in ours if state not in theirs]
    missing = [state for state in theirs if state not in ours]
    if not extra and not missing:
        return "the same states in another order"
    kinds = (("extra", extra), ("missing", missing))
    return " and ".join(f"{len(states)} {word} states such as `{states[0]}`" for word, states in kinds if states)


def check_one(folder: Path, row: dict[str, Any], options: CheckOptions) -> Outcome:
    """Checks one recorded test and compares."""
    file = row["file"]
    try:
        verdict = limited(TIME_LIMIT, lambda: check_file(str(folder / file), options))
    except _Late:
        return Outcome(file, "time-out", f"more than {TIME_LIMIT} s")
    except Inconclusive as error:
        return Outcome(file, "time-out", error.message)
    except MembarError as error:
        return Outcome(file, "error", error.render().replace("\n", " | "))
    except Exception as error:
        return Outcome(file, "error", f"fault: {type(error).__name__}: {error}")
    if "herd7" in row:
        return Outcome(file, "finished")
    return compare(row, verdict)


def read_rows(folder: Path, limit: int | None) -> list[dict[str, Any]]:
    with (folder / "expected.jsonl").open(encoding="utf-8") as handle:
        rows = [json.loads(line) for line in handle if line.strip()]
    if limit is None or limit >= len(rows):
        return rows
    step = len(rows) / limit  # spread over the family: its tests are sorted by kind
    return [rows[int(index * step)] for index in range(limit)]


def check_rows(task: tuple[Path, list[dict[str, Any]], CheckOptions]) -> tuple[list[Outcome], float]:
    folder, rows, options = task
    start = time.process_time()
    outcomes = [check_one(folder, row, options) for row in rows]
    return outcomes, time.process_time() - start


def run_family(name: str, folder: Path, arguments: argparse.Namespace) -> Report:
    family = FAMILIES.get(name, Family())
    options = CheckOptions(model=arguments.model or family.model, engine=arguments.engine, variants=family.variants)
    rows = [row for row in read_rows(folder, arguments.limit) if not arguments.file or row["file"] in arguments.file]
    report = Report(name)
    shares = [rows[index :: arguments.jobs] for index in range(arguments.jobs)]
    tasks = [(folder, share, options) for share in shares if share]
    if len(tasks) <= 1:
        parts = [check_rows(task) for task in tasks]
    else:
        with multiprocessing.get_context("fork").Pool(len(tasks)) as pool:
            parts = pool.map(check_rows, tasks, chunksize=1)
    found = {outcome.file: outcome for outcomes, _ in parts for outcome in outcomes}
    report.outcomes = [found[row["file"]] for row in rows]
    report.cpu = sum(cpu for _, cpu in parts)
    return report


def reports(corpus: Path, arguments: argparse.Namespace) -> Iterator[Report]:
    for folder in sorted(corpus.iterdir()):
        wanted = folder.name in arguments.family if arguments.family else folder.name in FAMILIES
        if not wanted or not (folder / "expected.jsonl").is_file():
            continue
        if not arguments.family and not _loadable(folder, arguments):
            print(f"{folder.name}: left out, its dialect or model is not there yet")
            continue
        yield run_family(folder.name, folder, arguments)


def _loadable(folder: Path, arguments: argparse.Namespace) -> bool:
    """Whether the checker knows the family's dialect and has a model for it: its first test gets further than that."""
    row = read_rows(folder, None)[0]
    family = FAMILIES[folder.name]
    try:
        options = CheckOptions(model=arguments.model or family.model, variants=family.variants)
        check_file(str(folder / row["file"]), options)
    except InputError as error:
        print(f"{folder.name}: {error.render()}")
        return False
    except Exception:
        return True
    return True


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Compare with recorded answers of herd7.")
    parser.add_argument("--corpus", type=Path, default=CORPUS, help="default: the shared corpus beside the checkout")
    parser.add_argument("--family", action="append", default=[], help="only this family; may be repeated")
    parser.add_argument("--file", action="append", default=[], help="only this file of the family; may be repeated")
    parser.add_argument("--limit", type=int, help="about so many tests of each family")
    parser.add_argument("--model", help="instead of the family's model")
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--jobs", "-j", type=int, default=1)
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    parsed = parse(arguments)
    if not parsed.corpus.is_dir():
        print("corpus: not compared, there is no folder with recorded answers beside this checkout")
        return 0
    good = True
    for report in reports(parsed.corpus, parsed):
        for outcome in report.outcomes:
            if outcome.kind in ("differs", "time-out", "error"):
                good = False
                print(f"{report.family}/{outcome.file}: {outcome.kind}: {outcome.detail}")
        print(report.totals(), flush=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
