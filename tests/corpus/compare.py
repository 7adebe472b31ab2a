"""Compares the checker's answers with recorded answers of herd7, family by family, and prints every difference.

    python tests/corpus/compare.py [-v] [--family F]... [--limit N] [--model M] [--engine E] [--jobs N] [--corpus DIR]

A corpus is a folder with one folder a family; a family has ``expected.jsonl``, one test a line: ``file`` (the key: test
names repeat), ``verdict``, ``states``, ``positive``, ``negative``, ``flags``, ``observation``, ``hash``, ``condition``.
Lines with ``herd7`` have no answer to compare with; those tests only have to finish.

Differences listed in ``explained.toml`` are counted apart and leave the comparison good, as long as our answer is the
one listed.  A family whose answers were recorded with another model than ours is compared a second time under that
model (``recorded/``): what is left there is between the engines.  Tests that are refused because of what is known to be
missing count as refused, never as the same.  ``--engine both`` also compares the two engines with each other; a test
that one of them gives up is counted apart.

Exit status 0: nothing unexplained, or there is no corpus; 1: unexplained differences, or explanations that do not hold
(any more); 2: bad usage.
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
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FrameType
from typing import Any

from explanations import Explanation, Explanations, answer, is_pinned, load
from membar_check.diagnostics import Inconclusive, MembarError, Unsupported
from membar_check.engine.api import CheckOptions, check_file
from membar_check.expectations import flags_of
from membar_check.report.herd_log import state_line
from membar_check.verdict import Verdict

ROOT = Path(__file__).resolve().parent.parent.parent
CORPUS = ROOT.parent / "shared" / "corpus"
RECORDED = Path(__file__).resolve().parent / "recorded"
BAD = frozenset({"differs", "time-out", "error", "explanation"})


@dataclass(frozen=True, slots=True)
class Family:
    """``model`` None: the default of the tests' dialect; ``variants`` those with which the answers were made.

    ``recorded``: the model of the record where it is not ours, a file in ``recorded/``, with ``companions`` (bell,
    macros).  ``refused``: words of the messages with which tests of this family may be refused.
    """

    model: str | None = None
    variants: tuple[str, ...] = ()
    recorded: str | None = None
    companions: tuple[str | None, str | None] = (None, None)
    refused: tuple[str, ...] = ()


FAMILIES = {
    "lkmm": Family("lkmm", recorded="lkmm.cat", companions=("lkmm.bell", "lkmm.def")),
    "x86": Family(recorded="x86-tso.cat"),
    "aarch64": Family(),
    "aarch64-mixed": Family(
        variants=("mixed",), refused=("accesses of several sizes", "beside the start of", "no whole cells")
    ),
    "riscv": Family(),
    "power": Family(),
}


@dataclass(frozen=True, slots=True)
class Job:
    """What every test of one run is checked with."""

    folder: Path
    options: CheckOptions
    explained: dict[str, Explanation]
    refused: tuple[str, ...]
    time_limit: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """One test.

    ``kind``: "same"; "finished" (nothing recorded to compare with); "explained"; "refused"; "one engine" (of two); or
    what is bad: "differs", "time-out", "error", "explanation" (one that does not hold).  ``detail``: what differs or
    went wrong, or the reason; ``secondary``: whether hash and condition text are the recorded ones.
    """

    file: str
    kind: str
    detail: str = ""
    secondary: tuple[tuple[str, bool], ...] = ()


@dataclass(slots=True)
class Report:
    title: str
    outcomes: list[Outcome] = field(default_factory=list)
    cpu: float = 0.0

    def totals(self) -> str:
        kinds = Counter(outcome.kind for outcome in self.outcomes)
        bad = sum(kinds[kind] for kind in BAD)
        parts = [f"{self.title}: {kinds['same']} same, {kinds['explained']} explained, {bad} UNEXPLAINED"]
        if kinds["refused"]:
            parts.append(f"{kinds['refused']} refused as unsupported")
        if kinds["one engine"]:
            parts.append(f"{kinds['one engine']} finished by one engine at most")
        if kinds["finished"]:
            parts.append(f"{kinds['finished']} finished where herd7 did not")
        for name in ("hash", "condition"):
            values = [dict(outcome.secondary)[name] for outcome in self.outcomes if name in dict(outcome.secondary)]
            if values:
                parts.append(f"{name} {sum(values)}/{len(values)}")
        parts.append(f"{self.cpu:.2f} s of CPU")
        return ", ".join(parts)

    def lines(self, explanations: Explanations, verbose: bool) -> Iterator[str]:
        """What is bad in full, the totals, the explained differences by reason; all of these in full if verbose."""
        for outcome in self.outcomes:
            if outcome.kind in BAD or (verbose and outcome.kind not in ("same", "finished")):
                yield f"{self.title}: {outcome.file}: {outcome.kind}: {outcome.detail}"
        yield self.totals()
        reasons = Counter(outcome.detail for outcome in self.outcomes if outcome.kind == "explained")
        for reason, count in sorted(reasons.items()):
            yield f"    {count} {reason}: {explanations.reasons[reason]}"


class _Late(BaseException):
    """The time limit of one test has passed."""


def limited(seconds: float, work: Callable[[], Verdict]) -> Verdict:
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
    """All that differs between a recorded answer and ours."""
    found: dict[str, Any] = {
        "verdict": verdict.word,
        "states": [state_line(state) for state in verdict.states or ()],
        "observation": verdict.observation.value,
        "flags": sorted(flags_of(verdict)),
    }
    if verdict.positive is not None:
        found |= {"positive": verdict.positive, "negative": verdict.negative}
    secondary = tuple(
        (name, row[name] == value)
        for name, value in (("hash", verdict.hash), ("condition", verdict.condition_text))
        if row.get(name)
    )
    details = []
    for name, value in found.items():
        wanted = sorted(row.get(name, [])) if name == "flags" else row.get(name)
        if wanted is None or value == wanted:
            continue
        details.append(_state_difference(value, wanted) if name == "states" else f"{name} {value}, herd7 {wanted}")
    return Outcome(row["file"], "differs" if details else "same", "; ".join(details), secondary)


def _state_difference(ours: list[str], theirs: list[str]) -> str:
    extra = [state for state in ours if state not in theirs]
    missing = [state for state in theirs if state not in ours]
    if not extra and not missing:
        return "the same states in another order"
    kinds = (("extra", extra), ("missing", missing))
    return " and ".join(f"{len(states)} {word} states such as `{states[0]}`" for word, states in kinds if states)


def explain(outcome: Outcome, verdict: Verdict, explanation: Explanation | None) -> Outcome:
    """The outcome of a comparison in the light of what is known about the test."""
    if explanation is None:
        if outcome.kind == "same":
            return outcome
        return replace(outcome, detail=f"{outcome.detail} (ours: {answer(verdict)})")
    if outcome.kind == "same":
        return replace(outcome, kind="explanation", detail=f"is the same, but is listed under {explanation.reason}")
    if not is_pinned(explanation, verdict):
        detail = f"answers `{answer(verdict)}`, but {explanation.reason} lists `{explanation.pinned}`"
        return replace(outcome, kind="explanation", detail=detail)
    return replace(outcome, kind="explained", detail=explanation.reason)


def check_one(job: Job, row: dict[str, Any]) -> Outcome:
    """Checks one recorded test and compares."""
    file = row["file"]
    late = "one engine" if job.options.engine == "both" else "time-out"
    try:
        verdict = limited(job.time_limit, lambda: check_file(str(job.folder / file), job.options))
    except _Late:
        return Outcome(file, late, f"more than {job.time_limit:g} s")
    except Inconclusive as error:
        return Outcome(file, "differs" if "engines differ" in error.message else late, error.message)
    except MembarError as error:
        refused = isinstance(error, Unsupported) and any(words in error.message for words in job.refused)
        return Outcome(file, "refused" if refused else "error", error.render().replace("\n", " | "))
    except Exception as error:
        return Outcome(file, "error", f"fault: {type(error).__name__}: {error}")
    if "herd7" in row:
        return Outcome(file, "finished")
    return explain(compare(row, verdict), verdict, job.explained.get(file))


def read_rows(folder: Path, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    with (folder / "expected.jsonl").open(encoding="utf-8") as handle:
        rows = [json.loads(line) for line in handle if line.strip()]
    if arguments.file:
        rows = [row for row in rows if row["file"] in arguments.file]
    if arguments.limit is None or arguments.limit >= len(rows):
        return rows
    step = len(rows) / arguments.limit  # spread over the family: its tests are sorted by kind
    return [rows[int(index * step)] for index in range(arguments.limit)]


def check_rows(task: tuple[Job, list[dict[str, Any]]]) -> tuple[list[Outcome], float]:
    job, rows = task
    start = time.process_time()
    outcomes = [check_one(job, row) for row in rows]
    return outcomes, time.process_time() - start


def run(title: str, job: Job, rows: list[dict[str, Any]], jobs: int) -> Report:
    tasks = [(job, rows[index::jobs]) for index in range(jobs) if rows[index::jobs]]
    if len(tasks) <= 1:
        parts = [check_rows(task) for task in tasks]
    else:
        with multiprocessing.get_context("fork").Pool(len(tasks)) as pool:
            parts = pool.map(check_rows, tasks, chunksize=1)
    found = {outcome.file: outcome for outcomes, _ in parts for outcome in outcomes}
    return Report(title, [found[row["file"]] for row in rows], sum(cpu for _, cpu in parts))


def family_reports(folder: Path, explanations: Explanations, arguments: argparse.Namespace) -> Iterator[Report]:
    """A family under our model, and where the record has another one, what herd7 finished under that."""
    name = folder.name
    family = FAMILIES.get(name, Family())
    rows = read_rows(folder, arguments)
    ours = CheckOptions(model=arguments.model or family.model, engine=arguments.engine, variants=family.variants)
    listed = {} if arguments.model else explanations.of_family(name, own_model=True)
    job = Job(folder, ours, listed, family.refused, arguments.timeout)
    report = run(name, job, rows, arguments.jobs)
    if arguments.file is None and arguments.limit is None and arguments.corpus == CORPUS:
        here = {row["file"] for row in rows}
        report.outcomes += [
            Outcome(file, "explanation", f"is listed under {e.reason}, but the family has no such test")
            for file, e in listed.items()
            if file not in here
        ]
    if family.recorded is None or arguments.model:
        yield report
        return
    bell, macros = family.companions
    theirs = CheckOptions(str(RECORDED / family.recorded), (), bell, macros, engine=arguments.engine)
    again = replace(job, options=theirs, explained=explanations.of_family(name, own_model=False))
    answered = [row for row in rows if "herd7" not in row]
    second = run(f"{name}, model of the record", again, answered, arguments.jobs)
    model_only = {outcome.file for outcome in second.outcomes if outcome.kind == "same"}
    note = "; the same under the model of the record"
    report.outcomes = [
        replace(o, detail=o.detail + note) if o.kind == "differs" and o.file in model_only else o
        for o in report.outcomes
    ]
    yield report
    yield second


def reports(explanations: Explanations, arguments: argparse.Namespace) -> Iterator[Report]:
    for folder in sorted(arguments.corpus.iterdir()):
        wanted = folder.name in arguments.family if arguments.family else folder.name in FAMILIES
        if wanted and (folder / "expected.jsonl").is_file():
            yield from family_reports(folder, explanations, arguments)


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Compare with recorded answers of herd7.")
    parser.add_argument("--corpus", type=Path, default=CORPUS, help="default: the shared corpus beside the checkout")
    parser.add_argument("--family", action="append", default=[], help="only this family; may be repeated")
    parser.add_argument("--file", action="append", help="only this file of the family; may be repeated")
    parser.add_argument("--limit", type=int, help="about so many tests of each family")
    parser.add_argument("--model", help="instead of the family's model; then nothing counts as explained")
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--timeout", type=float, default=60.0, help="seconds a test")
    parser.add_argument("--jobs", "-j", type=int, default=1)
    parser.add_argument("--verbose", "-v", action="store_true", help="print explained and refused tests one by one")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    parsed = parse(arguments)
    if not parsed.corpus.is_dir():
        print("corpus: not compared, there is no folder with recorded answers beside this checkout")
        return 0
    explanations = load()
    good = True
    for report in reports(explanations, parsed):
        good &= not any(outcome.kind in BAD for outcome in report.outcomes)
        for line in report.lines(explanations, parsed.verbose):
            print(line, flush=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
