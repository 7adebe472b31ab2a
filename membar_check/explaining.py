"""The commands that answer why: ``explain``, ``explore``, ``repair``, ``slim``, ``verify``."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any, TextIO

from membar_check.arguments import Formatter, Parser, add_model_options, checked_variants, columns, value
from membar_check.diagnostics import InputError, MembarError
from membar_check.options import names, positive_int, seconds

if TYPE_CHECKING:
    from membar_check.engine.api import CheckOptions
    from membar_check.explain.case import Case
    from membar_check.explain.explanation import Explanation
    from membar_check.litmus.syntax import LitmusTest

CUT = 3
COMMANDS = ("explain", "explore", "repair", "slim", "verify")
PICTURES = ("dot", "svg", "graphml")

OUTCOMES = """\
outcomes: N, the number of a final state as `run` lists them; a class of outcome of kernel C or a flag of the model
(use-after-free, data-race, ...); or a condition in the notation of the test's own: '0:r0=0 /\\ x=1'.
Without --outcome: what the test's condition asks.
"""
EXPLAIN_EPILOG = OUTCOMES + """
exit status: 0 explained, 2 bad input, 3 inconclusive (the unrolling bound, too many candidates, a certificate that
says otherwise)
"""
REPAIR_EPILOG = OUTCOMES + """
exit status: 0 answered (or nothing to do), 1 no set of edits does it, 2 bad input, 3 not known: the time was over
"""


def add_parsers(commands: argparse._SubParsersAction[Parser]) -> None:
    """Adds the parsers of the commands."""
    explain = _parser(commands, "explain", "why an outcome is allowed or forbidden, and what would change it")
    explain.add_argument("file", metavar="FILE")
    _add_outcome(explain)
    _add_model(explain)
    explain.add_argument("--models", metavar="A,B,...", action="append", default=[], type=value(names),
                         help="other models to ask about the same outcome; those of the matrix of --html")  # fmt: skip
    explain.add_argument("--format", choices=("text", "json", *PICTURES), default="text", help="default: text")
    explain.add_argument("--html", metavar="OUT", help="write one page to look at in a browser")
    explain.add_argument("-o", "--output", metavar="OUT", help="write to a file")
    _add_effort(explain, 3.0)
    explore = _parser(commands, "explore", "ask questions about a test, at the terminal or through a pipe")
    explore.add_argument("file", metavar="FILE")
    _add_outcome(explore)
    _add_model(explore)
    repair = _parser(commands, "repair", "the cheapest edits that make an outcome impossible")
    repair.add_argument("file", metavar="FILE")
    _add_outcome(repair)
    _add_model(repair)
    repair.add_argument("--models", metavar="A,B,...", action="append", default=[], type=value(names),
                        help="the outcome must be impossible under all of them")  # fmt: skip
    repair.add_argument("--keep", metavar="COND", action="append", default=[],
                        help="an outcome that must stay possible")  # fmt: skip
    repair.add_argument("--limit", metavar="N", type=value(positive_int), default=5, help="answers (default 5)")
    repair.add_argument("--format", choices=("text", "json"), default="text", help="default: text")
    _add_effort(repair, 60.0)
    slim = _parser(commands, "slim", "the fences and annotations that can go without allowing anything new")
    slim.add_argument("file", metavar="FILE")
    _add_model(slim)
    slim.add_argument("--models", metavar="A,B,...", action="append", default=[], type=value(names),
                      help="nothing new may be allowed under any of them")  # fmt: skip
    slim.add_argument("--format", choices=("text", "json"), default="text", help="default: text")
    _add_effort(slim, 60.0)
    verify = _parser(commands, "verify", "re-check a certificate that `explain --format json` wrote")
    verify.add_argument("file", metavar="CERTIFICATE")


def _parser(commands: argparse._SubParsersAction[Parser], name: str, about: str) -> Parser:
    epilog = {"explain": EXPLAIN_EPILOG, "explore": OUTCOMES, "repair": REPAIR_EPILOG}.get(name)
    about_it = about[0].upper() + about[1:] + "."
    return commands.add_parser(name, help=about, description=about_it, epilog=epilog, formatter_class=Formatter)


def _add_outcome(parser: Parser) -> None:
    parser.add_argument("--outcome", metavar="N|CLASS|COND", help="what to ask about")


def _add_model(parser: Parser) -> None:
    model = parser.add_argument_group("model")
    model.add_argument("--model", metavar="M|PATH", help="a bundled model or a cat file")
    add_model_options(model)
    model.add_argument("--unroll", metavar="N", type=value(positive_int), default=2, help="loop bound (default 2)")


def _add_effort(parser: Parser, default: float) -> None:
    parser.add_argument("--costs", metavar="TOML", help="what edits cost, and which there are")
    parser.add_argument("--seconds", metavar="S", type=value(seconds), default=default,
                        help=f"time for what is tried beyond the verdict (default {default:g})")  # fmt: skip


def run_command(parsed: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Runs one of :data:`COMMANDS`; returns the exit status.  Raises MembarError."""
    if parsed.command == "verify":
        from membar_check.explain.verify import verify_main

        return verify_main(parsed.file, out)
    if parsed.command == "explore":
        from membar_check.explore import main

        return main(parsed.file, _check_options(parsed), parsed.outcome, sys.stdin, out, err)
    if parsed.command == "repair":
        return _repair(parsed, out)
    if parsed.command == "slim":
        return _slim(parsed, out)
    return _explain(parsed, out, err)


