"""The commands: ``run``, ``matrix``, ``models``, ``show-model``, and those of :mod:`membar_check.explaining`.

Nothing heavy is imported here at module level, and each command imports what it needs: checking one small test from the
shell has to be quick.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

from membar_check import __version__
from membar_check.arguments import (
    USAGE_ERROR,
    Formatter,
    Parser,
    add_include_option,
    add_model_options,
    checked_variants,
    value,
)
from membar_check.diagnostics import InputError, MembarError, one_line
from membar_check.options import ENGINES, RunOptions, job_count, names, positive_int, seconds

if TYPE_CHECKING:
    from types import ModuleType

    from membar_check.report.pictures import Pictures
    from membar_check.runner import Plan

INTERRUPTED = 130
BROKEN_PIPE = 141

EPILOG = """\
examples:
  membar-check run SB.litmus                        the test under its dialect's default model
  membar-check run litmus --all-models -j 0         a folder, all models with expectations, on all cores
  membar-check run t.litmus --format herd           herd7's log, line for line
  membar-check run t.litmus --svg pictures          draw a witness execution
  membar-check run t.litmus --conf linux-kernel.cfg -I tools/memory-model
  membar-check matrix t.litmus                      one test under every model: what is forbidden where
  membar-check show-model lkmm --flat               the text of a model, with what it includes
  membar-check explain t.litmus --html t.html       why the outcome is allowed or forbidden, what would change it
  membar-check repair t.litmus --models lkmm        the cheapest fences that forbid it

exit status:
  0  every test is as expected
  1  some verdict differs from the expected one
  2  bad input or bad usage: something could not be read or understood
  3  inconclusive: time, memory or the unrolling bound left some test without an answer
  Where several apply the gravest is reported: 2, then 1, then 3.  130: interrupted.

Expected verdicts come from the file expected.txt beside the test (or --expected), else from a
"Result:" comment in the test, else from the condition's own quantifier.
"""


MATRIX_EPILOG = """\
cells: Never, Sometimes, Always, what the condition's proposition does over all executions; for kernel C the classes of
outcome found, or clean.  In brackets flags of the model; (cut): executions were cut at the unrolling bound;
!: differs from the expected verdict.

