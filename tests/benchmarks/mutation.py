"""The mutation study: what the bundled tests notice of single changes of the bundled models.

Every mutation of a model (an axiom, a flag, an alternative, an operand taken away, ...) is judged by the bundled tests
that have an expectation under that model.  For a sample of them, spread evenly over the models, the search for a
distinguishing test is asked about those that the tests miss.  Prints a table and the missed ones.

    python tests/benchmarks/mutation.py [--number 50] [--seconds 300] [--models A,B] [--write DIR]

Exit status 0: of those in the sample that are not equal up to the bound, at least 95% are caught by the bundled tests,
and none is left open; else 1.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from membar_check.diagnostics import MembarError
from membar_check.engine.api import CheckOptions, request_for
from membar_check.engine.models import DEFAULT_MODELS
from membar_check.gate.coverage import CoverageOptions, cover, model_mutations
from membar_check.gate.coverage_models import Mutated
from membar_check.options import RunOptions
from membar_check.records import dataclass
from membar_check.report.coverage_data import ClauseCoverage, Coverage
from membar_check.runner import make_plan
from membar_check.synth.diff import DiffOptions, compare_models
from membar_check.synth.finder import Bound
from membar_check.synth.mutate import Mutation

LITMUS = Path(__file__).resolve().parent.parent.parent / "litmus"
FOLDERS = ("aarch64", "c", "power", "riscv", "smp-memb", "x86", "x86_64")
MODELS = ("sc", "x86-tso", "aarch64", "riscv", "power", "lkmm")
WANTED = 95.0
ACCESSES = {"power": 5}
"""Up to how many accesses tests are searched, where that is not the usual bound: Power has many equal forms."""

ENOUGH = 5
"""Accesses up to which all tests have to be searched where there was no time for the rest."""

CAUGHT, FOUND, EQUAL, OPEN = "caught by the tests", "found by diff only", "equal up to the bound", "left open"


@dataclass(frozen=True, slots=True)
class Answered:
    """A mutation of the sample, what became of it, and how that is known."""

    model: str
    mutation: Mutation
    answer: str
    how: str


def bundled_tests(models: Sequence[str]) -> dict[str, list[str]]:
    """For each model the bundled tests that have an expectation under it, small families only."""
    paths = tuple(str(LITMUS / folder) for folder in FOLDERS if (LITMUS / folder).is_dir())
    out: dict[str, list[str]] = {model: [] for model in models}
    for job in make_plan(RunOptions(paths, all_models=True)).jobs:
        if job.model in out:
            out[job.model].append(job.file.path)
    return out


def sample(found: dict[str, Coverage], number: int) -> list[tuple[str, Mutation, ClauseCoverage]]:
    """``number`` mutations, from each model as many as its share, at even distances from the first to the last."""
    every = [
        (model, mutation, clause)
        for model, coverage in found.items()
        for mutation, clause in zip(model_mutations(options_for(model)), coverage.clauses, strict=True)
        if not clause.reason
    ]
    if number >= len(every):
        return every
    return [every[(2 * i + 1) * len(every) // (2 * number)] for i in range(number)]


def options_for(model: str) -> CoverageOptions:
    return CoverageOptions(CheckOptions(model=model, hash=False))


def answer(
    model: str, mutation: Mutation, clause: ClauseCoverage, seconds: float, write: Path | None
) -> Answered:
    """What became of a mutation; those that the tests miss are given to the search, dialect by dialect."""
    if clause.exercised:
        return Answered(model, mutation, CAUGHT, f"{Path(clause.test).name}: {clause.change}")
    dialects = ["C"] if model in ("sc", "lkmm") else [arch for arch, name in DEFAULT_MODELS.items() if name == model]
    try:
        mutated = Mutated(request_for(dialects[0], CheckOptions(model=model)), [mutation])
        bound = Bound(ACCESSES[model]) if model in ACCESSES else Bound()
        options = DiffOptions(bound, seconds)
        result = compare_models(mutated.model, mutated.mutant(0), dialects[0], options)
    except MembarError as error:
        return Answered(model, mutation, OPEN, error.message)
    if result.differences:
        text = result.differences[0].text
        if write is not None:
            write.mkdir(parents=True, exist_ok=True)
            (write / f"{model}-{mutation.line:03}-{mutation.start}.litmus").write_text(text, encoding="utf-8")
        return Answered(model, mutation, FOUND, text.splitlines()[0])
    late = f"; {result.left[0]}" if result.left else ""
    if result.complete or (result.searched >= ENOUGH and all("the time of" in what for what in result.left)):
        return Answered(model, mutation, EQUAL, f"up to {result.searched} accesses{late}")
    return Answered(model, mutation, OPEN, f"up to {result.searched} accesses; {'; '.join(result.left)}")


def table(found: dict[str, Coverage], answers: Sequence[Answered]) -> str:
    """Two lines of head, a line a model, a line of sums."""
    heads = ("model", "clauses", "exercised", "mutants", "caught", "diff only", "equal", "open")
    rows: list[tuple[str, ...]] = []
    sums = [0] * (len(heads) - 1)
    for model, coverage in found.items():
        own = [a.answer for a in answers if a.model == model]
        counts = [own.count(kind) for kind in (CAUGHT, FOUND, EQUAL, OPEN)]
        exercised = sum(c.exercised for c in coverage.judged)
        numbers = [len(coverage.judged), exercised, len(own), *counts]
        sums = [a + b for a, b in zip(sums, numbers, strict=True)]
        rows.append((model, *map(str, numbers)))
    lines = [heads, *rows, ("all", *map(str, sums))]
    widths = [max(len(line[i]) for line in lines) for i in range(len(heads))]
    out = []
    for line in lines:
        cells = [line[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)]
        out.append("  ".join(cells).rstrip())
    return "\n".join(out)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description="The mutation study of the bundled models.")
    parser.add_argument("--number", type=int, default=50, help="mutations in the sample (default 50)")
    parser.add_argument("--seconds", type=float, default=300.0, help="for each search (default 300)")
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--write", type=Path, help="a folder for the tests that the search finds")
    parser.add_argument("-v", "--verbose", action="store_true", help="those that are caught, too")
    parsed = parser.parse_args(arguments)
    models = [name for name in MODELS if name in parsed.models.split(",")]
    tests = bundled_tests(models)
    found = {}
    for model in models:
        found[model] = cover(tests[model], options_for(model))
    answers = []
    for model, mutation, clause in sample(found, parsed.number):
        one = answer(model, mutation, clause, parsed.seconds, parsed.write)
        answers.append(one)
        if parsed.verbose or one.answer != CAUGHT:
            where = f"{Path(one.mutation.file).name}:{one.mutation.line}"
            print(f"{where}: {one.mutation.name}: {one.answer}: {one.how}", flush=True)
    print(table(found, answers))
    differ = [a for a in answers if a.answer != EQUAL]
    caught = sum(a.answer == CAUGHT for a in differ)
    percent = 100.0 * caught / len(differ) if differ else 100.0
    print(f"{len(answers)} mutations, {len(differ)} not equal up to the bound")
    print(f"caught by the bundled tests alone: {caught}, {percent:.1f}%")
    return 0 if percent >= WANTED and all(a.answer != OPEN for a in answers) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