def _check_options(parsed: argparse.Namespace) -> CheckOptions:
    from membar_check.engine.api import CheckOptions, check_names

    options = CheckOptions(
        model=parsed.model,
        include_dirs=tuple(parsed.include_dirs),
        bell=parsed.bell,
        macros=parsed.macros,
        conf=parsed.conf,
        variants=checked_variants(parsed),
        unroll=parsed.unroll,
        hash=False,
    )
    check_names(options)
    return options


def _named(groups: list[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for group in groups for name in group))


# --- explain ---------------------------------------------------------------------------------------------------------
def _explain(parsed: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    from membar_check.engine.api import check_names, parse_file
    from membar_check.explain.api import ExplainOptions, explain_case, open_case
    from membar_check.records import replace
    from membar_check.report.explain import render

    if parsed.html and (parsed.output or parsed.format != "text"):
        raise InputError("--html writes a page of its own, it does not go with --format and --output")
    check = _check_options(parsed)
    test = parse_file(parsed.file, check.include_dirs)
    for name in _named(parsed.models):
        check_names(replace(check, model=name))
    models = _named(parsed.models) or (_matrix_models(test) if parsed.html else ())
    options = ExplainOptions(check, parsed.outcome, models, parsed.costs, parsed.seconds, derive=bool(parsed.html))
    case = open_case(test, options)
    explanation = explain_case(case, options)
    if parsed.html:
        from membar_check.report.page import render_page

        _write(parsed.html, render_page(explanation), explanation)
        print(f"{parsed.html}: {_summary(explanation)}", file=err)
        return CUT if explanation.cut else 0
    if parsed.format in PICTURES and explanation.execution is None:
        raise InputError("there is no execution to draw", hint="see the explanation as text")
    extra = _certificate(case, explanation, parsed.seconds * 4) if parsed.format == "json" else None
    to_terminal = parsed.output is None and out.isatty()
    width = max(60, min(columns(), 160)) if to_terminal else 100
    text = render(explanation, parsed.format, width=width, colour=to_terminal, extra=extra)
    if parsed.output:
        _write(parsed.output, text, explanation)
    else:
        out.write(text)
    return CUT if explanation.cut else 0


def _summary(explanation: Explanation) -> str:
    word = "allowed" if explanation.allowed else "not decided: cut at the bound" if explanation.cut else "forbidden"
    return f"{explanation.test} under {explanation.model}: {explanation.outcome} is {word}"


def _matrix_models(test: LitmusTest) -> tuple[str, ...]:
    from membar_check.runner import matrix_models

    return tuple(m for m in matrix_models(test.source.name) if m)


def _certificate(case: Case, explanation: Explanation, seconds: float) -> dict[str, Any]:
    """The certificate, or why there is none.  Raises Inconclusive where it contradicts the explanation."""
    from membar_check.explain.certify import certificate_for, require_claim

    try:
        found = certificate_for(case, seconds)
    except MembarError as reason:
        return {"certificate": None, "certificate_missing": reason.message}
    require_claim(found, explanation.allowed)
    return {"certificate": found}


def _write(path: str, text: str, explanation: Explanation) -> None:
    from pathlib import Path

    if any(Path(path).resolve() == Path(source.name).resolve() for source in explanation.sources):
        raise InputError(f"{path}: is the test itself, or a header of it", hint="name another file")
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {(error.strerror or str(error)).lower()}") from error


# --- repair and slim -------------------------------------------------------------------------------------------------
def _repair(parsed: argparse.Namespace, out: TextIO) -> int:
    from membar_check.engine.api import parse_file
    from membar_check.explain.edits.table import load_table
    from membar_check.explain.repair import repair
    from membar_check.report.explain_repair import render_repair

    check = _check_options(parsed)
    test = parse_file(parsed.file, check.include_dirs)
    found = repair(
        test, check, _named(parsed.models), table=load_table(test.arch, parsed.costs), outcome=parsed.outcome,
        keep=parsed.keep, limit=parsed.limit, seconds=parsed.seconds,
    )  # fmt: skip
    out.write(render_repair(found, parsed.format))
    if found.fixes or not found.shown:
        return 0
    return 1 if found.proven else 3


def _slim(parsed: argparse.Namespace, out: TextIO) -> int:
    from membar_check.engine.api import parse_file
    from membar_check.explain.edits.table import load_table
    from membar_check.explain.slim import slim
    from membar_check.report.explain_repair import render_slim

    check = _check_options(parsed)
    test = parse_file(parsed.file, check.include_dirs)
    table = load_table(test.arch, parsed.costs)
    found = slim(test, check, _named(parsed.models), table=table, seconds=parsed.seconds)
    out.write(render_slim(found, parsed.format))
    return 3 if found.limits else 0