exit status: as for membar-check run
"""


def make_parser(first: str = "") -> argparse.ArgumentParser:
    """The parser of the command line; where it begins with ``run``, the most frequent command, of that one alone."""
    parser = Parser(
        prog="membar-check",
        description="Check litmus tests against memory models, every execution of every test.",
        epilog=EPILOG,
        formatter_class=Formatter,
    )
    parser.add_argument("--version", action="version", version=f"membar-check {__version__}")
    commands = parser.add_subparsers(
        dest="command", metavar="COMMAND", required=True, parser_class=Parser,
        prog=parser.prog,  # given, it need not be made by formatting a usage line, for which much would be imported
    )  # fmt: skip
    _add_run(commands)
    if first == "run":
        return parser
    _add_matrix(commands)
    about = "list the bundled models and the documents they follow"
    commands.add_parser("models", help=about, formatter_class=Formatter)
    show = commands.add_parser(
        "show-model", help="print the text of a bundled model, or of a model file", formatter_class=Formatter
    )
    show.add_argument("model", metavar="M", help="a name from `membar-check models`, or a path")
    show.add_argument("--flat", action="store_true", help="put included files in place of their include lines")
    add_include_option(show)
    for group in _groups():
        group.add_parsers(commands)
    return parser


def _groups() -> tuple[ModuleType, ...]:
    """The modules that have further commands: ``COMMANDS``, ``add_parsers`` and ``run_command`` of each."""
    from membar_check import explaining, gating, gating_coverage, gating_diff, gating_generate

    return explaining, gating, gating_coverage, gating_diff, gating_generate


def _add_run(commands: argparse._SubParsersAction[Parser]) -> None:
    run = commands.add_parser(
        "run",
        help="check tests",
        description="Check litmus tests. Folders are searched for *.litmus, in sorted order.",
        epilog=EPILOG,
        formatter_class=Formatter,
    )
    run.add_argument("paths", metavar="FILE|DIR", nargs="+")
    model = run.add_argument_group("model")
    model.add_argument(
        "--model", dest="models", metavar="M|PATH", action="append", default=[],
        help="a bundled model or a cat file; may be given several times (default: that of the test's dialect)",
    )  # fmt: skip
    model.add_argument(
        "--all-models", action="store_true", help="each test under every model that its expected.txt names for it"
    )
    add_model_options(model)
    search = _add_search(run)
    search.add_argument("--reach", action="store_true", help="only ask whether the condition can be reached")
    output = run.add_argument_group("output")
    output.add_argument("--format", choices=("table", "herd", "json"), default="table", help="default: table")
    output.add_argument("--dot", metavar="DIR", help="draw a witness of each test as a Graphviz file")
    output.add_argument("--svg", metavar="DIR", help="draw a witness of each test as an SVG picture")
    output.add_argument("--expected", metavar="FILE", help="expected verdicts, instead of the expected.txt files")
    output.add_argument("-v", "--verbose", action="count", default=0, help="more columns; twice: tracebacks of faults")
    output.add_argument("-q", "--quiet", action="store_true", help="only what is not as expected, and the summary")


def _add_search(parser: Parser) -> argparse._ArgumentGroup:
    search = parser.add_argument_group("search")
    search.add_argument("--unroll", metavar="N", type=value(positive_int), default=2, help="loop bound (default 2)")
    search.add_argument("--engine", choices=ENGINES, default="auto", help="how to search (default: auto)")
    search.add_argument("-j", dest="jobs", metavar="N", type=value(job_count), default=1,
                        help="worker processes; 0: one a core")  # fmt: skip
    search.add_argument("--timeout", metavar="S", type=value(seconds), help="seconds a test may take")
    search.add_argument("--memory", metavar="MB", type=value(positive_int), help="MiB a test may take")
    return search


def _add_matrix(commands: argparse._SubParsersAction[Parser]) -> None:
    matrix = commands.add_parser(
        "matrix",
        help="table of tests against models",
        description="Check litmus tests under several models and print one row a test, one column a model. "
        "Tests in C are judged on hardware as the kernel maps its primitives to instructions.",
        epilog=MATRIX_EPILOG,
        formatter_class=Formatter,
    )
    matrix.add_argument("paths", metavar="FILE|DIR", nargs="+")
    matrix.add_argument(
        "--models", metavar="A,B,...", action="append", default=[], type=value(names),
        help="models or cat files (default: those that expected.txt names for the test; without it for C "
        "lkmm,aarch64,x86-tso,sc, for others that of the dialect and sc)",
    )  # fmt: skip
    add_include_option(matrix)
    _add_search(matrix)
    output = matrix.add_argument_group("output")
    output.add_argument("--format", choices=("table", "json"), default="table", help="default: table")
    output.add_argument("--expected", metavar="FILE", help="expected verdicts, instead of the expected.txt files")
    output.add_argument("-v", "--verbose", action="count", default=0, help="twice: tracebacks of faults")
    output.add_argument("-q", "--quiet", action="store_true", help="only tests with something unexpected")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line ``arguments`` (None: those of the process) and returns the exit status."""
    try:
        given = sys.argv[1:] if arguments is None else list(arguments)
        parsed = make_parser(given[0] if given else "").parse_args(given)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else USAGE_ERROR
    try:
        status = _dispatch(parsed)
        sys.stdout.flush()
        return status
    except MembarError as error:
        print(f"membar-check: {error.render()}", file=sys.stderr)
        return error.exit_status
    except BrokenPipeError:
        # Nobody reads on.  What is still in the buffer must not be written at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except KeyboardInterrupt:
        return INTERRUPTED
    except OSError as error:
        print(f"membar-check: {error.filename or 'output'}: {error.strerror}", file=sys.stderr)
        return USAGE_ERROR


