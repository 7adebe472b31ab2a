"""The commands for continuous integration: ``gate`` and ``mcompare``."""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from membar_check.arguments import Formatter, Parser, add_model_options, checked_variants, value
from membar_check.diagnostics import InputError, one_line
from membar_check.options import ENGINES, RunOptions, job_count, positive_int, seconds, some_of

if TYPE_CHECKING:
    from membar_check.gate.report_data import GateReport
    from membar_check.gate.run import GateOptions

COMMANDS = ("gate", "mcompare")
FIELDS = ("verdict", "states", "classes", "flags", "counts")
FORMATS = ("text", "junit", "sarif", "github", "tap", "jsonl", "html")
INTERRUPTED = 130
SECONDS = 60.0

GATE_EPILOG = """\
expectations, the first that speaks of a test decides: --baseline, --expected (expected verdicts or a log of herd7) or
the expected.txt beside the test, its Result: comment; with none of them the quantifier of its condition.

kinds: same; broken and fixed, where an expectation, a `forall` or `~exists`, or a class of outcome says what is good;
changed, where none says; new; missing; inconclusive (time, memory, a bound), which never passes; error.

exit status: 0 all the same, 1 something differs, 2 bad input, 3 inconclusive; where several apply 2, then 1, then 3.
With --update 0 where all could be recorded.
With --against also 1 where a test, of the tree or found by search, tells a model from what it was, 3 where the search
is not finished; not where the baseline, as it was before the run, records the model as it is now.  130: interrupted.

The cache and the journals of interrupted runs lie in $XDG_CACHE_HOME/membar-check/gate or --cache DIR.
"""


def add_parsers(commands: argparse._SubParsersAction[Parser]) -> None:
    """Adds the parsers of the commands."""
    gate = commands.add_parser(
        "gate", help="check a tree of tests against expectations or a recorded baseline",
        description="Check a tree of tests under their models against expected verdicts or a recorded baseline.",
        epilog=GATE_EPILOG, formatter_class=Formatter,
    )  # fmt: skip
    gate.add_argument("paths", metavar="FILE|DIR", nargs="+")
    _add_expectations(gate)
    _add_model(gate)
    _add_search(gate)
    _add_output(gate)
    compare = commands.add_parser(
        "mcompare", help="compare two logs of herd7",
        description="Compare two logs of herd7, or of `run --format herd`, test by test.",
        epilog="exit status: 0 no difference, 1 tests that differ or are in one log only, 2 bad input,\n"
        "3 inconclusive: a log is incomplete, executions were cut at the unrolling bound, nothing to compare\n",
        formatter_class=Formatter,
    )  # fmt: skip
    compare.add_argument("first", metavar="LOG1")
    compare.add_argument("second", metavar="LOG2")
    _add_compare(compare)
    compare.add_argument("-q", "--quiet", action="store_true", help="only tests that differ, and the counts")


def _add_compare(parser: Parser | argparse._ArgumentGroup) -> None:
    parser.add_argument("--compare", metavar="A,B,...", type=value(some_of(FIELDS)), default=FIELDS,
                        help=f"what is compared (default: {','.join(FIELDS)})")  # fmt: skip


def _add_expectations(gate: Parser) -> None:
    group = gate.add_argument_group("expectations")
    group.add_argument("--baseline", metavar="FILE", help="compare with what is recorded there")
    group.add_argument("--update", action="store_true", help="record what is found in the baseline")
    group.add_argument("--expected", metavar="FILE", help="expected verdicts in place of expected.txt, or a herd7 log")
    _add_compare(group)
    group.add_argument("--against", metavar="REV|DIR",
                       help="models as they were at a revision of git or in a folder: names what changed in them, and "
                       "a test that tells them apart")  # fmt: skip
    group.add_argument("--seconds", metavar="S", type=value(seconds),
                       help="time to search for such a test, for each model that changed (default 60)")  # fmt: skip


