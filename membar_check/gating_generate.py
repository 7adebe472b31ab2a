"""The command that makes tests: ``generate``."""

from __future__ import annotations

import argparse
from contextlib import closing
from itertools import tee
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from membar_check.arguments import Formatter, Parser, add_model_options, value
from membar_check.diagnostics import Inconclusive, InputError, MembarError
from membar_check.options import RunOptions, names, positive_int, seconds
from membar_check.records import replace

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

    from membar_check.engine.api import CheckOptions
    from membar_check.synth.cycles import Test
    from membar_check.synth.enumerate_cycles import Limits
    from membar_check.synth.examples import Example, Examples
    from membar_check.synth.generate import Generated, Judge

    Verdicts = Generator[tuple[Generated, str | MembarError], None, None]

COMMANDS = ("generate",)
NONE = "none"
USUAL = "C"  # the dialect where none is named and no model implies one

EPILOG = """\
edges, in diy7's names: Rfe Fre Coe (Rfi Fri Coi within a thread), PodRW (d: another location, s: the same),
DpAddrdR DpDatadW DpCtrldW, a fence with its ends such as DMB.SYdWR, LwSyncdRW, MFencedWR, Fence.rw.rwdWW, in C
FenceMbdWR, MbdWR or Sync-rcudWW, and RcudRR for a read-side critical section; Rmw. Annotations of both ends follow an
edge (PodWWPL) or stand alone (Rfe A PodRR). Edges joined by commas are alternatives: 'Rfe PodRR,DpAddrdR Fre PodWW'.

tests: one is printed; several are listed, or written to the files of a folder with -o.

exit status: 0 done, 2 bad input, 3 a verdict could not be found
"""


def add_parsers(commands: argparse._SubParsersAction[Parser]) -> None:
    """Adds the parser of the command."""
    parser = commands.add_parser(
        "generate", help="make litmus tests: from cycles of edges, up to a size, from a model",
        description="Make litmus tests: from cycles of edges, all up to a size, or from the clauses of a model.",
        epilog=EPILOG, formatter_class=Formatter,
    )  # fmt: skip
    what = parser.add_argument_group("what to make")
    what.add_argument("--edges", metavar="CYCLE", action="append", default=[], help="the tests of a cycle of edges")
    what.add_argument("--size", metavar="N", type=value(positive_int), help="all tests of up to N reads and writes")
    what.add_argument("--relax", metavar="EDGES", help="with --size: cycles with at least one of these ...")
    what.add_argument("--safe", metavar="EDGES", help="... and of these; nothing else")
    what.add_argument("--from-model", metavar="M|PATH",
                      help="for each axiom and clause of a model a minimal test that it alone forbids, and one "
                      "beside it that is allowed")  # fmt: skip
    _add_bounds(parser)
    _add_verdicts(parser)
    parser.add_argument("-o", "--output", metavar="DIR",
                        help="a folder for the tests and the file @all that names them")  # fmt: skip
    parser.add_argument("--force", action="store_true", help="with -o: overwrite files that have other contents")


def _add_bounds(parser: Parser) -> None:
    group = parser.add_argument_group("bounds")
    group.add_argument("--arch", metavar="A", help=f"the tests' dialect (default: {USUAL}, or that of --from-model)")
    group.add_argument("--threads", metavar="N", type=value(positive_int), default=4, help="at most (default 4)")
    group.add_argument("--locations", metavar="N", type=value(positive_int), default=4, help="at most (default 4)")
    for what, example in (("fences", "DMB.SY"), ("deps", "Addr"), ("annotations", "A"), ("rmws", "LxSx")):
        group.add_argument(f"--{what}", metavar="A,B,...", type=value(names),
                           help=f"only these, such as {example}; '{NONE}'")  # fmt: skip
    group.add_argument("--decorations", metavar="N", type=value(_count), default=12,
                       help="at most so many of these in a test")  # fmt: skip
    group.add_argument("--everything", action="store_true",
                       help="also threads with more than two accesses, and communication within them")  # fmt: skip
    group.add_argument("--limit", metavar="N", type=value(positive_int), help="stop after so many tests")


def _add_verdicts(parser: Parser) -> None:
    group = parser.add_argument_group("model")
    group.add_argument("--verdicts", action="store_true", help="say of each test whether the model allows it")
    group.add_argument("--only", choices=("allowed", "forbidden"), help="only tests with this verdict")
    group.add_argument("--model", metavar="M|PATH", help="for --verdicts (default: that of the dialect)")
    add_model_options(group, conf=False, variants=False)
    group.add_argument("--accesses", metavar="N", type=value(positive_int), default=5,
                       help="size of tests up to which --from-model looks (default 5)")  # fmt: skip
    group.add_argument("--dask", metavar="ADDRESS",
                       help="find the verdicts on the workers of the Dask cluster with this scheduler")  # fmt: skip
    group.add_argument("--seconds", metavar="S", type=value(seconds), default=300.0,
                       help="time for --from-model (default 300)")  # fmt: skip