def _dispatch(parsed: argparse.Namespace) -> int:
    if parsed.command in ("run", "matrix"):
        options = _options(parsed) if parsed.command == "run" else _matrix_options(parsed)
        return run(options, sys.stdout, sys.stderr)
    for group in _groups():
        if parsed.command in group.COMMANDS:
            status: int = group.run_command(parsed, sys.stdout, sys.stderr)
            return status
    from membar_check import catalogue

    if parsed.command == "models":
        sys.stdout.write(catalogue.listing())
    else:
        sys.stdout.write(catalogue.model_text(parsed.model, parsed.flat, tuple(parsed.include_dirs)))
    return 0


def _options(parsed: argparse.Namespace) -> RunOptions:
    if parsed.models and parsed.all_models:
        raise InputError("--model and --all-models exclude each other")
    if parsed.reach and parsed.format == "herd":
        raise InputError("--reach does not gather the states that --format herd prints", hint="use another --format")
    return RunOptions(
        paths=tuple(parsed.paths),
        models=tuple(parsed.models),
        all_models=parsed.all_models,
        include_dirs=tuple(parsed.include_dirs),
        bell=parsed.bell,
        macros=parsed.macros,
        conf=parsed.conf,
        variants=checked_variants(parsed),
        unroll=parsed.unroll,
        engine=parsed.engine,
        reach=parsed.reach,
        format=parsed.format,
        dot=parsed.dot,
        svg=parsed.svg,
        jobs=parsed.jobs,
        timeout=parsed.timeout,
        memory=parsed.memory,
        expected=parsed.expected,
        verbosity=-1 if parsed.quiet else parsed.verbose,
    )


def _matrix_options(parsed: argparse.Namespace) -> RunOptions:
    return RunOptions(
        paths=tuple(parsed.paths),
        models=tuple(model for group in parsed.models for model in group),
        matrix=True,
        include_dirs=tuple(parsed.include_dirs),
        unroll=parsed.unroll,
        engine=parsed.engine,
        format="matrix" if parsed.format == "table" else "matrix-json",
        jobs=parsed.jobs,
        timeout=parsed.timeout,
        memory=parsed.memory,
        expected=parsed.expected,
        verbosity=-1 if parsed.quiet else parsed.verbose,
    )


def run(options: RunOptions, out: TextIO, err: TextIO) -> int:
    """Checks everything that the options name, reports on ``out``, prints errors on ``err``; returns the exit status.

    Raises InputError for options that cannot be followed, before anything is checked.
    """
    from membar_check.runner import make_plan, require_names

    require_names(options)
    plan = make_plan(options)
    pictures = None
    if options.draws:
        from membar_check.report.pictures import Pictures

        pictures = Pictures(options.dot, options.svg)
    return _run(plan, options, pictures, out, err)


def _run(plan: Plan, options: RunOptions, pictures: Pictures | None, out: TextIO, err: TextIO) -> int:
    from membar_check.report import Settings, make_reporter
    from membar_check.report.progress import Progress
    from membar_check.runner import exit_status, run_plan
    from membar_check.verdict import Failure, Status

    reporter = make_reporter(options.format, out, Settings(options.verbosity))
    progress = Progress(err, len(plan.jobs), wanted=options.verbosity >= 0)
    statuses: set[Status] = set()
    warned: set[str] = set()
    done = 0
    results = run_plan(plan, options)
    try:
        for job, judged in results:
            statuses.add(judged.status)
            if isinstance(judged.result, Failure):
                progress.message(judged.result.error.render())
            elif judged.reason and options.format in ("herd", "json"):
                progress.message(one_line(f"{judged.result.file}: {judged.reason}"))
            for warning in () if isinstance(judged.result, Failure) else judged.result.warnings:
                if warning not in warned:
                    warned.add(warning)
                    progress.message(f"warning: {warning}")
            if job is not None:
                done += 1
                if pictures is not None:
                    pictures.add(judged, job.file.inside)
                progress.advance(job.file.path)
            reporter.add(judged)
    except KeyboardInterrupt:
        results.close()
        progress.close()
        reporter.finish()
        print(f"interrupted: {done} of {len(plan.jobs)} checks done", file=err)
        return INTERRUPTED
    progress.close()
    reporter.finish()
    if pictures is not None and options.verbosity >= 0:
        print(pictures.summary(), file=err)
    return exit_status(statuses)
