"""The command ``coverage``: what tests exercise of a model, and of kernel C."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, TextIO

from membar_check.arguments import Formatter, Parser, add_model_options, checked_variants, value
from membar_check.diagnostics import InputError, MembarError
from membar_check.options import ENGINES, RunOptions, positive_int, seconds, some_of

if TYPE_CHECKING:
    from membar_check.engine.api import CheckOptions
    from membar_check.report.coverage_data import Coverage

COMMANDS = ("coverage",)
FORMATS = ("text", "listing", "json")
KINDS = ("check", "flag", "alternative", "cycles", "operand", "closure")

EPILOG = """\
A clause is an axiom, a flag, an alternative of a union, a side of an intersection, what a difference takes away, or a
closure.  It is exercised if some test's verdict is another one without it: final states, flags, numbers of executions,
for kernel C the classes of outcome.  Of kernel C, a line or branch is taken if some consistent execution takes it.

exit status: 0 done, 1 less than --require is exercised, 2 bad input, 3 inconclusive; where several apply 2, then 1,
then 3
"""


def add_parsers(commands: argparse._SubParsersAction[Parser]) -> None:
    """Adds the parser of the command."""
    parser = commands.add_parser(
        "coverage", help="what tests exercise of a model, and of kernel C",
        description="Which axioms and clauses of a model no test exercises, and which lines and branches of kernel C "
        "no execution takes.",
        epilog=EPILOG, formatter_class=Formatter,
    )  # fmt: skip
    parser.add_argument("model", metavar="MODEL", help="a bundled model or a cat file")
    parser.add_argument("paths", metavar="FILE|DIR", nargs="+")
    parser.add_argument("--kinds", metavar="A,B,...", type=value(some_of(KINDS)), default=KINDS,
                        help=f"which clauses (default: {','.join(KINDS)})")  # fmt: skip
    parser.add_argument("--require", metavar="PERCENT", type=value(_percent), default=0.0,
                        help="how many of a hundred clauses must be exercised")  # fmt: skip
    parser.add_argument("--format", choices=FORMATS, default="text",
                        help="text: what is missed; listing: model and code with marks (default: text)")  # fmt: skip
    parser.add_argument("-o", "--output", metavar="OUT", help="write to a file")
    model = parser.add_argument_group("model")
    add_model_options(model, conf=False)
    search = parser.add_argument_group("search")
    search.add_argument("--unroll", metavar="N", type=value(positive_int), default=2, help="loop bound (default 2)")
    search.add_argument("--engine", choices=ENGINES, default="auto", help="how to search (default: auto)")
    search.add_argument("--seconds", metavar="S", type=value(seconds), help="time for all tests together")
    search.add_argument("-q", "--quiet", action="store_true", help="no progress")


def _percent(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0.0 <= number <= 100.0:
        raise ValueError(f"found {text!r}, expected a number from 0 to 100")
    return number


def run_command(parsed: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Runs the command; returns the exit status.  Raises MembarError."""
    from membar_check.gate.coverage import CoverageOptions, cover
    from membar_check.report.coverage import render
    from membar_check.report.progress import Progress

    paths, problems = _tests(parsed)
    bar = Progress(err, len(paths), not parsed.quiet)
    try:
        found = cover(paths, CoverageOptions(_check_options(parsed), parsed.kinds, parsed.seconds), bar.advance)
    finally:
        bar.close()
    for problem in problems:
        print(problem.render(), file=err)
    text = render(found, parsed.format)
    if parsed.output:
        _write(parsed.output, text)
    else:
        out.write(text)
    return 2 if problems else exit_status(found, parsed.require)


def exit_status(found: Coverage, require: float) -> int:
    """2 where a test is wrong, else 1 where less is exercised than required, else 3 where some test has no answer or
    each was cut at the unrolling bound, else 0.  Where no test was checked to the end, how much is exercised is not
    known, and not 1."""
    if found.wrong:
        return 2
    if found.percent < require and not found.blank:
        return 1
    return 3 if found.inconclusive or found.blank else 0


def _tests(parsed: argparse.Namespace) -> tuple[list[str], list[MembarError]]:
    """The tests below the arguments, and what is wrong with arguments."""
    from membar_check.runner import make_plan

    plan = make_plan(RunOptions(tuple(parsed.paths), models=(parsed.model,)))
    paths = list(dict.fromkeys(job.file.path for job in plan.jobs))
    problems = [p.error for p in plan.problems]
    if not paths and not problems:
        raise InputError("there are no tests", hint="name .litmus files, or folders that have some")
    return paths, problems


def _check_options(parsed: argparse.Namespace) -> CheckOptions:
    from membar_check.engine.api import CheckOptions, check_names

    check = CheckOptions(
        model=parsed.model, include_dirs=tuple(parsed.include_dirs), bell=parsed.bell, macros=parsed.macros,
        variants=checked_variants(parsed), unroll=parsed.unroll, engine=parsed.engine, hash=False,
    )  # fmt: skip
    check_names(check)
    return check


def _write(path: str, text: str) -> None:
    from pathlib import Path

    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {(error.strerror or str(error)).lower()}") from error