def _count(text: str) -> int:
    return 0 if text == "0" else positive_int(text)


def run_command(parsed: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Runs the command; returns the exit status.  Raises MembarError."""
    _check(parsed)
    if parsed.from_model:
        return _from_model(parsed, out)
    return _tests(parsed, out, err)


def _check(parsed: argparse.Namespace) -> None:
    ways = [bool(parsed.edges), parsed.size is not None, parsed.from_model is not None]
    if sum(ways) != 1:
        found = "several of them" if any(ways) else "nothing to make"
        raise InputError(f"{found}: expected --edges, --size or --from-model", hint="see membar-check generate --help")
    if (parsed.relax or parsed.safe) and parsed.size is None:
        raise InputError("--relax and --safe need --size, the number of accesses up to which cycles are made")
    if parsed.from_model and (parsed.verdicts or parsed.only or parsed.model):
        raise InputError("--from-model has verdicts of its own, --verdicts, --only and --model do not go with it")
    if parsed.dask is not None and not (parsed.verdicts or parsed.only):
        raise InputError("--dask is for verdicts, and none are wanted", hint="--verdicts or --only ask for them")


# --- cycles ----------------------------------------------------------------------------------------------------------
def _tests(parsed: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    from membar_check.synth.generate import written

    status = _Status()
    with closing(_verdicts(written(_made(parsed)), parsed)) as verdicts:
        return _told_tests(_first(_judged(verdicts, parsed.only, status, err), parsed.limit), parsed, status, out)


def _told_tests(
    tests: Iterator[tuple[Generated, str]], parsed: argparse.Namespace, status: _Status, out: TextIO
) -> int:
    if parsed.output:
        _write(tests, Path(parsed.output), parsed.force, out)
        return status.value
    kept: list[tuple[Generated, str]] = []
    for test, verdict in tests:
        kept.append((test, verdict))
        if len(kept) == 2:
            for each in kept:
                out.write(_row(*each))
        elif len(kept) > 2:
            out.write(_row(test, verdict))
    if len(kept) == 1:
        test, verdict = kept[0]
        out.write(test.text if not verdict else _row(test, verdict) + "\n" + test.text)
    return status.value


class _Status:
    """The exit status so far."""

    def __init__(self) -> None:
        self.value = 0


def _made(parsed: argparse.Namespace) -> Iterator[Test]:
    from membar_check.synth.generate import from_edges, from_lists, up_to_size

    arch = parsed.arch or USUAL
    if parsed.edges:
        for text in parsed.edges:
            yield from from_edges(text, arch)
    elif parsed.relax or parsed.safe:
        yield from from_lists(parsed.relax or "", parsed.safe or "", _limits(parsed, arch, parsed.size))
    else:
        yield from up_to_size(_limits(parsed, arch, parsed.size))


def _limits(parsed: argparse.Namespace, arch: str, accesses: int) -> Limits:
    from membar_check.synth.enumerate_cycles import Limits, usual

    lists = usual(arch)
    given = {"fences": parsed.fences, "dependencies": parsed.deps, "annotations": parsed.annotations,
             "rmws": parsed.rmws}  # fmt: skip
    for key, names_given in given.items():
        if names_given is not None:
            lists[key] = () if names_given == (NONE,) else names_given
    return Limits(
        arch, accesses, parsed.threads, parsed.locations, lists["fences"], lists["dependencies"], lists["annotations"],
        lists["rmws"], parsed.decorations, parsed.everything,
    )  # fmt: skip


def _verdicts(tests: Iterator[Generated], parsed: argparse.Namespace) -> Verdicts:
    """The tests with their verdicts ("" where none is wanted), or why there is none."""
    if not parsed.verdicts and not parsed.only:
        yield from ((test, "") for test in tests)
    elif parsed.dask is not None:
        yield from _verdicts_there(tests, parsed)
    else:
        judge = _judge(parsed, parsed.model)
        for test in tests:
            try:
                yield test, judge.verdict(test)
            except MembarError as error:
                yield test, error


def _verdicts_there(tests: Iterator[Generated], parsed: argparse.Namespace) -> Verdicts:
    """Those that the workers of a cluster find."""
    from membar_check.gate.checking import check_texts
    from membar_check.gate.cluster import Cluster
    from membar_check.gate.record import result_of
    from membar_check.synth.generate import ALLOWED, FORBIDDEN
    from membar_check.verdict import Failure

    _judge(parsed, parsed.model)
    run = RunOptions(
        (), models=(parsed.model,) if parsed.model else (), include_dirs=tuple(parsed.include_dirs), bell=parsed.bell,
        macros=parsed.macros, reach=True,
    )  # fmt: skip
    asked, tests = tee(tests)
    texts = ((test.test.name, test.text) for test in asked)
    with Cluster(parsed.dask) as cluster, closing(check_texts(texts, run, cluster)) as records:
        for test, record in zip(tests, records, strict=False):
            result = result_of(record, test.test.name, "")
            if isinstance(result, Failure):
                result.error.message = result.error.message.removeprefix(f"{test.test.name}: ")
                yield test, result.error
            else:
                yield test, ALLOWED if record.reached else FORBIDDEN


def _judged(
    tests: Iterable[tuple[Generated, str | MembarError]], only: str | None, status: _Status, err: TextIO
) -> Iterator[tuple[Generated, str]]:
    for test, verdict in tests:
        if isinstance(verdict, MembarError):
            err.write(f"{test.test.name}: {verdict.message}\n")
            status.value = max(status.value, 3 if isinstance(verdict, Inconclusive) else 2)
            verdict = "no answer"
        if only is None or verdict in (only, "no answer"):
            yield test, verdict


def _first(tests: Iterator[tuple[Generated, str]], limit: int | None) -> Iterator[tuple[Generated, str]]:
    for number, test in enumerate(tests, 1):
        yield test
        if number == limit:
            return


def _write(tests: Iterator[tuple[Generated, str]], folder: Path, force: bool, out: TextIO) -> None:
    from membar_check.synth.generate import write_folder

    def seen() -> Iterator[Generated]:
        for test, verdict in tests:
            if verdict:
                out.write(_row(test, verdict))
            yield test

    count = write_folder(seen(), folder, force)
    out.write(f"{count} {'test' if count == 1 else 'tests'} in {folder}\n")


def _row(test: Generated, verdict: str) -> str:
    cells = [f"{test.test.name:<32}", *([f"{verdict:<10}"] if verdict else []), test.test.cycle]
    return " ".join(cells).rstrip() + "\n"


def _judge(parsed: argparse.Namespace, model: str | None) -> Judge:
    from membar_check.synth.generate import Judge

    return Judge(parsed.arch or USUAL, _options(parsed, model))


def _options(parsed: argparse.Namespace, model: str | None) -> CheckOptions:
    from membar_check.engine.api import CheckOptions, check_names

    options = CheckOptions(
        model=model, include_dirs=tuple(parsed.include_dirs), bell=parsed.bell, macros=parsed.macros, hash=False
    )
    check_names(options)
    return options


# --- a model ---------------------------------------------------------------------------------------------------------
def _from_model(parsed: argparse.Namespace, out: TextIO) -> int:
    from membar_check.synth.examples import examples_of
    from membar_check.synth.generate import Judge

    options = _options(parsed, parsed.from_model)
    arch = parsed.arch or _dialect(parsed)
    judge = Judge(arch, options)
    limits = replace(_limits(parsed, arch, parsed.accesses), bare=True)
    found = examples_of(judge, limits, parsed.seconds, parsed.accesses)
    for line in _told(found):
        out.write(line + "\n")
    if parsed.output:
        _write(((test, "") for test in _distinct(found)), Path(parsed.output), parsed.force, out)
    return 0


def _dialect(parsed: argparse.Namespace) -> str:
    """The dialect whose default model this is, else C."""
    from membar_check.engine.models import DEFAULT_MODELS

    own = [arch for arch, model in DEFAULT_MODELS.items() if model == parsed.from_model and arch != "X86"]
    return own[0] if own else USUAL


def _distinct(found: Examples) -> list[Generated]:
    tests: dict[str, Generated] = {}
    for example in found.examples:
        for test in (example.forbidden, example.allowed):
            if test is not None:
                tests.setdefault(test.text, test)
    return _renamed(list(tests.values()))


def _renamed(tests: list[Generated]) -> list[Generated]:
    from membar_check.synth.generate import written

    return list(written([test.test for test in tests]))


def _told(found: Examples) -> Iterator[str]:
    missing = [e for e in found.examples if e.forbidden is None and not e.idle]
    idle = sum(e.idle for e in found.examples)
    total = len(found.examples)
    yield f"{found.model}, tests in {found.arch}: {total} axioms and clauses, " + (
        f"{total - len(missing) - idle} with an example, {idle} without effect on verdicts"
    )
    for example in found.examples:
        yield ""
        yield from _example(example)
    if missing:
        yield ""
        yield f"without an example: {len(missing)}"
        yield f"  tried: cycles of up to {found.cycles} accesses, with at most two decorations of up to {found.sparse};"
        yield f"  all tests of up to {found.searched} were searched"
    for trouble in found.trouble:
        yield f"not tried: {trouble}"


def _example(example: Example) -> Iterator[str]:
    clause = example.clause
    yield f"{clause.name} ({Path(clause.file).name}:{clause.line})"
    if example.forbidden is None:
        yield "  no verdict hangs on it" if example.idle else "  no test needs it up to the bound"
        return
    yield f"  forbidden  {_row(example.forbidden, '').rstrip()}"
    if example.allowed is None:
        yield "  allowed    none found beside it"
    else:
        yield f"  allowed    {_row(example.allowed, '').rstrip()}   ({example.step})"