def _add_model(gate: Parser) -> None:
    group = gate.add_argument_group("model")
    group.add_argument(
        "--model", dest="models", metavar="M|PATH", action="append", default=[],
        help="a bundled model or a cat file; may be given several times (default: all that the expectations name for "
        "a test, else that of its dialect)",
    )  # fmt: skip
    add_model_options(group)


def _add_search(gate: Parser) -> None:
    group = gate.add_argument_group("search")
    group.add_argument("--unroll", metavar="N", type=value(positive_int), default=2, help="loop bound (default 2)")
    group.add_argument("--engine", choices=ENGINES, default="auto", help="how to search (default: auto)")
    group.add_argument("-j", dest="jobs", metavar="N", type=value(job_count), default=1,
                       help="worker processes; 0: one a core")  # fmt: skip
    group.add_argument("--dask", metavar="ADDRESS", help="check on the workers of the Dask cluster with this scheduler")
    group.add_argument("--timeout", metavar="S", type=value(seconds), help="seconds a test may take")
    group.add_argument("--memory", metavar="MB", type=value(positive_int), help="MiB a test may take")
    group.add_argument("--resume", action="store_true", help="go on where an interrupted run of this command stopped")
    group.add_argument("--cache", metavar="DIR", help="where known answers and journals lie")
    group.add_argument("--no-cache", action="store_true", help="check everything anew and keep no answers")


def _add_output(gate: Parser) -> None:
    group = gate.add_argument_group("output")
    group.add_argument("--format", choices=FORMATS, default="text", help="default: text")
    group.add_argument("--report", dest="reports", metavar="FORMAT=FILE", type=value(_report), action="append",
                       default=[], help="write a further report to a file; may be given several times")  # fmt: skip
    group.add_argument("--html", metavar="DIR",
                       help="write a page of the report, with explanations of what broke or changed")  # fmt: skip
    group.add_argument("--times", action="store_true", help="how long checks took, in text")
    group.add_argument("-v", "--verbose", action="count", default=0, help="checks that are the same, too")
    group.add_argument("-q", "--quiet", action="store_true", help="no progress")


def _report(text: str) -> tuple[str, str]:
    name, equals, path = text.partition("=")
    if not equals or name not in FORMATS or not path:
        raise ValueError(f"found {text!r}, expected FORMAT=FILE with one of {', '.join(FORMATS)}")
    if path == "-":
        raise ValueError(f"found {text!r}, expected a file; for standard output give --format {name}")
    return name, path


