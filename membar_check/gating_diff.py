"""The command ``diff``: how two models differ, and the smallest test that tells them apart."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, TextIO

from membar_check.arguments import Formatter, Parser, add_model_options, checked_variants, columns, value
from membar_check.diagnostics import InputError
from membar_check.options import RunOptions, positive_int, seconds

if TYPE_CHECKING:
    from membar_check.synth.diff import Begin, Comparison, DiffOptions

EPILOG = """\
OLD and NEW are bundled models or cat files; a file without a bell and a .def file beside it takes those of the other
model.  The test that is found is written so that its condition is the one execution that one model allows and the other
forbids, and is checked under both before it is reported.

examples:
  membar-check diff sc x86-tso                      what store buffers add
  membar-check diff x86-tso aarch64 -o LB.litmus    over Linux-kernel C, each with its own mapping
  membar-check diff aarch64 new/aarch64.cat litmus/aarch64/*.litmus
  membar-check diff lkmm new/lkmm.cat --flags --accesses 5

exit status:
  0  equal: no test given and none up to the bound tells the models apart
  1  they differ
  2  bad input or bad usage, also a test that is wrong
  3  inconclusive: nothing was found, but the search was not finished or some test has no answer
  Where several apply the gravest is reported: 2, then 1, then 3.
"""


COMMANDS = ("diff",)


def add_parsers(commands: argparse._SubParsersAction[Parser]) -> None:
    """Adds the parser of the command."""
    about = "how two models differ, with the smallest test that tells them apart"
    parser = commands.add_parser(
        "diff", help=about, description=f"{about[0].upper()}{about[1:]}.", epilog=EPILOG, formatter_class=Formatter
    )
    parser.add_argument("old", metavar="OLD", help="a bundled model or a cat file")
    parser.add_argument("new", metavar="NEW", help="a bundled model or a cat file")
    parser.add_argument("tests", metavar="TEST", nargs="*", default=[],
                        help="litmus files, or folders that have some, to compare the models on")  # fmt: skip
    parser.intermixed = True
    search = parser.add_argument_group("search")
    search.add_argument("--dialect", metavar="D", help="the tests' dialect: C, AArch64, X86, RISCV, PPC "
                        "(default: that of the tests, or of the models)")  # fmt: skip
    search.add_argument("--accesses", metavar="N", type=value(positive_int), default=6,
                        help="reads and writes of a test (default 6)")  # fmt: skip
    search.add_argument("--threads", metavar="N", type=value(positive_int), default=4, help="default 4")
    search.add_argument("--locations", metavar="N", type=value(positive_int), default=3, help="default 3")
    search.add_argument("--seconds", metavar="S", type=value(seconds), default=100.0,
                        help="time for the search (default 100)")  # fmt: skip
    flags = search.add_mutually_exclusive_group()
    flags.add_argument("--flags", action="store_true", default=None, help="look for tests whose flags (data races ...) "
                       "differ, too (default: if no test tells the models apart by what it allows)")  # fmt: skip
    flags.add_argument("--no-flags", dest="flags", action="store_false", help="do not look at flags")
    search.add_argument("--both", action="store_true", help="with one difference found, search the other direction up "
                        "to the bound")  # fmt: skip
    search.add_argument("--dask", metavar="ADDRESS",
                        help="search on the workers of the Dask cluster with this scheduler")  # fmt: skip
    model = parser.add_argument_group("models")
    add_model_options(
        model, conf=False, bell="for a model that has no bell file beside it",
        macros="for a model that has no .def file beside it",
    )  # fmt: skip
    output = parser.add_argument_group("output")
    output.add_argument("--format", choices=("text", "json"), default="text", help="default: text")
    output.add_argument("-o", "--output", metavar="FILE", help="write the litmus test to FILE (a second one to FILE "
                        "with -2 in front of its suffix)")  # fmt: skip


def run_command(parsed: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Runs the command; returns the exit status.  Raises MembarError."""
    from membar_check.synth.diff import compare_models, prepare
    from membar_check.synth.telling import explanations, write_json, write_text

    options = _options(parsed)
    models, arch, tests = prepare(parsed.old, parsed.new, parsed.dialect, _tests(parsed), options)
    with _sifting(parsed.dask, options) as begin:
        told = compare_models(*models, arch, options, tests, begin)
    file = parsed.output or "found.litmus"
    why = explanations(told, models, options.check, file)
    if parsed.format == "json":
        out.write(write_json(told, why))
    else:
        to_terminal = out.isatty()
        width = max(60, min(columns(), 160)) if to_terminal else 100
        out.write(write_text(told, why, file, width, to_terminal))
    if parsed.output:
        _save(told, parsed.output, err)
    for broken in dict.fromkeys(test.broken for test in told.tests if test.broken):
        print(f"membar-check: {broken}", file=err)
    return told.exit_status


def _tests(parsed: argparse.Namespace) -> list[str]:
    """The files of the given tests, those below folders in sorted order.  Raises InputError."""
    if not parsed.tests:
        return []
    from membar_check.runner import make_plan

    plan = make_plan(RunOptions(tuple(parsed.tests), models=(parsed.old,)))
    for problem in plan.problems:
        raise problem.error
    return list(dict.fromkeys(job.file.path for job in plan.jobs))


@contextmanager
def _sifting(dask: str | None, options: DiffOptions) -> Iterator[Begin | None]:
    """Where there is a cluster: what has it search.  Raises InputError."""
    if dask is None:
        yield None
        return
    from membar_check.gate.cluster import Cluster
    from membar_check.gate.searching import Sifting

    with Cluster(dask) as cluster, closing(Sifting(cluster, options.check)) as sifting:
        yield sifting.begin


def _options(parsed: argparse.Namespace) -> DiffOptions:
    from membar_check.engine.api import CheckOptions, check_names
    from membar_check.synth.diff import DiffOptions
    from membar_check.synth.finder import Bound

    check = CheckOptions(
        include_dirs=tuple(parsed.include_dirs), bell=parsed.bell, macros=parsed.macros,
        variants=checked_variants(parsed), hash=False,
    )  # fmt: skip
    check_names(check)
    bound = Bound(parsed.accesses, parsed.threads, parsed.locations)
    return DiffOptions(bound, parsed.seconds, parsed.flags, parsed.both, check)


def _save(told: Comparison, path: str, err: TextIO) -> None:
    """Writes the tests that were found, the first to ``path``."""
    import os

    stem, suffix = os.path.splitext(path)
    for number, difference in enumerate(told.differences, 1):
        name = path if number == 1 else f"{stem}-{number}{suffix}"
        try:
            with open(name, "w", encoding="utf-8") as file:
                file.write(difference.text)
        except OSError as error:
            raise InputError(f"{name}: cannot be written: {(error.strerror or str(error)).lower()}") from error
    if not told.differences:
        print(f"{path}: not written, no test was found", file=err)