def run_command(parsed: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Runs one of :data:`COMMANDS`; returns the exit status.  Raises MembarError."""
    return _mcompare(parsed, out) if parsed.command == "mcompare" else _gate(parsed, out, err)


# --- gate ------------------------------------------------------------------------------------------------------------
def _gate(parsed: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    from membar_check.gate.run import run_gate

    options = _gate_options(parsed)
    progress = _Progress(err, not parsed.quiet)
    try:
        report = run_gate(options, progress.tick, progress.begin)
    except KeyboardInterrupt:
        progress.close()
        print(f"interrupted: {progress.done} of {progress.total} checks done; --resume goes on from there", file=err)
        return INTERRUPTED
    progress.close()
    _write(parsed, report, out)
    if parsed.html:
        from membar_check.gate.pages import write_pages

        for failure in write_pages(report, parsed.html, options.run):
            print(failure, file=err)
    return report.status


def _gate_options(parsed: argparse.Namespace) -> GateOptions:
    from membar_check.gate.run import GateOptions

    if parsed.update and not parsed.baseline:
        raise InputError("--update needs --baseline FILE: what to write")
    if parsed.seconds is not None and parsed.against is None:
        raise InputError("--seconds needs --against REV|DIR: it limits the search for a test that tells models apart")
    if parsed.no_cache and (parsed.cache is not None or parsed.resume):
        other = "--cache" if parsed.cache is not None else "--resume"
        what = "names a folder for answers" if parsed.cache is not None else "takes over what is known"
        raise InputError(f"--no-cache checks all anew and keeps nothing, but {other} {what}", hint="give one of them")
    cache = _cache(parsed.cache)
    if parsed.resume and cache is None:
        raise InputError("there is no folder for journals, so nothing to resume", hint="give one with --cache DIR")
    run = RunOptions(
        paths=tuple(parsed.paths),
        models=tuple(dict.fromkeys(parsed.models)),
        include_dirs=tuple(parsed.include_dirs),
        bell=parsed.bell,
        macros=parsed.macros,
        conf=parsed.conf,
        variants=checked_variants(parsed),
        unroll=parsed.unroll,
        engine=parsed.engine,
        jobs=parsed.jobs,
        timeout=parsed.timeout,
        memory=parsed.memory,
        verbosity=parsed.verbose,
    )
    return GateOptions(
        run=run,
        expected=parsed.expected,
        baseline=parsed.baseline,
        update=parsed.update,
        against=parsed.against,
        compare=parsed.compare,
        cache=cache,
        keeps=not parsed.no_cache,
        resume=parsed.resume,
        seconds=SECONDS if parsed.seconds is None else parsed.seconds,
        dask=parsed.dask,
        outputs=_outputs(parsed),
    )


def _outputs(parsed: argparse.Namespace) -> tuple[tuple[str, str], ...]:
    """The files that the run writes, each with the option that names it."""
    outputs = [(f"--report {name}", path) for name, path in parsed.reports]
    if parsed.html:
        outputs.append(("the page of --html", os.path.join(parsed.html, "index.html")))
    if parsed.update:
        outputs.append(("--update", parsed.baseline))
    return tuple(outputs)


def _cache(given: str | None) -> Path | None:
    if given is not None:
        return Path(given)
    from membar_check.grammars import cache_directory

    folder = cache_directory()
    return None if folder is None else folder / "gate"


def _write(parsed: argparse.Namespace, report: GateReport, out: TextIO) -> None:
    from membar_check.report.gate import write_report

    for name, path in parsed.reports:
        try:
            with open(path, "w", encoding="utf-8", newline="\n") as file:
                write_report(name, report, file)
        except OSError as error:
            raise InputError(f"{path}: cannot be written: {(error.strerror or str(error)).lower()}") from error
    if parsed.format == "text":
        from membar_check.report.gate.text import write

        write(report, out, parsed.verbose > 0, parsed.times)
    else:
        write_report(parsed.format, report, out)


class _Progress:
    """A bar on a terminal; elsewhere a line now and then, so that who reads the log sees that it goes on."""

    def __init__(self, err: TextIO, wanted: bool) -> None:
        from membar_check.report.progress import Progress

        self.total = 0
        self.done = 0
        self._err = err
        self._wanted = wanted
        self._bar = Progress(err, 0, wanted)
        self._said = time.monotonic()

    def begin(self, total: int) -> None:
        """There are so many checks."""
        from membar_check.report.progress import Progress

        self.total = total
        self._bar = Progress(self._err, total, self._wanted)

    def tick(self, file: str) -> None:
        """One more is done."""
        self.done += 1
        self._bar.advance(file)
        if self._wanted and not self._err.isatty() and time.monotonic() - self._said > EVERY:
            self._said = time.monotonic()
            self._err.write(f"{self.done} of {self.total} checks done, last {one_line(os.path.normpath(file))}\n")
            self._err.flush()

    def close(self) -> None:
        """Takes the bar away."""
        self._bar.close()


EVERY = 10.0  # seconds between lines of progress where there is no terminal


# --- mcompare --------------------------------------------------------------------------------------------------------
def _mcompare(parsed: argparse.Namespace, out: TextIO) -> int:
    from membar_check.gate.logs import compare_logs, exit_status, read_log, table

    first, second = read_log(parsed.first), read_log(parsed.second)
    shown = [os.path.basename(log.path) for log in (first, second)]
    if shown[0] == shown[1]:
        shown = [first.path, second.path]
    titles = (shown[0], shown[1])
    rows = compare_logs(first, second, titles, parsed.compare)
    out.write(table(rows, titles, parsed.quiet))
    for log in (first, second):
        if log.unfinished:
            out.write(f"{log.path}: the log is incomplete: {log.unfinished}\n")
    return exit_status(rows, (first, second))
